//! Regular expressions of RE2, which TensorFlow and onnxruntime use, as those of the `regex` crate.

use std::fmt::Write as _;

/// A pattern that matches what it would with RE2: there, `\d`, `\s`, `\w` and `\b` know no letters beyond ASCII, and a class within a class
/// is a bracket.
pub(crate) fn translated(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    // How many characters of a class have been seen, within one.
    let mut class: Option<usize> = None;
    while let Some(character) = rest.next() {
        match (character, class) {
            ('\\', _) => {
                let escaped = rest.next();
                if escaped == Some('Q') {
                    quoted(&mut rest, &mut result);
                } else {
                    escape(escaped, class.is_some(), &mut result);
                }
                class = class.map(|seen| seen + 1);
            }
            ('[', None) => {
                class = Some(0);
                result.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    result.push('^');
                }
            }
            ('[', Some(seen)) => {
                if rest.peek() == Some(&':') {
                    // A named class, up to its own bracket.
                    result.push('[');
                    for inside in rest.by_ref() {
                        result.push(inside);
                        if inside == ']' {
                            break;
                        }
                    }
                } else {
                    result.push_str("\\[");
                }
                class = Some(seen + 1);
            }
            // The first bracket of a class is one of its characters.
            (']', Some(0)) => {
                result.push_str("\\]");
                class = Some(1);
            }
            (']', Some(_)) => {
                class = None;
                result.push(']');
            }
            ('&' | '~', Some(seen)) => {
                result.push('\\');
                result.push(character);
                class = Some(seen + 1);
            }
            _ => {
                result.push(character);
                class = class.map(|seen| seen + 1);
            }
        }
    }
    result
}

fn escape(escaped: Option<char>, in_class: bool, result: &mut String) {
    let Some(letter) = escaped else {
        return result.push('\\');
    };
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\x0c\r ",
        _ => "",
    };
    // Writing to a string does not fail.
    let _ = match (letter, in_class) {
        ('d' | 'w' | 's', true) => write!(result, "{members}"),
        ('d' | 'w' | 's', false) => write!(result, "[{members}]"),
        ('D' | 'W' | 'S', _) => write!(result, "[^{members}]"),
        ('b', false) => write!(result, r"(?-u:\b)"),
        _ => write!(result, "\\{letter}"),
    };
}

/// What stands for itself, up to `\E`.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, result: &mut String) {
    while let Some(character) = rest.next() {
        if character == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
        result.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn patterns_keep_their_meaning_where_the_engines_differ() {
        for (pattern, text, found) in [
            (r"\w+", "äbc", "bc"),
            (r"\W+", "aä!b", "ä!"),
            (r"\d", "٣3", "3"),
            (r"[\W\d]+", "a1ä_", "1ä"),
            (r"\s+", "a\u{a0} b", " "),
            (r"\bc\w", "äcb", "cb"),
            (r"[[a]+", "b[a]", "[a"),
            (r"[]a]+", "b]a[", "]a"),
            (r"[^]a]+", "]b[a", "b["),
            (r"[a&&b~]+", "x&~b", "&~b"),
            (r"[[:digit:]x]+", "a1x[", "1x"),
            (r"\Qa.b*\E+", "aXb a.b**", "a.b**"),
            (r"[\]\\]+", r"a\]", r"\]"),
        ] {
            let regex = Regex::new(&translated(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.find(text).map(|found| found.as_str()), Some(found), "{pattern}");
        }
    }
}
