//! A node as the translations see it.

use serving_model::ModelError;

use crate::array::{Array, DType};
use crate::graph::{Binary, Op, Value};
use crate::maker::Maker;
use crate::tensorflow::proto::NodeDef;
use crate::tensorflow::{invalid_at, unsupported_at};

/// What a translation gives: the values of the outputs, or that the operator is another topic's.
pub(super) type Lowered = Result<Option<Vec<Value>>, ModelError>;

/// A node, its inputs made.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeDef,
    pub(super) inputs: &'a [Value],
}

impl Call<'_> {
    pub(super) fn operator(&self) -> &str {
        &self.node.op
    }

    /// An input that must be there.
    pub(super) fn input(&self, index: usize) -> Result<Value, ModelError> {
        self.inputs
            .get(index)
            .copied()
            .ok_or_else(|| self.invalid(format!("{} has no input {index}", self.node.op)))
    }

    pub(super) fn invalid(&self, message: impl Into<String>) -> ModelError {
        invalid_at(self.node, message)
    }

    pub(super) fn unsupported(&self, what: &str) -> ModelError {
        unsupported_at(self.node, format!("{}: {what}", self.node.op))
    }

    /// Whether an attribute names 64-bit integers; what is left out is not.
    pub(super) fn long(&self, name: &str) -> bool {
        self.node.dtype(name).is_ok_and(|dtype| dtype == DType::I64)
    }

    /// The type of the integers that an attribute names, 32 bits where it is left out.
    pub(super) fn index_type(&self, name: &str) -> DType {
        if self.long(name) { DType::I64 } else { DType::I32 }
    }

    /// One node of ours with the same inputs.
    #[allow(clippy::unnecessary_wraps, reason = "it is the end of a translation")]
    pub(super) fn same(&self, op: Op, maker: &mut Maker<'_>) -> Lowered {
        let outputs = op.ports();
        Ok(Some(maker.many(op, self.inputs, outputs)))
    }
}

/// A number of the type of a value.
pub(super) fn number_like(maker: &mut Maker<'_>, number: f64, like: Value) -> Value {
    let number = maker.constant(Array::scalar(number));
    maker.one(Op::Move(crate::ops::Move::CastLike), &[number, like])
}

pub(super) fn binary(maker: &mut Maker<'_>, function: Binary, left: Value, right: Value) -> Value {
    maker.one(Op::Binary(function), &[left, right])
}

/// With the axes in another order.
pub(super) fn transposed(maker: &mut Maker<'_>, value: Value, order: &[i64]) -> Value {
    let order = maker.integers(order);
    maker.one(Op::Transpose, &[value, order])
}
