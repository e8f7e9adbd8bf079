//! Rows as flat arrays.

use crate::tags::{clear_tags, copy_tags};

/// What a cell's 64 bits mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// No value.
    Missing = 0,
    /// `f64` bits.
    Double = 1,
    /// `f32` bits in the low half.
    Float = 2,
    /// `i64`.
    Long = 3,
    /// 0 or 1.
    Boolean = 4,
    /// Text in the block's text area: offset in the high half, length in the low half, both in bytes.
    String = 5,
    /// Code of a label of the field, see [`Field::labels`](crate::Field::labels).
    Label = 6,
}

impl Tag {
    /// The tag behind a number; anything unknown is [`Missing`](Tag::Missing).
    #[inline]
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Double,
            2 => Self::Float,
            3 => Self::Long,
            4 => Self::Boolean,
            5 => Self::String,
            6 => Self::Label,
            _ => Self::Missing,
        }
    }

    /// The number in a cell with this tag; `None` where it holds none.
    #[inline]
    #[must_use]
    pub fn to_f64(self, value: u64) -> Option<f64> {
        match self {
            Self::Double => Some(f64::from_bits(value)),
            Self::Float => Some(f64::from(f32::from_bits(value as u32))),
            Self::Long => Some(value.cast_signed() as f64),
            Self::Missing | Self::Boolean | Self::String | Self::Label => None,
        }
    }
}

/// A cell, read for code that is not hot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Missing,
    /// A double.
    Double(f64),
    /// A float.
    Float(f32),
    /// An integer.
    Long(i64),
    /// A truth value.
    Boolean(bool),
    /// Text.
    String(&'a str),
    /// Code of a label.
    Label(u32),
}

/// Rows of cells: `rows` times `stride` tags and as many values, row after row, and one text area for all.
///
/// The capacity only grows: after the first blocks of a stream nothing is allocated any more.
#[derive(Clone, Debug, Default)]
pub struct Block {
    rows: usize,
    stride: usize,
    tags: Vec<u8>,
    values: Vec<u64>,
    text: Vec<u8>,
}

impl Block {
    /// An empty block whose rows will have `stride` cells.
    #[must_use]
    pub fn new(stride: usize) -> Self {
        Self {
            stride,
            ..Self::default()
        }
    }

    /// Forgets all cells and text and makes room for `rows` rows of missing cells.
    #[inline]
    pub fn reset(&mut self, rows: usize) {
        let cells = rows * self.stride;
        self.rows = rows;
        self.text.clear();
        if self.tags.len() == cells {
            clear_tags(&mut self.tags);
        } else {
            self.tags.clear();
            self.tags.resize(cells, 0);
            self.values.resize(cells, 0);
        }
    }

    /// Number of rows.
    #[inline]
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Cells per row.
    #[inline]
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Tags of a row, one byte each: see [`Tag`].
    #[inline]
    #[must_use]
    pub fn tags(&self, row: usize) -> &[u8] {
        &self.tags[row * self.stride..(row + 1) * self.stride]
    }

    /// Values of a row: see [`Tag`] for their meaning. The value of a missing cell is arbitrary.
    #[inline]
    #[must_use]
    pub fn values(&self, row: usize) -> &[u64] {
        &self.values[row * self.stride..(row + 1) * self.stride]
    }

    /// Tags and values of a row, to write.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> (&mut [u8], &mut [u64]) {
        let range = row * self.stride..(row + 1) * self.stride;
        (&mut self.tags[range.clone()], &mut self.values[range])
    }

    /// Forgets all cells and text; then there are `rows` rows with the tags of the first ones of another block with as many cells a
    /// row. Their values are arbitrary, until [`copy_values`](Self::copy_values) or somebody else writes them.
    #[inline]
    pub fn reset_to_tags(&mut self, from: &Self, rows: usize) {
        let cells = rows * self.stride;
        self.rows = rows;
        self.text.clear();
        if self.tags.len() != cells {
            self.tags.resize(cells, 0);
            self.values.resize(cells, 0);
        }
        copy_tags(&mut self.tags, &from.tags[..cells]);
    }

    /// Makes the values of the first rows those of another block with as many cells a row.
    #[inline]
    pub fn copy_values(&mut self, from: &Self, rows: usize) {
        let cells = rows * self.stride;
        self.values[..cells].copy_from_slice(&from.values[..cells]);
    }

    /// Makes a cell, given by row and slot, equal to one of another block.
    #[inline]
    pub fn copy_cell(&mut self, (row, slot): (usize, usize), from: &Self, (from_row, from_slot): (usize, usize)) {
        if let Cell::String(text) = from.cell(from_row, from_slot) {
            self.set_text(row, slot, text);
        } else {
            let (tags, values) = self.row_mut(row);
            tags[slot] = from.tags(from_row)[from_slot];
            values[slot] = from.values(from_row)[from_slot];
        }
    }

    /// Reads a cell.
    #[must_use]
    pub fn cell(&self, row: usize, slot: usize) -> Cell<'_> {
        let index = row * self.stride + slot;
        let value = self.values[index];
        match Tag::from_number(self.tags[index]) {
            Tag::Missing => Cell::Missing,
            Tag::Double => Cell::Double(f64::from_bits(value)),
            Tag::Float => Cell::Float(f32::from_bits(value as u32)),
            Tag::Long => Cell::Long(value.cast_signed()),
            Tag::Boolean => Cell::Boolean(value != 0),
            Tag::String => Cell::String(self.text(value)),
            Tag::Label => Cell::Label(value as u32),
        }
    }

    /// The text that the value of a [`String`](Tag::String) cell stands for; empty when the value was not made by
    /// [`push_text`](Self::push_text) of this block.
    #[inline]
    #[must_use]
    pub fn text(&self, value: u64) -> &str {
        let (start, length) = ((value >> 32) as usize, (value & 0xffff_ffff) as usize);
        self.text
            .get(start..start + length)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Appends text to the text area and returns the value of a cell that stands for it. `None` when the area would
    /// exceed 4 GiB.
    #[inline]
    pub fn push_text(&mut self, text: &str) -> Option<u64> {
        let (start, length) = (u32::try_from(self.text.len()).ok()?, u32::try_from(text.len()).ok()?);
        self.text.extend_from_slice(text.as_bytes());
        Some(u64::from(start) << 32 | u64::from(length))
    }

    /// All text of the block.
    #[inline]
    #[must_use]
    pub fn text_area(&self) -> &[u8] {
        &self.text
    }

    #[inline]
    fn set(&mut self, row: usize, slot: usize, tag: Tag, value: u64) {
        let index = row * self.stride + slot;
        self.tags[index] = tag as u8;
        self.values[index] = value;
    }

    /// Makes a cell missing.
    #[inline]
    pub fn set_missing(&mut self, row: usize, slot: usize) {
        self.set(row, slot, Tag::Missing, 0);
    }

    /// Writes a double.
    #[inline]
    pub fn set_double(&mut self, row: usize, slot: usize, value: f64) {
        self.set(row, slot, Tag::Double, value.to_bits());
    }

    /// Writes a float.
    #[inline]
    pub fn set_float(&mut self, row: usize, slot: usize, value: f32) {
        self.set(row, slot, Tag::Float, u64::from(value.to_bits()));
    }

    /// Writes an integer.
    #[inline]
    pub fn set_long(&mut self, row: usize, slot: usize, value: i64) {
        self.set(row, slot, Tag::Long, value.cast_unsigned());
    }

    /// Writes a truth value.
    #[inline]
    pub fn set_boolean(&mut self, row: usize, slot: usize, value: bool) {
        self.set(row, slot, Tag::Boolean, u64::from(value));
    }

    /// Writes the code of a label.
    #[inline]
    pub fn set_label(&mut self, row: usize, slot: usize, code: u32) {
        self.set(row, slot, Tag::Label, u64::from(code));
    }

    /// Writes text; the cell is missing when the text area is full.
    #[inline]
    pub fn set_text(&mut self, row: usize, slot: usize, text: &str) {
        match self.push_text(text) {
            Some(value) => self.set(row, slot, Tag::String, value),
            None => self.set_missing(row, slot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_back_what_was_written() {
        let mut block = Block::new(7);
        block.reset(2);
        block.set_double(1, 0, -0.5);
        block.set_float(1, 1, 1.5);
        block.set_long(1, 2, -3);
        block.set_boolean(1, 3, true);
        block.set_text(1, 4, "säure");
        block.set_label(1, 5, 9);
        assert_eq!(block.cell(1, 0), Cell::Double(-0.5));
        assert_eq!(block.cell(1, 1), Cell::Float(1.5));
        assert_eq!(block.cell(1, 2), Cell::Long(-3));
        assert_eq!(block.cell(1, 3), Cell::Boolean(true));
        assert_eq!(block.cell(1, 4), Cell::String("säure"));
        assert_eq!(block.cell(1, 5), Cell::Label(9));
        assert_eq!(block.cell(1, 6), Cell::Missing);
        assert_eq!(block.cell(0, 0), Cell::Missing);
    }

    #[test]
    fn reset_forgets_cells_whatever_the_number_of_rows() {
        let mut block = Block::new(1);
        for rows in [3, 3, 1, 4] {
            block.reset(rows);
            assert!((0..rows).all(|row| block.cell(row, 0) == Cell::Missing));
            (0..rows).for_each(|row| block.set_long(row, 0, 1));
        }
    }

    #[test]
    fn a_text_value_of_another_block_reads_as_empty() {
        let block = Block::new(1);
        assert_eq!(block.text(5 << 32 | 7), "");
    }
}
