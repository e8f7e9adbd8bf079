//! Functions of one element of each input.

use serving_kernels::activation::Activation;

use super::{Translated, same};
use crate::array::{Array, DType};
use crate::graph::{Binary, Compare, Op, Unary, Value};
use crate::onnx::node::{Maker, Source};
use crate::ops::Move;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    if let Some(op) = unary(node) {
        return same(op, node, maker);
    }
    if let Some(op) = binary(node) {
        // Before version 7, shapes were matched by attributes.
        if node.version < 7 && node.integer("axis").is_some() {
            return Err(node.unsupported("shapes that an axis matches"));
        }
        return same(op, node, maker);
    }
    let chain = |maker: &mut Maker<'_>, function: Binary| {
        let mut result = node.input(0)?;
        for n in 1..node.inputs.len() {
            result = maker.one(Op::Binary(function), &[result, node.input(n)?]);
        }
        Ok(Some(vec![maker.one(Op::Identity, &[result])]))
    };
    match node.operator() {
        "Max" => chain(maker, Binary::Maximum),
        "Min" => chain(maker, Binary::Minimum),
        "Sum" => chain(maker, Binary::Add),
        "Mean" => same(Op::Average, node, maker),
        "Where" => same(Op::Select { leading: false }, node, maker),
        "Clip" if node.version < 11 => {
            let mut limit = |name: &str| match node.float(name) {
                Some(limit) => maker.constant(Array::scalar(limit)),
                None => maker.nothing(),
            };
            let (low, high) = (limit("min"), limit("max"));
            Ok(Some(vec![maker.one(Op::Clip, &[node.input(0)?, low, high])]))
        }
        "Clip" => same(Op::Clip, node, maker),
        "Cast" => {
            let dtype = node
                .dtype("to")?
                .ok_or_else(|| node.invalid("attribute 'to' is missing"))?;
            Ok(Some(vec![maker.one(Op::Cast(dtype), &[node.input(0)?])]))
        }
        "CastLike" => same(Op::Move(Move::CastLike), node, maker),
        "BitCast" => {
            let dtype = node
                .dtype("to")?
                .ok_or_else(|| node.invalid("attribute 'to' is missing"))?;
            same(Op::Move(Move::Reinterpret(dtype)), node, maker)
        }
        "Identity" => same(Op::Identity, node, maker),
        "Dropout" => dropout(node, maker),
        "SwiGLU" => {
            let alpha = node.float("alpha").unwrap_or(1.0);
            let gate = maker.one(Op::Unary(Unary::Swish(alpha)), &[node.input(0)?]);
            Ok(Some(vec![
                maker.one(Op::Binary(Binary::Multiply), &[gate, node.input(1)?]),
            ]))
        }
        _ => Ok(None),
    }
}

fn unary(node: &Source<'_>) -> Option<Op> {
    let float = |name: &str, otherwise: f64| node.float(name).unwrap_or(otherwise);
    let function = match node.operator() {
        "Abs" => Unary::Absolute,
        "Acos" => Unary::ArcCosine,
        "Acosh" => Unary::AreaCosine,
        "Asin" => Unary::ArcSine,
        "Asinh" => Unary::AreaSine,
        "Atan" => Unary::ArcTangent,
        "Atanh" => Unary::AreaTangent,
        "BitwiseNot" | "Not" => Unary::Not,
        "Ceil" => Unary::Ceiling,
        "Celu" => Unary::Celu(float("alpha", 1.0)),
        "Cosh" => Unary::HyperbolicCosine,
        "Erf" => Unary::ErrorFunction,
        "Floor" => Unary::Floor,
        "Gelu" => Unary::Gelu {
            by_tanh: node.text("approximate") == Some("tanh"),
        },
        "HardSigmoid" => Unary::HardSigmoid {
            alpha: float("alpha", f64::from(0.2_f32)),
            beta: float("beta", 0.5),
        },
        "HardSwish" => Unary::HardSwish,
        "Log" => Unary::Logarithm,
        "Mish" => Unary::Mish,
        "Neg" => Unary::Negative,
        "Round" => Unary::Round,
        "Selu" => Unary::Selu {
            alpha: float("alpha", f64::from(1.673_263_2_f32)),
            gamma: float("gamma", f64::from(1.050_701_f32)),
        },
        "Shrink" => Unary::Shrink {
            bias: float("bias", 0.0),
            limit: float("lambd", 0.5),
        },
        "Sign" => Unary::Sign,
        "Sinh" => Unary::HyperbolicSine,
        "Sqrt" => Unary::SquareRoot,
        "Swish" => Unary::Swish(float("alpha", 1.0)),
        "Tan" => Unary::Tangent,
        "ThresholdedRelu" => Unary::ThresholdedRelu(float("alpha", 1.0)),
        _ => return activation(node),
    };
    Some(Op::Unary(function))
}

fn activation(node: &Source<'_>) -> Option<Op> {
    let float = |name: &str, otherwise: f64| node.float(name).unwrap_or(otherwise);
    let function = match node.operator() {
        "Cos" => Activation::Cosine,
        "Elu" => Activation::Elu(float("alpha", 1.0)),
        "Exp" => Activation::Exponential,
        "LeakyRelu" => Activation::LeakyRelu(float("alpha", f64::from(0.01_f32))),
        "Reciprocal" => Activation::Reciprocal,
        "Relu" => Activation::Rectifier,
        "Sigmoid" => Activation::Logistic,
        "Sin" => Activation::Sine,
        "Softplus" => Activation::Softplus,
        "Softsign" => Activation::Elliott,
        "Tanh" => Activation::Tanh,
        "IsNaN" => return Some(Op::IsNan),
        "IsInf" => {
            return Some(Op::IsInfinite {
                positive: node.integer("detect_positive").unwrap_or(1) != 0,
                negative: node.integer("detect_negative").unwrap_or(1) != 0,
            });
        }
        _ => return None,
    };
    Some(Op::Activate(function))
}

fn binary(node: &Source<'_>) -> Option<Op> {
    let function = match node.operator() {
        "Add" => Binary::Add,
        "Sub" => Binary::Subtract,
        "Mul" => Binary::Multiply,
        "Div" => Binary::Divide,
        "Mod" if node.flag("fmod") => Binary::Remainder,
        "Mod" => Binary::FloorModulo,
        "Pow" => return Some(Op::Power),
        "PRelu" => Binary::LeakySlope,
        "BitShift" if node.text("direction") == Some("LEFT") => Binary::ShiftLeft,
        "BitShift" => Binary::ShiftRight,
        "BitwiseAnd" => Binary::BitAnd,
        "BitwiseOr" => Binary::BitOr,
        "BitwiseXor" => Binary::BitXor,
        _ => {
            return Some(Op::Compare(match node.operator() {
                "And" => Compare::And,
                "Or" => Compare::Or,
                "Xor" => Compare::Xor,
                "Equal" => Compare::Equal,
                "Greater" => Compare::Greater,
                "GreaterOrEqual" => Compare::GreaterOrEqual,
                "Less" => Compare::Less,
                "LessOrEqual" => Compare::LessOrEqual,
                _ => return None,
            }));
        }
    };
    Some(Op::Binary(function))
}

/// A model is scored, not trained: nothing is dropped.
fn dropout(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let data = node.input(0)?;
    let mut values: Vec<Value> = vec![maker.one(Op::Identity, &[data])];
    if node.outputs() > 1 {
        let shape = maker.one(Op::Move(Move::Shape { start: 0, end: None }), &[data]);
        let value = Array::scalar(true);
        let mut mask = maker.one(Op::Move(Move::Fill { value }), &[shape]);
        if node.version < 10 {
            mask = maker.one(Op::Cast(DType::F32), &[mask]);
        }
        values.push(mask);
    }
    Ok(Some(values))
}
