//! What a model is, without saying how any format works and without I/O.
//!
//! | item | what |
//! |---|---|
//! | [`Model`], [`Scorer`] | a compiled model, shared by all tasks; the scratch space of one task |
//! | [`ModelFactory`], [`ModelFactoriesResolver`] | who makes models of a type; who knows the factories |
//! | [`Schema`], [`Field`] | names, types and widths of inputs and outputs |
//! | [`Block`], [`Output`] | rows in, rows out: flat arrays of tagged 64-bit cells |
//! | [`StoredModel`](stored) | a model as a checkpoint holds it |
//! | [`ModelError`], [`ErrorCode`] | why a model or a record was refused |
//!
//! The names are those of FLIP-23.
#![forbid(unsafe_code)]

mod block;
mod digest;
mod error;
mod factory;
mod list;
mod output;
mod schema;
pub mod stored;
mod tags;
mod tensor;

/// The messages of `proto/`, generated.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/flinkserving.rs"));
}

pub use block::{Block, Cell, Tag};
pub use digest::Digest;
pub use error::{ModelError, Place};
pub use factory::{Equation, Limits, Model, ModelFactoriesResolver, ModelFactory, ModelSource, Scorer, Signature};
pub use list::{ListItem, ListItems, NotAList, push_list_text};
pub use output::{Output, RowStatus};
pub use schema::{DataType, Field, Schema};
pub use tags::copy_tags;
pub use tensor::{Tensor, TensorData, TensorModel};
pub use wire::ErrorCode;
pub use wire::model_descriptor::ModelType;
