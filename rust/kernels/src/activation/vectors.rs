//! The exponential function for eight doubles at once and shares of as many, written with the processor's vectors: the compiler
//! does not make them of so long a chain of operations for as few values as a row of shares has. The operations and their order
//! are those of [`Real::exponential`](super::Real::exponential) and [`Activation::Softmax`](super::Activation::Softmax), and so are the bits.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256d, _mm256_add_epi64, _mm256_add_pd, _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_div_pd, _mm256_loadu_pd,
    _mm256_max_pd, _mm256_min_pd, _mm256_mul_pd, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_slli_epi64,
    _mm256_storeu_pd, _mm256_sub_pd,
};

use super::elementary::double;

/// Values that are worked on together: two vectors, of which each waits for itself most of the time.
const GROUP: usize = 8;

/// e to the power of each value, in place.
#[target_feature(enable = "avx2")]
pub(super) fn exponentials(values: &mut [f64]) {
    let (groups, rest) = values.as_chunks_mut::<GROUP>();
    for group in groups {
        exponential(group);
    }
    if !rest.is_empty() {
        let mut group = [0.0; GROUP];
        group[..rest.len()].copy_from_slice(rest);
        exponential(&mut group);
        rest.copy_from_slice(&group[..rest.len()]);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn exponential(values: &mut [f64; GROUP]) {
    let (first, second) = values.split_at_mut(GROUP / 2);
    // SAFETY: there are four values each, at any address.
    unsafe {
        let results = exponential_of([_mm256_loadu_pd(first.as_ptr()), _mm256_loadu_pd(second.as_ptr())]);
        _mm256_storeu_pd(first.as_mut_ptr(), results[0]);
        _mm256_storeu_pd(second.as_mut_ptr(), results[1]);
    }
}

/// e to the power of each of eight values.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn exponential_of(x: [__m256d; 2]) -> [__m256d; 2] {
    let all = |number: f64| _mm256_set1_pd(number);
    let rounder = all(double::ROUNDER);
    // Of a number and NaN these give the second: NaN goes through.
    let x = x.map(|x| _mm256_min_pd(all(double::HIGHEST), _mm256_max_pd(all(double::LOWEST), x)));
    let k = x.map(|x| {
        _mm256_sub_pd(
            _mm256_add_pd(_mm256_mul_pd(x, all(std::f64::consts::LOG2_E)), rounder),
            rounder,
        )
    });
    let reduce = |x, k| {
        let r = _mm256_sub_pd(x, _mm256_mul_pd(k, all(double::HIGH)));
        _mm256_sub_pd(r, _mm256_mul_pd(k, all(double::LOW)))
    };
    let r = [reduce(x[0], k[0]), reduce(x[1], k[1])];
    let series = |r: __m256d| {
        let second = _mm256_mul_pd(r, r);
        let fourth = _mm256_mul_pd(second, second);
        let plus = |sum, factor, power| _mm256_add_pd(sum, _mm256_mul_pd(factor, power));
        let pair = |at: usize| plus(all(double::TERMS[at]), all(double::TERMS[at + 1]), r);
        let four = |at: usize| plus(pair(at), pair(at + 2), second);
        plus(plus(four(0), four(4), fourth), four(8), _mm256_mul_pd(fourth, fourth))
    };
    let power = |bits: __m256d| {
        let biased = _mm256_add_epi64(_mm256_castpd_si256(bits), _mm256_set1_epi64x(double::BIAS));
        _mm256_castsi256_pd(_mm256_slli_epi64::<{ double::SHIFT }>(biased))
    };
    let scale = |k, r| {
        let half = _mm256_add_pd(_mm256_mul_pd(k, all(0.5)), rounder);
        let other = _mm256_add_pd(_mm256_sub_pd(k, _mm256_sub_pd(half, rounder)), rounder);
        let rest = _mm256_add_pd(_mm256_mul_pd(_mm256_mul_pd(r, r), series(r)), r);
        _mm256_mul_pd(_mm256_mul_pd(_mm256_add_pd(all(1.0), rest), power(half)), power(other))
    };
    [scale(k[0], r[0]), scale(k[1], r[1])]
}

/// Numbers in a vector.
const LANES: usize = 4;

/// Four to eight numbers as two vectors: the first four and the last four, so that some may be in both.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn load<const WIDTH: usize>(numbers: &[f64; WIDTH]) -> [__m256d; 2] {
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
pub(crate) fn store<const WIDTH: usize>(vectors: [__m256d; 2], numbers: &mut [f64; WIDTH]) {
    const { assert!(WIDTH >= LANES && WIDTH <= 2 * LANES) };
    // SAFETY: as in `load`; what is in both vectors is the same in both.
    unsafe {
        _mm256_storeu_pd(numbers.as_mut_ptr(), vectors[0]);
        _mm256_storeu_pd(numbers.as_mut_ptr().add(WIDTH - LANES), vectors[1]);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn both(
    left: [__m256d; 2],
    right: [__m256d; 2],
    operation: impl Fn(__m256d, __m256d) -> __m256d,
) -> [__m256d; 2] {
    [operation(left[0], right[0]), operation(left[1], right[1])]
}

/// The softmax of four to eight numbers.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) fn shares_of<const WIDTH: usize>(sums: [__m256d; 2]) -> [__m256d; 2] {
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
    both(powers, sum, |power, sum| _mm256_div_pd(power, sum))
}

/// The softmax of a row that has four to eight numbers, in place; `false` when it has not.
#[target_feature(enable = "avx2")]
pub(super) fn softmax(row: &mut [f64]) -> bool {
    match row.len() {
        4 => softmax_of::<4>(row),
        5 => softmax_of::<5>(row),
        6 => softmax_of::<6>(row),
        7 => softmax_of::<7>(row),
        8 => softmax_of::<8>(row),
        _ => false,
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn softmax_of<const WIDTH: usize>(row: &mut [f64]) -> bool {
    if let Some(row) = row.first_chunk_mut::<WIDTH>() {
        store(shares_of::<WIDTH>(load(row)), row);
    }
    true
}

#[target_feature(enable = "avx2")]
#[inline]
fn numbers(vector: __m256d) -> [f64; LANES] {
    let mut numbers = [0.0; LANES];
    // SAFETY: there is room for four.
    unsafe { _mm256_storeu_pd(numbers.as_mut_ptr(), vector) };
    numbers
}
