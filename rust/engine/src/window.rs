//! Models whose input is a window: the last values of one record field, standardised (`ModelPreprocessing` of the wire).

use prost::Message;
use serving_model::wire::{ModelPreprocessing, OutputBinding, StoredWindow};
use serving_model::{Block, Cell, DataType, ErrorCode, Field, ModelError, Output, Schema};

use crate::binding::bare;

const FORMAT: u32 = 1;
/// Most values of a window: they are in every checkpoint, for each data type.
const MOST_VALUES: usize = 65_536;

/// Makes the rows of a model out of the rows of records, which bring one value of the window each.
#[derive(Debug)]
pub struct WindowedInput {
    records: Schema,
    /// The value's cell in a record's row, and the first of the window's cells in the model's.
    slot: usize,
    mean: f64,
    deviation: f64,
    input: String,
    output: String,
    window: Window,
}

/// The last values that came, as they came.
#[derive(Debug)]
struct Window {
    values: Box<[f64]>,
    /// Where the next value goes; when the window is full, the oldest is there.
    next: usize,
    count: usize,
}

fn invalid(message: &str) -> ModelError {
    ModelError::new(ErrorCode::DescriptorInvalid, format!("preprocessing: {message}"))
}

fn unbound(message: &str) -> ModelError {
    ModelError::new(ErrorCode::BindingFailed, format!("preprocessing: {message}"))
}

impl WindowedInput {
    /// Checks the preprocessing of a descriptor against the model.
    ///
    /// # Errors
    /// `DESCRIPTOR_INVALID` for a width, mean or deviation that can't be used, `BINDING_FAILED` for an input or output that the model
    /// does not have or that takes no window of this width.
    pub fn new(preprocessing: &ModelPreprocessing, model: &Schema) -> Result<Self, ModelError> {
        let (mean, deviation) = (preprocessing.mean, preprocessing.std);
        let width = usize::try_from(preprocessing.width)
            .ok()
            .filter(|width| (1..=MOST_VALUES).contains(width))
            .ok_or_else(|| {
                invalid(&format!(
                    "a window has 1 to {MOST_VALUES} values, not {}",
                    preprocessing.width
                ))
            })?;
        if !mean.is_finite() {
            return Err(invalid(&format!("the mean is {mean}")));
        }
        if !deviation.is_finite() || deviation <= 0.0 {
            return Err(invalid(&format!(
                "the standard deviation is {deviation}, it must be more than 0"
            )));
        }
        let at = input_of(preprocessing, model)?;
        let input = &model.inputs[at];
        if input.list || matches!(input.data_type, DataType::String | DataType::Boolean) {
            return Err(unbound(&format!("input '{}' does not take numbers", input.name)));
        }
        if input.width().map(|cells| cells as usize) != Some(width) {
            return Err(unbound(&format!(
                "the window has {width} value(s), input '{}' takes {}",
                input.name,
                input.width().map_or_else(
                    || "a number only known at run time".to_owned(),
                    |cells| cells.to_string()
                )
            )));
        }
        let output = &preprocessing.output;
        if !output.is_empty() && !model.outputs.iter().any(|field| bare(&field.name) == bare(output)) {
            return Err(unbound(&format!(
                "the model has no output '{output}', it has: {}",
                names(&model.outputs)
            )));
        }
        let slot = model.inputs[..at]
            .iter()
            .try_fold(0_usize, |sum, field| sum.checked_add(field.width()? as usize))
            .ok_or_else(|| unbound(&format!("an input before '{}' has an unknown width", input.name)))?;
        let mut records = model.clone();
        records.inputs[at] = Field {
            // A tensor of one value takes the only numeric field of a record, whatever its name.
            shape: Some(vec![1]),
            data_type: DataType::Double,
            ..input.clone()
        };
        Ok(Self {
            records,
            slot,
            mean,
            deviation,
            input: input.name.clone(),
            output: output.clone(),
            window: Window {
                values: vec![0.0; width].into_boxed_slice(),
                next: 0,
                count: 0,
            },
        })
    }

    /// What records bring: the model's inputs, but one value in place of the window.
    #[must_use]
    pub fn records(&self) -> &Schema {
        &self.records
    }

    /// The cell of the window's value in a row of [`records`](Self::records).
    #[must_use]
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The outputs to report: those that are bound, else the one that the preprocessing names.
    #[must_use]
    pub fn outputs(&self, bound: &[OutputBinding]) -> Vec<OutputBinding> {
        if !bound.is_empty() || self.output.is_empty() {
            return bound.to_vec();
        }
        vec![OutputBinding {
            model_output: self.output.clone(),
            ..OutputBinding::default()
        }]
    }

    /// Takes the values of the rows of `records` into the window, in their order, and writes the model's rows, which have been
    /// reset to as many. Rows that have failed are left out; those whose value is not a finite number fail, and those before
    /// which the window has too few.
    pub fn fill(&mut self, records: &Block, rows: &mut Block, output: &mut Output) {
        for row in 0..records.rows() {
            if output.status(row).code != ErrorCode::Ok {
                continue;
            }
            match number(records.cell(row, self.slot)) {
                Some(value) if value.is_finite() => self.window.push(value),
                None if records.cell(row, self.slot) == Cell::Missing => {
                    output.fail(
                        row,
                        ErrorCode::FieldMissing,
                        format_args!("the value for the window of '{}' is missing", self.input),
                    );
                    continue;
                }
                _ => {
                    output.fail(
                        row,
                        ErrorCode::FieldInvalid,
                        format_args!(
                            "the window of '{}' takes finite numbers, not {}",
                            self.input,
                            shown(records.cell(row, self.slot))
                        ),
                    );
                    continue;
                }
            }
            let (count, width) = (self.window.count, self.window.values.len());
            if count < width {
                output.fail(
                    row,
                    ErrorCode::WindowIncomplete,
                    format_args!("the window of '{}' has {count} of {width} values", self.input),
                );
                continue;
            }
            for slot in 0..self.slot {
                rows.copy_cell((row, slot), records, (row, slot));
            }
            for slot in self.slot + 1..records.stride() {
                rows.copy_cell((row, slot + width - 1), records, (row, slot));
            }
            for (at, value) in self.window.oldest_first().enumerate() {
                rows.set_double(row, self.slot + at, (value - self.mean) / self.deviation);
            }
        }
    }

    /// The window's values of `field` as a checkpoint holds them.
    #[must_use]
    pub fn to_bytes(&self, field: &str) -> Vec<u8> {
        StoredWindow {
            format: FORMAT,
            field: field.to_owned(),
            values: self.window.oldest_first().collect(),
        }
        .encode_to_vec()
    }

    /// Goes on from what [`to_bytes`](Self::to_bytes) gave, as far as it is of the same field; begins anew from other values
    /// and from no bytes.
    ///
    /// # Errors
    /// `INVALID_CALL` when the bytes are damaged or of a later format.
    pub fn restore(&mut self, field: &str, bytes: &[u8]) -> Result<(), ModelError> {
        let damaged = |message: String| ModelError::new(ErrorCode::InvalidCall, message);
        self.window.clear();
        if bytes.is_empty() {
            return Ok(());
        }
        let stored =
            StoredWindow::decode(bytes).map_err(|error| damaged(format!("a stored window is damaged: {error}")))?;
        if stored.format != FORMAT {
            return Err(damaged(format!(
                "a stored window has format {}, this library reads format {FORMAT}",
                stored.format
            )));
        }
        if stored.field == field {
            stored.values.into_iter().for_each(|value| self.window.push(value));
        }
        Ok(())
    }
}

fn input_of(preprocessing: &ModelPreprocessing, model: &Schema) -> Result<usize, ModelError> {
    let name = &preprocessing.input;
    if name.is_empty() {
        return match model.inputs.len() {
            1 => Ok(0),
            _ => Err(unbound(&format!(
                "no input is named, the model has: {}",
                names(&model.inputs)
            ))),
        };
    }
    model
        .inputs
        .iter()
        .position(|field| bare(&field.name) == bare(name))
        .ok_or_else(|| {
            unbound(&format!(
                "the model has no input '{name}', it has: {}",
                names(&model.inputs)
            ))
        })
}

fn names(fields: &[Field]) -> String {
    crate::binding::listing(fields.iter().map(|field| field.name.as_str()))
}

#[inline]
fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Double(value) => Some(value),
        Cell::Float(value) => Some(value.into()),
        Cell::Long(value) => Some(value as f64),
        Cell::Boolean(value) => Some(f64::from(u8::from(value))),
        Cell::String(text) => text.trim().parse().ok(),
        Cell::Missing | Cell::Label(_) => None,
    }
}

#[cold]
fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::String(text) => format!("{text:?}"),
        other => number(other).unwrap_or(f64::NAN).to_string(),
    }
}

impl Window {
    #[inline]
    fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.next = (self.next + 1) % self.values.len();
        self.count = (self.count + 1).min(self.values.len());
    }

    fn clear(&mut self) {
        (self.next, self.count) = (0, 0);
    }

    fn oldest_first(&self) -> impl Iterator<Item = f64> {
        let width = self.values.len();
        let first = self.next + width - self.count;
        (0..self.count).map(move |at| self.values[(first + at) % width])
    }
}
