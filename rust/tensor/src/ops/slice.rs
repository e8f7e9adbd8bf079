//! Parts of tensors, and tensors from parts.

use super::layout::{copy, copy_array, strides};
use crate::array::{Array, Element, axis_of, elements, for_elements};
use crate::graph::SliceMasks;
use crate::trouble::Trouble;

/// `length` entries of an axis, from `start` on.
pub(crate) fn part(array: &Array, axis: usize, start: usize, length: usize) -> Result<Array, Trouble> {
    if start.checked_add(length).is_none_or(|end| end > array.shape[axis]) {
        return Err(Trouble::failed(format!(
            "axis {axis} of {:?} has no entries {start} to {}",
            array.shape,
            start.saturating_add(length)
        )));
    }
    let steps = strides(&array.shape);
    let mut shape = array.shape.clone();
    shape[axis] = length;
    copy_array(array, start as isize * steps[axis], shape, &steps)
}

pub(crate) fn pack(arrays: &[Array], axis: i64) -> Result<Array, Trouble> {
    let first = arrays.first().ok_or_else(|| Trouble::failed("nothing to pack"))?;
    let axis = axis_of(axis, first.shape.len() + 1)?;
    let expanded = arrays
        .iter()
        .map(|array| super::layout::expand(array, axis as i64))
        .collect::<Result<Vec<_>, _>>()?;
    concatenate(&expanded, axis as i64)
}

pub(super) fn unpack(array: &Array, axis: i64, count: usize) -> Result<Vec<Array>, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    if array.shape[axis] != count {
        return Err(Trouble::failed(format!(
            "axis {axis} of {:?} does not have {count} entries",
            array.shape
        )));
    }
    let mut shape = array.shape.clone();
    shape.remove(axis);
    (0..count)
        .map(|entry| part(array, axis, entry, 1)?.reshaped(shape.clone()))
        .collect()
}

pub(crate) fn concatenate(arrays: &[Array], axis: i64) -> Result<Array, Trouble> {
    let first = arrays
        .first()
        .ok_or_else(|| Trouble::failed("nothing to concatenate"))?;
    let axis = axis_of(axis, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    for array in arrays {
        let fits = array.shape.len() == shape.len()
            && array
                .shape
                .iter()
                .zip(&shape)
                .enumerate()
                .all(|(n, (a, b))| n == axis || a == b);
        if !fits || array.dtype() != first.dtype() {
            return Err(Trouble::failed(format!(
                "{} {:?} and {} {:?} can't be concatenated along axis {axis}",
                first.dtype(),
                first.shape,
                array.dtype(),
                array.shape
            )));
        }
        shape[axis] += array.shape[axis];
    }
    elements(&shape)?;
    for_elements!(first, values => join(values, arrays, axis, shape))
}

/// `_like` gives the element type.
fn join<T: Element>(_like: &[T], arrays: &[Array], axis: usize, shape: Vec<usize>) -> Result<Array, Trouble> {
    let mut result: Vec<T> = Vec::with_capacity(elements(&shape)?);
    let outer: usize = shape[..axis].iter().product();
    let views = arrays.iter().map(Array::view).collect::<Result<Vec<&[T]>, _>>()?;
    for n in 0..outer {
        for values in &views {
            let run = values.len() / outer;
            result.extend_from_slice(&values[n * run..(n + 1) * run]);
        }
    }
    Ok(Array::new(shape, result))
}

pub(super) fn split(array: &Array, axis: i64, count: usize) -> Result<Vec<Array>, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    let length = array.shape[axis];
    if count == 0 || !length.is_multiple_of(count) {
        return Err(Trouble::failed(format!(
            "axis {axis} of {:?} can't be split in {count}",
            array.shape
        )));
    }
    (0..count)
        .map(|n| part(array, axis, n * (length / count), length / count))
        .collect()
}

/// One size may be -1: what is left.
pub(super) fn split_sizes(array: &Array, sizes: &[i64], axis: i64, count: usize) -> Result<Vec<Array>, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    if sizes.len() != count {
        return Err(Trouble::failed(format!("{} sizes for {count} parts", sizes.len())));
    }
    let known: i64 = sizes
        .iter()
        .filter(|size| **size >= 0)
        .fold(0, |sum, size| sum.saturating_add(*size));
    let mut start = 0_usize;
    sizes
        .iter()
        .map(|size| {
            let size = if *size == -1 {
                array.shape[axis] as i64 - known
            } else {
                *size
            };
            let size = usize::try_from(size).map_err(|_| Trouble::failed(format!("a part of size {size}")))?;
            let result = part(array, axis, start, size)?;
            start += size;
            Ok(result)
        })
        .collect()
}

/// A size of -1 means to the end.
pub(super) fn slice(array: &Array, begin: &[i64], sizes: &[i64]) -> Result<Array, Trouble> {
    if begin.len() != array.shape.len() || sizes.len() != begin.len() {
        return Err(Trouble::failed("one begin and one size per axis are needed"));
    }
    let mut result = array.clone();
    for (axis, (begin, size)) in begin.iter().zip(sizes).enumerate() {
        let size = if *size == -1 {
            array.shape[axis] as i64 - begin
        } else {
            *size
        };
        let (Ok(begin), Ok(size)) = (usize::try_from(*begin), usize::try_from(size)) else {
            return Err(Trouble::failed(format!(
                "axis {axis} has no {size} entries from {begin} on"
            )));
        };
        result = part(&result, axis, begin, size)?;
    }
    Ok(result)
}

pub(super) fn strided(
    array: &Array,
    begin: &[i64],
    end: &[i64],
    step: &[i64],
    masks: SliceMasks,
) -> Result<Array, Trouble> {
    let entries = begin.len();
    if end.len() != entries || step.len() != entries || entries > 32 {
        return Err(Trouble::failed(
            "begin, end and step of a slice must be of the same, small length",
        ));
    }
    let bit = |mask: u64, n: usize| mask >> n & 1 == 1;
    let rank = array.shape.len();
    let named = (0..entries)
        .filter(|n| !bit(masks.ellipsis, *n) && !bit(masks.new_axis, *n))
        .count();
    if named > rank {
        return Err(Trouble::failed(format!("{named} slices of a tensor of rank {rank}")));
    }
    let from = strides(&array.shape);
    let (mut shape, mut steps, mut start, mut axis) = (Vec::new(), Vec::new(), 0_isize, 0);
    for n in 0..entries {
        if bit(masks.ellipsis, n) {
            for _ in named..rank {
                shape.push(array.shape[axis]);
                steps.push(from[axis]);
                axis += 1;
            }
            continue;
        }
        if bit(masks.new_axis, n) {
            shape.push(1);
            steps.push(0);
            continue;
        }
        let length = array.shape.get(axis).copied().unwrap_or_default() as i64;
        let counted = |value: i64| if value < 0 { value.saturating_add(length) } else { value };
        if bit(masks.shrink, n) {
            let index = counted(begin[n]);
            if !(0..length).contains(&index) {
                return Err(Trouble::failed(format!(
                    "axis {axis} of {:?} has no entry {}",
                    array.shape, begin[n]
                )));
            }
            start += index as isize * from[axis];
        } else {
            let step = step[n];
            let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
            let first = if step > 0 { low } else { high };
            let last = if step > 0 { high } else { low };
            let first = if bit(masks.begin, n) {
                first
            } else {
                counted(begin[n]).clamp(low, high.max(low))
            };
            let last = if bit(masks.end, n) {
                last
            } else {
                counted(end[n]).clamp(low, high.max(low))
            };
            let count = match step {
                0 => return Err(Trouble::failed("a slice of step 0")),
                1.. => (last - first).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
                _ => (first - last).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
            };
            if count > 0 {
                start += first as isize * from[axis];
            }
            shape.push(count as usize);
            // A step beyond the axis is never taken.
            steps.push(step.clamp(-length - 1, length + 1) as isize * from[axis]);
        }
        axis += 1;
    }
    shape.extend(&array.shape[axis..]);
    steps.extend(&from[axis..]);
    copy_array(array, start, shape, &steps)
}

/// `widths` holds two numbers per axis; the new elements are `filler` or 0.
pub(super) fn pad(array: &Array, widths: &[i64], filler: Option<&Array>) -> Result<Array, Trouble> {
    if widths.len() != 2 * array.shape.len() {
        return Err(Trouble::failed("two widths of padding per axis are needed"));
    }
    let mut result = array.clone();
    for (axis, width) in widths.as_chunks::<2>().0.iter().enumerate() {
        if *width == [0, 0] {
            continue;
        }
        let border = |width: i64| {
            let mut shape = result.shape.clone();
            shape[axis] = usize::try_from(width).map_err(|_| Trouble::failed(format!("padding of {width}")))?;
            match filler {
                Some(filler) => super::layout::broadcast(filler, &shape),
                None => Array::zeros(array.dtype(), shape),
            }
        };
        let (before, after) = (border(width[0])?, border(width[1])?);
        result = concatenate(&[before, result, after], axis as i64)?;
    }
    Ok(result)
}

/// Blocks of space move to the batch axis.
pub(super) fn space_to_batch(array: &Array, block: &[usize], widths: &[i64]) -> Result<Array, Trouble> {
    let spatial = block.len();
    let rank = array.shape.len();
    if rank < spatial + 1 || widths.len() != 2 * spatial {
        return Err(Trouble::failed("block and padding don't fit the tensor"));
    }
    let mut all = vec![0; 2 * rank];
    all[2..2 + widths.len()].copy_from_slice(widths);
    let padded = pad(array, &all, None)?;
    let from = strides(&padded.shape);
    let (mut shape, mut steps) = (block.to_vec(), from[1..=spatial].to_vec());
    let mut result = vec![
        block
            .iter()
            .fold(padded.shape[0], |product, size| product.saturating_mul(*size)),
    ];
    shape.push(padded.shape[0]);
    steps.push(from[0]);
    for (axis, size) in (1..).zip(block) {
        if *size == 0 || padded.shape[axis] % size != 0 {
            return Err(Trouble::failed(format!(
                "axis {axis} of {:?} is not made of blocks of {size}",
                padded.shape
            )));
        }
        shape.push(padded.shape[axis] / size);
        steps.push(from[axis] * *size as isize);
        result.push(padded.shape[axis] / size);
    }
    shape.extend(&padded.shape[spatial + 1..]);
    steps.extend(&from[spatial + 1..]);
    result.extend(&padded.shape[spatial + 1..]);
    copy_array(&padded, 0, shape, &steps)?.reshaped(result)
}

/// The reverse of [`space_to_batch`]; `crops` holds two numbers per axis of the block.
pub(super) fn batch_to_space(array: &Array, block: &[usize], crops: &[usize]) -> Result<Array, Trouble> {
    let spatial = block.len();
    let volume = block
        .iter()
        .try_fold(1_usize, |product, size| product.checked_mul(*size));
    let batch = array.shape.first().copied().unwrap_or_default();
    let volume = volume.filter(|volume| *volume > 0 && batch % volume == 0);
    let (Some(volume), true, true) = (volume, array.shape.len() > spatial, crops.len() == 2 * spatial) else {
        return Err(Trouble::failed("block and crops don't fit the tensor"));
    };
    let mut split = block.to_vec();
    split.push(batch / volume);
    split.extend(&array.shape[1..]);
    let from = strides(&split);
    let (mut shape, mut steps, mut result) = (vec![batch / volume], vec![from[spatial]], vec![batch / volume]);
    for (axis, size) in block.iter().enumerate() {
        shape.extend([array.shape[axis + 1], *size]);
        steps.extend([from[spatial + 1 + axis], from[axis]]);
        result.push(array.shape[axis + 1].saturating_mul(*size));
    }
    shape.extend(&array.shape[spatial + 1..]);
    steps.extend(&from[2 * spatial + 1..]);
    result.extend(&array.shape[spatial + 1..]);
    let mut whole =
        for_elements!(array, values => copy(values, 0, &shape, &steps).map(|values| Array::new(shape, values)))?
            .reshaped(result)?;
    for (axis, crop) in (1..).zip(crops.as_chunks::<2>().0) {
        let length = whole.shape[axis].checked_sub(crop[0].saturating_add(crop[1]));
        let length = length.ok_or_else(|| Trouble::failed("more is cropped than there is"))?;
        whole = part(&whole, axis, crop[0], length)?;
    }
    Ok(whole)
}
