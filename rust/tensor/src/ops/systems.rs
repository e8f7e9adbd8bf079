//! Systems of linear equations, matrix by matrix of a batch.

use super::convert::cast;
use super::input;
use super::layout::broadcast;
use crate::array::{Array, DType, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Inverse {
        adjoint: bool,
    },
    /// Matrices, right sides.
    Solve {
        adjoint: bool,
    },
    /// Triangular matrices, right sides.
    SolveTriangular {
        lower: bool,
        adjoint: bool,
    },
    /// The lower triangle whose product with its transpose is the matrix.
    Cholesky,
}

pub(super) fn evaluate(what: System, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    let [outer @ .., rows, columns] = array.shape.as_slice() else {
        return Err(Trouble::failed(format!("{:?} where matrices are needed", array.shape)));
    };
    if rows != columns {
        return Err(Trouble::failed(format!(
            "a matrix of {rows} rows and {columns} columns"
        )));
    }
    let side = *rows;
    let wide = cast(array, DType::F64)?;
    let values = wide.view::<f64>()?;
    let count = elements(outer)?;
    budget.charge(
        count
            .saturating_mul(side)
            .saturating_mul(side)
            .saturating_mul(side.max(1)),
    )?;
    if let System::Cholesky = what {
        let mut result = Vec::with_capacity(values.len());
        for matrix in values.chunks_exact((side * side).max(1)) {
            result.extend(cholesky(matrix, side)?);
        }
        return cast(&Array::new(array.shape.clone(), result), array.dtype());
    }
    let right = if let System::Inverse { .. } = what {
        let unit: Vec<f64> = (0..side * side)
            .map(|n| if n % (side + 1) == 0 { 1.0 } else { 0.0 })
            .collect();
        broadcast(&Array::new(vec![side, side], unit), &array.shape)?
    } else {
        let right = cast(input(inputs, 1)?, DType::F64)?;
        let width = right.shape.last().copied().unwrap_or(0);
        let shape: Vec<usize> = outer.iter().copied().chain([side, width]).collect();
        broadcast(&right, &shape)?
    };
    let width = right.shape.last().copied().unwrap_or(0);
    let mut result = right.view::<f64>()?.to_vec();
    for (matrix, sides) in values
        .chunks_exact((side * side).max(1))
        .zip(result.chunks_exact_mut((side * width).max(1)))
    {
        let mut matrix = matrix.to_vec();
        let adjoint = match what {
            System::Inverse { adjoint } | System::Solve { adjoint } => adjoint,
            System::SolveTriangular { lower, adjoint } => {
                let kept = |row: usize, column: usize| if lower { column <= row } else { column >= row };
                for (n, value) in matrix.iter_mut().enumerate() {
                    if !kept(n / side, n % side) {
                        *value = 0.0;
                    }
                }
                adjoint
            }
            System::Cholesky => false,
        };
        if adjoint {
            matrix = (0..side * side).map(|n| matrix[n % side * side + n / side]).collect();
        }
        solve(&mut matrix, sides, side, width)?;
    }
    cast(&Array::new(right.shape.clone(), result), array.dtype())
}

/// Elimination with the largest pivot; the right sides become the solutions.
fn solve(matrix: &mut [f64], sides: &mut [f64], side: usize, width: usize) -> Result<(), Trouble> {
    let swap = |values: &mut [f64], width: usize, a: usize, b: usize| {
        (0..width).for_each(|n| values.swap(a * width + n, b * width + n));
    };
    for step in 0..side {
        let pivot = (step..side)
            .max_by(|a, b| matrix[a * side + step].abs().total_cmp(&matrix[b * side + step].abs()))
            .filter(|row| matrix[row * side + step] != 0.0)
            .ok_or_else(|| Trouble::failed("the matrix has no inverse"))?;
        swap(matrix, side, step, pivot);
        swap(sides, width, step, pivot);
        for row in (0..side).filter(|row| *row != step) {
            let factor = matrix[row * side + step] / matrix[step * side + step];
            if factor == 0.0 {
                continue;
            }
            for n in step..side {
                matrix[row * side + n] -= factor * matrix[step * side + n];
            }
            for n in 0..width {
                sides[row * width + n] -= factor * sides[step * width + n];
            }
        }
    }
    for row in 0..side {
        for n in 0..width {
            sides[row * width + n] /= matrix[row * side + row];
        }
    }
    Ok(())
}

fn cholesky(matrix: &[f64], side: usize) -> Result<Vec<f64>, Trouble> {
    let mut result = vec![0.0; matrix.len()];
    for row in 0..side {
        for column in 0..=row {
            let sum: f64 = (0..column)
                .map(|n| result[row * side + n] * result[column * side + n])
                .sum();
            let rest = matrix[row * side + column] - sum;
            result[row * side + column] = if row == column {
                if rest <= 0.0 {
                    return Err(Trouble::failed("the matrix is not positive definite"));
                }
                rest.sqrt()
            } else {
                rest / result[column * side + column]
            };
        }
    }
    Ok(result)
}
