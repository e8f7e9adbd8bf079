//! The library that Flink loads: `libflink_serving`. What the entry points do is written down in `docs/boundary.md`.
//!
//! | module | what |
//! |---|---|
//! | `entry` | the entry points, one line each |
//! | `guard` | the one guard around all of them: error or panic -> typed Java exception |
//! | `handles` | shared model handles, exclusive scorer handles, their live counts |
//! | `clock` | nanoseconds without a system call |
//!
//! # Threads
//! Nothing here attaches a thread or calls back into Java. Loading a PMML document runs on a thread with a large stack that ends with the call. Model handles may be used by any thread, a scorer handle by one at
//! a time. No global reference is ever made, so nothing pins a class loader.
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod clock;
mod entry;
mod guard;
mod handles;
