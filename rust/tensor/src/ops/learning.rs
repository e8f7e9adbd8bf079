//! ONNX's operators of training: losses and steps of optimisers.

use super::convert::cast;
use super::elementwise::binary;
use super::lanes::Lanes;
use super::unary::unary;
use super::{input, optional};
use crate::array::{Array, DType};
use crate::graph::{Binary, Unary};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Learning {
    /// Negative logarithms of likelihoods; `softmax`: of scores, whose logarithms of probabilities are the second output.
    Loss {
        softmax: bool,
        reduction: Reduction,
        ignored: Option<i64>,
    },
    Adagrad {
        norm: f64,
        epsilon: f64,
        decay: f64,
    },
    Adam {
        norm: f64,
        norm_post: f64,
        alpha: f64,
        beta: f64,
        epsilon: f64,
    },
    Momentum {
        norm: f64,
        alpha: f64,
        beta: f64,
        nesterov: bool,
    },
}

/// What becomes of the losses of single samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    None,
    Sum,
    Mean,
}

pub(super) fn evaluate(what: &Learning, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    match what {
        Learning::Loss {
            softmax,
            reduction,
            ignored,
        } => loss(inputs, *softmax, *reduction, *ignored),
        Learning::Adam { .. } => optimize(what, inputs, 4),
        Learning::Adagrad { .. } | Learning::Momentum { .. } => optimize(what, inputs, 3),
    }
}

fn loss(inputs: &[Array], softmax: bool, reduction: Reduction, ignored: Option<i64>) -> Result<Vec<Array>, Trouble> {
    let (scores, targets) = (input(inputs, 0)?, input(inputs, 1)?);
    let mut logs = scores.clone();
    if softmax {
        let along = super::normalization::Normalization::Along {
            axis: 1,
            flatten: false,
            how: super::normalization::Along::LogSoftmax,
        };
        logs = super::normalization::evaluate(&along, std::slice::from_ref(scores))?.swap_remove(0);
    }
    let wide = cast(&logs, DType::F64)?;
    let values = wide.view::<f64>()?;
    let lanes = Lanes::along(&scores.shape, 1)?;
    let classes = targets.integers()?;
    if classes.len() != lanes.outer * lanes.inner {
        return Err(Trouble::failed("there is not one target for each sample"));
    }
    let weights = optional(inputs, 2)
        .map(|weights| cast(weights, DType::F64))
        .transpose()?;
    let weights = weights.as_ref().map(Array::view::<f64>).transpose()?;
    if weights.is_some_and(|weights| weights.len() != lanes.length) {
        return Err(Trouble::failed("there is not one weight for each class"));
    }
    let mut losses = Vec::with_capacity(classes.len());
    let mut total = 0.0;
    for (start, class) in lanes.starts().zip(&classes) {
        if ignored == Some(*class) {
            losses.push(0.0);
            continue;
        }
        let place = usize::try_from(*class)
            .ok()
            .filter(|class| *class < lanes.length)
            .ok_or_else(|| Trouble::failed(format!("class {class} is not below {}", lanes.length)))?;
        let weight = weights.map_or(1.0, |weights| weights[place]);
        total += weight;
        losses.push(-values[start + place * lanes.inner] * weight);
    }
    let sum: f64 = losses.iter().sum();
    let result = match reduction {
        Reduction::None => Array::new(targets.shape.clone(), losses),
        Reduction::Sum => Array::scalar(sum),
        Reduction::Mean => Array::scalar(sum / total),
    };
    let result = cast(&result, scores.dtype())?;
    Ok(if softmax { vec![result, logs] } else { vec![result] })
}

/// Rate, count of steps, then `per` tensors for each optimised one, in groups.
fn optimize(what: &Learning, inputs: &[Array], per: usize) -> Result<Vec<Array>, Trouble> {
    let number = |n: usize| -> Result<f64, Trouble> {
        let wide = cast(input(inputs, n)?, DType::F64)?;
        wide.view::<f64>()?
            .first()
            .copied()
            .ok_or_else(|| Trouble::failed(format!("input {n} is empty")))
    };
    let (rate, steps) = (number(0)?, number(1)?);
    let count = inputs.len().saturating_sub(2) / per;
    let mut groups: Vec<Vec<Array>> = vec![Vec::new(); per - 1];
    for n in 0..count {
        let parts: Vec<&Array> = (0..per).map(|group| &inputs[2 + group * count + n]).collect();
        for (group, result) in groups.iter_mut().zip(step(what, rate, steps, &parts)?) {
            group.push(result);
        }
    }
    Ok(groups.into_iter().flatten().collect())
}

fn step(what: &Learning, rate: f64, steps: f64, parts: &[&Array]) -> Result<Vec<Array>, Trouble> {
    let times = |factor: f64, array: &Array| unary(Unary::Scale(factor), array);
    let add = |a: &Array, b: &Array| binary(Binary::Add, a, b);
    let plus = |array: &Array, number: f64| add(array, &cast(&Array::scalar(number), array.dtype())?);
    let (x, gradient) = (parts[0], parts[1]);
    let regularized = |norm: f64| add(&times(norm, x)?, gradient);
    match what {
        Learning::Adagrad { norm, epsilon, decay } => {
            let gradient = regularized(*norm)?;
            let squares = add(parts[2], &binary(Binary::Multiply, &gradient, &gradient)?)?;
            let root = plus(&unary(Unary::SquareRoot, &squares)?, *epsilon)?;
            let change = times(rate / (1.0 + steps * decay), &binary(Binary::Divide, &gradient, &root)?)?;
            Ok(vec![binary(Binary::Subtract, x, &change)?, squares])
        }
        Learning::Adam {
            norm,
            norm_post,
            alpha,
            beta,
            epsilon,
        } => {
            let gradient = regularized(*norm)?;
            let momentum = add(&times(*alpha, parts[2])?, &times(1.0 - alpha, &gradient)?)?;
            let square = binary(Binary::Multiply, &gradient, &gradient)?;
            let squares = add(&times(*beta, parts[3])?, &times(1.0 - beta, &square)?)?;
            let root = plus(&unary(Unary::SquareRoot, &squares)?, *epsilon)?;
            let adjusted = if steps > 0.0 {
                rate * (1.0 - beta.powf(steps)).sqrt() / (1.0 - alpha.powf(steps))
            } else {
                rate
            };
            let change = times(adjusted, &binary(Binary::Divide, &momentum, &root)?)?;
            let moved = times(1.0 - norm_post, &binary(Binary::Subtract, x, &change)?)?;
            Ok(vec![moved, momentum, squares])
        }
        Learning::Momentum {
            norm,
            alpha,
            beta,
            nesterov,
        } => {
            let gradient = regularized(*norm)?;
            let factor = if steps > 0.0 { *beta } else { 1.0 };
            let momentum = add(&times(*alpha, parts[2])?, &times(factor, &gradient)?)?;
            let change = if *nesterov {
                add(&gradient, &times(*alpha, &momentum)?)?
            } else {
                momentum.clone()
            };
            Ok(vec![binary(Binary::Subtract, x, &times(rate, &change)?)?, momentum])
        }
        Learning::Loss { .. } => Err(Trouble::failed("a loss is no step")),
    }
}
