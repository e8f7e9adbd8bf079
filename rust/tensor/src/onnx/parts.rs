//! How many parts a file has, before it is decoded: an empty node takes two bytes of a file, but hundreds of memory.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serving_model::ModelError;

/// Most messages and texts of a file.
const MOST_PARTS: usize = 1 << 21;
/// Deepest nesting of messages; the decoder's own limit.
const MOST_NESTED: usize = 100;

/// The messages that can repeat within each other.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Tensor,
    ValueInfo,
    /// Anything else, counted but not entered.
    Leaf,
}

impl Kind {
    /// What a field holds.
    fn field(self, number: u32) -> Self {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::ValueInfo,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            _ => Self::Leaf,
        }
    }
}

/// Refuses a file with more parts than a model has.
///
/// # Errors
/// `MODEL_UNPARSABLE` for what is no message, `MODEL_TOO_LARGE`.
pub(super) fn check(content: &[u8]) -> Result<(), ModelError> {
    let unparsable = |error: prost::DecodeError| ModelError::unparsable(format!("not an ONNX model: {error}"));
    let mut parts = 0;
    let mut stack = vec![(Kind::Model, content)];
    while let Some((kind, mut rest)) = stack.pop() {
        if rest.is_empty() {
            continue;
        }
        if stack.len() > MOST_NESTED {
            return Err(ModelError::too_large(format!(
                "messages are nested more than {MOST_NESTED} deep"
            )));
        }
        let (tag, wire_type) = decode_key(&mut rest).map_err(unparsable)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default()).map_err(unparsable)?;
            stack.push((kind, rest));
            continue;
        }
        let length = decode_varint(&mut rest).map_err(unparsable)?;
        let inside = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length));
        let (inside, rest) = inside.ok_or_else(|| ModelError::unparsable("not an ONNX model: it is cut off"))?;
        parts += 1;
        if parts > MOST_PARTS {
            return Err(ModelError::too_large(format!(
                "the model has more than {MOST_PARTS} parts"
            )));
        }
        stack.push((kind, rest));
        let held = kind.field(tag);
        if !matches!(held, Kind::Leaf) {
            stack.push((held, inside));
        }
    }
    Ok(())
}
