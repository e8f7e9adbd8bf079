//! Two small models of no format, for tests of what surrounds a model.

use std::sync::Arc;
use std::time::Duration;

use serving_engine::Engine;
use serving_model::wire::ModelDescriptor;
use serving_model::{
    Block, Cell, DataType, ErrorCode, Field, Model, ModelError, ModelFactoriesResolver, ModelFactory, ModelSource,
    ModelType, Output, Schema, Scorer, Tensor, TensorData, TensorModel,
};

use crate::arguments::ModelKind;
use crate::model_files::OpenModel;

/// Loads a model as the command line would.
pub(crate) fn open(model: impl Example) -> OpenModel {
    let engine = Engine::new(ModelFactoriesResolver::default().with(Factory(model)));
    let descriptor = ModelDescriptor {
        modeltype: ModelType::Pfa.into(),
        ..ModelDescriptor::default()
    };
    OpenModel {
        kind: ModelKind::Pfa,
        file: "example".into(),
        content_bytes: 0,
        load_time: Duration::ZERO,
        loaded: engine.load(&descriptor, b"").unwrap(),
    }
}

pub(crate) trait Example: Clone + Send + Sync + 'static {
    fn compile(&self) -> Arc<dyn Model>;
}

struct Factory<E>(E);

impl<E: Example> ModelFactory for Factory<E> {
    fn model_type(&self) -> ModelType {
        ModelType::Pfa
    }

    fn create(&self, _: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        Ok(self.0.compile())
    }
}

/// A model of rows that answers what it was given. It fails for a negative `x` and crashes when `x` is 666.
#[derive(Clone, Copy)]
pub(crate) struct Echo;

struct EchoModel(Schema);

impl Example for Echo {
    fn compile(&self) -> Arc<dyn Model> {
        let inputs = vec![
            Field::scalar("x", DataType::Double),
            Field::scalar("s", DataType::String),
            Field::scalar("b", DataType::Boolean),
        ];
        let mut label = Field::scalar("label", DataType::String);
        label.labels = vec!["low".into(), "high".into()];
        let outputs = [
            inputs.clone(),
            vec![
                Field::scalar("x as float", DataType::Float),
                Field::tensor("pair", DataType::Double, Some(vec![2])),
                label,
            ],
        ]
        .concat();
        Arc::new(EchoModel(Schema { inputs, outputs }))
    }
}

impl Model for EchoModel {
    fn model_type(&self) -> ModelType {
        ModelType::Pfa
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    fn native_bytes(&self) -> usize {
        0
    }

    fn summary(&self) -> String {
        "echo".into()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(EchoScorer))
    }
}

struct EchoScorer;

impl Scorer for EchoScorer {
    fn score(&mut self, input: &Block, output: &mut Output) {
        for row in 0..input.rows() {
            for slot in 0..3 {
                output.cells.copy_cell((row, slot), input, (row, slot));
            }
            output.cells.copy_cell((row, 4), input, (row, 0));
            let x = match input.cell(row, 0) {
                Cell::Double(x) => Some(x),
                Cell::Long(x) => Some(x as f64),
                _ => None,
            };
            if let Some(x) = x {
                output.cells.set_float(row, 3, x as f32);
                assert!(x != 666.0, "the number of the beast");
                if x < 0.0 && x.is_finite() {
                    output.fail(row, ErrorCode::ScoringFailed, format_args!("x is negative"));
                }
            }
            let high = x.is_some_and(|x| x >= 5.0);
            output.cells.set_label(row, 6, high.into());
        }
    }
}

/// A model of tensors that doubles its input, one of pairs.
#[derive(Clone, Copy)]
pub(crate) struct Doubled;

struct DoubledModel(Schema);

impl Example for Doubled {
    fn compile(&self) -> Arc<dyn Model> {
        let shape = Some(vec![2]);
        Arc::new(DoubledModel(Schema {
            inputs: vec![Field::tensor("t:0", DataType::Float, shape.clone())],
            outputs: vec![Field::tensor("doubled:0", DataType::Float, shape)],
        }))
    }
}

impl Model for DoubledModel {
    fn model_type(&self) -> ModelType {
        ModelType::Pfa
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    fn native_bytes(&self) -> usize {
        0
    }

    fn summary(&self) -> String {
        "doubled".into()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(NoRows))
    }

    fn tensor_model(&self) -> Option<&dyn TensorModel> {
        Some(self)
    }
}

struct NoRows;

impl Scorer for NoRows {
    fn score(&mut self, _: &Block, _: &mut Output) {}
}

impl TensorModel for DoubledModel {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn call(&self, inputs: &[(String, Tensor)]) -> Result<Vec<(String, Tensor)>, ModelError> {
        let Some((_, tensor)) = inputs.iter().find(|(name, _)| name == "t:0") else {
            return Err(ModelError::new(ErrorCode::FieldMissing, "t:0 is missing"));
        };
        let data = match &tensor.data {
            TensorData::Double(data) => data.iter().map(|x| 2.0 * *x as f32).collect(),
            TensorData::Long(data) => data.iter().map(|x| 2.0 * *x as f32).collect(),
            _ => return Err(ModelError::new(ErrorCode::FieldInvalid, "t:0 takes numbers")),
        };
        let shape = tensor.shape.clone();
        Ok(vec![(
            "doubled:0".into(),
            Tensor {
                shape,
                data: TensorData::Float(data),
            },
        )])
    }
}
