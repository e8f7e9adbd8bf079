//! ONNX's model protocol to [`Graph`].

mod control;
mod functions;
mod importer;
mod node;
mod operators;
mod order;
mod parts;
mod tensors;

use std::path::Path;

use prost::Message;
use serving_model::{Limits, ModelError};

use crate::graph::Graph;

/// The messages of `proto/onnx`, generated.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}

/// Reads a model. External data is read from `folder`, when the model has one.
///
/// # Errors
/// `MODEL_UNPARSABLE`, `MODEL_INVALID` (values that nobody makes, cycles, contradictions), `MODEL_UNSUPPORTED` (operators and
/// types; all operators are named at once), `MODEL_TOO_LARGE`.
pub(crate) fn read_model(content: &[u8], folder: Option<&Path>, limits: Limits) -> Result<Graph, ModelError> {
    if content.len() > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "model has {} bytes, the limit is {}",
            content.len(),
            limits.content_bytes
        )));
    }
    parts::check(content)?;
    let model = proto::ModelProto::decode(content)
        .map_err(|error| ModelError::unparsable(format!("not an ONNX model: {error}")))?;
    let external = tensors::External::new(folder, limits.content_bytes);
    importer::import(&model, external)
}

#[cfg(test)]
mod tests;
