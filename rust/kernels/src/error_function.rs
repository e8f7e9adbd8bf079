//! The error function of many numbers.
#![allow(unsafe_code)]
#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors, else it isn't vectorised"
)]

use std::f64::consts::FRAC_2_SQRT_PI;

use crate::activation::Real;

/// Where the series gives way to the tail.
const FAR: f64 = 1.0;

/// Of Maclaurin's series in the square of the argument.
const SERIES: [f64; 13] = {
    let mut terms = [FRAC_2_SQRT_PI; 13];
    let mut n = 1;
    let mut factor = FRAC_2_SQRT_PI;
    while n < terms.len() {
        factor /= -(n as f64);
        terms[n] = factor / (2 * n + 1) as f64;
        n += 1;
    }
    terms
};

/// `erfc(x) * exp(x * x)` in `1 / (x + 2)`: Chebyshev's approximation for x from 0.9 on, off by 1.4e-9 at most once it is multiplied with
/// `exp(-x * x)`.
const TAIL: [f64; 10] = [
    5.425_536_546_421_75e-7,
    0.564_141_741_205_908_4,
    1.130_128_951_968_855_3,
    1.939_632_834_161_822_3,
    3.247_301_712_467_427,
    -0.616_547_033_045_823_7,
    15.973_177_210_454_326,
    -56.128_898_823_100_81,
    62.389_301_923_691_924,
    -23.239_099_206_477_192,
];

/// Replaces each number by its error function, to within a unit in the last place.
pub fn error_functions(values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX-512.
            unsafe { each_avx512(values) };
            return;
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            unsafe { each_avx2(values) };
            return;
        }
    }
    each(values);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
fn each_avx512(values: &mut [f32]) {
    each(values);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn each_avx2(values: &mut [f32]) {
    each(values);
}

#[inline(always)]
fn each(values: &mut [f32]) {
    for value in values {
        *value = of(f64::from(*value)) as f32;
    }
}

#[inline(always)]
fn of(x: f64) -> f64 {
    let size = x.abs();
    let square = x * x;
    let near = x * SERIES.iter().rev().fold(0.0, |sum, term| sum * square + term);
    let place = 1.0 / (size + 2.0);
    let tail = TAIL.iter().rev().fold(0.0, |sum, term| sum * place + term);
    let far = (1.0 - (-square).exponential() * tail).copysign(x);
    if size < FAR { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::error_functions;
    use crate::probability::erf;

    #[test]
    fn it_is_that_of_double_precision_to_a_unit_in_the_last_place() {
        let mut arguments: Vec<f32> = (-60_000..=60_000).map(|n| n as f32 / 10_000.0).collect();
        arguments.extend([0.0, -0.0, 1e-30, -1e-42, 20.0, -1e30, f32::INFINITY, f32::NEG_INFINITY]);
        let mut values = arguments.clone();
        error_functions(&mut values);
        for (x, value) in arguments.iter().zip(&values) {
            let exact = if x.is_infinite() {
                x.signum()
            } else {
                erf(f64::from(*x)) as f32
            };
            let apart = value.to_bits().abs_diff(exact.to_bits());
            assert!(apart <= 1, "erf({x}) is {exact}, not {value}");
        }
    }

    #[test]
    fn no_number_stays_none_and_neighbours_do_not_matter() {
        let mut values = [f32::NAN, 0.5, f32::NAN, 1.5, 0.5];
        error_functions(&mut values);
        assert!(values[0].is_nan() && values[2].is_nan());
        let mut lone = [0.5];
        error_functions(&mut lone);
        assert_eq!([values[1], values[4]], [lone[0], lone[0]]);
    }
}
