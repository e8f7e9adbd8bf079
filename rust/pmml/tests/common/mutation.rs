//! Documents changed in their structure. Those of the corpus have an element, or the end of one, on each line, so that an element
//! is a run of lines.

use std::ops::Range;

/// What numbers, names and texts are replaced by.
pub const WORDS: [&str; 36] = [
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "-1",
    "0",
    "-0",
    "0.5",
    "1e-320",
    "1e300",
    "3",
    "99999999",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "",
    " ",
    "a",
    "x",
    "true",
    "string",
    "integer",
    "date",
    "ordinal",
    "isIn",
    "or",
    "table",
    "symmetric",
    "$1$1$1$1$0",
    "%1000.1000f",
    "(((a{99}){99}){99})",
    "(a*)*b",
    "\u{1F600}\u{0}\u{FFFD}",
    "&lt;&amp;&#10;",
    "1 2 3 4 5 6 7 8 9 10",
];

/// A change of a document; positions are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The value of an attribute.
    Attribute(usize, usize),
    /// The text of an element.
    Text(usize, usize),
    /// The value of an attribute, very long.
    Long(usize),
    /// The values of two attributes change places.
    Exchange(usize, usize),
    /// The value of an attribute is that of another one.
    Copy(usize, usize),
    /// An attribute is not there.
    Without(usize),
    Drop(usize),
    /// An element stands there so many times.
    Duplicate(usize, usize),
    /// An element stands elsewhere.
    Move(usize, usize),
    /// An element stands in itself, so deep.
    Nest(usize, usize),
    /// An element has the name of another one.
    Rename(usize, usize),
    /// Everything after an element is not there, but for the ends of what is open.
    Cut(usize),
}

/// Where the values of all attributes are.
pub fn attributes(document: &str) -> Vec<Range<usize>> {
    document
        .match_indices("=\"")
        .filter_map(|(at, _)| {
            let start = at + 2;
            Some(start..start + document.get(start..)?.find('"')?)
        })
        .collect()
}

/// Where the texts of all elements that have one are.
pub fn texts(document: &str) -> Vec<Range<usize>> {
    document
        .match_indices('>')
        .filter_map(|(at, _)| {
            let start = at + 1;
            let text = start..start + document.get(start..)?.find('<')?;
            (!document[text.clone()].trim().is_empty()).then_some(text)
        })
        .collect()
}

fn replaced(document: &str, place: Range<usize>, by: &str) -> String {
    [&document[..place.start], by, &document[place.end..]].concat()
}

fn is_end(line: &str) -> bool {
    line.trim_start().starts_with("</")
}

/// Whether elements may follow inside of the one that begins on a line.
fn is_open(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('<') && !line.contains("</") && !line.contains("/>") && !line.starts_with("<?")
}

fn name(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches(['<', '/']);
    &line[..line.find([' ', '>', '/']).unwrap_or(line.len())]
}

/// The lines of the element that begins on a line.
fn element(lines: &[String], start: usize) -> Range<usize> {
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate().skip(start) {
        depth += usize::from(is_open(line));
        depth -= usize::from(is_end(line)).min(depth);
        if depth == 0 {
            return start..at + 1;
        }
    }
    start..lines.len()
}

/// The lines on which elements inside of the root begin.
fn starts(lines: &[String]) -> Vec<usize> {
    (2..lines.len()).filter(|at| !is_end(&lines[*at])).collect()
}

impl Change {
    fn of_values(self, document: &str) -> Option<String> {
        let places = match self {
            Self::Text(..) => texts(document),
            _ => attributes(document),
        };
        let place = |at: usize| places.get(at.checked_rem(places.len())?).cloned();
        Some(match self {
            Self::Attribute(at, word) | Self::Text(at, word) => {
                replaced(document, place(at)?, WORDS[word % WORDS.len()])
            }
            Self::Long(at) => replaced(document, place(at)?, &"1a ".repeat(20_000)),
            Self::Copy(at, from) => replaced(document, place(at)?, &document[place(from)?]),
            Self::Without(at) => {
                let value = place(at)?;
                let start = document[..value.start].rfind(' ')?;
                replaced(document, start..value.end + 1, "")
            }
            Self::Exchange(a, b) => {
                let (a, b) = (place(a)?, place(b)?);
                let (a, b) = if a.start < b.start { (a, b) } else { (b, a) };
                let (first, second) = (document[a.clone()].to_owned(), document[b.clone()].to_owned());
                replaced(&replaced(document, b, &first), a, &second)
            }
            _ => return None,
        })
    }

    fn of_elements(self, document: &str) -> Option<String> {
        let mut lines: Vec<String> = document.lines().map(str::to_owned).collect();
        let starts = starts(&lines);
        let start = |at: usize| starts.get(at.checked_rem(starts.len())?).copied();
        match self {
            Self::Drop(at) => drop(lines.drain(element(&lines, start(at)?))),
            Self::Duplicate(at, times) => {
                let range = element(&lines, start(at)?);
                let copy = lines[range.clone()].to_vec();
                let most = (20_000 / copy.len()).max(1);
                let copies = std::iter::repeat_n(copy, times.min(most)).flatten();
                lines.splice(range.end..range.end, copies.collect::<Vec<_>>());
            }
            Self::Move(at, to) => {
                let moved: Vec<String> = lines.drain(element(&lines, start(at)?)).collect();
                let to = 2 + to % (lines.len() - 1).max(3).saturating_sub(2);
                let to = to.min(lines.len());
                lines.splice(to..to, moved);
            }
            Self::Nest(at, depth) => {
                let range = element(&lines, start(at)?);
                let (open, close) = (lines[range.start].clone(), lines[range.end - 1].clone());
                if is_open(&open) && is_end(&close) {
                    lines.splice(range.end..range.end, std::iter::repeat_n(close, depth));
                    lines.splice(range.start..range.start, std::iter::repeat_n(open, depth));
                }
            }
            Self::Rename(at, to) => {
                let range = element(&lines, start(at)?);
                let (old, new) = (
                    name(&lines[range.start]).to_owned(),
                    name(&lines[start(to)?]).to_owned(),
                );
                for at in [range.start, range.end - 1] {
                    for mark in ["<", "</"] {
                        lines[at] = lines[at].replace(&format!("{mark}{old}"), &format!("{mark}{new}"));
                    }
                }
            }
            Self::Cut(at) => {
                lines.truncate(element(&lines, start(at)?).end);
                let mut open: Vec<String> = Vec::new();
                for line in &lines {
                    if is_open(line) {
                        open.push(name(line).to_owned());
                    } else if is_end(line) {
                        open.pop();
                    }
                }
                lines.extend(open.iter().rev().map(|name| format!("</{name}>")));
            }
            _ => return None,
        }
        Some(lines.join("\n"))
    }

    /// The changed document; the same when there is nothing to change.
    pub fn apply(self, document: &str) -> String {
        self.of_values(document)
            .or_else(|| self.of_elements(document))
            .unwrap_or_else(|| document.to_owned())
    }
}
