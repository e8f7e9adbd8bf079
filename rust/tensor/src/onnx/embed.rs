//! A model as one message that needs no file beside it, checked as far as another engine relies on it.

use std::collections::{BTreeMap, HashSet};

use prost::Message;
use serving_model::ModelError;

use super::importer::{self, MOST_NESTED, domain};
use super::node::at_node;
use super::proto::tensor_proto::DataLocation;
use super::proto::tensor_shape_proto::dimension::Value as DimensionValue;
use super::proto::type_proto::Value as TypeValue;
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::tensors::{self, External};
use crate::graph::Input;

/// Oldest version of `ai.onnx` in which shapes are matched as they are today.
const OLDEST: i64 = 7;
/// Most nodes: engines that look at pairs of them take the square of their number.
const MOST_NODES: usize = 1 << 14;

/// A model in one message.
pub(crate) struct Embedded {
    pub(crate) message: Vec<u8>,
    /// How often each operator occurs, by domain (empty for `ai.onnx`) and name.
    pub(crate) operators: BTreeMap<(String, String), usize>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<String>,
}

struct Walk<'a> {
    external: External<'a>,
    operators: BTreeMap<(String, String), usize>,
    /// Domain and name of the model's own functions.
    functions: HashSet<(String, String)>,
    nodes: usize,
}

/// Checks a model and takes its external data in.
///
/// # Errors
/// As [`read_model`](super::read_model) where constants, types or limits are concerned; `MODEL_UNSUPPORTED` also for what is only
/// built into our own graphs: calls of the model's functions, sparse constants, old ways of matching shapes.
pub(super) fn embed(mut model: ModelProto, external: External<'_>) -> Result<Embedded, ModelError> {
    let opsets = importer::opsets(&model.opset_import)?;
    if opsets.get("").is_some_and(|version| *version < OLDEST) {
        return Err(ModelError::unsupported(format!(
            "operators of versions before {OLDEST}, which match shapes in other ways"
        )));
    }
    let functions = std::mem::take(&mut model.functions).into_iter();
    let mut walk = Walk {
        external,
        operators: BTreeMap::new(),
        functions: functions
            .map(|function| (domain(&function.domain).to_owned(), function.name))
            .collect(),
        nodes: 0,
    };
    let graph = model
        .graph
        .as_mut()
        .ok_or_else(|| ModelError::unparsable("not an ONNX model: it has no graph"))?;
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph
        .input
        .iter()
        .filter(|info| !constants.contains(info.name.as_str()));
    let inputs = inputs.map(importer::input).collect::<Result<_, _>>()?;
    let outputs = graph.output.iter().map(|info| info.name.clone()).collect();
    walk.graph(graph, 0)?;
    let operators = walk.operators;
    let message = model.encode_to_vec();
    Ok(Embedded {
        message,
        operators,
        inputs,
        outputs,
    })
}

impl Walk<'_> {
    fn graph(&mut self, graph: &mut GraphProto, depth: usize) -> Result<(), ModelError> {
        if depth > MOST_NESTED {
            return Err(importer::nested_too_deep());
        }
        if let Some(sparse) = graph
            .sparse_initializer
            .first()
            .and_then(|sparse| sparse.values.as_ref())
        {
            let message = format!("the constant '{}' is sparse", sparse.name);
            return Err(ModelError::unsupported(message));
        }
        for tensor in &mut graph.initializer {
            self.tensor(tensor)?;
        }
        for info in &mut graph.input {
            forget_names_of_lengths(info);
        }
        // What a file claims of its outputs is found by running it.
        for info in &mut graph.output {
            info.r#type = None;
        }
        for node in &mut graph.node {
            self.node(node, depth)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &mut NodeProto, depth: usize) -> Result<(), ModelError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(ModelError::unsupported(format!("more than {MOST_NODES} nodes")));
        }
        let operator = (domain(&node.domain).to_owned(), node.op_type.clone());
        if self.functions.contains(&operator) {
            let error = ModelError::unsupported("it calls a function of the model");
            return Err(at_node(node, error));
        }
        *self.operators.entry(operator).or_default() += 1;
        let mut attributes = std::mem::take(&mut node.attribute);
        for attribute in &mut attributes {
            self.attribute(attribute, depth).map_err(|error| at_node(node, error))?;
        }
        node.attribute = attributes;
        Ok(())
    }

    fn attribute(&mut self, attribute: &mut AttributeProto, depth: usize) -> Result<(), ModelError> {
        if attribute.r#type == 0 {
            attribute.r#type = kind(attribute);
        }
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            self.tensor(tensor)?;
        }
        match &mut attribute.g {
            Some(graph) => self.graph(graph, depth + 1),
            None => Ok(()),
        }
    }

    /// Checks a constant; one in another file is taken in.
    fn tensor(&mut self, tensor: &mut TensorProto) -> Result<(), ModelError> {
        if tensor.data_location() == DataLocation::External {
            tensor.raw_data = self.external.read(tensor)?;
            tensor.external_data.clear();
            tensor.set_data_location(DataLocation::Default);
        }
        tensors::tensor(tensor, &mut External::nowhere()).map(drop)
    }
}

/// Names of lengths may be formulas of any size; a length without a name is as unknown.
fn forget_names_of_lengths(info: &mut ValueInfoProto) {
    let Some(TypeValue::TensorType(tensor)) = info.r#type.as_mut().and_then(|kind| kind.value.as_mut()) else {
        return;
    };
    for axis in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
        if let Some(DimensionValue::DimParam(_)) = axis.value {
            axis.value = None;
        }
    }
}

/// The number of what an attribute holds, for files that do not say it.
fn kind(attribute: &AttributeProto) -> i32 {
    let held = [
        (attribute.f.is_some(), 1),
        (attribute.i.is_some(), 2),
        (attribute.s.is_some(), 3),
        (attribute.t.is_some(), 4),
        (attribute.g.is_some(), 5),
        (!attribute.floats.is_empty(), 6),
        (!attribute.ints.is_empty(), 7),
        (!attribute.strings.is_empty(), 8),
        (!attribute.tensors.is_empty(), 9),
    ];
    held.iter().find(|(held, _)| *held).map_or(0, |(_, number)| *number)
}
