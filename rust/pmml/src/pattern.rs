//! Regular expressions, and a few that records brought.

use regex::{Regex, RegexBuilder};

use crate::heap::HeapBytes;
use crate::run::Scored;
use crate::steps::Steps;

/// Most bytes of a compiled expression.
const MOST_BYTES: usize = 1 << 22;

/// A regular expression, bounded in size; matching takes linear time.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Steps for each byte of text.
    weight: usize,
    /// Bytes that it takes at most.
    bytes: usize,
}

impl HeapBytes for Pattern {
    fn heap(&self) -> usize {
        self.regex.heap()
    }
}

impl Pattern {
    /// An expression that repetitions have blown up may take time for each byte that is in proportion to its size; how much larger it
    /// is than it looks tells that from tables of letters, which are as quick as small ones.
    pub(crate) fn new(text: &str) -> Result<Self, regex::Error> {
        let build = |most: usize| {
            RegexBuilder::new(text)
                .size_limit(most)
                .dfa_size_limit(MOST_BYTES)
                .build()
        };
        let mut most = 1 << 14;
        let mut regex = build(most);
        while most < MOST_BYTES && matches!(regex, Err(regex::Error::CompiledTooBig(_))) {
            most *= 4;
            regex = build(most);
        }
        let regex = regex?;
        Ok(Self {
            weight: (most / (2 * regex.heap())).max(1),
            bytes: most,
            regex,
        })
    }

    pub(crate) fn is_match(&self, text: &str, steps: &mut Steps) -> Scored<bool> {
        steps.take(self.weight.saturating_mul(text.len()))?;
        Ok(self.regex.is_match(text))
    }

    /// The parts of a text that match.
    pub(crate) fn matches<'t>(&self, text: &'t str, steps: &mut Steps) -> Scored<Vec<&'t str>> {
        steps.take(self.weight.saturating_mul(text.len()))?;
        Ok(self.regex.find_iter(text).map(|found| found.as_str()).collect())
    }

    /// The parts of a text between matches.
    pub(crate) fn split<'t>(
        &'t self,
        text: &'t str,
        steps: &mut Steps,
    ) -> Scored<impl Iterator<Item = &'t str> + use<'t>> {
        steps.take(self.weight.saturating_mul(text.len()))?;
        Ok(self.regex.split(text))
    }

    /// The text with all matches replaced; `None` when there are none.
    pub(crate) fn replace(&self, text: &str, by: &Replacement, steps: &mut Steps) -> Scored<Option<String>> {
        steps.take(self.weight.saturating_mul(text.len()))?;
        let mut out = String::new();
        let mut done = 0;
        let mut push = |part: &str, out: &mut String| -> Scored<()> {
            steps.take(part.len())?;
            out.push_str(part);
            Ok(())
        };
        let mut any = false;
        if let [] | [Part::Text(_)] = &*by.parts {
            for found in self.regex.find_iter(text) {
                any = true;
                push(&text[done..found.start()], &mut out)?;
                if let Some(Part::Text(part)) = by.parts.first() {
                    push(part, &mut out)?;
                }
                done = found.end();
            }
        } else {
            for groups in self.regex.captures_iter(text) {
                let Some(found) = groups.get(0) else { continue };
                any = true;
                push(&text[done..found.start()], &mut out)?;
                for part in &by.parts {
                    match part {
                        Part::Text(part) => push(part, &mut out)?,
                        Part::Group(number) => {
                            push(groups.get(*number).map_or("", |group| group.as_str()), &mut out)?;
                        }
                    }
                }
                done = found.end();
            }
        }
        if any {
            push(&text[done..], &mut out)?;
        }
        Ok(any.then_some(out))
    }
}

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    Group(usize),
}

/// What matches are replaced by.
#[derive(Debug)]
pub(crate) struct Replacement {
    parts: Box<[Part]>,
}

impl HeapBytes for Part {
    fn heap(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Group(_) => 0,
        }
    }
}

impl HeapBytes for Replacement {
    fn heap(&self) -> usize {
        self.parts.heap()
    }
}

impl Replacement {
    /// A text that stands for itself.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            parts: [Part::Text(text.into())].into(),
        }
    }

    /// A text in which `$1` is the first group, and `\` takes the meaning of what follows.
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '$' => {
                    let mut number = String::new();
                    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                        number.push(digit);
                    }
                    if number.is_empty() {
                        plain.push('$');
                        continue;
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain).into()));
                    }
                    // A group that can't be is empty.
                    parts.push(Part::Group(number.parse().unwrap_or(usize::MAX)));
                }
                '\\' => plain.extend(characters.next()),
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Self { parts: parts.into() }
    }
}

/// Patterns that are not known when the model is loaded: the last ones are kept.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: Vec<(Box<str>, Option<Pattern>)>,
    next: usize,
}

impl Patterns {
    /// Few, as each may take megabytes.
    const MOST: usize = 8;
    /// Longest pattern, in bytes, that a record may bring.
    const LONGEST: usize = 1 << 12;
    /// More bytes than patterns that people write take.
    const LARGE: usize = 1 << 18;

    /// The pattern with a text; `None` when it is none.
    pub(crate) fn get(&mut self, text: &str, steps: &mut Steps) -> Scored<Option<&Pattern>> {
        if text.len() > Self::LONGEST {
            return Ok(None);
        }
        let known = self.known.iter().position(|(known, _)| **known == *text);
        let at = match known {
            Some(at) => at,
            None => self.add(text, steps)?,
        };
        Ok(self.known[at].1.as_ref())
    }

    fn add(&mut self, text: &str, steps: &mut Steps) -> Scored<usize> {
        let pattern = Pattern::new(text).ok();
        steps.take(pattern.as_ref().map_or(MOST_BYTES, |pattern| pattern.bytes))?;
        let entry = (text.into(), pattern);
        if self.known.len() < Self::MOST {
            self.known.push(entry);
            return Ok(self.known.len() - 1);
        }
        let at = self.next;
        self.next = (at + 1) % Self::MOST;
        self.known[at] = entry;
        Ok(at)
    }

    /// Gives back what only an unusual record needs.
    pub(crate) fn trim(&mut self) {
        self.known
            .retain(|(_, pattern)| pattern.as_ref().is_some_and(|pattern| pattern.bytes <= Self::LARGE));
        self.next = 0;
    }
}
