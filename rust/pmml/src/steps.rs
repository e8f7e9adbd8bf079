//! The steps that one record may take: each byte of text that is made, matched or compared is one, and so is each function.
//! What is proportional to the model alone is not counted.

use crate::run::{Cause, Fault, NO_SLOT, Scored};

/// Records that took fewer steps leave no scratch space that is worth giving back.
const USUAL: u64 = 1 << 16;

/// What is left of the steps of a record.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    left: u64,
    most: u64,
    /// Those of the records before.
    earlier: u64,
}

impl Steps {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            left: most,
            most,
            earlier: 0,
        }
    }

    /// Begins with the next record.
    pub(crate) fn restart(&mut self) {
        self.earlier = self.total();
        self.left = self.most;
    }

    /// Steps taken for all records.
    pub(crate) fn total(&self) -> u64 {
        self.earlier.saturating_add(self.taken())
    }

    /// Steps taken for this record.
    pub(crate) fn taken(&self) -> u64 {
        self.most - self.left
    }

    /// Whether the record took so many steps that the scratch space may have grown.
    pub(crate) fn many(&self) -> bool {
        self.taken() > USUAL
    }

    /// Takes steps.
    #[inline]
    pub(crate) fn take(&mut self, steps: usize) -> Scored<()> {
        if let Some(left) = self.left.checked_sub(steps as u64) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        Err(Fault {
            cause: Cause::Steps,
            slot: NO_SLOT,
        })
    }
}
