//! Attributes of nodes, and the tensors that constants hold.

use std::collections::HashMap;

use serving_model::ModelError;

use super::invalid_at;
use super::proto::attr_value::{ListValue, Value};
use super::proto::op_def::ArgDef;
use super::proto::{AttrValue, DataType, NameAttrList, NodeDef, OpDef, TensorProto, TensorShapeProto};
use crate::array::{Array, BF16, DType, Data, Element, F16, Text};

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
        Ok(DataType::DtString) => Ok(DType::Text),
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

    /// The function that an attribute names.
    pub(super) fn function(&self, name: &str) -> Option<&NameAttrList> {
        match self.value(name)? {
            Value::Func(function) => Some(function),
            _ => None,
        }
    }

    /// The element type that an attribute names.
    pub(crate) fn dtype(&self, name: &str) -> Result<DType, ModelError> {
        dtype(self.type_number(name)?)
    }

    /// The number of the element type that an attribute names.
    pub(super) fn type_number(&self, name: &str) -> Result<i32, ModelError> {
        match self.value(name) {
            Some(Value::Type(number)) => Ok(*number),
            _ => Err(invalid_at(self, format!("attribute '{name}' is missing"))),
        }
    }

    /// Whether an attribute names complex numbers.
    pub(super) fn is_complex(&self, name: &str) -> bool {
        let complex = [DataType::DtComplex64, DataType::DtComplex128].map(i32::from);
        matches!(self.value(name), Some(Value::Type(number)) if complex.contains(number))
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
    if tensor.dtype == i32::from(DataType::DtComplex64) {
        // Pairs of real ones along a last axis.
        let pairs: Vec<[f32; 2]> = tensor.scomplex_val.as_chunks::<2>().0.to_vec();
        let last = pairs.last().copied().unwrap_or_default();
        let all = pairs.iter().copied().chain(std::iter::repeat(last)).take(count);
        let all: Vec<f32> = all.flatten().collect();
        let data = elements(2 * count, bytes, &all, f32::from_le_bytes)?;
        let shape = shape.into_iter().chain([2]).collect();
        return Ok(Array { shape, data });
    }
    let data = match dtype(tensor.dtype)? {
        DType::F32 => elements(count, bytes, &tensor.float_val, f32::from_le_bytes),
        DType::F64 => elements(count, bytes, &tensor.double_val, f64::from_le_bytes),
        DType::I32 => elements(count, bytes, &tensor.int_val, i32::from_le_bytes),
        DType::I64 => elements(count, bytes, &tensor.int64_val, i64::from_le_bytes),
        DType::Bool => elements(count, bytes, &tensor.bool_val, |[byte]: [u8; 1]| byte != 0),
        DType::U32 => elements(count, bytes, &tensor.uint32_val, u32::from_le_bytes),
        DType::U64 => elements(count, bytes, &tensor.uint64_val, u64::from_le_bytes),
        DType::I8 => elements(count, bytes, &narrow::<i8>(&tensor.int_val)?, i8::from_le_bytes),
        DType::I16 => elements(count, bytes, &narrow::<i16>(&tensor.int_val)?, i16::from_le_bytes),
        DType::U8 => elements(count, bytes, &narrow::<u8>(&tensor.int_val)?, u8::from_le_bytes),
        DType::U16 => elements(count, bytes, &narrow::<u16>(&tensor.int_val)?, u16::from_le_bytes),
        DType::F16 => {
            let bits = narrow::<u16>(&tensor.half_val)?;
            let values: Vec<F16> = bits.into_iter().map(F16).collect();
            elements(count, bytes, &values, |bytes| F16(u16::from_le_bytes(bytes)))
        }
        DType::BF16 => {
            let bits = narrow::<u16>(&tensor.half_val)?;
            let values: Vec<BF16> = bits.into_iter().map(BF16).collect();
            elements(count, bytes, &values, |bytes| BF16(u16::from_le_bytes(bytes)))
        }
        DType::Text => elements(count, bytes, &texts(&tensor.string_val)?, |_: [u8; 1]| Text::default()),
        DType::List | DType::Map | DType::Nothing => Err(ModelError::unsupported("a constant of no type")),
    }?;
    Ok(Array { shape, data })
}

fn narrow<T: TryFrom<i32>>(values: &[i32]) -> Result<Vec<T>, ModelError> {
    let narrow = values.iter().map(|value| T::try_from(*value).ok());
    narrow
        .collect::<Option<_>>()
        .ok_or_else(|| ModelError::invalid("an element of a constant is beyond its type"))
}

/// Texts of a constant.
///
/// # Errors
/// For bytes that are no UTF-8.
pub(super) fn texts(values: &[Vec<u8>]) -> Result<Vec<Text>, ModelError> {
    let text = |bytes: &Vec<u8>| {
        std::str::from_utf8(bytes)
            .map(Text::from)
            .map_err(|_| ModelError::unsupported("a constant string that is not UTF-8"))
    };
    values.iter().map(text).collect()
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

/// Number of tensors that an argument of a function is, `None` when the attribute that tells it is missing or absurd.
pub(super) fn tensors_of(argument: &ArgDef, attributes: &HashMap<String, AttrValue>) -> Option<usize> {
    let value = |name: &str| attributes.get(name)?.value.as_ref();
    let count = if !argument.number_attr.is_empty() {
        match value(&argument.number_attr)? {
            Value::I(count) => usize::try_from(*count).ok()?,
            _ => return None,
        }
    } else if !argument.type_list_attr.is_empty() {
        match value(&argument.type_list_attr)? {
            Value::List(list) => list.r#type.len(),
            _ => return None,
        }
    } else {
        1
    };
    (count <= 1 << 16).then_some(count)
}

/// The node with the values that a call gives to the attributes; `None` when none depends on the call.
pub(super) fn substituted(node: &NodeDef, given: &HashMap<String, AttrValue>, signature: &OpDef) -> Option<NodeDef> {
    fn depends(value: &AttrValue) -> bool {
        match &value.value {
            Some(Value::Placeholder(_)) => true,
            Some(Value::Func(function)) => function.attr.values().any(is_placeholder),
            Some(Value::List(list)) => list
                .func
                .iter()
                .flat_map(|function| function.attr.values())
                .any(is_placeholder),
            _ => false,
        }
    }
    fn is_placeholder(value: &AttrValue) -> bool {
        matches!(value.value, Some(Value::Placeholder(_)))
    }
    let replace = |value: &mut AttrValue| {
        if let Some(Value::Placeholder(name)) = &value.value {
            let otherwise = || {
                let attribute = signature.attr.iter().find(|attribute| attribute.name == *name);
                attribute.and_then(|attribute| attribute.default_value.as_ref())
            };
            if let Some(known) = given.get(name).or_else(otherwise) {
                *value = known.clone();
            }
        }
    };
    if !node.attr.values().any(depends) {
        return None;
    }
    let mut copy = node.clone();
    for value in copy.attr.values_mut() {
        replace(value);
        match &mut value.value {
            Some(Value::Func(function)) => function.attr.values_mut().for_each(replace),
            Some(Value::List(list)) => {
                let functions = list.func.iter_mut();
                functions
                    .flat_map(|function| function.attr.values_mut())
                    .for_each(replace);
            }
            _ => {}
        }
    }
    Some(copy)
}
