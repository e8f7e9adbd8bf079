//! ONNX's operators on quantised numbers: `(number - zero point) * scale`.

use super::convert::cast;
use super::elementwise::{binary, clip};
use super::layout::broadcast;
use super::slice::part;
use super::unary::unary;
use super::{input, matrix, optional};
use crate::array::{Array, DType, axis_of};
use crate::graph::{Binary, Unary};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quantization {
    /// Data, scale, zero point.
    Quantize {
        axis: i64,
        block: usize,
        to: Option<DType>,
        precision: Option<DType>,
    },
    Dequantize {
        axis: i64,
        block: usize,
        to: Option<DType>,
    },
    /// With a scale and a zero point of the data itself.
    Dynamic,
    /// Integers less their zero points, multiplied.
    MatMulInteger,
    /// Left, scale, zero point, right, scale, zero point, scale and zero point of the result.
    QuantizedMatMul,
    /// The same with images and filters, and a bias.
    QuantizedConvolution(super::spatial::Spatial),
}

impl Quantization {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Dynamic => 3,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Quantization, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    let one = match what {
        Quantization::Quantize {
            axis,
            block,
            to,
            precision,
        } => {
            let zero = optional(inputs, 2);
            let to = to.or(zero.map(Array::dtype)).unwrap_or(DType::U8);
            let scale = spread(at(1)?, &at(0)?.shape, *axis, *block)?;
            let zero = zero
                .map(|zero| spread(zero, &at(0)?.shape, *axis, *block))
                .transpose()?;
            quantize(at(0)?, &scale, zero.as_ref(), to, precision.unwrap_or(at(1)?.dtype()))?
        }
        Quantization::Dequantize { axis, block, to } => {
            let array = at(0)?;
            let scale = spread(at(1)?, &array.shape, *axis, *block)?;
            let zero = optional(inputs, 2)
                .map(|zero| spread(zero, &array.shape, *axis, *block))
                .transpose()?;
            let to = to.unwrap_or(scale.dtype());
            dequantize(array, &scale, zero.as_ref(), to)?
        }
        Quantization::Dynamic => return dynamic(at(0)?),
        Quantization::MatMulInteger => {
            let left = less_zero(at(0)?, optional(inputs, 2), true)?;
            let right = less_zero(at(1)?, optional(inputs, 3), false)?;
            cast(&matrix::multiply(&left, &right, false, false, budget)?, DType::I32)?
        }
        Quantization::QuantizedMatMul => {
            let left = less_zero(at(0)?, optional(inputs, 2), true)?;
            let right = less_zero(at(3)?, optional(inputs, 5), false)?;
            let (left, right) = (scaled(&left, at(1)?, true)?, scaled(&right, at(4)?, false)?);
            let product = matrix::multiply(&left, &right, false, false, budget)?;
            let to = at(7)?.dtype();
            quantize(&product, &cast(at(6)?, DType::F64)?, Some(at(7)?), to, DType::F64)?
        }
        Quantization::QuantizedConvolution(convolution) => quantized_convolution(convolution, inputs, budget)?,
    };
    Ok(vec![one])
}

/// A scale or zero point, one for all, per entry of an axis, or per block along it, in the shape of the data.
fn spread(array: &Array, shape: &[usize], axis: i64, block: usize) -> Result<Array, Trouble> {
    if array.len() == 1 && array.shape.len() <= 1 {
        return array.reshaped(Vec::new());
    }
    let axis = axis_of(axis, shape.len())?;
    if array.shape.len() <= 1 {
        let mut wide = vec![1; shape.len()];
        wide[axis] = array.len();
        return array.reshaped(wide);
    }
    if array.shape.len() != shape.len() {
        return Err(Trouble::failed(format!(
            "scales of shape {:?} for {shape:?}",
            array.shape
        )));
    }
    let blocks = array.shape[axis];
    let block = if block == 0 {
        shape[axis].div_ceil(blocks.max(1))
    } else {
        block
    };
    let mut split = array.shape.clone();
    split.insert(axis + 1, 1);
    let mut wide = split.clone();
    wide[axis + 1] = block;
    let mut joined = array.shape.clone();
    joined[axis] = blocks.saturating_mul(block);
    let repeated = broadcast(&array.reshaped(split)?, &wide)?.reshaped(joined)?;
    part(&repeated, axis, 0, shape[axis])
}

fn range(dtype: DType) -> Result<(f64, f64), Trouble> {
    let (bits, signed) = dtype
        .integer_bits()
        .filter(|(bits, _)| *bits <= 32)
        .ok_or_else(|| Trouble::failed(format!("quantisation to {dtype}")))?;
    let size = 2_f64.powi(bits as i32);
    Ok(if signed {
        (-size / 2.0, size / 2.0 - 1.0)
    } else {
        (0.0, size - 1.0)
    })
}

fn quantize(array: &Array, scale: &Array, zero: Option<&Array>, to: DType, precision: DType) -> Result<Array, Trouble> {
    let precise = |array: &Array| cast(array, precision.carrier());
    let quotient = binary(Binary::Divide, &precise(array)?, &precise(scale)?)?;
    let quotient = cast(&cast(&quotient, precision)?, precision.carrier())?;
    let mut whole = cast(&unary(Unary::Round, &quotient)?, DType::F64)?;
    if let Some(zero) = zero {
        whole = binary(Binary::Add, &whole, &cast(zero, DType::F64)?)?;
    }
    let (low, high) = range(to)?;
    cast(
        &clip(&whole, Some(&Array::scalar(low)), Some(&Array::scalar(high)))?,
        to,
    )
}

fn dequantize(array: &Array, scale: &Array, zero: Option<&Array>, to: DType) -> Result<Array, Trouble> {
    let mut wide = cast(array, DType::F64)?;
    if let Some(zero) = zero {
        wide = binary(Binary::Subtract, &wide, &cast(zero, DType::F64)?)?;
    }
    let product = binary(
        Binary::Multiply,
        &cast(&wide, to.carrier())?,
        &cast(scale, to.carrier())?,
    )?;
    cast(&product, to)
}

fn dynamic(array: &Array) -> Result<Vec<Array>, Trouble> {
    let values = array.view::<f32>()?;
    let (low, high) = values
        .iter()
        .fold((0.0_f32, 0.0_f32), |(low, high), x| (low.min(*x), high.max(*x)));
    let scale = if low == high { 1.0 / 255.0 } else { (high - low) / 255.0 };
    let zero = (0.0 - low / scale).clamp(0.0, 255.0).round_ties_even();
    let (scale, zero) = (Array::scalar(scale), Array::scalar(zero as u8));
    Ok(vec![
        quantize(array, &scale, Some(&zero), DType::U8, DType::F32)?,
        scale,
        zero,
    ])
}

/// As doubles, in which sums of products of small integers are exact. The zero point of a left matrix is one for all or per row,
/// that of a right one per column.
fn less_zero(array: &Array, zero: Option<&Array>, left: bool) -> Result<Array, Trouble> {
    let wide = cast(array, DType::F64)?;
    let Some(zero) = zero else { return Ok(wide) };
    binary(Binary::Subtract, &wide, &oriented(&cast(zero, DType::F64)?, left)?)
}

fn oriented(parameter: &Array, left: bool) -> Result<Array, Trouble> {
    let count = parameter.len();
    if parameter.shape.len() != 1 {
        return Ok(parameter.clone());
    }
    parameter.reshaped(match (count, left) {
        (1, _) => Vec::new(),
        (_, true) => vec![count, 1],
        (_, false) => vec![count],
    })
}

fn scaled(array: &Array, scale: &Array, left: bool) -> Result<Array, Trouble> {
    binary(Binary::Multiply, array, &oriented(&cast(scale, DType::F64)?, left)?)
}

/// Data, scale, zero point, filter, scale, zero point, scale and zero point of the result, bias.
fn quantized_convolution(
    convolution: &super::spatial::Spatial,
    inputs: &[Array],
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let at = |index: usize| input(inputs, index);
    let per_filter = |parameter: &Array| {
        let parameter = cast(parameter, DType::F64)?;
        let mut shape = vec![1; at(3)?.shape.len()];
        if parameter.len() == 1 {
            return parameter.reshaped(Vec::new());
        }
        shape[0] = parameter.len();
        parameter.reshaped(shape)
    };
    let data = less_zero(at(0)?, optional(inputs, 2), true)?;
    let mut filter = cast(at(3)?, DType::F64)?;
    if let Some(zero) = optional(inputs, 5) {
        filter = binary(Binary::Subtract, &filter, &per_filter(zero)?)?;
    }
    let filter = binary(Binary::Multiply, &filter, &per_filter(at(4)?)?)?;
    let data = scaled(&data, at(1)?, true)?;
    let mut arguments = vec![data, filter];
    if let Some(bias) = optional(inputs, 8) {
        let scale = binary(Binary::Multiply, &cast(at(1)?, DType::F64)?, &cast(at(4)?, DType::F64)?)?;
        let scale = if scale.len() == 1 {
            scale.reshaped(Vec::new())?
        } else {
            scale
        };
        arguments.push(binary(Binary::Multiply, &cast(bias, DType::F64)?, &scale)?);
    }
    let result = super::spatial::evaluate(convolution, &arguments, budget)?.swap_remove(0);
    let to = at(7)?.dtype();
    quantize(&result, &cast(at(6)?, DType::F64)?, Some(at(7)?), to, DType::F64)
}
