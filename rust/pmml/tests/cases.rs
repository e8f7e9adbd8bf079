//! The shared cases: real models with the answers of the tools that made them.
//!
//! The folder lies beside the checkout, or where `FLINK_SERVING_SHARED` says. Cases in `holds.txt` must hold; the others
//! are run as well (they must not panic) but not judged. `FLINK_SERVING_CASES=all` prints what differs in all of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use serving_model::wire::ModelDescriptor;
use serving_model::{Block, Cell, ErrorCode, Limits, Model, ModelFactory, ModelSource, Output};
use serving_pmml::PmmlModelFactory;

const MISSING_IS_FINE: [&str; 4] = [
    "MissingArgumentException",
    "MissingFieldException",
    "UndefinedResultException",
    "EvaluationException",
];

fn shared() -> PathBuf {
    std::env::var_os("FLINK_SERVING_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

fn holds() -> BTreeSet<String> {
    include_str!("holds.txt")
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn load(path: &Path) -> Result<Arc<dyn Model>, String> {
    let content = fs::read(path).unwrap();
    PmmlModelFactory
        .create(&ModelSource {
            descriptor: &ModelDescriptor::default(),
            content: &content,
            directory: None,
            limits: Limits::default(),
        })
        .map_err(|error| error.to_string())
}

fn fill(block: &mut Block, model: &dyn Model, records: &[Value]) {
    block.reset(records.len());
    for (row, record) in records.iter().enumerate() {
        for (slot, field) in model.schema().inputs.iter().enumerate() {
            match &record[&field.name] {
                Value::Null => {}
                Value::Bool(truth) => block.set_boolean(row, slot, *truth),
                Value::Number(number) => match number.as_i64() {
                    Some(number) => block.set_long(row, slot, number),
                    None => block.set_double(row, slot, number.as_f64().unwrap()),
                },
                Value::String(text) => match special(text) {
                    Some(number) => block.set_double(row, slot, number),
                    None => block.set_text(row, slot, text),
                },
                other => block.set_text(row, slot, &other.to_string()),
            }
        }
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn answer(model: &dyn Model, output: &Output, row: usize) -> Map<String, Value> {
    let mut answer = Map::new();
    if output.status(row).code != ErrorCode::Ok {
        answer.insert("$error".into(), output.status(row).code.as_str_name().into());
        answer.insert("$message".into(), output.message(row).into());
        return answer;
    }
    for (slot, field) in model.schema().outputs.iter().enumerate() {
        let real = |number: f64| {
            serde_json::Number::from_f64(number).map_or_else(
                || {
                    Value::String(
                        if number.is_nan() {
                            "NaN"
                        } else if number > 0.0 {
                            "Infinity"
                        } else {
                            "-Infinity"
                        }
                        .into(),
                    )
                },
                Value::Number,
            )
        };
        let value = match output.cells.cell(row, slot) {
            Cell::Missing => Value::Null,
            Cell::Double(number) => real(number),
            Cell::Float(number) => real(f64::from(number)),
            Cell::Long(number) => number.into(),
            Cell::Boolean(truth) => truth.into(),
            Cell::String(text) => match text.starts_with('[').then(|| serde_json::from_str(text)) {
                Some(Ok(list)) => list,
                _ => text.into(),
            },
            Cell::Label(code) => field.labels[code as usize].as_str().into(),
        };
        answer.insert(field.name.clone(), value);
    }
    answer
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => special(text).or_else(|| text.trim().parse().ok()),
        _ => None,
    }
}

fn agree(want: &Value, got: &Value, (relative, absolute): (f64, f64)) -> bool {
    match (want, got) {
        (Value::Null, Value::Null) => return true,
        (Value::Null, _) | (_, Value::Null) => return false,
        (Value::Array(want), Value::Array(got)) => {
            return want.len() == got.len() && want.iter().zip(got).all(|(a, b)| agree(a, b, (relative, absolute)));
        }
        _ => {}
    }
    match (number(want), number(got)) {
        (Some(a), Some(b)) => (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= absolute + relative * a.abs(),
        _ => matches!((want, got), (Value::String(want), Value::String(got)) if want == got),
    }
}

fn difference(want: &Map<String, Value>, got: &Map<String, Value>, tolerance: (f64, f64)) -> Option<String> {
    if let Some(error) = want.get("$error") {
        let all_missing = got.values().all(Value::is_null);
        let fine = got.contains_key("$error") || (MISSING_IS_FINE.contains(&error.as_str().unwrap()) && all_missing);
        return (!fine).then(|| format!("wanted an error {want:?}, got {got:?}"));
    }
    if got.contains_key("$error") {
        return Some(format!("unexpected error {got:?}, wanted {want:?}"));
    }
    want.iter().find_map(|(name, value)| match got.get(name) {
        None if value.is_null() => None,
        None => Some(format!("no output '{name}'")),
        Some(found) if agree(value, found, tolerance) => None,
        Some(found) => Some(format!("'{name}': wanted {value}, got {found}")),
    })
}

fn run(folder: &Path) -> Result<(), String> {
    let case = read(&folder.join("case.json"));
    let tolerance = (
        case["tolerance"]["rel"].as_f64().unwrap_or(1e-6),
        case["tolerance"]["abs"].as_f64().unwrap_or(1e-8),
    );
    let model = load(&folder.join(case["model"].as_str().unwrap()))?;
    let mut scorer = Arc::clone(&model).scorer().map_err(|error| error.to_string())?;
    let mut block = Block::new(model.schema().input_width().unwrap());
    let mut output = Output::new(model.schema().output_width().unwrap());
    for set in case["sets"].as_array().unwrap() {
        let input = set["input"].as_str().unwrap();
        let records = read(&folder.join(input));
        let expected = read(&folder.join(set["expected"].as_str().unwrap()));
        let records = records.as_array().unwrap();
        fill(&mut block, &*model, records);
        output.reset(records.len());
        scorer.score(&block, &mut output);
        for (row, want) in expected.as_array().unwrap().iter().enumerate() {
            let got = answer(&*model, &output, row);
            if let Some(problem) = difference(want.as_object().unwrap(), &got, tolerance) {
                return Err(format!("{input} record {row} {}: {problem}", records[row]));
            }
        }
    }
    Ok(())
}

#[test]
fn the_cases_that_held_still_hold() {
    let folder = shared().join("cases/pmml");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: there is no {}", folder.display());
        return;
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = holds();
    let (mut held, mut broken) = (Vec::new(), Vec::new());
    for name in &names {
        match run(&folder.join(name)) {
            Ok(()) => held.push(name.clone()),
            Err(problem) => {
                if std::env::var("FLINK_SERVING_CASES").is_ok() {
                    eprintln!("FAIL {name}: {}", problem.chars().take(600).collect::<String>());
                }
                if expected.contains(name) {
                    broken.push(format!("{name}: {problem}"));
                }
            }
        }
    }
    eprintln!("{} of {} cases hold", held.len(), names.len());
    if let Ok(path) = std::env::var("FLINK_SERVING_HOLDS") {
        fs::write(path, held.join("\n") + "\n").unwrap();
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_models_of_the_benchmark_load_and_score() {
    let folder = shared().join("bench-models");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: there is no {}", folder.display());
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "pmml") {
            let model = load(&path).unwrap();
            let mut block = Block::new(model.schema().input_width().unwrap());
            block.reset(1);
            for slot in 0..block.stride() {
                block.set_double(0, slot, 1.0);
            }
            let mut output = Output::new(model.schema().output_width().unwrap());
            output.reset(1);
            Arc::clone(&model).scorer().unwrap().score(&block, &mut output);
            assert_eq!(output.failed(), 0, "{}: {}", path.display(), output.message(0));
            assert_ne!(output.cells.cell(0, 0), Cell::Missing, "{}", path.display());
        }
    }
}

/// Real documents with a few letters or attribute values changed: each is refused or scores, none panics.
#[test]
fn damaged_documents_are_refused_or_score() {
    let folder = shared().join("cases/pmml");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: there is no {}", folder.display());
        return;
    };
    let rounds = std::env::var("FLINK_SERVING_ROUNDS").map_or(4, |rounds| rounds.parse().unwrap());
    let mut seed = 7_u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let words = [
        "0",
        "-1",
        "1e308",
        "",
        "none",
        "x",
        "true",
        "integer",
        "string",
        "float",
        "categorical",
        "ordinal",
        "regression",
        "classification",
        "clustering",
        "softmax",
        "modelChain",
        "majorityVote",
        "isMissing",
        "median",
        "max",
    ];
    for path in entries.map(|entry| entry.unwrap().path().join("model.pmml")) {
        let Ok(whole) = fs::read_to_string(&path) else {
            continue;
        };
        let values: Vec<usize> = whole.match_indices("=\"").map(|(at, _)| at + 2).collect();
        for _ in 0..rounds {
            let mut content = whole.clone().into_bytes();
            let at = values[random(values.len())];
            let end = at + whole[at..].find('"').unwrap();
            if random(3) == 0 {
                let position = random(content.len());
                content[position] ^= 1 << random(8);
            } else {
                content.splice(at..end, words[random(words.len())].bytes());
            }
            let model = PmmlModelFactory.create(&ModelSource {
                descriptor: &ModelDescriptor::default(),
                content: &content,
                directory: None,
                limits: Limits::default(),
            });
            let Ok(model) = model else {
                continue;
            };
            let records = read(&path.with_file_name("input.json"));
            let records = &records.as_array().unwrap()[..5];
            let mut block = Block::new(model.schema().input_width().unwrap());
            fill(&mut block, &*model, records);
            let mut output = Output::new(model.schema().output_width().unwrap());
            output.reset(records.len());
            Arc::clone(&model).scorer().unwrap().score(&block, &mut output);
            for row in 0..records.len() {
                answer(&*model, &output, row);
            }
        }
    }
}
