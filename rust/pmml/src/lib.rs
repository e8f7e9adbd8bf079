//! PMML 3.0 to 4.4, compiled.
//!
//! A document is read into one flat array of elements (`document`), checked and compiled (`compile`) to flat, immutable
//! data (`program`, `models`), and scored by a [`Scorer`](serving_model::Scorer) that owns all scratch space (`run`).
//! Fields are slots whose values are computed when they are first asked for; texts of a record become codes once; trees,
//! linear and dense parts are kernels. `docs/pmml.md` says what is supported.
#![forbid(unsafe_code)]

mod budget;
mod compile;
mod dates;
mod document;
mod expression;
mod format;
mod function;
mod heap;
mod mathematics;
mod matrix;
mod model;
mod models;
mod notes;
mod order;
mod pattern;
mod predicate;
mod program;
mod run;
mod scorer;
mod series;
mod steps;
mod straight;
mod strings;
mod text_index;
mod treatment;
mod value;
mod verification;

use std::sync::Arc;

use serving_model::{Model, ModelError, ModelFactory, ModelSource, ModelType};

/// Bytes of stack for loading; only what is used takes memory.
const LOADING_STACK: usize = 64 << 20;
/// How deep compiling may recurse on the stack of the calling thread: some 100 kB.
const SHALLOW: usize = 8;
/// Elements of a document that is tried so first: starting a thread would take longer than compiling it.
const FEW_ELEMENTS: usize = 4096;

/// Makes models from PMML documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct PmmlModelFactory;

impl ModelFactory for PmmlModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let document = document::Document::parse(source.content, source.limits)?;
        if document.len() <= FEW_ELEMENTS
            && let Some(model) = model::PmmlModel::create(&document, source.limits, SHALLOW)?
        {
            return Ok(model);
        }
        // Compiling recurses as deep as fields and functions refer to each other, which is bounded; the stack of the calling
        // thread need not be.
        let loading = std::thread::Builder::new()
            .name("load-pmml".into())
            .stack_size(LOADING_STACK);
        std::thread::scope(|scope| {
            let loading = loading
                .spawn_scoped(scope, move || {
                    model::PmmlModel::create(&document, source.limits, compile::DEEPEST)
                })
                .map_err(|error| ModelError::too_large(format!("no thread to load the model: {error}")))?;
            match loading.join() {
                Ok(model) => match model? {
                    Some(model) => Ok(model as Arc<dyn Model>),
                    None => Err(ModelError::too_large("the document is nested too deep")),
                },
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}
