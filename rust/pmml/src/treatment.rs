//! What the data dictionary and a mining schema do to a value: missing, invalid and outlying values.

use crate::run::{Cause, Fault, Scored, Slot};
use crate::value::Value;

/// An interval of numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) low_open: bool,
    pub(crate) high_open: bool,
}

impl Interval {
    #[inline]
    pub(crate) fn contains(&self, value: f64) -> bool {
        let above = if self.low_open {
            value > self.low
        } else {
            value >= self.low
        };
        let below = if self.high_open {
            value < self.high
        } else {
            value <= self.high
        };
        above && below
    }
}

/// `invalidValueTreatment`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Invalid {
    #[default]
    Return,
    AsIs,
    AsMissing,
    AsValue(Value),
}

/// `outliers`.
#[allow(clippy::enum_variant_names, reason = "the specification's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Outliers {
    #[default]
    AsIs,
    AsMissing,
    AsExtreme,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OnMissing {
    /// They stay missing.
    Keep,
    /// The record is refused; what is only taken as missing is replaced, if there is something to replace it.
    Return(Value),
    /// They are replaced.
    Replace(Value),
}

/// Whether a field's values are lists: texts that hold a JSON array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lists {
    #[default]
    No,
    /// A single value is refused.
    Only,
    /// A single value is a list of one.
    OrOne,
    /// What the field had in earlier records and, last, in this one: the last is its value.
    Series,
}

/// The treatment of one field.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    /// Every number is valid and stays as it is.
    pub(crate) plain: bool,
    pub(crate) lists: Lists,
    /// Declared values by property; sorted keys.
    pub(crate) valid: Box<[(u8, u64)]>,
    pub(crate) invalid_values: Box<[(u8, u64)]>,
    pub(crate) missing_values: Box<[(u8, u64)]>,
    /// Missing values as the document spells them.
    pub(crate) missing_texts: Box<[Box<str>]>,
    pub(crate) intervals: Box<[Interval]>,
    pub(crate) outliers: Outliers,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) on_missing: OnMissing,
    pub(crate) invalid: Invalid,
}

impl Default for Treatment {
    fn default() -> Self {
        Self {
            plain: true,
            lists: Lists::No,
            valid: Box::default(),
            invalid_values: Box::default(),
            missing_values: Box::default(),
            missing_texts: Box::default(),
            intervals: Box::default(),
            outliers: Outliers::AsIs,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            on_missing: OnMissing::Keep,
            invalid: Invalid::Return,
        }
    }
}

fn has(keys: &[(u8, u64)], value: Value) -> bool {
    !keys.is_empty() && keys.binary_search(&value.key()).is_ok()
}

fn is_nan(value: Value) -> bool {
    matches!(value, Value::Double(number) if number.is_nan())
        || matches!(value, Value::Float(number) if number.is_nan())
}

impl Treatment {
    /// Whether text stands for a missing value.
    pub(crate) fn is_missing_text(&self, text: &str) -> bool {
        self.missing_texts.iter().any(|missing| &**missing == text)
    }

    /// What becomes of a missing value.
    pub(crate) fn missing(&self, slot: Slot) -> Scored<Value> {
        match self.on_missing {
            OnMissing::Keep => Ok(Value::Missing),
            OnMissing::Replace(value) => Ok(value),
            OnMissing::Return(_) => Err(Fault {
                cause: Cause::Missing,
                slot,
            }),
        }
    }

    /// What becomes of a value that is taken as missing: `missingValueTreatment` refuses values that are not there, not these.
    fn taken_as_missing(&self) -> Value {
        match self.on_missing {
            OnMissing::Replace(value) | OnMissing::Return(value) => value,
            OnMissing::Keep => Value::Missing,
        }
    }

    /// What becomes of a value that can't be read as the field's type.
    pub(crate) fn unreadable(&self, slot: Slot) -> Scored<Value> {
        match self.invalid {
            Invalid::AsMissing => Ok(self.taken_as_missing()),
            Invalid::AsValue(value) => Ok(value),
            Invalid::AsIs => Err(Fault {
                cause: Cause::Type,
                slot,
            }),
            Invalid::Return => Err(Fault {
                cause: Cause::Invalid,
                slot,
            }),
        }
    }

    /// Whether the data dictionary takes a value for valid.
    pub(crate) fn is_valid(&self, value: Value) -> bool {
        if has(&self.invalid_values, value) {
            return false;
        }
        if self.valid.is_empty() && self.intervals.is_empty() {
            return true;
        }
        // Values, where there are any, define what is valid completely.
        if !self.valid.is_empty() {
            return has(&self.valid, value);
        }
        let number = value.number();
        number.is_some_and(|number| self.intervals.iter().any(|interval| interval.contains(number)))
    }

    /// The whole treatment of a value of the field's type.
    pub(crate) fn apply(&self, value: Value, slot: Slot) -> Scored<Value> {
        if self.plain && !is_nan(value) {
            return Ok(value);
        }
        if is_nan(value) || has(&self.missing_values, value) {
            return self.missing(slot);
        }
        if !self.is_valid(value) {
            return match self.invalid {
                Invalid::Return => Err(Fault {
                    cause: Cause::Invalid,
                    slot,
                }),
                Invalid::AsIs => Ok(value),
                Invalid::AsMissing => Ok(self.taken_as_missing()),
                Invalid::AsValue(replacement) => Ok(replacement),
            };
        }
        Ok(self.outlying(value))
    }

    fn outlying(&self, value: Value) -> Value {
        if self.outliers == Outliers::AsIs {
            return value;
        }
        let Some(number) = value.number() else {
            return value;
        };
        let bound = if number < self.low {
            self.low
        } else if number > self.high {
            self.high
        } else {
            return value;
        };
        match (self.outliers, value) {
            (Outliers::AsMissing, _) => self.taken_as_missing(),
            (_, Value::Float(_)) => Value::Float(bound as f32),
            (_, Value::Int(_)) if bound.fract() == 0.0 => Value::Int(bound as i64),
            _ => Value::Double(bound),
        }
    }

    /// The treatment of a value that an enclosing model has prepared: it is valid already.
    pub(crate) fn inherited(&self, value: Value, slot: Slot) -> Scored<Value> {
        if value.is_missing() {
            self.missing(slot)
        } else {
            Ok(self.outlying(value))
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        16 * (self.valid.len() + self.invalid_values.len() + self.missing_values.len())
            + 32 * self.intervals.len()
            + self.missing_texts.iter().map(|text| 16 + text.len()).sum::<usize>()
    }
}
