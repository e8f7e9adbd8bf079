//! `Scorecard`.

use super::{Model, NONE};
use crate::expression::Expression;
use crate::predicate::Predicate;
use crate::run::{Fault, Run, Scored};

/// What an attribute adds.
#[derive(Debug)]
pub(crate) enum Partial {
    Number(f64),
    Complex(Expression),
}

/// An attribute with its predicate.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) predicate: Predicate,
    pub(crate) partial: Partial,
    /// Number of the reason; means nothing without reasons.
    pub(crate) reason: u32,
}

/// A characteristic.
#[derive(Debug)]
pub(crate) struct Characteristic {
    pub(crate) attributes: Box<[Attribute]>,
    pub(crate) baseline: f64,
}

/// A compiled `Scorecard`.
#[derive(Debug)]
pub(crate) struct Scorecard {
    pub(crate) initial: f64,
    pub(crate) reasons: bool,
    /// The reasons, as codes.
    pub(crate) codes: Box<[u32]>,
    /// The reason is how far below the baseline a score is, else how far above.
    pub(crate) below: bool,
    pub(crate) characteristics: Box<[Characteristic]>,
}

impl Run<'_> {
    pub(crate) fn scorecard(&mut self, index: usize, model: &Model, scorecard: &Scorecard) -> Scored<bool> {
        let mut sum = scorecard.initial;
        self.scratch.ranks.clear();
        // Where the points of each reason are.
        self.scratch.places.clear();
        self.scratch.places.resize(scorecard.codes.len(), NONE);
        for characteristic in &scorecard.characteristics {
            let mut found = None;
            for attribute in &characteristic.attributes {
                if self.holds(&attribute.predicate)? == Some(true) {
                    found = Some(attribute);
                    break;
                }
            }
            let attribute = found.ok_or_else(Fault::undefined)?;
            let partial = match &attribute.partial {
                Partial::Number(number) => *number,
                Partial::Complex(expression) => {
                    let value = self.evaluate(expression)?;
                    match self.numeric(value)? {
                        Some(number) => number,
                        None => return Ok(false),
                    }
                }
            };
            sum += partial;
            if scorecard.reasons {
                let difference = if scorecard.below {
                    characteristic.baseline - partial
                } else {
                    partial - characteristic.baseline
                };
                let ranks = &mut self.scratch.ranks;
                let place = &mut self.scratch.places[attribute.reason as usize];
                if let Some((points, _)) = ranks.get_mut(*place as usize) {
                    *points += difference;
                } else {
                    *place = ranks.len() as u32;
                    ranks.push((difference, scorecard.codes[attribute.reason as usize]));
                }
            }
        }
        self.scratch.ranks.retain(|(points, _)| *points >= 0.0);
        self.scratch.ranks.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(self.answer_number(index, model, sum))
    }
}
