//! Calculations with narrow types: half precision is worked on in single precision and rounded once per node, small integers
//! are worked on with 64 bits and cut off.

use super::convert::cast;
use crate::array::{Array, DType};
use crate::graph::Op;
use crate::ops::{Attention, Scatter, Signal, Spatial};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Whether an operator calculates with elements, other than moving or comparing them.
fn calculates(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Activate(_)
            | Op::Binary(_)
            | Op::BiasAdd { .. }
            | Op::AddN
            | Op::MatMul { .. }
            | Op::LogSoftmax
            | Op::Reduce { .. }
            | Op::Range
            | Op::Convolution(_)
            | Op::DepthwiseConvolution(_)
            | Op::TransposedConvolution(_)
            | Op::Pool { .. }
            | Op::BatchNormalization { .. }
            | Op::Power
            | Op::Clip
            | Op::Average
            | Op::Cumulate { .. }
            | Op::Einsum(_)
            | Op::Determinant
            | Op::Scatter(Scatter::Elements { .. } | Scatter::Entries { .. })
            | Op::Normalization(_)
            | Op::Spatial(_)
            | Op::Recurrent(_)
            | Op::Attention(
                Attention::Scaled(_)
                    | Attention::Rotary { .. }
                    | Attention::Linear { .. }
                    | Attention::CausalConvolution { .. }
                    | Attention::ScaleByHead { .. }
            )
            | Op::Learning(_)
            | Op::Signal(Signal::Fourier { .. } | Signal::ShortTimeFourier { .. })
    )
}

fn is_narrow(array: &Array) -> bool {
    array.dtype().carrier() != array.dtype()
}

/// Whether the operator calculates and one of its inputs is of a narrow type.
pub(super) fn is_needed(op: &Op, inputs: &[Array]) -> bool {
    calculates(op) && inputs.iter().any(is_narrow)
}

/// Evaluates an operator in the carriers of its inputs' types. Outputs become of the first input's type again.
pub(super) fn evaluate(op: &Op, inputs: Vec<Array>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let narrow: Option<DType> = inputs.first().filter(|first| is_narrow(first)).map(Array::dtype);
    let wide = inputs.into_iter().map(|input| cast(&input, input.dtype().carrier()));
    let results = super::evaluate(op, wide.collect::<Result<_, _>>()?, budget)?;
    let Some(narrow) = narrow else {
        return Ok(results);
    };
    let places = matches!(op, Op::Spatial(Spatial::Pool { .. }));
    let back = |(port, result): (usize, Array)| {
        // The second output of pooling holds places.
        if result.dtype() == narrow.carrier() && !(places && port == 1) {
            cast(&result, narrow)
        } else {
            Ok(result)
        }
    };
    results.into_iter().enumerate().map(back).collect()
}
