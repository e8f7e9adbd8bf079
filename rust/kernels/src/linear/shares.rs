//! Linear functions whose softmax is taken, with sums, exponentials and shares in the processor's vectors from the first
//! product to the last quotient. The operations of each number and their order are those of [`super::dots`] and
//! [`Activation::Softmax`](crate::activation::Activation::Softmax), and so are the bits.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256d, _mm256_add_pd, _mm256_div_pd, _mm256_loadu_pd, _mm256_max_pd, _mm256_mul_pd, _mm256_set1_pd,
    _mm256_setzero_pd, _mm256_storeu_pd, _mm256_sub_pd,
};

use crate::activation::vectors::exponential_of;

/// Numbers in a vector.
const LANES: usize = 4;

/// Four to eight numbers as two vectors: the first four and the last four, so that some may be in both.
#[target_feature(enable = "avx2")]
#[inline]
fn load<const WIDTH: usize>(numbers: &[f64; WIDTH]) -> [__m256d; 2] {
    const { assert!(WIDTH >= LANES && WIDTH <= 2 * LANES) };
    // SAFETY: there are four numbers from each address on.
    unsafe {
        [
            _mm256_loadu_pd(numbers.as_ptr()),
            _mm256_loadu_pd(numbers.as_ptr().add(WIDTH - LANES)),
        ]
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store<const WIDTH: usize>(vectors: [__m256d; 2], numbers: &mut [f64; WIDTH]) {
    const { assert!(WIDTH >= LANES && WIDTH <= 2 * LANES) };
    // SAFETY: as in `load`; what is in both vectors is the same in both.
    unsafe {
        _mm256_storeu_pd(numbers.as_mut_ptr(), vectors[0]);
        _mm256_storeu_pd(numbers.as_mut_ptr().add(WIDTH - LANES), vectors[1]);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn both(left: [__m256d; 2], right: [__m256d; 2], operation: impl Fn(__m256d, __m256d) -> __m256d) -> [__m256d; 2] {
    [operation(left[0], right[0]), operation(left[1], right[1])]
}

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
        // The largest becomes 0. Of a number and NaN this gives the second: a sum that is not a number is left out, as in the other
        // function, and makes all shares what it is itself.
        let lowest = _mm256_set1_pd(f64::NEG_INFINITY);
        let [first, second, third, fourth] = numbers(_mm256_max_pd(sums[1], _mm256_max_pd(sums[0], lowest)));
        let larger = |one: f64, other: f64| if one > other { one } else { other };
        let largest = larger(larger(first, second), larger(third, fourth));
        let largest = [_mm256_set1_pd(largest); 2];
        let powers = exponential_of(both(sums, largest, |sum, largest| _mm256_sub_pd(sum, largest)));
        let (first, last) = (numbers(powers[0]), numbers(powers[1]));
        let mut sum = first[0];
        for power in first[1..].iter().chain(&last[2 * LANES - WIDTH..]) {
            sum += power;
        }
        let sum = [_mm256_set1_pd(sum); 2];
        store(both(powers, sum, |power, sum| _mm256_div_pd(power, sum)), shares);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn numbers(vector: __m256d) -> [f64; LANES] {
    let mut numbers = [0.0; LANES];
    // SAFETY: there is room for four.
    unsafe { _mm256_storeu_pd(numbers.as_mut_ptr(), vector) };
    numbers
}
