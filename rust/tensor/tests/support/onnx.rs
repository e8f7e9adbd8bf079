//! Cases in ONNX, as a whole and by rows.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serving_model::{Block, Cell, ErrorCode, Field, Output, Tensor, TensorData};

use super::{Load, agree, json, number, read, tensors_of};

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
pub(crate) fn difference(load: Load, folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    let model = load(&read(&folder.join(case["model"].as_str().unwrap()))).map_err(|error| error.to_string())?;
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
pub(crate) fn row_difference(load: Load, folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    let model = load(&read(&folder.join(case["model"].as_str().unwrap()))).unwrap();
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
