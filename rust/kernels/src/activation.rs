//! Functions between the layers of a network, applied in place to rows of numbers.

#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors, else it isn't vectorised"
)]

mod elementary;
#[cfg(target_arch = "x86_64")]
pub(crate) mod vectors;

pub use elementary::Real;
pub(crate) use elementary::hyperbolic_tangent;

/// A function from the weighted sums of a layer to its values. The names are PMML's where PMML has the function
/// (`ACTIVATION-FUNCTION` and `NN-NORMALIZATION-METHOD` of PMML 4.4, `NeuralNetwork`), else TensorFlow's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `z`
    #[default]
    Identity,
    /// 1 where `z` exceeds the threshold, else 0
    Threshold(f64),
    /// `1 / (1 + exp(-z))`
    Logistic,
    /// Hyperbolic tangent
    Tanh,
    /// `exp(z)`
    Exponential,
    /// `1 / z`
    Reciprocal,
    /// `z * z`
    Square,
    /// `exp(-z * z)`
    Gauss,
    /// Sine
    Sine,
    /// Cosine
    Cosine,
    /// `z / (1 + |z|)`; TensorFlow calls it Softsign
    Elliott,
    /// `2 atan(z) / pi`
    Arctan,
    /// `max(0, z)`; TensorFlow calls it Relu
    Rectifier,
    /// `min(max(0, z), 6)`
    Relu6,
    /// `z` where it is positive, else `z` times the slope
    LeakyRelu(f64),
    /// `z` where it is positive, else `alpha (exp(z) - 1)`
    Elu(f64),
    /// Scaled exponential linear unit with the constants of Klambauer et al., 2017
    Selu,
    /// `ln(1 + exp(z))`
    Softplus,
    /// `z / (1 + exp(-z))`
    Swish,
    /// `slope z + offset`, but not below 0 nor above 1; the name is ONNX's
    HardSigmoid {
        /// Factor of `z`
        slope: f64,
        /// What is added
        offset: f64,
    },
    /// `z` times the hard sigmoid with slope 1/6 and offset 1/2; the name is ONNX's
    HardSwish,
    /// `z`, but not below `low` nor above `high`; ONNX calls it Clip
    Clamp {
        /// Lowest value
        low: f64,
        /// Highest value
        high: f64,
    },
    /// Over the row: `exp(z)` divided by the sum of all `exp(z)`, whatever the magnitude of `z`
    Softmax,
    /// Over the row: `z` divided by the sum of all `z`
    Simplemax,
}

/// From so many values on the widest vectors are worth it.
const MANY: usize = 256;

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

impl Activation {
    /// Applies the function in place to rows of `width` values; `width` matters only where the function spans the row.
    ///
    /// Row functions leave a last incomplete row alone. `width` 0 is taken as one row.
    pub fn apply<T: Real>(self, values: &mut [T], width: usize) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            if values.len() >= MANY && std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has AVX-512.
                unsafe { apply_avx512(self, values, width) };
                return;
            }
            // SAFETY: the processor has AVX2.
            unsafe { apply_avx2(self, values, width) };
            return;
        }
        self.apply_inlined(values, width);
    }

    #[inline(always)]
    pub(crate) fn apply_inlined<T: Real>(self, values: &mut [T], width: usize) {
        let real = T::from_f64;
        match self {
            Self::Identity => {}
            Self::Threshold(threshold) => {
                let threshold = real(threshold);
                each_simple(values, |z| if z > threshold { T::ONE } else { keep_nan(z, T::ZERO) });
            }
            Self::Logistic => each(values, logistic),
            Self::Tanh => each(values, hyperbolic_tangent),
            Self::Exponential => each(values, T::exponential),
            Self::Reciprocal => each_simple(values, |z| T::ONE / z),
            Self::Square => each_simple(values, |z| z * z),
            Self::Gauss => each(values, |z| (-(z * z)).exponential()),
            Self::Sine => each_simple(values, T::sine),
            Self::Cosine => each_simple(values, T::cosine),
            Self::Elliott => each_simple(values, |z| z / (T::ONE + z.magnitude())),
            Self::Arctan => each_simple(values, |z| real(std::f64::consts::FRAC_2_PI) * z.arc_tangent()),
            Self::Rectifier => each_simple(values, |z| if z < T::ZERO { T::ZERO } else { z }),
            Self::Relu6 => {
                let six = real(6.0);
                each_simple(values, |z| clamp(z, T::ZERO, six));
            }
            Self::LeakyRelu(slope) => {
                let slope = real(slope);
                each_simple(values, |z| if z < T::ZERO { slope * z } else { z });
            }
            Self::Elu(alpha) => {
                let alpha = real(alpha);
                each(values, |z| exponential_below_zero(z, alpha));
            }
            Self::Selu => {
                let (scale, alpha) = (real(SELU_SCALE), real(SELU_ALPHA));
                each(values, |z| scale * exponential_below_zero(z, alpha));
            }
            Self::Softplus => each(values, softplus),
            Self::Swish => each(values, |z| z * logistic(z)),
            Self::HardSigmoid { slope, offset } => {
                let (slope, offset) = (real(slope), real(offset));
                each_simple(values, |z| clamp(slope * z + offset, T::ZERO, T::ONE));
            }
            Self::HardSwish => {
                let (sixth, half) = (real(1.0 / 6.0), real(0.5));
                each_simple(values, |z| z * clamp(sixth * z + half, T::ZERO, T::ONE));
            }
            Self::Clamp { low, high } => {
                let (low, high) = (real(low), real(high));
                each_simple(values, |z| clamp(z, low, high));
            }
            // Loops, as what iterators call would not be compiled for the processor's vectors.
            Self::Softmax => {
                for row in rows(values, width) {
                    softmax(row);
                }
            }
            Self::Simplemax => {
                for row in rows(values, width) {
                    let sum = row.iter().fold(T::ZERO, |sum, z| sum + *z);
                    each_simple(row, |z| z / sum);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn apply_avx2<T: Real>(activation: Activation, values: &mut [T], width: usize) {
    activation.apply_inlined(values, width);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
fn apply_avx512<T: Real>(activation: Activation, values: &mut [T], width: usize) {
    activation.apply_inlined(values, width);
}

/// For functions of many instructions: a layer is short, so the tail of a vectorised loop would be most of the work.
#[inline(always)]
fn each<T: Real>(values: &mut [T], function: impl Fn(T) -> T) {
    // Images are long: several vectors at a time, as each waits for itself.
    let (groups, values) = values.as_chunks_mut::<32>();
    for group in groups {
        for value in group {
            *value = function(*value);
        }
    }
    let (groups, rest) = values.as_chunks_mut::<8>();
    for group in groups {
        for value in group {
            *value = function(*value);
        }
    }
    let (groups, rest) = rest.as_chunks_mut::<4>();
    for group in groups {
        for value in group {
            *value = function(*value);
        }
    }
    // One group more costs as much as one value more.
    if !rest.is_empty() {
        let mut group = [T::ZERO; 4];
        group[..rest.len()].copy_from_slice(rest);
        for value in &mut group {
            *value = function(*value);
        }
        rest.copy_from_slice(&group[..rest.len()]);
    }
}

/// For functions of a few instructions.
#[inline(always)]
fn each_simple<T: Real>(values: &mut [T], function: impl Fn(T) -> T) {
    for value in values {
        *value = function(*value);
    }
}

#[inline(always)]
fn rows<T>(values: &mut [T], width: usize) -> std::slice::ChunksExactMut<'_, T> {
    let width = if width == 0 { values.len().max(1) } else { width };
    values.chunks_exact_mut(width)
}

#[inline(always)]
fn keep_nan<T: Real>(z: T, value: T) -> T {
    if z.partial_cmp(&z).is_none() { z } else { value }
}

/// NaN stays.
#[inline(always)]
fn clamp<T: Real>(z: T, low: T, high: T) -> T {
    let z = if z < low { low } else { z };
    if z > high { high } else { z }
}

#[inline(always)]
fn logistic<T: Real>(z: T) -> T {
    T::ONE / (T::ONE + (-z).exponential())
}

#[inline(always)]
fn exponential_below_zero<T: Real>(z: T, alpha: T) -> T {
    let below = if z > T::ZERO { T::ZERO } else { z };
    let bent = alpha * below.exponential_minus_one();
    if z > T::ZERO { z } else { bent }
}

#[inline(always)]
fn softplus<T: Real>(z: T) -> T {
    let positive = if z < T::ZERO { T::ZERO } else { z };
    positive + (-z.magnitude()).exponential().logarithm_plus_one()
}

#[inline(always)]
fn softmax<T: Real>(row: &mut [T]) {
    if T::softmax(row) {
        return;
    }
    // The largest exponent becomes 0: nothing overflows and the sum is at least 1.
    let largest = row
        .iter()
        .fold(T::LOWEST, |largest, z| if *z > largest { *z } else { largest });
    each_simple(row, |z| z - largest);
    T::exponentials(row);
    let sum = row.iter().fold(T::ZERO, |sum, z| sum + *z);
    each_simple(row, |z| z / sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(activation: Activation, z: f64) -> f64 {
        let mut value = [z];
        activation.apply(&mut value, 1);
        let mut single = [z as f32];
        activation.apply(&mut single, 1);
        let (double, single) = (value[0], f64::from(single[0]));
        assert!(
            (double - single).abs() <= 1e-6 + 1e-6 * double.abs() || double.is_nan() && single.is_nan(),
            "{activation:?}({z}): {double} in double, {single} in single precision"
        );
        double
    }

    /// Values from the definitions, computed with 20 digits.
    #[test]
    fn functions_of_one_value_are_those_of_the_specification() {
        let table = [
            (Activation::Identity, 1.5, 1.5),
            (Activation::Threshold(0.5), 0.5, 0.0),
            (Activation::Threshold(0.5), 0.6, 1.0),
            (Activation::Logistic, 0.0, 0.5),
            (Activation::Logistic, 2.0, 0.880_797_077_977_882_4),
            (Activation::Logistic, -2.0, 0.119_202_922_022_117_57),
            (Activation::Tanh, 0.5, 0.462_117_157_260_009_76),
            (Activation::Exponential, 1.0, std::f64::consts::E),
            (Activation::Reciprocal, 4.0, 0.25),
            (Activation::Square, -3.0, 9.0),
            (Activation::Gauss, 2.0, 0.018_315_638_888_734_18),
            (Activation::Sine, std::f64::consts::FRAC_PI_2, 1.0),
            (Activation::Cosine, std::f64::consts::PI, -1.0),
            (Activation::Elliott, -3.0, -0.75),
            (Activation::Arctan, 1.0, 0.5),
            (Activation::Rectifier, -2.0, 0.0),
            (Activation::Rectifier, 2.0, 2.0),
            (Activation::Relu6, 7.0, 6.0),
            (Activation::Relu6, -7.0, 0.0),
            (Activation::LeakyRelu(0.2), -1.0, -0.2),
            (Activation::Elu(1.0), -1.0, -0.632_120_558_828_557_7),
            (Activation::Elu(1.0), 3.0, 3.0),
            (Activation::Selu, -1.0, -1.111_330_737_812_562_7),
            (Activation::Selu, 1.0, SELU_SCALE),
            (Activation::Softplus, 0.0, std::f64::consts::LN_2),
            (Activation::Softplus, 1000.0, 1000.0),
            (Activation::Swish, 2.0, 1.761_594_155_955_764_9),
            (
                Activation::HardSigmoid {
                    slope: 0.2,
                    offset: 0.5,
                },
                1.0,
                0.7,
            ),
            (
                Activation::HardSigmoid {
                    slope: 0.2,
                    offset: 0.5,
                },
                -3.0,
                0.0,
            ),
            (
                Activation::HardSigmoid {
                    slope: 0.2,
                    offset: 0.5,
                },
                3.0,
                1.0,
            ),
            (Activation::HardSwish, 1.5, 1.125),
            (Activation::HardSwish, -3.5, 0.0),
            (Activation::HardSwish, 4.0, 4.0),
            (Activation::Clamp { low: -1.0, high: 2.5 }, -2.0, -1.0),
            (Activation::Clamp { low: -1.0, high: 2.5 }, 0.5, 0.5),
            (Activation::Clamp { low: -1.0, high: 2.5 }, 3.0, 2.5),
        ];
        for (activation, z, want) in table {
            let got = of(activation, z);
            assert!(
                (got - want).abs() <= 1e-15 + 4e-16 * want.abs(),
                "{activation:?}({z}) = {got}, not {want}"
            );
        }
    }

    #[test]
    fn nan_goes_through_every_function() {
        use Activation::*;
        for activation in [
            Threshold(0.0),
            Logistic,
            Tanh,
            Exponential,
            Reciprocal,
            Square,
            Gauss,
            Sine,
            Cosine,
            Elliott,
            Arctan,
            Rectifier,
            Relu6,
            LeakyRelu(0.1),
            Elu(1.0),
            Selu,
            Softplus,
            Swish,
            HardSigmoid {
                slope: 0.2,
                offset: 0.5,
            },
            HardSwish,
            Clamp { low: 0.0, high: 1.0 },
            Softmax,
            Simplemax,
        ] {
            assert!(of(activation, f64::NAN).is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn softmax_of_large_values_is_that_of_their_differences() {
        let mut rows = [1000.0_f64, 1001.0, 1002.0, -1000.0, -999.0, -998.0];
        Activation::Softmax.apply(&mut rows, 3);
        let want = [
            0.090_030_573_170_380_46,
            0.244_728_471_054_797_64,
            0.665_240_955_774_821_9,
        ];
        for (got, want) in rows.iter().zip(want.iter().chain(&want)) {
            assert!((got - want).abs() < 1e-15, "{rows:?}");
        }
    }

    #[test]
    fn softmax_of_few_values_has_the_bits_of_the_formula() {
        for width in 1..12 {
            for special in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e308] {
                let mut row: Vec<f64> = (0..width).map(|n| f64::from(n * 7 % 5) * 0.37 - 1.0).collect();
                row[(width / 2) as usize] = special;
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = row.iter().map(|z| (z - largest).exponential()).collect();
                let sum = powers.iter().fold(0.0, |sum, power| sum + power);
                Activation::Softmax.apply(&mut row, width as usize);
                for (got, power) in row.iter().zip(powers) {
                    let want = power / sum;
                    assert!(
                        got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                        "{width} values with {special}: {got}, not {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn simplemax_divides_by_the_sum_of_the_row() {
        let mut rows = [1.0_f32, 3.0, 2.0, 2.0];
        Activation::Simplemax.apply(&mut rows, 2);
        assert_eq!(rows, [0.25, 0.75, 0.5, 0.5]);
    }

    #[test]
    fn a_value_does_not_depend_on_its_neighbours() {
        let alone: Vec<f32> = (0..37_i16)
            .map(|n| {
                let mut value = [f32::from(n) / 9.0 - 2.0];
                Activation::Logistic.apply(&mut value, 1);
                value[0]
            })
            .collect();
        let mut together: Vec<f32> = (0..37_i16).map(|n| f32::from(n) / 9.0 - 2.0).collect();
        Activation::Logistic.apply(&mut together, 37);
        assert_eq!(alone, together);
    }
}
