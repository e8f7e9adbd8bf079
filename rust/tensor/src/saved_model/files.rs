//! The files of a SavedModel, from the archive of its folder.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serving_model::ModelError;

use super::{tarball, zipped};

/// The file that every SavedModel has.
pub(super) const MODEL: &str = "saved_model.pb";
/// Most files of an archive.
const MOST_FILES: usize = 1 << 16;

/// Files by their paths within the model's folder. Those that an archive holds as they are stay where they are.
#[derive(Debug)]
pub(super) struct Files<'a>(BTreeMap<String, Cow<'a, [u8]>>);

/// What an archive is unpacked into, with the limits that hold for all kinds of archives.
pub(super) struct Unpacked<'a> {
    files: BTreeMap<String, Cow<'a, [u8]>>,
    left: usize,
    limit: usize,
}

impl<'a> Unpacked<'a> {
    fn new(limit: usize) -> Self {
        Self {
            files: BTreeMap::new(),
            left: limit,
            limit,
        }
    }

    /// How many more bytes there may be.
    ///
    /// # Errors
    /// `MODEL_TOO_LARGE` when that is less than `wanted`.
    pub(super) fn room(&self, wanted: u64) -> Result<usize, ModelError> {
        usize::try_from(wanted)
            .ok()
            .filter(|wanted| *wanted <= self.left)
            .ok_or_else(|| ModelError::too_large(format!("the archive unpacks to more than {} bytes", self.limit)))
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When its path leads out of the archive or occurred before, or the archive becomes too large.
    pub(super) fn add(&mut self, path: &str, content: Cow<'a, [u8]>) -> Result<(), ModelError> {
        self.left -= self.room(content.len() as u64)?;
        if self.files.len() >= MOST_FILES {
            return Err(ModelError::too_large(format!(
                "the archive has more than {MOST_FILES} files"
            )));
        }
        match self.files.insert(inner_path(path)?, content) {
            None => Ok(()),
            Some(_) => Err(refused(path, "occurs twice")),
        }
    }
}

/// An error that names an entry of the archive.
pub(super) fn refused(path: &str, why: &str) -> ModelError {
    ModelError::invalid(format!("the archive's entry '{path}' {why}"))
}

/// The path without `.`, when it stays within the archive.
fn inner_path(path: &str) -> Result<String, ModelError> {
    if path.starts_with('/') || path.contains(['\\', '\0']) || path.get(1..2) == Some(":") {
        return Err(refused(path, "is not relative to the archive"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(refused(path, "leads out of the archive"));
    }
    if parts.is_empty() {
        return Err(refused(path, "has no name"));
    }
    Ok(parts.join("/"))
}

impl<'a> Files<'a> {
    /// Unpacks an archive: zip, tar or compressed tar, told by its first bytes.
    ///
    /// # Errors
    /// `MODEL_UNPARSABLE` when it is none of these or damaged, `MODEL_INVALID` for entries that are no files of the model and for an
    /// archive without model, `MODEL_TOO_LARGE`.
    pub(super) fn unpack(content: &'a [u8], limit: usize) -> Result<Self, ModelError> {
        let mut unpacked = Unpacked::new(limit);
        match content {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => zipped::unpack(content, &mut unpacked)?,
            [0x1f, 0x8b, ..] => tarball::unpack_compressed(content, &mut unpacked)?,
            _ if tarball::is_tar(content) => tarball::unpack(content, &mut unpacked)?,
            _ => {
                return Err(ModelError::unparsable(
                    "neither a zip nor a tar of a SavedModel's folder",
                ));
            }
        }
        Self::of_model(unpacked.files)
    }

    /// The files below the folder that holds the model.
    fn of_model(files: BTreeMap<String, Cow<'a, [u8]>>) -> Result<Self, ModelError> {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let found: Vec<&String> = files.keys().filter(|path| name(path) == MODEL).collect();
        let folder = match found.as_slice() {
            [path] => path.strip_suffix(MODEL).unwrap_or_default().to_owned(),
            [] if files.keys().any(|path| name(path) == "saved_model.pbtxt") => {
                return Err(ModelError::unsupported(
                    "a SavedModel as text (saved_model.pbtxt); saved_model.pb is needed",
                ));
            }
            [] if files.keys().any(|path| name(path) == "export.meta") => {
                return Err(ModelError::unsupported(
                    "a model of TensorFlow before 1.0 (export.meta); a SavedModel is needed, which has saved_model.pb",
                ));
            }
            [] => return Err(ModelError::invalid(format!("there is no file '{MODEL}'"))),
            many => {
                let many: Vec<&str> = many.iter().take(10).map(|path| path.as_str()).collect();
                return Err(ModelError::invalid(format!(
                    "there are several models, one is wanted: {}",
                    many.join(", ")
                )));
            }
        };
        let own = files
            .into_iter()
            .filter_map(|(path, content)| Some((path.strip_prefix(&folder)?.to_owned(), content)));
        Ok(Self(own.collect()))
    }

    /// Files as they are.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &'a [u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), Cow::Borrowed(*content)));
        Self(files.collect())
    }

    /// The content of a file.
    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_archive() {
        for (path, inner) in [
            ("saved_model.pb", "saved_model.pb"),
            ("./variables//variables.index", "variables/variables.index"),
            ("a/..b/c", "a/..b/c"),
        ] {
            assert_eq!(inner_path(path).unwrap(), inner);
        }
        for path in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "C:/x",
            "a\\..\\x",
            "",
            ".",
            "a\0b",
        ] {
            assert!(inner_path(path).is_err(), "{path}");
        }
    }

    fn files(paths: &[&str]) -> Result<Files<'static>, ModelError> {
        let mut unpacked = Unpacked::new(100);
        for path in paths {
            unpacked.add(path, Cow::Borrowed(b"0123456789"))?;
        }
        Files::of_model(unpacked.files)
    }

    #[test]
    fn the_model_may_lie_in_a_folder_of_the_archive() {
        let files = files(&["m/1/saved_model.pb", "m/1/variables/variables.index", "m/readme"]).unwrap();
        assert!(files.get("saved_model.pb").is_some());
        assert!(files.get("variables/variables.index").is_some());
        assert!(files.get("readme").is_none() && files.get("m/readme").is_none());
    }

    #[test]
    fn what_is_not_one_model_is_refused() {
        for (paths, message) in [
            (&["a", "b"][..], "no file 'saved_model.pb'"),
            (
                &["1/saved_model.pb", "2/saved_model.pb"],
                "1/saved_model.pb, 2/saved_model.pb",
            ),
            (&["saved_model.pbtxt"], "as text"),
            (&["export.meta", "export"], "before 1.0"),
            (&["saved_model.pb", "./saved_model.pb"], "occurs twice"),
        ] {
            let error = files(paths).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let error = files(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
        assert_eq!(error.code, serving_model::ErrorCode::ModelTooLarge);
    }
}
