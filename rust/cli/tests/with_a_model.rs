//! The program as its users run it, with the model and the records of `docs/cli.md`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const MODEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
  <Header/>
  <DataDictionary>
    <DataField name="alcohol" optype="continuous" dataType="double"/>
    <DataField name="color" optype="categorical" dataType="string">
      <Value value="red"/>
      <Value value="white"/>
    </DataField>
    <DataField name="quality" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="regression">
    <MiningSchema>
      <MiningField name="alcohol"/>
      <MiningField name="color"/>
      <MiningField name="quality" usageType="target"/>
    </MiningSchema>
    <RegressionTable intercept="1.5">
      <NumericPredictor name="alcohol" coefficient="0.5"/>
      <CategoricalPredictor name="color" value="white" coefficient="0.25"/>
    </RegressionTable>
  </RegressionModel>
</PMML>
"#;

/// A folder with `model.pmml` in which the program runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("model.pmml", MODEL);
        place
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flink-serving"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn score(&self, records: &str, content: &str) -> Vec<String> {
        self.write(records, content);
        let output = self.run(&["score", "--type", "pmml", "--model", "model.pmml", "--input", records]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const JSON: &str = r#"[
  {"alcohol": 9.0, "color": "red"},
  {"alcohol": 10, "color": "white", "unknown": [1, 2]},
  {"alcohol": "11", "color": "white"},
  {"alcohol": "strong", "color": "white"},
  {"color": "red"},
  {"alcohol": [9.0], "color": "red"}
]"#;

#[test]
fn every_format_of_records_gives_the_same_scores() {
    let place = Place::new();
    let records: Vec<Value> = serde_json::from_str(JSON).unwrap();
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let from_array = place.score("records.json", JSON);
    let from_lines = place.score("records.jsonl", &lines.join("\n"));
    let from_csv = place.score(
        "records.csv",
        "alcohol,color\n9.0,red\n10,white\n11,white\nstrong,white\n,red\n",
    );
    assert_eq!(from_array.len(), 6);
    assert_eq!(
        from_array[..3],
        [r#"{"quality": 6.0}"#, r#"{"quality": 6.75}"#, r#"{"quality": 7.25}"#]
    );
    assert!(
        from_array[3].contains("FIELD_INVALID") && from_array[3].contains("alcohol"),
        "{}",
        from_array[3]
    );
    assert_eq!(from_array[4], r#"{"quality": null}"#);
    assert!(
        from_array[5].contains("FIELD_INVALID") && from_array[5].contains("a list"),
        "{}",
        from_array[5]
    );
    assert_eq!(from_lines, from_array);
    assert_eq!(from_csv, from_array[..5]);
}

#[test]
fn special_numbers_are_strings_in_and_out() {
    let lines = Place::new().score(
        "records.jsonl",
        "{\"alcohol\": \"Infinity\", \"color\": \"red\"}\n{\"alcohol\": \"-Infinity\", \"color\": \"red\"}\n",
    );
    assert_eq!(lines, [r#"{"quality": "Infinity"}"#, r#"{"quality": "-Infinity"}"#]);
}

#[test]
fn records_come_from_standard_input_and_each_is_answered_at_once() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::new();
    let mut child = place
        .command(&["score", "--model", "model.pmml", "--input", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for (alcohol, answer) in [(9, r#"{"quality": 6.0}"#), (10, r#"{"quality": 6.5}"#)] {
        writeln!(input, "{{\"alcohol\": {alcohol}, \"color\": \"red\"}}").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), answer);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_in_the_middle_is_not_an_error() {
    let place = Place::new();
    let records: String = (0..100_000).map(|_| "{\"alcohol\": 9, \"color\": \"red\"}\n").collect();
    place.write("records.jsonl", records);
    let mut child = place
        .command(&["score", "--model", "model.pmml", "--input", "records.jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_input_that_can_not_be_read_is_one_line() {
    let place = Place::new();
    place.write("broken.json", "[\n  {\"alcohol\": 9.0},\n  {\"alcohol\": }\n]\n");
    place.write("twice.csv", "alcohol,alcohol\n1,2\n");
    for (input, reason) in [
        ("missing.json", "missing.json: "),
        ("broken.json", "broken.json: line 3, column 15: "),
        ("twice.csv", "'alcohol' twice"),
        (".", ".: "),
    ] {
        let output = place.run(&["score", "--model", "model.pmml", "--input", input]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.starts_with("flink-serving: ") && stderr.contains(reason),
            "{stderr}"
        );
    }
}

#[test]
fn a_truncated_model_is_refused_with_its_line() {
    let place = Place::new();
    place.write("model.pmml", &MODEL[..MODEL.len() / 2]);
    let output = place.run(&["score", "--model", "model.pmml", "--input", "missing.json"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("flink-serving: MODEL_UNPARSABLE: model.pmml: line "),
        "{stderr}"
    );
}

#[test]
fn names_that_are_foreign_to_the_model_are_warned_of() {
    let place = Place::new();
    place.write("records.jsonl", "{\"proof\": 40}\n");
    let output = place.run(&["score", "--model", "model.pmml", "--input", "records.jsonl"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "{\"quality\": null}\n");
    assert!(text(&output.stderr).contains("warning") && text(&output.stderr).contains("alcohol, color"));
}

#[test]
fn inspect_shows_inputs_and_outputs() {
    let place = Place::new();
    let output = place.run(&["inspect", "model.pmml"]);
    let shown = text(&output.stdout);
    for part in [
        "pmml",
        "inputs (2)",
        "alcohol",
        "{red, white}",
        "outputs (1)",
        "quality",
        "sha256",
    ] {
        assert!(shown.contains(part), "'{part}' in:\n{shown}");
    }
    let output = place.run(&["inspect", "--json", "model.pmml"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["content_bytes"], MODEL.len());
    assert_eq!(report["inputs"][0]["name"], "alcohol");
    assert_eq!(report["inputs"][1]["labels"], serde_json::json!(["red", "white"]));
    assert_eq!(report["outputs"][0]["name"], "quality");
}

#[test]
fn validate_says_valid_or_why_not() {
    let place = Place::new();
    let output = place.run(&["validate", "model.pmml"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stdout).starts_with("valid: model.pmml: pmml, 2 inputs, 1 output\n"),
        "{}",
        text(&output.stdout)
    );
    place.write(
        "model.pmml",
        MODEL
            .replace("predictor", "x")
            .replace("name=\"color\" value", "name=\"hue\" value"),
    );
    let output = place.run(&["validate", "model.pmml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("hue"), "{}", text(&output.stderr));
}

#[test]
fn bench_measures_single_records_and_batches() {
    let place = Place::new();
    place.write("records.json", JSON);
    let base = ["bench", "--model", "model.pmml", "--seconds", "0.1", "--batch", "16"];
    let output = place.run(&[&base[..], &["--input", "records.json", "--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["records"], &report["failed"]), (&5.into(), &2.into()));
    let batches: Vec<&Value> = report["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["batch"])
        .collect();
    assert_eq!(batches, [1, 16]);
    assert!(report["measurements"][0]["median_ns"].as_f64().unwrap() > 0.0);
    let output = place.run(&base);
    assert!(text(&output.stdout).contains("ns/record"), "{}", text(&output.stdout));
}

#[test]
fn a_graph_answers_whole_tensors_by_name() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tensor/tests/data/iris-mlp");
    let output = Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .args(["score", "--type", "tf-frozen", "--model"])
        .arg(case.join("model.pb"))
        .arg("--input")
        .arg(case.join("input.json"))
        .output()
        .unwrap();
    let expected: Vec<Value> = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), expected.len(), "{}", text(&output.stderr));
    for (line, expected) in lines.iter().zip(&expected) {
        let (got, wanted) = (&line["Identity:0"], &expected["Identity:0"]);
        let (got, wanted) = (rows(got), rows(wanted));
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().flatten().zip(wanted.iter().flatten()) {
            assert!(
                (got - wanted).abs() <= 1e-6 + 1e-5 * wanted.abs(),
                "{got} is not {wanted}"
            );
        }
    }
}

fn rows(tensor: &Value) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    tensor.as_array().unwrap().iter().map(row).collect()
}

/// The files that the shared folder has beside the checkout.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("FLINK_SERVING_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    folder.join("cases").is_dir().then_some(folder)
}

#[test]
fn the_wine_cases_hold() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: there is no shared folder beside the checkout");
        return;
    };
    for (format, name) in [("pmml", "flinkml"), ("tf-frozen", "wine-lightbend")] {
        let output = Command::new(shared.join("cases/check"))
            .args(["--cli", env!("CARGO_BIN_EXE_flink-serving"), "--name", name])
            .arg(shared.join("cases").join(format))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}
