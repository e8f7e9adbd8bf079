//! Scores records with a model of tensors: each record is one call.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;
use serving_model::wire::InputBinding;
use serving_model::{DataType, ErrorCode, Field, Model, Tensor, TensorData};

use crate::binding::{Given, Inputs};
use crate::failure::Failure;
use crate::guard;
use crate::json;
use crate::model_files::OpenModel;
use crate::records::{BadRecord, Record, kind_of};
use crate::rows::nested_text;

/// Calls a model of tensors with one record after the other.
pub(crate) struct TensorSession {
    model: Arc<dyn Model>,
    inputs: Inputs,
}

impl TensorSession {
    /// # Errors
    /// A binding that does not fit.
    pub(crate) fn open(model: &OpenModel, bindings: &[InputBinding]) -> Result<Self, Failure> {
        let model = Arc::clone(model.loaded.model());
        let schema = model.tensor_model().map_or(model.schema(), |tensors| tensors.schema());
        Ok(Self {
            inputs: Inputs::new(schema, bindings)?,
            model,
        })
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// The tensors of a record.
    ///
    /// # Errors
    /// `FIELD_INVALID` for a list that is ragged or holds what no tensor can.
    pub(crate) fn tensors(&self, record: &Record) -> Result<Vec<(String, Tensor)>, BadRecord> {
        let mut tensors = Vec::new();
        for (field, given) in self.inputs.fields().iter().zip(self.inputs.gather(record)?) {
            let tensor = match given {
                Given::Nothing | Given::One(Value::Null) => continue,
                Given::One(value) => {
                    let parsed = nested_text(value, record.text, field)?;
                    tensor_of(field, parsed.as_ref().unwrap_or(value), record.text)?
                }
                Given::Many(values) => Tensor {
                    shape: [1]
                        .into_iter()
                        .chain(field.shape.iter().flatten().map(|axis| *axis as usize))
                        .collect(),
                    data: elements(field, &values, record.text)?,
                },
            };
            tensors.push((field.name.clone(), tensor));
        }
        Ok(tensors)
    }

    /// Calls the model.
    ///
    /// # Errors
    /// What the record or the model has against it.
    pub(crate) fn call(&self, inputs: &[(String, Tensor)]) -> Result<Vec<(String, Tensor)>, BadRecord> {
        let Some(model) = self.model.tensor_model() else {
            return Err(BadRecord {
                code: ErrorCode::ScoringFailed,
                message: "the model is not one of tensors".to_owned(),
            });
        };
        match guard::contain(|| model.call(inputs)) {
            Ok(Ok(outputs)) => Ok(outputs),
            Ok(Err(error)) => Err(BadRecord {
                code: error.code,
                message: error.to_string(),
            }),
            Err(panic) => Err(BadRecord {
                code: ErrorCode::ScoringCrashed,
                message: panic,
            }),
        }
    }

    /// Scores a record and writes its line.
    pub(crate) fn score(&self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        match self.tensors(record).and_then(|inputs| self.call(&inputs)) {
            Ok(outputs) => write_tensors(out, &outputs),
            Err(bad) => json::write_error(out, bad.code, &bad.message),
        }
    }
}

fn write_tensors<W: Write>(out: &mut W, outputs: &[(String, Tensor)]) -> io::Result<()> {
    for (name, tensor) in outputs {
        if product(&tensor.shape) != Some(tensor.data.len()) {
            let message = format!(
                "output '{name}' has {} values in the shape {:?}",
                tensor.data.len(),
                tensor.shape
            );
            return json::write_error(out, ErrorCode::ScoringFailed, &message);
        }
    }
    let mut first = true;
    for (name, tensor) in outputs {
        json::write_name(out, name, first)?;
        first = false;
        json::write_tensor(out, tensor)?;
    }
    out.write_all(if first { b"{}\n" } else { b"}\n" })
}

fn product(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, axis| product.checked_mul(*axis))
}

/// A nested list as a tensor. One that lacks just the batch axis gets it.
fn tensor_of(field: &Field, value: &Value, text: bool) -> Result<Tensor, BadRecord> {
    if field.shape.is_none()
        && let Some(data) = sequence_or_map(field, value, text)?
    {
        return Ok(data);
    }
    let mut shape = Vec::new();
    let mut inner = value;
    while let Value::Array(values) = inner {
        shape.push(values.len());
        match values.first() {
            Some(first) => inner = first,
            None => break,
        }
    }
    let mut leaves = Vec::new();
    collect(field, value, &shape, &mut leaves)?;
    let data = elements(field, &leaves, text)?;
    if field
        .shape
        .as_ref()
        .is_some_and(|declared| declared.len() == shape.len())
    {
        shape.insert(0, 1);
    }
    Ok(Tensor { shape, data })
}

/// Where no shape is known, an object is a map, and a ragged list a sequence of tensors.
fn sequence_or_map(field: &Field, value: &Value, text: bool) -> Result<Option<Tensor>, BadRecord> {
    match value {
        Value::Object(entries) => {
            let one = |(key, value): (&String, &Value)| Ok((key.clone(), tensor_of(field, value, text)?));
            Ok(Some(Tensor {
                shape: Vec::new(),
                data: TensorData::Map(entries.iter().map(one).collect::<Result<_, BadRecord>>()?),
            }))
        }
        Value::Array(values) if values.iter().all(Value::is_array) && is_ragged(value) => {
            let items = values.iter().map(|value| tensor_of(field, value, text));
            Ok(Some(Tensor {
                shape: vec![values.len()],
                data: TensorData::List(items.collect::<Result<_, _>>()?),
            }))
        }
        _ => Ok(None),
    }
}

fn is_ragged(value: &Value) -> bool {
    fn shape(value: &Value) -> Option<Vec<usize>> {
        let Value::Array(values) = value else {
            return Some(Vec::new());
        };
        let mut shapes = values.iter().map(shape);
        let mut whole = vec![values.len()];
        if let Some(first) = shapes.next() {
            let first = first?;
            if shapes.any(|other| other.as_ref() != Some(&first)) {
                return None;
            }
            whole.extend(first);
        }
        Some(whole)
    }
    shape(value).is_none()
}

fn collect<'a>(field: &Field, value: &'a Value, shape: &[usize], leaves: &mut Vec<&'a Value>) -> Result<(), BadRecord> {
    match (value, shape.split_first()) {
        (Value::Array(values), Some((length, rest))) if values.len() == *length => {
            values.iter().try_for_each(|value| collect(field, value, rest, leaves))
        }
        (Value::Array(_), _) | (_, Some(_)) => Err(BadRecord::invalid(format!(
            "input '{}' is a ragged list: the lists of one axis differ in length or depth",
            field.name
        ))),
        (leaf, None) => {
            leaves.push(leaf);
            Ok(())
        }
    }
}

/// The elements in the widest type that loses nothing; the model converts them to its own.
fn elements(field: &Field, leaves: &[&Value], text: bool) -> Result<TensorData, BadRecord> {
    let wrong = |leaf: &Value, wanted: &str| {
        BadRecord::invalid(format!(
            "input '{}' takes {wanted}, the record has {}",
            field.name,
            kind_of(leaf)
        ))
    };
    if field.data_type == DataType::String {
        return leaves
            .iter()
            .map(|leaf| leaf.as_str().map(str::to_owned).ok_or_else(|| wrong(leaf, "strings")))
            .collect::<Result<_, _>>()
            .map(TensorData::String);
    }
    if leaves.is_empty() {
        return Ok(match field.data_type {
            DataType::Boolean => TensorData::Boolean(Vec::new()),
            DataType::Long => TensorData::Long(Vec::new()),
            _ => TensorData::Double(Vec::new()),
        });
    }
    let numbers: Vec<Number> = leaves
        .iter()
        .map(|leaf| Number::of(leaf, text).ok_or_else(|| wrong(leaf, "numbers")))
        .collect::<Result<_, _>>()?;
    Ok(if numbers.iter().all(|number| matches!(number, Number::Truth(_))) {
        TensorData::Boolean(numbers.iter().map(|number| number.long() != 0).collect())
    } else if numbers.iter().all(|number| !matches!(number, Number::Double(_))) {
        TensorData::Long(numbers.iter().map(|number| number.long()).collect())
    } else {
        TensorData::Double(numbers.iter().map(|number| number.double()).collect())
    })
}

#[derive(Clone, Copy)]
enum Number {
    Truth(bool),
    Long(i64),
    Double(f64),
}

impl Number {
    fn of(leaf: &Value, text: bool) -> Option<Self> {
        match leaf {
            Value::Bool(value) => Some(Self::Truth(*value)),
            Value::Number(number) => number.as_i64().map(Self::Long).or(number.as_f64().map(Self::Double)),
            Value::String(name) => json::special_number(name)
                .map(Self::Double)
                .or_else(|| text.then(|| Self::of_text(name.trim())).flatten()),
            _ => None,
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self::Truth(true)),
            "false" => Some(Self::Truth(false)),
            _ => text
                .parse()
                .map(Self::Long)
                .or_else(|_| text.parse().map(Self::Double))
                .ok(),
        }
    }

    fn long(self) -> i64 {
        match self {
            Self::Truth(value) => value.into(),
            Self::Long(value) => value,
            Self::Double(value) => value as i64,
        }
    }

    fn double(self) -> f64 {
        match self {
            Self::Truth(value) => f64::from(u8::from(value)),
            Self::Long(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pair() -> Field {
        Field::tensor("x:0", DataType::Float, Some(vec![2]))
    }

    #[test]
    fn a_nested_list_is_the_whole_tensor_and_the_batch_axis_is_added_when_just_that_is_lacking() {
        let whole = tensor_of(&pair(), &json!([[1, 2.5], [3, "NaN"]]), false).unwrap();
        assert_eq!(whole.shape, [2, 2]);
        assert!(matches!(&whole.data, TensorData::Double(data) if data[..3] == [1.0, 2.5, 3.0] && data[3].is_nan()));
        let flat = tensor_of(&pair(), &json!([1, 2]), false).unwrap();
        assert_eq!((flat.shape, flat.data), (vec![1, 2], TensorData::Long(vec![1, 2])));
        assert_eq!(tensor_of(&pair(), &json!(7), false).unwrap().shape, Vec::<usize>::new());
        assert_eq!(tensor_of(&pair(), &json!([[[1]]]), false).unwrap().shape, [1, 1, 1]);
        let unknown = Field::tensor("x", DataType::Float, None);
        assert_eq!(tensor_of(&unknown, &json!([1, 2]), false).unwrap().shape, [2]);
    }

    #[test]
    fn what_is_no_tensor_is_refused() {
        for value in [
            json!([[1, 2], [3]]),
            json!([[1, 2], 3]),
            json!([1, [2, 3]]),
            json!([[], [1]]),
            json!([[1, null]]),
            json!([["a", "b"]]),
            json!([[{"a": 1}]]),
            json!({"a": 1}),
        ] {
            let error = tensor_of(&pair(), &value, false).unwrap_err();
            assert_eq!(error.code, ErrorCode::FieldInvalid, "{value}");
            assert!(error.message.contains("x:0"), "{}", error.message);
        }
    }

    #[test]
    fn where_no_shape_is_known_ragged_lists_are_sequences_and_objects_are_maps() {
        let unknown = Field::tensor("x", DataType::Float, None);
        let TensorData::List(items) = tensor_of(&unknown, &json!([[1, 2], [3]]), false).unwrap().data else {
            panic!("no list");
        };
        assert_eq!((&*items[0].shape, &*items[1].shape), (&[2][..], &[1][..]));
        let TensorData::Map(entries) = tensor_of(&unknown, &json!({"a": 1.5}), false).unwrap().data else {
            panic!("no map");
        };
        assert_eq!(entries[0].0, "a");
        assert_eq!(entries[0].1.data, TensorData::Double(vec![1.5]));
    }

    #[test]
    fn elements_keep_their_kind() {
        let field = Field::tensor("x", DataType::Boolean, Some(vec![2]));
        assert_eq!(
            tensor_of(&field, &json!([true, false]), false).unwrap().data,
            TensorData::Boolean(vec![true, false])
        );
        let field = Field::tensor("s", DataType::String, Some(vec![1]));
        assert_eq!(
            tensor_of(&field, &json!([["a"]]), false).unwrap().data,
            TensorData::String(vec!["a".into()])
        );
        assert_eq!(
            tensor_of(&pair(), &json!(["1", "2.5"]), true).unwrap().data,
            TensorData::Double(vec![1.0, 2.5])
        );
        assert!(tensor_of(&pair(), &json!(["1", "2.5"]), false).is_err());
    }
}
