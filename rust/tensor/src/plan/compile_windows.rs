//! Recognises what a plan can do with windows on images: convolutions, pooling, and zeros for windows to lie on.

use std::borrow::Cow;

use serving_kernels::convolution::{Order, Pooled, Pooling};

use super::compile::{Compiler, Draft, Known};
use super::images::{Image, windows};
use super::layouts::{Layout, place, width_of};
use super::{PlanReal, Step};
use crate::array::{Array, DType};
use crate::graph::{self, Node, Op, Reduce};
use crate::ops::Spatial;
use crate::ops::spatial::{Axis, Padding, Pool, Window};

/// Weights that may be added to fill panels, besides three times as many as there are.
const MOST_FILLED: usize = 1 << 20;

/// A filter, and how it lies.
struct Filter<'a> {
    array: &'a Array,
    order: Order,
    groups: usize,
    results: usize,
    sizes: [usize; 2],
}

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// A node with windows on an image; `None` for other nodes, too.
    pub(super) fn windowed(&mut self, node: &'a Node, slot: usize, layout: Layout) -> Option<Known<'a>> {
        match &node.op {
            Op::Convolution(window) | Op::DepthwiseConvolution(window) if !layout.line => {
                let (slot, layout) = self.channels_last(slot, layout);
                let array = self.constant(node, 1)?;
                let [height, width, channels, results] = *array.shape else {
                    return None;
                };
                let depthwise = matches!(node.op, Op::DepthwiseConvolution(_));
                let filter = Filter {
                    array,
                    order: if depthwise {
                        Order::Depthwise
                    } else {
                        Order::ResultsLast
                    },
                    groups: if depthwise { channels } else { 1 },
                    results: if depthwise {
                        channels.checked_mul(results)?
                    } else {
                        results
                    },
                    sizes: [height, width],
                };
                (channels == layout.image.channels).then_some(())?;
                self.convolve(slot, layout, &of_graph(window), &filter, Vec::new())
            }
            Op::Spatial(Spatial::Convolution { window, groups }) => {
                let (slot, layout) = self.channels_first(slot, layout);
                let array = self.constant(node, 1)?;
                let (results, channels, sizes) = match *array.shape {
                    [results, channels, height, width] if !layout.line => (results, channels, [height, width]),
                    [results, channels, width] if layout.line => (results, channels, [1, width]),
                    _ => return None,
                };
                let groups = match *groups {
                    0 => layout.image.channels.checked_div(channels)?,
                    groups => groups,
                };
                let bias = match node.inputs.get(2).map(|_| self.constant(node, 2)) {
                    None => Vec::new(),
                    Some(bias) if bias?.dtype() == DType::Nothing => Vec::new(),
                    Some(bias) => bias?.view::<T>().ok()?.to_vec(),
                };
                let fits = channels.checked_mul(groups) == Some(layout.image.channels)
                    && (bias.is_empty() || bias.len() == results);
                fits.then_some(())?;
                let filter = Filter {
                    array,
                    order: Order::ResultsFirst,
                    groups,
                    results,
                    sizes,
                };
                self.convolve(slot, layout, &on(window, layout), &filter, bias)
            }
            Op::Pool { window, size, maximum } if !layout.line => {
                let (slot, layout) = self.channels_last(slot, layout);
                let how = if *maximum {
                    Pooled::MaximumOfNumbers
                } else {
                    Pooled::Mean
                };
                let axes = axes(&of_graph(window), layout.image, *size)?;
                self.pool(slot, layout, how, axes, false)
            }
            Op::Spatial(Spatial::Pool { how, sizes, window }) => {
                let (slot, layout) = self.channels_first(slot, layout);
                let (how, padding_counts) = pooled(*how)?;
                let sizes = match **sizes {
                    [height, width] if !layout.line => [height, width],
                    [width] if layout.line => [1, width],
                    _ => return None,
                };
                let axes = axes(&on(window, layout), layout.image, sizes)?;
                self.pool(slot, layout, how, axes, padding_counts)
            }
            Op::Spatial(Spatial::GlobalPool(how)) => {
                let (slot, layout) = self.channels_first(slot, layout);
                self.pool(slot, layout, pooled(*how)?.0, whole(layout.image)?, false)
            }
            Op::Reduce {
                how: Reduce::Mean,
                keep_axes,
                ..
            } => {
                let over = self.constant(node, 1)?.integers().ok()?;
                let mut over: Vec<usize> = over
                    .iter()
                    .map(|axis| place(*axis, layout.rank()))
                    .collect::<Option<_>>()?;
                over.sort_unstable();
                let all: &[usize] = match (layout.line, layout.channels_first) {
                    (true, true) => &[2],
                    (true, false) => &[1],
                    (false, true) => &[2, 3],
                    (false, false) => &[1, 2],
                };
                if over != all {
                    return None;
                }
                match self.pool(slot, layout, Pooled::Mean, whole(layout.image)?, false)? {
                    Known::Image(slot, _) if !keep_axes => Some(Known::Slot(slot)),
                    known => Some(known),
                }
            }
            _ => None,
        }
    }

    /// An image with zeros around it.
    pub(super) fn surrounded(&mut self, node: &'a Node, slot: usize, layout: Layout) -> Option<Known<'a>> {
        let around = self.constant(node, 1)?.lengths().ok()?;
        let none = |index: usize| match self.known_at(node, index) {
            Some(Known::Constant(array)) => array.dtype() == DType::Nothing,
            known => known.is_none() && node.inputs.len() <= index,
        };
        let zero = none(2) || matches!(self.constant(node, 2)?.view::<T>(), Ok([filler]) if *filler == T::ZERO);
        // ONNX lists all that comes before the axes first, TensorFlow pairs.
        let place = |axis: usize| match node.op {
            Op::Pad => (2 * axis, 2 * axis + 1),
            _ => (axis, axis + layout.rank()),
        };
        (zero && none(3) && around.len() == 2 * layout.rank()).then_some(())?;
        let of = |axis: usize| [around[place(axis).0], around[place(axis).1]];
        let [channels, lines, places] = match (layout.line, layout.channels_first) {
            (true, true) => [of(1), [0, 0], of(2)],
            (true, false) => [of(2), [0, 0], of(1)],
            (false, true) => [of(1), of(2), of(3)],
            (false, false) => [of(3), of(1), of(2)],
        };
        (of(0) == [0, 0] && channels == [0, 0]).then_some(())?;
        let ([top, bottom], [left, right]) = (lines, places);
        let image = layout.image;
        let more = |length: usize, before: usize, after: usize| length.checked_add(before)?.checked_add(after);
        let larger = Layout {
            image: Image {
                height: more(image.height, top, bottom)?,
                width: more(image.width, left, right)?,
                ..image
            },
            ..layout
        };
        let to = self.slot(width_of(&larger.lengths())?);
        let pitch = larger.image.width * image.channels;
        let step = Step::Surround {
            from: slot,
            to,
            line: image.width * image.channels,
            first: top * pitch + left * image.channels,
            pitch,
        };
        self.done(to, step);
        Some(Known::Image(to, larger))
    }

    fn convolve(
        &mut self,
        slot: usize,
        from: Layout,
        window: &Window,
        filter: &Filter<'a>,
        bias: Vec<T>,
    ) -> Option<Known<'a>> {
        let image = from.image;
        let axes = axes(window, image, filter.sizes)?;
        let (layout, width) = made(axes, filter.results, from)?;
        let windows = windows(axes, image.channels)?;
        let weights = Cow::Borrowed(filter.array.view::<T>().ok()?);
        // A pixel by itself is a row.
        if image.pixels() == 1 && filter.sizes == [1, 1] && layout.image.pixels() == 1 && filter.groups == 1 {
            let transposed = filter.order == Order::ResultsFirst;
            let to = self.layer(slot, width, weights, transposed, bias);
            return Some(Known::Image(to, layout));
        }
        // Groups of a few results would be filled up to whole panels.
        let padded = (filter.results / filter.groups).next_multiple_of(T::PANEL / 2);
        let depth = weights.len() / filter.results;
        if filter.groups.checked_mul(padded)?.checked_mul(depth)? > 4 * weights.len() + MOST_FILLED {
            return None;
        }
        let to = self.slot(width);
        let draft = Draft::Convolve {
            from: slot,
            to,
            windows,
            groups: filter.groups,
            order: filter.order,
            weights,
            bias,
        };
        self.draft(to, draft);
        Some(Known::Image(to, layout))
    }

    fn pool(
        &mut self,
        slot: usize,
        from: Layout,
        how: Pooled,
        axes: [Axis; 2],
        padding_counts: bool,
    ) -> Option<Known<'a>> {
        let channels = from.image.channels;
        let (layout, width) = made(axes, channels, from)?;
        let counts = axes.map(|axis| {
            let count = |place: usize| {
                if padding_counts {
                    axis.covered(place)
                } else {
                    axis.inside(place)
                }
            };
            (0..axis.output).map(count).collect()
        });
        let pooling = Pooling::new(how, windows(axes, channels)?, counts)?;
        let to = self.slot(width);
        let from = slot;
        self.done(to, Step::Pool { from, to, pooling });
        Some(Known::Image(to, layout))
    }
}

fn pooled(how: Pool) -> Option<(Pooled, bool)> {
    match how {
        Pool::Maximum { .. } => Some((Pooled::Maximum, false)),
        Pool::Mean { padding_counts } => Some((Pooled::Mean, padding_counts)),
        Pool::Power(_) => None,
    }
}

/// The image that windows make, its axes counted as those of another one, and its values.
fn made([vertical, horizontal]: [Axis; 2], channels: usize, counted: Layout) -> Option<(Layout, usize)> {
    let image = Image {
        height: vertical.output,
        width: horizontal.output,
        channels,
    };
    let layout = Layout { image, ..counted };
    Some((layout, width_of(&layout.lengths())?))
}

/// A window of the interpreter's, on two axes.
fn on(window: &Window, layout: Layout) -> Window {
    if !layout.line {
        return window.clone();
    }
    let with_lines = |list: &[usize]| {
        if list.is_empty() {
            Vec::new()
        } else {
            [&[1], list].concat()
        }
    };
    Window {
        strides: with_lines(&window.strides),
        dilations: with_lines(&window.dilations),
        padding: match &window.padding {
            Padding::Explicit(widths) => match **widths {
                [before, after] => Padding::Explicit(vec![0, before, 0, after]),
                _ => Padding::Explicit(widths.clone()),
            },
            same @ Padding::Same { .. } => same.clone(),
        },
        round_up: window.round_up,
    }
}

fn of_graph(window: &graph::Window) -> Window {
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

/// One window over all of an image.
fn whole(image: Image) -> Option<[Axis; 2]> {
    axes(&Window::default(), image, [image.height, image.width])
}

fn axes(window: &Window, image: Image, sizes: [usize; 2]) -> Option<[Axis; 2]> {
    let axes = window.axes(&[image.height, image.width], &sizes).ok()?;
    <[Axis; 2]>::try_from(axes).ok()
}
