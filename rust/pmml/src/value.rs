//! Values and their types.

use std::cmp::Ordering;

/// A value while a record is scored. Text is a code: see [`Strings`](crate::strings::Strings).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Missing,
    Double(f64),
    Float(f32),
    Int(i64),
    Bool(bool),
    Text(u32),
    /// Days since 1970-01-01.
    Date(i64),
    /// Seconds since midnight.
    Time(i64),
    /// Seconds since 1970-01-01T00:00:00.
    DateTime(i64),
}

/// Data types of PMML; the counting ones carry their epoch in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Integer,
    Float,
    Double,
    Boolean,
    Date,
    Time,
    DateTime,
    DaysSince(i64),
    SecondsSince(i64),
    TimeSeconds,
}

/// How values of a field relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpType {
    Categorical,
    Ordinal,
    Continuous,
}

impl Type {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let epoch = |year: &str| match year {
            "0" => Some(-719_528),
            "1960" => Some(-3653),
            "1970" => Some(0),
            "1980" => Some(3652),
            _ => None,
        };
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "double" => Self::Double,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time,
            "dateTime" => Self::DateTime,
            "timeSeconds" => Self::TimeSeconds,
            _ => {
                let inner = |prefix| name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(']'));
                if let Some(year) = inner("dateDaysSince[") {
                    Self::DaysSince(epoch(year)?)
                } else {
                    Self::SecondsSince(epoch(inner("dateTimeSecondsSince[")?)?)
                }
            }
        })
    }

    /// The operational type that goes without saying.
    pub(crate) fn default_optype(self) -> OpType {
        match self {
            Self::String | Self::Boolean => OpType::Categorical,
            Self::Date | Self::Time | Self::DateTime => OpType::Ordinal,
            _ => OpType::Continuous,
        }
    }
}

impl OpType {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "categorical" => Self::Categorical,
            "ordinal" => Self::Ordinal,
            "continuous" => Self::Continuous,
            _ => return None,
        })
    }
}

impl Value {
    #[inline]
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The value as a number, `None` for text and missing.
    #[inline]
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(value),
            Self::Float(value) => Some(f64::from(value)),
            Self::Int(value) | Self::Date(value) | Self::Time(value) | Self::DateTime(value) => Some(value as f64),
            Self::Bool(value) => Some(f64::from(u8::from(value))),
            Self::Text(_) | Self::Missing => None,
        }
    }

    #[inline]
    pub(crate) fn truth(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            Self::Int(value) => Some(value != 0),
            Self::Double(value) => Some(value != 0.0),
            Self::Float(value) => Some(value != 0.0),
            _ => None,
        }
    }

    /// Whether two values are the same; numbers of different types are compared as numbers.
    #[inline]
    pub(crate) fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (a, b) => match (a.number(), b.number()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    /// Order of two numbers, dates or truth values; `None` for text (which has an order only in an ordinal field).
    #[inline]
    pub(crate) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    }

    /// A key that is equal for values that are the [`same`](Self::same).
    #[inline]
    pub(crate) fn key(self) -> (u8, u64) {
        match self {
            Self::Missing => (0, 0),
            Self::Text(code) => (1, u64::from(code)),
            other => (2, (other.number().unwrap_or_default() + 0.0).to_bits()),
        }
    }
}

/// Reads text as a value; `None` when it can't be read. Text itself needs an interner and is not read here.
pub(crate) fn parse(kind: Type, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    Some(match kind {
        Type::String => return None,
        Type::Double => Value::Double(number(trimmed)?),
        Type::Float => Value::Float(float(trimmed)?),
        Type::Integer => Value::Int(integer(trimmed)?),
        Type::Boolean => match trimmed {
            "true" | "TRUE" | "True" => Value::Bool(true),
            "false" | "FALSE" | "False" => Value::Bool(false),
            _ => from_number(Type::Boolean, number(trimmed)?)?,
        },
        Type::Date => Value::Date(crate::dates::date(trimmed)?),
        Type::Time => Value::Time(crate::dates::time(trimmed)?),
        Type::DateTime => Value::DateTime(crate::dates::date_time(trimmed)?),
        Type::DaysSince(epoch) => match crate::dates::date(trimmed) {
            Some(days) => Value::Int(days - epoch),
            None => Value::Int(integer(trimmed)?),
        },
        Type::SecondsSince(epoch) => match crate::dates::date_time(trimmed) {
            Some(seconds) => Value::Int(seconds - epoch * 86_400),
            None => Value::Int(integer(trimmed)?),
        },
        Type::TimeSeconds => match crate::dates::time(trimmed) {
            Some(seconds) => Value::Int(seconds),
            None => Value::Int(integer(trimmed)?),
        },
    })
}

fn is_plain_number(text: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_digit() || last == '.')
}

/// Numbers as XML Schema and Java write them, and truth values as numbers.
fn number(text: &str) -> Option<f64> {
    if is_plain_number(text) {
        return text.parse().ok();
    }
    let named = [
        ("NaN", f64::NAN),
        ("INF", f64::INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("Infinity", f64::INFINITY),
        ("+Infinity", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("true", 1.0),
        ("false", 0.0),
    ];
    let found = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value)
}

fn float(text: &str) -> Option<f32> {
    if is_plain_number(text) {
        return text.parse().ok();
    }
    number(text).map(|value| value as f32)
}

fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| whole(number(text)?))
}

/// A number without a fraction as an integer.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9.3e18).then_some(value as i64)
}

/// A number as a value of a type; `None` when it isn't one.
pub(crate) fn from_number(kind: Type, value: f64) -> Option<Value> {
    Some(match kind {
        Type::Double => Value::Double(value),
        Type::Float => Value::Float(value as f32),
        Type::Integer | Type::DaysSince(_) | Type::SecondsSince(_) | Type::TimeSeconds => Value::Int(whole(value)?),
        Type::Boolean if value == 0.0 => Value::Bool(false),
        Type::Boolean if value == 1.0 => Value::Bool(true),
        // A number does not say whether it counts seconds, days or anything else.
        Type::Date | Type::Time | Type::DateTime | Type::String | Type::Boolean => return None,
    })
}

/// A value, not text, as one of another type; `None` when it can't be one.
pub(crate) fn convert(kind: Type, value: Value) -> Option<Value> {
    match (kind, value) {
        (_, Value::Missing)
        | (Type::Double, Value::Double(_))
        | (Type::Float, Value::Float(_))
        | (Type::Integer | Type::DaysSince(_) | Type::SecondsSince(_) | Type::TimeSeconds, Value::Int(_))
        | (Type::Boolean, Value::Bool(_))
        | (Type::Date, Value::Date(_))
        | (Type::Time, Value::Time(_))
        | (Type::DateTime, Value::DateTime(_)) => Some(value),
        (Type::DaysSince(epoch), Value::Date(days)) => Some(Value::Int(days - epoch)),
        (Type::SecondsSince(epoch), Value::DateTime(seconds)) => Some(Value::Int(seconds - epoch * 86_400)),
        (Type::DateTime, Value::Date(days)) => Some(Value::DateTime(days * 86_400)),
        (Type::Date, Value::DateTime(seconds)) => Some(Value::Date(seconds.div_euclid(86_400))),
        (Type::Time, Value::DateTime(seconds)) => Some(Value::Time(seconds.rem_euclid(86_400))),
        _ => from_number(kind, value.number()?),
    }
}
