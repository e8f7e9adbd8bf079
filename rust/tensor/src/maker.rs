//! Adds nodes to a graph that a front end builds.

use crate::array::Array;
use crate::graph::{Node, Op, Value};

/// Adds nodes of ours to a graph.
pub(crate) struct Maker<'m> {
    nodes: &'m mut Vec<Node>,
    nothing: &'m mut Option<Value>,
    name: &'m str,
    operator: &'m str,
}

impl<'m> Maker<'m> {
    pub(crate) fn new(
        nodes: &'m mut Vec<Node>,
        nothing: &'m mut Option<Value>,
        name: &'m str,
        operator: &'m str,
    ) -> Self {
        Self {
            nodes,
            nothing,
            name,
            operator,
        }
    }

    /// A node; its first output.
    pub(crate) fn one(&mut self, op: Op, inputs: &[Value]) -> Value {
        self.nodes.push(Node {
            name: self.name.to_owned(),
            operator: self.operator.to_owned(),
            op,
            inputs: inputs.to_vec(),
        });
        Value {
            node: self.nodes.len() - 1,
            port: 0,
        }
    }

    /// A node; its first outputs.
    pub(crate) fn many(&mut self, op: Op, inputs: &[Value], count: usize) -> Vec<Value> {
        let Value { node, .. } = self.one(op, inputs);
        (0..count).map(|port| Value { node, port }).collect()
    }

    /// The tensor behind a value, where it is a constant of the file.
    pub(crate) fn known(&self, value: Value) -> Option<&Array> {
        match &self.nodes.get(value.node)?.op {
            Op::Constant(array) => Some(array),
            _ => None,
        }
    }

    pub(crate) fn constant(&mut self, array: Array) -> Value {
        self.one(Op::Constant(array), &[])
    }

    /// A vector of integers.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Value {
        self.constant(Array::new(vec![values.len()], values.to_vec()))
    }

    pub(crate) fn scalar(&mut self, value: i64) -> Value {
        self.constant(Array::scalar(value))
    }

    /// What stands for an input that is left out.
    pub(crate) fn nothing(&mut self) -> Value {
        if let Some(nothing) = *self.nothing {
            return nothing;
        }
        let value = self.constant(Array::nothing());
        *self.nothing = Some(value);
        value
    }
}
