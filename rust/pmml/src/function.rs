//! The built-in functions of PMML 4.4.

use std::cmp::Ordering;

use crate::expression::Expression;
use crate::pattern::{Pattern, Replacement};
use crate::run::{Cause, Fault, NO_SLOT, Run, Scored, Slot, Source};
use crate::value::{Type, Value, parse};

macro_rules! functions {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// Functions without state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Named { $($variant),* }

        impl Named {
            pub(crate) fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Add "+", Subtract "-", Multiply "*", Divide "/", Modulo "modulo", XModulo "x-modulo",
    Min "min", Max "max", Sum "sum", Avg "avg", Median "median", Product "product",
    Log10 "log10", Ln "ln", Ln1p "ln1p", Sqrt "sqrt", Abs "abs", Exp "exp", Expm1 "expm1", Pow "pow",
    Hypot "hypot", Threshold "threshold", Floor "floor", Ceil "ceil", Round "round", Rint "rint",
    Sin "sin", Cos "cos", Tan "tan", Asin "asin", Acos "acos", Atan "atan", Atan2 "atan2",
    XAtan2 "x-atan2", Sinh "sinh", Cosh "cosh", Tanh "tanh", Expit "x-expit",
    IsMissing "isMissing", IsNotMissing "isNotMissing", IsValid "isValid", IsNotValid "isNotValid",
    Equal "equal", NotEqual "notEqual", LessThan "lessThan", LessOrEqual "lessOrEqual",
    GreaterThan "greaterThan", GreaterOrEqual "greaterOrEqual",
    And "and", Or "or", Not "not", IsIn "isIn", IsNotIn "isNotIn", If "if",
    Uppercase "uppercase", Lowercase "lowercase", StringLength "stringLength", Substring "substring",
    TrimBlanks "trimBlanks", Concat "concat", FormatNumber "formatNumber", FormatDatetime "formatDatetime",
    DateDaysSinceYear "dateDaysSinceYear", DateSecondsSinceYear "dateSecondsSinceYear",
    DateSecondsSinceMidnight "dateSecondsSinceMidnight",
    NormalCdf "normalCDF", NormalPdf "normalPDF", NormalIdf "normalIDF",
    StdNormalCdf "stdNormalCDF", StdNormalPdf "stdNormalPDF", StdNormalIdf "stdNormalIDF", Erf "erf",
}

/// A function.
#[derive(Debug)]
pub(crate) enum Builtin {
    Named(Named),
    /// Whether a constant pattern is found.
    Matches(Pattern),
    /// Replaces each match of a constant pattern.
    Replace(Pattern, Replacement),
    /// The same with patterns and replacements that depend on the record.
    MatchesAny,
    ReplaceAny,
}

impl Named {
    /// Least and most arguments.
    pub(crate) fn arity(self) -> (usize, usize) {
        use Named::{
            Add, And, Atan2, Avg, Concat, DateDaysSinceYear, DateSecondsSinceYear, Divide, Equal, FormatDatetime,
            FormatNumber, GreaterOrEqual, GreaterThan, Hypot, If, IsIn, IsNotIn, LessOrEqual, LessThan, Max, Median,
            Min, Modulo, Multiply, NormalCdf, NormalIdf, NormalPdf, NotEqual, Or, Pow, Product, Substring, Subtract,
            Sum, Threshold, XAtan2, XModulo,
        };
        match self {
            Min | Max | Sum | Avg | Median | Product => (1, usize::MAX),
            Concat | And | Or | IsIn | IsNotIn => (2, usize::MAX),
            Add | Subtract | Multiply | Divide | Modulo | XModulo | Pow | Hypot | Threshold | Atan2 | XAtan2
            | Equal | NotEqual | LessThan | LessOrEqual | GreaterThan | GreaterOrEqual | FormatNumber
            | FormatDatetime | DateDaysSinceYear | DateSecondsSinceYear => (2, 2),
            If => (2, 3),
            Substring | NormalCdf | NormalPdf | NormalIdf => (3, 3),
            _ => (1, 1),
        }
    }
}

impl Run<'_> {
    /// Applies a function. A missing argument makes the result `missing`, except where the function is about missing values.
    pub(crate) fn apply(&mut self, function: &Builtin, arguments: &[Expression], missing: Value) -> Scored<Value> {
        use Named::{And, Avg, If, IsMissing, IsNotMissing, IsNotValid, IsValid, Max, Median, Min, Or, Product, Sum};
        self.scratch.steps.take(1 + arguments.len())?;
        let Builtin::Named(name) = function else {
            return self.apply_pattern(function, arguments, missing);
        };
        let name = *name;
        match name {
            If => return self.choose(arguments, missing),
            And | Or => return self.junction(name == Or, arguments, missing),
            IsMissing | IsNotMissing => {
                let value = self.evaluate(&arguments[0])?;
                return Ok(Value::Bool(value.is_missing() == (name == IsMissing)));
            }
            IsValid | IsNotValid => {
                let value = self.evaluate(&arguments[0])?;
                // A missing value is neither valid nor invalid.
                let valid = match arguments[0] {
                    Expression::Field { slot, .. } => self.is_valid(slot, value),
                    _ => true,
                };
                return Ok(Value::Bool(!value.is_missing() && valid == (name == IsValid)));
            }
            _ => {}
        }
        let skips = matches!(name, Min | Max | Sum | Avg | Median | Product);
        let knows_missing = matches!(name, Named::IsIn | Named::IsNotIn | Named::Concat);
        let start = self.scratch.arguments.len();
        let mut absent = false;
        for argument in arguments {
            let value = self.evaluate(argument);
            let value = match value {
                Ok(value) => value,
                Err(fault) => {
                    self.scratch.arguments.truncate(start);
                    return Err(fault);
                }
            };
            if !value.is_missing() {
                self.scratch.arguments.push(value);
            } else if !missing.is_missing() {
                self.scratch.arguments.truncate(start);
                return Ok(missing);
            } else if !skips {
                absent |= !knows_missing;
                self.scratch.arguments.push(value);
            }
        }
        let arithmetic = matches!(
            name,
            Named::Add | Named::Subtract | Named::Multiply | Named::Divide | Named::Modulo | Named::XModulo
        );
        let result = if absent && !arithmetic {
            // The reference tool refuses the record; arithmetic and the aggregates know missing values.
            Err(Fault::undefined())
        } else if absent || self.scratch.arguments.len() == start {
            Ok(Value::Missing)
        } else {
            self.compute_named(name, start)
        };
        self.scratch.arguments.truncate(start);
        result
    }

    /// Whether a value is one that the field of a slot declares as valid; it may be another one that is taken as it is.
    fn is_valid(&self, slot: Slot, value: Value) -> bool {
        match &self.program.slots[slot as usize].source {
            Source::Input { treatment, .. } => treatment.is_valid(value),
            Source::Inherited { from, .. } => self.is_valid(*from, value),
            _ => true,
        }
    }

    fn choose(&mut self, arguments: &[Expression], missing: Value) -> Scored<Value> {
        let condition = self.evaluate(&arguments[0])?;
        let Some(truth) = self.truth(condition)? else {
            return if missing.is_missing() {
                Err(Fault::undefined())
            } else {
                Ok(missing)
            };
        };
        let chosen = match (truth, arguments.get(2)) {
            (true, _) => self.evaluate(&arguments[1])?,
            (false, Some(other)) => self.evaluate(other)?,
            (false, None) => return Ok(Value::Missing),
        };
        Ok(if chosen.is_missing() { missing } else { chosen })
    }

    fn truth(&mut self, value: Value) -> Scored<Option<bool>> {
        match value {
            Value::Missing => Ok(None),
            other => Ok(self.cast(Type::Boolean, other, NO_SLOT)?.truth()),
        }
    }

    /// All arguments are looked at, whatever the first ones say, and none may be missing: so the reference tool.
    fn junction(&mut self, decisive: bool, arguments: &[Expression], missing: Value) -> Scored<Value> {
        let (mut unknown, mut decided) = (false, false);
        for argument in arguments {
            let value = self.evaluate(argument)?;
            match self.truth(value)? {
                None => unknown = true,
                Some(truth) => decided |= truth == decisive,
            }
        }
        match (unknown, missing) {
            (true, Value::Missing) => Err(Fault::undefined()),
            (true, missing) => Ok(missing),
            (false, _) => Ok(Value::Bool(decided == decisive)),
        }
    }

    fn apply_pattern(&mut self, function: &Builtin, arguments: &[Expression], missing: Value) -> Scored<Value> {
        let value = self.evaluate(&arguments[0])?;
        let Value::Text(code) = self.cast(Type::String, value, NO_SLOT)? else {
            return if missing.is_missing() {
                Err(Fault::undefined())
            } else {
                Ok(missing)
            };
        };
        let mut others = [0; 2];
        for (other, argument) in others.iter_mut().zip(&arguments[1..]) {
            let value = self.evaluate(argument)?;
            match self.cast(Type::String, value, NO_SLOT)? {
                Value::Text(code) => *other = code,
                _ if missing.is_missing() => return Err(Fault::undefined()),
                _ => return Ok(missing),
            }
        }
        let (known, scratch) = (&self.program.strings, &mut *self.scratch);
        let (strings, steps) = (&scratch.strings, &mut scratch.steps);
        let text = strings.get(known, code);
        let replaced = match function {
            Builtin::Matches(pattern) => return pattern.is_match(text, steps).map(Value::Bool),
            Builtin::Replace(pattern, replacement) => pattern.replace(text, replacement, steps)?,
            Builtin::MatchesAny | Builtin::ReplaceAny => {
                let pattern = scratch.patterns.get(strings.get(known, others[0]), steps)?;
                let pattern = pattern.ok_or(Fault {
                    cause: Cause::Result,
                    slot: NO_SLOT,
                })?;
                if matches!(function, Builtin::MatchesAny) {
                    return pattern.is_match(text, steps).map(Value::Bool);
                }
                let replacement = Replacement::new(strings.get(known, others[1]));
                pattern.replace(text, &replacement, steps)?
            }
            Builtin::Named(_) => return Err(Fault::undefined()),
        };
        Ok(Value::Text(match replaced {
            Some(text) => self.code(&text)?,
            None => code,
        }))
    }

    /// The arguments from `start` on, none of them missing, as many as the arity says.
    fn compute_named(&mut self, name: Named, start: usize) -> Scored<Value> {
        use Named::{
            Abs, Add, Avg, Ceil, Concat, DateDaysSinceYear, DateSecondsSinceMidnight, DateSecondsSinceYear, Divide,
            Equal, Exp, Expm1, Floor, FormatDatetime, FormatNumber, GreaterOrEqual, GreaterThan, IsIn, IsNotIn,
            LessOrEqual, LessThan, Ln, Ln1p, Log10, Lowercase, Max, Median, Min, Modulo, Multiply, Not, NotEqual, Pow,
            Product, Rint, Round, Sqrt, StringLength, Substring, Subtract, Sum, Threshold, TrimBlanks, Uppercase,
            XModulo,
        };
        let count = self.scratch.arguments.len() - start;
        let argument = |run: &Self, index: usize| run.scratch.arguments[start + index];
        let first = argument(self, 0);
        let second = if count > 1 { argument(self, 1) } else { Value::Missing };
        match name {
            Add | Subtract | Multiply | Divide | Modulo | XModulo | Pow => self.arithmetic(name, first, second),
            Min | Max | Sum | Avg | Median | Product => self.aggregate(name, start),
            Equal | NotEqual => Ok(Value::Bool(self.equal(first, second)? == (name == Equal))),
            LessThan | LessOrEqual | GreaterThan | GreaterOrEqual => {
                let order = self.ordering(first, second)?;
                Ok(Value::Bool(match name {
                    LessThan => order == Ordering::Less,
                    LessOrEqual => order != Ordering::Greater,
                    GreaterThan => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
            Not => Ok(Value::Bool(!self.truth(first)?.unwrap_or(false))),
            IsIn | IsNotIn => {
                let mut found = false;
                for index in 1..count {
                    let other = argument(self, index);
                    found |= self.equal(first, other)?;
                }
                Ok(Value::Bool(found == (name == IsIn)))
            }
            Uppercase | Lowercase | TrimBlanks | StringLength | Substring | Concat => self.textual(name, start),
            FormatNumber | FormatDatetime => self.formatted(name, first, second),
            DateDaysSinceYear | DateSecondsSinceYear | DateSecondsSinceMidnight => self.dated(name, first, second),
            _ => {
                let a = self.numeric(first)?.ok_or_else(Fault::undefined)?;
                let b = self.numeric(second)?.unwrap_or(0.0);
                let c = if count > 2 {
                    let third = argument(self, 2);
                    self.numeric(third)?.unwrap_or(0.0)
                } else {
                    0.0
                };
                if let (Abs | Floor | Ceil | Round | Rint, Value::Int(number)) = (name, first) {
                    return Ok(Value::Int(if name == Abs { number.saturating_abs() } else { number }));
                }
                let result = crate::mathematics::unary(name, a, b, c);
                if result.is_nan() && name != Threshold {
                    return Err(Fault {
                        cause: Cause::Result,
                        slot: NO_SLOT,
                    });
                }
                Ok(match (name, first) {
                    (Threshold, _) => Value::Int(i64::from(a > b)),
                    (Floor | Ceil | Round | Rint | Abs | Exp | Ln | Log10 | Sqrt | Expm1 | Ln1p, Value::Float(_)) => {
                        Value::Float(result as f32)
                    }
                    _ => Value::Double(result),
                })
            }
        }
    }

    /// Whether two values are the same: the second is read as one of the first one's type.
    fn equal(&mut self, a: Value, b: Value) -> Scored<bool> {
        Ok(match (a, b) {
            (Value::Missing, Value::Missing) => true,
            (Value::Missing, _) | (_, Value::Missing) => false,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Text(a), other) => match self.cast(Type::String, other, NO_SLOT)? {
                Value::Text(b) => a == b,
                _ => false,
            },
            (other, Value::Text(code)) => {
                let value = read_like(other, self.text(code)).ok_or(Fault {
                    cause: Cause::Type,
                    slot: NO_SLOT,
                })?;
                value.same(other)
            }
            (Value::Float(a), Value::Double(b)) => a == b as f32,
            _ => a.same(b),
        })
    }

    fn ordering(&mut self, a: Value, b: Value) -> Scored<Ordering> {
        let order = match (a, b) {
            (Value::Text(a), Value::Text(b)) => Some(self.text(a).cmp(self.text(b))),
            (Value::Text(code), other) => read_like(other, self.text(code)).and_then(|value| value.order(other)),
            (other, Value::Text(code)) => read_like(other, self.text(code)).and_then(|value| other.order(value)),
            (Value::Float(a), Value::Double(b)) => a.partial_cmp(&(b as f32)),
            _ => a.order(b),
        };
        order.ok_or_else(Fault::undefined)
    }

    fn arithmetic(&mut self, name: Named, first: Value, second: Value) -> Scored<Value> {
        if let (Value::Int(a), Value::Int(b)) = (first, second) {
            let exact = match name {
                Named::Add => a.checked_add(b),
                Named::Subtract => a.checked_sub(b),
                Named::Multiply => a.checked_mul(b),
                Named::Divide | Named::Modulo | Named::XModulo if b == 0 => {
                    return Err(Fault {
                        cause: Cause::Result,
                        slot: NO_SLOT,
                    });
                }
                Named::Divide => return Ok(a.checked_div(b).map_or(Value::Missing, Value::Int)),
                Named::Modulo | Named::XModulo => a.checked_rem(b).map(|rest| {
                    if rest != 0 && (rest < 0) != (b < 0) {
                        rest + b
                    } else {
                        rest
                    }
                }),
                Named::Pow => u32::try_from(b).ok().and_then(|exponent| a.checked_pow(exponent)),
                _ => None,
            };
            if let Some(exact) = exact {
                return Ok(Value::Int(exact));
            }
        }
        let single = matches!(
            (first, second),
            (Value::Float(_), Value::Float(_) | Value::Int(_)) | (Value::Int(_), Value::Float(_))
        );
        let a = self.numeric(first)?.ok_or_else(Fault::undefined)?;
        let b = self.numeric(second)?.ok_or_else(Fault::undefined)?;
        if single {
            let (a, b) = (a as f32, b as f32);
            return Ok(Value::Float(match name {
                Named::Add => a + b,
                Named::Subtract => a - b,
                Named::Multiply => a * b,
                Named::Divide => a / b,
                Named::Modulo | Named::XModulo => modulo(f64::from(a), f64::from(b)) as f32,
                _ => f64::from(a).powf(f64::from(b)) as f32,
            }));
        }
        Ok(Value::Double(match name {
            Named::Add => a + b,
            Named::Subtract => a - b,
            Named::Multiply => a * b,
            Named::Divide => a / b,
            Named::Modulo | Named::XModulo => modulo(a, b),
            _ => a.powf(b),
        }))
    }

    fn aggregate(&mut self, name: Named, start: usize) -> Scored<Value> {
        let count = self.scratch.arguments.len() - start;
        let mut kind = (true, true);
        let work = self.scratch.work.len();
        for index in start..start + count {
            let value = self.scratch.arguments[index];
            kind.0 &= matches!(value, Value::Int(_));
            kind.1 &= matches!(value, Value::Int(_) | Value::Float(_));
            match self.numeric(value) {
                Ok(Some(number)) => self.scratch.work.push(number),
                other => {
                    self.scratch.work.truncate(work);
                    return other.map(|_| Value::Missing);
                }
            }
        }
        let numbers = &mut self.scratch.work[work..];
        let result = match name {
            Named::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Named::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Named::Product => numbers.iter().product(),
            Named::Sum if kind.1 && !kind.0 => {
                f64::from(numbers.iter().fold(0.0_f32, |sum, number| sum + *number as f32))
            }
            Named::Sum => numbers.iter().sum(),
            Named::Avg => numbers.iter().sum::<f64>() / count as f64,
            _ => {
                numbers.sort_unstable_by(f64::total_cmp);
                let middle = count / 2;
                if count % 2 == 1 {
                    numbers[middle]
                } else {
                    f64::midpoint(numbers[middle - 1], numbers[middle])
                }
            }
        };
        self.scratch.work.truncate(work);
        Ok(match name {
            Named::Avg | Named::Median => Value::Double(result),
            _ if kind.0 => Value::Int(result as i64),
            _ if kind.1 => Value::Float(result as f32),
            _ => Value::Double(result),
        })
    }

    fn textual(&mut self, name: Named, start: usize) -> Scored<Value> {
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

    fn formatted(&mut self, name: Named, value: Value, pattern: Value) -> Scored<Value> {
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

    fn dated(&mut self, name: Named, value: Value, year: Value) -> Scored<Value> {
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

/// The rest of a division, with the sign of the divisor.
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

/// Text as a value of the type that another value has.
fn read_like(other: Value, text: &str) -> Option<Value> {
    let kind = match other {
        Value::Bool(_) => Type::Boolean,
        Value::Date(_) => Type::Date,
        Value::Time(_) => Type::Time,
        Value::DateTime(_) => Type::DateTime,
        _ => Type::Double,
    };
    parse(kind, text)
}
