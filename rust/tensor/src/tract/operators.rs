//! Which operators tract has. It knows them by name alone, whatever their domain: what else goes by the same name must not reach it.

use std::collections::{BTreeMap, BTreeSet};

use serving_model::ModelError;
use tract_onnx::Onnx;

use crate::onnx::listed;

/// Operators of `com.microsoft` that tract means by these names.
const CONTRIBUTED: [&str; 12] = [
    "BiasGelu",
    "FastGelu",
    "GatherBlockQuantized",
    "Gelu",
    "GroupQueryAttention",
    "MatMulNBits",
    "MultiHeadAttention",
    "QuickGelu",
    "RotaryEmbedding",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

/// Operators of ONNX of which tract passes over attributes or inputs, so that some of the tests of operators get other numbers: windows of
/// attention, shifts by negative numbers, `alpha` in half precision, axes, lengths of sequences, directions. A model with one of them does not
/// get there unasked: a refusal is better than a wrong number.
const DOUBTFUL: [&str; 7] = ["Attention", "BitShift", "Celu", "DFT", "GRU", "RNN", "Swish"];

/// Tract's reader of ONNX.
pub(super) fn framework() -> Onnx {
    tract_onnx::onnx()
}

/// Refuses operators that tract does not have, all at once; and, unless the model's descriptor asks for tract, those that it may get wrong.
///
/// # Errors
/// `MODEL_UNSUPPORTED`.
pub(super) fn check(operators: &BTreeMap<(String, String), usize>, asked: bool) -> Result<(), ModelError> {
    let known = framework().op_register.0;
    let has = |domain: &str, name: &str| match domain {
        "" | "ai.onnx.ml" => known.contains_key(name),
        "com.microsoft" => CONTRIBUTED.contains(&name) && known.contains_key(name),
        _ => false,
    };
    let missing: BTreeSet<String> = operators
        .keys()
        .filter(|(domain, name)| !has(domain, name))
        .map(|(domain, name)| {
            if domain.is_empty() {
                name.clone()
            } else {
                format!("{domain}.{name}")
            }
        })
        .collect();
    if !missing.is_empty() {
        return Err(ModelError::unsupported(format!(
            "tract does not have {}",
            listed(missing)
        )));
    }
    let doubtful = operators
        .keys()
        .filter(|(domain, name)| domain.is_empty() && DOUBTFUL.contains(&name.as_str()));
    let doubtful: BTreeSet<String> = doubtful.map(|(_, name)| name.clone()).collect();
    if asked || doubtful.is_empty() {
        return Ok(());
    }
    Err(ModelError::unsupported(format!(
        "tract may answer {} in another way and is used only when the descriptor asks for it",
        listed(doubtful)
    )))
}
