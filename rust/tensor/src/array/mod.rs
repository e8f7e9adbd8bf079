//! Tensors at run time: shape and shared elements.

mod half;

use std::sync::Arc;

pub(crate) use half::{BF16, F16};

use crate::trouble::Trouble;

/// Most elements of one tensor. A shape beyond this is refused before anything is allocated.
pub(crate) const MOST_ELEMENTS: usize = 1 << 27;

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DType {
    F32,
    F64,
    F16,
    BF16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    Text,
    /// A list of tensors.
    List,
    /// Keys and values.
    Map,
    /// No value, where one is optional.
    Nothing,
}

impl DType {
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }

    pub(crate) fn is_integer(self) -> bool {
        self.integer_bits().is_some()
    }

    /// Width of an integer type, and whether it has a sign.
    pub(crate) fn integer_bits(self) -> Option<(u32, bool)> {
        Some(match self {
            Self::I8 => (8, true),
            Self::I16 => (16, true),
            Self::I32 => (32, true),
            Self::I64 => (64, true),
            Self::U8 => (8, false),
            Self::U16 => (16, false),
            Self::U32 => (32, false),
            Self::U64 => (64, false),
            _ => return None,
        })
    }

    /// The type in which calculations with a narrow type are done.
    pub(crate) fn carrier(self) -> Self {
        match self {
            Self::F16 | Self::BF16 => Self::F32,
            Self::I8 | Self::I16 | Self::U8 | Self::U16 | Self::U32 => Self::I64,
            wide => wide,
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::Text => "string",
            Self::List => "list",
            Self::Map => "map",
            Self::Nothing => "nothing",
        })
    }
}

/// Text as an element.
pub(crate) type Text = Arc<str>;

/// Elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    F16(Arc<Vec<F16>>),
    BF16(Arc<Vec<BF16>>),
    I8(Arc<Vec<i8>>),
    I16(Arc<Vec<i16>>),
    I32(Arc<Vec<i32>>),
    I64(Arc<Vec<i64>>),
    U8(Arc<Vec<u8>>),
    U16(Arc<Vec<u16>>),
    U32(Arc<Vec<u32>>),
    U64(Arc<Vec<u64>>),
    Bool(Arc<Vec<bool>>),
    Text(Arc<Vec<Text>>),
    List(Arc<Vec<Option<Array>>>),
    Map(Arc<Mapping>),
    Nothing,
}

/// A tensor; the number of elements is the product of the shape (lists, maps and nothing have the empty shape).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// Keys, integers or text, and as many values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) keys: Array,
    pub(crate) values: Array,
}

/// An element type.
pub(crate) trait Element: Clone + Default + PartialOrd + 'static {
    const DTYPE: DType;
    fn wrap(values: Vec<Self>) -> Data;
    fn view(data: &Data) -> Option<&[Self]>;
}

/// An element that is copied.
pub(crate) trait Plain: Element + Copy {}

macro_rules! element {
    ($($rust:ident $variant:ident;)*) => {
        $(impl Element for $rust {
            const DTYPE: DType = DType::$variant;
            fn wrap(values: Vec<Self>) -> Data {
                Data::$variant(Arc::new(values))
            }
            fn view(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
        })*
    };
}

macro_rules! plain {
    ($($rust:ident $variant:ident;)*) => {
        element! { $($rust $variant;)* }
        $(impl Plain for $rust {})*
    };
}

plain! { f32 F32; f64 F64; F16 F16; BF16 BF16; i8 I8; i16 I16; i32 I32; i64 I64; u8 U8; u16 U16; u32 U32; u64 U64; bool Bool; }
element! { Text Text; }

/// Evaluates an expression that is generic over the element type, with `$values` bound to the elements. What has no elements
/// is an error.
macro_rules! for_elements {
    ($array:expr, $values:ident => $body:expr) => {
        match &$array.data {
            $crate::array::Data::Text($values) => $body,
            _ => $crate::array::for_plain!($array, $values => $body),
        }
    };
}
pub(crate) use for_elements;

/// [`for_elements`] without text.
macro_rules! for_plain {
    ($array:expr, $values:ident => $body:expr) => {
        match &$array.data {
            $crate::array::Data::F32($values) => $body,
            $crate::array::Data::F64($values) => $body,
            $crate::array::Data::F16($values) => $body,
            $crate::array::Data::BF16($values) => $body,
            $crate::array::Data::I8($values) => $body,
            $crate::array::Data::I16($values) => $body,
            $crate::array::Data::I32($values) => $body,
            $crate::array::Data::I64($values) => $body,
            $crate::array::Data::U8($values) => $body,
            $crate::array::Data::U16($values) => $body,
            $crate::array::Data::U32($values) => $body,
            $crate::array::Data::U64($values) => $body,
            $crate::array::Data::Bool($values) => $body,
            _ => Err($crate::trouble::Trouble::failed(format!(
                "{} where numbers are needed",
                $array.dtype()
            ))),
        }
    };
}
pub(crate) use for_plain;

/// Number of elements of a shape.
///
/// # Errors
/// When there would be too many, also if only an axis of length 0 hid that: so products of a part of the axes fit too.
pub(crate) fn elements(shape: &[usize]) -> Result<usize, Trouble> {
    shape
        .iter()
        .try_fold(1_usize, |product, axis| product.checked_mul((*axis).max(1)))
        .filter(|product| *product <= MOST_ELEMENTS)
        .map(|product| if shape.contains(&0) { 0 } else { product })
        .ok_or_else(|| {
            Trouble::limit(format!(
                "a tensor of shape {shape:?} has more than {MOST_ELEMENTS} elements"
            ))
        })
}

impl Array {
    /// A tensor; `values` must be as many as the shape says.
    pub(crate) fn new<T: Element>(shape: Vec<usize>, values: Vec<T>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self {
            shape,
            data: T::wrap(values),
        }
    }

    pub(crate) fn scalar<T: Element>(value: T) -> Self {
        Self::new(Vec::new(), vec![value])
    }

    pub(crate) fn list(items: Vec<Option<Self>>) -> Self {
        Self {
            shape: Vec::new(),
            data: Data::List(Arc::new(items)),
        }
    }

    pub(crate) fn map(keys: Self, values: Self) -> Self {
        Self {
            shape: Vec::new(),
            data: Data::Map(Arc::new(Mapping { keys, values })),
        }
    }

    pub(crate) fn nothing() -> Self {
        Self {
            shape: Vec::new(),
            data: Data::Nothing,
        }
    }

    /// A tensor whose elements are all 0, false or empty.
    pub(crate) fn zeros(dtype: DType, shape: Vec<usize>) -> Result<Self, Trouble> {
        fn of<T: Element>(count: usize) -> Data {
            T::wrap(vec![T::default(); count])
        }
        let count = elements(&shape)?;
        let data = match dtype {
            DType::F32 => of::<f32>(count),
            DType::F64 => of::<f64>(count),
            DType::F16 => of::<F16>(count),
            DType::BF16 => of::<BF16>(count),
            DType::I8 => of::<i8>(count),
            DType::I16 => of::<i16>(count),
            DType::I32 => of::<i32>(count),
            DType::I64 => of::<i64>(count),
            DType::U8 => of::<u8>(count),
            DType::U16 => of::<u16>(count),
            DType::U32 => of::<u32>(count),
            DType::U64 => of::<u64>(count),
            DType::Bool => of::<bool>(count),
            DType::Text => of::<Text>(count),
            DType::List | DType::Map | DType::Nothing => {
                return Err(Trouble::failed(format!("a {dtype} has no zero")));
            }
        };
        Ok(Self { shape, data })
    }

    pub(crate) fn dtype(&self) -> DType {
        match self.data {
            Data::F32(_) => DType::F32,
            Data::F64(_) => DType::F64,
            Data::F16(_) => DType::F16,
            Data::BF16(_) => DType::BF16,
            Data::I8(_) => DType::I8,
            Data::I16(_) => DType::I16,
            Data::I32(_) => DType::I32,
            Data::I64(_) => DType::I64,
            Data::U8(_) => DType::U8,
            Data::U16(_) => DType::U16,
            Data::U32(_) => DType::U32,
            Data::U64(_) => DType::U64,
            Data::Bool(_) => DType::Bool,
            Data::Text(_) => DType::Text,
            Data::List(_) => DType::List,
            Data::Map(_) => DType::Map,
            Data::Nothing => DType::Nothing,
        }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::List(items) => items.len(),
            Data::Map(mapping) => mapping.keys.len(),
            Data::Nothing => 0,
            _ => self.shape.iter().product(),
        }
    }

    /// Bytes of heap. Text that other tensors share is counted for each.
    pub(crate) fn heap_bytes(&self) -> usize {
        let elements = match &self.data {
            Data::F64(values) => values.len() * 8,
            Data::I64(values) => values.len() * 8,
            Data::U64(values) => values.len() * 8,
            Data::F32(values) => values.len() * 4,
            Data::I32(values) => values.len() * 4,
            Data::U32(values) => values.len() * 4,
            Data::F16(values) => values.len() * 2,
            Data::BF16(values) => values.len() * 2,
            Data::I16(values) => values.len() * 2,
            Data::U16(values) => values.len() * 2,
            Data::I8(values) => values.len(),
            Data::U8(values) => values.len(),
            Data::Bool(values) => values.len(),
            Data::Text(values) => values.iter().map(|text| size_of::<Text>() + text.len()).sum(),
            Data::List(items) => {
                let inside = items.iter().flatten().map(Self::heap_bytes);
                items.len() * size_of::<Option<Self>>() + inside.sum::<usize>()
            }
            Data::Map(mapping) => mapping.keys.heap_bytes() + mapping.values.heap_bytes(),
            Data::Nothing => 0,
        };
        elements + self.shape.len() * size_of::<usize>()
    }

    /// The elements, when they are of this type.
    pub(crate) fn view<T: Element>(&self) -> Result<&[T], Trouble> {
        T::view(&self.data).ok_or_else(|| Trouble::failed(format!("{} where {} is needed", self.dtype(), T::DTYPE)))
    }

    /// The same elements in another shape of the same size.
    pub(crate) fn reshaped(&self, shape: Vec<usize>) -> Result<Self, Trouble> {
        if elements(&shape)? != self.len() {
            return Err(Trouble::failed(format!(
                "shape {:?} does not fit into {shape:?}",
                self.shape
            )));
        }
        Ok(Self {
            shape,
            data: self.data.clone(),
        })
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Result<&[Option<Self>], Trouble> {
        match &self.data {
            Data::List(items) => Ok(items),
            _ => Err(Trouble::failed(format!("{} where a list is needed", self.dtype()))),
        }
    }

    /// Integers of any width.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Trouble> {
        fn all<T: Copy + TryInto<i64>>(values: &[T]) -> Result<Vec<i64>, Trouble> {
            let converted = values.iter().map(|value| (*value).try_into().ok());
            converted
                .collect::<Option<_>>()
                .ok_or_else(|| Trouble::failed("an integer beyond 64 bits with sign"))
        }
        match &self.data {
            Data::I8(values) => all(values),
            Data::I16(values) => all(values),
            Data::I32(values) => all(values),
            Data::I64(values) => Ok(values.to_vec()),
            Data::U8(values) => all(values),
            Data::U16(values) => all(values),
            Data::U32(values) => all(values),
            Data::U64(values) => all(values),
            _ => Err(Trouble::failed(format!("{} where integers are needed", self.dtype()))),
        }
    }

    /// The one integer.
    pub(crate) fn integer(&self) -> Result<i64, Trouble> {
        match self.integers()?.as_slice() {
            [value] => Ok(*value),
            values => Err(Trouble::failed(format!(
                "{} integers where one is needed",
                values.len()
            ))),
        }
    }

    /// Lengths of axes.
    pub(crate) fn lengths(&self) -> Result<Vec<usize>, Trouble> {
        self.integers()?
            .into_iter()
            .map(|length| usize::try_from(length).map_err(|_| Trouble::failed(format!("an axis of length {length}"))))
            .collect()
    }
}

/// The axis that a number counted from the front or, negative, from the back stands for.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, Trouble> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| Trouble::failed(format!("there is no axis {axis} in a tensor of rank {rank}")))
}
