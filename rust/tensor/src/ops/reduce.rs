//! Operators that make one element of many.

use super::convert::cast;
use super::float::Float;
use super::lanes::Lanes;
use super::layout::{copy_array, strides};
use crate::array::{Array, DType, Data, Element, Plain, axis_of, elements, for_plain};
use crate::graph::Reduce;
use crate::trouble::Trouble;

pub(super) fn reduce(how: Reduce, array: &Array, axes: &[i64], keep_axes: bool) -> Result<Array, Trouble> {
    let rank = array.shape.len();
    let mut gone = vec![false; rank];
    for axis in axes {
        gone[axis_of(*axis, rank)?] = true;
    }
    // The axes to be reduced go to the end.
    let steps = strides(&array.shape);
    let order: Vec<usize> = (0..rank)
        .filter(|axis| !gone[*axis])
        .chain((0..rank).filter(|axis| gone[*axis]))
        .collect();
    let moved = order.iter().map(|axis| array.shape[*axis]).collect();
    let steps: Vec<isize> = order.iter().map(|axis| steps[*axis]).collect();
    let arranged = copy_array(array, 0, moved, &steps)?;
    let run = (0..rank)
        .filter(|axis| gone[*axis])
        .map(|axis| array.shape[axis])
        .product();
    let shape: Vec<usize> = array
        .shape
        .iter()
        .zip(&gone)
        .filter(|(_, gone)| keep_axes || !**gone)
        .map(|(length, gone)| if *gone { 1 } else { *length })
        .collect();
    let count = elements(&shape)?;
    if !matches!(
        how,
        Reduce::Sum | Reduce::Mean | Reduce::Maximum | Reduce::Minimum | Reduce::Product | Reduce::All | Reduce::Any
    ) {
        return norms(how, &arranged, shape, count, run);
    }
    macro_rules! number {
        ($values:expr, $number:ident, $lowest:expr, $highest:expr, $add:expr, $multiply:expr) => {
            fold($values, shape, count, run, |run: &[$number]| match how {
                Reduce::Sum => Ok(run.iter().fold($number::default(), |a, b| $add(a, *b))),
                Reduce::Mean => Ok(run.iter().fold($number::default(), |a, b| $add(a, *b)) / run.len() as $number),
                Reduce::Maximum => Ok(run.iter().fold($lowest, |a, b| if *b > a { *b } else { a })),
                Reduce::Minimum => Ok(run.iter().fold($highest, |a, b| if *b < a { *b } else { a })),
                Reduce::Product => Ok(run.iter().fold($number::from(true), |a, b| $multiply(a, *b))),
                _ => Err(Trouble::failed("truth values are needed")),
            })
        };
    }
    let empty_mean = how == Reduce::Mean && run == 0 && !array.dtype().is_float();
    match &arranged.data {
        _ if empty_mean => Err(Trouble::failed("the mean of no integers")),
        Data::F32(values) => {
            number!(
                values,
                f32,
                f32::NEG_INFINITY,
                f32::INFINITY,
                |a, b: f32| a + b,
                |a, b: f32| a * b
            )
        }
        Data::F64(values) => {
            number!(
                values,
                f64,
                f64::NEG_INFINITY,
                f64::INFINITY,
                |a, b: f64| a + b,
                |a, b: f64| a * b
            )
        }
        Data::I32(values) => number!(values, i32, i32::MIN, i32::MAX, i32::wrapping_add, i32::wrapping_mul),
        Data::I64(values) => number!(values, i64, i64::MIN, i64::MAX, i64::wrapping_add, i64::wrapping_mul),
        Data::U64(values) => number!(values, u64, u64::MIN, u64::MAX, u64::wrapping_add, u64::wrapping_mul),
        Data::Bool(values) => fold(values, shape, count, run, |run: &[bool]| match how {
            Reduce::All | Reduce::Minimum => Ok(run.iter().all(|value| *value)),
            Reduce::Any | Reduce::Maximum => Ok(run.iter().any(|value| *value)),
            _ => Err(Trouble::failed(format!("{how:?} of truth values"))),
        }),
        _ => Err(Trouble::failed(format!("{} can't be reduced", array.dtype()))),
    }
}

/// Reductions of magnitudes and exponents. Integers are worked on as doubles.
fn norms(how: Reduce, arranged: &Array, shape: Vec<usize>, count: usize, run: usize) -> Result<Array, Trouble> {
    fn of<T: Float>(how: Reduce, run: &[T]) -> T {
        let total = |terms: &mut dyn Iterator<Item = T>| terms.fold(T::ZERO, |sum, term| sum + term);
        match how {
            Reduce::SumOfMagnitudes => total(&mut run.iter().map(|x| x.magnitude())),
            Reduce::Length => total(&mut run.iter().map(|x| *x * *x)).root(),
            Reduce::LogarithmOfSum => total(&mut run.iter().copied()).logarithm(),
            Reduce::LogarithmOfSumOfExponentials => {
                let largest = run.iter().fold(T::LOWEST, |largest, x| largest.largest(*x));
                if largest.magnitude() == -T::LOWEST {
                    return largest;
                }
                total(&mut run.iter().map(|x| (*x - largest).exponential())).logarithm() + largest
            }
            _ => total(&mut run.iter().map(|x| *x * *x)),
        }
    }
    match &arranged.data {
        Data::F32(values) => fold(values, shape, count, run, |run: &[f32]| Ok(of(how, run))),
        Data::F64(values) => fold(values, shape, count, run, |run: &[f64]| Ok(of(how, run))),
        Data::I32(_) | Data::I64(_) | Data::U64(_) => {
            let wide = cast(arranged, DType::F64)?;
            let result = fold(wide.view::<f64>()?, shape, count, run, |run: &[f64]| Ok(of(how, run)))?;
            cast(&result, arranged.dtype())
        }
        _ => Err(Trouble::failed(format!("{how:?} of {}", arranged.dtype()))),
    }
}

fn fold<T: Element>(
    values: &[T],
    shape: Vec<usize>,
    count: usize,
    run: usize,
    function: impl Fn(&[T]) -> Result<T, Trouble>,
) -> Result<Array, Trouble> {
    let results = (0..count).map(|n| function(&values[n * run..(n + 1) * run]));
    Ok(Array::new(shape, results.collect::<Result<_, _>>()?))
}

pub(super) fn arg_extreme(array: &Array, axis: i64, largest: bool, long: bool, last: bool) -> Result<Array, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    let indices = for_plain!(array, values => positions(values, &array.shape, axis, largest, last))?;
    let mut shape = array.shape.clone();
    shape.remove(axis);
    Ok(if long {
        Array::new(shape, indices)
    } else {
        Array::new(shape, indices.into_iter().map(|index| index as i32).collect())
    })
}

/// Of equal ones, the first counts, or the last.
fn positions<T: Plain>(
    values: &[T],
    shape: &[usize],
    axis: usize,
    largest: bool,
    last: bool,
) -> Result<Vec<i64>, Trouble> {
    let length = shape[axis];
    if length == 0 {
        return Err(Trouble::failed("the largest of nothing"));
    }
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut result = Vec::with_capacity(outer * inner);
    for block in 0..outer {
        for lane in 0..inner {
            let value = |n: usize| values[(block * length + n) * inner + lane];
            let better = |a: T, b: T| (if largest { a > b } else { a < b }) || (last && a == b);
            let best = (1..length).fold(0, |best, n| if better(value(n), value(best)) { n } else { best });
            result.push(best as i64);
        }
    }
    Ok(result)
}

/// Running sums or products along an axis; `exclusive`: each without its own element, `reverse`: from the end.
pub(super) fn cumulate(
    array: &Array,
    axis: i64,
    product: bool,
    exclusive: bool,
    reverse: bool,
) -> Result<Array, Trouble> {
    fn of<T: Plain>(
        values: &[T],
        shape: &[usize],
        lanes: Lanes,
        [exclusive, reverse]: [bool; 2],
        neutral: T,
        function: impl Fn(T, T) -> T,
    ) -> Array {
        let mut result = values.to_vec();
        for start in lanes.starts() {
            let mut total = neutral;
            for n in 0..lanes.length {
                let n = if reverse { lanes.length - 1 - n } else { n };
                let place = start + n * lanes.inner;
                let next = function(total, values[place]);
                result[place] = if exclusive { total } else { next };
                total = next;
            }
        }
        Array::new(shape.to_vec(), result)
    }
    let lanes = Lanes::along(&array.shape, axis)?;
    let how = [exclusive, reverse];
    macro_rules! run {
        ($values:expr, $zero:expr, $one:expr, $add:expr, $multiply:expr) => {
            Ok(if product {
                of($values, &array.shape, lanes, how, $one, $multiply)
            } else {
                of($values, &array.shape, lanes, how, $zero, $add)
            })
        };
    }
    match &array.data {
        Data::F32(values) => run!(values, 0.0, 1.0, |a, b| a + b, |a, b| a * b),
        Data::F64(values) => run!(values, 0.0, 1.0, |a, b| a + b, |a, b| a * b),
        Data::I32(values) => run!(values, 0, 1, i32::wrapping_add, i32::wrapping_mul),
        Data::I64(values) => run!(values, 0, 1, i64::wrapping_add, i64::wrapping_mul),
        Data::U64(values) => run!(values, 0, 1, u64::wrapping_add, u64::wrapping_mul),
        _ => Err(Trouble::failed(format!("running sums of {}", array.dtype()))),
    }
}
