//! Products with a constant matrix, laid out for the dense kernel once.

use std::sync::Arc;

use serving_kernels::activation::Activation;
use serving_kernels::convolution::Matrix;
use serving_kernels::dense::{DenseChain, DenseLayer};

use crate::array::{Array, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// From so many weights on a matrix is read from memory for each row, unless many rows go through a part of it.
const LARGE: usize = 1 << 16;

/// A constant matrix.
#[derive(Clone, Debug)]
pub(crate) struct Dense(Arc<Laid>);

#[derive(Debug)]
enum Laid {
    /// For rows of small networks, one at a time.
    Chain(DenseChain<f32>),
    /// In parts that many rows go through.
    Large(Matrix<f32>),
}

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
        let laid = if weights.len() < LARGE {
            Laid::Chain(single(inputs, outputs, weights, &[], transposed)?)
        } else {
            Laid::Large(Matrix::new(inputs, outputs, weights, transposed)?)
        };
        Some(Self(Arc::new(laid)))
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &*self.0 {
            Laid::Chain(chain) => chain.heap_bytes(),
            Laid::Large(matrix) => matrix.heap_bytes(),
        }
    }

    /// The matrices in the last two axes, or a vector, times the matrix.
    pub(super) fn multiply(&self, array: &Array, budget: &mut Budget) -> Result<Array, Trouble> {
        let (inputs, outputs) = match &*self.0 {
            Laid::Chain(chain) => (chain.inputs(), chain.outputs()),
            Laid::Large(matrix) => (matrix.inputs(), matrix.outputs()),
        };
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
        match &*self.0 {
            // A single layer needs no scratch.
            Laid::Chain(chain) => chain.evaluate(count / outputs, array.view()?, &mut result, &mut []),
            Laid::Large(matrix) => matrix.multiply(array.view()?, &mut result),
        }
        Ok(Array::new(shape, result))
    }
}
