//! Expressions and functions.

use std::collections::HashMap;

use serving_model::ModelError;

use super::dictionary::interval;
use super::table::{Columns, OUTSIDE, table_rows};
use super::{Compiled, Compiler, DEEPEST, Function, MOST_STEPS, ScopeId, data_type};
use crate::document::Node;
use crate::expression::{Beyond, Defined, Expression, OnInvalid};
use crate::function::{Builtin, Named};
use crate::pattern::{Pattern, Replacement};
use crate::text_index::{TextIndex, Weights};
use crate::value::{Type, Value, parse};

const NAMES: [&str; 11] = [
    "Constant",
    "FieldRef",
    "NormContinuous",
    "NormDiscrete",
    "Discretize",
    "MapValues",
    "TextIndex",
    "Apply",
    "Aggregate",
    "Lag",
    "Extension",
];

/// A regular expression, bounded in size; matching takes linear time.
pub(crate) fn pattern(node: Node<'_>, text: &str) -> Compiled<Pattern> {
    Pattern::new(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default();
        node.invalid(format!("regular expression '{text}' can't be used: {reason}"))
    })
}

/// Most columns of a `MapValues` that are matched both as texts and as numbers.
const MOST_UNTYPED: u32 = 4;

impl<'d> Compiler<'d> {
    /// The one expression inside an element, and its depth.
    pub(crate) fn only_expression(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        parent: Node<'d>,
        kind: Option<Type>,
    ) -> Compiled<(Expression, usize)> {
        let node = parent
            .children()
            .find(|child| NAMES.contains(&child.name()))
            .ok_or_else(|| parent.invalid("an expression is missing"))?;
        let mut steps = 0;
        let (expression, depth) = self.expression(scope, parameters, node, kind, &mut steps)?;
        if steps > MOST_STEPS || depth > DEEPEST {
            return Err(ModelError::too_large("the expression takes too many steps").at(node.place()));
        }
        Ok((expression, depth))
    }

    fn field(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
        name: &str,
        missing: Value,
    ) -> Compiled<(Expression, usize)> {
        if let Some(index) = parameters.iter().position(|parameter| *parameter == name) {
            return Ok((Expression::Parameter(index as u32), 1));
        }
        let slot = self.resolve(scope, name, node)?;
        let depth = self.slots[slot as usize].depth;
        Ok((Expression::Field { slot, missing }, depth + 1))
    }

    fn kind_of(&self, expression: &Expression) -> Type {
        match expression {
            Expression::Field { slot, .. } => self.slots[*slot as usize].kind,
            Expression::Parameter(index) => self.parameter_kind(*index).unwrap_or(Type::String),
            _ => Type::String,
        }
    }

    fn parameter_kind(&self, index: u32) -> Option<Type> {
        self.parameter_kinds.get(index as usize).copied().flatten()
    }

    fn typed(&mut self, kind: Option<Type>, text: &str) -> Value {
        match kind {
            Some(kind) => self.literal_or_text(kind, text),
            None => self.inferred(text),
        }
    }

    fn typed_attribute(&mut self, node: Node<'d>, name: &str, kind: Option<Type>) -> Value {
        node.get(name).map_or(Value::Missing, |text| self.typed(kind, text))
    }

    fn expression(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
        kind: Option<Type>,
        steps: &mut u64,
    ) -> Compiled<(Expression, usize)> {
        *steps = steps.saturating_add(1);
        match node.name() {
            "Constant" => {
                if node.flag("missing", false)? {
                    return Ok((Expression::Constant(Value::Missing), 1));
                }
                let value = match data_type(node)? {
                    Some(kind) => {
                        let text = if kind == Type::String {
                            node.raw_text()
                        } else {
                            node.text()
                        };
                        if text.is_empty() && kind != Type::String {
                            return Ok((Expression::Constant(Value::Missing), 1));
                        }
                        self.literal(kind, text)
                            .ok_or_else(|| node.invalid(format!("'{text}' is not a value of the dataType")))?
                    }
                    None if kind == Some(Type::String) => self.typed(kind, node.raw_text()),
                    None => self.inferred(node.raw_text()),
                };
                Ok((Expression::Constant(value), 1))
            }
            "FieldRef" => {
                let missing = self.typed_attribute(node, "mapMissingTo", kind);
                self.field(scope, parameters, node, node.need("field")?, missing)
            }
            "NormContinuous" => {
                let (of, depth) = self.field(scope, parameters, node, node.need("field")?, Value::Missing)?;
                let mut points = node
                    .all("LinearNorm")
                    .map(|norm| Ok((norm.need_number("orig")?, norm.need_number("norm")?)))
                    .collect::<Compiled<Vec<(f64, f64)>>>()?;
                if points.len() < 2 {
                    return Err(node.invalid("NormContinuous needs two LinearNorm elements"));
                }
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
                let beyond = match node.get("outliers").unwrap_or("asIs") {
                    "asIs" => Beyond::Extrapolate,
                    "asMissingValues" => Beyond::Missing,
                    "asExtremeValues" => Beyond::Extreme,
                    other => return Err(node.invalid(format!("unknown outliers '{other}'"))),
                };
                let missing = node.number("mapMissingTo")?.map_or(Value::Missing, Value::Double);
                let expression = Expression::Continuous {
                    of: Box::new(of),
                    points: points.into(),
                    beyond,
                    missing,
                };
                Ok((expression, depth + 1))
            }
            "NormDiscrete" => {
                let (of, depth) = self.field(scope, parameters, node, node.need("field")?, Value::Missing)?;
                let value = self.literal_or_text(self.kind_of(&of), node.need("value")?);
                let missing = node.number("mapMissingTo")?.map_or(Value::Missing, Value::Double);
                let expression = Expression::Discrete {
                    of: Box::new(of),
                    value,
                    missing,
                };
                Ok((expression, depth + 1))
            }
            "Discretize" => {
                let (of, depth) = self.field(scope, parameters, node, node.need("field")?, Value::Missing)?;
                let kind = data_type(node)?.or(kind);
                let bins = node
                    .all("DiscretizeBin")
                    .map(|bin| {
                        Ok((
                            interval(bin.need_child("Interval")?)?,
                            self.typed(kind, bin.need("binValue")?),
                        ))
                    })
                    .collect::<Compiled<_>>()?;
                let expression = Expression::Discretize {
                    of: Box::new(of),
                    bins,
                    missing: self.typed_attribute(node, "mapMissingTo", kind),
                    default: self.typed_attribute(node, "defaultValue", kind),
                };
                Ok((expression, depth + 1))
            }
            "MapValues" => self.map_values(scope, parameters, node, kind),
            "Apply" => self.descend(node, |compiler| {
                compiler.application(scope, parameters, node, kind, steps)
            }),
            "TextIndex" => self.text_index(scope, parameters, node),
            "Aggregate" => self.aggregate(scope, parameters, node),
            "Lag" => self.lag(scope, parameters, node),
            other => {
                self.unsupported(node, format!("expression {other}"));
                Ok((Expression::Constant(Value::Missing), 1))
            }
        }
    }

    fn map_values(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
        kind: Option<Type>,
    ) -> Compiled<(Expression, usize)> {
        let kind = data_type(node)?.or(kind);
        let output = node.need("outputColumn")?;
        let output = output.rsplit(':').next().unwrap_or(output);
        let mut of = Vec::new();
        let mut names = Columns::default();
        let output = names.number(output);
        let mut columns = Vec::new();
        let mut deepest = 1;
        for pair in node.all("FieldColumnPair") {
            let (expression, depth) = self.field(scope, parameters, pair, pair.need("field")?, Value::Missing)?;
            let column = pair.need("column")?;
            // What a function is called with may have any type.
            let untyped = matches!(expression, Expression::Parameter(index) if self.parameter_kind(index).is_none());
            let column = column.rsplit(':').next().unwrap_or(column);
            columns.push((names.number(column), self.kind_of(&expression), untyped));
            deepest = deepest.max(depth);
            of.push(expression);
        }
        let untyped = columns.iter().filter(|(_, _, untyped)| *untyped).count() as u32;
        let untyped = if untyped > MOST_UNTYPED { 0 } else { untyped };
        let mut table = HashMap::new();
        if node.child("InlineTable").is_none() && node.child("TableLocator").is_some() {
            self.unsupported(node, OUTSIDE);
        } else {
            let mut cells = Vec::new();
            'rows: for row in table_rows(node)? {
                names.read(&row, &mut cells);
                let Some(result) = cells[output] else {
                    continue;
                };
                let result = self.typed(kind, result);
                // Of each untyped column the text, or the number that it spells.
                for numbers in 0..1_u32 << untyped {
                    let mut keys = Vec::with_capacity(columns.len());
                    let mut column_of_numbers = numbers;
                    for (column, kind, untyped) in &columns {
                        // A row without one of the columns matches nothing.
                        let Some(text) = cells[*column] else {
                            continue 'rows;
                        };
                        let mut value = self.literal_or_text(*kind, text);
                        if *untyped {
                            if column_of_numbers & 1 == 1
                                && let Some(number) = parse(Type::Double, text)
                            {
                                value = number;
                            }
                            column_of_numbers >>= 1;
                        }
                        keys.push(value.key());
                    }
                    table.entry(keys).or_insert(result);
                }
            }
        }
        let expression = Expression::Map {
            of: of.into(),
            table,
            missing: self.typed_attribute(node, "mapMissingTo", kind),
            default: self.typed_attribute(node, "defaultValue", kind),
        };
        Ok((expression, deepest + 1))
    }

    fn application(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
        kind: Option<Type>,
        steps: &mut u64,
    ) -> Compiled<(Expression, usize)> {
        let name = node.need("function")?;
        let mut arguments = Vec::new();
        let mut deepest = 1;
        for child in node.children() {
            let (argument, depth) = self.expression(scope, parameters, child, None, steps)?;
            deepest = deepest.max(depth);
            arguments.push(argument);
        }
        let missing = self.typed_attribute(node, "mapMissingTo", kind);
        let default = self.typed_attribute(node, "defaultValue", kind);
        let invalid = match node.get("invalidValueTreatment").unwrap_or("returnInvalid") {
            "asMissing" => OnInvalid::Missing,
            "returnInvalid" => OnInvalid::Fail,
            "asIs" => OnInvalid::AsIs,
            other => return Err(node.invalid(format!("unknown invalidValueTreatment '{other}'"))),
        };
        if self.function_names.contains_key(name) {
            let function = self.function(name, node)?;
            let wanted = self.functions[function as usize].parameters;
            if wanted != arguments.len() {
                return Err(node.invalid(format!(
                    "function '{name}' takes {wanted} arguments, here are {}",
                    arguments.len()
                )));
            }
            let (depth, inner) = self.function_depths[function as usize];
            *steps = steps.saturating_add(inner);
            let expression = Expression::Call {
                function,
                arguments: arguments.into(),
                missing,
                default,
            };
            return Ok((expression, deepest + depth + 1));
        }
        let function = match (name, Named::parse(name)) {
            (_, Some(named)) => {
                let (least, most) = named.arity();
                if arguments.len() < least || arguments.len() > most {
                    return Err(node.invalid(format!("function '{name}' can't take {} arguments", arguments.len())));
                }
                Builtin::Named(named)
            }
            ("matches" | "replace", None) => {
                let wanted = if name == "matches" { 2 } else { 3 };
                if arguments.len() != wanted {
                    return Err(node.invalid(format!("function '{name}' takes {wanted} arguments")));
                }
                let constant = |argument: &Expression, compiler: &Self| match argument {
                    Expression::Constant(Value::Text(code)) => compiler.strings.get(*code).map(str::to_owned),
                    Expression::Constant(Value::Int(number)) => Some(number.to_string()),
                    _ => None,
                };
                let texts: Option<Vec<String>> =
                    arguments[1..].iter().map(|argument| constant(argument, self)).collect();
                match (name, texts.as_deref()) {
                    ("matches", Some([text])) => {
                        arguments.truncate(1);
                        Builtin::Matches(pattern(node, text)?)
                    }
                    ("replace", Some([text, replacement])) => {
                        arguments.truncate(1);
                        Builtin::Replace(pattern(node, text)?, Replacement::new(replacement))
                    }
                    ("matches", _) => Builtin::MatchesAny,
                    _ => Builtin::ReplaceAny,
                }
            }
            _ => {
                self.unsupported(node, format!("function '{name}'"));
                return Ok((Expression::Constant(Value::Missing), 1));
            }
        };
        let expression = Expression::Apply {
            function,
            arguments: arguments.into(),
            missing,
            default,
            invalid,
        };
        Ok((expression, deepest + 1))
    }

    /// The index of a function that the document defines.
    fn function(&mut self, name: &str, node: Node<'d>) -> Compiled<u32> {
        let definition = match self.function_names.get_mut(name) {
            Some(Function::Done(index)) => return Ok(*index),
            Some(Function::Busy) | None => return Err(node.invalid(format!("function '{name}' calls itself"))),
            Some(waiting) => match std::mem::replace(waiting, Function::Busy) {
                Function::Waiting(definition) => definition,
                Function::Busy | Function::Done(_) => return Err(node.invalid("functions call each other")),
            },
        };
        let index = self.define_function(name, definition);
        if let Some(state) = self.function_names.get_mut(name) {
            *state = match &index {
                Ok(index) => Function::Done(*index),
                // Whoever calls it as well gets the same error.
                Err(_) => Function::Waiting(definition),
            };
        }
        index
    }

    fn define_function(&mut self, name: &str, definition: Node<'d>) -> Compiled<u32> {
        let mut parameters = Vec::new();
        let mut kinds = Vec::new();
        for parameter in definition.all("ParameterField") {
            parameters.push(parameter.need("name")?);
            kinds.push(data_type(parameter)?);
        }
        let kind = data_type(definition)?;
        let body = definition
            .children()
            .find(|child| NAMES.contains(&child.name()))
            .ok_or_else(|| definition.invalid("an expression is missing"))?;
        let mut steps = 0;
        let outer = std::mem::replace(&mut self.parameter_kinds, kinds.clone());
        let compiled = self.descend(definition, |compiler| {
            // A function sees its parameters only.
            compiler.expression(0, &parameters, body, kind, &mut steps)
        });
        self.parameter_kinds = outer;
        let (body, depth) = compiled?;
        if steps > MOST_STEPS || depth > DEEPEST {
            return Err(ModelError::too_large(format!("function '{name}' takes too many steps")).at(definition.place()));
        }
        let index = self.functions.len() as u32;
        self.functions.push(Defined {
            body,
            parameters: parameters.len(),
            kinds: kinds.into(),
            kind,
        });
        self.function_depths.push((depth, steps));
        Ok(index)
    }

    fn text_index(&mut self, scope: ScopeId, parameters: &[&'d str], node: Node<'d>) -> Compiled<(Expression, usize)> {
        let (text, depth) = self.field(scope, parameters, node, node.need("textField")?, Value::Missing)?;
        let mut steps = 0;
        let term = node
            .children()
            .find(|child| NAMES.contains(&child.name()))
            .ok_or_else(|| node.invalid("an expression is missing"))?;
        let (term, deeper) = self.expression(scope, parameters, term, Some(Type::String), &mut steps)?;
        let weights = match node.get("localTermWeights").unwrap_or("termFrequency") {
            "termFrequency" => Weights::TermFrequency,
            "binary" => Weights::Binary,
            "logarithmic" => Weights::Logarithmic,
            "augmentedNormalizedTermFrequency" => Weights::Augmented,
            other => return Err(node.invalid(format!("unknown localTermWeights '{other}'"))),
        };
        let case_sensitive = node.flag("isCaseSensitive", false)?;
        let (words, matches_words) = match node.get("x-wordRE").or(node.get("wordRE")) {
            Some(words) => (words, true),
            None => (node.get("wordSeparatorCharacterRE").unwrap_or(r"\s+"), false),
        };
        let mut normalizations = Vec::new();
        for normalization in node.all("TextIndexNormalization") {
            let rows = table_rows(normalization)?;
            let input = normalization.get("inField").unwrap_or("string");
            let output = normalization.get("outField").unwrap_or("stem");
            let regex_field = normalization.get("regexField").unwrap_or("regex");
            let recursive = normalization.flag("recursive", false)?;
            let sensitive = normalization.flag("isCaseSensitive", case_sensitive)?;
            for row in rows {
                let cell = |name: &str| row.iter().find(|(column, _)| *column == name).map(|(_, text)| *text);
                let (Some(from), Some(to)) = (cell(input), cell(output)) else {
                    continue;
                };
                let is_pattern = cell(regex_field).is_some_and(|text| text == "true");
                let expression = if is_pattern {
                    from.to_owned()
                } else {
                    regex::escape(from)
                };
                let flags = if sensitive { "" } else { "(?i)" };
                let replacement = if is_pattern {
                    Replacement::new(to)
                } else {
                    Replacement::plain(to)
                };
                normalizations.push((
                    pattern(normalization, &(flags.to_owned() + &expression))?,
                    replacement,
                    recursive,
                ));
            }
        }
        let index = TextIndex {
            text,
            term,
            weights,
            case_sensitive,
            max_distance: node.number_or("maxLevenshteinDistance", 0.0)?.clamp(0.0, 64.0) as usize,
            all_hits: node.get("countHits").unwrap_or("allHits") == "allHits",
            separator: pattern(node, words)?,
            matches_words,
            tokenize: node.flag("tokenize", true)?,
            normalizations: normalizations.into(),
        };
        Ok((Expression::Text(Box::new(index)), depth.max(deeper) + 1))
    }
}
