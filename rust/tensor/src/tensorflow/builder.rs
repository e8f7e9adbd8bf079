//! Nodes of the file to nodes of ours, in an order in which they can be evaluated; `while` frames become loops.
//!
//! TensorFlow writes a loop as a cycle: `Enter` brings a value into the frame, `Merge` takes the first or the next one,
//! `LoopCond` is the condition, `Switch` leads the value on to the body (port 1) or to `Exit` (port 0), and
//! `NextIteration` leads back to `Merge`. The condition is what `LoopCond` depends on, down to the `Merge` nodes; the body
//! is what the `NextIteration` nodes depend on, down to the `Switch` nodes. Other values come in by constant `Enter` nodes.

use std::collections::{BTreeSet, HashMap};

use serving_model::ModelError;

use super::attributes::{constant, dtype, shape};
use super::operators::translate;
use super::{Feed, Port, Raw, Variables, invalid_at, listed};
use crate::array::Array;
use crate::graph::{Graph, Input, Loop, Node, Op, Value};
use crate::trouble::at_node;

/// Deepest nesting of loops.
const MOST_NESTED: usize = 8;
/// Most variables and captures of a loop.
const MOST_VARIABLES: usize = 1024;
/// Most nodes built. A node that several loops depend on is built for each.
const MOST_BUILT: usize = 1 << 21;

/// The nodes that make up one loop.
#[derive(Default)]
struct Frame {
    condition: Option<usize>,
    /// `Merge` nodes, one per variable.
    merges: Vec<usize>,
    /// `Switch` nodes and the variables that they lead on.
    switches: Vec<(usize, usize)>,
    /// `Enter` nodes of values that don't change.
    captures: Vec<usize>,
    exits: usize,
}

/// What comes from outside the graph.
pub(super) struct Given<'a> {
    feeds: &'a [Feed],
    /// Which feed a value is.
    fed: HashMap<Port, usize>,
    variables: &'a dyn Variables,
}

impl<'a> Given<'a> {
    /// Feeds, the value that each of them is, and variables.
    ///
    /// # Errors
    /// When two inputs are the same value.
    pub(super) fn new(feeds: &'a [Feed], ports: &[Port], variables: &'a dyn Variables) -> Result<Self, ModelError> {
        let mut fed = HashMap::new();
        for (index, (feed, port)) in feeds.iter().zip(ports).enumerate() {
            if let Some(other) = fed.insert(*port, index) {
                return Err(ModelError::invalid(format!(
                    "inputs '{}' and '{}' are both the tensor '{}'",
                    feeds[other].name, feed.name, feed.tensor
                )));
            }
        }
        Ok(Self { feeds, fed, variables })
    }
}

struct Builder<'a> {
    raw: &'a [Raw],
    outside: &'a Given<'a>,
    frames: HashMap<&'a str, Frame>,
    /// Frame of each `Exit` node.
    exits: HashMap<usize, (&'a str, usize)>,
    unknown: BTreeSet<String>,
    constants: HashMap<usize, Array>,
    built: usize,
}

/// Builds the graph that computes the wanted values.
///
/// # Errors
/// `MODEL_INVALID` for cycles and broken loops, `MODEL_UNSUPPORTED` with the list of all operators that are not supported.
pub(super) fn build(raw: &[Raw], wanted: &[(String, Port)], outside: &Given<'_>) -> Result<Graph, ModelError> {
    let mut builder = Builder {
        raw,
        outside,
        frames: HashMap::new(),
        exits: HashMap::new(),
        unknown: BTreeSet::new(),
        constants: HashMap::new(),
        built: 0,
    };
    builder.find_frames()?;
    let mut scope = Scope::default();
    let graph = builder.scope(&mut scope, wanted, 0)?;
    if builder.unknown.is_empty() {
        Ok(graph)
    } else {
        let unknown: Vec<String> = builder.unknown.into_iter().collect();
        Err(ModelError::unsupported(format!(
            "operators that are not supported: {}",
            listed(&unknown)
        )))
    }
}

/// What one graph (the whole, a condition, a body) is built from.
#[derive(Default)]
struct Scope {
    /// Values that are inputs here: variables of the loop first, then captures.
    given: HashMap<Port, usize>,
    /// Values of the surrounding graph behind the captures.
    captures: Vec<Port>,
    /// The frame that this is a part of.
    inside: bool,
}

impl<'a> Builder<'a> {
    fn op(&self, node: usize) -> &'a str {
        &self.raw[node].definition.op
    }

    fn input(&self, node: usize, port: usize) -> Result<Port, ModelError> {
        let raw = &self.raw[node];
        raw.inputs
            .get(port)
            .copied()
            .ok_or_else(|| invalid_at(&raw.definition, format!("{} has no input {port}", raw.definition.op)))
    }

    fn find_frames(&mut self) -> Result<(), ModelError> {
        let raw = self.raw;
        let nodes = |operator: &'static str| (0..raw.len()).filter(move |node| raw[*node].definition.op == operator);
        let mut merges = HashMap::new();
        for node in nodes("Merge") {
            let Ok(first) = self.input(node, 0) else { continue };
            if self.op(first.node) == "Enter" {
                let name = self.raw[first.node].definition.text("frame_name");
                let frame = self.frames.entry(name).or_default();
                merges.insert(node, (name, frame.merges.len()));
                frame.merges.push(node);
            }
        }
        for node in nodes("Switch") {
            let (Ok(data), Ok(predicate)) = (self.input(node, 0), self.input(node, 1)) else {
                continue;
            };
            if let (Some((name, variable)), "LoopCond") = (merges.get(&data.node), self.op(predicate.node))
                && let Some(frame) = self.frames.get_mut(name)
            {
                frame.condition = Some(predicate.node);
                frame.switches.push((node, *variable));
            }
        }
        for (node, raw) in self.raw.iter().enumerate() {
            if raw.definition.op == "Enter"
                && raw.definition.flag("is_constant")
                && let Some(frame) = self.frames.get_mut(raw.definition.text("frame_name"))
            {
                frame.captures.push(node);
            }
        }
        for node in nodes("Exit") {
            let switch = self.input(node, 0)?;
            let merge = self.input(switch.node, 0)?;
            let found = merges
                .get(&merge.node)
                .filter(|_| self.op(switch.node) == "Switch" && switch.port == 0);
            let found = found.ok_or_else(|| invalid_at(&self.raw[node].definition, "Exit without a loop"))?;
            self.exits.insert(node, *found);
            if let Some(frame) = self.frames.get_mut(found.0) {
                frame.exits += 1;
            }
        }
        for (name, frame) in &self.frames {
            if frame.merges.len().max(frame.captures.len()).max(frame.exits) > MOST_VARIABLES {
                return Err(ModelError::too_large(format!(
                    "loop '{name}' has more than {MOST_VARIABLES} variables"
                )));
            }
        }
        Ok(())
    }

    /// What a node waits for.
    fn waits_for(&self, node: usize) -> Result<Vec<Port>, ModelError> {
        let Some((frame, _)) = self.exits.get(&node) else {
            return Ok(self.raw[node].inputs.clone());
        };
        let mut waits = Vec::new();
        for merge in &self.frames[frame].merges {
            waits.push(self.input(self.input(*merge, 0)?.node, 0)?);
        }
        // Captures are only known once the loop is built; every constant Enter of the frame may be one.
        for enter in &self.frames[frame].captures {
            waits.push(self.input(*enter, 0)?);
        }
        Ok(waits)
    }

    fn scope(&mut self, scope: &mut Scope, wanted: &[(String, Port)], depth: usize) -> Result<Graph, ModelError> {
        if depth > MOST_NESTED {
            return Err(ModelError::unsupported(format!(
                "loops are nested more than {MOST_NESTED} deep"
            )));
        }
        let mut graph = Graph::default();
        let mut made: HashMap<Port, Value> = HashMap::new();
        let mut loops: HashMap<&'a str, usize> = HashMap::new();
        // Depth first without recursion: a node is opened when first seen and built when all it waits for is.
        let mut open = std::collections::HashSet::new();
        let mut stack: Vec<(Port, bool)> = wanted.iter().rev().map(|(_, port)| (*port, false)).collect();
        while let Some((port, ready)) = stack.pop() {
            if made.contains_key(&port) {
                continue;
            }
            if let Some(index) = self.given(scope, port)? {
                graph.nodes.push(Node {
                    name: super::tensor_name(self.raw, port),
                    operator: self.op(port.node).to_owned(),
                    op: Op::Input(index),
                    inputs: Vec::new(),
                });
                made.insert(
                    port,
                    Value {
                        node: graph.nodes.len() - 1,
                        port: 0,
                    },
                );
                continue;
            }
            let waits = self.waits_for(port.node)?;
            if !ready {
                if !open.insert(port.node) {
                    return Err(invalid_at(
                        &self.raw[port.node].definition,
                        "the node depends on itself",
                    ));
                }
                stack.push((port, true));
                stack.extend(
                    waits
                        .iter()
                        .filter(|wait| !made.contains_key(wait))
                        .map(|wait| (*wait, false)),
                );
                continue;
            }
            let inputs: Vec<Value> = waits.iter().filter_map(|wait| made.get(wait).copied()).collect();
            let first = self.node(port, inputs, &mut graph, &made, &mut loops, depth)?;
            if let Some((_, variable)) = self.exits.get(&port.node) {
                let port_of_loop = *variable;
                made.insert(
                    port,
                    Value {
                        node: first,
                        port: port_of_loop,
                    },
                );
                continue;
            }
            for output in 0..graph.nodes[first].op.ports() {
                let from = Port {
                    node: port.node,
                    port: output,
                };
                made.insert(
                    from,
                    Value {
                        node: first,
                        port: output,
                    },
                );
            }
            // How many outputs an unknown operator has is unknown; it is reported at the end.
            if !self.unknown.is_empty() {
                made.entry(port).or_insert(Value { node: first, port: 0 });
            }
            if !made.contains_key(&port) {
                return Err(invalid_at(
                    &self.raw[port.node].definition,
                    format!("{} has no output {}", self.op(port.node), port.port),
                ));
            }
        }
        for (name, port) in wanted {
            graph.outputs.push((name.clone(), made[port]));
        }
        if !scope.inside {
            graph.inputs = if self.outside.feeds.is_empty() {
                self.placeholders(&mut graph.nodes)?
            } else {
                self.feeds()?
            };
        }
        graph.find_last_uses();
        Ok(graph)
    }

    /// The input that a value is within a loop.
    fn given(&self, scope: &mut Scope, port: Port) -> Result<Option<usize>, ModelError> {
        if let Some(index) = scope.given.get(&port) {
            return Ok(Some(*index));
        }
        if !scope.inside {
            return Ok(self.outside.fed.get(&port).copied());
        }
        if self.op(port.node) == "Enter" && self.raw[port.node].definition.flag("is_constant") {
            scope.captures.push(self.input(port.node, 0)?);
            scope.given.insert(port, scope.given.len());
            return Ok(Some(scope.given.len() - 1));
        }
        Ok(None)
    }

    /// Makes the node for a port whose inputs are made, and returns its index.
    fn node(
        &mut self,
        port: Port,
        inputs: Vec<Value>,
        graph: &mut Graph,
        made: &HashMap<Port, Value>,
        loops: &mut HashMap<&'a str, usize>,
        depth: usize,
    ) -> Result<usize, ModelError> {
        self.built += 1;
        if self.built > MOST_BUILT {
            return Err(ModelError::too_large(format!(
                "graph has more than {MOST_BUILT} nodes, loops unrolled"
            )));
        }
        let raw = self.raw;
        let definition = &raw[port.node].definition;
        if self.outside.fed.contains_key(&port) {
            return Err(invalid_at(definition, "a loop reads an input that does not enter it"));
        }
        let (op, inputs) = if let Some((frame, _)) = self.exits.get(&port.node).copied() {
            if let Some(index) = loops.get(frame) {
                return Ok(*index);
            }
            loops.insert(frame, graph.nodes.len());
            self.build_loop(frame, made, depth)?
        } else {
            let op = match definition.op.as_str() {
                "Placeholder" if depth == 0 && self.outside.feeds.is_empty() => Some(Op::Input(port.node)),
                "Placeholder" if depth == 0 => {
                    return Err(invalid_at(
                        definition,
                        "the outputs need a value that is not among the inputs",
                    ));
                }
                "Placeholder" => return Err(invalid_at(definition, "a loop reads an input that does not enter it")),
                "Const" | "VarHandleOp" | "VariableV2" | "Variable" => Some(Op::Constant(self.constant(port.node)?)),
                "VarIsInitializedOp" | "IsVariableInitialized" => Some(Op::Constant(Array::scalar(true))),
                "Switch" | "Merge" | "Enter" | "NextIteration" | "LoopCond" => None,
                _ => translate(definition)?,
            };
            let op = op.unwrap_or_else(|| {
                self.unknown
                    .insert(format!("{} (node '{}')", definition.op, definition.name));
                Op::Identity
            });
            (op, inputs)
        };
        graph.nodes.push(Node {
            name: definition.name.clone(),
            operator: definition.op.clone(),
            op,
            inputs,
        });
        Ok(graph.nodes.len() - 1)
    }

    fn constant(&mut self, node: usize) -> Result<Array, ModelError> {
        if let Some(array) = self.constants.get(&node) {
            return Ok(array.clone());
        }
        let definition = &self.raw[node].definition;
        let array = if definition.op == "Const" {
            let tensor = definition
                .tensor("value")
                .ok_or_else(|| invalid_at(definition, "a constant without value"))?;
            constant(tensor)
        } else {
            self.outside.variables.value(definition)
        };
        let array = array.map_err(|error| at_node(error, &definition.name))?;
        self.constants.insert(node, array.clone());
        Ok(array)
    }

    fn build_loop(
        &mut self,
        name: &'a str,
        made: &HashMap<Port, Value>,
        depth: usize,
    ) -> Result<(Op, Vec<Value>), ModelError> {
        let frame = &self.frames[name];
        let (merges, switches) = (frame.merges.clone(), frame.switches.clone());
        let condition = frame
            .condition
            .ok_or_else(|| ModelError::invalid(format!("loop '{name}' has no condition")))?;
        let mut initial = Vec::with_capacity(merges.len());
        let mut next = Vec::with_capacity(merges.len());
        for merge in &merges {
            initial.push(self.input(self.input(*merge, 0)?.node, 0)?);
            next.push((String::new(), self.input(self.input(*merge, 1)?.node, 0)?));
        }
        let mut scope = Scope {
            inside: true,
            ..Scope::default()
        };
        for (variable, merge) in merges.iter().enumerate() {
            scope.given.insert(Port { node: *merge, port: 0 }, variable);
        }
        let test = self.input(condition, 0)?;
        let condition = self.scope(&mut scope, &[(String::new(), test)], depth + 1)?;

        // The same numbering of captures serves condition and body; only the variables come from other nodes.
        for merge in &merges {
            scope.given.remove(&Port { node: *merge, port: 0 });
        }
        for (switch, variable) in &switches {
            scope.given.insert(Port { node: *switch, port: 1 }, *variable);
        }
        if scope.given.len() != merges.len() + scope.captures.len() {
            return Err(ModelError::invalid(format!(
                "loop '{name}' does not have one Switch for each variable"
            )));
        }
        let body = self.scope(&mut scope, &next, depth + 1)?;
        let mut inputs = Vec::with_capacity(initial.len() + scope.captures.len());
        for port in initial.iter().chain(&scope.captures) {
            let value = made.get(port).copied();
            inputs.push(
                value.ok_or_else(|| ModelError::invalid(format!("loop '{name}' reads a value of another loop")))?,
            );
        }
        let repeated = Loop {
            variables: merges.len(),
            condition,
            body,
        };
        Ok((Op::Loop(Box::new(repeated)), inputs))
    }

    /// The inputs of the signature. What it does not tell, the placeholder does.
    fn feeds(&self) -> Result<Vec<Input>, ModelError> {
        let mut inputs = vec![Input::default(); self.outside.feeds.len()];
        for (port, index) in &self.outside.fed {
            let feed = &self.outside.feeds[*index];
            let own = self.raw[port.node].definition.shape("shape").and_then(shape);
            inputs[*index] = Input {
                name: feed.name.clone(),
                dtype: Some(dtype(feed.dtype).map_err(|error| at_node(error, &feed.tensor))?),
                shape: feed.shape.as_ref().and_then(shape).or(own),
                ..Input::default()
            };
        }
        Ok(inputs)
    }

    /// The placeholders in the order of the file; numbers the input nodes accordingly.
    fn placeholders(&self, nodes: &mut [Node]) -> Result<Vec<Input>, ModelError> {
        let mut placeholders: Vec<&mut Node> = nodes
            .iter_mut()
            .filter(|node| matches!(node.op, Op::Input(_)))
            .collect();
        placeholders.sort_by_key(|node| match node.op {
            Op::Input(index) => index,
            _ => usize::MAX,
        });
        let mut inputs = Vec::new();
        for (index, node) in placeholders.into_iter().enumerate() {
            let Op::Input(source) = node.op else { continue };
            let definition = &self.raw[source].definition;
            let dtype = definition
                .dtype("dtype")
                .map_err(|error| at_node(error, &definition.name))?;
            inputs.push(Input {
                name: format!("{}:0", definition.name),
                dtype: Some(dtype),
                shape: definition.shape("shape").and_then(shape),
                ..Input::default()
            });
            node.op = Op::Input(index);
        }
        Ok(inputs)
    }
}
