//! Functions: a call is replaced by the nodes of its function, a node whose branches are functions gets a copy of each.
//!
//! Only what the outputs need is expanded. Inputs within a function are written `argument`, `node:output:index` or `^node`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use prost::Message;
use serving_model::ModelError;

use super::attributes::{substituted, tensors_of};
use super::bypass::bypass_calls;
use super::naming::{Found, Naming};
use super::proto::{AttrValue, FunctionDef, FunctionDefLibrary, NameAttrList, NodeDef, OpDef};
use super::{Port, Raw, invalid_at, listed, unsupported_at};
use crate::trouble::at_node;

/// Deepest nesting of calls.
const MOST_NESTED: usize = 64;
/// Most nodes once functions are expanded; a long name counts as several.
const MOST_EXPANDED: usize = 1 << 21;
/// Most bytes of nodes that are copied because their attributes depend on the call.
const MOST_COPIED: usize = 1 << 28;

/// What a node is beyond its operator.
#[derive(Debug)]
pub(super) enum Role {
    Plain,
    /// A call, and the values that its outputs are.
    Call(Vec<Port>),
    /// Functions as graphs of their own.
    Graphs(Vec<Part>),
}

/// A function that a node evaluates when it has to.
#[derive(Debug)]
pub(super) struct Part {
    /// Nodes that stand for the arguments.
    pub(super) arguments: Vec<usize>,
    pub(super) results: Vec<Port>,
}

/// A function of the library.
pub(super) struct Function {
    pub(super) signature: OpDef,
    nodes: Vec<Arc<NodeDef>>,
    pub(super) places: HashMap<String, usize>,
    results: HashMap<String, String>,
}

/// A copy of a function's nodes.
pub(super) struct Instance {
    pub(super) function: String,
    parent: usize,
    depth: usize,
}

/// Nodes of the graph and, behind them, copies of the nodes of functions.
pub(super) struct Program {
    pub(super) nodes: Vec<Raw>,
    /// What node is needed.
    pub(super) reached: Vec<bool>,
    pub(super) instances: Vec<Instance>,
}

impl Program {
    pub(super) fn definition(&self, node: usize) -> &NodeDef {
        &self.nodes[node].definition
    }

    /// Name for messages: that of the function, then that of the node.
    pub(super) fn name(&self, node: usize) -> String {
        let raw = &self.nodes[node];
        match raw.instance {
            0 => raw.definition.name.clone(),
            instance => format!("{}/{}", self.instances[instance].function, raw.definition.name),
        }
    }

    /// Operator, node and function.
    pub(super) fn described(&self, node: usize) -> String {
        let raw = &self.nodes[node];
        let (op, name) = (&raw.definition.op, &raw.definition.name);
        match raw.instance {
            0 => format!("{op} (node '{name}')"),
            instance => format!(
                "{op} (node '{name}' of function '{}')",
                self.instances[instance].function
            ),
        }
    }
}

/// How much of a function is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What its results need.
    Results,
    /// All that it does.
    Everything,
}

/// The functions of a graph.
pub(super) struct Library {
    pub(super) functions: HashMap<String, Arc<Function>>,
}

impl Library {
    pub(super) fn new(library: Option<FunctionDefLibrary>) -> Result<Self, ModelError> {
        let mut functions = HashMap::new();
        for definition in library.map(|library| library.function).unwrap_or_default() {
            let (name, function) = Function::read(definition)?;
            if functions.insert(name.clone(), Arc::new(function)).is_some() {
                return Err(ModelError::invalid(format!(
                    "there are two functions of the name '{name}'"
                )));
            }
        }
        Ok(Self { functions })
    }

    /// Number of outputs of a node that calls a function by its name.
    pub(super) fn outputs(&self, node: &NodeDef) -> Option<usize> {
        let outputs = &self.functions.get(&node.op)?.signature.output_arg;
        outputs.iter().map(|output| tensors_of(output, &node.attr)).sum()
    }

    /// Replaces calls by what they call, as far as the wanted values need it. Values that are given are not looked behind.
    ///
    /// # Errors
    /// For functions that don't exist, call themselves or get another number of arguments than they have, for inputs that no
    /// node has, and beyond limits.
    pub(super) fn expand(
        &self,
        nodes: Vec<Raw>,
        wanted: &mut [(String, Port)],
        given: &HashSet<Port>,
        extent: Extent,
    ) -> Result<Program, ModelError> {
        let main = Instance {
            function: String::new(),
            parent: 0,
            depth: 0,
        };
        let mut expansion = Expansion {
            library: self,
            extent,
            size: nodes.len(),
            program: Program {
                reached: Vec::new(),
                nodes,
                instances: vec![main],
            },
            copied: 0,
            missing: BTreeSet::new(),
            dangling: BTreeSet::new(),
        };
        let ports: Vec<Port> = wanted.iter().map(|(_, port)| *port).collect();
        expansion.reach(&ports, given)?;
        expansion.complain()?;
        let mut program = expansion.program;
        bypass_calls(&mut program, wanted)?;
        Ok(program)
    }
}

impl Function {
    fn read(definition: FunctionDef) -> Result<(String, Self), ModelError> {
        let signature = definition
            .signature
            .ok_or_else(|| ModelError::invalid("a function without a signature"))?;
        let name = signature.name.clone();
        let mut places = HashMap::with_capacity(definition.node_def.len());
        for (index, node) in definition.node_def.iter().enumerate() {
            if places.insert(node.name.clone(), index).is_some() {
                return Err(ModelError::invalid(format!(
                    "function '{name}' has two nodes of the name '{}'",
                    node.name
                )));
            }
        }
        let function = Self {
            signature,
            nodes: definition.node_def.into_iter().map(Arc::new).collect(),
            places,
            results: definition.ret,
        };
        Ok((name, function))
    }
}

struct Expansion<'a> {
    library: &'a Library,
    extent: Extent,
    program: Program,
    size: usize,
    copied: usize,
    missing: BTreeSet<String>,
    dangling: BTreeSet<String>,
}

/// The functions that a node evaluates, when it is such a node.
fn parts_of(node: &NodeDef) -> Option<Vec<&NameAttrList>> {
    let names: &[&str] = match node.op.as_str() {
        "While" | "StatelessWhile" => &["cond", "body"],
        "If" | "StatelessIf" => &["then_branch", "else_branch"],
        "Case" | "StatelessCase" => return Some(node.list("branches")?.func.iter().collect()),
        _ => return None,
    };
    names.iter().map(|name| node.function(name)).collect()
}

impl Expansion<'_> {
    fn reach(&mut self, wanted: &[Port], given: &HashSet<Port>) -> Result<(), ModelError> {
        let mut stack: Vec<Port> = wanted.to_vec();
        while let Some(port) = stack.pop() {
            self.program.reached.resize(self.program.nodes.len(), false);
            if given.contains(&port) || std::mem::replace(&mut self.program.reached[port.node], true) {
                continue;
            }
            let before = self.program.nodes.len();
            self.open(port.node)?;
            if self.extent == Extent::Everything {
                let copied = before..self.program.nodes.len();
                let controls = self.program.nodes[port.node].controls.iter().copied();
                stack.extend(copied.chain(controls).map(|node| Port { node, port: 0 }));
                stack.extend(&self.program.nodes[port.node].inputs);
            }
            let raw = &self.program.nodes[port.node];
            match &raw.role {
                Role::Call(results) => stack.extend(results),
                Role::Graphs(parts) => {
                    stack.extend(&raw.inputs);
                    stack.extend(parts.iter().flat_map(|part| &part.results));
                }
                Role::Plain => stack.extend(&raw.inputs),
            }
        }
        self.program.reached.resize(self.program.nodes.len(), false);
        Ok(())
    }

    /// Finds out what a node is, and copies the functions that it needs.
    fn open(&mut self, node: usize) -> Result<(), ModelError> {
        let definition = Arc::clone(&self.program.nodes[node].definition);
        let arguments = || self.program.nodes[node].inputs.clone();
        let called = match definition.op.as_str() {
            "PartitionedCall" | "StatefulPartitionedCall" => {
                let called = definition.function("f");
                let called = called.ok_or_else(|| invalid_at(&definition, "attribute 'f' is missing"))?;
                Some((called.name.as_str(), &called.attr))
            }
            op if self.library.functions.contains_key(op) => Some((op, &definition.attr)),
            _ => None,
        };
        if let Some((name, attributes)) = called {
            let arguments = arguments();
            let results = self.instantiate(node, name, attributes, arguments)?;
            self.program.nodes[node].role = Role::Call(results);
            return Ok(());
        }
        let Some(functions) = parts_of(&definition) else {
            return Ok(());
        };
        // The first input of a choice chooses.
        let chosen = usize::from(!definition.op.ends_with("While"));
        let outer = arguments().get(chosen..).unwrap_or_default().to_vec();
        let mut parts = Vec::with_capacity(functions.len());
        for function in functions {
            let arguments = self.arguments(node, &outer)?;
            let ports = arguments.iter().map(|node| Port { node: *node, port: 0 }).collect();
            let results = self.instantiate(node, &function.name, &function.attr, ports)?;
            parts.push(Part { arguments, results });
        }
        self.program.nodes[node].role = Role::Graphs(parts);
        Ok(())
    }

    /// Pays for a node with a name of so many bytes.
    fn charge(&mut self, name: usize) -> Result<(), ModelError> {
        self.size += 1 + name / 128;
        if self.size > MOST_EXPANDED {
            return Err(ModelError::too_large(format!(
                "graph has more than {MOST_EXPANDED} nodes, functions expanded"
            )));
        }
        Ok(())
    }

    /// Nodes that stand for the arguments of a graph, given the values that the node itself gets.
    fn arguments(&mut self, node: usize, outer: &[Port]) -> Result<Vec<usize>, ModelError> {
        let argument = Arc::new(NodeDef {
            name: "argument".to_owned(),
            op: "_Arg".to_owned(),
            ..NodeDef::default()
        });
        let instance = self.program.nodes[node].instance;
        let mut places = Vec::with_capacity(outer.len());
        for port in outer {
            self.charge(0)?;
            places.push(self.program.nodes.len());
            self.program.nodes.push(Raw {
                definition: Arc::clone(&argument),
                inputs: vec![*port],
                controls: Vec::new(),
                instance,
                role: Role::Plain,
            });
        }
        Ok(places)
    }

    fn enter(&mut self, caller: usize, name: &str) -> Result<usize, ModelError> {
        let definition = &self.program.nodes[caller].definition;
        let parent = self.program.nodes[caller].instance;
        let depth = self.program.instances[parent].depth + 1;
        let mut above = parent;
        while above != 0 {
            let instance = &self.program.instances[above];
            if instance.function == name {
                return Err(unsupported_at(definition, format!("function '{name}' calls itself")));
            }
            above = instance.parent;
        }
        if depth > MOST_NESTED {
            let message = format!("functions are nested more than {MOST_NESTED} deep");
            return Err(unsupported_at(definition, message));
        }
        self.program.instances.push(Instance {
            function: name.to_owned(),
            parent,
            depth,
        });
        Ok(self.program.instances.len() - 1)
    }

    /// Copies the nodes of a function; the values of its outputs.
    fn instantiate(
        &mut self,
        caller: usize,
        name: &str,
        attributes: &HashMap<String, AttrValue>,
        given: Vec<Port>,
    ) -> Result<Vec<Port>, ModelError> {
        let Some(function) = self.library.functions.get(name).cloned() else {
            let node = self.program.name(caller);
            self.missing.insert(format!("'{name}' of node '{node}'"));
            return Ok(Vec::new());
        };
        self.charge(name.len())?;
        let instance = self.enter(caller, name)?;
        let call = Arc::clone(&self.program.nodes[caller].definition);
        let mut arguments: HashMap<&str, Vec<Port>> = HashMap::new();
        let count = given.len();
        let mut rest = given.into_iter();
        let mut needed = 0;
        for argument in &function.signature.input_arg {
            let tensors = tensors_of(argument, attributes);
            let tensors =
                tensors.ok_or_else(|| invalid_at(&call, format!("argument '{}' has no size", argument.name)))?;
            needed += tensors;
            arguments.insert(&argument.name, rest.by_ref().take(tensors).collect());
        }
        if needed != count {
            let message = format!("function '{name}' has {needed} arguments, the call gives {count}");
            return Err(invalid_at(&call, message));
        }
        let base = self.program.nodes.len();
        let mut copies = Vec::with_capacity(function.nodes.len());
        for node in &function.nodes {
            self.charge(name.len() + node.name.len())?;
            copies.push(self.copy(node, attributes, &function)?);
        }
        let scope = Naming {
            library: self.library,
            function: &function,
            arguments: &arguments,
            copies: &copies,
            base,
        };
        for node in &copies {
            let mut raw = Raw {
                definition: Arc::clone(node),
                inputs: Vec::with_capacity(node.input.len()),
                controls: Vec::new(),
                instance,
                role: Role::Plain,
            };
            for input in &node.input {
                match scope.find(input) {
                    Some(Found::Value(port)) => raw.inputs.push(port),
                    Some(Found::Control(node)) => raw.controls.push(node),
                    None => {
                        let place = format!("'{input}' of node '{}' of function '{name}'", node.name);
                        self.dangling.insert(place);
                    }
                }
            }
            self.program.nodes.push(raw);
        }
        let mut results = Vec::with_capacity(function.signature.output_arg.len());
        for output in &function.signature.output_arg {
            let source = function.results.get(&output.name).map_or("", String::as_str);
            let Some(Found::Value(first)) = scope.find(source) else {
                let place = format!("'{source}' for output '{}' of function '{name}'", output.name);
                self.dangling.insert(place);
                continue;
            };
            let count = tensors_of(output, attributes).unwrap_or(1);
            results.extend((0..count).map(|n| Port {
                port: first.port + n,
                ..first
            }));
        }
        Ok(results)
    }

    /// A node with the attributes that the call gives.
    fn copy(
        &mut self,
        node: &Arc<NodeDef>,
        attributes: &HashMap<String, AttrValue>,
        function: &Function,
    ) -> Result<Arc<NodeDef>, ModelError> {
        let Some(copy) = substituted(node, attributes, &function.signature) else {
            return Ok(Arc::clone(node));
        };
        self.copied += copy.encoded_len();
        if self.copied > MOST_COPIED {
            let error = ModelError::too_large(format!(
                "nodes of functions take more than {MOST_COPIED} bytes, functions expanded"
            ));
            return Err(at_node(error, &node.name));
        }
        Ok(Arc::new(copy))
    }

    fn complain(&self) -> Result<(), ModelError> {
        let text = |entries: &BTreeSet<String>| listed(&entries.iter().cloned().collect::<Vec<_>>());
        if !self.missing.is_empty() {
            let functions = text(&self.missing);
            return Err(ModelError::invalid(format!(
                "functions that the library does not have: {functions}"
            )));
        }
        if !self.dangling.is_empty() {
            let inputs = text(&self.dangling);
            return Err(ModelError::invalid(format!("inputs that no node has: {inputs}")));
        }
        Ok(())
    }
}
