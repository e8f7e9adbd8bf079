//! Reads records: a JSON array, JSON lines, or CSV with a header.

mod array;
mod comma_separated;
mod lines;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use serde_json::{Map, Value};
use serving_model::ErrorCode;

use crate::arguments::{RecordArguments, RecordFormat};
use crate::failure::Failure;

/// Most bytes of one record. A line or a quoted cell that never ends must not fill the memory.
const RECORD_BYTES: usize = 64 << 20;

/// Values by name.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) fields: Map<String, Value>,
    /// Whether all values are text because the format has nothing else.
    pub(crate) text: bool,
}

/// A record that can't be read or scored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl BadRecord {
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::RecordUnreadable,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::FieldInvalid,
            message: message.into(),
        }
    }
}

impl TryFrom<Value> for Record {
    type Error = BadRecord;

    fn try_from(value: Value) -> Result<Self, BadRecord> {
        match value {
            Value::Object(fields) => Ok(Self { fields, text: false }),
            other => Err(BadRecord::unreadable(format!(
                "a record is a JSON object, this is {}",
                kind_of(&other)
            ))),
        }
    }
}

/// What a JSON value is, for messages.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

type Input = Box<dyn Read>;

/// Records in order.
pub(crate) enum Records {
    Array(array::ArrayRecords),
    Lines(lines::LineRecords),
    CommaSeparated(Box<comma_separated::CsvRecords>),
    Empty,
}

impl Records {
    /// Opens a file of records, or standard input for `-`.
    ///
    /// # Errors
    /// A file that can't be read, an array that does not parse, an unusable CSV header.
    pub(crate) fn open(path: &Path, arguments: &RecordArguments) -> Result<Self, Failure> {
        let (name, mut input): (String, Input) = if path == Path::new("-") {
            ("standard input".to_owned(), Box::new(io::stdin()))
        } else {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Failure::input(&name, error.to_string()))?;
            (name, Box::new(file))
        };
        let mut head = first_bytes(&mut input).map_err(|error| Failure::input(&name, error.to_string()))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(Failure::input(&name, "is UTF-16, records are read as UTF-8"));
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        let format = match arguments.format {
            Some(format) => Some(format),
            None if !arguments.columns.is_empty() => Some(RecordFormat::Csv),
            None => format_of(path, &head),
        };
        let input: Input = Box::new(Cursor::new(head.clone()).chain(input));
        Ok(match format {
            None => Self::Empty,
            Some(RecordFormat::Json) => Self::Array(array::ArrayRecords::read(&name, input)?),
            Some(RecordFormat::Jsonl) => Self::Lines(lines::LineRecords::new(name, BufReader::new(input))),
            Some(RecordFormat::Csv) => comma_separated::CsvRecords::open(name, input, &head, &arguments.columns)?
                .map_or(Self::Empty, |records| Self::CommaSeparated(Box::new(records))),
        })
    }

    /// The next record, or why it can't be read; `None` at the end.
    ///
    /// # Errors
    /// An input that can't be read any further.
    pub(crate) fn next(&mut self) -> Result<Option<Result<Record, BadRecord>>, Failure> {
        match self {
            Self::Array(records) => Ok(records.next()),
            Self::Lines(records) => records.next(),
            Self::CommaSeparated(records) => records.next(),
            Self::Empty => Ok(None),
        }
    }
}

/// Reads at least the first line that is not blank, as far as it is not absurdly long.
fn first_bytes(input: &mut Input) -> io::Result<Vec<u8>> {
    const MOST: usize = 64 << 10;
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while head.len() < MOST && !head.trim_ascii_start().contains(&b'\n') {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(head)
}

/// The format that name and first bytes tell; `None` when there is nothing but blanks.
fn format_of(path: &Path, head: &[u8]) -> Option<RecordFormat> {
    let start = head.trim_ascii_start();
    let first = start.first()?;
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    Some(match (extension.as_str(), first) {
        ("csv" | "tsv", _) => RecordFormat::Csv,
        ("jsonl" | "ndjson", _) => RecordFormat::Jsonl,
        (_, b'[') => RecordFormat::Json,
        // A lone brace on the first line: one object, printed over several lines.
        (_, b'{') if first_line(start) == b"{" => RecordFormat::Json,
        (_, b'{') | ("json", _) => RecordFormat::Jsonl,
        _ => RecordFormat::Csv,
    })
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_name_then_content() {
        for (name, content, format) in [
            ("a.csv", "[1,2]", Some(RecordFormat::Csv)),
            ("a.jsonl", "[1]\n", Some(RecordFormat::Jsonl)),
            ("a.json", " \n[{}]", Some(RecordFormat::Json)),
            ("a.json", "{\"x\": 1}\n{\"x\": 2}\n", Some(RecordFormat::Jsonl)),
            ("a.json", "{\n \"x\": 1\n}\n", Some(RecordFormat::Json)),
            ("a.json", "oops", Some(RecordFormat::Jsonl)),
            ("-", "a,b\n1,2\n", Some(RecordFormat::Csv)),
            ("-", "  \n ", None),
        ] {
            assert_eq!(
                format_of(Path::new(name), content.as_bytes()),
                format,
                "{name} {content}"
            );
        }
    }
}
