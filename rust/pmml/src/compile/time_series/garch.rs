//! `GARCH`: an ARMA process whose noise has a variance that depends on the residuals and variances before.
//!
//! y = constant + AR y + MA e + e; variance = constant + sum of coefficients times squared residuals and past variances.

use super::super::Compiled;
use super::super::model::Draft;
use super::arima::component;
use super::arma::{Arma, MOST_WORK};
use super::polynomial::{lags, quotient};
use super::state_space::array_in;
use super::{STEPS, series};
use crate::document::Node;
use crate::models::time_series::{Beyond, Forecast, Steps, Transformation};

/// Coefficients, and the last values that they apply to, the latest last.
struct Part {
    coefficients: Vec<f64>,
    given: Vec<f64>,
}

fn part(node: Node<'_>, name: &str, values: &str) -> Compiled<Part> {
    let part = node.need_child(name)?;
    let read = |name: &str| part.child(name).map_or(Ok(Vec::new()), array_in);
    Ok(Part {
        coefficients: read("MACoefficients")?,
        given: read(values)?,
    })
}

/// Puts the last values of a list in place of those that were computed.
fn overlay(computed: &mut Vec<f64>, given: &[f64]) {
    let missing = given.len().saturating_sub(computed.len());
    computed.splice(0..0, std::iter::repeat_n(0.0, missing));
    let start = computed.len() - given.len();
    computed[start..].copy_from_slice(given);
}

/// Compiles the element.
pub(super) fn garch(draft: &Draft<'_>, node: Node<'_>) -> Compiled<Forecast> {
    let mean = node.need_child("ARMAPart")?;
    let part_node = node.need_child("GARCHPart")?;
    let lagged = component(Some(mean), ["p", "d", "q"])?;
    let arma = Arma::new(
        lags(&lagged.ar, 1, -1.0),
        lags(&lagged.ma, 1, 1.0),
        mean.number_or("constant", 0.0)?,
    );
    let observed = series::needed(draft.node, draft.target, lagged.ar.len())?;
    let mut values = observed.values;
    if arma.work(values.len()) > MOST_WORK {
        return Err(node.invalid("the series is too long for so many coefficients"));
    }
    let length = values.len() + STEPS.max(arma.ma.len());
    draft.node.work(arma.work(length))?;
    let missing = lagged.residuals.len().saturating_sub(values.len());
    values.splice(0..0, std::iter::repeat_n(0.0, missing));
    let mut residuals = arma.residuals(&values, &lagged.residuals);
    let ahead = arma.forecast(&values, &residuals, STEPS.max(arma.ma.len()));

    let squares = part(part_node, "ResidualSquareCoefficients", "Residuals")?;
    let variances = part(part_node, "VarianceCoefficients", "PastVariances")?;
    let each = squares.coefficients.len() + variances.coefficients.len();
    if residuals.len().saturating_mul(each) > MOST_WORK {
        return Err(node.invalid("the series is too long for so many coefficients"));
    }
    part_node.work(residuals.len().saturating_mul(each))?;
    overlay(&mut residuals, &squares.given);
    let constant = part_node.number_or("constant", 0.0)?;
    let mut squared: Vec<f64> = residuals.iter().map(|residual| residual * residual).collect();
    // Before the series: what the variance is on average.
    let average = squared.iter().sum::<f64>() / squared.len().max(1) as f64;
    let next = |squared: &[f64], spread: &[f64], at: usize| {
        let past = |coefficients: &[f64], from: &[f64]| -> f64 {
            let lags = coefficients.iter().enumerate();
            lags.map(|(lag, coefficient)| {
                let value = at.checked_sub(lag + 1).and_then(|at| from.get(at)).copied();
                coefficient * value.unwrap_or(average)
            })
            .sum()
        };
        constant + past(&squares.coefficients, squared) + past(&variances.coefficients, spread)
    };
    let mut spread: Vec<f64> = Vec::with_capacity(squared.len() + ahead.len());
    for at in 0..squared.len() {
        spread.push(next(&squared, &spread, at));
    }
    let filled = variances.given.len().saturating_sub(spread.len());
    squared.splice(0..0, std::iter::repeat_n(average, filled));
    overlay(&mut spread, &variances.given);
    let end = squared.len();
    for at in end..end + ahead.len() {
        let variance = next(&squared, &spread, at);
        spread.push(variance);
        squared.push(variance);
    }
    let weights = quotient(&arma.ma, &arma.ar, ahead.len());
    let deviations = (0..ahead.len())
        .map(|step| {
            let parts = (0..=step).map(|lag| weights[lag] * weights[lag] * spread[end + step - lag]);
            parts.sum::<f64>().max(0.0).sqrt()
        })
        .collect();
    let mut all = values;
    all.extend_from_slice(&ahead);
    let steps = Steps {
        values: ahead.into(),
        deviations,
        beyond: Beyond::Recursion {
            latest: (1..arma.ar.len()).map(|lag| all[all.len() - lag]).collect(),
            coefficients: arma.ar[1..].iter().map(|coefficient| -coefficient).collect(),
            constant: arma.constant,
            transformation: Transformation::None,
        },
    };
    Ok(Forecast::Steps(Box::new(steps)))
}
