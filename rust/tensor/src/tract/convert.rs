//! Our tensors to tract's and back.

use tract_onnx::prelude::{Datum, DatumType, IntoTensor as _, TValue, Tensor, f16, tract_ndarray::ArrayD};

use crate::array::{Array, DType, Data, Element, F16, Text};
use crate::trouble::Trouble;

/// Tract's type for one of ours.
pub(super) fn datum_type(dtype: DType) -> Option<DatumType> {
    Some(match dtype {
        DType::F32 => DatumType::F32,
        DType::F64 => DatumType::F64,
        DType::F16 => DatumType::F16,
        DType::I8 => DatumType::I8,
        DType::I16 => DatumType::I16,
        DType::I32 => DatumType::I32,
        DType::I64 => DatumType::I64,
        DType::U8 => DatumType::U8,
        DType::U16 => DatumType::U16,
        DType::U32 => DatumType::U32,
        DType::U64 => DatumType::U64,
        DType::Bool => DatumType::Bool,
        DType::Text => DatumType::String,
        DType::BF16 | DType::List | DType::Map | DType::Nothing => return None,
    })
}

/// An input.
///
/// # Errors
/// For types that tract does not have.
pub(super) fn to_tract(array: &Array) -> Result<TValue, Trouble> {
    fn of<T: Datum>(shape: &[usize], values: Vec<T>) -> Result<TValue, Trouble> {
        let array = ArrayD::from_shape_vec(shape, values).map_err(|error| Trouble::failed(error.to_string()))?;
        Ok(array.into_tensor().into())
    }
    let shape = array.shape.as_slice();
    match &array.data {
        Data::F32(values) => of(shape, values.to_vec()),
        Data::F64(values) => of(shape, values.to_vec()),
        Data::F16(values) => of(shape, values.iter().map(|value| f16::from_bits(value.0)).collect()),
        Data::I8(values) => of(shape, values.to_vec()),
        Data::I16(values) => of(shape, values.to_vec()),
        Data::I32(values) => of(shape, values.to_vec()),
        Data::I64(values) => of(shape, values.to_vec()),
        Data::U8(values) => of(shape, values.to_vec()),
        Data::U16(values) => of(shape, values.to_vec()),
        Data::U32(values) => of(shape, values.to_vec()),
        Data::U64(values) => of(shape, values.to_vec()),
        Data::Bool(values) => of(shape, values.to_vec()),
        Data::Text(values) => of(shape, values.iter().map(ToString::to_string).collect()),
        Data::BF16(_) | Data::List(_) | Data::Map(_) | Data::Nothing => {
            Err(Trouble::failed(format!("tract takes no {}", array.dtype())))
        }
    }
}

/// An output. Lengths that tract computes with are integers.
///
/// # Errors
/// For types that we do not have.
pub(super) fn from_tract(tensor: &Tensor) -> Result<Array, Trouble> {
    fn of<T: Datum + Copy, E: Element>(tensor: &Tensor, convert: impl Fn(T) -> E) -> Result<Array, Trouble> {
        let view = tensor.try_as_plain_ram().and_then(|plain| plain.as_slice::<T>());
        let values = view.map_err(|error| Trouble::failed(error.to_string()))?;
        Ok(Array::new(
            tensor.shape().to_vec(),
            values.iter().map(|value| convert(*value)).collect(),
        ))
    }
    match tensor.datum_type() {
        DatumType::F32 => of(tensor, |value: f32| value),
        DatumType::F64 => of(tensor, |value: f64| value),
        DatumType::F16 => of(tensor, |value: f16| F16(value.to_bits())),
        DatumType::I8 => of(tensor, |value: i8| value),
        DatumType::I16 => of(tensor, |value: i16| value),
        DatumType::I32 => of(tensor, |value: i32| value),
        DatumType::I64 => of(tensor, |value: i64| value),
        DatumType::U8 => of(tensor, |value: u8| value),
        DatumType::U16 => of(tensor, |value: u16| value),
        DatumType::U32 => of(tensor, |value: u32| value),
        DatumType::U64 => of(tensor, |value: u64| value),
        DatumType::Bool => of(tensor, |value: bool| value),
        DatumType::String => {
            let view = tensor.try_as_plain_ram().and_then(|plain| plain.as_slice::<String>());
            let texts = view.map_err(|error| Trouble::failed(error.to_string()))?;
            let texts = texts.iter().map(|text| Text::from(text.as_str())).collect();
            Ok(Array::new(tensor.shape().to_vec(), texts))
        }
        DatumType::TDim => {
            let lengths = tensor.cast_to::<i64>();
            of(
                &*lengths.map_err(|error| Trouble::failed(error.to_string()))?,
                |value: i64| value,
            )
        }
        other => Err(Trouble::failed(format!("tract gives a {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_tract_has_goes_there_and_back() {
        let shape = || vec![1, 2];
        let texts = vec![Text::from("a"), Text::from("")];
        let arrays = [
            Array::new(shape(), vec![f32::NAN, -0.0]),
            Array::new(shape(), vec![f64::MIN_POSITIVE, 1.0]),
            Array::new(shape(), vec![F16(0x7bff), F16(0x8001)]),
            Array::new(shape(), vec![i8::MIN, 1]),
            Array::new(shape(), vec![i16::MIN, 1]),
            Array::new(shape(), vec![i32::MIN, 1]),
            Array::new(shape(), vec![i64::MIN, 1]),
            Array::new(shape(), vec![u8::MAX, 1]),
            Array::new(shape(), vec![u16::MAX, 1]),
            Array::new(shape(), vec![u32::MAX, 1]),
            Array::new(shape(), vec![u64::MAX, 1]),
            Array::new(shape(), vec![true, false]),
            Array::new(shape(), texts),
            Array::new(vec![0, 3], Vec::<f32>::new()),
        ];
        for array in arrays {
            let back = from_tract(&to_tract(&array).unwrap()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{array:?}"));
            assert!(datum_type(array.dtype()).is_some());
        }
        assert!(to_tract(&Array::nothing()).is_err());
    }
}
