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

/// Tract's reader of ONNX.
pub(super) fn framework() -> Onnx {
    tract_onnx::onnx()
}

/// Refuses operators that tract does not have, all at once.
///
/// # Errors
/// `MODEL_UNSUPPORTED`.
pub(super) fn check(operators: &BTreeMap<(String, String), usize>) -> Result<(), ModelError> {
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
    if missing.is_empty() {
        return Ok(());
    }
    Err(ModelError::unsupported(format!(
        "tract does not have {}",
        listed(missing)
    )))
}
