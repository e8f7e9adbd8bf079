//! Operators of onnxruntime's own: what its quantisation tools write, distances and hashes.

use super::normalization::along;
use super::spatial::windowed_pool;
use super::{Translated, same};
use crate::array::DType;
use crate::graph::{Binary, Op, Reduce, Unary, Value};
use crate::onnx::node::{Maker, Source};
use crate::ops::Spatial;
use crate::ops::normalization::Along;
use crate::ops::quantization::Quantization;
use crate::ops::spatial::Pool;
use crate::ops::strings::Strings;
use crate::ops::systems::System;
use serving_kernels::activation::Activation;
use serving_model::ModelError;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let value = match node.operator() {
        "QuantizeLinear" | "DequantizeLinear" => return super::quantization::translate(node, maker),
        "Inverse" => return same(Op::System(System::Inverse { adjoint: false }), node, maker),
        "MurmurHash3" => {
            let murmur = Strings::Murmur {
                seed: (node.integer("seed").unwrap_or(0) & 0xffff_ffff) as u32,
                unsigned: node.integer("positive").unwrap_or(1) != 0,
            };
            return same(Op::Strings(murmur), node, maker);
        }
        "CDist" => distances(node, maker)?,
        "MatMulIntegerToFloat" => {
            let inputs = [0, 1, 4, 5].map(|index| node.optional(index));
            let scales = [node.input(2)?, node.input(3)?];
            integer_product(node, maker, inputs, scales, node.optional(6))?
        }
        "DynamicQuantizeMatMul" => {
            let found = maker.many(Op::Quantization(Quantization::Dynamic), &[node.input(0)?], 3);
            let inputs = [Some(found[0]), node.optional(1), Some(found[2]), node.optional(3)];
            integer_product(node, maker, inputs, [found[1], node.input(2)?], node.optional(4))?
        }
        "QGemm" => gemm(node, maker)?,
        "QLinearConcat" => {
            let count = node.inputs.len().saturating_sub(2) / 3;
            let parts = (0..count).map(|n| dequantized(node, maker, 2 + 3 * n));
            let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
            let axis = node.integer("axis");
            parts.push(maker.scalar(axis.ok_or_else(|| node.invalid("attribute 'axis' is missing"))?));
            let joined = maker.one(Op::Concat { axis_first: false }, &parts);
            quantized(node, maker, joined, 0)?
        }
        "QLinearWhere" => {
            let (yes, no) = (dequantized(node, maker, 1)?, dequantized(node, maker, 4)?);
            let chosen = maker.one(Op::Select { leading: false }, &[node.input(0)?, yes, no]);
            quantized(node, maker, chosen, 7)?
        }
        "QLinearAdd" | "QLinearMul" => {
            let function = if node.operator() == "QLinearAdd" {
                Binary::Add
            } else {
                Binary::Multiply
            };
            let (left, right) = (dequantized(node, maker, 0)?, dequantized(node, maker, 3)?);
            let result = maker.one(Op::Binary(function), &[left, right]);
            quantized(node, maker, result, 6)?
        }
        other => {
            let Some(op) = of_one(node, other)? else {
                return Ok(None);
            };
            let real = dequantized(node, maker, 0)?;
            let result = maker.one(op, &[real]);
            quantized(node, maker, result, 3)?
        }
    };
    Ok(Some(vec![value]))
}

/// What is done to one tensor between its being dequantised and quantised again.
fn of_one(node: &Source<'_>, operator: &str) -> Result<Option<Op>, ModelError> {
    if operator.starts_with("QLinear") && node.flag("channels_last") {
        return Err(node.unsupported("channels last"));
    }
    Ok(Some(match operator {
        "QLinearSigmoid" => Op::Activate(Activation::Logistic),
        "QLinearLeakyRelu" => Op::Activate(Activation::LeakyRelu(
            node.float("alpha").unwrap_or(f64::from(0.01_f32)),
        )),
        "QLinearSoftmax" => along(node, Along::Softmax, node.integer("opset").unwrap_or(13)),
        "QLinearGlobalAveragePool" => Op::Spatial(Spatial::GlobalPool(Pool::Mean { padding_counts: false })),
        "QLinearAveragePool" => Op::Spatial(windowed_pool(node)?),
        _ => return Ok(None),
    }))
}

/// The numbers behind a tensor, its scale and its zero point, which are neighbouring inputs.
fn dequantized(node: &Source<'_>, maker: &mut Maker<'_>, first: usize) -> Result<Value, ModelError> {
    // With doubles, what lies in the middle of two steps stays there.
    dequantized_as(node, maker, first, -1, DType::F64)
}

fn dequantized_as(
    node: &Source<'_>,
    maker: &mut Maker<'_>,
    first: usize,
    axis: i64,
    to: DType,
) -> Result<Value, ModelError> {
    let zero = node.optional(first + 2).unwrap_or_else(|| maker.nothing());
    let inputs = [node.input(first)?, node.input(first + 1)?, zero];
    let dequantize = Quantization::Dequantize {
        axis,
        block: 0,
        to: Some(to),
    };
    Ok(maker.one(Op::Quantization(dequantize), &inputs))
}

/// With the scale and the zero point that are neighbouring inputs.
fn quantized(node: &Source<'_>, maker: &mut Maker<'_>, value: Value, scale: usize) -> Result<Value, ModelError> {
    let zero = node.optional(scale + 1).unwrap_or_else(|| maker.nothing());
    let quantize = Quantization::Quantize {
        axis: -1,
        block: 0,
        to: None,
        precision: Some(DType::F64),
    };
    Ok(maker.one(Op::Quantization(quantize), &[value, node.input(scale)?, zero]))
}

/// Left, right and their zero points; the scales of both, and what is added.
fn integer_product(
    node: &Source<'_>,
    maker: &mut Maker<'_>,
    inputs: [Option<Value>; 4],
    [left, right]: [Value; 2],
    bias: Option<Value>,
) -> Result<Value, ModelError> {
    let [Some(_), Some(_), ..] = inputs else {
        return Err(node.invalid("an input is missing"));
    };
    let inputs = inputs.map(|input| input.unwrap_or_else(|| maker.nothing()));
    let product = maker.one(Op::Quantization(Quantization::MatMulInteger), &inputs);
    let product = maker.one(Op::Cast(DType::F32), &[product]);
    let scale = maker.one(Op::Binary(Binary::Multiply), &[left, right]);
    let result = maker.one(Op::Binary(Binary::Multiply), &[product, scale]);
    Ok(match bias {
        Some(bias) => maker.one(Op::Binary(Binary::Add), &[result, bias]),
        None => result,
    })
}

/// Left, right, bias in steps of both scales, then scale and zero point of the result, unless it stays a real number.
fn gemm(node: &Source<'_>, maker: &mut Maker<'_>) -> Result<Value, ModelError> {
    let product = Op::MatMul {
        transpose_left: node.flag("transA"),
        transpose_right: node.flag("transB"),
    };
    let left = dequantized_as(node, maker, 0, -1, DType::F32)?;
    // There is a scale for each column of the result.
    let axis = if node.flag("transB") { -2 } else { -1 };
    let right = dequantized_as(node, maker, 3, axis, DType::F32)?;
    let mut result = maker.one(product, &[left, right]);
    if let Some(bias) = node.optional(6) {
        let bias = maker.one(Op::Cast(DType::F32), &[bias]);
        let scale = maker.one(Op::Binary(Binary::Multiply), &[node.input(1)?, node.input(4)?]);
        let bias = maker.one(Op::Binary(Binary::Multiply), &[bias, scale]);
        result = maker.one(Op::Binary(Binary::Add), &[result, bias]);
    }
    if let Some(alpha) = node.float("alpha").filter(|alpha| *alpha != 1.0) {
        result = maker.one(Op::Unary(Unary::Scale(alpha)), &[result]);
    }
    if node.optional(7).is_none() {
        return Ok(result);
    }
    quantized(node, maker, result, 7)
}

/// Of every row of the left from every row of the right.
fn distances(node: &Source<'_>, maker: &mut Maker<'_>) -> Result<Value, ModelError> {
    let squared = match node.text("metric").unwrap_or("sqeuclidean") {
        "euclidean" => false,
        "sqeuclidean" => true,
        other => return Err(node.unsupported(format!("metric '{other}'"))),
    };
    let (before, first) = (maker.scalar(1), maker.scalar(0));
    let left = maker.one(Op::ExpandDims, &[node.input(0)?, before]);
    let right = maker.one(Op::ExpandDims, &[node.input(1)?, first]);
    let ways = maker.one(Op::Binary(Binary::SquaredDifference), &[left, right]);
    let sum = Op::Reduce {
        how: Reduce::Sum,
        keep_axes: false,
        all: false,
    };
    let last = maker.integers(&[-1]);
    let squares = maker.one(sum, &[ways, last]);
    Ok(if squared {
        squares
    } else {
        maker.one(Op::Unary(Unary::SquareRoot), &[squares])
    })
}
