//! What a reader does with each field of a message.

use serving_model::Tag;

use super::super::descriptor::Kind;

/// What to do with the fields of one message.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By field number: index into `steps` plus one, 0 for a field that is skipped. Numbers beyond are looked up in `far`.
    near: Vec<u16>,
    far: Vec<(u32, u16)>,
    pub(super) steps: Vec<Step>,
    /// By key byte: what most fields of most records need, in one load instead of three.
    short: Vec<Short>,
}

/// A field that needs no more than its key to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Short {
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

#[derive(Debug)]
pub(super) enum Step {
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

impl Plan {
    pub(super) fn index_short(&mut self) {
        self.short = (0..ONE_BYTE_KEYS as u32).map(|key| self.short(key)).collect();
        for step in &mut self.steps {
            if let Step::Message { plan, .. } = step {
                plan.index_short();
            }
        }
    }

    pub(super) fn short(&self, key: u32) -> Short {
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
    pub(super) fn read_short<'a>(&self, mut bytes: &'a [u8], tags: &mut [u8], values: &mut [u64]) -> &'a [u8] {
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

    /// Passes over fields up to the first that is used.
    #[inline]
    pub(super) fn skip_short<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.read_short(bytes, &mut [], &mut [])
    }

    #[inline]
    pub(super) fn step(&self, number: u32) -> Option<&Step> {
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

    pub(super) fn index(&self, number: u32) -> Option<usize> {
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

    pub(super) fn add(&mut self, number: u32, step: Step) -> usize {
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
