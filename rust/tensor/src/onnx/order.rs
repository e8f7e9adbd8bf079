//! An order in which nodes can be built.

use std::collections::HashMap;

use serving_model::ModelError;

use super::node::at_node;
use super::proto::{GraphProto, NodeProto};

/// Names that a node needs, those of the graphs inside included. A name that such a graph makes itself may be among them.
fn needs<'a>(node: &'a NodeProto, names: &mut Vec<&'a str>) {
    names.extend(node.input.iter().map(String::as_str));
    let mut graphs: Vec<&GraphProto> = node
        .attribute
        .iter()
        .filter_map(|attribute| attribute.g.as_ref())
        .collect();
    while let Some(graph) = graphs.pop() {
        names.extend(graph.output.iter().map(|info| info.name.as_str()));
        for node in &graph.node {
            names.extend(node.input.iter().map(String::as_str));
            graphs.extend(node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()));
        }
    }
}

/// Indices of the nodes, each after those that make what it needs. Files are written in such an order, so that it is mostly
/// the order of the file.
///
/// # Errors
/// `MODEL_INVALID` for cycles.
pub(super) fn order(nodes: &[NodeProto]) -> Result<Vec<usize>, ModelError> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (n, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            makers.insert(name, n);
        }
    }
    let mut waiting = vec![0_usize; nodes.len()];
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut names = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        names.clear();
        needs(node, &mut names);
        let mut earlier: Vec<usize> = names.iter().filter_map(|name| makers.get(name).copied()).collect();
        earlier.sort_unstable();
        earlier.dedup();
        // What a graph inside makes under a name of this node is its own.
        let inside = node.attribute.iter().any(|attribute| attribute.g.is_some());
        earlier.retain(|maker| *maker != n || !inside);
        waiting[n] = earlier.len();
        for maker in earlier {
            waits[maker].push(n);
        }
    }
    let mut ready: std::collections::BTreeSet<usize> = (0..nodes.len()).filter(|n| waiting[*n] == 0).collect();
    let mut result = Vec::with_capacity(nodes.len());
    while let Some(n) = ready.pop_first() {
        result.push(n);
        for later in &waits[n] {
            waiting[*later] -= 1;
            if waiting[*later] == 0 {
                ready.insert(*later);
            }
        }
    }
    match (0..nodes.len()).find(|n| waiting[*n] > 0) {
        Some(n) => Err(at_node(&nodes[n], ModelError::invalid("it depends on itself"))),
        None => Ok(result),
    }
}
