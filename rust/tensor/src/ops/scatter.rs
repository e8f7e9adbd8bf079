//! Elements read and written at given places.

use super::layout::strides;
use super::slice::part;
use crate::array::{Array, Data, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// What becomes of the old element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Replace,
    Add,
    Multiply,
    Maximum,
    Minimum,
}

/// ONNX's scattering operators. Inputs: data, indices, updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scatter {
    Elements {
        axis: i64,
        how: Written,
    },
    Entries {
        how: Written,
    },
    /// Sequences written into a cache at an offset per batch; `circular`: positions wrap around.
    Cache {
        axis: i64,
        circular: bool,
    },
}

fn entry(index: i64, length: usize) -> Result<usize, Trouble> {
    let counted = if index < 0 { index + length as i64 } else { index };
    usize::try_from(counted)
        .ok()
        .filter(|entry| *entry < length)
        .ok_or_else(|| Trouble::failed(format!("index {index} is not below {length}")))
}

/// For each element of `indices`, the flat place in a tensor of `shape` with the index in place of the coordinate of `axis`.
fn places(indices: &Array, shape: &[usize], axis: i64) -> Result<Vec<usize>, Trouble> {
    let axis = axis_of(axis, shape.len())?;
    let fits = indices.shape.len() == shape.len()
        && indices
            .shape
            .iter()
            .zip(shape)
            .enumerate()
            .all(|(n, (a, b))| n == axis || a <= b);
    if !fits {
        return Err(Trouble::failed(format!(
            "indices of shape {:?} don't fit a tensor of {shape:?}",
            indices.shape
        )));
    }
    let (from, to) = (strides(&indices.shape), strides(shape));
    let coordinates = |n: usize| {
        (0..shape.len())
            .filter(|other| *other != axis)
            .map(|other| n / from[other] as usize % indices.shape[other] * to[other] as usize)
            .sum::<usize>()
    };
    let numbers = indices.integers()?;
    let place = |(n, index): (usize, &i64)| Ok(coordinates(n) + entry(*index, shape[axis])? * to[axis] as usize);
    numbers.iter().enumerate().map(place).collect()
}

fn pick<T: Element>(values: &[T], places: &[usize], shape: Vec<usize>) -> Array {
    Array::new(shape, places.iter().map(|place| values[*place].clone()).collect())
}

pub(super) fn gather_elements(array: &Array, indices: &Array, axis: i64) -> Result<Array, Trouble> {
    let places = places(indices, &array.shape, axis)?;
    for_elements!(array, values => Ok(pick(values, &places, indices.shape.clone())))
}

/// Start of each entry that the last axis of `indices` names, and the size of an entry.
fn entries(indices: &Array, shape: &[usize], batch_axes: usize) -> Result<(Vec<usize>, usize), Trouble> {
    let depth = indices.shape.last().copied().unwrap_or_default();
    let unfit = || {
        Trouble::failed(format!(
            "indices of shape {:?} don't fit a tensor of {shape:?}",
            indices.shape
        ))
    };
    let named = shape
        .get(batch_axes..batch_axes.saturating_add(depth))
        .ok_or_else(unfit)?;
    if indices.shape.get(..batch_axes) != shape.get(..batch_axes) || indices.shape.len() <= batch_axes {
        return Err(unfit());
    }
    let steps = strides(shape);
    let size = shape[batch_axes + depth..].iter().product::<usize>();
    let batch_size = shape[batch_axes..].iter().product::<usize>();
    let per_batch = indices.shape[batch_axes..indices.shape.len() - 1]
        .iter()
        .product::<usize>();
    let numbers = indices.integers()?;
    let count: usize = indices.shape[..indices.shape.len() - 1].iter().product();
    let starts = (0..count).map(|n| {
        let mut start = n / per_batch.max(1) * batch_size;
        for (axis, length) in named.iter().enumerate() {
            start += entry(numbers[n * depth + axis], *length)? * steps[batch_axes + axis] as usize;
        }
        Ok(start)
    });
    Ok((starts.collect::<Result<_, Trouble>>()?, size))
}

pub(super) fn gather_entries(array: &Array, indices: &Array, batch_axes: usize) -> Result<Array, Trouble> {
    fn of<T: Element>(values: &[T], starts: &[usize], size: usize, shape: Vec<usize>) -> Result<Array, Trouble> {
        let mut result = Vec::with_capacity(elements(&shape)?);
        for start in starts {
            result.extend_from_slice(&values[*start..start + size]);
        }
        Ok(Array::new(shape, result))
    }
    let (starts, size) = entries(indices, &array.shape, batch_axes)?;
    let depth = indices.shape.last().copied().unwrap_or_default();
    let mut shape = indices.shape[..indices.shape.len() - 1].to_vec();
    shape.extend(&array.shape[batch_axes + depth..]);
    elements(&shape)?;
    for_elements!(array, values => of(values, &starts, size, shape))
}

pub(super) fn evaluate(what: Scatter, inputs: &[Array]) -> Result<Array, Trouble> {
    let (array, indices) = (super::input(inputs, 0)?, super::input(inputs, 1)?);
    match what {
        Scatter::Elements { axis, how } => {
            let updates = super::input(inputs, 2)?;
            if updates.shape != indices.shape {
                return Err(Trouble::failed("there is not one update for each index"));
            }
            write(array, updates, &places(indices, &array.shape, axis)?, 1, how)
        }
        Scatter::Entries { how } => {
            let updates = super::input(inputs, 2)?;
            let (starts, size) = entries(indices, &array.shape, 0)?;
            if updates.len() != starts.len() * size {
                return Err(Trouble::failed("there is not one update for each index"));
            }
            write(array, updates, &starts, size, how)
        }
        Scatter::Cache { axis, circular } => cache(array, indices, super::optional(inputs, 2), axis, circular),
    }
}

/// Leaves nothing of the old element.
fn taken<T: Clone>(_old: &T, new: &T) -> T {
    new.clone()
}

fn write(array: &Array, updates: &Array, starts: &[usize], size: usize, how: Written) -> Result<Array, Trouble> {
    fn of<T: Element>(
        values: &[T],
        updates: &Array,
        starts: &[usize],
        size: usize,
        shape: &[usize],
        combine: impl Fn(&T, &T) -> T,
    ) -> Result<Array, Trouble> {
        let mut result = values.to_vec();
        let updates = updates.view::<T>()?;
        for (start, updates) in starts.iter().zip(updates.chunks_exact(size.max(1))) {
            for (value, update) in result[*start..start + size].iter_mut().zip(updates) {
                *value = combine(value, update);
            }
        }
        Ok(Array::new(shape.to_vec(), result))
    }
    let shape = &array.shape;
    macro_rules! number {
        ($values:expr, $add:expr, $multiply:expr) => {
            match how {
                Written::Add => of($values, updates, starts, size, shape, $add),
                Written::Multiply => of($values, updates, starts, size, shape, $multiply),
                Written::Maximum => of(
                    $values,
                    updates,
                    starts,
                    size,
                    shape,
                    |a, b| if b > a { *b } else { *a },
                ),
                _ => of(
                    $values,
                    updates,
                    starts,
                    size,
                    shape,
                    |a, b| if b < a { *b } else { *a },
                ),
            }
        };
    }
    if how == Written::Replace {
        return for_elements!(array, values => of(values, updates, starts, size, shape, taken));
    }
    match &array.data {
        Data::F32(values) => number!(values, |a, b| a + b, |a, b| a * b),
        Data::F64(values) => number!(values, |a, b| a + b, |a, b| a * b),
        Data::I32(values) => number!(values, |a, b| a.wrapping_add(*b), |a, b| a.wrapping_mul(*b)),
        Data::I64(values) => number!(values, |a, b| a.wrapping_add(*b), |a, b| a.wrapping_mul(*b)),
        Data::U64(values) => number!(values, |a, b| a.wrapping_add(*b), |a, b| a.wrapping_mul(*b)),
        Data::Bool(values) => match how {
            Written::Add | Written::Maximum => of(values, updates, starts, size, shape, |a, b| *a || *b),
            _ => of(values, updates, starts, size, shape, |a, b| *a && *b),
        },
        _ => Err(Trouble::failed(format!("{how:?} of {}", array.dtype()))),
    }
}

/// `TensorScatter`: the update's entries along `axis` go to the cache from `offsets[batch]` on.
fn cache(array: &Array, update: &Array, offsets: Option<&Array>, axis: i64, circular: bool) -> Result<Array, Trouble> {
    fn of<T: Element>(
        values: &[T],
        update: &Array,
        offsets: &[usize],
        shape: &[usize],
        axis: usize,
        circular: bool,
    ) -> Result<Array, Trouble> {
        let mut result = values.to_vec();
        let updates = update.view::<T>()?;
        let inner: usize = shape[axis + 1..].iter().product();
        let per_batch: usize = shape[1..axis].iter().product();
        let (length, count) = (shape[axis], update.shape[axis]);
        for (n, entry) in updates.chunks_exact(inner.max(1)).enumerate() {
            let (block, at) = (n / count, n % count);
            let mut to = offsets[block / per_batch.max(1)].saturating_add(at);
            if circular {
                to %= length;
            } else if to >= length {
                return Err(Trouble::failed(format!("entry {to} of a cache of {length}")));
            }
            let start = (block * length + to) * inner;
            result[start..start + inner].clone_from_slice(entry);
        }
        Ok(Array::new(shape.to_vec(), result))
    }
    let axis = axis_of(axis, array.shape.len())?;
    let mut expected = array.shape.clone();
    if let Some(length) = update.shape.get(axis) {
        expected[axis] = *length;
    }
    if axis == 0 || expected != update.shape || array.shape[axis] == 0 {
        return Err(Trouble::failed("the update does not fit the cache"));
    }
    let offsets = match offsets {
        Some(offsets) => offsets.lengths()?,
        None => vec![0; array.shape[0]],
    };
    if offsets.len() != array.shape[0] {
        return Err(Trouble::failed("there is not one offset for each batch"));
    }
    if update.len() == 0 {
        return part(array, 0, 0, array.shape[0]);
    }
    for_elements!(array, values => of(values, update, &offsets, &array.shape, axis, circular))
}
