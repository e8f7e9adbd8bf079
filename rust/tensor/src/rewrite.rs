//! Makes a graph smaller without changing what it computes: nodes that do nothing are bypassed, what does not depend on
//! inputs is computed once, what nobody needs is dropped.

use std::collections::HashMap;

use serving_kernels::activation::Activation;

use crate::array::{Array, DType};
use crate::graph::{Binary, Compare, Graph, Input, Node, Op, Value};
use crate::ops::spatial::PreparedConvolution;
use crate::ops::{Dense, Spatial};
use crate::run::Budget;

/// Largest tensor that is computed ahead: a `Fill` of a few bytes can ask for gigabytes.
const MOST_FOLDED: usize = 1 << 20;
/// Steps for all that is computed ahead.
const FOLDING_STEPS: u64 = 1 << 28;

/// Simplifies a graph and the loops in it.
pub(crate) fn simplify(graph: Graph) -> Graph {
    let mut budget = Budget {
        steps: FOLDING_STEPS,
        ..Budget::default()
    };
    simplify_within(graph, &mut budget)
}

fn simplify_within(graph: Graph, budget: &mut Budget) -> Graph {
    let mut rewriter = Rewriter::default();
    for (index, node) in graph.nodes.into_iter().enumerate() {
        rewriter.take(index, node, budget);
    }
    let mut result = Graph {
        nodes: rewriter.nodes,
        inputs: graph.inputs,
        outputs: graph
            .outputs
            .into_iter()
            .map(|(name, value)| (name, rewriter.renamed[&value]))
            .collect(),
        freed: Vec::new(),
    };
    drop_unneeded(&mut result);
    result.find_last_uses();
    result
}

#[derive(Default)]
struct Rewriter {
    nodes: Vec<Node>,
    renamed: HashMap<Value, Value>,
}

impl Rewriter {
    fn producer(&self, value: Value) -> &Node {
        &self.nodes[value.node]
    }

    fn constant(&self, value: Value) -> Option<&Array> {
        match &self.producer(value).op {
            Op::Constant(array) => Some(array),
            _ => None,
        }
    }

    fn take(&mut self, index: usize, mut node: Node, budget: &mut Budget) {
        for input in &mut node.inputs {
            *input = self.renamed[input];
        }
        if let Some(same) = self.bypass(&node) {
            if let (Op::Merge, Some(holds)) = (&node.op, node.inputs.first().and_then(|value| self.truth(*value))) {
                self.nodes.push(Node {
                    op: Op::Constant(Array::scalar(i32::from(holds))),
                    inputs: Vec::new(),
                    ..node
                });
                let number = Value {
                    node: self.nodes.len() - 1,
                    port: 0,
                };
                self.renamed.insert(Value { node: index, port: 1 }, number);
            }
            self.renamed.insert(Value { node: index, port: 0 }, same);
            return;
        }
        if let Some(value) = self.swish(&node) {
            node.op = Op::Activate(Activation::Swish);
            node.inputs = vec![value];
        }
        let switched = self.switched(&node);
        if let Op::Loop(repeated) = &mut node.op {
            repeated.condition = simplify_within(std::mem::take(&mut repeated.condition), budget);
            repeated.body = simplify_within(std::mem::take(&mut repeated.body), budget);
        }
        if let Op::Control(control) = &mut node.op {
            for graph in control.graphs_mut() {
                *graph = simplify_within(std::mem::take(graph), budget);
            }
        }
        if let Some(arrays) = self.fold(&node, budget) {
            for (port, array) in arrays.into_iter().enumerate() {
                self.nodes.push(Node {
                    name: node.name.clone(),
                    operator: node.operator.clone(),
                    op: Op::Constant(array),
                    inputs: Vec::new(),
                });
                let folded = Value {
                    node: self.nodes.len() - 1,
                    port: 0,
                };
                self.renamed.insert(Value { node: index, port }, folded);
            }
            return;
        }
        for port in 0..node.op.ports() {
            let value = Value {
                node: self.nodes.len(),
                port,
            };
            self.renamed.insert(Value { node: index, port }, value);
        }
        if let Some((port, data)) = switched {
            self.renamed.insert(Value { node: index, port }, data);
        }
        self.nodes.push(node);
    }

    /// The side of a switch that is always chosen, and the data that it leads on.
    fn switched(&self, node: &Node) -> Option<(usize, Value)> {
        let (Op::Switch, [data, condition]) = (&node.op, node.inputs.as_slice()) else {
            return None;
        };
        Some((usize::from(self.truth(*condition)?), *data))
    }

    /// A condition that is known.
    fn truth(&self, condition: Value) -> Option<bool> {
        match self.constant(condition)?.view::<bool>() {
            Ok([truth]) => Some(*truth),
            _ => None,
        }
    }

    /// The value that a node only passes on.
    fn bypass(&self, node: &Node) -> Option<Value> {
        match (&node.op, node.inputs.as_slice()) {
            (Op::Identity, [value, ..]) => Some(*value),
            (Op::Merge, [condition, no, yes]) => self.truth(*condition).map(|holds| if holds { *yes } else { *no }),
            (Op::Binary(Binary::Multiply | Binary::Divide), [value, one]) if self.is_one(*one) => Some(*value),
            (Op::Select { .. }, [condition, value, _]) if self.is_always_true(*condition, *value) => Some(*value),
            _ => None,
        }
    }

    /// The value that is multiplied with its own logistic function.
    fn swish(&self, node: &Node) -> Option<Value> {
        let (Op::Binary(Binary::Multiply), [left, right]) = (&node.op, node.inputs.as_slice()) else {
            return None;
        };
        let is_of = |value: Value, bent: Value| {
            let node = self.producer(bent);
            matches!(node.op, Op::Activate(Activation::Logistic)) && node.inputs == [value]
        };
        let bends = [(*left, *right), (*right, *left)];
        bends
            .into_iter()
            .find(|(value, bent)| is_of(*value, *bent))
            .map(|(value, _)| value)
    }

    fn is_one(&self, value: Value) -> bool {
        self.constant(value).is_some_and(|array| {
            array.shape.is_empty()
                && (array.view::<f32>().is_ok_and(|values| values == [1.0])
                    || array.view::<f64>().is_ok_and(|values| values == [1.0]))
        })
    }

    /// Dropout that drops nothing: random numbers from 0 on, in the shape of what is chosen, compared with 0.
    fn is_always_true(&self, condition: Value, chosen: Value) -> bool {
        let compared = self.producer(condition);
        let (Op::Compare(Compare::GreaterOrEqual), [random, rate]) = (&compared.op, compared.inputs.as_slice()) else {
            return false;
        };
        let random = self.producer(*random);
        let (Op::RandomUniform { .. }, Some(shape)) = (&random.op, random.inputs.first()) else {
            return false;
        };
        let shape = self.producer(*shape);
        let (Op::Shape { .. }, [shaped]) = (&shape.op, shape.inputs.as_slice()) else {
            return false;
        };
        let same_shape = *shaped == chosen || self.producer(chosen).inputs.contains(shaped);
        let nothing = self.constant(*rate).is_some_and(|rate| {
            rate.shape.is_empty()
                && (rate.view::<f32>().is_ok_and(|rate| rate[0] <= 0.0)
                    || rate.view::<f64>().is_ok_and(|rate| rate[0] <= 0.0))
        });
        same_shape && nothing
    }

    /// The outputs of a node that depends on constants only. What fails here fails at run time, where it can be reported
    /// for the record at hand.
    fn fold(&self, node: &Node, budget: &mut Budget) -> Option<Vec<Array>> {
        let lasting = matches!(
            node.op,
            Op::Input(_)
                | Op::Constant(_)
                | Op::Loop(_)
                | Op::Control(_)
                | Op::Switch
                | Op::Merge
                | Op::RandomUniform { .. }
                | Op::Random(_)
                | Op::Sequence(_)
        );
        if lasting || node.inputs.is_empty() || budget.steps < MOST_FOLDED as u64 {
            return None;
        }
        let inputs = node.inputs.iter().map(|value| self.constant(*value).cloned());
        let inputs = inputs.collect::<Option<Vec<_>>>()?;
        if inputs.iter().any(|input| input.len() > MOST_FOLDED) || asks_for_much(&node.op, &inputs) {
            return None;
        }
        budget.charge(1000).ok()?;
        let results = crate::ops::evaluate(&node.op, inputs, budget).ok()?;
        let size = results.iter().map(Array::len).sum();
        budget.charge(size).ok()?;
        let keeps = results
            .iter()
            .all(|array| !matches!(array.dtype(), DType::List | DType::Map))
            && size <= MOST_FOLDED;
        keeps.then_some(results)
    }
}

/// Whether an operator may make a large tensor of small ones.
fn asks_for_much(op: &Op, inputs: &[Array]) -> bool {
    let entries: Vec<i64> = match op {
        Op::Fill | Op::RandomUniform { .. } => inputs[0].integers().unwrap_or_default(),
        Op::Tile | Op::BroadcastTo | Op::OneHot { .. } => inputs
            .get(1)
            .and_then(|array| array.integers().ok())
            .unwrap_or_default(),
        Op::Range
        | Op::Pad
        | Op::SpaceToBatch
        | Op::TransposedConvolution(_)
        | Op::ListReserve
        | Op::Counting(_)
        | Op::Ragged(_)
        | Op::List(_)
        | Op::Partition(_)
        | Op::Detection(_)
        | Op::Picture(_)
        | Op::Arrange(_) => return true,
        _ => return false,
    };
    let product = entries
        .iter()
        .fold(1_i64, |product, entry| product.saturating_mul((*entry).max(1)));
    let largest = inputs.iter().map(Array::len).max().unwrap_or(1);
    product.saturating_mul(largest as i64) > MOST_FOLDED as i64
}

fn drop_unneeded(graph: &mut Graph) {
    let mut needed = vec![false; graph.nodes.len()];
    for (_, value) in &graph.outputs {
        needed[value.node] = true;
    }
    for index in (0..graph.nodes.len()).rev() {
        if needed[index] {
            for value in &graph.nodes[index].inputs {
                needed[value.node] = true;
            }
        }
    }
    let mut places = Vec::with_capacity(graph.nodes.len());
    let mut kept = 0;
    for needed in &needed {
        places.push(kept);
        kept += usize::from(*needed);
    }
    let mut index = 0;
    graph.nodes.retain(|_| {
        index += 1;
        needed[index - 1]
    });
    let values = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for value in values.chain(graph.outputs.iter_mut().map(|(_, value)| value)) {
        value.node = places[value.node];
    }
}

/// Lays constant matrices and filters out for the kernels, for a graph that is evaluated node by node.
pub(crate) fn prepare(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let constant = |n: usize| match node.inputs.get(n).map(|value| &graph.nodes[value.node].op) {
            Some(Op::Constant(array)) => Some(array),
            _ => None,
        };
        let prepared = match &node.op {
            Op::MatMul {
                transpose_left: false,
                transpose_right,
            } => constant(1)
                .and_then(|matrix| Dense::new(matrix, *transpose_right))
                .map(Op::Dense),
            Op::Spatial(Spatial::Convolution { window, groups }) => {
                let bias = node.inputs.get(2).map(|_| constant(2));
                let bias = match bias {
                    Some(Some(array)) if array.dtype() == DType::Nothing => Some(None),
                    Some(Some(array)) => Some(Some(array)),
                    Some(None) => None,
                    None => Some(None),
                };
                let filter = constant(1).zip(bias);
                filter
                    .and_then(|(filter, bias)| PreparedConvolution::new(window, *groups, filter, bias))
                    .map(Op::PreparedConvolution)
            }
            _ => None,
        };
        let node = &mut graph.nodes[index];
        if let Some(op) = prepared {
            node.op = op;
            node.inputs.truncate(1);
        }
        match &mut node.op {
            Op::Control(control) => control.graphs_mut().iter_mut().for_each(prepare),
            Op::Loop(repeated) => {
                prepare(&mut repeated.condition);
                prepare(&mut repeated.body);
            }
            _ => {}
        }
    }
    drop_unneeded(graph);
    graph.find_last_uses();
}

/// An input whose shape the file does not tell: rows of as many values as the matrix has rows that it is multiplied with.
pub(crate) fn infer_shapes(graph: &mut Graph) {
    let mut found: HashMap<usize, usize> = HashMap::new();
    for node in &graph.nodes {
        let (
            Op::MatMul {
                transpose_left: false,
                transpose_right,
            },
            [left, right],
        ) = (&node.op, node.inputs.as_slice())
        else {
            continue;
        };
        let (Op::Input(input), Op::Constant(matrix)) = (&graph.nodes[left.node].op, &graph.nodes[right.node].op) else {
            continue;
        };
        if let [rows, columns] = *matrix.shape {
            found.insert(*input, if *transpose_right { columns } else { rows });
        }
    }
    for (input, width) in found {
        let Some(Input {
            shape: shape @ None, ..
        }) = graph.inputs.get_mut(input)
        else {
            continue;
        };
        *shape = Some(vec![None, Some(width)]);
    }
}
