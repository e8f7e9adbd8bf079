//! `f32` and `f64` in one.

use serving_kernels::activation::Real;
use serving_kernels::error_function::error_functions;
use serving_kernels::probability::erf;

use crate::array::{Array, Plain};

/// What operators need of a floating-point number.
pub(crate) trait Float: Real + Plain {
    fn wide(self) -> f64;
    fn root(self) -> Self;
    fn logarithm(self) -> Self;
    /// Replaces each number by its error function.
    fn error_functions(values: &mut [Self]);
    fn largest(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
    fn smallest(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
    /// Elements of an array of the same type.
    fn of(array: &Array) -> Result<&[Self], crate::trouble::Trouble> {
        array.view()
    }
}

macro_rules! float {
    ($($float:ident: $error_functions:expr;)*) => {
        $(impl Float for $float {
            fn wide(self) -> f64 {
                self.into()
            }
            fn root(self) -> Self {
                self.sqrt()
            }
            fn logarithm(self) -> Self {
                self.ln()
            }
            fn error_functions(values: &mut [Self]) {
                $error_functions(values);
            }
        })*
    };
}

float! {
    f32: error_functions;
    f64: |values: &mut [f64]| values.iter_mut().for_each(|value| *value = erf(*value));
}

/// Evaluates an expression that is generic over the float type, with `$values` bound to the elements.
macro_rules! for_floats {
    ($array:expr, $values:ident => $body:expr) => {
        match &$array.data {
            $crate::array::Data::F32($values) => $body,
            $crate::array::Data::F64($values) => $body,
            _ => Err($crate::trouble::Trouble::failed(format!(
                "{} where floats are needed",
                $array.dtype()
            ))),
        }
    };
}
pub(crate) use for_floats;

/// Sum of many numbers, in eight parts that the processor adds side by side.
pub(crate) fn sum<T: Float>(values: &[T]) -> T {
    let mut parts = [T::ZERO; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = *part + *value;
        }
    }
    let total = parts.iter().fold(T::ZERO, |total, part| total + *part);
    rest.iter().fold(total, |total, value| total + *value)
}

/// Sum of products.
pub(crate) fn dot<T: Float>(left: &[T], right: &[T]) -> T {
    let mut parts = [T::ZERO; 8];
    let (left_chunks, left_rest) = left.as_chunks::<8>();
    let (right_chunks, right_rest) = right.as_chunks::<8>();
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for ((part, a), b) in parts.iter_mut().zip(left).zip(right) {
            *part = *part + *a * *b;
        }
    }
    let total = parts.iter().fold(T::ZERO, |total, part| total + *part);
    left_rest
        .iter()
        .zip(right_rest)
        .fold(total, |total, (a, b)| total + *a * *b)
}
