//! The operators of the general path, one function each.

mod algebra;
pub(crate) mod arrange;
pub(crate) mod attention;
pub(crate) mod classical;
pub(crate) mod convert;
mod convolution;
pub(crate) mod counting;
pub(crate) mod decompositions;
mod dense;
pub(crate) mod detection;
mod elementwise;
pub(crate) mod float;
mod gather;
mod lanes;
mod layout;
pub(crate) mod learning;
pub(crate) mod lists;
pub(crate) mod lookup;
mod matrix;
pub(crate) mod moves;
mod narrow;
pub(crate) mod normalization;
mod padding;
pub(crate) mod partition;
pub(crate) mod pictures;
mod product;
pub(crate) mod quantization;
pub(crate) mod ragged;
pub(crate) mod random;
pub(crate) mod ranking;
pub(crate) mod recurrent;
mod reduce;
pub(crate) mod scatter;
pub(crate) mod sequences;
pub(crate) mod signal;
mod slice;
pub(crate) mod spatial;
mod special;
pub(crate) mod strings;
pub(crate) mod systems;
pub(crate) mod text;
mod unary;

pub(crate) use algebra::Equation;
pub(crate) use attention::Attention;
pub(crate) use classical::Classical;
pub(crate) use dense::Dense;
pub(crate) use learning::Learning;
pub(crate) use moves::Move;
pub(crate) use normalization::Normalization;
pub(crate) use quantization::Quantization;
pub(crate) use random::Random;
pub(crate) use ranking::Ranking;
pub(crate) use recurrent::Recurrent;
pub(crate) use scatter::Scatter;
pub(crate) use sequences::Sequence;
pub(crate) use signal::Signal;
pub(crate) use slice::{concatenate, pack, part};
pub(crate) use spatial::Spatial;
pub(crate) use text::Texts;

use crate::array::{Array, DType};
use crate::graph::Op;
use crate::run::Budget;
use crate::trouble::Trouble;

/// An input that must be there.
fn input(inputs: &[Array], index: usize) -> Result<&Array, Trouble> {
    optional(inputs, index).ok_or_else(|| Trouble::failed(format!("input {index} is missing")))
}

/// An input that may be missing.
fn optional(inputs: &[Array], index: usize) -> Option<&Array> {
    inputs.get(index).filter(|input| input.dtype() != DType::Nothing)
}

fn wrong_type(what: &dyn std::fmt::Debug, array: &Array) -> Trouble {
    Trouble::failed(format!("{what:?} of {}", array.dtype()))
}

/// Evaluates one node.
///
/// # Errors
/// When inputs are missing or don't fit the operator, or the budget is used up.
pub(crate) fn evaluate(op: &Op, inputs: Vec<Array>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    if narrow::is_needed(op, &inputs) {
        return narrow::evaluate(op, inputs, budget);
    }
    let at = |index: usize| input(&inputs, index);
    let one = match op {
        Op::Input(_) | Op::Loop(_) | Op::Control(_) | Op::Switch | Op::Merge => {
            return Err(Trouble::failed("not an operator on tensors"));
        }
        Op::Constant(array) => array.clone(),
        Op::Identity => inputs.first().cloned().unwrap_or_else(Array::nothing),
        Op::Unary(function) => unary::unary(*function, at(0)?)?,
        Op::Activate(function) => unary::activate(*function, at(0)?)?,
        Op::IsNan => unary::is_nan(at(0)?)?,
        Op::IsInfinite { positive, negative } => unary::is_infinite(at(0)?, *positive, *negative)?,
        Op::Power => elementwise::power(at(0)?, at(1)?)?,
        Op::Clip => elementwise::clip(at(0)?, optional(&inputs, 1), optional(&inputs, 2))?,
        Op::Average => {
            let sum = evaluate(&Op::AddN, inputs.clone(), budget)?.swap_remove(0);
            let count = convert::cast(&Array::scalar(inputs.len() as i64), sum.dtype())?;
            elementwise::binary(crate::graph::Binary::Divide, &sum, &count)?
        }
        Op::LogSoftmax => {
            let how = normalization::Along::LogSoftmax;
            let along = Normalization::Along {
                axis: -1,
                flatten: false,
                how,
            };
            return normalization::evaluate(&along, &inputs);
        }
        Op::Cumulate {
            product,
            exclusive,
            reverse,
        } => reduce::cumulate(at(0)?, at(1)?.integer()?, *product, *exclusive, *reverse)?,
        Op::Einsum(equation) => algebra::einsum(equation, &inputs, budget)?,
        Op::Determinant => algebra::determinant(at(0)?, budget)?,
        Op::Move(what) => return moves::evaluate(what, &inputs),
        Op::Scatter(what) => scatter::evaluate(*what, &inputs)?,
        Op::Partition(what) => return partition::evaluate(*what, &inputs, budget),
        Op::Decomposition(what) => return decompositions::evaluate(*what, &inputs, budget),
        Op::Detection(what) => return detection::evaluate(*what, &inputs, budget),
        Op::Picture(what) => pictures::evaluate(what, &inputs, budget)?,
        Op::Ranking(what) => return ranking::evaluate(what, &inputs, budget),
        Op::Normalization(what) => return normalization::evaluate(what, &inputs),
        Op::Spatial(what) => return spatial::evaluate(what, &inputs, budget),
        Op::Recurrent(what) => return recurrent::evaluate(what, &inputs, budget),
        Op::Attention(what) => return attention::evaluate(what, &inputs, budget),
        Op::Signal(what) => signal::evaluate(what, &inputs, budget)?,
        Op::Quantization(what) => return quantization::evaluate(what, &inputs, budget),
        Op::Learning(what) => return learning::evaluate(what, &inputs),
        Op::Random(what) => random::evaluate(what, &inputs)?,
        Op::Classical(what) => return classical::evaluate(what, &inputs, budget),
        Op::Sequence(what) => sequences::evaluate(what, &inputs)?,
        Op::Arrange(what) => arrange::evaluate(*what, &inputs)?,
        Op::Counting(what) => counting::evaluate(what, &inputs)?,
        Op::Strings(what) => return strings::evaluate(what, &inputs),
        Op::Ragged(what) => return ragged::evaluate(what, &inputs, budget),
        Op::List(what) => return lists::evaluate(what, inputs),
        Op::System(what) => systems::evaluate(*what, &inputs, budget)?,
        Op::Lookup(what) => lookup::evaluate(what, &inputs)?,
        Op::Texts(what) => return text::evaluate(what, &inputs),
        Op::Binary(function) => elementwise::binary(*function, at(0)?, at(1)?)?,
        Op::Compare(predicate) => elementwise::compare(*predicate, at(0)?, at(1)?)?,
        Op::Select { leading } => elementwise::select(at(0)?, at(1)?, at(2)?, *leading)?,
        Op::BiasAdd { channels_first } => elementwise::bias_add(at(0)?, at(1)?, *channels_first)?,
        Op::Cast(dtype) => convert::cast(at(0)?, *dtype)?,
        Op::AddN => {
            let mut sum = at(0)?.clone();
            for input in &inputs[1..] {
                sum = elementwise::binary(crate::graph::Binary::Add, &sum, input)?;
            }
            sum
        }
        Op::Zeros => Array::zeros(at(0)?.dtype(), at(0)?.shape.clone())?,
        Op::Ones => elementwise::ones(at(0)?)?,
        Op::RandomUniform { dtype } => elementwise::random(&at(0)?.lengths()?, *dtype)?,
        Op::MatMul {
            transpose_left,
            transpose_right,
        } => matrix::multiply(at(0)?, at(1)?, *transpose_left, *transpose_right, budget)?,
        Op::Dense(dense) => dense.multiply(at(0)?, budget)?,
        Op::PreparedConvolution(convolution) => convolution.evaluate(at(0)?, budget)?,
        Op::ArgExtreme { largest, long, last } => {
            reduce::arg_extreme(at(0)?, at(1)?.integer()?, *largest, *long, *last)?
        }
        Op::Reduce { how, keep_axes, all } => {
            let mut axes = optional(&inputs, 1).map_or(Ok(Vec::new()), Array::integers)?;
            if axes.is_empty() && *all {
                axes = (0..at(0)?.shape.len() as i64).collect();
            }
            reduce::reduce(*how, at(0)?, &axes, *keep_axes)?
        }
        Op::Shape { long } => layout::shape_of(at(0)?, *long),
        Op::Rank => Array::scalar(at(0)?.shape.len() as i32),
        Op::Size { long } => layout::size_of(at(0)?, *long),
        Op::Reshape => layout::reshape(at(0)?, &at(1)?.integers()?)?,
        Op::Squeeze(axes) => layout::squeeze(at(0)?, axes)?,
        Op::ExpandDims => layout::expand(at(0)?, at(1)?.integer()?)?,
        Op::Transpose => layout::transpose(at(0)?, &at(1)?.integers()?)?,
        Op::Tile => layout::tile(at(0)?, &at(1)?.lengths()?)?,
        Op::BroadcastTo => layout::broadcast(at(0)?, &at(1)?.lengths()?)?,
        Op::Fill => layout::broadcast(at(1)?, &at(0)?.lengths()?)?,
        Op::Range => layout::range(at(0)?, at(1)?, at(2)?)?,
        Op::Pack { axis } => slice::pack(&inputs, *axis)?,
        Op::Unpack { axis, count } => return slice::unpack(at(0)?, *axis, *count),
        Op::Concat { axis_first: false } => {
            let axis = inputs.last().map_or(Ok(0), Array::integer)?;
            slice::concatenate(&inputs[..inputs.len().saturating_sub(1)], axis)?
        }
        Op::Concat { axis_first: true } => slice::concatenate(inputs.get(1..).unwrap_or_default(), at(0)?.integer()?)?,
        Op::Split { count } => return slice::split(at(1)?, at(0)?.integer()?, *count),
        Op::SplitSizes { count } => {
            return slice::split_sizes(at(0)?, &at(1)?.integers()?, at(2)?.integer()?, *count);
        }
        Op::Slice => slice::slice(at(0)?, &at(1)?.integers()?, &at(2)?.integers()?)?,
        Op::StridedSlice(masks) => slice::strided(
            at(0)?,
            &at(1)?.integers()?,
            &at(2)?.integers()?,
            &at(3)?.integers()?,
            *masks,
        )?,
        Op::Pad => slice::pad(at(0)?, &at(1)?.integers()?, inputs.get(2))?,
        Op::SpaceToBatch => slice::space_to_batch(at(0)?, &at(1)?.lengths()?, &at(2)?.integers()?)?,
        Op::BatchToSpace => slice::batch_to_space(at(0)?, &at(1)?.lengths()?, &at(2)?.lengths()?)?,
        Op::Gather { batch_axes, with_axis } => {
            let axis = if *with_axis { at(2)?.integer()? } else { 0 };
            gather::gather(at(0)?, at(1)?, axis, *batch_axes)?
        }
        Op::OneHot { axis } => gather::one_hot(at(0)?, at(1)?.integer()?, at(2)?, at(3)?, *axis)?,
        Op::Convolution(window) => convolution::convolve(at(0)?, at(1)?, window, budget)?,
        Op::DepthwiseConvolution(window) => convolution::depthwise(at(0)?, at(1)?, window, budget)?,
        Op::TransposedConvolution(window) => {
            convolution::transposed(&at(0)?.lengths()?, at(1)?, at(2)?, window, budget)?
        }
        Op::Pool { window, size, maximum } => convolution::pool(at(0)?, window, *size, *maximum, budget)?,
        Op::BatchNormalization { epsilon } => {
            convolution::normalize(at(0)?, [at(1)?, at(2)?, at(3)?, at(4)?], *epsilon)?
        }
        Op::ListFromTensor => lists::from_tensor(at(0)?)?,
        Op::ListReserve => lists::reserve(at(1)?.integer()?)?,
        Op::ListGet { dtype } => lists::get(at(0)?, at(1)?.integer()?, at(2)?, *dtype)?,
        Op::ListSet => return lists::set(inputs),
        Op::ListStack { dtype } => lists::stack(at(0)?, at(1)?, *dtype)?,
        Op::ListLength => lists::length(at(0)?)?,
    };
    Ok(vec![one])
}

#[cfg(test)]
mod tests;
