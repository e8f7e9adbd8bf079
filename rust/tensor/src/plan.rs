//! Graphs in which every row is worked on for itself: dense chains, scaling, activations, argmax. They are compiled to a few
//! steps over one buffer and scored without allocation.

mod assemble;
mod classical;
mod compile;
mod compile_classical;
mod compile_images;
mod compile_sequences;
mod images;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseReal};

use crate::array::Element;
use crate::graph::Binary;
use crate::ops::classical::Labels;
use crate::ops::classical::trees::{Space, TreeReal};

use classical::Classical;
pub(crate) use classical::{Class, class_of};
pub(crate) use compile::compile;
use images::{Convolution, Pooling};

/// `f32` and `f64`.
pub(crate) trait PlanReal: DenseReal + TreeReal + Element {}

impl PlanReal for f32 {}
impl PlanReal for f64 {}

/// Rows that are scored together.
pub(crate) const TILE: usize = 64;

/// A compiled graph.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    /// Values per row of each slot. The first slots are the inputs, in order.
    widths: Vec<usize>,
    steps: Vec<Step<T>>,
    outputs: Vec<Answer>,
    scratch: usize,
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
        convolution: Convolution<T>,
    },
    /// Of images.
    Pool {
        from: usize,
        to: usize,
        pooling: Pooling<T>,
    },
    /// With the same values in every row.
    Fill {
        to: usize,
        values: Vec<T>,
    },
    /// Slots side by side.
    Join {
        parts: Vec<usize>,
        to: usize,
    },
}

/// Where an output of the graph is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The values of a slot.
    Values { slot: usize, width: usize },
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
            Self::Values { slot, .. } | Self::Map { slot, .. } => slot,
            Self::Class { class, .. } => class.slot(),
        }
    }

    /// Cells of a row.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Values { width, .. } | Self::Map { width, .. } => width,
            Self::Class { .. } => 1,
        }
    }
}

/// Working space of one task.
#[derive(Debug)]
pub(crate) struct Workspace<T> {
    /// The slots, each with room for [`TILE`] rows.
    values: Vec<T>,
    offsets: Vec<usize>,
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

    pub(crate) fn workspace(&self) -> Workspace<T> {
        let mut offsets = vec![0];
        for width in &self.widths {
            offsets.push(offsets.last().copied().unwrap_or_default() + width * TILE);
        }
        Workspace {
            values: vec![T::ZERO; offsets.last().copied().unwrap_or_default()],
            offsets,
            scratch: vec![T::ZERO; self.scratch],
            spaces: self.spaces(),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let steps = self.steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.heap_bytes(),
            Step::Scale { values, .. } | Step::Fill { values, .. } => values.capacity() * size_of::<T>(),
            Step::Combine { .. } | Step::Activate { .. } => 0,
            Step::Classical { what, .. } => what.heap_bytes(),
            Step::Convolve { convolution, .. } => convolution.heap_bytes(),
            Step::Pool { pooling, .. } => pooling.heap_bytes(),
            Step::Join { parts, .. } => parts.capacity() * size_of::<usize>(),
        });
        steps.sum::<usize>()
            + self.steps.capacity() * size_of::<Step<T>>()
            + self.widths.capacity() * size_of::<usize>()
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

    /// Computes all slots of the first `rows` rows, at most [`TILE`], from the input slots.
    pub(crate) fn run(&self, rows: usize, space: &mut Workspace<T>) {
        let Workspace {
            values,
            offsets,
            scratch,
            spaces,
        } = space;
        for step in &self.steps {
            match step {
                Step::Dense { from, to, chain } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    chain.evaluate(rows, &before[offsets[*from]..], after, scratch);
                }
                Step::Scale {
                    from,
                    to,
                    function,
                    values: row,
                    constant_left,
                } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let count = rows * self.widths[*to];
                    let from = before[offsets[*from]..][..count].chunks_exact(row.len());
                    for (from, to) in from.zip(after[..count].chunks_exact_mut(row.len())) {
                        if *constant_left {
                            combine(*function, row, from, to);
                        } else {
                            combine(*function, from, row, to);
                        }
                    }
                }
                Step::Combine {
                    left,
                    right,
                    to,
                    function,
                } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let count = rows * self.widths[*to];
                    let left = &before[offsets[*left]..][..count];
                    combine(
                        *function,
                        left,
                        &before[offsets[*right]..][..count],
                        &mut after[..count],
                    );
                }
                Step::Activate { from, to, function } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let count = rows * self.widths[*to];
                    after[..count].copy_from_slice(&before[offsets[*from]..][..count]);
                    function.apply(&mut after[..count], self.widths[*to]);
                }
                Step::Classical { from, to, what } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let (input, output) = (self.widths[*from], self.widths[*to]);
                    let given = &before[offsets[*from]..][..rows * input];
                    what.prepare(given, input, &mut after[..rows * output], output, spaces);
                    for row in 0..rows {
                        let given = &before[offsets[*from] + row * input..][..input];
                        let (scores, rest) = after[row * output..].split_at_mut(output);
                        let class = what.run(given, scores);
                        if let Some(slot) = what.class() {
                            // The slot of the class lies behind that of the scores.
                            let place = offsets[slot] - offsets[*to] + row - (row + 1) * output;
                            rest[place] = T::from_f64(class as f64);
                        }
                    }
                }
                Step::Convolve { from, to, convolution } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let images = before[offsets[*from]..].chunks_exact(self.widths[*from]);
                    for (image, result) in images.zip(after.chunks_exact_mut(self.widths[*to])).take(rows) {
                        convolution.run(image, result, scratch);
                    }
                }
                Step::Pool { from, to, pooling } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    let images = before[offsets[*from]..].chunks_exact(self.widths[*from]);
                    for (image, result) in images.zip(after.chunks_exact_mut(self.widths[*to])).take(rows) {
                        pooling.run(image, result);
                    }
                }
                Step::Fill { to, values: row } => {
                    let slot = values[offsets[*to]..].chunks_exact_mut(row.len());
                    slot.take(rows).for_each(|to| to.copy_from_slice(row));
                }
                Step::Join { parts, to } => {
                    let (before, after) = values.split_at_mut(offsets[*to]);
                    for row in 0..rows {
                        let mut start = row * self.widths[*to];
                        for part in parts {
                            let width = self.widths[*part];
                            let from = &before[offsets[*part] + row * width..][..width];
                            after[start..start + width].copy_from_slice(from);
                            start += width;
                        }
                    }
                }
            }
        }
    }
}

impl<T> Workspace<T> {
    /// Room for a row of an input.
    pub(crate) fn input(&mut self, slot: usize, row: usize) -> &mut [T] {
        let (start, end) = (self.offsets[slot], self.offsets[slot + 1]);
        let width = (end - start) / TILE;
        &mut self.values[start + row * width..start + (row + 1) * width]
    }

    /// A row of a slot.
    pub(crate) fn row(&self, slot: usize, row: usize) -> &[T] {
        let (start, end) = (self.offsets[slot], self.offsets[slot + 1]);
        let width = (end - start) / TILE;
        &self.values[start + row * width..start + (row + 1) * width]
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

fn is_nan<T: DenseReal>(value: T) -> bool {
    value.partial_cmp(&value).is_none()
}

#[cfg(test)]
mod tests;
