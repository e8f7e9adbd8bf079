//! Normalisations.

use serving_kernels::activation::Activation;

use super::{Translated, same};
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::normalization::{Along, Normalization};

/// Along an axis, after the definition of a version.
pub(super) fn along(node: &Source<'_>, how: Along, version: i64) -> Op {
    // Before version 13, all axes from the given one on counted as one.
    let flatten = version < 13;
    let axis = node.integer("axis").unwrap_or(if flatten { 1 } else { -1 });
    if axis == -1 && how == Along::Softmax {
        return Op::Activate(Activation::Softmax);
    }
    Op::Normalization(Normalization::Along { axis, flatten, how })
}

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let float = |name: &str, otherwise: f32| node.float(name).unwrap_or(f64::from(otherwise));
    let along = |how: Along| along(node, how, node.version);
    let what = match node.operator() {
        "Softmax" => return same(along(Along::Softmax), node, maker),
        "LogSoftmax" => return same(along(Along::LogSoftmax), node, maker),
        "Hardmax" => return same(along(Along::Hardmax), node, maker),
        "LpNormalization" => Normalization::Length {
            axis: node.integer("axis").unwrap_or(-1),
            squares: node.integer("p").unwrap_or(2) == 2,
        },
        "LayerNormalization" => Normalization::Layer {
            axis: node.integer("axis").unwrap_or(-1),
            epsilon: float("epsilon", 1e-5),
            statistics: node.outputs() > 1,
            center: true,
        },
        "RMSNormalization" => Normalization::Layer {
            axis: node.integer("axis").unwrap_or(-1),
            epsilon: float("epsilon", 1e-5),
            statistics: false,
            center: false,
        },
        "InstanceNormalization" => Normalization::Instance {
            epsilon: float("epsilon", 1e-5),
        },
        "GroupNormalization" => Normalization::Group {
            groups: node.count("num_groups", 1)?,
            epsilon: float("epsilon", 1e-5),
            per_group: node.version < 21,
        },
        "BatchNormalization" => {
            let training = node.flag("training_mode") || (node.version < 7 && node.integer("is_test") == Some(0));
            Normalization::Batch {
                epsilon: float("epsilon", 1e-5),
                momentum: training.then(|| float("momentum", 0.9)),
            }
        }
        "MeanVarianceNormalization" => Normalization::MeanVariance {
            axes: node.integers("axes").unwrap_or(&[0, 2, 3]).to_vec(),
        },
        "LRN" => Normalization::LocalResponse {
            size: node.count("size", 1)?,
            alpha: float("alpha", 1e-4),
            beta: float("beta", 0.75),
            bias: float("bias", 1.0),
        },
        _ => return Ok(None),
    };
    same(Op::Normalization(what), node, maker)
}
