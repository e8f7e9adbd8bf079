//! Classical machine learning: the operators of ONNX's domain `ai.onnx.ml`, with their parameters read.

pub(crate) mod encoders;
pub(crate) mod features;
pub(crate) mod linear;
pub(crate) mod maps;
pub(crate) mod scores;
pub(crate) mod support_vectors;
pub(crate) mod trees;

use std::sync::Arc;

use super::input;
use crate::array::{Array, Text};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name.
#[derive(Clone, Debug)]
pub(crate) enum Classical {
    Trees(Arc<trees::TreeModel>),
    Linear(Arc<linear::Linear>),
    SupportVectors(Arc<support_vectors::SupportVectors>),
    Features(features::Features),
    Encode(encoders::Encoder),
    Maps(maps::Maps),
}

/// What classes are called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    Integers(Vec<i64>),
    Texts(Vec<Text>),
}

impl Labels {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(labels) => labels.len(),
            Self::Texts(labels) => labels.len(),
        }
    }

    /// The labels of these classes.
    pub(crate) fn pick(&self, classes: &[usize]) -> Array {
        let shape = vec![classes.len()];
        match self {
            Self::Integers(labels) => {
                let label = |class: &usize| labels.get(*class).copied().unwrap_or_default();
                Array::new(shape, classes.iter().map(label).collect())
            }
            Self::Texts(labels) => {
                let label = |class: &usize| labels.get(*class).cloned().unwrap_or_default();
                Array::new(shape, classes.iter().map(label).collect())
            }
        }
    }

    pub(crate) fn to_array(&self) -> Array {
        self.pick(&(0..self.len()).collect::<Vec<_>>())
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Integers(labels) => labels.len() * 8,
            Self::Texts(labels) => labels.iter().map(|label| size_of::<Text>() + label.len()).sum(),
        }
    }
}

impl Classical {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Trees(model) if model.classes.is_some() => 2,
            Self::Linear(model) if model.classes.is_some() => 2,
            Self::SupportVectors(model) if model.classes.is_some() => 2,
            _ => 1,
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Trees(model) => model.heap_bytes(),
            Self::Linear(model) => model.heap_bytes(),
            Self::SupportVectors(model) => model.heap_bytes(),
            Self::Features(features) => features.heap_bytes(),
            Self::Encode(encoder) => encoder.heap_bytes(),
            Self::Maps(maps) => maps.heap_bytes(),
        }
    }
}

pub(super) fn evaluate(what: &Classical, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let one = match what {
        Classical::Trees(model) => return model.evaluate(input(inputs, 0)?, budget),
        Classical::Linear(model) => return model.evaluate(input(inputs, 0)?, budget),
        Classical::SupportVectors(model) => return model.evaluate(input(inputs, 0)?, budget),
        Classical::Features(features) => features::evaluate(features, inputs)?,
        Classical::Encode(encoder) => encoder.evaluate(input(inputs, 0)?)?,
        Classical::Maps(maps) => maps::evaluate(maps, inputs)?,
    };
    Ok(vec![one])
}

/// Rows and width of a table; a vector is one row.
pub(crate) fn table(array: &Array) -> Result<(usize, usize), Trouble> {
    match *array.shape {
        [width] => Ok((1, width)),
        [rows, width] => Ok((rows, width)),
        _ => Err(Trouble::failed(format!(
            "a table is needed, not a tensor of shape {:?}",
            array.shape
        ))),
    }
}
