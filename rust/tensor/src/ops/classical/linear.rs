//! `LinearRegressor` and `LinearClassifier`.

use super::scores::{PostTransform, Second, best};
use super::{Labels, table};
use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::ops::float::{Float, dot};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Weights `[outputs][inputs]` and what is done to the sums.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weights: Vec<f32>,
    pub(crate) outputs: usize,
    pub(crate) bias: Vec<f32>,
    pub(crate) transform: PostTransform,
    pub(crate) classes: Option<Labels>,
}

impl Linear {
    pub(crate) fn heap_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * 4 + self.classes.as_ref().map_or(0, Labels::heap_bytes)
    }

    pub(crate) fn inputs(&self) -> usize {
        self.weights.len() / self.outputs.max(1)
    }

    /// Values of a row of scores.
    pub(crate) fn width(&self) -> usize {
        if self.is_lone() { 2 } else { self.outputs }
    }

    /// One sum for two classes.
    pub(crate) fn is_lone(&self) -> bool {
        self.outputs == 1 && self.classes.as_ref().is_some_and(|classes| classes.len() == 2)
    }

    /// The sums are the scores.
    pub(crate) fn is_plain(&self) -> bool {
        match self.transform {
            PostTransform::None => true,
            PostTransform::Probit => false,
            _ => self.outputs == 1,
        }
    }

    /// Sums of a row to scores, and the class. A lone sum is the second of two values.
    pub(crate) fn conclude<T: Float>(&self, row: &mut [T]) -> usize {
        if let ([first, second], true) = (&mut *row, self.is_lone()) {
            let sum = *second;
            [*first, *second] = Second::Rest.spread(sum, self.transform);
            return usize::from(sum > T::ZERO);
        }
        let class = best(row);
        if row.len() > 1 || self.transform == PostTransform::Probit {
            self.transform.apply(row);
        }
        class
    }

    pub(super) fn evaluate(&self, array: &Array, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        let (rows, width) = table(array)?;
        let inputs = self.inputs();
        if width != inputs {
            return Err(Trouble::failed(format!(
                "rows of {width} values, the model takes {inputs}"
            )));
        }
        elements(&[rows, self.width()])?;
        budget.charge(rows.saturating_mul(self.weights.len()) / 4)?;
        let array = cast(array, DType::F32)?;
        let mut scores = Vec::with_capacity(rows * self.width());
        let mut classes = Vec::with_capacity(rows);
        for values in array.view::<f32>()?.chunks_exact(width.max(1)) {
            let start = scores.len();
            if self.is_lone() {
                scores.push(0.0);
            }
            for (n, weights) in self.weights.chunks_exact(inputs.max(1)).enumerate() {
                scores.push(dot(weights, values) + self.bias.get(n).copied().unwrap_or(0.0));
            }
            classes.push(self.conclude(&mut scores[start..]));
        }
        let scores = Array::new(vec![rows, self.width()], scores);
        Ok(match &self.classes {
            Some(labels) => vec![labels.pick(&classes), scores],
            None => vec![scores],
        })
    }
}
