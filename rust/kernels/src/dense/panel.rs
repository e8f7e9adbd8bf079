//! The loops over one panel of weights, compiled for any processor, for those with AVX2 and for those with AVX-512.
#![allow(unsafe_code)]
#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors"
)]

use super::{DenseLayer, run};
use crate::activation::Real;
use crate::lanes::{Lanes, Portable, copy_few};

/// Rows that share one load of the weights.
const ROWS: usize = 4;
/// Vectors of such a row.
const PAIR: usize = 2;
/// Partial sums of an output in a narrow panel.
const CHAINS: usize = 4;

/// One panel and where its outputs go.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a, T> {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) column: usize,
    /// Input after input, those of the panel's outputs side by side.
    pub(super) weights: &'a [T],
    pub(super) bias: &'a [T],
    /// Whether results below 0 become 0.
    pub(super) rectified: bool,
}

impl<T: Real> Panel<'_, T> {
    /// Outputs of the panel that the layer has.
    #[inline(always)]
    fn present(&self) -> usize {
        self.bias.len().min(self.outputs - self.column)
    }

    #[inline(always)]
    fn check(&self, width: usize, input: &[T], output: &[T]) {
        assert!(self.bias.len() == width && self.weights.len() == self.inputs * width);
        assert!(input.len() == self.rows * self.inputs && output.len() == self.rows * self.outputs);
        assert!(self.column < self.outputs);
    }

    #[inline(always)]
    unsafe fn finished<L: Lanes<Number = T>>(&self, sum: L, lane: usize) -> L {
        // SAFETY: the caller's processor has the vectors, and there are as many biases from this one on.
        unsafe {
            let sum = sum.plus(L::load(self.bias.as_ptr().add(lane)));
            if self.rectified { sum.rectified() } else { sum }
        }
    }
}

/// One sum for each output, the inputs in their order: enough of them run side by side. There are as many outputs as vectors
/// say, of which a lone row takes `SIDE` at a time, as many as the processor has room for.
#[inline(always)]
unsafe fn wide<L: Lanes, const VECTORS: usize, const SIDE: usize>(
    panel: &Panel<'_, L::Number>,
    input: &[L::Number],
    output: &mut [L::Number],
) {
    panel.check(VECTORS * L::COUNT, input, output);
    assert!(panel.present() == panel.bias.len());
    let mut row = 0;
    // SAFETY: the processor has the vectors, as the caller says; input and output have all rows and columns, as was seen.
    unsafe {
        let mut from = input.as_ptr();
        let mut to = output.as_mut_ptr().add(panel.column);
        while row + ROWS <= panel.rows {
            for vector in (0..VECTORS).step_by(PAIR) {
                tile::<L, ROWS, PAIR>(panel, from, to, vector * L::COUNT);
            }
            row += ROWS;
            from = from.add(ROWS * panel.inputs);
            to = to.add(ROWS * panel.outputs);
        }
        while row < panel.rows {
            for vector in (0..VECTORS).step_by(SIDE) {
                tile::<L, 1, SIDE>(panel, from, to, vector * L::COUNT);
            }
            row += 1;
            from = from.add(panel.inputs);
            to = to.wrapping_add(panel.outputs);
        }
    }
}

/// Some rows and, from `lane` on, some vectors of their outputs.
#[inline(always)]
unsafe fn tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    panel: &Panel<'_, L::Number>,
    from: *const L::Number,
    to: *mut L::Number,
    lane: usize,
) {
    // SAFETY: as the caller says.
    unsafe {
        let mut sums = [[L::all(L::Number::ZERO); VECTORS]; ROWS];
        let mut weights = panel.weights.as_ptr().add(lane);
        for place in 0..panel.inputs {
            let mut factors = [L::all(L::Number::ZERO); VECTORS];
            for (n, factor) in factors.iter_mut().enumerate() {
                *factor = L::load(weights.add(n * L::COUNT));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = L::all(*from.add(row * panel.inputs + place));
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum = sum.plus(value.times(factor));
                }
            }
            weights = weights.wrapping_add(panel.bias.len());
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (n, sum) in sums.into_iter().enumerate() {
                let place = lane + n * L::COUNT;
                panel.finished(sum, place).store(to.add(row * panel.outputs + place));
            }
        }
    }
}

/// [`CHAINS`] partial sums for each output, as there are few outputs. The last ones of a layer may be fewer than the panel's.
#[inline(always)]
unsafe fn narrow<L: Lanes, const VECTORS: usize>(
    panel: &Panel<'_, L::Number>,
    input: &[L::Number],
    output: &mut [L::Number],
) {
    panel.check(VECTORS * L::COUNT, input, output);
    let (width, present) = (panel.bias.len(), panel.present());
    for row in 0..panel.rows {
        // SAFETY: as above.
        unsafe {
            let from = input.as_ptr().add(row * panel.inputs);
            let mut sums = [[L::all(L::Number::ZERO); VECTORS]; CHAINS];
            let add = |sums: &mut [L; VECTORS], place: usize| {
                let value = L::all(*from.add(place));
                let weights = panel.weights.as_ptr().add(place * width);
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.plus(value.times(L::load(weights.add(n * L::COUNT))));
                }
            };
            let whole = panel.inputs - panel.inputs % CHAINS;
            for place in (0..whole).step_by(CHAINS) {
                for (chain, sums) in sums.iter_mut().enumerate() {
                    add(sums, place + chain);
                }
            }
            // Not a loop, so that the sums stay in registers.
            if whole < panel.inputs {
                add(&mut sums[0], whole);
            }
            if whole + 1 < panel.inputs {
                add(&mut sums[1], whole + 1);
            }
            if whole + 2 < panel.inputs {
                add(&mut sums[2], whole + 2);
            }
            let to = output.as_mut_ptr().add(row * panel.outputs + panel.column);
            let mut last = [L::Number::ZERO; 16];
            let room = if present == width { to } else { last.as_mut_ptr() };
            let [first, second, third, fourth] = sums;
            for n in 0..VECTORS {
                let sum = first[n].plus(second[n]).plus(third[n].plus(fourth[n]));
                panel.finished(sum, n * L::COUNT).store(room.add(n * L::COUNT));
            }
            if present < width {
                copy_few(last.as_ptr(), to, present);
            }
        }
    }
}

/// The loops, compiled for one kind of processor.
///
/// # Safety
/// Of all functions: the processor is one of the kind.
pub(super) trait Panels<T> {
    unsafe fn wide(panel: &Panel<'_, T>, input: &[T], output: &mut [T]);
    unsafe fn narrow(panel: &Panel<'_, T>, input: &[T], output: &mut [T]);
    unsafe fn tiny(panel: &Panel<'_, T>, input: &[T], output: &mut [T]);
}

/// Any processor.
pub(super) struct Any;

/// A processor that was found to have AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

/// A processor that was found to have AVX-512.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

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
    ($processor:ident, $float:ident, wide: $wide:ty, $wides:literal, $side:literal, narrow: $narrow:ty, $narrows:literal,
     tiny: $tiny:ty, $tinies:literal, $(#[$attribute:meta])*) => {
        impl Panels<$float> for $processor {
            $(#[$attribute])*
            unsafe fn wide(panel: &Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                // SAFETY: as the caller says; so below.
                unsafe { wide::<$wide, $wides, $side>(panel, input, output) };
            }

            $(#[$attribute])*
            unsafe fn narrow(panel: &Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                // SAFETY: as above.
                unsafe { narrow::<$narrow, $narrows>(panel, input, output) };
            }

            $(#[$attribute])*
            unsafe fn tiny(panel: &Panel<'_, $float>, input: &[$float], output: &mut [$float]) {
                // SAFETY: as above.
                unsafe { narrow::<$tiny, $tinies>(panel, input, output) };
            }
        }
    };
}

macro_rules! dense_real {
    ($float:ident, $wide:literal, $narrow:literal, $tiny:literal) => {
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
                // SAFETY: the processor was asked what it is.
                unsafe {
                    #[cfg(target_arch = "x86_64")]
                    if std::arch::is_x86_feature_detected!("avx512f") {
                        run::<Self, Avx512>(layers, rows, input, output, scratch);
                        return;
                    } else if std::arch::is_x86_feature_detected!("avx2") {
                        run::<Self, Avx2>(layers, rows, input, output, scratch);
                        return;
                    }
                    run::<Self, Any>(layers, rows, input, output, scratch);
                }
            }
        }
    };
}

dense_real!(f32, 64, 16, 8);
dense_real!(f64, 32, 8, 4);

panels!(Any, f32, wide: Portable<f32, 4>, 16, 8, narrow: Portable<f32, 4>, 4, tiny: Portable<f32, 4>, 2,);
panels!(Any, f64, wide: Portable<f64, 2>, 16, 8, narrow: Portable<f64, 2>, 4, tiny: Portable<f64, 2>, 2,);

#[cfg(target_arch = "x86_64")]
mod processors {
    use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    use super::{Avx2, Avx512, Panel, Panels, narrow, wide};

    panels!(Avx2, f32, wide: __m256, 8, 8, narrow: __m256, 2, tiny: __m256, 1, #[target_feature(enable = "avx2")]);
    panels!(Avx2, f64, wide: __m256d, 8, 8, narrow: __m256d, 2, tiny: __m256d, 1, #[target_feature(enable = "avx2")]);
    panels!(Avx512, f32, wide: __m512, 4, 4, narrow: __m512, 1, tiny: __m256, 1, #[target_feature(enable = "avx512f,avx2")]);
    panels!(Avx512, f64, wide: __m512d, 4, 4, narrow: __m512d, 1, tiny: __m256d, 1, #[target_feature(enable = "avx512f,avx2")]);
}
