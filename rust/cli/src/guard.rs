//! Containment of panics: one record or one model, not the run.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps panics from printing: [`contain`] hands their message to the caller.
pub(crate) fn be_silent() {
    set_hook(Box::new(|panic| {
        let message = panic.to_string().replace('\n', " ");
        LAST.with(|last| last.replace(message));
    }));
}

/// Runs `work`. What it leaves half done after a panic must not be used again.
///
/// # Errors
/// The message of a panic.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| LAST.with(RefCell::take))
}
