//! Cells of rows and tensors of callers to the element types of the model, and back.

use serving_model::{Block, DataType, ErrorCode, ModelError, Tag, Tensor, TensorData};

use crate::array::{Array, DType, Data, Element, elements};

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

impl Convert for i32 {
    #[inline]
    fn convert(given: Given<'_>) -> Option<Self> {
        i64::convert(given)?.try_into().ok()
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
    i32 Long value => i64::from(value).cast_unsigned();
    i64 Long value => value.cast_unsigned();
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
        DType::F32 => DataType::Float,
        DType::F64 => DataType::Double,
        DType::I32 | DType::I64 => DataType::Long,
        DType::Bool => DataType::Boolean,
        DType::List => DataType::String,
    }
}

/// Converts a caller's tensor to the model's element type.
///
/// # Errors
/// `FIELD_INVALID` with the first element that does not fit.
pub(crate) fn to_array(name: &str, tensor: &Tensor, dtype: DType) -> Result<Array, ModelError> {
    let invalid = |message: String| ModelError::new(ErrorCode::FieldInvalid, format!("input '{name}': {message}"));
    let count = elements(&tensor.shape).map_err(|trouble| invalid(trouble.message))?;
    if count != tensor.data.len() {
        return Err(invalid(format!(
            "shape {:?} with {} elements",
            tensor.shape,
            tensor.data.len()
        )));
    }
    let data = match dtype {
        DType::F32 => convert_all::<f32>(&tensor.data),
        DType::F64 => convert_all::<f64>(&tensor.data),
        DType::I32 => convert_all::<i32>(&tensor.data),
        DType::I64 => convert_all::<i64>(&tensor.data),
        DType::Bool => convert_all::<bool>(&tensor.data),
        DType::List => Err("the model takes a list, which nobody can give".to_owned()),
    };
    Ok(Array {
        shape: tensor.shape.clone(),
        data: data.map_err(invalid)?,
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
    }
}

/// The tensor as callers get it.
pub(crate) fn to_tensor(array: Array) -> Tensor {
    let data = match array.data {
        Data::F32(values) => TensorData::Float(values.to_vec()),
        Data::F64(values) => TensorData::Double(values.to_vec()),
        Data::I32(values) => TensorData::Long(values.iter().map(|value| i64::from(*value)).collect()),
        Data::I64(values) => TensorData::Long(values.to_vec()),
        Data::Bool(values) => TensorData::Boolean(values.to_vec()),
        Data::List(_) => {
            return Tensor {
                shape: vec![0],
                data: TensorData::String(Vec::new()),
            };
        }
    };
    Tensor {
        shape: array.shape,
        data,
    }
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
