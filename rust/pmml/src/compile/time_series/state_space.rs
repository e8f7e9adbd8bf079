//! `StateSpaceModel`: observation = measurement * state + intercept, next state = transition * state + intercept.
//!
//! The state vector of a document is that of the first step after the series, so the first forecast needs no transition:
//! the exporters of R and of statsmodels write it so.

use super::super::matrix::matrix;
use super::super::model::Draft;
use super::super::{Compiled, Compiler, numbers};
use super::{STEPS, series};
use crate::document::Node;
use crate::matrix::{Matrix, dot};
use crate::models::time_series::{Beyond, Forecast, Steps, Supplied};

/// Most multiplications while loading.
const MOST_WORK: usize = 1 << 28;

/// A state space model.
#[derive(Debug)]
pub(super) struct StateSpace {
    pub(super) state: Vec<f64>,
    pub(super) transition: Matrix,
    pub(super) measurement: Matrix,
    /// Added to the state at each step.
    pub(super) drift: Vec<f64>,
    /// Added to each observation.
    pub(super) intercept: Vec<f64>,
    /// Covariance of the state at the first step, of what each step adds to it, and of observations.
    pub(super) covariance: Option<(Matrix, Matrix, Matrix)>,
}

impl StateSpace {
    /// The forecasts; `more` is added to those of the first target, and bounds their number.
    pub(super) fn steps(mut self, more: Option<&[f64]>) -> Steps {
        let size = self.state.len();
        let width = self.measurement.rows;
        let mut count = (MOST_WORK / (size * size).max(1)).clamp(1, STEPS);
        if let Some(more) = more {
            count = count.min(more.len());
        }
        let mut values = Vec::with_capacity(count * width);
        for step in 0..count {
            if step > 0 {
                self.state = (0..size)
                    .map(|row| dot(self.transition.row(row), &self.state) + self.drift[row])
                    .collect();
            }
            for target in 0..width {
                let value = dot(self.measurement.row(target), &self.state) + self.intercept[target];
                let extra = more.filter(|_| target == 0).map_or(0.0, |more| more[step]);
                values.push(value + extra);
            }
        }
        let deviations = self.deviations(count);
        Steps {
            values: values.into(),
            deviations: deviations.into(),
            beyond: match more {
                Some(_) => Beyond::Nothing,
                None => Beyond::State {
                    state: self.state.into(),
                    transition: self.transition.values.into(),
                    measurement: self.measurement.values.into(),
                    drift: self.drift.into(),
                    intercept: self.intercept.into(),
                },
            },
        }
    }

    fn deviations(&mut self, count: usize) -> Vec<f64> {
        let Some((mut state, noise, observation)) = self.covariance.take() else {
            return Vec::new();
        };
        let size = state.rows;
        let count = (MOST_WORK / (size * size * size).max(1)).clamp(1, count);
        let mut deviations = Vec::with_capacity(count * self.measurement.rows);
        for step in 0..count {
            if step > 0 {
                state = self.transition.propagate(&state, &noise);
            }
            let spread = self.measurement.times(&state).times_transposed(&self.measurement);
            for target in 0..self.measurement.rows {
                let variance = spread.at(target, target) + observation.at(target, target);
                deviations.push(variance.max(0.0).sqrt());
            }
        }
        deviations
    }
}

/// The numbers of the array inside an element.
pub(super) fn array_in(node: Node<'_>) -> Compiled<Vec<f64>> {
    let array = node
        .children()
        .find(|child| child.name().ends_with("Array"))
        .ok_or_else(|| node.invalid("element Array is missing"))?;
    numbers(array)
}

/// The matrix inside a child, with the size that it must have.
pub(super) fn matrix_in(node: Node<'_>, name: &str, rows: usize, columns: usize) -> Compiled<Matrix> {
    let parent = node.need_child(name)?;
    let found = matrix(parent.need_child("Matrix")?)?;
    if (found.rows, found.columns) != (rows, columns) {
        return Err(parent.invalid(format!(
            "the matrix has {} x {} cells, {rows} x {columns} are needed",
            found.rows, found.columns
        )));
    }
    Ok(found)
}

impl<'d> Compiler<'d> {
    pub(super) fn state_space(
        &mut self,
        draft: &Draft<'d>,
        node: Node<'d>,
        width: usize,
        uncertain: bool,
    ) -> Compiled<Option<(Forecast, Vec<Supplied>)>> {
        let state = array_in(node.need_child("StateVector")?)?;
        let size = state.len();
        if size == 0 {
            return Err(node.invalid("the state vector is empty"));
        }
        let step = size.saturating_pow(2).saturating_mul(if uncertain { size } else { 1 });
        node.work(MOST_WORK.max(step).min(STEPS.saturating_mul(step)))?;
        let mut space = StateSpace {
            transition: matrix_in(node, "TransitionMatrix", size, size)?,
            measurement: matrix_in(node, "MeasurementMatrix", width, size)?,
            state,
            drift: vec![0.0; size],
            intercept: vec![node.number_or("intercept", 0.0)?; width],
            covariance: None,
        };
        for vector in node.all("InterceptVector") {
            let (to, what) = match vector.get("type").unwrap_or("state") {
                "state" => (&mut space.drift, "states"),
                "observation" => (&mut space.intercept, "targets"),
                other => return Err(vector.invalid(format!("unknown type '{other}'"))),
            };
            let values = array_in(vector)?;
            if values.len() != to.len() {
                return Err(vector.invalid(format!("{} values for {} {what}", values.len(), to.len())));
            }
            for (sum, value) in to.iter_mut().zip(values) {
                *sum += value;
            }
        }
        if uncertain {
            space.covariance = self.covariance(node, &space)?;
        }
        let end = series::observed(draft.node, draft.target)?.map_or(0, |series| series.end());
        let Some(regressors) = self.regressors(draft, node, end, (0, 0))? else {
            return Ok(None);
        };
        let more = (!regressors.is_empty()).then(|| regressors.future(STEPS));
        let steps = space.steps(more.as_deref());
        Ok(Some((Forecast::Steps(Box::new(steps)), regressors.supplied)))
    }

    fn covariance(&mut self, node: Node<'d>, space: &StateSpace) -> Compiled<Option<(Matrix, Matrix, Matrix)>> {
        let (size, width) = (space.state.len(), space.measurement.rows);
        if node.child("PredictedStateCovarianceMatrix").is_none() {
            self.unsupported(node, "standard errors without PredictedStateCovarianceMatrix");
            return Ok(None);
        }
        let mut predicted = matrix_in(node, "PredictedStateCovarianceMatrix", size, size)?;
        let noise = match node.child("SelectedStateCovarianceMatrix") {
            Some(_) => matrix_in(node, "SelectedStateCovarianceMatrix", size, size)?,
            None => Matrix::zero(size, size),
        };
        let observation = match node.child("ObservationVarianceMatrix") {
            Some(_) => matrix_in(node, "ObservationVarianceMatrix", width, width)?,
            None => Matrix::zero(width, width),
        };
        // What is predicted can't be surer than the noise of one step. R writes the covariance before that step.
        let total = |matrix: &Matrix| (0..size).map(|at| matrix.at(at, at)).sum::<f64>();
        if total(&predicted) < total(&noise) * (1.0 - 1e-6) {
            predicted = space.transition.propagate(&predicted, &noise);
        }
        Ok(Some((predicted, noise, observation)))
    }
}
