//! Models on tract: those that it alone can evaluate, and those that ask for it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serving_model::{Block, ErrorCode, Model, Output};
use support::onnx::{difference, row_difference};
use support::{Load, load_on_tract, load_onnx, own_onnx, own_tract, read, shared};

/// Exporters' models that tract makes something runnable of, from `tests/onnx-data`.
const OWN: [&str; 3] = ["sk-knn-clf-iris", "sk-mlp-clf-iris", "sk-tree-clf-iris"];
/// The same from the shared folder.
const EXPORTED: [&str; 21] = [
    "lgbm-clf-iris",
    "native-gru",
    "native-rnn",
    "net-cnn-digits",
    "net-lstm-digits",
    "net-mlp-digits",
    "net-transformer-digits",
    "sk-bagging-iris",
    "sk-bnb-digits",
    "sk-gnb-iris",
    "sk-kmeans-iris",
    "sk-knn-clf-iris",
    "sk-linreg-diabetes",
    "sk-mlp-clf-iris",
    "sk-rf-clf-digits",
    "sk-stacking-wine",
    "sk-tree-clf-iris",
    "sk-tree-mlopset1-iris",
    "tract-lgbm-classifier-tensor",
    "tract-linear-classifier",
    "tract-xgboost-classifier-tree",
];
/// Tests of single operators that hold on tract, a name each line.
const OPERATORS: &str = include_str!("tract-operators.txt");

fn model(name: &str, load: Load) -> Arc<dyn Model> {
    load(&read(&own_tract(name).join("model.onnx"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn first_line(model: &dyn Model) -> String {
    model.summary().lines().next().unwrap().to_owned()
}

/// Runs a folder of cases on tract; those that are listed must hold, all others fail.
fn check(folder: &Path, held: &BTreeSet<&str>, compare: fn(Load, &Path) -> Result<(), String>) {
    let names = std::fs::read_dir(folder).unwrap();
    let names: BTreeSet<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(
        held.iter()
            .filter(|name| !names.contains(**name))
            .map(|name| format!("there is no {name}")),
    );
    for name in &names {
        match (compare(load_on_tract, &folder.join(name)), held.contains(name.as_str())) {
            (Ok(()), true) => {}
            (Ok(()), false) => wrong.push(format!("{name} holds now: add it to the list")),
            (Err(why), true) => wrong.push(format!("{name}: {why}")),
            (Err(why), false) => println!("open {name}: {why}"),
        }
    }
    println!("{} of {} cases hold on tract", held.len(), names.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn cases_that_tract_can_run_answer_as_onnxruntime_does() {
    check(&own_onnx(""), &OWN.into(), difference);
    if let Some(folder) = shared("cases/onnx") {
        check(&folder, &EXPORTED.into(), difference);
        for name in EXPORTED {
            row_difference(load_on_tract, &folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}

#[test]
fn operators_that_tract_has_answer_as_the_onnx_project_says() {
    if let Some(folder) = shared("cases/onnx-node") {
        check(&folder, &OPERATORS.lines().collect(), difference);
    }
}

#[test]
fn operators_that_only_tract_has_run_there_unasked() {
    for (name, rows) in [
        ("encoder", ""),
        ("one-row", ", one row at a time"),
        ("branches", ", one row at a time"),
    ] {
        for load in [load_onnx as Load, load_on_tract] {
            let model = model(name, load);
            let wanted = format!("evaluated by tract{rows}");
            assert!(first_line(model.as_ref()).ends_with(&wanted), "{}", model.summary());
            assert!(model.native_bytes() > 1000);
            for compare in [difference, row_difference] {
                compare(load, &own_tract(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
            }
        }
    }
}

#[test]
fn what_the_kernels_have_stays_there_unless_tract_is_asked_for() {
    let path = own_tract("shape-of-rows");
    for (load, wanted) in [
        (load_onnx as Load, "compiled to kernels"),
        (load_on_tract, "evaluated by tract"),
    ] {
        let model = model("shape-of-rows", load);
        assert!(first_line(model.as_ref()).ends_with(wanted), "{}", model.summary());
        for compare in [difference, row_difference] {
            compare(load, &path).unwrap_or_else(|why| panic!("{why}"));
        }
    }
}

/// Scores rows of numbers that differ, so many in a block; a cell that is missing fails its row alone.
fn scored(model: &Arc<dyn Model>, rows: usize, per_block: usize, missing: Option<usize>) -> Vec<Option<Vec<u64>>> {
    let schema = model.schema().clone();
    let (inputs, outputs) = (schema.input_width().unwrap(), schema.output_width().unwrap());
    let mut scorer = Arc::clone(model).scorer().unwrap();
    let mut answers = Vec::new();
    for first in (0..rows).step_by(per_block) {
        let count = per_block.min(rows - first);
        let (mut block, mut output) = (Block::new(inputs), Output::new(outputs));
        block.reset(count);
        output.reset(count);
        for row in 0..count {
            for slot in (0..inputs).filter(|slot| *slot > 0 || missing != Some(first + row)) {
                let value = ((first + row) * 31 + slot * 7) % 113;
                block.set_double(row, slot, value as f64 / 50.0 - 1.0);
            }
        }
        scorer.score(&block, &mut output);
        for row in 0..count {
            let good = output.status(row).code == ErrorCode::Ok;
            answers.push(good.then(|| output.cells.values(row).to_vec()));
        }
    }
    answers
}

#[test]
fn rows_have_the_same_answers_alone_and_together() {
    for name in ["encoder", "shape-of-rows", "one-row"] {
        let model = model(name, load_on_tract);
        let alone = scored(&model, 300, 1, Some(5));
        assert_eq!(alone.iter().filter(|answer| answer.is_none()).count(), 1, "{name}");
        let near = |a: &u64, b: &u64| {
            let (a, b) = (f32::from_bits(*a as u32), f32::from_bits(*b as u32));
            (a - b).abs() <= 1e-6 + 1e-5 * b.abs()
        };
        for together in [300, 17] {
            let answers = scored(&model, 300, together, Some(5));
            for (row, (got, want)) in answers.iter().zip(&alone).enumerate() {
                let same = match (got, want) {
                    (Some(got), Some(want)) => got.len() == want.len() && got.iter().zip(want).all(|(a, b)| near(a, b)),
                    (None, None) => true,
                    _ => false,
                };
                assert!(
                    same,
                    "{name}, row {row} of blocks of {together}: {got:?}, alone {want:?}"
                );
            }
        }
    }
}

#[test]
fn what_nobody_has_is_our_error_with_a_sentence_about_tract() {
    let file = read(&own_tract("../tract-refused/operators.onnx"));
    let error = load_onnx(&file).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert_eq!(
        error.to_string(),
        "operators that are not supported: com.example.Relu (version 1), com.microsoft.Attention (version 1); \
         tract does not have com.example.Relu, com.microsoft.Attention"
    );
    let error = load_on_tract(&file).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert_eq!(
        error.to_string(),
        "tract does not have com.example.Relu, com.microsoft.Attention"
    );
}

#[test]
fn what_tract_refuses_says_so() {
    // An operator that tract knows, with an input that it does not take.
    let error = load_onnx(&read(&own_tract("../tract-refused/bias.onnx")))
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    let text = error.to_string();
    assert!(
        text.starts_with("operators that are not supported: com.microsoft.MultiHeadAttention (version 1); tract: "),
        "{text}"
    );
    assert!(text.len() < 500 && !text.contains('\n'), "{text}");
}

#[test]
fn what_tract_may_get_wrong_stays_away_from_it_unless_it_is_asked_for() {
    let file = read(&own_tract("../tract-refused/doubtful.onnx"));
    let error = load_onnx(&file).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert_eq!(
        error.to_string(),
        "operators that are not supported: com.microsoft.SkipSimplifiedLayerNormalization (version 1); \
         tract may answer Celu in another way and is used only when the descriptor asks for it"
    );
    assert!(first_line(load_on_tract(&file).unwrap().as_ref()).contains("evaluated by tract"));
}
