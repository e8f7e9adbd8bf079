//! TensorFlow graphs.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serving_model::{Model, ModelError, ModelFactory, ModelSource, ModelType};

/// Makes models from frozen TensorFlow graphs.
#[derive(Clone, Copy, Debug, Default)]
pub struct TensorFlowModelFactory;

impl ModelFactory for TensorFlowModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Tensorflow
    }

    fn create(&self, _source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        Err(ModelError::unsupported("TensorFlow is not built yet"))
    }
}
