//! A model of the tests' own: it sums its inputs, so that what reached it can be told from its answer.

pub mod wine;

use std::sync::Arc;

use serving_engine::records::Framing;
use serving_engine::{Engine, Loaded, RowScorer, Written};
use serving_model::wire::scorer_options::Layout;
use serving_model::wire::{FieldType, ModelDescriptor, PackedField, PackedLayout, ProtobufLayout, ScorerOptions};
use serving_model::{
    Block, Cell, DataType, ErrorCode, Field, Model, ModelError, ModelFactoriesResolver, ModelFactory, ModelSource,
    ModelType, Output, Schema, Scorer,
};

/// Content: input names, one a line, `name*3` for a tensor, `name[]` for a list. Outputs: `sum`, `text` (what was a string), `inputs` as a tensor.
#[derive(Debug)]
pub struct SumFactory;

#[derive(Debug)]
struct SumModel {
    schema: Schema,
    bytes: usize,
}

struct SumScorer(Arc<SumModel>);

impl ModelFactory for SumFactory {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn create(&self, source: &ModelSource<'_>) -> Result<Arc<dyn Model>, ModelError> {
        let text = std::str::from_utf8(source.content).map_err(|_| ModelError::unparsable("not text"))?;
        let inputs: Vec<Field> = text
            .lines()
            .map(|line| match line.split_once('*') {
                Some((name, width)) => Field::tensor(name, DataType::Double, Some(vec![width.parse().unwrap()])),
                None => match line.strip_suffix("[]") {
                    Some(name) => Field::list(name),
                    None => Field::scalar(line, DataType::Double),
                },
            })
            .collect();
        let cells: u32 = inputs.iter().map(|field| field.width().unwrap()).sum();
        Ok(Arc::new(SumModel {
            bytes: source.content.len() * 10,
            schema: Schema {
                inputs,
                outputs: vec![
                    Field::scalar("sum", DataType::Double),
                    Field::scalar("text", DataType::String),
                    Field::tensor("inputs", DataType::Double, Some(vec![cells])),
                ],
            },
        }))
    }
}

impl Model for SumModel {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn native_bytes(&self) -> usize {
        self.bytes
    }

    fn summary(&self) -> String {
        "sum".into()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(SumScorer(self)))
    }
}

impl Scorer for SumScorer {
    fn score(&mut self, input: &Block, output: &mut Output) {
        let cells = self.0.schema.input_width().unwrap();
        for row in 0..input.rows() {
            let (mut sum, mut text) = (0.0, String::new());
            for slot in 0..cells {
                let number = match input.cell(row, slot) {
                    Cell::Double(value) => value,
                    Cell::Float(value) => f64::from(value),
                    Cell::Long(value) => value as f64,
                    Cell::Boolean(value) => f64::from(u8::from(value)),
                    Cell::String(value) => {
                        text.push_str(value);
                        continue;
                    }
                    Cell::Missing | Cell::Label(_) => {
                        let name = &self.0.schema.inputs[0].name;
                        output.fail(row, ErrorCode::FieldMissing, format_args!("cell {slot} after '{name}'"));
                        continue;
                    }
                };
                sum += number;
                output.cells.set_double(row, 2 + slot, number);
            }
            output.cells.set_double(row, 0, sum);
            output.cells.set_text(row, 1, &text);
        }
    }
}

pub fn engine() -> Engine {
    Engine::new(ModelFactoriesResolver::default().with(SumFactory))
}

pub fn descriptor() -> ModelDescriptor {
    ModelDescriptor {
        name: "sum".into(),
        modeltype: ModelType::Pmml.into(),
        ..ModelDescriptor::default()
    }
}

pub fn load(inputs: &[&str]) -> Arc<Loaded> {
    engine().load(&descriptor(), inputs.join("\n").as_bytes()).unwrap()
}

pub fn protobuf(set: Vec<u8>, message: &str, capacity: u32) -> ScorerOptions {
    ScorerOptions {
        layout: Some(Layout::Protobuf(ProtobufLayout {
            file_descriptor_set: set,
            message: message.into(),
        })),
        capacity,
        ..ScorerOptions::default()
    }
}

/// A row of the result, read back by the offsets that `docs/boundary.md` states.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub status: i32,
    pub message: String,
    pub sum: Option<f64>,
    pub text: String,
    pub inputs: Vec<Option<f64>>,
}

/// Records, each behind its length, as the boundary takes them.
pub fn framed(records: &[&[u8]]) -> Vec<u8> {
    let frame = |record: &&[u8]| [&(record.len() as i32).to_le_bytes(), *record].concat();
    records.iter().flat_map(frame).collect()
}

/// Frames records and scores them.
pub fn score(scorer: &mut RowScorer, records: &[&[u8]]) -> Vec<Row> {
    score_raw(scorer, &framed(records), records.len())
}

pub fn score_raw(scorer: &mut RowScorer, input: &[u8], rows: usize) -> Vec<Row> {
    score_framed(scorer, input, rows, Framing::Lengths)
}

pub fn score_framed(scorer: &mut RowScorer, input: &[u8], rows: usize, framing: Framing) -> Vec<Row> {
    let mut buffer = vec![0; scorer.info().minimum_output as usize];
    if let Written::TooSmall { needed } = scorer.score_framed(input, rows, framing, &mut buffer).unwrap() {
        assert!(needed > buffer.len());
        buffer.resize(needed, 0);
        assert!(matches!(scorer.write(&mut buffer).unwrap(), Written::Rows { .. }));
    }
    let (stride, cells) = (
        scorer.info().row_stride as usize,
        scorer
            .info()
            .outputs
            .iter()
            .map(|field| field.width as usize)
            .sum::<usize>(),
    );
    let long = |at: usize| u64::from_le_bytes(buffer[at..at + 8].try_into().unwrap());
    let text = |reference: u64| {
        let (start, length) = ((reference >> 32) as usize, (reference & 0xffff_ffff) as usize);
        String::from_utf8(buffer[start..start + length].to_vec()).unwrap()
    };
    assert_eq!(u32::from_le_bytes(buffer[8..12].try_into().unwrap()) as usize, rows);
    (0..rows)
        .map(|row| {
            let base = 16 + row * stride;
            let tag = |cell: usize| buffer[base + 16 + 8 * cells + cell];
            let number = |cell: usize| (tag(cell) == 1).then(|| f64::from_bits(long(base + 16 + 8 * cell)));
            Row {
                status: long(base) as i32,
                message: text(long(base + 8)),
                sum: number(0),
                text: if tag(1) == 5 {
                    text(long(base + 24))
                } else {
                    String::new()
                },
                inputs: (2..cells).map(number).collect(),
            }
        })
        .collect()
}

/// Options of a scorer of packed rows with these fields: name, type, width.
pub fn packed(fields: &[(&str, FieldType, u32)], capacity: u32) -> ScorerOptions {
    ScorerOptions {
        layout: Some(Layout::Packed(PackedLayout {
            fields: fields
                .iter()
                .map(|(name, data_type, width)| PackedField {
                    name: (*name).into(),
                    r#type: (*data_type).into(),
                    width: *width,
                })
                .collect(),
        })),
        capacity,
        ..ScorerOptions::default()
    }
}
