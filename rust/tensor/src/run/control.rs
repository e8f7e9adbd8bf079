//! Operators with graphs inside, after ONNX's `If`, `Loop`, `Scan` and `SequenceMap`.

use super::{Budget, run};
use crate::array::{Array, DType, axis_of};
use crate::graph::{Control, Graph, Scan};
use crate::ops::{concatenate, pack, part};
use crate::trouble::Trouble;

pub(super) fn run_control(what: &Control, inputs: Vec<Array>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    match what {
        Control::Branch { graphs, captures, .. } => {
            let (condition, values) = inputs
                .split_first()
                .ok_or_else(|| Trouble::failed("the condition is missing"))?;
            let (first, second) = values.split_at_checked(*captures).unwrap_or((values, &[]));
            if truth(condition)? {
                run(&graphs[0], first, budget)
            } else {
                run(&graphs[1], second, budget)
            }
        }
        Control::Choice { graphs, .. } => {
            let (index, values) = inputs
                .split_first()
                .ok_or_else(|| Trouble::failed("the number of the branch is missing"))?;
            let index = usize::try_from(index.integer()?).unwrap_or(usize::MAX);
            let graph = graphs.get(index).or(graphs.last());
            run(
                graph.ok_or_else(|| Trouble::failed("there are no branches"))?,
                values,
                budget,
            )
        }
        Control::Repeat {
            body,
            variables,
            stacked,
        } => repeat(body, *variables, *stacked, inputs, budget),
        Control::Scan(scan) if scan.batched => scan_batches(scan, &inputs, budget),
        Control::Scan(scan) => run_scan(scan, &inputs, None, budget),
        Control::MapItems { body, outputs, given } => map_items(body, *outputs, *given, &inputs, budget),
    }
}

pub(super) fn truth(condition: &Array) -> Result<bool, Trouble> {
    match condition.view::<bool>()? {
        [truth] => Ok(*truth),
        _ => Err(Trouble::failed("a condition is not one truth value")),
    }
}

fn given(input: &Array) -> Option<&Array> {
    (input.dtype() != DType::Nothing).then_some(input)
}

/// Keeps values that a loop collects, and pays for them.
struct Collected {
    columns: Vec<Vec<Array>>,
}

impl Collected {
    fn new(columns: usize) -> Self {
        Self {
            columns: vec![Vec::new(); columns],
        }
    }

    fn add(&mut self, values: impl Iterator<Item = Array>, budget: &mut Budget) -> Result<(), Trouble> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            budget.hold(&value)?;
            column.push(value);
        }
        Ok(())
    }

    /// Each column as one tensor, with a new axis.
    fn stack(self, axes: impl Iterator<Item = (i64, bool)>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
        let mut results = Vec::with_capacity(self.columns.len());
        for (mut column, (axis, backwards)) in self.columns.into_iter().zip(axes) {
            if backwards {
                column.reverse();
            }
            for value in &column {
                budget.release(value);
            }
            results.push(if column.is_empty() {
                // Nobody knows the shape of what was never computed.
                Array::zeros(DType::F32, vec![0])?
            } else {
                pack(&column, axis)?
            });
        }
        Ok(results)
    }
}

fn repeat(
    body: &Graph,
    variables: usize,
    stacked: usize,
    inputs: Vec<Array>,
    budget: &mut Budget,
) -> Result<Vec<Array>, Trouble> {
    if inputs.len() < 2 + variables {
        return Err(Trouble::failed("variables of the loop are missing"));
    }
    let most = given(&inputs[0]).map(Array::integer).transpose()?.unwrap_or(i64::MAX);
    let mut goes_on = given(&inputs[1]).map(truth).transpose()?.unwrap_or(true);
    let mut values = inputs;
    let mut collected = Collected::new(stacked);
    let mut iteration = 0;
    while goes_on && iteration < most {
        values[0] = Array::scalar(iteration);
        values[1] = Array::scalar(true);
        let mut results = run(body, &values, budget)?.into_iter();
        let condition = results
            .next()
            .ok_or_else(|| Trouble::failed("the loop has no condition"))?;
        goes_on = truth(&condition)?;
        for (variable, result) in values[2..2 + variables].iter_mut().zip(&mut results) {
            *variable = result;
        }
        collected.add(results, budget)?;
        iteration += 1;
    }
    let mut outputs = values[2..2 + variables].to_vec();
    outputs.extend(collected.stack(std::iter::repeat((0, false)), budget)?);
    Ok(outputs)
}

fn run_scan(scan: &Scan, inputs: &[Array], steps: Option<usize>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let walked = inputs
        .get(scan.variables..scan.variables + scan.walked.len())
        .ok_or_else(|| Trouble::failed("inputs of the scan are missing"))?;
    let axes = walked
        .iter()
        .zip(&scan.walked)
        .map(|(array, (axis, _))| axis_of(*axis, array.shape.len()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut lengths = walked.iter().zip(&axes).map(|(array, axis)| array.shape[*axis]);
    let length = lengths.next().unwrap_or(0);
    if lengths.any(|other| other != length) {
        return Err(Trouble::failed("the tensors that are walked differ in length"));
    }
    let steps = steps.unwrap_or(length).min(length);
    let mut values = inputs.to_vec();
    let mut collected = Collected::new(scan.stacked.len());
    for step in 0..steps {
        for (n, ((array, axis), (_, backwards))) in walked.iter().zip(&axes).zip(&scan.walked).enumerate() {
            let at = if *backwards { length - 1 - step } else { step };
            let mut shape = array.shape.clone();
            shape.remove(*axis);
            values[scan.variables + n] = part(array, *axis, at, 1)?.reshaped(shape)?;
        }
        let mut results = run(&scan.body, &values, budget)?.into_iter();
        for (variable, result) in values[..scan.variables].iter_mut().zip(&mut results) {
            *variable = result;
        }
        collected.add(results, budget)?;
    }
    let mut outputs = values[..scan.variables].to_vec();
    outputs.extend(collected.stack(scan.stacked.iter().copied(), budget)?);
    Ok(outputs)
}

/// The scan for each entry of the batch; what is collected is filled up with zeros where sequences are shorter.
fn scan_batches(scan: &Scan, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let (lengths, rest) = inputs
        .split_first()
        .ok_or_else(|| Trouble::failed("inputs of the scan are missing"))?;
    let own = scan.variables + scan.walked.len();
    let first = rest.first().filter(|_| rest.len() >= own);
    let batch = first
        .and_then(|first| first.shape.first().copied())
        .ok_or_else(|| Trouble::failed("inputs of the scan have no batch"))?;
    let lengths = given(lengths).map(Array::lengths).transpose()?;
    let mut columns: Vec<Vec<Array>> = vec![Vec::new(); scan.variables + scan.stacked.len()];
    for image in 0..batch {
        let mut values = rest.to_vec();
        for value in &mut values[..own] {
            if value.shape.first() != Some(&batch) {
                return Err(Trouble::failed("inputs of the scan differ in their batch"));
            }
            *value = part(value, 0, image, 1)?.reshaped(value.shape[1..].to_vec())?;
        }
        let steps = lengths.as_ref().and_then(|lengths| lengths.get(image).copied());
        for (column, result) in columns.iter_mut().zip(run_scan(scan, &values, steps, budget)?) {
            budget.hold(&result)?;
            column.push(result);
        }
    }
    columns
        .into_iter()
        .map(|column| {
            for value in &column {
                budget.release(value);
            }
            let longest = column.iter().filter_map(|value| value.shape.first()).max().copied();
            let filled = column.into_iter().map(|value| match (value.shape.first(), longest) {
                (Some(length), Some(longest)) if *length < longest => {
                    let mut shape = value.shape.clone();
                    shape[0] = longest - length;
                    concatenate(&[value.clone(), Array::zeros(value.dtype(), shape)?], 0)
                }
                _ => Ok(value),
            });
            pack(&filled.collect::<Result<Vec<_>, _>>()?, 0)
        })
        .collect()
}

fn map_items(
    body: &Graph,
    outputs: usize,
    inputs_of_node: usize,
    inputs: &[Array],
    budget: &mut Budget,
) -> Result<Vec<Array>, Trouble> {
    let count = inputs
        .first()
        .ok_or_else(|| Trouble::failed("the sequence is missing"))?
        .items()?
        .len();
    let mut columns: Vec<Vec<Option<Array>>> = vec![Vec::new(); outputs];
    for n in 0..count {
        let mut values = inputs.to_vec();
        for value in values.iter_mut().take(inputs_of_node) {
            let item = match value.items() {
                Ok(items) => items.get(n).cloned().flatten(),
                Err(_) => Some(value.clone()),
            };
            *value = item.ok_or_else(|| Trouble::failed("sequences differ in length"))?;
        }
        for (column, result) in columns.iter_mut().zip(run(body, &values, budget)?) {
            budget.hold(&result)?;
            column.push(Some(result));
        }
    }
    columns
        .iter()
        .flatten()
        .flatten()
        .for_each(|value| budget.release(value));
    Ok(columns.into_iter().map(Array::list).collect())
}
