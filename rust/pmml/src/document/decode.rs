//! The encodings of a document.

use std::borrow::Cow;

use serving_model::{ModelError, Place};

/// The content as text: UTF-8 with or without mark, UTF-16 with mark, or ISO-8859-1 when it says so.
pub(super) fn decode(content: &[u8]) -> Result<Cow<'_, str>, ModelError> {
    let utf16 = |units: &mut dyn Iterator<Item = u16>| {
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map(Cow::Owned)
            .map_err(|_| ModelError::unparsable("content is not valid UTF-16"))
    };
    match content {
        [0xff, 0xfe, rest @ ..] => utf16(&mut rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))),
        [0xfe, 0xff, rest @ ..] => utf16(&mut rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))),
        _ => {
            let content = content.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(content);
            match std::str::from_utf8(content) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => {
                    let head = content[..content.len().min(200)].to_ascii_lowercase();
                    let says = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
                    if says(b"iso-8859-1") || says(b"windows-1252") || says(b"latin1") {
                        return Ok(Cow::Owned(content.iter().map(|byte| char::from(*byte)).collect()));
                    }
                    let before = &content[..error.valid_up_to()];
                    let line = 1 + before.iter().map(|byte| u32::from(*byte == b'\n')).sum::<u32>();
                    Err(ModelError::unparsable("content is not valid UTF-8").at(Place::line(line)))
                }
            }
        }
    }
}
