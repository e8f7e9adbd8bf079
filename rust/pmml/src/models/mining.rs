//! `MiningModel`: segments and how their answers become one.

use super::forest::Forest;
use super::{Function, Kind, Model, NONE};
use crate::predicate::Predicate;
use crate::run::{Cause, Fault, Run, Scored, Slot};
use crate::value::Value;

/// `multipleModelMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    MajorityVote,
    WeightedMajorityVote,
    Average,
    WeightedAverage,
    Median,
    WeightedMedian,
    Max,
    Sum,
    WeightedSum,
    SelectFirst,
    /// The answers of all segments that apply, as a list.
    SelectAll,
    ModelChain,
    /// Every segment that applies answers its own target.
    MultiModelChain,
}

impl Method {
    /// The prediction of a regression from the sum over its segments and that of their weights.
    pub(crate) fn number(self, sum: f64, total: f64) -> f64 {
        match self {
            Self::Sum | Self::WeightedSum => sum,
            _ => sum / total,
        }
    }

    /// Whether weights of segments count into the answer.
    pub(crate) fn weighs(self) -> bool {
        matches!(
            self,
            Self::WeightedMajorityVote | Self::WeightedAverage | Self::WeightedMedian | Self::WeightedSum
        )
    }
}

/// `missingPredictionTreatment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnMissingPrediction {
    Continue,
    Skip,
    Return,
}

/// A segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) predicate: Predicate,
    pub(crate) model: u32,
    /// Identifier, as a code.
    pub(crate) id: u32,
    pub(crate) weight: f64,
    /// Field that holds the weight instead, `VariableWeight`.
    pub(crate) variable_weight: Option<Slot>,
    /// Class of this model for each class of the segment's model.
    pub(crate) classes: Box<[u32]>,
}

/// A compiled `MiningModel`.
#[derive(Debug)]
pub(crate) struct Mining {
    pub(crate) method: Method,
    pub(crate) on_missing: OnMissingPrediction,
    /// Largest share of weight that may be missing.
    pub(crate) threshold: f64,
    /// None when there is a forest.
    pub(crate) segments: Box<[Segment]>,
    pub(crate) forest: Option<Forest>,
}

impl Mining {
    /// The segments whose answer may be that of the model as a whole, together with their outputs.
    pub(crate) fn answering(&self) -> &[Segment] {
        match self.method {
            Method::SelectFirst | Method::MultiModelChain => &self.segments,
            Method::ModelChain => {
                let certain = |segment: &Segment| matches!(segment.predicate, Predicate::True);
                let first = self.segments.iter().rposition(certain).unwrap_or(0);
                &self.segments[first..]
            }
            _ => &[],
        }
    }
}

impl Run<'_> {
    pub(crate) fn mining(&mut self, index: usize, model: &Model, mining: &Mining) -> Scored<bool> {
        if let Some(forest) = &mining.forest {
            return self.forest(index, model, mining, forest);
        }
        match mining.method {
            Method::SelectFirst => {
                for segment in &mining.segments {
                    if self.holds(&segment.predicate)? == Some(true) {
                        let found = self.model(segment.model as usize)?;
                        match mining.on_missing {
                            _ if found => {}
                            OnMissingPrediction::Skip => {
                                // Without any answer it was the first.
                                let entity = &mut self.scratch.outcomes[index].entity;
                                if entity.is_missing() {
                                    *entity = Value::Text(segment.id);
                                }
                                continue;
                            }
                            OnMissingPrediction::Return => return unanswered(model),
                            OnMissingPrediction::Continue => {}
                        }
                        let found = found && self.adopt(index, model, segment);
                        self.scratch.outcomes[index].entity = Value::Text(segment.id);
                        return Ok(found);
                    }
                }
                Ok(false)
            }
            Method::SelectAll => self.select_all(index, mining),
            Method::ModelChain | Method::MultiModelChain => {
                let mut last = None;
                for segment in &mining.segments {
                    if self.holds(&segment.predicate)? == Some(true) {
                        let found = self.model(segment.model as usize)?;
                        if !found && mining.on_missing == OnMissingPrediction::Return {
                            return unanswered(model);
                        }
                        let inner = &self.program.models[segment.model as usize];
                        let needed = mining.on_missing == OnMissingPrediction::Continue && !inner.embedded;
                        if !found && needed && !inner.outputs.is_empty() {
                            // The outputs of a segment without answer are part of the result and can't be given.
                            return Err(Fault {
                                cause: Cause::Missing,
                                slot: inner.outputs[0].slot,
                            });
                        }
                        if found || mining.on_missing != OnMissingPrediction::Skip {
                            last = Some((segment, found));
                        }
                    }
                }
                Ok(match last {
                    Some((segment, true)) => self.adopt(index, model, segment),
                    _ => false,
                })
            }
            _ => self.combine(index, model, mining),
        }
    }

    /// Takes over the answer of a segment.
    fn adopt(&mut self, index: usize, model: &Model, segment: &Segment) -> bool {
        let mut outcome = self.scratch.outcomes[segment.model as usize];
        let inner = &self.program.models[segment.model as usize];
        if outcome.class != NONE {
            if outcome.shared {
                self.shares(model).fill(0.0);
                for (from, to) in segment.classes.iter().enumerate() {
                    self.scratch.shares[model.shares + *to as usize] = self.scratch.shares[inner.shares + from];
                }
            }
            outcome.class = segment.classes.get(outcome.class as usize).copied().unwrap_or(NONE);
        }
        outcome.raw = outcome.value;
        self.scratch.outcomes[index] = outcome;
        true
    }

    /// The share of the class that was chosen.
    pub(crate) fn largest(&self, index: usize, model: &Model) -> f64 {
        let class = self.scratch.outcomes[index].class as usize;
        self.scratch
            .shares
            .get(model.shares + class)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Whether another class has as large a share as the one that was chosen. Among these the first vote decides.
    pub(crate) fn tied(&self, index: usize, model: &Model) -> bool {
        let most = self.largest(index, model);
        let shares = &self.scratch.shares[model.shares..model.shares + model.classes.len()];
        shares.iter().filter(|share| **share == most).count() > 1
    }

    /// The weight of a segment, which may depend on its answer.
    fn weight(&mut self, segment: &Segment, found: bool) -> Scored<f64> {
        match segment.variable_weight {
            Some(slot) if found => self.number(slot)?.ok_or(Fault {
                cause: Cause::Missing,
                slot,
            }),
            _ => Ok(segment.weight),
        }
    }

    /// Votes, averages, sums and the like.
    fn combine(&mut self, index: usize, model: &Model, mining: &Mining) -> Scored<bool> {
        let classifies = model.function == Function::Classification || model.function == Function::Other;
        let weighted = mining.method.weighs();
        let votes = matches!(mining.method, Method::MajorityVote | Method::WeightedMajorityVote);
        let base = self.scratch.work.len();
        let classes = model.classes.len();
        // For classes: their sums; for numbers: pairs of value and weight.
        self.scratch.work.resize(base + classes, 0.0);
        let start = self.scratch.work.len();
        let (mut total, mut missing, mut all, mut abstained) = (0.0, 0.0, 0.0, 0.0_f64);
        for segment in &mining.segments {
            if self.holds(&segment.predicate)? != Some(true) {
                continue;
            }
            let answered = self.model(segment.model as usize);
            let weighed = answered.and_then(|found| {
                let weight = if weighted { self.weight(segment, found)? } else { 1.0 };
                Ok((found, weight))
            });
            let (found, weight) = match weighed {
                Ok(answer) => answer,
                Err(fault) => {
                    self.scratch.work.truncate(base);
                    return Err(fault);
                }
            };
            // How many may be missing is a matter of weights, whatever the method.
            let counted = if weighted { weight } else { segment.weight };
            all += counted;
            if !found {
                missing += counted;
                match mining.on_missing {
                    OnMissingPrediction::Skip => continue,
                    OnMissingPrediction::Continue if votes => {
                        abstained += weight;
                        continue;
                    }
                    OnMissingPrediction::Return | OnMissingPrediction::Continue => {
                        self.scratch.work.truncate(base);
                        return Ok(false);
                    }
                }
            }
            total += weight;
            let outcome = self.scratch.outcomes[segment.model as usize];
            if !classifies {
                let Some(number) = outcome.value.number() else {
                    self.scratch.work.truncate(base);
                    return Ok(false);
                };
                self.scratch.work.push(number);
                self.scratch.work.push(weight);
                continue;
            }
            let inner = &self.program.models[segment.model as usize];
            if votes {
                if let Some(class) = segment.classes.get(outcome.class as usize) {
                    self.scratch.work[base + *class as usize] += weight;
                }
                continue;
            }
            for (from, to) in segment.classes.iter().enumerate() {
                let share = if outcome.shared {
                    self.scratch.shares[inner.shares + from]
                } else {
                    f64::from(u8::from(outcome.class as usize == from))
                };
                self.scratch.work[base + *to as usize] += weight * share;
            }
        }
        // Segments without answer vote for 'missing'.
        let most = self.scratch.work[base..start].iter().copied().fold(0.0, f64::max);
        let found = if total == 0.0 || (votes && abstained > most) || (all > 0.0 && missing / all > mining.threshold) {
            false
        } else if classifies && matches!(mining.method, Method::Max | Method::Median) {
            self.scratch.work.truncate(base);
            return self.most_certain(index, model, mining);
        } else if classifies {
            for class in 0..classes {
                let sum = self.scratch.work[base + class];
                self.scratch.shares[model.shares + class] = match mining.method {
                    Method::Sum | Method::WeightedSum => sum,
                    _ => sum / total,
                };
            }
            let found = self.answer_largest(index, model);
            if votes && self.tied(index, model) {
                let most = self.largest(index, model);
                let winner = mining.segments.iter().find_map(|segment| {
                    let outcome = &self.scratch.outcomes[segment.model as usize];
                    let class = *segment.classes.get(outcome.class as usize)?;
                    let share = self.scratch.shares[model.shares + class as usize];
                    (outcome.present && share == most).then_some(class)
                });
                if let Some(class) = winner {
                    self.answer_class(index, model, class);
                }
            }
            found
        } else {
            let value = aggregate(&mut self.scratch.work[start..], mining.method, total, model.float);
            self.answer_number(index, model, value)
        };
        self.scratch.work.truncate(base);
        if found && let Kind::Mining(_) = model.kind {
            self.scratch.outcomes[index].entity = Value::Missing;
        }
        Ok(found)
    }
}

/// What becomes of a record to which a segment has no answer that must have one. As the reference tool has it, outputs
/// of an answer without name can't be missing: they refuse the record.
fn unanswered(model: &Model) -> Scored<bool> {
    match (&model.target_name, model.outputs.first()) {
        (None, Some(output)) => Err(Fault {
            cause: Cause::Missing,
            slot: output.slot,
        }),
        _ => Ok(false),
    }
}

/// One number from pairs of value and weight.
fn aggregate(pairs: &mut [f64], method: Method, total: f64, float: bool) -> f64 {
    let count = pairs.len() / 2;
    let single = |number: f64| if float { f64::from(number as f32) } else { number };
    match method {
        Method::Sum | Method::Average => {
            let sum = pairs.chunks_exact(2).fold(0.0, |sum, pair| single(sum + pair[0]));
            if method == Method::Sum {
                sum
            } else {
                single(sum / count as f64)
            }
        }
        Method::WeightedSum | Method::WeightedAverage => {
            let sum = pairs
                .chunks_exact(2)
                .fold(0.0, |sum, pair| single(sum + single(pair[0] * single(pair[1]))));
            if method == Method::WeightedSum {
                sum
            } else {
                single(sum / total)
            }
        }
        Method::Max => pairs
            .chunks_exact(2)
            .map(|pair| pair[0])
            .fold(f64::NEG_INFINITY, f64::max),
        _ => {
            let mut sorted: Vec<(f64, f64)> = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            if method == Method::Median {
                let middle = count / 2;
                return if count % 2 == 1 {
                    sorted[middle].0
                } else {
                    single(single(sorted[middle - 1].0 + sorted[middle].0) / 2.0)
                };
            }
            let mut sum = 0.0;
            for (value, weight) in &sorted {
                sum += weight;
                if sum >= 0.5 * total {
                    return *value;
                }
            }
            sorted.last().map_or(f64::NAN, |(value, _)| *value)
        }
    }
}
