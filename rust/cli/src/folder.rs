//! A folder as one file: a tar, always of the same bytes for the same files, so that the digest is one of the content.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serving_model::{ErrorCode, ModelError};

const BLOCK: usize = 512;
/// Longest path of a file in the folder, in bytes: what the header of a tar has room for.
const LONGEST_PATH: usize = 100;
const DEEPEST: usize = 16;
const MOST_FILES: usize = 1 << 16;

struct Found {
    /// Path within the folder.
    name: String,
    path: PathBuf,
    length: u64,
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> ModelError {
    ModelError::new(ErrorCode::LocationRefused, format!("{}: {error}", path.display()))
}

/// The files of a folder in the order of their paths, hidden ones left out, as a tar without owners and times.
///
/// # Errors
/// `LOCATION_REFUSED` when a file can't be read, `MODEL_TOO_LARGE` for more than `limit` bytes.
pub(crate) fn pack(folder: &Path, limit: usize) -> Result<Vec<u8>, ModelError> {
    let mut files = Vec::new();
    let root = fs::canonicalize(folder).map_err(|error| unreadable(folder, error))?;
    find(folder, &root, "", DEEPEST, &mut files)?;
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let padded = files
        .iter()
        .map(|file| BLOCK as u64 + file.length.next_multiple_of(BLOCK as u64));
    let total = padded.sum::<u64>() + 2 * BLOCK as u64;
    let total = usize::try_from(total)
        .ok()
        .filter(|total| *total <= limit)
        .ok_or_else(|| ModelError::too_large(format!("the model has {total} bytes, the limit is {limit}")))?;
    let mut tar = Vec::with_capacity(total);
    for file in &files {
        tar.extend_from_slice(&header(&file.name, file.length));
        let start = tar.len();
        let content = File::open(&file.path).map_err(|error| unreadable(&file.path, error))?;
        let read = content.take(file.length).read_to_end(&mut tar);
        let read = read.map_err(|error| unreadable(&file.path, error))?;
        if read as u64 != file.length {
            return Err(unreadable(&file.path, "the file became shorter while it was read"));
        }
        tar.resize(start + read.next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    Ok(tar)
}

/// `root` is the whole folder, without links.
fn find(folder: &Path, root: &Path, within: &str, depth: usize, files: &mut Vec<Found>) -> Result<(), ModelError> {
    if depth == 0 {
        return Err(unreadable(
            folder,
            format!("folders are nested more than {DEEPEST} deep"),
        ));
    }
    let failed = |error: io::Error| unreadable(folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| unreadable(&path, "the name is not UTF-8"))?;
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{within}{name}");
        let known = fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        let real = fs::canonicalize(&path).map_err(|error| unreadable(&path, error))?;
        if !real.starts_with(root) {
            return Err(unreadable(&path, "the link leads out of the model's folder"));
        }
        if known.is_dir() {
            find(&path, root, &format!("{name}/"), depth - 1, files)?;
        } else if known.is_file() {
            if name.len() > LONGEST_PATH {
                return Err(unreadable(
                    &path,
                    format!("the path is longer than {LONGEST_PATH} bytes"),
                ));
            }
            if files.len() == MOST_FILES {
                return Err(ModelError::too_large(format!(
                    "the folder has more than {MOST_FILES} files"
                )));
            }
            let length = known.len();
            files.push(Found { name, path, length });
        }
    }
    Ok(())
}

/// The header of a file; the job's own packer writes the same.
fn header(name: &str, length: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn the_same_files_are_the_same_bytes_whatever_their_times_and_order() {
        let first = [("b/c", &b"1"[..]), ("a", &[7; 513]), (".hidden", b"x")];
        let second = [("a", &[7; 513][..]), ("b/c", b"1"), ("b/.git/x", b"y")];
        let first = pack(folder(&first).path(), 1 << 20).unwrap();
        assert_eq!(first, pack(folder(&second).path(), 1 << 20).unwrap());
        assert_eq!(first.len(), 512 + 1024 + 512 + 512 + 1024);
        assert_eq!(&first[..2], b"a\0");
        assert_eq!(&first[124..136], b"00000001001\0");
        assert_eq!(&first[1536..1539], b"b/c");
        // The digest that ModelFolderTest of the job expects of the same files.
        let digest = serving_model::Digest::of(&first).to_string();
        assert_eq!(
            digest,
            "9a387cc59652cdf823581e0d9b6dba63c9daa4f58e2d42515822feca63c68d61"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_may_only_lead_to_the_folder_itself() {
        use std::os::unix::fs::symlink;
        let outer = folder(&[("model/a", b"1"), ("secret", b"2")]);
        let model = outer.path().join("model");
        symlink(model.join("a"), model.join("b")).unwrap();
        assert!(pack(&model, 1 << 20).is_ok());
        symlink(outer.path().join("secret"), model.join("c")).unwrap();
        let error = pack(&model, 1 << 20).unwrap_err();
        assert_eq!(error.code, ErrorCode::LocationRefused);
        assert!(error.message.contains("c: the link leads out"), "{error}");
    }

    #[test]
    fn too_much_is_refused_before_it_is_read() {
        let error = pack(folder(&[("a", &[0; 5000])]).path(), 6000).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelTooLarge);
        let long = "x".repeat(101);
        let error = pack(folder(&[(&long, b"")]).path(), 6000).unwrap_err();
        assert!(error.message.contains("longer than 100"), "{error}");
        assert!(pack(Path::new("/nonexistent"), 6000).is_err());
    }
}
