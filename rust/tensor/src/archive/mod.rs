//! The files of a model, from the archive of its folder.

mod tarball;
mod zipped;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serving_model::ModelError;

/// Most files of an archive.
const MOST_FILES: usize = 1 << 16;

/// Files by their paths within the model's folder. Those that an archive holds as they are stay where they are.
#[derive(Debug)]
pub(crate) struct Files<'a>(BTreeMap<String, Cow<'a, [u8]>>);

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

/// Whether content is an archive, told by its first bytes.
pub(crate) fn is_archive(content: &[u8]) -> bool {
    matches!(content, [b'P', b'K', 3 | 5, 4 | 6, ..] | [0x1f, 0x8b, ..]) || tarball::is_tar(content)
}

impl<'a> Files<'a> {
    /// Unpacks an archive: zip, tar or compressed tar, told by its first bytes.
    ///
    /// # Errors
    /// `MODEL_UNPARSABLE` when it is none of these or damaged, `MODEL_INVALID` for entries that are no files of the model,
    /// `MODEL_TOO_LARGE`.
    pub(crate) fn unpack(content: &'a [u8], limit: usize) -> Result<Self, ModelError> {
        let mut unpacked = Unpacked::new(limit);
        match content {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => zipped::unpack(content, &mut unpacked)?,
            [0x1f, 0x8b, ..] => tarball::unpack_compressed(content, &mut unpacked)?,
            _ if tarball::is_tar(content) => tarball::unpack(content, &mut unpacked)?,
            _ => return Err(ModelError::unparsable("neither a zip nor a tar of a model's folder")),
        }
        Ok(Self(unpacked.files))
    }

    /// The file that is the model, by its name.
    ///
    /// # Errors
    /// `MODEL_INVALID` when there are several.
    pub(crate) fn find(&self, is_model: impl Fn(&str) -> bool) -> Result<Option<&str>, ModelError> {
        let found: Vec<&str> = self.paths().filter(|path| is_model(name_of(path))).collect();
        match found.as_slice() {
            [] => Ok(None),
            [path] => Ok(Some(path)),
            many => Err(ModelError::invalid(format!(
                "there are several models, one is wanted: {}",
                many[..many.len().min(10)].join(", ")
            ))),
        }
    }

    /// The files in the folder of a file, by their paths within it.
    pub(crate) fn beside(self, path: &str) -> Self {
        let folder = path.strip_suffix(name_of(path)).unwrap_or_default();
        let own = self
            .0
            .into_iter()
            .filter_map(|(path, content)| Some((path.strip_prefix(folder)?.to_owned(), content)));
        Self(own.collect())
    }

    /// The content of a file, which is then not there any more.
    pub(crate) fn take(&mut self, path: &str) -> Option<Cow<'a, [u8]>> {
        self.0.remove(path)
    }

    /// All paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Files as they are.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &'a [u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), Cow::Borrowed(*content)));
        Self(files.collect())
    }

    /// The content of a file.
    pub(crate) fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(AsRef::as_ref)
    }
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
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
        Ok(Files(unpacked.files))
    }

    #[test]
    fn the_model_may_lie_in_a_folder_of_the_archive() {
        let files = files(&["m/1/model.pb", "m/1/variables/index", "m/readme"]).unwrap();
        let model = files.find(|name| name == "model.pb").unwrap().unwrap().to_owned();
        let own = files.beside(&model);
        assert!(own.get("model.pb").is_some() && own.get("variables/index").is_some());
        assert!(own.get("readme").is_none() && own.get("m/readme").is_none());
    }

    #[test]
    fn what_is_not_one_model_is_refused() {
        let several = files(&["1/model.pb", "2/model.pb"]).unwrap();
        let error = several.find(|name| name == "model.pb").unwrap_err().to_string();
        assert!(error.contains("1/model.pb, 2/model.pb"), "{error}");
        assert_eq!(several.find(|name| name == "x").unwrap(), None);
        let error = files(&["model.pb", "./model.pb"]).unwrap_err().to_string();
        assert!(error.contains("occurs twice"), "{error}");
        let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let error = files(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
        assert_eq!(error.code, serving_model::ErrorCode::ModelTooLarge);
    }
}
