//! Functions of texts, formats and dates.

use super::Named;
use crate::run::{Fault, NO_SLOT, Run, Scored};
use crate::value::{Type, Value, parse};

impl Run<'_> {
    pub(super) fn textual(&mut self, name: Named, start: usize) -> Scored<Value> {
        let count = self.scratch.arguments.len() - start;
        let mut out = String::new();
        for index in 0..if name == Named::Concat { count } else { 1 } {
            let value = self.scratch.arguments[start + index];
            if let Value::Text(code) = self.cast(Type::String, value, NO_SLOT)? {
                let length = self.text(code).len();
                self.scratch.steps.take(length)?;
                out.push_str(self.text(code));
            }
        }
        let out = match name {
            Named::Uppercase => out.to_uppercase(),
            Named::Lowercase => out.to_lowercase(),
            Named::TrimBlanks => out.trim().to_owned(),
            Named::StringLength => return Ok(Value::Int(out.chars().count() as i64)),
            Named::Substring => {
                let (from, length) = (self.scratch.arguments[start + 1], self.scratch.arguments[start + 2]);
                let from = self.numeric(from)?.unwrap_or(0.0);
                let length = self.numeric(length)?.unwrap_or(-1.0);
                if !(from >= 1.0 && length >= 0.0) {
                    return Err(Fault::undefined());
                }
                out.chars().skip(from as usize - 1).take(length as usize).collect()
            }
            _ => out,
        };
        self.code(&out).map(Value::Text)
    }

    pub(super) fn formatted(&mut self, name: Named, value: Value, pattern: Value) -> Scored<Value> {
        let Value::Text(code) = pattern else {
            return Err(Fault::undefined());
        };
        // A conversion of two letters may write many.
        let length = 16 * self.text(code).len();
        self.scratch.steps.take(length)?;
        let pattern = self.text(code).to_owned();
        let mut out = String::new();
        if name == Named::FormatNumber {
            let value = match value {
                Value::Text(code) => parse(Type::Double, self.text(code)).ok_or_else(Fault::undefined)?,
                other => other,
            };
            crate::format::number(value, &pattern, &mut out).ok_or_else(Fault::undefined)?;
        } else {
            let seconds = match value {
                Value::Date(days) => days * 86_400,
                Value::Time(seconds) | Value::DateTime(seconds) => seconds,
                Value::Text(code) => crate::dates::date_time(self.text(code)).ok_or_else(Fault::undefined)?,
                _ => return Err(Fault::undefined()),
            };
            crate::dates::format(seconds, &pattern, &mut out).ok_or_else(Fault::undefined)?;
        }
        self.code(&out).map(Value::Text)
    }

    pub(super) fn dated(&mut self, name: Named, value: Value, year: Value) -> Scored<Value> {
        let seconds = match value {
            Value::Date(days) => days * 86_400,
            Value::DateTime(seconds) | Value::Time(seconds) => seconds,
            Value::Text(code) => {
                let text = self.text(code).trim();
                crate::dates::date_time(text)
                    .or_else(|| crate::dates::time(text))
                    .ok_or_else(Fault::undefined)?
            }
            _ => return Err(Fault::undefined()),
        };
        if name == Named::DateSecondsSinceMidnight {
            return Ok(Value::Int(seconds.rem_euclid(86_400)));
        }
        let year = self
            .numeric(year)?
            .filter(|year| year.abs() < 1e6)
            .ok_or_else(Fault::undefined)?;
        let epoch = crate::dates::days(year as i64, 1, 1);
        Ok(Value::Int(if name == Named::DateDaysSinceYear {
            seconds.div_euclid(86_400) - epoch
        } else {
            seconds - epoch * 86_400
        }))
    }
}
