//! What loading a document may take, where its length does not tell: sizes are checked before anything is allocated.

use std::cell::Cell;

use serving_model::{Limits, ModelError};

/// Most bytes that are reserved when the limits allow more.
const MOST_RESERVED: usize = 1 << 32;
/// Most steps of what takes longer to load than the document is long.
const MOST_WORK: u64 = 1 << 34;

/// What a document may still take.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: Cell<usize>,
    steps: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            bytes: Cell::new(limits.native_bytes.min(MOST_RESERVED)),
            steps: Cell::new(MOST_WORK),
        }
    }

    /// Counts bytes, before they are allocated, that are a product of what the document has or says: its spelling does not bound
    /// them.
    pub(crate) fn reserve(&self, counts: &[usize], size: usize) -> Result<(), ModelError> {
        self.bytes.set(self.fits(counts, size)?);
        Ok(())
    }

    /// Makes sure that bytes may be allocated for a while; how many are left then.
    pub(crate) fn fits(&self, counts: &[usize], size: usize) -> Result<usize, ModelError> {
        let bytes = counts.iter().try_fold(size, |bytes, count| bytes.checked_mul(*count));
        let left = self.bytes.get();
        bytes.and_then(|bytes| left.checked_sub(bytes)).ok_or_else(|| {
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            ModelError::too_large(format!(
                "{} values of {size} bytes are more than the {left} bytes that the document may still take",
                counts.join(" x ")
            ))
        })
    }

    /// Counts steps, before they are taken, that grow faster than the document does.
    pub(crate) fn work(&self, steps: usize) -> Result<(), ModelError> {
        let left = self.steps.get().checked_sub(steps as u64);
        self.steps
            .set(left.ok_or_else(|| ModelError::too_large("loading takes too many steps"))?);
        Ok(())
    }
}
