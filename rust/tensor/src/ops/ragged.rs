//! Rows of different lengths: their elements one after the other, and where each row begins. And sparse matrices: places and
//! elements. Definitions are those of TensorFlow's operators.

mod cross;

use super::convert::cast;
use super::input;
use super::slice::{concatenate, part};
use crate::array::{Array, DType, Element, elements, for_elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ragged {
    /// Shape, elements, filler, then where rows begin, or the number of rows and the row of each element.
    ToTensor { by_row_splits: bool },
    /// Starts, limits, steps. Where rows begin, elements.
    Range,
    /// Where rows begin, elements, rows that are wanted. Where rows begin, elements.
    Gather,
    /// Where rows begin, numbers, number of bins, weights.
    Bincount { binary: bool, dtype: DType },
    /// Columns; places, values and shape of their combinations.
    Cross { sparse: usize, buckets: u64, key: u64 },
    /// Places, shape, new shape. Places, shape.
    SparseReshape,
    /// Places, elements, shape, filler. Places, elements, whether rows were empty, new place of each element.
    FillEmptyRows,
    /// Places, elements, shape, matrix.
    SparseProduct {
        transpose_left: bool,
        transpose_right: bool,
    },
}

impl Ragged {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Range | Self::Gather | Self::SparseReshape => 2,
            Self::Cross { .. } => 3,
            Self::FillEmptyRows => 4,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Ragged, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    let one = match what {
        Ragged::ToTensor { by_row_splits } => {
            let lengths = if *by_row_splits {
                bounds(at(3)?)?.windows(2).map(|row| row[1] - row[0]).collect()
            } else {
                let rows =
                    usize::try_from(at(3)?.integer()?).map_err(|_| Trouble::failed("a negative number of rows"))?;
                lengths(rows, at(4)?)?
            };
            let (elements, filler) = (at(1)?, at(2)?);
            for_elements!(elements, values => to_tensor(values, elements, &lengths, at(0)?, filler))?
        }
        Ragged::Range => return range(at(0)?, at(1)?, at(2)?),
        Ragged::Gather => return gather(at(0)?, at(1)?, at(2)?),
        Ragged::Bincount { binary, dtype } => {
            let starts = bounds(at(0)?)?;
            let mut rows = Vec::with_capacity(starts.len());
            for row in starts.windows(2) {
                let numbers = part(at(1)?, 0, row[0], row[1] - row[0])?;
                let weights = at(3)?;
                let weights = if weights.len() == 0 {
                    weights.clone()
                } else {
                    part(weights, 0, row[0], row[1] - row[0])?
                };
                let counting = super::counting::Counting::Bincount {
                    binary: *binary,
                    dtype: *dtype,
                };
                rows.push(super::counting::evaluate(
                    &counting,
                    &[numbers, at(2)?.clone(), weights],
                )?);
            }
            if rows.is_empty() {
                Array::zeros(*dtype, vec![0, at(2)?.lengths()?.first().copied().unwrap_or(0)])?
            } else {
                super::slice::pack(&rows, 0)?
            }
        }
        Ragged::Cross { sparse, buckets, key } => return cross::cross(inputs, *sparse, *buckets, *key, budget),
        Ragged::SparseReshape => return sparse_reshape(at(0)?, at(1)?, at(2)?),
        Ragged::FillEmptyRows => return fill_empty_rows(at(0)?, at(1)?, at(2)?, at(3)?),
        Ragged::SparseProduct {
            transpose_left,
            transpose_right,
        } => {
            let zero = Array::zeros(at(1)?.dtype(), Vec::new())?;
            let dense = [at(0)?.clone(), at(2)?.clone(), at(1)?.clone(), zero];
            let dense = super::counting::evaluate(&super::counting::Counting::Dense, &dense)?;
            super::matrix::multiply(&dense, at(3)?, *transpose_left, *transpose_right, budget)?
        }
    };
    Ok(vec![one])
}

/// Where rows begin, and where the last one ends.
fn bounds(splits: &Array) -> Result<Vec<usize>, Trouble> {
    let bounds = splits.lengths()?;
    if bounds.first() != Some(&0) || !bounds.is_sorted() {
        return Err(Trouble::failed("rows that don't begin one after the other"));
    }
    Ok(bounds)
}

/// Lengths of rows, from the row of each element.
fn lengths(rows: usize, row_of: &Array) -> Result<Vec<usize>, Trouble> {
    elements(&[rows])?;
    let mut lengths = vec![0; rows];
    for row in row_of.lengths()? {
        *lengths
            .get_mut(row)
            .ok_or_else(|| Trouble::failed(format!("row {row} of {rows}")))? += 1;
    }
    Ok(lengths)
}

fn to_tensor<T: Element>(
    values: &[T],
    array: &Array,
    lengths: &[usize],
    wanted: &Array,
    filler: &Array,
) -> Result<Array, Trouble> {
    let entry = array.shape.get(1..).unwrap_or_default();
    let size = elements(entry)?;
    let wanted = wanted.integers()?;
    let length = |axis: usize, otherwise: usize| {
        wanted
            .get(axis)
            .filter(|_| wanted.len() > 1)
            .and_then(|length| usize::try_from(*length).ok())
            .unwrap_or(otherwise)
    };
    let rows = length(0, lengths.len());
    let columns = length(1, lengths.iter().copied().max().unwrap_or(0));
    let shape: Vec<usize> = [rows, columns].into_iter().chain(entry.iter().copied()).collect();
    elements(&shape)?;
    let filler = super::layout::broadcast(&cast(filler, array.dtype())?, entry)?;
    let filler = filler.view::<T>()?;
    let mut result = Vec::with_capacity(rows * columns * size);
    let mut start = 0;
    for row in 0..rows {
        let have = lengths.get(row).copied().unwrap_or(0);
        let kept = have.min(columns);
        let own = values.get(start * size..(start + kept) * size);
        result.extend_from_slice(own.ok_or_else(|| Trouble::failed("rows beyond the elements"))?);
        (kept..columns).for_each(|_| result.extend_from_slice(filler));
        start += have;
    }
    Ok(Array::new(shape, result))
}

fn range(starts: &Array, limits: &Array, steps: &Array) -> Result<Vec<Array>, Trouble> {
    let rows = starts.len().max(limits.len()).max(steps.len());
    let one = |array: &Array, row: usize| {
        part(
            &array.reshaped(vec![array.len()])?,
            0,
            if array.len() == 1 { 0 } else { row },
            1,
        )
    };
    let mut splits = vec![0_i64];
    let mut parts = Vec::with_capacity(rows);
    let mut total = 0;
    for row in 0..rows {
        let [start, limit, step] = [starts, limits, steps].map(|array| one(array, row)?.reshaped(Vec::new()));
        let numbers = super::layout::range(&start?, &limit?, &step?)?;
        total += numbers.len();
        elements(&[total])?;
        splits.push(total as i64);
        parts.push(numbers);
    }
    let numbers = if parts.is_empty() {
        Array::zeros(starts.dtype(), vec![0])?
    } else {
        concatenate(&parts, 0)?
    };
    Ok(vec![Array::new(vec![splits.len()], splits), numbers])
}

fn gather(splits: &Array, values: &Array, rows: &Array) -> Result<Vec<Array>, Trouble> {
    let starts = bounds(splits)?;
    let mut parts = Vec::with_capacity(rows.len());
    let mut new = vec![0_i64];
    let mut total = 0;
    for row in rows.lengths()? {
        let (Some(start), Some(end)) = (starts.get(row), starts.get(row + 1)) else {
            return Err(Trouble::failed(format!("row {row} of {}", starts.len() - 1)));
        };
        total += end - start;
        elements(&[total])?;
        new.push(total as i64);
        parts.push(part(values, 0, *start, end - start)?);
    }
    let values = if parts.is_empty() {
        part(values, 0, 0, 0)?
    } else {
        concatenate(&parts, 0)?
    };
    Ok(vec![cast(&Array::new(vec![new.len()], new), splits.dtype())?, values])
}

fn sparse_reshape(indices: &Array, shape: &Array, wanted: &Array) -> Result<Vec<Array>, Trouble> {
    let (old, mut new) = (shape.lengths()?, wanted.integers()?);
    let all = elements(&old)?;
    let known: i64 = new.iter().filter(|length| **length >= 0).product();
    if let Some(length) = new.iter_mut().find(|length| **length < 0) {
        *length = all as i64 / known.max(1);
    }
    let lengths = Array::new(vec![new.len()], new).lengths()?;
    if elements(&lengths)? != all {
        return Err(Trouble::failed(format!("shape {old:?} does not fit into {lengths:?}")));
    }
    let old_places = indices.lengths()?;
    let mut places = Vec::with_capacity(old_places.len());
    for at in old_places.chunks(old.len().max(1)) {
        let mut place = at.iter().zip(&old).fold(0_usize, |place, (at, length)| {
            place.saturating_mul(*length).saturating_add(*at)
        });
        let mut own = vec![0_i64; lengths.len()];
        for (axis, length) in lengths.iter().enumerate().rev() {
            own[axis] = (place % (*length).max(1)) as i64;
            place /= (*length).max(1);
        }
        places.extend(own);
    }
    let count = places.len() / lengths.len().max(1);
    let shape = lengths.iter().map(|length| *length as i64).collect();
    Ok(vec![
        Array::new(vec![count, lengths.len()], places),
        Array::new(vec![lengths.len()], shape),
    ])
}

fn fill_empty_rows(indices: &Array, values: &Array, shape: &Array, filler: &Array) -> Result<Vec<Array>, Trouble> {
    let lengths = shape.lengths()?;
    let (rows, axes) = (lengths.first().copied().unwrap_or(0), lengths.len().max(1));
    elements(&[rows])?;
    let places = indices.lengths()?;
    let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); rows];
    for (n, place) in places.chunks(axes).enumerate() {
        let row = place.first().and_then(|row| of_row.get_mut(*row));
        row.ok_or_else(|| Trouble::failed(format!("a place beyond {rows} rows")))?
            .push(n);
    }
    let (mut new, mut order, mut reverse) = (Vec::new(), Vec::new(), vec![0_i64; places.len() / axes]);
    for (row, own) in of_row.iter().enumerate() {
        if own.is_empty() {
            new.extend(std::iter::once(row as i64).chain(std::iter::repeat_n(0, axes - 1)));
            order.push(values.len() as i64);
        }
        for n in own {
            reverse[*n] = order.len() as i64;
            new.extend(places[n * axes..(n + 1) * axes].iter().map(|at| *at as i64));
            order.push(*n as i64);
        }
    }
    let all = concatenate(&[values.clone(), filler.reshaped(vec![1])?], 0)?;
    let count = order.len();
    let values = super::gather::gather(&all, &Array::new(vec![count], order), 0, 0)?;
    Ok(vec![
        Array::new(vec![count, axes], new),
        values,
        Array::new(vec![rows], of_row.iter().map(Vec::is_empty).collect()),
        Array::new(vec![reverse.len()], reverse),
    ])
}
