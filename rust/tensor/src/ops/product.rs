//! Products of many rows with one matrix, on the dense kernel.

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseLayer, DenseReal};

use crate::trouble::Trouble;

/// A product with a matrix that is used for many rows.
pub(crate) struct Product<T> {
    chain: DenseChain<T>,
    scratch: Vec<T>,
}

impl<T: DenseReal> Product<T> {
    /// From weights `[outputs][inputs]`, or `[inputs][outputs]`.
    pub(crate) fn new(inputs: usize, outputs: usize, weights: &[T], output_major: bool) -> Result<Self, Trouble> {
        let make = if output_major {
            DenseLayer::output_major
        } else {
            DenseLayer::input_major
        };
        let layer = make(inputs, outputs, weights, &[], Activation::Identity);
        let chain = layer.and_then(|layer| DenseChain::new(vec![layer]));
        let chain = chain.map_err(|error| Trouble::failed(error.to_string()))?;
        let scratch = vec![T::ZERO; chain.scratch_len()];
        Ok(Self { chain, scratch })
    }

    pub(crate) fn evaluate(&mut self, rows: usize, input: &[T], output: &mut [T]) {
        self.chain.evaluate(rows, input, output, &mut self.scratch);
    }
}
