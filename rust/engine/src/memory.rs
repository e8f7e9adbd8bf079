//! The budget of native memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use serving_model::ModelError;

/// Counted bytes of all models of a process, and their limit.
#[derive(Debug)]
pub struct MemoryUse {
    used: AtomicUsize,
    limit: AtomicUsize,
}

impl Default for MemoryUse {
    fn default() -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
        }
    }
}

impl MemoryUse {
    /// Bytes counted now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Sets the limit in bytes. Models that are loaded stay.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.limit.load(Ordering::Relaxed).saturating_sub(self.used())
    }

    /// Takes bytes from the budget.
    ///
    /// # Errors
    /// `MODEL_TOO_LARGE`, naming the setting, when they would exceed it.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), ModelError> {
        let limit = self.limit.load(Ordering::Relaxed);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= limit)
            })
            .map(|_| ())
            .map_err(|used| Self::refusal(bytes, used, limit))
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn refusal(bytes: usize, used: usize, limit: usize) -> ModelError {
        ModelError::too_large(format!(
            "the model needs {bytes} bytes of native memory, {used} of {limit} are used: raise model-serving.native-memory \
             (and taskmanager.memory.task.off-heap.size with it) or remove models"
        ))
    }

    pub(crate) fn check(&self, bytes: usize) -> Result<(), ModelError> {
        let (used, limit) = (self.used(), self.limit.load(Ordering::Relaxed));
        if bytes > limit.saturating_sub(used) {
            return Err(Self::refusal(bytes, used, limit));
        }
        Ok(())
    }
}
