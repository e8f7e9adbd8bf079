//! What a graph gets from outside.

use std::collections::HashMap;

use serving_model::ModelError;

use super::attributes::{dtype, shape};
use super::builder::Builder;
use super::examples::Examples;
use super::tables::Tables;
use super::{Feed, Port, Variables};
use crate::graph::{Input, Node, Op};
use crate::trouble::at_node;

/// What comes from outside the graph.
pub(super) struct Given<'a> {
    pub(super) feeds: &'a [Feed],
    /// Which feed a value is.
    pub(super) fed: HashMap<Port, usize>,
    pub(super) variables: &'a dyn Variables,
    pub(super) tables: Tables,
    /// What nodes parse that have features for inputs.
    pub(super) examples: Examples,
}

impl<'a> Given<'a> {
    /// Feeds, the value that each of the first ones is, variables, tables, and the features that the other feeds are.
    ///
    /// # Errors
    /// When two inputs are the same value.
    pub(super) fn new(
        feeds: &'a [Feed],
        ports: &[Port],
        variables: &'a dyn Variables,
        tables: Tables,
        examples: Examples,
    ) -> Result<Self, ModelError> {
        let mut fed = HashMap::new();
        for (index, (feed, port)) in feeds.iter().zip(ports).enumerate() {
            if let Some(other) = fed.insert(*port, index) {
                return Err(ModelError::invalid(format!(
                    "inputs '{}' and '{}' are both the tensor '{}'",
                    feeds[other].name, feed.name, feed.tensor
                )));
            }
        }
        Ok(Self {
            feeds,
            fed,
            variables,
            tables,
            examples,
        })
    }
}

impl Builder<'_> {
    /// The inputs of the signature. What it does not tell, the placeholder does.
    pub(super) fn feeds(&self) -> Result<Vec<Input>, ModelError> {
        let mut own = vec![None; self.outside.feeds.len()];
        for (port, index) in &self.outside.fed {
            own[*index] = self.program.definition(port.node).shape("shape").and_then(shape);
        }
        let mut inputs = Vec::with_capacity(own.len());
        for (feed, own) in self.outside.feeds.iter().zip(own) {
            let mut shape = feed.shape.as_ref().and_then(shape).or(own);
            // TensorFlow compares no shape with what it is fed; a batch of one is how some tools write any batch.
            if let Some([batch @ Some(1), ..]) = shape.as_deref_mut() {
                *batch = None;
            }
            inputs.push(Input {
                name: feed.name.clone(),
                dtype: Some(dtype(feed.dtype).map_err(|error| at_node(error, &feed.tensor))?),
                shape,
                ..Input::default()
            });
        }
        Ok(inputs)
    }

    /// The placeholders in the order of the file; numbers the input nodes accordingly.
    pub(super) fn placeholders(&self, nodes: &mut [Node]) -> Result<Vec<Input>, ModelError> {
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
            let definition = self.program.definition(source);
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
