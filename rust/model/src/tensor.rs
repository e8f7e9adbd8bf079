//! Calling a tensor model as a whole, batch axis and all: for the command line and for models whose shapes are only known
//! at run time. Streams are scored by rows, see [`Scorer`](crate::Scorer).

use crate::{ModelError, Schema};

/// Elements of a tensor, in row-major order.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TensorData {
    Double(Vec<f64>),
    Float(Vec<f32>),
    Long(Vec<i64>),
    Boolean(Vec<bool>),
    String(Vec<String>),
    /// A sequence; the shape has its length alone.
    List(Vec<Tensor>),
    /// A map from texts, or from integers as their decimals; the shape is empty.
    Map(Vec<(String, Tensor)>),
}

impl TensorData {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Double(data) => data.len(),
            Self::Float(data) => data.len(),
            Self::Long(data) => data.len(),
            Self::Boolean(data) => data.len(),
            Self::String(data) => data.len(),
            Self::List(items) => items.len(),
            Self::Map(_) => 1,
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A tensor; `data.len()` is the product of `shape`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements. Narrower types of the model (int8, bfloat16 ...) travel in the next wider one here.
    pub data: TensorData,
}

/// A model of tensors.
pub trait TensorModel: Send + Sync {
    /// Inputs and outputs; shapes here are those of [`Schema`], without the batch axis.
    fn schema(&self) -> &Schema;

    /// Runs the model once. `inputs` are matched by name; each is converted to the type that the model declares, as far
    /// as that loses nothing but precision.
    ///
    /// # Errors
    /// `FIELD_MISSING`, `FIELD_INVALID` (type or shape) or `SCORING_FAILED`.
    fn call(&self, inputs: &[(String, Tensor)]) -> Result<Vec<(String, Tensor)>, ModelError>;
}
