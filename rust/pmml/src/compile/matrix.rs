//! `Matrix`.

use super::{Compiled, numbers};
use crate::document::Node;
use crate::matrix::Matrix;

/// Most cells of a matrix that need not be spelled out.
const MOST_CELLS: usize = 1 << 24;

/// A `Matrix` element, in any of its spellings: all rows, a triangle, a diagonal, or single cells.
pub(crate) fn matrix(node: Node<'_>) -> Compiled<Matrix> {
    let arrays = node
        .children()
        .filter(|child| child.name().ends_with("Array"))
        .map(numbers)
        .collect::<Compiled<Vec<_>>>()?;
    let size = |name: &str, found: usize| -> Compiled<usize> {
        match node.get(name) {
            None => Ok(found),
            Some(text) => text
                .trim()
                .parse()
                .map_err(|_| node.invalid(format!("'{text}' in attribute '{name}' is not a size"))),
        }
    };
    let kind = node.get("kind").unwrap_or("any");
    let cell_size = |name: &'static str| -> Compiled<usize> {
        let mut most = 0;
        for cell in node.all("MatCell") {
            most = most.max(position(cell, name)? + 1);
        }
        Ok(most)
    };
    let widest = arrays.iter().map(Vec::len).max().unwrap_or(0);
    let rows = match kind {
        "diagonal" => widest,
        _ => arrays.len(),
    };
    let rows = size("nbRows", rows.max(cell_size("row")?))?;
    let columns = size("nbCols", widest.max(cell_size("col")?))?;
    if rows == 0 || columns == 0 {
        return Err(node.invalid("the matrix has no cells"));
    }
    if rows.checked_mul(columns).is_none_or(|cells| cells > MOST_CELLS) {
        return Err(node.invalid(format!("a matrix of {rows} x {columns} cells is too large")));
    }
    node.reserve(&[rows, columns], size_of::<f64>())?;
    if kind != "any" && rows != columns {
        return Err(node.invalid(format!("a {kind} matrix of {rows} x {columns} cells")));
    }
    let (diagonal, other) = (
        node.number_or("diagDefault", 0.0)?,
        node.number_or("offDiagDefault", 0.0)?,
    );
    let mut matrix = Matrix::zero(rows, columns);
    for row in 0..rows {
        for column in 0..columns {
            matrix.values[row * columns + column] = if row == column { diagonal } else { other };
        }
    }
    let fits = |row: usize, found: usize, wanted: usize| {
        if found == wanted {
            Ok(())
        } else {
            Err(node.invalid(format!("row {} has {found} cells for {wanted}", row + 1)))
        }
    };
    match kind {
        "diagonal" => {
            if arrays.len() > 1 {
                return Err(node.invalid("a diagonal matrix has one array"));
            }
            for array in &arrays {
                fits(0, array.len(), rows)?;
                for (at, value) in array.iter().enumerate() {
                    matrix.values[at * columns + at] = *value;
                }
            }
        }
        "symmetric" | "any" => {
            if !arrays.is_empty() && arrays.len() != rows {
                return Err(node.invalid(format!("{} rows, nbRows says {rows}", arrays.len())));
            }
            for (row, array) in arrays.iter().enumerate() {
                // Of a symmetric matrix the lower triangle is enough.
                let wanted = if kind == "symmetric" && array.len() == row + 1 {
                    row + 1
                } else {
                    columns
                };
                fits(row, array.len(), wanted)?;
                for (column, value) in array.iter().enumerate() {
                    matrix.values[row * columns + column] = *value;
                    if kind == "symmetric" {
                        matrix.values[column * columns + row] = *value;
                    }
                }
            }
        }
        other => return Err(node.invalid(format!("unknown kind '{other}' of matrix"))),
    }
    for cell in node.all("MatCell") {
        let (row, column) = (position(cell, "row")?, position(cell, "col")?);
        if row >= rows || column >= columns {
            return Err(cell.invalid(format!("there is no such cell in {rows} x {columns}")));
        }
        let text = cell.text();
        let value = text
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .ok_or_else(|| cell.invalid(format!("'{text}' is not a finite number")))?;
        matrix.values[row * columns + column] = value;
        if kind == "symmetric" {
            matrix.values[column * columns + row] = value;
        }
    }
    Ok(matrix)
}

/// A position, counted from 1 in the document.
fn position(cell: Node<'_>, name: &str) -> Compiled<usize> {
    let text = cell.need(name)?;
    text.trim()
        .parse::<usize>()
        .ok()
        .and_then(|position| position.checked_sub(1))
        .filter(|position| *position < MOST_CELLS)
        .ok_or_else(|| cell.invalid(format!("'{text}' in attribute '{name}' is not a position")))
}
