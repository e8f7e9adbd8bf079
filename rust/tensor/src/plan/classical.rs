//! Steps of classical models.

use std::sync::Arc;

use super::extreme;
use crate::ops::classical::features::Norm;
use crate::ops::classical::linear::Linear;
use crate::ops::classical::trees::{Space, TreeModel, TreeReal};

/// Computes a slot, and for a classifier another one with the class, from a slot before both.
#[derive(Debug)]
pub(crate) enum Classical<T> {
    /// `space` is that of this step in the workspace.
    Trees {
        model: Arc<TreeModel>,
        class: Option<usize>,
        space: usize,
    },
    /// Scores and class from the sums of a linear classifier.
    Conclude {
        model: Arc<Linear>,
        class: Option<usize>,
    },
    Normalize(Norm),
    /// Values that are replaced, each column by its own.
    Impute {
        replaced: T,
        values: Vec<T>,
    },
    Binarize {
        threshold: T,
    },
    /// These columns.
    Pick(Vec<usize>),
    /// As many columns as there is room for, from this one on.
    Part(usize),
}

impl<T: TreeReal> Classical<T> {
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            // The graph counts the model.
            Self::Trees { .. } | Self::Conclude { .. } | Self::Normalize(_) | Self::Binarize { .. } | Self::Part(_) => {
                0
            }
            Self::Impute { values, .. } => values.capacity() * size_of::<T>(),
            Self::Pick(columns) => columns.capacity() * size_of::<usize>(),
        }
    }

    /// The slot of the class.
    pub(crate) fn class(&self) -> Option<usize> {
        match self {
            Self::Trees { class, .. } | Self::Conclude { class, .. } => *class,
            _ => None,
        }
    }

    /// Works on rows of these widths. `class`: where in `to` the classes of the rows are put.
    pub(crate) fn score(
        &self,
        rows: usize,
        from: &[T],
        to: &mut [T],
        [input, output]: [usize; 2],
        class: Option<usize>,
        spaces: &mut [Space<T>],
    ) {
        self.prepare(&from[..rows * input], input, &mut to[..rows * output], output, spaces);
        for row in 0..rows {
            let given = &from[row * input..][..input];
            let found = self.run(given, &mut to[row * output..][..output]);
            if let Some(place) = class {
                to[place + row] = T::from_f64(found as f64);
            }
        }
    }

    /// What is done for all rows together, before [`run`](Self::run) works on each.
    fn prepare(&self, from: &[T], width: usize, to: &mut [T], targets: usize, spaces: &mut [Space<T>]) {
        if let Self::Trees { model, space, .. } = self
            && let Some(kernel) = T::kernel(model)
        {
            kernel.sums(from, width, &mut spaces[*space], to, targets);
        }
    }

    /// Works on one row; the class is given back.
    fn run(&self, from: &[T], to: &mut [T]) -> usize {
        match self {
            // The sums are there.
            Self::Trees { model, .. } => {
                model.conclude(to);
                if let Some(classes) = &model.classes {
                    return model.classify(classes, to);
                }
                model.transform(to);
            }
            Self::Conclude { model, .. } => {
                // A lone sum is the second of two values.
                let start = to.len() - from.len();
                to[start..].copy_from_slice(from);
                return model.conclude(to);
            }
            Self::Normalize(norm) => {
                to.copy_from_slice(from);
                norm.apply(to);
            }
            Self::Impute { replaced, values } => {
                let unknown = |x: T| x.partial_cmp(&x).is_none();
                for ((to, x), value) in to.iter_mut().zip(from).zip(values) {
                    let is = *x == *replaced || (unknown(*x) && unknown(*replaced));
                    *to = if is { *value } else { *x };
                }
            }
            Self::Binarize { threshold } => {
                for (to, x) in to.iter_mut().zip(from) {
                    *to = if *x > *threshold { T::ONE } else { T::ZERO };
                }
            }
            Self::Part(first) => to.copy_from_slice(&from[*first..*first + to.len()]),
            Self::Pick(columns) => {
                for (to, column) in to.iter_mut().zip(columns) {
                    *to = from[*column];
                }
            }
        }
        0
    }
}

/// Which class a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The place of the largest (or smallest) value of a slot.
    Extreme { slot: usize, largest: bool },
    /// What a classifier left in a slot.
    Slot(usize),
}

impl Class {
    /// The slot that tells it.
    pub(crate) fn slot(self) -> usize {
        match self {
            Self::Extreme { slot, .. } | Self::Slot(slot) => slot,
        }
    }
}

/// The class in the row of its slot.
pub(crate) fn class_of<T: TreeReal>(class: Class, row: &[T]) -> usize {
    match class {
        Class::Extreme { largest, .. } => extreme(row, largest),
        Class::Slot(_) => row.first().map_or(0, |class| class.wide() as usize),
    }
}
