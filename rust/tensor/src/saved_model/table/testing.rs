//! Tables, written for tests.

use super::{FOOTER, MAGIC, extend, masked};

/// An index of the given entries, in one block.
pub(crate) fn index(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    entries.sort();
    let entries: Vec<(u64, &[u8], &[u8])> = entries
        .iter()
        .map(|(key, value)| (0, key.as_slice(), value.as_slice()))
        .collect();
    table(&[content(&entries)], false)
}

/// A block with its trailer, and where it is.
pub(crate) fn append(file: &mut Vec<u8>, content: &[u8], compressed: bool) -> Vec<u8> {
    let stored = if compressed {
        snap::raw::Encoder::new().compress_vec(content).unwrap()
    } else {
        content.to_vec()
    };
    let mut place = Vec::new();
    prost::encoding::encode_varint(file.len() as u64, &mut place);
    prost::encoding::encode_varint(stored.len() as u64, &mut place);
    let kind = u8::from(compressed);
    let checksum = masked(extend(extend(0, &stored), &[kind]));
    file.extend(stored);
    file.push(kind);
    file.extend(checksum.to_le_bytes());
    place
}

/// Entries of (shared, own part of the key, value), with one restart.
pub(crate) fn content(entries: &[(u64, &[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (shared, own, value) in entries {
        for number in [*shared, own.len() as u64, value.len() as u64] {
            prost::encoding::encode_varint(number, &mut block);
        }
        block.extend(*own);
        block.extend(*value);
    }
    block.extend(0_u32.to_le_bytes());
    block.extend(1_u32.to_le_bytes());
    block
}

pub(crate) fn table(blocks: &[Vec<u8>], compressed: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let places: Vec<Vec<u8>> = blocks
        .iter()
        .map(|block| append(&mut file, block, compressed))
        .collect();
    finish(file, &places, compressed)
}

pub(crate) fn finish(mut file: Vec<u8>, places: &[Vec<u8>], compressed: bool) -> Vec<u8> {
    let index: Vec<(u64, &[u8], &[u8])> = places.iter().map(|place| (0, &b"k"[..], place.as_slice())).collect();
    let meta = append(&mut file, &content(&[]), false);
    let index = append(&mut file, &content(&index), compressed);
    let mut footer = [meta, index].concat();
    footer.resize(FOOTER - 8, 0);
    file.extend(footer);
    file.extend(MAGIC.to_le_bytes());
    file
}
