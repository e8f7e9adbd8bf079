//! The program as its users run it, for everything that needs no model.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// One line on standard error that has all of `parts`, nothing on standard output, exit status 1.
fn assert_refused(output: &Output, parts: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("flink-serving: "), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "'{part}' in: {stderr}");
    }
}

#[test]
fn help_names_the_commands_and_types() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for command in ["inspect", "validate", "score", "bench"] {
        assert!(text(&help.stdout).contains(command));
        let help = run(&[command, "--help"]);
        assert!(help.status.success());
        for kind in [
            "pmml",
            "pfa",
            "onnx",
            "tf-frozen",
            "tf-savedmodel",
            "als",
            "svm-weights",
        ] {
            assert!(text(&help.stdout).contains(kind), "{command}: {kind}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = run(&["--version"]);
    assert_eq!(
        text(&version.stdout),
        format!("flink-serving {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_arguments_end_with_status_2() {
    for arguments in [
        &[][..],
        &["score"],
        &["fly"],
        &["score", "--type", "cobol", "--model", "m", "--input", "i"],
        &["bench", "--type", "pmml", "--model", "m", "--seconds", "NaN"],
        &["bench", "--type", "pmml", "--model", "m", "--batch", "0"],
        &["score", "--type", "pmml", "--model", "m", "--input", "i", "--bind", "x"],
        &["inspect"],
        &["inspect", "name-without-extension"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_type_that_is_not_built_says_so() {
    for kind in ["als", "svm-weights"] {
        for command in ["inspect", "validate", "bench"] {
            let output = run(&[command, "--type", kind, "--model", "a.csv", "--model", "b.csv"]);
            assert_refused(&output, &["MODEL_TYPE_UNSUPPORTED", kind, "not built yet"]);
        }
        let output = run(&["score", "--type", kind, "--model", "a.csv", "--input", "records.json"]);
        assert_refused(&output, &["MODEL_TYPE_UNSUPPORTED", kind, "not built yet"]);
    }
}

#[test]
fn a_model_that_is_not_there_or_is_a_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pmml");
    for path in [missing.as_path(), folder.path()] {
        let output = run(&["inspect", "--type", "pmml", "--model", path.to_str().unwrap()]);
        assert_refused(&output, &["LOCATION_REFUSED", path.to_str().unwrap()]);
    }
}

#[test]
fn a_model_that_is_garbage_is_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("garbage\nwith a line break");
    fs::write(&model, b"\x00garbage\xff\n\n<").unwrap();
    let model = model.to_str().unwrap();
    for kind in ["pmml", "tf-frozen"] {
        for command in [
            &["inspect"][..],
            &["validate"],
            &["bench"],
            &["score", "--input", "records.json"],
        ] {
            let arguments = [command, &["--type", kind, "--model", model]].concat();
            assert_refused(&run(&arguments), &["MODEL_", "garbage with a line break"]);
        }
    }
}

#[test]
fn validate_reports_a_bad_model_as_json_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.pmml");
    fs::write(&model, "garbage").unwrap();
    let output = run(&["validate", "--json", model.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["valid"], false);
    assert!(
        report["problems"][0]["code"].as_str().unwrap().starts_with("MODEL_"),
        "{report}"
    );
}

#[test]
fn a_reader_that_goes_away_is_not_an_error() {
    for arguments in [&["--help"][..], &["score", "--help"], &["--version"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flink-serving"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}
