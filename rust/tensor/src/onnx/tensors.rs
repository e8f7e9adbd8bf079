//! Tensors of the file.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use serving_model::ModelError;

use super::proto::{SparseTensorProto, TensorProto, tensor_proto::DataLocation};
use crate::archive::Files;
use crate::array::{Array, BF16, DType, Data, Element, F16, Text, elements};
use crate::ops::convert::{cast, from_bytes};

/// Names of element types by their numbers, for messages.
const NAMES: [&str; 27] = [
    "undefined",
    "float32",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "float64",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1",
    "float8e8m0",
    "uint2",
    "int2",
];

/// The element type behind a number of the protocol.
///
/// # Errors
/// `MODEL_UNSUPPORTED`, or `MODEL_INVALID` for a number that the protocol does not have.
pub(super) fn dtype(number: i32) -> Result<DType, ModelError> {
    Ok(match number {
        1 => DType::F32,
        2 => DType::U8,
        3 => DType::I8,
        4 => DType::U16,
        5 => DType::I16,
        6 => DType::I32,
        7 => DType::I64,
        8 => DType::Text,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        12 => DType::U32,
        13 => DType::U64,
        16 => DType::BF16,
        other => {
            let name = usize::try_from(other)
                .ok()
                .filter(|n| *n > 0)
                .and_then(|n| NAMES.get(n));
            return Err(match name {
                Some(name) => ModelError::unsupported(format!("elements of type {name} are not supported")),
                None => ModelError::invalid(format!("there is no element type {other}")),
            });
        }
    })
}

/// Where external data may be read, and how much of it.
#[derive(Debug)]
pub(super) struct External<'a> {
    place: Location<'a>,
    /// Bytes that may still be read.
    left: u64,
}

#[derive(Debug)]
enum Location<'a> {
    Nowhere,
    /// The folder of the model, links resolved.
    Folder(PathBuf),
    /// The files of the model's folder, out of an archive.
    Files(Files<'a>),
}

impl<'a> External<'a> {
    /// There is none.
    pub(super) fn nowhere() -> Self {
        Self {
            place: Location::Nowhere,
            left: 0,
        }
    }

    /// In the folder that the model lies in.
    pub(super) fn folder(folder: Option<&Path>, bytes: usize) -> Self {
        let folder = folder.and_then(|folder| folder.canonicalize().ok());
        Self {
            place: folder.map_or(Location::Nowhere, Location::Folder),
            left: bytes as u64,
        }
    }

    /// Beside the model in its archive.
    pub(super) fn files(files: Files<'a>, bytes: usize) -> Self {
        Self {
            place: Location::Files(files),
            left: bytes as u64,
        }
    }

    /// Reads the bytes that a tensor refers to.
    ///
    /// # Errors
    /// `MODEL_INVALID` for a reference out of the folder or beyond the file, `MODEL_UNSUPPORTED` when the model came without
    /// a folder, `MODEL_TOO_LARGE`.
    pub(super) fn read(&mut self, tensor: &TensorProto) -> Result<Vec<u8>, ModelError> {
        let entry = |key: &str| {
            tensor
                .external_data
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &*entry.value)
        };
        let location = entry("location").unwrap_or_default();
        let invalid = |why: &str| ModelError::invalid(format!("tensor '{}' lies in '{location}': {why}", tensor.name));
        if matches!(self.place, Location::Nowhere) {
            return Err(ModelError::unsupported(format!(
                "tensor '{}' lies in the file '{location}', but the model came without its folder: deliver that, or a zip or tar of it",
                tensor.name
            )));
        }
        let relative = Path::new(location);
        let stays = !location.is_empty()
            && !location.contains(['\\', '\0'])
            && relative
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays {
            return Err(invalid("external data must lie in the folder of the model"));
        }
        let number = |key: &str| match entry(key) {
            Some(text) => text
                .parse::<u64>()
                .map(Some)
                .map_err(|_| invalid(&format!("{key} is '{text}'"))),
            None => Ok(None),
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let mut source = self.open(relative).map_err(|why| invalid(&why))?;
        let rest = source
            .len()
            .and_then(|bytes| {
                bytes
                    .checked_sub(offset)
                    .ok_or("the offset is beyond the file".to_owned())
            })
            .map_err(|why| invalid(&why))?;
        let length = length.unwrap_or(rest);
        if length > rest {
            return Err(invalid("the data is cut off"));
        }
        let left = self.left.checked_sub(length);
        let left = left.ok_or_else(|| ModelError::too_large("external data exceeds the limit of a model's content"))?;
        let bytes = source
            .read(offset, length)
            .map_err(|error| invalid(&error.to_string()))?;
        if bytes.len() as u64 != length {
            return Err(invalid("the data is cut off"));
        }
        self.left = left;
        Ok(bytes)
    }

    /// Opens the file at a path that names no folder but those below the model's.
    fn open(&self, relative: &Path) -> Result<Source<'_>, String> {
        match &self.place {
            Location::Nowhere => Err("the model came without its folder".to_owned()),
            Location::Folder(folder) => {
                // Links are resolved: one that leads out of the folder is refused.
                let path = folder
                    .join(relative)
                    .canonicalize()
                    .map_err(|error| error.to_string())?;
                if !path.starts_with(folder) {
                    return Err("external data must lie in the folder of the model".to_owned());
                }
                File::open(&path).map(Source::File).map_err(|error| error.to_string())
            }
            Location::Files(files) => {
                let parts = relative.components().filter(|part| *part != Component::CurDir);
                let path = parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>();
                let content = files.get(&path.join("/"));
                content
                    .map(Source::Content)
                    .ok_or_else(|| "there is no such file".to_owned())
            }
        }
    }
}

/// A file with external data.
enum Source<'a> {
    File(File),
    Content(&'a [u8]),
}

impl Source<'_> {
    fn len(&self) -> Result<u64, String> {
        match self {
            Self::File(file) => match file.metadata() {
                Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
                Ok(_) => Err("that is no file".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Self::Content(content) => Ok(content.len() as u64),
        }
    }

    /// So many bytes from an offset; fewer when the file has become shorter.
    fn read(&mut self, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length as usize);
        match self {
            Self::File(file) => {
                file.seek(SeekFrom::Start(offset))?;
                file.take(length).read_to_end(&mut bytes)?;
            }
            Self::Content(content) => {
                let from = content.get(offset as usize..).unwrap_or_default();
                bytes.extend_from_slice(&from[..from.len().min(length as usize)]);
            }
        }
        Ok(bytes)
    }
}

/// A tensor of the file.
///
/// # Errors
/// When shape and elements contradict each other, the type is not supported, or there are too many elements.
pub(super) fn tensor(tensor: &TensorProto, external: &mut External<'_>) -> Result<Array, ModelError> {
    let named = |message: String| format!("tensor '{}': {message}", tensor.name);
    let shape = tensor
        .dims
        .iter()
        .map(|length| usize::try_from(*length).ok())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| ModelError::invalid(named(format!("shape {:?}", tensor.dims))))?;
    let count = elements(&shape).map_err(|trouble| ModelError::too_large(named(trouble.message)))?;
    let outside;
    let bytes = if tensor.data_location() == DataLocation::External {
        outside = external.read(tensor)?;
        Some(outside.as_slice())
    } else if tensor.raw_data.is_empty() {
        None
    } else {
        Some(tensor.raw_data.as_slice())
    };
    let contradiction = |found: usize| {
        ModelError::invalid(named(format!(
            "{count} elements of shape {shape:?}, but data for {found}"
        )))
    };
    // Narrow integers, several in a byte, are read into the next wider type.
    if let Some((bits, signed)) = packed_bits(tensor.data_type) {
        let listed: Vec<u8>;
        let bytes = if let Some(bytes) = bytes {
            bytes
        } else {
            listed = tensor.int32_data.iter().map(|packed| *packed as u8).collect();
            &listed
        };
        if bytes.len() != (count * bits).div_ceil(8) {
            return Err(contradiction(bytes.len() * 8 / bits));
        }
        return Ok(unpacked(shape, count, bytes, bits, signed));
    }
    let dtype = dtype(tensor.data_type).map_err(|error| ModelError::new(error.code, named(error.message)))?;
    if let Some(bytes) = bytes {
        let data = from_bytes(dtype, count, bytes).ok_or_else(|| contradiction(bytes.len()))?;
        return Ok(Array { shape, data });
    }
    let (found, data) = listed(tensor, dtype).map_err(|message| ModelError::invalid(named(message)))?;
    if found != count {
        return Err(contradiction(found));
    }
    Ok(Array { shape, data })
}

/// The elements in the list of their type, and their number.
fn listed(tensor: &TensorProto, dtype: DType) -> Result<(usize, Data), String> {
    fn all<T: Element>(values: Vec<T>) -> (usize, Data) {
        (values.len(), T::wrap(values))
    }
    fn narrow<T: Element + TryFrom<i32>>(values: &[i32]) -> Result<(usize, Data), String> {
        let converted = values
            .iter()
            .map(|value| T::try_from(*value).map_err(|_| format!("{value} is no {}", T::DTYPE)));
        Ok(all(converted.collect::<Result<Vec<T>, _>>()?))
    }
    let ints = &tensor.int32_data;
    Ok(match dtype {
        DType::F32 => all(tensor.float_data.clone()),
        DType::F64 => all(tensor.double_data.clone()),
        DType::I32 => all(ints.clone()),
        DType::I64 => all(tensor.int64_data.clone()),
        DType::U64 => all(tensor.uint64_data.clone()),
        DType::U32 => {
            let values = tensor.uint64_data.iter().map(|value| u32::try_from(*value));
            all(values
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| "a number beyond uint32".to_owned())?)
        }
        DType::I8 => narrow::<i8>(ints)?,
        DType::I16 => narrow::<i16>(ints)?,
        DType::U8 => narrow::<u8>(ints)?,
        DType::U16 => narrow::<u16>(ints)?,
        DType::Bool => all(ints.iter().map(|value| *value != 0).collect()),
        DType::F16 => all(ints.iter().map(|bits| F16(*bits as u16)).collect()),
        DType::BF16 => all(ints.iter().map(|bits| BF16(*bits as u16)).collect()),
        DType::Text => {
            let texts = tensor
                .string_data
                .iter()
                .map(|bytes| std::str::from_utf8(bytes).map(Text::from));
            all(texts
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| error.to_string())?)
        }
        DType::List | DType::Map | DType::Nothing => return Err(format!("a {dtype} is no tensor")),
    })
}

/// Width and sign of types that share a byte.
fn packed_bits(number: i32) -> Option<(usize, bool)> {
    match number {
        21 => Some((4, false)),
        22 => Some((4, true)),
        25 => Some((2, false)),
        26 => Some((2, true)),
        _ => None,
    }
}

fn unpacked(shape: Vec<usize>, count: usize, bytes: &[u8], bits: usize, signed: bool) -> Array {
    let per_byte = 8 / bits;
    let value = |n: usize| bytes[n / per_byte] >> (n % per_byte * bits) & ((1 << bits) - 1);
    if signed {
        // The sign bit moves up and its copies come down with it.
        let up = 8 - bits;
        Array::new(
            shape,
            (0..count).map(|n| (value(n) << up).cast_signed() >> up).collect(),
        )
    } else {
        Array::new(shape, (0..count).map(value).collect())
    }
}

/// A sparse tensor, spread out.
///
/// # Errors
/// As [`tensor`], and for indices out of range.
pub(super) fn sparse(sparse: &SparseTensorProto, external: &mut External<'_>) -> Result<(String, Array), ModelError> {
    let (Some(values), Some(indices)) = (&sparse.values, &sparse.indices) else {
        return Err(ModelError::invalid("a sparse tensor has no values or no indices"));
    };
    let name = values.name.clone();
    let invalid = |message: &str| ModelError::invalid(format!("sparse tensor '{name}': {message}"));
    let shape = sparse
        .dims
        .iter()
        .map(|length| usize::try_from(*length).ok())
        .collect::<Option<Vec<_>>>();
    let shape = shape.ok_or_else(|| invalid("negative lengths"))?;
    let count = elements(&shape).map_err(|trouble| ModelError::too_large(trouble.message))?;
    let given = tensor(values, external)?;
    let places = tensor(indices, external)?
        .integers()
        .map_err(|trouble| invalid(&trouble.message))?;
    let rank = if places.len() == given.len() { 1 } else { shape.len() };
    if places.len() != given.len() * rank {
        return Err(invalid("there is not one index for each value"));
    }
    let wide = cast(&given, DType::F64).map_err(|trouble| invalid(&trouble.message))?;
    let mut all = vec![0.0; count];
    for (value, place) in wide
        .view::<f64>()
        .unwrap_or_default()
        .iter()
        .zip(places.chunks_exact(rank.max(1)))
    {
        let flat = match place {
            [flat] if rank == 1 => usize::try_from(*flat).ok(),
            coordinates => coordinates.iter().zip(&shape).try_fold(0_usize, |flat, (at, length)| {
                let at = usize::try_from(*at).ok().filter(|at| at < length)?;
                Some(flat * length + at)
            }),
        };
        let slot = flat
            .and_then(|flat| all.get_mut(flat))
            .ok_or_else(|| invalid("an index is out of range"))?;
        *slot = *value;
    }
    let spread = cast(&Array::new(shape, all), given.dtype()).map_err(|trouble| invalid(&trouble.message))?;
    Ok((name, spread))
}
