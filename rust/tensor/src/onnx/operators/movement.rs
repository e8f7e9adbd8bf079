//! Operators that only move elements, choose them by place, or make them.

use super::{Translated, same};
use crate::array::Array;
use crate::graph::{Op, Value};
use crate::onnx::node::{Maker, Source};
use crate::ops::moves::{Move, Padded};
use crate::ops::scatter::{Scatter, Written};

/// An attribute of old versions as an input; nothing when it is left out.
fn list(node: &Source<'_>, maker: &mut Maker<'_>, name: &str) -> Value {
    match node.integers(name) {
        Some(values) => maker.integers(values),
        None => maker.nothing(),
    }
}

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let axis = |otherwise: i64| node.integer("axis").unwrap_or(otherwise);
    let what = match node.operator() {
        "Constant" => return constant(node, maker),
        "Concat" => {
            let axis = maker.scalar(axis(1));
            let mut inputs = node.all(maker);
            inputs.push(axis);
            return Ok(Some(vec![maker.one(Op::Concat { axis_first: false }, &inputs)]));
        }
        "Tile" => return same(Op::Tile, node, maker),
        "Range" => return same(Op::Range, node, maker),
        "Size" => return same(Op::Size { long: true }, node, maker),
        "Split" => return split(node, maker),
        "Squeeze" | "Unsqueeze" | "Transpose" | "Reshape" | "Slice" | "Pad" => return with_lists(node, maker),
        "Scatter" | "ScatterElements" | "ScatterND" | "TensorScatter" => return scatter(node, maker),
        "Flatten" => Move::Flatten { axis: axis(1) },
        "Expand" => Move::Expand,
        "Gather" => Move::Gather { axis: axis(0) },
        "GatherElements" => Move::GatherElements { axis: axis(0) },
        "GatherND" => Move::GatherEntries {
            batch_axes: node.count("batch_dims", 0)?,
        },
        "OneHot" => Move::OneHot { axis: axis(-1) },
        "Shape" => Move::Shape {
            start: node.integer("start").unwrap_or(0),
            end: node.integer("end"),
        },
        "ConstantOfShape" => {
            let value = node.tensor("value")?.unwrap_or_else(|| Array::scalar(0_f32));
            if value.len() != 1 {
                return Err(node.invalid("the value is not a single one"));
            }
            Move::Fill { value }
        }
        "EyeLike" => Move::Eye {
            diagonal: node.integer("k").unwrap_or(0),
            dtype: node.dtype("dtype")?,
        },
        "NonZero" => Move::NonZero,
        "Compress" => Move::Compress {
            axis: node.integer("axis"),
        },
        "Trilu" => Move::Triangle {
            upper: node.integer("upper").unwrap_or(1) != 0,
        },
        "DepthToSpace" => Move::DepthToSpace {
            block: node.count("blocksize", 1)?,
            depth_first: node.text("mode").unwrap_or("DCR") == "DCR",
        },
        "SpaceToDepth" => Move::SpaceToDepth {
            block: node.count("blocksize", 1)?,
            depth_first: node.text("mode").unwrap_or("DCR") == "DCR",
        },
        "ReverseSequence" => Move::ReverseSequence {
            time_axis: node.integer("time_axis").unwrap_or(0),
            batch_axis: node.integer("batch_axis").unwrap_or(1),
        },
        "CenterCropPad" => Move::CenterCropPad {
            axes: node.integers("axes").unwrap_or_default().to_vec(),
        },
        _ => return Ok(None),
    };
    same(Op::Move(what), node, maker)
}

fn constant(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let array = if let Some(tensor) = node.tensor("value")? {
        tensor
    } else if let Some(sparse) = node
        .attribute("sparse_value")
        .and_then(|attribute| attribute.sparse_tensor.as_ref())
    {
        let mut external = crate::onnx::tensors::External::nowhere();
        crate::onnx::tensors::sparse(sparse, &mut external)?.1
    } else if let Some(value) = node.attribute("value_float").and_then(|attribute| attribute.f) {
        Array::scalar(value)
    } else if let Some(value) = node.integer("value_int") {
        Array::scalar(value)
    } else if let Some(value) = node.text("value_string") {
        Array::scalar(crate::array::Text::from(value))
    } else if let Some(attribute) = node.attribute("value_floats") {
        Array::new(vec![attribute.floats.len()], attribute.floats.clone())
    } else if let Some(values) = node.integers("value_ints") {
        Array::new(vec![values.len()], values.to_vec())
    } else if node.attribute("value_strings").is_some() {
        let texts = node.texts("value_strings")?;
        Array::new(
            vec![texts.len()],
            texts.into_iter().map(crate::array::Text::from).collect(),
        )
    } else {
        return Err(node.invalid("a constant without a value"));
    };
    Ok(Some(vec![maker.constant(array)]))
}

fn split(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let (axis, count) = (node.integer("axis").unwrap_or(0), node.outputs());
    let sizes = match (node.integers("split"), node.optional(1)) {
        (Some(sizes), _) => Some(maker.integers(sizes)),
        (None, sizes) => sizes,
    };
    let data = node.input(0)?;
    Ok(Some(match sizes {
        Some(sizes) => {
            let axis = maker.scalar(axis);
            maker.many(Op::SplitSizes { count }, &[data, sizes, axis], count)
        }
        None => maker.many(Op::Move(Move::SplitEven { axis, count }), &[data], count),
    }))
}

/// Operators whose lists were attributes once and are inputs now.
fn with_lists(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let (what, lists): (Move, &[&str]) = match node.operator() {
        "Squeeze" => (Move::Squeeze, &["axes"]),
        "Unsqueeze" => (Move::Unsqueeze, &["axes"]),
        "Transpose" => (Move::Transpose, &["perm"]),
        "Reshape" => {
            let zero_copies = !node.flag("allowzero");
            (Move::Reshape { zero_copies }, &["shape"])
        }
        "Slice" => (Move::Slice, &["starts", "ends", "axes"]),
        _ => {
            let how = match node.text("mode").unwrap_or("constant") {
                "constant" => Padded::Constant,
                "reflect" => Padded::Reflect,
                "edge" => Padded::Edge,
                "wrap" => Padded::Wrap,
                other => return Err(node.unsupported(format!("mode '{other}'"))),
            };
            (Move::Pad { how }, &["pads"])
        }
    };
    // Which of both a model uses shows in the node; the version need not be asked.
    if node.inputs.len() > 1 {
        return same(Op::Move(what), node, maker);
    }
    let mut inputs = vec![node.input(0)?];
    for name in lists {
        // The first version of padding had its list under another name.
        let name = if *name == "pads" && node.integers("pads").is_none() {
            "paddings"
        } else {
            name
        };
        inputs.push(list(node, maker, name));
    }
    if node.operator() == "Pad" {
        inputs.push(maker.constant(Array::scalar(node.float("value").unwrap_or(0.0))));
    }
    Ok(Some(vec![maker.one(Op::Move(what), &inputs)]))
}

fn scatter(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let how = match node.text("reduction").unwrap_or("none") {
        "none" => Written::Replace,
        "add" => Written::Add,
        "mul" => Written::Multiply,
        "max" => Written::Maximum,
        "min" => Written::Minimum,
        other => return Err(node.unsupported(format!("reduction '{other}'"))),
    };
    let what = match node.operator() {
        "ScatterND" => Scatter::Entries { how },
        "TensorScatter" => Scatter::Cache {
            axis: node.integer("axis").unwrap_or(-2),
            circular: node.text("mode") == Some("circular"),
        },
        _ => Scatter::Elements {
            axis: node.integer("axis").unwrap_or(0),
            how,
        },
    };
    same(Op::Scatter(what), node, maker)
}
