//! Recognises what a plan can do with rows of more than one axis: images, and sequences that are taken apart.

use std::borrow::Cow;

use serving_kernels::activation::Activation;

use super::compile::{Compiler, Known, MOST_VALUES};
use super::images::{Image, Patches, Pooled, Pooling};
use super::{PlanReal, Step};
use crate::array::{Array, DType};
use crate::graph::{self, Binary, Node, Op, Reduce};
use crate::ops::normalization::Normalization;
use crate::ops::spatial::{Axis, Padding, Pool, Window};
use crate::ops::{Move, Spatial};

/// An image, and how the graph counts its axes. It lies pixel by pixel either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    image: Image,
    channels_first: bool,
}

impl Layout {
    /// Lengths of the axes after that of the rows.
    pub(super) fn lengths(self) -> [usize; 3] {
        let Image {
            height,
            width,
            channels,
        } = self.image;
        if self.channels_first {
            [channels, height, width]
        } else {
            [height, width, channels]
        }
    }
}

/// Steps of so many values. In a graph they may come before the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) steps: usize,
    pub(super) width: usize,
    pub(super) rows_second: bool,
}

/// Values of a row; `None` when there are none, or too many.
pub(super) fn width_of(row: &[usize]) -> Option<usize> {
    let width = row.iter().try_fold(1_usize, |width, axis| width.checked_mul(*axis))?;
    (1..=MOST_VALUES).contains(&width).then_some(width)
}

/// A slot whose rows have these axes.
pub(super) fn shaped<'a>(slot: usize, row: &[usize]) -> Option<Known<'a>> {
    Some(match *row {
        [_] => Known::Slot(slot),
        [steps, width] => Known::Steps(
            slot,
            Sequence {
                steps,
                width,
                rows_second: false,
            },
        ),
        [height, width, channels] => Known::Image(
            slot,
            Layout {
                image: Image {
                    height,
                    width,
                    channels,
                },
                channels_first: false,
            },
        ),
        _ => return None,
    })
}

/// An axis by its number from 0, of a tensor of so many.
pub(super) fn place(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|axis| *axis < rank)
}

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// A node that takes an image.
    pub(super) fn on_image(&mut self, node: &'a Node, slot: usize, layout: Layout) -> Option<Known<'a>> {
        match &node.op {
            Op::Convolution(window) => {
                let (slot, image) = self.channels_last(slot, layout);
                let filter = self.constant(node, 1)?;
                let [height, width, channels, results] = *filter.shape else {
                    return None;
                };
                let axes = axes(&windows(window), image, [height, width])?;
                let weights = Cow::Borrowed(filter.view::<T>().ok()?);
                let made = (channels == image.channels).then_some(results)?;
                self.convolve(slot, image, axes, weights, Vec::new(), made, false)
            }
            Op::Spatial(Spatial::Convolution { window, groups: 0 | 1 }) => {
                let (slot, image) = self.channels_first(slot, layout);
                let filter = self.constant(node, 1)?;
                let [results, channels, height, width] = *filter.shape else {
                    return None;
                };
                let axes = axes(window, image, [height, width])?;
                let weights = with_channels_last(filter.view::<T>().ok()?, filter);
                let bias = match node.inputs.get(2).map(|_| self.constant(node, 2)) {
                    None => Vec::new(),
                    Some(bias) if bias?.dtype() == DType::Nothing => Vec::new(),
                    Some(bias) => bias?.view::<T>().ok()?.to_vec(),
                };
                let made =
                    (channels == image.channels && (bias.is_empty() || bias.len() == results)).then_some(results)?;
                self.convolve(slot, image, axes, Cow::Owned(weights), bias, made, true)
            }
            Op::Pool { window, size, maximum } => {
                let (slot, image) = self.channels_last(slot, layout);
                let how = if *maximum {
                    Pooled::MaximumOfNumbers
                } else {
                    Pooled::Mean
                };
                let axes = axes(&windows(window), image, *size)?;
                self.pool(slot, image, how, axes, false, false)
            }
            Op::Spatial(Spatial::Pool { how, sizes, window }) => {
                let (slot, image) = self.channels_first(slot, layout);
                let (how, padding_counts) = pooled(*how)?;
                let axes = axes(window, image, *sizes.first_chunk().filter(|_| sizes.len() == 2)?)?;
                self.pool(slot, image, how, axes, padding_counts, true)
            }
            Op::Spatial(Spatial::GlobalPool(how)) => {
                let (slot, image) = self.channels_first(slot, layout);
                let axes = axes(&Window::default(), image, [image.height, image.width])?;
                self.pool(slot, image, pooled(*how)?.0, axes, false, true)
            }
            Op::Reduce {
                how: Reduce::Mean,
                keep_axes,
                ..
            } => {
                let over = self.constant(node, 1)?.integers().ok()?;
                let mut over: Vec<usize> = over.iter().map(|axis| place(*axis, 4)).collect::<Option<_>>()?;
                over.sort_unstable();
                let Layout { image, channels_first } = layout;
                if over != if channels_first { [2, 3] } else { [1, 2] } {
                    return None;
                }
                let axes = axes(&Window::default(), image, [image.height, image.width])?;
                match self.pool(slot, image, Pooled::Mean, axes, false, channels_first)? {
                    Known::Image(slot, _) if !keep_axes => Some(Known::Slot(slot)),
                    known => Some(known),
                }
            }
            Op::BiasAdd { channels_first } if *channels_first == layout.channels_first => {
                let bias = self.constant(node, 1)?.view::<T>().ok()?.to_vec();
                let fits = bias.len() == layout.image.channels;
                fits.then(|| self.scale_by(node, slot, Binary::Add, bias, false))?
                    .map(|slot| Known::Image(slot, layout))
            }
            Op::Binary(function) => {
                let slot = match (self.known_at(node, 0)?, self.known_at(node, 1)?) {
                    (Known::Image(left, one), Known::Image(right, other)) if one == other => {
                        match self.combine(left, right, *function)? {
                            Known::Slot(slot) => slot,
                            _ => return None,
                        }
                    }
                    (Known::Image(..), Known::Constant(values)) => {
                        self.scale_by(node, slot, *function, by_channel(values, layout)?, false)?
                    }
                    (Known::Constant(values), Known::Image(..)) => {
                        self.scale_by(node, slot, *function, by_channel(values, layout)?, true)?
                    }
                    _ => return None,
                };
                Some(Known::Image(slot, layout))
            }
            Op::Activate(function) if !matches!(function, Activation::Softmax | Activation::Simplemax) => {
                match self.activate(node, slot, *function) {
                    Known::Slot(slot) => Some(Known::Image(slot, layout)),
                    _ => None,
                }
            }
            Op::BatchNormalization { epsilon } if T::DTYPE == DType::F32 => {
                let (slot, image) = self.channels_last(slot, layout);
                self.normalize(node, slot, image, f64::from(*epsilon), false)
            }
            Op::Normalization(Normalization::Batch {
                epsilon,
                momentum: None,
            }) => {
                let (slot, image) = self.channels_first(slot, layout);
                self.normalize(node, slot, image, *epsilon, true)
            }
            Op::Transpose | Op::Move(Move::Transpose) => {
                let order = self.constant(node, 1)?.integers().ok()?;
                let channels_first = match (&*order, layout.channels_first) {
                    ([0, 3, 1, 2], false) => true,
                    ([0, 2, 3, 1], true) => false,
                    _ => return None,
                };
                let layout = Layout {
                    channels_first,
                    ..layout
                };
                Some(Known::Image(slot, layout))
            }
            Op::Cast(dtype) => (*dtype == T::DTYPE).then_some(Known::Image(slot, layout)),
            Op::Move(Move::Flatten { axis: 1 }) => Some(Known::Slot(self.channels_last(slot, layout).0)),
            Op::Reshape | Op::Move(Move::Reshape { .. }) => {
                let lengths = self.row_of(node, &layout.lengths())?;
                shaped(self.channels_last(slot, layout).0, &lengths)
            }
            Op::Squeeze(axes) => self.squeezed(slot, layout, axes),
            Op::Move(Move::Squeeze) => {
                let axes = self.constant(node, 1)?.integers().ok()?;
                self.squeezed(slot, layout, &axes)
            }
            _ => None,
        }
    }

    /// An image without axes of length 1.
    fn squeezed(&mut self, slot: usize, layout: Layout, axes: &[i64]) -> Option<Known<'a>> {
        let gone: Vec<usize> = axes.iter().map(|axis| place(*axis, 4)).collect::<Option<_>>()?;
        let lengths = layout.lengths();
        if gone.is_empty() || gone.iter().any(|axis| *axis == 0 || lengths[axis - 1] != 1) {
            return None;
        }
        let kept: Vec<usize> = (0..3)
            .filter(|axis| !gone.contains(&(axis + 1)))
            .map(|axis| lengths[axis])
            .collect();
        shaped(self.channels_last(slot, layout).0, &kept)
    }

    /// A slot whose channels are the axis that the graph counts first.
    fn channels_first(&mut self, slot: usize, layout: Layout) -> (usize, Image) {
        if layout.channels_first {
            return (slot, layout.image);
        }
        let [channels, height, width] = layout.lengths();
        let image = Image {
            height,
            width,
            channels,
        };
        (self.turned(slot, channels, height * width), image)
    }

    /// A slot that lies as the graph counts the axes.
    fn channels_last(&mut self, slot: usize, layout: Layout) -> (usize, Image) {
        if !layout.channels_first {
            return (slot, layout.image);
        }
        let [height, width, channels] = layout.lengths();
        let image = Image {
            height,
            width,
            channels,
        };
        (self.turned(slot, layout.image.pixels(), layout.image.channels), image)
    }

    /// Rows that are matrices of `lines` times `columns`, transposed.
    pub(super) fn turned(&mut self, slot: usize, lines: usize, columns: usize) -> usize {
        if lines == 1 || columns == 1 {
            return slot;
        }
        let from = (0..columns).flat_map(|column| (0..lines).map(move |line| line * columns + column));
        match self.pick_columns(slot, from.collect()) {
            Known::Slot(slot) => slot,
            _ => slot,
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "what a convolution has, from two kinds of nodes"
    )]
    fn convolve(
        &mut self,
        slot: usize,
        image: Image,
        axes: [Axis; 2],
        weights: Cow<'a, [T]>,
        bias: Vec<T>,
        channels: usize,
        channels_first: bool,
    ) -> Option<Known<'a>> {
        let (layout, width) = made(axes, channels, channels_first)?;
        let patches = Patches::new(image, axes)?;
        let to = self.slot(width);
        self.multiply(slot, to, Some(patches), weights, false, bias);
        Some(Known::Image(to, layout))
    }

    fn pool(
        &mut self,
        slot: usize,
        image: Image,
        how: Pooled,
        axes: [Axis; 2],
        padding_counts: bool,
        channels_first: bool,
    ) -> Option<Known<'a>> {
        let (layout, width) = made(axes, image.channels, channels_first)?;
        let pooling = Pooling::new(how, image, axes, padding_counts)?;
        let to = self.slot(width);
        self.done(
            to,
            Step::Pool {
                from: slot,
                to,
                pooling,
            },
        );
        Some(Known::Image(to, layout))
    }

    /// `(x - mean) * factor + offset` for each channel; TensorFlow takes the mean off first, ONNX last, as a part of the offset.
    fn normalize(
        &mut self,
        node: &Node,
        slot: usize,
        image: Image,
        epsilon: f64,
        channels_first: bool,
    ) -> Option<Known<'a>> {
        let of = |index: usize| self.constant(node, index)?.view::<T>().ok();
        let (scale, offset, mean, variance) = (of(1)?, of(2)?, of(3)?, of(4)?);
        let channels = image.channels;
        if [scale, offset, mean, variance]
            .iter()
            .any(|values| values.len() != channels)
        {
            return None;
        }
        let epsilon = T::from_f64(epsilon);
        let pairs = scale.iter().zip(variance);
        let factors: Vec<T> = pairs
            .map(|(scale, variance)| *scale / (*variance + epsilon).root())
            .collect();
        let steps = if channels_first {
            let less = mean.iter().zip(&factors).map(|(mean, factor)| *mean * *factor);
            let offset = offset.iter().zip(less).map(|(offset, less)| *offset - less).collect();
            vec![(Binary::Multiply, factors), (Binary::Add, offset)]
        } else {
            vec![
                (Binary::Subtract, mean.to_vec()),
                (Binary::Multiply, factors),
                (Binary::Add, offset.to_vec()),
            ]
        };
        let mut at = slot;
        for (function, values) in steps {
            at = self.scale_by(node, at, function, values, false)?;
        }
        Some(Known::Image(at, Layout { image, channels_first }))
    }
}

fn pooled(how: Pool) -> Option<(Pooled, bool)> {
    match how {
        Pool::Maximum { .. } => Some((Pooled::Maximum, false)),
        Pool::Mean { padding_counts } => Some((Pooled::Mean, padding_counts)),
        Pool::Power(_) => None,
    }
}

/// The image that windows make, and its values.
fn made([vertical, horizontal]: [Axis; 2], channels: usize, channels_first: bool) -> Option<(Layout, usize)> {
    let image = Image {
        height: vertical.output,
        width: horizontal.output,
        channels,
    };
    let layout = Layout { image, channels_first };
    Some((layout, width_of(&layout.lengths())?))
}

fn windows(window: &graph::Window) -> Window {
    Window {
        strides: window.strides.to_vec(),
        dilations: window.dilations.to_vec(),
        padding: match window.padding {
            graph::Padding::Valid => Padding::default(),
            graph::Padding::Same => Padding::Same { odd_after: true },
        },
        round_up: false,
    }
}

fn axes(window: &Window, image: Image, sizes: [usize; 2]) -> Option<[Axis; 2]> {
    let axes = window.axes(&[image.height, image.width], &sizes).ok()?;
    <[Axis; 2]>::try_from(axes).ok()
}

/// A filter `[results, channels, height, width]` as `[height, width, channels, results]`.
fn with_channels_last<T: Copy>(weights: &[T], filter: &Array) -> Vec<T> {
    let entries: usize = filter.shape[2..].iter().product();
    let (results, channels) = (filter.shape[0], filter.shape[1]);
    let places = (0..entries).flat_map(|entry| {
        (0..channels)
            .flat_map(move |channel| (0..results).map(move |result| (result * channels + channel) * entries + entry))
    });
    places.map(|place| weights[place]).collect()
}

/// Constants as one for each channel.
fn by_channel<T: PlanReal>(values: &Array, layout: Layout) -> Option<Vec<T>> {
    let channels = layout.image.channels;
    let all = values.view::<T>().ok()?;
    let along = match &*values.shape {
        [] | [1] | [1, 1] | [1, 1, 1] | [1, 1, 1, 1] => return Some(vec![*all.first()?; channels]),
        [_, 1, 1] | [1, _, 1, 1] => layout.channels_first,
        [_] | [1, _] | [1, 1, _] | [1, 1, 1, _] => !layout.channels_first,
        _ => false,
    };
    (along && all.len() == channels).then(|| all.to_vec())
}
