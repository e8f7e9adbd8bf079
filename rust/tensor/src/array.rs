//! Tensors at run time: shape and shared elements.

use std::sync::Arc;

use crate::trouble::Trouble;

/// Most elements of one tensor. A shape beyond this is refused before anything is allocated.
pub(crate) const MOST_ELEMENTS: usize = 1 << 27;

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DType {
    F32,
    F64,
    I32,
    I64,
    Bool,
    /// A list of tensors.
    List,
}

impl DType {
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
            Self::List => "list",
        })
    }
}

/// Elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    I32(Arc<Vec<i32>>),
    I64(Arc<Vec<i64>>),
    Bool(Arc<Vec<bool>>),
    List(Arc<Vec<Option<Array>>>),
}

/// A tensor; the number of elements is the product of the shape (a list has the empty shape).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// An element type.
pub(crate) trait Element: Copy + Default + PartialOrd + 'static {
    const DTYPE: DType;
    fn wrap(values: Vec<Self>) -> Data;
    fn view(data: &Data) -> Option<&[Self]>;
}

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

element! { f32 F32; f64 F64; i32 I32; i64 I64; bool Bool; }

/// Evaluates an expression that is generic over the element type, with `$values` bound to the elements. Lists are an error.
macro_rules! for_elements {
    ($array:expr, $values:ident => $body:expr) => {
        match &$array.data {
            $crate::array::Data::F32($values) => $body,
            $crate::array::Data::F64($values) => $body,
            $crate::array::Data::I32($values) => $body,
            $crate::array::Data::I64($values) => $body,
            $crate::array::Data::Bool($values) => $body,
            $crate::array::Data::List(_) => Err($crate::trouble::Trouble::failed("a list where a tensor is needed")),
        }
    };
}
pub(crate) use for_elements;

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

    /// A tensor whose elements are all 0 or false.
    pub(crate) fn zeros(dtype: DType, shape: Vec<usize>) -> Result<Self, Trouble> {
        let count = elements(&shape)?;
        Ok(match dtype {
            DType::F32 => Self::new(shape, vec![0_f32; count]),
            DType::F64 => Self::new(shape, vec![0_f64; count]),
            DType::I32 => Self::new(shape, vec![0_i32; count]),
            DType::I64 => Self::new(shape, vec![0_i64; count]),
            DType::Bool => Self::new(shape, vec![false; count]),
            DType::List => return Err(Trouble::failed("a list has no zero")),
        })
    }

    pub(crate) fn dtype(&self) -> DType {
        match self.data {
            Data::F32(_) => DType::F32,
            Data::F64(_) => DType::F64,
            Data::I32(_) => DType::I32,
            Data::I64(_) => DType::I64,
            Data::Bool(_) => DType::Bool,
            Data::List(_) => DType::List,
        }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::F32(values) => values.len(),
            Data::F64(values) => values.len(),
            Data::I32(values) => values.len(),
            Data::I64(values) => values.len(),
            Data::Bool(values) => values.len(),
            Data::List(items) => items.len(),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let width = match self.dtype() {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::Bool => 1,
            DType::List => size_of::<Option<Self>>(),
        };
        self.len() * width + self.shape.len() * size_of::<usize>()
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

    /// Integers of either width.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Trouble> {
        match &self.data {
            Data::I32(values) => Ok(values.iter().map(|value| i64::from(*value)).collect()),
            Data::I64(values) => Ok(values.to_vec()),
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
