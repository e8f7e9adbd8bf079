//! The loops over one panel of weights, compiled once for any processor and once for those with AVX2.
//!
//! The innermost loops are functions of their own, never inlined, that end by storing a whole array: otherwise the
//! compiler does not see that the sums are vectors.

#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "the loops over lanes are written so that the compiler makes vectors of them"
)]

use super::{DenseLayer, run};
use crate::activation::{Activation, Real};

/// Rows that share one load of the weights.
const ROWS: usize = 4;

/// One panel and where its outputs go.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a, T> {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) column: usize,
    pub(super) weights: &'a [T],
    pub(super) bias: &'a [T],
}

impl<T: Real> Panel<'_, T> {
    #[inline]
    fn wide<const WIDE: usize, const PART: usize>(
        &self,
        input: &[T],
        output: &mut [T],
        one: impl Fn(&[T], &[[T; WIDE]], &mut [T; WIDE]),
        four: impl Fn(&[T], &[[T; WIDE]], usize, &mut [[T; PART]; ROWS]),
    ) {
        let weights = self.weights.as_chunks().0;
        let mut row = 0;
        while row + ROWS <= self.rows {
            let input = &input[row * self.inputs..(row + ROWS) * self.inputs];
            for part in 0..WIDE / PART {
                let mut sums = [[T::ZERO; PART]; ROWS];
                four(input, weights, part, &mut sums);
                for (n, sum) in sums.iter().enumerate() {
                    self.store(output, row + n, part * PART, sum);
                }
            }
            row += ROWS;
        }
        for row in row..self.rows {
            let mut sum = [T::ZERO; WIDE];
            one(&input[row * self.inputs..(row + 1) * self.inputs], weights, &mut sum);
            self.store(output, row, 0, &sum);
        }
    }

    #[inline]
    fn narrow<const WIDTH: usize>(
        &self,
        input: &[T],
        output: &mut [T],
        one: impl Fn(&[T], &[[T; WIDTH]], &mut [T; WIDTH]),
    ) {
        let weights = self.weights.as_chunks().0;
        for row in 0..self.rows {
            let mut sum = [T::ZERO; WIDTH];
            one(&input[row * self.inputs..(row + 1) * self.inputs], weights, &mut sum);
            self.store(output, row, 0, &sum);
        }
    }

    #[inline]
    fn store<const WIDTH: usize>(&self, output: &mut [T], row: usize, offset: usize, sum: &[T; WIDTH]) {
        let column = self.column + offset;
        let bias = &self.bias[offset..offset + WIDTH];
        let output = &mut output[row * self.outputs + column..(row + 1) * self.outputs];
        if let Some(output) = output.first_chunk_mut::<WIDTH>() {
            for lane in 0..WIDTH {
                output[lane] = sum[lane] + bias[lane];
            }
        } else {
            for ((output, sum), bias) in output.iter_mut().zip(sum).zip(bias) {
                *output = *sum + *bias;
            }
        }
    }
}

#[inline(always)]
fn wide_row<T: Real, const WIDE: usize>(input: &[T], weights: &[[T; WIDE]], sum: &mut [T; WIDE]) {
    let mut sums = [T::ZERO; WIDE];
    for (x, weights) in input.iter().zip(weights) {
        for lane in 0..WIDE {
            sums[lane] = sums[lane] + *x * weights[lane];
        }
    }
    *sum = sums;
}

#[inline(always)]
fn wide_rows<T: Real, const WIDE: usize, const PART: usize>(
    input: &[T],
    weights: &[[T; WIDE]],
    part: usize,
    sums: &mut [[T; PART]; ROWS],
) {
    let inputs = weights.len();
    let (a, rest) = input.split_at(inputs);
    let (b, rest) = rest.split_at(inputs);
    let (c, d) = rest.split_at(inputs);
    let [mut sum_a, mut sum_b, mut sum_c, mut sum_d] = [[T::ZERO; PART]; ROWS];
    for ((((a, b), c), d), weights) in a.iter().zip(b).zip(c).zip(d).zip(weights) {
        let weights: &[T; PART] = &weights.as_chunks().0[part];
        for lane in 0..PART {
            sum_a[lane] = sum_a[lane] + *a * weights[lane];
        }
        for lane in 0..PART {
            sum_b[lane] = sum_b[lane] + *b * weights[lane];
        }
        for lane in 0..PART {
            sum_c[lane] = sum_c[lane] + *c * weights[lane];
        }
        for lane in 0..PART {
            sum_d[lane] = sum_d[lane] + *d * weights[lane];
        }
    }
    *sums = [sum_a, sum_b, sum_c, sum_d];
}

#[inline(always)]
fn narrow_row<T: Real, const WIDTH: usize>(input: &[T], weights: &[[T; WIDTH]], sum: &mut [T; WIDTH]) {
    let (groups, last) = weights.as_chunks::<4>();
    let (inputs, rest) = input.as_chunks::<4>();
    let mut sums = [[T::ZERO; WIDTH]; 4];
    for (x, weights) in inputs.iter().zip(groups) {
        for chain in 0..4 {
            for lane in 0..WIDTH {
                sums[chain][lane] = sums[chain][lane] + x[chain] * weights[chain][lane];
            }
        }
    }
    for ((x, weights), sum) in rest.iter().zip(last).zip(&mut sums) {
        for lane in 0..WIDTH {
            sum[lane] = sum[lane] + *x * weights[lane];
        }
    }
    for lane in 0..WIDTH {
        sum[lane] = (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]);
    }
}

/// The loops, compiled for one kind of processor.
pub(super) trait Panels<T> {
    fn wide(panel: Panel<'_, T>, input: &[T], output: &mut [T]);
    fn narrow(panel: Panel<'_, T>, input: &[T], output: &mut [T]);
    fn tiny(panel: Panel<'_, T>, input: &[T], output: &mut [T]);
    fn activate(activation: Activation, values: &mut [T], width: usize);
}

/// For any processor.
pub(super) struct Portable;

/// For a processor that was found to have AVX2.
#[cfg(target_arch = "x86_64")]
struct Avx2;

/// Number types that dense chains are compiled for: `f32` and `f64`.
pub trait DenseReal: Real {
    /// Outputs of a wide panel.
    #[doc(hidden)]
    const WIDE: usize;
    /// Outputs of a narrow panel.
    #[doc(hidden)]
    const NARROW: usize;
    /// Outputs of the narrowest panel.
    #[doc(hidden)]
    const TINY: usize;

    #[doc(hidden)]
    fn evaluate(layers: &[DenseLayer<Self>], rows: usize, input: &[Self], output: &mut [Self], scratch: &mut [Self]);
}

macro_rules! panels {
    ($processor:ident, $float:ident, $wide:literal, $narrow:literal, $tiny:literal, $(#[$attribute:meta])*) => {
        impl Panels<$float> for $processor {
            fn wide(panel: Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                $(#[$attribute])*
                #[inline(never)]
                fn one(input: &[$float], weights: &[[$float; $wide]], sum: &mut [$float; $wide]) {
                    wide_row(input, weights, sum);
                }
                $(#[$attribute])*
                #[inline(never)]
                fn four(
                    input: &[$float],
                    weights: &[[$float; $wide]],
                    part: usize,
                    sums: &mut [[$float; $narrow]; ROWS],
                ) {
                    wide_rows(input, weights, part, sums);
                }
                // SAFETY: `Avx2` is only named where the processor was found to have AVX2.
                #[allow(unused_unsafe)]
                panel.wide(
                    input,
                    output,
                    |input, weights, sum| unsafe { one(input, weights, sum) },
                    |input, weights, part, sums| unsafe { four(input, weights, part, sums) },
                );
            }

            fn narrow(panel: Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                $(#[$attribute])*
                #[inline(never)]
                fn one(input: &[$float], weights: &[[$float; $narrow]], sum: &mut [$float; $narrow]) {
                    narrow_row(input, weights, sum);
                }
                // SAFETY: as above.
                #[allow(unused_unsafe)]
                panel.narrow(input, output, |input, weights, sum| unsafe { one(input, weights, sum) });
            }

            fn tiny(panel: Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                $(#[$attribute])*
                #[inline(never)]
                fn one(input: &[$float], weights: &[[$float; $tiny]], sum: &mut [$float; $tiny]) {
                    narrow_row(input, weights, sum);
                }
                // SAFETY: as above.
                #[allow(unused_unsafe)]
                panel.narrow(input, output, |input, weights, sum| unsafe { one(input, weights, sum) });
            }

            fn activate(activation: Activation, values: &mut [$float], width: usize) {
                $(#[$attribute])*
                fn apply(activation: Activation, values: &mut [$float], width: usize) {
                    activation.apply_inlined(values, width);
                }
                // SAFETY: as above.
                #[allow(unused_unsafe)]
                unsafe {
                    apply(activation, values, width);
                }
            }
        }
    };
}

macro_rules! dense_real {
    ($float:ident, $wide:literal, $narrow:literal, $tiny:literal) => {
        panels!(Portable, $float, $wide, $narrow, $tiny,);
        #[cfg(target_arch = "x86_64")]
        panels!(Avx2, $float, $wide, $narrow, $tiny, #[target_feature(enable = "avx2")]);

        impl DenseReal for $float {
            const WIDE: usize = $wide;
            const NARROW: usize = $narrow;
            const TINY: usize = $tiny;

            fn evaluate(
                layers: &[DenseLayer<Self>],
                rows: usize,
                input: &[Self],
                output: &mut [Self],
                scratch: &mut [Self],
            ) {
                #[cfg(target_arch = "x86_64")]
                if std::arch::is_x86_feature_detected!("avx2") {
                    run::<Self, Avx2>(layers, rows, input, output, scratch);
                    return;
                }
                run::<Self, Portable>(layers, rows, input, output, scratch);
            }
        }
    };
}

dense_real!(f32, 64, 16, 8);
dense_real!(f64, 32, 8, 4);
