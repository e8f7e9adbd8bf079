//! Evaluates a graph node by node: the general path. It may allocate, but only as much as its budget allows.

mod control;

use crate::array::{Array, DType};
use crate::graph::{Graph, Loop, Node, Op};
use crate::ops;
use crate::trouble::Trouble;

/// What one call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Elements to compute and nodes to visit, roughly in units of a nanosecond.
    pub(crate) steps: u64,
    /// Bytes of tensors at a time.
    pub(crate) bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 1 << 35,
            bytes: 2 << 30,
        }
    }
}

impl Budget {
    /// Takes the price of some work, before it is done.
    pub(crate) fn charge(&mut self, steps: usize) -> Result<(), Trouble> {
        self.steps = self
            .steps
            .checked_sub(steps as u64)
            .ok_or_else(|| Trouble::limit("the model takes more steps than one call may"))?;
        Ok(())
    }

    fn hold(&mut self, array: &Array) -> Result<(), Trouble> {
        self.bytes = self
            .bytes
            .checked_sub(array.heap_bytes())
            .ok_or_else(|| Trouble::limit("the model takes more memory than one call may"))?;
        Ok(())
    }

    fn release(&mut self, array: &Array) {
        self.bytes += array.heap_bytes();
    }
}

/// Evaluates all outputs. `inputs` are those of the graph, in order.
///
/// # Errors
/// What failed at which node, or that the budget is used up.
pub(crate) fn run(graph: &Graph, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let mut values: Vec<Vec<Option<Array>>> = vec![Vec::new(); graph.nodes.len()];
    let mut held = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let mut arguments = Vec::with_capacity(node.inputs.len());
        for (position, value) in node.inputs.iter().enumerate() {
            // The last one to need a value takes it, so that it can be changed in place.
            let last = graph.freed[index].contains(value) && !node.inputs[position + 1..].contains(value);
            let slot = values[value.node].get_mut(value.port);
            let argument = slot.and_then(|slot| if last { slot.take() } else { slot.clone() });
            if last {
                held.push(argument.as_ref().map_or(0, Array::heap_bytes));
            }
            arguments.push(argument);
        }
        budget.charge(50)?;
        let results = evaluate(node, arguments, inputs, budget);
        let results = results.map_err(|trouble| trouble.within(&node.name, &node.operator))?;
        for result in results.iter().flatten() {
            budget.charge(result.len())?;
            budget.hold(result)?;
        }
        budget.bytes += held.drain(..).sum::<usize>();
        values[index] = results;
    }
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for (name, value) in &graph.outputs {
        let output = values[value.node].get(value.port).cloned().flatten();
        outputs.push(output.ok_or_else(|| Trouble::failed(format!("output '{name}' is not there")))?);
    }
    for array in values.into_iter().flatten().flatten() {
        budget.release(&array);
    }
    Ok(outputs)
}

/// Evaluates a node. An argument that is not there lies on the side of a `Switch` that was not chosen: neither are the results.
fn evaluate(
    node: &Node,
    arguments: Vec<Option<Array>>,
    inputs: &[Array],
    budget: &mut Budget,
) -> Result<Vec<Option<Array>>, Trouble> {
    if let Op::Merge = node.op {
        return merge(arguments);
    }
    let Some(mut arguments) = arguments.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(Vec::new());
    };
    let results = match &node.op {
        Op::Input(input) => inputs
            .get(*input)
            .map(|array| vec![array.clone()])
            .ok_or_else(|| Trouble::failed("the input is not there")),
        Op::Loop(repeated) => run_loop(repeated, arguments, budget),
        Op::Control(what) => control::run_control(what, arguments, budget),
        Op::Switch => {
            let condition = arguments
                .pop()
                .map(|condition| control::truth(&condition))
                .transpose()?;
            let data = arguments.pop();
            return match (condition, data) {
                (Some(true), Some(data)) => Ok(vec![None, Some(data)]),
                (Some(false), Some(data)) => Ok(vec![Some(data), None]),
                _ => Err(Trouble::failed("data and condition are needed")),
            };
        }
        op => ops::evaluate(op, arguments, budget),
    };
    results.map(|results| results.into_iter().map(Some).collect())
}

fn merge(arguments: Vec<Option<Array>>) -> Result<Vec<Option<Array>>, Trouble> {
    let Ok([condition, no, yes]) = <[Option<Array>; 3]>::try_from(arguments) else {
        return Err(Trouble::failed("a condition and two values are needed"));
    };
    let Some(condition) = condition else {
        return Ok(Vec::new());
    };
    let holds = control::truth(&condition)?;
    Ok(vec![
        if holds { yes } else { no },
        Some(Array::scalar(i32::from(holds))),
    ])
}

fn run_loop(repeated: &Loop, mut values: Vec<Array>, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    loop {
        let condition = run(&repeated.condition, &values, budget)?;
        let go_on = match condition.as_slice() {
            [one] if one.dtype() == DType::Bool && one.len() == 1 => one.view::<bool>()?[0],
            _ => return Err(Trouble::failed("the condition of a loop is not one truth value")),
        };
        if !go_on {
            values.truncate(repeated.variables);
            return Ok(values);
        }
        let next = run(&repeated.body, &values, budget)?;
        for (variable, value) in values.iter_mut().zip(next) {
            *variable = value;
        }
    }
}
