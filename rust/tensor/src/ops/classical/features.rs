//! Features made of features: `Scaler`, `Normalizer`, `Imputer`, `Binarizer`, `FeatureVectorizer`, `ArrayFeatureExtractor`.

use super::table;
use crate::array::{Array, DType, Data, Plain, elements, for_elements};
use crate::ops::convert::cast;
use crate::ops::float::{Float, for_floats};
use crate::ops::slice::part;
use crate::ops::{concatenate, gather, input};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Features {
    /// `(x - offset) * scale`; one of each for all, or one per column.
    Scale {
        offset: Vec<f32>,
        scale: Vec<f32>,
    },
    Normalize(Norm),
    /// One replacement for all, or one per column.
    Impute {
        replaced: f64,
        values: Vec<f64>,
    },
    Binarize {
        threshold: f64,
    },
    /// Inputs side by side, each with so many columns.
    Join {
        widths: Vec<usize>,
    },
    /// Data, columns.
    Pick,
}

/// Length of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Norm {
    Maximum,
    Sum,
    Euclidean,
}

impl Features {
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Scale { offset, scale } => (offset.len() + scale.len()) * 4,
            Self::Impute { values, .. } => values.len() * 8,
            Self::Join { widths } => widths.len() * 8,
            _ => 0,
        }
    }
}

impl Norm {
    /// Divides a row by its length, unless that is 0.
    pub(crate) fn apply<T: Float>(self, row: &mut [T]) {
        let length = match self {
            Self::Maximum => row.iter().fold(T::LOWEST, |most, x| most.largest(*x)),
            Self::Sum => row.iter().fold(T::ZERO, |sum, x| sum + x.magnitude()),
            Self::Euclidean => row.iter().fold(T::ZERO, |sum, x| sum + *x * *x).root(),
        };
        if length != T::ZERO {
            for x in row {
                *x = *x / length;
            }
        }
    }
}

/// The parameter of a column.
fn of_column<T: Copy + Default>(values: &[T], column: usize) -> T {
    match values {
        [one] => *one,
        many => many.get(column).copied().unwrap_or_default(),
    }
}

/// Parameters must be one, or one per column.
fn check_width(count: usize, width: usize) -> Result<(), Trouble> {
    if count == 1 || count == width {
        return Ok(());
    }
    Err(Trouble::failed(format!("{count} parameters for {width} columns")))
}

pub(super) fn evaluate(what: &Features, inputs: &[Array]) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    let width = array.shape.last().copied().unwrap_or(1);
    match what {
        Features::Scale { offset, scale } => {
            check_width(offset.len(), width)?;
            check_width(scale.len(), width)?;
            let array = cast(array, DType::F32)?;
            let scaled = array.view::<f32>()?.iter().enumerate().map(|(n, x)| {
                let column = n % width;
                (x - of_column(offset, column)) * of_column(scale, column)
            });
            Ok(Array::new(array.shape.clone(), scaled.collect()))
        }
        Features::Normalize(norm) => {
            let array = cast(array, DType::F32)?;
            let mut values = array.view::<f32>()?.to_vec();
            values.chunks_exact_mut(width.max(1)).for_each(|row| norm.apply(row));
            let (rows, width) = table(&array)?;
            Ok(Array::new(vec![rows, width], values))
        }
        Features::Impute { replaced, values } => {
            check_width(values.len(), width)?;
            impute(array, *replaced, values, width)
        }
        Features::Binarize { threshold } => {
            let threshold = *threshold;
            for_floats!(array, values => Ok(binarized(values, array, threshold)))
        }
        Features::Join { widths } => join(inputs, widths),
        Features::Pick => pick(array, input(inputs, 1)?),
    }
}

fn binarized<T: Float>(values: &[T], array: &Array, threshold: f64) -> Array {
    let threshold = T::from_f64(threshold);
    let bits = values.iter().map(|x| if *x > threshold { T::ONE } else { T::ZERO });
    Array::new(array.shape.clone(), bits.collect())
}

fn impute(array: &Array, replaced: f64, values: &[f64], width: usize) -> Result<Array, Trouble> {
    fn of<T: Plain>(
        data: &[T],
        shape: &[usize],
        width: usize,
        is: impl Fn(T) -> bool,
        value: impl Fn(usize) -> T,
    ) -> Array {
        let imputed = data
            .iter()
            .enumerate()
            .map(|(n, x)| if is(*x) { value(n % width) } else { *x });
        Array::new(shape.to_vec(), imputed.collect())
    }
    let (shape, nan) = (&array.shape, replaced.is_nan());
    match &array.data {
        Data::F32(data) => {
            let same = replaced as f32;
            let is = |x: f32| if nan { x.is_nan() } else { x == same };
            Ok(of(data, shape, width, is, |column| of_column(values, column) as f32))
        }
        Data::F64(data) => {
            let is = |x: f64| if nan { x.is_nan() } else { x == replaced };
            Ok(of(data, shape, width, is, |column| of_column(values, column)))
        }
        Data::I64(data) => {
            let same = replaced as i64;
            Ok(of(
                data,
                shape,
                width,
                |x: i64| x == same,
                |column| of_column(values, column) as i64,
            ))
        }
        Data::I32(data) => {
            let same = replaced as i32;
            Ok(of(
                data,
                shape,
                width,
                |x: i32| x == same,
                |column| of_column(values, column) as i32,
            ))
        }
        _ => Err(Trouble::failed(format!("missing values of {}", array.dtype()))),
    }
}

fn join(inputs: &[Array], widths: &[usize]) -> Result<Array, Trouble> {
    let mut parts = Vec::with_capacity(inputs.len());
    for (n, array) in inputs.iter().enumerate() {
        let (rows, width) = table(array)?;
        let flat = cast(array, DType::F32)?.reshaped(vec![rows, width])?;
        let wanted = widths.get(n).copied().unwrap_or(width);
        elements(&[rows, wanted])?;
        parts.push(if wanted <= width {
            part(&flat, 1, 0, wanted)?
        } else {
            concatenate(&[flat, Array::zeros(DType::F32, vec![rows, wanted - width])?], 1)?
        });
    }
    concatenate(&parts, 1)
}

fn pick(array: &Array, columns: &Array) -> Result<Array, Trouble> {
    let columns = columns.reshaped(vec![columns.len()])?;
    let flat = if array.shape.len() < 2 {
        array.reshaped(vec![1, array.len()])?
    } else {
        array.clone()
    };
    let axis = flat.shape.len() as i64 - 1;
    for_elements!(flat, _values => gather::gather(&flat, &columns, axis, 0))
}
