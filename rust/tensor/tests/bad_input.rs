//! Damaged files: an error or a model, in bounded memory and time, never a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use serving_model::{Block, Output};
use support::{Load, load, load_on_tract, load_onnx, ones, own, own_onnx, own_tract, read};

/// More than any of the files needs, and far less than what a shape in them can claim.
const MOST_BYTES: u64 = 3 << 30;
const CORPUS: [&str; 6] = [
    "iris-mlp",
    "tf1-iris-mlp-frozen",
    "ids-embed",
    "digits-cnn",
    "digits-conv1d",
    "digits-lstm-while",
];

const ONNX_CORPUS: [&str; 10] = [
    "native-lstm",
    "sk-knn-clf-iris",
    "sk-logreg-iris-str",
    "sk-logreg-iris-zipmap",
    "sk-mixed-audit-logreg",
    "sk-mlp-clf-iris",
    "sk-pca-kbins-wine",
    "sk-text-count",
    "sk-tree-clf-iris",
    "xgb-clf-cancer-nan",
];

fn onnx_file(name: &str) -> Vec<u8> {
    read(&own_onnx(name).join("model.onnx"))
}

const TRACT_CORPUS: [&str; 4] = ["encoder", "shape-of-rows", "one-row", "branches"];

fn tract_file(name: &str) -> Vec<u8> {
    read(&own_tract(name).join("model.onnx"))
}

/// Loads and, where that works, uses a model.
fn exercise(content: &[u8]) {
    exercise_with(load, content);
}

fn exercise_with(load: Load, content: &[u8]) {
    let counted = allocation_counter::measure(|| {
        let Ok(model) = load(content) else { return };
        assert!(!model.summary().is_empty());
        let _ = model.tensor_model().unwrap().call(&ones(model.as_ref()));
        let schema = model.schema().clone();
        if let (Ok(mut scorer), Some(inputs), Some(outputs)) =
            (model.scorer(), schema.input_width(), schema.output_width())
        {
            let (mut block, mut output) = (Block::new(inputs), Output::new(outputs));
            block.reset(3);
            output.reset(3);
            (0..inputs).for_each(|slot| block.set_double(1, slot, 1.0));
            scorer.score(&block, &mut output);
        }
    });
    assert!(counted.bytes_max < MOST_BYTES, "{} bytes", counted.bytes_max);
}

#[test]
fn files_cut_off_anywhere_are_refused_or_harmless() {
    for name in ["iris-mlp", "tf1-iris-mlp-frozen"] {
        let whole = read(&own(name).join("model.pb"));
        (0..whole.len()).for_each(|length| exercise(&whole[..length]));
    }
}

#[test]
fn onnx_files_cut_off_anywhere_are_refused_or_harmless() {
    for name in ["sk-tree-clf-iris", "sk-logreg-iris-zipmap", "native-lstm"] {
        let whole = onnx_file(name);
        (0..whole.len()).for_each(|length| exercise_with(load_onnx, &whole[..length]));
    }
}

#[test]
fn files_for_tract_cut_off_anywhere_are_refused_or_harmless() {
    for name in TRACT_CORPUS {
        let whole = tract_file(name);
        (0..whole.len()).for_each(|length| exercise_with(load_on_tract, &whole[..length]));
    }
}

#[test]
fn what_is_no_onnx_model_is_refused() {
    let graph = read(&own("iris-mlp").join("model.pb"));
    for content in [
        &b""[..],
        b"PK\x03\x04",
        b"<?xml version='1.0'?><PMML/>",
        b"{}",
        &[0xff; 1000],
        &[0x0a; 1001],
        &graph,
    ] {
        assert!(load_onnx(content).is_err());
    }
}

#[test]
fn what_is_no_graph_is_refused() {
    for content in [
        &b""[..],
        b"PK\x03\x04",
        b"<?xml version='1.0'?><PMML/>",
        b"{}",
        &[0xff; 1000],
        &[0x0a; 1001],
    ] {
        assert!(load(content).is_err());
    }
}

fn change(content: &mut [u8], changes: Vec<(prop::sample::Index, u8)>) {
    for (place, byte) in changes {
        content[place.index(content.len())] = byte;
    }
}

proptest! {


    #[test]
    fn changed_bytes_are_refused_or_harmless(
        file in 0..CORPUS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = read(&own(CORPUS[file]).join("model.pb"));
        change(&mut content, changes);
        exercise(&content);
    }

    #[test]
    fn changed_bytes_of_onnx_files_are_refused_or_harmless(
        file in 0..ONNX_CORPUS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = onnx_file(ONNX_CORPUS[file]);
        change(&mut content, changes);
        exercise_with(load_onnx, &content);
    }

    #[test]
    fn changed_bytes_of_files_for_tract_are_refused_or_harmless(
        file in 0..TRACT_CORPUS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = tract_file(TRACT_CORPUS[file]);
        change(&mut content, changes);
        exercise_with(load_on_tract, &content);
    }

    #[test]
    fn noise_is_refused(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        exercise(&content);
        exercise_with(load_onnx, &content);
    }
}
