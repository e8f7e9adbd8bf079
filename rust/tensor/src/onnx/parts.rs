//! The parts of an ONNX file.

use serving_model::ModelError;

use crate::parts::Kind;

/// The messages that can repeat within each other.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Tensor,
    ValueInfo,
}

impl Kind for Message {
    fn field(self, number: u32) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::ValueInfo,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            _ => return None,
        })
    }
}

/// Refuses a file with more parts than a model has.
///
/// # Errors
/// `MODEL_UNPARSABLE` for what is no message, `MODEL_TOO_LARGE`.
pub(super) fn check(content: &[u8]) -> Result<(), ModelError> {
    crate::parts::check("an ONNX model", Message::Model, content)
}
