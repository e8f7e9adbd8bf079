//! Graphs in which every row is worked on for itself: dense chains, scaling, activations, argmax. They are compiled to a few
//! steps over one buffer and scored without allocation.

mod assemble;
mod classical;
mod compile;
mod compile_classical;
mod compile_images;
mod compile_lines;
mod compile_sequences;
mod compile_values;
mod compile_windows;
mod images;
mod layouts;
mod memory;

use serving_kernels::activation::Activation;
use serving_kernels::convolution::{ConvolutionReal, Pooling};
use serving_kernels::dense::{DenseChain, DenseReal};

use crate::array::Element;
use crate::graph::Binary;
use crate::ops::classical::Labels;
use crate::ops::classical::trees::{Space, TreeReal};

use classical::Classical;
pub(crate) use classical::{Class, class_of};
pub(crate) use compile::compile;
use images::{Convolved, by_channel};
use memory::{Layout, Others, apart};

/// `f32` and `f64`.
pub(crate) trait PlanReal: DenseReal + ConvolutionReal + TreeReal + Element {}

impl PlanReal for f32 {}
impl PlanReal for f64 {}

/// Most rows that are scored together.
const TILE: usize = 64;

/// A compiled graph.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    /// Values per row of each slot. The first slots are the inputs, in order.
    widths: Vec<usize>,
    steps: Vec<Step<T>>,
    outputs: Vec<Answer>,
    scratch: usize,
    layout: Layout,
    /// What classes are called.
    labels: Vec<Labels>,
}

/// Computes a slot from slots before it.
#[derive(Debug)]
enum Step<T> {
    Dense {
        from: usize,
        to: usize,
        chain: DenseChain<T>,
    },
    /// With one constant row on the right, or on the left, or with as many values for each pixel of a row.
    Scale {
        from: usize,
        to: usize,
        function: Binary,
        values: Vec<T>,
        constant_left: bool,
    },
    Combine {
        left: usize,
        right: usize,
        to: usize,
        function: Binary,
    },
    /// Each pixel of a row with a value for each channel.
    Spread {
        from: usize,
        channels: usize,
        to: usize,
        function: Binary,
        channels_left: bool,
    },
    Activate {
        from: usize,
        to: usize,
        function: Activation,
    },
    Classical {
        from: usize,
        to: usize,
        what: Classical<T>,
    },
    /// Of images.
    Convolve {
        from: usize,
        to: usize,
        convolved: Box<Convolved<T>>,
    },
    /// Of images.
    Pool {
        from: usize,
        to: usize,
        pooling: Pooling,
    },
    /// Rows that are matrices of so many columns, transposed.
    Turn {
        from: usize,
        to: usize,
        columns: usize,
    },
    /// Puts lines of so many values into zeros, so far from the beginning, each this far from the one before.
    Surround {
        from: usize,
        to: usize,
        line: usize,
        first: usize,
        pitch: usize,
    },
    /// With the same values in every row.
    Fill {
        to: usize,
        values: Vec<T>,
    },
    /// Slots side by side, for each of so many pixels of a row.
    Join {
        parts: Vec<usize>,
        to: usize,
        pixels: usize,
    },
}

/// Where an output of the graph is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The values of a slot.
    Values { slot: usize, width: usize },
    /// As well, with these axes.
    Image { slot: usize, lengths: [usize; 3] },
    /// As well, with these two axes.
    Steps { slot: usize, lengths: [usize; 2] },
    /// The class of a row: its number, or one of the labels of the plan. `column`: in an axis of its own.
    Class {
        class: Class,
        labels: Option<usize>,
        column: bool,
    },
    /// The values of a slot, each under one of the labels of the plan.
    Map { slot: usize, width: usize, keys: usize },
}

impl Answer {
    /// The slot that it is read from.
    fn slot(self) -> usize {
        match self {
            Self::Values { slot, .. }
            | Self::Image { slot, .. }
            | Self::Steps { slot, .. }
            | Self::Map { slot, .. } => slot,
            Self::Class { class, .. } => class.slot(),
        }
    }

    /// Cells of a row.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Map { width, .. } => width,
            Self::Class { .. } => 1,
            _ => self.axes().iter().product(),
        }
    }

    /// Lengths of a row's axes, where it is an array of values.
    pub(crate) fn axes(&self) -> &[usize] {
        match self {
            Self::Values { width, .. } => std::slice::from_ref(width),
            Self::Image { lengths, .. } => lengths,
            Self::Steps { lengths, .. } => lengths,
            Self::Class { .. } | Self::Map { .. } => &[],
        }
    }
}

/// Working space of one task.
#[derive(Debug)]
pub(crate) struct Workspace<T> {
    /// The slots.
    values: Vec<T>,
    offsets: Vec<usize>,
    widths: Vec<usize>,
    scratch: Vec<T>,
    spaces: Vec<Space<T>>,
}

impl<T: PlanReal> Plan<T> {
    pub(crate) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    /// The texts that an output stands for by code; none for one that is numbers.
    pub(crate) fn texts_of(&self, output: usize) -> Vec<String> {
        let known = match self.outputs.get(output) {
            Some(Answer::Class { labels, .. }) => labels.and_then(|labels| self.labels.get(labels)),
            _ => None,
        };
        match known {
            Some(Labels::Texts(texts)) => texts.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn outputs(&self) -> &[Answer] {
        &self.outputs
    }

    /// Rows that are scored together.
    pub(crate) fn rows(&self) -> usize {
        self.layout.rows
    }

    pub(crate) fn workspace(&self) -> Workspace<T> {
        Workspace {
            values: vec![T::ZERO; self.layout.total],
            offsets: self.layout.offsets.clone(),
            widths: self.widths.clone(),
            scratch: vec![T::ZERO; self.scratch],
            spaces: self.spaces(),
        }
    }

    /// Bytes of the slots in a workspace.
    pub(crate) fn workspace_bytes(&self) -> usize {
        self.layout
            .total
            .saturating_add(self.scratch)
            .saturating_mul(size_of::<T>())
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let steps = self.steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.heap_bytes(),
            Step::Scale { values, .. } | Step::Fill { values, .. } => values.capacity() * size_of::<T>(),
            Step::Classical { what, .. } => what.heap_bytes(),
            Step::Convolve { convolved, .. } => convolved.heap_bytes() + size_of::<Convolved<T>>(),
            Step::Pool { pooling, .. } => pooling.heap_bytes(),
            Step::Join { parts, .. } => parts.capacity() * size_of::<usize>(),
            Step::Combine { .. }
            | Step::Spread { .. }
            | Step::Activate { .. }
            | Step::Turn { .. }
            | Step::Surround { .. } => 0,
        });
        steps.sum::<usize>()
            + self.steps.capacity() * size_of::<Step<T>>()
            + (self.widths.capacity() + self.layout.offsets.capacity()) * size_of::<usize>()
    }

    /// Working space of each ensemble, in the order of the steps.
    fn spaces(&self) -> Vec<Space<T>> {
        let spaces = self.steps.iter().filter_map(|step| match step {
            Step::Classical {
                what: Classical::Trees { model, .. },
                ..
            } => T::kernel(model).map(crate::ops::classical::trees::Kernel::space),
            _ => None,
        });
        spaces.collect()
    }

    /// Computes all slots of the first rows, at most [`rows`](Self::rows), from the input slots.
    pub(crate) fn run(&self, rows: usize, space: &mut Workspace<T>) {
        let Workspace {
            values,
            offsets,
            scratch,
            spaces,
            ..
        } = space;
        for step in &self.steps {
            if let Step::Classical { from, to, what } = step
                && let Some(slot) = what.class()
            {
                // Where there are classes slots lie in their order, that of the class behind that of the scores.
                let class = offsets[slot] - offsets[*to];
                let (before, after) = values.split_at_mut(offsets[*to]);
                let widths = [self.widths[*from], self.widths[*to]];
                what.score(rows, &before[offsets[*from]..], after, widths, Some(class), spaces);
                continue;
            }
            let (result, others) = apart(values, offsets, &self.widths, step.to(), rows);
            self.compute(step, rows, result, &others, scratch, spaces);
        }
    }

    /// Computes the slot of a step.
    fn compute(
        &self,
        step: &Step<T>,
        rows: usize,
        result: &mut [T],
        others: &Others<'_, T>,
        scratch: &mut [T],
        spaces: &mut [Space<T>],
    ) {
        match step {
            Step::Dense { from, chain, .. } => chain.evaluate(rows, others.rows(*from, rows), result, scratch),
            Step::Scale {
                from,
                function,
                values: row,
                constant_left,
                ..
            } => {
                let from = others.rows(*from, rows).chunks_exact(row.len());
                for (from, to) in from.zip(result.chunks_exact_mut(row.len())) {
                    if *constant_left {
                        combine(*function, row, from, to);
                    } else {
                        combine(*function, from, row, to);
                    }
                }
            }
            Step::Combine {
                left, right, function, ..
            } => combine(*function, others.rows(*left, rows), others.rows(*right, rows), result),
            Step::Spread {
                from,
                channels,
                to,
                function,
                channels_left,
            } => {
                result.copy_from_slice(others.rows(*from, rows));
                for (row, result) in result.chunks_exact_mut(self.widths[*to]).enumerate() {
                    by_channel(*function, others.row(*channels, row), *channels_left, result);
                }
            }
            Step::Activate { from, to, function } => {
                result.copy_from_slice(others.rows(*from, rows));
                function.apply(result, self.widths[*to]);
            }
            Step::Classical { from, to, what } => {
                let widths = [self.widths[*from], self.widths[*to]];
                what.score(rows, others.rows(*from, rows), result, widths, None, spaces);
            }
            Step::Convolve { from, to, convolved } => {
                for (row, result) in result.chunks_exact_mut(self.widths[*to]).enumerate() {
                    convolved.run(row, others.row(*from, row), result, others, scratch);
                }
            }
            Step::Pool { from, to, pooling } => {
                for (row, result) in result.chunks_exact_mut(self.widths[*to]).enumerate() {
                    pooling.run(others.row(*from, row), result);
                }
            }
            Step::Turn { from, to, columns } => {
                for (row, result) in result.chunks_exact_mut(self.widths[*to]).enumerate() {
                    turn(others.row(*from, row), *columns, result);
                }
            }
            Step::Surround {
                from,
                to,
                line,
                first,
                pitch,
            } => {
                for (row, result) in result.chunks_exact_mut(self.widths[*to]).enumerate() {
                    result.fill(T::ZERO);
                    let lines = others.row(*from, row).chunks_exact(*line);
                    for (from, to) in lines.zip(result[*first..].chunks_mut(*pitch)) {
                        to[..*line].copy_from_slice(from);
                    }
                }
            }
            Step::Fill { values: row, .. } => {
                let slot = result.chunks_exact_mut(row.len());
                slot.for_each(|to| to.copy_from_slice(row));
            }
            Step::Join { parts, to, pixels } => {
                let pitch = self.widths[*to] / pixels;
                let mut start = 0;
                for part in parts {
                    let width = self.widths[*part] / pixels;
                    let from = others.rows(*part, rows).chunks_exact(width);
                    for (from, to) in from.zip(result.chunks_exact_mut(pitch)) {
                        to[start..start + width].copy_from_slice(from);
                    }
                    start += width;
                }
            }
        }
    }
}

/// A matrix of so many columns, transposed.
fn turn<T: Copy>(from: &[T], columns: usize, to: &mut [T]) {
    let lines = from.len() / columns;
    if lines < columns {
        for (line, from) in from.chunks_exact(columns).enumerate() {
            for (to, from) in to.chunks_exact_mut(lines).zip(from) {
                to[line] = *from;
            }
        }
    } else {
        for (column, to) in to.chunks_exact_mut(lines).enumerate() {
            for (to, from) in to.iter_mut().zip(from.chunks_exact(columns)) {
                *to = from[column];
            }
        }
    }
}

/// Index of the first largest (or smallest) value.
pub(crate) fn extreme<T: PartialOrd>(values: &[T], largest: bool) -> usize {
    let better = |a: &T, b: &T| if largest { a > b } else { a < b };
    (1..values.len()).fold(0, |best, n| if better(&values[n], &values[best]) { n } else { best })
}

fn combine<T: DenseReal>(function: Binary, left: &[T], right: &[T], to: &mut [T]) {
    match function {
        Binary::Add => pairwise(left, right, to, |a, b| a + b),
        Binary::Subtract => pairwise(left, right, to, |a, b| a - b),
        Binary::Multiply => pairwise(left, right, to, |a, b| a * b),
        Binary::Divide => pairwise(left, right, to, |a, b| a / b),
        Binary::Maximum => pairwise(left, right, to, |a, b| if a > b || is_nan(a) { a } else { b }),
        // `compile` lets no other function through.
        _ => pairwise(left, right, to, |a, b| if a < b || is_nan(a) { a } else { b }),
    }
}

#[inline]
fn pairwise<T: DenseReal>(left: &[T], right: &[T], to: &mut [T], function: impl Fn(T, T) -> T) {
    for ((a, b), to) in left.iter().zip(right).zip(to) {
        *to = function(*a, *b);
    }
}

/// Values with others, in their place.
fn combine_in_place<T: DenseReal>(function: Binary, values: &mut [T], others: &[T], others_left: bool) {
    let each = values.iter_mut().zip(others);
    match (function, others_left) {
        (Binary::Add, _) => each.for_each(|(value, other)| *value = *value + *other),
        (Binary::Multiply, _) => each.for_each(|(value, other)| *value = *value * *other),
        (_, false) => each.for_each(|(value, other)| *value = one(function, *value, *other)),
        (_, true) => each.for_each(|(value, other)| *value = one(function, *other, *value)),
    }
}

fn one<T: DenseReal>(function: Binary, left: T, right: T) -> T {
    let mut result = [T::ZERO];
    combine(function, &[left], &[right], &mut result);
    result[0]
}

fn is_nan<T: DenseReal>(value: T) -> bool {
    value.partial_cmp(&value).is_none()
}

#[cfg(test)]
mod tests;
