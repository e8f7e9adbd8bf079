//! Entries chosen by index.

use crate::array::{Array, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// Entries of an axis of `array`, chosen by `indices`; the first `batch_axes` axes are common to both.
pub(super) fn gather(array: &Array, indices: &Array, axis: i64, batch_axes: i64) -> Result<Array, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    let batch_axes = if batch_axes < 0 {
        batch_axes + indices.shape.len() as i64
    } else {
        batch_axes
    };
    let batch = usize::try_from(batch_axes)
        .ok()
        .filter(|batch| *batch <= axis && array.shape.get(..*batch) == indices.shape.get(..*batch))
        .ok_or_else(|| Trouble::failed("tensor and indices have no such common axes"))?;
    let mut shape = array.shape[..axis].to_vec();
    shape.extend(&indices.shape[batch..]);
    shape.extend(&array.shape[axis + 1..]);
    elements(&shape)?;
    let places = indices.integers()?;
    for_elements!(array, values => pick(values, array, axis, batch, &places, shape))
}

fn pick<T: Element>(
    values: &[T],
    array: &Array,
    axis: usize,
    batch: usize,
    places: &[i64],
    shape: Vec<usize>,
) -> Result<Array, Trouble> {
    let batches: usize = array.shape[..batch].iter().product();
    let outer: usize = array.shape[batch..axis].iter().product();
    let inner: usize = array.shape[axis + 1..].iter().product();
    let length = array.shape[axis];
    let mut result: Vec<T> = Vec::with_capacity(elements(&shape)?);
    for n in 0..batches {
        let places = &places[n * (places.len() / batches)..(n + 1) * (places.len() / batches)];
        for block in 0..outer {
            let base = (n * outer + block) * length;
            for place in places {
                let entry = usize::try_from(*place)
                    .ok()
                    .filter(|entry| *entry < length)
                    .ok_or_else(|| Trouble::failed(format!("index {place} is not below {length}")))?;
                result.extend_from_slice(&values[(base + entry) * inner..(base + entry + 1) * inner]);
            }
        }
    }
    Ok(Array::new(shape, result))
}

pub(super) fn one_hot(indices: &Array, depth: i64, on: &Array, off: &Array, axis: i64) -> Result<Array, Trouble> {
    fn of<T: Element>(
        on: &[T],
        off: &Array,
        places: &[i64],
        shape: Vec<usize>,
        depth: usize,
        inner: usize,
    ) -> Result<Array, Trouble> {
        let ([on], [off]) = (on, off.view::<T>()?) else {
            return Err(Trouble::failed("values for hot and cold must be single"));
        };
        let mut result = vec![off.clone(); elements(&shape)?];
        for (n, place) in places.iter().enumerate() {
            if let Some(hot) = usize::try_from(*place).ok().filter(|place| *place < depth) {
                result[(n / inner * depth + hot) * inner + n % inner] = on.clone();
            }
        }
        Ok(Array::new(shape, result))
    }
    let depth = usize::try_from(depth).map_err(|_| Trouble::failed(format!("a depth of {depth}")))?;
    let axis = axis_of(axis, indices.shape.len() + 1)?;
    let inner = indices.shape[axis..].iter().product();
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    elements(&shape)?;
    let places = indices.integers()?;
    for_elements!(on, values => of(values, off, &places, shape, depth, inner))
}
