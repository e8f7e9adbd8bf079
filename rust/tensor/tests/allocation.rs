//! Compiled graphs are scored without allocation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serving_model::{Block, Model, Output};
use std::sync::Arc;

use support::{load, load_onnx, own, own_onnx, read};

/// Scores rows of small numbers and counts what is allocated meanwhile.
fn check(name: &str, model: &Arc<dyn Model>) {
    assert!(
        model.summary().contains("compiled to kernels"),
        "{name}: {}",
        model.summary()
    );
    let schema = model.schema().clone();
    let mut scorer = Arc::clone(model).scorer().unwrap();
    let width = schema.input_width().unwrap();
    for rows in [1, 3, 200] {
        let (mut block, mut output) = (Block::new(width), Output::new(schema.output_width().unwrap()));
        block.reset(rows);
        output.reset(rows);
        for row in 0..rows {
            (0..width).for_each(|slot| block.set_double(row, slot, (row + slot) as f64));
        }
        let counted = allocation_counter::measure(|| scorer.score(&block, &mut output));
        assert_eq!(counted.count_total, 0, "{name}, {rows} rows");
        assert_eq!(output.failed(), 0);
    }
}

#[test]
fn dense_graphs_allocate_nothing_per_record() {
    for name in ["iris-mlp", "tf1-iris-mlp-frozen"] {
        check(name, &load(&read(&own(name).join("model.pb"))).unwrap());
    }
}

#[test]
fn convolutions_allocate_nothing_per_record() {
    let name = "digits-cnn";
    check(name, &load(&read(&own(name).join("model.pb"))).unwrap());
}

/// Trees, linear models, networks with labels, scaling and projection; labels as numbers, texts and keys of maps.
#[test]
fn classical_models_allocate_nothing_per_record() {
    for name in [
        "sk-tree-clf-iris",
        "xgb-clf-cancer-nan",
        "sk-logreg-iris-str",
        "sk-logreg-iris-zipmap",
        "sk-mlp-clf-iris",
        "sk-pca-kbins-wine",
    ] {
        check(name, &load_onnx(&read(&own_onnx(name).join("model.onnx"))).unwrap());
    }
}
