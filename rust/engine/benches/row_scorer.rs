//! What the library itself costs around a model: decoding a `WineRecord`, writing the result. The model here only adds up its inputs, as a
//! linear one does.
//!
//! `cargo bench -p serving-engine` prints nanoseconds per record: median and range of several rounds, beside the same with prost's own decoder.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use serving_engine::{Engine, RowScorer};
use serving_model::wire::scorer_options::Layout;
use serving_model::wire::{ModelDescriptor, ProtobufLayout, ScorerOptions, WineRecord};
use serving_model::{
    Block, DataType, Equation, Field, Model, ModelError, ModelFactoriesResolver, ModelFactory, ModelSource, ModelType,
    Output, Schema, Scorer,
};

const CALLS: u32 = 2_000_000;
const ROUNDS: usize = 9;
const BATCH: usize = 16;

struct Sum(Schema);
struct SumScorer(Equation);

impl ModelFactory for Sum {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, _: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        Ok(Arc::new(Sum(self.0.clone())))
    }
}

impl Model for Sum {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    fn native_bytes(&self) -> usize {
        0
    }

    fn summary(&self) -> String {
        String::new()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(SumScorer(Equation {
            weights: vec![1.0; self.0.inputs.len()].into(),
            intercept: 0.0,
        })))
    }
}

impl Scorer for SumScorer {
    fn equation(&self) -> Option<&Equation> {
        Some(&self.0)
    }

    fn score(&mut self, input: &Block, output: &mut Output) {
        for row in 0..input.rows() {
            let sum = input.values(row).iter().map(|bits| f64::from_bits(*bits)).sum();
            output.cells.set_double(row, 0, sum);
        }
    }
}

const WINE: [&str; 11] = [
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
];

fn record() -> Vec<u8> {
    let record = WineRecord {
        fixed_acidity: 7.4,
        volatile_acidity: 0.7,
        citric_acid: 0.1,
        residual_sugar: 1.9,
        chlorides: 0.076,
        free_sulfur_dioxide: 11.0,
        total_sulfur_dioxide: 34.0,
        density: 0.9978,
        p_h: 3.51,
        sulphates: 0.56,
        alcohol: 9.4,
        data_type: "wine".into(),
    }
    .encode_to_vec();
    let mut framed = (record.len() as u32).to_le_bytes().to_vec();
    framed.extend(record);
    framed
}

fn timed(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    start.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

fn timed_batches(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS / BATCH as u32 {
        call();
    }
    start.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

fn show(what: &str, mut nanos: Vec<f64>) {
    nanos.sort_by(f64::total_cmp);
    println!(
        "{what:<32} {:6.1} ns   ({:.1} .. {:.1})",
        nanos[nanos.len() / 2],
        nanos[0],
        nanos[nanos.len() - 1]
    );
}

fn main() {
    let schema = Schema {
        inputs: WINE.iter().map(|name| Field::scalar(*name, DataType::Double)).collect(),
        outputs: vec![Field::scalar("sum", DataType::Double)],
    };
    let engine = Engine::new(ModelFactoriesResolver::default().with(Sum(schema)));
    let descriptor = ModelDescriptor {
        modeltype: ModelType::Pmml.into(),
        ..ModelDescriptor::default()
    };
    let loaded = engine.load(&descriptor, b"sum").unwrap();
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let set = protox::compile(["wine_record.proto"], [proto]).unwrap().encode_to_vec();
    let mut options = ScorerOptions {
        layout: Some(Layout::Protobuf(ProtobufLayout {
            file_descriptor_set: set,
            message: "flinkserving.WineRecord".into(),
        })),
        capacity: 1,
        ..ScorerOptions::default()
    };
    let mut scorer = RowScorer::open(&loaded, &options).unwrap();
    options.capacity = BATCH as u32;
    let mut batch_scorer = RowScorer::open(&loaded, &options).unwrap();
    let mut buffer = vec![0; batch_scorer.info().minimum_output as usize];
    let input = record();
    let batch = input.repeat(BATCH);
    let (mut ours, mut many, mut prost) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| {
            black_box(scorer.score(black_box(&input), 1, &mut buffer)).unwrap();
        }));
        many.push(timed_batches(|| {
            black_box(batch_scorer.score(black_box(&batch), BATCH, &mut buffer)).unwrap();
        }));
        prost.push(timed(|| {
            black_box(WineRecord::decode(black_box(&input[4..]))).unwrap();
        }));
    }
    show("decode, score, write the result", ours);
    show("the same, 16 records a call", many);
    show("prost: decode alone", prost);
}
