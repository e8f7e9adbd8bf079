//! A PMML document as one flat array of elements.
//!
//! The reader is iterative and bounded: nesting, size and the number of elements are checked while reading, DOCTYPE and
//! entities other than the five of XML are refused. Names, attribute values and text are spans of the content; only what
//! holds an escape is copied.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serving_model::{Limits, ModelError, Place};

/// Index of an element of a [`Document`].
pub(crate) type Id = u32;

const NONE: Id = u32::MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Set in `Span::start` for text that was copied because it held escapes.
const COPIED: u32 = 1 << 31;

#[derive(Clone, Debug)]
struct Element {
    name: Span,
    text: Span,
    line: u32,
    attributes: u32,
    next: Id,
    child: Id,
}

#[derive(Clone, Copy, Debug)]
struct Attribute {
    name: Span,
    value: Span,
}

/// A document.
pub(crate) struct Document<'a> {
    content: Cow<'a, str>,
    copied: String,
    elements: Vec<Element>,
    attributes: Vec<Attribute>,
}

/// One element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    document: &'d Document<'d>,
    id: Id,
}

/// The content as text: UTF-8 with or without mark, UTF-16 with mark, or ISO-8859-1 when it says so.
fn decode(content: &[u8]) -> Result<Cow<'_, str>, ModelError> {
    let utf16 = |units: &mut dyn Iterator<Item = u16>| {
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map(Cow::Owned)
            .map_err(|_| ModelError::unparsable("content is not valid UTF-16"))
    };
    match content {
        [0xff, 0xfe, rest @ ..] => utf16(&mut rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))),
        [0xfe, 0xff, rest @ ..] => utf16(&mut rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))),
        _ => {
            let content = content.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(content);
            match std::str::from_utf8(content) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => {
                    let head = content[..content.len().min(200)].to_ascii_lowercase();
                    let says = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
                    if says(b"iso-8859-1") || says(b"windows-1252") || says(b"latin1") {
                        return Ok(Cow::Owned(content.iter().map(|byte| char::from(*byte)).collect()));
                    }
                    let before = &content[..error.valid_up_to()];
                    let line = 1 + before.iter().map(|byte| u32::from(*byte == b'\n')).sum::<u32>();
                    Err(ModelError::unparsable("content is not valid UTF-8").at(Place::line(line)))
                }
            }
        }
    }
}

struct Builder<'a> {
    document: Document<'a>,
    open: Vec<(Id, Id)>,
    roots: usize,
    position: usize,
    line: u32,
    limits: Limits,
}

impl Builder<'_> {
    fn refuse(&self, message: impl Into<String>) -> ModelError {
        ModelError::unparsable(message).at(Place::line(self.line))
    }

    fn span(content: &str, part: &str) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(content.as_ptr() as usize)?;
        (start + part.len() <= content.len()).then_some(Span {
            start: start as u32,
            length: part.len() as u32,
        })
    }

    fn copy(&mut self, text: &str) -> Result<Span, ModelError> {
        let start = self.document.copied.len();
        if start + text.len() >= COPIED as usize {
            return Err(ModelError::too_large("too much text with escapes"));
        }
        self.document.copied.push_str(text);
        Ok(Span {
            start: start as u32 | COPIED,
            length: text.len() as u32,
        })
    }

    fn unescaped(&mut self, content: &str, text: &str) -> Result<Span, ModelError> {
        if !text
            .bytes()
            .any(|byte| matches!(byte, b'&' | b'\n' | b'\t' | b'\r' | b'<'))
        {
            return Self::span(content, text).ok_or_else(|| self.refuse("content can't be read"));
        }
        if text.contains('<') {
            return Err(self.refuse("an attribute holds '<'"));
        }
        let text = quick_xml::escape::unescape(text).map_err(|error| self.refuse(error.to_string()))?;
        self.copy(&text.replace(['\n', '\t', '\r'], " "))
    }

    fn start(&mut self, content: &str, tag: &BytesStart<'_>) -> Result<Id, ModelError> {
        let id = self.document.elements.len() as Id;
        if id >= NONE - 1 {
            return Err(ModelError::too_large("too many elements"));
        }
        if self.open.len() >= self.limits.depth {
            return Err(
                ModelError::too_large(format!("elements are nested deeper than {}", self.limits.depth))
                    .at(Place::line(self.line)),
            );
        }
        if let Some((parent, last)) = self.open.last_mut() {
            if *last == NONE {
                self.document.elements[*parent as usize].child = id;
            } else {
                self.document.elements[*last as usize].next = id;
            }
            *last = id;
        } else {
            self.roots += 1;
            if self.roots > 1 {
                return Err(self.refuse("the document has a second root element"));
            }
        }
        let name = self.name(content, tag.local_name().into_inner())?;
        self.document.elements.push(Element {
            name,
            text: Span::default(),
            line: self.line,
            attributes: self.document.attributes.len() as u32,
            next: NONE,
            child: NONE,
        });
        let mut attributes = tag.attributes();
        attributes.with_checks(false);
        for attribute in attributes {
            let attribute = attribute.map_err(|error| self.refuse(error.to_string()))?;
            let name = self.name(content, attribute.key.into_inner())?;
            let value = self.unescaped(content, &attribute.value)?;
            self.document.attributes.push(Attribute { name, value });
        }
        Ok(id)
    }

    /// The name of an element or attribute. The reader below takes whatever stands there, `<intercept` for instance.
    fn name(&self, content: &str, name: &str) -> Result<Span, ModelError> {
        let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
        let further = |c: char| first(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
        if !name.starts_with(first) || !name.chars().all(further) {
            return Err(self.refuse(format!("'{name}' is not a name")));
        }
        Self::span(content, name).ok_or_else(|| self.refuse("content can't be read"))
    }

    fn text(&mut self, content: &str, raw: &str, verbatim: bool) -> Result<(), ModelError> {
        if !verbatim && raw.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Ok(());
        }
        let Some((id, _)) = self.open.last().copied() else {
            return Err(self.refuse("there is text outside of the root element"));
        };
        let before = self.document.elements[id as usize].text;
        let span = if before.length == 0 {
            Self::span(content, raw)
        } else {
            None
        };
        let span = if let Some(span) = span {
            span
        } else {
            // Appending in place keeps many pieces of one text linear.
            if before.start & COPIED != 0
                && (before.start & !COPIED) as usize + before.length as usize == self.document.copied.len()
            {
                let more = self.copy(raw)?;
                Span {
                    start: before.start,
                    length: before.length + more.length,
                }
            } else {
                let text = self.document.str(before).to_owned() + raw;
                self.copy(&text)?
            }
        };
        self.document.elements[id as usize].text = span;
        Ok(())
    }
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
        let content = decode(content)?;
        if content.len() >= COPIED as usize {
            return Err(ModelError::too_large("the document has too many bytes"));
        }
        let mut builder = Builder {
            document: Document {
                content: Cow::Borrowed(""),
                copied: String::new(),
                elements: Vec::with_capacity(content.len() / 100),
                attributes: Vec::with_capacity(content.len() / 50),
            },
            open: Vec::new(),
            roots: 0,
            position: 0,
            line: 1,
            limits,
        };
        let text: &str = &content;
        let mut reader = Reader::from_str(text);
        loop {
            let before = reader.buffer_position() as usize;
            let lines = &text.as_bytes()[builder.position..before];
            builder.line += lines.iter().map(|byte| u32::from(*byte == b'\n')).sum::<u32>();
            builder.position = before;
            let event = reader.read_event().map_err(|error| builder.refuse(error.to_string()))?;
            match event {
                Event::Start(tag) => {
                    let id = builder.start(text, &tag)?;
                    builder.open.push((id, NONE));
                }
                Event::Empty(tag) => {
                    builder.start(text, &tag)?;
                }
                Event::End(_) => {
                    builder.open.pop();
                }
                Event::Text(piece) => builder.text(text, &piece, false)?,
                Event::CData(piece) => builder.text(text, &piece, true)?,
                Event::GeneralRef(reference) => {
                    let name: &str = &reference;
                    let replaced = quick_xml::escape::unescape(&format!("&{name};"))
                        .map(Cow::into_owned)
                        .map_err(|_| builder.refuse(format!("entity '{name}' is not allowed")))?;
                    builder.text(text, &replaced, true)?;
                }
                Event::DocType(_) => return Err(builder.refuse("DOCTYPE is not allowed")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if let Some((id, _)) = builder.open.last() {
            let name = text
                .get(builder.document.elements[*id as usize].name.range())
                .unwrap_or_default();
            return Err(builder.refuse(format!("the document ends within element {name}")));
        }
        let mut document = builder.document;
        if document.elements.is_empty() {
            return Err(ModelError::unparsable("the document has no element"));
        }
        document.elements.shrink_to_fit();
        document.attributes.shrink_to_fit();
        document.content = content;
        Ok(document)
    }

    fn str(&self, span: Span) -> &str {
        if span.start & COPIED == 0 {
            self.content.get(span.range()).unwrap_or_default()
        } else {
            let start = (span.start & !COPIED) as usize;
            self.copied.get(start..start + span.length as usize).unwrap_or_default()
        }
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

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
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
            if node.name() != "Extension" {
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
        self.document.str(self.element().name)
    }

    /// Position in the document, to compare elements.
    pub(crate) fn id(self) -> Id {
        self.id
    }

    /// Text between the tags, trimmed.
    pub(crate) fn text(self) -> &'d str {
        self.document.str(self.element().text).trim()
    }

    /// Text between the tags as it stands.
    pub(crate) fn raw_text(self) -> &'d str {
        self.document.str(self.element().text)
    }

    pub(crate) fn line(self) -> u32 {
        self.element().line
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
            next: self.element().child,
        }
    }

    /// The first child with a name.
    pub(crate) fn child(self, name: &str) -> Option<Node<'d>> {
        self.children().find(|child| child.name() == name)
    }

    /// All children with a name.
    pub(crate) fn all(self, name: &'static str) -> impl Iterator<Item = Node<'d>> + Clone {
        self.children().filter(move |child| child.name() == name)
    }

    fn attributes(self) -> &'d [Attribute] {
        let start = self.element().attributes as usize;
        let end = self
            .document
            .elements
            .get(self.id as usize + 1)
            .map_or(self.document.attributes.len(), |element| element.attributes as usize);
        &self.document.attributes[start..end]
    }

    /// Value of an attribute.
    pub(crate) fn get(self, name: &str) -> Option<&'d str> {
        self.attributes()
            .iter()
            .find(|attribute| self.document.str(attribute.name) == name)
            .map(|attribute| self.document.str(attribute.value))
    }

    /// Value of an attribute that must be there.
    pub(crate) fn need(self, name: &str) -> Result<&'d str, ModelError> {
        self.get(name)
            .ok_or_else(|| self.invalid(format!("attribute '{name}' is missing")))
    }

    /// A child that must be there.
    pub(crate) fn need_child(self, name: &str) -> Result<Node<'d>, ModelError> {
        self.child(name)
            .ok_or_else(|| self.invalid(format!("element {name} is missing")))
    }

    /// An attribute as a finite number.
    pub(crate) fn number(self, name: &str) -> Result<Option<f64>, ModelError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
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

    /// This element contradicts the specification.
    pub(crate) fn invalid(self, message: impl Into<String>) -> ModelError {
        ModelError::invalid(message).at(self.place())
    }
}
