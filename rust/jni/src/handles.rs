//! What Java holds: numbers that stand for models and scorers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use serving_engine::records::Framing;
use serving_engine::{Engine, Loaded, RowScorer, Written};
use serving_model::wire::ScorerOptions;
use serving_model::{ErrorCode, ModelError};

use crate::clock::Stopwatch;
use crate::guard::{CallError, catching};

/// The engine of this library instance.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

static MODELS: LazyLock<Mutex<Models>> = LazyLock::new(Mutex::default);
static LIVE_SCORERS: AtomicI64 = AtomicI64::new(0);

#[derive(Default)]
struct Models {
    last: i64,
    open: HashMap<i64, Arc<Loaded>>,
}

/// Shared handles: any thread, any number of uses, until closed.
pub(crate) mod models {
    use super::{Arc, CallError, Loaded, MODELS};

    pub(crate) fn open(loaded: Arc<Loaded>) -> i64 {
        let mut models = MODELS.lock();
        models.last += 1;
        let handle = models.last;
        models.open.insert(handle, loaded);
        handle
    }

    pub(crate) fn get(handle: i64) -> Result<Arc<Loaded>, CallError> {
        MODELS
            .lock()
            .open
            .get(&handle)
            .cloned()
            .ok_or_else(|| CallError::closed("model"))
    }

    pub(crate) fn close(handle: i64) -> Result<(), CallError> {
        let closed = MODELS.lock().open.remove(&handle);
        // Dropped outside the lock: freeing a large model takes a while.
        closed.map(drop).ok_or_else(|| CallError::closed("model"))
    }

    pub(crate) fn live() -> i64 {
        MODELS.lock().open.len() as i64
    }
}

/// A direct buffer: memory of the virtual machine that stays where it is while the `ByteBuffer` is reachable.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    address: *mut u8,
    length: usize,
}

impl Bound {
    pub(crate) fn new(address: *mut u8, length: usize) -> Self {
        Self { address, length }
    }
}

/// An exclusive handle: a scorer and the two buffers that it is bound to.
pub(crate) struct ScorerHandle {
    scorer: RowScorer,
    /// To open the scorer anew after a crash left it half-done.
    loaded: Arc<Loaded>,
    options: ScorerOptions,
    crashed: bool,
    input: Bound,
    output: Bound,
    stopwatch: Stopwatch,
}

impl Drop for ScorerHandle {
    fn drop(&mut self) {
        LIVE_SCORERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Number of open scorers.
pub(crate) fn live_scorers() -> i64 {
    LIVE_SCORERS.load(Ordering::Relaxed)
}

impl ScorerHandle {
    pub(crate) fn open(
        loaded: Arc<Loaded>,
        options: ScorerOptions,
        input: Bound,
        output: Bound,
    ) -> Result<i64, CallError> {
        let scorer = RowScorer::open(&loaded, &options)?;
        LIVE_SCORERS.fetch_add(1, Ordering::Relaxed);
        let handle = Box::new(Self {
            scorer,
            loaded,
            options,
            crashed: false,
            input,
            output,
            stopwatch: Stopwatch::new(),
        });
        Ok(Box::into_raw(handle) as i64)
    }

    /// The scorer behind a handle.
    ///
    /// # Safety
    /// The handle came from [`open`](Self::open), was not closed, and no other thread uses it during `'a`.
    #[inline]
    pub(crate) unsafe fn borrow<'a>(handle: i64) -> Result<&'a mut Self, CallError> {
        // SAFETY: a non-null handle points to a live scorer that is ours alone, as the caller promises.
        unsafe { (handle as *mut Self).as_mut() }.ok_or_else(|| CallError::closed("scorer"))
    }

    /// Ends a scorer.
    ///
    /// # Safety
    /// As for [`borrow`](Self::borrow); the handle is not used after this.
    pub(crate) unsafe fn close(handle: i64) -> Result<(), CallError> {
        if handle == 0 {
            return Err(CallError::closed("scorer"));
        }
        // SAFETY: the pointer came out of Box::into_raw and, as the caller promises, goes back in once.
        drop(unsafe { Box::from_raw(handle as *mut Self) });
        Ok(())
    }

    /// Scores the rows in the input buffer.
    ///
    /// # Safety
    /// Both buffers are reachable in Java and nobody else touches them during the call.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `RowScorer::score_framed`")]
    pub(crate) unsafe fn score(&mut self, rows: i32, framing: Framing) -> Result<i32, CallError> {
        let rows = usize::try_from(rows).map_err(|_| CallError::invalid("a negative number of rows"))?;
        let start = self.stopwatch.start(rows);
        if self.crashed {
            self.reopen()?;
        }
        self.crashed = true;
        // SAFETY: the caller promises that the memory is there and ours; the two buffers are distinct objects of the virtual machine.
        let (input, output) = unsafe {
            (
                std::slice::from_raw_parts(self.input.address.cast_const(), self.input.length),
                std::slice::from_raw_parts_mut(self.output.address, self.output.length),
            )
        };
        let written = self.scorer.score_framed(input, rows, framing, output)?;
        self.crashed = false;
        Ok(finish(written, self.stopwatch.stop(start, rows), output))
    }

    #[cold]
    fn reopen(&mut self) -> Result<(), CallError> {
        let window = self.window();
        self.scorer = RowScorer::open(&self.loaded, &self.options)?;
        Ok(self.scorer.restore_window(&window)?)
    }

    /// The scorer's window as a checkpoint holds it; empty when the model takes none.
    pub(crate) fn window(&self) -> Vec<u8> {
        self.scorer.window().unwrap_or_default()
    }

    /// See [`RowScorer::restore_window`].
    pub(crate) fn restore_window(&mut self, window: &[u8]) -> Result<(), ModelError> {
        self.scorer.restore_window(window)
    }

    /// Replaces buffers; into a new output buffer it writes the last result, for which there was no room.
    ///
    /// # Safety
    /// As for [`score`](Self::score).
    pub(crate) unsafe fn rebind(&mut self, input: Option<Bound>, output: Option<Bound>) -> Result<i32, CallError> {
        self.input = input.unwrap_or(self.input);
        let Some(output) = output else {
            // A larger input buffer for the next record is none of the last one's business.
            return Ok(0);
        };
        self.output = output;
        if self.crashed {
            return Err(CallError::invalid("the last call crashed, it left no result"));
        }
        // SAFETY: as in `score`.
        let output = unsafe { std::slice::from_raw_parts_mut(self.output.address, self.output.length) };
        let written = catching(ErrorCode::ScoringCrashed, || Ok(self.scorer.write(output)?))?;
        Ok(finish(written, self.stopwatch.nanos(), output))
    }
}

#[inline]
fn finish(written: Written, nanos: u64, output: &mut [u8]) -> i32 {
    let (first, code) = match written {
        Written::Rows { failed } => (nanos, failed as i32),
        Written::TooSmall { needed } => (needed as u64, -1),
    };
    if let Some(header) = output.first_chunk_mut::<8>() {
        *header = first.to_le_bytes();
    }
    code
}
