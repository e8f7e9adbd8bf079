//! Shapes, and copies that only move elements.

use crate::array::{Array, Data, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// How far apart the neighbours along each axis are.
pub(super) fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1_isize;
    for (axis, length) in shape.iter().enumerate().rev() {
        strides[axis] = stride;
        stride *= (*length).max(1) as isize;
    }
    strides
}

/// Copies elements to a new shape: element `i` of it comes from `start + sum(i[axis] * strides[axis])`, which must be in range.
pub(super) fn copy<T: Element>(
    values: &[T],
    start: isize,
    shape: &[usize],
    strides: &[isize],
) -> Result<Vec<T>, Trouble> {
    let count = elements(shape)?;
    let mut result = Vec::with_capacity(count);
    if count == 0 {
        return Ok(result);
    }
    let outside = || Trouble::failed("an element outside of the tensor is asked for");
    // Axes whose elements are neighbours move as one run.
    let (mut run, mut outer) = (1, shape.len());
    while outer > 0 && (strides[outer - 1] == run as isize || shape[outer - 1] == 1) {
        run *= shape[outer - 1];
        outer -= 1;
    }
    let mut index = vec![0_usize; outer];
    let mut position = start;
    loop {
        let from = usize::try_from(position).map_err(|_| outside())?;
        result.extend_from_slice(values.get(from..from + run).ok_or_else(outside)?);
        let mut axis = outer;
        loop {
            if axis == 0 {
                return Ok(result);
            }
            axis -= 1;
            index[axis] += 1;
            position += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            position -= strides[axis] * shape[axis] as isize;
            index[axis] = 0;
        }
    }
}

/// [`copy`] for any element type.
pub(super) fn copy_array(array: &Array, start: isize, shape: Vec<usize>, strides: &[isize]) -> Result<Array, Trouble> {
    for_elements!(array, values => copy(values, start, &shape, strides).map(|values| Array::new(shape, values)))
}

/// The shape that tensors of these shapes are broadcast to.
pub(super) fn common_shape(left: &[usize], right: &[usize]) -> Result<Vec<usize>, Trouble> {
    let rank = left.len().max(right.len());
    let axis = |shape: &[usize], n: usize| (n + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|n| match (axis(left, n), axis(right, n)) {
            (1, length) | (length, 1) => Ok(length),
            (a, b) if a == b => Ok(a),
            _ => Err(Trouble::failed(format!(
                "shapes {left:?} and {right:?} can't be broadcast"
            ))),
        })
        .collect()
}

/// Repeats a tensor along axes of length 1 and new leading axes.
pub(super) fn broadcast(array: &Array, shape: &[usize]) -> Result<Array, Trouble> {
    if array.shape == shape {
        return Ok(array.clone());
    }
    elements(shape)?;
    if common_shape(&array.shape, shape)? != shape {
        return Err(Trouble::failed(format!(
            "shape {:?} can't be broadcast to {shape:?}",
            array.shape
        )));
    }
    let missing = shape.len() - array.shape.len();
    let mut steps = vec![0; missing];
    for (stride, length) in strides(&array.shape).into_iter().zip(&array.shape) {
        steps.push(if *length == 1 { 0 } else { stride });
    }
    copy_array(array, 0, shape.to_vec(), &steps)
}

fn integers(values: impl Iterator<Item = usize>, long: bool) -> Data {
    if long {
        i64::wrap(values.map(|value| value as i64).collect())
    } else {
        i32::wrap(values.map(|value| value as i32).collect())
    }
}

pub(super) fn shape_of(array: &Array, long: bool) -> Array {
    Array {
        shape: vec![array.shape.len()],
        data: integers(array.shape.iter().copied(), long),
    }
}

pub(super) fn size_of(array: &Array, long: bool) -> Array {
    Array {
        shape: Vec::new(),
        data: integers(std::iter::once(array.len()), long),
    }
}

/// One length may be -1: what is left.
pub(super) fn reshape(array: &Array, wanted: &[i64]) -> Result<Array, Trouble> {
    let unfit = || Trouble::failed(format!("shape {:?} does not fit into {wanted:?}", array.shape));
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    let mut known = 1_usize;
    for (axis, length) in wanted.iter().enumerate() {
        if *length == -1 && open.is_none() {
            open = Some(axis);
            shape.push(0);
        } else {
            let length = usize::try_from(*length).map_err(|_| unfit())?;
            known = known.checked_mul(length).ok_or_else(unfit)?;
            shape.push(length);
        }
    }
    if let Some(axis) = open {
        shape[axis] = array.len().checked_div(known).ok_or_else(unfit)?;
    }
    array.reshaped(shape)
}

pub(super) fn squeeze(array: &Array, axes: &[i64]) -> Result<Array, Trouble> {
    let rank = array.shape.len();
    let mut gone = vec![axes.is_empty(); rank];
    for axis in axes {
        let axis = axis_of(*axis, rank)?;
        if array.shape[axis] != 1 {
            return Err(Trouble::failed(format!(
                "axis {axis} of {:?} can't be removed",
                array.shape
            )));
        }
        gone[axis] = true;
    }
    let kept = array
        .shape
        .iter()
        .zip(gone)
        .filter(|(length, gone)| !(*gone && **length == 1));
    array.reshaped(kept.map(|(length, _)| *length).collect())
}

pub(super) fn expand(array: &Array, axis: i64) -> Result<Array, Trouble> {
    let axis = axis_of(axis, array.shape.len() + 1)?;
    let mut shape = array.shape.clone();
    shape.insert(axis, 1);
    array.reshaped(shape)
}

pub(super) fn transpose(array: &Array, order: &[i64]) -> Result<Array, Trouble> {
    let rank = array.shape.len();
    let order = order
        .iter()
        .map(|axis| axis_of(*axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = vec![false; rank];
    for axis in &order {
        seen[*axis] = true;
    }
    if order.len() != rank || !seen.iter().all(|seen| *seen) {
        return Err(Trouble::failed(format!("{order:?} is not an order of {rank} axes")));
    }
    let from = strides(&array.shape);
    let shape = order.iter().map(|axis| array.shape[*axis]).collect();
    let steps: Vec<isize> = order.iter().map(|axis| from[*axis]).collect();
    copy_array(array, 0, shape, &steps)
}

pub(super) fn tile(array: &Array, repeats: &[usize]) -> Result<Array, Trouble> {
    if repeats.len() != array.shape.len() {
        return Err(Trouble::failed("one number of repetitions per axis is needed"));
    }
    let (mut shape, mut steps, mut result) = (Vec::new(), Vec::new(), Vec::new());
    for ((repeat, length), stride) in repeats.iter().zip(&array.shape).zip(strides(&array.shape)) {
        shape.extend([*repeat, *length]);
        steps.extend([0, stride]);
        result.push(repeat.saturating_mul(*length));
    }
    elements(&result)?;
    copy_array(array, 0, shape, &steps)?.reshaped(result)
}

pub(super) fn range(start: &Array, limit: &Array, delta: &Array) -> Result<Array, Trouble> {
    let one = |array: &Array| match &array.data {
        Data::F32(values) if values.len() == 1 => Ok(f64::from(values[0])),
        Data::F64(values) if values.len() == 1 => Ok(values[0]),
        _ => array.integer().map(|value| value as f64),
    };
    let (first, end, step) = (one(start)?, one(limit)?, one(delta)?);
    let count = ((end - first) / step).ceil();
    if count.is_nan() || step == 0.0 {
        return Err(Trouble::failed(format!(
            "there is no range from {first} to {end} by {step}"
        )));
    }
    let count = elements(&[count.max(0.0) as usize])?;
    let values = (0..count).map(|n| first + step * n as f64);
    Ok(match start.data {
        Data::F32(_) => Array::new(vec![count], values.map(|value| value as f32).collect()),
        Data::F64(_) => Array::new(vec![count], values.collect()),
        Data::I64(_) => Array::new(vec![count], values.map(|value| value as i64).collect()),
        _ => Array::new(vec![count], values.map(|value| value as i32).collect()),
    })
}
