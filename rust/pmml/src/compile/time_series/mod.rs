//! `TimeSeriesModel`: what it forecasts is computed here as far as it does not depend on the record.

mod arima;
mod arma;
mod garch;
mod kalman;
mod polynomial;
mod regressor;
mod series;
mod smoothing;
mod state_space;

use super::model::Draft;
use super::uncertainty::{Prediction, asked_for};
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::time_series::{Predicted, TimeSeries, Transformation};
use crate::order::Order;
use crate::run::{NO_SLOT, Slot, Source};
use crate::treatment::Treatment;
use crate::value::Type;

/// Steps that are computed when the model is loaded.
const STEPS: usize = 512;

/// What documents without a field for it call the number of steps.
const HORIZON: &str = "h";

impl<'d> Compiler<'d> {
    pub(super) fn time_series_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<TimeSeries>> {
        let node = draft.node;
        if !matches!(draft.target_kind, Type::Double | Type::Float) {
            draft.target_kind = Type::Double;
            draft.classes.kind = Type::Double;
        }
        let best = node.need("bestFit")?;
        let forecaster = match best {
            "ExponentialSmoothing" | "ARIMA" | "StateSpaceModel" | "GARCH" => node.need_child(best)?,
            "SpectralAnalysis" | "SeasonalTrendDecomposition" => {
                self.unsupported(
                    node,
                    format!("{best}, which the specification names but does not define"),
                );
                return Ok(None);
            }
            other => return Err(node.invalid(format!("unknown bestFit '{other}'"))),
        };
        let names: Vec<&'d str> = node
            .need_child("MiningSchema")?
            .all("MiningField")
            .filter(|field| matches!(field.get("usageType"), Some("target" | "predicted")))
            .filter_map(|field| field.get("name"))
            .collect();
        let regressors: Vec<&'d str> = forecaster
            .all("DynamicRegressor")
            .filter_map(|regressor| regressor.get("field"))
            .collect();
        let horizon = self.horizon(draft, &regressors)?;
        let uncertain = asked_for(node);
        let width = names.len().max(1);
        let mut targets = Vec::with_capacity(width);
        for target in 0..width {
            let mut slot = |wanted: bool, what: &str| {
                if wanted {
                    self.slot(what, Type::Double, Source::Output, Order::default(), 1)
                } else {
                    NO_SLOT
                }
            };
            let predicted = Predicted {
                value: slot(width > 1 || uncertain, "forecast"),
                deviation: slot(uncertain, "standard deviation of the forecast"),
            };
            if predicted.value != NO_SLOT {
                draft.predictions.push(Prediction {
                    target: names.get(target).copied(),
                    value: predicted.value,
                    deviation: (predicted.deviation != NO_SLOT).then_some(predicted.deviation),
                });
            }
            targets.push(predicted);
        }
        if width > 1 && best != "StateSpaceModel" {
            return Err(node.invalid(format!("{best} forecasts one target, the schema has {width}")));
        }
        let found = match best {
            "ExponentialSmoothing" => Some((self.smoothing(draft, forecaster, uncertain)?, Vec::new())),
            "ARIMA" => self.arima(draft, forecaster, uncertain)?,
            "StateSpaceModel" => self.state_space(draft, forecaster, width, uncertain)?,
            _ => Some((garch::garch(draft, forecaster)?, Vec::new())),
        };
        Ok(found.map(|(forecast, supplied)| TimeSeries {
            horizon,
            targets: targets.into(),
            forecast,
            supplied: supplied.into(),
        }))
    }

    /// The field that says how many steps ahead, as exporters write it: the only supplementary or active one that is not
    /// a regressor, or the one called `h` among several. Without any, one is added.
    fn horizon(&mut self, draft: &Draft<'d>, regressors: &[&str]) -> Compiled<Slot> {
        let schema = draft.node.need_child("MiningSchema")?;
        let mut found: Vec<&'d str> = schema
            .all("MiningField")
            .filter(|field| matches!(field.get("usageType"), Some("supplementary" | "active") | None))
            .filter_map(|field| field.get("name"))
            .filter(|name| !regressors.contains(name))
            .collect();
        if found.len() > 1 {
            found.retain(|name| name.eq_ignore_ascii_case(HORIZON) || name.eq_ignore_ascii_case("horizon"));
        }
        if let Some(name) = found.first() {
            return self.resolve(draft.scope, name, schema);
        }
        if let Some(input) = self.inputs.iter_mut().find(|input| input.name == HORIZON) {
            input.used = true;
            return Ok(input.slot);
        }
        Ok(self.input(HORIZON, Type::Integer, Treatment::default(), Order::default(), true))
    }
}

/// `transformation` of an element.
fn transformation(node: Node<'_>) -> Compiled<Transformation> {
    Ok(match node.get("transformation").unwrap_or("none") {
        "none" => Transformation::None,
        "logarithmic" => Transformation::Logarithm,
        "squareroot" => Transformation::SquareRoot,
        other => return Err(node.invalid(format!("unknown transformation '{other}'"))),
    })
}

/// A small number that counts something.
fn count(node: Node<'_>, name: &str, default: usize, most: usize) -> Compiled<usize> {
    let Some(text) = node.get(name) else {
        return Ok(default);
    };
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|value| value.fract() == 0.0 && *value >= 0.0 && *value <= most as f64)
        .map(|value| value as usize)
        .ok_or_else(|| {
            node.invalid(format!(
                "'{text}' in attribute '{name}' is not a number from 0 to {most}"
            ))
        })
}
