//! Models and who makes them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::wire::model_descriptor::Engine;
use crate::wire::{ErrorCode, ModelDescriptor};
use crate::{Block, Digest, ModelError, ModelType, Output, Schema, TensorModel};

/// A compiled model: immutable, shared by all tasks of a process. Dropping it is its cleanup.
pub trait Model: Send + Sync {
    /// Type on the wire.
    fn model_type(&self) -> ModelType;

    /// Inputs and outputs.
    fn schema(&self) -> &Schema;

    /// Bytes of heap that the compiled model occupies, counted by the model itself.
    fn native_bytes(&self) -> usize;

    /// For people: elements, sizes, versions, in a few lines.
    fn summary(&self) -> String;

    /// The ways to call the file that the model was made from, when it has several; the model is one of them.
    fn signatures(&self) -> &[Signature] {
        &[]
    }

    /// Scratch space for one task. The scorer keeps the model alive.
    ///
    /// # Errors
    /// `MODEL_UNSUPPORTED` when the model can't be scored by rows.
    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError>;

    /// The model as one of tensors, when it is one.
    fn tensor_model(&self) -> Option<&dyn TensorModel> {
        None
    }
}

/// A way to call a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Inputs and outputs with types and shapes, in a line, for people.
    pub description: String,
}

/// Scores rows with one model, in one task at a time.
pub trait Scorer: Send {
    /// Scores every row of `input`. The cells of a row are the model's inputs in the order of the schema. A cell may hold
    /// another type than the schema says (what the record had): the model converts it, or fails the row.
    ///
    /// `output` has been reset to as many rows; its cells are the model's outputs in the order of the schema. A row that
    /// can't be scored is marked with [`Output::fail`]; the others are scored all the same.
    fn score(&mut self, input: &Block, output: &mut Output);

    /// The equation that is all there is to the model, if so. A row whose cells are all doubles has the [answer](Equation) of the equation,
    /// and whoever has such a row need not fill a block, which takes longer.
    fn equation(&self) -> Option<&Equation> {
        None
    }
}

/// A model whose only output is a double: the sum of all cells of a row, each times its weight, added up in their order, and then the
/// intercept. When the sum is NaN there is no such answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// As many as the schema has cells.
    pub weights: Box<[f64]>,
    /// What is added to the sum.
    pub intercept: f64,
}

impl Equation {
    /// The answer for the weighted sum of a row. A cell that is NaN, and so counts as missing, makes it NaN whatever its weight.
    #[inline]
    #[must_use]
    pub fn answer(&self, sum: f64) -> Option<f64> {
        (!sum.is_nan()).then_some(sum + self.intercept)
    }
}

/// Limits that keep a process alive while a model is loaded and while it scores.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of content.
    pub content_bytes: usize,
    /// Deepest nesting of elements, values or expressions.
    pub depth: usize,
    /// Most bytes of heap for the compiled model.
    pub native_bytes: usize,
    /// Most steps of one record, for models whose work depends on what the record has.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            content_bytes: 1 << 30,
            depth: 512,
            native_bytes: usize::MAX,
            steps: 1 << 26,
        }
    }
}

/// What a model is made from.
#[derive(Clone, Debug)]
pub struct ModelSource<'a> {
    /// The descriptor; its own content is not looked at.
    pub descriptor: &'a ModelDescriptor,
    /// The content: a document, or the archive of a directory.
    pub content: &'a [u8],
    /// The directory, for models that are one and were delivered by location.
    pub directory: Option<PathBuf>,
    /// Limits to keep.
    pub limits: Limits,
}

/// Makes models of one type.
pub trait ModelFactory: Send + Sync {
    /// The type.
    fn model_type(&self) -> ModelType;

    /// The engines that a descriptor may ask for.
    fn engines(&self) -> &'static [Engine] {
        &[Engine::Own]
    }

    /// Makes a model.
    ///
    /// # Errors
    /// A [`ModelError`] that says what is wrong and where.
    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError>;

    /// Makes a model from what a checkpoint holds, see [`stored`](crate::stored).
    ///
    /// # Errors
    /// As [`create`](Self::create), and when the bytes are damaged.
    fn restore(&self, bytes: &[u8], limits: Limits) -> Result<Arc<dyn Model>, ModelError> {
        let (descriptor, content, _) = crate::stored::unpack(bytes, limits)?;
        self.create(&ModelSource {
            descriptor: &descriptor,
            content: &content,
            directory: None,
            limits,
        })
    }
}

/// Knows the factories.
#[derive(Default)]
pub struct ModelFactoriesResolver {
    factories: Vec<Box<dyn ModelFactory>>,
}

impl ModelFactoriesResolver {
    /// The resolver with one factory more. A later factory of the same type takes the place of the earlier.
    #[must_use]
    pub fn with(mut self, factory: impl ModelFactory + 'static) -> Self {
        self.factories
            .retain(|known| known.model_type() != factory.model_type());
        self.factories.push(Box::new(factory));
        self
    }

    /// The factory for a descriptor's type, which has the engine that it asks for.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); `DESCRIPTOR_INVALID` for an engine that the protocol or the type doesn't have.
    pub fn resolve_for(&self, descriptor: &ModelDescriptor) -> Result<&dyn ModelFactory, ModelError> {
        let factory = self.resolve(descriptor.modeltype)?;
        let invalid = |message: String| ModelError::new(ErrorCode::DescriptorInvalid, message);
        let engine = Engine::try_from(descriptor.engine)
            .map_err(|_| invalid(format!("there is no engine {}", descriptor.engine)))?;
        if factory.engines().contains(&engine) {
            return Ok(factory);
        }
        Err(invalid(format!(
            "models of type {} do not run on the engine {}",
            factory.model_type().as_str_name(),
            engine.as_str_name()
        )))
    }

    /// The factory for a type's number on the wire.
    ///
    /// # Errors
    /// `MODEL_TYPE_UNKNOWN` for a number that the protocol doesn't have, `MODEL_TYPE_UNSUPPORTED` for a type without factory.
    pub fn resolve(&self, model_type: i32) -> Result<&dyn ModelFactory, ModelError> {
        let known = ModelType::try_from(model_type).map_err(|_| {
            ModelError::new(
                ErrorCode::ModelTypeUnknown,
                format!("there is no model type {model_type}"),
            )
        })?;
        self.factories
            .iter()
            .find(|factory| factory.model_type() == known)
            .map(AsRef::as_ref)
            .ok_or_else(|| {
                ModelError::new(
                    ErrorCode::ModelTypeUnsupported,
                    format!("models of type {} are not built yet", known.as_str_name()),
                )
            })
    }
}

/// Name and version of a model, and the digest of its content: for messages and logs.
#[must_use]
pub(crate) fn version_or_digest(descriptor: &ModelDescriptor, digest: &Digest) -> String {
    if descriptor.version.is_empty() {
        digest.to_string()[..12].to_owned()
    } else {
        descriptor.version.clone()
    }
}
