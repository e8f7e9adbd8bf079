//! Which tensor of the checkpoint is the value of which variable of the graph.
//!
//! The graph says so itself: an operation restores all variables, and what it reads and where it puts it is written in its nodes,
//! in the graph (TensorFlow 1) or in a function (TensorFlow 2). Variables that are not restored so are found by their name, in the
//! checkpoint or among the objects of TensorFlow 2.

use std::collections::HashMap;

use prost::Message;
use serving_model::ModelError;

use super::bundle::{Checkpoint, OBJECT_GRAPH};
use super::slices::Part;
use crate::array::Array;
use crate::tensorflow::attributes::shape;
use crate::tensorflow::proto::attr_value::Value;
use crate::tensorflow::proto::saved_object::Kind;
use crate::tensorflow::proto::{FunctionDef, GraphDef, MetaGraphDef, NodeDef, SavedObjectGraph, TrackableObjectGraph};
use crate::tensorflow::{Variables, parts};

/// The attribute under which objects keep the values of variables.
const VALUE: &str = "VARIABLE_VALUE";
/// Longest way from an assignment to what is assigned.
const MOST_STEPS: usize = 16;

/// A tensor of the checkpoint, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    key: String,
    /// As the operation that restores it writes it; empty for the whole tensor.
    part: String,
}

/// The variables of a graph.
pub(super) struct StoredVariables<'a> {
    checkpoint: &'a Checkpoint<'a>,
    /// By the name of their node.
    restored: HashMap<String, Stored>,
    /// Keys by the names of objects; `None` when several objects have the name.
    objects: HashMap<String, Option<String>>,
}

impl<'a> StoredVariables<'a> {
    /// Finds what the graph restores.
    ///
    /// # Errors
    /// When the checkpoint's objects can't be read.
    pub(super) fn new(graph: &MetaGraphDef, checkpoint: &'a Checkpoint<'a>) -> Result<Self, ModelError> {
        let mut objects = HashMap::new();
        if checkpoint.contains(OBJECT_GRAPH) {
            let content = checkpoint.string(OBJECT_GRAPH)?;
            parts::check_objects(&content)?;
            let tracked = TrackableObjectGraph::decode(content.as_ref())
                .map_err(|error| ModelError::unparsable(format!("the objects of the checkpoint: {error}")))?;
            objects = keys_of_objects(&tracked, graph.object_graph_def.as_ref());
        }
        let restored = graph.graph_def.as_ref().map(restored).unwrap_or_default();
        Ok(Self {
            checkpoint,
            restored,
            objects,
        })
    }

    fn place(&self, node: &NodeDef) -> Result<Stored, ModelError> {
        let names = [node.text("shared_name"), node.name.as_str()];
        let named = names
            .into_iter()
            .find(|name| self.checkpoint.contains(name))
            .map(str::to_owned);
        let of_object = || {
            names
                .into_iter()
                .find_map(|name| self.objects.get(name).cloned().flatten())
        };
        let restored = self
            .restored
            .get(&node.name)
            .filter(|stored| self.checkpoint.contains(&stored.key));
        restored
            .cloned()
            .or_else(|| {
                named.or_else(of_object).map(|key| Stored {
                    key,
                    part: String::new(),
                })
            })
            .ok_or_else(|| ModelError::invalid("the checkpoint has no value for this variable"))
    }
}

impl Variables for StoredVariables<'_> {
    fn stored(&self, key: &str) -> Result<Array, ModelError> {
        if !self.checkpoint.contains(key) {
            return Err(ModelError::invalid(format!("the checkpoint has no '{key}'")));
        }
        self.checkpoint.tensor(key)
    }

    fn value(&self, node: &NodeDef) -> Result<Array, ModelError> {
        let stored = self.place(node)?;
        let whole = self.checkpoint.tensor(&stored.key)?;
        let value = match Part::parse(&stored.part, &whole.shape)? {
            None => whole,
            Some(part) => part.of_array(&whole)?,
        };
        let fits = |declared: Vec<Option<usize>>| {
            declared.len() == value.shape.len()
                && declared
                    .iter()
                    .zip(&value.shape)
                    .all(|(want, have)| want.is_none_or(|want| want == *have))
        };
        if node.dtype("dtype").is_ok_and(|dtype| dtype != value.dtype())
            || node
                .shape("shape")
                .and_then(shape)
                .is_some_and(|declared| !fits(declared))
        {
            return Err(ModelError::invalid(format!(
                "'{}' of the checkpoint is {} of shape {:?}, which the variable is not",
                stored.key,
                value.dtype(),
                value.shape
            )));
        }
        Ok(value)
    }
}

/// The names that objects go by: their own in both lists of objects, which are numbered alike.
fn keys_of_objects(
    tracked: &TrackableObjectGraph,
    saved: Option<&SavedObjectGraph>,
) -> HashMap<String, Option<String>> {
    let mut keys: HashMap<String, Option<String>> = HashMap::new();
    for (index, object) in tracked.nodes.iter().enumerate() {
        let Some(value) = object.attributes.iter().find(|attribute| attribute.name == VALUE) else {
            continue;
        };
        let own = saved.and_then(|saved| {
            let Kind::Variable(variable) = saved.nodes.get(index)?.kind.as_ref()?;
            variable.name.split(':').next()
        });
        for name in [
            Some(value.full_name.as_str()),
            own.filter(|own| *own != value.full_name),
        ]
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        {
            keys.entry(name.to_owned())
                .and_modify(|known| *known = None)
                .or_insert_with(|| Some(value.checkpoint_key.clone()));
        }
    }
    keys
}

/// Nodes by name, of the graph or of a function.
struct Scope<'a>(HashMap<&'a str, &'a NodeDef>);

impl<'a> Scope<'a> {
    fn new(nodes: &'a [NodeDef]) -> Self {
        Self(nodes.iter().map(|node| (node.name.as_str(), node)).collect())
    }

    /// The node behind an input, and which of its outputs, past what only passes on.
    fn source(&self, input: &'a str) -> (&'a str, Option<(&'a NodeDef, usize)>) {
        let mut input = input;
        for _ in 0..MOST_STEPS {
            let name = input.split(':').next().unwrap_or_default();
            let Some(node) = self.0.get(name) else {
                return (name, None);
            };
            if let ("Identity", Some(next)) = (node.op.as_str(), node.input.first()) {
                input = next;
                continue;
            }
            let port = input.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            return (name, Some((node, port.unwrap_or(0))));
        }
        ("", None)
    }

    /// The texts of a constant.
    fn texts(&self, input: Option<&'a String>) -> Vec<String> {
        let Some((_, Some((node, _)))) = input.map(|input| self.source(input)) else {
            return Vec::new();
        };
        let texts = node.tensor("value").into_iter().flat_map(|tensor| &tensor.string_val);
        texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    /// What is assigned to which node, or argument of the function, from the checkpoint.
    fn assigned(&self, nodes: &'a [NodeDef]) -> Vec<(&'a str, Stored)> {
        let mut read: HashMap<&str, (Vec<String>, Vec<String>)> = HashMap::new();
        let mut assigned = Vec::new();
        for node in nodes
            .iter()
            .filter(|node| matches!(node.op.as_str(), "Assign" | "AssignVariableOp"))
        {
            let [variable, value, ..] = node.input.as_slice() else {
                continue;
            };
            let (_, Some((source, port))) = self.source(value) else {
                continue;
            };
            if source.op != "RestoreV2" {
                continue;
            }
            let (keys, parts) = read
                .entry(&source.name)
                .or_insert_with(|| (self.texts(source.input.get(1)), self.texts(source.input.get(2))));
            if let Some(key) = keys.get(port) {
                let stored = Stored {
                    key: key.clone(),
                    part: parts.get(port).cloned().unwrap_or_default(),
                };
                assigned.push((self.source(variable).0, stored));
            }
        }
        assigned
    }
}

/// The tensors that the graph's own operations would put into its variables.
fn restored(graph: &GraphDef) -> HashMap<String, Stored> {
    let scope = Scope::new(&graph.node);
    let mut found: HashMap<String, Stored> = HashMap::new();
    let mut keep = |variable: &str, stored: Stored| {
        found.entry(variable.to_owned()).or_insert(stored);
    };
    for (variable, stored) in scope.assigned(&graph.node) {
        keep(variable, stored);
    }
    let functions: HashMap<&str, &FunctionDef> = graph
        .library
        .iter()
        .flat_map(|library| &library.function)
        .filter_map(|function| Some((function.signature.as_ref()?.name.as_str(), function)))
        .collect();
    let calls = ["PartitionedCall", "StatefulPartitionedCall"];
    for node in graph.node.iter().filter(|node| calls.contains(&node.op.as_str())) {
        let Some(Value::Func(called)) = node.attr.get("f").and_then(|attribute| attribute.value.as_ref()) else {
            continue;
        };
        let Some(function) = functions.get(called.name.as_str()) else {
            continue;
        };
        if !function.node_def.iter().any(|node| node.op == "RestoreV2") {
            continue;
        }
        let arguments = function.signature.iter().flat_map(|signature| &signature.input_arg);
        let given: HashMap<&str, &String> = arguments
            .map(|argument| argument.name.as_str())
            .zip(node.input.iter().filter(|input| !input.starts_with('^')))
            .collect();
        for (argument, stored) in Scope::new(&function.node_def).assigned(&function.node_def) {
            if let Some(input) = given.get(argument) {
                keep(scope.source(input).0, stored);
            }
        }
    }
    found
}
