//! Graphs in which every row is worked on for itself: dense chains, scaling, activations, argmax. They are compiled to a few
//! steps over one buffer and scored without allocation.

mod compile;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseReal};

use crate::graph::Binary;

pub(crate) use compile::compile;

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
}

/// Computes a slot from slots before it.
#[derive(Debug)]
enum Step<T> {
    Dense {
        from: usize,
        to: usize,
        chain: DenseChain<T>,
    },
    /// With one constant row on the right, or on the left.
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
}

/// Where an output of the graph is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The values of a slot.
    Values { slot: usize, width: usize },
    /// Index of the first largest (or smallest) value of a slot.
    Extreme { slot: usize, largest: bool },
}

/// Working space of one task.
#[derive(Debug)]
pub(crate) struct Workspace<T> {
    /// The slots, each with room for [`TILE`] rows.
    values: Vec<T>,
    offsets: Vec<usize>,
    scratch: Vec<T>,
}

impl<T: DenseReal> Plan<T> {
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
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let steps = self.steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.heap_bytes(),
            Step::Scale { values, .. } => values.capacity() * size_of::<T>(),
            Step::Combine { .. } | Step::Activate { .. } => 0,
        });
        steps.sum::<usize>()
            + self.steps.capacity() * size_of::<Step<T>>()
            + self.widths.capacity() * size_of::<usize>()
    }

    /// Computes all slots of the first `rows` rows, at most [`TILE`], from the input slots.
    pub(crate) fn run(&self, rows: usize, space: &mut Workspace<T>) {
        let Workspace {
            values,
            offsets,
            scratch,
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
                    let count = rows * row.len();
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
