//! Products of many rows with one matrix.

use super::{Axis, Convolution, ConvolutionReal, Nothing, Order, Windows};

/// A matrix that rows are multiplied with: each result is one sum, as those of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix<T>(Convolution<T>);

impl<T: ConvolutionReal> Matrix<T> {
    /// From weights `[inputs, outputs]`, or `[outputs, inputs]`. `None` when there are none, or another number of them.
    pub fn new(inputs: usize, outputs: usize, weights: &[T], output_major: bool) -> Option<Self> {
        let pixel = Axis {
            input: 1,
            output: 1,
            size: 1,
            stride: 1,
            dilation: 1,
            before: 0,
        };
        let windows = Windows {
            vertical: pixel,
            horizontal: pixel,
            channels: inputs,
        };
        let order = if output_major {
            Order::ResultsFirst
        } else {
            Order::ResultsLast
        };
        if inputs == 0 || inputs.checked_mul(outputs)? != weights.len() {
            return None;
        }
        Convolution::new(windows, 1, order, weights, &[]).map(Self)
    }

    /// Numbers of a row.
    pub fn inputs(&self) -> usize {
        self.0.image_channels()
    }

    /// Numbers of a row's product.
    pub fn outputs(&self) -> usize {
        self.0.channels()
    }

    /// Bytes of heap.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Multiplies rows, one after the other. Nothing is allocated.
    ///
    /// # Panics
    /// When there is not room for exactly their products.
    pub fn multiply(&self, rows: &[T], products: &mut [T]) {
        assert_eq!(rows.len() / self.inputs() * self.outputs(), products.len());
        T::convolve(
            &self.0,
            rows.len() / self.inputs(),
            rows,
            products,
            &mut [],
            &mut Nothing,
        );
    }
}
