//! Sorted tables of keys and values as LevelDB writes them: blocks of entries whose keys leave out what they share with the
//! one before, an index block, and a footer that says where that is.

use std::collections::BTreeMap;

use prost::encoding::decode_varint;
use serving_model::ModelError;

use super::checksum::{extend, masked};

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER: usize = 48;
/// After a block: how it is compressed, and its checksum.
const TRAILER: usize = 5;
/// The format can't compress further than 64 bytes into 3.
const MOST_COMPRESSED: usize = 22;
/// Most bytes of keys and values. Keys can share almost everything, so that a small file could hold a lot of them.
const MOST_BYTES: usize = 1 << 28;

/// Where a block is.
#[derive(Clone, Copy)]
struct Handle {
    offset: usize,
    size: usize,
}

fn damaged(what: &str) -> ModelError {
    ModelError::unparsable(format!("not an index of variables: {what}"))
}

fn number(bytes: &mut &[u8]) -> Result<usize, ModelError> {
    let number = decode_varint(bytes).map_err(|_| damaged("a number is cut off"))?;
    usize::try_from(number).map_err(|_| damaged("a number is too large"))
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], ModelError> {
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or_else(|| damaged("an entry is cut off"))?;
    *bytes = rest;
    Ok(taken)
}

fn handle(bytes: &mut &[u8]) -> Result<Handle, ModelError> {
    let offset = number(bytes)?;
    let size = number(bytes)?;
    Ok(Handle { offset, size })
}

/// All entries of a table.
///
/// # Errors
/// `MODEL_UNPARSABLE` when the table is damaged, `MODEL_TOO_LARGE`.
pub(super) fn read(file: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, ModelError> {
    let (blocks, footer) = file
        .split_last_chunk::<FOOTER>()
        .ok_or_else(|| damaged("it is cut off"))?;
    let (mut handles, magic) = footer.split_last_chunk::<8>().ok_or_else(|| damaged("it is cut off"))?;
    if u64::from_le_bytes(*magic) != MAGIC {
        return Err(damaged("its last bytes are not those of such a file"));
    }
    handle(&mut handles)?;
    let index = handle(&mut handles)?;

    let mut places = Vec::new();
    let mut left = MOST_BYTES;
    let index = block(blocks, index)?;
    entries(&index, &mut left, |_, mut value| {
        places.push(handle(&mut value)?);
        Ok(())
    })?;
    let mut found = BTreeMap::new();
    let mut end = 0;
    for place in places {
        // Blocks that lie over each other would hold more than the file.
        if place.offset < end {
            return Err(damaged("its blocks overlap"));
        }
        end = place.offset.saturating_add(place.size);
        let block = block(blocks, place)?;
        entries(&block, &mut left, |key, value| {
            match found.insert(key.to_vec(), value.to_vec()) {
                None => Ok(()),
                Some(_) => Err(damaged("a key occurs twice")),
            }
        })?;
    }
    Ok(found)
}

/// The entries of a block.
fn block(blocks: &[u8], place: Handle) -> Result<Vec<u8>, ModelError> {
    let mut rest = blocks.get(place.offset..).unwrap_or_default();
    let content = split(&mut rest, place.size).map_err(|_| damaged("a block is cut off"))?;
    let (trailer, _) = rest
        .split_first_chunk::<TRAILER>()
        .ok_or_else(|| damaged("a block is cut off"))?;
    let [kind, a, b, c, d] = *trailer;
    if masked(extend(extend(0, content), &[kind])) != u32::from_le_bytes([a, b, c, d]) {
        return Err(damaged("a block does not have its checksum"));
    }
    match kind {
        0 => Ok(content.to_vec()),
        1 => decompress(content),
        other => Err(damaged(&format!(
            "a block is compressed in a way that is not known ({other})"
        ))),
    }
}

fn decompress(content: &[u8]) -> Result<Vec<u8>, ModelError> {
    let bad = |error: snap::Error| damaged(&format!("a block can't be decompressed: {error}"));
    let length = snap::raw::decompress_len(content).map_err(bad)?;
    if length > content.len().saturating_mul(MOST_COMPRESSED) {
        return Err(damaged("a block claims to be larger than it can be"));
    }
    snap::raw::Decoder::new().decompress_vec(content).map_err(bad)
}

/// Calls `found` with every key and value of a block.
fn entries(
    block: &[u8],
    left: &mut usize,
    mut found: impl FnMut(&[u8], &[u8]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let (rest, restarts) = block
        .split_last_chunk::<4>()
        .ok_or_else(|| damaged("a block is cut off"))?;
    let restarts = u32::from_le_bytes(*restarts) as usize;
    let entries = rest.len().checked_sub(restarts.saturating_mul(4));
    let mut rest = entries
        .and_then(|entries| rest.get(..entries))
        .ok_or_else(|| damaged("a block is shorter than it says"))?;
    let mut key = Vec::new();
    while !rest.is_empty() {
        let (shared, own, length) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        let own = split(&mut rest, own)?;
        let value = split(&mut rest, length)?;
        if shared > key.len() {
            return Err(damaged("a key shares more than there is with the one before"));
        }
        key.truncate(shared);
        key.extend_from_slice(own);
        *left = left
            .checked_sub(key.len() + value.len())
            .ok_or_else(|| ModelError::too_large(format!("the index of variables has more than {MOST_BYTES} bytes")))?;
        found(&key, value)?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
