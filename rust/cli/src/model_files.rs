//! From the arguments to a loaded model.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serving_engine::{Engine, Loaded, ServedFactories, WindowedInput};
use serving_model::wire::ModelDescriptor;
use serving_model::{ErrorCode, Limits, ModelError, Scorer};

use crate::arguments::{ModelArguments, ModelKind, SAVED_MODEL, WindowArguments};
use crate::failure::Failure;
use crate::{folder, guard};

/// A loaded model and what is known about its file.
pub(crate) struct OpenModel {
    pub(crate) kind: ModelKind,
    pub(crate) file: String,
    pub(crate) content_bytes: usize,
    pub(crate) load_time: Duration,
    pub(crate) loaded: Arc<Loaded>,
}

impl OpenModel {
    /// A failure of this model.
    pub(crate) fn refused(&self, error: ModelError) -> Failure {
        Failure::Model {
            file: self.file.clone(),
            error,
        }
    }

    /// What makes the model's input of a window of values, if the arguments say so.
    ///
    /// # Errors
    /// What is wrong with the preprocessing, or does not fit the model.
    pub(crate) fn windowed(&self, arguments: &WindowArguments) -> Result<Option<WindowedInput>, Failure> {
        arguments
            .preprocessing()
            .map(|preprocessing| WindowedInput::new(&preprocessing, self.loaded.model().schema()))
            .transpose()
            .map_err(|error| self.refused(error))
    }

    /// A scorer for rows.
    ///
    /// # Errors
    /// `MODEL_UNSUPPORTED` when the model can't be scored by rows.
    pub(crate) fn scorer(&self) -> Result<Box<dyn Scorer>, Failure> {
        guard::contain(|| Arc::clone(self.loaded.model()).scorer())
            .unwrap_or_else(|panic| Err(ModelError::new(ErrorCode::LoadingCrashed, panic)))
            .map_err(|error| self.refused(error))
    }
}

/// Loads the model that the arguments name.
pub(crate) fn open(arguments: &ModelArguments) -> Result<OpenModel, Failure> {
    open_signature(arguments, arguments.signature.as_deref())
}

/// Loads the model that the arguments name, by this signature.
pub(crate) fn open_signature(arguments: &ModelArguments, signature: Option<&str>) -> Result<OpenModel, Failure> {
    let files = arguments.files();
    let Some(path) = files.first() else {
        return Err(Failure::Usage("no model is given: --type TYPE --model FILE".to_owned()));
    };
    let file = path.display().to_string();
    let kind = arguments.kind().ok_or_else(|| {
        Failure::Usage(format!(
            "the name of {file} does not tell the type of the model: give it with --type"
        ))
    })?;
    let refused = |error: ModelError| Failure::Model {
        file: file.clone(),
        error,
    };
    let model_type = kind.wire().map(i32::from).ok_or_else(|| {
        refused(ModelError::new(
            ErrorCode::ModelTypeUnsupported,
            format!("models of type {} are not built yet", kind.name()),
        ))
    })?;
    ServedFactories::resolver().resolve(model_type).map_err(|error| {
        refused(ModelError::new(
            error.code,
            format!("models of type {} are not built yet", kind.name()),
        ))
    })?;
    if files.len() > 1 {
        return Err(Failure::Usage(format!(
            "a model of type {} is one file, {} are given",
            kind.name(),
            files.len()
        )));
    }
    if signature.is_some() && kind != ModelKind::TfSavedmodel {
        return Err(Failure::Usage(format!(
            "a model of type {} has no signatures",
            kind.name()
        )));
    }
    let content = content(path, kind).map_err(refused)?;
    let descriptor = ModelDescriptor {
        name: file.clone(),
        modeltype: model_type,
        signature: signature.unwrap_or_default().to_owned(),
        engine: arguments.engine.wire().into(),
        ..ModelDescriptor::default()
    };
    // The folder of a file that is named without one is the current one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let start = Instant::now();
    let loaded = guard::contain(|| Engine::default().load_from(&descriptor, &content, Some(folder)))
        .unwrap_or_else(|panic| Err(ModelError::new(ErrorCode::LoadingCrashed, panic)))
        .map_err(refused)?;
    Ok(OpenModel {
        kind,
        content_bytes: content.len(),
        load_time: start.elapsed(),
        loaded,
        file,
    })
}

/// What the engine is given: a file, or the archive of a folder.
fn content(path: &Path, kind: ModelKind) -> Result<Vec<u8>, ModelError> {
    let may_be_folder = matches!(kind, ModelKind::TfSavedmodel | ModelKind::Onnx);
    if may_be_folder && path.is_dir() {
        return folder::pack(path, Limits::default().content_bytes);
    }
    match (path.file_name(), path.parent()) {
        // The folder is meant: the file alone has no variables.
        (Some(name), Some(parent)) if name == SAVED_MODEL && kind == ModelKind::TfSavedmodel => {
            let folder = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            folder::pack(folder, Limits::default().content_bytes)
        }
        _ => read(path),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let unreadable = |message: String| ModelError::new(ErrorCode::LocationRefused, message);
    let limit = Limits::default().content_bytes;
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    if path.is_dir() {
        return Err(unreadable("is a directory, a file is wanted".to_owned()));
    }
    let mut content = Vec::new();
    // One byte beyond the limit tells too large from just as large, also for a pipe, whose size nobody knows.
    file.take(limit as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|error| unreadable(error.to_string()))?;
    if content.len() > limit {
        return Err(ModelError::too_large(format!("the model has more than {limit} bytes")));
    }
    Ok(content)
}
