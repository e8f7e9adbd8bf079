//! Scoring one record: the values of fields are computed when they are first asked for and kept for the record.

use serving_kernels::trees::RankedRows;
use serving_model::{Block, Tag};

use crate::expression::Expression;
use crate::models::Outcome;
use crate::models::association::Basket;
use crate::models::sequence::History;
use crate::order::Order;
use crate::program::Program;
use crate::steps::Steps;
use crate::strings::RecordStrings;
use crate::treatment::{Lists, Treatment};
use crate::value::{Type, Value, convert, parse};

/// Index of a field's value in the scratch row.
pub(crate) type Slot = u32;

/// Why a record has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The value is not one that the field accepts.
    Invalid,
    /// The field has no value and must have one.
    Missing,
    /// The value can't be read as the type of the field.
    Type,
    /// The answer is not defined for this record.
    Undefined,
    /// A function has no result for these arguments.
    Result,
    /// The record takes more steps than it may.
    Steps,
}

/// A cause and the field that it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    pub(crate) slot: Slot,
}

pub(crate) const NO_SLOT: Slot = Slot::MAX;

impl Fault {
    pub(crate) fn undefined() -> Self {
        Self {
            cause: Cause::Undefined,
            slot: NO_SLOT,
        }
    }

    /// The same, in the computation of a field, unless a field is known already.
    pub(crate) fn within(self, slot: Slot) -> Self {
        Self {
            slot: if self.slot == NO_SLOT { slot } else { self.slot },
            ..self
        }
    }
}

pub(crate) type Scored<T> = Result<T, Fault>;

/// Where the value of a slot comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A cell of the record, prepared by the outermost mining schema.
    Input { cell: u32, treatment: Box<Treatment> },
    /// A field of the enclosing model, treated by an inner mining schema.
    Inherited { from: Slot, treatment: Box<Treatment> },
    /// A derived field.
    Derived(Box<Expression>),
    /// An output field, written when its model has been evaluated.
    Output,
}

/// Cells of fields that take any number as it is; empty when one of the fields is another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Direct {
    pub(crate) cells: Box<[u32]>,
}

impl Direct {
    /// The cells of slots, when all are fields of one type, taken as they are.
    pub(crate) fn of(slots: &[Slot], definitions: &[SlotDefinition], kind: Type) -> Self {
        let cells = slots
            .iter()
            .map(|slot| match &definitions[*slot as usize] {
                SlotDefinition {
                    kind: found,
                    source: Source::Input { cell, treatment },
                    ..
                } if *found == kind && treatment.plain => Some(*cell),
                _ => None,
            })
            .collect::<Option<_>>();
        Self {
            cells: cells.unwrap_or_default(),
        }
    }
}

/// Appends the numbers of a row's cells; `false` when one is missing, no number or NaN, and then what was appended means nothing.
#[inline]
pub(crate) fn append_numbers(cells: &[u32], tags: &[u8], values: &[u64], numbers: &mut Vec<f64>) -> bool {
    let mut doubles = true;
    let start = numbers.len();
    numbers.extend(cells.iter().map(|cell| {
        let value = f64::from_bits(values[*cell as usize]);
        doubles &= tags[*cell as usize] == Tag::Double as u8 && !value.is_nan();
        value
    }));
    doubles || convert_numbers(cells, tags, values, &mut numbers[start..])
}

/// The same where not all are doubles, over what was appended.
fn convert_numbers(cells: &[u32], tags: &[u8], values: &[u64], numbers: &mut [f64]) -> bool {
    for (cell, number) in cells.iter().zip(numbers) {
        match Tag::from_number(tags[*cell as usize]).to_f64(values[*cell as usize]) {
            Some(value) if !value.is_nan() => *number = value,
            _ => return false,
        }
    }
    true
}

/// A field.
#[derive(Debug)]
pub(crate) struct SlotDefinition {
    /// Name, as a code.
    pub(crate) name: u32,
    pub(crate) kind: Type,
    pub(crate) source: Source,
    /// Codes of an ordinal field's texts, in order.
    pub(crate) order: Order,
    /// Nesting of the evaluation, to bound the stack.
    pub(crate) depth: usize,
}

const UNKNOWN: u8 = 0;
const KNOWN: u8 = 1;
const FAULTY: u8 = 2;

/// What one task needs to score; sized when it is made, not while scoring.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    state: Vec<u8>,
    values: Vec<Value>,
    faults: Vec<Fault>,
    pub(crate) steps: Steps,
    pub(crate) strings: RecordStrings,
    pub(crate) patterns: crate::pattern::Patterns,
    /// Arguments of the functions that are being evaluated.
    pub(crate) arguments: Vec<Value>,
    pub(crate) frame: usize,
    pub(crate) keys: Vec<(u8, u64)>,
    pub(crate) text: String,
    pub(crate) outcomes: Vec<Outcome>,
    /// Models that were evaluated for this record.
    pub(crate) touched: Vec<u32>,
    pub(crate) shares: Vec<f64>,
    pub(crate) work: Vec<f64>,
    pub(crate) row: Vec<f64>,
    pub(crate) row32: Vec<f32>,
    pub(crate) leaves: Vec<u32>,
    pub(crate) ranked: RankedRows,
    pub(crate) ranks: Vec<(f64, u32)>,
    pub(crate) places: Vec<u32>,
    pub(crate) dense: Vec<f64>,
    pub(crate) basket: Basket,
    pub(crate) history: History,
    pub(crate) list: String,
    /// Terms of a text and their weights.
    pub(crate) vector: Vec<(u32, f64)>,
    /// Elements of the lists that are being summarised.
    pub(crate) elements: Vec<Value>,
    /// What baseline models remember of earlier records, for each model; empty without such models.
    pub(crate) memories: Vec<crate::models::baseline::Memory>,
    pub(crate) inference: crate::models::bayesian_network::elimination::Workspace,
}

impl Scratch {
    pub(crate) fn new(program: &Program) -> Self {
        use crate::models::{Kind, baseline::Memory};
        let remembers = |kind: &Kind| matches!(kind, Kind::Baseline(_));
        let memories = program.models.iter().map(|model| match &model.kind {
            Kind::Baseline(baseline) => Memory::new(baseline),
            _ => Memory::default(),
        });
        let any = program.models.iter().any(|model| remembers(&model.kind));
        Self {
            memories: if any { memories.collect() } else { Vec::new() },
            steps: Steps::new(program.steps),
            state: vec![UNKNOWN; program.slots.len()],
            values: vec![Value::Missing; program.slots.len()],
            faults: vec![Fault::undefined(); program.slots.len()],
            outcomes: vec![Outcome::default(); program.models.len()],
            shares: vec![0.0; program.shares],
            arguments: Vec::with_capacity(32),
            touched: Vec::with_capacity(program.models.len()),
            ..Self::default()
        }
    }

    pub(crate) fn clear(&mut self) {
        self.state.fill(UNKNOWN);
        self.steps.restart();
        self.strings.clear();
        // A record that was refused may have left something on these.
        self.arguments.clear();
        self.keys.clear();
        self.work.clear();
        self.elements.clear();
        self.frame = 0;
        for index in self.touched.drain(..) {
            self.outcomes[index as usize].present = false;
        }
    }

    /// Gives back the space that a record took which is unlike others.
    #[inline]
    pub(crate) fn trim(&mut self) {
        if self.steps.many() {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(&mut self) {
        const TEXT: usize = 1 << 16;
        const ELEMENTS: usize = 1 << 12;
        self.clear();
        self.strings.trim();
        self.patterns.trim();
        self.history.trim(ELEMENTS);
        self.arguments.shrink_to(ELEMENTS);
        self.keys.shrink_to(ELEMENTS);
        self.work.shrink_to(ELEMENTS);
        self.elements.shrink_to(ELEMENTS);
        for text in [&mut self.text, &mut self.list] {
            text.clear();
            text.shrink_to(TEXT);
        }
    }
}

/// One record being scored.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) input: &'a Block,
    pub(crate) row: usize,
}

impl Run<'_> {
    /// The value of a field.
    #[inline]
    pub(crate) fn value(&mut self, slot: Slot) -> Scored<Value> {
        if self.scratch.state[slot as usize] == KNOWN {
            return Ok(self.scratch.values[slot as usize]);
        }
        self.compute(slot)
    }

    fn compute(&mut self, slot: Slot) -> Scored<Value> {
        let index = slot as usize;
        if self.scratch.state[index] == FAULTY {
            return Err(self.scratch.faults[index]);
        }
        let program = self.program;
        let definition = &program.slots[index];
        let computed = match &definition.source {
            Source::Input { cell, treatment } => {
                // Most cells are plain doubles in plain fields.
                let tag = self.input.tags(self.row)[*cell as usize];
                if tag == Tag::Double as u8 && treatment.plain && definition.kind == Type::Double {
                    let value = f64::from_bits(self.input.values(self.row)[*cell as usize]);
                    if value.is_nan() {
                        self.prepare(slot, *cell, treatment)
                    } else {
                        Ok(Value::Double(value))
                    }
                } else {
                    self.prepare(slot, *cell, treatment)
                }
            }
            Source::Inherited { from, treatment } => match self.value(*from) {
                Ok(value) => treatment.inherited(value, slot),
                Err(fault) => Err(fault),
            },
            Source::Derived(expression) => {
                let frame = std::mem::replace(&mut self.scratch.frame, self.scratch.arguments.len());
                let value = self.evaluate(expression);
                self.scratch.frame = frame;
                let value = value.and_then(|value| self.cast(definition.kind, value, slot));
                value.map_err(|fault| fault.within(slot))
            }
            Source::Output => return Ok(Value::Missing),
        };
        match computed {
            Ok(value) => {
                self.set(slot, value);
                Ok(value)
            }
            Err(fault) => {
                self.scratch.state[index] = FAULTY;
                self.scratch.faults[index] = fault;
                Err(fault)
            }
        }
    }

    /// Sets the value of an output field.
    #[inline]
    pub(crate) fn set(&mut self, slot: Slot, value: Value) {
        self.scratch.values[slot as usize] = value;
        self.scratch.state[slot as usize] = KNOWN;
    }

    /// Makes an output field one without value: whoever asks for it fails.
    pub(crate) fn refuse(&mut self, slot: Slot) {
        self.scratch.state[slot as usize] = FAULTY;
        self.scratch.faults[slot as usize] = Fault {
            cause: Cause::Missing,
            slot,
        };
    }

    /// Reads plain numbers straight from the record; `false` when any of them is not one, and needs its field's treatment.
    #[inline]
    pub(crate) fn direct(&mut self, direct: &Direct) -> bool {
        let (tags, values) = (self.input.tags(self.row), self.input.values(self.row));
        self.scratch.row.clear();
        !direct.cells.is_empty() && append_numbers(&direct.cells, tags, values, &mut self.scratch.row)
    }

    /// The number in a field, `None` when it is missing.
    #[inline]
    pub(crate) fn number(&mut self, slot: Slot) -> Scored<Option<f64>> {
        match self.value(slot)? {
            Value::Double(value) => Ok(Some(value)),
            Value::Missing => Ok(None),
            other => self.to_number(other, slot).map(Some),
        }
    }

    fn to_number(&self, value: Value, slot: Slot) -> Scored<f64> {
        let number = match value {
            Value::Text(code) => parse(Type::Double, self.text(code)).and_then(Value::number),
            other => other.number(),
        };
        number.ok_or(Fault {
            cause: Cause::Type,
            slot,
        })
    }

    /// The text behind a code.
    pub(crate) fn text(&self, code: u32) -> &str {
        self.scratch.strings.get(&self.program.strings, code)
    }

    /// The code of a text, each byte of which is a step: what a record's texts take is bounded.
    pub(crate) fn code(&mut self, text: &str) -> Scored<u32> {
        self.scratch.steps.take(text.len())?;
        Ok(self.scratch.strings.code(&self.program.strings, text))
    }

    /// A value as one of a type.
    #[inline]
    pub(crate) fn cast(&mut self, kind: Type, value: Value, slot: Slot) -> Scored<Value> {
        match (kind, value) {
            (Type::Double, Value::Double(_)) | (_, Value::Missing) => Ok(value),
            _ => self.cast_other(kind, value, slot),
        }
    }

    fn cast_other(&mut self, kind: Type, value: Value, slot: Slot) -> Scored<Value> {
        let fault = Fault {
            cause: Cause::Type,
            slot,
        };
        match (kind, value) {
            (_, Value::Missing) | (Type::String, Value::Text(_)) => Ok(value),
            (Type::String, other) => {
                let mut text = std::mem::take(&mut self.scratch.text);
                text.clear();
                write_value(other, &mut text);
                let code = self.code(&text);
                self.scratch.text = text;
                code.map(Value::Text)
            }
            (_, Value::Text(code)) => parse(kind, self.text(code)).ok_or(fault),
            (Type::Integer, Value::Double(number)) if number.fract() != 0.0 => Err(fault),
            _ => convert(kind, value).ok_or(fault),
        }
    }

    /// Reads a cell as a value of the field's type and applies the treatments of the mining schema.
    fn prepare(&mut self, slot: Slot, cell: u32, treatment: &Treatment) -> Scored<Value> {
        let bits = self.input.values(self.row)[cell as usize];
        let tag = Tag::from_number(self.input.tags(self.row)[cell as usize]);
        let input = self.input;
        let raw = match tag {
            Tag::Missing | Tag::Label => Value::Missing,
            Tag::Double => Value::Double(f64::from_bits(bits)),
            Tag::Float => Value::Float(f32::from_bits(bits as u32)),
            Tag::Long => Value::Int(bits.cast_signed()),
            Tag::Boolean => Value::Bool(bits != 0),
            Tag::String => {
                let text = input.text(bits);
                if treatment.lists != Lists::No && text.trim_start().starts_with('[') {
                    return match treatment.lists {
                        Lists::Series => self.latest(slot, text, treatment),
                        _ => self.code(text).map(Value::Text),
                    };
                }
                return self.prepare_text(slot, text, treatment);
            }
        };
        self.prepare_value(slot, raw, treatment)
    }

    /// Reads text as a value of a field and applies the treatments of the mining schema.
    pub(crate) fn prepare_text(&mut self, slot: Slot, text: &str, treatment: &Treatment) -> Scored<Value> {
        let kind = self.program.slots[slot as usize].kind;
        let raw = if treatment.is_missing_text(text) {
            Value::Missing
        } else if kind == Type::String {
            Value::Text(self.code(text)?)
        } else {
            match parse(kind, text) {
                Some(value) => value,
                None => return treatment.unreadable(slot),
            }
        };
        self.prepare_value(slot, raw, treatment)
    }

    /// Applies the treatments of the mining schema to what a record has for a field.
    pub(crate) fn prepare_value(&mut self, slot: Slot, raw: Value, treatment: &Treatment) -> Scored<Value> {
        let kind = self.program.slots[slot as usize].kind;
        if raw.is_missing() {
            return treatment.missing(slot);
        }
        if treatment.lists == Lists::Only {
            return Err(Fault {
                cause: Cause::Type,
                slot,
            });
        }
        let value = match (kind, raw) {
            (Type::String, Value::Text(_)) => raw,
            // An exact number of a wider type keeps its value in a narrower field where it fits.
            (Type::Float, Value::Double(number)) => Value::Float(number as f32),
            (Type::String, _) => self.cast(kind, raw, slot)?,
            _ => match convert(kind, raw) {
                Some(value) => value,
                None => return treatment.unreadable(slot),
            },
        };
        treatment.apply(value, slot)
    }
}

/// Writes a value as Java and XML Schema spell it; text is not written here.
pub(crate) fn write_value(value: Value, out: &mut String) {
    use std::fmt::Write as _;
    // Writing into a String can't fail.
    let _ = match value {
        Value::Missing | Value::Text(_) => Ok(()),
        Value::Double(number) if number.is_nan() => write!(out, "NaN"),
        Value::Double(number) if number.is_infinite() => {
            write!(out, "{}", if number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Value::Double(number) => {
            let magnitude = number.abs();
            if magnitude != 0.0 && !(1e-3..1e7).contains(&magnitude) {
                write!(out, "{}", java_exponent(&format!("{number:e}")))
            } else {
                write!(out, "{number:?}")
            }
        }
        Value::Float(number) if number.is_nan() => write!(out, "NaN"),
        Value::Float(number) => {
            let magnitude = number.abs();
            if magnitude != 0.0 && !(1e-3..1e7).contains(&magnitude) {
                write!(out, "{}", java_exponent(&format!("{number:e}")))
            } else {
                write!(out, "{number:?}")
            }
        }
        Value::Int(number) => write!(out, "{number}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Date(days) => crate::dates::format(days * 86_400, "%F", out).ok_or(std::fmt::Error),
        Value::Time(seconds) => crate::dates::format(seconds, "%T", out).ok_or(std::fmt::Error),
        Value::DateTime(seconds) => crate::dates::format(seconds, "%FT%T", out).ok_or(std::fmt::Error),
    };
}

/// `1e7` as `1.0E7`.
fn java_exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => text.to_owned(),
    }
}
