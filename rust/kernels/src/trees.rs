//! Ensembles of binary trees over numeric features.
//!
//! Every test is `value <= threshold`: yes goes left, no goes right, and the right child lies after the left one. A leaf
//! is a node that leads to itself, so a walk takes as many steps as the tree is deep, without a branch, and several
//! trees are walked together to hide the latency of memory.
//!
//! `f32` thresholds need `f32` features: a comparison in another precision would be another test.

use std::fmt;

/// Trees that are walked together.
const LANES: usize = 16;

/// A tree as it is put in: node 0 is the root, children come after their parents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryNode<T> {
    /// A test of a feature.
    Test {
        /// Index of the feature.
        feature: u32,
        /// Largest value that goes left.
        threshold: T,
        /// Node for values up to the threshold.
        left: u32,
        /// Node for larger values.
        right: u32,
    },
    /// A leaf with what the user of the ensemble knows it by.
    Leaf(u32),
}

/// Why a tree can't be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeError(&'static str);

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TreeError {}

/// A number that trees are made of.
pub trait Threshold: Copy + PartialOrd + Send + Sync + fmt::Debug + 'static {
    /// What no number exceeds.
    const TOP: Self;
    /// Whether it is not a number.
    fn is_nan(self) -> bool;
}

impl Threshold for f32 {
    const TOP: Self = Self::INFINITY;
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

impl Threshold for f64 {
    const TOP: Self = Self::INFINITY;
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

/// `step` is the distance to the left child; 0 in a leaf.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct FlatNode<T> {
    threshold: T,
    feature: u16,
    step: u16,
}

/// An ensemble.
///
/// Nodes of a tree lie breadth first, so that the upper levels share cache lines.
#[derive(Clone, Debug)]
pub struct TreeEnsemble<T> {
    features: usize,
    nodes: Vec<FlatNode<T>>,
    /// Payload of each node that is a leaf.
    payloads: Vec<u32>,
    roots: Vec<u32>,
    depths: Vec<u16>,
    /// Trees by depth, so that those walked together need about as many steps.
    order: Vec<u32>,
}

impl<T: Threshold> TreeEnsemble<T> {
    /// An ensemble without trees over rows of `features` values.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self {
            features,
            nodes: Vec::new(),
            payloads: Vec::new(),
            roots: Vec::new(),
            depths: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Adds a tree.
    ///
    /// # Errors
    /// When a child is not after its parent or belongs to two, a feature is out of range, a threshold is not a number,
    /// or the tree is too large for this layout.
    pub fn push(&mut self, tree: &[BinaryNode<T>]) -> Result<(), TreeError> {
        if tree.is_empty() {
            return Err(TreeError("a tree has no nodes"));
        }
        let base = self.nodes.len();
        if base + tree.len() > u32::MAX as usize {
            return Err(TreeError("an ensemble has too many nodes"));
        }
        // Breadth first: `queue[i]` is the source of flat node `i`.
        let mut queue = vec![(0_u32, 0_u16)];
        let mut next = 0;
        let mut depth = 0;
        let mut flat = Vec::with_capacity(tree.len());
        let mut payloads = Vec::with_capacity(tree.len());
        while let Some(&(source, level)) = queue.get(next) {
            depth = depth.max(level);
            match tree.get(source as usize) {
                None => return Err(TreeError("a child is not there")),
                Some(BinaryNode::Leaf(payload)) => {
                    flat.push(FlatNode {
                        threshold: T::TOP,
                        feature: 0,
                        step: 0,
                    });
                    payloads.push(*payload);
                }
                Some(BinaryNode::Test {
                    feature,
                    threshold,
                    left,
                    right,
                }) => {
                    if *feature as usize >= self.features {
                        return Err(TreeError("a feature is out of range"));
                    }
                    if threshold.is_nan() {
                        return Err(TreeError("a threshold is not a number"));
                    }
                    if *left <= source || *right <= source || queue.len() + 2 > tree.len() {
                        return Err(TreeError("a child is not after its parent or belongs to two"));
                    }
                    let (Ok(step), Ok(feature)) = (u16::try_from(queue.len() - next), u16::try_from(*feature)) else {
                        return Err(TreeError("a tree is too wide"));
                    };
                    let level = level.checked_add(1).ok_or(TreeError("a tree is too deep"))?;
                    flat.push(FlatNode {
                        threshold: *threshold,
                        feature,
                        step,
                    });
                    payloads.push(u32::MAX);
                    queue.push((*left, level));
                    queue.push((*right, level));
                }
            }
            next += 1;
        }
        self.nodes.append(&mut flat);
        self.payloads.append(&mut payloads);
        self.roots.push(base as u32);
        self.depths.push(depth);
        self.order.push(self.order.len() as u32);
        Ok(())
    }

    /// Gives back spare memory and orders the trees; to be called after the last [`push`](Self::push).
    pub fn finish(&mut self) {
        self.nodes.shrink_to_fit();
        self.payloads.shrink_to_fit();
        self.roots.shrink_to_fit();
        let depths = &self.depths;
        self.order.sort_by_key(|tree| depths[*tree as usize]);
    }

    /// Number of trees.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there is no tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Values per row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Bytes of heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<FlatNode<T>>()
            + self.payloads.capacity() * 4
            + self.roots.capacity() * 4
            + self.depths.capacity() * 2
            + self.order.capacity() * 4
    }

    /// The payloads of the leaves that a row reaches, tree after tree. No value of the row may be NaN.
    ///
    /// # Panics
    /// When `row` has not [`features`](Self::features) values or `leaves` is not as long as there are trees.
    #[inline]
    pub fn leaves(&self, row: &[T], leaves: &mut [u32]) {
        assert_eq!(row.len(), self.features, "a row has one value per feature");
        assert_eq!(leaves.len(), self.roots.len(), "there is one leaf per tree");
        // The smallest group that covers few trees does no work for nothing.
        let mut groups = self.order.chunks_exact(LANES);
        for group in groups.by_ref() {
            self.walk::<LANES>(row, group, leaves);
        }
        let mut rest = groups.remainder();
        while let Some((group, more)) = rest.split_at_checked(4) {
            self.walk::<4>(row, group, leaves);
            rest = more;
        }
        for tree in rest {
            self.walk::<1>(row, std::slice::from_ref(tree), leaves);
        }
    }

    #[inline]
    #[allow(unsafe_code)]
    fn walk<const N: usize>(&self, row: &[T], group: &[u32], leaves: &mut [u32]) {
        let mut at = [0_usize; N];
        let mut steps = 0;
        for (at, tree) in at.iter_mut().zip(group) {
            *at = self.roots[*tree as usize] as usize;
            steps = steps.max(self.depths[*tree as usize]);
        }
        for _ in 0..steps {
            for at in &mut at {
                // SAFETY: `at` starts at a root. `push` gave each test a step to two nodes of the same tree, and each leaf a
                // step of 0 with a threshold that nothing exceeds, so `at` never leaves `nodes`. `push` checked that
                // features are below `self.features`, which is the length of `row`; with no feature at all every tree is
                // a leaf, has depth 0, and this loop doesn't run.
                unsafe {
                    let node = self.nodes.get_unchecked(*at);
                    let value = *row.get_unchecked(usize::from(node.feature));
                    *at += usize::from(node.step) + usize::from(value > node.threshold);
                }
            }
        }
        for (at, tree) in at.iter().zip(group) {
            leaves[*tree as usize] = self.payloads[*at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(feature: u32, threshold: f64, left: u32, right: u32) -> BinaryNode<f64> {
        BinaryNode::Test {
            feature,
            threshold,
            left,
            right,
        }
    }

    /// x0 <= 1 ? 10 : (x1 <= 2 ? 20 : 30)
    fn tree() -> Vec<BinaryNode<f64>> {
        vec![
            test(0, 1.0, 1, 2),
            BinaryNode::Leaf(10),
            test(1, 2.0, 3, 4),
            BinaryNode::Leaf(20),
            BinaryNode::Leaf(30),
        ]
    }

    #[test]
    fn a_row_reaches_the_leaf_whose_tests_it_passes() {
        for trees in [1, 3, 16, 17, 39] {
            let mut ensemble = TreeEnsemble::new(2);
            for index in 0..trees {
                let nodes = if index % 2 == 0 {
                    tree()
                } else {
                    vec![BinaryNode::Leaf(7)]
                };
                ensemble.push(&nodes).unwrap();
            }
            ensemble.finish();
            for (row, leaf) in [([1.0, 9.0], 10), ([1.5, 2.0], 20), ([f64::INFINITY, 2.5], 30)] {
                let mut leaves = vec![0; trees];
                ensemble.leaves(&row, &mut leaves);
                for (index, found) in leaves.iter().enumerate() {
                    assert_eq!(*found, if index % 2 == 0 { leaf } else { 7 });
                }
            }
        }
    }

    #[test]
    fn malformed_trees_are_refused() {
        let mut ensemble = TreeEnsemble::new(1);
        for nodes in [
            vec![],
            vec![test(0, 1.0, 1, 2), BinaryNode::Leaf(1)],
            vec![test(0, 1.0, 0, 0)],
            vec![test(3, 1.0, 1, 2), BinaryNode::Leaf(1), BinaryNode::Leaf(2)],
            vec![test(0, f64::NAN, 1, 2), BinaryNode::Leaf(1), BinaryNode::Leaf(2)],
            vec![
                test(0, 1.0, 1, 1),
                test(0, 1.0, 2, 2),
                test(0, 1.0, 3, 3),
                BinaryNode::Leaf(1),
            ],
        ] {
            assert!(ensemble.push(&nodes).is_err(), "{nodes:?}");
        }
        assert!(ensemble.is_empty());
    }
}
