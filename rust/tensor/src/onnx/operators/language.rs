//! Recurrent layers and operators of language models.

use serving_kernels::activation::Activation;
use serving_model::ModelError;

use super::{Translated, same};
use crate::graph::{Binary, Op, Unary};
use crate::onnx::node::{Maker, Source};
use crate::ops::attention::{Attention, Scaled, Scores};
use crate::ops::recurrent::{Cell, Gate, Recurrent, default_gates};

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    match node.operator() {
        "RNN" | "GRU" | "LSTM" => {
            let layer = recurrent(node)?;
            same(Op::Recurrent(Box::new(layer)), node, maker)
        }
        "Attention" => same(Op::Attention(Attention::Scaled(attention(node)?)), node, maker),
        "RotaryEmbedding" => {
            let rotary = Attention::Rotary {
                heads: node.count("num_heads", 0)?,
                dimension: node.count("rotary_embedding_dim", 0)?,
                interleaved: node.flag("interleaved"),
            };
            same(Op::Attention(rotary), node, maker)
        }
        "LinearAttention" => {
            let rule = node.text("update_rule").unwrap_or("gated_delta");
            let (gated, delta) = match rule {
                "linear" => (false, false),
                "gated" => (true, false),
                "delta" => (false, true),
                "gated_delta" => (true, true),
                other => return Err(node.unsupported(format!("update_rule '{other}'"))),
            };
            let linear = Attention::Linear {
                query_heads: node.count("q_num_heads", 0)?,
                heads: node.count("kv_num_heads", 0)?,
                scale: node.float("scale").unwrap_or(0.0),
                gated,
                delta,
            };
            same(Op::Attention(linear), node, maker)
        }
        "CausalConvWithState" => {
            let swish = match node.text("activation").unwrap_or("none") {
                "none" => false,
                "silu" | "swish" => true,
                other => return Err(node.unsupported(format!("activation '{other}'"))),
            };
            same(Op::Attention(Attention::CausalConvolution { swish }), node, maker)
        }
        _ => Ok(None),
    }
}

fn attention(node: &Source<'_>) -> Result<Scaled, ModelError> {
    let bound = |name: &str| node.integer(name).filter(|bound| *bound >= 0);
    Ok(Scaled {
        causal: node.flag("is_causal"),
        query_heads: node.count("q_num_heads", 0)?,
        heads: node.count("kv_num_heads", 0)?,
        scale: node.float("scale"),
        cap: node.float("softcap").unwrap_or(0.0),
        precision: node.dtype("softmax_precision")?,
        scores: match node.integer("qk_matmul_output_mode").unwrap_or(0) {
            0 => Scores::Raw,
            1 => Scores::Capped,
            2 => Scores::Biased,
            3 => Scores::Probabilities,
            other => return Err(node.unsupported(format!("qk_matmul_output_mode {other}"))),
        },
        left: bound("left_window_size"),
        right: bound("right_window_size"),
    })
}

fn recurrent(node: &Source<'_>) -> Result<Recurrent, ModelError> {
    let cell = match node.operator() {
        "RNN" => Cell::Plain,
        "GRU" => Cell::Gru {
            linear_before_reset: node.flag("linear_before_reset"),
        },
        _ => Cell::Lstm {
            coupled: node.flag("input_forget"),
        },
    };
    let directions = match node.text("direction").unwrap_or("forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => return Err(node.unsupported(format!("direction '{other}'"))),
    };
    let hidden = node.count("hidden_size", 0)?;
    if hidden == 0 {
        return Err(node.invalid("attribute 'hidden_size' is missing"));
    }
    let names = node.texts("activations")?;
    let per = default_gates(cell).len();
    let gates = if names.is_empty() {
        vec![default_gates(cell); directions.len()]
    } else if names.len() == per * directions.len() {
        let (mut alphas, mut betas) = (
            node.floats("activation_alpha").iter(),
            node.floats("activation_beta").iter(),
        );
        let all = names
            .iter()
            .map(|name| gate(node, name, &mut alphas, &mut betas))
            .collect::<Result<Vec<_>, _>>()?;
        all.chunks(per).map(<[Gate]>::to_vec).collect()
    } else {
        return Err(node.invalid(format!(
            "{} activations for {} directions",
            names.len(),
            directions.len()
        )));
    };
    Ok(Recurrent {
        cell,
        hidden,
        directions,
        gates,
        clip: node.float("clip"),
        batch_first: node.flag("layout"),
    })
}

/// A gate's function; those with parameters take the next of the lists.
fn gate<'a>(
    node: &Source<'_>,
    name: &str,
    alphas: &mut impl Iterator<Item = &'a f32>,
    betas: &mut impl Iterator<Item = &'a f32>,
) -> Result<Gate, ModelError> {
    let mut alpha = |otherwise: f32| f64::from(alphas.next().copied().unwrap_or(otherwise));
    let mut beta = |otherwise: f32| f64::from(betas.next().copied().unwrap_or(otherwise));
    Ok(match name.to_ascii_lowercase().as_str() {
        "relu" => Gate::Kernel(Activation::Rectifier),
        "tanh" => Gate::Kernel(Activation::Tanh),
        "sigmoid" => Gate::Kernel(Activation::Logistic),
        "softsign" => Gate::Kernel(Activation::Elliott),
        "softplus" => Gate::Kernel(Activation::Softplus),
        "leakyrelu" => Gate::Kernel(Activation::LeakyRelu(alpha(0.01))),
        "elu" => Gate::Kernel(Activation::Elu(alpha(1.0))),
        "thresholdedrelu" => Gate::ThresholdedRelu(alpha(1.0)),
        "affine" => Gate::Affine {
            alpha: alpha(1.0),
            beta: beta(0.0),
        },
        "scaledtanh" => Gate::ScaledTanh {
            alpha: alpha(1.0),
            beta: beta(1.0),
        },
        "hardsigmoid" => Gate::HardSigmoid {
            alpha: alpha(0.2),
            beta: beta(0.5),
        },
        other => return Err(node.unsupported(format!("activation '{other}'"))),
    })
}

/// What onnxruntime's optimiser puts in place of several nodes.
pub(super) fn translate_contributed(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    match node.operator() {
        "Gelu" => same(Op::Unary(Unary::Gelu { by_tanh: false }), node, maker),
        "FastGelu" | "BiasGelu" => {
            let mut value = node.input(0)?;
            if let Some(bias) = node.optional(1) {
                value = maker.one(Op::Binary(Binary::Add), &[value, bias]);
            }
            let by_tanh = node.operator() == "FastGelu";
            Ok(Some(vec![maker.one(Op::Unary(Unary::Gelu { by_tanh }), &[value])]))
        }
        "QuickGelu" => same(
            Op::Unary(Unary::Swish(node.float("alpha").unwrap_or(f64::from(1.702_f32)))),
            node,
            maker,
        ),
        "FusedMatMul" => {
            if node.flag("transBatchA") || node.flag("transBatchB") {
                return Err(node.unsupported("transposed batches"));
            }
            let product = Op::MatMul {
                transpose_left: node.flag("transA"),
                transpose_right: node.flag("transB"),
            };
            let product = maker.one(product, &[node.input(0)?, node.input(1)?]);
            let alpha = node.float("alpha").unwrap_or(1.0);
            Ok(Some(vec![maker.one(Op::Unary(Unary::Scale(alpha)), &[product])]))
        }
        _ => Ok(None),
    }
}
