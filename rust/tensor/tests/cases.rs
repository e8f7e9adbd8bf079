//! The shared cases: frozen graphs of other tools with the answers of TensorFlow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serving_model::{Block, Cell, ErrorCode, Field, Model, Output, Tensor};
use support::{agree, json, load, numbers, own, read, shared, tensor, tensors_differ};

/// Cases that hold, and must go on to.
const HOLD: [&str; 11] = [
    "digits-cnn",
    "digits-conv1d",
    "digits-gru-stack",
    "digits-lstm-unroll",
    "digits-lstm-while",
    "ids-embed",
    "iris-mlp",
    "tf1-iris-mlp-frozen",
    "tf1-wine-mlp-frozen",
    "wine-lightbend-a",
    "wine-mlp-reg",
];

/// Compares one set of a case, by tensors and, where the model can be scored by rows, by rows.
fn difference(folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    let model = load(&read(&folder.join(case["model"].as_str().unwrap()))).map_err(|error| error.to_string())?;
    tensors_differ(model.as_ref(), folder)?;
    for set in case["sets"].as_array().unwrap() {
        let inputs = json(&folder.join(set["input"].as_str().unwrap()));
        let expected = json(&folder.join(set["expected"].as_str().unwrap()));
        let (inputs, expected) = (inputs.as_array().unwrap(), expected.as_array().unwrap());
        rows(Arc::clone(&model), inputs, expected, rel, tiny)?;
    }
    Ok(())
}

/// Values of every row of a record, the fields one after the other.
fn rows_of(record: &Value, fields: &[Field]) -> Vec<Vec<f64>> {
    let tensors: Vec<Tensor> = fields.iter().map(|field| tensor(&record[&field.name])).collect();
    (0..tensors[0].shape[0])
        .map(|row| {
            let parts = tensors.iter().zip(fields).map(|(tensor, field)| {
                let width = field.width().unwrap() as usize;
                numbers(&tensor.data)[row * width..(row + 1) * width].to_vec()
            });
            parts.flatten().collect()
        })
        .collect()
}

/// All rows of all records of a set as one block.
fn rows(model: Arc<dyn Model>, inputs: &[Value], expected: &[Value], rel: f64, tiny: f64) -> Result<(), String> {
    let schema = model.schema().clone();
    let mut scorer = model.scorer().map_err(|error| error.to_string())?;
    let inputs: Vec<Vec<f64>> = inputs
        .iter()
        .flat_map(|record| rows_of(record, &schema.inputs))
        .collect();
    let expected: Vec<Vec<f64>> = expected
        .iter()
        .flat_map(|record| rows_of(record, &schema.outputs))
        .collect();
    let mut block = Block::new(schema.input_width().unwrap());
    let mut output = Output::new(schema.output_width().unwrap());
    block.reset(inputs.len());
    output.reset(inputs.len());
    for (row, values) in inputs.iter().enumerate() {
        values
            .iter()
            .enumerate()
            .for_each(|(slot, value)| block.set_double(row, slot, *value));
    }
    scorer.score(&block, &mut output);
    for (row, want) in expected.iter().enumerate() {
        if output.status(row).code != ErrorCode::Ok {
            return Err(format!("row {row}: {}", output.message(row)));
        }
        for (slot, want) in want.iter().enumerate() {
            let got = match output.cells.cell(row, slot) {
                Cell::Float(value) => f64::from(value),
                Cell::Double(value) => value,
                Cell::Long(value) => value as f64,
                other => return Err(format!("row {row}, cell {slot}: {other:?}")),
            };
            if !agree(*want, got, rel, tiny) {
                return Err(format!("row {row}, cell {slot}: wanted {want}, got {got}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_cases_of_this_crate_answer_as_tensorflow_does() {
    for entry in std::fs::read_dir(own("")).unwrap() {
        let folder = entry.unwrap().path();
        difference(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    }
}

#[test]
fn frozen_graphs_answer_as_tensorflow_does() {
    let Some(folder) = shared("cases/tf-frozen") else {
        return;
    };
    let mut failed = Vec::new();
    for name in HOLD {
        match difference(&folder.join(name)) {
            Ok(()) => println!("ok   {name}"),
            Err(why) => failed.push(format!("{name}: {why}")),
        }
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !HOLD.contains(&name.as_str()) {
            match difference(&folder.join(&name)) {
                Ok(()) => failed.push(format!("{name} holds now: add it to the list")),
                Err(why) => println!("open {name}: {why}"),
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn the_optimized_wine_graph_classifies_the_red_wines() {
    let Some(folder) = shared("data/wine") else { return };
    let model = load(&read(&folder.join("optimized_WineQuality.pb"))).unwrap();
    let schema = model.schema().clone();
    assert_eq!(schema.inputs[0].name, "dense_1_input:0");
    assert_eq!(schema.inputs[0].shape, Some(vec![11]));
    assert_eq!(schema.outputs[0].name, "dense_3/Sigmoid:0");
    assert_eq!(schema.outputs[0].shape, Some(vec![9]));
    let text = String::from_utf8(read(&folder.join("winequality_red.csv"))).unwrap();
    let records: Vec<Vec<f64>> = text
        .lines()
        .map(|line| line.split(';').map(|cell| cell.parse().unwrap()).collect())
        .collect();

    let mut scorer = model.scorer().unwrap();
    let (mut block, mut output) = (Block::new(11), Output::new(9));
    block.reset(records.len());
    output.reset(records.len());
    for (row, record) in records.iter().enumerate() {
        record[..11]
            .iter()
            .enumerate()
            .for_each(|(slot, value)| block.set_double(row, slot, *value));
    }
    scorer.score(&block, &mut output);

    let mut counts = [0; 10];
    let mut right = 0;
    for (row, record) in records.iter().enumerate() {
        let values = (0..9).map(|slot| match output.cells.cell(row, slot) {
            Cell::Float(value) => value,
            other => panic!("{other:?}"),
        });
        let (best, _) = values
            .enumerate()
            .fold((0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best });
        counts[best] += 1;
        right += u32::from(best as f64 == record[11]);
    }
    assert_eq!((counts[5], counts[6], counts[7], right), (792, 789, 18, 948));
    assert_eq!(records.len(), 1599);
    let first = [
        1.1396e-9,
        3.3764e-9,
        1.1851e-8,
        0.014_395_3,
        0.061_780_9,
        0.691_216,
        0.303_151,
        0.015_147_3,
        0.000_956_534,
    ];
    for (slot, want) in first.into_iter().enumerate() {
        let Cell::Float(got) = output.cells.cell(0, slot) else {
            panic!()
        };
        assert!(agree(want, f64::from(got), 1e-5, 1e-12), "{slot}: {got}, not {want}");
    }
}
