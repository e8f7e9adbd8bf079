//! Sums of products by index, and determinants.

use super::convert::cast;
use super::float::{Float, for_floats};
use super::layout::strides;
use crate::array::{Array, DType, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// `Einsum` with its equation read: for each input its labels, and those of the output. An ellipsis stands for labels of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Equation {
    inputs: Vec<Vec<Label>>,
    output: Vec<Label>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Letter(char),
    Ellipsis,
}

impl Equation {
    /// Reads an equation; `None` when it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text, None),
        };
        let labels = |term: &str| {
            let term: String = term.chars().filter(|c| !c.is_whitespace()).collect();
            let parts = term.replace("...", "\u{2026}");
            parts
                .chars()
                .map(|c| match c {
                    '\u{2026}' => Some(Label::Ellipsis),
                    letter if letter.is_ascii_alphabetic() => Some(Label::Letter(letter)),
                    _ => None,
                })
                .collect::<Option<Vec<Label>>>()
        };
        let inputs = left.split(',').map(labels).collect::<Option<Vec<_>>>()?;
        let output = if let Some(right) = right {
            labels(right)?
        } else {
            Self::implied(&inputs)
        };
        Some(Self { inputs, output })
    }

    /// Without an output: the ellipsis, then the letters that occur once, in alphabetical order.
    fn implied(inputs: &[Vec<Label>]) -> Vec<Label> {
        let all: Vec<Label> = inputs.iter().flatten().copied().collect();
        let mut letters: Vec<char> = all
            .iter()
            .filter(|label| all.iter().filter(|other| other == label).count() == 1)
            .filter_map(|label| match label {
                Label::Letter(letter) => Some(*letter),
                Label::Ellipsis => None,
            })
            .collect();
        letters.sort_unstable();
        let ellipsis = all.contains(&Label::Ellipsis).then_some(Label::Ellipsis);
        ellipsis
            .into_iter()
            .chain(letters.into_iter().map(Label::Letter))
            .collect()
    }
}

/// Index of each axis of a term. Axes of an ellipsis count from the back.
fn axes(labels: &[Label], rank: usize) -> Result<Vec<Axis>, Trouble> {
    let letters = labels.iter().filter(|label| matches!(label, Label::Letter(_))).count();
    let hidden = rank
        .checked_sub(letters)
        .filter(|hidden| *hidden == 0 || letters < labels.len());
    let hidden = hidden.ok_or_else(|| Trouble::failed(format!("{letters} labels for a tensor of rank {rank}")))?;
    Ok(labels
        .iter()
        .flat_map(|label| match label {
            Label::Letter(letter) => vec![Axis::Letter(*letter)],
            Label::Ellipsis => (0..hidden).rev().map(Axis::Hidden).collect(),
        })
        .collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Letter(char),
    Hidden(usize),
}

pub(super) fn einsum(equation: &Equation, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    if inputs.len() != equation.inputs.len() {
        return Err(Trouble::failed("the equation has another number of terms"));
    }
    let terms = equation
        .inputs
        .iter()
        .zip(inputs)
        .map(|(labels, array)| axes(labels, array.shape.len()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut all: Vec<(Axis, usize)> = Vec::new();
    for (axis, length) in terms
        .iter()
        .zip(inputs)
        .flat_map(|(term, array)| term.iter().zip(&array.shape))
    {
        match all.iter_mut().find(|(known, _)| known == axis) {
            None => all.push((*axis, *length)),
            Some((_, known)) if *known == 1 => *known = *length,
            Some((_, known)) if *known == *length || *length == 1 => {}
            Some(_) => return Err(Trouble::failed(format!("lengths of {axis:?} differ"))),
        }
    }
    let hidden = all.iter().filter(|(axis, _)| matches!(axis, Axis::Hidden(_))).count();
    let letters = equation
        .output
        .iter()
        .filter(|label| matches!(label, Label::Letter(_)))
        .count();
    let hidden = if equation.output.contains(&Label::Ellipsis) {
        hidden
    } else {
        0
    };
    let output = axes(&equation.output, letters + hidden)?;
    let length = |axis: &Axis| all.iter().find(|(known, _)| known == axis).map(|(_, length)| *length);
    let shape = output
        .iter()
        .map(|axis| length(axis).ok_or_else(|| Trouble::failed(format!("{axis:?} is in no term"))))
        .collect::<Result<Vec<_>, _>>()?;
    // Axes of the output first, then those that are summed over.
    let order: Vec<Axis> = output
        .iter()
        .copied()
        .chain(all.iter().map(|(axis, _)| *axis).filter(|axis| !output.contains(axis)))
        .collect();
    let full: Vec<usize> = order.iter().filter_map(length).collect();
    let (count, total) = (
        elements(&shape)?,
        full.iter().fold(1_usize, |n, axis| n.saturating_mul(*axis)),
    );
    budget.charge(total.saturating_mul(inputs.len()))?;
    let run = total.checked_div(count).unwrap_or(0);
    let dtype = inputs.first().map_or(DType::F32, Array::dtype);
    let carrier = if dtype.is_integer() { DType::I64 } else { dtype };
    let steps = terms
        .iter()
        .zip(inputs)
        .map(|(term, array)| {
            let own = strides(&array.shape);
            order
                .iter()
                .map(|axis| {
                    // A label twice in a term walks along its diagonal; an axis of length 1 is repeated.
                    let places = term.iter().enumerate().filter(|(_, other)| *other == axis);
                    let moving = places.filter(|(n, _)| array.shape[*n] != 1);
                    moving.map(|(n, _)| own[n] as usize).sum::<usize>()
                })
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>();
    let wide = inputs
        .iter()
        .map(|array| cast(array, carrier))
        .collect::<Result<Vec<_>, _>>()?;
    macro_rules! summed {
        ($number:ident, $zero:expr, $one:expr, $add:expr, $multiply:expr) => {{
            let views = wide.iter().map(Array::view).collect::<Result<Vec<&[$number]>, _>>()?;
            let result = sums(&views, &steps, &full, count, run, [$zero, $one], $add, $multiply);
            cast(&Array::new(shape, result), dtype)
        }};
    }
    match carrier {
        DType::F32 => summed!(f32, 0.0, 1.0, |a, b| a + b, |a, b| a * b),
        DType::F64 => summed!(f64, 0.0, 1.0, |a, b| a + b, |a, b| a * b),
        DType::I64 => summed!(i64, 0, 1, i64::wrapping_add, i64::wrapping_mul),
        _ => Err(Trouble::failed(format!("sums of products of {dtype}"))),
    }
}

#[allow(clippy::too_many_arguments, reason = "a loop with its two operations")]
fn sums<T: Copy>(
    views: &[&[T]],
    steps: &[Vec<usize>],
    lengths: &[usize],
    count: usize,
    run: usize,
    [zero, one]: [T; 2],
    add: impl Fn(T, T) -> T,
    multiply: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut index = vec![0; lengths.len()];
    let mut places = vec![0; views.len()];
    let mut result = Vec::with_capacity(count);
    for _ in 0..count {
        let mut sum = zero;
        for _ in 0..run {
            let product = views
                .iter()
                .zip(&places)
                .fold(one, |product, (view, place)| multiply(product, view[*place]));
            sum = add(sum, product);
            for axis in (0..lengths.len()).rev() {
                index[axis] += 1;
                for (place, steps) in places.iter_mut().zip(steps) {
                    *place += steps[axis];
                }
                if index[axis] < lengths[axis] {
                    break;
                }
                for (place, steps) in places.iter_mut().zip(steps) {
                    *place -= steps[axis] * lengths[axis];
                }
                index[axis] = 0;
            }
        }
        result.push(sum);
    }
    result
}

/// Determinants of the matrices in the last two axes.
pub(super) fn determinant(array: &Array, budget: &mut Budget) -> Result<Array, Trouble> {
    fn of<T: Float>(values: &[T], size: usize) -> T {
        let mut rows: Vec<f64> = values.iter().map(|x| x.wide()).collect();
        let mut result = 1.0;
        for column in 0..size {
            let pivot = (column..size).max_by(|a, b| {
                let magnitude = |row: &usize| rows[row * size + column].abs();
                magnitude(a).total_cmp(&magnitude(b))
            });
            let Some(pivot) = pivot.filter(|pivot| rows[pivot * size + column] != 0.0) else {
                return T::ZERO;
            };
            if pivot != column {
                (0..size).for_each(|n| rows.swap(pivot * size + n, column * size + n));
                result = -result;
            }
            result *= rows[column * size + column];
            for row in column + 1..size {
                let factor = rows[row * size + column] / rows[column * size + column];
                for n in column..size {
                    rows[row * size + n] -= factor * rows[column * size + n];
                }
            }
        }
        T::from_f64(result)
    }
    let [outer @ .., rows, columns] = array.shape.as_slice() else {
        return Err(Trouble::failed(format!("{:?} is not a matrix", array.shape)));
    };
    if rows != columns {
        return Err(Trouble::failed(format!(
            "a matrix {rows} x {columns} has no determinant"
        )));
    }
    budget.charge(array.len().saturating_mul(*rows))?;
    let size = *rows;
    for_floats!(array, values => {
        let count = outer.iter().product::<usize>();
        let results = (0..count).map(|n| of(&values[n * size * size..(n + 1) * size * size], size));
        Ok(Array::new(outer.to_vec(), results.collect()))
    })
}
