//! Which of our operators an ONNX operator is, by topic.

mod classical;
mod contributed;
mod elementwise;
mod language;
mod movement;
mod normalization;
mod quantization;
mod reduction;
mod sequences;
mod signal;
mod spatial;
mod text;
mod trees;

use serving_model::ModelError;

use super::node::{Maker, Source};
use crate::graph::{Op, Value};

/// What a translation gives: the values of the outputs, or that the operator is another topic's.
type Translated = Result<Option<Vec<Value>>, ModelError>;

/// Translates a node without graphs inside. `None` when the operator is not supported.
///
/// # Errors
/// When an attribute or an input is missing or has a value that is not supported.
pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let topics: &[fn(&Source<'_>, &mut Maker<'_>) -> Translated] = match node.definition.domain.as_str() {
        "" | "ai.onnx" => &[
            elementwise::translate,
            reduction::translate,
            movement::translate,
            normalization::translate,
            spatial::translate,
            language::translate,
            quantization::translate,
            sequences::translate,
            signal::translate,
            text::translate,
        ],
        "ai.onnx.ml" => &[classical::translate],
        "ai.onnx.preview.training" => &[signal::translate_training],
        "com.microsoft" => &[
            text::translate_contributed,
            language::translate_contributed,
            contributed::translate,
        ],
        _ => &[],
    };
    for topic in topics {
        if let Some(values) = topic(node, maker)? {
            return Ok(Some(values));
        }
    }
    Ok(None)
}

/// One node of ours with the same inputs.
#[allow(clippy::unnecessary_wraps, reason = "it is the end of a translation")]
fn same(op: Op, node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let inputs = node.all(maker);
    let outputs = node.outputs().max(1);
    Ok(Some(maker.many(op, &inputs, outputs)))
}
