//! Loading: sharing by digest, the memory budget, what a checkpoint holds, packed rows.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc
)]

mod common;

use std::sync::{Arc, Barrier};

use common::{SumFactory, descriptor, engine, load, packed, score_raw};
use serving_engine::{Engine, RowScorer};
use serving_model::wire::FieldType;
use serving_model::{ErrorCode, Model, ModelError, ModelFactoriesResolver, ModelFactory, ModelSource, ModelType};

#[test]
fn the_same_content_is_one_model() {
    let engine = engine();
    let first = engine.load(&descriptor(), b"a").unwrap();
    let second = engine.load(&descriptor(), b"a").unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let other = engine.load(&descriptor(), b"b").unwrap();
    assert!(!Arc::ptr_eq(&first, &other));
}

#[test]
fn two_threads_that_want_the_same_model_get_one() {
    let engine = engine();
    let content = "a\n".repeat(1000);
    let loaded: Vec<_> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| engine.load(&descriptor(), content.as_bytes()).unwrap()))
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert!(loaded.iter().all(|model| Arc::ptr_eq(model, &loaded[0])));
    assert_eq!(engine.memory().used(), loaded[0].native_bytes());
}

#[test]
fn the_budget_refuses_with_the_name_of_the_setting_and_gets_its_bytes_back() {
    let engine = engine();
    engine.memory().set_limit(200);
    let error = engine.load(&descriptor(), "a\n".repeat(15).as_bytes()).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelTooLarge);
    assert!(error.message.contains("model-serving.native-memory"), "{error}");
    assert_eq!(engine.memory().used(), 0);
    let small = engine.load(&descriptor(), b"a").unwrap();
    assert_eq!(engine.memory().used(), small.native_bytes());
    drop(small);
    assert_eq!(engine.memory().used(), 0);
}

/// Two models that are loaded at the same time: each fits, both together do not.
#[test]
fn what_a_model_is_going_to_take_is_reserved_while_it_is_loaded() {
    let (begun, goes_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let engine = Engine::new(ModelFactoriesResolver::default().with(Waiting {
        begun: Arc::clone(&begun),
        goes_on: Arc::clone(&goes_on),
    }));
    engine.memory().set_limit(5000);
    let large = "wait\n".repeat(700);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| engine.load(&descriptor(), large.as_bytes()).map(|_| ()));
        begun.wait();
        assert_eq!(engine.memory().used(), large.len());
        let error = engine.load(&descriptor(), "a".repeat(1600).as_bytes()).err().unwrap();
        assert_eq!(error.code, ErrorCode::ModelTooLarge);
        assert!(error.message.contains("model-serving.native-memory"), "{error}");
        // What fits beside it is loaded.
        let small = engine.load(&descriptor(), b"a").unwrap();
        assert_eq!(engine.memory().used(), large.len() + small.native_bytes());
        goes_on.wait();
        // It takes ten times its content, which is more than there is.
        let error = first.join().unwrap().unwrap_err();
        assert!(error.message.contains("model-serving.native-memory"), "{error}");
        assert_eq!(engine.memory().used(), small.native_bytes());
    });
    assert_eq!(engine.memory().used(), 0);
}

/// Waits within the loading of a model that says so.
#[derive(Debug)]
struct Waiting {
    begun: Arc<Barrier>,
    goes_on: Arc<Barrier>,
}

impl ModelFactory for Waiting {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        if source.content.starts_with(b"wait") {
            self.begun.wait();
            self.goes_on.wait();
        }
        SumFactory.create(source)
    }
}

#[test]
fn a_checkpoint_brings_the_same_model_back() {
    let engine = engine();
    let model = engine.load(&descriptor(), b"a\nb").unwrap();
    let bytes = model.to_bytes().to_vec();
    let digest = *model.digest();
    drop(model);
    let restored = engine.restore(&bytes).unwrap();
    assert_eq!(*restored.digest(), digest);
    assert_eq!(restored.model().schema().inputs.len(), 2);
}

#[test]
fn types_and_digests_are_checked_before_anything_is_parsed() {
    let refused = |change: &dyn Fn(&mut serving_model::wire::ModelDescriptor)| {
        let mut descriptor = descriptor();
        change(&mut descriptor);
        engine().load(&descriptor, b"a").err().unwrap().code
    };
    assert_eq!(refused(&|d| d.modeltype = 99), ErrorCode::ModelTypeUnknown);
    assert_eq!(
        refused(&|d| d.modeltype = ModelType::Onnx.into()),
        ErrorCode::ModelTypeUnsupported
    );
    assert_eq!(refused(&|d| d.sha256 = vec![0; 32]), ErrorCode::DigestMismatch);
}

#[test]
fn packed_rows_are_read_at_the_documented_offsets() {
    let options = packed(
        &[
            ("number", FieldType::FieldDouble, 0),
            ("text", FieldType::FieldString, 0),
            ("pair", FieldType::FieldLong, 2),
        ],
        2,
    );
    let mut scorer = RowScorer::open(&load(&["pair*2", "number", "text"]), &options).unwrap();
    let words: Vec<u64> = vec![0b11, 1.5_f64.to_bits(), 2.5_f64.to_bits(), 0b01, 2, 0, 0b11, 1, 2, 3, 4];
    let mut input: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(scorer.info().packed_input as usize, input.len());
    input.extend(b"ab");
    let rows = score_raw(&mut scorer, &input, 2);
    assert_eq!(rows[0].sum, Some(4.5));
    assert_eq!(rows[0].text, "ab");
    assert_eq!(rows[0].inputs[..3], [Some(1.0), Some(2.0), Some(1.5)]);
    assert_eq!(rows[1].status, ErrorCode::FieldMissing as i32);
}

#[test]
fn packed_text_outside_the_buffer_fails_its_row() {
    let mut scorer = RowScorer::open(&load(&["text"]), &packed(&[("text", FieldType::FieldString, 0)], 1)).unwrap();
    let input: Vec<u8> = [1_u64, 5 << 32 | 9]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    assert_eq!(
        score_raw(&mut scorer, &input, 1)[0].status,
        ErrorCode::FieldInvalid as i32
    );
    assert_eq!(score_raw(&mut scorer, &[], 1)[0].status, ErrorCode::InvalidCall as i32);
}

#[test]
fn more_rows_than_agreed_are_an_error_of_the_caller() {
    let mut scorer = RowScorer::open(&load(&["a"]), &packed(&[("a", FieldType::FieldDouble, 0)], 1)).unwrap();
    let error = scorer.score(&[], 2, &mut [0; 64]).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCall);
}
