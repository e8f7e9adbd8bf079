//! Every layout reaches the leaf that following the nodes one by one reaches.
#![allow(clippy::unwrap_used)]

use super::*;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// What random trees are made of.
#[derive(Clone, Copy, Debug)]
struct Kind {
    features: u64,
    /// Different thresholds of each feature, halves from 0.
    thresholds: u64,
    depth: u32,
    /// One in so many inner nodes is a leaf instead.
    sparse: u64,
}

fn random_tree(kind: Kind, numbers: &mut Numbers, payload: &mut u32) -> Vec<BinaryNode<f64>> {
    let mut nodes = vec![BinaryNode::Leaf(0)];
    let mut open = vec![(0_usize, 0)];
    while let Some((at, level)) = open.pop() {
        if level == kind.depth || (level > 0 && numbers.below(kind.sparse) == 0) {
            nodes[at] = BinaryNode::Leaf(*payload);
            *payload += 1;
            continue;
        }
        let left = nodes.len() as u32;
        nodes[at] = BinaryNode::Test {
            feature: numbers.below(kind.features) as u32,
            threshold: numbers.below(kind.thresholds) as f64 / 2.0,
            left,
            right: left + 1,
            missing: match numbers.below(5) {
                0 => Missing::Left,
                1 => Missing::Right,
                2 => Missing::Nowhere,
                3 => Missing::Leaf(numbers.below(100) as u32),
                _ => Missing::Node(left),
            },
        };
        nodes.extend([BinaryNode::Leaf(0); 2]);
        open.extend([(left as usize, level + 1), (left as usize + 1, level + 1)]);
    }
    // Ways of missing values lead anywhere below.
    let count = nodes.len() as u64;
    for node in &mut nodes {
        if let BinaryNode::Test {
            missing: Missing::Node(to),
            ..
        } = node
        {
            *to += numbers.below(count - u64::from(*to)) as u32;
        }
    }
    nodes
}

fn follow(tree: &[BinaryNode<f64>], row: &[f64]) -> Option<u32> {
    let mut at = 0;
    loop {
        match tree[at as usize] {
            BinaryNode::Leaf(payload) => return Some(payload),
            BinaryNode::Test {
                feature,
                threshold,
                left,
                right,
                missing,
            } => {
                let value = row[feature as usize];
                at = if value.is_nan() {
                    match missing {
                        Missing::Left => left,
                        Missing::Right => right,
                        Missing::Node(node) => node,
                        Missing::Leaf(payload) => return Some(payload),
                        Missing::Nowhere => return None,
                    }
                } else if value <= threshold {
                    left
                } else {
                    right
                };
            }
        }
    }
}

struct Leaves(Vec<Vec<u32>>);

impl LeafVisitor for Leaves {
    fn visit(&mut self, row: usize, first: usize, payloads: impl Iterator<Item = u32>) {
        assert_eq!(self.0[row].len(), first, "trees come in their order");
        self.0[row].extend(payloads);
    }
}

fn leaves<T: Threshold>(ensemble: &TreeEnsemble<T>, rows: &[Vec<f64>]) -> Vec<Vec<u32>> {
    let mut ranked = RankedRows::default();
    ranked.reset(ensemble);
    for row in rows {
        let row: Vec<T> = row.iter().map(|value| T::nearest(*value)).collect();
        ranked.push(ensemble, &row);
    }
    let mut leaves = Leaves(vec![Vec::new(); rows.len()]);
    ensemble.walk(&ranked, &mut leaves);
    leaves.0
}

fn leaves_with_missing<T: Threshold>(ensemble: &TreeEnsemble<T>, row: &[f64]) -> Vec<Option<u32>> {
    let value = |feature: usize| Ok::<_, ()>(Some(row[feature]).filter(|value| !value.is_nan()).map(T::nearest));
    (0..ensemble.len())
        .map(|tree| ensemble.walk_with_missing(tree, value).unwrap())
        .collect()
}

fn check(kind: Kind, trees: usize) {
    let mut numbers = Numbers(trees as u64 * 31 + u64::from(kind.depth));
    let (mut payload, mut builder) = (0, EnsembleBuilder::default());
    let trees: Vec<_> = (0..trees)
        .map(|_| random_tree(kind, &mut numbers, &mut payload))
        .collect();
    for tree in &trees {
        builder.push(tree).unwrap();
    }
    let features = kind.features as usize;
    let ensemble = builder.finish::<f64>(features).unwrap();
    let mut builder = EnsembleBuilder::default();
    for tree in &trees {
        builder.push(tree).unwrap();
    }
    let single = builder.finish::<f32>(features).unwrap();
    // Quarters lie on and between the thresholds, and beyond their ends.
    let mut row = |missing: u64| -> Vec<f64> {
        (0..kind.features)
            .map(|_| match numbers.below(40) {
                0 => f64::INFINITY,
                1 => f64::NEG_INFINITY,
                _ if missing > 0 && numbers.below(missing) == 0 => f64::NAN,
                _ => (numbers.below(kind.thresholds * 2 + 8) as f64 - 4.0) / 4.0,
            })
            .collect()
    };
    let rows: Vec<Vec<f64>> = (0..40).map(|_| row(0)).collect();
    let wanted: Vec<Vec<u32>> = rows
        .iter()
        .map(|row| trees.iter().map(|tree| follow(tree, row).unwrap()).collect())
        .collect();
    assert_eq!(leaves(&ensemble, &rows), wanted, "{kind:?}");
    assert_eq!(leaves(&single, &rows), wanted, "{kind:?} in single precision");
    for (number, tree) in trees.iter().enumerate() {
        let lone = LoneTree::new(features, tree).unwrap();
        for (row, wanted) in rows.iter().zip(&wanted) {
            assert_eq!(lone.leaf(row), wanted[number], "{kind:?} alone");
        }
    }
    for row in rows.into_iter().chain((0..40).map(|_| row(3))) {
        let wanted: Vec<_> = trees.iter().map(|tree| follow(tree, &row)).collect();
        assert_eq!(leaves_with_missing(&ensemble, &row), wanted, "{kind:?} {row:?}");
        assert_eq!(leaves_with_missing(&single, &row), wanted, "{kind:?} {row:?}");
    }
}

#[test]
fn all_layouts_reach_the_leaf_that_following_the_nodes_reaches() {
    let kind = |features, thresholds, depth, sparse| Kind {
        features,
        thresholds,
        depth,
        sparse,
    };
    for kind in [
        kind(1, 3, 1, 9),
        kind(3, 5, 0, 9),
        kind(11, 200, 6, 30),
        // More thresholds than a byte tells apart.
        kind(4, 2000, 7, 30),
        kind(11, 300, 10, 12),
        // More columns than a register holds, than some registers hold, and than there may be.
        kind(20, 10, 6, 30),
        kind(60, 40, 5, 30),
        kind(250, 40, 5, 30),
        kind(400, 4, 8, 30),
    ] {
        for trees in [1, 4, 32, 37, 70] {
            check(kind, trees);
        }
    }
}

#[test]
fn vectors_of_the_processor_change_nothing() {
    let mut numbers = Numbers(5);
    for columns in [1_usize, 16, 17, 32, 40, 200] {
        for levels in 1..=levels::MOST {
            let mut rows = vec![levels::TestRow::LEFT; (1 << levels) - 1];
            for row in &mut rows {
                for tree in 0..levels::WIDTH {
                    let column = numbers.below(columns as u64) as u8;
                    row.set(tree, column, numbers.below(256) as u8);
                }
            }
            let mut pages = vec![[0_i8; 16]; levels::pages(columns)];
            for rank in pages.as_flattened_mut() {
                *rank = numbers.below(256) as u8 as i8;
            }
            assert_eq!(
                levels::exits(&rows, levels, &pages),
                levels::exits_portable(&rows, levels, &pages),
                "{levels} levels, {columns} columns"
            );
        }
    }
}

#[test]
fn ways_of_missing_values_that_lead_in_a_circle_lead_nowhere() {
    let mut builder = EnsembleBuilder::default();
    let test = |left, missing| BinaryNode::Test {
        feature: 0,
        threshold: 1.0,
        left,
        right: left + 1,
        missing,
    };
    builder
        .push(&[
            test(1, Missing::Right),
            BinaryNode::Leaf(1),
            test(3, Missing::Node(0)),
            BinaryNode::Leaf(2),
            BinaryNode::Leaf(3),
        ])
        .unwrap();
    let ensemble = builder.finish::<f64>(1).unwrap();
    assert_eq!(ensemble.walk_with_missing(0, |_| Ok::<_, ()>(None)), Ok(None));
}

#[test]
fn malformed_trees_are_refused() {
    let test = |feature, threshold, left, right| BinaryNode::Test {
        feature,
        threshold,
        left,
        right,
        missing: Missing::Left,
    };
    let leaf = BinaryNode::Leaf;
    for nodes in [
        vec![],
        vec![test(0, 1.0, 1, 2), leaf(1)],
        vec![test(0, 1.0, 0, 0)],
        vec![test(0, f64::NAN, 1, 2), leaf(1), leaf(2)],
        vec![test(0, 1.0, 1, 1), test(0, 1.0, 2, 2), test(0, 1.0, 3, 3), leaf(1)],
        vec![test(70_000, 1.0, 1, 2), leaf(1), leaf(2)],
    ] {
        assert!(EnsembleBuilder::default().push(&nodes).is_err(), "{nodes:?}");
        assert!(LoneTree::new(100_000, &nodes).is_err(), "{nodes:?}");
    }
    let third = [test(2, 1.0, 1, 2), leaf(1), leaf(2)];
    assert!(LoneTree::new(2, &third).is_err());
    let mut builder = EnsembleBuilder::default();
    builder.push(&third).unwrap();
    assert!(builder.finish::<f32>(2).is_err());
}
