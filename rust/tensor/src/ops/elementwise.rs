//! Functions of one element of each input.

use super::convert::cast;
use super::layout::{broadcast, common_shape};
use super::wrong_type;
use crate::array::{Array, DType, Data, Element, Plain, Text, elements, for_elements, for_plain};
use crate::graph::{Binary, Compare};
use crate::trouble::Trouble;

pub(super) fn zip<T: Plain, R: Element>(
    left: &Array,
    right: &Array,
    function: impl Fn(T, T) -> R,
) -> Result<Array, Trouble> {
    let shape = common_shape(&left.shape, &right.shape)?;
    let count = elements(&shape)?;
    let (a, b) = (left.view::<T>()?, right.view::<T>()?);
    let result = if a.len() == count && b.len() == count {
        a.iter().zip(b).map(|(a, b)| function(*a, *b)).collect()
    } else if let (true, [b]) = (a.len() == count, b) {
        a.iter().map(|a| function(*a, *b)).collect()
    } else {
        let (left, right) = (broadcast(left, &shape)?, broadcast(right, &shape)?);
        let (a, b) = (left.view::<T>()?, right.view::<T>()?);
        a.iter().zip(b).map(|(a, b)| function(*a, *b)).collect()
    };
    Ok(Array::new(shape, result))
}

fn same_type(left: &Array, right: &Array) -> Result<(), Trouble> {
    if left.dtype() == right.dtype() {
        return Ok(());
    }
    Err(Trouble::failed(format!(
        "{} and {} do not go together",
        left.dtype(),
        right.dtype()
    )))
}

#[allow(clippy::cast_lossless, reason = "one macro for both widths of integers")]
pub(super) fn binary(function: Binary, left: &Array, right: &Array) -> Result<Array, Trouble> {
    same_type(left, right)?;
    macro_rules! float {
        ($float:ident) => {
            match function {
                Binary::Add => zip(left, right, |a: $float, b| a + b),
                Binary::Subtract => zip(left, right, |a: $float, b| a - b),
                Binary::Multiply => zip(left, right, |a: $float, b| a * b),
                Binary::Divide => zip(left, right, |a: $float, b| a / b),
                Binary::FloorDivide => zip(left, right, |a: $float, b| (a / b).floor()),
                Binary::FloorModulo => zip(left, right, |a: $float, b| {
                    let remainder = a % b;
                    if remainder == 0.0 {
                        $float::copysign(0.0, b)
                    } else if (remainder < 0.0) != (b < 0.0) {
                        remainder + b
                    } else {
                        remainder
                    }
                }),
                Binary::Maximum => zip(
                    left,
                    right,
                    |a: $float, b| if a > b || a.is_nan() { a } else { b },
                ),
                Binary::Minimum => zip(
                    left,
                    right,
                    |a: $float, b| if a < b || a.is_nan() { a } else { b },
                ),
                Binary::Power => zip(left, right, |a: $float, b| a.powf(b)),
                Binary::Remainder => zip(left, right, |a: $float, b| a % b),
                Binary::LeakySlope => zip(left, right, |a: $float, b| if a < 0.0 { a * b } else { a }),
                Binary::SquaredDifference => zip(left, right, |a: $float, b| (a - b) * (a - b)),
                _ => Err(wrong_type(&function, left)),
            }
        };
    }
    macro_rules! integer {
        ($integer:ident) => {{
            let divides = matches!(
                function,
                Binary::Divide | Binary::FloorDivide | Binary::FloorModulo | Binary::Remainder
            );
            if divides && right.view::<$integer>()?.contains(&0) {
                return Err(Trouble::failed("an integer is divided by 0"));
            }
            let floor = |a: $integer, b: $integer| {
                let quotient = a.wrapping_div(b);
                quotient - $integer::from(a.wrapping_rem(b) != 0 && (a < 0) != (b < 0))
            };
            match function {
                Binary::Add => zip(left, right, $integer::wrapping_add),
                Binary::Subtract => zip(left, right, $integer::wrapping_sub),
                Binary::Multiply => zip(left, right, $integer::wrapping_mul),
                Binary::Divide => zip(left, right, $integer::wrapping_div),
                Binary::FloorDivide => zip(left, right, floor),
                Binary::FloorModulo => zip(left, right, |a, b| {
                    let remainder = $integer::wrapping_rem(a, b);
                    if remainder != 0 && (a < 0) != (b < 0) {
                        remainder.wrapping_add(b)
                    } else {
                        remainder
                    }
                }),
                Binary::Maximum => zip(left, right, $integer::max),
                Binary::Minimum => zip(left, right, $integer::min),
                Binary::Power => zip(left, right, |a: $integer, b| {
                    a.wrapping_pow(u32::try_from(b).unwrap_or_default())
                }),
                Binary::SquaredDifference => zip(left, right, |a: $integer, b| {
                    a.wrapping_sub(b).wrapping_mul(a.wrapping_sub(b))
                }),
                Binary::Remainder => zip(left, right, $integer::wrapping_rem),
                Binary::BitAnd => zip(left, right, |a: $integer, b| a & b),
                Binary::BitOr => zip(left, right, |a: $integer, b| a | b),
                Binary::BitXor => zip(left, right, |a: $integer, b| a ^ b),
                Binary::ShiftLeft => zip(left, right, |a: $integer, b| {
                    shifted(a, (b as i64).cast_unsigned(), true)
                }),
                Binary::ShiftRight => zip(left, right, |a: $integer, b| {
                    shifted(a, (b as i64).cast_unsigned(), false)
                }),
                Binary::LeakySlope => zip(left, right, |a: $integer, b| if a < 0 { a.wrapping_mul(b) } else { a }),
            }
        }};
    }
    match left.dtype() {
        DType::F32 => float!(f32),
        DType::F64 => float!(f64),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        DType::U64 => unsigned(function, left, right),
        _ => Err(wrong_type(&function, left)),
    }
}

/// Shifted by any number of bits; what falls off an end is gone, and a sign stays.
fn shifted<T: Shift>(value: T, bits: u64, left: bool) -> T {
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    if left { value.left(bits) } else { value.right(bits) }
}

trait Shift {
    fn left(self, bits: u32) -> Self;
    fn right(self, bits: u32) -> Self;
}

macro_rules! shift {
    ($($integer:ident)*) => {
        $(impl Shift for $integer {
            fn left(self, bits: u32) -> Self {
                self.checked_shl(bits).unwrap_or(0)
            }
            fn right(self, bits: u32) -> Self {
                // All bits but the first, and that one: together as many as there are.
                self.checked_shr(bits).unwrap_or(self >> ($integer::BITS - 1) >> 1_u32)
            }
        })*
    };
}

shift! { i32 i64 u64 }

fn unsigned(function: Binary, left: &Array, right: &Array) -> Result<Array, Trouble> {
    let divides = matches!(
        function,
        Binary::Divide | Binary::FloorDivide | Binary::FloorModulo | Binary::Remainder
    );
    if divides && right.view::<u64>()?.contains(&0) {
        return Err(Trouble::failed("an integer is divided by 0"));
    }
    match function {
        Binary::Add => zip(left, right, u64::wrapping_add),
        Binary::Subtract => zip(left, right, u64::wrapping_sub),
        Binary::Multiply => zip(left, right, u64::wrapping_mul),
        Binary::Divide | Binary::FloorDivide => zip(left, right, u64::wrapping_div),
        Binary::FloorModulo | Binary::Remainder => zip(left, right, u64::wrapping_rem),
        Binary::Maximum => zip(left, right, u64::max),
        Binary::Minimum => zip(left, right, u64::min),
        Binary::Power => zip(left, right, |a: u64, b| {
            a.wrapping_pow(u32::try_from(b).unwrap_or_default())
        }),
        Binary::SquaredDifference => zip(left, right, |a: u64, b| a.abs_diff(b).wrapping_mul(a.abs_diff(b))),
        Binary::BitAnd => zip(left, right, |a: u64, b| a & b),
        Binary::BitOr => zip(left, right, |a: u64, b| a | b),
        Binary::BitXor => zip(left, right, |a: u64, b| a ^ b),
        Binary::ShiftLeft => zip(left, right, |a: u64, b| shifted(a, b, true)),
        Binary::ShiftRight => zip(left, right, |a: u64, b| shifted(a, b, false)),
        Binary::LeakySlope => Ok(left.clone()),
    }
}

/// The base in its own type, the exponent in any.
pub(super) fn power(base: &Array, exponent: &Array) -> Result<Array, Trouble> {
    if base.dtype() == exponent.dtype() {
        return binary(Binary::Power, base, exponent);
    }
    if base.dtype().is_integer() && exponent.dtype().is_integer() {
        return binary(Binary::Power, base, &cast(exponent, base.dtype())?);
    }
    if base.dtype().is_float() && base.dtype() != DType::F64 && exponent.dtype().is_integer() {
        return binary(Binary::Power, base, &cast(exponent, base.dtype())?);
    }
    let wide = binary(Binary::Power, &cast(base, DType::F64)?, &cast(exponent, DType::F64)?)?;
    cast(&wide, base.dtype())
}

/// Limited to the range from `low` to `high`, each of which may be missing.
pub(super) fn clip(array: &Array, low: Option<&Array>, high: Option<&Array>) -> Result<Array, Trouble> {
    let mut result = array.clone();
    for (function, limit) in [(Binary::Maximum, low), (Binary::Minimum, high)] {
        if let Some(limit) = limit
            && !matches!(limit.data, Data::Nothing)
        {
            result = binary(function, &result, &cast(limit, array.dtype())?)?;
        }
    }
    Ok(result)
}

pub(super) fn compare(predicate: Compare, left: &Array, right: &Array) -> Result<Array, Trouble> {
    fn of<T: Plain>(_like: &[T], predicate: Compare, left: &Array, right: &Array) -> Result<Array, Trouble> {
        match predicate {
            Compare::Less => zip(left, right, |a: T, b| a < b),
            Compare::LessOrEqual => zip(left, right, |a: T, b| a <= b),
            Compare::Greater => zip(left, right, |a: T, b| a > b),
            Compare::GreaterOrEqual => zip(left, right, |a: T, b| a >= b),
            Compare::Equal => zip(left, right, |a: T, b| a == b),
            Compare::NotEqual => zip(left, right, |a: T, b| a != b),
            Compare::And => zip(left, right, |a: bool, b| a && b),
            Compare::Or => zip(left, right, |a: bool, b| a || b),
            Compare::Xor => zip(left, right, |a: bool, b| a != b),
        }
    }
    same_type(left, right)?;
    if left.dtype() == DType::Text {
        return compare_text(predicate, left, right);
    }
    for_plain!(left, values => of(values, predicate, left, right))
}

fn compare_text(predicate: Compare, left: &Array, right: &Array) -> Result<Array, Trouble> {
    let shape = common_shape(&left.shape, &right.shape)?;
    let (left, right) = (broadcast(left, &shape)?, broadcast(right, &shape)?);
    let pairs = left.view::<Text>()?.iter().zip(right.view::<Text>()?);
    let wanted = match predicate {
        Compare::Equal => true,
        Compare::NotEqual => false,
        _ => return Err(wrong_type(&predicate, &left)),
    };
    Ok(Array::new(shape, pairs.map(|(a, b)| (a == b) == wanted).collect()))
}

pub(super) fn select(condition: &Array, left: &Array, right: &Array, leading: bool) -> Result<Array, Trouble> {
    fn of<T: Element>(_like: &[T], condition: &[bool], left: &Array, right: &Array) -> Result<Array, Trouble> {
        let pairs = left.view::<T>()?.iter().zip(right.view::<T>()?);
        let chosen = condition
            .iter()
            .zip(pairs)
            .map(|(condition, (a, b))| if *condition { a.clone() } else { b.clone() });
        Ok(Array::new(left.shape.clone(), chosen.collect()))
    }
    same_type(left, right)?;
    let mut condition = condition.clone();
    if leading && condition.shape.len() == 1 && left.shape.len() > 1 {
        let mut shape = vec![1; left.shape.len()];
        shape[0] = condition.len();
        condition = condition.reshaped(shape)?;
    }
    let shape = common_shape(&condition.shape, &common_shape(&left.shape, &right.shape)?)?;
    let condition = broadcast(&condition, &shape)?;
    let (left, right) = (broadcast(left, &shape)?, broadcast(right, &shape)?);
    for_elements!(&left, values => of(values, condition.view()?, &left, &right))
}

pub(super) fn bias_add(array: &Array, bias: &Array, channels_first: bool) -> Result<Array, Trouble> {
    if !channels_first || array.shape.len() < 3 {
        return binary(Binary::Add, array, bias);
    }
    let mut shape = vec![1; array.shape.len() - 1];
    shape[0] = bias.len();
    binary(Binary::Add, array, &bias.reshaped(shape)?)
}

pub(super) fn ones(array: &Array) -> Result<Array, Trouble> {
    cast(
        &Array::new(array.shape.clone(), vec![1_i32; array.len()]),
        array.dtype(),
    )
}

pub(super) fn random(shape: &[usize], dtype: DType) -> Result<Array, Trouble> {
    let count = elements(shape)?;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let numbers = (0..count).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // 24 bits: below 1 in single precision too.
        (state >> 40) as f64 / f64::from(1 << 24)
    });
    cast(&Array::new(shape.to_vec(), numbers.collect()), dtype)
}
