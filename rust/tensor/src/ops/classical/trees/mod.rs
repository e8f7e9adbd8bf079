//! Ensembles of trees: ONNX's `TreeEnsemble`, `TreeEnsembleRegressor` and `TreeEnsembleClassifier`, versions 1 to 5.

mod kernel;
mod source;

use std::sync::OnceLock;

pub(crate) use kernel::{Kernel, Space, TreeReal};
pub(crate) use source::{Leaf, Mode, Node, Source};

use super::scores::{PostTransform, Second, best};
use super::{Labels, table};
use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::ops::float::Float;
use crate::run::Budget;
use crate::trouble::Trouble;

/// How the trees' contributions to a target become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Sum,
    Average,
    Minimum,
    Maximum,
}

/// An ensemble with what is done to its sums.
#[derive(Debug)]
pub(crate) struct TreeModel {
    pub(crate) source: Source,
    pub(crate) aggregate: Aggregate,
    pub(crate) base: Vec<f64>,
    pub(crate) transform: PostTransform,
    /// Labels of a classifier.
    pub(crate) classes: Option<Classes>,
    /// Scores are float32 whatever the input is: all but `TreeEnsemble`.
    pub(crate) narrow: bool,
    single: OnceLock<Option<Kernel<f32>>>,
    double: OnceLock<Option<Kernel<f64>>>,
}

/// What a classifier knows about its classes.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) labels: Labels,
    /// Whether some leaf has a weight for the class.
    pub(crate) used: Vec<bool>,
    /// No weight is negative.
    pub(crate) positive: bool,
}

impl TreeModel {
    pub(crate) fn new(
        source: Source,
        aggregate: Aggregate,
        base: Vec<f64>,
        transform: PostTransform,
        labels: Option<Labels>,
        narrow: bool,
    ) -> Self {
        let classes = labels.map(|labels| {
            let mut used = vec![false; labels.len().max(source.targets)];
            let mut positive = true;
            for leaf in &source.leaves {
                used[leaf.target as usize] = true;
                positive &= leaf.weight >= 0.0;
            }
            Classes { labels, used, positive }
        });
        Self {
            source,
            aggregate,
            base,
            transform,
            classes,
            narrow,
            single: OnceLock::new(),
            double: OnceLock::new(),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.source.heap_bytes()
            + self.single.get().and_then(Option::as_ref).map_or(0, Kernel::heap_bytes)
            + self.double.get().and_then(Option::as_ref).map_or(0, Kernel::heap_bytes)
            + self.classes.as_ref().map_or(0, |classes| classes.labels.heap_bytes())
    }

    /// Sums for the rows of a table, the base values included. For those that a kernel can't do, tree after tree.
    pub(crate) fn sums<T: TreeReal>(&self, values: &[T], rows: usize, width: usize) -> Vec<T> {
        let targets = self.source.targets;
        let mut sums = vec![T::ZERO; rows * targets];
        if let Some(kernel) = T::kernel(self) {
            let mut space = kernel.space();
            kernel.sums(values, width, &mut space, &mut sums, targets);
            sums.chunks_exact_mut(targets).for_each(|sums| self.conclude(sums));
        } else {
            for (row, sums) in values.chunks_exact(width.max(1)).zip(sums.chunks_exact_mut(targets)) {
                let mut totals = vec![None; targets];
                for root in &self.source.roots {
                    let (start, end) = self.source.reach(*root, |feature| row[feature].wide());
                    for leaf in &self.source.leaves[start..end] {
                        let total = &mut totals[leaf.target as usize];
                        let weight = T::from_f64(leaf.weight);
                        *total = Some(total.map_or(weight, |total| self.aggregate.join(total, weight)));
                    }
                }
                for (sum, total) in sums.iter_mut().zip(totals) {
                    *sum = total.unwrap_or(T::ZERO);
                }
                self.conclude(sums);
            }
        }
        sums
    }

    /// What follows the last tree: the mean, the base values.
    pub(crate) fn conclude<T: Float>(&self, sums: &mut [T]) {
        if self.aggregate == Aggregate::Average {
            let trees = T::from_f64(self.source.roots.len() as f64);
            for sum in &mut *sums {
                *sum = *sum / trees;
            }
        }
        if self.classes.is_none() {
            for (sum, base) in sums.iter_mut().zip(&self.base) {
                *sum = *sum + T::from_f64(*base);
            }
        }
    }

    /// Scores of a regressor, in place.
    pub(crate) fn transform<T: Float>(&self, row: &mut [T]) {
        // A lone score is only ever taken for a probability.
        if row.len() > 1 || self.transform == PostTransform::Probit {
            self.transform.apply(row);
        }
    }

    /// Scores of a classifier, in place, and the class.
    pub(crate) fn classify<T: Float>(&self, classes: &Classes, row: &mut [T]) -> usize {
        let base = |n: usize| T::from_f64(self.base.get(n).copied().unwrap_or(0.0));
        match (&mut *row, self.base.len()) {
            ([sum], _) => {
                *sum = *sum + base(0);
                if self.transform == PostTransform::Probit {
                    self.transform.apply(row);
                }
                0
            }
            ([first, second], bases) => {
                let lone = !classes.used[1];
                let limit = if classes.positive { T::from_f64(0.5) } else { T::ZERO };
                if lone && bases < 2 {
                    let sum = *first + base(0);
                    let how = if classes.positive {
                        Second::Rest
                    } else {
                        Second::Opposite
                    };
                    [*first, *second] = how.spread(sum, self.transform);
                    return usize::from(sum > limit);
                }
                let class = if lone {
                    *first = *first + base(0);
                    *first > limit
                } else if bases == 2 {
                    // onnxruntime takes the first sum for that of the second class here.
                    *second = base(1) + *first;
                    *first = -*second;
                    *second > T::ZERO
                } else if classes.used[0] {
                    *first = *first + base(0);
                    *second > *first
                } else {
                    *second > limit
                };
                self.transform.apply(row);
                usize::from(class)
            }
            (row, bases) => {
                for (n, sum) in row.iter_mut().enumerate() {
                    *sum = *sum + base(n);
                }
                let counts = |n: usize| bases > 0 || classes.used[n];
                let place = (0..row.len())
                    .filter(|n| counts(*n))
                    .reduce(|best, n| if row[n] > row[best] { n } else { best });
                let place = place.unwrap_or_else(|| best(row));
                self.transform.apply(row);
                place
            }
        }
    }

    pub(super) fn evaluate(&self, array: &Array, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        let wide = match array.dtype() {
            DType::F64 | DType::F32 => array.clone(),
            // Integers are compared as float32, as onnxruntime does.
            _ => cast(array, DType::F32)?,
        };
        if wide.dtype() == DType::F64 {
            self.score::<f64>(&wide, budget)
        } else {
            self.score::<f32>(&wide, budget)
        }
    }

    fn score<T: TreeReal>(&self, array: &Array, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        let (rows, width) = table(array)?;
        if width < self.source.features {
            return Err(Trouble::failed(format!(
                "rows of {width} values, the trees look at {}",
                self.source.features
            )));
        }
        let targets = self.source.targets;
        elements(&[rows, targets])?;
        budget.charge(rows.saturating_mul(self.source.roots.len()).saturating_mul(16))?;
        let mut sums = self.sums(T::of(array)?, rows, width);
        let mut classes = Vec::new();
        for row in sums.chunks_exact_mut(targets.max(1)) {
            match &self.classes {
                Some(known) => classes.push(self.classify(known, row)),
                None => self.transform(row),
            }
        }
        let mut scores = Array::new(vec![rows, targets], sums);
        if self.narrow {
            scores = cast(&scores, DType::F32)?;
        }
        Ok(match &self.classes {
            Some(known) => vec![known.labels.pick(&classes), scores],
            None => vec![scores],
        })
    }
}

impl Aggregate {
    pub(crate) fn join<T: Float>(self, total: T, weight: T) -> T {
        match self {
            Self::Sum | Self::Average => total + weight,
            Self::Minimum => total.smallest(weight),
            Self::Maximum => total.largest(weight),
        }
    }
}
