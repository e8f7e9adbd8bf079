//! Functions of the model: nodes with the attributes of the calling node put in.

use super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// The nodes of a function as a call of it needs them.
pub(super) fn instantiate(function: &FunctionProto, call: &NodeProto) -> Vec<NodeProto> {
    let find = |name: &str| {
        let given = call.attribute.iter().find(|attribute| attribute.name == name);
        given.or_else(|| function.attribute_proto.iter().find(|attribute| attribute.name == name))
    };
    let mut nodes = function.node.clone();
    for node in &mut nodes {
        fill(node, &find);
    }
    nodes
}

/// The decoder limits how deep graphs are nested, and so how deep this goes.
fn fill<'a>(node: &mut NodeProto, find: &impl Fn(&str) -> Option<&'a AttributeProto>) {
    let attributes = std::mem::take(&mut node.attribute);
    node.attribute = attributes
        .into_iter()
        .filter_map(|mut attribute| {
            if !attribute.ref_attr_name.is_empty() {
                // An attribute that the call leaves out is left out here.
                let found = find(&attribute.ref_attr_name)?;
                return Some(AttributeProto {
                    name: attribute.name,
                    ..found.clone()
                });
            }
            if let Some(graph) = &mut attribute.g {
                fill_graph(graph, find);
            }
            Some(attribute)
        })
        .collect();
}

fn fill_graph<'a>(graph: &mut GraphProto, find: &impl Fn(&str) -> Option<&'a AttributeProto>) {
    for node in &mut graph.node {
        fill(node, find);
    }
}
