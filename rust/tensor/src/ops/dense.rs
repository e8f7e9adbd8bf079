//! Products with a constant matrix, laid out for the dense kernel once.

use std::sync::Arc;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseLayer};

use crate::array::{Array, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// A constant matrix.
#[derive(Clone, Debug)]
pub(crate) struct Dense(Arc<DenseChain<f32>>);

/// A layer of one matrix; `None` when the lengths don't fit.
pub(super) fn single(
    inputs: usize,
    outputs: usize,
    weights: &[f32],
    bias: &[f32],
    output_major: bool,
) -> Option<DenseChain<f32>> {
    let make = if output_major {
        DenseLayer::output_major
    } else {
        DenseLayer::input_major
    };
    let layer = make(inputs, outputs, weights, bias, Activation::Identity).ok()?;
    DenseChain::new(vec![layer]).ok()
}

impl Dense {
    /// From a matrix `[inputs, outputs]`, or transposed; `None` for anything else.
    pub(crate) fn new(matrix: &Array, transposed: bool) -> Option<Self> {
        let [rows, columns] = *matrix.shape else { return None };
        let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        let weights = matrix.view::<f32>().ok()?;
        if inputs == 0 || outputs == 0 {
            return None;
        }
        single(inputs, outputs, weights, &[], transposed).map(|chain| Self(Arc::new(chain)))
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// The matrices in the last two axes, or a vector, times the matrix.
    pub(super) fn multiply(&self, array: &Array, budget: &mut Budget) -> Result<Array, Trouble> {
        let (inputs, outputs) = (self.0.inputs(), self.0.outputs());
        let mut shape = array.shape.clone();
        match shape.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => {
                return Err(Trouble::failed(format!(
                    "{:?} can't be multiplied with a matrix {inputs} x {outputs}",
                    array.shape
                )));
            }
        }
        let count = elements(&shape)?;
        budget.charge(count.saturating_mul(inputs) / 4)?;
        let mut result = vec![0.0; count];
        // A single layer needs no scratch.
        self.0.evaluate(count / outputs, array.view()?, &mut result, &mut []);
        Ok(Array::new(shape, result))
    }
}
