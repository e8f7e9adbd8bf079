//! Functions of one element.

use serving_kernels::activation::{Activation, Real};
use serving_kernels::probability::normal_quantile;

use super::convert::map;
use super::float::Float;
use super::special::{digamma, inverse_error_function, log_gamma};
use super::wrong_type;
use crate::array::{Array, DType, Data, Element};
use crate::graph::Unary;
use crate::trouble::Trouble;

fn softplus<T: Real>(x: T) -> T {
    let positive = if x > T::ZERO { x } else { T::ZERO };
    positive + (-x.magnitude()).exponential().logarithm_plus_one()
}

fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exponential())
}

fn tanh<T: Real>(x: T) -> T {
    let two = T::from_f64(2.0);
    let e = (-(two * x.magnitude())).exponential_minus_one();
    let positive = -e / (two + e);
    if x < T::ZERO { -positive } else { positive }
}

fn clamp<T: Real>(x: T, low: T, high: T) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

fn in_place<T: Float>(shape: &[usize], values: &[T], function: fn(&mut [T])) -> Array {
    let mut result = values.to_vec();
    function(&mut result);
    Array::new(shape.to_vec(), result)
}

/// Functions with parameters, after ONNX's definitions.
fn bent<T: Float>(function: Unary, shape: &[usize], values: &[T]) -> Option<Array> {
    let real = T::from_f64;
    let below = |x: T, y: T| if x > T::ZERO { x } else { y };
    let wide = |function: fn(f64) -> f64| map(shape, values, |x: T| real(function(x.wide())));
    Some(match function {
        Unary::ErrorFunction => in_place(shape, values, T::error_functions),
        Unary::InverseErrorFunction => wide(inverse_error_function),
        Unary::NormalQuantile => wide(normal_quantile),
        Unary::LogGamma => wide(log_gamma),
        Unary::Digamma => wide(digamma),
        Unary::HardSigmoid { alpha, beta } => {
            let (alpha, beta) = (real(alpha), real(beta));
            map(shape, values, |x| clamp(alpha * x + beta, T::ZERO, T::ONE))
        }
        Unary::HardSwish => {
            let (sixth, half) = (real(1.0 / 6.0), real(0.5));
            map(shape, values, |x| x * clamp(sixth * x + half, T::ZERO, T::ONE))
        }
        Unary::Celu(alpha) => {
            let alpha = real(alpha);
            map(shape, values, |x| below(x, alpha * (x / alpha).exponential_minus_one()))
        }
        Unary::Selu { alpha, gamma } => {
            let (alpha, gamma) = (real(alpha), real(gamma));
            map(shape, values, |x| gamma * below(x, alpha * x.exponential_minus_one()))
        }
        Unary::Shrink { bias, limit } => {
            let (bias, limit) = (real(bias), real(limit));
            map(shape, values, |x| {
                if x < -limit {
                    x + bias
                } else if x > limit {
                    x - bias
                } else {
                    T::ZERO
                }
            })
        }
        Unary::ThresholdedRelu(alpha) => {
            let alpha = real(alpha);
            map(shape, values, |x| if x > alpha { x } else { T::ZERO })
        }
        Unary::Swish(alpha) => {
            let alpha = real(alpha);
            map(shape, values, |x| x * sigmoid(alpha * x))
        }
        Unary::Mish => map(shape, values, |x| x * tanh(softplus(x))),
        Unary::Gelu { by_tanh: false } => {
            let (half, root) = (real(0.5), real(std::f64::consts::FRAC_1_SQRT_2));
            let mut result: Vec<T> = values.iter().map(|x| *x * root).collect();
            T::error_functions(&mut result);
            for (result, x) in result.iter_mut().zip(values) {
                *result = half * *x * (T::ONE + *result);
            }
            Array::new(shape.to_vec(), result)
        }
        Unary::Gelu { by_tanh: true } => {
            let (half, cubic) = (real(0.5), real(0.044_715));
            let root = real(std::f64::consts::FRAC_2_PI.sqrt());
            map(shape, values, |x| {
                half * x * (T::ONE + tanh(root * (x + cubic * x * x * x)))
            })
        }
        Unary::Scale(factor) => {
            let factor = real(factor);
            map(shape, values, |x| x * factor)
        }
        _ => return None,
    })
}

pub(super) fn unary(function: Unary, array: &Array) -> Result<Array, Trouble> {
    let shape = &array.shape;
    macro_rules! float {
        ($values:expr) => {
            Ok(match function {
                Unary::Negative => map(shape, $values, |x| -x),
                Unary::Absolute => map(shape, $values, |x| x.abs()),
                Unary::SquareRoot => map(shape, $values, |x| x.sqrt()),
                Unary::ReciprocalSquareRoot => map(shape, $values, |x| x.sqrt().recip()),
                Unary::Logarithm => map(shape, $values, |x| x.ln()),
                Unary::LogarithmPlusOne => map(shape, $values, |x| x.ln_1p()),
                Unary::ExponentialMinusOne => map(shape, $values, |x| x.exp_m1()),
                Unary::Floor => map(shape, $values, |x| x.floor()),
                Unary::Ceiling => map(shape, $values, |x| x.ceil()),
                Unary::Round => map(shape, $values, |x| x.round_ties_even()),
                Unary::Sign => map(shape, $values, |x| {
                    if x == 0.0 || x.is_nan() { x } else { x.signum() }
                }),
                Unary::Square => map(shape, $values, |x| x * x),
                Unary::Tangent => map(shape, $values, |x| x.tan()),
                Unary::ArcSine => map(shape, $values, |x| x.asin()),
                Unary::ArcCosine => map(shape, $values, |x| x.acos()),
                Unary::ArcTangent => map(shape, $values, |x| x.atan()),
                Unary::HyperbolicSine => map(shape, $values, |x| x.sinh()),
                Unary::HyperbolicCosine => map(shape, $values, |x| x.cosh()),
                Unary::AreaSine => map(shape, $values, |x| x.asinh()),
                Unary::AreaCosine => map(shape, $values, |x| x.acosh()),
                Unary::AreaTangent => map(shape, $values, |x| x.atanh()),
                _ => return bent(function, shape, $values).ok_or_else(|| wrong_type(&function, array)),
            })
        };
    }
    macro_rules! integer {
        ($values:expr, $absolute:expr, $sign:expr) => {
            Ok(match function {
                Unary::Negative => map(shape, $values, |x| x.wrapping_neg()),
                Unary::Absolute => map(shape, $values, $absolute),
                Unary::Sign => map(shape, $values, $sign),
                Unary::Square => map(shape, $values, |x| x.wrapping_mul(x)),
                Unary::Not => map(shape, $values, |x| !x),
                Unary::Floor | Unary::Ceiling | Unary::Round => array.clone(),
                _ => return Err(wrong_type(&function, array)),
            })
        };
    }
    match &array.data {
        Data::F32(values) => float!(values),
        Data::F64(values) => float!(values),
        Data::I32(values) => integer!(values, i32::wrapping_abs, i32::signum),
        Data::I64(values) => integer!(values, i64::wrapping_abs, i64::signum),
        Data::U64(values) => integer!(values, |x| x, |x: u64| x.min(1)),
        Data::Bool(values) if function == Unary::Not => Ok(map(shape, values, |x: bool| !x)),
        _ => Err(wrong_type(&function, array)),
    }
}

pub(super) fn activate(function: Activation, array: &Array) -> Result<Array, Trouble> {
    fn applied<T: Element + Real>(function: Activation, array: &Array, values: &[T]) -> Array {
        let mut values = values.to_vec();
        function.apply(&mut values, array.shape.last().copied().unwrap_or(1));
        Array::new(array.shape.clone(), values)
    }
    match &array.data {
        Data::F32(values) => Ok(applied(function, array, values)),
        Data::F64(values) => Ok(applied(function, array, values)),
        Data::I32(values) if function == Activation::Rectifier => Ok(map(&array.shape, values, |x: i32| x.max(0))),
        Data::I64(values) if function == Activation::Rectifier => Ok(map(&array.shape, values, |x: i64| x.max(0))),
        _ => Err(wrong_type(&function, array)),
    }
}

/// Whether numbers are not numbers.
pub(super) fn is_nan(array: &Array) -> Result<Array, Trouble> {
    let wide = super::convert::cast(array, array.dtype().carrier())?;
    match &wide.data {
        Data::F32(values) => Ok(map(&array.shape, values, f32::is_nan)),
        Data::F64(values) => Ok(map(&array.shape, values, f64::is_nan)),
        _ => Err(wrong_type(&"IsNaN", array)),
    }
}

/// Whether numbers are infinite.
pub(super) fn is_infinite(array: &Array, positive: bool, negative: bool) -> Result<Array, Trouble> {
    let wide = super::convert::cast(array, array.dtype().carrier())?;
    let wide = super::convert::cast(&wide, DType::F64)?;
    let values = wide.view::<f64>()?;
    Ok(map(&array.shape, values, |x: f64| {
        (positive && x == f64::INFINITY) || (negative && x == f64::NEG_INFINITY)
    }))
}
