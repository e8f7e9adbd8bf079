//! Outputs that tell how sure a prediction is, and those of models with several predictions.

use serving_kernels::probability::normal_quantile;

use super::Compiled;
use super::model::Draft;
use crate::document::Node;
use crate::models::output::Feature;
use crate::run::Slot;

/// About how long it takes to compare the attributes of two outputs.
pub(super) const STEPS_OF_AN_OUTPUT: usize = 256;

/// The prediction of a target in slots of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prediction<'d> {
    pub(crate) target: Option<&'d str>,
    pub(crate) value: Slot,
    /// Its standard deviation.
    pub(crate) deviation: Option<Slot>,
}

/// Whether an output of the model tells how sure it is.
pub(super) fn asked_for(model: Node<'_>) -> bool {
    model.child("Output").is_some_and(|output| {
        output.all("OutputField").any(|field| {
            matches!(
                field.get("feature"),
                Some("standardError" | "standardDeviation" | "confidenceIntervalLower" | "confidenceIntervalUpper")
            )
        })
    })
}

/// The prediction that an output field means: by name, else in order.
pub(super) fn prediction<'d>(draft: &Draft<'d>, node: Node<'d>) -> Compiled<Prediction<'d>> {
    let found = if let Some(name) = node.get("targetField") {
        draft
            .predictions
            .iter()
            .find(|prediction| prediction.target == Some(name))
    } else if let [only] = &*draft.predictions {
        Some(only)
    } else {
        let alike = |field: &Node<'d>| {
            field.get("targetField").is_none()
                && field.get("feature") == node.get("feature")
                && field.get("value") == node.get("value")
        };
        let output = draft.node.need_child("Output")?;
        let before = output.all("OutputField").take_while(|field| field.id() != node.id());
        let before = before.filter(alike).count();
        // Each output looks at those before it.
        node.work(STEPS_OF_AN_OUTPUT * (1 + before))?;
        draft.predictions.get(before % draft.predictions.len().max(1))
    };
    found.copied().ok_or_else(|| {
        let name = node.get("targetField").unwrap_or_default();
        node.invalid(format!("there is no target '{name}'"))
    })
}

/// A bound of the interval that holds the value with a probability in percent.
pub(super) fn interval<'d>(draft: &Draft<'d>, node: Node<'d>) -> Compiled<Feature> {
    let prediction = prediction(draft, node)?;
    let percent = node.number_or("value", 95.0)?;
    if percent <= 0.0 || percent >= 100.0 {
        return Err(node.invalid("value is not a percentage between 0 and 100"));
    }
    let lower = node.get("feature") == Some("confidenceIntervalLower");
    Ok(match prediction.deviation {
        Some(deviation) => Feature::Interval {
            value: prediction.value,
            deviation,
            factor: if lower { -1.0 } else { 1.0 } * normal_quantile(0.5 + percent / 200.0),
        },
        None => Feature::Nothing,
    })
}
