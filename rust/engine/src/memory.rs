//! The budget of native memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serving_model::ModelError;

/// Counted bytes of all models of a process and of those that are being loaded, and their limit.
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

    /// Reserves bytes of the budget, so that of several models that are loaded at the same time none takes what another one counts on.
    ///
    /// # Errors
    /// `MODEL_TOO_LARGE`, naming the setting, when they would exceed it.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Result<Reservation, ModelError> {
        let mut reservation = Reservation {
            memory: Arc::clone(self),
            bytes: 0,
        };
        reservation.resize(bytes)?;
        Ok(reservation)
    }

    fn refusal(bytes: usize, used: usize, limit: usize) -> ModelError {
        ModelError::too_large(format!(
            "the model needs {bytes} bytes of native memory, {used} of {limit} are used: raise model-serving.native-memory \
             (and taskmanager.memory.task.off-heap.size with it) or remove models"
        ))
    }
}

/// Bytes of the budget that somebody holds; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Reservation {
    memory: Arc<MemoryUse>,
    bytes: usize,
}

impl Reservation {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that the holder may have in all.
    pub(crate) fn most(&self) -> usize {
        self.memory.left().saturating_add(self.bytes)
    }

    /// Holds another number of bytes.
    ///
    /// # Errors
    /// `MODEL_TOO_LARGE`, naming the setting, when they would exceed it; what is held stays.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), ModelError> {
        let (memory, held) = (&self.memory, self.bytes);
        let limit = memory.limit.load(Ordering::Relaxed);
        memory
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used - held).checked_add(bytes).filter(|sum| *sum <= limit)
            })
            .map_err(|used| MemoryUse::refusal(bytes, used - held, limit))?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
