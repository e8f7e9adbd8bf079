//! `Targets`: what is done to a prediction before it is reported.

use super::{Function, Model, NONE};
use crate::run::Run;
use crate::value::Value;

/// `castInteger`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CastInteger {
    Round,
    Ceiling,
    Floor,
}

/// The treatment of a target.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) factor: f64,
    pub(crate) constant: f64,
    pub(crate) cast: Option<CastInteger>,
    /// The value of a missing prediction.
    pub(crate) default: Option<f64>,
    /// Prior probability of each class; with them a missing prediction is answered by the likeliest class.
    pub(crate) priors: Box<[f64]>,
    /// Display value of each class, as a code.
    pub(crate) display: Box<[u32]>,
    /// Whether the number is changed at all.
    pub(crate) changes: bool,
}

impl Target {
    pub(crate) fn number(&self, number: f64, float: bool) -> f64 {
        let mut number = number.clamp(self.min, self.max);
        if float {
            number = f64::from(number as f32 * self.factor as f32);
            number = f64::from(number as f32 + self.constant as f32);
        } else {
            number = number * self.factor + self.constant;
        }
        number
    }
}

impl Run<'_> {
    pub(crate) fn target(&mut self, index: usize, model: &Model, target: &Target) {
        if !self.scratch.outcomes[index].present {
            if model.function == Function::Classification && !target.priors.is_empty() {
                self.shares(model).copy_from_slice(&target.priors);
                let found = self.answer_largest(index, model);
                self.scratch.outcomes[index].present = found;
            } else if let Some(default) = target.default
                && model.function == Function::Regression
            {
                self.answer_number(index, model, default);
                self.scratch.outcomes[index].present = true;
            }
            return;
        }
        let outcome = &mut self.scratch.outcomes[index];
        if outcome.class != NONE || !target.changes {
            return;
        }
        let Some(number) = outcome.value.number() else {
            return;
        };
        let number = target.number(number, model.float);
        outcome.value = match target.cast {
            Some(CastInteger::Round) => Value::Int((number + 0.5).floor() as i64),
            Some(CastInteger::Ceiling) => Value::Int(number.ceil() as i64),
            Some(CastInteger::Floor) => Value::Int(number.floor() as i64),
            None if model.float => Value::Float(number as f32),
            None => Value::Double(number),
        };
    }
}
