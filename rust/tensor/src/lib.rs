//! Models of tensors: frozen TensorFlow graphs, SavedModels and ONNX.
//!
//! A file is read by a front end (`tensorflow`, `saved_model`, `onnx`) to a checked graph that knows no format (`graph`), made smaller (`rewrite`),
//! and, where every row is worked on for itself by dense layers and the like, compiled to kernels (`plan`). Other graphs
//! are evaluated node by node (`run`, `ops`); ONNX models with operators that we do not have are left to tract (`tract`). See `docs/tensor.md`.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serving_model::wire::model_descriptor::Engine;
use serving_model::{ErrorCode, Model, ModelError, ModelFactory, ModelSource, ModelType};

mod archive;
mod array;
mod cells;
mod graph;
mod maker;
mod model;
mod onnx;
mod ops;
mod parts;
mod plan;
mod rewrite;
mod run;
mod saved_model;
mod score;
mod tensorflow;
mod tract;
mod trouble;

/// Makes models from frozen TensorFlow graphs.
///
/// Inputs are the graph's placeholders, outputs the values that no other node consumes; both carry TensorFlow's tensor
/// names, `node:0`. In rows the first axis, the batch, is left out: an input `[None, 11]` is a field of shape `[11]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TensorFlowModelFactory;

impl ModelFactory for TensorFlowModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Tensorflow
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let graph = tensorflow::read_graph(source.content, &[], source.limits)?;
        let model = model::GraphModel::new(self.model_type(), graph, source.limits.native_bytes)?;
        Ok(Arc::new(model))
    }
}

/// Makes models from TensorFlow's SavedModels, which travel as a zip or tar of their folder.
///
/// Inputs and outputs are those of a signature, under its names: the one that the descriptor names, else `serving_default`, else the
/// only one. Variables are constants. In rows the first axis, the batch, is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct SavedModelFactory;

impl ModelFactory for SavedModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Tensorflowsaved
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let saved = saved_model::read_model(source.content, &source.descriptor.signature, source.limits)?;
        let model = model::GraphModel::new(self.model_type(), saved.graph, source.limits.native_bytes)?;
        Ok(Arc::new(model.with_signatures(saved.signature, saved.signatures)))
    }
}

/// Makes models from ONNX files.
///
/// Names of inputs and outputs are those of the file. In rows the first axis, the batch, is left out. External data is read
/// from the folder that the model was delivered in, which may be a zip or tar, and from nowhere else. A model with operators that
/// this library does not have, or whose descriptor says so, is evaluated by tract.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxModelFactory;

impl ModelFactory for OnnxModelFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Onnx
    }

    fn engines(&self) -> &'static [Engine] {
        &[Engine::Own, Engine::Tract]
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let (content, folder, limits) = (source.content, source.directory.as_deref(), source.limits);
        let asked = source.descriptor.engine == i32::from(Engine::Tract);
        let on_tract = || {
            let network = tract::read_network(content, folder, limits, asked)?;
            model::GraphModel::on_tract(self.model_type(), network, limits.native_bytes)
        };
        let own = onnx::read_model(content, folder, limits);
        let model = match own {
            Ok(graph) if !asked => model::GraphModel::new(self.model_type(), graph, limits.native_bytes)?,
            Ok(graph) => {
                drop(graph);
                on_tract()?
            }
            // Whatever else is wrong with a file is wrong for tract, too.
            Err(ours) if ours.code != ErrorCode::ModelUnsupported => return Err(ours),
            Err(_) if asked => on_tract()?,
            Err(ours) => on_tract().map_err(|theirs| also(ours, theirs))?,
        };
        Ok(Arc::new(model))
    }
}

/// Our error, and in a sentence why tract was of no help.
fn also(mut ours: ModelError, theirs: ModelError) -> ModelError {
    if theirs.message != ours.message {
        ours.others.push(theirs);
    }
    ours
}

/// Whether two names mean the same tensor: `x` and `x:0` do.
#[must_use]
pub fn same_tensor_name(a: &str, b: &str) -> bool {
    fn full(name: &str) -> &str {
        name.strip_suffix(":0").unwrap_or(name)
    }
    full(a) == full(b)
}

#[cfg(test)]
mod tests {
    use super::same_tensor_name;

    #[test]
    fn the_first_output_of_a_node_may_be_named_by_the_node() {
        assert!(same_tensor_name("scope/x", "scope/x:0"));
        assert!(same_tensor_name("x:0", "x:0"));
        assert!(!same_tensor_name("x:1", "x"));
        assert!(!same_tensor_name("x", "y:0"));
    }
}
