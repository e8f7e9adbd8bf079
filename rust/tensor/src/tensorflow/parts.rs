//! The parts of TensorFlow's files.

use serving_model::ModelError;

use crate::parts::Kind;

/// The messages that can repeat within each other.
#[derive(Clone, Copy)]
enum Message {
    SavedModel,
    MetaGraph,
    CollectionEntry,
    Collection,
    SignatureEntry,
    Signature,
    TensorEntry,
    TensorInfo,
    CompositeTensor,
    SavedObjects,
    SavedObject,
    SavedVariable,
    Graph,
    Library,
    Function,
    OperatorDefinition,
    AttributeDefinition,
    Node,
    AttributeEntry,
    Attribute,
    AttributeList,
    FunctionName,
    Tensor,
    TrackedObjects,
    TrackedObject,
    /// Has nothing but what is counted.
    Flat,
}

impl Kind for Message {
    fn field(self, number: u32) -> Option<Self> {
        Some(match (self, number) {
            (Self::SavedModel, 2) => Self::MetaGraph,
            (Self::MetaGraph, 2) => Self::Graph,
            (Self::MetaGraph, 4) => Self::CollectionEntry,
            (Self::MetaGraph, 5) => Self::SignatureEntry,
            (Self::MetaGraph, 7) => Self::SavedObjects,
            (Self::CollectionEntry, 2) => Self::Collection,
            (Self::SignatureEntry, 2) => Self::Signature,
            (Self::Signature, 1 | 2) => Self::TensorEntry,
            (Self::TensorEntry | Self::CompositeTensor, 2) => Self::TensorInfo,
            (Self::TensorInfo, 5) => Self::CompositeTensor,
            (Self::SavedObjects, 1) => Self::SavedObject,
            (Self::SavedObject, 7) => Self::SavedVariable,
            (Self::Graph, 1) | (Self::Function, 3) => Self::Node,
            (Self::Graph, 2) => Self::Library,
            (Self::Library, 1) => Self::Function,
            (Self::Function, 1) => Self::OperatorDefinition,
            (Self::Node | Self::Function, 5) | (Self::FunctionName, 2) => Self::AttributeEntry,
            (Self::OperatorDefinition, 4) => Self::AttributeDefinition,
            (Self::AttributeEntry, 2) | (Self::AttributeDefinition, 3) => Self::Attribute,
            (Self::Attribute, 1) => Self::AttributeList,
            (Self::Attribute, 10) | (Self::AttributeList, 9) => Self::FunctionName,
            (Self::Attribute | Self::AttributeList, 8) => Self::Tensor,
            (Self::Attribute | Self::AttributeList, 7)
            | (Self::Tensor | Self::SavedVariable, 2)
            | (Self::TensorInfo, 3)
            | (Self::MetaGraph, 1)
            | (Self::Collection, 1 | 5) => Self::Flat,
            (Self::TrackedObjects, 1) => Self::TrackedObject,
            _ => return None,
        })
    }
}

/// Refuses a SavedModel with more parts than a model has.
///
/// # Errors
/// `MODEL_UNPARSABLE` for what is no message, `MODEL_TOO_LARGE`.
pub(crate) fn check_model(content: &[u8]) -> Result<(), ModelError> {
    crate::parts::check("a SavedModel", Message::SavedModel, content)
}

/// The same for a graph.
///
/// # Errors
/// As [`check_model`].
pub(crate) fn check_graph(content: &[u8]) -> Result<(), ModelError> {
    crate::parts::check("a TensorFlow graph", Message::Graph, content)
}

/// The same for the objects of a checkpoint.
///
/// # Errors
/// As [`check_model`].
pub(crate) fn check_objects(content: &[u8]) -> Result<(), ModelError> {
    crate::parts::check("a list of objects", Message::TrackedObjects, content)
}
