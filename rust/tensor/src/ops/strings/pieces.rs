//! Texts taken apart.

use super::NGrams;
use crate::array::{Array, Text, elements};
use crate::trouble::Trouble;

/// White space of C.
pub(super) fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Parts between separators, or between runs of white space when there is none; after so many separators, the rest as it is.
pub(super) fn split(text: &str, separator: &str, most: Option<usize>) -> Vec<Text> {
    if most == Some(0) {
        return vec![Text::from(text)];
    }
    if !separator.is_empty() {
        return match most {
            Some(most) => text.splitn(most.saturating_add(1), separator).map(Text::from).collect(),
            None => text.split(separator).map(Text::from).collect(),
        };
    }
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let end = rest.find(is_space).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        parts.push(Text::from(word));
        rest = behind.trim_start_matches(is_space);
        if most == Some(parts.len()) {
            parts.push(Text::from(rest));
            break;
        }
    }
    parts
}

/// Parts between any of the characters; every character for itself when there are none.
pub(super) fn split_at(text: &str, separators: &str, skip_empty: bool) -> Vec<Text> {
    if separators.is_empty() {
        return text.chars().map(|letter| Text::from(letter.to_string())).collect();
    }
    let parts = text.split(|letter| separators.contains(letter));
    parts
        .filter(|part| !skip_empty || !part.is_empty())
        .map(Text::from)
        .collect()
}

/// The parts of each text as a sparse matrix: places, parts, shape.
pub(super) fn sparse(array: &Array, parts: impl Fn(&str) -> Vec<Text>) -> Result<Vec<Array>, Trouble> {
    let texts = array.view::<Text>()?;
    let (mut places, mut values, mut widest) = (Vec::new(), Vec::new(), 0);
    for (row, text) in texts.iter().enumerate() {
        let parts = parts(text);
        widest = widest.max(parts.len());
        places.extend((0..parts.len()).flat_map(|column| [row as i64, column as i64]));
        values.extend(parts);
    }
    elements(&[values.len(), 2])?;
    Ok(vec![
        Array::new(vec![values.len(), 2], places),
        Array::new(vec![values.len()], values),
        Array::new(vec![2], vec![texts.len() as i64, widest as i64]),
    ])
}

/// Where the characters of each text begin, their numbers, and the bytes at which they begin.
pub(super) fn decode(array: &Array) -> Result<Vec<Array>, Trouble> {
    let (mut splits, mut characters, mut starts) = (vec![0_i64], Vec::new(), Vec::new());
    for text in array.view::<Text>()? {
        for (start, character) in text.char_indices() {
            characters.push(u32::from(character).cast_signed());
            starts.push(start as i64);
        }
        splits.push(characters.len() as i64);
    }
    let count = elements(&[characters.len()])?;
    Ok(vec![
        Array::new(vec![splits.len()], splits),
        Array::new(vec![count], characters),
        Array::new(vec![count], starts),
    ])
}

/// Texts of characters.
pub(super) fn encode(characters: &Array, splits: &Array) -> Result<Array, Trouble> {
    let (numbers, bounds) = (characters.integers()?, splits.lengths()?);
    let character = |number: &i64| {
        let character = u32::try_from(*number).ok().and_then(char::from_u32);
        character.unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    let text = |row: &[usize]| {
        let numbers = numbers.get(row[0]..row[1]);
        let numbers = numbers.ok_or_else(|| Trouble::failed("texts beyond the characters"))?;
        Ok(Text::from(numbers.iter().map(character).collect::<String>()))
    };
    let texts = bounds.windows(2).map(text).collect::<Result<Vec<_>, Trouble>>()?;
    Ok(Array::new(vec![texts.len()], texts))
}

/// Sequences of neighbouring tokens of each row, and where the rows of sequences begin.
pub(super) fn grams(what: &NGrams, tokens: &Array, splits: &Array) -> Result<Vec<Array>, Trouble> {
    let (texts, bounds) = (tokens.view::<Text>()?, splits.lengths()?);
    let mut result: Vec<Text> = Vec::new();
    let mut starts = vec![0_i64];
    for row in bounds.windows(2) {
        let row = texts
            .get(row[0]..row[1])
            .ok_or_else(|| Trouble::failed("rows beyond the tokens"))?;
        let before = result.len();
        for width in &what.widths {
            let width = usize::try_from(*width)
                .ok()
                .filter(|width| (1..1 << 16).contains(width));
            let width = width.ok_or_else(|| Trouble::failed("a sequence of no tokens"))?;
            let padding = usize::try_from(what.padding).unwrap_or(width - 1).min(width - 1);
            let padded = padded(what, row, padding);
            result.extend(
                padded
                    .windows(width)
                    .map(|gram| Text::from(gram.join(&*what.separator))),
            );
        }
        if what.keep_short && result.len() == before && !row.is_empty() {
            let padding = usize::try_from(what.padding).unwrap_or(0).min(1 << 16);
            result.push(Text::from(padded(what, row, padding).join(&*what.separator)));
        }
        starts.push(result.len() as i64);
    }
    elements(&[result.len()])?;
    let splits = super::super::convert::cast(&Array::new(vec![starts.len()], starts), splits.dtype())?;
    Ok(vec![Array::new(vec![result.len()], result), splits])
}

fn padded(what: &NGrams, row: &[Text], padding: usize) -> Vec<Text> {
    let left = std::iter::repeat_n(what.left.clone(), padding);
    let right = std::iter::repeat_n(what.right.clone(), padding);
    left.chain(row.iter().cloned()).chain(right).collect()
}
