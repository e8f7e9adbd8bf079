//! Recognises what a plan can do with images.

use serving_kernels::activation::Activation;

use super::compile::{Compiler, Known};
use super::compile_values::is_simple;
use super::images::Image;
use super::layouts::{Layout, as_image, line, place, shaped, width_of};
use super::{PlanReal, Step};
use crate::array::{Array, DType};
use crate::graph::{Binary, Node, Op};
use crate::ops::Move;
use crate::ops::moves::Padded;
use crate::ops::normalization::Normalization;

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// A node that takes an image.
    pub(super) fn on_image(&mut self, node: &'a Node, slot: usize, layout: Layout) -> Option<Known<'a>> {
        if let Some(known) = self.windowed(node, slot, layout) {
            return Some(known);
        }
        match &node.op {
            Op::BiasAdd { channels_first } if *channels_first == layout.channels_first => {
                let bias = self.constant(node, 1)?.view::<T>().ok()?.to_vec();
                let fits = bias.len() == layout.image.channels;
                fits.then(|| self.scale_by(node, slot, Binary::Add, bias, false))?
                    .map(|slot| Known::Image(slot, layout))
            }
            Op::Binary(function) => self.on_images(node, *function),
            Op::Activate(Activation::Softmax | Activation::Simplemax) => None,
            Op::Activate(_) | Op::Clip | Op::Unary(_) => {
                let function = self.function(node)?;
                match self.activate(node, slot, function) {
                    Known::Slot(slot) => Some(Known::Image(slot, layout)),
                    _ => None,
                }
            }
            Op::Concat { axis_first } => self.beside(node, *axis_first, layout),
            Op::Pad | Op::Move(Move::Pad { how: Padded::Constant }) => self.surrounded(node, slot, layout),
            Op::ExpandDims | Op::Move(Move::Unsqueeze) if layout.line && layout.channels_first => {
                self.with_lines(node, slot, layout)
            }
            Op::BatchNormalization { epsilon } if T::DTYPE == DType::F32 && !layout.line => {
                let (slot, layout) = self.channels_last(slot, layout);
                self.normalize(node, slot, layout, f64::from(*epsilon))
            }
            Op::Normalization(Normalization::Batch {
                epsilon,
                momentum: None,
            }) => {
                let (slot, layout) = self.channels_first(slot, layout);
                self.normalize(node, slot, layout, *epsilon)
            }
            Op::Transpose | Op::Move(Move::Transpose) => {
                let order = self.constant(node, 1)?.integers().ok()?;
                let channels_first = match (&*order, layout.channels_first) {
                    ([0, 2, 1], first) if layout.line => !first,
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
            Op::Move(Move::Flatten { axis: 1 }) => {
                let width = layout.image.pixels() * layout.image.channels;
                shaped(self.channels_last(slot, layout).0, &[width])
            }
            Op::Reshape | Op::Move(Move::Reshape { .. }) => {
                let lengths = self.row_of(node, &layout.lengths())?;
                shaped(self.channels_last(slot, layout).0, &lengths)
            }
            Op::Squeeze(_) | Op::Move(Move::Squeeze) => self.squeezed(slot, layout, &self.squeezed_axes(node)?),
            _ => None,
        }
    }

    /// The axes that a node takes away.
    pub(super) fn squeezed_axes(&self, node: &Node) -> Option<Vec<i64>> {
        match &node.op {
            Op::Squeeze(axes) => Some(axes.clone()),
            _ => self.constant(node, 1)?.integers().ok(),
        }
    }

    /// An image without axes of length 1.
    fn squeezed(&mut self, slot: usize, layout: Layout, axes: &[i64]) -> Option<Known<'a>> {
        let gone: Vec<usize> = axes
            .iter()
            .map(|axis| place(*axis, layout.rank()))
            .collect::<Option<_>>()?;
        let lengths = layout.lengths();
        if gone.is_empty() || gone.iter().any(|axis| *axis == 0 || lengths[axis - 1] != 1) {
            return None;
        }
        let kept: Vec<usize> = (0..lengths.len())
            .filter(|axis| !gone.contains(&(axis + 1)))
            .map(|axis| lengths[axis])
            .collect();
        // The axes of what lies place by place may go without being moved.
        if let (true, false, [axis @ (2 | 3)]) = (layout.channels_first, layout.line, &*gone) {
            let width = lengths[4 - axis];
            return Some(Known::Image(slot, line(width, lengths[0], true)));
        }
        shaped(self.channels_last(slot, layout).0, &kept)
    }

    /// A slot whose channels are the axis that the graph counts first.
    pub(super) fn channels_first(&mut self, slot: usize, layout: Layout) -> (usize, Layout) {
        if layout.channels_first {
            return (slot, layout);
        }
        let [channels, height, width] = match *layout.lengths() {
            [channels, width] => [channels, 1, width],
            _ => layout.axes(),
        };
        let image = Image {
            height,
            width,
            channels,
        };
        let layout = Layout {
            image,
            channels_first: true,
            ..layout
        };
        (self.turned(slot, channels, height * width), layout)
    }

    /// A slot that lies as the graph counts the axes.
    pub(super) fn channels_last(&mut self, slot: usize, layout: Layout) -> (usize, Layout) {
        if !layout.channels_first {
            return (slot, layout);
        }
        let [height, width, channels] = match *layout.lengths() {
            [width, channels] => [1, width, channels],
            _ => layout.axes(),
        };
        let image = Image {
            height,
            width,
            channels,
        };
        let turned = self.turned(slot, layout.image.pixels(), layout.image.channels);
        let layout = Layout {
            image,
            channels_first: false,
            ..layout
        };
        (turned, layout)
    }

    /// Rows that are matrices of `lines` times `columns`, transposed.
    pub(super) fn turned(&mut self, slot: usize, lines: usize, columns: usize) -> usize {
        if lines == 1 || columns == 1 {
            return slot;
        }
        let to = self.slot(lines * columns);
        let from = slot;
        self.done(to, Step::Turn { from, to, columns });
        to
    }

    /// Two images of the same size, or one of them with constants or with a pixel that is as large as it is.
    fn on_images(&mut self, node: &'a Node, function: Binary) -> Option<Known<'a>> {
        let (left, right) = (self.known_at(node, 0)?, self.known_at(node, 1)?);
        match (as_image(left)?, as_image(right)?) {
            (Known::Image(left, one), Known::Image(right, other)) if one == other => {
                match self.combine(left, right, function)? {
                    Known::Slot(slot) => Some(Known::Image(slot, one)),
                    _ => None,
                }
            }
            (Known::Image(left, one), Known::Image(right, other)) if one.lengths() == other.lengths() => {
                let ((left, layout), (right, _)) = (self.channels_first(left, one), self.channels_first(right, other));
                match self.combine(left, right, function)? {
                    Known::Slot(slot) => Some(Known::Image(slot, layout)),
                    _ => None,
                }
            }
            (Known::Image(from, layout), Known::Image(channels, pixel)) if layout.spreads(pixel) => {
                self.spread([from, channels], layout, function, false)
            }
            (Known::Image(channels, pixel), Known::Image(from, layout)) if layout.spreads(pixel) => {
                self.spread([from, channels], layout, function, true)
            }
            (Known::Image(slot, layout), Known::Constant(values)) => {
                let slot = self.scale_by(node, slot, function, by_channel(values, layout)?, false)?;
                Some(Known::Image(slot, layout))
            }
            (Known::Constant(values), Known::Image(slot, layout)) => {
                let slot = self.scale_by(node, slot, function, by_channel(values, layout)?, true)?;
                Some(Known::Image(slot, layout))
            }
            _ => None,
        }
    }

    fn spread(
        &mut self,
        [from, channels]: [usize; 2],
        layout: Layout,
        function: Binary,
        channels_left: bool,
    ) -> Option<Known<'a>> {
        if !is_simple(function) {
            return None;
        }
        let to = self.slot(self.widths[from]);
        let step = Step::Spread {
            from,
            channels,
            to,
            function,
            channels_left,
        };
        self.done(to, step);
        Some(Known::Image(to, layout))
    }

    /// The channels of images one after the other.
    fn beside(&mut self, node: &'a Node, axis_first: bool, layout: Layout) -> Option<Known<'a>> {
        let count = node.inputs.len().checked_sub(1)?;
        let (axis, first) = if axis_first { (0, 1) } else { (count, 0) };
        let channels_first = match place(self.constant(node, axis)?.integer().ok()?, layout.rank())? {
            1 => true,
            2 if layout.line => false,
            3 => false,
            _ => return None,
        };
        let mut parts = Vec::with_capacity(count);
        let mut all = layout.image;
        for index in first..first + count {
            let Known::Image(slot, part) = as_image(self.known_at(node, index)?)? else {
                return None;
            };
            (part.line == layout.line).then_some(())?;
            let (slot, part) = if channels_first {
                self.channels_first(slot, part)
            } else {
                self.channels_last(slot, part)
            };
            let image = part.image;
            if parts.is_empty() {
                all = image;
            } else if [image.height, image.width] == [all.height, all.width] {
                all.channels = all.channels.checked_add(image.channels)?;
            } else {
                return None;
            }
            parts.push(slot);
        }
        let layout = Layout {
            image: all,
            channels_first,
            ..layout
        };
        let to = self.slot(width_of(&layout.lengths())?);
        let pixels = all.pixels();
        let whole = parts.clone();
        // The parts of the image joined before stay together.
        if let Some((joined, slot)) = &self.joined
            && joined.len() > 1
            && parts.starts_with(joined)
        {
            parts.splice(..joined.len(), [*slot]);
        }
        self.joined = Some((whole, to));
        self.done(to, Step::Join { parts, to, pixels });
        Some(Known::Image(to, layout))
    }

    /// `(x - mean) * factor + offset` for each channel; TensorFlow takes the mean off first, ONNX last, as a part of the offset.
    fn normalize(&mut self, node: &Node, slot: usize, layout: Layout, epsilon: f64) -> Option<Known<'a>> {
        let of = |index: usize| self.constant(node, index)?.view::<T>().ok();
        let (scale, offset, mean, variance) = (of(1)?, of(2)?, of(3)?, of(4)?);
        let channels = layout.image.channels;
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
        let steps = if layout.channels_first {
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
        Some(Known::Image(at, layout))
    }
}

/// Constants as one for each channel.
fn by_channel<T: PlanReal>(values: &Array, layout: Layout) -> Option<Vec<T>> {
    let channels = layout.image.channels;
    let all = values.view::<T>().ok()?;
    let along = match &*values.shape {
        [] | [1] | [1, 1] | [1, 1, 1] => return Some(vec![*all.first()?; channels]),
        [1, 1, 1, 1] if !layout.line => return Some(vec![*all.first()?; channels]),
        [_, 1] | [1, _, 1] if layout.line => layout.channels_first,
        [_, 1, 1] | [1, _, 1, 1] if !layout.line => layout.channels_first,
        [_] | [1, _] | [1, 1, _] => !layout.channels_first,
        [1, 1, 1, _] => !layout.channels_first && !layout.line,
        _ => false,
    };
    (along && all.len() == channels).then(|| all.to_vec())
}
