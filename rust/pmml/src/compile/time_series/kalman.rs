//! Exact forecasts of a stationary ARMA process from a finite series: a Kalman filter that starts from the distribution of
//! the process itself.

use super::arma::{Arma, MOST_WORK};
use crate::matrix::Matrix;

/// Largest state.
const LARGEST: usize = 256;

/// The forecasts after a series, `None` when the process is not stationary or its state too large.
pub(super) fn forecast(arma: &Arma, values: &[f64], count: usize) -> Option<Vec<f64>> {
    let size = (arma.ar.len() - 1).max(arma.ma.len());
    if size > LARGEST || values.len().saturating_mul(size * size) > MOST_WORK {
        return None;
    }
    let phi: Vec<f64> = (1..=size)
        .map(|lag| -arma.ar.get(lag).copied().unwrap_or(0.0))
        .collect();
    let shock: Vec<f64> = (0..size).map(|lag| arma.ma.get(lag).copied().unwrap_or(0.0)).collect();
    let mut noise = Matrix::zero(size, size);
    let mut transition = Matrix::zero(size, size);
    for row in 0..size {
        transition.values[row * size] = phi[row];
        if row + 1 < size {
            transition.values[row * size + row + 1] = 1.0;
        }
        for column in 0..size {
            noise.values[row * size + column] = shock[row] * shock[column];
        }
    }
    let mut covariance = stationary(&transition, &noise)?;
    let mut state = vec![0.0; size];
    let mut gain = vec![0.0; size];
    let mut settled = false;
    for value in values {
        if !settled {
            let spread = covariance.at(0, 0);
            if spread.is_nan() || spread <= 0.0 {
                return None;
            }
            for (row, gain) in gain.iter_mut().enumerate() {
                *gain = covariance.at(row, 0) / spread;
            }
            settled = next(&mut covariance, &phi, &noise, &gain);
        }
        let surprise = value - state[0];
        for (state, gain) in state.iter_mut().zip(&gain) {
            *state += gain * surprise;
        }
        step(&mut state, &phi);
    }
    let mut ahead = Vec::with_capacity(count);
    for _ in 0..count {
        ahead.push(state[0]);
        step(&mut state, &phi);
    }
    Some(ahead)
}

/// One transition.
fn step(state: &mut [f64], phi: &[f64]) {
    let first = state[0];
    state.rotate_left(1);
    if let Some(last) = state.last_mut() {
        *last = 0.0;
    }
    for (state, phi) in state.iter_mut().zip(phi) {
        *state += phi * first;
    }
}

/// The covariance after the value was seen and a step was made. `true` when it no longer changes.
fn next(covariance: &mut Matrix, phi: &[f64], noise: &Matrix, gain: &[f64]) -> bool {
    let size = phi.len();
    let top = covariance.row(0).to_vec();
    let mut seen = covariance.clone();
    for (row, gain) in seen.values.chunks_exact_mut(size).zip(gain) {
        for (cell, top) in row.iter_mut().zip(&top) {
            *cell -= gain * top;
        }
    }
    let cell = |row: usize, column: usize| {
        if row < size && column < size {
            seen.at(row, column)
        } else {
            0.0
        }
    };
    let mut change = 0.0_f64;
    for (row, down) in phi.iter().enumerate() {
        for (column, across) in phi.iter().enumerate() {
            let value = down * across * cell(0, 0)
                + down * cell(0, column + 1)
                + across * cell(row + 1, 0)
                + cell(row + 1, column + 1)
                + noise.at(row, column);
            let at = row * size + column;
            change = change.max((covariance.values[at] - value).abs());
            covariance.values[at] = value;
        }
    }
    change <= 1e-14 * covariance.at(0, 0)
}

/// The covariance that a step leaves as it is, by doubling; `None` when there is none.
fn stationary(transition: &Matrix, noise: &Matrix) -> Option<Matrix> {
    let mut sum = noise.clone();
    let mut power = transition.clone();
    for _ in 0..64 {
        let more = power.propagate(&sum, &Matrix::zero(sum.rows, sum.columns));
        let largest = |matrix: &Matrix| matrix.values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let (added, scale) = (largest(&more), largest(&sum));
        if !added.is_finite() || scale > 1e150 {
            return None;
        }
        sum.add(&more);
        if added <= 1e-17 * scale {
            return Some(sum);
        }
        power = power.times(&power);
    }
    None
}
