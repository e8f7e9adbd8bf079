//! Which graph of a SavedModel is meant, and what it takes and gives.

use prost::Message;
use serving_model::{ModelError, Signature};

use crate::tensorflow::Feed;
use crate::tensorflow::proto::collection_def::Kind;
use crate::tensorflow::proto::tensor_info::Encoding;
use crate::tensorflow::proto::{
    AssetFileDef, DataType, MetaGraphDef, SavedModel, SignatureDef, TensorInfo, TensorShapeProto,
};

/// The tag of graphs for serving.
const SERVE: &str = "serve";
/// The signature that is taken when none is asked for.
const DEFAULT: &str = "serving_default";
/// How TensorFlow 2 writes down which operation comes before all others.
const INITIALIZER: &str = "__saved_model_init_op";

fn tags(graph: &MetaGraphDef) -> &[String] {
    graph
        .meta_info_def
        .as_ref()
        .map(|info| info.tags.as_slice())
        .unwrap_or_default()
}

/// The graph for serving: the one that has this tag alone, else the first that has it.
///
/// # Errors
/// When there is none.
pub(super) fn serving_graph(mut model: SavedModel) -> Result<MetaGraphDef, ModelError> {
    let alone = model.meta_graphs.iter().position(|graph| tags(graph) == [SERVE]);
    let found = alone.or_else(|| {
        let graphs = &mut model.meta_graphs.iter();
        graphs.position(|graph| tags(graph).iter().any(|tag| tag == SERVE))
    });
    match found {
        Some(index) => Ok(model.meta_graphs.swap_remove(index)),
        None if model.meta_graphs.is_empty() => Err(ModelError::unparsable("not a SavedModel: it has no graph")),
        None => {
            let others: Vec<String> = model.meta_graphs.iter().map(|graph| tags(graph).join("+")).collect();
            Err(ModelError::invalid(format!(
                "no graph has the tag '{SERVE}'; there are: {}",
                others.join(", ")
            )))
        }
    }
}

/// The signatures for callers, sorted by name.
fn signatures(graph: &MetaGraphDef) -> Vec<(&str, &SignatureDef)> {
    let mut all: Vec<(&str, &SignatureDef)> = graph
        .signature_def
        .iter()
        .map(|(name, signature)| (name.as_str(), signature))
        .filter(|(name, _)| *name != INITIALIZER)
        .collect();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

/// The signature of a name; without a name the default one, else the only one that gives something.
///
/// # Errors
/// When there is none, or several and none is the default; with the list of all.
pub(super) fn choose<'a>(graph: &'a MetaGraphDef, wanted: &str) -> Result<(&'a str, &'a SignatureDef), ModelError> {
    let all = signatures(graph);
    let named = |name: &str| all.iter().find(|(known, _)| *known == name).copied();
    let list = || match all.as_slice() {
        [] => "there are none".to_owned(),
        all => format!(
            "there are: {}",
            all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        ),
    };
    if !wanted.is_empty() {
        return named(wanted)
            .ok_or_else(|| ModelError::invalid(format!("the model has no signature '{wanted}'; {}", list())));
    }
    let mut usable = all.iter().filter(|(_, signature)| !signature.outputs.is_empty());
    let only = match (usable.next(), usable.next()) {
        (Some(only), None) => Some(*only),
        _ => None,
    };
    named(DEFAULT).or(only).ok_or_else(|| {
        ModelError::invalid(format!(
            "none of the signatures is '{DEFAULT}', one must be named; {}",
            list()
        ))
    })
}

fn sorted(tensors: &std::collections::HashMap<String, TensorInfo>) -> Vec<(&String, &TensorInfo)> {
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    sorted
}

fn tensor<'a>(name: &str, info: &'a TensorInfo) -> Result<&'a str, ModelError> {
    match &info.encoding {
        Some(Encoding::Name(tensor)) => Ok(tensor),
        Some(Encoding::CooSparse(_) | Encoding::CompositeTensor(_)) => Err(ModelError::unsupported(format!(
            "'{name}' of the signature is a sparse or composed tensor"
        ))),
        None => Err(ModelError::invalid(format!("'{name}' of the signature is no tensor"))),
    }
}

/// Inputs, sorted by name: the file keeps no order.
pub(super) fn feeds(signature: &SignatureDef) -> Result<Vec<Feed>, ModelError> {
    let feed = |(name, info): (&String, &TensorInfo)| {
        Ok(Feed {
            name: name.clone(),
            tensor: tensor(name, info)?.to_owned(),
            dtype: info.dtype,
            shape: info.tensor_shape.clone(),
        })
    };
    sorted(&signature.inputs).into_iter().map(feed).collect()
}

/// Outputs, sorted by name, and their tensors.
pub(super) fn fetches(signature: &SignatureDef) -> Result<Vec<(String, String)>, ModelError> {
    let fetch = |(name, info): (&String, &TensorInfo)| Ok((name.clone(), tensor(name, info)?.to_owned()));
    sorted(&signature.outputs).into_iter().map(fetch).collect()
}

/// The node that has to run first, where there is one.
pub(super) fn initializer(graph: &MetaGraphDef) -> Option<String> {
    let of_signature = graph
        .signature_def
        .get(INITIALIZER)
        .and_then(|signature| signature.outputs.get(INITIALIZER))
        .and_then(|info| match &info.encoding {
            Some(Encoding::Name(name)) => Some(name.clone()),
            _ => None,
        });
    of_signature.or_else(|| {
        let collections = ["saved_model_main_op", "legacy_init_op"];
        collections
            .into_iter()
            .find_map(|name| match &graph.collection_def.get(name)?.kind {
                Some(Kind::NodeList(nodes)) => nodes.value.first().cloned(),
                _ => None,
            })
    })
}

/// The files beside the graph; before TensorFlow 2 they were in a collection.
pub(super) fn assets(graph: &MetaGraphDef) -> Result<Vec<AssetFileDef>, ModelError> {
    if !graph.asset_file_def.is_empty() {
        return Ok(graph.asset_file_def.clone());
    }
    let Some(Kind::AnyList(assets)) = graph
        .collection_def
        .get("saved_model_assets")
        .and_then(|collection| collection.kind.as_ref())
    else {
        return Ok(Vec::new());
    };
    let decoded = assets.value.iter().map(|asset| {
        AssetFileDef::decode(asset.value.as_slice())
            .map_err(|error| ModelError::unparsable(format!("a file in the list of assets: {error}")))
    });
    decoded.collect()
}

/// All signatures, with types and shapes.
pub(super) fn describe(graph: &MetaGraphDef) -> Vec<Signature> {
    let described = signatures(graph).into_iter().map(|(name, signature)| Signature {
        name: name.to_owned(),
        inputs: sorted(&signature.inputs)
            .into_iter()
            .map(|(name, _)| name.clone())
            .collect(),
        description: format!("{} -> {}", tensors(&signature.inputs), tensors(&signature.outputs)),
    });
    described.collect()
}

fn tensors(all: &std::collections::HashMap<String, TensorInfo>) -> String {
    if all.is_empty() {
        return "nothing".to_owned();
    }
    let texts = sorted(all).into_iter().map(|(name, info)| {
        let dtype = DataType::try_from(info.dtype)
            .unwrap_or(DataType::DtInvalid)
            .as_str_name();
        let dtype = dtype.trim_start_matches("DT_").to_ascii_lowercase();
        format!("{name} {dtype}{}", axes(info.tensor_shape.as_ref()))
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// `[?, 11]`; nothing for an unknown number of axes.
fn axes(shape: Option<&TensorShapeProto>) -> String {
    let Some(shape) = shape.filter(|shape| !shape.unknown_rank) else {
        return String::new();
    };
    let axes = shape.dim.iter().map(|axis| match axis.size {
        size if size < 0 => "?".to_owned(),
        size => size.to_string(),
    });
    format!("[{}]", axes.collect::<Vec<_>>().join(", "))
}
