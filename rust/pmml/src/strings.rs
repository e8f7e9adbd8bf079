//! Text as codes: what the model spells out is known when it is loaded; the rest lives for one record.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::heap::map_bytes;

/// The texts of a model.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    codes: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Strings {
    /// The code of a text, new or known.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.codes.insert(text.into(), code);
        self.texts.push(text.into());
        code
    }

    pub(crate) fn code(&self, text: &str) -> Option<u32> {
        self.codes.get(text).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn get(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(AsRef::as_ref)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let text: usize = self.texts.iter().map(|text| 2 * text.len()).sum();
        text + self.texts.capacity() * size_of::<Box<str>>()
            + map_bytes(self.codes.capacity(), size_of::<(Box<str>, u32)>())
    }
}

/// So many texts of a record are looked through one by one; more are found by their hash.
const FEW: usize = 32;

/// Texts that a record brought, coded after those of the model.
#[derive(Debug, Default)]
pub(crate) struct RecordStrings {
    text: String,
    ends: Vec<usize>,
    /// The latest text of each hash, once there are more than a few.
    latest: HashMap<u64, u32>,
    /// For each text the one before it with the same hash, or itself.
    before: Vec<u32>,
    hasher: RandomState,
}

impl RecordStrings {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        if !self.before.is_empty() {
            self.before.clear();
            self.latest.clear();
        }
    }

    /// Gives back what only an unusual record needs.
    pub(crate) fn trim(&mut self) {
        self.clear();
        self.text.shrink_to(1 << 16);
        self.ends.shrink_to(1 << 10);
        self.before.shrink_to(1 << 10);
        self.latest.shrink_to(1 << 10);
    }

    pub(crate) fn code(&mut self, known: &Strings, text: &str) -> u32 {
        if let Some(code) = known.code(text) {
            return code;
        }
        let found = if self.ends.len() < FEW {
            (0..self.ends.len()).find(|index| self.piece(*index) == Some(text))
        } else {
            self.find(text)
        };
        (known.len() + found.unwrap_or_else(|| self.push(text))) as u32
    }

    fn push(&mut self, text: &str) -> usize {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        let index = self.ends.len() - 1;
        if index >= FEW {
            self.index();
        }
        index
    }

    /// Makes the texts that are not yet known by their hash known by it.
    fn index(&mut self) {
        for index in self.before.len()..self.ends.len() {
            let hash = self.hasher.hash_one(self.piece(index).unwrap_or_default());
            let before = self.latest.insert(hash, index as u32);
            self.before.push(before.unwrap_or(index as u32));
        }
    }

    fn find(&mut self, text: &str) -> Option<usize> {
        self.index();
        let mut index = *self.latest.get(&self.hasher.hash_one(text))? as usize;
        loop {
            if self.piece(index) == Some(text) {
                return Some(index);
            }
            let before = *self.before.get(index)? as usize;
            if before == index {
                return None;
            }
            index = before;
        }
    }

    fn piece(&self, index: usize) -> Option<&str> {
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.text.get(start..*self.ends.get(index)?)
    }

    pub(crate) fn get<'a>(&'a self, known: &'a Strings, code: u32) -> &'a str {
        known
            .get(code)
            .or_else(|| self.piece((code as usize).checked_sub(known.len())?))
            .unwrap_or_default()
    }
}
