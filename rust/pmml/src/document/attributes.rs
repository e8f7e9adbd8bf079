//! The attributes of a tag, as they stand in the content. The reader checks them with the same steps.

/// An attribute of a tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'d> {
    pub(super) name: &'d str,
    /// Between the quotes; escapes are not replaced.
    pub(super) value: &'d str,
    /// Where the value starts in the content.
    pub(super) start: usize,
}

/// The attributes of a tag that the reader has checked.
pub(super) struct Attributes<'d> {
    content: &'d str,
    at: usize,
}

impl<'d> Attributes<'d> {
    /// The attributes after the name of a tag.
    pub(super) fn after(content: &'d str, name_end: usize) -> Self {
        Self { content, at: name_end }
    }
}

impl<'d> Iterator for Attributes<'d> {
    type Item = Attribute<'d>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'d>> {
        let bytes = self.content.as_bytes();
        let name = skip_whitespace(bytes, self.at);
        if matches!(bytes.get(name), None | Some(b'>' | b'/')) {
            return None;
        }
        let equals = name + value_length(bytes.get(name..)?, b'=')?.0;
        let start = value(bytes, equals).ok()?;
        let length = value_length(bytes.get(start..)?, *bytes.get(start - 1)?)?.0;
        self.at = start + length + 1;
        Some(Attribute {
            name: self.content.get(name..equals)?.trim_ascii_end(),
            value: self.content.get(start..start + length)?,
            start,
        })
    }
}

/// The first position from here on that holds no whitespace.
#[inline]
pub(super) fn skip_whitespace(bytes: &[u8], mut at: usize) -> usize {
    while let Some(kind @ (b' ' | b'\n' | b'\t' | b'\r')) = bytes.get(at).copied() {
        // Indentation is a run of one kind.
        at += match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(next) => (u64::from_le_bytes(*next) ^ all(kind)).trailing_zeros() as usize / 8,
            None => 1,
        };
    }
    at
}

/// A byte eight times.
const fn all(byte: u8) -> u64 {
    byte as u64 * (u64::MAX / 0xff)
}

/// The first position from here on that can't be in a name.
#[inline]
pub(super) fn skip_name(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = rest.iter().position(|byte| !IN_NAMES[usize::from(*byte)]);
    at + length.unwrap_or(rest.len())
}

/// The bytes before a quote, and whether they stand for themselves: no escape, no line break, no `<` is among them.
#[inline]
pub(super) fn value_length(bytes: &[u8], quote: u8) -> Option<(usize, bool)> {
    // The lowest bit of the result is at the first byte that is 0; above it others may be set that mean nothing.
    let zeros = |word: u64| word.wrapping_sub(all(1)) & !word & all(0x80);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut plain = true;
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ all(quote));
        let controls = word.wrapping_sub(all(0x20)) & !word & all(0x80);
        let special = zeros(word ^ all(b'&')) | zeros(word ^ all(b'<')) | controls;
        if found != 0 {
            plain &= special & (found ^ found.wrapping_sub(1)) == 0;
            return Some((8 * number + found.trailing_zeros() as usize / 8, plain));
        }
        plain &= special == 0;
    }
    let within = rest.iter().position(|byte| {
        plain &= !matches!(byte, b'&' | b'<' | ..0x20);
        *byte == quote
    })?;
    Some((8 * words.len() + within, plain))
}

/// Where the value starts after a name: behind `=` and a quote.
#[inline]
pub(super) fn value(bytes: &[u8], name_end: usize) -> Result<usize, &'static str> {
    let equals = skip_whitespace(bytes, name_end);
    if bytes.get(equals) != Some(&b'=') {
        return Err("an attribute has no value");
    }
    let quote = skip_whitespace(bytes, equals + 1);
    match bytes.get(quote) {
        Some(b'"' | b'\'') => Ok(quote + 1),
        _ => Err("the value of an attribute has no quotes"),
    }
}

/// Whether a name may start with this.
pub(super) fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii()
}

/// Bytes of names.
static IN_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let this = byte as u8;
        table[byte] = this.is_ascii_alphanumeric() || matches!(this, b'_' | b':' | b'-' | b'.') || !this.is_ascii();
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_ends_at_the_first_quote_and_is_plain_without_special_bytes(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x18_u8..0x28, Just(b'"'), Just(b'a'), Just(b'<')], 0..40),
        ) {
            let end = bytes.iter().position(|byte| *byte == b'"');
            let wanted = end.map(|end| {
                let special = |byte: &u8| matches!(byte, b'&' | b'<') || *byte < 0x20;
                (end, !bytes[..end].iter().any(special))
            });
            prop_assert_eq!(value_length(&bytes, b'"'), wanted);
        }

        #[test]
        fn whitespace_is_skipped_to_its_end(text in "[ \t\n\r]{0,40}", rest in "[a<]{0,3}") {
            let bytes = [text.as_bytes(), rest.as_bytes()].concat();
            prop_assert_eq!(skip_whitespace(&bytes, 0), text.len());
        }
    }
}
