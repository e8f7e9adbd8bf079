//! Operators on text: ONNX's `String...`, `RegexFullMatch`, `TfIdfVectorizer`, and onnxruntime's `Tokenizer`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use regex::Regex;

use super::input;
use crate::array::{Array, DType, Text, elements};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name.
#[derive(Clone, Debug)]
pub(crate) enum Texts {
    Concat,
    /// Substrings, and their number.
    Split {
        delimiter: Option<String>,
        most: Option<usize>,
    },
    FullMatch(Box<Regex>),
    Normalize(Arc<Normalizer>),
    NGrams(Arc<NGrams>),
    Tokenize(Arc<Tokenizer>),
}

/// Attributes of `StringNormalizer`.
#[derive(Clone, Debug)]
pub(crate) struct Normalizer {
    pub(crate) case: Case,
    pub(crate) case_sensitive: bool,
    /// In lower case, unless case matters.
    pub(crate) stopwords: HashSet<String>,
}

/// What becomes of the case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Unchanged,
}

/// Attributes of `TfIdfVectorizer`: each n-gram with its place and weight.
#[derive(Clone, Debug)]
pub(crate) struct NGrams {
    pub(crate) grams: HashMap<Vec<Text>, (usize, f32)>,
    pub(crate) width: usize,
    pub(crate) shortest: usize,
    pub(crate) longest: usize,
    pub(crate) skips: usize,
    pub(crate) weighting: Weighting,
}

/// What becomes of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighting {
    Count,
    /// 1 times the weight.
    Presence,
    /// Count times the weight.
    Both,
}

/// Attributes of onnxruntime's `Tokenizer`.
#[derive(Clone, Debug)]
pub(crate) struct Tokenizer {
    /// What is a token; else what separates tokens, one after the other; else every character is one.
    pub(crate) tokens: Option<Regex>,
    pub(crate) separators: Vec<Regex>,
    pub(crate) marks: bool,
    pub(crate) shortest: usize,
    pub(crate) filler: Text,
}

impl Texts {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Split { .. } => 2,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Texts, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    let array = input(inputs, 0)?;
    let one = match what {
        Texts::Concat => {
            let right = input(inputs, 1)?;
            let shape = super::layout::common_shape(&array.shape, &right.shape)?;
            let left = super::layout::broadcast(array, &shape)?;
            let right = super::layout::broadcast(right, &shape)?;
            let pairs = left.view::<Text>()?.iter().zip(right.view::<Text>()?);
            Array::new(shape, pairs.map(|(a, b)| Text::from(format!("{a}{b}"))).collect())
        }
        Texts::Split { delimiter, most } => return split(array, delimiter.as_deref(), *most),
        Texts::FullMatch(pattern) => {
            let matches = array.view::<Text>()?.iter().map(|text| pattern.is_match(text));
            Array::new(array.shape.clone(), matches.collect())
        }
        Texts::Normalize(normalizer) => normalizer.normalize(array)?,
        Texts::NGrams(grams) => grams.count(array)?,
        Texts::Tokenize(tokenizer) => tokenizer.tokenize(array)?,
    };
    Ok(vec![one])
}

/// Rows of texts in one tensor, the shorter ones filled up.
fn padded(shape: &[usize], rows: Vec<Vec<Text>>, filler: &Text) -> Result<Array, Trouble> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut whole = shape.to_vec();
    whole.push(width);
    elements(&whole)?;
    let filled = rows.into_iter().flat_map(|mut row| {
        row.resize(width, filler.clone());
        row
    });
    Ok(Array::new(whole, filled.collect()))
}

fn split(array: &Array, delimiter: Option<&str>, most: Option<usize>) -> Result<Vec<Array>, Trouble> {
    let pieces = |text: &Text| -> Vec<Text> {
        match delimiter.filter(|delimiter| !delimiter.is_empty()) {
            Some(_) if text.is_empty() => Vec::new(),
            Some(delimiter) => match most {
                Some(most) => text.splitn(most + 1, delimiter).map(Text::from).collect(),
                None => text.split(delimiter).map(Text::from).collect(),
            },
            None => words(text, most),
        }
    };
    let rows: Vec<Vec<Text>> = array.view::<Text>()?.iter().map(pieces).collect();
    let counts = rows.iter().map(|row| row.len() as i64).collect();
    let counts = Array::new(array.shape.clone(), counts);
    Ok(vec![padded(&array.shape, rows, &Text::default())?, counts])
}

/// Parts between runs of white space; after so many, the rest as it is.
fn words(text: &str, most: Option<usize>) -> Vec<Text> {
    let mut result = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if most == Some(result.len()) {
            result.push(rest.into());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        result.push(rest[..end].into());
        rest = rest[end..].trim_start();
    }
    result
}

impl Normalizer {
    fn normalize(&self, array: &Array) -> Result<Array, Trouble> {
        let stops = |text: &Text| {
            if self.case_sensitive {
                self.stopwords.contains(&**text)
            } else {
                !self.stopwords.is_empty() && self.stopwords.contains(&text.to_lowercase())
            }
        };
        let change = |text: &Text| match self.case {
            Case::Lower => text.to_lowercase().into(),
            Case::Upper => text.to_uppercase().into(),
            Case::Unchanged => text.clone(),
        };
        let texts = array.view::<Text>()?;
        let mut shape = array.shape.clone();
        if self.stopwords.is_empty() {
            return Ok(Array::new(shape, texts.iter().map(change).collect()));
        }
        if !matches!(*shape, [_] | [1, _]) {
            return Err(Trouble::failed(format!("{shape:?} where [C] or [1, C] is needed")));
        }
        let mut kept: Vec<Text> = texts.iter().filter(|text| !stops(text)).map(change).collect();
        if kept.is_empty() {
            kept.push(Text::default());
        }
        if let Some(last) = shape.last_mut() {
            *last = kept.len();
        }
        Ok(Array::new(shape, kept))
    }
}

impl NGrams {
    fn count(&self, array: &Array) -> Result<Array, Trouble> {
        let tokens = super::convert::cast(array, DType::Text)?;
        let tokens = tokens.view::<Text>()?;
        let (rows, length, mut shape) = match *array.shape {
            [length] => (1, length, Vec::new()),
            [rows, length] => (rows, length, vec![rows]),
            _ => {
                return Err(Trouble::failed(format!(
                    "{:?} where [C] or [N, C] is needed",
                    array.shape
                )));
            }
        };
        shape.push(self.width);
        let mut result = vec![0.0_f32; elements(&shape)?];
        let mut gram: Vec<Text> = Vec::with_capacity(self.longest);
        for row in 0..rows {
            let tokens = &tokens[row * length..(row + 1) * length];
            let counts = &mut result[row * self.width..(row + 1) * self.width];
            for size in self.shortest..=self.longest {
                // A gram of one token has nothing to skip.
                let skips = if size == 1 { 0 } else { self.skips };
                for stride in 1..=skips + 1 {
                    let reach = size.saturating_sub(1).saturating_mul(stride);
                    for start in 0..length.saturating_sub(reach) {
                        gram.clear();
                        gram.extend((0..size).map(|n| tokens[start + n * stride].clone()));
                        if let Some((place, weight)) = self.grams.get(&gram) {
                            match self.weighting {
                                Weighting::Count => counts[*place] += 1.0,
                                Weighting::Presence => counts[*place] = *weight,
                                Weighting::Both => counts[*place] += weight,
                            }
                        }
                    }
                }
            }
        }
        Ok(Array::new(shape, result))
    }
}

impl Tokenizer {
    fn tokenize(&self, array: &Array) -> Result<Array, Trouble> {
        let tokens = |text: &Text| {
            let mut tokens: Vec<Text> = match &self.tokens {
                Some(pattern) => pattern.find_iter(text).map(|found| found.as_str().into()).collect(),
                None if self.separators.is_empty() => text.chars().map(|c| c.to_string().into()).collect(),
                None => {
                    let mut parts = vec![&**text];
                    for separator in &self.separators {
                        parts = parts.iter().flat_map(|part| separator.split(part)).collect();
                    }
                    parts
                        .into_iter()
                        .filter(|part| !part.is_empty())
                        .map(Text::from)
                        .collect()
                }
            };
            tokens.retain(|token| token.chars().count() >= self.shortest);
            if self.marks {
                tokens.insert(0, "\u{2}".into());
                tokens.push("\u{3}".into());
            }
            tokens
        };
        let rows = array.view::<Text>()?.iter().map(tokens).collect();
        padded(&array.shape, rows, &self.filler)
    }
}
