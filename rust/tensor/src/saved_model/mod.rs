//! SavedModels: a folder with graphs, signatures, a checkpoint and assets, from an archive of it.
//!
//! The graph for serving is read with its variables as constants; inputs and outputs are those of a signature.

mod bundle;
mod checksum;
mod signature;
mod slices;
mod table;
mod variables;

use prost::Message;
use serving_model::{Limits, ModelError, Signature};

use crate::archive::{Files, name_of};
use crate::graph::Graph;
use crate::tensorflow::proto::tensor_info::Encoding;
use crate::tensorflow::proto::{AssetFileDef, SavedModel};
use crate::tensorflow::{Asset, Import, import, parts};
use bundle::Checkpoint;
use variables::StoredVariables;

/// The file that every SavedModel has.
const MODEL: &str = "saved_model.pb";

/// The graph of a signature, its name, and all signatures.
pub(crate) struct ReadModel {
    pub(crate) graph: Graph,
    pub(crate) signature: String,
    pub(crate) signatures: Vec<Signature>,
}

/// Reads the graph of a signature from the archive of a model's folder; an empty name means the default.
///
/// # Errors
/// `MODEL_UNPARSABLE`, `MODEL_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_TOO_LARGE`, with the file or variable that is to blame.
pub(crate) fn read_model(content: &[u8], wanted: &str, limits: Limits) -> Result<ReadModel, ModelError> {
    if content.len() > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "model has {} bytes, the limit is {}",
            content.len(),
            limits.content_bytes
        )));
    }
    let files = own_files(Files::unpack(content, limits.content_bytes.min(limits.native_bytes))?)?;
    let file = files.get(MODEL).unwrap_or_default();
    parts::check_model(file)?;
    let model = SavedModel::decode(file).map_err(|error| ModelError::unparsable(format!("{MODEL}: {error}")))?;
    let mut meta_graph = signature::serving_graph(model)?;
    let (name, chosen) = signature::choose(&meta_graph, wanted)?;
    let (feeds, fetches) = (signature::feeds(chosen)?, signature::fetches(chosen)?);
    let (name, signatures) = (name.to_owned(), signature::describe(&meta_graph));
    let checkpoint = Checkpoint::open(&files)?;
    let variables = StoredVariables::new(&meta_graph, &checkpoint)?;
    let graph = meta_graph.graph_def.take().unwrap_or_default();
    let named = signature::assets(&meta_graph)?;
    let assets = named.iter().map(|asset| find_asset(asset, &files));
    let graph = import(Import {
        graph,
        feeds,
        fetches,
        variables: &variables,
        initializer: signature::initializer(&meta_graph),
        restorer: meta_graph.saver_def.as_ref().map(|saver| saver.restore_op_name.clone()),
        assets: assets.collect::<Result<_, _>>()?,
    })?;
    Ok(ReadModel {
        graph,
        signature: name,
        signatures,
    })
}

/// The files below the folder that holds the model.
fn own_files(files: Files<'_>) -> Result<Files<'_>, ModelError> {
    let there = |wanted: &str| files.paths().any(|path| name_of(path) == wanted);
    match files.find(|name| name == MODEL)?.map(str::to_owned) {
        Some(path) => Ok(files.beside(&path)),
        None if there("saved_model.pbtxt") => Err(ModelError::unsupported(
            "a SavedModel as text (saved_model.pbtxt); saved_model.pb is needed",
        )),
        None if there("export.meta") => Err(ModelError::unsupported(
            "a model of TensorFlow before 1.0 (export.meta); a SavedModel is needed, which has saved_model.pb",
        )),
        None => Err(ModelError::invalid(format!("there is no file '{MODEL}'"))),
    }
}

fn find_asset<'a>(asset: &'a AssetFileDef, files: &'a Files<'_>) -> Result<Asset<'a>, ModelError> {
    let tensor = match asset.tensor_info.as_ref().and_then(|info| info.encoding.as_ref()) {
        Some(Encoding::Name(tensor)) => tensor.as_str(),
        _ => "",
    };
    let content = files.get(&format!("assets/{}", asset.filename));
    Ok(Asset {
        tensor,
        file: &asset.filename,
        content: content
            .ok_or_else(|| ModelError::invalid(format!("the file 'assets/{}' is missing", asset.filename)))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_one_saved_model_is_refused() {
        for (paths, message) in [
            (&["a", "b"][..], "no file 'saved_model.pb'"),
            (
                &["1/saved_model.pb", "2/saved_model.pb"],
                "1/saved_model.pb, 2/saved_model.pb",
            ),
            (&["saved_model.pbtxt"], "as text"),
            (&["export.meta", "export"], "before 1.0"),
        ] {
            let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (*path, &b"0"[..])).collect();
            let error = own_files(Files::of(&files)).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
