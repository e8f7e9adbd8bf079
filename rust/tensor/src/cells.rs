//! Cells of rows and tensors of callers to the element types of the model, and back.

use serving_model::{Block, DataType, ErrorCode, ModelError, Tag, Tensor, TensorData};

use crate::array::{Array, BF16, DType, Data, Element, F16, Mapping, Text, elements};
use crate::graph::Input;

/// Why a cell is no number of the model's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Missing,
    Invalid(String),
}

/// A value of a caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    Double(f64),
    Long(i64),
    Boolean(bool),
    String(&'a str),
}

impl std::fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Double(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::String(value) => write!(f, "'{value}'"),
        }
    }
}

/// An element type that values of callers are converted to. Precision may be lost, anything else not: no fraction is cut
/// off, nothing overflows.
pub(crate) trait Convert: Element {
    fn convert(given: Given<'_>) -> Option<Self>;
}

impl Convert for f64 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        match given {
            Given::Double(value) => Some(value),
            Given::Long(value) => Some(value as f64),
            Given::Boolean(value) => Some(f64::from(u8::from(value))),
            Given::String(text) => text.trim().parse().ok(),
        }
    }
}

impl Convert for f32 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        let wide = f64::convert(given)?;
        let value = wide as f32;
        (value.is_finite() || !wide.is_finite()).then_some(value)
    }
}

impl Convert for i64 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        match given {
            Given::Long(value) => Some(value),
            Given::Boolean(value) => Some(i64::from(value)),
            Given::Double(value) => {
                let whole = value as i64;
                (whole as f64 == value && whole != i64::MAX).then_some(whole)
            }
            Given::String(text) => {
                let text = text.trim();
                text.parse()
                    .ok()
                    .or_else(|| Self::convert(Given::Double(text.parse().ok()?)))
            }
        }
    }
}

macro_rules! narrow {
    ($($rust:ident)*) => {
        $(impl Convert for $rust {
            #[inline]
            fn convert(given: Given<'_>) -> Option<Self> {
                i64::convert(given)?.try_into().ok()
            }
        })*
    };
}

narrow! { i8 i16 i32 u8 u16 u32 }

impl Convert for u64 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        match given {
            Given::Double(value) => {
                let whole = value as u64;
                (whole as f64 == value && whole != u64::MAX).then_some(whole)
            }
            Given::String(text) => text.trim().parse().ok(),
            other => i64::convert(other)?.try_into().ok(),
        }
    }
}

impl Convert for F16 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        let wide = f32::convert(given)?;
        let value = Self::from_f32(wide);
        (value.to_f32().is_finite() || !wide.is_finite()).then_some(value)
    }
}

impl Convert for BF16 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        f32::convert(given).map(Self::from_f32)
    }
}

impl Convert for Text {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        Some(match given {
            Given::String(text) => text.into(),
            Given::Double(value) => value.to_string().into(),
            Given::Long(value) => value.to_string().into(),
            Given::Boolean(value) => value.to_string().into(),
        })
    }
}

impl Convert for bool {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        match given {
            Given::Boolean(value) => Some(value),
            Given::Long(0) | Given::Double(0.0) => Some(false),
            Given::Long(1) | Given::Double(1.0) => Some(true),
            Given::String(text) => match text.trim() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Reads neighbouring cells of a row.
///
/// # Errors
/// The first cell that does not fit: its number among these, and why.
#[inline]
pub(crate) fn read_cells<T: Convert>(
    block: &Block,
    row: usize,
    start: usize,
    to: &mut [T],
) -> Result<(), (usize, Unfit)> {
    let end = start + to.len();
    let (tags, values) = (&block.tags(row)[start..end], &block.values(row)[start..end]);
    for (n, ((to, tag), value)) in to.iter_mut().zip(tags).zip(values).enumerate() {
        let given = match Tag::from_number(*tag) {
            Tag::Double => Given::Double(f64::from_bits(*value)),
            Tag::Float => Given::Double(f64::from(f32::from_bits(*value as u32))),
            Tag::Long => Given::Long(value.cast_signed()),
            Tag::Boolean => Given::Boolean(*value != 0),
            Tag::String => Given::String(block.text(*value)),
            Tag::Missing => return Err((n, Unfit::Missing)),
            Tag::Label => return Err((n, Unfit::Invalid(format!("label {value} of a field without labels")))),
        };
        *to = T::convert(given).ok_or_else(|| (n, Unfit::Invalid(format!("{given} is not a {}", T::DTYPE))))?;
    }
    Ok(())
}

/// Elements that go into cells.
pub(crate) trait ToCell: Copy {
    const TAG: Tag;
    fn bits(self) -> u64;
}

macro_rules! to_cell {
    ($($rust:ident $tag:ident $value:ident => $bits:expr;)*) => {
        $(impl ToCell for $rust {
            const TAG: Tag = Tag::$tag;
            #[inline]
            fn bits(self) -> u64 {
                let $value = self;
                $bits
            }
        })*
    };
}

to_cell! {
    f32 Float value => u64::from(value.to_bits());
    f64 Double value => value.to_bits();
    F16 Float value => u64::from(value.to_f32().to_bits());
    BF16 Float value => u64::from(value.to_f32().to_bits());
    i8 Long value => i64::from(value).cast_unsigned();
    i16 Long value => i64::from(value).cast_unsigned();
    i32 Long value => i64::from(value).cast_unsigned();
    i64 Long value => value.cast_unsigned();
    u8 Long value => u64::from(value);
    u16 Long value => u64::from(value);
    u32 Long value => u64::from(value);
    // A cell has a sign: what is beyond it keeps its bits.
    u64 Long value => value;
    bool Boolean value => u64::from(value);
}

/// Writes neighbouring cells of a row.
#[inline]
pub(crate) fn write_cells<T: ToCell>(block: &mut Block, row: usize, start: usize, from: &[T]) {
    let (tags, values) = block.row_mut(row);
    tags[start..start + from.len()].fill(T::TAG as u8);
    for (value, from) in values[start..start + from.len()].iter_mut().zip(from) {
        *value = from.bits();
    }
}

/// The type that callers see.
pub(crate) fn data_type(dtype: DType) -> DataType {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => DataType::Float,
        DType::F64 => DataType::Double,
        DType::Bool => DataType::Boolean,
        DType::Text | DType::List | DType::Map | DType::Nothing => DataType::String,
        _ => DataType::Long,
    }
}

/// Converts a caller's tensor, list or map to what an input takes.
///
/// # Errors
/// `FIELD_INVALID` with the first element that does not fit.
pub(crate) fn to_array(input: &Input, tensor: &Tensor) -> Result<Array, ModelError> {
    let invalid =
        |message: String| ModelError::new(ErrorCode::FieldInvalid, format!("input '{}': {message}", input.name));
    match (input.dtype, input.inside.as_slice(), &tensor.data) {
        (Some(DType::List), [inside], TensorData::List(items)) => items
            .iter()
            .map(|item| elements_of(item, *inside).map(Some))
            .collect::<Result<_, _>>()
            .map(Array::list),
        // A tensor given for a list is one of its parts along the first axis.
        (Some(DType::List), [inside], _) => elements_of(tensor, *inside)
            .and_then(|array| crate::ops::lists::from_tensor(&array).map_err(|trouble| trouble.message)),
        (Some(DType::Map), [key, value], TensorData::Map(entries)) => mapping(entries, *key, *value),
        (Some(DType::List | DType::Map), ..) => Err("the model takes no tensor here".to_owned()),
        (dtype, ..) => elements_of(tensor, dtype.unwrap_or(DType::F64)),
    }
    .map_err(invalid)
}

fn mapping(entries: &[(String, Tensor)], key: DType, value: DType) -> Result<Array, String> {
    let keys = TensorData::String(entries.iter().map(|(key, _)| key.clone()).collect());
    let mut values = Vec::with_capacity(entries.len());
    for (name, tensor) in entries {
        let one = elements_of(tensor, value)?;
        values.push(
            one.reshaped(vec![1])
                .map_err(|_| format!("'{name}' has not one value"))?,
        );
    }
    let shape = vec![entries.len()];
    let keys = elements_of(
        &Tensor {
            shape: shape.clone(),
            data: keys,
        },
        key,
    )?;
    let values = if values.is_empty() {
        Array::zeros(value, shape)
    } else {
        crate::ops::concatenate(&values, 0)
    };
    Ok(Array::map(keys, values.map_err(|trouble| trouble.message)?))
}

fn elements_of(tensor: &Tensor, dtype: DType) -> Result<Array, String> {
    let count = elements(&tensor.shape).map_err(|trouble| trouble.message)?;
    if count != tensor.data.len() {
        return Err(format!("shape {:?} with {} elements", tensor.shape, tensor.data.len()));
    }
    let data = match dtype {
        DType::F32 => convert_all::<f32>(&tensor.data),
        DType::F64 => convert_all::<f64>(&tensor.data),
        DType::F16 => convert_all::<F16>(&tensor.data),
        DType::BF16 => convert_all::<BF16>(&tensor.data),
        DType::I8 => convert_all::<i8>(&tensor.data),
        DType::I16 => convert_all::<i16>(&tensor.data),
        DType::I32 => convert_all::<i32>(&tensor.data),
        DType::I64 => convert_all::<i64>(&tensor.data),
        DType::U8 => convert_all::<u8>(&tensor.data),
        DType::U16 => convert_all::<u16>(&tensor.data),
        DType::U32 => convert_all::<u32>(&tensor.data),
        DType::U64 => convert_all::<u64>(&tensor.data),
        DType::Bool => convert_all::<bool>(&tensor.data),
        DType::Text => convert_all::<Text>(&tensor.data),
        DType::List | DType::Map | DType::Nothing => Err(format!("a {dtype} is no tensor")),
    }?;
    Ok(Array {
        shape: tensor.shape.clone(),
        data,
    })
}

fn convert_all<T: Convert>(data: &TensorData) -> Result<Data, String> {
    fn all<'a, T: Convert>(values: impl Iterator<Item = Given<'a>>) -> Result<Data, String> {
        let converted = values
            .enumerate()
            .map(|(n, given)| T::convert(given).ok_or_else(|| format!("element {n}: {given} is not a {}", T::DTYPE)));
        converted.collect::<Result<Vec<T>, _>>().map(T::wrap)
    }
    match data {
        TensorData::Double(values) => all::<T>(values.iter().map(|value| Given::Double(*value))),
        TensorData::Float(values) => all::<T>(values.iter().map(|value| Given::Double(f64::from(*value)))),
        TensorData::Long(values) => all::<T>(values.iter().map(|value| Given::Long(*value))),
        TensorData::Boolean(values) => all::<T>(values.iter().map(|value| Given::Boolean(*value))),
        TensorData::String(values) => all::<T>(values.iter().map(|value| Given::String(value))),
        TensorData::List(_) | TensorData::Map(_) => Err("a list or a map where a tensor is needed".to_owned()),
    }
}

/// The tensor as callers get it.
pub(crate) fn to_tensor(array: Array) -> Tensor {
    fn long<T: Copy + Into<i64>>(values: &[T]) -> TensorData {
        TensorData::Long(values.iter().map(|value| (*value).into()).collect())
    }
    let mut shape = array.shape;
    let data = match array.data {
        Data::F32(values) => TensorData::Float(values.to_vec()),
        Data::F64(values) => TensorData::Double(values.to_vec()),
        Data::F16(values) => TensorData::Float(values.iter().map(|value| value.to_f32()).collect()),
        Data::BF16(values) => TensorData::Float(values.iter().map(|value| value.to_f32()).collect()),
        Data::I8(values) => long(&values),
        Data::I16(values) => long(&values),
        Data::I32(values) => long(&values),
        Data::I64(values) => TensorData::Long(values.to_vec()),
        Data::U8(values) => long(&values),
        Data::U16(values) => long(&values),
        Data::U32(values) => long(&values),
        Data::U64(values) => match values.iter().map(|value| i64::try_from(*value).ok()).collect() {
            Some(values) => TensorData::Long(values),
            None => TensorData::Double(values.iter().map(|value| *value as f64).collect()),
        },
        Data::Bool(values) => TensorData::Boolean(values.to_vec()),
        Data::Text(values) => TensorData::String(values.iter().map(ToString::to_string).collect()),
        Data::List(items) => {
            let items = items
                .iter()
                .map(|item| to_tensor(item.clone().unwrap_or_else(Array::nothing)));
            let items: Vec<Tensor> = items.collect();
            shape = vec![items.len()];
            TensorData::List(items)
        }
        Data::Map(mapping) => TensorData::Map(entries(&mapping)),
        Data::Nothing => {
            shape = vec![0];
            TensorData::List(Vec::new())
        }
    };
    Tensor { shape, data }
}

fn entries(mapping: &Mapping) -> Vec<(String, Tensor)> {
    let keys = match to_tensor(mapping.keys.clone()).data {
        TensorData::String(keys) => keys,
        TensorData::Long(keys) => keys.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let value = |n: usize| {
        let one = crate::ops::part(&mapping.values, 0, n, 1).and_then(|one| one.reshaped(Vec::new()));
        to_tensor(one.unwrap_or_else(|_| Array::nothing()))
    };
    keys.into_iter().enumerate().map(|(n, key)| (key, value(n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_converted_when_only_precision_is_lost() {
        assert_eq!(f32::convert(Given::Double(0.1)), Some(0.1));
        assert_eq!(f32::convert(Given::Double(1e300)), None);
        assert_eq!(f32::convert(Given::Double(f64::INFINITY)), Some(f32::INFINITY));
        assert_eq!(f32::convert(Given::String(" 3.25 ")), Some(3.25));
        assert_eq!(f32::convert(Given::String("")), None);
        assert_eq!(i32::convert(Given::Double(3.0)), Some(3));
        assert_eq!(i32::convert(Given::Double(3.5)), None);
        assert_eq!(i32::convert(Given::Long(1 << 40)), None);
        assert_eq!(i64::convert(Given::Double(f64::NAN)), None);
        assert_eq!(i64::convert(Given::Double(1e19)), None);
        assert_eq!(
            i64::convert(Given::String("9007199254740993")),
            Some(9_007_199_254_740_993)
        );
        assert_eq!(i32::convert(Given::String("7.0")), Some(7));
        assert_eq!(bool::convert(Given::Long(2)), None);
        assert_eq!(bool::convert(Given::String("true")), Some(true));
        assert_eq!(f64::convert(Given::Boolean(true)), Some(1.0));
    }
}
