//! JSON lines: one object per line; a line that does not parse costs just its own record.

use std::io::{self, BufRead, BufReader};

use serde_json::Value;
use serving_model::ErrorCode;

use super::array::reason;
use super::{BadRecord, Input, RECORD_BYTES, Record};
use crate::failure::Failure;

pub(crate) struct LineRecords {
    name: String,
    input: BufReader<Input>,
    line: Vec<u8>,
    number: u64,
}

impl LineRecords {
    pub(super) fn new(name: String, input: BufReader<Input>) -> Self {
        Self {
            name,
            input,
            line: Vec::new(),
            number: 0,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Result<Record, BadRecord>>, Failure> {
        loop {
            let read = read_line(&mut self.input, &mut self.line, RECORD_BYTES)
                .map_err(|error| Failure::input(&self.name, format!("after line {}: {error}", self.number)))?;
            self.number += 1;
            match read {
                Line::End => return Ok(None),
                Line::TooLong => {
                    return Ok(Some(Err(BadRecord {
                        code: ErrorCode::RecordTooLarge,
                        message: format!("line {} has more than {RECORD_BYTES} bytes", self.number),
                    })));
                }
                Line::Whole if self.line.trim_ascii().is_empty() => {}
                Line::Whole => {
                    let number = self.number;
                    let record = serde_json::from_slice::<Value>(&self.line)
                        .map_err(|error| {
                            BadRecord::unreadable(format!(
                                "line {number}, column {}: {}",
                                error.column(),
                                reason(&error)
                            ))
                        })
                        .and_then(Record::try_from);
                    return Ok(Some(record));
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line of at most `most` bytes. A longer one is passed over without being kept.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, most: usize) -> io::Result<Line> {
    line.clear();
    let (mut length, mut ended) = (0_usize, false);
    while !ended {
        let chunk = match input.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = chunk.iter().position(|byte| *byte == b'\n');
        ended = end.is_some();
        let taken = end.map_or(chunk.len(), |end| end + 1);
        length = length.saturating_add(taken);
        if length <= most {
            line.extend_from_slice(&chunk[..taken]);
        }
        input.consume(taken);
    }
    Ok(match length {
        0 => Line::End,
        length if length > most => Line::TooLong,
        _ => Line::Whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut input = BufReader::with_capacity(4, &b"abc\n0123456789\nlast"[..]);
        let mut line = Vec::new();
        assert_eq!(read_line(&mut input, &mut line, 6).unwrap(), Line::Whole);
        assert_eq!(line, b"abc\n");
        assert_eq!(read_line(&mut input, &mut line, 6).unwrap(), Line::TooLong);
        assert_eq!(read_line(&mut input, &mut line, 6).unwrap(), Line::Whole);
        assert_eq!(line, b"last");
        assert_eq!(read_line(&mut input, &mut line, 6).unwrap(), Line::End);
    }
}
