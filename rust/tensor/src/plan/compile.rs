//! Recognises what a [`Plan`] can do.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serving_kernels::activation::Activation;
use serving_kernels::convolution::{Order, Windows};

use super::compile_sequences::Lengths;
use super::layouts::{Layout, Sequence, shaped, width_of};
use super::{Answer, Class, Plan, PlanReal, Step};
use crate::array::Array;
use crate::graph::{Binary, Graph, Input, Node, Op, Value};
use crate::ops::classical::Labels;

/// Most values that a row may take in all slots together.
pub(super) const MOST_VALUES: usize = 1 << 18;
/// As much where there are images, whose slots share memory.
pub(super) const MOST_VALUES_OF_IMAGES: usize = 1 << 24;

/// What a value of the graph is.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    Slot(usize),
    Constant(&'a Array),
    /// A slot whose rows are images.
    Image(usize, Layout),
    /// A slot whose rows are sequences.
    Steps(usize, Sequence),
    /// Integers that are known but for the number of rows.
    Lengths(usize),
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

impl Known<'_> {
    /// The slot that it is.
    fn slot(self) -> Option<usize> {
        match self {
            Self::Slot(slot) | Self::Image(slot, _) | Self::Steps(slot, _) => Some(slot),
            _ => None,
        }
    }
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
pub(super) enum Draft<'a, T: PlanReal> {
    Dense {
        from: usize,
        to: usize,
        weights: Cow<'a, [T]>,
        transposed: bool,
        bias: Vec<T>,
        activation: Activation,
    },
    Convolve {
        from: usize,
        to: usize,
        windows: Windows,
        groups: usize,
        order: Order,
        weights: Cow<'a, [T]>,
        bias: Vec<T>,
    },
    Done(Step<T>),
}

pub(super) struct Compiler<'a, T: PlanReal> {
    pub(super) widths: Vec<usize>,
    /// Shapes of the rows of the inputs.
    rows: Vec<Vec<usize>>,
    pub(super) known: HashMap<Value, Known<'a>>,
    pub(super) uses: HashMap<Value, usize>,
    pub(super) drafts: Vec<Draft<'a, T>>,
    /// Slots that one value is and another one, too, and that must stay what they are.
    pub(super) shared: HashSet<usize>,
    /// The step that computes a slot.
    pub(super) makers: HashMap<usize, usize>,
    pub(super) labels: Vec<Labels>,
    /// Shapes, and parts of them.
    pub(super) lengths: Vec<Lengths>,
    /// The graph is written for one row.
    pub(super) one_row: bool,
    /// Ensembles so far.
    pub(super) spaces: usize,
    /// Columns that are picked one by one.
    pub(super) picked: usize,
    /// What the last image is joined of, and its slot.
    pub(super) joined: Option<(Vec<usize>, usize)>,
}

/// Compiles a graph whose inputs and numbers are all of type `T`; `None` when it holds anything else than a plan can do.
pub(crate) fn compile<T: PlanReal>(graph: &Graph) -> Option<Plan<T>> {
    let mut compiler = Compiler {
        widths: Vec::new(),
        rows: Vec::new(),
        known: HashMap::new(),
        uses: HashMap::new(),
        drafts: Vec::new(),
        shared: HashSet::new(),
        makers: HashMap::new(),
        labels: Vec::new(),
        lengths: Vec::new(),
        one_row: !graph.inputs.is_empty() && graph.inputs.iter().all(is_one_row),
        spaces: 0,
        picked: 0,
        joined: None,
    };
    for input in &graph.inputs {
        match (input.dtype, input.shape.as_deref()) {
            (Some(dtype), Some([None | Some(1), row @ ..])) if dtype == T::DTYPE => {
                let row = row.iter().copied().collect::<Option<Vec<usize>>>()?;
                compiler.widths.push(width_of(&row)?);
                compiler.rows.push(row);
            }
            _ => return None,
        }
    }
    let values = graph.nodes.iter().flat_map(|node| node.inputs.iter().copied());
    for value in values.chain(graph.outputs.iter().map(|(_, value)| *value)) {
        *compiler.uses.entry(value).or_default() += 1;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let slots = compiler.widths.len();
        for (port, known) in compiler.ports(node)?.into_iter().enumerate() {
            if let Some(slot) = known.slot().filter(|slot| *slot < slots) {
                compiler.share(node, slot);
            }
            compiler.known.insert(Value { node: index, port }, known);
        }
        if compiler.picked > MOST_VALUES {
            return None;
        }
    }
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for (_, value) in &graph.outputs {
        outputs.push(match *compiler.known.get(value)? {
            Known::Slot(slot) => Answer::Values {
                slot,
                width: compiler.widths[slot],
            },
            Known::Image(slot, layout) => {
                let slot = compiler.channels_last(slot, layout).0;
                match *layout.lengths() {
                    [one, other] => Answer::Steps {
                        slot,
                        lengths: [one, other],
                    },
                    _ => Answer::Image {
                        slot,
                        lengths: layout.axes(),
                    },
                }
            }
            Known::Steps(slot, sequence) if !sequence.rows_second => Answer::Steps {
                slot,
                lengths: [sequence.steps, sequence.width],
            },
            Known::Class { class, labels, shape } if shape != ClassShape::Row => Answer::Class {
                class,
                labels,
                column: shape == ClassShape::Column,
            },
            Known::Map { slot, keys } => Answer::Map {
                slot,
                width: compiler.widths[slot],
                keys,
            },
            Known::Class { .. } | Known::Constant(_) | Known::Steps(..) | Known::Lengths(_) => return None,
        });
    }
    compiler.finish(outputs)
}

impl<'a, T: PlanReal> Compiler<'a, T> {
    pub(super) fn node(&mut self, node: &'a Node) -> Option<Known<'a>> {
        let at = |index: usize| node.inputs.get(index).and_then(|value| self.known.get(value)).copied();
        match &node.op {
            Op::Input(input) => shaped(*input, &self.rows[*input]),
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
            Op::Activate(_) | Op::Clip | Op::Unary(_) => match at(0)? {
                Known::Slot(from) => Some(self.activate(node, from, self.function(node)?)),
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
        self.draft(to, Draft::Done(step));
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
        let draft = Draft::Dense {
            from,
            to,
            weights,
            transposed,
            bias,
            activation: Activation::Identity,
        };
        self.draft(to, draft);
        to
    }

    pub(super) fn draft(&mut self, to: usize, draft: Draft<'a, T>) {
        self.makers.insert(to, self.drafts.len());
        self.drafts.push(draft);
    }

    pub(super) fn is_slot(&self, value: Value, slot: usize) -> bool {
        self.known.get(&value).and_then(|known| known.slot()) == Some(slot)
    }

    /// Takes note of a node that calls a slot by another name.
    fn share(&mut self, node: &Node, slot: usize) {
        let mut named = node.inputs.iter().filter(|value| self.is_slot(**value, slot));
        if !named.all(|value| self.uses.get(value) == Some(&1)) {
            self.shared.insert(slot);
        }
    }
}

fn is_one_row(input: &Input) -> bool {
    matches!(input.shape.as_deref(), Some([Some(1), ..]))
}
