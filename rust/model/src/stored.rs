//! A model as a checkpoint holds it: descriptor, digest, and the zstd-compressed content in one `StoredModel` message.

use std::io;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::factory::version_or_digest;
use crate::wire::model_descriptor::MessageContent;
use crate::wire::{ErrorCode, ModelDescriptor, StoredModel};
use crate::{Digest, Limits, ModelError};

const FORMAT: u32 = 1;
// Level 3 halves the size that level 1 gives for XML at a fraction of the time of parsing it.
const LEVEL: i32 = 3;
// The level's own tables for finding what repeats take 0.8 MB, as much as is compiled of a document of 3 MB. Text of models repeats
// itself at short distances: with these, of 48 kB, documents of all sizes become as small or smaller.
const TABLES: [CParameter; 2] = [CParameter::HashLog(13), CParameter::ChainLog(12)];
/// Number of the field of the content, the last of the message.
const CONTENT: u32 = 5;
/// Most bytes of a field's number and length.
const LONGEST_PREFIX: usize = 11;

/// Packs a model. The descriptor's own content is left out; its version is filled in when it has none.
///
/// # Errors
/// `MODEL_TOO_LARGE` when the content can't be compressed in memory.
pub fn pack(descriptor: &ModelDescriptor, content: &[u8]) -> Result<Vec<u8>, ModelError> {
    pack_with(descriptor, content, Digest::of(content))
}

/// [`pack`] for content whose digest is known.
///
/// # Errors
/// As [`pack`].
pub fn pack_with(descriptor: &ModelDescriptor, content: &[u8], digest: Digest) -> Result<Vec<u8>, ModelError> {
    let mut bare = descriptor.clone();
    if let Some(MessageContent::Data(_)) = bare.message_content {
        bare.message_content = None;
    }
    bare.version = version_or_digest(descriptor, &digest);
    let mut head = StoredModel {
        format: FORMAT,
        descriptor: Some(bare),
        sha256: digest.as_bytes().to_vec(),
        length: content.len() as u64,
        content: Bytes::new(),
    }
    .encode_to_vec();
    // The last field is compressed to where it stays: a model may be as large as the memory that is left.
    let room = head.len() + LONGEST_PREFIX;
    let mut packed = vec![0; room + zstd::zstd_safe::compress_bound(content.len())];
    let length = compress(content, &mut packed[room..])
        .map_err(|error| ModelError::too_large(format!("content can't be compressed: {error}")))?;
    encode_key(CONTENT, WireType::LengthDelimited, &mut head);
    encode_varint(length as u64, &mut head);
    packed[..head.len()].copy_from_slice(&head);
    packed.copy_within(room..room + length, head.len());
    packed.truncate(head.len() + length);
    Ok(packed)
}

fn compress(content: &[u8], to: &mut [u8]) -> io::Result<usize> {
    let mut compressor = Compressor::new(LEVEL)?;
    for table in TABLES {
        compressor.set_parameter(table)?;
    }
    compressor.compress_to_buffer(content, to)
}

/// Unpacks a model: descriptor without content, content, digest.
///
/// # Errors
/// `MODEL_UNPARSABLE` when the bytes are damaged or of a later format, `DIGEST_MISMATCH` when the content is not what was
/// packed, `MODEL_TOO_LARGE` when it exceeds the limits.
pub fn unpack(bytes: &[u8], limits: Limits) -> Result<(ModelDescriptor, Vec<u8>, Digest), ModelError> {
    let stored = StoredModel::decode(bytes)
        .map_err(|error| ModelError::unparsable(format!("stored model is damaged: {error}")))?;
    if stored.format != FORMAT {
        return Err(ModelError::unparsable(format!(
            "stored model has format {}, this library reads format {FORMAT}",
            stored.format
        )));
    }
    let length = usize::try_from(stored.length).unwrap_or(usize::MAX);
    if length > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "stored model has {length} bytes, the limit is {}",
            limits.content_bytes
        )));
    }
    let content = zstd::bulk::decompress(&stored.content, length)
        .map_err(|error| ModelError::unparsable(format!("stored model can't be decompressed: {error}")))?;
    let digest = Digest::of(&content);
    if stored.sha256 != digest.as_bytes() {
        return Err(ModelError::new(
            ErrorCode::DigestMismatch,
            "stored model is not the one that was stored",
        ));
    }
    let descriptor = stored
        .descriptor
        .ok_or_else(|| ModelError::unparsable("stored model has no descriptor"))?;
    Ok((descriptor, content, digest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn descriptor() -> ModelDescriptor {
        ModelDescriptor {
            name: "quality".into(),
            data_type: "wine".into(),
            message_content: Some(MessageContent::Data(Bytes::from_static(b"content"))),
            ..ModelDescriptor::default()
        }
    }

    proptest! {
        #[test]
        fn content_survives(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let stored = pack(&descriptor(), &content).unwrap();
            let (unpacked, back, digest) = unpack(&stored, Limits::default()).unwrap();
            prop_assert_eq!(&back, &content);
            prop_assert_eq!(digest, Digest::of(&content));
            prop_assert_eq!(unpacked.name, "quality");
            prop_assert_eq!(unpacked.message_content, None);
        }

        #[test]
        fn damage_is_an_error_or_harmless(position in 0_usize..200, bit in 0_u8..8) {
            let content = [7_u8; 500];
            let mut stored = pack(&descriptor(), &content).unwrap();
            let position = position % stored.len();
            stored[position] ^= 1 << bit;
            if let Ok((_, back, _)) = unpack(&stored, Limits::default()) {
                prop_assert_eq!(back, content);
            }
        }
    }

    #[test]
    fn packing_takes_one_buffer_beside_the_content() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 56) as u8
        });
        let content: Vec<u8> = noise.take(1 << 20).collect();
        let mut packed = Vec::new();
        let counted = allocation_counter::measure(|| packed = pack(&descriptor(), &content).unwrap());
        assert!(counted.bytes_max < (1 << 20) + (1 << 16), "{} bytes", counted.bytes_max);
        assert_eq!(unpack(&packed, Limits::default()).unwrap().1, content);
    }

    #[test]
    fn a_lying_length_allocates_nothing_beyond_the_limit() {
        let mut stored = StoredModel::decode(pack(&descriptor(), b"x").unwrap().as_slice()).unwrap();
        stored.length = u64::MAX;
        let error = unpack(&stored.encode_to_vec(), Limits::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelTooLarge);
    }
}
