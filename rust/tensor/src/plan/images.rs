//! Steps on images. These lie pixel by pixel, the channels of a pixel side by side, whatever the graph says: so channels are
//! what a step works on at once.

use serving_kernels::activation::Activation;
use serving_kernels::convolution::{Around, Convolution, Windows};

use super::memory::Others;
use super::{PlanReal, combine_in_place};
use crate::graph::Binary;
use crate::ops::spatial::Axis;

/// Pixels that a window may reach, so that places times channels stay numbers.
const FARTHEST: usize = 1 << 36;

/// Height, width and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Image {
    pub(crate) fn pixels(self) -> usize {
        self.height * self.width
    }
}

/// Windows on an image; `None` when there are none, when they cut off a part of the image, or reach too far.
pub(super) fn windows([vertical, horizontal]: [Axis; 2], channels: usize) -> Option<Windows> {
    let axis = |axis: Axis| {
        // A window without a second place or entry may claim any way to it.
        let stride = if axis.output == 1 { 1 } else { axis.stride };
        let dilation = if axis.size == 1 { 1 } else { axis.dilation };
        // The places of a window are counted from the beginning of the zeros before the image.
        let last = axis.output.checked_sub(1)?.checked_mul(stride)?;
        let reach = axis.size.checked_sub(1)?.checked_mul(dilation)?.checked_add(last)?;
        let before = usize::try_from(axis.before).ok()?;
        (reach.max(before) < FARTHEST).then_some(serving_kernels::convolution::Axis {
            input: axis.input,
            output: axis.output,
            size: axis.size,
            stride,
            dilation,
            before,
        })
    };
    Some(Windows {
        vertical: axis(vertical)?,
        horizontal: axis(horizontal)?,
        channels,
    })
}

/// What is done to each value of an image by itself.
#[derive(Debug)]
pub(super) enum Change<T> {
    /// With a constant for each channel.
    Scale {
        function: Binary,
        values: Vec<T>,
        constant_left: bool,
    },
    Activate(Activation),
    /// With what is in the same place of another slot, or in that of its channel.
    Combine {
        slot: usize,
        function: Binary,
        slot_left: bool,
        by_channel: bool,
    },
}

impl<T> Change<T> {
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Scale { values, .. } => values.capacity() * size_of::<T>(),
            _ => 0,
        }
    }

    /// The other slot that it needs.
    pub(super) fn slot(&self) -> Option<usize> {
        match self {
            Self::Combine { slot, .. } => Some(*slot),
            _ => None,
        }
    }
}

/// A convolution, and what is done before and after while pixels are in the cache.
#[derive(Debug)]
pub(super) struct Convolved<T> {
    pub(super) product: Convolution<T>,
    pub(super) before: Vec<Change<T>>,
    pub(super) after: Vec<Change<T>>,
}

impl<T: PlanReal> Convolved<T> {
    pub(super) fn new(product: Convolution<T>) -> Self {
        Self {
            product,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &Change<T>> {
        self.before.iter().chain(&self.after)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.product.heap_bytes()
            + self.changes().map(Change::heap_bytes).sum::<usize>()
            + (self.before.capacity() + self.after.capacity()) * size_of::<Change<T>>()
    }

    /// One image: the row of a tile.
    pub(super) fn run(&self, row: usize, image: &[T], result: &mut [T], others: &Others<'_, T>, scratch: &mut [T]) {
        let mut changes = Changes {
            convolved: self,
            row,
            others,
        };
        self.product.run(image, result, scratch, &mut changes);
    }
}

struct Changes<'a, T> {
    convolved: &'a Convolved<T>,
    row: usize,
    others: &'a Others<'a, T>,
}

impl<T: PlanReal> Around<T> for Changes<'_, T> {
    fn has_before(&self) -> bool {
        !self.convolved.before.is_empty()
    }

    fn before(&mut self, first: usize, channels: usize, values: &mut [T]) {
        for change in &self.convolved.before {
            match change {
                Change::Activate(function) => function.apply(values, channels),
                Change::Scale {
                    function,
                    values: all,
                    constant_left,
                } => by_channel(*function, &all[first..first + channels], *constant_left, values),
                Change::Combine {
                    slot,
                    function,
                    slot_left,
                    ..
                } => {
                    let all = self.others.row(*slot, self.row);
                    by_channel(*function, &all[first..first + channels], *slot_left, values);
                }
            }
        }
    }

    fn after(&mut self, first: usize, values: &mut [T]) {
        let channels = self.convolved.product.channels();
        for change in &self.convolved.after {
            match change {
                Change::Activate(function) => function.apply(values, channels),
                Change::Scale {
                    function,
                    values: all,
                    constant_left,
                } => by_channel(*function, all, *constant_left, values),
                Change::Combine {
                    slot,
                    function,
                    slot_left,
                    by_channel: true,
                } => by_channel(*function, self.others.row(*slot, self.row), *slot_left, values),
                Change::Combine {
                    slot,
                    function,
                    slot_left,
                    ..
                } => {
                    let others = &self.others.row(*slot, self.row)[first * channels..][..values.len()];
                    combine_in_place(*function, values, others, *slot_left);
                }
            }
        }
    }
}

/// Combines pixels with a value for each channel.
pub(super) fn by_channel<T: PlanReal>(function: Binary, all: &[T], left: bool, values: &mut [T]) {
    for pixel in values.chunks_exact_mut(all.len()) {
        combine_in_place(function, pixel, all, left);
    }
}
