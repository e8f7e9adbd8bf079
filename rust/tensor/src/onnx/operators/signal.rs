//! Signals, losses, optimisers, random numbers.

use serving_model::ModelError;

use super::{Translated, same};
use crate::array::DType;
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::Signal;
use crate::ops::learning::{Learning, Reduction};
use crate::ops::random::{Distribution, Random};

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let what = match node.operator() {
        "DFT" => return fourier(node, maker),
        "STFT" => Signal::ShortTimeFourier {
            one_sided: node.integer("onesided").unwrap_or(1) != 0,
        },
        "HannWindow" => window(node, [0.5, -0.5, 0.0])?,
        "HammingWindow" => window(node, [25.0 / 46.0, -21.0 / 46.0, 0.0])?,
        "BlackmanWindow" => window(node, [0.42, -0.5, 0.08])?,
        "MelWeightMatrix" => Signal::MelWeights {
            dtype: node.dtype("output_datatype")?.unwrap_or(DType::F32),
        },
        "NegativeLogLikelihoodLoss" | "SoftmaxCrossEntropyLoss" => return loss(node, maker),
        operator => {
            return match distribution(node, operator)? {
                Some(what) => random(node, what, maker),
                None => Ok(None),
            };
        }
    };
    same(Op::Signal(what), node, maker)
}

fn window(node: &Source<'_>, coefficients: [f64; 3]) -> Result<Signal, ModelError> {
    Ok(Signal::Window {
        coefficients,
        periodic: node.integer("periodic").unwrap_or(1) != 0,
        dtype: node.dtype("output_datatype")?.unwrap_or(DType::F32),
    })
}

fn fourier(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let what = Signal::Fourier {
        inverse: node.flag("inverse"),
        one_sided: node.flag("onesided"),
    };
    if node.version >= 20 {
        return same(Op::Signal(what), node, maker);
    }
    let axis = maker.scalar(node.integer("axis").unwrap_or(1));
    let length = node.optional(1).unwrap_or_else(|| maker.nothing());
    Ok(Some(vec![maker.one(Op::Signal(what), &[node.input(0)?, length, axis])]))
}

fn loss(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let reduction = match node.text("reduction").unwrap_or("mean") {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        "mean" => Reduction::Mean,
        other => return Err(node.unsupported(format!("reduction '{other}'"))),
    };
    let what = Learning::Loss {
        softmax: node.operator() == "SoftmaxCrossEntropyLoss",
        reduction,
        ignored: node.integer("ignore_index"),
    };
    same(Op::Learning(what), node, maker)
}

fn distribution(node: &Source<'_>, operator: &str) -> Result<Option<Distribution>, ModelError> {
    let float = |name: &str, otherwise: f64| node.float(name).unwrap_or(otherwise);
    Ok(Some(match operator {
        "RandomUniform" | "RandomUniformLike" => Distribution::Uniform {
            low: float("low", 0.0),
            high: float("high", 1.0),
        },
        "RandomNormal" | "RandomNormalLike" => Distribution::Normal {
            mean: float("mean", 0.0),
            deviation: float("scale", 1.0),
        },
        "Bernoulli" => Distribution::Bernoulli,
        "Multinomial" => Distribution::Multinomial {
            draws: node.count("sample_size", 1)?,
        },
        _ => return Ok(None),
    }))
}

fn random(node: &Source<'_>, what: Distribution, maker: &mut Maker<'_>) -> Translated {
    let by_shape = matches!(node.operator(), "RandomUniform" | "RandomNormal");
    let mut dtype = node.dtype("dtype")?;
    if matches!(what, Distribution::Multinomial { .. }) {
        dtype = dtype.or(Some(DType::I32));
    }
    let random = Random {
        what,
        shape: if by_shape { Some(node.counts("shape")?) } else { None },
        dtype,
        seed: node.float("seed").unwrap_or(0.0).to_bits(),
    };
    same(Op::Random(random), node, maker)
}

/// The domain of optimisers.
pub(super) fn translate_training(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let float = |name: &str, otherwise: f32| node.float(name).unwrap_or(f64::from(otherwise));
    let norm = float("norm_coefficient", 0.0);
    let what = match node.operator() {
        "Adagrad" => Learning::Adagrad {
            norm,
            epsilon: float("epsilon", 1e-6),
            decay: float("decay_factor", 0.0),
        },
        "Adam" => Learning::Adam {
            norm,
            norm_post: float("norm_coefficient_post", 0.0),
            alpha: float("alpha", 0.9),
            beta: float("beta", 0.999),
            epsilon: float("epsilon", 1e-6),
        },
        "Momentum" => Learning::Momentum {
            norm,
            alpha: float("alpha", 0.0),
            beta: float("beta", 0.0),
            nesterov: node.text("mode") == Some("nesterov"),
        },
        _ => return Ok(None),
    };
    same(Op::Learning(what), node, maker)
}
