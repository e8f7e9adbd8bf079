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

/// The rule with a number, none for what is no number.
fn numbered(set: &RuleSet, number: f64) -> Option<&Rule> {
    if number.is_nan() {
        None
    } else {
        set.rules.get(number as usize)
    }
}

impl Run<'_> {
    /// Looks at all rules, whatever the selection: the confidence of a class is that of its own first or heaviest rule.
    pub(crate) fn rule_set(&mut self, index: usize, model: &Model, set: &RuleSet) -> Scored<bool> {
        self.shares(model).fill(0.0);
        let classes = model.classes.len();
        let base = self.scratch.work.len();
        // The weights of each class, and the number of its best rule.
        self.scratch.work.resize(base + 2 * classes, 0.0);
        self.scratch.work[base + classes..].fill(f64::NAN);
        let fired = self.fire(set, base, classes);
        let (weights, chosen) = self.scratch.work[base..].split_at(classes);
        let rule_of = |class: usize| chosen.get(class).and_then(|rule| numbered(set, *rule));
        let mut best: Option<&Rule> = None;
        for class in 0..classes {
            let Some(rule) = rule_of(class) else {
                continue;
            };
            let better = best.is_none_or(|best| match set.selection {
                Selection::FirstHit => rule.skip < best.skip,
                Selection::WeightedSum => weights[class] > weights[best.class as usize],
                Selection::WeightedMax => {
                    rule.weight > best.weight || (rule.weight == best.weight && rule.skip < best.skip)
                }
            });
            if better {
                best = Some(rule);
            }
            self.scratch.shares[model.shares + class] = match (set.selection, &fired) {
                (Selection::WeightedSum, Ok(fired)) => weights[class] / f64::from(*fired),
                _ => rule.confidence,
            };
        }
        self.scratch.work.truncate(base);
        fired?;
        let class = match best {
            Some(rule) => {
                self.scratch.outcomes[index].entity = Value::Text(rule.id);
                rule.class
            }
            None if set.default_class == NONE => return Ok(false),
            None => {
                self.shares(model)[set.default_class as usize] = set.default_confidence;
                set.default_class
            }
        };
        self.scratch.outcomes[index].shared = true;
        Ok(self.answer_class(index, model, class))
    }

    /// Leaves what the rules that fire say in the work space, and counts them.
    fn fire(&mut self, set: &RuleSet, base: usize, classes: usize) -> Scored<u32> {
        let (mut fired, mut at) = (0, 0);
        while let Some(rule) = set.rules.get(at) {
            if self.holds(&rule.predicate)? != Some(true) {
                at = rule.skip as usize;
                continue;
            }
            if rule.class != NONE {
                fired += 1;
                let class = rule.class as usize;
                let work = &mut self.scratch.work[base..];
                work[class] += rule.weight;
                let known = numbered(set, work[classes + class]);
                if known.is_none_or(|known| set.selection != Selection::FirstHit && rule.weight > known.weight) {
                    work[classes + class] = at as f64;
                }
            }
            at += 1;
        }
        Ok(fired)
    }
}
