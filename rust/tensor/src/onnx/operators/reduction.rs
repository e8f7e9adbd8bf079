//! Operators that make one element of many, or rank them; products of matrices.

use super::{Translated, same};
use crate::graph::{Binary, Op, Reduce, Unary, Value};
use crate::onnx::node::{Maker, Source};
use crate::ops::Equation;
use crate::ops::ranking::Ranking;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    if let Some(how) = reduction(node.operator()) {
        let axes = axes(node, maker);
        let reduce = Op::Reduce {
            how,
            keep_axes: node.integer("keepdims").unwrap_or(1) != 0,
            all: !node.flag("noop_with_empty_axes"),
        };
        return Ok(Some(vec![maker.one(reduce, &[node.input(0)?, axes])]));
    }
    match node.operator() {
        "ArgMax" | "ArgMin" => {
            let axis = maker.scalar(node.integer("axis").unwrap_or(0));
            let extreme = Op::ArgExtreme {
                largest: node.operator() == "ArgMax",
                long: true,
                last: node.flag("select_last_index"),
            };
            let mut place = maker.one(extreme, &[node.input(0)?, axis]);
            if node.integer("keepdims").unwrap_or(1) != 0 {
                place = maker.one(Op::ExpandDims, &[place, axis]);
            }
            Ok(Some(vec![place]))
        }
        "CumSum" | "CumProd" => {
            let cumulate = Op::Cumulate {
                product: node.operator() == "CumProd",
                exclusive: node.flag("exclusive"),
                reverse: node.flag("reverse"),
            };
            same(cumulate, node, maker)
        }
        "TopK" => {
            let top = Op::Ranking(Ranking::Top {
                axis: node.integer("axis").unwrap_or(-1),
                largest: node.integer("largest").unwrap_or(1) != 0,
            });
            let count = if node.version < 10 {
                maker.scalar(node.integer("k").unwrap_or(1))
            } else {
                node.input(1)?
            };
            Ok(Some(maker.many(top, &[node.input(0)?, count], 2)))
        }
        "Unique" => {
            let unique = Ranking::Unique {
                axis: node.integer("axis"),
                sorted: node.integer("sorted").unwrap_or(1) != 0,
            };
            same(Op::Ranking(unique), node, maker)
        }
        "NonMaxSuppression" => {
            let centered = node.integer("center_point_box") == Some(1);
            same(Op::Ranking(Ranking::NonMaxSuppression { centered }), node, maker)
        }
        "MatMul" => {
            let product = Op::MatMul {
                transpose_left: false,
                transpose_right: false,
            };
            same(product, node, maker)
        }
        "Gemm" => gemm(node, maker),
        "Einsum" => {
            let text = node.text("equation").unwrap_or_default();
            let equation = Equation::read(text).ok_or_else(|| node.invalid(format!("the equation '{text}'")))?;
            same(Op::Einsum(equation), node, maker)
        }
        "Det" => same(Op::Determinant, node, maker),
        _ => Ok(None),
    }
}

fn reduction(operator: &str) -> Option<Reduce> {
    Some(match operator {
        "ReduceL1" => Reduce::SumOfMagnitudes,
        "ReduceL2" => Reduce::Length,
        "ReduceLogSum" => Reduce::LogarithmOfSum,
        "ReduceLogSumExp" => Reduce::LogarithmOfSumOfExponentials,
        "ReduceMax" => Reduce::Maximum,
        "ReduceMean" => Reduce::Mean,
        "ReduceMin" => Reduce::Minimum,
        "ReduceProd" => Reduce::Product,
        "ReduceSum" => Reduce::Sum,
        "ReduceSumSquare" => Reduce::SumOfSquares,
        _ => return None,
    })
}

/// Axes as an attribute of old versions, or as the second input.
fn axes(node: &Source<'_>, maker: &mut Maker<'_>) -> Value {
    match (node.integers("axes"), node.optional(1)) {
        (Some(axes), _) => maker.integers(axes),
        (None, Some(axes)) => axes,
        (None, None) => maker.nothing(),
    }
}

fn gemm(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let scaled = |maker: &mut Maker<'_>, name: &str, value: Value| match node.float(name) {
        Some(factor) if factor != 1.0 => maker.one(Op::Unary(Unary::Scale(factor)), &[value]),
        _ => value,
    };
    let product = Op::MatMul {
        transpose_left: node.flag("transA"),
        transpose_right: node.flag("transB"),
    };
    let product = maker.one(product, &[node.input(0)?, node.input(1)?]);
    let mut result = scaled(maker, "alpha", product);
    if let Some(added) = node.optional(2) {
        let added = scaled(maker, "beta", added);
        result = maker.one(Op::Binary(Binary::Add), &[result, added]);
    }
    Ok(Some(vec![result]))
}
