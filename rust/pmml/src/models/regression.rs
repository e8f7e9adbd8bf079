//! `RegressionModel`.

use serving_kernels::activation::Activation;
use serving_kernels::linear;

use super::{Function, Model};
use crate::run::{Direct, Fault, Run, Scored, Slot};

/// `normalizationMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Normalization {
    None,
    Softmax,
    Simplemax,
    Logit,
    Probit,
    Cloglog,
    Loglog,
    Exp,
    Cauchit,
}

impl Normalization {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "softmax" => Self::Softmax,
            "simplemax" => Self::Simplemax,
            "logit" => Self::Logit,
            "probit" => Self::Probit,
            "cloglog" => Self::Cloglog,
            "loglog" => Self::Loglog,
            "exp" => Self::Exp,
            "cauchit" => Self::Cauchit,
            _ => return None,
        })
    }

    /// The inverse of the link, for one value.
    pub(crate) fn invert(self, value: f64) -> f64 {
        match self {
            Self::None | Self::Simplemax => value,
            Self::Logit | Self::Softmax => 1.0 / (1.0 + (-value).exp()),
            Self::Probit => serving_kernels::probability::normal_cdf(value),
            Self::Cloglog => 1.0 - (-value.exp()).exp(),
            Self::Loglog => (-(-value).exp()).exp(),
            Self::Exp => value.exp(),
            Self::Cauchit => 0.5 + value.atan() / std::f64::consts::PI,
        }
    }

    /// The same, optionally in single precision with every step rounded.
    pub(crate) fn invert_as(self, value: f64, float: bool) -> f64 {
        if !float {
            return self.invert(value);
        }
        let value = value as f32;
        f64::from(match self {
            Self::Logit | Self::Softmax => 1.0 / (1.0 + single_exp(-value)),
            Self::Cloglog => 1.0 - single_exp(-single_exp(value)),
            Self::Loglog => single_exp(-single_exp(-value)),
            Self::Exp => single_exp(value),
            Self::Cauchit => 0.5 + std::f64::consts::FRAC_1_PI as f32 * f64::from(value).atan() as f32,
            Self::None | Self::Simplemax | Self::Probit => self.invert(f64::from(value)) as f32,
        })
    }
}

/// The exponential function in single precision, as the reference tool has it: a power of Euler's number cut to eight digits.
pub(crate) fn single_exp(value: f32) -> f32 {
    const EULER: f64 = 2.718_281_7;
    EULER.powf(f64::from(value)) as f32
}

/// One term of a table.
#[derive(Debug)]
pub(crate) enum Term {
    Number {
        slot: Slot,
        exponent: i32,
        coefficient: f64,
    },
    Category {
        slot: Slot,
        key: (u8, u64),
        coefficient: f64,
    },
    Product {
        slots: Box<[Slot]>,
        coefficient: f64,
    },
}

/// One equation.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) intercept: f64,
    pub(crate) terms: Box<[Term]>,
}

impl Table {
    /// Rounds all coefficients to single precision.
    pub(crate) fn narrow(&mut self) {
        self.intercept = f64::from(self.intercept as f32);
        for term in &mut self.terms {
            let (Term::Number { coefficient, .. }
            | Term::Category { coefficient, .. }
            | Term::Product { coefficient, .. }) = term;
            *coefficient = f64::from(*coefficient as f32);
        }
    }
}

/// Tables whose terms are the same plain numbers: one small matrix.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) slots: Box<[Slot]>,
    pub(crate) direct: Direct,
    pub(crate) intercepts: Box<[f64]>,
    /// One column of as many weights as there are tables for each slot.
    pub(crate) weights: Box<[f64]>,
}

/// A compiled `RegressionModel`; the tables of a classification are in the order of the classes.
#[derive(Debug)]
pub(crate) struct Regression {
    pub(crate) tables: Box<[Table]>,
    pub(crate) plain: Option<Plain>,
    pub(crate) normalization: Normalization,
    /// The target is ordinal: the equations are of cumulative shares.
    pub(crate) ordinal: bool,
}

impl Run<'_> {
    pub(crate) fn regression(&mut self, index: usize, model: &Model, regression: &Regression) -> Scored<bool> {
        let count = regression.tables.len();
        let base = self.scratch.work.len();
        self.scratch.work.resize(base + count, 0.0);
        let found = self.equations(regression, model.float, base);
        let found = match found {
            Ok(true) => {
                if model.function == Function::Classification {
                    let values = &self.scratch.work[base..base + count];
                    let shares = &mut self.scratch.shares[model.shares..model.shares + model.classes.len()];
                    shares.copy_from_slice(values);
                    let nothing =
                        regression.normalization == Normalization::Simplemax && shares.iter().sum::<f64>() == 0.0;
                    let several = count > 2 && !regression.ordinal;
                    if several && regression.normalization == Normalization::Logit {
                        // One against all others, of which the shares are made a whole.
                        for share in shares.iter_mut() {
                            *share = Normalization::Logit.invert_as(*share, model.float);
                        }
                        normalize(shares, Normalization::Simplemax, false, model.float);
                    } else {
                        normalize(shares, regression.normalization, regression.ordinal, model.float);
                    }
                    if nothing {
                        Err(Fault::undefined())
                    } else {
                        Ok(self.answer_largest(index, model))
                    }
                } else {
                    let value = self.scratch.work[base];
                    let value = regression.normalization.invert_as(value, model.float);
                    Ok(self.answer_number(index, model, value))
                }
            }
            other => other,
        };
        self.scratch.work.truncate(base);
        found
    }

    /// Leaves the values of the equations in the work space; `false` when a number is missing.
    fn equations(&mut self, regression: &Regression, float: bool, base: usize) -> Scored<bool> {
        if let Some(plain) = &regression.plain {
            if self.direct(&plain.direct) {
                let scratch = &mut *self.scratch;
                linear::dots(
                    &plain.intercepts,
                    &plain.weights,
                    &scratch.row,
                    &mut scratch.work[base..],
                );
                return Ok(true);
            }
            let row = self.scratch.work.len();
            for slot in &plain.slots {
                match self.number(*slot)? {
                    Some(number) => self.scratch.work.push(number),
                    None => return Ok(false),
                }
            }
            let (outputs, values) = self.scratch.work.split_at_mut(row);
            linear::dots(&plain.intercepts, &plain.weights, values, &mut outputs[base..]);
            return Ok(true);
        }
        for (offset, table) in regression.tables.iter().enumerate() {
            // The intercept comes last, as in the reference tool: with large coefficients the order of a sum shows.
            let mut sum = 0.0;
            for term in &table.terms {
                let Some(part) = self.term(term)? else {
                    return Ok(false);
                };
                sum = if float {
                    f64::from(sum as f32 + part as f32)
                } else {
                    sum + part
                };
            }
            self.scratch.work[base + offset] = if float {
                f64::from(sum as f32 + table.intercept as f32)
            } else {
                sum + table.intercept
            };
        }
        Ok(true)
    }

    fn term(&mut self, term: &Term) -> Scored<Option<f64>> {
        Ok(match term {
            Term::Number {
                slot,
                exponent,
                coefficient,
            } => self
                .number(*slot)?
                .map(|number| coefficient * if *exponent == 1 { number } else { number.powi(*exponent) }),
            Term::Category { slot, key, coefficient } => {
                let value = self.value(*slot)?;
                Some(if !value.is_missing() && value.key() == *key {
                    *coefficient
                } else {
                    0.0
                })
            }
            Term::Product { slots, coefficient } => {
                let mut product = *coefficient;
                for slot in slots {
                    match self.number(*slot)? {
                        Some(number) => product *= number,
                        None => return Ok(None),
                    }
                }
                Some(product)
            }
        })
    }
}

/// Softmax in place.
pub(crate) fn softmax(values: &mut [f64], float: bool) {
    if !float {
        Activation::Softmax.apply(values, values.len());
        return;
    }
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0_f32;
    for value in values.iter_mut() {
        let share = single_exp((*value - most) as f32);
        *value = f64::from(share);
        sum += share;
    }
    for value in values {
        *value = f64::from(*value as f32 / sum);
    }
}

/// Value of an equation to a share of a whole.
fn share(value: f64, method: Normalization, float: bool) -> f64 {
    let share = method.invert_as(value, float);
    if method == Normalization::None {
        share.clamp(0.0, 1.0)
    } else {
        share
    }
}

/// Values of the equations to shares of the classes.
pub(crate) fn normalize(values: &mut [f64], method: Normalization, ordinal: bool, float: bool) {
    let last = values.len().saturating_sub(1);
    if ordinal && !matches!(method, Normalization::Softmax | Normalization::Simplemax) {
        let mut before = 0.0;
        for (index, value) in values.iter_mut().enumerate() {
            let cumulative = if index == last {
                1.0
            } else {
                share(*value, method, float)
            };
            *value = cumulative - before;
            before = cumulative;
        }
        return;
    }
    match method {
        Normalization::Softmax => softmax(values, float),
        Normalization::Simplemax => {
            let sum: f64 = values.iter().sum();
            for value in values {
                *value /= sum;
            }
        }
        _ if values.len() == 2 => {
            let share = share(values[0], method, float);
            values[0] = share;
            values[1] = if float {
                f64::from(1.0 - share as f32)
            } else {
                1.0 - share
            };
        }
        _ => {
            let mut rest = 1.0;
            for value in &mut values[..last] {
                *value = method.invert_as(*value, float);
                rest -= *value;
            }
            values[last] = rest;
        }
    }
}
