//! Lists in one cell: a text that holds a JSON array of texts, numbers, truth values and nulls (see [`Field::list`](crate::Field)).

use std::borrow::Cow;

use thiserror::Error;

/// A text that should hold a list and does not.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a JSON array of texts, numbers and truth values")]
pub struct NotAList;

/// An element of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListItem<'a> {
    /// `null`.
    Missing,
    /// Text, unescaped.
    Text(Cow<'a, str>),
    /// A number as it is spelled.
    Number(&'a str),
    /// A truth value.
    Boolean(bool),
}

/// The elements of a list, one after the other; nothing is allocated but for texts with escapes. Ends after the first error.
#[derive(Clone, Debug)]
pub struct ListItems<'a> {
    rest: &'a str,
    started: bool,
    ended: bool,
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'a> ListItems<'a> {
    /// # Errors
    /// A text that does not begin a list.
    pub fn new(text: &'a str) -> Result<Self, NotAList> {
        Ok(Self {
            rest: text.trim_start_matches(BLANKS).strip_prefix('[').ok_or(NotAList)?,
            started: false,
            ended: false,
        })
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    fn read(&mut self) -> Result<Option<ListItem<'a>>, NotAList> {
        self.blanks();
        if self.take("]") {
            self.blanks();
            return if self.rest.is_empty() { Ok(None) } else { Err(NotAList) };
        }
        if self.started && !self.take(",") {
            return Err(NotAList);
        }
        self.started = true;
        self.blanks();
        if self.take("\"") {
            return self.text().map(|text| Some(ListItem::Text(text)));
        }
        for (word, item) in [
            ("null", ListItem::Missing),
            ("true", ListItem::Boolean(true)),
            ("false", ListItem::Boolean(false)),
        ] {
            if self.take(word) {
                return Ok(Some(item));
            }
        }
        let end = self
            .rest
            .find(|next: char| !(next.is_ascii_digit() || matches!(next, '+' | '-' | '.' | 'e' | 'E')))
            .ok_or(NotAList)?;
        let (number, rest) = self.rest.split_at(end);
        if number.starts_with('+') || number.parse::<f64>().is_err() {
            return Err(NotAList);
        }
        self.rest = rest;
        Ok(Some(ListItem::Number(number)))
    }

    /// The text up to the quotation mark that ends it.
    fn text(&mut self) -> Result<Cow<'a, str>, NotAList> {
        let mut text = Cow::Borrowed("");
        loop {
            let end = self.rest.find(['"', '\\']).ok_or(NotAList)?;
            let (plain, rest) = self.rest.split_at(end);
            self.rest = rest;
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            if self.take("\"") {
                return Ok(text);
            }
            self.take("\\");
            let escaped = self.escaped()?;
            text.to_mut().push(escaped);
        }
    }

    /// The character that the letters behind a backslash stand for.
    fn escaped(&mut self) -> Result<char, NotAList> {
        let letter = self.rest.chars().next().ok_or(NotAList)?;
        self.rest = &self.rest[letter.len_utf8()..];
        Ok(match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                match char::from_u32(first) {
                    Some(character) => character,
                    // The first half of a character beyond the basic plane.
                    None if self.take("\\u") => char::decode_utf16([first as u16, self.unit()? as u16])
                        .next()
                        .and_then(Result::ok)
                        .ok_or(NotAList)?,
                    None => return Err(NotAList),
                }
            }
            _ => return Err(NotAList),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, NotAList> {
        let digits = self.rest.get(..4).ok_or(NotAList)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAList);
        }
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).map_err(|_| NotAList)
    }
}

impl<'a> Iterator for ListItems<'a> {
    type Item = Result<ListItem<'a>, NotAList>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read();
        self.ended = !matches!(item, Ok(Some(_)));
        item.transpose()
    }
}

/// Writes a text as an element of a list: in quotation marks, with escapes. Brackets and commas are the caller's.
pub fn push_list_text(list: &mut String, text: &str) {
    list.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => list.extend(['\\', character]),
            '\n' => list.push_str("\\n"),
            '\r' => list.push_str("\\r"),
            '\t' => list.push_str("\\t"),
            '\0'..' ' => {
                const DIGITS: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
                ];
                let code = character as usize;
                list.push_str("\\u00");
                list.extend([DIGITS[code >> 4], DIGITS[code & 15]]);
            }
            _ => list.push(character),
        }
    }
    list.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(text: &str) -> Result<Vec<ListItem<'_>>, NotAList> {
        ListItems::new(text)?.collect()
    }

    #[test]
    fn a_list_is_a_flat_json_array() {
        let text = |text: &'static str| ListItem::Text(text.into());
        for (list, expected) in [
            ("[]", vec![]),
            (" [ ] ", vec![]),
            (r#"["a", "b"]"#, vec![text("a"), text("b")]),
            (
                r#"["q\"\\\/\u00e4\ud83c\udf4e\n",""]"#,
                vec![text("q\"\\/ä🍎\n"), text("")],
            ),
            (
                "[1,-2.5e3, true,false , null]",
                vec![
                    ListItem::Number("1"),
                    ListItem::Number("-2.5e3"),
                    ListItem::Boolean(true),
                    ListItem::Boolean(false),
                    ListItem::Missing,
                ],
            ),
        ] {
            assert_eq!(items(list), Ok(expected), "{list}");
        }
    }

    #[test]
    fn anything_else_is_not_a_list() {
        for text in [
            "",
            "a",
            "[",
            "[,]",
            "[1,]",
            "[1 2]",
            "[\"a]",
            "[\"\\x\"]",
            "[\"\\ud83c\"]",
            "[\"\\u00\"]",
            "[1]]",
            "[[1]]",
            "[{}]",
            "[nan]",
            "[+1]",
            "[1.2.3]",
            "{\"a\":1}",
        ] {
            assert_eq!(items(text), Err(NotAList), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_read_back(texts: Vec<String>) {
            let mut list = String::from("[");
            for (at, text) in texts.iter().enumerate() {
                list.push_str(if at == 0 { "" } else { "," });
                push_list_text(&mut list, text);
            }
            list.push(']');
            let expected = texts.iter().map(|text| ListItem::Text(text.into())).collect();
            prop_assert_eq!(items(&list), Ok(expected));
        }
    }
}
