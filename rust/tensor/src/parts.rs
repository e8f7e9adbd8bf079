//! How many parts a file has, before it is decoded: an empty node takes two bytes of a file, but hundreds of memory.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serving_model::ModelError;

/// Most messages and texts of a file.
const MOST_PARTS: usize = 1 << 21;
/// Deepest nesting of messages; the decoder's own limit.
const MOST_NESTED: usize = 100;

/// The messages of a format that can repeat within each other.
pub(crate) trait Kind: Copy {
    /// What a field holds; `None` for what is counted but not entered.
    fn field(self, number: u32) -> Option<Self>;
}

/// Refuses a file with more parts than a model has; `what` is what the file should be.
///
/// # Errors
/// `MODEL_UNPARSABLE` for what is no message, `MODEL_TOO_LARGE`.
pub(crate) fn check<K: Kind>(what: &str, root: K, content: &[u8]) -> Result<(), ModelError> {
    let unparsable = |error: prost::DecodeError| ModelError::unparsable(format!("not {what}: {error}"));
    let mut parts = 0;
    let mut stack = vec![(root, content)];
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
        let (inside, rest) = inside.ok_or_else(|| ModelError::unparsable(format!("not {what}: it is cut off")))?;
        parts += 1;
        if parts > MOST_PARTS {
            return Err(ModelError::too_large(format!(
                "the model has more than {MOST_PARTS} parts"
            )));
        }
        stack.push((kind, rest));
        if let Some(held) = kind.field(tag) {
            stack.push((held, inside));
        }
    }
    Ok(())
}
