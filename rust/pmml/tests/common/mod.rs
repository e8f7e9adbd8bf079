//! Small documents, and records as text.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod corpus;
pub mod fields;
pub mod forecasts;
pub mod mutation;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use cpu_time::ProcessTime;
use serving_model::wire::ModelDescriptor;
use serving_model::{Block, Cell, ErrorCode, Limits, Model, ModelError, ModelFactory, ModelSource, Output};
use serving_pmml::PmmlModelFactory;

/// A document around data fields and a model.
pub fn document(fields: &str, model: &str) -> String {
    format!(
        "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">\n<Header/>\n\
         <DataDictionary>\n{fields}\n</DataDictionary>\n{model}\n</PMML>"
    )
}

pub fn load(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    PmmlModelFactory.create(&ModelSource {
        descriptor: &ModelDescriptor::default(),
        content,
        directory: None,
        limits: Limits::default(),
    })
}

/// What some work gives, and the time that it takes on processors, its own threads included: what else the machine does makes no
/// difference.
pub fn processor_time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = ProcessTime::now();
    let done = work();
    (done, started.elapsed())
}

/// Scores one record, given as `name=value` pairs; numbers are doubles, everything else is text. The answer reads
/// `name=value ...`, or `CODE: message`.
pub fn score(document: &str, record: &str) -> String {
    let model = load(document.as_bytes()).unwrap();
    let inputs = &model.schema().inputs;
    let mut block = Block::new(inputs.len());
    block.reset(1);
    for pair in record.split_whitespace() {
        let (name, value) = pair.split_once('=').unwrap();
        let slot = inputs.iter().position(|field| field.name == name).unwrap();
        match value.parse::<f64>() {
            Ok(number) => block.set_double(0, slot, number),
            Err(_) => block.set_text(0, slot, value),
        }
    }
    answers(&model, &block).remove(0)
}

/// The answer to one record of fields and the texts of their cells; it reads as that of [`score`].
pub fn score_texts(document: &str, record: &[(&str, &str)]) -> String {
    let model = load(document.as_bytes()).unwrap();
    let mut block = Block::new(model.schema().inputs.len());
    block.reset(1);
    for (name, value) in record {
        let slot = model
            .schema()
            .inputs
            .iter()
            .position(|field| field.name == *name)
            .unwrap();
        block.set_text(0, slot, value);
    }
    answers(&model, &block).remove(0)
}

/// The answers to all rows.
pub fn answers(model: &Arc<dyn Model>, block: &Block) -> Vec<String> {
    let mut output = Output::new(model.schema().outputs.len());
    output.reset(block.rows());
    Arc::clone(model).scorer().unwrap().score(block, &mut output);
    (0..block.rows()).map(|row| answer(&**model, &output, row)).collect()
}

fn answer(model: &dyn Model, output: &Output, row: usize) -> String {
    let status = output.status(row);
    if status.code != ErrorCode::Ok {
        return format!("{}: {}", status.code.as_str_name(), output.message(row));
    }
    let mut text = String::new();
    for (slot, field) in model.schema().outputs.iter().enumerate() {
        let value = match output.cells.cell(row, slot) {
            Cell::Missing => "null".to_owned(),
            Cell::Double(number) => number.to_string(),
            Cell::Float(number) => number.to_string(),
            Cell::Long(number) => number.to_string(),
            Cell::Boolean(truth) => truth.to_string(),
            Cell::String(text) => text.to_owned(),
            Cell::Label(code) => field.labels[code as usize].clone(),
        };
        write!(text, "{}{}={value}", if slot == 0 { "" } else { " " }, field.name).unwrap();
    }
    text
}
