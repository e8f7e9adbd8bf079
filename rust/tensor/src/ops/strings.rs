//! Operators on strings, after TensorFlow's of the same name.

mod format;
mod hash;
mod pattern;
mod pieces;

use regex::{Captures, Regex};

pub(crate) use format::{Fill, Notation, NumberFormat};
pub(crate) use hash::Hash;
pub(crate) use pattern::translated;

use super::input;
use super::layout::{broadcast, common_shape, transpose};
use crate::array::{Array, DType, Text, axis_of, elements};
use crate::trouble::Trouble;

/// Operators on strings; inputs are in TensorFlow's order.
#[derive(Clone, Debug)]
pub(crate) enum Strings {
    /// `ascii`: only those letters.
    Lower {
        ascii: bool,
    },
    Upper {
        ascii: bool,
    },
    Strip,
    Length(Count),
    /// Texts, starts, lengths.
    Part(Count),
    /// Of the inputs, element by element.
    Join {
        separator: Text,
    },
    /// Texts, axes along which they are joined.
    JoinAxes {
        separator: Text,
        keep_axes: bool,
    },
    /// Texts, segment of each, number of segments.
    JoinSegments {
        separator: Text,
    },
    ToNumber(DType),
    Format(NumberFormat),
    Bucket {
        hash: Hash,
        buckets: u64,
    },
    /// `MurmurHash3` of texts or of the bytes of numbers.
    Murmur {
        seed: u32,
        unsigned: bool,
    },
    /// With a pattern that is known; else texts, pattern, rewrite.
    Replace(Box<Replace>),
    /// With a pattern that is known; else texts, pattern.
    FullMatch(Option<Box<Regex>>),
    /// Texts, separator; none is white space. Places, parts, shape.
    Split {
        most: Option<usize>,
    },
    /// Texts, characters that separate. Places, parts, shape.
    SplitAt {
        skip_empty: bool,
    },
    /// Where the characters of each text begin, their numbers, and the bytes at which they begin.
    Decode,
    /// Numbers of characters, where texts begin.
    Encode,
    /// Tokens, where rows begin. Sequences of tokens, where rows begin.
    NGrams(Box<NGrams>),
}

/// Attributes of `StringNGrams`.
#[derive(Clone, Debug)]
pub(crate) struct NGrams {
    pub(crate) separator: Text,
    pub(crate) widths: Vec<i64>,
    pub(crate) left: Text,
    pub(crate) right: Text,
    /// Negative: one less than the width.
    pub(crate) padding: i64,
    pub(crate) keep_short: bool,
}

/// Units of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Bytes,
    Characters,
}

/// What is replaced by what.
#[derive(Clone, Debug)]
pub(crate) struct Replace {
    pub(crate) known: Option<(Regex, String)>,
    /// All matches, not only the first.
    pub(crate) all: bool,
}

impl Strings {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Split { .. } | Self::SplitAt { .. } | Self::Decode => 3,
            Self::NGrams(_) => 2,
            _ => 1,
        }
    }
}

/// A regular expression; `None` when it is none of ours.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(&translated(pattern)).ok()
}

/// One that matches texts as a whole.
pub(crate) fn compile_whole(pattern: &str) -> Option<Regex> {
    compile(&format!(r"\A(?:{pattern})\z"))
}

fn each(array: &Array, change: impl Fn(&str) -> Text) -> Result<Array, Trouble> {
    let texts = array.view::<Text>()?.iter().map(|text| change(text));
    Ok(Array::new(array.shape.clone(), texts.collect()))
}

pub(super) fn evaluate(what: &Strings, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    let array = input(inputs, 0)?;
    let one = match what {
        Strings::Lower { ascii: true } => each(array, |text| text.to_ascii_lowercase().into())?,
        Strings::Lower { ascii: false } => each(array, |text| text.to_lowercase().into())?,
        Strings::Upper { ascii: true } => each(array, |text| text.to_ascii_uppercase().into())?,
        Strings::Upper { ascii: false } => each(array, |text| text.to_uppercase().into())?,
        Strings::Strip => each(array, |text| text.trim_matches(pieces::is_space).into())?,
        Strings::Length(count) => {
            let length = |text: &Text| match count {
                Count::Bytes => text.len() as i32,
                Count::Characters => text.chars().count() as i32,
            };
            Array::new(array.shape.clone(), array.view::<Text>()?.iter().map(length).collect())
        }
        Strings::Part(count) => part(array, input(inputs, 1)?, input(inputs, 2)?, *count)?,
        Strings::Join { separator } => join(inputs, separator)?,
        Strings::JoinAxes { separator, keep_axes } => join_axes(array, input(inputs, 1)?, separator, *keep_axes)?,
        Strings::JoinSegments { separator } => join_segments(inputs, separator)?,
        Strings::ToNumber(dtype) => to_number(array, *dtype)?,
        Strings::Format(format) => format.write(array)?,
        Strings::Bucket { hash, buckets } => {
            let bucket = |text: &Text| (hash.of(text.as_bytes()) % buckets).cast_signed();
            Array::new(array.shape.clone(), array.view::<Text>()?.iter().map(bucket).collect())
        }
        Strings::Murmur { seed, unsigned } => {
            let hashes = hash::murmur_of(array, *seed)?;
            if *unsigned {
                Array::new(array.shape.clone(), hashes)
            } else {
                let signed = hashes.into_iter().map(u32::cast_signed).collect();
                Array::new(array.shape.clone(), signed)
            }
        }
        Strings::Replace(replace) => replace_in(replace, inputs)?,
        Strings::FullMatch(pattern) => {
            let read;
            let pattern = if let Some(pattern) = pattern {
                pattern
            } else {
                let text = one_text(input(inputs, 1)?)?;
                read = compile_whole(text).ok_or_else(|| Trouble::failed(format!("pattern '{text}'")))?;
                &read
            };
            let matches = array.view::<Text>()?.iter().map(|text| pattern.is_match(text));
            Array::new(array.shape.clone(), matches.collect())
        }
        Strings::Split { most } => {
            let separator = one_text(input(inputs, 1)?)?;
            return pieces::sparse(array, |text| pieces::split(text, separator, *most));
        }
        Strings::SplitAt { skip_empty } => {
            let separators = one_text(input(inputs, 1)?)?;
            return pieces::sparse(array, |text| pieces::split_at(text, separators, *skip_empty));
        }
        Strings::Decode => return pieces::decode(array),
        Strings::Encode => pieces::encode(array, input(inputs, 1)?)?,
        Strings::NGrams(grams) => return pieces::grams(grams, array, input(inputs, 1)?),
    };
    Ok(vec![one])
}

fn one_text(array: &Array) -> Result<&str, Trouble> {
    match array.view::<Text>()? {
        [text] => Ok(text),
        texts => Err(Trouble::failed(format!("{} texts where one is needed", texts.len()))),
    }
}

fn part(array: &Array, starts: &Array, lengths: &Array, count: Count) -> Result<Array, Trouble> {
    let shape = common_shape(&array.shape, &starts.shape)?;
    let array = broadcast(array, &shape)?;
    let starts = broadcast(starts, &shape)?.integers()?;
    let lengths = broadcast(lengths, &shape)?.integers()?;
    let part = |(text, (start, length)): (&Text, (&i64, &i64))| -> Result<Text, Trouble> {
        let ends: Vec<usize> = match count {
            Count::Bytes => (0..=text.len()).collect(),
            Count::Characters => text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
        };
        let size = ends.len() as i64 - 1;
        let first = if *start < 0 { start + size } else { *start };
        if !(0..=size).contains(&first) {
            return Err(Trouble::failed(format!("start {start} in a text of {size}")));
        }
        let last = first.saturating_add((*length).max(0)).min(size);
        let bound = |n: i64| usize::try_from(n).ok().and_then(|n| ends.get(n)).copied();
        let range = bound(first)
            .zip(bound(last))
            .and_then(|(first, last)| text.get(first..last));
        range
            .map(Text::from)
            .ok_or_else(|| Trouble::failed("a part that begins or ends within a character"))
    };
    let texts = array.view::<Text>()?.iter().zip(starts.iter().zip(&lengths)).map(part);
    Ok(Array::new(shape.clone(), texts.collect::<Result<_, _>>()?))
}

fn join(inputs: &[Array], separator: &str) -> Result<Array, Trouble> {
    let mut shape = Vec::new();
    for array in inputs {
        shape = common_shape(&shape, &array.shape)?;
    }
    let parts = inputs
        .iter()
        .map(|array| broadcast(array, &shape))
        .collect::<Result<Vec<_>, _>>()?;
    let parts = parts.iter().map(Array::view::<Text>).collect::<Result<Vec<_>, _>>()?;
    let joined = (0..elements(&shape)?).map(|n| {
        let row: Vec<&str> = parts.iter().map(|part| &*part[n]).collect();
        Text::from(row.join(separator))
    });
    Ok(Array::new(shape.clone(), joined.collect()))
}

fn join_segments(inputs: &[Array], separator: &str) -> Result<Array, Trouble> {
    let (array, segments) = (input(inputs, 0)?, input(inputs, 1)?);
    let count = usize::try_from(input(inputs, 2)?.integer()?);
    let count = count.map_err(|_| Trouble::failed("a negative number of segments"))?;
    let entry = array.shape.strip_prefix(&*segments.shape);
    let entry = entry.ok_or_else(|| Trouble::failed("there is not one segment for each text"))?;
    let shape: Vec<usize> = std::iter::once(count).chain(entry.iter().copied()).collect();
    let size = elements(entry)?;
    let mut joined: Vec<Option<String>> = vec![None; elements(&shape)?];
    for (texts, segment) in array.view::<Text>()?.chunks(size.max(1)).zip(segments.integers()?) {
        // What belongs to no segment is left out.
        let Some(segment) = usize::try_from(segment).ok() else {
            continue;
        };
        if segment >= count {
            return Err(Trouble::failed(format!("segment {segment} of {count}")));
        }
        for (text, joined) in texts.iter().zip(&mut joined[segment * size..]) {
            match joined {
                Some(before) => {
                    before.push_str(separator);
                    before.push_str(text);
                }
                None => *joined = Some(text.to_string()),
            }
        }
    }
    let texts = joined.into_iter().map(|text| Text::from(text.unwrap_or_default()));
    Ok(Array::new(shape, texts.collect()))
}

fn join_axes(array: &Array, axes: &Array, separator: &str, keep_axes: bool) -> Result<Array, Trouble> {
    let rank = array.shape.len();
    let axes = axes
        .integers()?
        .into_iter()
        .map(|axis| axis_of(axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    if axes.is_empty() {
        return Ok(array.clone());
    }
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let order: Vec<i64> = kept.iter().chain(&axes).map(|axis| *axis as i64).collect();
    let moved = transpose(array, &order)?;
    let size: usize = axes.iter().map(|axis| array.shape[*axis]).product();
    let shape: Vec<usize> = if keep_axes {
        (0..rank)
            .map(|axis| if axes.contains(&axis) { 1 } else { array.shape[axis] })
            .collect()
    } else {
        kept.iter().map(|axis| array.shape[*axis]).collect()
    };
    let texts = moved.view::<Text>()?;
    let count = elements(&shape)?;
    let joined = (0..count).map(|n| Text::from(texts[n * size..(n + 1) * size].join(separator)));
    Ok(Array::new(shape, joined.collect()))
}

fn to_number(array: &Array, dtype: DType) -> Result<Array, Trouble> {
    fn all<T: std::str::FromStr + crate::array::Element>(array: &Array) -> Result<Array, Trouble> {
        let number = |text: &Text| {
            let number: Option<T> = text.trim_matches(pieces::is_space).parse().ok();
            number.ok_or_else(|| Trouble::failed(format!("'{text}' is no {}", T::DTYPE)))
        };
        let numbers = array.view::<Text>()?.iter().map(number);
        Ok(Array::new(array.shape.clone(), numbers.collect::<Result<_, _>>()?))
    }
    match dtype {
        DType::F64 => all::<f64>(array),
        DType::I32 => all::<i32>(array),
        DType::I64 => all::<i64>(array),
        _ => all::<f32>(array),
    }
}

/// What a match is replaced by: `\1` stands for the first group, `\0` for all of it.
fn rewritten(rewrite: &str, found: &Captures<'_>) -> String {
    let mut result = String::with_capacity(rewrite.len());
    let mut rest = rewrite.chars();
    while let Some(letter) = rest.next() {
        match (letter, if letter == '\\' { rest.next() } else { None }) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                let group = found.get(digit.to_digit(10).unwrap_or(0) as usize);
                result.push_str(group.map_or("", |group| group.as_str()));
            }
            ('\\', Some(other)) => result.push(other),
            (letter, _) => result.push(letter),
        }
    }
    result
}

fn replace_in(replace: &Replace, inputs: &[Array]) -> Result<Array, Trouble> {
    let read;
    let (pattern, rewrite) = if let Some((pattern, rewrite)) = &replace.known {
        (pattern, rewrite.as_str())
    } else {
        let text = one_text(input(inputs, 1)?)?;
        read = compile(text).ok_or_else(|| Trouble::failed(format!("pattern '{text}'")))?;
        (&read, one_text(input(inputs, 2)?)?)
    };
    let most = usize::from(!replace.all);
    each(input(inputs, 0)?, |text| {
        pattern
            .replacen(text, most, |found: &Captures<'_>| rewritten(rewrite, found))
            .into()
    })
}
