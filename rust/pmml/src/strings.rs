//! Text as codes: what the model spells out is known when it is loaded; the rest lives for one record.

use std::collections::HashMap;

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

/// Texts that a record brought, coded after those of the model.
#[derive(Debug, Default)]
pub(crate) struct RecordStrings {
    text: String,
    ends: Vec<usize>,
}

impl RecordStrings {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(crate) fn code(&mut self, known: &Strings, text: &str) -> u32 {
        if let Some(code) = known.code(text) {
            return code;
        }
        let base = known.len();
        for index in 0..self.ends.len() {
            if self.piece(index) == Some(text) {
                return (base + index) as u32;
            }
        }
        self.text.push_str(text);
        self.ends.push(self.text.len());
        (base + self.ends.len() - 1) as u32
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
