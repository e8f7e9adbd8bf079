//! Conversions between element types.

use crate::array::{Array, BF16, DType, Data, Element, F16, Plain, Text};
use crate::trouble::Trouble;

pub(super) fn map<T: Plain, R: Element>(shape: &[usize], values: &[T], function: impl Fn(T) -> R) -> Array {
    Array::new(shape.to_vec(), values.iter().map(|value| function(*value)).collect())
}

fn is_not_zero<T: Copy + Default + PartialEq>(x: T) -> bool {
    x != T::default()
}

/// Converts every element. Numbers that do not fit an integer type are cut to it from wider integers, and become its nearest
/// number from floats.
#[allow(
    clippy::cast_lossless,
    reason = "one macro for all types, some of which can't be converted otherwise"
)]
pub(crate) fn cast(array: &Array, dtype: DType) -> Result<Array, Trouble> {
    if array.dtype() == dtype {
        return Ok(array.clone());
    }
    let shape = &array.shape;
    macro_rules! from_number {
        ($values:expr, $via_f32:expr) => {
            Ok(match dtype {
                DType::F32 => map(shape, $values, |x| x as f32),
                DType::F64 => map(shape, $values, |x| x as f64),
                DType::F16 => map(shape, $values, |x| F16::from_f32(x as f32)),
                DType::BF16 => map(shape, $values, |x| BF16::from_f32(x as f32)),
                DType::I8 => map(shape, $values, |x| x as i8),
                DType::I16 => map(shape, $values, |x| x as i16),
                DType::I32 => map(shape, $values, |x| x as i32),
                DType::I64 => map(shape, $values, |x| x as i64),
                DType::U8 => map(shape, $values, |x| x as u8),
                DType::U16 => map(shape, $values, |x| x as u16),
                DType::U32 => map(shape, $values, |x| x as u32),
                DType::U64 => map(shape, $values, |x| x as u64),
                DType::Bool => map(shape, $values, is_not_zero),
                DType::Text => map(shape, $values, $via_f32),
                DType::List | DType::Map | DType::Nothing => {
                    return Err(Trouble::failed(format!(
                        "{} can't become a {dtype}",
                        array.dtype()
                    )));
                }
            })
        };
    }
    match &array.data {
        Data::F32(values) => from_number!(values, |x: f32| float_text(x, f64::from(x))),
        Data::F64(values) => from_number!(values, |x: f64| float_text(x, x)),
        Data::I32(values) => from_number!(values, |x: i32| Text::from(x.to_string())),
        Data::I64(values) => from_number!(values, |x: i64| Text::from(x.to_string())),
        Data::U64(values) => from_number!(values, |x: u64| Text::from(x.to_string())),
        Data::F16(values) => cast(&map(shape, values, F16::to_f32), dtype),
        Data::BF16(values) => cast(&map(shape, values, BF16::to_f32), dtype),
        Data::I8(values) => cast(&map(shape, values, i64::from), dtype),
        Data::I16(values) => cast(&map(shape, values, i64::from), dtype),
        Data::U8(values) => cast(&map(shape, values, i64::from), dtype),
        Data::U16(values) => cast(&map(shape, values, i64::from), dtype),
        Data::U32(values) => cast(&map(shape, values, i64::from), dtype),
        Data::Bool(values) => cast(&map(shape, values, i32::from), dtype),
        Data::Text(values) => from_text(shape, values, dtype),
        Data::List(_) | Data::Map(_) | Data::Nothing => {
            Err(Trouble::failed(format!("a {} can't become {dtype}", array.dtype())))
        }
    }
}

/// The shortest text that reads back, as ONNX's `Cast` prescribes; special numbers as it names them.
fn float_text(value: impl std::fmt::Display, wide: f64) -> Text {
    if wide.is_nan() {
        "NaN".into()
    } else if wide.is_infinite() {
        if wide > 0.0 { "INF".into() } else { "-INF".into() }
    } else {
        value.to_string().into()
    }
}

fn from_text(shape: &[usize], values: &[Text], dtype: DType) -> Result<Array, Trouble> {
    let unreadable = |text: &Text| Trouble::failed(format!("the text '{text}' is not a number"));
    if dtype.is_integer() {
        let parsed = values.iter().map(|text| {
            let text = text.trim();
            text.parse::<i64>()
                .ok()
                .or_else(|| text.parse::<f64>().ok().map(|value| value as i64))
        });
        let numbers = parsed
            .zip(values)
            .map(|(number, text)| number.ok_or_else(|| unreadable(text)));
        return cast(
            &Array::new(shape.to_vec(), numbers.collect::<Result<Vec<i64>, _>>()?),
            dtype,
        );
    }
    if dtype == DType::F32 {
        // Not by way of f64, which would round twice.
        let numbers = values
            .iter()
            .map(|text| text.trim().parse::<f32>().map_err(|_| unreadable(text)));
        return Ok(Array::new(shape.to_vec(), numbers.collect::<Result<Vec<_>, _>>()?));
    }
    let numbers = values
        .iter()
        .map(|text| text.trim().parse::<f64>().map_err(|_| unreadable(text)));
    cast(
        &Array::new(shape.to_vec(), numbers.collect::<Result<Vec<_>, _>>()?),
        dtype,
    )
}

/// Elements from their little-endian bytes; `None` when those are not as many as `count` elements take, or the type has none.
pub(crate) fn from_bytes(dtype: DType, count: usize, bytes: &[u8]) -> Option<Data> {
    fn read<T: Element, const WIDTH: usize>(
        count: usize,
        bytes: &[u8],
        from: impl Fn([u8; WIDTH]) -> T,
    ) -> Option<Data> {
        let (chunks, rest) = bytes.as_chunks::<WIDTH>();
        (chunks.len() == count && rest.is_empty()).then(|| T::wrap(chunks.iter().map(|chunk| from(*chunk)).collect()))
    }
    match dtype {
        DType::F32 => read(count, bytes, f32::from_le_bytes),
        DType::F64 => read(count, bytes, f64::from_le_bytes),
        DType::F16 => read(count, bytes, |bytes| F16(u16::from_le_bytes(bytes))),
        DType::BF16 => read(count, bytes, |bytes| BF16(u16::from_le_bytes(bytes))),
        DType::I8 => read(count, bytes, i8::from_le_bytes),
        DType::I16 => read(count, bytes, i16::from_le_bytes),
        DType::I32 => read(count, bytes, i32::from_le_bytes),
        DType::I64 => read(count, bytes, i64::from_le_bytes),
        DType::U8 => read(count, bytes, u8::from_le_bytes),
        DType::U16 => read(count, bytes, u16::from_le_bytes),
        DType::U32 => read(count, bytes, u32::from_le_bytes),
        DType::U64 => read(count, bytes, u64::from_le_bytes),
        DType::Bool => read(count, bytes, |[byte]: [u8; 1]| byte != 0),
        DType::Text | DType::List | DType::Map | DType::Nothing => None,
    }
}
/// The same bits as another type of the same width.
pub(crate) fn reinterpret(array: &Array, dtype: DType) -> Result<Array, Trouble> {
    let bytes: Vec<u8> = match &array.data {
        Data::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::F16(values) => values.iter().flat_map(|value| value.0.to_le_bytes()).collect(),
        Data::BF16(values) => values.iter().flat_map(|value| value.0.to_le_bytes()).collect(),
        Data::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U8(values) => values.to_vec(),
        Data::U16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::Bool(values) => values.iter().map(|value| u8::from(*value)).collect(),
        _ => return Err(Trouble::failed(format!("{} has no bits", array.dtype()))),
    };
    let data = from_bytes(dtype, array.len(), &bytes);
    let data = data.ok_or_else(|| Trouble::failed(format!("{} and {dtype} are not equally wide", array.dtype())))?;
    Ok(Array {
        shape: array.shape.clone(),
        data,
    })
}
