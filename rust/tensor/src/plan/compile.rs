//! Recognises what a [`Plan`] can do.

use std::borrow::Cow;
use std::collections::HashMap;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseLayer};

use super::{Answer, Class, Plan, PlanReal, Step};
use crate::array::Array;
use crate::graph::{Binary, Graph, Node, Op, Value};
use crate::ops::classical::Labels;

/// Most values that a row may take in all slots together.
const MOST_VALUES: usize = 1 << 18;

/// What a value of the graph is.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    Slot(usize),
    Constant(&'a Array),
    /// The class of each row, by its number or by labels.
    Class {
        class: Class,
        labels: Option<usize>,
        shape: ClassShape,
    },
    /// A slot whose columns have labels.
    Map {
        slot: usize,
        keys: usize,
    },
}

/// How classes lie in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassShape {
    /// `[rows]`
    Vector,
    /// `[rows, 1]`
    Column,
    /// `[1, rows]`
    Row,
}

/// A step that may still grow.
enum Draft<'a, T: PlanReal> {
    Dense {
        from: usize,
        to: usize,
        weights: Cow<'a, [T]>,
        transposed: bool,
        bias: Vec<T>,
        activation: Activation,
    },
    Done(Step<T>),
}

pub(super) struct Compiler<'a, T: PlanReal> {
    pub(super) widths: Vec<usize>,
    pub(super) known: HashMap<Value, Known<'a>>,
    uses: HashMap<Value, usize>,
    drafts: Vec<Draft<'a, T>>,
    /// The step that computes a slot.
    makers: HashMap<usize, usize>,
    pub(super) labels: Vec<Labels>,
    /// Ensembles so far.
    pub(super) spaces: usize,
}

/// Compiles a graph whose inputs and numbers are all of type `T`; `None` when it holds anything else than a plan can do.
pub(crate) fn compile<T: PlanReal>(graph: &Graph) -> Option<Plan<T>> {
    let mut compiler = Compiler {
        widths: Vec::new(),
        known: HashMap::new(),
        uses: HashMap::new(),
        drafts: Vec::new(),
        makers: HashMap::new(),
        labels: Vec::new(),
        spaces: 0,
    };
    for input in &graph.inputs {
        match (input.dtype, input.shape.as_deref()) {
            (Some(dtype), Some([None | Some(1), Some(width)])) if dtype == T::DTYPE && *width > 0 => {
                compiler.widths.push(*width);
            }
            _ => return None,
        }
    }
    let values = graph.nodes.iter().flat_map(|node| node.inputs.iter().copied());
    for value in values.chain(graph.outputs.iter().map(|(_, value)| *value)) {
        *compiler.uses.entry(value).or_default() += 1;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        for (port, known) in compiler.ports(node)?.into_iter().enumerate() {
            compiler.known.insert(Value { node: index, port }, known);
        }
    }
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for (_, value) in &graph.outputs {
        outputs.push(match compiler.known.get(value)? {
            Known::Slot(slot) => Answer::Values {
                slot: *slot,
                width: compiler.widths[*slot],
            },
            Known::Class { class, labels, shape } if *shape != ClassShape::Row => Answer::Class {
                class: *class,
                labels: *labels,
                column: *shape == ClassShape::Column,
            },
            Known::Map { slot, keys } => Answer::Map {
                slot: *slot,
                width: compiler.widths[*slot],
                keys: *keys,
            },
            Known::Class { .. } | Known::Constant(_) => return None,
        });
    }
    compiler.finish(outputs)
}

impl<'a, T: PlanReal> Compiler<'a, T> {
    pub(super) fn node(&mut self, node: &'a Node) -> Option<Known<'a>> {
        let at = |index: usize| node.inputs.get(index).and_then(|value| self.known.get(value)).copied();
        match &node.op {
            Op::Input(input) => Some(Known::Slot(*input)),
            Op::Constant(array) => Some(Known::Constant(array)),
            Op::MatMul {
                transpose_left: false,
                transpose_right,
            } => {
                let (Known::Slot(from), Known::Constant(weights)) = (at(0)?, at(1)?) else {
                    return None;
                };
                self.dense(from, weights, *transpose_right)
            }
            Op::BiasAdd { .. } => {
                let (Known::Slot(from), Known::Constant(bias)) = (at(0)?, at(1)?) else {
                    return None;
                };
                self.scale(node, from, Binary::Add, bias, false)
            }
            Op::Binary(function) => match (at(0)?, at(1)?) {
                (Known::Slot(left), Known::Slot(right)) => self.combine(left, right, *function),
                (Known::Slot(from), Known::Constant(row)) => self.scale(node, from, *function, row, false),
                (Known::Constant(row), Known::Slot(from)) => self.scale(node, from, *function, row, true),
                _ => None,
            },
            Op::Activate(function) => match at(0)? {
                Known::Slot(from) => Some(self.activate(node, from, *function)),
                _ => None,
            },
            Op::ArgExtreme { largest, last, .. } => match (at(0)?, at(1)?) {
                (Known::Slot(slot), Known::Constant(axis)) if matches!(axis.integer(), Ok(1 | -1)) && !last => {
                    Some(Known::Class {
                        class: Class::Extreme {
                            slot,
                            largest: *largest,
                        },
                        labels: None,
                        shape: ClassShape::Vector,
                    })
                }
                _ => None,
            },
            _ => self.other(node),
        }
    }

    pub(super) fn slot(&mut self, width: usize) -> usize {
        self.widths.push(width);
        self.widths.len() - 1
    }

    pub(super) fn done(&mut self, to: usize, step: Step<T>) -> Known<'a> {
        self.makers.insert(to, self.drafts.len());
        self.drafts.push(Draft::Done(step));
        Known::Slot(to)
    }

    fn dense(&mut self, from: usize, weights: &'a Array, transposed: bool) -> Option<Known<'a>> {
        let [rows, columns] = *weights.shape else { return None };
        let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        if inputs != self.widths[from] || outputs == 0 {
            return None;
        }
        let weights = Cow::Borrowed(weights.view::<T>().ok()?);
        Some(Known::Slot(self.layer(from, outputs, weights, transposed, Vec::new())))
    }

    /// A dense layer; its slot.
    pub(super) fn layer(
        &mut self,
        from: usize,
        outputs: usize,
        weights: Cow<'a, [T]>,
        transposed: bool,
        bias: Vec<T>,
    ) -> usize {
        let to = self.slot(outputs);
        self.makers.insert(to, self.drafts.len());
        self.drafts.push(Draft::Dense {
            from,
            to,
            weights,
            transposed,
            bias,
            activation: Activation::Identity,
        });
        to
    }

    /// The dense step that makes a slot, when only this node reads what it makes.
    fn open_dense(&mut self, node: &Node, from: usize) -> Option<&mut Draft<'a, T>> {
        let source = node
            .inputs
            .iter()
            .find(|value| matches!(self.known.get(value), Some(Known::Slot(slot)) if *slot == from))?;
        if self.uses.get(source) != Some(&1) {
            return None;
        }
        self.makers.get(&from).and_then(|maker| self.drafts.get_mut(*maker))
    }

    pub(super) fn scale(
        &mut self,
        node: &Node,
        from: usize,
        function: Binary,
        row: &Array,
        left: bool,
    ) -> Option<Known<'a>> {
        let width = self.widths[from];
        let values: Vec<T> = match (row.view::<T>().ok()?, row.shape.as_slice()) {
            ([one], [] | [1] | [1, 1]) => vec![*one; width],
            (many, [_] | [1, _]) if many.len() == width => many.to_vec(),
            _ => return None,
        };
        if function == Binary::Add
            && let Some(Draft::Dense {
                bias,
                activation: Activation::Identity,
                ..
            }) = self.open_dense(node, from)
            && bias.is_empty()
        {
            *bias = values;
            return Some(Known::Slot(from));
        }
        if !is_simple(function) {
            return None;
        }
        let to = self.slot(width);
        Some(self.done(
            to,
            Step::Scale {
                from,
                to,
                function,
                values,
                constant_left: left,
            },
        ))
    }

    fn combine(&mut self, left: usize, right: usize, function: Binary) -> Option<Known<'a>> {
        if self.widths[left] != self.widths[right] || !is_simple(function) {
            return None;
        }
        let to = self.slot(self.widths[left]);
        Some(self.done(
            to,
            Step::Combine {
                left,
                right,
                to,
                function,
            },
        ))
    }

    pub(super) fn activate(&mut self, node: &Node, from: usize, function: Activation) -> Known<'a> {
        if let Some(Draft::Dense {
            activation: activation @ Activation::Identity,
            ..
        }) = self.open_dense(node, from)
        {
            *activation = function;
            return Known::Slot(from);
        }
        let to = self.slot(self.widths[from]);
        self.done(to, Step::Activate { from, to, function })
    }

    fn finish(self, outputs: Vec<Answer>) -> Option<Plan<T>> {
        if self
            .widths
            .iter()
            .try_fold(0_usize, |sum, width| sum.checked_add(*width))?
            > MOST_VALUES
        {
            return None;
        }
        let mut reads = vec![0_usize; self.widths.len()];
        for draft in &self.drafts {
            match draft {
                Draft::Dense { from, .. }
                | Draft::Done(
                    Step::Scale { from, .. }
                    | Step::Activate { from, .. }
                    | Step::Dense { from, .. }
                    | Step::Classical { from, .. },
                ) => {
                    reads[*from] += 1;
                }
                Draft::Done(Step::Join { parts, .. }) => parts.iter().for_each(|part| reads[*part] += 1),
                Draft::Done(Step::Combine { left, right, .. }) => {
                    reads[*left] += 1;
                    reads[*right] += 1;
                }
            }
        }
        for output in &outputs {
            reads[output.slot()] += 1;
        }
        let mut steps = Vec::new();
        // Chains whose last layer nobody but the next layer reads, by the slot that they make.
        let mut open: HashMap<usize, (usize, Vec<DenseLayer<T>>)> = HashMap::new();
        for draft in self.drafts {
            match draft {
                Draft::Dense {
                    from,
                    to,
                    weights,
                    transposed,
                    bias,
                    activation,
                } => {
                    let make = if transposed {
                        DenseLayer::output_major
                    } else {
                        DenseLayer::input_major
                    };
                    let layer = make(self.widths[from], self.widths[to], &weights, &bias, activation).ok()?;
                    let (start, mut layers) = open.remove(&from).unwrap_or((from, Vec::new()));
                    layers.push(layer);
                    if reads[to] == 1 && !outputs.iter().any(|output| output.slot() == to) {
                        open.insert(to, (start, layers));
                    } else {
                        steps.push(chain(start, to, layers)?);
                    }
                }
                Draft::Done(step) => {
                    let sources = match &step {
                        Step::Combine { left, right, .. } => vec![*left, *right],
                        Step::Join { parts, .. } => parts.clone(),
                        Step::Scale { from, .. }
                        | Step::Activate { from, .. }
                        | Step::Dense { from, .. }
                        | Step::Classical { from, .. } => {
                            vec![*from]
                        }
                    };
                    for source in sources {
                        if let Some((start, layers)) = open.remove(&source) {
                            steps.push(chain(start, source, layers)?);
                        }
                    }
                    steps.push(step);
                }
            }
        }
        let scratch = steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.scratch_len(),
            _ => 0,
        });
        Some(Plan {
            scratch: scratch.max().unwrap_or(0),
            widths: self.widths,
            steps,
            outputs,
            labels: self.labels,
        })
    }
}

fn chain<T: PlanReal>(from: usize, to: usize, layers: Vec<DenseLayer<T>>) -> Option<Step<T>> {
    let chain = DenseChain::new(layers).ok()?;
    Some(Step::Dense { from, to, chain })
}

fn is_simple(function: Binary) -> bool {
    matches!(
        function,
        Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Maximum | Binary::Minimum
    )
}
