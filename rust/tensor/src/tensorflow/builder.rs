//! Nodes of the file to nodes of ours, in an order in which they can be evaluated; `while` frames become loops.
//!
//! TensorFlow writes a loop as a cycle (see `frames`). The condition is what `LoopCond` depends on, down to the `Merge` nodes;
//! the body is what the `NextIteration` nodes depend on, down to the `Switch` nodes. Other values come in by constant `Enter`
//! nodes. Loops and branches that are functions are graphs of their own already.

use std::collections::{BTreeSet, HashMap};

use serving_model::ModelError;

use super::attributes::constant;
use super::frames::{Frames, Key, input};
use super::inputs::Given;
use super::library::{Part, Program, Role};
use super::operators::lower;
use super::{Port, branches, invalid_at, listed};
use crate::array::{Array, DType};
use crate::graph::{Control, Graph, Loop, Node, Op, Value};
use crate::maker::Maker;
use crate::trouble::at_node;

/// Deepest nesting of loops and branches.
const MOST_NESTED: usize = 16;
/// Most nodes built. A node that several loops depend on is built for each.
const MOST_BUILT: usize = 1 << 21;

pub(super) struct Builder<'a> {
    pub(super) program: &'a Program,
    pub(super) outside: &'a Given<'a>,
    loops: &'a Frames<'a>,
    choices: &'a HashMap<usize, [Port; 3]>,
    unknown: BTreeSet<String>,
    constants: HashMap<usize, Array>,
    built: usize,
}

/// Builds the graph that computes the wanted values.
///
/// # Errors
/// `MODEL_INVALID` for cycles and broken loops, `MODEL_UNSUPPORTED` with the list of all operators that are not supported.
pub(super) fn build(program: &Program, wanted: &[(String, Port)], outside: &Given<'_>) -> Result<Graph, ModelError> {
    build_prepared(program, &Prepared::new(program)?, wanted, outside)
}

/// Loops and branches of a program.
pub(super) struct Prepared<'a> {
    loops: Frames<'a>,
    /// Condition and values of each `Merge` that is a choice.
    choices: HashMap<usize, [Port; 3]>,
}

impl<'a> Prepared<'a> {
    /// Finds loops and branches.
    ///
    /// # Errors
    /// For broken loops.
    pub(super) fn new(program: &'a Program) -> Result<Self, ModelError> {
        let loops = Frames::find(program)?;
        let choices = branches::choices(program, &loops.loops())?;
        Ok(Self { loops, choices })
    }
}

/// [`build`] where several graphs are built of one program.
///
/// # Errors
/// As [`build`].
pub(super) fn build_prepared(
    program: &Program,
    prepared: &Prepared<'_>,
    wanted: &[(String, Port)],
    outside: &Given<'_>,
) -> Result<Graph, ModelError> {
    let mut builder = Builder {
        program,
        outside,
        loops: &prepared.loops,
        choices: &prepared.choices,
        unknown: BTreeSet::new(),
        constants: HashMap::new(),
        built: 0,
    };
    let graph = builder.scope(&mut Scope::default(), wanted, 0)?;
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

/// What one graph (the whole, a condition, a body, a branch) is built from.
#[derive(Default)]
struct Scope {
    /// Values that are inputs here: variables of the loop first, then captures.
    given: HashMap<Port, usize>,
    /// Values of the surrounding graph behind the captures.
    captures: Vec<Port>,
    /// Whether this is a part of another graph.
    inside: bool,
}

impl Scope {
    fn inside(given: impl Iterator<Item = Port>) -> Self {
        Self {
            given: given.enumerate().map(|(index, port)| (port, index)).collect(),
            captures: Vec::new(),
            inside: true,
        }
    }
}

/// The values that are made so far in a graph.
#[derive(Default)]
struct Made<'a> {
    values: HashMap<Port, Value>,
    loops: HashMap<Key<'a>, usize>,
    /// Stand in for operators that are not supported, how many outputs of them there may be.
    unknown: HashMap<usize, Value>,
    nothing: Option<Value>,
}

impl<'a> Builder<'a> {
    fn op(&self, node: usize) -> &'a str {
        &self.program.definition(node).op
    }

    /// What a node waits for.
    fn waits_for(&self, node: usize) -> Result<Vec<Port>, ModelError> {
        if let Some(choice) = self.choices.get(&node) {
            return Ok(choice.to_vec());
        }
        if self.outside.examples.contains_key(&node) {
            return Ok(Vec::new());
        }
        let Some((frame, _)) = self.loops.exits.get(&node) else {
            return Ok(self.program.nodes[node].inputs.clone());
        };
        let mut waits = Vec::new();
        for merge in &self.loops.frames[frame].merges {
            waits.push(input(self.program, input(self.program, *merge, 0)?.node, 0)?);
        }
        // Captures are only known once the loop is built; every constant Enter of the frame may be one.
        for enter in &self.loops.frames[frame].captures {
            waits.push(input(self.program, *enter, 0)?);
        }
        Ok(waits)
    }

    fn scope(&mut self, scope: &mut Scope, wanted: &[(String, Port)], depth: usize) -> Result<Graph, ModelError> {
        if depth > MOST_NESTED {
            return Err(ModelError::unsupported(format!(
                "loops and branches are nested more than {MOST_NESTED} deep"
            )));
        }
        let mut graph = Graph::default();
        let mut made = Made::default();
        // Depth first without recursion: a node is opened when first seen and built when all it waits for is.
        let mut open = std::collections::HashSet::new();
        let mut stack: Vec<(Port, bool)> = wanted.iter().rev().map(|(_, port)| (*port, false)).collect();
        while let Some((port, ready)) = stack.pop() {
            if made.values.contains_key(&port) {
                continue;
            }
            if let Some(index) = self.given(scope, port)? {
                graph.nodes.push(Node {
                    name: super::tensor_name(self.program, port),
                    operator: self.op(port.node).to_owned(),
                    op: Op::Input(index),
                    inputs: Vec::new(),
                });
                let node = graph.nodes.len() - 1;
                made.values.insert(port, Value { node, port: 0 });
                continue;
            }
            if let Some(known) = made.unknown.get(&port.node) {
                made.values.insert(port, *known);
                continue;
            }
            let waits = self.waits_for(port.node)?;
            if !ready {
                if !open.insert(port.node) {
                    return Err(invalid_at(
                        self.program.definition(port.node),
                        "the node depends on itself",
                    ));
                }
                stack.push((port, true));
                let missing = waits.iter().filter(|wait| !made.values.contains_key(wait));
                stack.extend(missing.map(|wait| (*wait, false)));
                continue;
            }
            let inputs = waits.iter().filter_map(|wait| made.values.get(wait).copied()).collect();
            let results = self.node(port, inputs, &mut graph, &mut made, depth)?;
            if let Some((_, variable)) = self.loops.exits.get(&port.node) {
                made.values.extend(results.get(*variable).map(|value| (port, *value)));
            } else {
                let outputs = results.iter().enumerate().map(|(output, value)| {
                    let from = Port {
                        node: port.node,
                        port: output,
                    };
                    (from, *value)
                });
                made.values.extend(outputs);
            }
            // How many outputs an unknown operator has is unknown; it is reported at the end.
            if !self.unknown.is_empty()
                && let Some(first) = results.first()
            {
                made.values.entry(port).or_insert(*first);
                made.unknown.insert(port.node, *first);
            }
            if !made.values.contains_key(&port) {
                return Err(invalid_at(
                    self.program.definition(port.node),
                    format!("{} has no output {}", self.op(port.node), port.port),
                ));
            }
        }
        for (name, port) in wanted {
            graph.outputs.push((name.clone(), made.values[port]));
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

    /// The input that a value is within a graph.
    fn given(&self, scope: &mut Scope, port: Port) -> Result<Option<usize>, ModelError> {
        if let Some(index) = scope.given.get(&port) {
            return Ok(Some(*index));
        }
        if !scope.inside {
            return Ok(self.outside.fed.get(&port).copied());
        }
        if self.op(port.node) == "Enter" && self.program.definition(port.node).flag("is_constant") {
            scope.captures.push(input(self.program, port.node, 0)?);
            scope.given.insert(port, scope.given.len());
            return Ok(Some(scope.given.len() - 1));
        }
        Ok(None)
    }

    /// Makes the node for a port whose inputs are made; the values of its outputs.
    fn node(
        &mut self,
        port: Port,
        inputs: Vec<Value>,
        graph: &mut Graph,
        made: &mut Made<'a>,
        depth: usize,
    ) -> Result<Vec<Value>, ModelError> {
        let name = self.program.name(port.node);
        self.built += 1 + name.len() / 128;
        if self.built > MOST_BUILT {
            return Err(ModelError::too_large(format!(
                "graph has more than {MOST_BUILT} nodes, loops unrolled"
            )));
        }
        let definition = self.program.definition(port.node);
        if self.outside.fed.contains_key(&port) {
            return Err(invalid_at(definition, "a loop reads an input that does not enter it"));
        }
        if let Some(features) = self.outside.examples.get(&port.node) {
            if depth > 0 {
                return Err(super::unsupported_at(
                    definition,
                    "examples that are parsed in a loop or branch",
                ));
            }
            let mut maker = Maker::new(&mut graph.nodes, &mut made.nothing, &name, &definition.op);
            return Ok(super::examples::outputs(features, &mut maker));
        }
        let (op, inputs) = if let Some((frame, _)) = self.loops.exits.get(&port.node).copied() {
            if let Some(node) = made.loops.get(&frame) {
                let variables = self.loops.frames[&frame].merges.len();
                return Ok((0..variables).map(|port| Value { node: *node, port }).collect());
            }
            let built = self.build_loop(frame, &made.values, depth)?;
            made.loops.insert(frame, graph.nodes.len());
            built
        } else if let Role::Graphs(parts) = &self.program.nodes[port.node].role {
            self.build_parts(port.node, parts, inputs, graph, depth)?
        } else {
            let op = match definition.op.as_str() {
                "Placeholder" | "PlaceholderV2" if depth == 0 && self.outside.feeds.is_empty() => Op::Input(port.node),
                "Placeholder" | "PlaceholderV2" if depth == 0 => {
                    return Err(invalid_at(
                        definition,
                        "the outputs need a value that is not among the inputs",
                    ));
                }
                "Placeholder" | "PlaceholderV2" | "_Arg" => {
                    return Err(invalid_at(
                        definition,
                        "a loop or branch reads an input that does not enter it",
                    ));
                }
                "Const" | "VarHandleOp" | "VariableV2" | "Variable" => Op::Constant(self.constant(port.node)?),
                "VarIsInitializedOp" | "IsVariableInitialized" => Op::Constant(Array::scalar(true)),
                // What uses a table knows it from the node behind.
                operator if super::tables::is_table(operator) => Op::Constant(Array::nothing()),
                "Switch" => Op::Switch,
                "Merge" if self.choices.contains_key(&port.node) => Op::Merge,
                "Merge" | "Enter" | "NextIteration" | "LoopCond" => self.not_known(port.node),
                _ => {
                    let table = self.outside.tables.used_by(self.program, port.node);
                    let mut maker = Maker::new(&mut graph.nodes, &mut made.nothing, &name, &definition.op);
                    let lowered = match table {
                        Some(op) => {
                            let op = op?;
                            Some(maker.many(op, inputs.get(1..).unwrap_or_default(), 1))
                        }
                        None => lower(definition, &inputs, &mut maker)?,
                    };
                    match lowered {
                        Some(values) => return Ok(values),
                        None => self.not_known(port.node),
                    }
                }
            };
            (op, inputs)
        };
        let outputs = op.ports();
        graph.nodes.push(Node {
            name,
            operator: definition.op.clone(),
            op,
            inputs,
        });
        let node = graph.nodes.len() - 1;
        Ok((0..outputs).map(|port| Value { node, port }).collect())
    }

    /// Reports an operator at the end; something in its place.
    fn not_known(&mut self, node: usize) -> Op {
        self.unknown.insert(self.program.described(node));
        Op::Identity
    }

    fn constant(&mut self, node: usize) -> Result<Array, ModelError> {
        if let Some(array) = self.constants.get(&node) {
            return Ok(array.clone());
        }
        let definition = self.program.definition(node);
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

    /// A node whose branches, or condition and body, are functions.
    fn build_parts(
        &mut self,
        node: usize,
        parts: &[Part],
        mut inputs: Vec<Value>,
        graph: &mut Graph,
        depth: usize,
    ) -> Result<(Op, Vec<Value>), ModelError> {
        let definition = self.program.definition(node);
        let mut graphs = Vec::with_capacity(parts.len());
        for part in parts {
            let arguments = part.arguments.iter().map(|node| Port { node: *node, port: 0 });
            let wanted: Vec<(String, Port)> = part.results.iter().map(|port| (String::new(), *port)).collect();
            graphs.push(self.scope(&mut Scope::inside(arguments), &wanted, depth + 1)?);
        }
        let outputs = graphs.last().map_or(0, |graph| graph.outputs.len());
        if definition.op.ends_with("While") {
            let Ok([condition, body]) = <[Graph; 2]>::try_from(graphs) else {
                return Err(invalid_at(definition, "a loop needs a condition and a body"));
            };
            if condition.outputs.len() != 1 || outputs != inputs.len() {
                let message = format!("a loop of {} variables whose body has {outputs} results", inputs.len());
                return Err(invalid_at(definition, message));
            }
            let repeated = Loop {
                variables: inputs.len(),
                condition,
                body,
            };
            return Ok((Op::Loop(Box::new(repeated)), inputs));
        }
        if graphs.is_empty() || graphs.iter().any(|graph| graph.outputs.len() != outputs) || inputs.is_empty() {
            return Err(invalid_at(definition, "branches differ in the number of their results"));
        }
        if definition.op.ends_with("Case") {
            return Ok((Op::Control(Box::new(Control::Choice { graphs, outputs })), inputs));
        }
        if let Ok(dtype) = definition.dtype("Tcond")
            && dtype != DType::Bool
        {
            graph.nodes.push(Node {
                name: self.program.name(node),
                operator: definition.op.clone(),
                op: Op::Cast(DType::Bool),
                inputs: vec![inputs[0]],
            });
            let node = graph.nodes.len() - 1;
            inputs[0] = Value { node, port: 0 };
        }
        let Ok(graphs) = <[Graph; 2]>::try_from(graphs) else {
            return Err(invalid_at(definition, "a condition needs two branches"));
        };
        let captures = inputs.len() - 1;
        inputs.extend_from_within(1..);
        let branch = Control::Branch {
            graphs,
            captures,
            outputs,
        };
        Ok((Op::Control(Box::new(branch)), inputs))
    }

    fn build_loop(
        &mut self,
        key: Key<'a>,
        made: &HashMap<Port, Value>,
        depth: usize,
    ) -> Result<(Op, Vec<Value>), ModelError> {
        let frame = &self.loops.frames[&key];
        let name = key.1;
        let (merges, switches) = (frame.merges.clone(), frame.switches.clone());
        let condition = frame
            .condition
            .ok_or_else(|| ModelError::invalid(format!("loop '{name}' has no condition")))?;
        let mut initial = Vec::with_capacity(merges.len());
        let mut next = Vec::with_capacity(merges.len());
        for merge in &merges {
            let [first, again] = [0, 1].map(|port| input(self.program, *merge, port));
            initial.push(input(self.program, first?.node, 0)?);
            next.push((String::new(), input(self.program, again?.node, 0)?));
        }
        let mut scope = Scope::inside(merges.iter().map(|merge| Port { node: *merge, port: 0 }));
        let test = input(self.program, condition, 0)?;
        let condition = self.scope(&mut scope, &[(String::new(), test)], depth + 1)?;

        // The same numbering of captures serves condition and body; only the variables come from other nodes.
        // A variable whose old value nobody needs may have no Switch.
        for (variable, merge) in merges.iter().enumerate() {
            if switches.iter().any(|(_, switched)| *switched == variable) {
                scope.given.remove(&Port { node: *merge, port: 0 });
            }
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
}
