//! Fourier transforms and the complex numbers that they give: these are pairs of real ones along a last axis.

use serving_kernels::activation::Activation;
use serving_model::ModelError;

use super::call::{Call, Lowered, binary};
use crate::array::{Array, DType};
use crate::graph::{Binary, Op, Reduce, Unary, Value};
use crate::maker::Maker;
use crate::ops::moves::Move;
use crate::ops::signal::Signal;

/// Attributes that tell the type of what an operator takes or gives.
const TYPES: [&str; 5] = ["T", "Tcomplex", "Tout", "SrcT", "DstT"];

pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    // What only complex numbers have may leave out their type.
    let complex = matches!(
        call.operator(),
        "Complex" | "Real" | "Imag" | "ComplexAbs" | "Angle" | "Conj"
    ) || TYPES.iter().any(|name| call.node.is_complex(name));
    let value = match call.operator() {
        "RFFT" => {
            let last = maker.scalar(-1);
            let signal = maker.one(Op::ExpandDims, &[call.input(0)?, last]);
            transform(call, maker, signal, [false, true])
        }
        "IRFFT" => {
            let real = transform(call, maker, call.input(0)?, [true, true]);
            maker.one(Op::Squeeze(vec![-1]), &[real])
        }
        "FFT" | "IFFT" => transform(call, maker, call.input(0)?, [call.operator() == "IFFT", false]),
        _ if complex => arithmetic(call, maker)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![value]))
}

/// Along the last axis of the numbers; whether backwards, and whether one side stands for both.
fn transform(call: &Call<'_>, maker: &mut Maker<'_>, signal: Value, [inverse, one_sided]: [bool; 2]) -> Value {
    let (length, axis) = (call.inputs.get(1).copied(), maker.scalar(-2));
    let length = length.unwrap_or_else(|| maker.nothing());
    let transform = Signal::Fourier { inverse, one_sided };
    maker.one(Op::Signal(transform), &[signal, length, axis])
}

fn part(maker: &mut Maker<'_>, value: Value, which: i64) -> Value {
    let (which, last) = (maker.scalar(which), maker.scalar(-1));
    let gather = Op::Gather {
        batch_axes: 0,
        with_axis: true,
    };
    maker.one(gather, &[value, which, last])
}

fn pair(maker: &mut Maker<'_>, real: Value, imaginary: Value) -> Value {
    maker.one(Op::Pack { axis: -1 }, &[real, imaginary])
}

fn arithmetic(call: &Call<'_>, maker: &mut Maker<'_>) -> Result<Value, ModelError> {
    let value = call.input(0)?;
    let parts = |maker: &mut Maker<'_>, value| [0, 1].map(|which| part(maker, value, which));
    Ok(match call.operator() {
        "Complex" => {
            let imaginary = call.input(1)?;
            // Broadcast to each other.
            let [below, above] = [imaginary, value].map(|other| maker.one(Op::Zeros, &[other]));
            let real = binary(maker, Binary::Add, value, below);
            let imaginary = binary(maker, Binary::Add, imaginary, above);
            pair(maker, real, imaginary)
        }
        "Cast" if call.node.is_complex("SrcT") && call.node.is_complex("DstT") => value,
        "Cast" if call.node.is_complex("DstT") => {
            let real = maker.one(Op::Cast(DType::F32), &[value]);
            let zeros = maker.one(Op::Zeros, &[real]);
            pair(maker, real, zeros)
        }
        "Cast" => {
            let real = part(maker, value, 0);
            maker.one(Op::Cast(call.node.dtype("DstT")?), &[real])
        }
        "Real" => part(maker, value, 0),
        "Imag" => part(maker, value, 1),
        "ComplexAbs" => {
            let length = Op::Reduce {
                how: Reduce::Length,
                keep_axes: false,
                all: false,
            };
            let last = maker.integers(&[-1]);
            maker.one(length, &[value, last])
        }
        "Angle" => {
            let [x, y] = parts(maker, value);
            super::arrays::arc_tangent(maker, y, x)
        }
        "Conj" => {
            let signs = maker.constant(Array::new(vec![2], vec![1.0_f32, -1.0]));
            let signs = maker.one(Op::Move(Move::CastLike), &[signs, value]);
            binary(maker, Binary::Multiply, value, signs)
        }
        "Add" | "AddV2" => binary(maker, Binary::Add, value, call.input(1)?),
        "Sub" => binary(maker, Binary::Subtract, value, call.input(1)?),
        "Neg" => maker.one(Op::Unary(Unary::Negative), &[value]),
        "Mul" => {
            let [a, b] = parts(maker, value);
            let [c, d] = parts(maker, call.input(1)?);
            let [ac, bd, ad, bc] = [(a, c), (b, d), (a, d), (b, c)].map(|(x, y)| binary(maker, Binary::Multiply, x, y));
            let real = binary(maker, Binary::Subtract, ac, bd);
            let imaginary = binary(maker, Binary::Add, ad, bc);
            pair(maker, real, imaginary)
        }
        "Exp" => {
            let [real, turn] = parts(maker, value);
            let size = maker.one(Op::Activate(Activation::Exponential), &[real]);
            let [x, y] = [Activation::Cosine, Activation::Sine].map(|function| {
                let way = maker.one(Op::Activate(function), &[turn]);
                binary(maker, Binary::Multiply, size, way)
            });
            pair(maker, x, y)
        }
        "Reshape" => {
            let (two, front) = (maker.integers(&[2]), maker.scalar(0));
            let shape = maker.one(Op::Cast(DType::I64), &[call.input(1)?]);
            let shape = maker.one(Op::Concat { axis_first: false }, &[shape, two, front]);
            maker.one(Op::Reshape, &[value, shape])
        }
        "StridedSlice" => slice(call, maker)?,
        "Identity" | "StopGradient" | "Snapshot" => value,
        _ => return Err(call.unsupported("complex numbers")),
    })
}

/// Places count from the end of the axes only behind an ellipsis: there the axis of the parts is to be kept as well.
fn slice(call: &Call<'_>, maker: &mut Maker<'_>) -> Result<Value, ModelError> {
    let Some(Op::StridedSlice(mut masks)) = super::translate(call.node)? else {
        return Err(call.unsupported("complex numbers"));
    };
    let mut inputs = call.inputs.to_vec();
    if masks.ellipsis != 0 {
        let count = inputs.get(1).and_then(|begin| maker.known(*begin)).map(Array::len);
        let count = count
            .filter(|count| *count < 32)
            .ok_or_else(|| call.unsupported("complex numbers at places that are not constant"))?;
        masks.begin |= 1 << count;
        masks.end |= 1 << count;
        for (input, entry) in inputs[1..].iter_mut().zip([0, 0, 1]) {
            let (entry, axis) = (maker.integers(&[entry]), maker.scalar(0));
            let long = maker.one(Op::Cast(DType::I64), &[*input]);
            *input = maker.one(Op::Concat { axis_first: false }, &[long, entry, axis]);
        }
    }
    Ok(maker.one(Op::StridedSlice(masks), &inputs))
}
