//! Sparse matrices: places and elements.

use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::ops::slice::concatenate;
use crate::trouble::Trouble;

pub(super) fn to_sparse(lengths: &[Vec<usize>], values: &Array) -> Result<Vec<Array>, Trouble> {
    let mut places: Vec<Vec<i64>> = (0..lengths.first().map_or(0, Vec::len) as i64)
        .map(|row| vec![row])
        .collect();
    let mut shape = vec![places.len() as i64];
    for own in lengths {
        let rows = places.iter().zip(own);
        let deeper = rows.flat_map(|(place, have)| (0..*have as i64).map(move |at| [place.as_slice(), &[at]].concat()));
        places = deeper.collect();
        shape.push(own.iter().copied().max().unwrap_or(0) as i64);
    }
    let entry = values.shape.get(1..).unwrap_or_default();
    let size = elements(entry)?;
    if values.shape.first() != Some(&places.len()) {
        return Err(Trouble::failed("rows beyond the elements"));
    }
    let steps = crate::ops::layout::strides(entry);
    elements(&[places.len(), size, shape.len() + entry.len()])?;
    let inside = |n: usize| {
        entry
            .iter()
            .zip(&steps)
            .map(move |(length, step)| (n / *step as usize % length) as i64)
    };
    let all = places
        .iter()
        .flat_map(|place| (0..size).flat_map(move |n| place.iter().copied().chain(inside(n))));
    let all: Vec<i64> = all.collect();
    shape.extend(entry.iter().map(|length| *length as i64));
    Ok(vec![
        Array::new(vec![places.len() * size, shape.len()], all),
        values.reshaped(vec![values.len()])?,
        Array::new(vec![shape.len()], shape),
    ])
}

pub(super) fn greedy_path(scores: &Array, lengths: &Array, merges: bool, blank: i64) -> Result<Vec<Array>, Trouble> {
    let [times, batch, classes] = *scores.shape else {
        return Err(Trouble::failed(format!(
            "scores by time, batch and class of shape {:?}",
            scores.shape
        )));
    };
    let wide = cast(scores, DType::F64)?;
    let (values, lengths) = (wide.view::<f64>()?, lengths.lengths()?);
    if lengths.len() != batch || lengths.iter().any(|length| *length > times) || classes == 0 {
        return Err(Trouble::failed("lengths that don't fit the scores"));
    }
    let blank = if blank < 0 { blank + classes as i64 } else { blank };
    let (mut places, mut path, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    let mut longest = 0;
    for (row, length) in lengths.iter().enumerate() {
        let (mut before, mut sum, mut count) = (-1, 0.0, 0_i64);
        for time in 0..*length {
            let own = &values[(time * batch + row) * classes..][..classes];
            let mut best = 0;
            for class in 1..classes {
                if own[class] > own[best] {
                    best = class;
                }
            }
            sum -= own[best];
            let class = best as i64;
            if class != blank && !(merges && class == before) {
                places.extend([row as i64, count]);
                path.push(class);
                count += 1;
            }
            before = class;
        }
        longest = longest.max(count);
        sums.push(sum);
    }
    Ok(vec![
        Array::new(vec![path.len(), 2], places),
        Array::new(vec![path.len()], path),
        Array::new(vec![2], vec![batch as i64, longest]),
        cast(&Array::new(vec![batch, 1], sums), scores.dtype())?,
    ])
}

pub(super) fn reshape(indices: &Array, shape: &Array, wanted: &Array) -> Result<Vec<Array>, Trouble> {
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

pub(super) fn fill_empty_rows(
    indices: &Array,
    values: &Array,
    shape: &Array,
    filler: &Array,
) -> Result<Vec<Array>, Trouble> {
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
    let values = crate::ops::gather::gather(&all, &Array::new(vec![count], order), 0, 0)?;
    Ok(vec![
        Array::new(vec![count, axes], new),
        values,
        Array::new(vec![rows], of_row.iter().map(Vec::is_empty).collect()),
        Array::new(vec![reverse.len()], reverse),
    ])
}
