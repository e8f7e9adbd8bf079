//! The checkpoint of a SavedModel ("tensor bundle"): an index of tensors, and shards with their bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use prost::Message;
use prost::encoding::decode_varint;
use serving_model::ModelError;

use super::checksum::{extend, masked};
use super::slices::{Part, slice_key};
use super::table;
use crate::archive::Files;
use crate::array::{Array, DType, Text, elements};
use crate::ops::convert::from_bytes;
use crate::tensorflow::attributes::{dtype, shape};
use crate::tensorflow::proto::bundle_header_proto::Endianness;
use crate::tensorflow::proto::{BundleEntryProto, BundleHeaderProto, DataType};

/// What the names of the checkpoint's files begin with.
const PREFIX: &str = "variables/variables";
/// The version of the format that is understood.
const VERSION: i32 = 1;
/// Where the objects of TensorFlow 2 and their keys are.
pub(super) const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// A checkpoint whose tensors are read when they are asked for.
pub(super) struct Checkpoint<'a> {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    shards: HashMap<usize, &'a [u8]>,
}

fn at(key: &str) -> impl Fn(ModelError) -> ModelError {
    move |error| ModelError {
        message: format!("'{key}' of the checkpoint: {}", error.message),
        ..error
    }
}

impl<'a> Checkpoint<'a> {
    /// Reads the index. A model without variables may have none.
    ///
    /// # Errors
    /// `MODEL_UNPARSABLE` when the index is damaged, `MODEL_UNSUPPORTED` for another version or byte order, `MODEL_INVALID` when a
    /// shard is missing.
    pub(super) fn open(files: &'a Files<'_>) -> Result<Self, ModelError> {
        let Some(index) = files.get(&format!("{PREFIX}.index")) else {
            return Ok(Self {
                entries: BTreeMap::new(),
                shards: HashMap::new(),
            });
        };
        let entries = table::read(index)?;
        let header = entries
            .get(&b""[..])
            .ok_or_else(|| ModelError::unparsable("the index of variables has no header"))?;
        let header = BundleHeaderProto::decode(header.as_slice())
            .map_err(|error| ModelError::unparsable(format!("the header of the index of variables: {error}")))?;
        if header.endianness != i32::from(Endianness::Little) {
            return Err(ModelError::unsupported(
                "variables with the most significant byte first",
            ));
        }
        let needed = header.version.unwrap_or_default().min_consumer;
        if needed > VERSION {
            return Err(ModelError::unsupported(format!(
                "variables in version {needed} of the format, {VERSION} is supported"
            )));
        }
        let count = usize::try_from(header.num_shards).unwrap_or_default();
        let mut shards = HashMap::new();
        for shard in 0..count {
            let name = format!("{PREFIX}.data-{shard:05}-of-{count:05}");
            let content = files
                .get(&name)
                .ok_or_else(|| ModelError::invalid(format!("the file '{name}' is missing")))?;
            shards.insert(shard, content);
        }
        Ok(Self { entries, shards })
    }

    /// Whether there is a tensor of this key.
    pub(super) fn contains(&self, key: &str) -> bool {
        !key.is_empty() && self.entries.contains_key(key.as_bytes())
    }

    fn entry(&self, key: &[u8]) -> Result<BundleEntryProto, ModelError> {
        let entry = self
            .entries
            .get(key)
            .ok_or_else(|| ModelError::invalid("it is not there"))?;
        BundleEntryProto::decode(entry.as_slice())
            .map_err(|error| ModelError::unparsable(format!("its entry can't be read: {error}")))
    }

    /// The tensor of a key.
    ///
    /// # Errors
    /// When it is not there, lies outside of its shard, does not have its checksum, or its type is not supported.
    pub(super) fn tensor(&self, key: &str) -> Result<Array, ModelError> {
        self.read(key).map_err(at(key))
    }

    fn read(&self, key: &str) -> Result<Array, ModelError> {
        let entry = self.entry(key.as_bytes())?;
        let (shape, count) = shape_of(&entry)?;
        let kind = dtype(entry.dtype)?;
        let data = if entry.slices.is_empty() {
            if kind == DType::Text {
                return self.texts(&entry, shape, count);
            }
            let bytes = self.bytes(&entry)?;
            check(&entry, extend(0, bytes))?;
            from_bytes(kind, count, bytes)
        } else {
            let bytes = self.put_together(key, &entry, &shape, count)?;
            from_bytes(kind, count, &bytes)
        };
        let data = data
            .ok_or_else(|| ModelError::invalid(format!("{} bytes for shape {shape:?} of type {kind}", entry.size)))?;
        Ok(Array { shape, data })
    }

    /// The bytes of an entry, unchecked.
    fn bytes(&self, entry: &BundleEntryProto) -> Result<&'a [u8], ModelError> {
        let place = (|| {
            let shard = self.shards.get(&usize::try_from(entry.shard_id).ok()?)?;
            let start = usize::try_from(entry.offset).ok()?;
            let end = start.checked_add(usize::try_from(entry.size).ok()?)?;
            shard.get(start..end)
        })();
        place.ok_or_else(|| {
            ModelError::invalid(format!(
                "its {} bytes at {} of shard {} are not in the file",
                entry.size, entry.offset, entry.shard_id
            ))
        })
    }

    /// A variable that is stored in parts.
    fn put_together(
        &self,
        key: &str,
        whole: &BundleEntryProto,
        shape: &[usize],
        count: usize,
    ) -> Result<Vec<u8>, ModelError> {
        let mut parts = Vec::with_capacity(whole.slices.len());
        let mut found = 0_usize;
        for slice in &whole.slices {
            let part = Part::new(slice, shape)?;
            let entry = self.entry(&slice_key(key, slice))?;
            if entry.dtype != whole.dtype || !entry.slices.is_empty() || shape_of(&entry)?.0 != part.lengths() {
                return Err(ModelError::invalid("a part of it has another type or shape"));
            }
            let content = self.bytes(&entry)?;
            check(&entry, extend(0, content))?;
            found = found.saturating_add(part.count());
            parts.push((part, content));
        }
        // Before the whole is allocated: what a shape claims must be there.
        let unfit = || ModelError::invalid("its parts do not make up the whole");
        let bytes: usize = parts.iter().map(|(_, content)| content.len()).sum();
        if found != count {
            return Err(unfit());
        }
        let width = bytes.checked_div(count).unwrap_or_default();
        if parts
            .iter()
            .any(|(part, content)| content.len() != part.count() * width)
        {
            return Err(unfit());
        }
        let mut all = vec![0; bytes];
        for (part, content) in parts {
            part.copy_into(content, &mut all, width);
        }
        Ok(all)
    }

    /// Texts: their lengths, a checksum of these, and their bytes.
    fn strings(&self, entry: &BundleEntryProto, count: usize) -> Result<Vec<&'a [u8]>, ModelError> {
        let cut_off = || ModelError::invalid("its texts are cut off");
        let mut rest = self.bytes(entry)?;
        if count > rest.len() {
            return Err(cut_off());
        }
        let mut lengths = Vec::with_capacity(count);
        let mut checksum = 0;
        for _ in 0..count {
            let length = decode_varint(&mut rest).map_err(|_| cut_off())?;
            checksum = match u32::try_from(length) {
                Ok(length) => extend(checksum, &length.to_le_bytes()),
                Err(_) => extend(checksum, &length.to_le_bytes()),
            };
            lengths.push(usize::try_from(length).map_err(|_| cut_off())?);
        }
        let (stored, mut rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        if u32::from_le_bytes(*stored) != masked(checksum) {
            return Err(ModelError::invalid(
                "the lengths of its texts do not have their checksum",
            ));
        }
        checksum = extend(extend(checksum, stored), rest);
        check(entry, checksum)?;
        let mut texts = Vec::with_capacity(count);
        for length in lengths {
            let (text, after) = rest.split_at_checked(length).ok_or_else(cut_off)?;
            texts.push(text);
            rest = after;
        }
        Ok(texts)
    }

    fn texts(&self, entry: &BundleEntryProto, shape: Vec<usize>, count: usize) -> Result<Array, ModelError> {
        let texts = self.strings(entry, count)?.into_iter().map(|text| {
            std::str::from_utf8(text)
                .map(Text::from)
                .map_err(|_| ModelError::unsupported("a text that is not UTF-8"))
        });
        Ok(Array::new(shape, texts.collect::<Result<Vec<Text>, _>>()?))
    }

    /// The bytes of a single text.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub(super) fn string(&self, key: &str) -> Result<Cow<'a, [u8]>, ModelError> {
        let read = || {
            let entry = self.entry(key.as_bytes())?;
            if entry.dtype != i32::from(DataType::DtString) || shape_of(&entry)?.1 != 1 {
                return Err(ModelError::invalid("it is not a text"));
            }
            match self.strings(&entry, 1)?.as_slice() {
                [text] => Ok(Cow::Borrowed(*text)),
                _ => Err(ModelError::invalid("it is not a text")),
            }
        };
        read().map_err(at(key))
    }
}

fn check(entry: &BundleEntryProto, checksum: u32) -> Result<(), ModelError> {
    if masked(checksum) == entry.crc32c {
        return Ok(());
    }
    Err(ModelError::invalid("its bytes do not have their checksum"))
}

/// Lengths of the axes, and number of elements.
fn shape_of(entry: &BundleEntryProto) -> Result<(Vec<usize>, usize), ModelError> {
    let axes = entry.shape.as_ref().map_or(Some(Vec::new()), shape);
    let axes: Option<Vec<usize>> = axes.and_then(|axes| axes.into_iter().collect());
    let axes = axes.ok_or_else(|| ModelError::invalid("its shape is not definite"))?;
    let count = elements(&axes).map_err(|trouble| ModelError::too_large(trouble.message))?;
    Ok((axes, count))
}

#[cfg(test)]
mod tests;
