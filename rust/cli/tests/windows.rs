//! Models of windows on the command line, against TensorFlow's answers (`make_windows.py`).
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/window-data")
        .join(name)
}

fn answers(name: &str) -> Value {
    serde_json::from_slice(&fs::read(data(name)).unwrap()).unwrap()
}

fn run(command: &str, model: &Path, preprocessing: &Value, more: &[&str]) -> Output {
    let text = |name: &str| preprocessing[name].to_string();
    Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .args([command, "--type", "tf-frozen", "--model", model.to_str().unwrap()])
        .args([
            "--window",
            &text("width"),
            "--mean",
            &text("mean"),
            "--std",
            &text("std"),
        ])
        .args(["--window-input", preprocessing["input"].as_str().unwrap()])
        .args(more)
        .output()
        .unwrap()
}

fn printed(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Each value is a record. Those before the window is full say so, the others have TensorFlow's answers.
fn check(model: &Path, preprocessing: &Value, values: &Value, answers: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.csv");
    let lines = values.as_array().unwrap().iter().map(|value| format!("{value},cpu\n"));
    fs::write(
        &records,
        "utilization,dataType\n".to_owned() + &lines.collect::<String>(),
    )
    .unwrap();
    let text = printed(run(
        "score",
        model,
        preprocessing,
        &["--input", records.to_str().unwrap()],
    ));
    let results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let width = preprocessing["width"].as_u64().unwrap() as usize;
    assert!(width > 1 && results.len() == values.as_array().unwrap().len());
    for result in &results[..width - 1] {
        assert_eq!(result["$error"], "WINDOW_INCOMPLETE", "{result}");
    }
    let answers = answers.as_array().unwrap();
    assert_eq!(results.len() - (width - 1), answers.len());
    let output = format!("{}:0", preprocessing["output"].as_str().unwrap());
    for (row, (result, answer)) in results[width - 1..].iter().zip(answers).enumerate() {
        for class in 0..2 {
            let (got, want) = (
                result[&output][class].as_f64().unwrap(),
                answer[class].as_f64().unwrap(),
            );
            let close = (got - want).abs() <= 1e-6 + 1e-5 * want.abs();
            assert!(close, "{}, row {row}: {result}, TensorFlow: {answer}", model.display());
        }
    }
}

#[test]
fn a_series_has_the_answers_of_tensorflow() {
    let case = answers("answers.json");
    check(
        &data("model.pb"),
        &case["preprocessing"],
        &case["values"],
        &case["answers"],
    );
}

/// The models and preprocessing of the example that the older protocol comes from.
#[test]
fn the_cpu_anomaly_models_have_the_answers_of_tensorflow() {
    let shared = std::env::var_os("FLINK_SERVING_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let models = shared.join("data/cpu_anomaly");
    if !models.exists() {
        println!("SKIPPED: there is no {}; set FLINK_SERVING_SHARED", models.display());
        return;
    }
    let case = answers("cpu_anomaly.json");
    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("model.pb");
    let known = case["models"].as_object().unwrap();
    assert_eq!(known.len(), 3);
    for (name, known) in known {
        // A length, then two parts with their lengths before them: the preprocessing and the graph.
        let file = fs::read(models.join(name)).unwrap();
        let length = |at: usize| u64::from_be_bytes(file[at..at + 8].try_into().unwrap()) as usize;
        let at = 16 + length(8);
        fs::write(&graph, &file[at + 8..at + 8 + length(at)]).unwrap();
        check(&graph, &known["preprocessing"], &case["values"], &known["answers"]);
    }
}

#[test]
fn inspect_tells_what_records_bring_and_validate_accepts_it() {
    let preprocessing = answers("answers.json")["preprocessing"].clone();
    let text = printed(run("inspect", &data("model.pb"), &preprocessing, &[]));
    for part in ["  window:0  float[4]", "records bring (1)", "  window:0  double[1]"] {
        assert!(text.contains(part), "'{part}' in:\n{text}");
    }
    let shown: Value =
        serde_json::from_str(&printed(run("inspect", &data("model.pb"), &preprocessing, &["--json"]))).unwrap();
    assert_eq!(shown["records_bring"][0]["shape"], json!([1]));
    assert!(printed(run("validate", &data("model.pb"), &preprocessing, &[])).starts_with("valid"));
}

#[test]
fn preprocessing_that_does_not_fit_is_one_line() {
    let good = answers("answers.json")["preprocessing"].clone();
    for (name, value, code, reason) in [
        ("width", json!(3), "BINDING_FAILED", "takes 4"),
        ("width", json!(0), "DESCRIPTOR_INVALID", "not 0"),
        ("width", json!(-1), "DESCRIPTOR_INVALID", "not -1"),
        ("std", json!(0), "DESCRIPTOR_INVALID", "deviation is 0"),
        (
            "input",
            json!("cpu"),
            "BINDING_FAILED",
            "no input 'cpu', it has: window",
        ),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        for (command, more) in [("inspect", &[][..]), ("validate", &[]), ("score", &["--input", "-"])] {
            let output = run(command, &data("model.pb"), &bad, more);
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{errors}");
            assert_eq!(errors.lines().count(), 1, "{errors}");
            assert!(errors.contains(code) && errors.contains(reason), "{command}: {errors}");
        }
    }
}

#[test]
fn a_mean_without_a_window_is_a_wrong_argument() {
    let output = Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .args(["validate", data("model.pb").to_str().unwrap(), "--mean", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
