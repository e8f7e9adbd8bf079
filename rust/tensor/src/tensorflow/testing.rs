//! Graphs for tests, written node by node.

use prost::Message;

use super::proto::attr_value::Value;
use super::proto::tensor_shape_proto::Dim;
use super::proto::{AttrValue, DataType, GraphDef, NodeDef, TensorProto, TensorShapeProto};

/// A graph that grows.
#[derive(Default)]
pub(crate) struct Draft(GraphDef);

fn shape_of(axes: &[i64]) -> TensorShapeProto {
    TensorShapeProto {
        dim: axes.iter().map(|size| Dim { size: *size }).collect(),
        unknown_rank: false,
    }
}

impl Draft {
    /// A node with attributes.
    pub(crate) fn with(mut self, op: &str, name: &str, inputs: &[&str], attributes: &[(&str, Value)]) -> Self {
        self.0.node.push(NodeDef {
            name: name.to_owned(),
            op: op.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            attr: attributes
                .iter()
                .map(|(name, value)| {
                    (
                        (*name).to_owned(),
                        AttrValue {
                            value: Some(value.clone()),
                        },
                    )
                })
                .collect(),
        });
        self
    }

    /// A node without attributes.
    pub(crate) fn node(self, op: &str, name: &str, inputs: &[&str]) -> Self {
        self.with(op, name, inputs, &[])
    }

    /// An input of floats.
    pub(crate) fn placeholder(self, name: &str, shape: &[i64]) -> Self {
        let attributes = [
            ("dtype", Value::Type(DataType::DtFloat.into())),
            ("shape", Value::Shape(shape_of(shape))),
        ];
        self.with("Placeholder", name, &[], &attributes)
    }

    /// A constant of floats.
    pub(crate) fn floats(self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        let tensor = TensorProto {
            dtype: DataType::DtFloat.into(),
            tensor_shape: Some(shape_of(shape)),
            float_val: values.to_vec(),
            ..TensorProto::default()
        };
        self.with("Const", name, &[], &[("value", Value::Tensor(tensor))])
    }

    /// A constant of integers.
    pub(crate) fn integers(self, name: &str, shape: &[i64], values: &[i32]) -> Self {
        let tensor = TensorProto {
            dtype: DataType::DtInt32.into(),
            tensor_shape: Some(shape_of(shape)),
            int_val: values.to_vec(),
            ..TensorProto::default()
        };
        self.with("Const", name, &[], &[("value", Value::Tensor(tensor))])
    }

    /// The messages.
    pub(crate) fn graph(self) -> GraphDef {
        self.0
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}
