//! SavedModels on the command line: as a folder and as archives, with signatures.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/saved-model-data/graph-variables")
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .current_dir(case())
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
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
