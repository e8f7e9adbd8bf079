//! Everything that is wrong with a document at once, as far as its parts do not depend on each other.

use serving_model::{ErrorCode, ModelError};

use super::Compiled;

/// Collects what contradicts the specification.
#[derive(Default)]
pub(super) struct Problems {
    first: Option<ModelError>,
    taken: usize,
}

impl Problems {
    /// Nobody reads more.
    const MOST: usize = 100;
    /// The same thing may be wrong for many, and is looked at by each.
    const MOST_TAKEN: usize = 1000;

    /// A part, `None` when it is invalid and the next may be looked at.
    pub(super) fn take<T>(&mut self, part: Compiled<T>) -> Compiled<Option<T>> {
        let mut error = match part {
            Ok(part) => return Ok(Some(part)),
            Err(error) if error.code == ErrorCode::ModelInvalid => error,
            Err(error) => return Err(error),
        };
        let others = std::mem::take(&mut error.others);
        let Some(first) = &mut self.first else {
            error.others = others;
            self.first = Some(error);
            return Ok(None);
        };
        for error in std::iter::once(error).chain(others) {
            // What is used in several places is wrong once.
            let known = (error.place == first.place && error.message == first.message) || first.others.contains(&error);
            if !known {
                first.others.push(error);
            }
        }
        self.taken += 1;
        if first.others.len() < Self::MOST && self.taken < Self::MOST_TAKEN {
            return Ok(None);
        }
        self.first.take().map_or(Ok(None), Err)
    }

    /// All that was wrong.
    pub(super) fn finish(self) -> Compiled<()> {
        self.first.map_or(Ok(()), Err)
    }
}
