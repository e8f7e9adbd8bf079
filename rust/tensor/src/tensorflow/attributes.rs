//! Attributes of nodes, and the tensors that constants hold.

use serving_model::ModelError;

use super::invalid_at;
use super::proto::attr_value::{ListValue, Value};
use super::proto::{DataType, NodeDef, TensorProto, TensorShapeProto};
use crate::array::{Array, DType, Data, Element};

/// The element type behind a number of the protocol.
pub(crate) fn dtype(number: i32) -> Result<DType, ModelError> {
    match DataType::try_from(number) {
        Ok(DataType::DtFloat) => Ok(DType::F32),
        Ok(DataType::DtDouble) => Ok(DType::F64),
        Ok(DataType::DtInt32) => Ok(DType::I32),
        Ok(DataType::DtInt64) => Ok(DType::I64),
        Ok(DataType::DtBool) => Ok(DType::Bool),
        Ok(DataType::DtHalf) => Ok(DType::F16),
        Ok(DataType::DtBfloat16) => Ok(DType::BF16),
        Ok(DataType::DtInt8) => Ok(DType::I8),
        Ok(DataType::DtInt16) => Ok(DType::I16),
        Ok(DataType::DtUint8) => Ok(DType::U8),
        Ok(DataType::DtUint16) => Ok(DType::U16),
        Ok(DataType::DtUint32) => Ok(DType::U32),
        Ok(DataType::DtUint64) => Ok(DType::U64),
        Ok(other) => Err(ModelError::unsupported(format!(
            "elements of type {} are not supported",
            other.as_str_name()
        ))),
        Err(_) => Err(ModelError::invalid(format!("there is no element type {number}"))),
    }
}

/// Lengths of axes, `None` where unknown; `None` as a whole when not even their number is known.
pub(crate) fn shape(shape: &TensorShapeProto) -> Option<Vec<Option<usize>>> {
    if shape.unknown_rank {
        return None;
    }
    Some(shape.dim.iter().map(|axis| usize::try_from(axis.size).ok()).collect())
}

impl NodeDef {
    fn value(&self, name: &str) -> Option<&Value> {
        self.attr.get(name)?.value.as_ref()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::I(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        match self.value(name)? {
            Value::F(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::B(true)))
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Some(Value::S(value)) => std::str::from_utf8(value).unwrap_or_default(),
            _ => "",
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<&ListValue> {
        match self.value(name)? {
            Value::List(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&TensorShapeProto> {
        match self.value(name)? {
            Value::Shape(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorProto> {
        match self.value(name)? {
            Value::Tensor(value) => Some(value),
            _ => None,
        }
    }

    /// The element type that an attribute names.
    pub(crate) fn dtype(&self, name: &str) -> Result<DType, ModelError> {
        match self.value(name) {
            Some(Value::Type(number)) => dtype(*number),
            _ => Err(invalid_at(self, format!("attribute '{name}' is missing"))),
        }
    }

    /// A count that must be there and be small.
    pub(super) fn count(&self, name: &str) -> Result<usize, ModelError> {
        self.integer(name)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count <= 1 << 16)
            .ok_or_else(|| {
                invalid_at(
                    self,
                    format!("attribute '{name}' is missing or not a count up to 65536"),
                )
            })
    }
}

/// The tensor of a constant.
///
/// # Errors
/// When shape and elements contradict each other, the type is not supported, or there are too many elements.
pub(super) fn constant(tensor: &TensorProto) -> Result<Array, ModelError> {
    let shape = tensor
        .tensor_shape
        .as_ref()
        .map_or(Some(Vec::new()), |known| {
            shape(known).and_then(|axes| axes.into_iter().collect())
        })
        .ok_or_else(|| ModelError::invalid("a constant has no definite shape"))?;
    let count =
        crate::array::elements(&shape).map_err(|trouble| ModelError::too_large(format!("a constant: {trouble}")))?;
    let bytes = tensor.tensor_content.as_slice();
    let data = match dtype(tensor.dtype)? {
        DType::F32 => elements(count, bytes, &tensor.float_val, f32::from_le_bytes),
        DType::F64 => elements(count, bytes, &tensor.double_val, f64::from_le_bytes),
        DType::I32 => elements(count, bytes, &tensor.int_val, i32::from_le_bytes),
        DType::I64 => elements(count, bytes, &tensor.int64_val, i64::from_le_bytes),
        DType::Bool => elements(count, bytes, &tensor.bool_val, |[byte]: [u8; 1]| byte != 0),
        other => crate::ops::convert::from_bytes(other, count, bytes)
            .ok_or_else(|| ModelError::unsupported(format!("a constant of type {other} that is not given as bytes"))),
    }?;
    Ok(Array { shape, data })
}

fn elements<T: Element, const WIDTH: usize>(
    count: usize,
    bytes: &[u8],
    values: &[T],
    read: impl Fn([u8; WIDTH]) -> T,
) -> Result<Data, ModelError> {
    if !bytes.is_empty() {
        let (chunks, rest) = bytes.as_chunks::<WIDTH>();
        if chunks.len() != count || !rest.is_empty() {
            return Err(ModelError::invalid(format!(
                "a constant of {count} {} elements has {} bytes",
                T::DTYPE,
                bytes.len()
            )));
        }
        return Ok(T::wrap(chunks.iter().map(|chunk| read(*chunk)).collect()));
    }
    if values.len() > count {
        return Err(ModelError::invalid(format!(
            "a constant of {count} elements has {} of them",
            values.len()
        )));
    }
    let mut all = Vec::with_capacity(count);
    all.extend_from_slice(values);
    // The protocol leaves out repetitions of the last element, and a tensor of zeros altogether.
    all.resize(count, values.last().cloned().unwrap_or_default());
    Ok(T::wrap(all))
}
