//! Numbers as text, as C's `printf` writes them.

use crate::array::{Array, DType, Data, Text};
use crate::ops::convert::cast;
use crate::trouble::Trouble;

/// Attributes of `AsString`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    pub(crate) precision: Option<usize>,
    pub(crate) notation: Notation,
    pub(crate) width: usize,
    pub(crate) fill: Fill,
}

/// How a float is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// `%f`.
    Fixed,
    /// `%e`.
    Scientific,
    /// `%g`.
    Shortest,
}

/// What makes a text as wide as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Before,
    Behind,
    Zeros,
}

impl NumberFormat {
    pub(super) fn write(self, array: &Array) -> Result<Array, Trouble> {
        let texts: Vec<Text> = match &array.data {
            Data::Text(texts) => texts.to_vec(),
            Data::Bool(values) => values.iter().map(|value| self.fill(&value.to_string())).collect(),
            _ if array.dtype().is_integer() => {
                let integers = array.integers()?;
                integers.iter().map(|value| self.fill(&value.to_string())).collect()
            }
            _ => {
                let wide = cast(array, DType::F64)?;
                wide.view::<f64>()?
                    .iter()
                    .map(|value| self.fill(&self.float(*value)))
                    .collect()
            }
        };
        Ok(Array::new(array.shape.clone(), texts))
    }

    fn fill(self, text: &str) -> Text {
        let width = self.width;
        match self.fill {
            Fill::Behind => format!("{text:<width$}").into(),
            Fill::Before => format!("{text:>width$}").into(),
            Fill::Zeros => {
                let (sign, digits) = text.split_at(usize::from(text.starts_with('-')));
                let width = width.saturating_sub(sign.len());
                format!("{sign}{digits:0>width$}").into()
            }
        }
    }

    fn float(self, value: f64) -> String {
        if !value.is_finite() {
            return value.to_string().to_ascii_lowercase();
        }
        let precision = self.precision.unwrap_or(6);
        match self.notation {
            Notation::Scientific => scientific(value, precision),
            Notation::Shortest => shortest(value, precision),
            Notation::Fixed => format!("{value:.precision$}"),
        }
    }
}

/// `%e`.
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// `%g`.
fn shortest(value: f64, precision: usize) -> String {
    let digits = precision.max(1);
    let text = scientific(value, digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let place: i64 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        let kept = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            text
        };
        kept.to_owned()
    };
    if place < -4 || place >= digits as i64 {
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    let behind = usize::try_from(digits as i64 - 1 - place).unwrap_or(0);
    trimmed(&format!("{value:.behind$}"))
}
