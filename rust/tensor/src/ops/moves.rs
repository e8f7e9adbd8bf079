//! ONNX's operators that only move elements, or choose them by place.

use super::layout::{broadcast, common_shape, copy_array, expand, reshape, strides, transpose};
use super::slice::{concatenate, part};
use super::{convert, gather, input, optional};
use crate::array::{Array, DType, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name. Inputs are in ONNX's order; attributes that later versions made inputs are inputs.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// A length of 0 copies that of the input.
    Reshape {
        zero_copies: bool,
    },
    /// To a matrix: axes before, and from, this one.
    Flatten {
        axis: i64,
    },
    /// Axes are the second input; without it, all of length 1.
    Squeeze,
    Unsqueeze,
    /// Order is the second input; without it, reversed.
    Transpose,
    /// To the common shape of the tensor and the second input.
    Expand,
    /// In parts as equal as possible, the last one smaller.
    SplitEven {
        axis: i64,
        count: usize,
    },
    /// Data, starts, ends, axes, steps.
    Slice,
    /// Data, widths, filler, axes.
    Pad {
        how: Padded,
    },
    Gather {
        axis: i64,
    },
    GatherElements {
        axis: i64,
    },
    GatherEntries {
        batch_axes: usize,
    },
    /// Indices, depth, values for cold and hot.
    OneHot {
        axis: i64,
    },
    Shape {
        start: i64,
        end: Option<i64>,
    },
    Fill {
        value: Array,
    },
    Eye {
        diagonal: i64,
        dtype: Option<DType>,
    },
    NonZero,
    /// Data, condition.
    Compress {
        axis: Option<i64>,
    },
    Triangle {
        upper: bool,
    },
    DepthToSpace {
        block: usize,
        depth_first: bool,
    },
    SpaceToDepth {
        block: usize,
        depth_first: bool,
    },
    ReverseSequence {
        time_axis: i64,
        batch_axis: i64,
    },
    /// To a shape, by cropping or padding evenly.
    CenterCropPad {
        axes: Vec<i64>,
    },
    CastLike,
    Reinterpret(DType),
}

/// What the new elements of a padded tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padded {
    Constant,
    Reflect,
    /// Mirrored, the outermost element twice.
    Symmetric,
    Edge,
    Wrap,
}

impl Move {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::SplitEven { count, .. } => *count,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Move, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    let one = match what {
        Move::Reshape { zero_copies } => reshape_onnx(at(0)?, &at(1)?.integers()?, *zero_copies)?,
        Move::Flatten { axis } => flatten(at(0)?, *axis)?,
        Move::Squeeze => {
            let axes = optional(inputs, 1).map(Array::integers).transpose()?;
            super::layout::squeeze(at(0)?, &axes.unwrap_or_default())?
        }
        Move::Unsqueeze => unsqueeze(at(0)?, &at(1)?.integers()?)?,
        Move::Transpose => match optional(inputs, 1) {
            Some(order) => transpose(at(0)?, &order.integers()?)?,
            None => transpose(at(0)?, &(0..at(0)?.shape.len() as i64).rev().collect::<Vec<_>>())?,
        },
        Move::Expand => {
            let shape = common_shape(&at(0)?.shape, &at(1)?.lengths()?)?;
            broadcast(at(0)?, &shape)?
        }
        Move::SplitEven { axis, count } => return split_even(at(0)?, *axis, *count),
        Move::Slice => slice(at(0)?, inputs)?,
        Move::Pad { how } => {
            let axes = optional(inputs, 3).map(Array::integers).transpose()?;
            super::padding::pad(at(0)?, &at(1)?.integers()?, optional(inputs, 2), axes.as_deref(), *how)?
        }
        Move::Gather { axis } => {
            let axis = axis_of(*axis, at(0)?.shape.len())?;
            let indices = counted_from_back(at(1)?, at(0)?.shape[axis])?;
            gather::gather(at(0)?, &indices, axis as i64, 0)?
        }
        Move::GatherElements { axis } => super::scatter::gather_elements(at(0)?, at(1)?, *axis)?,
        Move::GatherEntries { batch_axes } => super::scatter::gather_entries(at(0)?, at(1)?, *batch_axes)?,
        Move::OneHot { axis } => one_hot(at(0)?, at(1)?, at(2)?, *axis)?,
        Move::Shape { start, end } => {
            let rank = at(0)?.shape.len() as i64;
            let bound = |n: i64| (if n < 0 { n + rank } else { n }).clamp(0, rank) as usize;
            let (start, end) = (bound(*start), end.map_or(rank as usize, bound));
            let lengths = at(0)?.shape.get(start..end).unwrap_or_default();
            Array::new(
                vec![lengths.len()],
                lengths.iter().map(|length| *length as i64).collect(),
            )
        }
        Move::Fill { value } => broadcast(&value.reshaped(Vec::new())?, &at(0)?.lengths()?)?,
        Move::Eye { diagonal, dtype } => eye(at(0)?, *diagonal, dtype.unwrap_or(at(0)?.dtype()))?,
        Move::NonZero => non_zero(at(0)?)?,
        Move::Compress { axis } => compress(at(0)?, at(1)?, *axis)?,
        Move::Triangle { upper } => {
            let diagonal = optional(inputs, 1).map_or(Ok(0), Array::integer)?;
            for_elements!(at(0)?, values => triangle(values, at(0)?, diagonal, *upper))?
        }
        Move::DepthToSpace { block, depth_first } => depth_to_space(at(0)?, *block, *depth_first)?,
        Move::SpaceToDepth { block, depth_first } => space_to_depth(at(0)?, *block, *depth_first)?,
        Move::ReverseSequence { time_axis, batch_axis } => reverse(at(0)?, at(1)?, *time_axis, *batch_axis)?,
        Move::CenterCropPad { axes } => center(at(0)?, &at(1)?.lengths()?, axes)?,
        Move::CastLike => convert::cast(at(0)?, at(1)?.dtype())?,
        Move::Reinterpret(dtype) => convert::reinterpret(at(0)?, *dtype)?,
    };
    Ok(vec![one])
}

fn reshape_onnx(array: &Array, wanted: &[i64], zero_copies: bool) -> Result<Array, Trouble> {
    let mut lengths = wanted.to_vec();
    if zero_copies {
        for (n, length) in lengths.iter_mut().enumerate() {
            if *length == 0 {
                *length = array.shape.get(n).map_or(0, |length| *length as i64);
            }
        }
    }
    reshape(array, &lengths)
}

fn flatten(array: &Array, axis: i64) -> Result<Array, Trouble> {
    let lanes = super::lanes::Lanes::from(&array.shape, axis)?;
    array.reshaped(vec![lanes.outer, lanes.length])
}

fn unsqueeze(array: &Array, axes: &[i64]) -> Result<Array, Trouble> {
    let rank = array.shape.len() + axes.len();
    let mut counted = axes
        .iter()
        .map(|axis| axis_of(*axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    counted.sort_unstable();
    let mut result = array.clone();
    for axis in counted {
        result = expand(&result, axis as i64)?;
    }
    Ok(result)
}

fn split_even(array: &Array, axis: i64, count: usize) -> Result<Vec<Array>, Trouble> {
    let axis = axis_of(axis, array.shape.len())?;
    let length = array.shape[axis];
    let size = length.div_ceil(count.max(1));
    (0..count)
        .map(|n| {
            let start = (n * size).min(length);
            part(array, axis, start, size.min(length - start))
        })
        .collect()
}

fn slice(array: &Array, inputs: &[Array]) -> Result<Array, Trouble> {
    let (starts, ends) = (input(inputs, 1)?.integers()?, input(inputs, 2)?.integers()?);
    let axes = match optional(inputs, 3) {
        Some(axes) => axes.integers()?,
        None => (0..starts.len() as i64).collect(),
    };
    let steps = match optional(inputs, 4) {
        Some(steps) => steps.integers()?,
        None => vec![1; starts.len()],
    };
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Trouble::failed(
            "starts, ends, axes and steps of a slice differ in number",
        ));
    }
    let from = strides(&array.shape);
    let (mut shape, mut step_sizes, mut first) = (array.shape.clone(), from.clone(), 0);
    for (n, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, array.shape.len())?;
        let length = array.shape[axis] as i64;
        let counted = |value: i64| if value < 0 { value.saturating_add(length) } else { value };
        let step = steps[n];
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let start = counted(starts[n]).clamp(low.max(0), high.max(0));
        let end = counted(ends[n]).clamp(low, high.max(low));
        let count = match step {
            0 => return Err(Trouble::failed("a slice of step 0")),
            _ if length == 0 => 0,
            1.. => (end - start).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
            _ => (start - end).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
        };
        shape[axis] = count as usize;
        if count > 0 {
            first += start as isize * from[axis];
        }
        step_sizes[axis] = step.clamp(-length - 1, length + 1) as isize * from[axis];
    }
    copy_array(array, first, shape, &step_sizes)
}

/// Indices with negative ones counted from the back.
pub(super) fn counted_from_back(indices: &Array, length: usize) -> Result<Array, Trouble> {
    let mut places = indices.integers()?;
    for place in &mut places {
        if *place < 0 {
            *place += length as i64;
        }
    }
    Ok(Array::new(indices.shape.clone(), places))
}

fn one_hot(indices: &Array, depth: &Array, values: &Array, axis: i64) -> Result<Array, Trouble> {
    let depth = *convert::cast(depth, DType::I64)?
        .view::<i64>()?
        .first()
        .ok_or_else(|| Trouble::failed("no depth"))?;
    let length = usize::try_from(depth).map_err(|_| Trouble::failed(format!("a depth of {depth}")))?;
    let indices = counted_from_back(&convert::cast(indices, DType::I64)?, length)?;
    let (off, on) = (part(values, 0, 0, 1)?, part(values, 0, 1, 1)?);
    gather::one_hot(&indices, depth, &on, &off, axis)
}

fn eye(like: &Array, diagonal: i64, dtype: DType) -> Result<Array, Trouble> {
    let [rows, columns] = *like.shape else {
        return Err(Trouble::failed(format!("{:?} is not a matrix", like.shape)));
    };
    let mut values = vec![0_i32; elements(&[rows, columns])?];
    for row in 0..rows {
        if let Ok(column) = usize::try_from(row as i64 + diagonal.clamp(-(1 << 40), 1 << 40))
            && column < columns
        {
            values[row * columns + column] = 1;
        }
    }
    convert::cast(&Array::new(vec![rows, columns], values), dtype)
}

fn non_zero(array: &Array) -> Result<Array, Trouble> {
    let truth = convert::cast(array, DType::Bool)?;
    let places: Vec<usize> = truth
        .view::<bool>()?
        .iter()
        .enumerate()
        .filter_map(|(n, truth)| truth.then_some(n))
        .collect();
    let mut result = Vec::with_capacity(array.shape.len() * places.len());
    for (stride, length) in strides(&array.shape).into_iter().zip(&array.shape) {
        result.extend(places.iter().map(|place| (place / stride as usize % length) as i64));
    }
    Ok(Array::new(vec![array.shape.len(), places.len()], result))
}

fn compress(array: &Array, condition: &Array, axis: Option<i64>) -> Result<Array, Trouble> {
    let (array, axis) = match axis {
        Some(axis) => (array.clone(), axis),
        None => (array.reshaped(vec![array.len()])?, 0),
    };
    let length = array.shape[axis_of(axis, array.shape.len())?];
    let places: Vec<i64> = condition
        .view::<bool>()?
        .iter()
        .take(length)
        .enumerate()
        .filter_map(|(n, keep)| keep.then_some(n as i64))
        .collect();
    gather::gather(&array, &Array::new(vec![places.len()], places), axis, 0)
}

fn triangle<T: Element>(values: &[T], array: &Array, diagonal: i64, upper: bool) -> Result<Array, Trouble> {
    let [.., rows, columns] = *array.shape else {
        return Err(Trouble::failed(format!("{:?} is not a matrix", array.shape)));
    };
    let keeps = |row: usize, column: usize| {
        let distance = (column as i64).saturating_sub(row as i64);
        if upper {
            distance >= diagonal
        } else {
            distance <= diagonal
        }
    };
    let kept = values.iter().enumerate().map(|(n, value)| {
        if keeps(n / columns % rows, n % columns) {
            value.clone()
        } else {
            T::default()
        }
    });
    Ok(Array::new(array.shape.clone(), kept.collect()))
}

fn image(array: &Array) -> Result<[usize; 4], Trouble> {
    array
        .shape
        .as_slice()
        .try_into()
        .map_err(|_| Trouble::failed(format!("an image needs 4 axes, it has shape {:?}", array.shape)))
}

fn depth_to_space(array: &Array, block: usize, depth_first: bool) -> Result<Array, Trouble> {
    let [batch, channels, height, width] = image(array)?;
    let area = block.saturating_mul(block);
    if area == 0 || channels % area != 0 {
        return Err(Trouble::failed(format!("{channels} channels in blocks of {block}")));
    }
    let depth = channels / area;
    let (split, order) = if depth_first {
        ([batch, block, block, depth, height, width], [0, 3, 4, 1, 5, 2])
    } else {
        ([batch, depth, block, block, height, width], [0, 1, 4, 2, 5, 3])
    };
    transpose(&array.reshaped(split.to_vec())?, &order)?.reshaped(vec![batch, depth, height * block, width * block])
}

fn space_to_depth(array: &Array, block: usize, depth_first: bool) -> Result<Array, Trouble> {
    let [batch, channels, height, width] = image(array)?;
    if block == 0 || height % block != 0 || width % block != 0 {
        return Err(Trouble::failed(format!(
            "{height} x {width} is not made of blocks of {block}"
        )));
    }
    let (rows, columns) = (height / block, width / block);
    let split = array.reshaped(vec![batch, channels, rows, block, columns, block])?;
    let order = if depth_first {
        [0, 3, 5, 1, 2, 4]
    } else {
        [0, 1, 3, 5, 2, 4]
    };
    transpose(&split, &order)?.reshaped(vec![batch, channels * block * block, rows, columns])
}

fn reverse(array: &Array, lengths: &Array, time_axis: i64, batch_axis: i64) -> Result<Array, Trouble> {
    fn of<T: Element>(values: &[T], array: &Array, lengths: &[usize], time: usize, batch: usize) -> Array {
        let steps = strides(&array.shape);
        let place = |n: usize, axis: usize| n / steps[axis] as usize % array.shape[axis];
        let moved = (0..values.len()).map(|n| {
            let (at, length) = (place(n, time), lengths[place(n, batch)]);
            let from = if at < length {
                n + (length - 1 - at) * steps[time] as usize - at * steps[time] as usize
            } else {
                n
            };
            values[from].clone()
        });
        Array::new(array.shape.clone(), moved.collect())
    }
    let rank = array.shape.len();
    let (time, batch) = (axis_of(time_axis, rank)?, axis_of(batch_axis, rank)?);
    let lengths = lengths.lengths()?;
    if lengths.len() != array.shape[batch] || lengths.iter().any(|length| *length > array.shape[time]) {
        return Err(Trouble::failed("lengths of sequences don't fit the tensor"));
    }
    for_elements!(array, values => Ok(of(values, array, &lengths, time, batch)))
}

fn center(array: &Array, wanted: &[usize], axes: &[i64]) -> Result<Array, Trouble> {
    let axes: Vec<i64> = if axes.is_empty() {
        (0..wanted.len() as i64).collect()
    } else {
        axes.to_vec()
    };
    if axes.len() != wanted.len() {
        return Err(Trouble::failed("one length per axis is needed"));
    }
    let mut result = array.clone();
    for (axis, wanted) in axes.iter().zip(wanted) {
        let axis = axis_of(*axis, array.shape.len())?;
        let length = result.shape[axis];
        if *wanted <= length {
            result = part(&result, axis, (length - wanted) / 2, *wanted)?;
        } else {
            let missing = wanted - length;
            let border = |width: usize| {
                let mut shape = result.shape.clone();
                shape[axis] = width;
                Array::zeros(result.dtype(), shape)
            };
            let (before, after) = (border(missing / 2)?, border(missing - missing / 2)?);
            result = concatenate(&[before, result, after], axis as i64)?;
        }
    }
    Ok(result)
}
