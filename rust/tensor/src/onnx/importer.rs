//! Graphs of the file to graphs of ours. A graph inside a node takes what it needs of the surrounding one as inputs of its own.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use serving_model::{ErrorCode, ModelError};

use super::node::{Maker, Source, at_node};
use super::proto::tensor_shape_proto::dimension::Value as DimensionValue;
use super::proto::type_proto::Value as TypeValue;
use super::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TypeProto, ValueInfoProto};
use super::tensors::{self, External};
use super::{functions, operators, order};
use crate::array::DType;
use crate::graph::{Graph, Input, Node, Op, Value};

/// Newest version of `ai.onnx` whose operators are known.
const NEWEST: i64 = 28;
/// Unsupported operators that a message names.
const SHOWN: usize = 20;
/// Deepest nesting of graphs and functions.
pub(super) const MOST_NESTED: usize = 32;
/// Most nodes built; functions are built for each call.
const MOST_BUILT: usize = 1 << 21;

/// Versions of operator sets by domain.
pub(super) type Opsets = Rc<HashMap<String, i64>>;

/// A graph under construction.
#[derive(Default)]
struct Draft {
    nodes: Vec<Node>,
    nothing: Option<Value>,
    /// Inputs before the captured values.
    formal: usize,
    /// Values of the surrounding graph.
    captures: Vec<Value>,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Named {
    Value(Value),
    /// An input of a function that its call leaves out.
    Nothing,
}

/// Names and what they stand for.
struct Frame {
    names: HashMap<String, Named>,
    draft: usize,
    /// Names of the frame below are not seen: a function.
    closed: bool,
    opsets: Opsets,
}

pub(super) struct Importer<'a> {
    pub(super) functions: HashMap<(&'a str, &'a str, &'a str), &'a FunctionProto>,
    external: External<'a>,
    drafts: Vec<Draft>,
    frames: Vec<Frame>,
    unsupported: BTreeSet<String>,
    built: usize,
}

/// Imports a decoded model.
///
/// # Errors
/// As [`read_model`](super::read_model).
pub(super) fn import(model: &ModelProto, external: External<'_>) -> Result<Graph, ModelError> {
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| ModelError::unparsable("not an ONNX model: it has no graph"))?;
    let opsets = opsets(&model.opset_import)?;
    let mut known = HashMap::new();
    for function in &model.functions {
        known.insert(
            (
                domain(&function.domain),
                function.name.as_str(),
                function.overload.as_str(),
            ),
            function,
        );
    }
    let mut importer = Importer {
        functions: known,
        external,
        drafts: Vec::new(),
        frames: Vec::new(),
        unsupported: BTreeSet::new(),
        built: 0,
    };
    let result = importer.top(graph, opsets)?;
    if importer.unsupported.is_empty() {
        return Ok(result);
    }
    Err(ModelError::unsupported(format!(
        "operators that are not supported: {}",
        listed(importer.unsupported)
    )))
}

/// The first of many names, and how many more there are.
pub(crate) fn listed(names: BTreeSet<String>) -> String {
    let count = names.len();
    let mut listed: Vec<String> = names.into_iter().take(SHOWN).collect();
    if count > SHOWN {
        listed.push(format!("{} more", count - SHOWN));
    }
    listed.join(", ")
}

pub(super) fn nested_too_deep() -> ModelError {
    ModelError::unsupported(format!("graphs and functions are nested more than {MOST_NESTED} deep"))
}

/// A domain's one name.
pub(super) fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// Versions by domain.
///
/// # Errors
/// `MODEL_UNSUPPORTED` for operators newer than this build.
pub(super) fn opsets(imports: &[OperatorSetIdProto]) -> Result<Opsets, ModelError> {
    let mut versions = HashMap::new();
    for import in imports {
        if domain(&import.domain).is_empty() && import.version > NEWEST {
            return Err(ModelError::unsupported(format!(
                "version {} of ONNX's operators; versions up to {NEWEST} are known",
                import.version
            )));
        }
        versions.insert(domain(&import.domain).to_owned(), import.version);
    }
    Ok(Rc::new(versions))
}

impl Importer<'_> {
    fn top(&mut self, graph: &GraphProto, opsets: Opsets) -> Result<Graph, ModelError> {
        self.drafts.push(Draft::default());
        self.frames.push(Frame {
            names: HashMap::new(),
            draft: 0,
            closed: true,
            opsets,
        });
        self.initializers(graph)?;
        let mut inputs = Vec::new();
        for info in &graph.input {
            // Early files list constants among the inputs: these are defaults.
            if self.frames[0].names.contains_key(&info.name) {
                continue;
            }
            let value = self.add(&info.name, Op::Input(inputs.len()));
            self.bind(&info.name, Some(value))?;
            inputs.push(input(info)?);
        }
        self.nodes(&graph.node)?;
        let mut outputs = Vec::with_capacity(graph.output.len());
        for info in &graph.output {
            outputs.push((info.name.clone(), self.output(&info.name)?));
        }
        if outputs.is_empty() {
            return Err(ModelError::invalid("the graph has no outputs"));
        }
        self.frames.pop();
        let draft = self.drafts.pop().unwrap_or_default();
        Ok(Graph {
            nodes: draft.nodes,
            inputs,
            outputs,
            freed: Vec::new(),
        })
    }

    /// A graph inside a node: the graph, and the values of the surrounding graph behind its own inputs.
    pub(super) fn inner(&mut self, graph: &GraphProto) -> Result<(Graph, Vec<Value>), ModelError> {
        self.deeper()?;
        self.drafts.push(Draft {
            formal: graph.input.len(),
            ..Draft::default()
        });
        self.open(false, None);
        for (n, info) in graph.input.iter().enumerate() {
            let value = self.add(&info.name, Op::Input(n));
            self.bind(&info.name, Some(value))?;
        }
        let outputs = self.body(graph)?;
        self.frames.pop();
        let draft = self.drafts.pop().unwrap_or_default();
        let graph = Graph {
            inputs: vec![Input::default(); draft.formal + draft.captures.len()],
            outputs: outputs.into_iter().map(|value| (String::new(), value)).collect(),
            nodes: draft.nodes,
            freed: Vec::new(),
        };
        Ok((graph, draft.captures))
    }

    /// A graph inside a node, computed where the node is.
    pub(super) fn inlined(&mut self, graph: &GraphProto, arguments: &[Value]) -> Result<Vec<Value>, ModelError> {
        self.deeper()?;
        self.open(false, None);
        for (info, argument) in graph.input.iter().zip(arguments) {
            self.bind(&info.name, Some(*argument))?;
        }
        let outputs = self.body(graph);
        self.frames.pop();
        outputs
    }

    fn body(&mut self, graph: &GraphProto) -> Result<Vec<Value>, ModelError> {
        self.initializers(graph)?;
        self.nodes(&graph.node)?;
        graph.output.iter().map(|info| self.output(&info.name)).collect()
    }

    /// A call of a function of the model, computed where the call is.
    fn call(&mut self, function: &FunctionProto, node: &Source<'_>) -> Result<Vec<Value>, ModelError> {
        self.deeper()?;
        let nodes = functions::instantiate(function, node.definition);
        self.open(true, Some(opsets(&function.opset_import)?));
        for (n, name) in function.input.iter().enumerate() {
            self.bind(name, node.optional(n))?;
        }
        self.nodes(&nodes)?;
        let outputs = function.output.iter().map(|name| self.output(name)).collect();
        self.frames.pop();
        outputs
    }

    fn deeper(&self) -> Result<(), ModelError> {
        if self.frames.len() > MOST_NESTED {
            return Err(nested_too_deep());
        }
        Ok(())
    }

    fn open(&mut self, closed: bool, opsets: Option<Opsets>) {
        let below = self
            .frames
            .last()
            .map(|frame| Rc::clone(&frame.opsets))
            .unwrap_or_default();
        self.frames.push(Frame {
            names: HashMap::new(),
            draft: self.drafts.len() - 1,
            closed,
            opsets: opsets.unwrap_or(below),
        });
    }

    fn initializers(&mut self, graph: &GraphProto) -> Result<(), ModelError> {
        for tensor in &graph.initializer {
            let array = tensors::tensor(tensor, &mut self.external)?;
            let value = self.add(&tensor.name, Op::Constant(array));
            self.bind(&tensor.name, Some(value))?;
        }
        for sparse in &graph.sparse_initializer {
            let (name, array) = tensors::sparse(sparse, &mut self.external)?;
            let value = self.add(&name, Op::Constant(array));
            self.bind(&name, Some(value))?;
        }
        Ok(())
    }

    /// A node of ours that no node of the file stands for.
    fn add(&mut self, name: &str, op: Op) -> Value {
        let draft = self.drafts.len() - 1;
        self.add_to(draft, name, op)
    }

    fn add_to(&mut self, draft: usize, name: &str, op: Op) -> Value {
        let operator = if matches!(op, Op::Input(_)) {
            "input"
        } else {
            "initializer"
        };
        let nodes = &mut self.drafts[draft].nodes;
        nodes.push(Node {
            name: name.to_owned(),
            operator: operator.to_owned(),
            op,
            inputs: Vec::new(),
        });
        Value {
            node: nodes.len() - 1,
            port: 0,
        }
    }

    fn bind(&mut self, name: &str, value: Option<Value>) -> Result<(), ModelError> {
        let value = value.map_or(Named::Nothing, Named::Value);
        let frame = self.frames.len() - 1;
        if self.frames[frame].names.insert(name.to_owned(), value).is_some() {
            return Err(ModelError::invalid(format!("two values have the name '{name}'")));
        }
        Ok(())
    }

    /// What a name stands for in a frame, captured from the frames below where it is theirs.
    fn lookup(&mut self, frame: usize, name: &str) -> Option<Named> {
        if let Some(value) = self.frames[frame].names.get(name) {
            return Some(*value);
        }
        if self.frames[frame].closed {
            return None;
        }
        let outer = self.lookup(frame - 1, name)?;
        let draft = self.frames[frame].draft;
        let value = match outer {
            Named::Value(outer) if self.frames[frame - 1].draft != draft => {
                let index = self.drafts[draft].formal + self.drafts[draft].captures.len();
                self.drafts[draft].captures.push(outer);
                Named::Value(self.add_to(draft, name, Op::Input(index)))
            }
            same => same,
        };
        self.frames[frame].names.insert(name.to_owned(), value);
        Some(value)
    }

    fn output(&mut self, name: &str) -> Result<Value, ModelError> {
        match self.lookup(self.frames.len() - 1, name) {
            Some(Named::Value(value)) => Ok(value),
            Some(Named::Nothing) => Ok(self.maker("", "").nothing()),
            None => Err(ModelError::invalid(format!("no node makes the output '{name}'"))),
        }
    }

    pub(super) fn maker<'m>(&'m mut self, name: &'m str, operator: &'m str) -> Maker<'m> {
        let last = self.drafts.len() - 1;
        let draft = &mut self.drafts[last];
        Maker::new(&mut draft.nodes, &mut draft.nothing, name, operator)
    }

    fn nodes(&mut self, nodes: &[NodeProto]) -> Result<(), ModelError> {
        for n in order::order(nodes)? {
            self.node(&nodes[n])?;
        }
        Ok(())
    }

    fn node(&mut self, definition: &NodeProto) -> Result<(), ModelError> {
        self.built += 1;
        if self.built > MOST_BUILT {
            return Err(ModelError::too_large(format!(
                "the model has more than {MOST_BUILT} nodes"
            )));
        }
        let frame = self.frames.len() - 1;
        let mut inputs = Vec::with_capacity(definition.input.len());
        for name in &definition.input {
            let missing = || {
                let message = format!("no node makes its input '{name}'");
                at_node(definition, ModelError::invalid(message))
            };
            let named = if name.is_empty() {
                Named::Nothing
            } else {
                self.lookup(frame, name).ok_or_else(missing)?
            };
            inputs.push(match named {
                Named::Value(value) => Some(value),
                Named::Nothing => None,
            });
        }
        let domain = domain(&definition.domain);
        let key = (domain, definition.op_type.as_str(), definition.overload.as_str());
        let function = self
            .functions
            .iter()
            .find(|(known, _)| **known == key)
            .map(|(_, function)| *function);
        let version = self.frames[frame].opsets.get(domain).copied();
        let source = Source {
            definition,
            version: version.unwrap_or(0),
            inputs,
        };
        let values = match function {
            Some(function) => self.call(function, &source)?,
            None if version.is_none() => {
                return Err(source.invalid(format!("the model imports no operators of the domain '{domain}'")));
            }
            None => self.translated(&source)?,
        };
        if values.len() < definition.output.len() {
            return Err(source.invalid(format!("it has {} outputs", values.len())));
        }
        for (name, value) in definition.output.iter().zip(values) {
            if !name.is_empty() {
                self.bind(name, Some(value))
                    .map_err(|error| at_node(definition, error))?;
            }
        }
        Ok(())
    }

    /// What is not supported is noted, so that all of it can be named at once.
    fn translated(&mut self, source: &Source<'_>) -> Result<Vec<Value>, ModelError> {
        let definition = source.definition;
        let name = definition
            .output
            .first()
            .filter(|_| definition.name.is_empty())
            .unwrap_or(&definition.name);
        let found = match self.control(source) {
            Ok(None) => operators::translate(source, &mut self.maker(name, &definition.op_type)),
            done => done,
        };
        let why = match found {
            Ok(Some(values)) => return Ok(values),
            Ok(None) => format!("(version {})", source.version),
            Err(error) if error.code == ErrorCode::ModelUnsupported => {
                format!("in node '{name}' ({})", error.message)
            }
            Err(error) => return Err(error),
        };
        let domain = domain(&definition.domain);
        let dot = if domain.is_empty() { "" } else { "." };
        self.unsupported
            .insert(format!("{domain}{dot}{} {why}", definition.op_type));
        let nothing = self.maker("", "").nothing();
        Ok(vec![nothing; definition.output.len()])
    }
}

/// An input of the model.
pub(super) fn input(info: &ValueInfoProto) -> Result<Input, ModelError> {
    let named = |error: ModelError| ModelError::new(error.code, format!("input '{}': {}", info.name, error.message));
    let kind = info.r#type.as_ref();
    let mut input = typed(kind).map_err(named)?;
    input.name.clone_from(&info.name);
    Ok(input)
}

fn typed(kind: Option<&TypeProto>) -> Result<Input, ModelError> {
    let unsupported = || ModelError::unsupported("a type of value that nobody can give");
    let element = |kind: Option<&TypeProto>| match kind.and_then(|kind| kind.value.as_ref()) {
        Some(TypeValue::TensorType(tensor)) => tensors::dtype(tensor.elem_type),
        _ => Err(unsupported()),
    };
    match kind.and_then(|kind| kind.value.as_ref()) {
        None => Err(ModelError::invalid("no type")),
        Some(TypeValue::TensorType(tensor)) => {
            let length = |length: &Option<DimensionValue>| match length {
                Some(DimensionValue::DimValue(length)) => usize::try_from(*length).ok(),
                _ => None,
            };
            let shape = tensor.shape.as_ref();
            Ok(Input {
                dtype: Some(tensors::dtype(tensor.elem_type)?),
                shape: shape.map(|shape| shape.dim.iter().map(|axis| length(&axis.value)).collect()),
                ..Input::default()
            })
        }
        Some(TypeValue::SequenceType(sequence)) => Ok(Input {
            dtype: Some(DType::List),
            inside: vec![element(sequence.elem_type.as_deref())?],
            ..Input::default()
        }),
        Some(TypeValue::MapType(map)) => Ok(Input {
            dtype: Some(DType::Map),
            inside: vec![tensors::dtype(map.key_type)?, element(map.value_type.as_deref())?],
            ..Input::default()
        }),
        Some(TypeValue::OptionalType(optional)) => {
            let inside = optional.elem_type.as_deref();
            // Optionals of optionals are none of ONNX's types.
            if matches!(
                inside.and_then(|inside| inside.value.as_ref()),
                Some(TypeValue::OptionalType(_))
            ) {
                return Err(unsupported());
            }
            Ok(Input {
                optional: true,
                ..typed(inside)?
            })
        }
    }
}
