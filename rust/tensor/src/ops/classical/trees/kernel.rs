//! Trees on the kernel that PMML uses, too.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use serving_kernels::trees::{BinaryNode, EnsembleBuilder, LeafVisitor, Missing, RankedRows, Threshold, TreeEnsemble};

use super::{Aggregate, Leaf, Mode, Source, TreeModel};
use crate::ops::float::Float;

/// `f32` and `f64` as trees need them.
pub(crate) trait TreeReal: Float + Threshold {
    /// The next smaller number.
    fn before(self) -> Self;
    /// The kernel of a model for this type, made when first asked for; `None` when the kernel can't do it.
    fn kernel(model: &TreeModel) -> Option<&Kernel<Self>>;
}

impl TreeReal for f32 {
    fn before(self) -> Self {
        self.next_down()
    }
    fn kernel(model: &TreeModel) -> Option<&Kernel<Self>> {
        model.single.get_or_init(|| Kernel::new(model)).as_ref()
    }
}

impl TreeReal for f64 {
    fn before(self) -> Self {
        self.next_down()
    }
    fn kernel(model: &TreeModel) -> Option<&Kernel<Self>> {
        model.double.get_or_init(|| Kernel::new(model)).as_ref()
    }
}

/// Weights of leaves.
#[derive(Debug)]
enum Weights<T> {
    /// All for the first target, one per leaf.
    One(Vec<T>),
    /// One per leaf, with its target.
    Each(Vec<(u32, T)>),
    /// As many per leaf as there are targets, in their order.
    All(Vec<T>),
    /// Where the weights of each leaf begin, and the weights with their targets.
    Any(Vec<u32>, Vec<(u32, T)>),
}

/// An ensemble ready to be walked.
///
/// The kernel's fast walk knows neither missing values nor which way they go: it is given columns, each of a feature, with
/// missing values replaced by an infinity that goes their way. A feature whose nodes disagree has two columns.
#[derive(Debug)]
pub(crate) struct Kernel<T> {
    ensemble: TreeEnsemble<T>,
    /// Feature of each column, and what stands for a missing value.
    columns: Vec<(u32, T)>,
    weights: Weights<T>,
    aggregate: Aggregate,
}

/// Rows that are walked together.
pub(crate) const TILE: usize = 64;

/// Working space of one task.
#[derive(Debug, Default)]
pub(crate) struct Space<T> {
    columns: Vec<T>,
    ranked: RankedRows,
}

/// Adds up weights that are all for the first of some targets.
struct AddOne<'a, T> {
    weights: &'a [T],
    targets: usize,
    sums: &'a mut [T],
}

impl<T: Float> LeafVisitor for AddOne<'_, T> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let sum = &mut self.sums[row * self.targets];
        *sum = payloads.fold(*sum, |sum, leaf| sum + self.weights[leaf as usize]);
    }
}

/// Adds up weights each of which is for one target.
struct AddEach<'a, T> {
    pairs: &'a [(u32, T)],
    targets: usize,
    sums: &'a mut [T],
}

impl<T: Float> LeafVisitor for AddEach<'_, T> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let sums = &mut self.sums[row * self.targets..(row + 1) * self.targets];
        for leaf in payloads {
            let (target, weight) = self.pairs[leaf as usize];
            let sum = &mut sums[target as usize];
            *sum = *sum + weight;
        }
    }
}

/// Joins weights of any kind.
struct Join<'a, T> {
    kernel: &'a Kernel<T>,
    targets: usize,
    sums: &'a mut [T],
}

impl<T: Float> LeafVisitor for Join<'_, T> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let sums = &mut self.sums[row * self.targets..(row + 1) * self.targets];
        let mut add = |target: u32, weight: T| {
            let sum = &mut sums[target as usize];
            *sum = self.kernel.aggregate.join(*sum, weight);
        };
        for leaf in payloads {
            let leaf = leaf as usize;
            match &self.kernel.weights {
                Weights::One(weights) => add(0, weights[leaf]),
                Weights::Each(pairs) => add(pairs[leaf].0, pairs[leaf].1),
                Weights::All(weights) => {
                    let weights = &weights[leaf * self.targets..(leaf + 1) * self.targets];
                    for (n, weight) in weights.iter().enumerate() {
                        add(n as u32, *weight);
                    }
                }
                Weights::Any(starts, pairs) => {
                    for (target, weight) in &pairs[starts[leaf] as usize..starts[leaf + 1] as usize] {
                        add(*target, *weight);
                    }
                }
            }
        }
    }
}

struct Builder<'a, T> {
    source: &'a Source,
    columns: Vec<(u32, T)>,
    /// Column of each feature for missing values that go left, and right.
    places: Vec<[Option<u32>; 2]>,
    /// Ranges of weights. Leaves that weigh the same are one, so that what rows reach fits the cache.
    ranges: Vec<(u32, u32)>,
    /// The range of what leaves weigh.
    known: HashMap<Contribution<'a>, u32>,
}

/// What a leaf weighs, compared bit by bit.
struct Contribution<'a>(&'a [Leaf]);

impl Contribution<'_> {
    fn bits(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().map(|leaf| (leaf.target, leaf.weight.to_bits()))
    }
}

impl PartialEq for Contribution<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bits().eq(other.bits())
    }
}

impl Eq for Contribution<'_> {}

impl Hash for Contribution<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().for_each(|bits| bits.hash(state));
    }
}

impl<T: TreeReal> Builder<'_, T> {
    fn column(&mut self, feature: u32, left: bool) -> u32 {
        let next = self.columns.len() as u32;
        let place = &mut self.places[feature as usize][usize::from(left)];
        let column = *place.get_or_insert(next);
        if column == next {
            let infinity = if left { T::LOWEST } else { -T::LOWEST };
            self.columns.push((feature, infinity));
        }
        column
    }

    /// A tree with children after their parents; `None` for tests that are no single comparison.
    fn tree(&mut self, root: u32) -> Option<Vec<BinaryNode<f64>>> {
        let mut tree: Vec<BinaryNode<f64>> = Vec::new();
        let mut queue = std::collections::VecDeque::from([root]);
        let mut promised = 1;
        while let Some(at) = queue.pop_front() {
            let node = &self.source.nodes[at as usize];
            if let Mode::Leaf(start, end) = node.mode {
                let leaves = &self.source.leaves[start as usize..end as usize];
                let next = self.ranges.len() as u32;
                let number = *self.known.entry(Contribution(leaves)).or_insert(next);
                if number == next {
                    self.ranges.push((start, end));
                }
                tree.push(BinaryNode::Leaf(number));
                continue;
            }
            let exact = T::from_f64(node.threshold);
            if exact.wide() != node.threshold {
                return None;
            }
            let (threshold, swapped) = match node.mode {
                Mode::AtMost => (exact, false),
                Mode::Below => (exact.before(), false),
                Mode::AtLeast => (exact.before(), true),
                Mode::Above => (exact, true),
                _ => return None,
            };
            // Infinities stand for missing values: a threshold must not be one.
            if threshold.magnitude() == -T::LOWEST || Threshold::is_nan(threshold) {
                return None;
            }
            let missing_left = node.missing_is_yes != swapped;
            let (left, right) = if swapped {
                (node.no, node.yes)
            } else {
                (node.yes, node.no)
            };
            tree.push(BinaryNode::Test {
                feature: self.column(node.feature, missing_left),
                threshold: threshold.wide(),
                left: promised,
                right: promised + 1,
                missing: if missing_left { Missing::Left } else { Missing::Right },
            });
            promised += 2;
            queue.extend([left, right]);
        }
        Some(tree)
    }
}

impl<T: TreeReal> Kernel<T> {
    fn new(model: &TreeModel) -> Option<Self> {
        let source = &model.source;
        if source.shared {
            return None;
        }
        let mut builder = Builder {
            source,
            columns: Vec::new(),
            places: vec![[None; 2]; source.features],
            ranges: Vec::new(),
            known: HashMap::new(),
        };
        let mut trees = EnsembleBuilder::default();
        for root in &source.roots {
            trees.push(&builder.tree(*root)?).ok()?;
        }
        let ensemble = trees.finish(builder.columns.len()).ok()?;
        let weights = Self::weights(source, &builder.ranges);
        Some(Self {
            ensemble,
            columns: builder.columns,
            weights,
            aggregate: model.aggregate,
        })
    }

    fn weights(source: &Source, ranges: &[(u32, u32)]) -> Weights<T> {
        let of = |range: &(u32, u32)| &source.leaves[range.0 as usize..range.1 as usize];
        let pair = |leaf: &Leaf| (leaf.target, T::from_f64(leaf.weight));
        if ranges.iter().all(|range| matches!(of(range), [_])) {
            let pairs: Vec<(u32, T)> = ranges.iter().flat_map(of).map(pair).collect();
            if pairs.iter().all(|(target, _)| *target == 0) {
                return Weights::One(pairs.into_iter().map(|(_, weight)| weight).collect());
            }
            return Weights::Each(pairs);
        }
        let in_order = |range: &(u32, u32)| {
            let leaves = of(range);
            leaves.len() == source.targets && leaves.iter().enumerate().all(|(n, leaf)| leaf.target as usize == n)
        };
        if ranges.iter().all(in_order) {
            return Weights::All(
                ranges
                    .iter()
                    .flat_map(of)
                    .map(|leaf| T::from_f64(leaf.weight))
                    .collect(),
            );
        }
        let mut starts = vec![0];
        let mut pairs = Vec::new();
        for range in ranges {
            pairs.extend(of(range).iter().map(pair));
            starts.push(pairs.len() as u32);
        }
        Weights::Any(starts, pairs)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let weights = match &self.weights {
            Weights::One(weights) | Weights::All(weights) => weights.len() * size_of::<T>(),
            Weights::Each(pairs) => pairs.len() * size_of::<(u32, T)>(),
            Weights::Any(starts, pairs) => starts.len() * 4 + pairs.len() * size_of::<(u32, T)>(),
        };
        self.ensemble.heap_bytes() + self.columns.len() * size_of::<(u32, T)>() + weights
    }

    /// Space for tiles of rows; nothing is allocated in it later.
    pub(crate) fn space(&self) -> Space<T> {
        let mut space = Space {
            columns: vec![T::ZERO; self.columns.len()],
            ranked: RankedRows::default(),
        };
        space.ranked.reset(&self.ensemble);
        for _ in 0..TILE {
            space.ranked.push(&self.ensemble, &space.columns);
        }
        space
    }

    /// Joins the weights of the leaves that rows reach. Rows are `width` values that begin with all features, sums as many as
    /// there are targets for each.
    pub(crate) fn sums(&self, values: &[T], width: usize, space: &mut Space<T>, sums: &mut [T], targets: usize) {
        let tiles = values
            .chunks(TILE * width.max(1))
            .zip(sums.chunks_mut(TILE * targets.max(1)));
        for (values, sums) in tiles {
            space.ranked.reset(&self.ensemble);
            for row in values.chunks_exact(width.max(1)) {
                for (to, (feature, missing)) in space.columns.iter_mut().zip(&self.columns) {
                    let value = row[*feature as usize];
                    *to = if Threshold::is_nan(value) { *missing } else { value };
                }
                space.ranked.push(&self.ensemble, &space.columns);
            }
            self.walk(&space.ranked, sums, targets);
        }
    }

    fn walk(&self, rows: &RankedRows, sums: &mut [T], targets: usize) {
        let adds = matches!(self.aggregate, Aggregate::Sum | Aggregate::Average);
        // A target that no leaf has a weight for stays 0; the others begin with what any weight replaces.
        let neutral = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => T::ZERO,
            Aggregate::Minimum => -T::LOWEST,
            Aggregate::Maximum => T::LOWEST,
        };
        sums.fill(neutral);
        match &self.weights {
            Weights::One(weights) if adds => {
                let mut visitor = AddOne { weights, targets, sums };
                self.ensemble.walk(rows, &mut visitor);
            }
            Weights::Each(pairs) if adds => {
                let mut visitor = AddEach { pairs, targets, sums };
                self.ensemble.walk(rows, &mut visitor);
            }
            Weights::All(weights) if adds => self.ensemble.add_weights(rows, targets, weights, sums),
            _ => {
                let mut visitor = Join {
                    kernel: self,
                    targets,
                    sums: &mut *sums,
                };
                self.ensemble.walk(rows, &mut visitor);
                if !adds {
                    for sum in sums.iter_mut().filter(|sum| **sum == neutral) {
                        *sum = T::ZERO;
                    }
                }
            }
        }
    }
}
