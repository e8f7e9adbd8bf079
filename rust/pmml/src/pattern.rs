//! Regular expressions, and a few that records brought.

use regex::{Regex, RegexBuilder};

/// A regular expression, bounded in size; matching takes linear time.
pub(crate) fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(1 << 22)
        .dfa_size_limit(1 << 22)
        .build()
}

/// `$1` as `${1}`, so that letters may follow.
pub(crate) fn braced(replacement: &str) -> String {
    let mut out = String::new();
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '$' => {
                let mut number = String::new();
                while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                if number.is_empty() {
                    out.push_str("$$");
                } else {
                    out.extend(["${", &number, "}"]);
                }
            }
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

/// Patterns that are not known when the model is loaded: the last ones are kept.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: Vec<(Box<str>, Option<Regex>)>,
    next: usize,
}

impl Patterns {
    /// Few, as each may take megabytes.
    const MOST: usize = 8;
    /// Longest pattern, in bytes, that a record may bring.
    const LONGEST: usize = 1 << 12;

    /// The pattern with a text; `None` when it is none.
    pub(crate) fn get(&mut self, text: &str) -> Option<&Regex> {
        if text.len() > Self::LONGEST {
            return None;
        }
        let at = self.known.iter().position(|(known, _)| **known == *text);
        let at = at.unwrap_or_else(|| {
            let entry = (text.into(), build(text).ok());
            if self.known.len() < Self::MOST {
                self.known.push(entry);
                return self.known.len() - 1;
            }
            let at = self.next;
            self.next = (at + 1) % Self::MOST;
            self.known[at] = entry;
            at
        });
        self.known[at].1.as_ref()
    }
}
