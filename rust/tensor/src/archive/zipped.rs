//! Unpacks zip archives.

use std::borrow::Cow;
use std::io::Cursor;

use serving_model::ModelError;
use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive};

use super::tarball::read;
use super::{Unpacked, refused};

/// How much smaller a file of a model may have become: weights hardly do, and a run of zeros becomes a thousandth.
const MOST_COMPRESSED: u64 = 1 << 10;

fn damaged(error: &impl std::fmt::Display) -> ModelError {
    ModelError::unparsable(format!("the zip is damaged: {error}"))
}

/// Unpacks a zip. Files that are not compressed stay where they are.
///
/// # Errors
/// When it is damaged, has links or is compressed otherwise than by deflate, and those of [`Unpacked::add`].
pub(super) fn unpack<'a>(content: &'a [u8], into: &mut Unpacked<'a>) -> Result<(), ModelError> {
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(|error| damaged(&error))?;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|error| damaged(&error))?;
        let path = file.name().map_err(|error| damaged(&error))?.into_owned();
        if file.is_dir() {
            continue;
        }
        if file.is_symlink() || !file.is_file() {
            return Err(refused(&path, "is neither a file nor a folder"));
        }
        let unpacked = match file.compression() {
            CompressionMethod::Stored => Cow::Borrowed(stored(content, &file, &path)?),
            _ => Cow::Owned(inflated(file, &path, into)?),
        };
        into.add(&path, unpacked)?;
    }
    Ok(())
}

fn stored<'a, R: std::io::Read>(content: &'a [u8], file: &ZipFile<'_, R>, path: &str) -> Result<&'a [u8], ModelError> {
    let place = file.data_start().and_then(|start| {
        let start = usize::try_from(start).ok()?;
        content.get(start..start.checked_add(usize::try_from(file.size()).ok()?)?)
    });
    let found = place.ok_or_else(|| refused(path, "is cut off"))?;
    if crc32fast::hash(found) != file.crc32() {
        return Err(refused(path, "does not have its checksum"));
    }
    Ok(found)
}

fn inflated<R: std::io::Read>(file: ZipFile<'_, R>, path: &str, into: &Unpacked<'_>) -> Result<Vec<u8>, ModelError> {
    let length = into.room(file.size())?;
    if file.size() / MOST_COMPRESSED > file.compressed_size() {
        return Err(refused(path, "claims to be larger than it can be"));
    }
    // The reader compares the checksum at the end, which it must be asked for.
    let content =
        read(file, length.saturating_add(1)).map_err(|error| refused(path, &format!("is damaged: {error}")))?;
    if content.len() != length {
        return Err(refused(path, "does not have the size that it says"));
    }
    Ok(content)
}
