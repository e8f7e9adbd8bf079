//! `Output`: result features and what is computed from them.

use super::mining::Method;
use super::rules::RuleValue;
use super::{Function, Kind, Model, NONE};
use crate::expression::Expression;
use crate::run::{NO_SLOT, Run, Scored, Slot};
use crate::value::{Type, Value};

/// `feature` of an output field.
#[derive(Debug)]
pub(crate) enum Feature {
    PredictedValue,
    DisplayValue,
    Probability {
        class: u32,
    },
    /// Probability of the predicted class.
    PredictedProbability,
    /// Share of a class that the answer does not know by this name: 0.
    Unmatched,
    Residual {
        observed: Slot,
        /// The category whose residual is asked for.
        class: Option<u32>,
    },
    Transformed(Expression),
    /// Number of the best, the second best, ... entity.
    EntityId {
        rank: usize,
    },
    Affinity {
        entity: Option<u32>,
        rank: usize,
    },
    ReasonCode {
        rank: usize,
    },
    /// Confidence of a class or of the answer.
    Confidence {
        class: u32,
    },
    /// A bound of a confidence interval: value plus factor times standard deviation.
    Interval {
        value: Slot,
        deviation: Slot,
        factor: f64,
    },
    /// Something of the rules that fire.
    Rule(RuleValue),
    /// A report about another field: always missing, as there is nothing to report.
    Report,
    /// Always missing.
    Nothing,
}

/// An output field.
#[derive(Debug)]
pub(crate) struct OutputField {
    pub(crate) name: String,
    pub(crate) slot: Slot,
    pub(crate) kind: Option<Type>,
    pub(crate) feature: Feature,
    /// Model whose answer is meant: this one or a segment of it.
    pub(crate) model: usize,
    /// The value is a list.
    pub(crate) list: bool,
    /// Nothing else reads it: its cell is written straight from the shares.
    pub(crate) direct: bool,
}

impl Feature {
    /// Whether there is a value without an answer: what is computed from other fields, and which segment was chosen.
    fn stands_alone(&self, model: &Model) -> bool {
        match self {
            Self::Transformed(_) => true,
            Self::EntityId { rank: ..=1 } => {
                matches!(&model.kind, Kind::Mining(mining) if mining.method == Method::SelectFirst)
            }
            _ => false,
        }
    }
}

impl Run<'_> {
    /// Computes the outputs of a model into their slots. Without an answer they stay missing.
    pub(crate) fn outputs(&mut self, index: usize, model: &Model) -> Scored<()> {
        for field in &model.outputs {
            if field.direct {
                continue;
            }
            let present = self.scratch.outcomes[index].present;
            // A report about an inner model needs its answer.
            if !present && index != self.program.root && matches!(field.feature, Feature::Report) {
                return Err(crate::run::Fault {
                    cause: crate::run::Cause::Missing,
                    slot: field.slot,
                });
            }
            // Some have a value all the same, if the answer is that of the document; so have segments that answered.
            let of_segment = field.model != index;
            let computed = index == self.program.root && (of_segment || field.feature.stands_alone(model));
            if present || computed {
                let value = self.output(field).map_err(|fault| fault.within(field.slot))?;
                self.set(field.slot, value);
            } else if model.embedded || index == self.program.root {
                self.set(field.slot, Value::Missing);
            } else {
                self.refuse(field.slot);
            }
        }
        Ok(())
    }

    fn output(&mut self, field: &OutputField) -> Scored<Value> {
        let program = self.program;
        let model = &program.models[field.model];
        let outcome = self.scratch.outcomes[field.model];
        if !outcome.present && !field.feature.stands_alone(model) {
            return Ok(Value::Missing);
        }
        let real = |number: f64| {
            if model.float {
                Value::Float(number as f32)
            } else {
                Value::Double(number)
            }
        };
        let value = match &field.feature {
            Feature::PredictedValue => outcome.value,
            Feature::DisplayValue => match (&model.target, model.classes.get(outcome.class as usize)) {
                (Some(target), Some(_)) if !target.display.is_empty() => {
                    Value::Text(target.display[outcome.class as usize])
                }
                (_, Some(class)) => Value::Text(class.code),
                (_, None) => outcome.value,
            },
            Feature::Probability { class } | Feature::Confidence { class } => {
                let class = if *class == NONE { outcome.class } else { *class };
                if outcome.shared && (class as usize) < model.classes.len() {
                    let share = self.scratch.shares[model.shares + class as usize];
                    real(match (&field.feature, &model.kind) {
                        (Feature::Confidence { .. }, Kind::Tree(tree)) => {
                            let given = tree.confidence(outcome.entity_index, class, model.classes.len());
                            given.unwrap_or(share) * self.penalty(tree)?
                        }
                        _ => share,
                    })
                } else {
                    Value::Missing
                }
            }
            Feature::Unmatched => real(0.0),
            Feature::PredictedProbability => {
                if outcome.shared && outcome.class != NONE {
                    real(self.scratch.shares[model.shares + outcome.class as usize])
                } else {
                    Value::Missing
                }
            }
            Feature::Residual { observed, class } => {
                let observed = self.value(*observed)?;
                if observed.is_missing() && class.is_some() {
                    return Ok(Value::Missing);
                }
                if observed.is_missing() {
                    return Err(crate::run::Fault {
                        cause: crate::run::Cause::Missing,
                        slot: match &field.feature {
                            Feature::Residual { observed, .. } => *observed,
                            _ => NO_SLOT,
                        },
                    });
                }
                self.residual(model, field.model, observed)
            }
            Feature::Transformed(expression) => {
                let frame = std::mem::replace(&mut self.scratch.frame, self.scratch.arguments.len());
                let value = self.evaluate(expression);
                self.scratch.frame = frame;
                value?
            }
            Feature::EntityId { rank } => {
                if *rank <= 1 {
                    outcome.entity
                } else {
                    self.ranked_entity(*rank)
                }
            }
            Feature::Affinity { entity, rank } => self.affinity(model, field.model, *entity, *rank),
            Feature::ReasonCode { rank } => self.reason_code(*rank),
            Feature::Interval {
                value,
                deviation,
                factor,
            } => match (self.number(*value)?, self.number(*deviation)?) {
                (Some(value), Some(deviation)) => Value::Double(value + factor * deviation),
                _ => Value::Missing,
            },
            Feature::Rule(wanted) => match &model.kind {
                Kind::Association(association) => self.rule_value(&association.book, wanted)?,
                Kind::Sequences(sequences) => self.rule_value(&sequences.book, wanted)?,
                _ => Value::Missing,
            },
            Feature::Nothing | Feature::Report => Value::Missing,
        };
        match field.kind {
            Some(kind) if !field.list => self.cast(kind, value, NO_SLOT),
            _ => Ok(value),
        }
    }

    fn residual(&mut self, model: &Model, index: usize, observed: Value) -> Value {
        let outcome = self.scratch.outcomes[index];
        if model.function == Function::Classification {
            let hit = f64::from(u8::from(observed.same(outcome.value)));
            let share = if outcome.shared && outcome.class != NONE {
                self.scratch.shares[model.shares + outcome.class as usize]
            } else {
                1.0
            };
            return Value::Double(hit - share);
        }
        match (observed.number(), outcome.value.number()) {
            (Some(observed), Some(predicted)) => Value::Double(observed - predicted),
            _ => Value::Missing,
        }
    }

    /// The entity of some rank after the first.
    fn ranked_entity(&mut self, rank: usize) -> Value {
        self.scratch
            .ranks
            .get(rank - 1)
            .map_or(Value::Missing, |(_, name)| Value::Text(*name))
    }

    /// Affinity of an entity, or of the one of some rank.
    fn affinity(&mut self, model: &Model, index: usize, entity: Option<u32>, rank: usize) -> Value {
        let entity = match entity {
            Some(entity) => entity,
            None if rank <= 1 => {
                let outcome = self.scratch.outcomes[index];
                if outcome.class == NONE {
                    outcome.entity_index
                } else {
                    outcome.class
                }
            }
            None => match self.scratch.ranks.get(rank - 1) {
                Some((affinity, _)) => return Value::Double(*affinity),
                None => return Value::Missing,
            },
        };
        if (entity as usize) < model.classes.len() {
            Value::Double(self.scratch.shares[model.shares + entity as usize])
        } else {
            Value::Missing
        }
    }

    /// The reason code of some rank.
    fn reason_code(&mut self, rank: usize) -> Value {
        self.scratch
            .ranks
            .get(rank.saturating_sub(1))
            .map_or(Value::Missing, |(_, code)| Value::Text(*code))
    }
}
