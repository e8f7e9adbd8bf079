//! Nodes read the values behind calls, once these are expanded.

use std::collections::{HashMap, HashSet};

use serving_model::ModelError;

use super::library::{Program, Role};
use super::{Port, invalid_at};

/// Makes every node read the values behind calls.
pub(super) fn bypass_calls(program: &mut Program, wanted: &mut [(String, Port)]) -> Result<(), ModelError> {
    let mut known: HashMap<Port, Port> = HashMap::new();
    let nodes = &program.nodes;
    let mut behind = |start: Port| -> Result<Port, ModelError> {
        let (mut port, mut path) = (start, HashSet::new());
        while let Role::Call(results) = &nodes[port.node].role {
            if let Some(end) = known.get(&port) {
                port = *end;
                break;
            }
            let definition = &nodes[port.node].definition;
            if !path.insert(port) {
                return Err(invalid_at(definition, "the node depends on itself"));
            }
            let next = results.get(port.port).copied();
            port =
                next.ok_or_else(|| invalid_at(definition, format!("{} has no output {}", definition.op, port.port)))?;
        }
        known.extend(path.into_iter().map(|place| (place, port)));
        Ok(port)
    };
    let mut changed = Vec::new();
    for (index, raw) in nodes.iter().enumerate().filter(|(index, _)| program.reached[*index]) {
        let inputs = match &raw.role {
            Role::Call(_) => continue,
            _ => raw
                .inputs
                .iter()
                .map(|port| behind(*port))
                .collect::<Result<Vec<_>, _>>()?,
        };
        let mut parts = Vec::new();
        if let Role::Graphs(graphs) = &raw.role {
            for part in graphs {
                let results = part.results.iter().map(|port| behind(*port));
                parts.push(results.collect::<Result<Vec<_>, _>>()?);
            }
        }
        changed.push((index, inputs, parts));
    }
    for (_, port) in wanted {
        *port = behind(*port)?;
    }
    for (index, inputs, parts) in changed {
        let raw = &mut program.nodes[index];
        raw.inputs = inputs;
        if let Role::Graphs(graphs) = &mut raw.role {
            for (part, results) in graphs.iter_mut().zip(parts) {
                part.results = results;
            }
        }
    }
    Ok(())
}
