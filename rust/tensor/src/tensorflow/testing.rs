//! Graphs for tests, written node by node.

use prost::Message;

use super::proto::attr_value::Value;
use super::proto::op_def::ArgDef;
use super::proto::tensor_shape_proto::Dim;
use super::proto::{
    AttrValue, DataType, FunctionDef, GraphDef, NameAttrList, NodeDef, OpDef, TensorProto, TensorShapeProto,
};

/// A graph that grows.
#[derive(Default)]
pub(crate) struct Draft(GraphDef);

fn shape_of(axes: &[i64]) -> TensorShapeProto {
    TensorShapeProto {
        dim: axes.iter().map(|size| Dim { size: *size }).collect(),
        unknown_rank: false,
    }
}

/// A function without attributes of its own as an attribute.
pub(crate) fn function(name: &str) -> Value {
    Value::Func(NameAttrList {
        name: name.to_owned(),
        ..NameAttrList::default()
    })
}

impl Draft {
    /// A function whose nodes are those of another graph: names of its arguments, and of its outputs with what they are.
    pub(crate) fn function(mut self, name: &str, arguments: &[&str], body: Self, results: &[(&str, &str)]) -> Self {
        let argument = |name: &str| ArgDef {
            name: name.to_owned(),
            ..ArgDef::default()
        };
        let definition = FunctionDef {
            signature: Some(OpDef {
                name: name.to_owned(),
                input_arg: arguments.iter().map(|name| argument(name)).collect(),
                output_arg: results.iter().map(|(name, _)| argument(name)).collect(),
                ..OpDef::default()
            }),
            node_def: body.0.node,
            ret: results
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..FunctionDef::default()
        };
        self.0.library.get_or_insert_default().function.push(definition);
        self
    }

    /// A constant of texts.
    pub(crate) fn texts(self, name: &str, values: &[&str]) -> Self {
        let tensor = TensorProto {
            dtype: DataType::DtString.into(),
            tensor_shape: Some(shape_of(&[values.len() as i64])),
            string_val: values.iter().map(|text| text.as_bytes().to_vec()).collect(),
            ..TensorProto::default()
        };
        self.with("Const", name, &[], &[("value", Value::Tensor(tensor))])
    }

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
