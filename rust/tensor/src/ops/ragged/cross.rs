//! Combinations of the values of several columns, by hash: TensorFlow's `SparseCross`.

use crate::array::{Array, DType, Text, elements};
use crate::ops::strings::Hash;
use crate::run::Budget;
use crate::trouble::Trouble;

const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;

/// The hash of two hashes.
fn joined(first: u64, second: u64) -> u64 {
    let mix = |value: u64| value ^ value >> 47;
    let mut result = first ^ FACTOR;
    result ^= mix(second.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    result = result.wrapping_mul(FACTOR);
    result = mix(result).wrapping_mul(FACTOR);
    mix(result)
}

fn hashes(values: &Array) -> Result<Vec<u64>, Trouble> {
    if values.dtype() == DType::Text {
        let texts = values.view::<Text>()?.iter();
        return Ok(texts.map(|text| Hash::Farm.of(text.as_bytes())).collect());
    }
    Ok(values.integers()?.into_iter().map(i64::cast_unsigned).collect())
}

/// The hashes of each row of a dense column.
fn dense(column: &Array) -> Result<Vec<Vec<u64>>, Trouble> {
    let [rows, width] = *column.shape else {
        return Err(Trouble::failed(format!(
            "{:?} where [rows, values] is needed",
            column.shape
        )));
    };
    let hashes = hashes(column)?;
    Ok((0..rows)
        .map(|row| hashes[row * width..(row + 1) * width].to_vec())
        .collect())
}

/// The same of a sparse one: places, values, shape.
fn sparse(places: &Array, values: &Array, shape: &Array) -> Result<Vec<Vec<u64>>, Trouble> {
    let (places, hashes) = (places.lengths()?, hashes(values)?);
    let lengths = shape.lengths()?;
    let count = elements(lengths.get(..1).unwrap_or_default())?;
    let mut rows = vec![Vec::new(); count];
    for (place, hash) in places.chunks(lengths.len().max(1)).zip(hashes) {
        let row = place.first().and_then(|row| rows.get_mut(*row));
        row.ok_or_else(|| Trouble::failed(format!("a place beyond {count} rows")))?
            .push(hash);
    }
    Ok(rows)
}

/// Places, values and shape of the combinations of each row; the last column changes first. Inputs are the places of all sparse
/// columns, their values, their shapes, then the dense columns.
pub(super) fn cross(
    inputs: &[Array],
    sparse_columns: usize,
    buckets: u64,
    key: u64,
    budget: &mut Budget,
) -> Result<Vec<Array>, Trouble> {
    let parts = inputs.split_at_checked(sparse_columns.saturating_mul(3));
    let (parts, dense_columns) = parts.ok_or_else(|| Trouble::failed("columns are missing"))?;
    let part = |n: usize| &parts[n * sparse_columns..(n + 1) * sparse_columns];
    let found = part(0).iter().zip(part(1)).zip(part(2));
    let found = found.map(|((places, values), shape)| sparse(places, values, shape));
    let columns = found
        .chain(dense_columns.iter().map(dense))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = columns.first().map_or(0, Vec::len);
    if columns.iter().any(|column| column.len() != rows) {
        return Err(Trouble::failed("columns differ in their number of rows"));
    }
    let (mut values, mut places, mut widest) = (Vec::new(), Vec::new(), 0);
    for row in 0..rows {
        let widths: Vec<usize> = columns.iter().map(|column| column[row].len()).collect();
        let width = elements(&widths)?;
        widest = widest.max(width);
        elements(&[values.len() + width, 2])?;
        budget.charge(width.saturating_mul(columns.len()))?;
        for combination in 0..width {
            let mut rest = combination;
            let mut chosen = vec![0; columns.len()];
            for (column, chosen) in columns.iter().zip(&mut chosen).rev() {
                let hashes = &column[row];
                *chosen = hashes[rest % hashes.len()];
                rest /= hashes.len();
            }
            let hash = chosen.into_iter().fold(key, joined);
            values.push((hash % buckets).cast_signed());
            places.extend([row as i64, combination as i64]);
        }
    }
    Ok(vec![
        Array::new(vec![values.len(), 2], places),
        Array::new(vec![values.len()], values),
        Array::new(vec![2], vec![rows as i64, widest as i64]),
    ])
}
