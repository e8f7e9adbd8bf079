//! Which record field feeds which model input, and which output is reported under which name.

use serving_model::wire::output_binding::Transform;
use serving_model::wire::{InputBinding, OutputBinding};
use serving_model::{DataType, ErrorCode, Field, ModelError, Schema};

/// What a record offers.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordField {
    /// Name; a nested field has a dotted path.
    pub name: String,
    /// Whether it holds numbers or truth values.
    pub numeric: bool,
    /// Whether it may hold more than one value.
    pub repeated: bool,
}

/// How the cells of one model input are filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundInput {
    /// First cell in the input row.
    pub slot: usize,
    /// Cells.
    pub width: usize,
    /// The only cell holds a list.
    pub list: bool,
    /// Indices of record fields: one per cell, or a single repeated field for all cells.
    pub fields: Vec<usize>,
}

/// A name without the `:0` that tensor names of TensorFlow carry and people leave off.
#[must_use]
pub fn bare(name: &str) -> &str {
    name.strip_suffix(":0").unwrap_or(name)
}

/// A name without case and punctuation.
#[must_use]
pub fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn failed(message: String) -> ModelError {
    ModelError::new(ErrorCode::BindingFailed, message)
}

/// Names for a message, not too many.
pub(crate) fn listing<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let names: Vec<&str> = names.collect();
    let shown = names[..names.len().min(MOST)].join(", ");
    if names.len() > MOST {
        format!("{shown} and {} more", names.len() - MOST)
    } else {
        shown
    }
}

/// Binds every input of a model to fields of the record: as `bindings` say; what they leave out by name (exact, else the only one that is
/// equal without case and punctuation); and if the model has a single tensor input of n values and the record exactly n
/// numeric scalar fields, in field order.
///
/// # Errors
/// `BINDING_FAILED` that lists every input that stays unbound, or names what a binding gets wrong.
pub fn bind_inputs(
    schema: &Schema,
    record: &[RecordField],
    bindings: &[InputBinding],
) -> Result<Vec<BoundInput>, ModelError> {
    for binding in bindings {
        if !schema
            .inputs
            .iter()
            .any(|field| bare(&field.name) == bare(&binding.model_input))
        {
            return Err(failed(format!(
                "a binding names the input '{}', the model has: {}",
                binding.model_input,
                listing(schema.inputs.iter().map(|field| field.name.as_str()))
            )));
        }
    }
    let mut bound = Vec::with_capacity(schema.inputs.len());
    let mut unbound = Vec::new();
    let mut slot = 0;
    for input in &schema.inputs {
        let width = input.width().ok_or_else(|| {
            failed(format!(
                "input '{}' has a shape that is only known at run time, records can't be bound to it",
                input.name
            ))
        })? as usize;
        let explicit = bindings
            .iter()
            .find(|binding| bare(&binding.model_input) == bare(&input.name));
        let fields = match explicit {
            Some(binding) => Some(explicit_fields(input, width, record, binding)?),
            None => by_name(input, width, record).or_else(|| in_order(schema, width, record)),
        };
        match fields {
            Some(fields) => bound.push(BoundInput {
                slot,
                width,
                list: input.list,
                fields,
            }),
            None => unbound.push(input.name.as_str()),
        }
        slot += width;
    }
    if unbound.is_empty() {
        return Ok(bound);
    }
    Err(failed(format!(
        "no record field for the inputs: {}; the record has: {}; bind them in the descriptor",
        listing(unbound.into_iter()),
        listing(record.iter().map(|field| field.name.as_str()))
    )))
}

fn explicit_fields(
    input: &Field,
    width: usize,
    record: &[RecordField],
    binding: &InputBinding,
) -> Result<Vec<usize>, ModelError> {
    let fields = binding
        .record_fields
        .iter()
        .map(|name| {
            record.iter().position(|field| field.name == *name).ok_or_else(|| {
                failed(format!(
                    "input '{}' is bound to '{name}', the record has: {}",
                    input.name,
                    listing(record.iter().map(|field| field.name.as_str()))
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    fit(&fields, width, record).ok_or_else(|| {
        failed(format!(
            "input '{}' takes {width} value(s) per record, it is bound to {} field(s): give as many scalar fields, or one \
             repeated field for a tensor",
            input.name,
            fields.len()
        ))
    })
}

fn fit(fields: &[usize], width: usize, record: &[RecordField]) -> Option<Vec<usize>> {
    let repeated = fields.iter().filter(|field| record[**field].repeated).count();
    let fits = match (fields.len(), repeated) {
        (1, 1) => true,
        (count, 0) => count == width,
        _ => false,
    };
    fits.then(|| fields.to_vec())
}

fn by_name(input: &Field, width: usize, record: &[RecordField]) -> Option<Vec<usize>> {
    let name = bare(&input.name);
    let exact = record.iter().position(|field| bare(&field.name) == name);
    let found = exact.or_else(|| {
        let wanted = folded(name);
        let mut same = (0..record.len()).filter(|index| folded(bare(&record[*index].name)) == wanted);
        same.next().filter(|_| same.next().is_none())
    })?;
    fit(&[found], width, record)
}

fn in_order(schema: &Schema, width: usize, record: &[RecordField]) -> Option<Vec<usize>> {
    let tensor = schema.inputs.len() == 1 && schema.inputs[0].shape.as_ref().is_some_and(|shape| !shape.is_empty());
    let numeric: Vec<usize> = (0..record.len())
        .filter(|index| record[*index].numeric && !record[*index].repeated)
        .collect();
    (tensor && numeric.len() == width).then_some(numeric)
}

/// One column of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundOutput {
    /// First cell in the model's output row.
    pub slot: usize,
    /// Cells in the model's output row.
    pub width: usize,
    /// Whether the index of the largest cell is reported instead of the cells.
    pub argmax: bool,
    /// The column as it is reported.
    pub field: Field,
}

/// Binds outputs: all of the model's when there is no binding, else those that are named, in that order.
///
/// # Errors
/// `BINDING_FAILED` for an output that the model does not have, ARGMAX of a single value, fewer labels than values, or a name
/// given twice.
pub fn bind_outputs(schema: &Schema, bindings: &[OutputBinding]) -> Result<Vec<BoundOutput>, ModelError> {
    let mut slot = 0;
    let mut all = Vec::with_capacity(schema.outputs.len());
    for field in &schema.outputs {
        let width = field.width().ok_or_else(|| {
            failed(format!(
                "output '{}' has a shape that is only known at run time, it can't be a result column",
                field.name
            ))
        })? as usize;
        all.push(BoundOutput {
            slot,
            width,
            argmax: false,
            field: field.clone(),
        });
        slot += width;
    }
    if bindings.is_empty() {
        return Ok(all);
    }
    let mut bound: Vec<BoundOutput> = Vec::with_capacity(bindings.len());
    for binding in bindings {
        let mut output = all
            .iter()
            .find(|output| bare(&output.field.name) == bare(&binding.model_output))
            .cloned()
            .ok_or_else(|| {
                failed(format!(
                    "a binding names the output '{}', the model has: {}",
                    binding.model_output,
                    listing(schema.outputs.iter().map(|field| field.name.as_str()))
                ))
            })?;
        if !binding.name.is_empty() {
            output.field.name.clone_from(&binding.name);
        }
        if Transform::try_from(binding.transform) == Ok(Transform::Argmax) {
            make_argmax(&mut output, binding)?;
        }
        if bound.iter().any(|other| other.field.name == output.field.name) {
            return Err(failed(format!(
                "two outputs are bound to the name '{}'",
                output.field.name
            )));
        }
        bound.push(output);
    }
    Ok(bound)
}

fn make_argmax(output: &mut BoundOutput, binding: &OutputBinding) -> Result<(), ModelError> {
    if output.width < 2 {
        return Err(failed(format!(
            "ARGMAX needs a tensor, the output '{}' is a single value",
            binding.model_output
        )));
    }
    if !binding.labels.is_empty() && binding.labels.len() < output.width {
        return Err(failed(format!(
            "ARGMAX of '{}' has {} values and only {} labels",
            binding.model_output,
            output.width,
            binding.labels.len()
        )));
    }
    output.argmax = true;
    output.field.shape = Some(Vec::new());
    output.field.labels.clone_from(&binding.labels);
    output.field.data_type = if binding.labels.is_empty() {
        DataType::Long
    } else {
        DataType::String
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(names: &[&str]) -> Vec<RecordField> {
        names
            .iter()
            .map(|name| RecordField {
                name: (*name).into(),
                numeric: true,
                repeated: false,
            })
            .collect()
    }

    fn model(inputs: Vec<Field>) -> Schema {
        Schema {
            inputs,
            outputs: vec![
                Field::scalar("label", DataType::String),
                Field::tensor("scores:0", DataType::Float, Some(vec![3])),
            ],
        }
    }

    #[test]
    fn names_bind_without_case_and_punctuation() {
        let schema = model(vec![
            Field::scalar("pH", DataType::Double),
            Field::scalar("fixed acidity", DataType::Double),
        ]);
        let bound = bind_inputs(&schema, &record(&["fixed_acidity", "other", "pH"]), &[]).unwrap();
        assert_eq!((bound[0].slot, bound[0].fields[0]), (0, 2));
        assert_eq!((bound[1].slot, bound[1].fields[0]), (1, 0));
    }

    #[test]
    fn the_suffix_of_a_tensor_may_be_left_off_on_either_side() {
        for (input, field) in [("x:0", "x"), ("x", "x:0"), ("x:0", "x:0"), ("X:0", "x")] {
            let schema = model(vec![Field::scalar(input, DataType::Double)]);
            let bound = bind_inputs(&schema, &record(&["other", field]), &[]);
            assert_eq!(
                bound.map(|bound| bound[0].fields.clone()),
                Ok(vec![1]),
                "{input} {field}"
            );
        }
    }

    #[test]
    fn an_ambiguous_name_stays_unbound_and_all_unbound_are_listed() {
        let schema = model(vec![
            Field::scalar("a b", DataType::Double),
            Field::scalar("c", DataType::Double),
        ]);
        let error = bind_inputs(&schema, &record(&["a_b", "A.B"]), &[]).unwrap_err();
        assert_eq!(error.code, ErrorCode::BindingFailed);
        assert!(error.message.contains("a b, c"), "{error}");
    }

    #[test]
    fn a_single_tensor_takes_the_numeric_fields_in_order() {
        let schema = model(vec![Field::tensor("x:0", DataType::Float, Some(vec![3]))]);
        let bound = bind_inputs(&schema, &record(&["a", "b", "c"]), &[]).unwrap();
        assert_eq!(bound[0].fields, [0, 1, 2]);
        assert!(bind_inputs(&schema, &record(&["a", "b"]), &[]).is_err());
    }

    #[test]
    fn a_binding_orders_the_fields_of_a_tensor() {
        let schema = model(vec![Field::tensor("x:0", DataType::Float, Some(vec![2]))]);
        let binding = InputBinding {
            model_input: "x".into(),
            record_fields: vec!["b".into(), "a".into()],
        };
        let bound = bind_inputs(&schema, &record(&["a", "b", "c"]), &[binding]).unwrap();
        assert_eq!(bound[0].fields, [1, 0]);
    }

    #[test]
    fn argmax_turns_a_tensor_into_a_label() {
        let schema = model(vec![]);
        let binding = OutputBinding {
            model_output: "scores".into(),
            name: "quality".into(),
            transform: Transform::Argmax.into(),
            labels: vec!["low".into(), "middle".into(), "high".into()],
        };
        let bound = bind_outputs(&schema, &[binding]).unwrap();
        assert_eq!(bound.len(), 1);
        assert_eq!((bound[0].slot, bound[0].width, bound[0].argmax), (1, 3, true));
        assert_eq!(bound[0].field.name, "quality");
        assert_eq!(bound[0].field.width(), Some(1));
    }

    #[test]
    fn argmax_of_a_scalar_is_refused() {
        let binding = OutputBinding {
            model_output: "label".into(),
            transform: Transform::Argmax.into(),
            ..OutputBinding::default()
        };
        assert!(bind_outputs(&model(vec![]), &[binding]).is_err());
    }
}
