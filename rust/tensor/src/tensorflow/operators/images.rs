//! Windows over images beyond two axes with channels last: these go through the operators with channels first.

use serving_model::ModelError;

use super::call::{Call, Lowered, binary, number_like, transposed};
use crate::array::DType;
use crate::graph::{Binary, Op, Reduce, Unary, Value};
use crate::maker::Maker;
use crate::ops::Spatial;
use crate::ops::moves::Move;
use crate::ops::normalization::Normalization;
use crate::ops::ranking::Ranking;
use crate::ops::spatial::{Aspect, Coordinates, Growth, Interpolation, Nearest, Padding, Pool, Resize, Window};

/// Windows that the operators for two axes with channels last don't have.
pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let special = call.node.text("data_format").starts_with("NC") || call.node.text("padding") == "EXPLICIT";
    match call.operator() {
        "Conv2D" if special => convolve(call, maker, 2),
        "Conv3D" => convolve(call, maker, 3),
        "Conv3DBackpropInputV2" => grow(call, maker),
        "NonMaxSuppressionV2" | "NonMaxSuppressionV3" => suppress(call, maker),
        "MaxPool" | "AvgPool" if special => pool(call, maker, 2),
        "MaxPool3D" | "AvgPool3D" => pool(call, maker, 3),
        "ResizeBilinear" | "ResizeNearestNeighbor" | "ResizeBicubic" => resize(call, maker),
        "DepthToSpace" | "SpaceToDepth" => blocks(call, maker),
        "LRN" => response(call, maker),
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => normalize(call, maker),
        _ => Ok(None),
    }
}

fn channels_first(call: &Call<'_>) -> bool {
    call.node.text("data_format").starts_with("NC")
}

/// Entries of an attribute for the axes of the image.
fn entries(call: &Call<'_>, name: &str, axes: usize) -> Result<Vec<usize>, ModelError> {
    let list = call.node.list(name).map(|list| list.i.as_slice()).unwrap_or_default();
    if list.is_empty() {
        return Ok(vec![1; axes]);
    }
    let start = if channels_first(call) { 2 } else { 1 };
    let own = list.get(start..start + axes).filter(|_| list.len() == axes + 2);
    let own = own.map(|own| {
        own.iter()
            .map(|entry| usize::try_from(*entry).ok().filter(|entry| *entry <= 1 << 16))
    });
    own.and_then(Iterator::collect::<Option<_>>)
        .ok_or_else(|| call.unsupported(&format!("attribute '{name}' has not one small number for each axis")))
}

fn window(call: &Call<'_>, axes: usize) -> Result<Window, ModelError> {
    let padding = match call.node.text("padding") {
        "VALID" => Padding::default(),
        "SAME" => Padding::Same { odd_after: true },
        "EXPLICIT" => {
            let list = call
                .node
                .list("explicit_paddings")
                .map(|list| list.i.as_slice())
                .unwrap_or_default();
            let start = if channels_first(call) { 4 } else { 2 };
            let own = list.get(start..start + 2 * axes);
            let own = own.ok_or_else(|| call.invalid("attribute 'explicit_paddings' has too few entries"))?;
            let before = own.iter().step_by(2).copied();
            Padding::Explicit(before.chain(own.iter().skip(1).step_by(2).copied()).collect())
        }
        other => return Err(call.unsupported(&format!("padding '{other}' is not supported"))),
    };
    Ok(Window {
        strides: entries(call, "strides", axes)?,
        dilations: entries(call, "dilations", axes)?,
        padding,
        round_up: false,
    })
}

/// Makes the channels the second axis, works, and puts them back.
fn first(
    call: &Call<'_>,
    maker: &mut Maker<'_>,
    axes: usize,
    work: impl FnOnce(&mut Maker<'_>, Value) -> Value,
) -> Lowered {
    let image = call.input(0)?;
    if channels_first(call) {
        return Ok(Some(vec![work(maker, image)]));
    }
    let rank = axes as i64 + 2;
    let order: Vec<i64> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    let image = transposed(maker, image, &order);
    let result = work(maker, image);
    let order: Vec<i64> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    Ok(Some(vec![transposed(maker, result, &order)]))
}

fn convolve(call: &Call<'_>, maker: &mut Maker<'_>, axes: usize) -> Lowered {
    let window = window(call, axes)?;
    let filter = call.input(1)?;
    let rank = axes as i64 + 2;
    let order: Vec<i64> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
    let filter = transposed(maker, filter, &order);
    let convolution = Spatial::Convolution { window, groups: 0 };
    first(call, maker, axes, |maker, image| {
        maker.one(Op::Spatial(convolution), &[image, filter])
    })
}

/// Sizes, filter, image: the gradient of a convolution, which is one that grows.
fn grow(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let window = window(call, 3)?;
    let filter = transposed(maker, call.input(1)?, &[4, 3, 0, 1, 2]);
    let growth = Growth {
        output_shape: Vec::new(),
        output_padding: Vec::new(),
    };
    let convolution = Spatial::TransposedConvolution {
        window,
        growth,
        groups: 1,
    };
    let image = Call {
        node: call.node,
        inputs: call.inputs.get(2..).unwrap_or_default(),
    };
    let grown = first(&image, maker, 3, |maker, image| {
        maker.one(Op::Spatial(convolution), &[image, filter])
    })?;
    // The sizes follow from the window for all that layers write; others are refused here.
    let inputs: Vec<Value> = grown.into_iter().flatten().chain([call.input(0)?]).collect();
    Ok(Some(vec![maker.one(Op::BroadcastTo, &inputs)]))
}

/// Boxes, scores, number, most overlap, least score: the places of the boxes that are kept.
fn suppress(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let count = maker.integers(&[1, 1, -1]);
    let front = maker.scalar(0);
    let boxes = maker.one(Op::ExpandDims, &[call.input(0)?, front]);
    let scores = maker.one(Op::Reshape, &[call.input(1)?, count]);
    let mut inputs = vec![boxes, scores, call.input(2)?, call.input(3)?];
    inputs.extend(call.inputs.get(4));
    let suppression = Ranking::NonMaxSuppression { centered: false };
    let kept = maker.one(Op::Ranking(suppression), &inputs);
    let (column, last) = (maker.scalar(2), maker.scalar(1));
    let places = maker.one(
        Op::Gather {
            batch_axes: 0,
            with_axis: true,
        },
        &[kept, column, last],
    );
    Ok(Some(vec![maker.one(Op::Cast(DType::I32), &[places])]))
}

fn pool(call: &Call<'_>, maker: &mut Maker<'_>, axes: usize) -> Lowered {
    let how = if call.operator().starts_with("Max") {
        Pool::Maximum { by_columns: false }
    } else {
        Pool::Mean { padding_counts: false }
    };
    let pool = Spatial::Pool {
        how,
        sizes: entries(call, "ksize", axes)?,
        window: window(call, axes)?,
    };
    first(call, maker, axes, |maker, image| maker.one(Op::Spatial(pool), &[image]))
}

fn resize(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let (corners, centers) = (call.node.flag("align_corners"), call.node.flag("half_pixel_centers"));
    let coordinates = match (corners, centers) {
        (true, _) => Coordinates::AlignCorners,
        (false, true) => Coordinates::HalfPixel,
        (false, false) => Coordinates::Asymmetric,
    };
    let how = match call.operator() {
        "ResizeBilinear" => Interpolation::Linear,
        "ResizeBicubic" => Interpolation::SteppedCubic(if centers { -0.5 } else { -0.75 }),
        _ if corners || centers => Interpolation::Nearest(Nearest::RoundPreferCeiling),
        _ => Interpolation::Nearest(Nearest::Floor),
    };
    let resize = Resize {
        how,
        coordinates,
        axes: vec![1, 2],
        antialias: false,
        exclude_outside: call.operator() == "ResizeBicubic" && centers,
        extrapolation: 0.0,
        aspect: Aspect::Stretch,
    };
    let mut image = call.input(0)?;
    if call.operator() != "ResizeNearestNeighbor" {
        image = maker.one(Op::Cast(DType::F32), &[image]);
    }
    let nothing = maker.nothing();
    let inputs = [image, nothing, nothing, call.input(1)?];
    Ok(Some(vec![maker.one(Op::Spatial(Spatial::Resize(resize)), &inputs)]))
}

fn blocks(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let block = call.node.count("block_size")?;
    let what = if call.operator() == "DepthToSpace" {
        Move::DepthToSpace {
            block,
            depth_first: true,
        }
    } else {
        Move::SpaceToDepth {
            block,
            depth_first: true,
        }
    };
    first(call, maker, 2, |maker, image| maker.one(Op::Move(what), &[image]))
}

fn response(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let radius = usize::try_from(call.node.integer("depth_radius").unwrap_or(5))
        .ok()
        .filter(|radius| *radius < 1 << 16);
    let radius = radius.ok_or_else(|| call.invalid("attribute 'depth_radius' is no small number"))?;
    let size = 2 * radius + 1;
    let float = |name: &str, otherwise: f32| f64::from(call.node.float(name).unwrap_or(otherwise));
    let normalization = Normalization::LocalResponse {
        size,
        // Ours is divided by the size, TensorFlow's is not.
        alpha: float("alpha", 1.0) * size as f64,
        beta: float("beta", 0.5),
        bias: float("bias", 1.0),
    };
    first(call, maker, 2, |maker, image| {
        maker.one(Op::Normalization(normalization), &[image])
    })
}

/// Batch normalisation: with its own mean and variance, or with channels first.
fn normalize(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let epsilon = call.node.float("epsilon").unwrap_or(1e-4);
    let training = call
        .node
        .attr
        .get("is_training")
        .is_none_or(|_| call.node.flag("is_training"));
    let [data, scale, offset] = [call.input(0)?, call.input(1)?, call.input(2)?];
    if !training {
        let (mean, variance) = (call.input(3)?, call.input(4)?);
        let inputs = [data, scale, offset, mean, variance];
        let result = if channels_first(call) {
            let batch = Normalization::Batch {
                epsilon: f64::from(epsilon),
                momentum: None,
            };
            maker.one(Op::Normalization(batch), &inputs)
        } else {
            maker.one(Op::BatchNormalization { epsilon }, &inputs)
        };
        return Ok(Some(vec![result, mean, variance, mean, variance, mean]));
    }
    if channels_first(call) {
        return Err(call.unsupported("in training with channels first"));
    }
    let axes = maker.integers(&[0, 1, 2]);
    let mean_of = |maker: &mut Maker<'_>, value: Value| {
        let mean = Op::Reduce {
            how: Reduce::Mean,
            keep_axes: false,
            all: false,
        };
        maker.one(mean, &[value, axes])
    };
    let mean = mean_of(maker, data);
    let centred = binary(maker, Binary::Subtract, data, mean);
    let squares = maker.one(Op::Unary(Unary::Square), &[centred]);
    let variance = mean_of(maker, squares);
    let epsilon = number_like(maker, f64::from(epsilon), variance);
    let sum = binary(maker, Binary::Add, variance, epsilon);
    let factor = maker.one(Op::Unary(Unary::ReciprocalSquareRoot), &[sum]);
    let scaled = binary(maker, Binary::Multiply, centred, factor);
    let scaled = binary(maker, Binary::Multiply, scaled, scale);
    let result = binary(maker, Binary::Add, scaled, offset);
    Ok(Some(vec![result, mean, variance, mean, variance, mean]))
}
