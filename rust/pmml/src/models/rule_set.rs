//! `RuleSetModel`.

use super::{Model, NONE};
use crate::predicate::Predicate;
use crate::run::{Run, Scored};
use crate::value::Value;

/// `RuleSelectionMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    FirstHit,
    WeightedSum,
    WeightedMax,
}

/// A rule, or a group of rules under one condition.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) predicate: Predicate,
    /// Where to go on when the condition does not hold; the rule itself is the next one.
    pub(crate) skip: u32,
    /// Class of a simple rule.
    pub(crate) class: u32,
    pub(crate) weight: f64,
    pub(crate) confidence: f64,
    pub(crate) id: u32,
}

/// A compiled `RuleSetModel`: rules in the order of the document, groups before their members.
#[derive(Debug)]
pub(crate) struct RuleSet {
    pub(crate) rules: Box<[Rule]>,
    pub(crate) selection: Selection,
    pub(crate) default_class: u32,
    pub(crate) default_confidence: f64,
}

impl Run<'_> {
    pub(crate) fn rule_set(&mut self, index: usize, model: &Model, set: &RuleSet) -> Scored<bool> {
        self.shares(model).fill(0.0);
        let base = self.scratch.work.len();
        self.scratch.work.resize(base + model.classes.len(), 0.0);
        let mut best: Option<&Rule> = None;
        let (mut fired, mut at) = (0_u32, 0);
        let mut result = Ok(());
        while let Some(rule) = set.rules.get(at) {
            match self.holds(&rule.predicate) {
                Ok(Some(true)) => at += 1,
                Ok(_) => {
                    at = rule.skip as usize;
                    continue;
                }
                Err(fault) => {
                    result = Err(fault);
                    break;
                }
            }
            if rule.class == NONE {
                continue;
            }
            fired += 1;
            self.scratch.work[base + rule.class as usize] += rule.weight;
            if best.is_none_or(|best| set.selection != Selection::FirstHit && rule.weight > best.weight) {
                best = Some(rule);
            }
            if set.selection == Selection::FirstHit {
                break;
            }
        }
        if let (Ok(()), Selection::WeightedSum, true) = (result, set.selection, fired > 0) {
            for class in 0..model.classes.len() {
                self.scratch.shares[model.shares + class] = self.scratch.work[base + class] / f64::from(fired);
            }
        }
        self.scratch.work.truncate(base);
        result?;
        if set.selection == Selection::WeightedSum && fired > 0 {
            return Ok(self.answer_largest(index, model));
        }
        let (class, confidence) = match best {
            Some(rule) => {
                let outcome = &mut self.scratch.outcomes[index];
                outcome.entity = Value::Text(rule.id);
                (rule.class, rule.confidence)
            }
            None => (set.default_class, set.default_confidence),
        };
        if class == NONE {
            return Ok(false);
        }
        self.shares(model)[class as usize] = confidence;
        self.scratch.outcomes[index].shared = true;
        Ok(self.answer_class(index, model, class))
    }
}
