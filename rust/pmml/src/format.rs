//! `formatNumber`: patterns of `printf`.

use crate::value::Value;

/// Writes a number by a pattern with one conversion; `None` when the pattern has no or an unknown conversion.
pub(crate) fn number(value: Value, pattern: &str, out: &mut String) -> Option<()> {
    let number = value.number()?;
    let mut rest = pattern;
    let mut converted = false;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
        if std::mem::replace(&mut converted, true) {
            return None;
        }
        Conversion::parse(&rest[..end], rest.as_bytes()[end])?.write(value, number, out)?;
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    converted.then_some(())
}

struct Conversion<'p> {
    flags: &'p str,
    width: usize,
    precision: Option<usize>,
    kind: u8,
}

impl<'p> Conversion<'p> {
    fn parse(specification: &'p str, kind: u8) -> Option<Self> {
        let body = specification.trim_start_matches(['0', '-', '+', ' ', ',', '#', '(']);
        let flags = &specification[..specification.len() - body.len()];
        let (width, precision) = body
            .split_once('.')
            .map_or((body, None), |(width, rest)| (width, Some(rest)));
        let small = |text: &str| text.parse::<usize>().ok().filter(|size| *size <= 1000);
        Some(Self {
            flags,
            width: if width.is_empty() { 0 } else { small(width)? },
            precision: precision.map_or(Some(None), |text| small(text).map(Some))?,
            kind,
        })
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn write(&self, value: Value, number: f64, out: &mut String) -> Option<()> {
        let precision = self.precision.unwrap_or(6);
        let magnitude = number.abs();
        let mut digits = match self.kind {
            b'd' | b'i' => format!("{:.0}", magnitude.trunc()),
            b'f' | b'F' => Decimal::of(magnitude)?.fixed(precision),
            b'e' | b'E' => Decimal::of(magnitude)?.scientific(precision),
            b'g' | b'G' => general(magnitude, precision.max(1))?,
            b'x' | b'X' | b'o' if number.fract() == 0.0 && magnitude < 9e15 => {
                let whole = number as i64;
                if self.kind == b'o' {
                    format!("{whole:o}")
                } else {
                    format!("{whole:x}")
                }
            }
            b's' | b'S' => {
                let mut text = String::new();
                crate::run::write_value(value, &mut text);
                text
            }
            _ => return None,
        };
        if self.kind.is_ascii_uppercase() {
            digits = digits.to_uppercase();
        }
        if self.has(',') {
            digits = grouped(&digits);
        }
        let signed = !matches!(self.kind, b'x' | b'X' | b'o' | b's' | b'S');
        let (before, after) = match (signed, number < 0.0) {
            (true, true) if self.has('(') => ("(", ")"),
            (true, true) => ("-", ""),
            (true, false) if self.has('+') => ("+", ""),
            (true, false) if self.has(' ') => (" ", ""),
            _ => ("", ""),
        };
        let length = before.len() + digits.chars().count() + after.len();
        let padding = self.width.saturating_sub(length);
        let zeros = if self.has('0') && !self.has('-') { padding } else { 0 };
        let blanks = padding - zeros;
        let (left, right) = if self.has('-') { (0, blanks) } else { (blanks, 0) };
        out.extend(std::iter::repeat_n(' ', left));
        out.push_str(before);
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(&digits);
        out.push_str(after);
        out.extend(std::iter::repeat_n(' ', right));
        Some(())
    }
}

/// The shortest decimal that reads back as a number: `0.d1 d2 d3... * 10^exponent`.
struct Decimal {
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    fn of(magnitude: f64) -> Option<Self> {
        if !magnitude.is_finite() {
            return None;
        }
        let text = format!("{magnitude:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        Some(Self {
            digits,
            exponent: exponent.parse::<i32>().ok()? + 1,
        })
    }

    /// Keeps a number of digits; a half is rounded up, as the reference tool does it.
    fn round(&mut self, keep: i64) {
        if keep < 0 {
            self.digits = vec![b'0'];
            return;
        }
        let keep = keep as usize;
        if keep >= self.digits.len() {
            return;
        }
        let up = self.digits[keep] >= b'5';
        self.digits.truncate(keep);
        if !up {
            return;
        }
        let mut at = keep;
        while at > 0 && self.digits[at - 1] == b'9' {
            self.digits[at - 1] = b'0';
            at -= 1;
        }
        if at > 0 {
            self.digits[at - 1] += 1;
        } else {
            self.digits.insert(0, b'1');
            self.exponent += 1;
        }
    }

    fn digit(&self, index: i64) -> char {
        let digit = usize::try_from(index).ok().and_then(|index| self.digits.get(index));
        digit.map_or('0', |digit| char::from(*digit))
    }

    fn fixed(mut self, precision: usize) -> String {
        self.round(i64::from(self.exponent) + precision as i64);
        let exponent = i64::from(self.exponent);
        let mut out: String = (0..exponent).map(|index| self.digit(index)).collect();
        if exponent <= 0 {
            out.push('0');
        }
        if precision > 0 {
            out.push('.');
            out.extend((exponent..exponent + precision as i64).map(|index| self.digit(index)));
        }
        out
    }

    fn scientific(mut self, precision: usize) -> String {
        self.round(precision as i64 + 1);
        let zero = self.digits.iter().all(|digit| *digit == b'0');
        let exponent = if zero { 0 } else { self.exponent - 1 };
        let mut out = String::from(self.digit(0));
        if precision > 0 {
            out.push('.');
            out.extend((1..=precision as i64).map(|index| self.digit(index)));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        out + &format!("e{sign}{:02}", exponent.abs())
    }
}

/// As fixed from 0.0001 to the power of ten of the precision, else scientific.
fn general(magnitude: f64, precision: usize) -> Option<String> {
    let mut decimal = Decimal::of(magnitude)?;
    decimal.round(precision as i64);
    let exponent = i64::from(decimal.exponent);
    if magnitude == 0.0 || (-3..=precision as i64).contains(&exponent) {
        let places = if magnitude == 0.0 {
            precision as i64 - 1
        } else {
            precision as i64 - exponent
        };
        return Some(decimal.fixed(places.max(0) as usize));
    }
    Some(decimal.scientific(precision - 1))
}

fn grouped(digits: &str) -> String {
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
