//! `--engine`: models on tract.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/tract-data")
}

fn run(arguments: &[&str]) -> Output {
    support::run(&cases(), arguments)
}

fn printed(arguments: &[&str]) -> String {
    support::printed(&cases(), arguments)
}

#[test]
fn every_command_takes_the_engine_and_inspect_says_which_it_is() {
    let model = "shape-of-rows/model.onnx";
    assert!(printed(&["inspect", model, "--engine", "own"]).contains("compiled to kernels"));
    assert!(printed(&["inspect", model, "--engine", "tract"]).contains("7 nodes, evaluated by tract"));
    assert!(printed(&["validate", model, "--engine", "tract"]).starts_with("valid"));
    let text = printed(&["bench", model, "--engine", "tract", "--seconds", "0.05"]);
    assert!(text.contains("0 failed"), "{text}");
    let expected: Value =
        serde_json::from_slice(&std::fs::read(cases().join("shape-of-rows/expected.json")).unwrap()).unwrap();
    let lines = printed(&[
        "score",
        "--model",
        model,
        "--engine",
        "tract",
        "--input",
        "shape-of-rows/input.json",
    ]);
    let got: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(got.len(), expected.as_array().unwrap().len());
    for (got, want) in got.iter().zip(expected.as_array().unwrap()) {
        let (got, want) = (got["y"][0][1].as_f64().unwrap(), want["y"][0][1].as_f64().unwrap());
        assert!((got - want).abs() <= 1e-6 + 1e-5 * want.abs(), "{got} {want}");
    }
}

#[test]
fn an_operator_that_only_tract_has_needs_no_option() {
    assert!(printed(&["inspect", "encoder/model.onnx"]).contains("evaluated by tract"));
}

#[test]
fn other_models_do_not_run_on_tract() {
    let pmml = tempfile::NamedTempFile::with_suffix(".pmml").unwrap();
    std::fs::write(pmml.path(), "<PMML/>").unwrap();
    let graph = cases().join("../data/iris-mlp/model.pb");
    for (model, kind) in [(pmml.path(), "PMML"), (&graph, "TENSORFLOW")] {
        let output = run(&["validate", model.to_str().unwrap(), "--engine", "tract"]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        let wanted = format!("models of type {kind} do not run on the engine TRACT");
        assert!(
            errors.contains("DESCRIPTOR_INVALID") && errors.contains(&wanted),
            "{errors}"
        );
    }
    assert_eq!(
        run(&["validate", "one-row/model.onnx", "--engine", "other"])
            .status
            .code(),
        Some(2)
    );
}
