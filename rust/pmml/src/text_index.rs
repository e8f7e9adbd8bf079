//! `TextIndex`: how often a term occurs in a text.

use crate::expression::Expression;
use crate::pattern::{Pattern, Replacement};
use crate::run::{NO_SLOT, Run, Scored};
use crate::steps::Steps;
use crate::value::{Type, Value};

/// `localTermWeights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    TermFrequency,
    Binary,
    Logarithmic,
    Augmented,
}

#[allow(clippy::struct_excessive_bools, reason = "they are the attributes of the element")]
/// A `TextIndex` with the separator of words compiled.
#[derive(Debug)]
pub(crate) struct TextIndex {
    pub(crate) text: Expression,
    pub(crate) term: Expression,
    pub(crate) weights: Weights,
    pub(crate) case_sensitive: bool,
    pub(crate) max_distance: usize,
    /// Every hit counts, or only the best.
    pub(crate) all_hits: bool,
    pub(crate) separator: Pattern,
    /// The pattern is that of a word, not of what is between words.
    pub(crate) matches_words: bool,
    pub(crate) tokenize: bool,
    /// Pattern, replacement, and whether to replace until nothing changes.
    pub(crate) normalizations: Box<[(Pattern, Replacement, bool)]>,
}

/// Levenshtein distance, at most `most + 1`.
fn distance(a: &str, b: &str, most: usize) -> usize {
    if most == 0 {
        return usize::from(a != b);
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let next = (diagonal + usize::from(left != *right))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()].min(most + 1)
}

impl TextIndex {
    fn words<'t>(&'t self, text: &'t str, steps: &mut Steps) -> Scored<Vec<&'t str>> {
        if !self.tokenize {
            return Ok(vec![text]);
        }
        if self.matches_words {
            return self.separator.matches(text, steps);
        }
        let words = self.separator.split(text, steps)?;
        Ok(words
            .map(|word| word.trim_matches(|character: char| character.is_ascii_punctuation()))
            .filter(|word| !word.is_empty())
            .collect())
    }

    fn normalized(&self, text: &str, steps: &mut Steps) -> Scored<String> {
        steps.take(text.len())?;
        let mut text = text.to_owned();
        for (pattern, replacement, recursive) in &self.normalizations {
            // A replacement that never settles stops after a fixed number of rounds.
            for _ in 0..if *recursive { 100 } else { 1 } {
                match pattern.replace(&text, replacement, steps)? {
                    Some(next) if next != text && next.len() <= 1 << 20 => text = next,
                    _ => break,
                }
            }
        }
        Ok(self.cased(text))
    }

    fn cased(&self, text: String) -> String {
        if self.case_sensitive { text } else { text.to_lowercase() }
    }

    /// Steps of comparing a word with one of a term.
    fn effort(&self, word: &str, term: &str) -> usize {
        match self.max_distance {
            0 => 1 + word.len().min(term.len()) / 16,
            _ => 1 + word.len() * term.len(),
        }
    }

    fn frequency(&self, text: &str, term: &str, steps: &mut Steps) -> Scored<(usize, usize)> {
        // Terms are those of the normalised text.
        let text = self.normalized(text, steps)?;
        steps.take(term.len())?;
        let term = self.cased(term.to_owned());
        let (words, terms) = (self.words(&text, steps)?, self.words(&term, steps)?);
        if terms.is_empty() || words.len() < terms.len() {
            return Ok((0, words.len()));
        }
        let mut counts = vec![0_usize; self.max_distance + 1];
        // Hits may overlap, as in the n-grams that models are trained with.
        for window in words.windows(terms.len()) {
            let mut far = 0;
            for (word, term) in window.iter().zip(&terms) {
                steps.take(self.effort(word, term))?;
                far += distance(word, term, self.max_distance);
                if far > self.max_distance {
                    break;
                }
            }
            if far <= self.max_distance {
                counts[far] += 1;
            }
        }
        let hits = if self.all_hits {
            counts.iter().sum()
        } else {
            counts.iter().copied().find(|count| *count > 0).unwrap_or(0)
        };
        Ok((hits, words.len()))
    }
}

impl Run<'_> {
    pub(crate) fn text_index(&mut self, index: &TextIndex) -> Scored<Value> {
        let text = self.evaluate(&index.text)?;
        let term = self.evaluate(&index.term)?;
        let text = self.cast(Type::String, text, NO_SLOT)?;
        let term = self.cast(Type::String, term, NO_SLOT)?;
        let (Value::Text(text), Value::Text(term)) = (text, term) else {
            return Ok(Value::Missing);
        };
        let (known, scratch) = (&self.program.strings, &mut *self.scratch);
        let (text, term) = (scratch.strings.get(known, text), scratch.strings.get(known, term));
        let (hits, words) = index.frequency(text, term, &mut scratch.steps)?;
        let frequency = hits as f64;
        Ok(match index.weights {
            Weights::TermFrequency => Value::Int(hits as i64),
            Weights::Binary => Value::Int(i64::from(hits > 0)),
            Weights::Logarithmic => Value::Double((1.0 + frequency).log10()),
            Weights::Augmented if words == 0 => Value::Double(0.0),
            Weights::Augmented => Value::Double(0.5 * (f64::from(u8::from(hits > 0)) + frequency / words as f64)),
        })
    }
}
