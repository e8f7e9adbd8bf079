//! ONNX's model protocol to [`Graph`].

mod control;
mod embed;
mod functions;
mod importer;
mod node;
mod operators;
mod order;
mod parts;
mod tensors;

use std::borrow::Cow;
use std::path::Path;

use prost::Message;
use serving_model::{Limits, ModelError};

use crate::archive::{Files, is_archive};
use crate::graph::Graph;
pub(crate) use embed::Embedded;
pub(crate) use importer::listed;
use proto::ModelProto;
use tensors::External;

/// The messages of `proto/onnx`, generated.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}

/// How the names of models end in a folder.
const EXTENSION: &str = ".onnx";

/// Reads a model: a file, whose external data lies in `folder` when it has one, or the archive of a folder with one `.onnx` file.
///
/// # Errors
/// `MODEL_UNPARSABLE`, `MODEL_INVALID` (values that nobody makes, cycles, contradictions), `MODEL_UNSUPPORTED` (operators and
/// types; all operators are named at once), `MODEL_TOO_LARGE`.
pub(crate) fn read_model(content: &[u8], folder: Option<&Path>, limits: Limits) -> Result<Graph, ModelError> {
    read_with(content, folder, limits, |model, external| {
        importer::import(&model, external)
    })
}

/// Reads a model for another engine; where [`read_model`] finds more than operators wrong with it, it is not for that either.
///
/// # Errors
/// As [`read_model`], but operators are not looked at.
pub(crate) fn read_message(content: &[u8], folder: Option<&Path>, limits: Limits) -> Result<Embedded, ModelError> {
    read_with(content, folder, limits, embed::embed)
}

fn read_with<T>(
    content: &[u8],
    folder: Option<&Path>,
    limits: Limits,
    read: impl FnOnce(ModelProto, External<'_>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    if content.len() > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "model has {} bytes, the limit is {}",
            content.len(),
            limits.content_bytes
        )));
    }
    if !is_archive(content) {
        let model = decode(content)?;
        return read(model, External::folder(folder, limits.content_bytes));
    }
    let files = Files::unpack(content, limits.content_bytes.min(limits.native_bytes))?;
    let is_model = |name: &str| name.len() > EXTENSION.len() && name.to_ascii_lowercase().ends_with(EXTENSION);
    let path = files.find(is_model)?.map(str::to_owned);
    let path = path.ok_or_else(|| ModelError::invalid(format!("there is no file '*{EXTENSION}'")))?;
    let mut files = files.beside(&path);
    let file = files.take(crate::archive::name_of(&path)).unwrap_or(Cow::Borrowed(&[]));
    let model = decode(&file)?;
    read(model, External::files(files, limits.content_bytes))
}

fn decode(content: &[u8]) -> Result<ModelProto, ModelError> {
    parts::check(content)?;
    ModelProto::decode(content).map_err(|error| ModelError::unparsable(format!("not an ONNX model: {error}")))
}

#[cfg(test)]
mod tests;
