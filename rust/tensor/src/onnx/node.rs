//! A node of the file as the operators' translations see it, and what they make of it.

use serving_model::{ModelError, Place};

use super::proto::{AttributeProto, GraphProto, NodeProto};
use super::tensors::{self, External};
use crate::array::{Array, DType};
use crate::graph::Value;
pub(super) use crate::maker::Maker;

/// Most entries of a list that an attribute gives as sizes.
const MOST_ENTRIES: usize = 1 << 20;

/// A node, its inputs found.
pub(super) struct Source<'a> {
    pub(super) definition: &'a NodeProto,
    /// Version of the operator set.
    pub(super) version: i64,
    pub(super) inputs: Vec<Option<Value>>,
}

/// An error at a node.
pub(super) fn at_node(definition: &NodeProto, error: ModelError) -> ModelError {
    let name = if definition.name.is_empty() {
        definition.output.first().map_or("", String::as_str)
    } else {
        &definition.name
    };
    let path = format!("node '{name}' ({})", definition.op_type);
    error.at(Place { line: 0, path })
}

impl<'a> Source<'a> {
    pub(super) fn operator(&self) -> &'a str {
        &self.definition.op_type
    }

    pub(super) fn outputs(&self) -> usize {
        self.definition.output.len()
    }

    pub(super) fn invalid(&self, message: impl Into<String>) -> ModelError {
        at_node(self.definition, ModelError::invalid(message))
    }

    pub(super) fn unsupported(&self, message: impl Into<String>) -> ModelError {
        at_node(self.definition, ModelError::unsupported(message))
    }

    /// An input that must be there.
    pub(super) fn input(&self, index: usize) -> Result<Value, ModelError> {
        self.optional(index)
            .ok_or_else(|| self.invalid(format!("input {index} is missing")))
    }

    pub(super) fn optional(&self, index: usize) -> Option<Value> {
        self.inputs.get(index).copied().flatten()
    }

    /// All inputs, something that stands for nothing in place of those left out.
    pub(super) fn all(&self, maker: &mut Maker<'_>) -> Vec<Value> {
        self.inputs
            .iter()
            .map(|input| input.unwrap_or_else(|| maker.nothing()))
            .collect()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.definition
            .attribute
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.integer(name).unwrap_or(0) != 0
    }

    pub(super) fn float(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.f.map(f64::from)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name)?
            .s
            .as_deref()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn integers(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    pub(super) fn floats(&self, name: &str) -> &'a [f32] {
        self.attribute(name)
            .map_or(&[], |attribute| attribute.floats.as_slice())
    }

    /// A list of texts.
    ///
    /// # Errors
    /// For bytes that are no UTF-8.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a str>, ModelError> {
        let Some(attribute) = self.attribute(name) else {
            return Ok(Vec::new());
        };
        let texts = attribute.strings.iter().map(|bytes| std::str::from_utf8(bytes));
        texts
            .collect::<Result<_, _>>()
            .map_err(|error| self.invalid(format!("attribute '{name}': {error}")))
    }

    /// A list of counts.
    ///
    /// # Errors
    /// For negative ones, and more than make sense.
    pub(super) fn counts(&self, name: &str) -> Result<Vec<usize>, ModelError> {
        let entries = self.integers(name).unwrap_or_default();
        if entries.len() > MOST_ENTRIES {
            return Err(self.invalid(format!("attribute '{name}' has {} entries", entries.len())));
        }
        let counts = entries
            .iter()
            .map(|entry| usize::try_from(*entry).ok().filter(|count| *count <= 1 << 40));
        counts
            .collect::<Option<_>>()
            .ok_or_else(|| self.invalid(format!("attribute '{name}' has entries that are no counts")))
    }

    /// A count.
    ///
    /// # Errors
    /// For a negative or huge one.
    pub(super) fn count(&self, name: &str, otherwise: usize) -> Result<usize, ModelError> {
        let Some(count) = self.integer(name) else {
            return Ok(otherwise);
        };
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= 1 << 31)
            .ok_or_else(|| self.invalid(format!("attribute '{name}' is {count}")))
    }

    /// The element type that an attribute names.
    ///
    /// # Errors
    /// For a type that is not supported.
    pub(super) fn dtype(&self, name: &str) -> Result<Option<DType>, ModelError> {
        let Some(number) = self.integer(name) else {
            return Ok(None);
        };
        let number = i32::try_from(number).map_err(|_| self.invalid(format!("attribute '{name}' is {number}")))?;
        tensors::dtype(number)
            .map(Some)
            .map_err(|error| at_node(self.definition, error))
    }

    /// The tensor that an attribute holds.
    ///
    /// # Errors
    /// For one that can't be read.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Array>, ModelError> {
        let Some(tensor) = self.attribute(name).and_then(|attribute| attribute.t.as_ref()) else {
            return Ok(None);
        };
        tensors::tensor(tensor, &mut External::nowhere())
            .map(Some)
            .map_err(|error| at_node(self.definition, error))
    }

    pub(super) fn graph(&self, name: &str) -> Result<&'a GraphProto, ModelError> {
        self.attribute(name)
            .and_then(|attribute| attribute.g.as_ref())
            .ok_or_else(|| self.invalid(format!("attribute '{name}' is missing")))
    }
}
