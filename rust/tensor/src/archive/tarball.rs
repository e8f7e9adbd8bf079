//! Unpacks tar archives, as they are and compressed by gzip.

use std::borrow::Cow;
use std::io::Read;

use serving_model::ModelError;
use tar::{Archive, EntryType};

use super::{Unpacked, refused};

const BLOCK: usize = 512;

fn damaged(error: &std::io::Error) -> ModelError {
    ModelError::unparsable(format!("the tar is damaged: {error}"))
}

/// Whether the first block is the header of a tar: of any kind, it has the sum of its bytes.
pub(super) fn is_tar(content: &[u8]) -> bool {
    let Some((block, _)) = content.split_first_chunk::<BLOCK>() else {
        return false;
    };
    let header = tar::Header::from_byte_slice(block);
    let field = 148..156;
    let sum = block.iter().enumerate().fold(0, |sum, (place, byte)| {
        sum + if field.contains(&place) {
            u32::from(b' ')
        } else {
            u32::from(*byte)
        }
    });
    header.cksum().is_ok_and(|stored| stored == sum)
}

/// Unpacks a tar. Its files stay where they are.
///
/// # Errors
/// When it is damaged or has links, and those of [`Unpacked::add`].
pub(super) fn unpack<'a>(content: &'a [u8], into: &mut Unpacked<'a>) -> Result<(), ModelError> {
    each_file(content, |entry, path| {
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let length = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let file = start.checked_add(length).and_then(|end| content.get(start..end));
        let file = file.ok_or_else(|| refused(path, "is cut off"))?;
        into.add(path, Cow::Borrowed(file))
    })
}

/// Unpacks a tar that gzip has compressed.
///
/// # Errors
/// As [`unpack`].
pub(super) fn unpack_compressed(content: &[u8], into: &mut Unpacked<'_>) -> Result<(), ModelError> {
    each_file(flate2::read::MultiGzDecoder::new(content), |entry, path| {
        let length = into.room(entry.size())?;
        let file = read(entry, length).map_err(|error| damaged(&error))?;
        if file.len() != length {
            return Err(refused(path, "is cut off"));
        }
        into.add(path, Cow::Owned(file))
    })
}

/// Reads at most `length` bytes. Room is made as they come: a length is only a claim.
pub(super) fn read(from: impl Read, length: usize) -> std::io::Result<Vec<u8>> {
    const AT_ONCE: usize = 1 << 20;
    let mut content = Vec::with_capacity(length.min(AT_ONCE));
    from.take(length as u64).read_to_end(&mut content)?;
    content.shrink_to_fit();
    Ok(content)
}

fn each_file<R: Read>(
    tar: R,
    mut found: impl FnMut(&mut tar::Entry<'_, R>, &str) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let mut archive = Archive::new(tar);
    for entry in archive.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = entry.path_bytes().into_owned();
        let path =
            String::from_utf8(path).map_err(|_| ModelError::invalid("an entry of the tar has no name in UTF-8"))?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => found(&mut entry, &path)?,
            EntryType::Directory | EntryType::XGlobalHeader => {}
            _ => return Err(refused(&path, "is neither a file nor a folder")),
        }
    }
    Ok(())
}
