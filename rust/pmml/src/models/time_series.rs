//! `TimeSeriesModel`: a series continued from where the document ends it.

use super::Model;
use crate::matrix::dot;
use crate::run::{Cause, Fault, NO_SLOT, Run, Scored, Slot};
use crate::value::Value;

/// Most multiplications that one record may take.
const MOST_WORK: usize = 1 << 26;

/// How the trend of an exponential smoothing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    /// `level + trend * steps`
    Additive,
    /// `level * trend ^ steps`
    Multiplicative,
}

/// `transformation`: what was done to the series before it was modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transformation {
    None,
    Logarithm,
    SquareRoot,
}

impl Transformation {
    pub(crate) fn apply(self, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::Logarithm => value.ln(),
            Self::SquareRoot => value.sqrt(),
        }
    }

    pub(crate) fn undo(self, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::Logarithm => value.exp(),
            Self::SquareRoot => value * value,
        }
    }
}

/// `ExponentialSmoothing` at the end of the series.
#[derive(Debug)]
pub(crate) struct Smoothing {
    pub(crate) level: f64,
    pub(crate) trend: Trend,
    pub(crate) slope: f64,
    /// Damping: each step counts as much as the one before times this.
    pub(crate) phi: f64,
    /// Curvature, for smoothing of third order.
    pub(crate) curve: f64,
    /// Seasonal values, from that of the first step on; empty when there are none.
    pub(crate) seasons: Box<[f64]>,
    pub(crate) multiplicative: bool,
    pub(crate) transformation: Transformation,
}

impl Smoothing {
    fn forecast(&self, step: u64) -> f64 {
        let steps = step as f64;
        let damped = if self.phi == 1.0 {
            steps
        } else {
            self.phi * (1.0 - self.phi.powf(steps)) / (1.0 - self.phi)
        };
        let base = match self.trend {
            Trend::Additive => self.level + damped * self.slope + 0.5 * self.curve * steps * steps,
            Trend::Multiplicative => self.level * self.slope.powf(damped),
        };
        let value = if self.seasons.is_empty() {
            base
        } else {
            let season = self.seasons[((step - 1) % self.seasons.len() as u64) as usize];
            if self.multiplicative {
                base * season
            } else {
                base + season
            }
        };
        self.transformation.undo(value)
    }
}

/// How a series goes on after the steps that were computed when the model was loaded.
#[derive(Debug)]
pub(crate) enum Beyond {
    /// Not at all.
    Nothing,
    /// State after the last of those steps, transition and measurement row after row, intercepts of state and observation.
    State {
        state: Box<[f64]>,
        transition: Box<[f64]>,
        measurement: Box<[f64]>,
        drift: Box<[f64]>,
        intercept: Box<[f64]>,
    },
    /// Each value is a sum of those before, the latest first, and a constant.
    Recursion {
        latest: Box<[f64]>,
        coefficients: Box<[f64]>,
        constant: f64,
        transformation: Transformation,
    },
}

/// Forecasts, step after step.
#[derive(Debug)]
pub(crate) struct Steps {
    /// For each step, of each target.
    pub(crate) values: Box<[f64]>,
    /// Standard deviations of the forecasts; empty when nothing asks for them.
    pub(crate) deviations: Box<[f64]>,
    pub(crate) beyond: Beyond,
}

/// An algorithm.
#[derive(Debug)]
pub(crate) enum Forecast {
    Smoothing(Box<Smoothing>),
    Steps(Box<Steps>),
}

/// Where a target's forecast goes: slots of output fields, `NO_SLOT` where nothing reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Predicted {
    pub(crate) value: Slot,
    pub(crate) deviation: Slot,
}

/// A value of the record that counts into a forecast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supplied {
    pub(crate) slot: Slot,
    pub(crate) coefficient: f64,
    pub(crate) transformation: Transformation,
}

/// A compiled `TimeSeriesModel`.
#[derive(Debug)]
pub(crate) struct TimeSeries {
    /// How many steps after the end of the series; the first one when it is missing.
    pub(crate) horizon: Slot,
    pub(crate) targets: Box<[Predicted]>,
    pub(crate) forecast: Forecast,
    pub(crate) supplied: Box<[Supplied]>,
}

impl TimeSeries {
    pub(crate) fn heap_bytes(&self) -> usize {
        let inner = match &self.forecast {
            Forecast::Smoothing(smoothing) => size_of::<Smoothing>() + 8 * smoothing.seasons.len(),
            Forecast::Steps(steps) => {
                let beyond = match &steps.beyond {
                    Beyond::Nothing => 0,
                    Beyond::State {
                        state,
                        transition,
                        measurement,
                        drift,
                        intercept,
                    } => state.len() + transition.len() + measurement.len() + drift.len() + intercept.len(),
                    Beyond::Recursion {
                        latest, coefficients, ..
                    } => latest.len() + coefficients.len(),
                };
                size_of::<Steps>() + 8 * (steps.values.len() + steps.deviations.len() + beyond)
            }
        };
        inner + self.targets.len() * size_of::<Predicted>() + self.supplied.len() * size_of::<Supplied>()
    }
}

impl Run<'_> {
    pub(crate) fn time_series(&mut self, index: usize, model: &Model, series: &TimeSeries) -> Scored<bool> {
        let refused = Fault {
            cause: Cause::Invalid,
            slot: series.horizon,
        };
        let step = match self.number(series.horizon)? {
            None => 1,
            Some(step) if (1.0..1e15).contains(&step) && step.fract() == 0.0 => step as u64,
            Some(_) => return Err(refused),
        };
        let mut more = 0.0;
        for supplied in &series.supplied {
            let Some(value) = self.number(supplied.slot)? else {
                return Ok(false);
            };
            more += supplied.coefficient * supplied.transformation.apply(value);
        }
        let base = self.scratch.work.len();
        match &series.forecast {
            Forecast::Smoothing(smoothing) => self.scratch.work.push(smoothing.forecast(step)),
            Forecast::Steps(steps) => {
                let width = series.targets.len();
                let known = steps.values.len() / width;
                if step <= known as u64 {
                    let at = (step as usize - 1) * width;
                    self.scratch.work.extend_from_slice(&steps.values[at..at + width]);
                } else if steps
                    .beyond
                    .go_on(step - known as u64, width, &mut self.scratch.work)
                    .is_none()
                {
                    return Err(refused);
                }
                for (target, predicted) in series.targets.iter().enumerate() {
                    if predicted.deviation != NO_SLOT {
                        let at = usize::try_from(step - 1).unwrap_or(usize::MAX).saturating_mul(width) + target;
                        let deviation = steps.deviations.get(at).copied().map_or(Value::Missing, Value::Double);
                        self.set(predicted.deviation, deviation);
                    }
                }
            }
        }
        let mut first = f64::NAN;
        for (target, predicted) in series.targets.iter().enumerate() {
            let value = self.scratch.work[base + target] + more;
            if target == 0 {
                first = value;
            }
            if predicted.value != NO_SLOT {
                self.set(predicted.value, Value::Double(value));
            }
        }
        self.scratch.work.truncate(base);
        if first.is_nan() {
            return Err(Fault::undefined());
        }
        Ok(self.answer_number(index, model, first))
    }
}

impl Beyond {
    /// Appends the forecast of a step after the known ones, of each target; `None`, and nothing appended, when it is too far.
    fn go_on(&self, steps: u64, width: usize, work: &mut Vec<f64>) -> Option<()> {
        let base = work.len();
        let far = |each: usize| steps > (MOST_WORK / each.max(1)) as u64;
        match self {
            Self::Nothing => return None,
            Self::State {
                state,
                transition,
                measurement,
                drift,
                intercept,
            } => {
                let size = state.len();
                if far(size * size) {
                    return None;
                }
                work.extend_from_slice(state);
                work.resize(base + 2 * size, 0.0);
                for _ in 0..steps {
                    let (now, next) = work[base..].split_at_mut(size);
                    for (to, (row, drift)) in next.iter_mut().zip(transition.chunks_exact(size).zip(drift)) {
                        *to = dot(row, now) + drift;
                    }
                    work.copy_within(base + size.., base);
                }
                work.truncate(base + size);
                for (row, intercept) in measurement.chunks_exact(size).zip(intercept) {
                    let value = dot(row, &work[base..base + size]) + intercept;
                    work.push(value);
                }
                work.copy_within(base + size.., base);
                work.truncate(base + width);
            }
            Self::Recursion {
                latest,
                coefficients,
                constant,
                transformation,
            } => {
                let size = latest.len();
                if far(size) {
                    return None;
                }
                // A ring: the latest value stands at `at`, those before it after it.
                work.extend_from_slice(latest);
                let ring = &mut work[base..];
                let (mut at, mut value) = (0, *constant);
                for _ in 0..steps {
                    let (later, earlier) = ring.split_at(at);
                    let (near, far) = coefficients.split_at(earlier.len());
                    value = constant + dot(near, earlier) + dot(far, later);
                    if size > 0 {
                        at = (at + size - 1) % size;
                        ring[at] = value;
                    }
                }
                work.truncate(base);
                work.push(transformation.undo(value));
            }
        }
        Some(())
    }
}
