//! Which of our operators a TensorFlow operator is.

use serving_kernels::activation::Activation;
use serving_model::ModelError;

mod arrays;
mod call;
mod images;
mod lists;
mod pictures;
pub(super) mod ports;
mod spectral;
mod strings;

use call::{Call, Lowered};

use super::invalid_at;
use super::proto::NodeDef;
use crate::array::DType;
use crate::graph::{Binary, Compare, Op, Padding, Reduce, SliceMasks, Unary, Value, Window};
use crate::maker::Maker;
use crate::ops::Equation;
use crate::ops::decompositions::Decomposition;
use crate::ops::systems::System;
pub(super) use ports::ports;

/// Whether nobody waits for an answer of this operator although nobody consumes it.
pub(super) fn is_no_answer(operator: &str) -> bool {
    matches!(
        operator,
        "NoOp"
            | "Const"
            | "Placeholder"
            | "PlaceholderWithDefault"
            | "Assert"
            | "Print"
            | "PrintV2"
            | "SaveV2"
            | "NextIteration"
            | "Assign"
            | "AssignVariableOp"
    ) || super::tables::fills(operator)
}

/// Whether an operator changes a variable or a table.
pub(super) fn is_assignment(operator: &str) -> bool {
    (operator.starts_with("Assign") && operator != "Assign")
        || operator.starts_with("ResourceScatter")
        || operator.starts_with("LookupTableInsert")
        || operator.starts_with("LookupTableRemove")
}

/// Translates a node that is neither an input nor a constant nor part of a loop's frame; the values of its outputs. `None` when the
/// operator is not supported.
///
/// # Errors
/// When an attribute or an input is missing or has a value that is not supported.
pub(super) fn lower(node: &NodeDef, inputs: &[Value], maker: &mut Maker<'_>) -> Result<Option<Vec<Value>>, ModelError> {
    let call = Call { node, inputs };
    let topics: &[fn(&Call<'_>, &mut Maker<'_>) -> Lowered] = &[
        spectral::lower,
        arrays::lower,
        images::lower,
        pictures::lower,
        lists::lower,
        strings::lower,
    ];
    for topic in topics {
        if let Some(values) = topic(&call, maker)? {
            return Ok(Some(values));
        }
    }
    if let Some(op) = translate(node)? {
        let outputs = op.ports();
        return Ok(Some(maker.many(op, inputs, outputs)));
    }
    Ok(None)
}

/// Translates a node that is neither an input nor a constant nor part of a loop's frame. `None` when the operator is not supported.
///
/// # Errors
/// When an attribute is missing or has a value that is not supported.
fn translate(node: &NodeDef) -> Result<Option<Op>, ModelError> {
    let axis = |name: &str| node.integer(name).unwrap_or(0);
    let long = |name: &str| node.dtype(name).is_ok_and(|dtype| dtype == DType::I64);
    let reduce = |how| Op::Reduce {
        how,
        keep_axes: node.flag("keep_dims"),
        all: false,
    };
    Ok(Some(match node.op.as_str() {
        "Identity"
        | "StopGradient"
        | "Snapshot"
        | "PreventGradient"
        | "CheckNumerics"
        | "PlaceholderWithDefault"
        | "EnsureShape"
        | "GuaranteeConst"
        // A variable is its value: nothing assigns to it once the model is loaded.
        | "ReadVariableOp" => Op::Identity,
        "Neg" => Op::Unary(Unary::Negative),
        "Abs" => Op::Unary(Unary::Absolute),
        "Sqrt" => Op::Unary(Unary::SquareRoot),
        "Rsqrt" => Op::Unary(Unary::ReciprocalSquareRoot),
        "Log" => Op::Unary(Unary::Logarithm),
        "Log1p" => Op::Unary(Unary::LogarithmPlusOne),
        "Expm1" => Op::Unary(Unary::ExponentialMinusOne),
        "Floor" => Op::Unary(Unary::Floor),
        "Ceil" => Op::Unary(Unary::Ceiling),
        "Round" | "Rint" => Op::Unary(Unary::Round),
        "Sign" => Op::Unary(Unary::Sign),
        "Square" => Op::Unary(Unary::Square),
        "Tan" => Op::Unary(Unary::Tangent),
        "Asin" => Op::Unary(Unary::ArcSine),
        "Acos" => Op::Unary(Unary::ArcCosine),
        "Sinh" => Op::Unary(Unary::HyperbolicSine),
        "Cosh" => Op::Unary(Unary::HyperbolicCosine),
        "Asinh" => Op::Unary(Unary::AreaSine),
        "Acosh" => Op::Unary(Unary::AreaCosine),
        "Atanh" => Op::Unary(Unary::AreaTangent),
        "Erf" => Op::Unary(Unary::ErrorFunction),
        "Erfinv" => Op::Unary(Unary::InverseErrorFunction),
        "Ndtri" => Op::Unary(Unary::NormalQuantile),
        "Lgamma" => Op::Unary(Unary::LogGamma),
        "Digamma" => Op::Unary(Unary::Digamma),
        "IsNan" => Op::IsNan,
        "IsInf" => Op::IsInfinite {
            positive: true,
            negative: true,
        },
        "Atan" => Op::Unary(Unary::ArcTangent),
        "LogicalNot" | "Invert" => Op::Unary(Unary::Not),
        "Exp" => Op::Activate(Activation::Exponential),
        "Reciprocal" | "Inv" => Op::Activate(Activation::Reciprocal),
        "Sin" => Op::Activate(Activation::Sine),
        "Cos" => Op::Activate(Activation::Cosine),
        "Sigmoid" => Op::Activate(Activation::Logistic),
        "Tanh" => Op::Activate(Activation::Tanh),
        "Relu" => Op::Activate(Activation::Rectifier),
        "Relu6" => Op::Activate(Activation::Relu6),
        "LeakyRelu" => Op::Activate(Activation::LeakyRelu(f64::from(node.float("alpha").unwrap_or(0.2)))),
        "Elu" => Op::Activate(Activation::Elu(1.0)),
        "Selu" => Op::Activate(Activation::Selu),
        "Softplus" => Op::Activate(Activation::Softplus),
        "Softsign" => Op::Activate(Activation::Elliott),
        "Softmax" => Op::Activate(Activation::Softmax),
        "LogSoftmax" => Op::LogSoftmax,
        "Add" | "AddV2" => Op::Binary(Binary::Add),
        "Mod" | "TruncateMod" => Op::Binary(Binary::Remainder),
        "BitwiseAnd" => Op::Binary(Binary::BitAnd),
        "BitwiseOr" => Op::Binary(Binary::BitOr),
        "BitwiseXor" => Op::Binary(Binary::BitXor),
        "LeftShift" => Op::Binary(Binary::ShiftLeft),
        "RightShift" => Op::Binary(Binary::ShiftRight),
        "ClipByValue" => Op::Clip,
        "Cumsum" | "Cumprod" => Op::Cumulate {
            product: node.op == "Cumprod",
            exclusive: node.flag("exclusive"),
            reverse: node.flag("reverse"),
        },
        "Einsum" => {
            let equation = Equation::read(node.text("equation"));
            Op::Einsum(equation.ok_or_else(|| invalid_at(node, "attribute 'equation' can't be read"))?)
        }
        "MatrixInverse" | "BatchMatrixInverse" => Op::System(System::Inverse {
            adjoint: node.flag("adjoint"),
        }),
        "MatrixSolve" | "BatchMatrixSolve" => Op::System(System::Solve {
            adjoint: node.flag("adjoint"),
        }),
        "MatrixTriangularSolve" | "BatchMatrixTriangularSolve" => Op::System(System::SolveTriangular {
            lower: !node.attr.contains_key("lower") || node.flag("lower"),
            adjoint: node.flag("adjoint"),
        }),
        "Cholesky" | "BatchCholesky" => Op::System(System::Cholesky),
        "Qr" => Op::Decomposition(Decomposition::Triangular {
            full: node.flag("full_matrices"),
        }),
        "SelfAdjointEigV2" => Op::Decomposition(Decomposition::Eigen),
        "Svd" => Op::Decomposition(Decomposition::Singular {
            full: node.flag("full_matrices"),
            vectors: !node.attr.contains_key("compute_uv") || node.flag("compute_uv"),
        }),
        "EuclideanNorm" => reduce(Reduce::Length),
        "MatrixDeterminant" | "BatchMatrixDeterminant" => Op::Determinant,
        "Sub" => Op::Binary(Binary::Subtract),
        "Mul" => Op::Binary(Binary::Multiply),
        "RealDiv" | "Div" | "TruncateDiv" => Op::Binary(Binary::Divide),
        "FloorDiv" => Op::Binary(Binary::FloorDivide),
        "FloorMod" => Op::Binary(Binary::FloorModulo),
        "Maximum" => Op::Binary(Binary::Maximum),
        "Minimum" => Op::Binary(Binary::Minimum),
        "Pow" => Op::Binary(Binary::Power),
        "SquaredDifference" => Op::Binary(Binary::SquaredDifference),
        "Less" => Op::Compare(Compare::Less),
        "LessEqual" => Op::Compare(Compare::LessOrEqual),
        "Greater" => Op::Compare(Compare::Greater),
        "GreaterEqual" => Op::Compare(Compare::GreaterOrEqual),
        "Equal" => Op::Compare(Compare::Equal),
        "NotEqual" => Op::Compare(Compare::NotEqual),
        "LogicalAnd" => Op::Compare(Compare::And),
        "LogicalXor" => Op::Compare(Compare::Xor),
        "LogicalOr" => Op::Compare(Compare::Or),
        "Select" => Op::Select { leading: true },
        "SelectV2" => Op::Select { leading: false },
        "BiasAdd" => Op::BiasAdd {
            channels_first: node.text("data_format") == "NCHW",
        },
        "BiasAddV1" => Op::BiasAdd { channels_first: false },
        "MatMul" | "SparseMatMul" => Op::MatMul {
            transpose_left: node.flag("transpose_a"),
            transpose_right: node.flag("transpose_b"),
        },
        "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3" => Op::MatMul {
            transpose_left: node.flag("adj_x"),
            transpose_right: node.flag("adj_y"),
        },
        "ArgMax" | "ArgMin" => Op::ArgExtreme {
            largest: node.op == "ArgMax",
            long: node.dtype("output_type").map_or(true, |dtype| dtype == DType::I64),
            last: false,
        },
        "Sum" => reduce(Reduce::Sum),
        "Mean" => reduce(Reduce::Mean),
        "Max" => reduce(Reduce::Maximum),
        "Min" => reduce(Reduce::Minimum),
        "Prod" => reduce(Reduce::Product),
        "All" => reduce(Reduce::All),
        "Any" => reduce(Reduce::Any),
        "Cast" => Op::Cast(node.dtype("DstT")?),
        "Shape" | "VariableShape" => Op::Shape { long: long("out_type") },
        "Rank" => Op::Rank,
        "Size" => Op::Size { long: long("out_type") },
        "Reshape" => Op::Reshape,
        "Squeeze" => Op::Squeeze(node.list("squeeze_dims").map(|list| list.i.clone()).unwrap_or_default()),
        "ExpandDims" => Op::ExpandDims,
        "Transpose" => Op::Transpose,
        "Pack" => Op::Pack { axis: axis("axis") },
        "Unpack" => Op::Unpack {
            axis: axis("axis"),
            count: node.count("num")?,
        },
        "ConcatV2" => Op::Concat { axis_first: false },
        "Concat" => Op::Concat { axis_first: true },
        "Split" => Op::Split {
            count: node.count("num_split")?,
        },
        "SplitV" => Op::SplitSizes {
            count: node.count("num_split")?,
        },
        "Slice" => Op::Slice,
        "StridedSlice" => {
            let mask = |name: &str| node.integer(name).unwrap_or(0).cast_unsigned();
            Op::StridedSlice(SliceMasks {
                begin: mask("begin_mask"),
                end: mask("end_mask"),
                ellipsis: mask("ellipsis_mask"),
                new_axis: mask("new_axis_mask"),
                shrink: mask("shrink_axis_mask"),
            })
        }
        "Pad" | "PadV2" => Op::Pad,
        "Tile" => Op::Tile,
        "BroadcastTo" => Op::BroadcastTo,
        "Fill" => Op::Fill,
        "Range" => Op::Range,
        "ZerosLike" => Op::Zeros,
        "OnesLike" => Op::Ones,
        "AddN" => Op::AddN,
        "Gather" | "GatherV2" | "ResourceGather" => Op::Gather {
            batch_axes: axis("batch_dims"),
            with_axis: node.op == "GatherV2",
        },
        "OneHot" => Op::OneHot {
            axis: node.integer("axis").unwrap_or(-1),
        },
        "Conv2D" => Op::Convolution(window(node)?),
        "DepthwiseConv2dNative" => Op::DepthwiseConvolution(window(node)?),
        "Conv2DBackpropInput" => Op::TransposedConvolution(window(node)?),
        "MaxPool" | "AvgPool" => Op::Pool {
            window: window(node)?,
            size: pair(node, "ksize")?,
            maximum: node.op == "MaxPool",
        },
        "SpaceToBatchND" => Op::SpaceToBatch,
        "BatchToSpaceND" => Op::BatchToSpace,
        "RandomUniform" => Op::RandomUniform {
            dtype: node.dtype("dtype")?,
        },
        "CTCGreedyDecoder" => Op::Ragged(crate::ops::ragged::Ragged::GreedyPath {
            merges: node.flag("merge_repeated"),
            blank: node.integer("blank_index").unwrap_or(-1),
        }),
        "TensorListFromTensor" => Op::ListFromTensor,
        "TensorListReserve" => Op::ListReserve,
        "TensorListGetItem" => Op::ListGet {
            dtype: node.dtype("element_dtype")?,
        },
        "TensorListSetItem" => Op::ListSet,
        "TensorListStack" => Op::ListStack {
            dtype: node.dtype("element_dtype")?,
        },
        "TensorListLength" => Op::ListLength,
        _ => return Ok(None),
    }))
}

fn unsupported(node: &NodeDef, what: &str) -> ModelError {
    crate::trouble::at_node(ModelError::unsupported(format!("{}: {what}", node.op)), &node.name)
}

fn window(node: &NodeDef) -> Result<Window, ModelError> {
    if !matches!(node.text("data_format"), "NHWC" | "") {
        return Err(unsupported(node, "only images with channels last (NHWC) are supported"));
    }
    let padding = match node.text("padding") {
        "VALID" => Padding::Valid,
        "SAME" => Padding::Same,
        other => return Err(unsupported(node, &format!("padding '{other}' is not supported"))),
    };
    Ok(Window {
        strides: pair(node, "strides")?,
        dilations: if node.list("dilations").is_some_and(|list| !list.i.is_empty()) {
            pair(node, "dilations")?
        } else {
            [1, 1]
        },
        padding,
    })
}

/// Height and width of an attribute with four entries, whose other two must be 1.
pub(super) fn pair(node: &NodeDef, name: &str) -> Result<[usize; 2], ModelError> {
    let entry = |value: i64| {
        usize::try_from(value)
            .ok()
            .filter(|value| (1..=1 << 16).contains(value))
    };
    match node.list(name).map(|list| list.i.as_slice()) {
        Some(&[1, height, width, 1]) => entry(height).zip(entry(width)).map(|(height, width)| [height, width]),
        _ => None,
    }
    .ok_or_else(|| {
        unsupported(
            node,
            &format!("attribute '{name}' must be [1, height, width, 1] with small numbers"),
        )
    })
}
