//! The built-in functions of PMML 4.4.

mod compute;
mod texts;

use crate::expression::Expression;
use crate::pattern::{Pattern, Replacement};
use crate::run::{Cause, Fault, NO_SLOT, Run, Scored, Slot, Source};
use crate::value::{Type, Value};

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
}
