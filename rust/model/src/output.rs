//! What scoring a block leaves: cells, and for each row whether it has them.

use std::fmt;

use crate::Block;
use crate::wire::ErrorCode;

/// How scoring of one row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowStatus {
    /// [`ErrorCode::Ok`] when the row has a score.
    pub code: ErrorCode,
    message: u64,
}

impl RowStatus {
    const OK: Self = Self {
        code: ErrorCode::Ok,
        message: 0,
    };

    /// Where the message of a failed row is within the text area: see [`Tag::String`](crate::Tag::String).
    #[inline]
    #[must_use]
    pub fn message_reference(self) -> u64 {
        self.message
    }
}

/// Output rows and their statuses.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The cells, as many rows as were scored. Cells of a failed row mean nothing.
    pub cells: Block,
    status: Vec<RowStatus>,
    failed: usize,
}

impl Output {
    /// Empty output whose rows will have `stride` cells.
    #[must_use]
    pub fn new(stride: usize) -> Self {
        Self {
            cells: Block::new(stride),
            ..Self::default()
        }
    }

    /// Forgets everything and makes room for `rows` rows, all without error and all cells missing.
    #[inline]
    pub fn reset(&mut self, rows: usize) {
        self.cells.reset(rows);
        self.status.clear();
        self.status.resize(rows, RowStatus::OK);
        self.failed = 0;
    }

    /// Marks a row as failed. The first failure of a row counts.
    #[cold]
    pub fn fail(&mut self, row: usize, code: ErrorCode, message: fmt::Arguments<'_>) {
        if self.status[row].code != ErrorCode::Ok {
            return;
        }
        let message = self.cells.push_text(&message.to_string()).unwrap_or_default();
        self.status[row] = RowStatus { code, message };
        self.failed += 1;
    }

    /// How many rows failed.
    #[inline]
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// How a row ended.
    #[inline]
    #[must_use]
    pub fn status(&self, row: usize) -> RowStatus {
        self.status[row]
    }

    /// The message of a failed row; empty for another.
    #[must_use]
    pub fn message(&self, row: usize) -> &str {
        self.cells.text(self.status[row].message)
    }
}
