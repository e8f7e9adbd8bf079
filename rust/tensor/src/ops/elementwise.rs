//! Operators that look at one element, or at one element of each input, at a time.

use serving_kernels::activation::{Activation, Real};

use super::convert::{cast, map};
use super::layout::{broadcast, common_shape};
use crate::array::{Array, DType, Data, Element, Plain, Text, elements, for_elements, for_plain};
use crate::graph::{Binary, Compare, Unary};
use crate::trouble::Trouble;

fn wrong_type(what: &str, array: &Array) -> Trouble {
    Trouble::failed(format!("{what} of {}", array.dtype()))
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
                Unary::ArcTangent => map(shape, $values, |x| x.atan()),
                Unary::Not => return Err(wrong_type("negation", array)),
            })
        };
    }
    macro_rules! integer {
        ($values:expr) => {
            Ok(match function {
                Unary::Negative => map(shape, $values, |x| x.wrapping_neg()),
                Unary::Absolute => map(shape, $values, |x| x.wrapping_abs()),
                Unary::Sign => map(shape, $values, |x| x.signum()),
                Unary::Square => map(shape, $values, |x| x.wrapping_mul(x)),
                _ => return Err(wrong_type(&format!("{function:?}"), array)),
            })
        };
    }
    match &array.data {
        Data::F32(values) => float!(values),
        Data::F64(values) => float!(values),
        Data::I32(values) => integer!(values),
        Data::I64(values) => integer!(values),
        Data::Bool(values) if function == Unary::Not => Ok(map(shape, values, |x: bool| !x)),
        _ => Err(wrong_type(&format!("{function:?}"), array)),
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
        _ => Err(wrong_type(&format!("{function:?}"), array)),
    }
}

pub(super) fn log_softmax(array: &Array) -> Result<Array, Trouble> {
    macro_rules! rows {
        ($values:expr) => {{
            let mut values = $values.to_vec();
            for row in values.chunks_exact_mut(array.shape.last().copied().unwrap_or(1).max(1)) {
                let largest = row
                    .iter()
                    .fold(Real::LOWEST, |largest, z| if *z > largest { *z } else { largest });
                let sum = row
                    .iter()
                    .map(|z| (z - largest).exp())
                    .fold(0.0, |sum, term| sum + term);
                for z in row {
                    *z = *z - largest - sum.ln();
                }
            }
            Ok(Array::new(array.shape.clone(), values))
        }};
    }
    match &array.data {
        Data::F32(values) => rows!(values),
        Data::F64(values) => rows!(values),
        _ => Err(wrong_type("logarithm of softmax", array)),
    }
}

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
                Binary::FloorModulo => zip(left, right, |a: $float, b| a - (a / b).floor() * b),
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
                Binary::SquaredDifference => zip(left, right, |a: $float, b| (a - b) * (a - b)),
            }
        };
    }
    macro_rules! integer {
        ($integer:ident) => {{
            let divides = matches!(function, Binary::Divide | Binary::FloorDivide | Binary::FloorModulo);
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
            }
        }};
    }
    match left.dtype() {
        DType::F32 => float!(f32),
        DType::F64 => float!(f64),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        _ => Err(wrong_type(&format!("{function:?}"), left)),
    }
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
        _ => return Err(wrong_type(&format!("{predicate:?}"), &left)),
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
