//! Combinations of the values of several columns, by hash: TensorFlow's `SparseCross` of dense columns.

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

/// Rows of hashes of a column.
fn hashes(column: &Array) -> Result<(Vec<u64>, usize), Trouble> {
    let [_, width] = *column.shape else {
        return Err(Trouble::failed(format!(
            "{:?} where [rows, values] is needed",
            column.shape
        )));
    };
    let hashes = if column.dtype() == DType::Text {
        let texts = column.view::<Text>()?.iter();
        texts.map(|text| Hash::Farm.of(text.as_bytes())).collect()
    } else {
        column.integers()?.into_iter().map(i64::cast_unsigned).collect()
    };
    Ok((hashes, width))
}

/// Places, values and shape of the combinations of each row; the last column changes first.
pub(super) fn cross(columns: &[Array], buckets: u64, key: u64, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let rows = columns.first().and_then(|column| column.shape.first()).copied();
    let rows = rows.ok_or_else(|| Trouble::failed("there are no columns"))?;
    if columns.iter().any(|column| column.shape.first() != Some(&rows)) {
        return Err(Trouble::failed("columns differ in their number of rows"));
    }
    let columns = columns.iter().map(hashes).collect::<Result<Vec<_>, _>>()?;
    let widths: Vec<usize> = columns.iter().map(|(_, width)| *width).collect();
    let width = elements(&widths)?;
    let count = elements(&[rows, width, 2])? / 2;
    budget.charge(count.saturating_mul(columns.len()))?;
    let mut values = Vec::with_capacity(count);
    let mut places = Vec::with_capacity(2 * count);
    for row in 0..rows {
        for combination in 0..width {
            let mut rest = combination;
            let mut chosen = vec![0; columns.len()];
            for ((hashes, width), chosen) in columns.iter().zip(&mut chosen).rev() {
                *chosen = hashes[row * width + rest % width];
                rest /= width;
            }
            let hash = chosen.into_iter().fold(key, joined);
            values.push((hash % buckets).cast_signed());
            places.extend([row as i64, combination as i64]);
        }
    }
    Ok(vec![
        Array::new(vec![values.len(), 2], places),
        Array::new(vec![values.len()], values),
        Array::new(vec![2], vec![rows as i64, width as i64]),
    ])
}
