//! CSV with a header. Cells are text, which the model reads as the type of its field; an empty cell is a missing value.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder, Trim};
use serde_json::{Map, Value};

use super::{BadRecord, Input, RECORD_BYTES, Record, first_line};
use crate::failure::Failure;

pub(crate) struct CsvRecords {
    name: String,
    reader: csv::Reader<Metered>,
    read: Rc<Cell<usize>>,
    columns: Vec<String>,
    row: ByteRecord,
    /// Records so far. They are what messages count: a cell may hold line breaks.
    number: u64,
}

impl CsvRecords {
    /// Reads the header, unless `columns` stand for it; `None` when there is not even a header.
    pub(super) fn open(name: String, input: Input, head: &[u8], columns: &[String]) -> Result<Option<Self>, Failure> {
        let read = Rc::new(Cell::new(0));
        let mut reader = ReaderBuilder::new()
            .delimiter(separator(first_line(head.trim_ascii_start())))
            .flexible(true)
            .has_headers(columns.is_empty())
            .trim(Trim::Headers)
            .from_reader(Metered {
                input,
                read: Rc::clone(&read),
            });
        let columns = if columns.is_empty() {
            let header = reader
                .headers()
                .map_err(|error| Failure::input(&name, format!("the CSV header can't be read: {error}")))?;
            header.iter().map(str::to_owned).collect()
        } else {
            columns.to_vec()
        };
        if columns.is_empty() {
            return Ok(None);
        }
        let mut seen = HashSet::new();
        if let Some(twice) = columns
            .iter()
            .find(|column| !column.is_empty() && !seen.insert(column.as_str()))
        {
            return Err(Failure::input(&name, format!("the CSV header has '{twice}' twice")));
        }
        Ok(Some(Self {
            name,
            reader,
            read,
            columns,
            row: ByteRecord::new(),
            number: 0,
        }))
    }

    pub(super) fn next(&mut self) -> Result<Option<Result<Record, BadRecord>>, Failure> {
        self.read.set(0);
        self.number += 1;
        let more = self
            .reader
            .read_byte_record(&mut self.row)
            .map_err(|error| Failure::input(&self.name, format!("record {}: {error}", self.number)))?;
        Ok(more.then(|| self.record()))
    }

    fn record(&self) -> Result<Record, BadRecord> {
        if self.row.len() != self.columns.len() {
            return Err(BadRecord::unreadable(format!(
                "record {} has {} values, there are {} columns",
                self.number,
                self.row.len(),
                self.columns.len()
            )));
        }
        let mut fields = Map::new();
        for (column, cell) in self.columns.iter().zip(&self.row) {
            let text = str::from_utf8(cell).map_err(|_| {
                BadRecord::unreadable(format!("record {}: the value of '{column}' is not UTF-8", self.number))
            })?;
            let value = if text.is_empty() {
                Value::Null
            } else {
                Value::String(text.to_owned())
            };
            fields.insert(column.clone(), value);
        }
        Ok(Record { fields, text: true })
    }
}

/// The separator that occurs most in the first line.
fn separator(line: &[u8]) -> u8 {
    let count = |separator: u8| line.split(|byte| *byte == separator).count();
    [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|separator| count(*separator))
        .unwrap_or(b',')
}

/// Counts what is read, so that a quote that is never closed ends in an error and not in a full memory.
struct Metered {
    input: Input,
    read: Rc<Cell<usize>>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > RECORD_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a record of more than {RECORD_BYTES} bytes, perhaps a quote is not closed"),
            ));
        }
        let count = self.input.read(buffer)?;
        self.read.set(self.read.get() + count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_told_by_the_first_line() {
        assert_eq!(separator(b"a,b,c"), b',');
        assert_eq!(separator(b"a;b;\"c,d\""), b';');
        assert_eq!(separator(b"a\tb"), b'\t');
        assert_eq!(separator(b"alone"), b',');
    }
}
