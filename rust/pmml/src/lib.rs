//! PMML.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serving_model::{Model, ModelError, ModelFactory, ModelSource, ModelType};

/// Makes models from PMML documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct PmmlModelFactory;

impl ModelFactory for PmmlModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, _source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        Err(ModelError::unsupported("PMML is not built yet"))
    }
}
