//! Elements counted, or reduced, by the number of a bin or segment; definitions are those of TensorFlow's operators.

use super::convert::cast;
use super::{input, optional};
use crate::array::{Array, DType, Element, elements, for_elements};
use crate::graph::Reduce;
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Counting {
    /// Number of boundaries that are not above.
    Bucketize {
        boundaries: Vec<f32>,
    },
    /// Rows in order, rows of values: where each value belongs.
    Bound {
        upper: bool,
        long: bool,
    },
    /// Data, number of bins, weights: how often each number occurs, in each row of a matrix. `binary`: whether it does.
    Bincount {
        binary: bool,
        dtype: DType,
    },
    Segments(Segments),
    /// Places, shape, values, value of all others.
    Dense,
}

/// Rows reduced by the number of their segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) how: Reduce,
    /// The number of segments is the last input.
    pub(crate) counted: bool,
    /// Rows are chosen by the second input.
    pub(crate) indexed: bool,
}

pub(super) fn evaluate(what: &Counting, inputs: &[Array]) -> Result<Array, Trouble> {
    match what {
        Counting::Bucketize { boundaries } => bucketize(input(inputs, 0)?, boundaries),
        Counting::Bound { upper, long } => {
            let dtype = if *long { DType::I64 } else { DType::I32 };
            cast(&bounds(input(inputs, 0)?, input(inputs, 1)?, *upper)?, dtype)
        }
        Counting::Bincount { binary, dtype } => bincount(inputs, *binary, *dtype),
        Counting::Segments(segments) => reduce(*segments, inputs),
        Counting::Dense => dense(inputs),
    }
}

fn bucketize(array: &Array, boundaries: &[f32]) -> Result<Array, Trouble> {
    let wide = cast(array, DType::F64)?;
    let bucket = |value: &f64| boundaries.partition_point(|boundary| f64::from(*boundary) <= *value) as i32;
    Ok(Array::new(
        array.shape.clone(),
        wide.view::<f64>()?.iter().map(bucket).collect(),
    ))
}

fn bounds(sorted: &Array, array: &Array, upper: bool) -> Result<Array, Trouble> {
    let (wide, values) = (cast(sorted, DType::F64)?, cast(array, DType::F64)?);
    let [Some(length), Some(width)] = [sorted, array].map(|array| array.shape.last().copied()) else {
        return Err(Trouble::failed("rows are needed"));
    };
    let rows = wide.view::<f64>()?.chunks(length.max(1));
    let mut places = Vec::with_capacity(values.len());
    for (row, values) in rows.zip(values.view::<f64>()?.chunks(width.max(1))) {
        let place = |value: &f64| row.partition_point(|entry| entry < value || (upper && entry == value)) as i64;
        places.extend(values.iter().map(place));
    }
    if places.len() != array.len() {
        return Err(Trouble::failed("there are not as many rows in order as rows of values"));
    }
    Ok(Array::new(array.shape.clone(), places))
}

fn bincount(inputs: &[Array], binary: bool, dtype: DType) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    let bins =
        usize::try_from(input(inputs, 1)?.integer()?).map_err(|_| Trouble::failed("a negative number of bins"))?;
    let weights = optional(inputs, 2).filter(|weights| weights.len() > 0);
    let weights = weights.map(|weights| cast(weights, DType::F64)).transpose()?;
    let weights = weights.as_ref().map(Array::view::<f64>).transpose()?;
    let rows = if array.shape.len() == 2 { array.shape[0] } else { 1 };
    let numbers = array.integers()?;
    if weights.is_some_and(|weights| weights.len() != numbers.len()) {
        return Err(Trouble::failed("there is not one weight for each element"));
    }
    let mut counts = vec![0_f64; elements(&[rows, bins])?];
    let width = numbers.len() / rows.max(1);
    for (place, number) in numbers.iter().enumerate() {
        let number = usize::try_from(*number).map_err(|_| Trouble::failed(format!("{number} can't be counted")))?;
        if number >= bins {
            continue;
        }
        let count = &mut counts[place / width.max(1) * bins + number];
        if binary {
            *count = 1.0;
        } else {
            *count += weights.map_or(1.0, |weights| weights[place]);
        }
    }
    let shape = if array.shape.len() == 2 {
        vec![rows, bins]
    } else {
        vec![bins]
    };
    cast(&Array::new(shape, counts), dtype)
}

fn reduce(what: Segments, inputs: &[Array]) -> Result<Array, Trouble> {
    let data = input(inputs, 0)?;
    let (rows, segments) = if what.indexed {
        (Some(input(inputs, 1)?.lengths()?), input(inputs, 2)?)
    } else {
        (None, input(inputs, 1)?)
    };
    // Segments may cover several leading axes; together they are the rows.
    let entry = data.shape.get(segments.shape.len()..).unwrap_or_default();
    if rows.is_none() && !data.shape.starts_with(&segments.shape) {
        return Err(Trouble::failed("there is not one segment for each row"));
    }
    let size = elements(entry)?;
    let segments = segments.integers()?;
    let count = if what.counted {
        input(inputs, 2)?.integer()?
    } else {
        segments.iter().copied().max().map_or(0, |last| last + 1)
    };
    let count = usize::try_from(count).map_err(|_| Trouble::failed("a negative number of segments"))?;
    let shape: Vec<usize> = std::iter::once(count).chain(entry.iter().copied()).collect();
    elements(&shape)?;
    let dtype = data.dtype();
    let wide = cast(data, DType::F64)?;
    let values = wide.view::<f64>()?;
    let start = match (what.how, what.counted) {
        (Reduce::Product, _) => 1.0,
        (Reduce::Maximum, true) => lowest(dtype),
        (Reduce::Minimum, true) => -lowest(dtype),
        _ => 0.0,
    };
    let mut result = vec![start; count * size];
    let mut seen = vec![0_usize; count];
    for (n, segment) in segments.iter().enumerate() {
        // Negative ones are left out.
        let Ok(segment) = usize::try_from(*segment) else {
            continue;
        };
        let row = rows.as_ref().map_or(Some(n), |rows| rows.get(n).copied());
        let row = row.and_then(|row| values.get(row * size..(row + 1) * size));
        let (Some(row), Some(to)) = (row, result.get_mut(segment * size..(segment + 1) * size)) else {
            return Err(Trouble::failed(format!("segment {segment} of {count}")));
        };
        for (to, value) in to.iter_mut().zip(row) {
            *to = match what.how {
                Reduce::Product => *to * value,
                Reduce::Maximum if seen[segment] > 0 || what.counted => to.max(*value),
                Reduce::Minimum if seen[segment] > 0 || what.counted => to.min(*value),
                Reduce::Maximum | Reduce::Minimum => *value,
                _ => *to + value,
            };
        }
        seen[segment] += 1;
    }
    for (segment, seen) in seen.iter().enumerate().filter(|(_, seen)| **seen > 0) {
        let by = match what.how {
            Reduce::Mean => *seen as f64,
            Reduce::Length => (*seen as f64).sqrt(),
            _ => continue,
        };
        result[segment * size..(segment + 1) * size]
            .iter_mut()
            .for_each(|value| *value /= by);
    }
    cast(&Array::new(shape, result), dtype)
}

/// What the maximum of nothing is.
fn lowest(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::MIN),
        DType::F64 => f64::MIN,
        DType::I32 => f64::from(i32::MIN),
        _ => i64::MIN as f64,
    }
}

fn dense(inputs: &[Array]) -> Result<Array, Trouble> {
    fn place<T: Element>(
        values: &[T],
        places: &[usize],
        otherwise: &Array,
        shape: Vec<usize>,
    ) -> Result<Array, Trouble> {
        let otherwise = otherwise.view::<T>()?.first().cloned().unwrap_or_default();
        let mut result = vec![otherwise; elements(&shape)?];
        for (n, place) in places.iter().enumerate() {
            let value = values
                .get(n)
                .or(values.first())
                .filter(|_| n < values.len() || values.len() == 1);
            let (Some(value), Some(to)) = (value, result.get_mut(*place)) else {
                return Err(Trouble::failed("values don't fit their places"));
            };
            *to = value.clone();
        }
        Ok(Array::new(shape, result))
    }
    let (indices, shape) = (input(inputs, 0)?, input(inputs, 1)?.lengths()?);
    let count = indices.shape.first().copied().unwrap_or(1);
    let indices = indices.lengths()?;
    if indices.len() != count * shape.len() {
        return Err(Trouble::failed("places have another number of axes than the shape"));
    }
    let mut places = Vec::with_capacity(count);
    for n in 0..count {
        let coordinates = &indices[n * shape.len()..(n + 1) * shape.len()];
        if coordinates.iter().zip(&shape).any(|(at, length)| at >= length) {
            return Err(Trouble::failed(format!("place {coordinates:?} in {shape:?}")));
        }
        places.push(
            coordinates
                .iter()
                .zip(&shape)
                .fold(0, |place, (at, length)| place * length + at),
        );
    }
    let (values, otherwise) = (input(inputs, 2)?, input(inputs, 3)?);
    for_elements!(values, elements => place(elements, &places, otherwise, shape))
}
