//! Rows of different lengths: their elements one after the other, and where each row begins. And sparse matrices: places and
//! elements. Definitions are those of TensorFlow's operators.

mod cross;
mod sparse;

use super::convert::cast;
use super::input;
use super::slice::{concatenate, part};
use crate::array::{Array, DType, Element, elements, for_elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ragged {
    /// Shape, elements, filler, then what tells how each axis is divided.
    ToTensor(Vec<Division>),
    /// Where rows begin, for each ragged axis, elements. Places, elements, shape.
    ToSparse { axes: usize },
    /// Scores by time, batch and class, lengths. Places, classes and shape of the best path without blanks, its sums of scores,
    /// negative.
    GreedyPath { merges: bool, blank: i64 },
    /// Starts, limits, steps. Where rows begin, elements.
    Range,
    /// Where rows begin, for each ragged axis, elements, rows that are wanted. Where rows begin, elements.
    Gather { axes: usize },
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

/// How an input divides what lies on an axis into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Division {
    /// The length of the first axis; it divides nothing.
    FirstLength,
    /// The row of each entry.
    RowOfEach,
    /// Where rows begin, and where the last one ends.
    Splits,
}

impl Ragged {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Range | Self::SparseReshape => 2,
            Self::Gather { axes } => axes + 1,
            Self::ToSparse { .. } | Self::Cross { .. } => 3,
            Self::FillEmptyRows | Self::GreedyPath { .. } => 4,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Ragged, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    let one = match what {
        Ragged::ToTensor(divisions) => {
            let lengths = row_lengths(divisions, inputs.get(3..).unwrap_or_default())?;
            let (elements, filler) = (at(1)?, at(2)?);
            for_elements!(elements, values => to_tensor(values, elements, &lengths, at(0)?, filler))?
        }
        Ragged::ToSparse { axes } => {
            let splits = vec![Division::Splits; *axes];
            let lengths = row_lengths(&splits, inputs.get(..*axes).unwrap_or_default())?;
            return sparse::to_sparse(&lengths, at(*axes)?);
        }
        Ragged::GreedyPath { merges, blank } => return sparse::greedy_path(at(0)?, at(1)?, *merges, *blank),
        Ragged::Range => return range(at(0)?, at(1)?, at(2)?),
        Ragged::Gather { axes } => return gather(inputs, *axes),
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
        Ragged::SparseReshape => return sparse::reshape(at(0)?, at(1)?, at(2)?),
        Ragged::FillEmptyRows => return sparse::fill_empty_rows(at(0)?, at(1)?, at(2)?, at(3)?),
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

/// Lengths of the rows of each ragged axis, outermost first.
fn row_lengths(divisions: &[Division], inputs: &[Array]) -> Result<Vec<Vec<usize>>, Trouble> {
    let mut rows = 0;
    let mut axes = Vec::with_capacity(divisions.len());
    for (division, array) in divisions.iter().zip(inputs) {
        let own: Vec<usize> = match division {
            Division::FirstLength => {
                let count = usize::try_from(array.integer()?);
                rows = count.map_err(|_| Trouble::failed("a negative number of rows"))?;
                continue;
            }
            Division::RowOfEach => lengths(rows, array)?,
            Division::Splits => bounds(array)?.windows(2).map(|row| row[1] - row[0]).collect(),
        };
        rows = elements(&[own.iter().sum()])?;
        axes.push(own);
    }
    if axes.is_empty() {
        return Err(Trouble::failed("rows that nothing divides"));
    }
    Ok(axes)
}

fn to_tensor<T: Element>(
    values: &[T],
    array: &Array,
    lengths: &[Vec<usize>],
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
    let rows = lengths.first().map_or(0, Vec::len);
    let longest = lengths.iter().map(|rows| rows.iter().copied().max().unwrap_or(0));
    let axes = std::iter::once(rows).chain(longest).enumerate();
    let shape: Vec<usize> = axes.map(|(axis, own)| length(axis, own)).collect();
    // Where each entry of an axis goes; what lies beyond the wanted shape goes nowhere.
    let mut places: Vec<Option<usize>> = (0..rows).map(|row| (row < shape[0]).then_some(row)).collect();
    for (own, width) in lengths.iter().zip(&shape[1..]) {
        let inner = elements(&[own.iter().sum()])?;
        let mut next = Vec::with_capacity(inner);
        for (place, have) in places.iter().zip(own) {
            next.extend((0..*have).map(|at| place.filter(|_| at < *width).map(|place| place * width + at)));
        }
        places = next;
    }
    let shape: Vec<usize> = shape.into_iter().chain(entry.iter().copied()).collect();
    let all = elements(&shape)?;
    let filler = super::layout::broadcast(&cast(filler, array.dtype())?, entry)?;
    let mut result: Vec<T> = filler.view::<T>()?.iter().cycle().take(all).cloned().collect();
    let beyond = || Trouble::failed("rows beyond the elements");
    for (n, place) in places.iter().enumerate() {
        let own = values.get(n * size..(n + 1) * size).ok_or_else(beyond)?;
        if let Some(place) = place {
            result[place * size..(place + 1) * size].clone_from_slice(own);
        }
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

fn gather(inputs: &[Array], axes: usize) -> Result<Vec<Array>, Trouble> {
    let (values, rows) = (input(inputs, axes)?, input(inputs, axes + 1)?);
    // Ranges of neighbouring rows of an axis, then of the axis inside.
    let mut ranges: Vec<(usize, usize)> = rows.lengths()?.iter().map(|row| (*row, row + 1)).collect();
    let mut outputs = Vec::with_capacity(axes + 1);
    for splits in &inputs[..axes] {
        let starts = bounds(splits)?;
        let mut new = vec![0_i64];
        let mut total = 0;
        for (first, end) in &mut ranges {
            let own = starts.get(*first..=*end);
            let own = own.ok_or_else(|| Trouble::failed(format!("row {first} of {}", starts.len() - 1)))?;
            for row in own.windows(2) {
                total = elements(&[total + row[1] - row[0]])?;
                new.push(total as i64);
            }
            (*first, *end) = (own[0], own[own.len() - 1]);
        }
        outputs.push(cast(&Array::new(vec![new.len()], new), splits.dtype())?);
    }
    let parts = ranges.iter().map(|(first, end)| part(values, 0, *first, end - first));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    outputs.push(if parts.is_empty() {
        part(values, 0, 0, 0)?
    } else {
        concatenate(&parts, 0)?
    });
    Ok(outputs)
}
