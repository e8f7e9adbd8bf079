//! TensorFlow's graph protocol to [`Graph`].

pub(crate) mod attributes;
mod branches;
mod builder;
mod bypass;
mod examples;
mod frames;
mod inputs;
mod library;
mod naming;
mod operators;
pub(crate) mod parts;
mod tables;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prost::Message;
use serving_model::{Limits, ModelError};

use crate::array::Array;
use crate::graph::Graph;
use crate::trouble::at_node;
use library::{Library, Program, Role};

/// The messages of `proto/tensorflow`, generated.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/tensorflow.rs"));
}

/// An output of a node of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Port {
    node: usize,
    port: usize,
}

/// A node, its inputs resolved.
struct Raw {
    definition: Arc<proto::NodeDef>,
    inputs: Vec<Port>,
    /// Nodes that have to run before. There are no side effects to be ordered, but branches are told by these.
    controls: Vec<usize>,
    /// The copy of a function that it belongs to; 0 is the graph itself.
    instance: usize,
    role: Role,
}

/// A graph and what it refers to. Of a frozen graph, the graph alone.
pub(crate) struct Import<'a> {
    /// Nodes and functions.
    pub(crate) graph: proto::GraphDef,
    /// Inputs in the order of the model; any tensor can be one. None: every placeholder, under the name of its tensor.
    pub(crate) feeds: Vec<Feed>,
    /// Outputs, by name for callers and name of the tensor. None: the values of nodes that nobody consumes.
    pub(crate) fetches: Vec<(String, String)>,
    /// Where variables have their values.
    pub(crate) variables: &'a dyn Variables,
    /// The node that has to run before the first call: it fills tables.
    pub(crate) initializer: Option<String>,
    /// The node that reads the checkpoint.
    pub(crate) restorer: Option<String>,
    /// Files that tables are filled from.
    pub(crate) assets: Vec<Asset<'a>>,
}

/// An input of a signature.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    /// Name for callers.
    pub(crate) name: String,
    /// Name of the tensor.
    pub(crate) tensor: String,
    /// Type, number in the protocol.
    pub(crate) dtype: i32,
    /// Shape as the signature has it.
    pub(crate) shape: Option<proto::TensorShapeProto>,
}

/// A file beside the graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset<'a> {
    /// Name of the tensor that holds the file's path.
    pub(crate) tensor: &'a str,
    /// Path below the folder of assets.
    pub(crate) file: &'a str,
    /// Content of the file.
    pub(crate) content: &'a [u8],
}

/// Values of variables.
pub(crate) trait Variables {
    /// The value of the variable that a node stands for: `VarHandleOp`, `VariableV2`, `Variable`.
    ///
    /// # Errors
    /// When there is no value, or it can't be read.
    fn value(&self, node: &proto::NodeDef) -> Result<Array, ModelError>;

    /// The tensor of the checkpoint that has this key.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    fn stored(&self, key: &str) -> Result<Array, ModelError>;
}

fn no_checkpoint() -> ModelError {
    ModelError::unsupported("a variable; the graph is not frozen, and the model has no checkpoint")
}

/// Those of a frozen graph.
struct NoVariables;

impl Variables for NoVariables {
    fn value(&self, _: &proto::NodeDef) -> Result<Array, ModelError> {
        Err(no_checkpoint())
    }

    fn stored(&self, _: &str) -> Result<Array, ModelError> {
        Err(no_checkpoint())
    }
}

/// Reads a frozen graph. Outputs are the values of nodes that nobody consumes; `outputs` names others instead.
///
/// # Errors
/// `MODEL_UNPARSABLE`, and those of [`import`].
pub(crate) fn read_graph(content: &[u8], outputs: &[String], limits: Limits) -> Result<Graph, ModelError> {
    if content.len() > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "graph has {} bytes, the limit is {}",
            content.len(),
            limits.content_bytes
        )));
    }
    parts::check_graph(content)?;
    let graph = proto::GraphDef::decode(content)
        .map_err(|error| ModelError::unparsable(format!("not a TensorFlow graph: {error}")))?;
    if graph.node.is_empty() {
        return Err(ModelError::unparsable("not a TensorFlow graph: it has no nodes"));
    }
    let fetches = outputs.iter().map(|output| (full_name(output), output.clone()));
    import(Import {
        graph,
        feeds: Vec::new(),
        fetches: fetches.collect(),
        variables: &NoVariables,
        initializer: None,
        restorer: None,
        assets: Vec::new(),
    })
}

/// Builds the graph that computes the outputs from the inputs.
///
/// # Errors
/// `MODEL_INVALID` (dangling inputs, cycles, contradictions), `MODEL_UNSUPPORTED` (operators and types; all are named at
/// once), `MODEL_TOO_LARGE`, and what reading a variable gives.
pub(crate) fn import(mut import: Import<'_>) -> Result<Graph, ModelError> {
    let library = Library::new(import.graph.library.take())?;
    let (raw, names) = resolve(std::mem::take(&mut import.graph.node))?;
    let mut wanted = if import.fetches.is_empty() {
        unconsumed(&raw, &names, &library)
    } else {
        let port = |(name, tensor): &(String, String)| Ok((name.clone(), named(tensor, &names)?));
        import.fetches.iter().map(port).collect::<Result<_, ModelError>>()?
    };
    if wanted.is_empty() {
        return Err(ModelError::invalid(
            "graph has no output: every node is consumed by another",
        ));
    }
    let fed: Vec<Port> = import
        .feeds
        .iter()
        .map(|feed| named(&feed.tensor, &names))
        .collect::<Result<_, _>>()?;
    let tables = tables::Tables::read(&import, &library, &raw, &names)?;
    let fed_ports = fed.iter().copied().collect();
    let program = library.expand(raw, &mut wanted, &fed_ports, library::Extent::Results)?;
    let (feeds, fed, examples) = examples::features(&program, std::mem::take(&mut import.feeds), fed)?;
    let given = inputs::Given::new(&feeds, &fed, import.variables, tables, examples)?;
    let graph = builder::build(&program, &wanted, &given)?;
    let changed = changes(&program, &graph);
    if changed.is_empty() {
        Ok(graph)
    } else {
        Err(ModelError::unsupported(format!(
            "the model changes variables or tables when it is called: {}",
            listed(&changed)
        )))
    }
}

/// Nodes that change what results depend on, or a table. What a function does beside its results happens whether somebody reads it or
/// not; but a variable that no result needs, as the seed of a layer that drops nothing, may change unseen.
fn changes(program: &Program, graph: &Graph) -> Vec<String> {
    let used: HashSet<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    let changed = (0..program.nodes.len()).filter(|node| {
        let raw = &program.nodes[*node];
        if raw.instance == 0 || !operators::is_assignment(&raw.definition.op) {
            return false;
        }
        let changed = raw.inputs.first().map(|changed| tables::origin(program, *changed).node);
        changed.is_none_or(|changed| {
            program.definition(changed).op != "VarHandleOp" || used.contains(program.name(changed).as_str())
        })
    });
    changed.map(|node| program.described(node)).collect()
}

fn resolve(nodes: Vec<proto::NodeDef>) -> Result<(Vec<Raw>, HashMap<String, usize>), ModelError> {
    let mut names = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        if names.insert(node.name.clone(), index).is_some() {
            return Err(ModelError::invalid(format!(
                "there are two nodes of the name '{}'",
                node.name
            )));
        }
    }
    let mut dangling = Vec::new();
    let mut raw = Vec::with_capacity(nodes.len());
    for node in nodes {
        let controls = node.input.iter().filter_map(|input| input.strip_prefix('^'));
        let controls = controls.filter_map(|name| names.get(name).copied()).collect();
        let mut inputs = Vec::with_capacity(node.input.len());
        for input in node.input.iter().filter(|input| !input.starts_with('^')) {
            let (name, port) = split_port(input);
            match (names.get(name), port) {
                (Some(index), Some(port)) => inputs.push(Port { node: *index, port }),
                _ => dangling.push(format!("'{input}' of node '{}'", node.name)),
            }
        }
        raw.push(Raw {
            definition: Arc::new(node),
            inputs,
            controls,
            instance: 0,
            role: Role::Plain,
        });
    }
    if dangling.is_empty() {
        Ok((raw, names))
    } else {
        Err(ModelError::invalid(format!(
            "inputs that no node has: {}",
            listed(&dangling)
        )))
    }
}

/// `"node:2"` is port 2 of `node`, `"node"` port 0.
fn split_port(text: &str) -> (&str, Option<usize>) {
    match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok().filter(|port| *port < 1 << 16)),
        None => (text, Some(0)),
    }
}

/// The name of a tensor with its port.
fn full_name(tensor: &str) -> String {
    match split_port(tensor) {
        (name, Some(port)) => format!("{name}:{port}"),
        _ => tensor.to_owned(),
    }
}

/// The name that TensorFlow gives to an output of a node.
fn tensor_name(program: &Program, port: Port) -> String {
    format!("{}:{}", program.name(port.node), port.port)
}

/// The values that no node reads. A node that another only waits for (a control input) is no answer either: it is a variable
/// being read or the like; but where this leaves nothing, it counts.
fn unconsumed(raw: &[Raw], names: &HashMap<String, usize>, library: &Library) -> Vec<(String, Port)> {
    let mut consumed = vec![false; raw.len()];
    for port in raw.iter().flat_map(|node| &node.inputs) {
        consumed[port.node] = true;
    }
    let mut awaited = consumed.clone();
    for input in raw.iter().flat_map(|node| &node.definition.input) {
        if let Some(node) = input.strip_prefix('^').and_then(|name| names.get(name)) {
            awaited[*node] = true;
        }
    }
    let outputs = outside(raw, &awaited, library);
    if outputs.is_empty() {
        outside(raw, &consumed, library)
    } else {
        outputs
    }
}

fn outside(raw: &[Raw], consumed: &[bool], library: &Library) -> Vec<(String, Port)> {
    let mut outputs = Vec::new();
    for (node, raw_node) in raw.iter().enumerate() {
        if consumed[node] || operators::is_no_answer(&raw_node.definition.op) {
            continue;
        }
        let definition = &raw_node.definition;
        let ports = library
            .outputs(definition)
            .unwrap_or_else(|| operators::ports(definition));
        for port in 0..ports {
            outputs.push((format!("{}:{port}", definition.name), Port { node, port }));
        }
    }
    outputs
}

fn named(tensor: &str, names: &HashMap<String, usize>) -> Result<Port, ModelError> {
    let (name, port) = split_port(tensor);
    let found = names.get(name).copied().zip(port);
    let (node, port) = found.ok_or_else(|| ModelError::invalid(format!("graph has no tensor '{tensor}'")))?;
    Ok(Port { node, port })
}

/// The first entries of a list, and how many more there are.
fn listed(entries: &[String]) -> String {
    const SHOWN: usize = 20;
    let text = entries[..entries.len().min(SHOWN)].join(", ");
    match entries.len().checked_sub(SHOWN) {
        None | Some(0) => text,
        Some(more) => format!("{text} and {more} more"),
    }
}

fn invalid_at(node: &proto::NodeDef, message: impl Into<String>) -> ModelError {
    at_node(ModelError::invalid(message), &node.name)
}

fn unsupported_at(node: &proto::NodeDef, message: impl Into<String>) -> ModelError {
    at_node(ModelError::unsupported(message), &node.name)
}

#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod loop_tests;
#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
