//! The shared cases in ONNX: models of exporters with the answers of onnxruntime, and the ONNX project's tests of single
//! operators.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serving_model::{Block, Cell, ErrorCode, Field, Output, Tensor, TensorData};
use support::{agree, json, load_onnx, number, own_onnx, read, shared, tensors_of};

/// Operators that are open: images to be decoded, random numbers of numpy, half precision rounded otherwise within a node.
const OPEN_OPERATORS: [&str; 13] = [
    "test_attention_4d_causal_fp16_expanded",
    "test_bernoulli",
    "test_bernoulli_double_expanded",
    "test_bernoulli_seed",
    "test_bernoulli_seed_expanded",
    "test_dft_inverse_opset19",
    "test_image_decoder_decode_bmp_rgb",
    "test_image_decoder_decode_jpeg_bgr",
    "test_image_decoder_decode_jpeg_rgb",
    "test_image_decoder_decode_png_rgb",
    "test_image_decoder_decode_tiff_rgb",
    "test_training_dropout_default",
    "test_training_dropout_mask",
];

/// An answer as the cases write it: nested lists, maps in lists.
fn nested(tensor: &Tensor) -> Value {
    fn axes(shape: &[usize], next: &mut usize, data: &TensorData) -> Value {
        let Some((length, rest)) = shape.split_first() else {
            *next += 1;
            return element(data, *next - 1);
        };
        Value::Array((0..*length).map(|_| axes(rest, next, data)).collect())
    }
    axes(&tensor.shape, &mut 0, &tensor.data)
}

fn element(data: &TensorData, n: usize) -> Value {
    fn float(value: f64) -> Value {
        serde_json::Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
    }
    match data {
        TensorData::Double(values) => float(values[n]),
        TensorData::Float(values) => float(f64::from(values[n])),
        TensorData::Long(values) => values[n].into(),
        TensorData::Boolean(values) => values[n].into(),
        TensorData::String(values) => values[n].clone().into(),
        TensorData::List(items) => nested(&items[n]),
        TensorData::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), nested(value)))
                .collect(),
        ),
    }
}

fn same(want: &Value, got: &Value, rel: f64, tiny: f64) -> bool {
    match (want, got) {
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same(want, got, rel, tiny))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.len() == got.len()
                && want
                    .iter()
                    .all(|(key, want)| got.get(key).is_some_and(|got| same(want, got, rel, tiny)))
        }
        (Value::Null, Value::Null) => true,
        (Value::Array(_) | Value::Object(_) | Value::Null, _)
        | (_, Value::Array(_) | Value::Object(_) | Value::Null) => false,
        _ => {
            let is_text = |value: &Value| value.as_str().is_some_and(|text| text.parse::<f64>().is_err());
            if is_text(want) || is_text(got) {
                return want == got;
            }
            agree(number(want), number(got), rel, tiny)
        }
    }
}

/// Compares all sets of a case.
fn difference(folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    let model = load_onnx(&read(&folder.join(case["model"].as_str().unwrap()))).map_err(|error| error.to_string())?;
    for set in case["sets"].as_array().unwrap() {
        let inputs = json(&folder.join(set["input"].as_str().unwrap()));
        let expected = json(&folder.join(set["expected"].as_str().unwrap()));
        let pairs = inputs.as_array().unwrap().iter().zip(expected.as_array().unwrap());
        for (record, (input, want)) in pairs.enumerate() {
            let got = model
                .tensor_model()
                .unwrap()
                .call(&tensors_of(input))
                .map_err(|error| format!("record {record}: {error}"))?;
            for (name, want) in want.as_object().unwrap() {
                let (_, got) = got
                    .iter()
                    .find(|(output, _)| output == name)
                    .ok_or_else(|| format!("record {record}: no output '{name}'"))?;
                let got = nested(got);
                if !same(want, &got, rel, tiny) {
                    let texts = [want.to_string(), got.to_string()];
                    let texts = texts.map(|text| text.chars().take(120).collect::<String>());
                    return Err(format!(
                        "record {record}: '{name}': wanted {}, got {}",
                        texts[0], texts[1]
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Values of one row, in order.
fn leaves<'a>(value: &'a Value, to: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, to)),
        leaf => to.push(leaf),
    }
}

/// What a row of the case has for a field; a field of a map is named by output and key.
fn wanted<'a>(record: &'a Value, field: &Field, row: usize) -> Vec<&'a Value> {
    let mut all = Vec::new();
    if let Some(output) = record.get(&field.name) {
        leaves(&output[row], &mut all);
    } else {
        let (output, key) = field.name.trim_end_matches(')').rsplit_once('(').unwrap();
        all.push(&record[output][row][key]);
    }
    all
}

/// The same by rows, all records of a set in one block, where the model can be scored by rows.
fn row_difference(folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    let model = load_onnx(&read(&folder.join(case["model"].as_str().unwrap()))).unwrap();
    let schema = model.schema().clone();
    let Ok(mut scorer) = Arc::clone(&model).scorer() else {
        println!("{}: not by rows", folder.display());
        return Ok(());
    };
    println!("{}: {}", folder.display(), model.summary().lines().next().unwrap());
    for set in case["sets"].as_array().unwrap() {
        let inputs = json(&folder.join(set["input"].as_str().unwrap()));
        let expected = json(&folder.join(set["expected"].as_str().unwrap()));
        let (mut block, mut output) = (
            Block::new(schema.input_width().unwrap()),
            Output::new(schema.output_width().unwrap()),
        );
        for (record, want) in inputs.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
            let rows = record[&schema.inputs[0].name].as_array().unwrap().len();
            block.reset(rows);
            output.reset(rows);
            for row in 0..rows {
                let mut cells = Vec::new();
                schema
                    .inputs
                    .iter()
                    .for_each(|field| leaves(&record[&field.name][row], &mut cells));
                for (slot, cell) in cells.into_iter().enumerate() {
                    match cell {
                        Value::String(text) if text.parse::<f64>().is_err() => block.set_text(row, slot, text),
                        cell => block.set_double(row, slot, number(cell)),
                    }
                }
            }
            scorer.score(&block, &mut output);
            for row in 0..rows {
                if output.status(row).code != ErrorCode::Ok {
                    return Err(format!("row {row}: {}", output.message(row)));
                }
                let mut slot = 0;
                for field in &schema.outputs {
                    for want in wanted(want, field, row) {
                        let got = match output.cells.cell(row, slot) {
                            Cell::Float(value) => element(&TensorData::Float(vec![value]), 0),
                            Cell::Double(value) => element(&TensorData::Double(vec![value]), 0),
                            Cell::Long(value) => value.into(),
                            Cell::Boolean(value) => value.into(),
                            Cell::String(text) => text.into(),
                            Cell::Label(code) => field.labels[code as usize].clone().into(),
                            Cell::Missing => Value::Null,
                        };
                        if !same(want, &got, rel, tiny) {
                            return Err(format!("row {row}, '{}': wanted {want}, got {got}", field.name));
                        }
                        slot += 1;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Runs a folder of cases; those that are open must fail, all others hold.
fn check(folder: &str, open: &[&str]) {
    let Some(folder) = shared(folder) else { return };
    let (mut wrong, mut held, mut total) = (Vec::new(), 0, 0);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let expected = !open.contains(&name.as_str());
        total += 1;
        match difference(&folder.join(&name)) {
            Ok(()) if expected => held += 1,
            Ok(()) => wrong.push(format!("{name} holds now: take it from the list")),
            Err(why) if expected => wrong.push(format!("{name}: {why}")),
            Err(why) => println!("open {name}: {why}"),
        }
    }
    println!("{held} of {total} cases hold");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_cases_of_this_crate_answer_as_onnxruntime_does() {
    for entry in std::fs::read_dir(own_onnx("")).unwrap() {
        let folder = entry.unwrap().path();
        for compare in [difference, row_difference] {
            compare(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        }
    }
}

#[test]
fn exported_models_answer_as_onnxruntime_does() {
    check("cases/onnx", &[]);
}

#[test]
fn exported_models_answer_by_rows_too() {
    let Some(folder) = shared("cases/onnx") else { return };
    let entries = std::fs::read_dir(&folder).unwrap();
    let folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let wrong: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            row_difference(folder)
                .err()
                .map(|why| format!("{}: {why}", folder.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn operators_answer_as_the_onnx_project_says() {
    check("cases/onnx-node", &OPEN_OPERATORS);
}
