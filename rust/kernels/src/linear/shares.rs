//! Linear functions whose softmax is taken, with sums, exponentials and shares in the processor's vectors from the first
//! product to the last quotient. The operations of each number and their order are those of [`super::dots`] and
//! [`Activation::Softmax`](crate::activation::Activation::Softmax), and so are the bits.
#![allow(unsafe_code)]

use std::arch::x86_64::{_mm256_add_pd, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd};

use crate::activation::vectors::{both, load, shares_of, store};

/// Shares of rows of `inputs` values.
#[target_feature(enable = "avx2")]
pub(super) fn softmax<const WIDTH: usize>(
    biases: &[f64; WIDTH],
    weights: &[[f64; WIDTH]],
    inputs: usize,
    rows: &[f64],
    shares: &mut [[f64; WIDTH]],
) {
    let biases = load(biases);
    for (row, shares) in shares.iter_mut().enumerate() {
        let values = &rows[row * inputs..(row + 1) * inputs];
        let mut sums = [_mm256_setzero_pd(); 2];
        for (value, column) in values.iter().zip(weights) {
            let value = [_mm256_set1_pd(*value); 2];
            let products = both(load(column), value, |weight, value| _mm256_mul_pd(weight, value));
            sums = both(sums, products, |sum, product| _mm256_add_pd(sum, product));
        }
        let sums = both(sums, biases, |sum, bias| _mm256_add_pd(sum, bias));
        store(shares_of::<WIDTH>(sums), shares);
    }
}
