//! `ExponentialSmoothing`.

use super::super::model::Draft;
use super::super::{Compiled, Compiler, numbers};
use super::{count, series, transformation};
use crate::document::Node;
use crate::models::time_series::{Forecast, Smoothing, Trend};

/// Longest period of a season.
const LONGEST: usize = 1 << 20;

impl<'d> Compiler<'d> {
    pub(super) fn smoothing(&mut self, draft: &Draft<'d>, node: Node<'d>, uncertain: bool) -> Compiled<Forecast> {
        if uncertain {
            self.unsupported(
                node,
                "standard errors of exponential smoothing, which the specification does not define",
            );
        }
        let level = node.need_child("Level")?;
        let smoothed = level.need_number("smoothedValue")?;
        let mut smoothing = Smoothing {
            level: smoothed,
            trend: Trend::Additive,
            slope: 0.0,
            phi: 1.0,
            curve: 0.0,
            seasons: Box::default(),
            multiplicative: false,
            transformation: transformation(node)?,
        };
        let order = if level.get("cubicSmoothedValue").is_some() {
            3
        } else if level.get("quadraticSmoothedValue").is_some() {
            2
        } else {
            1
        };
        let kind = node
            .child("Trend_ExpoSmooth")
            .map(|trend| (trend, trend.get("trend").unwrap_or("additive")));
        match kind {
            Some((_, "double_exponential" | "polynomial_exponential")) if order > 1 => {
                Self::brown(level, order, &mut smoothing)?;
            }
            None if order > 1 => Self::brown(level, order, &mut smoothing)?,
            Some((trend, "polynomial_exponential")) => {
                self.unsupported(
                    trend,
                    "polynomial_exponential without smoothed values of higher order in Level",
                );
            }
            Some((trend, kind)) => {
                smoothing.slope = trend.need_number("smoothedValue")?;
                smoothing.phi = match kind {
                    "damped_additive" | "damped_multiplicative" => trend.number_or("phi", 1.0)?,
                    _ => 1.0,
                };
                smoothing.trend = match kind {
                    "additive" | "damped_additive" | "double_exponential" => Trend::Additive,
                    "multiplicative" | "damped_multiplicative" => Trend::Multiplicative,
                    other => return Err(trend.invalid(format!("unknown trend '{other}'"))),
                };
            }
            None => {}
        }
        if let Some(season) = node.child("Seasonality_ExpoSmooth") {
            smoothing.multiplicative = match season.need("type")? {
                "additive" => false,
                "multiplicative" => true,
                other => return Err(season.invalid(format!("unknown type '{other}'"))),
            };
            season.need("period")?;
            let period = count(season, "period", 0, LONGEST)?;
            let values = season
                .children()
                .find(|child| child.name().ends_with("Array"))
                .ok_or_else(|| season.invalid("element Array is missing"))?;
            let mut values = numbers(values)?;
            if values.len() != period || period == 0 {
                return Err(season.invalid(format!("{} values for a period of {period}", values.len())));
            }
            // The values stand in the order of the periods of the series, which need not end with a whole one.
            let phase = match season.get("phase") {
                Some(_) => count(season, "phase", 0, LONGEST)?,
                None => series::observed(draft.node, draft.target)?.map_or(0, |series| series.values.len()),
            };
            values.rotate_left(phase % period);
            smoothing.seasons = values.into();
        }
        Ok(Forecast::Smoothing(Box::new(smoothing)))
    }

    /// Level, slope and curvature of Brown's smoothing of second and third order.
    fn brown(level: Node<'d>, order: usize, smoothing: &mut Smoothing) -> Compiled<()> {
        let alpha = level.need_number("alpha")?;
        if alpha <= 0.0 || alpha >= 1.0 {
            return Err(level.invalid("alpha is not between 0 and 1"));
        }
        let beta = 1.0 - alpha;
        let (first, second) = (smoothing.level, level.need_number("quadraticSmoothedValue")?);
        if order == 2 {
            smoothing.level = 2.0 * first - second;
            smoothing.slope = alpha / beta * (first - second);
            return Ok(());
        }
        let third = level.need_number("cubicSmoothedValue")?;
        smoothing.level = 3.0 * first - 3.0 * second + third;
        smoothing.slope = alpha / (2.0 * beta * beta)
            * ((6.0 - 5.0 * alpha) * first - 2.0 * (5.0 - 4.0 * alpha) * second + (4.0 - 3.0 * alpha) * third);
        smoothing.curve = (alpha / beta).powi(2) * (first - 2.0 * second + third);
        Ok(())
    }
}
