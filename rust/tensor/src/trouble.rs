//! Why an evaluation failed.

use serving_model::{ErrorCode, ModelError, Place};

/// An evaluation that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::ScoringFailed,
            message: message.into(),
        }
    }

    /// A size or a number of steps is beyond what one call may take.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::StepLimit,
            message: message.into(),
        }
    }

    /// The same with the node that it came from.
    pub(crate) fn within(self, node: &str, operator: &str) -> Self {
        Self {
            message: format!("node '{node}' ({operator}): {}", self.message),
            ..self
        }
    }

    pub(crate) fn into_error(self) -> ModelError {
        ModelError::new(self.code, self.message)
    }
}

/// An error at a node.
pub(crate) fn at_node(error: ModelError, node: &str) -> ModelError {
    error.at(Place {
        line: 0,
        path: format!("node '{node}'"),
    })
}
