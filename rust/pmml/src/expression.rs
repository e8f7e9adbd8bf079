//! Expressions of derived fields and outputs.

use std::collections::HashMap;

use crate::function::Builtin;
use crate::run::{Cause, Run, Scored, Slot};
use crate::series::{Aggregate, Lag, Summary};
use crate::text_index::TextIndex;
use crate::treatment::Interval;
use crate::value::{Type, Value};

/// How `NormContinuous` treats values outside of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    Extrapolate,
    Missing,
    Extreme,
}

/// An expression.
#[derive(Debug)]
pub(crate) enum Expression {
    Constant(Value),
    Field {
        slot: Slot,
        missing: Value,
    },
    /// Argument of the function being evaluated.
    Parameter(u32),
    Continuous {
        of: Box<Expression>,
        points: Box<[(f64, f64)]>,
        beyond: Beyond,
        missing: Value,
    },
    Discrete {
        of: Box<Expression>,
        value: Value,
        missing: Value,
    },
    Discretize {
        of: Box<Expression>,
        bins: Box<[(Interval, Value)]>,
        missing: Value,
        default: Value,
    },
    Map {
        of: Box<[Expression]>,
        table: HashMap<Vec<(u8, u64)>, Value>,
        missing: Value,
        default: Value,
    },
    Apply {
        function: Builtin,
        arguments: Box<[Expression]>,
        missing: Value,
        default: Value,
        invalid: OnInvalid,
    },
    Call {
        function: u32,
        arguments: Box<[Expression]>,
        missing: Value,
        default: Value,
    },
    Cast {
        of: Box<Expression>,
        kind: Type,
    },
    Text(Box<TextIndex>),
    Aggregate(Aggregate),
    Lag(Box<Lag>),
}

/// `invalidValueTreatment` of `Apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnInvalid {
    Fail,
    Missing,
    AsIs,
}

/// A function that the document defines.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) body: Expression,
    pub(crate) parameters: usize,
    pub(crate) kinds: Box<[Option<Type>]>,
    pub(crate) kind: Option<Type>,
}

impl Expression {
    /// Whether the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::Aggregate(aggregate) if aggregate.summary == Summary::Multiset)
    }
}

impl Run<'_> {
    /// Evaluates an expression. Nesting was bounded when the model was loaded.
    pub(crate) fn evaluate(&mut self, expression: &Expression) -> Scored<Value> {
        match expression {
            Expression::Constant(value) => Ok(*value),
            Expression::Field { slot, missing } => {
                let value = self.value(*slot)?;
                Ok(if value.is_missing() { *missing } else { value })
            }
            Expression::Parameter(index) => {
                let index = self.scratch.frame + *index as usize;
                Ok(self.scratch.arguments.get(index).copied().unwrap_or(Value::Missing))
            }
            Expression::Continuous {
                of,
                points,
                beyond,
                missing,
            } => {
                let value = self.evaluate(of)?;
                let Some(number) = self.numeric(value)? else {
                    return Ok(*missing);
                };
                Ok(interpolate(points, number, *beyond).map_or(Value::Missing, Value::Double))
            }
            Expression::Discrete { of, value, missing } => {
                let found = self.evaluate(of)?;
                if found.is_missing() {
                    return Ok(*missing);
                }
                Ok(Value::Double(f64::from(u8::from(found.same(*value)))))
            }
            Expression::Discretize {
                of,
                bins,
                missing,
                default,
            } => {
                let value = self.evaluate(of)?;
                let Some(number) = self.numeric(value)? else {
                    return Ok(*missing);
                };
                self.scratch.steps.take(bins.len())?;
                // Where bins overlap the last one counts.
                Ok(bins
                    .iter()
                    .rev()
                    .find(|(interval, _)| interval.contains(number))
                    .map_or(*default, |(_, value)| *value))
            }
            Expression::Map {
                of,
                table,
                missing,
                default,
            } => {
                let start = self.scratch.keys.len();
                for part in of {
                    let value = self.evaluate(part)?;
                    if value.is_missing() {
                        self.scratch.keys.truncate(start);
                        return Ok(*missing);
                    }
                    self.scratch.keys.push(value.key());
                }
                let found = table.get(&self.scratch.keys[start..]).copied();
                self.scratch.keys.truncate(start);
                Ok(found.unwrap_or(*default))
            }
            Expression::Apply {
                function,
                arguments,
                missing,
                default,
                invalid,
            } => {
                let value = match (self.apply(function, arguments, *missing), *invalid) {
                    (Err(fault), OnInvalid::Missing) if fault.cause == Cause::Result => Value::Missing,
                    (Err(fault), OnInvalid::AsIs) if fault.cause == Cause::Result => Value::Double(f64::NAN),
                    (value, _) => value?,
                };
                Ok(if value.is_missing() { *default } else { value })
            }
            Expression::Call {
                function,
                arguments,
                missing,
                default,
            } => {
                let program = self.program;
                self.scratch.steps.take(1 + arguments.len())?;
                let defined = &program.functions[*function as usize];
                let start = self.scratch.arguments.len();
                for (argument, kind) in arguments.iter().zip(&defined.kinds) {
                    let mut value = self.evaluate(argument)?;
                    if value.is_missing() && !missing.is_missing() {
                        self.scratch.arguments.truncate(start);
                        return Ok(*missing);
                    }
                    if let Some(kind) = kind {
                        value = self.cast(*kind, value, crate::run::NO_SLOT)?;
                    }
                    self.scratch.arguments.push(value);
                }
                let frame = std::mem::replace(&mut self.scratch.frame, start);
                let value = self.evaluate(&defined.body);
                self.scratch.frame = frame;
                self.scratch.arguments.truncate(start);
                let mut value = value?;
                if let Some(kind) = defined.kind {
                    value = self.cast(kind, value, crate::run::NO_SLOT)?;
                }
                Ok(if value.is_missing() { *default } else { value })
            }
            Expression::Cast { of, kind } => {
                let value = self.evaluate(of)?;
                self.cast(*kind, value, crate::run::NO_SLOT)
            }
            Expression::Text(index) => self.text_index(index),
            Expression::Aggregate(aggregate) => self.aggregated(*aggregate),
            Expression::Lag(lag) => self.lag(lag),
        }
    }

    /// A value as a number; text is read as one.
    pub(crate) fn numeric(&mut self, value: Value) -> Scored<Option<f64>> {
        match value {
            Value::Missing => Ok(None),
            Value::Text(_) => Ok(self.cast(Type::Double, value, crate::run::NO_SLOT)?.number()),
            other => Ok(other.number()),
        }
    }
}

/// The broken line through sorted points.
fn interpolate(points: &[(f64, f64)], value: f64, beyond: Beyond) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    // What is not a number lies beyond the end.
    if value < first.0 || value > last.0 || value.is_nan() {
        match beyond {
            Beyond::Missing => return None,
            Beyond::Extreme => return Some(if value < first.0 { first.1 } else { last.1 }),
            Beyond::Extrapolate => {}
        }
    }
    let at = points.partition_point(|point| point.0 < value);
    if points.get(at + 1).is_some_and(|next| next.0 == value) {
        // A step, as quantiles of values that are often the same have: half of it, at the ends of the line all or nothing.
        let end = points.partition_point(|point| point.0 <= value);
        let (low, high) = (points.get(at)?.1, points.get(end - 1)?.1);
        return Some(match at {
            0 => low,
            _ if end == points.len() => high,
            _ => f64::midpoint(low, high),
        });
    }
    // The first point at or after the value, such that a segment lies before it.
    let right = at.clamp(1, points.len().max(2) - 1);
    let (a, b) = (points.get(right - 1)?, points.get(right)?);
    if a.0 == b.0 {
        return Some(a.1);
    }
    Some(a.1 + (value - a.0) / (b.0 - a.0) * (b.1 - a.1))
}
