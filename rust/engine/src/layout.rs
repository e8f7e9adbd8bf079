//! The output buffer of the boundary; `docs/boundary.md` has the offsets.

use serving_model::wire::{OutputBinding, ScorerInfo};
use serving_model::{Block, ErrorCode, Field, ModelError, Output, Schema, Tag, copy_tags};

use crate::binding::{BoundOutput, bind_outputs};

const HEADER: usize = 16;
const ROW_HEADER: usize = 16;

/// How results are laid out for one scorer.
#[derive(Debug)]
pub struct OutputLayout {
    columns: Vec<BoundOutput>,
    /// Set when the columns are the model's cells one to one, which is then a plain copy.
    straight: bool,
    cells: usize,
    stride: usize,
}

const NUMBER_STRIDE: usize = ROW_HEADER + 16;

/// A row that has its score, which is a double: no status, no message, the value, its tag.
pub type NumberRow = [u8; NUMBER_STRIDE];

/// See [`NumberRow`].
#[inline]
pub(crate) fn number_row(number: f64) -> NumberRow {
    let mut row = [0; NUMBER_STRIDE];
    row[ROW_HEADER..ROW_HEADER + 8].copy_from_slice(&number.to_le_bytes());
    row[ROW_HEADER + 8] = Tag::Double as u8;
    row
}

impl OutputLayout {
    /// The layout of a model's outputs after bindings.
    ///
    /// # Errors
    /// `BINDING_FAILED`, see [`bind_outputs`].
    pub fn open(schema: &Schema, bindings: &[OutputBinding]) -> Result<Self, ModelError> {
        let columns = bind_outputs(schema, bindings)?;
        let cells: usize = columns.iter().map(reported_width).sum();
        let stride = ROW_HEADER + 8 * cells + cells.next_multiple_of(8);
        if u32::try_from(stride).is_err() {
            return Err(ModelError::new(
                ErrorCode::BindingFailed,
                format!("a result row of {cells} values is too long"),
            ));
        }
        Ok(Self {
            straight: bindings.is_empty(),
            columns,
            cells,
            stride,
        })
    }

    /// The layout as the boundary describes it.
    #[must_use]
    pub fn info(&self, capacity: usize, packed_input: usize) -> ScorerInfo {
        ScorerInfo {
            outputs: self
                .columns
                .iter()
                .map(|column| Field::to_wire(&column.field))
                .collect(),
            row_stride: self.stride as u32,
            minimum_output: u32::try_from(HEADER + capacity * self.stride).unwrap_or(u32::MAX),
            packed_input: packed_input as u32,
        }
    }

    /// Bytes that `output` takes, with its text.
    #[must_use]
    pub fn bytes(&self, output: &Output) -> usize {
        HEADER + output.cells.rows() * self.stride + output.cells.text_area().len()
    }

    /// Writes the result. The first 8 bytes are left for the duration.
    ///
    /// # Errors
    /// The bytes needed, when the buffer is shorter; nothing is written then.
    #[inline]
    pub fn write(&self, output: &Output, buffer: &mut [u8]) -> Result<(), usize> {
        match self.write_plain_row(output, buffer) {
            Some(()) => Ok(()),
            None => self.write_rows(output, buffer),
        }
    }

    /// Whether the result of a row is one number: what [`number_rows`](Self::number_rows) has.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.straight && self.cells == 1
    }

    /// Writes all but the rows of a result whose rows are numbers, and gives the rows, to be written as [`number_row`]s. `None` when the
    /// buffer is shorter.
    #[inline]
    pub fn number_rows<'a>(&self, rows: usize, buffer: &'a mut [u8]) -> Option<&'a mut [NumberRow]> {
        let buffer = buffer.get_mut(..HEADER + rows * NUMBER_STRIDE)?;
        write_sizes(buffer, rows);
        Some(buffer[HEADER..].as_chunks_mut().0)
    }

    /// One row that has its score and no text, if it is that and the buffer has room.
    #[inline]
    fn write_plain_row(&self, output: &Output, buffer: &mut [u8]) -> Option<()> {
        let cells = &output.cells;
        if !self.straight || cells.rows() != 1 || output.failed() > 0 || !cells.text_area().is_empty() {
            return None;
        }
        let bytes = buffer.get_mut(..HEADER + self.stride)?;
        write_sizes(bytes, 1);
        let (header, row) = bytes[HEADER..].split_first_chunk_mut::<ROW_HEADER>()?;
        *header = [0; ROW_HEADER];
        let (values, tags) = row.split_at_mut_checked(8 * self.cells)?;
        copy_row(cells, 0, values, tags);
        Some(())
    }

    fn write_rows(&self, output: &Output, buffer: &mut [u8]) -> Result<(), usize> {
        let rows = output.cells.rows();
        let text_start = HEADER + rows * self.stride;
        let text = output.cells.text_area();
        let needed = text_start + text.len();
        if buffer.len() < needed || u32::try_from(needed).is_err() {
            return Err(needed);
        }
        write_sizes(&mut buffer[..needed], rows);
        let mut rest = &mut buffer[HEADER..text_start];
        for row in 0..rows {
            let (bytes, after) = rest.split_at_mut(self.stride);
            rest = after;
            let status = output.status(row);
            bytes[..8].copy_from_slice(&u64::from(status.code as u32).to_le_bytes());
            let message = if status.code == ErrorCode::Ok {
                0
            } else {
                moved(status.message_reference(), text_start)
            };
            bytes[8..16].copy_from_slice(&message.to_le_bytes());
            let (values, tags) = bytes[ROW_HEADER..].split_at_mut(8 * self.cells);
            self.write_row(&output.cells, row, text_start, values, tags);
        }
        if !text.is_empty() {
            buffer[text_start..needed].copy_from_slice(text);
        }
        Ok(())
    }

    #[inline]
    fn write_row(&self, cells: &Block, row: usize, text_start: usize, values: &mut [u8], tags: &mut [u8]) {
        if self.straight {
            if cells.text_area().is_empty() {
                copy_row(cells, row, values, tags);
                return;
            }
            let (from_tags, from_values) = (cells.tags(row), cells.values(row));
            copy_tags(&mut tags[..from_tags.len()], from_tags);
            for ((to, value), tag) in values.chunks_exact_mut(8).zip(from_values).zip(from_tags) {
                let value = if *tag == Tag::String as u8 {
                    moved(*value, text_start)
                } else {
                    *value
                };
                to.copy_from_slice(&value.to_le_bytes());
            }
            return;
        }
        let mut at = 0;
        for column in &self.columns {
            let (from_tags, from_values) = (
                &cells.tags(row)[column.slot..column.slot + column.width],
                &cells.values(row)[column.slot..column.slot + column.width],
            );
            if column.argmax {
                let (tag, value) = argmax(from_tags, from_values, !column.field.labels.is_empty());
                tags[at] = tag as u8;
                values[8 * at..8 * at + 8].copy_from_slice(&value.to_le_bytes());
                at += 1;
                continue;
            }
            for (tag, value) in from_tags.iter().zip(from_values) {
                let value = if *tag == Tag::String as u8 {
                    moved(*value, text_start)
                } else {
                    *value
                };
                tags[at] = *tag;
                values[8 * at..8 * at + 8].copy_from_slice(&value.to_le_bytes());
                at += 1;
            }
        }
    }
}

/// Number of rows and of all bytes.
#[inline]
fn write_sizes(buffer: &mut [u8], rows: usize) {
    let bytes = buffer.len() as u32;
    buffer[8..12].copy_from_slice(&(rows as u32).to_le_bytes());
    buffer[12..16].copy_from_slice(&bytes.to_le_bytes());
}

/// A row without text, as it is.
#[inline]
fn copy_row(cells: &Block, row: usize, values: &mut [u8], tags: &mut [u8]) {
    match (values.as_chunks_mut().0, cells.values(row)) {
        // The loop becomes a call of memcpy, which takes longer than this.
        ([to], [value]) => *to = value.to_le_bytes(),
        (to, values) => {
            for (to, value) in to.iter_mut().zip(values) {
                *to = value.to_le_bytes();
            }
        }
    }
    let from = cells.tags(row);
    copy_tags(&mut tags[..from.len()], from);
}

fn reported_width(column: &BoundOutput) -> usize {
    if column.argmax { 1 } else { column.width }
}

/// A text reference within the text area, as one from the buffer's start.
fn moved(reference: u64, text_start: usize) -> u64 {
    reference + ((text_start as u64) << 32)
}

/// Index of the largest number, the first of equals; missing when a cell is missing or none is a number.
fn argmax(tags: &[u8], values: &[u64], labelled: bool) -> (Tag, u64) {
    let mut best: Option<(usize, f64)> = None;
    for (index, (tag, value)) in tags.iter().zip(values).enumerate() {
        let Some(number) = Tag::from_number(*tag).to_f64(*value) else {
            return (Tag::Missing, 0);
        };
        if number > best.map_or(f64::NEG_INFINITY, |(_, most)| most) || (best.is_none() && !number.is_nan()) {
            best = Some((index, number));
        }
    }
    match best {
        Some((index, _)) => (if labelled { Tag::Label } else { Tag::Long }, index as u64),
        None => (Tag::Missing, 0),
    }
}
