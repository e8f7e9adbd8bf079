//! Records of doubles for a model that is an equation, which go past the blocks: the same result, byte by byte, as through them.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{descriptor, framed, protobuf, wine};
use proptest::prelude::*;
use prost::Message;
use serving_engine::records::Framing;
use serving_engine::{Engine, RowScorer, Written};
use serving_model::wire::{OutputBinding, ScorerOptions, WineRecord};
use serving_model::{
    Block, DataType, Equation, ErrorCode, Field, Model, ModelError, ModelFactoriesResolver, ModelFactory, ModelSource,
    ModelType, Output, Schema, Scorer, Tag,
};

/// Adds up what it gets, each input times its place.
struct Weighted {
    schema: Schema,
    tells: bool,
    /// Rows that came in blocks.
    rows: Arc<AtomicUsize>,
}

struct WeightedScorer {
    equation: Equation,
    tells: bool,
    rows: Arc<AtomicUsize>,
}

impl Model for Weighted {
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
        Ok(Box::new(WeightedScorer {
            equation: Equation {
                weights: (1..).map(f64::from).take(self.schema.inputs.len()).collect(),
                intercept: INTERCEPT,
            },
            tells: self.tells,
            rows: Arc::clone(&self.rows),
        }))
    }
}

const INTERCEPT: f64 = 0.5;

impl Scorer for WeightedScorer {
    fn score(&mut self, input: &Block, output: &mut Output) {
        for row in 0..input.rows() {
            self.rows.fetch_add(1, Ordering::Relaxed);
            let doubles = input.tags(row).iter().all(|tag| *tag == Tag::Double as u8);
            let terms = input.values(row).iter().zip(&self.equation.weights);
            let sum = terms.fold(0.0, |sum, (bits, weight)| sum + f64::from_bits(*bits) * weight);
            if doubles && !sum.is_nan() {
                output.cells.set_double(row, 0, sum + self.equation.intercept);
            } else {
                output.fail(row, ErrorCode::ScoringFailed, format_args!("{:?}", input.tags(row)));
            }
        }
    }

    fn equation(&self) -> Option<&Equation> {
        self.tells.then_some(&self.equation)
    }
}

/// Content: names of the inputs.
struct Factory {
    tells: bool,
    rows: Arc<AtomicUsize>,
}

impl ModelFactory for Factory {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let names = std::str::from_utf8(source.content).unwrap().split(',');
        Ok(Arc::new(Weighted {
            schema: Schema {
                inputs: names.map(|name| Field::scalar(name, DataType::Double)).collect(),
                outputs: vec![Field::scalar("sum", DataType::Double)],
            },
            tells: self.tells,
            rows: Arc::clone(&self.rows),
        }))
    }
}

/// Two scorers of one model, which tells the first alone that it is an equation; and how many rows came to that in blocks.
struct Pair {
    scorers: [RowScorer; 2],
    rows: Arc<AtomicUsize>,
}

impl Pair {
    fn open(inputs: &[&str], change: impl Fn(&mut ScorerOptions)) -> Self {
        let mut options = protobuf(wine::set(), wine::MESSAGE, 2);
        change(&mut options);
        let open = |tells, rows: &Arc<AtomicUsize>| {
            let rows = Arc::clone(rows);
            let engine = Engine::new(ModelFactoriesResolver::default().with(Factory { tells, rows }));
            let loaded = engine.load(&descriptor(), inputs.join(",").as_bytes()).unwrap();
            RowScorer::open(&loaded, &options).unwrap()
        };
        let rows = Arc::default();
        let scorers = [open(true, &rows), open(false, &Arc::default())];
        // The engine tries a model.
        rows.store(0, Ordering::Relaxed);
        Self { scorers, rows }
    }

    fn all() -> Self {
        Self::open(&wine::FIELDS, |_| {})
    }

    /// The result, which is the same on both ways: first what fits into `room` bytes, then all.
    fn score(&mut self, input: &[u8], rows: usize, framing: Framing, room: usize) -> Vec<u8> {
        let [first, second] = &mut self.scorers;
        let result = result(first, input, rows, framing, room);
        assert_eq!(result, self::result(second, input, rows, framing, room));
        result
    }

    fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }
}

/// The bytes and how many rows failed.
fn result(scorer: &mut RowScorer, input: &[u8], rows: usize, framing: Framing, room: usize) -> Vec<u8> {
    let mut buffer = vec![0xaa; room];
    let mut written = scorer.score_framed(input, rows, framing, &mut buffer).unwrap();
    if let Written::TooSmall { needed } = written {
        assert!(needed > room, "{needed} of {room} bytes");
        buffer = vec![0xaa; needed];
        written = scorer.write(&mut buffer).unwrap();
    }
    let Written::Rows { failed } = written else {
        unreachable!("{written:?}");
    };
    buffer.push(u8::try_from(failed).unwrap());
    // What means nothing: the duration, which somebody else writes, the value of a missing cell, what fills up a row.
    buffer[..8].fill(0);
    for row in 0..rows {
        let (value, tag) = (16 + 32 * row + 16, 16 + 32 * row + 24);
        if buffer[tag] == Tag::Missing as u8 {
            buffer[value..tag].fill(0);
        }
        buffer[tag + 1..tag + 8].fill(0);
    }
    buffer
}

/// A third of the numbers 0, which messages leave out; few that are no numbers.
fn some_wine() -> impl Strategy<Value = WineRecord> {
    let number = prop_oneof![10 => Just(0.0), 20 => -1e2..1e3_f64, 1 => any::<f64>()];
    proptest::array::uniform11(number).prop_map(wine::record)
}

const ROOM: usize = 1000;

fn answer(sum: f64) -> [u8; 8] {
    (sum + INTERCEPT).to_le_bytes()
}

#[test]
fn a_record_of_doubles_goes_past_the_blocks_with_or_without_zeros() {
    let mut pair = Pair::all();
    for record in [wine::record([1.5; 11]), wine::record([0.0; 11]), WineRecord::default()] {
        let result = pair.score(&framed(&[&record.encode_to_vec()]), 1, Framing::Lengths, ROOM);
        assert_eq!(result[32..40], answer(66.0 * record.alcohol));
    }
    // So do several.
    let [one, zero] = [1.5, 0.0].map(|value| wine::record([value; 11]).encode_to_vec());
    let result = pair.score(&framed(&[&one, &zero]), 2, Framing::Lengths, ROOM);
    assert_eq!(
        (&result[32..40], &result[64..72]),
        (&answer(99.0)[..], &answer(0.0)[..])
    );
    // What the model does not take may come later.
    let mut first = Pair::open(&wine::FIELDS[..3], |_| {});
    let result = first.score(
        &framed(&[&wine::record([1.5; 11]).encode_to_vec()]),
        1,
        Framing::Lengths,
        ROOM,
    );
    assert_eq!(result[32..40], answer(9.0));
    assert_eq!((pair.rows(), first.rows()), (0, 0));
}

#[test]
fn what_is_not_one_record_of_doubles_for_one_number_goes_through_the_blocks() {
    let good = framed(&[&wine::record([1.5; 11]).encode_to_vec()]);
    let blocks = |mut pair: Pair, input: &[u8], rows: usize| {
        pair.score(input, rows, Framing::Lengths, ROOM);
        assert_eq!(pair.rows(), rows);
    };
    blocks(Pair::all(), &[&good[..], &framed(&[b"?"])].concat(), 2);
    // A text among the inputs, not the first fields or not in turn, an output that is bound.
    blocks(
        Pair::open(&[&wine::FIELDS[..], &["dataType"]].concat(), |_| {}),
        &good,
        1,
    );
    blocks(Pair::open(&wine::FIELDS[1..], |_| {}), &good, 1);
    blocks(Pair::open(&["volatile_acidity", "fixed_acidity"], |_| {}), &good, 1);
    let bound = |options: &mut ScorerOptions| {
        options.outputs = vec![OutputBinding {
            model_output: "sum".into(),
            ..OutputBinding::default()
        }];
    };
    blocks(Pair::open(&wine::FIELDS, bound), &good, 1);
    // NaN; a field that comes twice, of which the later counts.
    blocks(
        Pair::all(),
        &framed(&[&wine::record([f64::NAN; 11]).encode_to_vec()]),
        1,
    );
    let twice = [wine::record([1.5; 11]), wine::record([2.5; 11])]
        .map(|record| record.encode_to_vec())
        .concat();
    let mut pair = Pair::all();
    let result = pair.score(&framed(&[&twice]), 1, Framing::Lengths, ROOM);
    assert_eq!(result[32..40], answer(66.0 * 2.5));
    assert_eq!(pair.rows(), 1);
}

#[test]
fn the_answer_of_the_call_before_is_not_given_again() {
    let mut pair = Pair::all();
    let good = framed(&[&wine::record([1.5; 11]).encode_to_vec()]);
    pair.score(&good, 1, Framing::Lengths, ROOM);
    for scorer in &mut pair.scorers {
        assert!(
            scorer
                .score_framed(&good.repeat(3), 3, Framing::Lengths, &mut [])
                .is_err()
        );
    }
    pair.score(&good, 1, Framing::Lengths, ROOM);
    assert!(pair.scorers[0].write(&mut [0; ROOM]).is_err(), "it was delivered");
    pair.score(&good.repeat(2), 2, Framing::Lengths, ROOM);
    pair.score(&framed(&[b"?"]), 1, Framing::Lengths, ROOM);
    pair.score(&[], 0, Framing::Lengths, ROOM);
}

proptest! {
    #[test]
    fn both_ways_give_the_same_bytes(
        records in proptest::collection::vec((some_wine(), 1_usize..3, 0_usize..80), 1..5),
    ) {
        let mut pair = Pair::all();
        for (record, rows, room) in records {
            pair.score(&framed(&vec![record.encode_to_vec().as_slice(); rows]), rows, Framing::Lengths, room);
        }
    }

    #[test]
    fn both_ways_give_the_same_bytes_for_damaged_records(
        before in some_wine(), record in some_wine(), key in 0_usize..12, bytes in 0_usize..120, change in any::<u8>(), ends: bool,
    ) {
        let mut pair = Pair::all();
        pair.score(&framed(&[&before.encode_to_vec()]), 1, Framing::Lengths, ROOM);
        let mut damaged = record.encode_to_vec();
        if let Some(byte) = damaged.get_mut(9 * key) {
            *byte ^= change;
        }
        damaged.truncate(bytes);
        let (input, framing) = if ends {
            let length = u32::try_from(damaged.len()).unwrap();
            let whole = [&(length + 3).to_be_bytes(), &length.to_be_bytes(), &b"key"[..], &damaged].concat();
            (whole, Framing::Ends)
        } else {
            (framed(&[&damaged]), Framing::Lengths)
        };
        pair.score(&input, 1, framing, ROOM);
    }
}
