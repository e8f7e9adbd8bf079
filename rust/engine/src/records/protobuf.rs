//! Reads protobuf messages without building them: only the fields that the model uses are decoded, straight into its cells.

mod in_order;
mod message;
mod plan;
mod wire;

use serving_model::wire::{InputBinding, ProtobufLayout};
use serving_model::{Block, Equation, ErrorCode, ModelError, Output, Schema, Tag};

use self::in_order::InOrder;
use self::message::{Repeats, read_message};
use self::plan::{Plan, Step};
use self::wire::{split_end, split_length};
use super::Framing;
use super::descriptor::{Kind, Leaf, leaves};
use crate::binding::{RecordField, bind_inputs};
use crate::layout::{NumberRow, number_row};

/// In place of the length of a record that is not there, because it was too large for the caller.
const HELD_BACK: [u8; 4] = i32::MIN.to_le_bytes();

/// Reads records of one message type for one model.
#[derive(Debug)]
pub struct ProtobufReader {
    root: Plan,
    in_order: InOrder,
    /// What rows hold before their records are read: defaults of fields without presence. As many rows as a call had so far.
    defaults: Block,
    default_tags: Vec<u8>,
    default_values: Vec<u64>,
    repeats: Repeats,
    repeated: Vec<Repeated>,
    /// Cells of each repeated field that is a list.
    lists: Vec<Vec<u32>>,
    /// Names that absent enum fields without presence have; text can't be in the template.
    default_names: Vec<(u32, String)>,
}

/// A repeated field that fills a tensor.
#[derive(Debug)]
struct Repeated {
    name: String,
    width: u32,
}

/// What messages of this layout offer.
pub(super) fn offered(layout: &ProtobufLayout) -> Result<Vec<RecordField>, ModelError> {
    Ok(leaves(layout)?.into_iter().map(|leaf| leaf.field).collect())
}

impl ProtobufReader {
    /// Binds a message type to the inputs of a model.
    ///
    /// # Errors
    /// `BINDING_FAILED` when the descriptor lacks the message or an input stays unbound.
    pub fn open(layout: &ProtobufLayout, schema: &Schema, bindings: &[InputBinding]) -> Result<Self, ModelError> {
        let leaves = leaves(layout)?;
        let fields: Vec<RecordField> = leaves.iter().map(|leaf| leaf.field.clone()).collect();
        let cells = schema.input_width().unwrap_or_default();
        let mut reader = Self {
            root: Plan::default(),
            in_order: InOrder::default(),
            defaults: Block::new(cells),
            default_tags: vec![Tag::Missing as u8; cells],
            default_values: vec![0; cells],
            repeats: Repeats::default(),
            repeated: Vec::new(),
            lists: Vec::new(),
            default_names: Vec::new(),
        };
        for input in bind_inputs(schema, &fields, bindings)? {
            for (at, field) in input.fields.iter().enumerate() {
                let slot = (input.slot + at) as u32;
                let width = if input.fields.len() == 1 { input.width } else { 1 };
                reader.add(&leaves[*field], slot, width as u32, input.list)?;
            }
        }
        reader.root.index_short();
        reader.in_order = InOrder::of(&leaves, &reader.root, &reader.default_tags);
        Ok(reader)
    }

    fn add(&mut self, leaf: &Leaf, slot: u32, width: u32, list: bool) -> Result<(), ModelError> {
        if self.root.steps.len() >= usize::from(u16::MAX) {
            return Err(ModelError::too_large(
                "a model can read at most 65535 fields of a record",
            ));
        }
        let mut plan = &mut self.root;
        let mut nested = None;
        let (last, outer) = leaf.path.split_last().unwrap_or((&0, &[]));
        for number in outer {
            let index = plan.index(*number).unwrap_or_else(|| {
                plan.add(
                    *number,
                    Step::Message {
                        plan: Plan::default(),
                        defaults: Vec::new(),
                    },
                )
            });
            let Step::Message { plan: inner, defaults } = &mut plan.steps[index] else {
                return Err(ModelError::new(
                    ErrorCode::BindingFailed,
                    format!("field {number} of the record is both a message and a value"),
                ));
            };
            plan = inner;
            nested = Some(defaults);
        }
        if let Kind::Enum(names) = &leaf.kind
            && !leaf.presence
            && nested.is_none()
        {
            let first = names.iter().find(|(number, _)| *number == 0);
            self.default_names.extend(first.map(|(_, name)| (slot, name.clone())));
        } else if !leaf.presence {
            let (tag, value) = default(&leaf.kind);
            if let Some(defaults) = nested {
                defaults.push((slot, tag as u8, value));
            } else {
                self.default_tags[slot as usize] = tag as u8;
                self.default_values[slot as usize] = value;
            }
        }
        match plan.index(*last) {
            Some(index) => match &mut plan.steps[index] {
                Step::Scalar { slots, .. } => slots.push(slot),
                Step::Repeated { slots, .. } if !list => slots.push(slot),
                Step::List { list: known, .. } if list => self.lists[*known].push(slot),
                _ => {
                    return Err(ModelError::new(
                        ErrorCode::BindingFailed,
                        format!(
                            "field '{}' of the record can't feed a list and other inputs",
                            leaf.field.name
                        ),
                    ));
                }
            },
            None if leaf.field.repeated && list => {
                plan.add(
                    *last,
                    Step::List {
                        kind: leaf.kind.clone(),
                        list: self.lists.len(),
                    },
                );
                self.lists.push(vec![slot]);
                self.repeats.lists.push(String::new());
            }
            None if leaf.field.repeated => {
                plan.add(
                    *last,
                    Step::Repeated {
                        kind: leaf.kind.clone(),
                        slots: vec![slot],
                        seen: self.repeats.seen.len(),
                        width,
                    },
                );
                self.repeats.seen.push(0);
                self.repeated.push(Repeated {
                    name: leaf.field.name.clone(),
                    width,
                });
            }
            None => {
                plan.add(
                    *last,
                    Step::Scalar {
                        kind: leaf.kind.clone(),
                        slots: vec![slot],
                    },
                );
            }
        }
        Ok(())
    }

    /// See [`RecordReader::read`](super::RecordReader::read).
    pub fn read(&mut self, input: &[u8], rows: usize, framing: Framing, block: &mut Block, output: &mut Output) {
        match framing {
            Framing::Lengths => self.read_all(input, rows, split_length, block, output),
            Framing::Ends => self.read_all(input, rows, split_end, block, output),
        }
    }

    /// `split` parts the next record from what comes after it.
    #[inline]
    fn read_all(
        &mut self,
        input: &[u8],
        rows: usize,
        split: impl Fn(&[u8]) -> Option<(&[u8], &[u8])>,
        block: &mut Block,
        output: &mut Output,
    ) {
        if self.defaults.rows() < rows {
            self.defaults.reset(rows);
            for row in 0..rows {
                let (tags, values) = self.defaults.row_mut(row);
                tags.copy_from_slice(&self.default_tags);
                values.copy_from_slice(&self.default_values);
            }
        }
        block.reset_to_tags(&self.defaults, rows);
        if !self.in_order.fill_rows {
            block.copy_values(&self.defaults, rows);
        }
        let mut rest = input;
        for row in 0..rows {
            let Some((record, after)) = split(rest) else {
                if let Some(after) = rest.strip_prefix(&HELD_BACK) {
                    output.fail(
                        row,
                        ErrorCode::RecordTooLarge,
                        format_args!("the caller held record {row} back"),
                    );
                    rest = after;
                    continue;
                }
                for row in row..rows {
                    output.fail(
                        row,
                        ErrorCode::RecordUnreadable,
                        format_args!("the input buffer ends before record {row}"),
                    );
                }
                return;
            };
            rest = after;
            self.read_one(record, row, block, output);
        }
    }

    #[inline]
    fn read_one(&mut self, record: &[u8], row: usize, block: &mut Block, output: &mut Output) {
        let (tags, values) = block.row_mut(row);
        let rest = self.in_order.read(record, values, &self.default_values);
        let rest = self.root.read_short(rest, tags, values);
        if !(rest.is_empty() && self.has_fields_alone()) {
            self.read_rest(record.len(), rest, row, block, output);
        }
    }

    /// Whether nothing is left to do when all fields are read.
    #[inline]
    fn has_fields_alone(&self) -> bool {
        self.repeated.is_empty() && self.lists.is_empty() && self.default_names.is_empty()
    }

    /// See [`RecordReader::can_weigh`](super::RecordReader::can_weigh).
    pub(super) fn can_weigh(&self) -> bool {
        self.in_order.are_cells(self.default_tags.len()) && self.has_fields_alone()
    }

    /// See [`RecordReader::weigh`](super::RecordReader::weigh).
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `RowScorer::score_framed`")]
    pub(super) fn weigh(
        &self,
        input: &[u8],
        framing: Framing,
        equation: &Equation,
        answers: &mut [NumberRow],
    ) -> Option<()> {
        match framing {
            Framing::Lengths => self.weigh_all(input, split_length, equation, answers),
            Framing::Ends => self.weigh_all(input, split_end, equation, answers),
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `RowScorer::score_framed`")]
    fn weigh_all(
        &self,
        mut input: &[u8],
        split: impl Fn(&[u8]) -> Option<(&[u8], &[u8])>,
        equation: &Equation,
        answers: &mut [NumberRow],
    ) -> Option<()> {
        let cells = self.in_order.first(equation.weights.len())?;
        for answer in answers {
            let (record, after) = split(input)?;
            input = after;
            let (sum, rest) = cells.weigh(record, &equation.weights);
            if !self.root.skip_short(rest).is_empty() {
                return None;
            }
            *answer = number_row(equation.answer(sum)?);
        }
        Some(())
    }

    /// What most records do not have.
    #[inline(never)]
    fn read_rest(&mut self, record_bytes: usize, rest: &[u8], row: usize, block: &mut Block, output: &mut Output) {
        self.repeats.seen.fill(0);
        for list in &mut self.repeats.lists {
            list.clear();
        }
        if let Err(why) = read_message(&self.root, rest, row, block, &mut self.repeats) {
            output.fail(
                row,
                ErrorCode::RecordUnreadable,
                format_args!("the record ({record_bytes} bytes) is not a message of its type: {why}"),
            );
            return;
        }
        for (slot, name) in &self.default_names {
            if block.tags(row)[*slot as usize] == Tag::Missing as u8 {
                block.set_text(row, *slot as usize, name);
            }
        }
        // A record can't tell an empty list from none.
        for (list, slots) in self.repeats.lists.iter_mut().zip(&self.lists) {
            list.insert(0, '[');
            list.push(']');
            for slot in slots {
                block.set_text(row, *slot as usize, list);
            }
        }
        for (seen, repeated) in self.repeats.seen.iter().zip(&self.repeated) {
            if *seen != repeated.width && *seen != 0 {
                output.fail(
                    row,
                    ErrorCode::FieldInvalid,
                    format_args!(
                        "field '{}' has {seen} values, the model takes {}",
                        repeated.name, repeated.width
                    ),
                );
            }
        }
    }
}

fn default(kind: &Kind) -> (Tag, u64) {
    match kind {
        Kind::Double => (Tag::Double, 0),
        Kind::Float => (Tag::Float, 0),
        Kind::Boolean => (Tag::Boolean, 0),
        Kind::String => (Tag::String, 0),
        Kind::Enum(_) => (Tag::Missing, 0),
        _ => (Tag::Long, 0),
    }
}
