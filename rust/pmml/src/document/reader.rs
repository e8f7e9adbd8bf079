//! Reads a document: iterative and bounded. Nesting, size and the number of elements are checked while reading, DOCTYPE and
//! entities other than the five of XML are refused. Names, attribute values and text are spans of the content; only what
//! holds an escape is copied.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use serving_model::{Limits, ModelError, Place};

use super::attributes::{skip_name, skip_whitespace, starts_name, value, value_length};
use super::{COPIED, Document, Element, Id, NONE, Span, breaks};
use crate::budget::Budget;

/// Bytes of content for each element that room is made for; documents of trees have about 60.
const BYTES_OF_AN_ELEMENT: usize = 50;

/// An element whose end was not met yet.
struct Open {
    id: Id,
    last_child: Id,
    /// Of the name with its prefix.
    name: usize,
    name_end: usize,
    /// Among the texts.
    text: Option<usize>,
}

struct Reader<'t> {
    content: &'t str,
    bytes: &'t [u8],
    at: usize,
    copied: String,
    elements: Vec<Element>,
    texts: Vec<(Id, Span)>,
    replaced: HashMap<u32, Span>,
    open: Vec<Open>,
    limits: Limits,
}

/// Reads a document; its content is left out.
pub(super) fn read(content: &str, limits: Limits) -> Result<Document<'static>, ModelError> {
    let mut reader = Reader {
        content,
        bytes: content.as_bytes(),
        at: 0,
        copied: String::new(),
        elements: Vec::with_capacity(content.len() / BYTES_OF_AN_ELEMENT),
        texts: Vec::new(),
        replaced: HashMap::new(),
        open: Vec::new(),
        limits,
    };
    reader.all()?;
    let mut texts = reader.texts;
    texts.sort_unstable_by_key(|(id, _)| *id);
    reader.elements.shrink_to_fit();
    Ok(Document {
        budget: Budget::new(limits),
        content: Cow::Borrowed(""),
        copied: reader.copied,
        elements: reader.elements,
        texts,
        replaced: reader.replaced,
        lines: OnceCell::new(),
    })
}

impl Reader<'_> {
    fn all(&mut self) -> Result<(), ModelError> {
        loop {
            let start = self.at;
            self.at = skip_whitespace(self.bytes, start);
            if !matches!(self.bytes.get(self.at), None | Some(b'<')) || self.at > start && self.in_text() {
                self.at = start;
                self.text()?;
            }
            match self.bytes.get(self.at + 1) {
                None if self.at == self.bytes.len() => break,
                Some(b'/') => self.end()?,
                Some(b'!') => self.exclamation()?,
                Some(b'?') => self.skip_to("?>", "a processing instruction does not end")?,
                _ => self.start()?,
            }
        }
        if let Some(open) = self.open.last() {
            let name = self.slice(open.name, open.name_end);
            return Err(self.refuse(format!("the document ends within element {name}")));
        }
        if self.elements.is_empty() {
            return Err(ModelError::unparsable("the document has no element"));
        }
        Ok(())
    }

    /// Whether blanks in front of the tag that is next are text, not the layout of elements: in one without elements, before
    /// its end or between pieces of its text.
    fn in_text(&self) -> bool {
        let leaf = self.open.last().is_some_and(|open| open.last_child == NONE);
        leaf && matches!(self.bytes.get(self.at + 1), Some(b'/' | b'!' | b'?'))
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.content.get(start..end).unwrap_or_default()
    }

    /// Where the reader is, for messages.
    fn place(&self) -> Place {
        let before = self.bytes.get(..self.at).unwrap_or(self.bytes);
        Place::line(1 + breaks(before))
    }

    fn refuse(&self, message: impl Into<String>) -> ModelError {
        ModelError::unparsable(message).at(self.place())
    }

    fn copy(&mut self, text: &str) -> Result<Span, ModelError> {
        let start = self.copied.len();
        if start + text.len() >= COPIED as usize {
            return Err(ModelError::too_large("too much text with escapes"));
        }
        self.copied.push_str(text);
        Ok(Span {
            start: start as u32 | COPIED,
            length: text.len() as u32,
        })
    }

    /// Goes on behind the next place that holds a text.
    fn skip_to(&mut self, end: &str, otherwise: &str) -> Result<(), ModelError> {
        match self.slice(self.at, self.bytes.len()).find(end) {
            Some(found) => {
                self.at += found + end.len();
                Ok(())
            }
            None => Err(self.refuse(otherwise)),
        }
    }

    /// A comment or literal text.
    fn exclamation(&mut self) -> Result<(), ModelError> {
        const LITERAL: &str = "<![CDATA[";
        const COMMENT: &str = "<!--";
        let rest = self.slice(self.at, self.bytes.len());
        if rest.starts_with(COMMENT) {
            let start = self.at;
            self.at += COMMENT.len();
            let skipped = self.skip_to("-->", "a comment does not end");
            if skipped.is_err() {
                self.at = start;
            }
            return skipped;
        }
        if rest.starts_with(LITERAL) {
            let start = self.at + LITERAL.len();
            self.skip_to("]]>", "literal text does not end")?;
            let content = self.content;
            let text = content.get(start..self.at - "]]>".len()).unwrap_or_default();
            return self.add_text(text, Some(start));
        }
        Err(self.refuse("DOCTYPE is not allowed, and nothing else that starts with '<!' but comments and literal text"))
    }

    /// Text up to the next tag.
    fn text(&mut self) -> Result<(), ModelError> {
        let content = self.content;
        let rest = content.get(self.at..).unwrap_or_default();
        let raw = rest.find('<').and_then(|end| rest.get(..end)).unwrap_or(rest);
        if raw.contains('&') {
            let text = quick_xml::escape::unescape(raw).map_err(|error| self.refuse(error.to_string()))?;
            self.add_text(&text, None)?;
        } else {
            self.add_text(raw, Some(self.at))?;
        }
        self.at += raw.len();
        Ok(())
    }

    /// Adds to the text of the element that is open; `at` is where it stands in the content, if it does.
    fn add_text(&mut self, text: &str, at: Option<usize>) -> Result<(), ModelError> {
        let Some(open) = self.open.last() else {
            return Err(self.refuse("there is text outside of the root element"));
        };
        let (id, known) = (open.id, open.text);
        let Some(known) = known else {
            let span = match at {
                Some(start) => Span {
                    start: start as u32,
                    length: text.len() as u32,
                },
                None => self.copy(text)?,
            };
            if let Some(open) = self.open.last_mut() {
                open.text = Some(self.texts.len());
            }
            self.elements[id as usize].has_text = true;
            self.texts.push((id, span));
            return Ok(());
        };
        let before = self.texts[known].1;
        let (start, length) = ((before.start & !COPIED) as usize, before.length as usize);
        let in_copied = before.start & COPIED != 0;
        // Appending in place keeps many pieces of one text linear.
        let span = if in_copied && start + length == self.copied.len() {
            let more = self.copy(text)?;
            Span {
                start: before.start,
                length: before.length + more.length,
            }
        } else {
            let from = if in_copied { self.copied.as_str() } else { self.content };
            let text = from.get(start..start + length).unwrap_or_default().to_owned() + text;
            self.copy(&text)?
        };
        self.texts[known].1 = span;
        Ok(())
    }

    /// A tag that ends an element.
    fn end(&mut self) -> Result<(), ModelError> {
        let name = self.at + 2;
        let Some(open) = self.open.last() else {
            return Err(self.refuse("a tag ends an element that was not started"));
        };
        let name_end = name + (open.name_end - open.name);
        let same = self.bytes.get(name..name_end) == self.bytes.get(open.name..open.name_end);
        let end = skip_whitespace(self.bytes, name_end);
        if !same || self.bytes.get(end) != Some(&b'>') {
            let name = self.slice(open.name, open.name_end);
            return Err(self.refuse(format!("element {name} does not end where the one around it does")));
        }
        self.open.pop();
        self.at = end + 1;
        Ok(())
    }

    /// A tag that starts an element.
    fn start(&mut self) -> Result<(), ModelError> {
        let id = self.new_id()?;
        let name = self.at + 1;
        let name_end = self.name(name)?;
        let prefix = self.bytes[name..name_end].iter().position(|byte| *byte == b':');
        let local = prefix.map_or(name, |colon| name + colon + 1);
        if local == name_end || !starts_name(self.bytes[local]) {
            return Err(self.refuse(format!("'{}' is not a name", self.slice(name, name_end))));
        }
        let Ok(name_length) = u16::try_from(name_end - local) else {
            return Err(ModelError::too_large("the name of an element is too long"));
        };
        self.elements.push(Element {
            name: local as u32,
            next: NONE,
            name_length,
            has_child: false,
            has_text: false,
        });
        let end = self.attributes(name_end)?;
        if self.bytes[end] == b'>' {
            self.open.push(Open {
                id,
                last_child: NONE,
                name,
                name_end,
                text: None,
            });
            self.at = end + 1;
        } else if self.bytes.get(end + 1) == Some(&b'>') {
            self.at = end + 2;
        } else {
            return Err(self.refuse("a tag has '/' in it"));
        }
        Ok(())
    }

    /// The number of the element that starts here, linked to those around it.
    fn new_id(&mut self) -> Result<Id, ModelError> {
        let id = self.elements.len() as Id;
        if id >= NONE - 1 {
            return Err(ModelError::too_large("too many elements"));
        }
        if self.open.len() >= self.limits.depth {
            let message = format!("elements are nested deeper than {}", self.limits.depth);
            return Err(ModelError::too_large(message).at(self.place()));
        }
        if let Some(open) = self.open.last_mut() {
            let (parent, last) = (open.id as usize, open.last_child);
            open.last_child = id;
            match self.elements.get_mut(last as usize) {
                Some(last) => last.next = id,
                None => self.elements[parent].has_child = true,
            }
        } else if id > 0 {
            return Err(self.refuse("the document has a second root element"));
        }
        Ok(id)
    }

    /// Where the name of an element or attribute ends.
    fn name(&self, start: usize) -> Result<usize, ModelError> {
        let end = skip_name(self.bytes, start);
        let ends_well = matches!(
            self.bytes.get(end),
            Some(b' ' | b'\n' | b'\t' | b'\r' | b'/' | b'>' | b'=')
        );
        if end > start && starts_name(self.bytes[start]) && ends_well {
            return Ok(end);
        }
        if self.bytes.get(end).is_none() {
            return Err(self.refuse("the document ends within a tag"));
        }
        let rest = self.slice(start, self.bytes.len());
        let stop = |c: char| c.is_whitespace() || matches!(c, '>' | '=' | '/');
        let name: String = rest.chars().take_while(|c| !stop(*c)).take(100).collect();
        Err(self.refuse(format!("'{name}' is not a name")))
    }

    /// Checks the attributes of a tag. Returns where `>` or `/` stands after them.
    fn attributes(&mut self, name_end: usize) -> Result<usize, ModelError> {
        let mut at = name_end;
        loop {
            at = skip_whitespace(self.bytes, at);
            match self.bytes.get(at) {
                Some(b'>' | b'/') => return Ok(at),
                None => return Err(self.refuse("the document ends within a tag")),
                _ => {}
            }
            let start = value(self.bytes, self.name(at)?).map_err(|message| self.refuse(message))?;
            let rest = self.bytes.get(start..).unwrap_or_default();
            let Some((length, plain)) = value_length(rest, self.bytes[start - 1]) else {
                return Err(self.refuse("the value of an attribute does not end"));
            };
            if !plain {
                self.replace(start, start + length)?;
            }
            at = start + length + 1;
        }
    }

    /// Keeps what a value with escapes stands for.
    #[cold]
    fn replace(&mut self, start: usize, end: usize) -> Result<(), ModelError> {
        let raw = self.content.get(start..end).unwrap_or_default();
        if raw.contains('<') {
            return Err(self.refuse("an attribute holds '<'"));
        }
        let text = quick_xml::escape::unescape(raw).map_err(|error| self.refuse(error.to_string()))?;
        let span = self.copy(&text.replace(['\n', '\t', '\r'], " "))?;
        self.replaced.insert(start as u32, span);
        Ok(())
    }
}
