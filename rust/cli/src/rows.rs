//! Scores records with a model of rows.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;
use serving_engine::WindowedInput;
use serving_model::wire::InputBinding;
use serving_model::{Block, DataType, ErrorCode, Field, Model, ModelError, Output, Schema, Scorer};

use crate::binding::{Given, Inputs};
use crate::failure::Failure;
use crate::guard;
use crate::json;
use crate::model_files::OpenModel;
use crate::records::{BadRecord, Record, kind_of};

/// Scratch space for one record after the other.
pub(crate) struct RowSession {
    model: Arc<dyn Model>,
    scorer: Box<dyn Scorer>,
    filler: RowFiller,
    windowed: Option<(WindowedInput, Block)>,
    input: Block,
    output: Output,
}

/// Turns records into rows of cells.
pub(crate) struct RowFiller {
    inputs: Inputs,
    width: usize,
}

impl RowFiller {
    /// # Errors
    /// A binding that does not fit; `MODEL_UNSUPPORTED` when a shape is only known at run time.
    pub(crate) fn new(model: &OpenModel, bindings: &[InputBinding]) -> Result<Self, Failure> {
        Self::of_schema(model, model.loaded.model().schema(), bindings)
    }

    /// The same for records that bring what another schema says.
    fn of_schema(model: &OpenModel, schema: &Schema, bindings: &[InputBinding]) -> Result<Self, Failure> {
        let (Some(width), Some(_)) = (schema.input_width(), schema.output_width()) else {
            return Err(model.refused(ModelError::unsupported(
                "a shape is only known at run time, such a model can't be scored by rows",
            )));
        };
        Ok(Self {
            inputs: Inputs::new(schema, bindings)?,
            width,
        })
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Cells of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Writes a record into a row whose cells are missing.
    ///
    /// # Errors
    /// `FIELD_INVALID` for a value that a cell can't hold.
    pub(crate) fn fill(&self, record: &Record, block: &mut Block, row: usize) -> Result<(), BadRecord> {
        let mut slot = 0;
        for (field, given) in self.inputs.fields().iter().zip(self.inputs.gather(record)?) {
            let width = field.width().unwrap_or_default() as usize;
            let scalar = field.shape.as_ref().is_none_or(Vec::is_empty);
            match given {
                Given::Nothing | Given::One(Value::Null) => {}
                Given::One(value) if scalar => set(block, row, slot, field, value)?,
                Given::One(value) => {
                    let parsed = nested_text(value, record.text, field)?;
                    let mut elements = Vec::new();
                    flatten(parsed.as_ref().unwrap_or(value), &mut elements);
                    fill_all(block, row, slot, width, field, &elements)?;
                }
                Given::Many(values) => fill_all(block, row, slot, width, field, &values)?,
            }
            slot += width;
        }
        Ok(())
    }
}

fn fill_all(
    block: &mut Block,
    row: usize,
    slot: usize,
    width: usize,
    field: &Field,
    values: &[&Value],
) -> Result<(), BadRecord> {
    if values.len() != width {
        return Err(BadRecord::invalid(format!(
            "field '{}' has {} value(s), the model takes {width}",
            field.name,
            values.len()
        )));
    }
    values
        .iter()
        .enumerate()
        .try_for_each(|(at, value)| set(block, row, slot + at, field, value))
}

fn flatten<'a>(value: &'a Value, elements: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, elements)),
        value => elements.push(value),
    }
}

/// A list that a format of text wrote as JSON.
pub(crate) fn nested_text(value: &Value, text: bool, field: &Field) -> Result<Option<Value>, BadRecord> {
    match value {
        Value::String(cell) if text && cell.trim_start().starts_with('[') => match serde_json::from_str(cell) {
            Ok(list) => Ok(Some(list)),
            Err(_) if field.data_type == DataType::String => Ok(None),
            Err(error) => Err(BadRecord::invalid(format!(
                "field '{}' is not a JSON list: {error}",
                field.name
            ))),
        },
        _ => Ok(None),
    }
}

fn set(block: &mut Block, row: usize, slot: usize, field: &Field, value: &Value) -> Result<(), BadRecord> {
    match value {
        Value::Null => block.set_missing(row, slot),
        Value::Bool(value) => block.set_boolean(row, slot, *value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => block.set_long(row, slot, value),
            (None, Some(value)) => block.set_double(row, slot, value),
            (None, None) => {
                return Err(BadRecord::invalid(format!(
                    "field '{}' is a number out of range: {number}",
                    field.name
                )));
            }
        },
        Value::String(text) => match json::special_number(text) {
            Some(value) if is_number(field.data_type) => block.set_double(row, slot, value),
            _ => block.set_text(row, slot, text),
        },
        // A list stays JSON on its way to the model.
        Value::Array(_) if field.list => block.set_text(row, slot, &value.to_string()),
        Value::Array(_) | Value::Object(_) => {
            return Err(BadRecord::invalid(format!(
                "field '{}' takes a single value, the record has {}",
                field.name,
                kind_of(value)
            )));
        }
    }
    Ok(())
}

fn is_number(data_type: DataType) -> bool {
    matches!(data_type, DataType::Double | DataType::Float | DataType::Long)
}

impl RowSession {
    /// # Errors
    /// As [`RowFiller::new`], and when the model has no scorer for rows.
    pub(crate) fn open(
        model: &OpenModel,
        windowed: Option<WindowedInput>,
        bindings: &[InputBinding],
    ) -> Result<Self, Failure> {
        let schema = model.loaded.model().schema();
        let records = windowed.as_ref().map_or(schema, WindowedInput::records);
        let filler = RowFiller::of_schema(model, records, bindings)?;
        let outputs = schema.output_width().unwrap_or_default();
        Ok(Self {
            scorer: model.scorer()?,
            model: Arc::clone(model.loaded.model()),
            windowed: windowed.map(|windowed| (windowed, Block::new(filler.width()))),
            input: Block::new(schema.input_width().unwrap_or_default()),
            output: Output::new(outputs),
            filler,
        })
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        self.filler.inputs()
    }

    /// Scores a record and writes its line.
    pub(crate) fn score(&mut self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        self.input.reset(1);
        self.output.reset(1);
        let brought = match &mut self.windowed {
            None => &mut self.input,
            Some((_, records)) => {
                records.reset(1);
                records
            }
        };
        if let Err(bad) = self.filler.fill(record, brought, 0) {
            return json::write_error(out, bad.code, &bad.message);
        }
        if let Some((windowed, records)) = &mut self.windowed {
            windowed.fill(records, &mut self.input, &mut self.output);
            if self.output.failed() > 0 {
                return json::write_error(out, self.output.status(0).code, self.output.message(0));
            }
        }
        let scored = guard::contain(|| self.scorer.score(&self.input, &mut self.output));
        if let Err(panic) = scored {
            // What the scorer left half done must not meet the next record.
            if let Ok(Ok(scorer)) = guard::contain(|| Arc::clone(&self.model).scorer()) {
                self.scorer = scorer;
            }
            self.output = Output::new(self.output.cells.stride());
            return json::write_error(out, ErrorCode::ScoringCrashed, &panic);
        }
        let status = self.output.status(0);
        if status.code == ErrorCode::Ok {
            self.write(out)
        } else {
            json::write_error(out, status.code, self.output.message(0))
        }
    }

    fn write<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let (mut slot, mut first) = (0, true);
        for field in &self.model.schema().outputs {
            json::write_name(out, &field.name, first)?;
            first = false;
            let shape: Vec<usize> = field.shape.iter().flatten().map(|axis| *axis as usize).collect();
            json::write_nested(out, &shape, &mut |out: &mut W, index| {
                json::write_cell(out, self.output.cells.cell(0, slot + index), field)
            })?;
            slot += field.width().unwrap_or_default() as usize;
        }
        out.write_all(if first { b"{}\n" } else { b"}\n" })
    }
}

/// Fills a row with zeros, and with the first label where the model declares labels.
pub(crate) fn fill_neutral(schema: &Schema, block: &mut Block, row: usize) {
    let mut slot = 0;
    for field in &schema.inputs {
        let width = field.width().unwrap_or_default() as usize;
        for slot in slot..slot + width {
            match (field.data_type, field.labels.first()) {
                _ if field.list => block.set_text(row, slot, "[]"),
                (_, Some(label)) => block.set_text(row, slot, label),
                (DataType::Double, None) => block.set_double(row, slot, 0.0),
                (DataType::Float, None) => block.set_float(row, slot, 0.0),
                (DataType::Long, None) => block.set_long(row, slot, 0),
                (DataType::Boolean, None) => block.set_boolean(row, slot, false),
                (DataType::String, None) => block.set_text(row, slot, ""),
            }
        }
        slot += width;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serving_model::Cell;

    use super::*;

    #[test]
    fn a_list_is_json_in_a_cell_of_text() {
        let (list, scalar) = (Field::list("items"), Field::scalar("item", DataType::String));
        let mut block = Block::new(1);
        block.reset(1);
        set(&mut block, 0, 0, &list, &json!(["a\"b", 1.5, true, null])).unwrap();
        let cell = block.cell(0, 0);
        assert_eq!(cell, Cell::String(r#"["a\"b",1.5,true,null]"#));
        let mut out = Vec::new();
        json::write_cell(&mut out, cell, &list).unwrap();
        assert_eq!(out, br#"["a\"b",1.5,true,null]"#);
        assert!(set(&mut block, 0, 0, &scalar, &json!(["a"])).is_err());
    }
}
