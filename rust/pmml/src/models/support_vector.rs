//! `SupportVectorMachineModel`.

use super::{Function, Model, NONE};
use crate::run::{Cause, Fault, Run, Scored, Slot};

/// The kernel function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kernel {
    Linear,
    Polynomial { gamma: f64, constant: f64, degree: f64 },
    Radial { gamma: f64 },
    Sigmoid { gamma: f64, constant: f64 },
}

impl Kernel {
    fn apply(self, a: &[f64], b: &[f64]) -> f64 {
        let dot = || a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        match self {
            Self::Linear => dot(),
            Self::Polynomial {
                gamma,
                constant,
                degree,
            } => (gamma * dot() + constant).powf(degree),
            Self::Radial { gamma } => {
                let distance: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
                (-gamma * distance).exp()
            }
            Self::Sigmoid { gamma, constant } => (gamma * dot() + constant).tanh(),
        }
    }
}

/// An element of the vectors.
#[derive(Debug)]
pub(crate) enum Element {
    Number(Slot),
    Category {
        slot: Slot,
        key: (u8, u64),
        coefficient: f64,
    },
}

/// One machine: a linear function of kernels.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Vector and coefficient; without vectors the coefficients are those of the elements themselves.
    pub(crate) vectors: Box<[(u32, f64)]>,
    pub(crate) weights: Box<[f64]>,
    pub(crate) bias: f64,
    pub(crate) target: u32,
    pub(crate) alternate: u32,
    pub(crate) threshold: f64,
}

/// How machines decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Each machine votes for one of two classes.
    Votes,
    /// The smallest or largest value wins.
    Smallest,
    Largest,
    /// One machine whose rounded value is 0 or 1.
    Rounded,
}

/// A compiled `SupportVectorMachineModel`.
#[derive(Debug)]
pub(crate) struct SupportVector {
    pub(crate) kernel: Kernel,
    pub(crate) elements: Box<[Element]>,
    pub(crate) vectors: Box<[f64]>,
    pub(crate) machines: Box<[Machine]>,
    pub(crate) decision: Decision,
}

impl Run<'_> {
    pub(crate) fn support_vector(&mut self, index: usize, model: &Model, machine: &SupportVector) -> Scored<bool> {
        let base = self.scratch.work.len();
        let result = self
            .elements(machine)
            .map(|()| self.machines(index, model, machine, base));
        self.scratch.work.truncate(base);
        result
    }

    fn elements(&mut self, machine: &SupportVector) -> Scored<()> {
        for element in &machine.elements {
            let number = match element {
                Element::Number(slot) => self.number(*slot)?.ok_or(Fault {
                    cause: Cause::Missing,
                    slot: *slot,
                })?,
                Element::Category { slot, key, coefficient } => {
                    let value = self.value(*slot)?;
                    if value.is_missing() {
                        return Err(Fault {
                            cause: Cause::Missing,
                            slot: *slot,
                        });
                    }
                    if value.key() == *key { *coefficient } else { 0.0 }
                }
            };
            self.scratch.work.push(number);
        }
        Ok(())
    }

    fn machines(&mut self, index: usize, model: &Model, machine: &SupportVector, base: usize) -> bool {
        let width = machine.elements.len();
        let classifies = model.function == Function::Classification;
        if classifies {
            let start = match machine.decision {
                Decision::Smallest => f64::INFINITY,
                Decision::Largest => f64::NEG_INFINITY,
                _ => 0.0,
            };
            self.shares(model).fill(start);
        }
        for single in &machine.machines {
            let record = &self.scratch.work[base..base + width];
            let value = if single.weights.is_empty() {
                single.vectors.iter().fold(0.0, |sum, (vector, coefficient)| {
                    let vector = &machine.vectors[*vector as usize * width..][..width];
                    sum + coefficient * machine.kernel.apply(record, vector)
                })
            } else {
                single
                    .weights
                    .iter()
                    .zip(record)
                    .map(|(weight, value)| weight * value)
                    .sum()
            } + single.bias;
            if !classifies {
                return !value.is_nan() && self.answer_number(index, model, value);
            }
            let winner = match machine.decision {
                Decision::Votes if value < single.threshold => single.target,
                Decision::Votes => single.alternate,
                Decision::Rounded => match value.round() {
                    0.0 => single.alternate,
                    1.0 => single.target,
                    _ => NONE,
                },
                Decision::Smallest | Decision::Largest => {
                    self.shares(model)[single.target as usize] = value;
                    continue;
                }
            };
            if winner == NONE {
                return false;
            }
            self.shares(model)[winner as usize] += 1.0;
            self.scratch.work.push(f64::from(winner));
        }
        if machine.decision == Decision::Smallest {
            let mut best = (NONE, f64::INFINITY);
            for (class, value) in self.shares(model).iter().enumerate() {
                if *value < best.1 {
                    best = (class as u32, *value);
                }
            }
            return self.answer_class(index, model, best.0);
        }
        if machine.decision == Decision::Votes {
            let votes = machine.machines.len() as f64;
            for share in self.shares(model) {
                *share /= votes;
            }
            // Of classes with as many votes, the one that was voted for first.
            let scratch = &mut *self.scratch;
            let shares = &scratch.shares[model.shares..model.shares + model.classes.len()];
            let most = shares.iter().copied().fold(0.0, f64::max);
            let mut winners = scratch.work[base + width..].iter().map(|winner| *winner as u32);
            let best = winners.find(|winner| shares[*winner as usize] == most).unwrap_or(NONE);
            scratch.outcomes[index].shared = true;
            return self.answer_class(index, model, best);
        }
        self.answer_largest(index, model)
    }
}
