//! What the library itself costs around a model: decoding a `WineRecord`, writing the result. The model here only adds up its inputs, as a
//! linear one does; it goes through the blocks, as most models do, and past them, when it tells that it is an equation.
//!
//! `cargo bench -p serving-engine` prints nanoseconds per record: median and range of several rounds, beside the same with prost's own decoder.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../tests/common/wine.rs"]
mod wine;

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

#[derive(Clone)]
struct Sum {
    schema: Schema,
    equation: Option<Equation>,
}

struct SumScorer(Arc<Sum>);

impl ModelFactory for Sum {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, _: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Model for Sum {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn native_bytes(&self) -> usize {
        0
    }

    fn summary(&self) -> String {
        String::new()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(SumScorer(self)))
    }
}

impl Scorer for SumScorer {
    fn equation(&self) -> Option<&Equation> {
        self.0.equation.as_ref()
    }

    fn score(&mut self, input: &Block, output: &mut Output) {
        for row in 0..input.rows() {
            let sum = input.values(row).iter().map(|bits| f64::from_bits(*bits)).sum();
            output.cells.set_double(row, 0, sum);
        }
    }
}

fn record() -> Vec<u8> {
    let numbers = [7.4, 0.7, 0.1, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4];
    let record = wine::record(numbers).encode_to_vec();
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
        "{what:<40} {:6.1} ns   ({:.1} .. {:.1})",
        nanos[nanos.len() / 2],
        nanos[0],
        nanos[nanos.len() - 1]
    );
}

/// A scorer of so many records a call.
fn open(equation: Option<Equation>, capacity: usize) -> RowScorer {
    let inputs = wine::FIELDS.map(|name| Field::scalar(name, DataType::Double));
    let schema = Schema {
        inputs: inputs.into(),
        outputs: vec![Field::scalar("sum", DataType::Double)],
    };
    let engine = Engine::new(ModelFactoriesResolver::default().with(Sum { schema, equation }));
    let descriptor = ModelDescriptor {
        modeltype: ModelType::Pmml.into(),
        ..ModelDescriptor::default()
    };
    let options = ScorerOptions {
        layout: Some(Layout::Protobuf(ProtobufLayout {
            file_descriptor_set: wine::set(),
            message: wine::MESSAGE.into(),
        })),
        capacity: capacity as u32,
        ..ScorerOptions::default()
    };
    RowScorer::open(&engine.load(&descriptor, b"sum").unwrap(), &options).unwrap()
}

fn main() {
    let sum = Equation {
        weights: [1.0; wine::FIELDS.len()].into(),
        intercept: 0.0,
    };
    let input = record();
    let batch = input.repeat(BATCH);
    let mut ways = [("through blocks", None), ("as an equation", Some(sum))].map(|(way, equation)| {
        let scorers = [open(equation.clone(), 1), open(equation, BATCH)];
        (way, scorers, Vec::new(), Vec::new())
    });
    let mut buffer = vec![0; ways[0].1[1].info().minimum_output as usize];
    let mut prost = Vec::new();
    for _ in 0..ROUNDS {
        for (_, [one, many], ones, batches) in &mut ways {
            ones.push(timed(|| {
                black_box(one.score(black_box(&input), 1, &mut buffer)).unwrap();
            }));
            batches.push(timed_batches(|| {
                black_box(many.score(black_box(&batch), BATCH, &mut buffer)).unwrap();
            }));
        }
        prost.push(timed(|| {
            black_box(WineRecord::decode(black_box(&input[4..]))).unwrap();
        }));
    }
    for (way, _, ones, batches) in ways {
        show(&format!("decode, score, write: {way}"), ones);
        show("    the same, 16 records a call", batches);
    }
    show("prost: decode alone", prost);
}
