//! `ARIMA`: phi(B) PHI(B^s) (delta(B) y - constant) = theta(B) THETA(B^s) e.
//!
//! The constant is the mean of the differenced series and coefficients of moving averages are added, as R and statsmodels
//! write both.

use std::rc::Rc;

use super::super::model::Draft;
use super::super::{Compiled, Compiler};
use super::arma::{Arma, MOST_WORK};
use super::kalman;
use super::polynomial::{apply, differences, lags, product, quotient};
use super::state_space::{StateSpace, array_in, matrix_in};
use super::{STEPS, count, series, transformation};
use crate::document::Node;
use crate::models::time_series::{Beyond, Forecast, Steps, Supplied, Transformation};

/// Most lags of a polynomial.
const MOST_LAGS: usize = 1 << 13;

/// A moving average and what went before.
#[derive(Debug, Default)]
pub(super) struct Component {
    pub(super) ar: Vec<f64>,
    difference: usize,
    pub(super) ma: Vec<f64>,
    /// The last residuals, the latest last.
    pub(super) residuals: Vec<f64>,
}

/// Reads `AR` and `MA` below a component.
pub(super) fn component(node: Option<Node<'_>>, names: [&str; 3]) -> Compiled<Component> {
    let Some(node) = node else {
        return Ok(Component::default());
    };
    let [p, d, q] = names;
    let mut found = Component {
        difference: count(node, d, 0, 64)?,
        ..Component::default()
    };
    if let Some(ar) = node.child("AR") {
        found.ar = array_in(ar)?;
    }
    if let Some(ma) = node.child("MA") {
        if let Some(coefficients) = ma.child("MACoefficients") {
            found.ma = array_in(coefficients)?;
        }
        if let Some(residuals) = ma.child("Residuals") {
            found.residuals = array_in(residuals)?;
        }
    }
    for (name, coefficients) in [(p, &found.ar), (q, &found.ma)] {
        let order = count(node, name, coefficients.len(), MOST_LAGS)?;
        if order != coefficients.len() {
            return Err(node.invalid(format!(
                "order {name} is {order}, there are {} coefficients",
                coefficients.len()
            )));
        }
    }
    Ok(found)
}

impl<'d> Compiler<'d> {
    pub(super) fn arima(
        &mut self,
        draft: &Draft<'d>,
        node: Node<'d>,
        uncertain: bool,
    ) -> Compiled<Option<(Forecast, Vec<Supplied>)>> {
        let constant = node.number_or("constantTerm", 0.0)?;
        let exact = match node.get("predictionMethod").unwrap_or("conditionalLeastSquares") {
            "conditionalLeastSquares" => false,
            "exactLeastSquares" => true,
            other => return Err(node.invalid(format!("unknown predictionMethod '{other}'"))),
        };
        let transformation = transformation(node)?;
        if uncertain && transformation != Transformation::None {
            self.unsupported(node, "standard errors of a transformed series");
        }
        if exact
            && transformation == Transformation::None
            && let Some(state) = final_state(node, constant)?
        {
            if uncertain {
                self.unsupported(node, "standard errors without covariances");
            }
            return Ok(Some((Forecast::Steps(Box::new(state.steps(None))), Vec::new())));
        }
        let plain = component(node.child("NonseasonalComponent"), ["p", "d", "q"])?;
        let seasonal = component(node.child("SeasonalComponent"), ["P", "D", "Q"])?;
        let period = match node.child("SeasonalComponent") {
            Some(component) => {
                component.need("period")?;
                count(component, "period", 1, MOST_LAGS)?.max(1)
            }
            None => 1,
        };
        let longest = seasonal.ar.len().max(seasonal.ma.len()).max(seasonal.difference) * period;
        if longest + plain.ar.len().max(plain.ma.len()) > MOST_LAGS {
            return Err(node.invalid(format!("lags of more than {MOST_LAGS}")));
        }
        let arma = Arma::new(
            product(&lags(&plain.ar, 1, -1.0), &lags(&seasonal.ar, period, -1.0)),
            product(&lags(&plain.ma, 1, 1.0), &lags(&seasonal.ma, period, 1.0)),
            0.0,
        );
        let delta = differences(plain.difference, seasonal.difference, period);
        let least = if arma.ar.len() == 1 && delta.len() == 1 {
            0
        } else {
            delta.len()
        };
        let observed = series::needed(draft.node, draft.target, least)?;
        let orders = (plain.difference, seasonal.difference);
        let Some(regressors) = self.regressors(draft, node, observed.end(), orders)? else {
            return Ok(None);
        };
        let full = product(&arma.ar, &delta);
        if arma.work(observed.values.len()) > MOST_WORK {
            return Err(node.invalid("the series is too long for so many coefficients"));
        }
        let steps = STEPS.max(arma.ma.len());
        let lengths = observed.values.len() + steps;
        let effects = node.all("OutlierEffect").count() + node.all("DynamicRegressor").count();
        let state = if exact {
            arma.ar.len().max(arma.ma.len()).pow(2)
        } else {
            0
        };
        node.work((arma.work(lengths)).saturating_add(lengths.saturating_mul(effects + full.len() + state)))?;
        let outliers = outliers(node, &arma.ma, &full, period)?;
        // The series without what others add to it, from where all of that is known.
        let mut clean = Vec::with_capacity(observed.values.len());
        for (index, value) in (observed.start..).zip(&observed.values) {
            match regressors.past(index) {
                Some(effect) => clean.push(transformation.apply(*value) - effect - outliers.effect(index)),
                None => clean.clear(),
            }
        }
        if clean.len() < least || clean.iter().any(|value| !value.is_finite()) {
            return Err(node.invalid("the series is too short or outside of the range of its transformation"));
        }
        let mut centered = apply(&delta, &clean);
        for value in &mut centered {
            *value -= constant;
        }
        let ahead = if exact {
            kalman::forecast(&arma, &centered, steps)
                .ok_or_else(|| node.invalid("the model is not stationary, or too large for exact forecasts"))?
        } else {
            let mut given = plain.residuals;
            if seasonal.residuals.len() > given.len() {
                given = seasonal.residuals;
            }
            // Residuals can stand alone, when there is no series to compute them from.
            let missing = given.len().saturating_sub(centered.len());
            centered.splice(0..0, std::iter::repeat_n(0.0, missing));
            let residuals = arma.residuals(&centered, &given);
            arma.forecast(&centered, &residuals, steps)
        };
        let more = regressors.future(steps);
        let count = more.len();
        let mut values = Vec::with_capacity(count);
        for step in 0..count {
            let index = observed.end() + 1 + step as i64;
            let before: f64 = delta
                .iter()
                .enumerate()
                .skip(1)
                .map(|(lag, coefficient)| coefficient * clean[clean.len() - lag])
                .sum();
            clean.push(ahead[step] + constant - before);
            let value = clean.last().copied().unwrap_or_default() + more[step] + outliers.effect(index);
            values.push(transformation.undo(value));
        }
        let bare = regressors.is_empty() && outliers.is_empty();
        let beyond = if bare {
            Beyond::Recursion {
                latest: (1..full.len()).map(|lag| clean[clean.len() - lag]).collect(),
                coefficients: full[1..].iter().map(|coefficient| -coefficient).collect(),
                constant: constant * arma.ar.iter().sum::<f64>(),
                transformation,
            }
        } else {
            Beyond::Nothing
        };
        let mut deviations = Vec::new();
        if uncertain {
            let rmse = node.need_number("RMSE")?;
            let mut sum = 0.0;
            for weight in quotient(&arma.ma, &full, count) {
                sum += weight * weight;
                deviations.push(rmse * f64::sqrt(sum));
            }
        }
        let steps = Steps {
            values: values.into(),
            deviations: deviations.into(),
            beyond,
        };
        Ok(Some((Forecast::Steps(Box::new(steps)), regressors.supplied)))
    }
}

/// The state that a Kalman filter left, when the document has its matrices as well: the specification has no place for
/// them, exporters write them all the same. Without them the state is computed anew from the series.
fn final_state(node: Node<'_>, constant: f64) -> Compiled<Option<StateSpace>> {
    let Some(kalman) = node
        .child("MaximumLikelihoodStat")
        .and_then(|statistic| statistic.child("KalmanState"))
        .filter(|kalman| kalman.child("TransitionMatrix").is_some() && kalman.child("MeasurementMatrix").is_some())
    else {
        return Ok(None);
    };
    let state = array_in(kalman.need_child("FinalStateVector")?)?;
    let size = state.len();
    if size == 0 {
        return Err(kalman.invalid("the state vector is empty"));
    }
    Ok(Some(StateSpace {
        transition: matrix_in(kalman, "TransitionMatrix", size, size)?,
        measurement: matrix_in(kalman, "MeasurementMatrix", 1, size)?,
        state,
        drift: vec![0.0; size],
        intercept: vec![constant],
        covariance: None,
    }))
}

/// What outliers add to the series and its continuation.
#[derive(Debug, Default)]
struct Outliers(Vec<(i64, Shape)>);

#[derive(Debug)]
enum Shape {
    Once(f64),
    Level(f64),
    Fading(f64, f64),
    Seasonal(f64, i64),
    Trend(f64),
    /// A shock runs through the model: its weights, as far as they were computed.
    Shock(f64, Rc<[f64]>),
}

impl Outliers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn effect(&self, index: i64) -> f64 {
        let after = self.0.iter().filter(|(start, _)| *start <= index);
        after
            .map(|(start, shape)| {
                let age = index - start;
                match shape {
                    Shape::Once(size) => f64::from(u8::from(age == 0)) * size,
                    Shape::Level(size) => *size,
                    Shape::Fading(size, damping) => size * damping.powf(age as f64),
                    Shape::Seasonal(size, period) => f64::from(u8::from(age % period == 0)) * size,
                    Shape::Trend(size) => size * (age + 1) as f64,
                    Shape::Shock(size, weights) => {
                        let at = (age as usize).min(weights.len() - 1);
                        size * weights[at]
                    }
                }
            })
            .sum()
    }
}

/// The outliers of a model.
fn outliers(node: Node<'_>, ma: &[f64], full: &[f64], period: usize) -> Compiled<Outliers> {
    const MOST: usize = 1 << 10;
    /// How many weights of a shock are followed; after them the last one stays.
    const FOLLOWED: usize = 1 << 12;
    let mut found = Outliers::default();
    let mut weights: Option<Rc<[f64]>> = None;
    for outlier in node.all("OutlierEffect") {
        if found.0.len() == MOST {
            return Err(outlier.invalid(format!("more than {MOST} outliers")));
        }
        let start = outlier.need_number("startTime")?;
        if start.fract() != 0.0 || start.abs() > 1e15 {
            return Err(outlier.invalid("startTime is not a whole number"));
        }
        let size = outlier.need_number("magnitude")?;
        let shape = match outlier.need("type")? {
            "additive" => Shape::Once(size),
            "level" => Shape::Level(size),
            "transient" => Shape::Fading(size, outlier.need_number("dampingCoefficient")?),
            "seasonalAdditive" => Shape::Seasonal(size, period as i64),
            "trend" => Shape::Trend(size),
            "innovational" => Shape::Shock(
                size,
                Rc::clone(weights.get_or_insert_with(|| quotient(ma, full, FOLLOWED).into())),
            ),
            other => return Err(outlier.invalid(format!("unknown type '{other}'"))),
        };
        found.0.push((start as i64, shape));
    }
    Ok(found)
}
