//! Dense matrices, row after row: what models with covariances and state spaces need of linear algebra.

/// A dense matrix.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zero(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            values: vec![0.0; rows * columns],
        }
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// `self * other`.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut product = Self::zero(self.rows, other.columns);
        for row in 0..self.rows {
            let to = &mut product.values[row * other.columns..(row + 1) * other.columns];
            for (inner, factor) in self.row(row).iter().enumerate() {
                if *factor != 0.0 {
                    for (sum, value) in to.iter_mut().zip(other.row(inner)) {
                        *sum += factor * value;
                    }
                }
            }
        }
        product
    }

    /// `self * other'`.
    pub(crate) fn times_transposed(&self, other: &Self) -> Self {
        let mut product = Self::zero(self.rows, other.rows);
        for row in 0..self.rows {
            for column in 0..other.rows {
                product.values[row * other.rows + column] = dot(self.row(row), other.row(column));
            }
        }
        product
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (value, more) in self.values.iter_mut().zip(&other.values) {
            *value += more;
        }
    }

    /// The matrix of a step: `self * inner * self' + noise`.
    pub(crate) fn propagate(&self, inner: &Self, noise: &Self) -> Self {
        let mut next = self.times(inner).times_transposed(self);
        next.add(noise);
        next
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
