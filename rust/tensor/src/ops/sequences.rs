//! ONNX's operators on sequences, optional values, and maps as values.

use super::slice::{concatenate, pack, part, split_sizes, unpack};
use super::{input, optional};
use crate::array::{Array, DType, axis_of};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Of the inputs.
    Construct,
    At,
    Erase,
    Insert,
    Length,
    /// `new_axis`: along an axis of its own.
    Concat {
        axis: i64,
        new_axis: bool,
    },
    Split {
        axis: i64,
        keep_axis: bool,
    },
    HasElement,
    /// The value of an optional.
    GetElement,
}

pub(super) fn evaluate(what: &Sequence, inputs: &[Array]) -> Result<Array, Trouble> {
    let at = |index: usize| input(inputs, index);
    match what {
        Sequence::Construct => Ok(Array::list(inputs.iter().cloned().map(Some).collect())),
        Sequence::At => {
            let items = at(0)?.items()?;
            let place = place(at(1)?.integer()?, items.len())?;
            items[place]
                .clone()
                .ok_or_else(|| Trouble::failed("the item was never set"))
        }
        Sequence::Erase => {
            let mut items = at(0)?.items()?.to_vec();
            let place = match optional(inputs, 1) {
                Some(position) => position.integer()?,
                None => -1,
            };
            items.remove(self::place(place, items.len())?);
            Ok(Array::list(items))
        }
        Sequence::Insert => {
            let mut items = at(0)?.items()?.to_vec();
            let item = at(1)?.clone();
            let count = items.len();
            let place = match optional(inputs, 2) {
                Some(position) => {
                    let position = position.integer()?;
                    if position == count as i64 {
                        count
                    } else {
                        self::place(position, count)?
                    }
                }
                None => count,
            };
            items.insert(place, Some(item));
            Ok(Array::list(items))
        }
        Sequence::Length => Ok(Array::scalar(at(0)?.items()?.len() as i64)),
        Sequence::Concat { axis, new_axis } => {
            let items: Vec<Array> = at(0)?.items()?.iter().flatten().cloned().collect();
            if *new_axis {
                pack(&items, *axis)
            } else {
                concatenate(&items, *axis)
            }
        }
        Sequence::Split { axis, keep_axis } => split(at(0)?, optional(inputs, 1), *axis, *keep_axis),
        Sequence::HasElement => Ok(Array::scalar(
            inputs.first().is_some_and(|value| value.dtype() != DType::Nothing),
        )),
        Sequence::GetElement => match inputs.first() {
            Some(value) if value.dtype() != DType::Nothing => Ok(value.clone()),
            _ => Err(Trouble::failed("the optional has no element")),
        },
    }
}

fn place(index: i64, length: usize) -> Result<usize, Trouble> {
    let counted = if index < 0 { index + length as i64 } else { index };
    usize::try_from(counted)
        .ok()
        .filter(|place| *place < length)
        .ok_or_else(|| Trouble::failed(format!("a sequence of {length} has no item {index}")))
}

fn split(array: &Array, sizes: Option<&Array>, axis: i64, keep_axis: bool) -> Result<Array, Trouble> {
    let place = axis_of(axis, array.shape.len())?;
    let length = array.shape[place];
    let parts = match sizes {
        None if keep_axis => (0..length)
            .map(|n| part(array, place, n, 1))
            .collect::<Result<Vec<_>, _>>()?,
        None => unpack(array, axis, length)?,
        Some(sizes) if sizes.shape.is_empty() => {
            let size = usize::try_from(sizes.integer()?)
                .ok()
                .filter(|size| *size > 0)
                .ok_or_else(|| Trouble::failed("parts must have a size"))?;
            (0..length)
                .step_by(size)
                .map(|start| part(array, place, start, size.min(length - start)))
                .collect::<Result<Vec<_>, _>>()?
        }
        Some(sizes) => split_sizes(array, &sizes.integers()?, axis, sizes.len())?,
    };
    Ok(Array::list(parts.into_iter().map(Some).collect()))
}
