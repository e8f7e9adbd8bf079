//! Nanoseconds per row of tree ensembles, one row and 64 rows per call.

use std::hint::black_box;
use std::time::Instant;

use serving_kernels::trees::{
    BinaryNode, EnsembleBuilder, LeafVisitor, LoneTree, Missing, RankedRows, Threshold, TreeEnsemble,
};

const FEATURES: usize = 11;

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

/// A tree whose nodes are leaves with a probability that grows towards the deepest level.
fn tree(depth: u32, cuts: f64, numbers: &mut Numbers, payload: &mut u32) -> Vec<BinaryNode<f64>> {
    let mut nodes = vec![BinaryNode::Leaf(0)];
    let mut open = vec![(0_usize, 0_u32)];
    while let Some((at, level)) = open.pop() {
        if level == depth || numbers.next() < 0.1 * f64::from(level) / f64::from(depth) {
            nodes[at] = BinaryNode::Leaf(*payload);
            *payload += 1;
            continue;
        }
        let left = nodes.len() as u32;
        nodes[at] = BinaryNode::Test {
            feature: (numbers.next() * FEATURES as f64) as u32,
            threshold: f64::from(((numbers.next() * cuts).round() / cuts) as f32),
            left,
            right: left + 1,
            missing: Missing::Right,
        };
        nodes.extend([BinaryNode::Leaf(0); 2]);
        open.extend([(left as usize, level + 1), (left as usize + 1, level + 1)]);
    }
    nodes
}

struct Sum<'a, T> {
    values: &'a [T],
    sums: &'a mut [T],
}

impl<T: Threshold + std::ops::AddAssign> LeafVisitor for Sum<'_, T> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let mut sum = self.sums[row];
        for payload in payloads {
            sum += self.values[payload as usize];
        }
        self.sums[row] = sum;
    }
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[7]
}

fn ensemble<T: Threshold + Default + std::ops::AddAssign>(name: &str, trees: usize, depth: u32, cuts: f64) {
    let mut numbers = Numbers(7);
    let mut payload = 0;
    let mut builder = EnsembleBuilder::default();
    for _ in 0..trees {
        let Ok(()) = builder.push(&tree(depth, cuts, &mut numbers, &mut payload)) else {
            return;
        };
    }
    let Ok(ensemble): Result<TreeEnsemble<T>, _> = builder.finish(FEATURES) else {
        return;
    };
    let values: Vec<T> = (0..payload).map(|n| T::nearest(f64::from(n))).collect();
    let rows: Vec<Vec<T>> = (0..512)
        .map(|_| (0..FEATURES).map(|_| T::nearest(numbers.next())).collect())
        .collect();
    let mut ranked = RankedRows::default();
    let ranking = median(|| {
        for row in &rows {
            ranked.reset(&ensemble);
            ranked.push(&ensemble, black_box(row));
            black_box(&ranked);
        }
    }) / rows.len() as f64;
    for batch in [1, 64] {
        let mut sums = vec![T::default(); batch];
        let nanos = median(|| {
            for rows in rows.chunks(batch) {
                ranked.reset(&ensemble);
                for row in black_box(rows) {
                    ranked.push(&ensemble, row);
                }
                sums.fill(T::default());
                ensemble.walk(
                    &ranked,
                    &mut Sum {
                        values: &values,
                        sums: &mut sums,
                    },
                );
                black_box(&sums);
            }
        }) / rows.len() as f64;
        println!(
            "{name} {trees} trees of depth {depth}, {cuts} thresholds, {} bytes, batch {batch}: {nanos:.0} ns/row, of that ranking {ranking:.0}",
            ensemble.heap_bytes()
        );
    }
}

fn lone(depth: u32) {
    let mut numbers = Numbers(9);
    let tree = tree(depth, 200.0, &mut numbers, &mut 0);
    let Ok(lone) = LoneTree::new(FEATURES, &tree) else {
        return;
    };
    let rows: Vec<Vec<f64>> = (0..512)
        .map(|_| (0..FEATURES).map(|_| numbers.next()).collect())
        .collect();
    let nanos = median(|| {
        for row in &rows {
            black_box(lone.leaf(black_box(row)));
        }
    }) / rows.len() as f64;
    println!("one tree of depth {depth}: {nanos:.1} ns/row");
}

fn main() {
    lone(8);
    for cuts in [200.0, 400.0, 1500.0] {
        ensemble::<f32>("f32", 100, 10, cuts);
        ensemble::<f32>("f32", 500, 6, cuts);
        ensemble::<f64>("f64", 500, 6, cuts);
    }
}
