//! Quantised numbers.

use super::spatial::window;
use super::{Translated, same};
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::{Quantization, Spatial};

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let dtype = |name: &str| match node.integer(name) {
        None | Some(0) => Ok(None),
        Some(_) => node.dtype(name),
    };
    let axis = node.integer("axis").unwrap_or(1);
    let what = match node.operator() {
        "QuantizeLinear" => Quantization::Quantize {
            axis,
            block: node.count("block_size", 0)?,
            to: dtype("output_dtype")?,
            precision: dtype("precision")?,
        },
        "DequantizeLinear" => Quantization::Dequantize {
            axis,
            block: node.count("block_size", 0)?,
            to: dtype("output_dtype")?,
        },
        "DynamicQuantizeLinear" => Quantization::Dynamic,
        "MatMulInteger" => Quantization::MatMulInteger,
        "QLinearMatMul" => Quantization::QuantizedMatMul,
        "QLinearConv" => Quantization::QuantizedConvolution(Spatial::Convolution {
            window: window(node)?,
            groups: node.count("group", 1)?,
        }),
        _ => return Ok(None),
    };
    same(Op::Quantization(what), node, maker)
}
