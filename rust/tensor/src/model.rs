//! A graph as a model: rows and whole tensors.

mod trial;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serving_model::{ErrorCode, Field, Model, ModelError, ModelType, Schema, Scorer, Signature, Tensor, TensorModel};

use crate::array::{Array, DType, Data};
use crate::cells::{data_type, to_array, to_tensor};
use crate::graph::{Graph, Op, Value};
use crate::plan::Plan;
use crate::run::{Budget, run};
use crate::score::{GraphScorer, PlanScorer, call};
use crate::tract::Network;
use crate::trouble::Trouble;
use crate::{plan, rewrite, same_tensor_name};

/// Widest row of a field. A file can claim any shape.
const WIDEST_ROW: u32 = 1 << 24;
/// Rows that the general path takes at a time.
const MOST_TOGETHER: usize = 256;

/// How rows become tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batching {
    /// Any number of rows in the first axis.
    Together,
    /// One row in the first axis: the graph is written for that, or gives something else for more.
    OneByOne,
}

/// What evaluates a graph.
#[derive(Debug)]
pub(crate) enum Way {
    /// Kernels, in single precision.
    Single(Plan<f32>),
    /// Kernels, in double precision.
    Double(Plan<f64>),
    /// Node by node.
    Nodes,
    /// Tract; the graph has inputs and outputs alone.
    Tract(Box<Network>),
}

/// A compiled graph.
#[derive(Debug)]
pub(crate) struct GraphModel {
    model_type: ModelType,
    /// Without its constants when it is compiled.
    pub(crate) graph: Graph,
    pub(crate) way: Way,
    pub(crate) batching: Batching,
    schema: Schema,
    bytes: usize,
    signatures: Vec<Signature>,
    /// Which of the signatures this is.
    signature: String,
}

impl GraphModel {
    /// Simplifies and compiles a graph.
    ///
    /// # Errors
    /// `MODEL_TOO_LARGE` when it takes more memory than `native_bytes`.
    pub(crate) fn new(model_type: ModelType, graph: Graph, native_bytes: usize) -> Result<Self, ModelError> {
        let mut graph = rewrite::simplify(graph);
        rewrite::infer_shapes(&mut graph);
        let way = plan::compile(&graph)
            .map(Way::Single)
            .or_else(|| plan::compile(&graph).map(Way::Double))
            .unwrap_or(Way::Nodes);
        if let Way::Nodes = way {
            rewrite::prepare(&mut graph);
        }
        Self::with_way(model_type, graph, way, native_bytes)
    }

    /// A network on tract.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn on_tract(model_type: ModelType, network: Network, native_bytes: usize) -> Result<Self, ModelError> {
        let port = |(port, name): (usize, &String)| (name.clone(), Value { node: 0, port });
        let graph = Graph {
            inputs: network.inputs.clone(),
            outputs: network.outputs.iter().enumerate().map(port).collect(),
            ..Graph::default()
        };
        Self::with_way(model_type, graph, Way::Tract(Box::new(network)), native_bytes)
    }

    fn with_way(model_type: ModelType, graph: Graph, way: Way, native_bytes: usize) -> Result<Self, ModelError> {
        let inputs = graph.inputs.iter().map(|input| {
            let shape = input.shape.as_deref().and_then(row_shape);
            // Of a list or a map, the type of what is inside.
            let dtype = input.inside.last().copied().or(input.dtype);
            let data_type = dtype.map_or(serving_model::DataType::Double, data_type);
            Field::tensor(input.name.clone(), data_type, shape)
        });
        let mut model = Self {
            model_type,
            schema: Schema {
                inputs: inputs.collect(),
                outputs: Vec::new(),
            },
            batching: Batching::Together,
            bytes: 0,
            signatures: Vec::new(),
            signature: String::new(),
            graph,
            way,
        };
        model.bytes = model.heap_bytes();
        model.check_size(native_bytes)?;
        if model.is_compiled() {
            // The plan has its own copy of every constant, in its own order.
            model.graph.drop_constants();
        }
        model.find_outputs();
        if let Way::Tract(network) = &mut model.way {
            network.settle(model.batching == Batching::Together);
        }
        // The trial has built what is built when first needed.
        model.bytes = model.heap_bytes();
        model.check_size(native_bytes)?;
        Ok(model)
    }

    /// The model as one of several that a file holds.
    pub(crate) fn with_signatures(mut self, signature: String, signatures: Vec<Signature>) -> Self {
        self.signature = signature;
        self.signatures = signatures;
        self
    }

    /// Whether the model and what one task works in fit.
    fn check_size(&self, native_bytes: usize) -> Result<(), ModelError> {
        let space = match &self.way {
            Way::Single(plan) => plan.workspace_bytes(),
            Way::Double(plan) => plan.workspace_bytes(),
            Way::Nodes | Way::Tract(_) => 0,
        };
        let bytes = self.bytes.saturating_add(space);
        if bytes <= native_bytes {
            return Ok(());
        }
        Err(ModelError::too_large(format!(
            "the model takes {bytes} bytes of memory, {native_bytes} are allowed"
        )))
    }

    fn heap_bytes(&self) -> usize {
        let way = match &self.way {
            Way::Single(plan) => plan.heap_bytes(),
            Way::Double(plan) => plan.heap_bytes(),
            Way::Nodes => 0,
            Way::Tract(network) => network.heap_bytes(),
        };
        self.graph.heap_bytes() + way
    }

    fn is_compiled(&self) -> bool {
        matches!(self.way, Way::Single(_) | Way::Double(_))
    }

    /// Evaluates all outputs; the budget is kept where the graph is evaluated node by node.
    ///
    /// # Errors
    /// What failed.
    pub(crate) fn evaluate(&self, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        match &self.way {
            Way::Single(plan) => call(plan, inputs),
            Way::Double(plan) => call(plan, inputs),
            Way::Nodes => run(&self.graph, inputs, budget),
            Way::Tract(network) => network.run(inputs),
        }
    }

    /// How many of the rows that are left are evaluated in one call.
    pub(crate) fn rows_of(&self, left: usize) -> usize {
        let together = match (self.batching, &self.way) {
            (Batching::OneByOne, _) => 1,
            (Batching::Together, Way::Tract(network)) => network.rows_of(left),
            (Batching::Together, _) => left.min(MOST_TOGETHER),
        };
        together.max(1)
    }

    fn input_array(&self, index: usize, tensor: &Tensor) -> Result<Array, ModelError> {
        let input = &self.graph.inputs[index];
        let declared = input.shape.as_deref();
        // Nested lists can't tell the axes behind one of length 0: those are as declared.
        let mut filled = None;
        if let Some(hidden) = declared.and_then(|declared| declared.get(tensor.shape.len()..))
            && tensor.shape.last() == Some(&0)
            && !hidden.is_empty()
            && let Some(hidden) = hidden.iter().copied().collect::<Option<Vec<_>>>()
        {
            let shape = tensor.shape.iter().copied().chain(hidden).collect();
            let data = tensor.data.clone();
            filled = Some(Tensor { shape, data });
        }
        let tensor = filled.as_ref().unwrap_or(tensor);
        let whole = !matches!(
            tensor.data,
            serving_model::TensorData::List(_) | serving_model::TensorData::Map(_)
        );
        let fits = !whole
            || declared.is_none_or(|declared| {
                declared.len() == tensor.shape.len()
                    && declared
                        .iter()
                        .zip(&tensor.shape)
                        .all(|(want, have)| want.is_none_or(|want| want == *have))
            });
        if !fits {
            return Err(ModelError::new(
                ErrorCode::FieldInvalid,
                format!(
                    "input '{}': shape {:?} where the model takes {}",
                    input.name,
                    tensor.shape,
                    shape_text(declared)
                ),
            ));
        }
        to_array(input, tensor)
    }
}

/// For rows of maps with the same keys: these, and the type of the values.
pub(crate) fn keys(array: &Array) -> Option<(Vec<String>, DType)> {
    let mut known: Option<(Vec<String>, DType)> = None;
    for item in array.items().ok()? {
        let Data::Map(mapping) = &item.as_ref()?.data else {
            return None;
        };
        let keys = match &mapping.keys.data {
            Data::Text(keys) => keys.iter().map(ToString::to_string).collect(),
            Data::I64(keys) => keys.iter().map(ToString::to_string).collect(),
            _ => return None,
        };
        let found = (keys, mapping.values.dtype());
        if known.as_ref().is_some_and(|known| *known != found) {
            return None;
        }
        known = Some(found);
    }
    known
}

/// Shape of one row: without the first axis, which must be unknown or 1.
fn row_shape(shape: &[Option<usize>]) -> Option<Vec<u32>> {
    let ([None | Some(1)], row) = shape.split_at_checked(1)? else {
        return None;
    };
    known_shape(&row.iter().copied().collect::<Option<Vec<_>>>()?)
}

fn known_shape(shape: &[usize]) -> Option<Vec<u32>> {
    let shape: Vec<u32> = shape
        .iter()
        .map(|axis| u32::try_from(*axis).ok())
        .collect::<Option<_>>()?;
    let width = shape.iter().try_fold(1_u32, |width, axis| width.checked_mul(*axis))?;
    (width <= WIDEST_ROW).then_some(shape)
}

/// Shape of a batch of rows of a field.
pub(crate) fn batch_shape(field: &Field, rows: usize) -> Vec<usize> {
    let row = field.shape.iter().flatten().map(|axis| *axis as usize);
    std::iter::once(rows).chain(row).collect()
}

fn shape_text(shape: Option<&[Option<usize>]>) -> String {
    let Some(shape) = shape else {
        return "any shape".to_owned();
    };
    let axes = shape
        .iter()
        .map(|axis| axis.map_or_else(|| "?".to_owned(), |axis| axis.to_string()));
    format!("[{}]", axes.collect::<Vec<_>>().join(", "))
}

impl Model for GraphModel {
    fn model_type(&self) -> ModelType {
        self.model_type
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn native_bytes(&self) -> usize {
        self.bytes
    }

    fn summary(&self) -> String {
        let mut operators: BTreeMap<&str, usize> = BTreeMap::new();
        if let Way::Tract(network) = &self.way {
            operators.extend(network.operators.iter().map(|(name, count)| (name.as_str(), *count)));
        }
        let nodes = match &self.way {
            Way::Tract(_) => operators.values().sum(),
            _ => self.graph.nodes.len(),
        };
        let way = match &self.way {
            Way::Single(_) | Way::Double(_) => "compiled to kernels",
            Way::Nodes => "evaluated node by node",
            Way::Tract(_) => "evaluated by tract",
        };
        let rows = match self.batching {
            Batching::OneByOne => ", one row at a time",
            Batching::Together => "",
        };
        let mut text = format!("{nodes} nodes, {way}{rows}\n");
        for input in &self.graph.inputs {
            let dtype = input.dtype.map_or_else(String::new, |dtype| dtype.to_string());
            let _ = writeln!(
                text,
                "input {} {dtype} {}",
                input.name,
                shape_text(input.shape.as_deref())
            );
        }
        for node in self
            .graph
            .nodes
            .iter()
            .filter(|node| !matches!(node.op, Op::Constant(_) | Op::Input(_)))
        {
            *operators.entry(node.operator.as_str()).or_default() += 1;
        }
        let operators: Vec<String> = operators
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let _ = write!(text, "operators: {}", operators.join(", "));
        for Signature { name, description, .. } in &self.signatures {
            let used = if *name == self.signature { " (used)" } else { "" };
            let _ = write!(text, "\nsignature {name}{used}: {description}");
        }
        text
    }

    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        let fields = self.schema.inputs.iter().chain(&self.schema.outputs);
        let unknown: Vec<&str> = fields
            .filter(|field| field.width().is_none())
            .map(|field| field.name.as_str())
            .collect();
        if !unknown.is_empty() {
            return Err(ModelError::unsupported(format!(
                "the model can't be scored by rows: the shape of one row is not known for {}",
                unknown.join(", ")
            )));
        }
        Ok(match &self.way {
            Way::Single(plan) => {
                let space = plan.workspace();
                Box::new(PlanScorer::new(self, space))
            }
            Way::Double(plan) => {
                let space = plan.workspace();
                Box::new(PlanScorer::new(self, space))
            }
            Way::Nodes | Way::Tract(_) => Box::new(GraphScorer::new(self)),
        })
    }

    fn tensor_model(&self) -> Option<&dyn TensorModel> {
        Some(self)
    }
}

impl TensorModel for GraphModel {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn call(&self, inputs: &[(String, Tensor)]) -> Result<Vec<(String, Tensor)>, ModelError> {
        let mut arrays = Vec::with_capacity(self.graph.inputs.len());
        for (index, input) in self.graph.inputs.iter().enumerate() {
            let given = inputs.iter().find(|(name, _)| same_tensor_name(name, &input.name));
            arrays.push(match given {
                Some((_, tensor)) => self.input_array(index, tensor)?,
                None if input.optional => Array::nothing(),
                None => {
                    let message = format!("input '{}' is missing", input.name);
                    return Err(ModelError::new(ErrorCode::FieldMissing, message));
                }
            });
        }
        let outputs = self.evaluate(&arrays, &mut Budget::default());
        let outputs = outputs.map_err(Trouble::into_error)?;
        let names = self.graph.outputs.iter().map(|(name, _)| name.clone());
        Ok(names.zip(outputs.into_iter().map(to_tensor)).collect())
    }
}
