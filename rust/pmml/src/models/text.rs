//! `TextModel`: the document of a corpus that is most similar to a text.
//!
//! A document is a vector of weighted frequencies of the dictionary's terms; its weights and those of the text are computed alike
//! (PMML 4.4, Text Models). Vectors hold only what is not zero.

use std::collections::HashMap;

use super::Model;
use crate::run::{Run, Scored, Slot};
use crate::value::{Type, Value};

/// `localTermWeights`. Logarithms are to base 10, as in `TextIndex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalWeights {
    TermFrequency,
    Binary,
    Logarithmic,
    Augmented,
}

impl LocalWeights {
    /// The weight of a term with a frequency above zero; `most` is the highest frequency in the document.
    pub(crate) fn of(self, frequency: f64, most: f64) -> f64 {
        match self {
            Self::TermFrequency => frequency,
            Self::Binary => 1.0,
            Self::Logarithmic => (1.0 + frequency).log10(),
            Self::Augmented => f64::midpoint(1.0, frequency / most),
        }
    }
}

/// Where the frequencies of the terms come from.
#[derive(Debug)]
pub(crate) enum Frequencies {
    /// Fields of text, whose terms are counted.
    Texts(Box<[Slot]>),
    /// Fields of numbers, each with its term.
    Fields(Box<[(Slot, u32)]>),
}

/// Terms by what they look like in a text, all lower case, with one blank between words and without punctuation around them.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// What several words begin with is here as well, without a term.
    terms: HashMap<Box<str>, Option<u32>>,
}

impl Vocabulary {
    /// Adds a term; the first of those that look alike counts. Returns how many words it has.
    pub(crate) fn add(&mut self, term: &str, number: u32) -> usize {
        let mut normal = String::new();
        normalize(term, &mut normal);
        for (end, _) in normal.match_indices(' ') {
            self.terms.entry(normal[..end].into()).or_insert(None);
        }
        let words = normal.split_ascii_whitespace().count();
        if words > 0 {
            let known = self.terms.entry(normal.into()).or_insert(None);
            *known = known.or(Some(number));
        }
        words
    }

    /// Counts the terms of a normalized text, those within others too.
    fn count(&self, text: &str, frequencies: &mut [f64]) {
        let mut start = 0;
        while start < text.len() {
            let mut end = start;
            loop {
                end += text[end..].find(' ').unwrap_or(text.len() - end);
                let Some(term) = self.terms.get(&text[start..end]) else {
                    break;
                };
                if let Some(term) = term {
                    frequencies[*term as usize] += 1.0;
                }
                if end == text.len() {
                    break;
                }
                end += 1;
            }
            start += text[start..].find(' ').map_or(text.len() - start, |blank| blank + 1);
        }
    }

    fn heap_bytes(&self) -> usize {
        self.terms.keys().map(|term| term.len()).sum::<usize>() + 25 * self.terms.capacity()
    }
}

fn normalize(text: &str, out: &mut String) {
    for word in text.split_whitespace() {
        let word = word.trim_matches(|character: char| character.is_ascii_punctuation());
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
}

/// A compiled `TextModel`; the classes of the model are the documents.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) frequencies: Frequencies,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) local: LocalWeights,
    /// Weight of each term in the corpus.
    pub(crate) global: Box<[f64]>,
    /// Vectors are divided by their length.
    pub(crate) normalized: bool,
    /// The angle between vectors counts, not their distance.
    pub(crate) cosine: bool,
    /// Where the terms of each document begin, and where those of the last end.
    pub(crate) starts: Box<[u32]>,
    /// Terms and their weights, rising within a document.
    pub(crate) weights: Box<[(u32, f64)]>,
}

impl Text {
    /// The vector of a document or a text with these frequencies.
    pub(crate) fn vector(
        (local, global, normalized): (LocalWeights, &[f64], bool),
        frequencies: &[f64],
        vector: &mut Vec<(u32, f64)>,
    ) {
        let start = vector.len();
        let most = frequencies.iter().copied().fold(0.0, f64::max);
        for (term, (frequency, weight)) in frequencies.iter().zip(global).enumerate() {
            let weight = weight
                * if *frequency > 0.0 {
                    local.of(*frequency, most)
                } else {
                    0.0
                };
            if weight != 0.0 {
                vector.push((term as u32, weight));
            }
        }
        let length = length(&vector[start..]);
        if normalized && length > 0.0 {
            for (_, weight) in &mut vector[start..] {
                *weight /= length;
            }
        }
    }

    fn document(&self, number: usize) -> &[(u32, f64)] {
        &self.weights[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.vocabulary.heap_bytes() + 8 * self.global.len() + 4 * self.starts.len() + 16 * self.weights.len()
    }
}

fn length(vector: &[(u32, f64)]) -> f64 {
    vector.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt()
}

/// What two vectors have at each term that one of them has.
fn pairs(mut a: &[(u32, f64)], mut b: &[(u32, f64)], mut with: impl FnMut(f64, f64)) {
    loop {
        match (a.split_first(), b.split_first()) {
            (Some(((left, x), rest)), Some(((right, y), others))) if left == right => {
                with(*x, *y);
                (a, b) = (rest, others);
            }
            (Some(((left, x), rest)), Some(((right, _), _))) if left < right => {
                with(*x, 0.0);
                a = rest;
            }
            (Some(((_, x), rest)), None) => {
                with(*x, 0.0);
                a = rest;
            }
            (_, Some(((_, y), others))) => {
                with(0.0, *y);
                b = others;
            }
            (None, None) => return,
        }
    }
}

impl Run<'_> {
    /// Answers with the most similar document; of equals the first. A text without any term of the dictionary is similar to none.
    pub(crate) fn text_model(&mut self, index: usize, model: &Model, text: &Text) -> Scored<bool> {
        let base = self.scratch.work.len();
        self.scratch.work.resize(base + text.global.len(), 0.0);
        let found = self.frequencies(text, base);
        let scratch = &mut *self.scratch;
        scratch.vector.clear();
        let weights = (text.local, &*text.global, text.normalized);
        Text::vector(weights, &scratch.work[base..], &mut scratch.vector);
        scratch.work.truncate(base);
        let length_of_text = length(&scratch.vector);
        if !found? || length_of_text == 0.0 {
            return Ok(false);
        }
        scratch.ranks.clear();
        for number in 0..model.classes.len() {
            let document = text.document(number);
            let mut sum = 0.0;
            let affinity = if text.cosine {
                pairs(&scratch.vector, document, |a, b| sum += a * b);
                let lengths = length_of_text * length(document);
                if lengths > 0.0 { sum / lengths } else { 0.0 }
            } else {
                pairs(&scratch.vector, document, |a, b| sum += (a - b) * (a - b));
                sum.sqrt()
            };
            scratch.shares[model.shares + number] = affinity;
            scratch.ranks.push((affinity, number as u32));
        }
        let sign = if text.cosine { -1.0 } else { 1.0 };
        scratch
            .ranks
            .sort_unstable_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1)));
        let Some((_, best)) = scratch.ranks.first().copied() else {
            return Ok(false);
        };
        for (_, entity) in &mut scratch.ranks {
            *entity = model.classes[*entity as usize].code;
        }
        let outcome = &mut scratch.outcomes[index];
        outcome.entity = Value::Text(model.classes[best as usize].code);
        outcome.entity_index = best;
        outcome.shared = true;
        Ok(self.answer_class(index, model, best))
    }

    /// Adds the frequencies of the record's terms; `false` when it has neither text nor numbers.
    fn frequencies(&mut self, text: &Text, base: usize) -> Scored<bool> {
        let mut found = false;
        match &text.frequencies {
            Frequencies::Fields(fields) => {
                for (slot, term) in fields {
                    if let Some(number) = self.number(*slot)? {
                        self.scratch.work[base + *term as usize] += number;
                        found = true;
                    }
                }
            }
            Frequencies::Texts(slots) => {
                for slot in slots {
                    let value = self.value(*slot)?;
                    if let Value::Text(code) = self.cast(Type::String, value, *slot)? {
                        let length = self.text(code).len();
                        self.scratch.steps.take(length)?;
                        let mut normal = std::mem::take(&mut self.scratch.text);
                        normal.clear();
                        normalize(self.text(code), &mut normal);
                        text.vocabulary.count(&normal, &mut self.scratch.work[base..]);
                        self.scratch.text = normal;
                        found = true;
                    }
                }
            }
        }
        Ok(found)
    }
}
