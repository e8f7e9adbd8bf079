//! `NaiveBayesModel`.

use super::Model;
use crate::models::baseline::Distribution;
use crate::run::{Cause, Fault, Run, Scored, Slot};

/// A value and its row.
pub(crate) type Row = ((u8, u64), Box<[f64]>);

/// What one input says about each class.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// Logarithm of the share of a value within each class.
    Counts(Box<[Row]>),
    /// Mean and variance within each class.
    Gaussian(Box<[(f64, f64)]>),
    /// Any distribution within each class; nothing for classes without one.
    Densities(Box<[Option<Distribution>]>),
}

/// A compiled `NaiveBayesModel`.
#[derive(Debug)]
pub(crate) struct NaiveBayes {
    pub(crate) inputs: Box<[(Slot, Evidence)]>,
    /// Logarithm of the number of each class.
    pub(crate) priors: Box<[f64]>,
    /// Logarithm of the least probability.
    pub(crate) threshold: f64,
}

impl Run<'_> {
    pub(crate) fn naive_bayes(&mut self, index: usize, model: &Model, bayes: &NaiveBayes) -> Scored<bool> {
        let classes = model.classes.len();
        let base = self.scratch.work.len();
        self.scratch.work.extend_from_slice(&bayes.priors);
        for (slot, evidence) in &bayes.inputs {
            let value = match self.value(*slot) {
                Ok(value) => value,
                Err(fault) => {
                    self.scratch.work.truncate(base);
                    return Err(fault);
                }
            };
            if value.is_missing() {
                continue;
            }
            let sums = &mut self.scratch.work[base..base + classes];
            match evidence {
                Evidence::Counts(table) => {
                    let key = value.key();
                    if let Some((_, row)) = table.iter().find(|(known, _)| *known == key) {
                        for (sum, part) in sums.iter_mut().zip(row) {
                            *sum += part;
                        }
                    }
                }
                Evidence::Gaussian(distributions) => {
                    let Some(number) = value.number() else {
                        continue;
                    };
                    for (sum, (mean, variance)) in sums.iter_mut().zip(distributions) {
                        // Not in logarithms all the way: a density that vanishes does so in the reference tool as well.
                        let density = (-(number - mean).powi(2) / (2.0 * variance)).exp()
                            / (2.0 * std::f64::consts::PI * variance).sqrt();
                        *sum += density.ln().max(bayes.threshold);
                    }
                }
                Evidence::Densities(distributions) => {
                    let Some(number) = value.number() else {
                        continue;
                    };
                    for (sum, distribution) in sums.iter_mut().zip(distributions) {
                        let Some(distribution) = distribution else {
                            continue;
                        };
                        let Some(density) = distribution.density(number) else {
                            self.scratch.work.truncate(base);
                            return Err(Fault {
                                cause: Cause::Type,
                                slot: *slot,
                            });
                        };
                        *sum += density.ln().max(bayes.threshold);
                    }
                }
            }
        }
        let (work, shares) = (&self.scratch.work, &mut self.scratch.shares);
        let shares = &mut shares[model.shares..model.shares + classes];
        shares.copy_from_slice(&work[base..base + classes]);
        super::regression::softmax(shares, false);
        self.scratch.work.truncate(base);
        Ok(self.answer_largest(index, model))
    }
}
