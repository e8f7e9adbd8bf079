//! Reads protobuf messages without building them: only the fields that the model uses are decoded, straight into its cells.

use std::fmt::Write as _;

use serving_model::wire::{InputBinding, ProtobufLayout};
use serving_model::{Block, ErrorCode, ModelError, Output, Schema, Tag, push_list_text};

use super::Framing;
use super::descriptor::{Kind, Leaf, leaves};
use crate::binding::{RecordField, bind_inputs};

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

/// What a record has had so far of its repeated fields.
#[derive(Debug, Default)]
struct Repeats {
    /// How many values of each that fills a tensor.
    seen: Vec<u32>,
    /// The values of each that is a list, as JSON without brackets.
    lists: Vec<String>,
}

/// What to do with the fields of one message.
#[derive(Debug, Default)]
struct Plan {
    /// By field number: index into `steps` plus one, 0 for a field that is skipped. Numbers beyond are looked up in `far`.
    near: Vec<u16>,
    far: Vec<(u32, u16)>,
    steps: Vec<Step>,
    /// By key byte: what most fields of most records need, in one load instead of three.
    short: Vec<Short>,
}

/// A field that needs no more than its key to be read.
#[derive(Clone, Copy, Debug)]
enum Short {
    /// Not such a field.
    General,
    /// A double that feeds one cell.
    Double(u32),
    /// Not used, so many bytes long.
    Skip(u8),
    /// Not used, behind its length.
    SkipDelimited,
}

// Keys up to here take one byte: field numbers 1 to 15.
const ONE_BYTE_KEYS: usize = 128;

const NEAR: u32 = 256;

/// In place of the length of a record that is not there, because it was too large for the caller.
const HELD_BACK: [u8; 4] = i32::MIN.to_le_bytes();

#[derive(Debug)]
enum Step {
    Scalar {
        kind: Kind,
        slots: Vec<u32>,
    },
    Repeated {
        kind: Kind,
        slots: Vec<u32>,
        seen: usize,
        width: u32,
    },
    List {
        kind: Kind,
        list: usize,
    },
    Message {
        plan: Plan,
        defaults: Vec<(u32, u8, u64)>,
    },
}

/// The doubles that a message begins with when its fields come in the order of their numbers, as all serializers write them. A
/// field that is not there has its default. What comes in another order is left to [`Plan`].
#[derive(Debug, Default)]
struct InOrder {
    /// Key byte and cell of each; the cell of one that the model does not use is beyond those of a row.
    fields: Vec<(u8, u32)>,
    /// They fill all cells of a row.
    fill_rows: bool,
}

impl InOrder {
    fn of(leaves: &[Leaf], plan: &Plan, default_tags: &[u8]) -> Self {
        let unused = default_tags.len() as u32;
        let mut numbered: Vec<&Leaf> = leaves.iter().collect();
        numbered.sort_by_key(|leaf| leaf.path.first().copied());
        let mut fields = Vec::new();
        for leaf in numbered {
            let ([number @ 1..16], Kind::Double, false) = (leaf.path.as_slice(), &leaf.kind, leaf.field.repeated)
            else {
                break;
            };
            let key = number << 3 | 1;
            match plan.short(key) {
                Short::Skip(_) => fields.push((key as u8, unused)),
                // Its tag is there already.
                Short::Double(slot) if default_tags.get(slot as usize) == Some(&(Tag::Double as u8)) => {
                    fields.push((key as u8, slot));
                }
                _ => break,
            }
        }
        let fill_rows = (0..unused).all(|cell| fields.iter().any(|(_, slot)| *slot == cell));
        Self { fields, fill_rows }
    }

    /// Reads these fields; returns what is left of the record. Values that may come later are the defaults already, unless these
    /// fields fill the row.
    #[inline]
    fn read<'a>(&self, bytes: &'a [u8], values: &mut [u64], defaults: &[u64]) -> &'a [u8] {
        if let Some((head, rest)) = bytes.split_at_checked(9 * self.fields.len()) {
            let (doubles, _) = head.as_chunks::<9>();
            let differences = self
                .fields
                .iter()
                .zip(doubles)
                .fold(0, |so_far, ((key, _), [first, ..])| so_far | (key ^ first));
            if differences == 0 {
                for ((_, slot), [_, bits @ ..]) in self.fields.iter().zip(doubles) {
                    if let Some(value) = values.get_mut(*slot as usize) {
                        *value = u64::from_le_bytes(*bits);
                    }
                }
                return rest;
            }
        }
        if self.fill_rows {
            values.copy_from_slice(defaults);
        }
        self.read_some(bytes, values)
    }

    /// The same when fields are missing.
    fn read_some<'a>(&self, mut bytes: &'a [u8], values: &mut [u64]) -> &'a [u8] {
        for (key, slot) in &self.fields {
            if let Some(([first, bits @ ..], rest)) = bytes.split_first_chunk::<9>()
                && first == key
            {
                if let Some(value) = values.get_mut(*slot as usize) {
                    *value = u64::from_le_bytes(*bits);
                }
                bytes = rest;
            }
        }
        bytes
    }
}

/// Why a record can't be read.
enum Unreadable {
    Truncated,
    Varint,
    FieldNumber,
    WireType(u32),
    Text(u32),
    Groups,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("it ends in the middle of a field"),
            Self::Varint => f.write_str("a varint has more than 10 bytes"),
            Self::FieldNumber => f.write_str("a field number is 0 or too large"),
            Self::WireType(field) => write!(f, "field {field} has another wire type than declared"),
            Self::Text(field) => write!(f, "field {field} is not UTF-8"),
            Self::Groups => f.write_str("groups are not balanced"),
        }
    }
}

impl Plan {
    fn index_short(&mut self) {
        self.short = (0..ONE_BYTE_KEYS as u32).map(|key| self.short(key)).collect();
        for step in &mut self.steps {
            if let Step::Message { plan, .. } = step {
                plan.index_short();
            }
        }
    }

    fn short(&self, key: u32) -> Short {
        match (self.step(key >> 3), key & 7) {
            _ if key < 8 => Short::General,
            (
                Some(Step::Scalar {
                    kind: Kind::Double,
                    slots,
                }),
                1,
            ) => match slots.as_slice() {
                [slot] => Short::Double(*slot),
                _ => Short::General,
            },
            (None, 1) => Short::Skip(8),
            (None, 5) => Short::Skip(4),
            (None, 2) => Short::SkipDelimited,
            _ => Short::General,
        }
    }

    /// Reads fields up to the first that needs more than its key; returns what is left from there.
    #[inline]
    fn read_short<'a>(&self, mut bytes: &'a [u8], row: usize, block: &mut Block) -> &'a [u8] {
        let (tags, values) = block.row_mut(row);
        while let Some((key, rest)) = bytes.split_first() {
            let after = match self.short.get(usize::from(*key)) {
                Some(Short::Double(slot)) => {
                    if let Some((bits, after)) = rest.split_first_chunk::<8>()
                        && let Some(value) = values.get_mut(*slot as usize)
                        && let Some(tag) = tags.get_mut(*slot as usize)
                    {
                        *value = u64::from_le_bytes(*bits);
                        *tag = Tag::Double as u8;
                        Some(after)
                    } else {
                        None
                    }
                }
                Some(Short::Skip(length)) => rest.get(usize::from(*length)..),
                Some(Short::SkipDelimited) => match rest.split_first() {
                    Some((length, text)) if *length < 0x80 => text.get(usize::from(*length)..),
                    _ => None,
                },
                _ => None,
            };
            let Some(after) = after else { break };
            bytes = after;
        }
        bytes
    }

    #[inline]
    fn step(&self, number: u32) -> Option<&Step> {
        let index = match self.near.get(number as usize) {
            Some(index) => *index,
            None if self.far.is_empty() => 0,
            None => self
                .far
                .binary_search_by_key(&number, |(known, _)| *known)
                .map_or(0, |at| self.far[at].1),
        };
        self.steps.get(usize::from(index).wrapping_sub(1))
    }

    fn index(&self, number: u32) -> Option<usize> {
        let known = if number < NEAR {
            self.near.get(number as usize).copied()
        } else {
            self.far
                .binary_search_by_key(&number, |(known, _)| *known)
                .ok()
                .map(|at| self.far[at].1)
        };
        known.filter(|index| *index > 0).map(|index| usize::from(index) - 1)
    }

    fn add(&mut self, number: u32, step: Step) -> usize {
        self.steps.push(step);
        let index = self.steps.len() as u16;
        if number < NEAR {
            let length = self.near.len().max(number as usize + 1);
            self.near.resize(length, 0);
            self.near[number as usize] = index;
        } else {
            let at = self.far.partition_point(|(known, _)| *known < number);
            self.far.insert(at, (number, index));
        }
        usize::from(index) - 1
    }
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
        let record_bytes = record.len();
        let record = self.in_order.read(record, block.row_mut(row).1, &self.default_values);
        if !self.repeats.seen.is_empty() {
            self.repeats.seen.fill(0);
        }
        for list in &mut self.repeats.lists {
            list.clear();
        }
        let record = self.root.read_short(record, row, block);
        if !record.is_empty()
            && let Err(why) = read_message(&self.root, record, row, block, &mut self.repeats)
        {
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

#[inline]
fn split_length(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// See [`Framing::Ends`].
#[inline]
fn split_end(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, rest) = input.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (whole, after) = rest.split_at_checked(u32::from_be_bytes(*whole) as usize)?;
    let start = whole.len().checked_sub(u32::from_be_bytes(*length) as usize)?;
    Some((&whole[start..], after))
}

#[inline]
fn varint(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    match bytes.split_first() {
        Some((first, rest)) if *first < 0x80 => {
            *bytes = rest;
            Ok(u64::from(*first))
        }
        Some(_) => long_varint(bytes),
        None => Err(Unreadable::Truncated),
    }
}

fn long_varint(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < 10 {
        Unreadable::Truncated
    } else {
        Unreadable::Varint
    })
}

#[inline]
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(Unreadable::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let length = usize::try_from(varint(bytes)?).map_err(|_| Unreadable::Truncated)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Unreadable::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

/// Reads one message. Recursion goes as deep as bound paths do, whatever the record holds.
fn read_message(
    plan: &Plan,
    mut bytes: &[u8],
    row: usize,
    block: &mut Block,
    repeats: &mut Repeats,
) -> Result<(), Unreadable> {
    loop {
        bytes = plan.read_short(bytes, row, block);
        if bytes.is_empty() {
            return Ok(());
        }
        let key = u32::try_from(varint(&mut bytes)?).map_err(|_| Unreadable::FieldNumber)?;
        let (number, wire) = (key >> 3, key & 7);
        if number == 0 {
            return Err(Unreadable::FieldNumber);
        }
        match plan.step(number) {
            None => skip(&mut bytes, number, wire)?,
            Some(Step::Scalar { kind, slots }) => {
                if wire != kind.wire() {
                    return Err(Unreadable::WireType(number));
                }
                let value = value(kind, &mut bytes, number, block)?;
                for slot in slots {
                    write(block, row, *slot, value);
                }
            }
            Some(Step::Repeated {
                kind,
                slots,
                seen: counter,
                width,
            }) => {
                let mut one = |bytes: &mut &[u8], block: &mut Block| -> Result<(), Unreadable> {
                    let value = value(kind, bytes, number, block)?;
                    let index = repeats.seen[*counter];
                    repeats.seen[*counter] = index.saturating_add(1);
                    if index < *width {
                        for slot in slots {
                            write(block, row, slot + index, value);
                        }
                    }
                    Ok(())
                };
                if wire == kind.wire() {
                    one(&mut bytes, block)?;
                } else if wire == 2 {
                    let mut packed = delimited(&mut bytes)?;
                    while !packed.is_empty() {
                        one(&mut packed, block)?;
                    }
                } else {
                    return Err(Unreadable::WireType(number));
                }
            }
            Some(Step::List { kind, list }) => {
                if wire == kind.wire() {
                    list_value(kind, &mut bytes, number, block, &mut repeats.lists[*list])?;
                } else if wire == 2 {
                    let mut packed = delimited(&mut bytes)?;
                    while !packed.is_empty() {
                        list_value(kind, &mut packed, number, block, &mut repeats.lists[*list])?;
                    }
                } else {
                    return Err(Unreadable::WireType(number));
                }
            }
            Some(Step::Message { plan, defaults }) => {
                if wire != 2 {
                    return Err(Unreadable::WireType(number));
                }
                let inner = delimited(&mut bytes)?;
                let (tags, values) = block.row_mut(row);
                for (slot, tag, value) in defaults {
                    let slot = *slot as usize;
                    if tags[slot] == Tag::Missing as u8 {
                        (tags[slot], values[slot]) = (*tag, *value);
                    }
                }
                read_message(plan, inner, row, block, repeats)?;
            }
        }
    }
}

#[inline]
fn write(block: &mut Block, row: usize, slot: u32, (tag, value): (Tag, u64)) {
    let (tags, values) = block.row_mut(row);
    tags[slot as usize] = tag as u8;
    values[slot as usize] = value;
}

impl Kind {
    fn wire(&self) -> u32 {
        match self {
            Self::Double | Self::Fixed64 | Self::SignedFixed64 => 1,
            Self::Float | Self::Fixed32 | Self::SignedFixed32 => 5,
            Self::Varint | Self::Unsigned | Self::ZigZag | Self::Boolean | Self::Enum(_) => 0,
            Self::String => 2,
        }
    }
}

fn value(kind: &Kind, bytes: &mut &[u8], number: u32, block: &mut Block) -> Result<(Tag, u64), Unreadable> {
    let text = |block: &mut Block, text: &str| match block.push_text(text) {
        Some(value) => (Tag::String, value),
        None => (Tag::Missing, 0),
    };
    Ok(match kind {
        Kind::Double => (Tag::Double, u64::from_le_bytes(take(bytes)?)),
        Kind::Float => (Tag::Float, u64::from(u32::from_le_bytes(take(bytes)?))),
        Kind::Varint => (Tag::Long, varint(bytes)?),
        Kind::Unsigned => {
            let value = varint(bytes)?;
            match i64::try_from(value) {
                Ok(_) => (Tag::Long, value),
                Err(_) => (Tag::Double, (value as f64).to_bits()),
            }
        }
        Kind::ZigZag => {
            let value = varint(bytes)?;
            (Tag::Long, (value >> 1) ^ (value & 1).wrapping_neg())
        }
        Kind::Boolean => (Tag::Boolean, u64::from(varint(bytes)? != 0)),
        Kind::Fixed32 => (Tag::Long, u64::from(u32::from_le_bytes(take(bytes)?))),
        Kind::SignedFixed32 => (Tag::Long, i64::from(i32::from_le_bytes(take(bytes)?)).cast_unsigned()),
        Kind::Fixed64 => {
            let value = u64::from_le_bytes(take(bytes)?);
            match i64::try_from(value) {
                Ok(_) => (Tag::Long, value),
                Err(_) => (Tag::Double, (value as f64).to_bits()),
            }
        }
        Kind::SignedFixed64 => (Tag::Long, u64::from_le_bytes(take(bytes)?)),
        Kind::String => {
            let raw = delimited(bytes)?;
            text(block, std::str::from_utf8(raw).map_err(|_| Unreadable::Text(number))?)
        }
        Kind::Enum(names) => {
            let value = varint(bytes)? as i32;
            match names.iter().find(|(known, _)| *known == value) {
                Some((_, name)) => text(block, name),
                None => (Tag::Long, i64::from(value).cast_unsigned()),
            }
        }
    })
}

/// Reads a value and appends it to a list.
fn list_value(
    kind: &Kind,
    bytes: &mut &[u8],
    number: u32,
    block: &mut Block,
    list: &mut String,
) -> Result<(), Unreadable> {
    let (tag, value) = value(kind, bytes, number, block)?;
    if !list.is_empty() {
        list.push(',');
    }
    // Writing into a String can't fail.
    let _ = match tag {
        Tag::Long => write!(list, "{}", value.cast_signed()),
        Tag::Boolean => write!(list, "{}", value != 0),
        Tag::Float if f32::from_bits(value as u32).is_finite() => write!(list, "{:?}", f32::from_bits(value as u32)),
        Tag::Double if f64::from_bits(value).is_finite() => write!(list, "{:?}", f64::from_bits(value)),
        // JSON has no such numbers.
        Tag::Missing | Tag::Label | Tag::Float | Tag::Double => write!(list, "null"),
        Tag::String => {
            push_list_text(list, block.text(value));
            Ok(())
        }
    };
    Ok(())
}

/// Passes over a field that the model does not use.
fn skip(bytes: &mut &[u8], number: u32, wire: u32) -> Result<(), Unreadable> {
    match wire {
        0 => varint(bytes).map(|_| ()),
        1 => take::<8>(bytes).map(|_| ()),
        2 => delimited(bytes).map(|_| ()),
        3 => skip_group(bytes, number),
        5 => take::<4>(bytes).map(|_| ()),
        _ => Err(Unreadable::Groups),
    }
}

fn skip_group(bytes: &mut &[u8], number: u32) -> Result<(), Unreadable> {
    const DEEPEST: usize = 64;
    let mut open = vec![number];
    while let Some(innermost) = open.last().copied() {
        let key = u32::try_from(varint(bytes)?).map_err(|_| Unreadable::FieldNumber)?;
        match (key >> 3, key & 7) {
            (0, _) => return Err(Unreadable::FieldNumber),
            (inner, 3) if open.len() < DEEPEST => open.push(inner),
            (ended, 4) if ended == innermost => {
                open.pop();
            }
            (_, 3 | 4) => return Err(Unreadable::Groups),
            (inner, wire) => skip(bytes, inner, wire)?,
        }
    }
    Ok(())
}
