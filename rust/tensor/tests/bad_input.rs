//! Damaged files: an error or a model, in bounded memory and time, never a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use serving_model::{Block, Output, Tensor, TensorData};
use support::{load, own, read};

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

/// Loads and, where that works, uses a model.
fn exercise(content: &[u8]) {
    let counted = allocation_counter::measure(|| {
        let Ok(model) = load(content) else { return };
        assert!(!model.summary().is_empty());
        let tensors: Vec<(String, Tensor)> = model
            .schema()
            .inputs
            .iter()
            .filter_map(|field| {
                let mut shape = vec![1];
                shape.extend(field.shape.as_ref()?.iter().map(|axis| *axis as usize));
                let data = TensorData::Double(vec![1.0; shape.iter().product()]);
                Some((field.name.clone(), Tensor { shape, data }))
            })
            .collect();
        let _ = model.tensor_model().unwrap().call(&tensors);
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

proptest! {


    #[test]
    fn changed_bytes_are_refused_or_harmless(
        file in 0..CORPUS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = read(&own(CORPUS[file]).join("model.pb"));
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        exercise(&content);
    }

    #[test]
    fn noise_is_refused(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        exercise(&content);
    }
}
