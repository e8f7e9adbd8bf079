//! Exponential functions that the compiler vectorises: no branch, no table, no call. They use only additions,
//! multiplications and bit patterns in a fixed order, so they give the same bits on every machine; the error is below
//! 2 units in the last place.
//!
//! Method: `x = k ln 2 + r` with `|r| <= ln 2 / 2`, `exp(r) - 1` by its Taylor series, then two scalings by powers of two,
//! because one would miss the subnormal results and the very large ones. The twelve terms of a double are added in pairs, pairs of
//! pairs and so on (Estrin's scheme): for as few values as a row of shares has, Horner's would mostly wait for itself.

#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors, else it isn't vectorised"
)]

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` and `f64`.
pub trait Real:
    Copy
    + PartialOrd
    + Default
    + std::fmt::Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Negative infinity.
    const LOWEST: Self;

    /// The nearest value.
    #[must_use]
    fn from_f64(value: f64) -> Self;
    /// Magnitude.
    #[must_use]
    fn magnitude(self) -> Self;
    /// e to the power of `self`.
    #[must_use]
    fn exponential(self) -> Self;
    /// [`exponential`](Self::exponential) of each value, in place.
    #[inline]
    fn exponentials(values: &mut [Self]) {
        for value in values {
            *value = value.exponential();
        }
    }
    /// Softmax of a row by vectors of the processor, in place; `false` when there is nothing for such a row.
    #[inline]
    fn softmax(_row: &mut [Self]) -> bool {
        false
    }
    /// e to the power of `self`, minus 1, without cancellation. For arguments up to 80.
    #[must_use]
    fn exponential_minus_one(self) -> Self;
    /// Sine.
    #[must_use]
    fn sine(self) -> Self;
    /// Cosine.
    #[must_use]
    fn cosine(self) -> Self;
    /// Arc tangent.
    #[must_use]
    fn arc_tangent(self) -> Self;
    /// Logarithm of `1 + self`.
    #[must_use]
    fn logarithm_plus_one(self) -> Self;
}

/// Powers of two whose product is `2^k`, and `exp(r) - 1`.
struct Reduced<T> {
    first: T,
    second: T,
    rest: T,
}

macro_rules! elementary {
    ($float:ident, $bits:ident, lowest: $lowest:expr, highest: $highest:expr, high: $high:expr, low: $low:expr,
     rounder: $rounder:expr, bias: $bias:expr, shift: $shift:expr, series: $series:path $(, $more:item)*) => {
        impl Reduced<$float> {
            #[inline(always)]
            fn of(x: $float) -> Self {
                // Adding this leaves the nearest integer in the low bits of the pattern.
                const ROUNDER: $float = $rounder;
                // Comparisons, not min and max: those would swallow NaN.
                let x = if x < $lowest {
                    $lowest
                } else if x > $highest {
                    $highest
                } else {
                    x
                };
                let k = x * std::$float::consts::LOG2_E + ROUNDER - ROUNDER;
                let r = x - k * $high - k * $low;
                let half = k * 0.5 + ROUNDER;
                let other = k - (half - ROUNDER) + ROUNDER;
                Self {
                    first: $float::from_bits(half.to_bits().wrapping_add($bias) << $shift),
                    second: $float::from_bits(other.to_bits().wrapping_add($bias) << $shift),
                    rest: r * r * $series(r) + r,
                }
            }
        }

        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $float::NEG_INFINITY;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }

            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn exponential(self) -> Self {
                let reduced = Reduced::<$float>::of(self);
                (1.0 + reduced.rest) * reduced.first * reduced.second
            }

            $($more)*

            #[inline(always)]
            fn exponential_minus_one(self) -> Self {
                let reduced = Reduced::<$float>::of(self);
                let scale = reduced.first * reduced.second;
                scale * reduced.rest + (scale - 1.0)
            }

            #[inline]
            fn sine(self) -> Self {
                self.sin()
            }

            #[inline]
            fn cosine(self) -> Self {
                self.cos()
            }

            #[inline]
            fn arc_tangent(self) -> Self {
                self.atan()
            }

            #[inline]
            fn logarithm_plus_one(self) -> Self {
                self.ln_1p()
            }
        }
    };
}

/// `1/2! + r/3! + r^2/4! ...` by Horner's scheme.
#[inline(always)]
fn single_series(r: f32) -> f32 {
    [5040.0, 720.0, 120.0, 24.0, 6.0, 2.0]
        .iter()
        .fold(0.0, |sum, divisor: &f64| sum * r + (1.0 / divisor) as f32)
}

/// The same by Estrin's scheme.
#[inline(always)]
fn double_series(r: f64) -> f64 {
    let second = r * r;
    let fourth = second * second;
    let pair = |at: usize| double::TERMS[at] + double::TERMS[at + 1] * r;
    let four = |at: usize| pair(at) + pair(at + 2) * second;
    four(0) + four(4) * fourth + four(8) * (fourth * fourth)
}

elementary!(
    f32, u32,
    lowest: -104.0, highest: 89.0,
    // ln 2 in two parts; products of the first with an exponent are exact.
    high: 0.693_359_4, low: -2.121_944_4e-4,
    rounder: 12_582_912.0, bias: 127, shift: 23,
    series: single_series
);

/// What the exponential function of doubles is made of.
pub(super) mod double {
    pub(crate) const LOWEST: f64 = -746.0;
    pub(crate) const HIGHEST: f64 = 710.0;
    pub(crate) const HIGH: f64 = 6.931_471_803_691_238e-1;
    pub(crate) const LOW: f64 = 1.908_214_929_270_587_7e-10;
    pub(crate) const ROUNDER: f64 = 6_755_399_441_055_744.0;
    pub(crate) const BIAS: i64 = 1023;
    pub(crate) const SHIFT: i32 = 52;
    /// `1/2!`, `1/3!` ...
    pub(crate) const TERMS: [f64; 12] = [
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
}

elementary!(
    f64, u64,
    lowest: double::LOWEST, highest: double::HIGHEST,
    high: double::HIGH, low: double::LOW,
    rounder: double::ROUNDER, bias: double::BIAS.cast_unsigned(), shift: double::SHIFT,
    series: double_series,
    #[inline]
    fn exponentials(values: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            #[allow(unsafe_code)]
            unsafe {
                super::vectors::exponentials(values);
            }
            return;
        }
        for value in values {
            *value = value.exponential();
        }
    },
    #[inline]
    fn softmax(row: &mut [Self]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            #[allow(unsafe_code)]
            return unsafe { super::vectors::softmax(row) };
        }
        false
    }
);

/// Hyperbolic tangent: `-e / (2 + e)` with `e = exp(-2|x|) - 1` neither overflows nor cancels.
#[inline(always)]
pub(crate) fn hyperbolic_tangent<T: Real>(x: T) -> T {
    let two = T::ONE + T::ONE;
    let e = (-(two * x.magnitude())).exponential_minus_one();
    let positive = -e / (two + e);
    if x < T::ZERO { -positive } else { positive }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(got: f64, want: f64) -> f64 {
        if got == want {
            return 0.0;
        }
        (got - want).abs() / (want.abs().next_up() - want.abs()).max(f64::MIN_POSITIVE)
    }

    fn ulps_single(got: f32, want: f64) -> f64 {
        let nearest = want as f32;
        if got == nearest {
            return 0.0;
        }
        (f64::from(got) - want).abs() / f64::from((nearest.abs().next_up() - nearest.abs()).max(f32::from_bits(1)))
    }

    fn arguments(from: f64, to: f64) -> impl Iterator<Item = f64> {
        (0..200_000).map(move |n| from + (to - from) * f64::from(n) / 200_000.0)
    }

    #[test]
    fn exponential_is_within_two_units_in_the_last_place() {
        for x in arguments(-708.0, 709.7) {
            assert!(ulps(x.exponential(), x.exp()) <= 2.0, "exp({x})");
        }
        for x in arguments(-103.0, 88.72) {
            let x = x as f32;
            assert!(ulps_single(x.exponential(), f64::from(x).exp()) <= 2.0, "exp({x})");
        }
    }

    #[test]
    fn vectors_of_the_processor_give_the_same_bits() {
        let special = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            -745.1,
            -708.5,
            -740.0,
            709.78,
            710.5,
            1e-300,
        ];
        let all: Vec<f64> = arguments(-760.0, 720.0).chain(special).collect();
        for length in [1, 2, 3, 5, all.len()] {
            let mut values = all[all.len() - length..].to_vec();
            f64::exponentials(&mut values);
            for (x, got) in all[all.len() - length..].iter().zip(values) {
                assert!(
                    got.to_bits() == x.exponential().to_bits() || got.is_nan() && x.is_nan(),
                    "exp({x}) = {got}"
                );
            }
        }
    }

    #[test]
    fn exponential_minus_one_does_not_cancel() {
        for x in arguments(-40.0, 3.0).chain(arguments(-1e-3, 1e-3)) {
            assert!(ulps(x.exponential_minus_one(), x.exp_m1()) <= 3.0, "expm1({x})");
            let x = x as f32;
            assert!(
                ulps_single(x.exponential_minus_one(), f64::from(x).exp_m1()) <= 3.0,
                "expm1({x})"
            );
        }
    }

    #[test]
    fn tangent_keeps_its_relative_precision_down_to_zero() {
        for x in arguments(-25.0, 25.0).chain(arguments(-1e-3, 1e-3)) {
            assert!(ulps(hyperbolic_tangent(x), x.tanh()) <= 4.0, "tanh({x})");
            let x = x as f32;
            assert!(
                ulps_single(hyperbolic_tangent(x), f64::from(x).tanh()) <= 4.0,
                "tanh({x})"
            );
        }
    }

    #[test]
    fn the_ends_of_the_range_are_zero_and_infinity_and_nan_stays() {
        assert_eq!(f64::NEG_INFINITY.exponential(), 0.0);
        assert_eq!(f64::INFINITY.exponential(), f64::INFINITY);
        assert_eq!((-1000_f32).exponential(), 0.0);
        assert_eq!(1000_f32.exponential(), f32::INFINITY);
        assert_eq!(0_f64.exponential(), 1.0);
        assert!(f64::NAN.exponential().is_nan());
        assert!(f32::NAN.exponential_minus_one().is_nan());
        assert!(hyperbolic_tangent(f64::NAN).is_nan());
        assert_eq!(hyperbolic_tangent(f64::NEG_INFINITY), -1.0);
        assert_eq!(hyperbolic_tangent(f32::INFINITY), 1.0);
    }
}
