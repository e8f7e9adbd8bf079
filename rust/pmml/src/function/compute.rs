//! Functions of values that are there: comparisons, arithmetic and aggregates.

use std::cmp::Ordering;

use super::Named;
use crate::run::{Cause, Fault, NO_SLOT, Run, Scored};
use crate::value::{Type, Value, parse};

impl Run<'_> {
    /// The arguments from `start` on, none of them missing, as many as the arity says.
    pub(super) fn compute_named(&mut self, name: Named, start: usize) -> Scored<Value> {
        use Named::{
            Abs, Add, Avg, Ceil, Concat, DateDaysSinceYear, DateSecondsSinceMidnight, DateSecondsSinceYear, Divide,
            Equal, Floor, FormatDatetime, FormatNumber, GreaterOrEqual, GreaterThan, IsIn, IsNotIn, LessOrEqual,
            LessThan, Lowercase, Max, Median, Min, Modulo, Multiply, Not, NotEqual, Pow, Product, Rint, Round,
            StringLength, Substring, Subtract, Sum, Threshold, TrimBlanks, Uppercase, XModulo,
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
                    (Floor | Ceil | Round | Rint | Abs, Value::Float(_)) => Value::Float(result as f32),
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
        let result = if single {
            let (a, b) = (a as f32, b as f32);
            f64::from(match name {
                Named::Add => a + b,
                Named::Subtract => a - b,
                Named::Multiply => a * b,
                Named::Divide => a / b,
                Named::Modulo | Named::XModulo => modulo(f64::from(a), f64::from(b)) as f32,
                _ => f64::from(a).powf(f64::from(b)) as f32,
            })
        } else {
            match name {
                Named::Add => a + b,
                Named::Subtract => a - b,
                Named::Multiply => a * b,
                Named::Divide => a / b,
                Named::Modulo | Named::XModulo => modulo(a, b),
                _ => a.powf(b),
            }
        };
        if result.is_nan() {
            return Err(Fault {
                cause: Cause::Result,
                slot: NO_SLOT,
            });
        }
        Ok(if single {
            Value::Float(result as f32)
        } else {
            Value::Double(result)
        })
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
            Named::Sum | Named::Avg if kind.1 && !kind.0 => {
                let sum = numbers.iter().fold(0.0_f32, |sum, number| sum + *number as f32);
                f64::from(if name == Named::Avg { sum / count as f32 } else { sum })
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
            Named::Median => Value::Double(result),
            Named::Avg if kind.0 => Value::Double(result),
            _ if kind.0 => Value::Int(result as i64),
            _ if kind.1 => Value::Float(result as f32),
            _ => Value::Double(result),
        })
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
