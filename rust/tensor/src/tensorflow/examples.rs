//! Serialised `tf.Example`s: a model that parses them takes their features instead.
//!
//! Records have fields, not serialised messages. Where the text that `ParseExample` takes is an input, the features that it gives are
//! inputs in its place.

use std::collections::HashMap;

use serving_model::ModelError;

use super::library::Program;
use super::proto::tensor_shape_proto::Dim;
use super::proto::{NodeDef, TensorShapeProto};
use super::tables::origin;
use super::{Feed, Port, invalid_at, tensor_name, unsupported_at};
use crate::array::{Array, DType, Text};
use crate::graph::{Compare, Op, Unary, Value};
use crate::maker::Maker;
use crate::ops::Move;

/// A feature, and which input it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature {
    feed: usize,
    dtype: DType,
    /// Whether there may be none: then an empty text, -1 or NaN says so.
    sparse: bool,
}

/// The features that nodes parse.
pub(super) type Examples = HashMap<usize, Vec<Feature>>;

/// Inputs with the features in place of the examples, the value that each of the first ones is, and what is parsed.
///
/// # Errors
/// For features that can't be inputs.
pub(super) fn features(
    program: &Program,
    feeds: Vec<Feed>,
    fed: Vec<Port>,
) -> Result<(Vec<Feed>, Vec<Port>, Examples), ModelError> {
    let parses = |node: &usize| {
        program.reached[*node] && matches!(program.definition(*node).op.as_str(), "ParseExample" | "ParseExampleV2")
    };
    let parsing: Vec<usize> = (0..program.nodes.len()).filter(parses).collect();
    let mut inputs: Vec<(Feed, Port)> = feeds.into_iter().zip(fed).collect();
    if parsing.is_empty() {
        let (feeds, fed) = inputs.into_iter().unzip();
        return Ok((feeds, fed, Examples::new()));
    }
    if inputs.is_empty() {
        inputs = placeholders(program)?;
    }
    let mut examples = Examples::new();
    let mut found: Vec<(Feed, DType)> = Vec::new();
    let mut serialised = Vec::new();
    for node in parsing {
        let Some(text) = program.nodes[node].inputs.first() else {
            continue;
        };
        let text = origin(program, *text);
        if !inputs.iter().any(|(_, port)| *port == text) {
            continue;
        }
        serialised.push(text);
        let mut own = Vec::new();
        for (feed, sparse) in parsed(program, node)? {
            let dtype = super::attributes::dtype(feed.dtype)?;
            let place = found.iter().position(|(known, _)| known.name == feed.name);
            if let Some(place) = place
                && found[place].1 != dtype
            {
                let message = format!("the feature '{}' is parsed as two types", feed.name);
                return Err(invalid_at(program.definition(node), message));
            }
            let place = place.unwrap_or_else(|| {
                found.push((feed, dtype));
                found.len() - 1
            });
            own.push(Feature {
                feed: place,
                dtype,
                sparse,
            });
        }
        examples.insert(node, own);
    }
    inputs.retain(|(_, port)| !serialised.contains(port));
    for feature in examples.values_mut().flatten() {
        feature.feed += inputs.len();
    }
    let (mut feeds, fed): (Vec<Feed>, Vec<Port>) = inputs.into_iter().unzip();
    feeds.extend(found.into_iter().map(|(feed, _)| feed));
    Ok((feeds, fed, examples))
}

/// The placeholders that are needed, as inputs under the names of their tensors.
fn placeholders(program: &Program) -> Result<Vec<(Feed, Port)>, ModelError> {
    let needed = (0..program.nodes.len()).filter(|node| {
        let raw = &program.nodes[*node];
        program.reached[*node]
            && raw.instance == 0
            && raw.definition.op.starts_with("Placeholder")
            && raw.inputs.is_empty()
    });
    let feed = |node: usize| {
        let (definition, port) = (program.definition(node), Port { node, port: 0 });
        let feed = Feed {
            name: tensor_name(program, port),
            tensor: tensor_name(program, port),
            dtype: definition.type_number("dtype")?,
            shape: definition.shape("shape").cloned(),
        };
        Ok((feed, port))
    };
    needed.map(feed).collect()
}

/// The features of a node as inputs: those that may be missing first.
fn parsed(program: &Program, node: usize) -> Result<Vec<(Feed, bool)>, ModelError> {
    let definition = program.definition(node);
    let types = |name: &str| {
        definition
            .list(name)
            .map(|list| list.r#type.clone())
            .unwrap_or_default()
    };
    let (sparse, dense) = (types("sparse_types"), types("Tdense"));
    if !types("ragged_value_types").is_empty() {
        return Err(unsupported_at(definition, "ragged features of examples"));
    }
    let inputs = &program.nodes[node].inputs;
    let keys: Vec<String> = if definition.op == "ParseExample" {
        let ports = inputs.get(2..2 + sparse.len() + dense.len());
        let ports = ports.ok_or_else(|| invalid_at(definition, "keys of features are missing"))?;
        let keys = ports.iter().map(|port| texts(program, *port));
        keys.collect::<Result<Vec<_>, _>>()?.concat()
    } else {
        let [_, _, sparse, dense, ..] = inputs.as_slice() else {
            return Err(invalid_at(definition, "keys of features are missing"));
        };
        [texts(program, *sparse)?, texts(program, *dense)?].concat()
    };
    if keys.len() != sparse.len() + dense.len() {
        return Err(invalid_at(definition, "keys and types of features differ in number"));
    }
    let shapes = definition
        .list("dense_shapes")
        .map(|list| list.shape.as_slice())
        .unwrap_or_default();
    let feed = |(n, (name, dtype)): (usize, (String, i32))| {
        let axes = match n.checked_sub(sparse.len()) {
            None => vec![Dim { size: 1 }],
            Some(n) => shapes.get(n).map(|shape| shape.dim.clone()).unwrap_or_default(),
        };
        let shape = TensorShapeProto {
            dim: std::iter::once(Dim { size: -1 }).chain(axes).collect(),
            unknown_rank: false,
        };
        let feed = Feed {
            tensor: name.clone(),
            name,
            dtype,
            shape: Some(shape),
        };
        (feed, n < sparse.len())
    };
    let types = sparse.iter().chain(&dense).copied();
    Ok(keys.into_iter().zip(types).enumerate().map(feed).collect())
}

/// The texts of a constant.
fn texts(program: &Program, port: Port) -> Result<Vec<String>, ModelError> {
    let definition: &NodeDef = program.definition(origin(program, port).node);
    let tensor = definition.tensor("value");
    let tensor = tensor.ok_or_else(|| unsupported_at(definition, "keys of features that are not constant"))?;
    let texts = super::attributes::texts(&tensor.string_val)?;
    Ok(texts.iter().map(ToString::to_string).collect())
}

/// The outputs of the node that parses: places, values and shapes of features that may be missing, then all others.
pub(super) fn outputs(features: &[Feature], maker: &mut Maker<'_>) -> Vec<Value> {
    let (mut places, mut values, mut shapes, mut dense) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for feature in features {
        let input = maker.one(Op::Input(feature.feed), &[]);
        if !feature.sparse {
            dense.push(input);
            continue;
        }
        let there = if feature.dtype.is_float() {
            let nan = maker.one(Op::IsNan, &[input]);
            maker.one(Op::Unary(Unary::Not), &[nan])
        } else {
            let filler = if feature.dtype == DType::Text {
                maker.constant(Array::scalar(Text::from("")))
            } else {
                let filler = maker.scalar(-1);
                maker.one(Op::Move(Move::CastLike), &[filler, input])
            };
            maker.one(Op::Compare(Compare::NotEqual), &[input, filler])
        };
        let found = maker.one(Op::Move(Move::NonZero), &[there]);
        let order = maker.integers(&[1, 0]);
        let found = maker.one(Op::Transpose, &[found, order]);
        places.push(found);
        values.push(maker.one(Op::Move(Move::GatherEntries { batch_axes: 0 }), &[input, found]));
        shapes.push(maker.one(Op::Shape { long: true }, &[input]));
    }
    [places, values, shapes, dense].concat()
}
