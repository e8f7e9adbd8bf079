//! The engine: everything between a model's bytes and a record's score that is not a model format.
//!
//! | module | what |
//! |---|---|
//! | [`Engine`], [`Loaded`] | loads by type, shares by digest, keeps the memory budget, warms up |
//! | [`binding`] | which record field feeds which model input, which output is reported how |
//! | [`records`] | reads records: protobuf by descriptor, or packed rows |
//! | [`WindowedInput`] | models that take the last values of one record field |
//! | [`RowScorer`] | records in, result bytes out: what the boundary calls |
//!
//! Nothing here knows of Java.
#![forbid(unsafe_code)]

pub mod binding;
mod engine;
mod layout;
mod memory;
pub mod records;
mod row_scorer;
mod window;

pub use engine::{Engine, Loaded, ServedFactories};
pub use layout::{NumberRow, OutputLayout};
pub use memory::MemoryUse;
pub use row_scorer::{RowScorer, Written};
pub use window::WindowedInput;
