//! What ends the program.

use std::io;

use serving_model::ModelError;

/// Why a command could not do its work. It is one line of standard error.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A model can't be used.
    Model {
        /// Path of the model.
        file: String,
        /// What is wrong with it.
        error: ModelError,
    },
    /// Records can't be read.
    Input {
        /// Path of the records, or `standard input`.
        file: String,
        /// What is wrong, with the line.
        message: String,
    },
    /// Results can't be written.
    Output(io::Error),
    /// Arguments contradict each other or the model.
    Usage(String),
    /// A mistake in the program.
    Crash(String),
}

impl Failure {
    pub(crate) fn input(file: &str, message: impl Into<String>) -> Self {
        Self::Input {
            file: file.to_owned(),
            message: message.into(),
        }
    }

    /// Whether the reader of standard output went away, which is not an error.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }

    /// What to tell the user, in one line.
    pub(crate) fn line(&self) -> String {
        one_line(&match self {
            Self::Model { file, error } => format!("{}: {file}: {error}", error.code.as_str_name()),
            Self::Input { file, message } => format!("{file}: {message}"),
            Self::Output(error) => format!("can't write the result: {error}"),
            Self::Usage(message) => message.clone(),
            Self::Crash(message) => format!("internal error: {message}"),
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The text without line breaks and control characters, which content of a model or record can bring into a message.
pub(crate) fn one_line(text: &str) -> String {
    const MOST: usize = 16_384;
    let mut line: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        line.push_str(" ...");
    }
    line
}
