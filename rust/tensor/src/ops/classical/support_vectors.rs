//! `SVMRegressor` and `SVMClassifier`.

use super::scores::{PostTransform, Second, best};
use super::{Labels, table};
use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::run::Budget;
use crate::trouble::Trouble;

/// Similarity of two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelKind {
    Linear,
    Polynomial,
    Radial,
    Sigmoid,
}

/// A support vector machine.
#[derive(Debug)]
pub(crate) struct SupportVectors {
    pub(crate) kernel: KernelKind,
    pub(crate) gamma: f64,
    pub(crate) offset: f64,
    pub(crate) degree: f64,
    /// Vectors one after the other; without any, the coefficients are weights of a linear function.
    pub(crate) vectors: Vec<f32>,
    pub(crate) count: usize,
    pub(crate) coefficients: Vec<f32>,
    pub(crate) rho: Vec<f32>,
    pub(crate) transform: PostTransform,
    /// A regressor that only tells the side.
    pub(crate) one_class: bool,
    pub(crate) classes: Option<SupportClasses>,
}

/// What a classifier has besides.
#[derive(Debug)]
pub(crate) struct SupportClasses {
    pub(crate) labels: Labels,
    /// Vectors of each class.
    pub(crate) per_class: Vec<usize>,
    /// Coefficients of the sigmoids that make probabilities of distances.
    pub(crate) sigmoids: Vec<(f32, f32)>,
}

impl SupportVectors {
    pub(crate) fn heap_bytes(&self) -> usize {
        let classes = self.classes.as_ref();
        (self.vectors.len() + self.coefficients.len() + self.rho.len()) * 4
            + classes.map_or(0, |classes| {
                classes.labels.heap_bytes() + classes.per_class.len() * 8 + classes.sigmoids.len() * 8
            })
    }

    fn similarity(&self, a: &[f32], b: &[f32]) -> f64 {
        let dot = || a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        match self.kernel {
            KernelKind::Linear => dot(),
            KernelKind::Polynomial => (self.gamma * dot() + self.offset).powf(self.degree),
            KernelKind::Sigmoid => (self.gamma * dot() + self.offset).tanh(),
            KernelKind::Radial => {
                let distance: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                    .sum();
                (-self.gamma * distance).exp()
            }
        }
    }

    pub(super) fn evaluate(&self, array: &Array, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        let (rows, width) = table(array)?;
        let array = cast(array, DType::F32)?;
        let values = array.view::<f32>()?;
        let outputs = self.classes.as_ref().map_or(1, |classes| classes.labels.len());
        // Without support vectors, the coefficients are those of the outputs.
        let linear = self.coefficients.len() / outputs.max(1);
        let wanted = self.vectors.len().checked_div(self.count).unwrap_or(linear);
        if width != wanted {
            return Err(Trouble::failed(format!(
                "rows of {width} values, the model takes {wanted}"
            )));
        }
        budget.charge(rows.saturating_mul(self.vectors.len() + self.coefficients.len()))?;
        let mut similarities = vec![0.0; self.count];
        let mut scores: Vec<f32> = Vec::new();
        let mut winners = Vec::with_capacity(rows);
        for row in values.chunks_exact(width.max(1)) {
            for (similarity, vector) in similarities.iter_mut().zip(self.vectors.chunks_exact(width.max(1))) {
                *similarity = self.similarity(row, vector);
            }
            match &self.classes {
                None => scores.push(self.regress(row, &similarities)),
                Some(classes) if self.count == 0 => {
                    let start = scores.len();
                    winners.push(self.classify_linear(classes, row, &mut scores));
                    if scores.len() - start > 1 {
                        self.transform.apply(&mut scores[start..]);
                    }
                }
                Some(classes) => winners.push(self.classify(classes, &similarities, &mut scores)),
            }
        }
        let per_row = scores.len().checked_div(rows).unwrap_or(outputs);
        elements(&[rows, per_row])?;
        let scores = Array::new(vec![rows, per_row], scores);
        Ok(match &self.classes {
            Some(classes) => vec![classes.labels.pick(&winners), scores],
            None => vec![scores],
        })
    }

    fn rho(&self, n: usize) -> f64 {
        f64::from(self.rho.get(n).copied().unwrap_or(0.0))
    }

    fn weighted<'a>(coefficients: impl Iterator<Item = &'a f32>, similarities: &[f64]) -> f64 {
        coefficients.zip(similarities).map(|(a, b)| f64::from(*a) * b).sum()
    }

    fn regress(&self, row: &[f32], similarities: &[f64]) -> f32 {
        let sum = if self.count > 0 {
            Self::weighted(self.coefficients.iter(), similarities)
        } else {
            self.similarity(&self.coefficients, row)
        };
        let sum = sum + self.rho(0);
        if !self.one_class {
            sum as f32
        } else if sum > 0.0 {
            1.0
        } else {
            -1.0
        }
    }

    /// Without support vectors: a linear function per class.
    fn classify_linear(&self, classes: &SupportClasses, row: &[f32], scores: &mut Vec<f32>) -> usize {
        let start = scores.len();
        for weights in self
            .coefficients
            .chunks_exact(row.len().max(1))
            .take(classes.labels.len())
        {
            scores.push((self.similarity(weights, row) + self.rho(0)) as f32);
        }
        let row = &scores[start..];
        let winner = best(row);
        let positive = self.coefficients.iter().all(|coefficient| *coefficient >= 0.0);
        match row.get(winner) {
            // Two classes are told apart as onnxruntime does it.
            Some(score) if row.len() == 2 && (if positive { *score >= 0.5 } else { *score > 0.0 }) => 1,
            _ => winner,
        }
    }

    /// Each pair of classes against each other.
    fn classify(&self, classes: &SupportClasses, similarities: &[f64], scores: &mut Vec<f32>) -> usize {
        let count = classes.per_class.len();
        let starts: Vec<usize> = classes
            .per_class
            .iter()
            .scan(0, |start, vectors| {
                let here = *start;
                *start += vectors;
                Some(here)
            })
            .collect();
        let mut votes = vec![0_usize; count];
        let mut distances = Vec::with_capacity(count * count.saturating_sub(1) / 2);
        for i in 0..count {
            for j in i + 1..count {
                let part = |line: usize, class: usize| {
                    let range = starts[class]..starts[class] + classes.per_class[class];
                    let coefficients = &self.coefficients[line * self.count..(line + 1) * self.count];
                    Self::weighted(coefficients[range.clone()].iter(), &similarities[range])
                };
                let distance = self.rho(distances.len()) + part(j - 1, i) + part(i, j);
                votes[if distance > 0.0 { i } else { j }] += 1;
                distances.push(distance);
            }
        }
        let winner = (1..count).fold(0, |best, n| if votes[n] > votes[best] { n } else { best });
        if classes.sigmoids.len() == distances.len() && !distances.is_empty() {
            let mut shares: Vec<f32> = probabilities(count, &distances, &classes.sigmoids);
            self.transform.apply(&mut shares);
            scores.extend(shares);
        } else if let [distance] = *distances {
            let how = match self.transform {
                PostTransform::Softmax | PostTransform::SoftmaxZero => Second::Rest,
                _ => Second::Opposite,
            };
            // The winner of a positive distance is the first class.
            scores.extend(how.spread(distance as f32, self.transform));
        } else {
            let mut row: Vec<f32> = distances.iter().map(|distance| *distance as f32).collect();
            self.transform.apply(&mut row);
            scores.extend(row);
        }
        winner
    }
}

/// Probabilities of classes from those of pairs: the second approach of Wu, Lin and Weng (2004), as libsvm iterates it.
fn probabilities(count: usize, distances: &[f64], sigmoids: &[(f32, f32)]) -> Vec<f32> {
    let mut pairs = vec![0.0; count * count];
    let mut next = distances.iter().zip(sigmoids);
    for i in 0..count {
        for j in i + 1..count {
            let Some((distance, (a, b))) = next.next() else {
                continue;
            };
            let z = distance * f64::from(*a) + f64::from(*b);
            let share = (1.0 / (1.0 + z.exp())).clamp(1e-7, 1.0 - 1e-7);
            pairs[i * count + j] = share;
            pairs[j * count + i] = 1.0 - share;
        }
    }
    let mut q = vec![0.0; count * count];
    for t in 0..count {
        for j in 0..count {
            if j == t {
                continue;
            }
            q[t * count + t] += pairs[j * count + t] * pairs[j * count + t];
            q[t * count + j] = -pairs[j * count + t] * pairs[t * count + j];
        }
    }
    let mut shares = vec![1.0 / count as f64; count];
    let most = 0.005 / count as f64;
    for _ in 0..count.max(100) {
        let mut products: Vec<f64> = q
            .chunks_exact(count)
            .map(|row| row.iter().zip(&shares).map(|(a, b)| a * b).sum())
            .collect();
        let mut total: f64 = products.iter().zip(&shares).map(|(a, b)| a * b).sum();
        if products.iter().all(|product| (product - total).abs() < most) {
            break;
        }
        for t in 0..count {
            let diagonal = q[t * count + t];
            let change = (total - products[t]) / diagonal;
            shares[t] += change;
            total = (total + change * (change * diagonal + 2.0 * products[t])) / (1.0 + change) / (1.0 + change);
            for j in 0..count {
                products[j] = (products[j] + change * q[t * count + j]) / (1.0 + change);
                shares[j] /= 1.0 + change;
            }
        }
    }
    shares.into_iter().map(|share| share as f32).collect()
}
