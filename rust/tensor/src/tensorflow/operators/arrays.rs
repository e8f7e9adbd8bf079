//! Operators on numbers and places that are not one operator of ours with the same inputs.

use super::call::{Call, Lowered, binary, number_like};
use crate::array::{Array, DType};
use crate::graph::{Binary, Compare, Op, Reduce, Unary, Value};
use crate::maker::Maker;
use crate::ops::arrange::Arrange;
use crate::ops::counting::{Counting, Segments};
use crate::ops::moves::{Move, Padded};
use crate::ops::partition::Partition;
use crate::ops::random::{Distribution, Random};
use crate::ops::ranking::Ranking;
use crate::ops::scatter::{Scatter, Written};

pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    for topic in [elementwise, choice, places, arranged, counted] {
        if let Some(values) = topic(call, maker)? {
            return Ok(Some(values));
        }
    }
    Ok(None)
}

fn elementwise(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let function = match call.operator() {
        "IsFinite" => {
            let nan = maker.one(Op::IsNan, call.inputs);
            let infinite = Op::IsInfinite {
                positive: true,
                negative: true,
            };
            let infinite = maker.one(infinite, call.inputs);
            let either = maker.one(Op::Compare(Compare::Or), &[nan, infinite]);
            return Ok(Some(vec![maker.one(Op::Unary(Unary::Not), &[either])]));
        }
        "Erfc" => {
            let one = number_like(maker, 1.0, call.input(0)?);
            let error = maker.one(Op::Unary(Unary::ErrorFunction), call.inputs);
            return Ok(Some(vec![binary(maker, Binary::Subtract, one, error)]));
        }
        "LogMatrixDeterminant" => {
            let determinant = maker.one(Op::Determinant, call.inputs);
            let sign = maker.one(Op::Unary(Unary::Sign), &[determinant]);
            let size = maker.one(Op::Unary(Unary::Absolute), &[determinant]);
            return Ok(Some(vec![sign, maker.one(Op::Unary(Unary::Logarithm), &[size])]));
        }
        "L2Loss" => {
            let squares = maker.one(Op::Unary(Unary::Square), call.inputs);
            let sum = Op::Reduce {
                how: Reduce::Sum,
                keep_axes: false,
                all: true,
            };
            let sum = maker.one(sum, &[squares]);
            return Ok(Some(vec![maker.one(Op::Unary(Unary::Scale(0.5)), &[sum])]));
        }
        "Atan2" => return Ok(Some(vec![arc_tangent(maker, call.input(0)?, call.input(1)?)])),
        "FakeQuantWithMinMaxArgs" | "FakeQuantWithMinMaxVars" | "FakeQuantWithMinMaxVarsPerChannel" => {
            return quantize(call, maker);
        }
        "MulNoNan" | "Xlogy" | "Xlog1py" => Binary::Multiply,
        "DivNoNan" | "Xdivy" => Binary::Divide,
        _ => return Ok(None),
    };
    let (left, mut right) = (call.input(0)?, call.input(1)?);
    // What decides, when it is 0, that the result is 0.
    let decides = if matches!(call.operator(), "DivNoNan" | "MulNoNan") {
        right
    } else {
        left
    };
    let zero = number_like(maker, 0.0, decides);
    let nothing = maker.one(Op::Compare(Compare::Equal), &[decides, zero]);
    match call.operator() {
        "Xlogy" => right = maker.one(Op::Unary(Unary::Logarithm), &[right]),
        "Xlog1py" => right = maker.one(Op::Unary(Unary::LogarithmPlusOne), &[right]),
        _ => {}
    }
    let result = binary(maker, function, left, right);
    Ok(Some(vec![
        maker.one(Op::Select { leading: false }, &[nothing, zero, result]),
    ]))
}

/// The angle of a point: that of its slope, turned around where the point lies on the left.
pub(super) fn arc_tangent(maker: &mut Maker<'_>, y: Value, x: Value) -> Value {
    let [zero, half, whole] =
        [0.0, std::f64::consts::FRAC_PI_2, std::f64::consts::PI].map(|n| number_like(maker, n, x));
    let compare = |maker: &mut Maker<'_>, how, a, b| maker.one(Op::Compare(how), &[a, b]);
    let choose = |maker: &mut Maker<'_>, condition, a, b| maker.one(Op::Select { leading: false }, &[condition, a, b]);
    let slope = binary(maker, Binary::Divide, y, x);
    let angle = maker.one(Op::Unary(Unary::ArcTangent), &[slope]);
    let below = compare(maker, Compare::Less, y, zero);
    let negative = maker.one(Op::Unary(Unary::Negative), &[whole]);
    let turn = choose(maker, below, negative, whole);
    let turned = binary(maker, Binary::Add, angle, turn);
    let left = compare(maker, Compare::Less, x, zero);
    let angle = choose(maker, left, turned, angle);
    // Straight up or down, or no direction at all.
    let sign = maker.one(Op::Unary(Unary::Sign), &[y]);
    let straight = binary(maker, Binary::Multiply, sign, half);
    let upright = compare(maker, Compare::Equal, x, zero);
    choose(maker, upright, straight, angle)
}

/// To the nearest of the steps between two limits, which are moved so that 0 is a step.
fn quantize(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let value = call.input(0)?;
    let (low, high) = if call.operator().ends_with("Args") {
        let limit = |name: &str, otherwise: f32| call.node.float(name).unwrap_or(otherwise);
        let limits = [limit("min", -6.0), limit("max", 6.0)];
        let [low, high] = limits.map(|limit| maker.constant(Array::scalar(limit)));
        (low, high)
    } else {
        (call.input(1)?, call.input(2)?)
    };
    let bits = call
        .node
        .integer("num_bits")
        .filter(|bits| (2..=16).contains(bits))
        .unwrap_or(8);
    let first = f64::from(u8::from(call.node.flag("narrow_range")));
    let last = ((1_i64 << bits) - 1) as f64;
    let [first, last] = [first, last].map(|n| number_like(maker, n, value));
    let width = binary(maker, Binary::Subtract, high, low);
    let steps = binary(maker, Binary::Subtract, last, first);
    let step = binary(maker, Binary::Divide, width, steps);
    let offset = binary(maker, Binary::Divide, low, step);
    let zero = binary(maker, Binary::Subtract, first, offset);
    let round = |maker: &mut Maker<'_>, value| {
        let half = number_like(maker, 0.5, value);
        let sum = binary(maker, Binary::Add, value, half);
        maker.one(Op::Unary(Unary::Floor), &[sum])
    };
    let zero = binary(maker, Binary::Maximum, zero, first);
    let zero = binary(maker, Binary::Minimum, zero, last);
    let zero = round(maker, zero);
    let bound = |maker: &mut Maker<'_>, end| {
        let steps = binary(maker, Binary::Subtract, end, zero);
        binary(maker, Binary::Multiply, steps, step)
    };
    let (low, high) = (bound(maker, first), bound(maker, last));
    let clipped = binary(maker, Binary::Maximum, value, low);
    let clipped = binary(maker, Binary::Minimum, clipped, high);
    let above = binary(maker, Binary::Subtract, clipped, low);
    let number = binary(maker, Binary::Divide, above, step);
    let number = round(maker, number);
    let height = binary(maker, Binary::Multiply, number, step);
    Ok(Some(vec![binary(maker, Binary::Add, height, low)]))
}

fn choice(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    match call.operator() {
        "IdentityN" => Ok(Some(call.inputs.to_vec())),
        "ShapeN" => {
            let shape = |input: &Value| {
                maker.one(
                    Op::Shape {
                        long: call.long("out_type"),
                    },
                    &[*input],
                )
            };
            Ok(Some(call.inputs.iter().map(shape).collect()))
        }
        "TopK" | "TopKV2" => {
            let count = match call.node.integer("k") {
                Some(count) if call.operator() == "TopK" => maker.scalar(count),
                _ => call.input(1)?,
            };
            let top = Ranking::Top {
                axis: -1,
                largest: true,
            };
            let found = maker.many(Op::Ranking(top), &[call.input(0)?, count], 2);
            let indices = maker.one(
                Op::Cast(call.node.dtype("index_type").unwrap_or(DType::I32)),
                &found[1..],
            );
            Ok(Some(vec![found[0], indices]))
        }
        "Unique" | "UniqueV2" | "UniqueWithCounts" | "UniqueWithCountsV2" => {
            let unique = Ranking::Unique {
                axis: None,
                sorted: false,
            };
            let found = maker.many(Op::Ranking(unique), call.inputs, 4);
            let cast = Op::Cast(call.index_type("out_idx"));
            let places = maker.one(cast.clone(), &found[2..3]);
            let counts = maker.one(cast, &found[3..]);
            Ok(Some(vec![found[0], places, counts]))
        }
        "LinSpace" => {
            let (start, stop, count) = (call.input(0)?, call.input(1)?, call.input(2)?);
            let [zero, one] = [0_i64, 1].map(|number| maker.constant(Array::scalar(number)));
            let count = maker.one(Op::Cast(DType::I64), &[count]);
            let steps = binary(maker, Binary::Subtract, count, one);
            let steps = binary(maker, Binary::Maximum, steps, one);
            let like = |maker: &mut Maker<'_>, value: Value| maker.one(Op::Move(Move::CastLike), &[value, start]);
            let steps = like(maker, steps);
            let numbers = maker.one(Op::Range, &[zero, count, one]);
            let numbers = like(maker, numbers);
            let way = binary(maker, Binary::Subtract, stop, start);
            let step = binary(maker, Binary::Divide, way, steps);
            let way = binary(maker, Binary::Multiply, step, numbers);
            Ok(Some(vec![binary(maker, Binary::Add, start, way)]))
        }
        "SoftmaxCrossEntropyWithLogits" => {
            let (logits, labels) = (call.input(0)?, call.input(1)?);
            let logarithms = maker.one(Op::LogSoftmax, &[logits]);
            let products = binary(maker, Binary::Multiply, logarithms, labels);
            let sum = Op::Reduce {
                how: Reduce::Sum,
                keep_axes: false,
                all: false,
            };
            let last = maker.scalar(-1);
            let sums = maker.one(sum, &[products, last]);
            Ok(Some(vec![maker.one(Op::Unary(Unary::Negative), &[sums])]))
        }
        // Integers may be multiplied into wider ones.
        "BatchMatMulV3"
            if call
                .node
                .dtype("Tout")
                .is_ok_and(|to| !call.node.dtype("Ta").is_ok_and(|own| own == to)) =>
        {
            let wide = Op::Cast(call.node.dtype("Tout")?);
            let [left, right] = [call.input(0)?, call.input(1)?].map(|value| maker.one(wide.clone(), &[value]));
            let product = Op::MatMul {
                transpose_left: call.node.flag("adj_x"),
                transpose_right: call.node.flag("adj_y"),
            };
            Ok(Some(vec![maker.one(product, &[left, right])]))
        }
        "RandomStandardNormal" => {
            let zero = maker.constant(Array::scalar(0.0_f32));
            let zeros = maker.one(Op::Fill, &[call.input(0)?, zero]);
            let normal = Random {
                what: Distribution::Normal {
                    mean: 0.0,
                    deviation: 1.0,
                },
                shape: None,
                dtype: Some(call.node.dtype("dtype")?),
                seed: 0,
            };
            Ok(Some(vec![maker.one(Op::Random(normal), &[zeros])]))
        }
        "InTopK" | "InTopKV2" => {
            let (scores, wanted) = (call.input(0)?, call.input(1)?);
            let (count, last) = match call.node.integer("k") {
                Some(count) if call.operator() == "InTopK" => (maker.scalar(count), maker.scalar(-1)),
                _ => (call.input(2)?, maker.scalar(-1)),
            };
            let wanted = maker.one(Op::ExpandDims, &[wanted, last]);
            let gather = Op::Gather {
                batch_axes: 1,
                with_axis: true,
            };
            let own = maker.one(gather, &[scores, wanted, last]);
            let above = maker.one(Op::Compare(Compare::Greater), &[scores, own]);
            let above = maker.one(Op::Cast(DType::I64), &[above]);
            let sum = Op::Reduce {
                how: Reduce::Sum,
                keep_axes: false,
                all: false,
            };
            let above = maker.one(sum, &[above, last]);
            let count = maker.one(Op::Cast(DType::I64), &[count]);
            Ok(Some(vec![maker.one(Op::Compare(Compare::Less), &[above, count])]))
        }
        "DynamicPartition" => {
            let count = call.node.count("num_partitions")?;
            call.same(Op::Partition(Partition::Dynamic { count }), maker)
        }
        "DynamicStitch" | "ParallelDynamicStitch" => {
            let count = call.node.count("N")?;
            call.same(Op::Partition(Partition::Stitch { count }), maker)
        }
        "ListDiff" => {
            let places = call.index_type("out_idx");
            call.same(Op::Partition(Partition::Difference { places }), maker)
        }
        "BroadcastArgs" | "BroadcastDynamicShape" => call.same(Op::Arrange(Arrange::CommonShape), maker),
        _ => Ok(None),
    }
}

fn places(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let entries = |how| Op::Scatter(Scatter::Entries { how });
    let how = match call.operator() {
        "Where" => {
            let places = maker.one(Op::Move(Move::NonZero), call.inputs);
            return Ok(Some(vec![super::call::transposed(maker, places, &[1, 0])]));
        }
        "GatherNd" | "ResourceGatherNd" => {
            let batch_axes = usize::try_from(call.node.integer("batch_dims").unwrap_or(0));
            let batch_axes = batch_axes.map_err(|_| call.invalid("attribute 'batch_dims' is negative"))?;
            return call.same(Op::Move(Move::GatherEntries { batch_axes }), maker);
        }
        "ScatterNd" => {
            let (indices, updates, shape) = (call.input(0)?, call.input(1)?, call.input(2)?);
            let zero = number_like(maker, 0.0, updates);
            let zeros = maker.one(Op::Fill, &[shape, zero]);
            return Ok(Some(vec![maker.one(entries(Written::Add), &[zeros, indices, updates])]));
        }
        "TensorScatterSub" => {
            let negative = maker.one(Op::Unary(Unary::Negative), &[call.input(2)?]);
            let inputs = [call.input(0)?, call.input(1)?, negative];
            return Ok(Some(vec![maker.one(entries(Written::Add), &inputs)]));
        }
        "TensorScatterUpdate" => Written::Replace,
        "TensorScatterAdd" => Written::Add,
        "TensorScatterMax" => Written::Maximum,
        "TensorScatterMin" => Written::Minimum,
        _ => return Ok(None),
    };
    call.same(entries(how), maker)
}

fn arranged(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let what = match call.operator() {
        "MirrorPad" => {
            let how = match call.node.text("mode") {
                "REFLECT" => Padded::Reflect,
                "SYMMETRIC" => Padded::Symmetric,
                other => return Err(call.unsupported(&format!("mode '{other}'"))),
            };
            // Pairs of each axis become all widths before, then all behind.
            let widths = super::call::transposed(maker, call.input(1)?, &[1, 0]);
            let flat = maker.integers(&[-1]);
            let widths = maker.one(Op::Reshape, &[widths, flat]);
            return Ok(Some(vec![
                maker.one(Op::Move(Move::Pad { how }), &[call.input(0)?, widths]),
            ]));
        }
        "ReverseSequence" => {
            let what = Move::ReverseSequence {
                time_axis: call.node.integer("seq_dim").unwrap_or(0),
                batch_axis: call.node.integer("batch_dim").unwrap_or(0),
            };
            return call.same(Op::Move(what), maker);
        }
        "Bitcast" => return call.same(Op::Move(Move::Reinterpret(call.node.dtype("type")?)), maker),
        "ReverseV2" => Arrange::Reverse,
        "Roll" => Arrange::Roll,
        "InvertPermutation" => Arrange::InvertPermutation,
        "MatrixBandPart" | "BatchMatrixBandPart" => Arrange::Band,
        "MatrixDiag" | "BatchMatrixDiag" => Arrange::Diagonal,
        "MatrixDiagV2" | "MatrixDiagV3" => Arrange::DiagonalAt,
        "DiagPart" => Arrange::DiagonalTensorPart,
        "Diag" => Arrange::DiagonalTensor,
        "MatrixDiagPart" | "BatchMatrixDiagPart" => Arrange::DiagonalPart,
        "MatrixDiagPartV2" | "MatrixDiagPartV3" => Arrange::DiagonalPartAt,
        "MatrixSetDiag" | "BatchMatrixSetDiag" => Arrange::SetDiagonal,
        "MatrixSetDiagV2" | "MatrixSetDiagV3" => Arrange::SetDiagonalAt,
        _ => return Ok(None),
    };
    call.same(Op::Arrange(what), maker)
}

fn counted(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let segments = |how, counted| {
        Counting::Segments(Segments {
            how,
            counted,
            indexed: call.operator().starts_with("Sparse"),
        })
    };
    let what = match call.operator() {
        "Bucketize" => Counting::Bucketize {
            boundaries: call
                .node
                .list("boundaries")
                .map(|list| list.f.clone())
                .unwrap_or_default(),
        },
        "Bincount" => Counting::Bincount {
            binary: false,
            dtype: call.node.dtype("T")?,
        },
        "DenseBincount" => Counting::Bincount {
            binary: call.node.flag("binary_output"),
            dtype: call.node.dtype("T")?,
        },
        "SegmentSum" | "SparseSegmentSum" => segments(Reduce::Sum, false),
        "SegmentMean" | "SparseSegmentMean" => segments(Reduce::Mean, false),
        "SparseSegmentSqrtN" => segments(Reduce::Length, false),
        "SegmentMax" => segments(Reduce::Maximum, false),
        "SegmentMin" => segments(Reduce::Minimum, false),
        "SegmentProd" => segments(Reduce::Product, false),
        "UnsortedSegmentSum" | "SegmentSumV2" => segments(Reduce::Sum, true),
        "UnsortedSegmentMax" | "SegmentMaxV2" => segments(Reduce::Maximum, true),
        "UnsortedSegmentMin" | "SegmentMinV2" => segments(Reduce::Minimum, true),
        "UnsortedSegmentProd" | "SegmentProdV2" => segments(Reduce::Product, true),
        "LowerBound" | "UpperBound" => Counting::Bound {
            upper: call.operator() == "UpperBound",
            long: call.long("out_type"),
        },
        "SparseToDense" => Counting::Dense,
        _ => return Ok(None),
    };
    call.same(Op::Counting(what), maker)
}
