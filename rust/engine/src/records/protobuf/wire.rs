//! The parts of protobuf's encoding: lengths, varints, what is passed over.

use std::fmt;

/// Why a record can't be read.
pub(super) enum Unreadable {
    Truncated,
    Varint,
    FieldNumber,
    WireType(u32),
    Text(u32),
    Groups,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

#[inline]
pub(super) fn split_length(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// See [`Framing::Ends`].
#[inline]
pub(super) fn split_end(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, rest) = input.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (whole, after) = rest.split_at_checked(u32::from_be_bytes(*whole) as usize)?;
    let start = whole.len().checked_sub(u32::from_be_bytes(*length) as usize)?;
    Some((&whole[start..], after))
}

#[inline]
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
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
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(Unreadable::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

pub(super) fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let length = usize::try_from(varint(bytes)?).map_err(|_| Unreadable::Truncated)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Unreadable::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

/// Passes over a field that the model does not use.
pub(super) fn skip(bytes: &mut &[u8], number: u32, wire: u32) -> Result<(), Unreadable> {
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
