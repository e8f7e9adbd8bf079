//! Models that are folders on the command line: SavedModels with signatures, ONNX with external data.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/saved-model-data/graph-variables")
}

fn run(arguments: &[&str]) -> Output {
    support::run(&case(), arguments)
}

fn printed(arguments: &[&str]) -> String {
    support::printed(&case(), arguments)
}

#[test]
fn a_folder_is_scored_by_the_signature_that_is_named() {
    let expected: Value = serde_json::from_slice(&std::fs::read(case().join("expected.json")).unwrap()).unwrap();
    for model in ["saved_model", "saved_model/saved_model.pb"] {
        let lines = printed(&[
            "score",
            "--model",
            model,
            "--signature",
            "classify",
            "--input",
            "input.json",
        ]);
        let got: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let best = |answers: &[Value]| answers.iter().map(|answer| answer["best"].clone()).collect::<Vec<_>>();
        assert_eq!(best(&got), best(expected.as_array().unwrap()));
    }
}

#[test]
fn inspect_lists_the_signatures_and_every_command_takes_one() {
    let text = printed(&["inspect", "saved_model", "--signature", "find"]);
    for part in [
        "signature classify: features float[?, 4] -> best int64[?], scores float[?, 5]",
        "signature find (used): row int32[?] -> found float[?, 3]",
    ] {
        assert!(text.contains(part), "'{part}' in:\n{text}");
    }
    assert!(printed(&["validate", "saved_model", "--signature", "find"]).starts_with("valid"));
    let text = printed(&["bench", "saved_model", "--signature", "classify", "--seconds", "0.05"]);
    assert!(text.contains("0 failed"), "{text}");
}

#[test]
fn without_a_name_the_signatures_are_listed() {
    let output = run(&["validate", "saved_model"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("MODEL_INVALID: saved_model: ") && errors.contains("there are: classify, find"),
        "{errors}"
    );
}

#[test]
fn other_models_have_no_signatures() {
    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/data/iris-mlp/model.pb");
    let output = run(&["inspect", graph.to_str().unwrap(), "--signature", "x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_onnx_folder_has_its_external_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/external-data");
    let answers: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("answers.json")).unwrap()).unwrap();
    let records = tempfile::NamedTempFile::with_suffix(".jsonl").unwrap();
    let lines: String = answers.iter().map(|answer| answer.to_string() + "\n").collect();
    std::fs::write(records.path(), lines).unwrap();
    let digests = ["model", "model/model.onnx"].map(|name| {
        let model = folder.join(name);
        let model = model.to_str().unwrap();
        let lines = printed(&["score", "--model", model, "--input", records.path().to_str().unwrap()]);
        let got: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(got.len(), answers.len());
        for (got, answer) in got.iter().zip(&answers) {
            for at in 0..2 {
                let (got, want) = (got["y"][0][at].as_f64().unwrap(), answer["y"][at].as_f64().unwrap());
                assert!((got - want).abs() <= 1e-6 + 1e-5 * want.abs(), "{got} {want}");
            }
        }
        printed(&["inspect", model]).lines().nth(2).unwrap().to_owned()
    });
    assert_ne!(digests[0], digests[1], "that of a folder covers its weights");
}
