//! TensorFlow's graph protocol to [`Graph`].

mod attributes;
mod builder;
mod operators;

use std::collections::HashMap;

use prost::Message;
use serving_model::{Limits, ModelError};

use crate::graph::Graph;
use crate::trouble::at_node;

/// The messages of `proto/tensorflow`, generated.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/tensorflow.rs"));
}

/// Most nodes of a graph: an empty node takes two bytes of a file, but more than a hundred of memory.
const MOST_NODES: usize = 1 << 20;

/// An output of a node of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Port {
    node: usize,
    port: usize,
}

/// A node of the file, its inputs resolved. Control inputs are dropped: they order side effects, of which there are none.
struct Raw {
    definition: proto::NodeDef,
    inputs: Vec<Port>,
}

/// Reads a frozen graph. Outputs are the values of nodes that nobody consumes; `outputs` names others instead.
///
/// # Errors
/// `MODEL_UNPARSABLE`, `MODEL_INVALID` (dangling inputs, cycles, contradictions), `MODEL_UNSUPPORTED` (operators and types;
/// all are named at once), `MODEL_TOO_LARGE`.
pub(crate) fn read_graph(content: &[u8], outputs: &[String], limits: Limits) -> Result<Graph, ModelError> {
    if content.len() > limits.content_bytes {
        return Err(ModelError::too_large(format!(
            "graph has {} bytes, the limit is {}",
            content.len(),
            limits.content_bytes
        )));
    }
    let nodes = count_nodes(content)?;
    if nodes > MOST_NODES {
        return Err(ModelError::too_large(format!(
            "graph has {nodes} nodes, the limit is {MOST_NODES}"
        )));
    }
    let definition = proto::GraphDef::decode(content)
        .map_err(|error| ModelError::unparsable(format!("not a TensorFlow graph: {error}")))?;
    if definition.node.is_empty() {
        return Err(ModelError::unparsable("not a TensorFlow graph: it has no nodes"));
    }
    let (raw, names) = resolve(definition)?;
    let wanted = if outputs.is_empty() {
        unconsumed(&raw, &names)
    } else {
        named(outputs, &raw, &names)?
    };
    if wanted.is_empty() {
        return Err(ModelError::invalid(
            "graph has no output: every node is consumed by another",
        ));
    }
    builder::build(&raw, &wanted)
}

/// Number of nodes, found without decoding them.
fn count_nodes(content: &[u8]) -> Result<usize, ModelError> {
    use prost::encoding::{DecodeContext, decode_key, skip_field};
    let unparsable = |error: prost::DecodeError| ModelError::unparsable(format!("not a TensorFlow graph: {error}"));
    let mut rest = content;
    let mut nodes = 0;
    while !rest.is_empty() {
        let (tag, wire_type) = decode_key(&mut rest).map_err(unparsable)?;
        nodes += usize::from(tag == 1);
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).map_err(unparsable)?;
    }
    Ok(nodes)
}

fn resolve(definition: proto::GraphDef) -> Result<(Vec<Raw>, HashMap<String, usize>), ModelError> {
    let mut names = HashMap::with_capacity(definition.node.len());
    for (index, node) in definition.node.iter().enumerate() {
        if names.insert(node.name.clone(), index).is_some() {
            return Err(ModelError::invalid(format!(
                "there are two nodes of the name '{}'",
                node.name
            )));
        }
    }
    let mut dangling = Vec::new();
    let mut raw = Vec::with_capacity(definition.node.len());
    for node in definition.node {
        let mut inputs = Vec::with_capacity(node.input.len());
        for input in node.input.iter().filter(|input| !input.starts_with('^')) {
            let (name, port) = split_port(input);
            match (names.get(name), port) {
                (Some(index), Some(port)) => inputs.push(Port { node: *index, port }),
                _ => dangling.push(format!("'{input}' of node '{}'", node.name)),
            }
        }
        raw.push(Raw {
            definition: node,
            inputs,
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

/// The name that TensorFlow gives to an output of a node.
fn tensor_name(raw: &[Raw], port: Port) -> String {
    format!("{}:{}", raw[port.node].definition.name, port.port)
}

/// The values that no node reads. A node that another only waits for (a control input) is no answer either: it is a variable
/// being read or the like; but where this leaves nothing, it counts.
fn unconsumed(raw: &[Raw], names: &HashMap<String, usize>) -> Vec<(String, Port)> {
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
    let outputs = outside(raw, &awaited);
    if outputs.is_empty() {
        outside(raw, &consumed)
    } else {
        outputs
    }
}

fn outside(raw: &[Raw], consumed: &[bool]) -> Vec<(String, Port)> {
    let mut outputs = Vec::new();
    for (node, raw_node) in raw.iter().enumerate() {
        if consumed[node] || operators::is_no_answer(&raw_node.definition.op) {
            continue;
        }
        for port in 0..operators::ports(&raw_node.definition) {
            let port = Port { node, port };
            outputs.push((tensor_name(raw, port), port));
        }
    }
    outputs
}

fn named(outputs: &[String], raw: &[Raw], names: &HashMap<String, usize>) -> Result<Vec<(String, Port)>, ModelError> {
    outputs
        .iter()
        .map(|output| match split_port(output) {
            (name, Some(port)) if names.contains_key(name) => {
                let port = Port {
                    node: names[name],
                    port,
                };
                Ok((tensor_name(raw, port), port))
            }
            _ => Err(ModelError::invalid(format!("graph has no output '{output}'"))),
        })
        .collect()
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

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
