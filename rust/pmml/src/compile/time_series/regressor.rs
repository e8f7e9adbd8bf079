//! `DynamicRegressor`: other series that count into the forecast.
//!
//! The specification leaves the signs of transfer functions of higher order open, so those are refused; what remains is a
//! coefficient, a delay, and where the values come from.

use super::super::model::Draft;
use super::super::{Compiled, Compiler};
use super::series::{Series, series};
use super::state_space::array_in;
use super::{count, transformation};
use crate::document::Node;
use crate::models::time_series::{Supplied, Transformation};

/// A regressor whose values the document holds.
#[derive(Debug)]
struct Regressor {
    coefficient: f64,
    delay: i64,
    values: Series,
    transformation: Transformation,
    /// The last value goes on for ever.
    constant: bool,
    /// Values after the series come with the record.
    supplied: bool,
}

impl Regressor {
    fn effect(&self, index: i64) -> Option<f64> {
        let index = index - self.delay;
        let value = match self.values.at(index) {
            None if self.constant && index > self.values.end() => self.values.values.last().copied(),
            value => value,
        };
        value.map(|value| self.coefficient * self.transformation.apply(value))
    }
}

/// The regressors of a model.
#[derive(Debug, Default)]
pub(super) struct Regressors {
    known: Vec<Regressor>,
    pub(super) supplied: Vec<Supplied>,
    /// Index of the last value of the target.
    end: i64,
}

impl Regressors {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.supplied.is_empty()
    }

    /// What all regressors add at an index of the series.
    pub(super) fn past(&self, index: i64) -> Option<f64> {
        self.known.iter().map(|regressor| regressor.effect(index)).sum()
    }

    /// What the regressors that the record does not supply add to the steps after the series, as far as it is known.
    pub(super) fn future(&self, count: usize) -> Vec<f64> {
        (1..=count as i64)
            .map_while(|step| {
                self.known
                    .iter()
                    .filter(|regressor| !regressor.supplied)
                    .map(|regressor| regressor.effect(self.end + step))
                    .sum()
            })
            .collect()
    }
}

/// Longest delay.
const LONGEST: usize = 1 << 20;

impl<'d> Compiler<'d> {
    /// The regressors of a model whose target ends at an index and is differenced so often, plainly and by season. `None`
    /// when one of them is not supported.
    pub(super) fn regressors(
        &mut self,
        draft: &Draft<'d>,
        node: Node<'d>,
        end: i64,
        differences: (usize, usize),
    ) -> Compiled<Option<Regressors>> {
        let mut regressors = Regressors {
            end,
            ..Regressors::default()
        };
        let mut complete = true;
        for regressor in node.all("DynamicRegressor") {
            complete &= self.regressor(draft, regressor, differences, &mut regressors)?;
        }
        Ok(complete.then_some(regressors))
    }

    fn regressor(
        &mut self,
        draft: &Draft<'d>,
        node: Node<'d>,
        differences: (usize, usize),
        regressors: &mut Regressors,
    ) -> Compiled<bool> {
        let field = node.need("field")?;
        let method = node.get("futureValuesMethod").unwrap_or("constant");
        if matches!(method, "trend" | "otherModel") {
            self.unsupported(node, format!("futureValuesMethod {method}"));
            return Ok(false);
        }
        let delay = count(node, "delay", 0, LONGEST)?;
        let mut coefficient = 1.0;
        let mut own = [0, 0];
        for part in ["Numerator", "Denominator"] {
            let Some(polynomial) = node.child(part) else {
                continue;
            };
            for (at, name) in ["NonseasonalFactor", "SeasonalFactor"].into_iter().enumerate() {
                let Some(factor) = polynomial.child(name) else {
                    continue;
                };
                let values = array_in(factor)?;
                if values.len() > usize::from(part == "Numerator") {
                    self.unsupported(factor, format!("a {part} of higher order"));
                    return Ok(false);
                }
                coefficient *= values.first().copied().unwrap_or(1.0);
                own[at] += count(factor, "difference", 0, 64)?;
            }
        }
        if (own[0], own[1]) != differences {
            self.unsupported(node, "a regressor that is differenced otherwise than the target");
            return Ok(false);
        }
        let transformation = transformation(node)?;
        let stored = node
            .child("RegressorValues")
            .and_then(|values| values.child("TimeSeries"))
            .or_else(|| {
                let mut others = draft.node.all("TimeSeries");
                others.find(|series| series.get("field") == Some(field) && draft.target != Some(field))
            });
        let supplied = match method {
            "constant" | "stored" => false,
            "userSupplied" if delay == 0 => true,
            "userSupplied" => {
                self.unsupported(node, "delayed values that the record supplies");
                return Ok(false);
            }
            other => return Err(node.invalid(format!("unknown futureValuesMethod '{other}'"))),
        };
        if supplied {
            regressors.supplied.push(Supplied {
                slot: self.resolve(draft.scope, field, node)?,
                coefficient,
                transformation,
            });
        }
        match stored {
            Some(stored) => regressors.known.push(Regressor {
                coefficient,
                delay: delay as i64,
                values: series(stored)?,
                transformation,
                constant: method == "constant",
                supplied,
            }),
            None if supplied => {}
            None => return Err(node.invalid(format!("there is no TimeSeries of '{field}'"))),
        }
        Ok(true)
    }
}
