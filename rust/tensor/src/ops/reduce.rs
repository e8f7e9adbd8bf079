//! Operators that make one element of many.

use super::layout::{copy_array, strides};
use crate::array::{Array, Data, Element, Plain, axis_of, elements, for_plain};
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
    macro_rules! number {
        ($values:expr, $number:ident, $lowest:expr, $highest:expr, $add:expr, $multiply:expr) => {
            fold($values, shape, count, run, |run: &[$number]| match how {
                Reduce::Sum => Ok(run.iter().fold($number::default(), |a, b| $add(a, *b))),
                Reduce::Mean => Ok(run.iter().fold($number::default(), |a, b| $add(a, *b)) / run.len() as $number),
                Reduce::Maximum => Ok(run.iter().fold($lowest, |a, b| if *b > a { *b } else { a })),
                Reduce::Minimum => Ok(run.iter().fold($highest, |a, b| if *b < a { *b } else { a })),
                Reduce::Product => Ok(run.iter().fold($number::from(1_i8), |a, b| $multiply(a, *b))),
                Reduce::All | Reduce::Any => Err(Trouble::failed("truth values are needed")),
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
        Data::Bool(values) => fold(values, shape, count, run, |run: &[bool]| match how {
            Reduce::All => Ok(run.iter().all(|value| *value)),
            Reduce::Any => Ok(run.iter().any(|value| *value)),
            _ => Err(Trouble::failed(format!("{how:?} of truth values"))),
        }),
        _ => Err(Trouble::failed(format!("{} can't be reduced", array.dtype()))),
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

pub(super) fn arg_extreme(array: &Array, axis: i64, largest: bool, long: bool) -> Result<Array, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    let indices = for_plain!(array, values => positions(values, &array.shape, axis, largest))?;
    let mut shape = array.shape.clone();
    shape.remove(axis);
    Ok(if long {
        Array::new(shape, indices)
    } else {
        Array::new(shape, indices.into_iter().map(|index| index as i32).collect())
    })
}

fn positions<T: Plain>(values: &[T], shape: &[usize], axis: usize, largest: bool) -> Result<Vec<i64>, Trouble> {
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
            // The first of equal ones.
            let better = |a: T, b: T| if largest { a > b } else { a < b };
            let best = (1..length).fold(0, |best, n| if better(value(n), value(best)) { n } else { best });
            result.push(best as i64);
        }
    }
    Ok(result)
}
