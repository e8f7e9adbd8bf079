//! `inspect`: what a model is.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use serving_model::{DataType, Field, Schema, Signature};

use crate::arguments::InspectArguments;
use crate::failure::{Failure, one_line};
use crate::model_files::{self, OpenModel};
use crate::table;

pub(crate) fn run(arguments: &InspectArguments) -> Result<ExitCode, Failure> {
    let model = model_files::open(&arguments.model)?;
    let brought = model
        .windowed(&arguments.window)?
        .map(|windowed| windowed.records().clone());
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", as_json(&model, brought.as_ref()))?;
    } else {
        write_text(&mut out, &model, brought.as_ref())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// `brought` is what records bring, where that is not the inputs of the model.
fn write_text(out: &mut impl Write, model: &OpenModel, brought: Option<&Schema>) -> io::Result<()> {
    let compiled = model.loaded.model();
    let mut facts = vec![
        ("model", model.file.clone()),
        ("type", model.kind.name().to_owned()),
        ("sha256", model.loaded.digest().to_string()),
        ("size", table::bytes(model.content_bytes)),
        ("compiled", table::bytes(compiled.native_bytes())),
        ("held", table::bytes(model.loaded.native_bytes())),
        ("load time", format!("{:.2} ms", model.load_time.as_secs_f64() * 1e3)),
    ];
    let summary = compiled.summary();
    for (at, line) in summary.lines().enumerate() {
        facts.push((if at == 0 { "summary" } else { "" }, line.to_owned()));
    }
    let facts: Vec<Vec<String>> = facts
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), one_line(&value)])
        .collect();
    table::write(out, 0, &facts)?;
    let schema = compiled.schema();
    let brought = brought.map(|records| ("records bring", &records.inputs));
    for (title, fields) in [("inputs", &schema.inputs)]
        .into_iter()
        .chain(brought)
        .chain([("outputs", &schema.outputs)])
    {
        writeln!(out, "\n{title} ({})", fields.len())?;
        let rows: Vec<Vec<String>> = fields
            .iter()
            .map(|field| {
                vec![
                    one_line(&field.name),
                    type_with_shape(field),
                    labels(field),
                    one_line(&field.notes),
                ]
            })
            .collect();
        table::write(out, 2, &rows)?;
    }
    Ok(())
}

/// Name of a type.
pub(crate) fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Double => "double",
        DataType::Float => "float",
        DataType::Long => "long",
        DataType::Boolean => "boolean",
        DataType::String => "string",
    }
}

/// `double`, `list`, `float[11]`, `float[?]` when the shape is only known at run time. Shapes are without the batch axis.
fn type_with_shape(field: &Field) -> String {
    let name = type_name(field.data_type);
    if field.list {
        return "list".to_owned();
    }
    match field.shape.as_deref() {
        None => format!("{name}[?]"),
        Some([]) => name.to_owned(),
        Some(shape) => {
            let axes: Vec<String> = shape.iter().map(u32::to_string).collect();
            format!("{name}[{}]", axes.join(" x "))
        }
    }
}

fn labels(field: &Field) -> String {
    const MOST: usize = 8;
    if field.labels.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = field.labels.iter().take(MOST).map(String::as_str).collect();
    let more = match field.labels.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    one_line(&format!("{{{}{more}}}", shown.join(", ")))
}

fn as_json(model: &OpenModel, brought: Option<&Schema>) -> Value {
    let compiled = model.loaded.model();
    let schema = compiled.schema();
    let fields = |fields: &[Field]| -> Vec<Value> {
        fields
            .iter()
            .map(|field| {
                json!({
                    "name": field.name,
                    "type": type_name(field.data_type),
                    "shape": field.shape,
                    "list": field.list,
                    "labels": field.labels,
                    "notes": field.notes,
                })
            })
            .collect()
    };
    json!({
        "model": model.file,
        "type": model.kind.name(),
        "sha256": model.loaded.digest().to_string(),
        "content_bytes": model.content_bytes,
        "compiled_bytes": compiled.native_bytes(),
        "held_bytes": model.loaded.native_bytes(),
        "load_ms": model.load_time.as_secs_f64() * 1e3,
        "summary": compiled.summary(),
        "signatures": compiled.signatures().iter().map(signature).collect::<Vec<_>>(),
        "inputs": fields(&schema.inputs),
        "records_bring": brought.map(|records| fields(&records.inputs)),
        "outputs": fields(&schema.outputs),
    })
}

fn signature(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "inputs": signature.inputs,
        "description": signature.description,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_models::{Echo, open};

    #[test]
    fn the_table_has_every_field_with_its_type() {
        let mut out = Vec::new();
        write_text(&mut out, &open(Echo), None).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "inputs (3)",
            "  x  double",
            "outputs (6)",
            "  pair        double[2]",
            "  label       string     {low, high}",
        ] {
            assert!(text.lines().any(|shown| shown == line), "'{line}' in:\n{text}");
        }
    }

    #[test]
    fn json_has_shapes_and_labels() {
        let json = as_json(&open(Echo), None);
        assert_eq!(json["outputs"][4]["shape"], json!([2]));
        assert_eq!(json["outputs"][5]["labels"], json!(["low", "high"]));
        assert_eq!(json["inputs"][0]["type"], "double");
    }

    #[test]
    fn a_shape_is_written_axis_by_axis() {
        for (shape, text) in [
            (None, "float[?]"),
            (Some(vec![]), "float"),
            (Some(vec![8, 8, 1]), "float[8 x 8 x 1]"),
        ] {
            assert_eq!(type_with_shape(&Field::tensor("x", DataType::Float, shape)), text);
        }
    }
}
