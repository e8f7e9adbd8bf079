//! Matrices taken apart: `Qr`, `SelfAdjointEigV2` and `Svd` of TensorFlow.

use super::convert::cast;
use super::input;
use crate::array::{Array, DType, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// How a matrix is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decomposition {
    /// An orthogonal matrix and an upper triangular one. `full`: the first is square.
    Triangular { full: bool },
    /// Eigenvalues of a symmetric matrix, ascending, and their vectors as columns.
    Eigen,
    /// Singular values, descending, and their left and right vectors as columns.
    Singular { full: bool, vectors: bool },
}

impl Decomposition {
    pub(crate) fn ports(self) -> usize {
        match self {
            Self::Triangular { .. } | Self::Eigen => 2,
            Self::Singular { .. } => 3,
        }
    }
}

/// Most sweeps over all pairs of columns; a few are enough.
const MOST_SWEEPS: usize = 60;

/// Columns of equal length.
type Columns = Vec<Vec<f64>>;

pub(super) fn evaluate(what: Decomposition, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let array = input(inputs, 0)?;
    let [batch @ .., rows, columns] = &*array.shape else {
        return Err(Trouble::failed(format!("{:?} is no matrix", array.shape)));
    };
    let (rows, columns) = (*rows, *columns);
    let wide = cast(array, DType::F64)?;
    let values = wide.view::<f64>()?;
    let mut parts: Vec<Vec<f64>> = vec![Vec::new(); what.ports()];
    let mut shapes = Vec::new();
    for n in 0..elements(batch)? {
        let matrix = &values[n * rows * columns..(n + 1) * rows * columns];
        let matrix: Columns = (0..columns)
            .map(|column| (0..rows).map(|row| matrix[row * columns + column]).collect())
            .collect();
        let found = match what {
            Decomposition::Triangular { full } => triangular(matrix, rows, full, budget)?,
            Decomposition::Eigen => eigen(matrix, rows, budget)?,
            Decomposition::Singular { full, vectors } => singular(matrix, rows, full && vectors, budget)?,
        };
        shapes.clear();
        for (part, found) in parts.iter_mut().zip(found) {
            shapes.push(match &found {
                Part::Numbers(numbers) => vec![numbers.len()],
                Part::Matrix(columns, rows) => vec![*rows, columns.len()],
            });
            match found {
                Part::Numbers(numbers) => part.extend(numbers),
                Part::Matrix(columns, rows) => {
                    part.extend((0..rows).flat_map(|row| columns.iter().map(move |column| column[row])));
                }
            }
        }
    }
    if shapes.is_empty() {
        return Err(Trouble::failed("no matrix to be taken apart"));
    }
    let whole = parts.into_iter().zip(shapes).map(|(part, shape)| {
        let shape: Vec<usize> = batch.iter().copied().chain(shape).collect();
        cast(&Array::new(shape, part), array.dtype())
    });
    whole.collect()
}

enum Part {
    Numbers(Vec<f64>),
    /// Columns, and how long each is.
    Matrix(Columns, usize),
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Householder's reflections; the sign of a diagonal element is opposite to that of what it replaces.
fn triangular(mut matrix: Columns, rows: usize, full: bool, budget: &mut Budget) -> Result<Vec<Part>, Trouble> {
    let steps = matrix.len().min(rows);
    budget.charge(rows.saturating_mul(rows + matrix.len()).saturating_mul(steps))?;
    let mut mirrors: Columns = Vec::with_capacity(steps);
    for step in 0..steps {
        let mut mirror = matrix[step].clone();
        mirror[..step].fill(0.0);
        let length = dot(&mirror, &mirror).sqrt();
        if dot(&mirror[step + 1..], &mirror[step + 1..]) == 0.0 {
            mirrors.push(vec![0.0; rows]);
            continue;
        }
        mirror[step] += length.copysign(mirror[step]);
        let size = dot(&mirror, &mirror).sqrt();
        for x in &mut mirror {
            *x /= size;
        }
        for column in &mut matrix[step..] {
            reflect(column, &mirror);
        }
        mirrors.push(mirror);
    }
    let width = if full { rows } else { steps };
    let mut orthogonal: Columns = (0..width)
        .map(|column| (0..rows).map(|row| f64::from(u8::from(row == column))).collect())
        .collect();
    for mirror in mirrors.iter().rev() {
        for column in &mut orthogonal {
            reflect(column, mirror);
        }
    }
    for (n, column) in matrix.iter_mut().enumerate() {
        column.truncate(width);
        let below = (n + 1).min(column.len());
        column[below..].fill(0.0);
    }
    Ok(vec![Part::Matrix(orthogonal, rows), Part::Matrix(matrix, width)])
}

fn reflect(column: &mut [f64], mirror: &[f64]) {
    let twice = 2.0 * dot(column, mirror);
    for (x, m) in column.iter_mut().zip(mirror) {
        *x -= twice * m;
    }
}

/// Turns two columns.
fn turn(columns: &mut Columns, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (low, high) = columns.split_at_mut(q);
    for (a, b) in low[p].iter_mut().zip(&mut high[0]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// Cosine and sine of the turn that makes two columns orthogonal: squares of their lengths, and their product.
fn rotation(a: f64, b: f64, product: f64) -> (f64, f64) {
    let slope = (b - a) / (2.0 * product);
    let tangent = 1.0_f64.copysign(slope) / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, cosine * tangent)
}

fn identity(size: usize) -> Columns {
    let column = |n: usize| (0..size).map(|m| f64::from(u8::from(n == m))).collect();
    (0..size).map(column).collect()
}

/// One-sided turns until all columns are orthogonal: lengths, columns of unit length, and what was turned.
fn turned(mut columns: Columns, rows: usize, budget: &mut Budget) -> Result<(Vec<f64>, Columns, Columns), Trouble> {
    let size = columns.len();
    let mut turns = identity(size);
    for _ in 0..MOST_SWEEPS {
        budget.charge(size.saturating_mul(size).saturating_mul(rows))?;
        let mut still = true;
        for p in 0..size {
            for q in p + 1..size {
                let (a, b) = (dot(&columns[p], &columns[p]), dot(&columns[q], &columns[q]));
                let product = dot(&columns[p], &columns[q]);
                if product.abs() <= 1e-15 * (a * b).sqrt() {
                    continue;
                }
                still = false;
                let angle = rotation(a, b, product);
                turn(&mut columns, (p, q), angle);
                turn(&mut turns, (p, q), angle);
            }
        }
        if still {
            break;
        }
    }
    let lengths: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a, b| lengths[*b].total_cmp(&lengths[*a]));
    let unit = |n: &usize| -> Vec<f64> {
        let length = if lengths[*n] > 0.0 { lengths[*n] } else { 1.0 };
        columns[*n].iter().map(|x| x / length).collect()
    };
    Ok((
        order.iter().map(|n| lengths[*n]).collect(),
        order.iter().map(unit).collect(),
        order.iter().map(|n| turns[*n].clone()).collect(),
    ))
}

fn singular(matrix: Columns, rows: usize, full: bool, budget: &mut Budget) -> Result<Vec<Part>, Trouble> {
    let columns = matrix.len();
    if full && rows != columns {
        return Err(Trouble::failed("all singular vectors of a matrix that is not square"));
    }
    let wider = columns > rows;
    let (matrix, length) = if wider {
        let rows = (0..rows).map(|row| matrix.iter().map(|column| column[row]).collect());
        (rows.collect(), columns)
    } else {
        (matrix, rows)
    };
    let (values, mut left, mut right) = turned(matrix, length, budget)?;
    let (mut left_rows, mut right_rows) = (length, right.len());
    if wider {
        (left, right) = (right, left);
        (left_rows, right_rows) = (right_rows, left_rows);
    }
    Ok(vec![
        Part::Numbers(values),
        Part::Matrix(left, left_rows),
        Part::Matrix(right, right_rows),
    ])
}

/// Two-sided turns until nothing is left beside the diagonal; the lower triangle counts.
fn eigen(mut matrix: Columns, rows: usize, budget: &mut Budget) -> Result<Vec<Part>, Trouble> {
    if matrix.len() != rows {
        return Err(Trouble::failed("eigenvalues of a matrix that is not square"));
    }
    for column in 1..rows {
        let (before, own) = matrix.split_at_mut(column);
        for (upper, lower) in own[0].iter_mut().zip(before) {
            *upper = lower[column];
        }
    }
    let mut vectors = identity(rows);
    for _ in 0..MOST_SWEEPS {
        budget.charge(rows.saturating_mul(rows).saturating_mul(rows))?;
        let beside: f64 = (0..rows)
            .flat_map(|p| (p + 1..rows).map(move |q| (p, q)))
            .map(|(p, q)| matrix[p][q].abs())
            .sum();
        let whole: f64 = matrix.iter().flatten().map(|x| x.abs()).sum();
        if beside <= 1e-17 * whole {
            break;
        }
        for p in 0..rows {
            for q in p + 1..rows {
                if matrix[p][q] == 0.0 {
                    continue;
                }
                let (cosine, sine) = rotation(matrix[p][p], matrix[q][q], matrix[p][q]);
                turn(&mut matrix, (p, q), (cosine, sine));
                for column in &mut matrix {
                    (column[p], column[q]) = (
                        cosine * column[p] - sine * column[q],
                        sine * column[p] + cosine * column[q],
                    );
                }
                turn(&mut vectors, (p, q), (cosine, sine));
            }
        }
    }
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| matrix[*a][*a].total_cmp(&matrix[*b][*b]));
    Ok(vec![
        Part::Numbers(order.iter().map(|n| matrix[*n][*n]).collect()),
        Part::Matrix(order.iter().map(|n| vectors[*n].clone()).collect(), rows),
    ])
}
