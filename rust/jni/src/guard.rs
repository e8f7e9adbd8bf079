//! The one guard around every entry point.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use jni::objects::{JString, JThrowable, JValue};
use jni::{Env, EnvUnowned, jni_sig, jni_str};
use serving_model::{ErrorCode, ModelError};

/// Why a call failed, in the terms of the Java exception. As small as a pointer, because every call returns it or a result.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct CallError(Box<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    /// A model, record or call was refused.
    #[error(transparent)]
    Refused(ModelError),
    /// The virtual machine refused something, such as an array that it has no memory for.
    #[error("the Java virtual machine refused: {0}")]
    Jni(jni::errors::Error),
    /// The code below panicked.
    #[error("{message}")]
    Crashed { code: ErrorCode, message: String },
}

impl From<ModelError> for CallError {
    #[cold]
    fn from(error: ModelError) -> Self {
        Self(Box::new(Cause::Refused(error)))
    }
}

impl From<jni::errors::Error> for CallError {
    #[cold]
    fn from(error: jni::errors::Error) -> Self {
        Self(Box::new(Cause::Jni(error)))
    }
}

impl CallError {
    /// A handle that isn't one, or isn't one any more.
    pub(crate) fn closed(what: &str) -> Self {
        ModelError::new(
            ErrorCode::HandleClosed,
            format!("the {what} handle is closed or was never opened"),
        )
        .into()
    }

    /// A caller that broke the contract.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        ModelError::new(ErrorCode::InvalidCall, message).into()
    }

    fn code(&self) -> ErrorCode {
        match &*self.0 {
            Cause::Refused(error) => error.code,
            Cause::Jni(_) => ErrorCode::InvalidCall,
            Cause::Crashed { code, .. } => *code,
        }
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps where a panic happened for the exception, instead of printing it to a stream that nobody reads.
fn keep_panic_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            LAST_PANIC.with(|last| {
                if let Ok(mut last) = last.try_borrow_mut() {
                    *last = place;
                }
            });
        }));
    });
}

fn crashed(code: ErrorCode, payload: &(dyn Any + Send)) -> CallError {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown panic");
    let place = LAST_PANIC.with(|last| last.try_borrow().map(|place| place.clone()).unwrap_or_default());
    CallError(Box::new(Cause::Crashed {
        code,
        message: format!("the library crashed at {place}: {what}"),
    }))
}

/// Runs code that may panic; a panic becomes an error with the code given.
#[inline]
pub(crate) fn catching<T>(crash: ErrorCode, body: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
    // What a panic leaves half-done is not used again: a scorer is opened anew, a model is not kept.
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(crashed(crash, payload.as_ref())))
}

/// Guards an entry point that needs nothing of the virtual machine unless it fails.
#[inline]
pub(crate) fn guarded<T: Default>(
    env: &mut EnvUnowned<'_>,
    crash: ErrorCode,
    body: impl FnOnce() -> Result<T, CallError>,
) -> T {
    match catching(crash, body) {
        Ok(value) => value,
        Err(error) => throw(env, &error),
    }
}

/// Guards an entry point that takes or makes Java objects.
pub(crate) fn guarded_with<'local, T: Default>(
    env: &mut EnvUnowned<'local>,
    crash: ErrorCode,
    body: impl FnOnce(&mut Env<'local>) -> Result<T, CallError>,
) -> T {
    keep_panic_places();
    let mut failure = None;
    let value = env
        .with_env(|env| -> Result<T, jni::errors::Error> {
            Ok(match catching(crash, || body(env)) {
                Ok(value) => value,
                Err(error) => {
                    failure = Some(error);
                    T::default()
                }
            })
        })
        .into_outcome();
    match (failure, value) {
        (None, jni::Outcome::Ok(value)) => value,
        (Some(error), _) => throw(env, &error),
        (None, jni::Outcome::Err(error)) => throw(env, &error.into()),
        (None, jni::Outcome::Panic(payload)) => throw(env, &crashed(crash, payload.as_ref())),
    }
}

/// Leaves a `NativeException` pending and returns what Java will not see.
#[cold]
fn throw<T: Default>(env: &mut EnvUnowned<'_>, error: &CallError) -> T {
    // When even this fails the virtual machine has its own exception pending, an OutOfMemoryError for instance.
    let _ = env
        .with_env(|env: &mut Env<'_>| -> Result<(), jni::errors::Error> {
            if env.exception_check() {
                return Ok(());
            }
            let message: JString<'_> = env.new_string(error.to_string())?;
            let class = env.find_class(jni_str!("io/flinkserving/boundary/NativeException"))?;
            let exception = env.new_object(
                class,
                jni_sig!("(ILjava/lang/String;)V"),
                &[JValue::Int(error.code() as i32), JValue::Object(message.as_ref())],
            )?;
            let exception = env.cast_local::<JThrowable<'_>>(exception)?;
            env.throw(exception)
        })
        .into_outcome();
    T::default()
}
