//! Which values of a record feed which input: the rules of a job (see `bind_inputs` of the engine), applied to records
//! whose fields may differ from one to the next.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use serving_engine::binding::{bare, folded};
use serving_model::wire::InputBinding;
use serving_model::{Field, Schema};

use crate::failure::Failure;
use crate::records::{BadRecord, Record};

/// What a record has for one input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'a> {
    /// Nothing: the value is missing.
    Nothing,
    /// The value of one field.
    One(&'a Value),
    /// Values of several fields, in the order in which they fill a tensor.
    Many(Vec<&'a Value>),
}

/// The inputs of a model by the names that records may use for them.
pub(crate) struct Inputs {
    fields: Vec<Field>,
    explicit: Vec<Option<Vec<String>>>,
    exact: HashMap<String, usize>,
    /// Names without case and punctuation; `None` for one that several inputs share.
    folded: HashMap<String, Option<usize>>,
}

impl Inputs {
    /// The inputs of a schema with the bindings of the command line.
    ///
    /// # Errors
    /// A binding that names an input that is not there, or too few or too many fields for it.
    pub(crate) fn new(schema: &Schema, bindings: &[InputBinding]) -> Result<Self, Failure> {
        let fields = schema.inputs.clone();
        let mut explicit = vec![None; fields.len()];
        for binding in bindings {
            let slot = fields
                .iter()
                .position(|field| bare(&field.name) == bare(&binding.model_input))
                .ok_or_else(|| {
                    Failure::Usage(format!(
                        "--bind names the input '{}', the model has: {}",
                        binding.model_input,
                        names(&fields)
                    ))
                })?;
            let (count, width) = (binding.record_fields.len(), fields[slot].width());
            if count != 1 && width.is_some_and(|width| width as usize != count) {
                return Err(Failure::Usage(format!(
                    "--bind gives {count} fields to the input '{}', which takes {} value(s)",
                    fields[slot].name,
                    width.unwrap_or_default()
                )));
            }
            explicit[slot] = Some(binding.record_fields.clone());
        }
        let mut exact = HashMap::new();
        let mut by_folded = HashMap::new();
        for (slot, field) in fields.iter().enumerate() {
            exact.insert(field.name.clone(), slot);
            by_folded
                .entry(folded(bare(&field.name)))
                .and_modify(|known| *known = None)
                .or_insert(Some(slot));
        }
        for (slot, field) in fields.iter().enumerate() {
            let bare = bare(&field.name);
            exact.entry(bare.to_owned()).or_insert(slot);
            exact.entry(format!("{bare}:0")).or_insert(slot);
        }
        Ok(Self {
            fields,
            explicit,
            exact,
            folded: by_folded,
        })
    }

    /// The inputs in the order of the schema.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// All names, for messages.
    pub(crate) fn names(&self) -> String {
        names(&self.fields)
    }

    /// What a record has for each input.
    ///
    /// # Errors
    /// `FIELD_INVALID` when two fields of the record are the same input but for case and punctuation.
    pub(crate) fn gather<'a>(&self, record: &'a Record) -> Result<Vec<Given<'a>>, BadRecord> {
        let mut given: Vec<Given<'a>> = self
            .explicit
            .iter()
            .map(|names| match names.as_deref() {
                None => Given::Nothing,
                Some([name]) => record.fields.get(name).map_or(Given::Nothing, Given::One),
                Some(names) => Given::Many(
                    names
                        .iter()
                        .map(|name| record.fields.get(name).unwrap_or(&Value::Null))
                        .collect(),
                ),
            })
            .collect();
        let mut left = Vec::new();
        for (name, value) in &record.fields {
            match self.exact.get(name) {
                Some(slot) if self.explicit[*slot].is_none() => given[*slot] = Given::One(value),
                Some(_) => {}
                None => left.push((name, value)),
            }
        }
        let mut spellings: HashMap<usize, &str> = HashMap::new();
        for (name, value) in left {
            let Some(Some(slot)) = self.folded.get(&folded(bare(name))).copied() else {
                continue;
            };
            if let Some(other) = spellings.get(&slot) {
                return Err(BadRecord::invalid(format!(
                    "'{other}' and '{name}' both stand for the input '{}'",
                    self.fields[slot].name
                )));
            }
            if given[slot] == Given::Nothing && self.explicit[slot].is_none() {
                given[slot] = Given::One(value);
                spellings.insert(slot, name);
            }
        }
        if let ([Given::Nothing], [None], [field]) =
            (given.as_mut_slice(), self.explicit.as_slice(), self.fields.as_slice())
            && let Some(values) = numbers_in_order(&record.fields, record.text, field)
        {
            given[0] = Given::Many(values);
        }
        Ok(given)
    }
}

/// For the only tensor of a model: the numbers of the record, when there are exactly as many as the tensor takes.
fn numbers_in_order<'a>(record: &'a Map<String, Value>, text: bool, field: &Field) -> Option<Vec<&'a Value>> {
    let width = field
        .width()
        .filter(|_| field.shape.as_ref().is_some_and(|shape| !shape.is_empty()))?;
    let values: Vec<&Value> = record
        .values()
        .filter(|value| match value {
            Value::Number(_) | Value::Bool(_) => true,
            Value::String(cell) => text && cell.trim().parse::<f64>().is_ok(),
            _ => false,
        })
        .collect();
    (values.len() == width as usize).then_some(values)
}

fn names(fields: &[Field]) -> String {
    const MOST: usize = 20;
    let mut text = fields
        .iter()
        .take(MOST)
        .map(|field| field.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    if fields.len() > MOST {
        let _ = write!(text, " and {} more", fields.len() - MOST);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serving_model::DataType;

    use super::*;

    fn record(value: Value) -> Record {
        Record::try_from(value).unwrap()
    }

    fn wine() -> Schema {
        Schema {
            inputs: vec![
                Field::scalar("fixed acidity", DataType::Double),
                Field::scalar("pH", DataType::Double),
            ],
            outputs: vec![],
        }
    }

    #[test]
    fn names_are_exact_else_without_case_and_punctuation() {
        let inputs = Inputs::new(&wine(), &[]).unwrap();
        let record = record(json!({"Fixed_Acidity": 1, "ph": 2, "pH": 3, "other": 4}));
        let given = inputs.gather(&record).unwrap();
        assert_eq!(given, [Given::One(&json!(1)), Given::One(&json!(3))]);
    }

    #[test]
    fn two_spellings_of_one_input_are_refused() {
        let inputs = Inputs::new(&wine(), &[]).unwrap();
        let error = inputs
            .gather(&record(json!({"fixed_acidity": 1, "fixed-acidity": 2})))
            .unwrap_err();
        assert!(error.message.contains("fixed-acidity"), "{}", error.message);
    }

    #[test]
    fn a_tensor_is_fed_by_name_with_or_without_its_suffix_by_binding_or_in_order() {
        let schema = Schema {
            inputs: vec![Field::tensor("x:0", DataType::Float, Some(vec![2]))],
            outputs: vec![],
        };
        let inputs = Inputs::new(&schema, &[]).unwrap();
        let by_name = record(json!({"x": [[1, 2]]}));
        assert_eq!(inputs.gather(&by_name).unwrap(), [Given::One(&json!([[1, 2]]))]);
        let in_order = record(json!({"b": 1, "name": "n", "a": 2}));
        assert_eq!(
            inputs.gather(&in_order).unwrap(),
            [Given::Many(vec![&json!(1), &json!(2)])]
        );
        let binding = InputBinding {
            model_input: "x".into(),
            record_fields: vec!["a".into(), "b".into()],
        };
        let bound = Inputs::new(&schema, &[binding]).unwrap();
        assert_eq!(
            bound.gather(&in_order).unwrap(),
            [Given::Many(vec![&json!(2), &json!(1)])]
        );
    }

    #[test]
    fn a_binding_of_an_unknown_input_or_of_the_wrong_number_of_fields_is_refused() {
        for (input, fields) in [("nowhere", vec!["a"]), ("pH", vec!["a", "b"])] {
            let binding = InputBinding {
                model_input: input.into(),
                record_fields: fields.into_iter().map(str::to_owned).collect(),
            };
            assert!(Inputs::new(&wine(), &[binding]).is_err());
        }
    }
}
