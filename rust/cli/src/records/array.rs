//! One JSON array.

use std::io::Read as _;

use serde_json::Value;

use super::{BadRecord, Input, Record};
use crate::failure::Failure;

/// Most bytes of an array, which is read as a whole so that nothing is printed before it is known to parse.
const ARRAY_BYTES: usize = 256 << 20;

pub(crate) struct ArrayRecords {
    values: std::vec::IntoIter<Value>,
}

impl ArrayRecords {
    pub(super) fn read(name: &str, input: Input) -> Result<Self, Failure> {
        let mut text = Vec::new();
        input
            .take(ARRAY_BYTES as u64 + 1)
            .read_to_end(&mut text)
            .map_err(|error| Failure::input(name, error.to_string()))?;
        if text.len() > ARRAY_BYTES {
            return Err(Failure::input(
                name,
                format!(
                    "a JSON array of more than {ARRAY_BYTES} bytes: write it as JSON lines, which are read one by one"
                ),
            ));
        }
        let values = match serde_json::from_slice(&text) {
            Ok(Value::Array(values)) => values,
            Ok(value) => vec![value],
            Err(error) => return Err(Failure::input(name, located(&error))),
        };
        Ok(Self {
            values: values.into_iter(),
        })
    }

    pub(super) fn next(&mut self) -> Option<Result<Record, BadRecord>> {
        self.values.next().map(Record::try_from)
    }
}

/// The error with its place in front.
fn located(error: &serde_json::Error) -> String {
    format!("line {}, column {}: {}", error.line(), error.column(), reason(error))
}

/// The error without its place.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}
