//! Elements added, or removed, at the ends of axes.

use super::moves::Padded;
use crate::array::{Array, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// ONNX's `Pad`: `widths` holds first those before each of the axes, then those after; negative ones remove.
pub(super) fn pad(
    array: &Array,
    widths: &[i64],
    filler: Option<&Array>,
    axes: Option<&[i64]>,
    how: Padded,
) -> Result<Array, Trouble> {
    let rank = array.shape.len();
    let all: Vec<i64> = (0..rank as i64).collect();
    let axes = axes.unwrap_or(&all);
    if widths.len() != 2 * axes.len() {
        return Err(Trouble::failed("two widths of padding per axis are needed"));
    }
    let mut result = array.clone();
    for (n, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, rank)?;
        let (before, after) = (widths[n], widths[n + axes.len()]);
        if (before, after) != (0, 0) {
            result = pad_axis(&result, axis, before, after, filler, how)?;
        }
    }
    Ok(result)
}

fn pad_axis(
    array: &Array,
    axis: usize,
    before: i64,
    after: i64,
    filler: Option<&Array>,
    how: Padded,
) -> Result<Array, Trouble> {
    fn of<T: Element>(
        values: &[T],
        filler: &T,
        shape: Vec<usize>,
        axis: usize,
        length: usize,
        places: &[Option<usize>],
    ) -> Array {
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let mut result = Vec::with_capacity(outer * places.len() * inner);
        for block in 0..outer {
            for place in places {
                match place {
                    Some(place) => {
                        let start = (block * length + place) * inner;
                        result.extend_from_slice(&values[start..start + inner]);
                    }
                    None => result.resize(result.len() + inner, filler.clone()),
                }
            }
        }
        Array::new(shape, result)
    }
    let length = array.shape[axis];
    let padded = (length as i64)
        .checked_add(before)
        .and_then(|sum| sum.checked_add(after))
        .and_then(|sum| usize::try_from(sum).ok())
        .ok_or_else(|| Trouble::failed(format!("padding of {before} and {after} on an axis of {length}")))?;
    let mut shape = array.shape.clone();
    shape[axis] = padded;
    elements(&shape)?;
    if length == 0 && how != Padded::Constant && padded > 0 {
        return Err(Trouble::failed("an empty axis can't be padded from itself"));
    }
    let places: Vec<Option<usize>> = (0..padded as i64)
        .map(|n| place(n.checked_sub(before)?, length as i64, how))
        .collect();
    let filler = match filler {
        Some(filler) => super::convert::cast(filler, array.dtype())?,
        None => Array::zeros(array.dtype(), vec![1])?,
    };
    for_elements!(array, values => {
        let filler = filler.view()?;
        let filler = filler.first().ok_or_else(|| Trouble::failed("no value to pad with"))?;
        Ok(of(values, filler, shape, axis, length, &places))
    })
}

/// Which entry an entry of the padded axis, counted from the first real one, is a copy of.
fn place(at: i64, length: i64, how: Padded) -> Option<usize> {
    let inside = (0..length).contains(&at);
    let place = match how {
        _ if inside => at,
        Padded::Constant => return None,
        Padded::Edge => at.clamp(0, length - 1),
        Padded::Wrap => at.rem_euclid(length),
        Padded::Symmetric => {
            let folded = at.rem_euclid(2 * length);
            if folded < length {
                folded
            } else {
                2 * length - 1 - folded
            }
        }
        Padded::Reflect => {
            let period = (2 * (length - 1)).max(1);
            let folded = at.rem_euclid(period);
            if folded < length { folded } else { period - folded }
        }
    };
    usize::try_from(place).ok()
}
