//! The entry points: `io.flinkserving.boundary.NativeMethods`. They are found by their exported names, not by their paths here.
#![allow(unreachable_pub)]

use jni::objects::{JByteArray, JByteBuffer, JClass, JString};
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned, jni_mangle};
use prost::Message;
use serving_engine::RowScorer;
use serving_engine::records::Framing;
use serving_model::wire::{ModelDescriptor, ScorerOptions};
use serving_model::{ErrorCode, ModelError, stored};

use crate::guard::{CallError, guarded, guarded_with};
use crate::handles::{self, Bound, ENGINE, ScorerHandle, models};

const LOADING: ErrorCode = ErrorCode::LoadingCrashed;
const SCORING: ErrorCode = ErrorCode::ScoringCrashed;

fn descriptor(env: &Env<'_>, bytes: &JByteArray<'_>) -> Result<ModelDescriptor, CallError> {
    let bytes = env.convert_byte_array(bytes)?;
    ModelDescriptor::decode(bytes.as_slice()).map_err(|error| {
        ModelError::new(
            ErrorCode::DescriptorUnreadable,
            format!("the message is not a ModelDescriptor: {error}"),
        )
        .into()
    })
}

fn options(env: &Env<'_>, bytes: &JByteArray<'_>) -> Result<ScorerOptions, CallError> {
    let bytes = env.convert_byte_array(bytes)?;
    ScorerOptions::decode(bytes.as_slice())
        .map_err(|error| CallError::invalid(format!("the options of the scorer can't be read: {error}")))
}

fn bound(env: &Env<'_>, buffer: &JByteBuffer<'_>) -> Result<Option<Bound>, CallError> {
    if buffer.is_null() {
        return Ok(None);
    }
    let address = env
        .get_direct_buffer_address(buffer)
        .map_err(|_| CallError::invalid("a buffer is not direct"))?;
    Ok(Some(Bound::new(address, env.get_direct_buffer_capacity(buffer)?)))
}

fn needed(buffer: Option<Bound>) -> Result<Bound, CallError> {
    buffer.ok_or_else(|| CallError::invalid("a buffer is null"))
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn version<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>) -> JString<'c> {
    guarded_with(&mut env, LOADING, |env| Ok(env.new_string(env!("CARGO_PKG_VERSION"))?))
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn load_model<'c>(
    mut env: EnvUnowned<'c>,
    _: JClass<'c>,
    descriptor_bytes: JByteArray<'c>,
    content: JByteArray<'c>,
) -> jlong {
    guarded_with(&mut env, LOADING, |env| {
        let descriptor = descriptor(env, &descriptor_bytes)?;
        let content = env.convert_byte_array(&content)?;
        Ok(models::open(ENGINE.load(&descriptor, &content)?))
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn pack_model<'c>(
    mut env: EnvUnowned<'c>,
    _: JClass<'c>,
    descriptor_bytes: JByteArray<'c>,
    content: JByteArray<'c>,
) -> JByteArray<'c> {
    guarded_with(&mut env, LOADING, |env| {
        let descriptor = descriptor(env, &descriptor_bytes)?;
        let content = env.convert_byte_array(&content)?;
        Ok(env.byte_array_from_slice(&stored::pack(&descriptor, &content)?)?)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn restore_model<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, stored: JByteArray<'c>) -> jlong {
    guarded_with(&mut env, LOADING, |env| {
        let stored = env.convert_byte_array(&stored)?;
        Ok(models::open(ENGINE.restore(&stored)?))
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn model_info<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, model: jlong) -> JByteArray<'c> {
    guarded_with(&mut env, LOADING, |env| {
        Ok(env.byte_array_from_slice(&models::get(model)?.info().encode_to_vec())?)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn model_bytes<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, model: jlong) -> JByteArray<'c> {
    guarded_with(&mut env, LOADING, |env| {
        Ok(env.byte_array_from_slice(models::get(model)?.to_bytes())?)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn close_model<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, model: jlong) {
    guarded(&mut env, LOADING, || models::close(model));
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn describe_scorer<'c>(
    mut env: EnvUnowned<'c>,
    _: JClass<'c>,
    model: jlong,
    options_bytes: JByteArray<'c>,
) -> JByteArray<'c> {
    guarded_with(&mut env, LOADING, |env| {
        let scorer = RowScorer::open(models::get(model)?.as_ref(), &options(env, &options_bytes)?)?;
        Ok(env.byte_array_from_slice(&scorer.info().encode_to_vec())?)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn open_scorer<'c>(
    mut env: EnvUnowned<'c>,
    _: JClass<'c>,
    model: jlong,
    options_bytes: JByteArray<'c>,
    input: JByteBuffer<'c>,
    output: JByteBuffer<'c>,
) -> jlong {
    guarded_with(&mut env, LOADING, |env| {
        let options = options(env, &options_bytes)?;
        let (input, output) = (needed(bound(env, &input)?)?, needed(bound(env, &output)?)?);
        ScorerHandle::open(models::get(model)?, options, input, output)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn score<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, scorer: jlong, rows: jint) -> jint {
    // SAFETY: `NativeScorer` passes the handle that it got from `openScorer` and has not closed, from one thread at a time, and keeps
    // both buffers reachable until the call has returned.
    guarded(&mut env, SCORING, || unsafe {
        ScorerHandle::borrow(scorer)?.score(rows, Framing::Lengths)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn score_ends<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, scorer: jlong, rows: jint) -> jint {
    // SAFETY: as in `score`.
    guarded(&mut env, SCORING, || unsafe {
        ScorerHandle::borrow(scorer)?.score(rows, Framing::Ends)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn rebind<'c>(
    mut env: EnvUnowned<'c>,
    _: JClass<'c>,
    scorer: jlong,
    input: JByteBuffer<'c>,
    output: JByteBuffer<'c>,
) -> jint {
    guarded_with(&mut env, SCORING, |env| {
        let (input, output) = (bound(env, &input)?, bound(env, &output)?);
        // SAFETY: as in `score`.
        unsafe { ScorerHandle::borrow(scorer)?.rebind(input, output) }
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn scorer_window<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, scorer: jlong) -> JByteArray<'c> {
    guarded_with(&mut env, SCORING, |env| {
        // SAFETY: as in `score`.
        let window = unsafe { ScorerHandle::borrow(scorer)?.window() };
        Ok(env.byte_array_from_slice(&window)?)
    })
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn restore_window<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, scorer: jlong, window: JByteArray<'c>) {
    guarded_with(&mut env, SCORING, |env| {
        let window = env.convert_byte_array(&window)?;
        // SAFETY: as in `score`.
        Ok(unsafe { ScorerHandle::borrow(scorer)?.restore_window(&window) }?)
    });
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn close_scorer<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, scorer: jlong) {
    // SAFETY: as in `score`, and `NativeScorer` forgets the handle before it calls.
    guarded(&mut env, LOADING, || unsafe { ScorerHandle::close(scorer) });
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn set_native_memory_limit<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>, bytes: jlong) {
    guarded(&mut env, LOADING, || {
        let bytes = usize::try_from(bytes).map_err(|_| CallError::invalid("a negative memory limit"))?;
        ENGINE.memory().set_limit(bytes);
        Ok(())
    });
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn native_bytes<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>) -> jlong {
    guarded(&mut env, LOADING, || Ok(ENGINE.memory().used() as jlong))
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn live_models<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>) -> jlong {
    guarded(&mut env, LOADING, || Ok(models::live()))
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
pub fn live_scorers<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>) -> jlong {
    guarded(&mut env, LOADING, || Ok(handles::live_scorers()))
}

#[jni_mangle("io.flinkserving.boundary.NativeMethods")]
#[allow(clippy::panic)]
pub fn panic_for_test<'c>(mut env: EnvUnowned<'c>, _: JClass<'c>) {
    guarded_with(&mut env, SCORING, |_| -> Result<(), CallError> {
        panic!("a test asked for this panic")
    });
}
