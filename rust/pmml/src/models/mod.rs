//! The model elements: what each is compiled to and how it answers.

pub(crate) mod anomaly;
pub(crate) mod association;
pub(crate) mod baseline;
pub(crate) mod bayesian_network;
pub(crate) mod features;
pub(crate) mod forest;
pub(crate) mod gaussian_process;
pub(crate) mod general_regression;
pub(crate) mod mining;
mod most_certain;
pub(crate) mod naive_bayes;
pub(crate) mod neural_network;
pub(crate) mod output;
pub(crate) mod regression;
pub(crate) mod rule_set;
pub(crate) mod rules;
pub(crate) mod scorecard;
pub(crate) mod select_all;
pub(crate) mod sequence;
pub(crate) mod similarity;
pub(crate) mod support_vector;
pub(crate) mod target;
pub(crate) mod text;
pub(crate) mod time_series;
pub(crate) mod tree;

use crate::expression::Expression;
use crate::run::{Direct, Run, Scored, SlotDefinition};
use crate::value::{Type, Value};

/// No class, no entity.
pub(crate) const NONE: u32 = u32::MAX;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Classification,
    Regression,
    Other,
}

/// A class of a classification, or a category of any other answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    pub(crate) code: u32,
    pub(crate) value: Value,
}

/// The model elements.
#[derive(Debug)]
pub(crate) enum Kind {
    Tree(Box<tree::Tree>),
    Regression(regression::Regression),
    GeneralRegression(general_regression::GeneralRegression),
    NeuralNetwork(Box<neural_network::NeuralNetwork>),
    Mining(Box<mining::Mining>),
    Clustering(similarity::Clustering),
    Neighbors(Box<similarity::Neighbors>),
    NaiveBayes(naive_bayes::NaiveBayes),
    SupportVector(support_vector::SupportVector),
    Scorecard(scorecard::Scorecard),
    RuleSet(rule_set::RuleSet),
    Anomaly(anomaly::Anomaly),
    Association(Box<association::Association>),
    Sequences(Box<sequence::Sequences>),
    Text(Box<text::Text>),
    TimeSeries(Box<time_series::TimeSeries>),
    Baseline(Box<baseline::Baseline>),
    BayesianNetwork(Box<bayesian_network::BayesianNetwork>),
    GaussianProcess(Box<gaussian_process::GaussianProcess>),
    /// Another target of a model, which answers for it.
    Further,
}

/// A compiled model element with what surrounds it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) function: Function,
    /// The answer is a list.
    pub(crate) list: bool,
    /// Arithmetic in `f32`, as `x-mathContext="float"` says.
    pub(crate) float: bool,
    pub(crate) classes: Box<[Class]>,
    /// Where the shares of the classes are.
    pub(crate) shares: usize,
    pub(crate) target_name: Option<String>,
    pub(crate) target_kind: Type,
    pub(crate) target: Option<Box<target::Target>>,
    pub(crate) outputs: Box<[output::OutputField]>,
    pub(crate) lookup: crate::compile::Lookup,
    /// Part of a model composition or of a tree node: what it can't answer is missing.
    pub(crate) embedded: bool,
}

/// The answer of a model to the current record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) present: bool,
    /// The predicted value.
    pub(crate) value: Value,
    /// The predicted class.
    pub(crate) class: u32,
    /// Whether the shares of the classes are set.
    pub(crate) shared: bool,
    /// Which node, cluster or rule answered.
    pub(crate) entity: Value,
    /// Index of the entity in the model.
    pub(crate) entity_index: u32,
    /// The answer before the treatment by `Targets`.
    pub(crate) raw: Value,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            present: false,
            value: Value::Missing,
            class: NONE,
            shared: false,
            entity: Value::Missing,
            entity_index: NONE,
            raw: Value::Missing,
        }
    }
}

impl Run<'_> {
    /// Evaluates a model with its targets and outputs. `false` when it has no answer.
    pub(crate) fn model(&mut self, index: usize) -> Scored<bool> {
        let program = self.program;
        let model = &program.models[index];
        self.scratch.outcomes[index] = Outcome::default();
        self.scratch.touched.push(index as u32);
        let found = match &model.kind {
            Kind::Tree(tree) => self.tree(index, model, tree)?,
            Kind::Regression(regression) => self.regression(index, model, regression)?,
            Kind::GeneralRegression(regression) => self.general_regression(index, model, regression)?,
            Kind::NeuralNetwork(network) => self.neural_network(index, model, network)?,
            Kind::Mining(mining) => self.mining(index, model, mining)?,
            Kind::Clustering(clustering) => self.clustering(index, model, clustering)?,
            Kind::Neighbors(neighbors) => self.neighbors(index, model, neighbors)?,
            Kind::NaiveBayes(bayes) => self.naive_bayes(index, model, bayes)?,
            Kind::SupportVector(machine) => self.support_vector(index, model, machine)?,
            Kind::Scorecard(scorecard) => self.scorecard(index, model, scorecard)?,
            Kind::RuleSet(set) => self.rule_set(index, model, set)?,
            Kind::Anomaly(anomaly) => self.anomaly(index, model, anomaly)?,
            Kind::Association(association) => self.association(index, association)?,
            Kind::Sequences(sequences) => self.sequences(index, sequences)?,
            Kind::Baseline(baseline) => self.baseline(index, model, baseline)?,
            Kind::BayesianNetwork(network) => self.bayesian_network(index, model, network)?,
            Kind::Text(text) => self.text_model(index, model, text)?,
            Kind::TimeSeries(series) => self.time_series(index, model, series)?,
            Kind::GaussianProcess(process) => self.gaussian_process(index, model, process)?,
            Kind::Further => return Ok(false),
        };
        self.scratch.outcomes[index].present = found;
        if let Some(target) = &model.target {
            self.target(index, model, target);
        }
        if index == program.root && model.function == Function::Regression {
            // What outputs are computed from is a value of the target's type, whatever the model computes in.
            let value = &mut self.scratch.outcomes[index].value;
            *value = match (*value, model.target_kind) {
                (Value::Double(number), Type::Float) => Value::Float(number as f32),
                (Value::Float(number), Type::Double) => Value::Double(number.into()),
                (value, _) => value,
            };
        }
        if !model.outputs.is_empty() {
            self.outputs(index, model)?;
        }
        Ok(self.scratch.outcomes[index].present)
    }

    /// Answers for another target of a model.
    pub(crate) fn further(&mut self, index: usize, answer: impl FnOnce(&mut Self, &Model) -> bool) {
        let program = self.program;
        let model = &program.models[index];
        self.scratch.outcomes[index] = Outcome::default();
        self.scratch.touched.push(index as u32);
        let found = answer(self, model);
        self.scratch.outcomes[index].present = found;
        if let Some(target) = &model.target {
            self.target(index, model, target);
        }
    }

    /// The shares of a model's classes.
    #[inline]
    pub(crate) fn shares(&mut self, model: &Model) -> &mut [f64] {
        &mut self.scratch.shares[model.shares..model.shares + model.classes.len()]
    }

    /// Answers with a number.
    #[inline]
    pub(crate) fn answer_number(&mut self, index: usize, model: &Model, number: f64) -> bool {
        let value = if model.float {
            Value::Float(number as f32)
        } else {
            Value::Double(number)
        };
        let outcome = &mut self.scratch.outcomes[index];
        outcome.value = value;
        outcome.raw = value;
        true
    }

    /// Answers with a class.
    #[inline]
    pub(crate) fn answer_class(&mut self, index: usize, model: &Model, class: u32) -> bool {
        let Some(found) = model.classes.get(class as usize) else {
            return false;
        };
        let outcome = &mut self.scratch.outcomes[index];
        outcome.class = class;
        outcome.value = found.value;
        outcome.raw = found.value;
        true
    }

    /// Answers with the class that has the largest share; of equals the first. What is not a number exceeds all numbers.
    #[inline]
    pub(crate) fn answer_largest(&mut self, index: usize, model: &Model) -> bool {
        let best = largest_share(self.shares(model));
        self.scratch.outcomes[index].shared = true;
        self.answer_class(index, model, best)
    }
}

/// The class with the largest share, of equals the first, [`NONE`] without classes. What is not a number exceeds all numbers.
#[inline]
pub(crate) fn largest_share(shares: &[f64]) -> u32 {
    let (mut best, mut most, mut numbers) = (NONE, f64::NEG_INFINITY, true);
    // Which is larger is as random as records are: without branches.
    for (class, share) in shares.iter().enumerate() {
        let larger = *share > most;
        most = if larger { *share } else { most };
        best = if larger { class as u32 } else { best };
        numbers &= !share.is_nan();
    }
    if numbers {
        return best;
    }
    shares
        .iter()
        .position(|share| share.is_nan())
        .map_or(NONE, |class| class as u32)
}

impl Model {
    /// The models of its other targets, when it has some.
    pub(crate) fn further(&self) -> Option<Vec<usize>> {
        let further: Vec<usize> = match &self.kind {
            Kind::Neighbors(neighbors) => neighbors.further.iter().map(|(index, _)| *index).collect(),
            Kind::NeuralNetwork(network) => network.further.iter().map(|(index, _)| *index).collect(),
            _ => Vec::new(),
        };
        Some(further).filter(|further| !further.is_empty())
    }
}

impl Kind {
    /// Finds the cells that can be read straight from the record, once cells are numbered.
    pub(crate) fn connect(&mut self, slots: &[SlotDefinition]) {
        match self {
            Self::Tree(tree) => {
                if let Some(lowered) = &mut tree.lowered {
                    lowered.features.connect(slots);
                }
            }
            Self::Mining(mining) => {
                if let Some(forest) = &mut mining.forest {
                    forest.features.connect(slots);
                }
            }
            Self::Regression(regression) => {
                if let Some(plain) = &mut regression.plain {
                    plain.direct = Direct::of(&plain.slots, slots, Type::Double);
                }
            }
            Self::GeneralRegression(regression) => {
                if let Some(plain) = &mut regression.plain {
                    plain.direct = Direct::of(&plain.slots, slots, Type::Double);
                }
            }
            Self::NeuralNetwork(network) => {
                let fields: Option<Vec<u32>> = network
                    .inputs
                    .iter()
                    .map(|input| match input {
                        Expression::Field {
                            slot,
                            missing: Value::Missing,
                        } => Some(*slot),
                        _ => None,
                    })
                    .collect();
                if let Some(fields) = fields {
                    network.direct = Direct::of(&fields, slots, Type::Double);
                }
            }
            _ => {}
        }
    }
}
