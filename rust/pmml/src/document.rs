//! A PMML document as one flat array of elements.
//!
//! An element is where its name starts and which element comes next; attributes are looked for in the content when
//! something asks for them. A document takes so much less memory than its text, and what is never asked for costs
//! nothing but the check that it is well-formed (`reader`).

mod attributes;
mod decode;
mod reader;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use attributes::Attributes;
use serving_model::{Limits, ModelError, Place};

use crate::budget::Budget;

/// Index of an element of a [`Document`].
pub(crate) type Id = u32;

const NONE: Id = u32::MAX;

/// A part of the content, or of what was copied because it held escapes.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Set in `Span::start` for text that was copied.
const COPIED: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
struct Element {
    /// Where the name without prefix starts.
    name: u32,
    next: Id,
    name_length: u16,
    /// Its first child is the next element.
    has_child: bool,
    has_text: bool,
}

/// A document.
pub(crate) struct Document<'a> {
    budget: Budget,
    content: Cow<'a, str>,
    copied: String,
    elements: Vec<Element>,
    /// Texts of those elements that have some, by element.
    texts: Vec<(Id, Span)>,
    /// Attribute values that held escapes, by where they start in the content.
    replaced: HashMap<u32, Span>,
    lines: OnceCell<Lines>,
}

/// How many lines there are before each block of the content.
struct Lines(Vec<u32>);

const BLOCK: usize = 4096;

impl Lines {
    fn of(content: &[u8]) -> Self {
        let mut lines = 1;
        let before = content.chunks(BLOCK).map(|block| {
            let before = lines;
            lines += breaks(block);
            before
        });
        Self(before.collect())
    }

    fn line(&self, content: &[u8], position: usize) -> u32 {
        let block = position / BLOCK;
        let within = content.get(block * BLOCK..position).unwrap_or_default();
        self.0.get(block).copied().unwrap_or(1) + breaks(within)
    }
}

fn breaks(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte == b'\n')).sum()
}

/// One element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    document: &'d Document<'d>,
    id: Id,
}

impl<'a> Document<'a> {
    /// Reads a document.
    pub(crate) fn parse(content: &'a [u8], limits: Limits) -> Result<Self, ModelError> {
        if content.len() > limits.content_bytes || content.len() >= COPIED as usize {
            return Err(ModelError::too_large(format!(
                "the document has {} bytes, the limit is {}",
                content.len(),
                limits.content_bytes.min(COPIED as usize)
            )));
        }
        let content = decode::decode(content)?;
        if content.len() >= COPIED as usize {
            return Err(ModelError::too_large("the document has too many bytes"));
        }
        let mut document = reader::read(&content, limits)?;
        document.content = content;
        Ok(document)
    }

    fn str(&self, span: Span) -> &str {
        let (text, start) = if span.start & COPIED == 0 {
            (&*self.content, span.start as usize)
        } else {
            (self.copied.as_str(), (span.start & !COPIED) as usize)
        };
        text.get(start..start + span.length as usize).unwrap_or_default()
    }

    /// The outermost element.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { document: self, id: 0 }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }
}

/// The children of an element, extensions left out.
#[derive(Clone)]
pub(crate) struct Children<'d> {
    document: &'d Document<'d>,
    next: Id,
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        while self.next != NONE {
            let node = Node {
                document: self.document,
                id: self.next,
            };
            self.next = self.document.elements[self.next as usize].next;
            if !node.is("Extension") {
                return Some(node);
            }
        }
        None
    }
}

impl<'d> Node<'d> {
    fn element(self) -> &'d Element {
        &self.document.elements[self.id as usize]
    }

    /// Name without prefix.
    pub(crate) fn name(self) -> &'d str {
        let element = self.element();
        let start = element.name as usize;
        let end = start + usize::from(element.name_length);
        self.document.content.get(start..end).unwrap_or_default()
    }

    /// Whether this is the name without prefix.
    #[inline]
    pub(crate) fn is(self, name: &str) -> bool {
        usize::from(self.element().name_length) == name.len() && self.name() == name
    }

    /// Position in the document, to compare elements.
    pub(crate) fn id(self) -> Id {
        self.id
    }

    /// Text between the tags, trimmed.
    pub(crate) fn text(self) -> &'d str {
        self.raw_text().trim()
    }

    /// Text between the tags as it stands.
    pub(crate) fn raw_text(self) -> &'d str {
        if !self.element().has_text {
            return "";
        }
        let texts = &self.document.texts;
        let span = texts
            .binary_search_by_key(&self.id, |(id, _)| *id)
            .ok()
            .and_then(|found| texts.get(found));
        span.map_or("", |(_, span)| self.document.str(*span))
    }

    /// The line on which the element's tag starts.
    pub(crate) fn line(self) -> u32 {
        let content = self.document.content.as_bytes();
        let name = self.element().name as usize;
        // Only whitespace that is not in a name can break a line, and there is none between `<` and the name.
        self.document
            .lines
            .get_or_init(|| Lines::of(content))
            .line(content, name)
    }

    /// Where the element is, for messages.
    pub(crate) fn place(self) -> Place {
        Place {
            line: self.line(),
            path: self.name().to_owned(),
        }
    }

    /// Child elements.
    pub(crate) fn children(self) -> Children<'d> {
        Children {
            document: self.document,
            next: if self.element().has_child { self.id + 1 } else { NONE },
        }
    }

    /// The first child with a name.
    pub(crate) fn child(self, name: &str) -> Option<Node<'d>> {
        self.children().find(|child| child.is(name))
    }

    /// All children with a name.
    pub(crate) fn all(self, name: &'static str) -> impl Iterator<Item = Node<'d>> + Clone {
        self.children().filter(move |child| child.is(name))
    }

    fn attributes(self) -> Attributes<'d> {
        let element = self.element();
        Attributes::after(
            &self.document.content,
            element.name as usize + usize::from(element.name_length),
        )
    }

    /// What a value in the content stands for.
    fn replaced(self, start: usize, value: &'d str) -> &'d str {
        let replaced = &self.document.replaced;
        if replaced.is_empty() {
            return value;
        }
        replaced
            .get(&(start as u32))
            .map_or(value, |span| self.document.str(*span))
    }

    /// Value of an attribute.
    pub(crate) fn get(self, name: &str) -> Option<&'d str> {
        self.attributes()
            .find(|attribute| attribute.name == name)
            .map(|attribute| self.replaced(attribute.start, attribute.value))
    }

    /// Values of several attributes.
    pub(crate) fn several<const COUNT: usize>(self, names: [&str; COUNT]) -> [Option<&'d str>; COUNT] {
        let mut values = [None; COUNT];
        for attribute in self.attributes() {
            for (value, name) in values.iter_mut().zip(names) {
                if value.is_none() && attribute.name == name {
                    *value = Some(self.replaced(attribute.start, attribute.value));
                }
            }
        }
        values
    }

    /// Value of an attribute that must be there.
    pub(crate) fn need(self, name: &str) -> Result<&'d str, ModelError> {
        self.needed(name, self.get(name))
    }

    /// The value of an attribute that must be there.
    pub(crate) fn needed(self, name: &str, value: Option<&'d str>) -> Result<&'d str, ModelError> {
        value.ok_or_else(|| self.invalid(format!("attribute '{name}' is missing")))
    }

    /// A child that must be there.
    pub(crate) fn need_child(self, name: &str) -> Result<Node<'d>, ModelError> {
        self.child(name)
            .ok_or_else(|| self.invalid(format!("element {name} is missing")))
    }

    /// An attribute as a finite number.
    pub(crate) fn number(self, name: &str) -> Result<Option<f64>, ModelError> {
        self.get(name).map(|text| self.as_number(name, text)).transpose()
    }

    /// The value of an attribute as a finite number.
    pub(crate) fn as_number(self, name: &str, text: &str) -> Result<f64, ModelError> {
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.invalid(format!("'{text}' in attribute '{name}' is not a finite number"))),
        }
    }

    /// An attribute as a finite number, with a default.
    pub(crate) fn number_or(self, name: &str, default: f64) -> Result<f64, ModelError> {
        Ok(self.number(name)?.unwrap_or(default))
    }

    /// An attribute as a finite number that must be there.
    pub(crate) fn need_number(self, name: &str) -> Result<f64, ModelError> {
        self.need(name)?;
        self.number_or(name, 0.0)
    }

    /// An attribute as a truth value, with a default.
    pub(crate) fn flag(self, name: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(name) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(text) => Err(self.invalid(format!("'{text}' in attribute '{name}' is not a truth value"))),
        }
    }

    /// See [`Budget::reserve`].
    pub(crate) fn reserve(self, counts: &[usize], size: usize) -> Result<(), ModelError> {
        let reserved = self.document.budget.reserve(counts, size);
        reserved.map_err(|error| error.at(self.place()))
    }

    /// See [`Budget::fits`].
    pub(crate) fn fits(self, counts: &[usize], size: usize) -> Result<(), ModelError> {
        let left = self.document.budget.fits(counts, size);
        left.map(|_| ()).map_err(|error| error.at(self.place()))
    }

    /// See [`Budget::work`].
    pub(crate) fn work(self, steps: usize) -> Result<(), ModelError> {
        let worked = self.document.budget.work(steps);
        worked.map_err(|error| error.at(self.place()))
    }

    /// This element contradicts the specification.
    pub(crate) fn invalid(self, message: impl Into<String>) -> ModelError {
        ModelError::invalid(message).at(self.place())
    }
}
