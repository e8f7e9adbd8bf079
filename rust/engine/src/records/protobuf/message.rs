//! Reads whatever a message has, field by field.

use std::fmt::Write as _;

use serving_model::{Block, Tag, push_list_text};

use super::super::descriptor::Kind;
use super::plan::{Plan, Step};
use super::wire::{Unreadable, delimited, skip, take, varint};

/// What a record has had so far of its repeated fields.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// How many values of each that fills a tensor.
    pub(super) seen: Vec<u32>,
    /// The values of each that is a list, as JSON without brackets.
    pub(super) lists: Vec<String>,
}

/// Reads one message. Recursion goes as deep as bound paths do, whatever the record holds.
pub(super) fn read_message(
    plan: &Plan,
    mut bytes: &[u8],
    row: usize,
    block: &mut Block,
    repeats: &mut Repeats,
) -> Result<(), Unreadable> {
    loop {
        let (tags, values) = block.row_mut(row);
        bytes = plan.read_short(bytes, tags, values);
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
