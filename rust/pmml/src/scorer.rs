//! The [`Scorer`]: one record after the other, with scratch space that is only sized once.

use std::ops::Range;
use std::sync::Arc;

use serving_model::{Block, DataType, Equation, ErrorCode, Output, Scorer, Tag};

use crate::model::{Cell, PmmlModel};
use crate::models::regression::Normalization;
use crate::models::{Function, Kind, NONE};
use crate::run::{Cause, Fault, NO_SLOT, Run, Scratch, Source, write_value};
use crate::straight::Straight;
use crate::value::Value;

pub(crate) struct PmmlScorer {
    model: Arc<PmmlModel>,
    scratch: Scratch,
    lone: Option<LoneEquation>,
    straight: Option<Straight>,
}

/// A document that is one linear equation and nothing around it: most of what the general path prepares would cost
/// more than the equation. A record with anything but plain numbers takes the general path, which gives the same answer.
struct LoneEquation {
    cells: Box<[u32]>,
    /// The cells, when each follows the one before.
    range: Option<Range<usize>>,
    equation: Equation,
}

impl LoneEquation {
    fn of(model: &PmmlModel) -> Option<Self> {
        let root = &model.program.models[model.program.root];
        let Kind::Regression(regression) = &root.kind else {
            return None;
        };
        let plain = regression.plain.as_ref()?;
        let [intercept] = *plain.intercepts else { return None };
        let [(cells, DataType::Double)] = &*model.cells else {
            return None;
        };
        let bare = root.function != Function::Classification
            && regression.normalization == Normalization::None
            && !root.float
            && root.target.is_none()
            && root.outputs.is_empty()
            && matches!(**cells, [Cell::Target(index)] if index == model.program.root)
            && !plain.direct.cells.is_empty();
        let first = plain.direct.cells.first().map_or(0, |cell| *cell as usize);
        let range = first..first + plain.direct.cells.len();
        bare.then(|| Self {
            range: range
                .clone()
                .eq(plain.direct.cells.iter().map(|cell| *cell as usize))
                .then_some(range),
            cells: plain.direct.cells.clone(),
            equation: Equation {
                weights: plain.weights.clone(),
                intercept,
            },
        })
    }

    /// The answer, added as the general path adds it; `None` when a cell is not a plain number.
    #[inline]
    fn score(&self, tags: &[u8], values: &[u64]) -> Option<f64> {
        let (mut sum, mut doubles) = (0.0, true);
        let weights = &self.equation.weights;
        if let Some(range) = &self.range {
            doubles = are_doubles(tags.get(range.clone())?);
            for (value, weight) in values.get(range.clone())?.iter().zip(weights) {
                sum += weight * f64::from_bits(*value);
            }
        } else {
            for (cell, weight) in self.cells.iter().zip(weights) {
                doubles &= *tags.get(*cell as usize)? == Tag::Double as u8;
                sum += weight * f64::from_bits(*values.get(*cell as usize)?);
            }
        }
        self.equation.answer(sum).filter(|_| doubles)
    }
}

/// Eight tags at a time.
#[inline]
fn are_doubles(tags: &[u8]) -> bool {
    const DOUBLES: [u8; 8] = [Tag::Double as u8; 8];
    match tags.last_chunk() {
        Some(last) => *last == DOUBLES && tags.as_chunks().0.iter().all(|tags| *tags == DOUBLES),
        None => tags.iter().all(|tag| *tag == Tag::Double as u8),
    }
}

impl PmmlScorer {
    pub(crate) fn new(model: Arc<PmmlModel>) -> Self {
        Self {
            scratch: Scratch::new(&model.program),
            lone: LoneEquation::of(&model),
            straight: Straight::of(&model),
            model,
        }
    }

    /// Steps of all records so far.
    pub(crate) fn steps(&self) -> u64 {
        self.scratch.steps.total()
    }
}

impl Scorer for PmmlScorer {
    fn equation(&self) -> Option<&Equation> {
        let lone = self.lone.as_ref()?;
        // In the order of the cells, and all of them: a NaN in another does not matter here.
        let all = 0..self.model.inputs.len();
        (lone.range.as_ref() == Some(&all)).then_some(&lone.equation)
    }

    fn score(&mut self, input: &Block, output: &mut Output) {
        let model = &*self.model;
        if input.stride() < model.inputs.len() {
            for row in 0..input.rows() {
                output.fail(
                    row,
                    ErrorCode::ScoringFailed,
                    format_args!(
                        "a row has {} cells, the model takes {}",
                        input.stride(),
                        model.inputs.len()
                    ),
                );
            }
            return;
        }
        if let Some(lone) = &self.lone {
            for row in 0..input.rows() {
                match lone.score(input.tags(row), input.values(row)) {
                    Some(answer) => output.cells.set_double(row, 0, answer),
                    None => general(model, &mut self.scratch, input, row, output),
                }
            }
        } else if let Some(straight) = &mut self.straight {
            straight.score(model, input, output);
            for row in &straight.left {
                general(model, &mut self.scratch, input, *row, output);
            }
        } else {
            for row in 0..input.rows() {
                general(model, &mut self.scratch, input, row, output);
            }
        }
    }
}

fn general(model: &PmmlModel, scratch: &mut Scratch, input: &Block, row: usize, output: &mut Output) {
    scratch.clear();
    let mut run = Run {
        program: &model.program,
        scratch,
        input,
        row,
    };
    match run.model(model.program.root) {
        Ok(_) => model.write(&mut run, row, output),
        Err(fault) => model.fail(fault, input, row, output),
    }
    scratch.trim();
}

impl PmmlModel {
    fn write(&self, run: &mut Run<'_>, row: usize, output: &mut Output) {
        for (slot, (cells, kind)) in self.cells.iter().enumerate() {
            for cell in cells {
                if Self::write_output(run, *cell, *kind, row, slot, output) {
                    break;
                }
            }
        }
    }

    /// Writes one output cell; `false` when it has no value.
    #[inline]
    fn write_output(
        run: &mut Run<'_>,
        cell: Cell,
        kind: DataType,
        row: usize,
        slot: usize,
        output: &mut Output,
    ) -> bool {
        let value = match cell {
            Cell::Target(index) | Cell::OneOf(index) => {
                let outcome = &run.scratch.outcomes[index];
                if !outcome.present {
                    return false;
                }
                if let (Value::Double(value), DataType::Double, NONE) = (outcome.value, kind, outcome.class) {
                    output.cells.set_double(row, slot, value);
                    return true;
                }
                if outcome.class != NONE && kind != DataType::Boolean {
                    output.cells.set_label(row, slot, outcome.class);
                    return true;
                }
                outcome.value
            }
            Cell::Class(field, index) => {
                let Ok(value) = run.value(field) else {
                    return false;
                };
                let outcome = &run.scratch.outcomes[index];
                if !value.is_missing() && outcome.class != NONE && kind != DataType::Boolean {
                    output.cells.set_label(row, slot, outcome.class);
                    return true;
                }
                value
            }
            Cell::Share(index, class) => {
                let outcome = &run.scratch.outcomes[index];
                if !outcome.present || !outcome.shared {
                    return false;
                }
                let share = run.program.models[index].shares + class as usize;
                output.cells.set_double(row, slot, run.scratch.shares[share]);
                return true;
            }
            Cell::Slot(field) | Cell::List(field) => run.value(field).unwrap_or(Value::Missing),
        };
        write_cell(run, value, kind, row, slot, output);
        !value.is_missing()
    }

    #[cold]
    fn fail(&self, fault: Fault, input: &Block, row: usize, output: &mut Output) {
        let mut slot = fault.slot;
        while let Some(Source::Inherited { from, .. }) = self.program.slots.get(slot as usize).map(|slot| &slot.source)
        {
            slot = *from;
        }
        let name = if slot == NO_SLOT {
            ""
        } else {
            let code = self.program.slots[slot as usize].name;
            self.program.strings.get(code).unwrap_or_default()
        };
        let mut text = String::new();
        if let Some(cell) = self.inputs.iter().position(|(known, _)| *known == slot) {
            let bits = input.values(row)[cell];
            let value = match Tag::from_number(input.tags(row)[cell]) {
                Tag::Missing | Tag::Label => Value::Missing,
                Tag::Double => Value::Double(f64::from_bits(bits)),
                Tag::Float => Value::Float(f32::from_bits(bits as u32)),
                Tag::Long => Value::Int(bits.cast_signed()),
                Tag::Boolean => Value::Bool(bits != 0),
                Tag::String => {
                    text.push('"');
                    text.extend(input.text(bits).chars().take(200));
                    text.push('"');
                    Value::Missing
                }
            };
            write_value(value, &mut text);
        }
        // A computed field has no value of the record.
        let within = if name.is_empty() {
            String::new()
        } else {
            format!("field '{name}': ")
        };
        match fault.cause {
            Cause::Invalid => output.fail(
                row,
                ErrorCode::FieldInvalid,
                format_args!("field '{name}' does not accept the value {text}"),
            ),
            Cause::Missing => output.fail(
                row,
                ErrorCode::FieldMissing,
                format_args!("field '{name}' has no value"),
            ),
            Cause::Type if text.is_empty() => output.fail(
                row,
                ErrorCode::FieldInvalid,
                format_args!("{within}a value can't be read as the type that an expression needs"),
            ),
            Cause::Type => output.fail(
                row,
                ErrorCode::FieldInvalid,
                format_args!("field '{name}': the value {text} can't be read as the field's type"),
            ),
            Cause::Steps => output.fail(
                row,
                ErrorCode::StepLimit,
                format_args!("{within}the record takes more than {} steps", self.program.steps),
            ),
            Cause::Undefined | Cause::Result => output.fail(
                row,
                ErrorCode::ScoringFailed,
                format_args!("{within}the result is not defined for this record"),
            ),
        }
    }
}

fn write_cell(run: &mut Run<'_>, value: Value, kind: DataType, row: usize, slot: usize, output: &mut Output) {
    match (value, kind) {
        (Value::Missing, _) => {}
        (Value::Double(number), DataType::Float) => output.cells.set_float(row, slot, number as f32),
        (Value::Double(number), _) => output.cells.set_double(row, slot, number),
        (Value::Float(number), DataType::Double) => output.cells.set_double(row, slot, f64::from(number)),
        (Value::Float(number), _) => output.cells.set_float(row, slot, number),
        (Value::Int(number), DataType::Double) => output.cells.set_double(row, slot, number as f64),
        (Value::Int(number), _) => output.cells.set_long(row, slot, number),
        (Value::Bool(truth), _) => output.cells.set_boolean(row, slot, truth),
        (Value::Text(code), _) => output.cells.set_text(row, slot, run.text(code)),
        (Value::Date(_) | Value::Time(_) | Value::DateTime(_), _) => {
            let mut text = String::new();
            write_value(value, &mut text);
            output.cells.set_text(row, slot, &text);
        }
    }
}
