//! Why a model was refused. Why a record was refused is a [`RowStatus`](crate::RowStatus).

use std::fmt;

use crate::wire::ErrorCode;

/// Where in a model's content something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1; 0 when lines mean nothing in the format or it is unknown.
    pub line: u32,
    /// Path of elements, node name, or the like; empty when unknown.
    pub path: String,
}

impl Place {
    /// A line of a text.
    #[must_use]
    pub fn line(line: u32) -> Self {
        Self {
            line,
            path: String::new(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.path.as_str()) {
            (0, path) => f.write_str(path),
            (line, "") => write!(f, "line {line}"),
            (line, path) => write!(f, "line {line}, {path}"),
        }
    }
}

/// A model that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", prefix(place), rest(others))]
pub struct ModelError {
    /// What kind of error, 100 to 199 of `proto/error_code.proto`.
    pub code: ErrorCode,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What else is wrong, where it was looked for.
    pub others: Vec<ModelError>,
}

fn prefix(place: &Place) -> String {
    let place = place.to_string();
    if place.is_empty() { place } else { place + ": " }
}

fn rest(others: &[ModelError]) -> String {
    others
        .iter()
        .fold(String::new(), |text, other| text + "; " + &other.to_string())
}

impl ModelError {
    /// An error without a place.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: Place::default(),
            others: Vec::new(),
        }
    }

    /// The same error with its place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Content that can't be parsed.
    #[must_use]
    pub fn unparsable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ModelUnparsable, message)
    }

    /// Content that contradicts its specification.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ModelInvalid, message)
    }

    /// Content that needs what this build does not have.
    #[must_use]
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ModelUnsupported, message)
    }

    /// Content that would exceed a limit.
    #[must_use]
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ModelTooLarge, message)
    }
}
