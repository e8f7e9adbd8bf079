//! A `MiningModel` all of whose segments are trees of numeric tests: one ensemble of the kernel.

use serving_kernels::trees::{LeafVisitor, RankedRows, TreeEnsemble};

use super::features::{Features, tested};
use super::mining::{Method, Mining, OnMissingPrediction};
use super::{Function, Model, NONE};
use crate::run::{Run, Scored};

/// The trees, whose payloads are numbers of leaves.
#[derive(Debug)]
pub(crate) enum Trees {
    Double(TreeEnsemble<f64>),
    Float(TreeEnsemble<f32>),
}

/// What leaves contribute. Leaves that contribute the same are one.
#[derive(Debug)]
pub(crate) enum Leaves {
    /// Scores of a regression.
    Double(Box<[f64]>),
    /// Scores of a regression in `f32`.
    Float(Box<[f32]>),
    /// A row of shares or votes for each leaf, as wide as there are classes.
    Shares(Box<[f64]>),
}

/// The compiled ensemble.
#[derive(Debug)]
pub(crate) struct Forest {
    pub(crate) features: Features,
    pub(crate) trees: Trees,
    pub(crate) leaves: Leaves,
    /// Weights of the trees; empty when all weigh 1.
    pub(crate) weights: Box<[f64]>,
    /// Sum of the weights.
    pub(crate) total: f64,
}

impl Forest {
    pub(crate) fn heap_bytes(&self) -> usize {
        let trees = match &self.trees {
            Trees::Double(trees) => trees.heap_bytes(),
            Trees::Float(trees) => trees.heap_bytes(),
        };
        let leaves = match &self.leaves {
            Leaves::Double(scores) => size_of_val(&**scores),
            Leaves::Float(scores) => size_of_val(&**scores),
            Leaves::Shares(rows) => size_of_val(&**rows),
        };
        self.features.heap_bytes() + trees + leaves + size_of_val(&*self.weights)
    }

    fn trees(&self) -> usize {
        match &self.trees {
            Trees::Double(trees) => trees.len(),
            Trees::Float(trees) => trees.len(),
        }
    }

    fn weight(&self, tree: usize) -> f64 {
        self.weights.get(tree).copied().unwrap_or(1.0)
    }

    /// Makes ready for rows of features.
    #[inline]
    pub(crate) fn reset(&self, rows: &mut RankedRows) {
        match &self.trees {
            Trees::Double(trees) => rows.reset(trees),
            Trees::Float(trees) => rows.reset(trees),
        }
    }

    /// Adds a row of features, of which the one or the other slice holds the numbers.
    #[inline]
    pub(crate) fn push(&self, rows: &mut RankedRows, double: &[f64], single: &[f32]) {
        match &self.trees {
            Trees::Double(trees) => rows.push(trees, double),
            Trees::Float(trees) => rows.push(trees, single),
        }
    }

    #[inline]
    fn walk(&self, rows: &RankedRows, visitor: &mut impl LeafVisitor) {
        match &self.trees {
            Trees::Double(trees) => trees.walk(rows, visitor),
            Trees::Float(trees) => trees.walk(rows, visitor),
        }
    }

    /// The sums of what the leaves of each row contribute, tree after tree: a number for each row, or as many as there are
    /// classes.
    pub(crate) fn add_up(&self, rows: &RankedRows, classes: usize, sums: &mut [f64]) {
        sums.fill(0.0);
        let weights = &*self.weights;
        match &self.leaves {
            Leaves::Double(scores) if weights.is_empty() => self.walk(rows, &mut Sum { scores, sums }),
            Leaves::Double(scores) => self.walk(rows, &mut WeightedSum { scores, weights, sums }),
            Leaves::Float(scores) if weights.is_empty() => self.walk(rows, &mut SingleSum { scores, sums }),
            Leaves::Float(scores) => self.walk(rows, &mut WeightedSingleSum { scores, weights, sums }),
            Leaves::Shares(shares) if weights.is_empty() => match &self.trees {
                Trees::Double(trees) => trees.add_weights(rows, classes, shares, sums),
                Trees::Float(trees) => trees.add_weights(rows, classes, shares, sums),
            },
            Leaves::Shares(shares) => self.walk(
                rows,
                &mut Shares {
                    rows: shares,
                    weights,
                    classes,
                    sums,
                },
            ),
        }
    }

    /// The class that the first tree votes for of those with most votes; votes are rows with a single 1.
    fn first_vote(&self, leaves: &[u32], shares: &[f64], most: f64) -> Option<u32> {
        let Leaves::Shares(rows) = &self.leaves else {
            return None;
        };
        leaves.iter().filter(|leaf| **leaf != NONE).find_map(|leaf| {
            let row = rows.chunks_exact(shares.len()).nth(*leaf as usize)?;
            let class = row.iter().position(|vote| *vote == 1.0)?;
            (shares[class] == most).then_some(class as u32)
        })
    }
}

struct Sum<'a> {
    scores: &'a [f64],
    sums: &'a mut [f64],
}

impl LeafVisitor for Sum<'_> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        self.sums[row] = payloads.fold(self.sums[row], |sum, leaf| sum + self.scores[leaf as usize]);
    }
}

struct WeightedSum<'a> {
    scores: &'a [f64],
    weights: &'a [f64],
    sums: &'a mut [f64],
}

impl LeafVisitor for WeightedSum<'_> {
    #[inline]
    fn visit(&mut self, row: usize, first: usize, payloads: impl Iterator<Item = u32>) {
        self.sums[row] = payloads
            .zip(&self.weights[first..])
            .fold(self.sums[row], |sum, (leaf, weight)| {
                sum + self.scores[leaf as usize] * weight
            });
    }
}

/// The sum in `f32`, kept as the `f64` that equals it.
struct SingleSum<'a> {
    scores: &'a [f32],
    sums: &'a mut [f64],
}

impl LeafVisitor for SingleSum<'_> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let sum = self.sums[row] as f32;
        self.sums[row] = f64::from(payloads.fold(sum, |sum, leaf| sum + self.scores[leaf as usize]));
    }
}

struct WeightedSingleSum<'a> {
    scores: &'a [f32],
    weights: &'a [f64],
    sums: &'a mut [f64],
}

impl LeafVisitor for WeightedSingleSum<'_> {
    #[inline]
    fn visit(&mut self, row: usize, first: usize, payloads: impl Iterator<Item = u32>) {
        let sum = self.sums[row] as f32;
        let sum = payloads.zip(&self.weights[first..]).fold(sum, |sum, (leaf, weight)| {
            sum + self.scores[leaf as usize] * *weight as f32
        });
        self.sums[row] = f64::from(sum);
    }
}

struct Shares<'a> {
    rows: &'a [f64],
    weights: &'a [f64],
    classes: usize,
    sums: &'a mut [f64],
}

impl LeafVisitor for Shares<'_> {
    fn visit(&mut self, row: usize, first: usize, payloads: impl Iterator<Item = u32>) {
        let sums = &mut self.sums[row * self.classes..(row + 1) * self.classes];
        for (tree, leaf) in payloads.enumerate() {
            let weight = self.weights[first + tree];
            let shares = &self.rows[leaf as usize * self.classes..][..self.classes];
            for (sum, share) in sums.iter_mut().zip(shares) {
                *sum += weight * share;
            }
        }
    }
}

struct Collect<'a>(&'a mut Vec<u32>);

impl LeafVisitor for Collect<'_> {
    fn visit(&mut self, _: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        self.0.extend(payloads);
    }
}

impl Run<'_> {
    pub(crate) fn forest(&mut self, index: usize, model: &Model, mining: &Mining, forest: &Forest) -> Scored<bool> {
        if !self.features(&forest.features) {
            return self.forest_with_missing(index, model, mining, forest);
        }
        let scratch = &mut *self.scratch;
        forest.reset(&mut scratch.ranked);
        forest.push(&mut scratch.ranked, &scratch.row, &scratch.row32);
        if model.function != Function::Classification {
            let mut sum = [0.0];
            forest.add_up(&scratch.ranked, 1, &mut sum);
            let value = mining.method.number(sum[0], forest.total);
            return Ok(!value.is_nan() && self.answer_number(index, model, value));
        }
        let classes = model.classes.len();
        let shares = &mut scratch.shares[model.shares..model.shares + classes];
        forest.add_up(&scratch.ranked, classes, shares);
        for share in shares {
            *share /= forest.total;
        }
        Ok(self.elect(index, model, mining, forest, false))
    }

    /// Answers with the class that has the largest share. Of classes with as many votes it is the one that was voted for first;
    /// the leaves are known or found again.
    pub(crate) fn elect(
        &mut self,
        index: usize,
        model: &Model,
        mining: &Mining,
        forest: &Forest,
        leaves_known: bool,
    ) -> bool {
        let found = self.answer_largest(index, model);
        if !matches!(mining.method, Method::MajorityVote | Method::WeightedMajorityVote) || !self.tied(index, model) {
            return found;
        }
        let most = self.largest(index, model);
        let scratch = &mut *self.scratch;
        if !leaves_known {
            scratch.leaves.clear();
            forest.walk(&scratch.ranked, &mut Collect(&mut scratch.leaves));
        }
        let shares = &scratch.shares[model.shares..model.shares + model.classes.len()];
        match forest.first_vote(&scratch.leaves, shares, most) {
            Some(class) => self.answer_class(index, model, class),
            None => found,
        }
    }

    /// Tree after tree, as values are missing or refused on some paths; what trees without answer do, the general path of
    /// segments does as well.
    fn forest_with_missing(&mut self, index: usize, model: &Model, mining: &Mining, forest: &Forest) -> Scored<bool> {
        let votes = matches!(mining.method, Method::MajorityVote | Method::WeightedMajorityVote);
        let classes = model.classes.len();
        let (mut all, mut total, mut missing, mut abstained) = (0.0, 0.0, 0.0, 0.0_f64);
        let mut sum = 0.0;
        let mut leaves = std::mem::take(&mut self.scratch.leaves);
        leaves.clear();
        if model.function == Function::Classification {
            self.shares(model).fill(0.0);
        }
        for tree in 0..forest.trees() {
            let weight = forest.weight(tree);
            let leaf = match self.leaf(forest, tree) {
                Ok(leaf) => leaf,
                Err(fault) => {
                    self.scratch.leaves = leaves;
                    return Err(fault);
                }
            };
            leaves.push(leaf.unwrap_or(NONE));
            all += weight;
            let Some(leaf) = leaf else {
                missing += weight;
                match mining.on_missing {
                    OnMissingPrediction::Skip => continue,
                    OnMissingPrediction::Continue if votes => {
                        abstained += weight;
                        continue;
                    }
                    OnMissingPrediction::Continue | OnMissingPrediction::Return => {
                        self.scratch.leaves = leaves;
                        return Ok(false);
                    }
                }
            };
            total += weight;
            let leaf = leaf as usize;
            match &forest.leaves {
                Leaves::Double(scores) if forest.weights.is_empty() => sum += scores[leaf],
                Leaves::Double(scores) => sum += scores[leaf] * weight,
                Leaves::Float(scores) => sum = f64::from(sum as f32 + scores[leaf] * weight as f32),
                Leaves::Shares(rows) => {
                    let row = &rows[leaf * classes..][..classes];
                    for (sum, share) in self.shares(model).iter_mut().zip(row) {
                        *sum += weight * share;
                    }
                }
            }
        }
        self.scratch.leaves = leaves;
        let too_few = total == 0.0 || (all > 0.0 && missing / all > mining.threshold);
        if model.function != Function::Classification {
            let value = mining.method.number(sum, total);
            return Ok(!too_few && !value.is_nan() && self.answer_number(index, model, value));
        }
        let most = self.shares(model).iter().copied().fold(0.0, f64::max);
        if too_few || (votes && abstained > most) {
            return Ok(false);
        }
        for share in self.shares(model) {
            *share /= total;
        }
        Ok(self.elect(index, model, mining, forest, true))
    }

    /// The leaf that the record reaches in a tree, `None` when a missing value leads nowhere.
    fn leaf(&mut self, forest: &Forest, tree: usize) -> Scored<Option<u32>> {
        let slots = &forest.features.slots;
        match &forest.trees {
            Trees::Double(trees) => trees.walk_with_missing(tree, |feature| Ok(tested(self.value(slots[feature])?))),
            Trees::Float(trees) => trees.walk_with_missing(tree, |feature| {
                Ok(tested(self.value(slots[feature])?).map(|number| number as f32))
            }),
        }
    }
}
