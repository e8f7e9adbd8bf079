//! `GaussianProcessModel`: regression with zero mean, from the covariances between the record and the training instances.

use super::Model;
use crate::matrix::dot;
use crate::run::{NO_SLOT, Run, Scored, Slot};
use crate::value::Value;

/// How covariance falls with distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// `exp(-1/2 sum of squares)`
    Squared,
    /// `exp(-sum of absolute values)`
    Absolute,
    /// `exp(-sum of powers of absolute values)`
    Power(f64),
}

/// A kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) shape: Shape,
    /// Covariance at distance zero.
    pub(crate) gamma: f64,
    /// Length scale of each input.
    pub(crate) lambda: Box<[f64]>,
}

impl Kernel {
    /// Covariance of two points.
    pub(crate) fn covariance(&self, a: &[f64], b: &[f64]) -> f64 {
        let distances = a
            .iter()
            .zip(b)
            .zip(&self.lambda)
            .map(|((a, b), lambda)| (a - b) / lambda);
        let sum = match self.shape {
            Shape::Squared => 0.5 * distances.map(|distance| distance * distance).sum::<f64>(),
            Shape::Absolute => distances.map(f64::abs).sum(),
            Shape::Power(degree) => distances.map(|distance| distance.abs().powf(degree)).sum(),
        };
        self.gamma * (-sum).exp()
    }
}

/// A compiled `GaussianProcessModel`.
#[derive(Debug)]
pub(crate) struct GaussianProcess {
    pub(crate) kernel: Kernel,
    pub(crate) noise: f64,
    pub(crate) inputs: Box<[Slot]>,
    /// Training instances, row after row.
    pub(crate) points: Box<[f64]>,
    /// Weight of each instance in the mean.
    pub(crate) weights: Box<[f64]>,
    /// Lower triangle of the root of the instances' covariances, row after row; empty when nothing asks for deviations.
    pub(crate) root: Box<[f64]>,
    pub(crate) value: Slot,
    pub(crate) deviation: Slot,
}

impl GaussianProcess {
    pub(crate) fn heap_bytes(&self) -> usize {
        8 * (self.kernel.lambda.len() + self.points.len() + self.weights.len() + self.root.len())
            + 4 * self.inputs.len()
    }
}

/// Solves `root * x = values` in place, for a lower triangle.
pub(crate) fn forward(root: &[f64], values: &mut [f64]) {
    let mut start = 0;
    for row in 0..values.len() {
        let (known, rest) = values.split_at_mut(row);
        rest[0] = (rest[0] - dot(&root[start..start + row], known)) / root[start + row];
        start += row + 1;
    }
}

impl Run<'_> {
    pub(crate) fn gaussian_process(&mut self, index: usize, model: &Model, process: &GaussianProcess) -> Scored<bool> {
        let base = self.scratch.work.len();
        let width = process.inputs.len();
        for slot in &process.inputs {
            match self.number(*slot) {
                Ok(Some(number)) => self.scratch.work.push(number),
                other => {
                    self.scratch.work.truncate(base);
                    return other.map(|_| false);
                }
            }
        }
        let work = &mut self.scratch.work;
        let from = base + width;
        for point in process.points.chunks_exact(width) {
            let covariance = process.kernel.covariance(&work[base..from], point);
            work.push(covariance);
        }
        let mean = dot(&work[from..], &process.weights);
        let mut deviation = f64::NAN;
        if !process.root.is_empty() {
            let covariances = &mut work[from..];
            forward(&process.root, covariances);
            let explained = dot(covariances, covariances);
            deviation = (process.kernel.gamma - explained + process.noise).max(0.0).sqrt();
        }
        work.truncate(base);
        if process.deviation != NO_SLOT {
            self.set(process.value, Value::Double(mean));
            self.set(process.deviation, Value::Double(deviation));
        }
        Ok(self.answer_number(index, model, mean))
    }
}
