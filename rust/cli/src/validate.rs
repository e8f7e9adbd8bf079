//! `validate`: would a job take this model?

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use serving_model::{Block, ErrorCode, Field, ModelError, Output, Schema};

use crate::arguments::ValidateArguments;
use crate::failure::{Failure, one_line};
use crate::guard;
use crate::model_files::{self, OpenModel};
use crate::rows;

pub(crate) fn run(arguments: &ValidateArguments) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let opened = model_files::open(&arguments.model);
    match opened.and_then(|model| model.windowed(&arguments.window).map(|_| model)) {
        Ok(model) => {
            let warnings = warnings(&model);
            if arguments.json {
                let report = json!({"model": model.file, "valid": true, "problems": [], "warnings": warnings});
                writeln!(out, "{report:#}")?;
            } else {
                let schema = model.loaded.model().schema();
                writeln!(
                    out,
                    "valid: {}: {}, {}, {}",
                    one_line(&model.file),
                    model.kind.name(),
                    count(schema.inputs.len(), "input"),
                    count(schema.outputs.len(), "output"),
                )?;
                for warning in &warnings {
                    writeln!(out, "warning: {}", one_line(warning))?;
                }
            }
            out.flush()?;
            Ok(ExitCode::SUCCESS)
        }
        Err(Failure::Model { file, error }) if arguments.json => {
            let problems: Vec<Value> = std::iter::once(&error).chain(&error.others).map(problem).collect();
            let report = json!({"model": file, "valid": false, "problems": problems, "warnings": []});
            writeln!(out, "{report:#}")?;
            out.flush()?;
            Ok(ExitCode::FAILURE)
        }
        Err(failure) => Err(failure),
    }
}

fn problem(error: &ModelError) -> Value {
    json!({
        "code": error.code.as_str_name(),
        "message": error.message,
        "line": if error.place.line == 0 { Value::Null } else { error.place.line.into() },
        "path": if error.place.path.is_empty() { Value::Null } else { error.place.path.as_str().into() },
    })
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What does not keep a model from loading but will surprise whoever uses it.
fn warnings(model: &OpenModel) -> Vec<String> {
    let schema = model.loaded.model().schema();
    let mut warnings = Vec::new();
    for (what, fields) in [("input", &schema.inputs), ("output", &schema.outputs)] {
        warnings.extend(twice(fields).map(|name| format!("two {what}s have the name '{name}'")));
    }
    if schema.outputs.is_empty() {
        warnings.push("the model has no output".to_owned());
    }
    match (schema.input_width(), schema.output_width()) {
        (Some(_), Some(_)) => warnings.extend(row_warning(model, schema)),
        _ => warnings.push("a shape is only known at run time: a job can't score this model by rows".to_owned()),
    }
    warnings
}

fn twice(fields: &[Field]) -> impl Iterator<Item = &str> {
    let mut seen = HashSet::new();
    fields
        .iter()
        .map(|field| field.name.as_str())
        .filter(move |name| !seen.insert(*name))
}

/// Scores a neutral row, as a job does to warm up. A model may refuse it, so this is only a hint.
fn row_warning(model: &OpenModel, schema: &Schema) -> Option<String> {
    let mut scorer = match model.scorer() {
        Ok(scorer) => scorer,
        Err(failure) => return Some(format!("it can't be scored by rows: {}", failure.line())),
    };
    let mut input = Block::new(schema.input_width()?);
    let mut output = Output::new(schema.output_width()?);
    input.reset(1);
    output.reset(1);
    rows::fill_neutral(schema, &mut input, 0);
    if let Err(panic) = guard::contain(|| scorer.score(&input, &mut output)) {
        return Some(format!("scoring a neutral row crashed: {panic}"));
    }
    (output.status(0).code != ErrorCode::Ok).then(|| {
        format!(
            "a row of zeros and first labels is refused: {}: {}",
            output.status(0).code.as_str_name(),
            output.message(0)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_models::{Echo, open};

    #[test]
    fn a_model_without_surprises_has_no_warning() {
        assert_eq!(warnings(&open(Echo)), Vec::<String>::new());
    }

    #[test]
    fn names_that_occur_twice_are_found() {
        let fields = ["a", "b", "a"].map(|name| Field::scalar(name, serving_model::DataType::Double));
        assert_eq!(twice(&fields).collect::<Vec<_>>(), ["a"]);
    }
}
