//! Convolutions of images that lie pixel by pixel, the channels of a pixel side by side.
//!
//! Each value is one sum: it begins with the bias and takes the window line by line, pixel by pixel, channel by channel, with one
//! rounding for multiplication and addition together. However the work is cut into tiles, whatever the processor: the bits
//! are the same. Where the processor has no fused multiplication (x86 before 2013) it is a call, and slow.
#![allow(unsafe_code)]
#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors"
)]

mod gather;
mod matrix;
mod pooling;
mod tiles;

pub use gather::{Axis, Windows};
pub use matrix::Matrix;
pub use pooling::{Pooled, Pooling};
pub use tiles::ConvolutionReal;
use tiles::{Loops, Pixels, Processor, Tile};

use crate::aligned::Aligned;

/// Pixels whose windows are gathered together.
const PIXELS: usize = 96;
/// Values of a window that are multiplied together: their weights stay in the cache for all of these pixels.
const DEPTH: usize = 256;

/// In which order weights lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `[height, width, channels of a group, results]`, as TensorFlow has them.
    ResultsLast,
    /// `[results, channels of a group, height, width]`, as ONNX has them.
    ResultsFirst,
    /// `[height, width, channels, results of a channel]`, each channel being a group: TensorFlow's depthwise filters.
    Depthwise,
}

/// What is done to values on their way in and out, while they are in the cache.
pub trait Around<T> {
    /// Whether [`before`](Self::before) does anything. Only for windows of a pixel: zeros around an image stay what they are.
    fn has_before(&self) -> bool {
        false
    }

    /// Changes pixels before they are multiplied: of each, the channels from `first` on, `channels` of them.
    fn before(&mut self, first: usize, channels: usize, values: &mut [T]);

    /// Changes results, all channels of the pixels from `first` on.
    fn after(&mut self, first: usize, values: &mut [T]);
}

/// Changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl<T> Around<T> for Nothing {
    fn before(&mut self, _: usize, _: usize, _: &mut [T]) {}

    fn after(&mut self, _: usize, _: &mut [T]) {}
}

/// A convolution, its channels perhaps in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution<T> {
    windows: Windows,
    groups: usize,
    /// Results of a group.
    results: usize,
    /// Of each group, parts of the window; of each part, panels of columns: value after value of the part, the weights of the
    /// panel's columns side by side. So they lie in the order in which they are needed.
    /// Where each channel is a group of its own: value after value, all channels side by side.
    weights: Aligned<T>,
    /// Of each group, for whole panels.
    start: Aligned<T>,
}

impl<T: ConvolutionReal> Convolution<T> {
    /// `None` when the lengths don't fit. `bias` may be empty.
    pub fn new(windows: Windows, groups: usize, order: Order, weights: &[T], bias: &[T]) -> Option<Self> {
        let channels = windows.channels.checked_div(groups)?;
        let entries = windows.vertical.size.checked_mul(windows.horizontal.size)?;
        let depth = entries.checked_mul(channels)?;
        let all = weights.len().checked_div(depth)?;
        let results = all / groups;
        let fits = channels * groups == windows.channels
            && results > 0
            && results * groups * depth == weights.len()
            && (bias.is_empty() || bias.len() == all)
            && (order != Order::Depthwise || channels == 1);
        if !fits {
            return None;
        }
        let weight = |entry: usize, channel: usize, group: usize, result: usize| match order {
            Order::ResultsLast => weights[(entry * channels + channel) * all + group * results + result],
            Order::ResultsFirst => weights[((group * results + result) * channels + channel) * entries + entry],
            Order::Depthwise => weights[(entry * groups + group) * results + result],
        };
        let mut made = Self {
            windows,
            groups,
            results,
            weights: Aligned::of(T::ZERO, 0),
            start: Aligned::of(T::ZERO, 0),
        };
        if made.is_depthwise() {
            made.start = Aligned::of(T::ZERO, all);
            made.start[..bias.len()].copy_from_slice(bias);
            let pairs = (0..entries).flat_map(|entry| (0..groups).map(move |group| (entry, group)));
            made.weights = Aligned::with_capacity(entries * groups, T::ZERO);
            made.weights
                .extend(pairs.map(|(entry, group)| weight(entry, 0, group, 0)));
            return Some(made);
        }
        let padded = made.padded();
        made.weights = Aligned::of(T::ZERO, groups.checked_mul(depth)?.checked_mul(padded)?);
        made.start = Aligned::of(T::ZERO, groups * padded);
        let part = made.part();
        for group in 0..groups {
            if !bias.is_empty() {
                made.start[group * padded..][..results].copy_from_slice(&bias[group * results..][..results]);
            }
            let group_weights = &mut made.weights[group * depth * padded..][..depth * padded];
            for first in (0..results).step_by(T::PANEL) {
                let width = (padded - first).min(T::PANEL);
                // In the order in which the weights are given, as far as it goes.
                for channel in 0..channels {
                    for entry in 0..entries {
                        let place = entry * channels + channel;
                        let from = place / part * part;
                        let count = part.min(depth - from);
                        let line = from * padded + first * count + (place - from) * width;
                        let line = &mut group_weights[line..line + width];
                        for (lane, to) in line.iter_mut().enumerate().take(results - first) {
                            *to = weight(entry, channel, group, first + lane);
                        }
                    }
                }
            }
        }
        Some(made)
    }

    /// Columns of a group with those that fill the last panel.
    fn padded(&self) -> usize {
        self.results.next_multiple_of(T::PANEL / 2)
    }

    /// Channels of the image.
    pub fn image_channels(&self) -> usize {
        self.windows.channels
    }

    /// Channels of all results.
    pub fn channels(&self) -> usize {
        self.groups * self.results
    }

    /// Pixels of a result.
    pub fn pixels(&self) -> usize {
        self.windows.vertical.output * self.windows.horizontal.output
    }

    fn is_depthwise(&self) -> bool {
        self.results == 1 && self.groups == self.windows.channels && self.groups > 1
    }

    /// Whether each window is the pixel of the image at its place: then [`Around::before`] may be used.
    pub fn is_pointwise(&self) -> bool {
        self.groups == 1 && self.windows.is_pointwise()
    }

    /// Bytes of heap.
    pub fn heap_bytes(&self) -> usize {
        self.weights.heap_bytes() + self.start.heap_bytes()
    }

    fn depth(&self) -> usize {
        self.windows.len() / self.groups
    }

    /// Values of a window that are multiplied together.
    fn part(&self) -> usize {
        self.depth().div_ceil(self.depth().div_ceil(DEPTH))
    }

    /// Values that [`run`](Self::run) needs as scratch.
    pub fn scratch_len(&self) -> usize {
        if self.is_depthwise() {
            0
        } else {
            PIXELS.min(self.pixels()) * self.depth().min(DEPTH)
        }
    }

    /// Convolves one image. Nothing is allocated.
    ///
    /// # Panics
    /// When `image` or `result` has another length than the windows say, or `scratch` is too short.
    pub fn run(&self, image: &[T], result: &mut [T], scratch: &mut [T], around: &mut impl Around<T>) {
        T::convolve(self, self.pixels(), image, result, scratch, around);
    }

    /// Multiplications for one image.
    pub fn work(&self) -> usize {
        let results = self.pixels().saturating_mul(self.channels());
        results.saturating_mul(self.depth())
    }
}

#[allow(private_bounds, reason = "nothing of it is public")]
impl<T: Loops> Convolution<T> {
    /// `pixels` may be others than those of the windows only where each window is a pixel.
    fn convolve(&self, pixels: usize, image: &[T], result: &mut [T], scratch: &mut [T], around: &mut impl Around<T>) {
        let windows = &self.windows;
        if self.is_pointwise() {
            assert_eq!(image.len(), pixels * windows.channels);
        } else {
            assert_eq!(pixels, self.pixels());
            assert_eq!(image.len(), windows.image_len());
        }
        assert_eq!(result.len(), pixels * self.channels());
        if pixels == 0 {
            return;
        }
        if self.is_depthwise() {
            self.slide(image, result, around);
            return;
        }
        let processor = Processor::find();
        let (channels, depth) = (self.channels(), self.depth());
        let tile = processor.rows();
        let block = pixels
            .div_ceil(pixels.div_ceil(PIXELS))
            .next_multiple_of(tile)
            .min(PIXELS);
        let part = self.part();
        let direct = self.is_pointwise() && !around.has_before();
        let padded = self.padded();
        for (n, output) in result.chunks_mut(block * channels).enumerate() {
            let (first, rows) = (n * block, output.len() / channels);
            for group in 0..self.groups {
                let weights = &self.weights[group * depth * padded..][..depth * padded];
                let start = &self.start[group * padded..][..padded];
                for from in (0..depth).step_by(part) {
                    let count = part.min(depth - from);
                    let (input, input_pitch) = if direct {
                        (&image[first * depth + from..], depth)
                    } else {
                        let gathered = &mut scratch[..rows * count];
                        windows.gather(image, self.groups, group, first, from, count, gathered);
                        if around.has_before() {
                            around.before(from, count, gathered);
                        }
                        (&*gathered, count)
                    };
                    let product = Product {
                        rows,
                        depth: count,
                        input,
                        input_pitch,
                        weights: &weights[from * padded..][..count * padded],
                        start: (from == 0).then_some(start),
                        columns: self.results,
                    };
                    product.run(processor, &mut output[group * self.results..], channels);
                }
            }
            around.after(first, output);
        }
    }

    /// Each channel for itself.
    fn slide(&self, image: &[T], result: &mut [T], around: &mut impl Around<T>) {
        let processor = Processor::find();
        let Windows {
            vertical,
            horizontal,
            channels,
        } = self.windows;
        let line = horizontal.input * channels;
        for (y, output) in result.chunks_exact_mut(horizontal.output * channels).enumerate() {
            let (top, lines) = vertical.inside(y);
            let mut x = 0;
            while x < horizontal.output {
                let (left, values) = horizontal.inside(x);
                // Windows that lie on the image as a whole follow each other.
                let pixels = if values == horizontal.size {
                    horizontal.last_whole().max(x) + 1 - x
                } else {
                    1
                };
                let output = &mut output[x * channels..(x + pixels) * channels];
                x += pixels;
                if lines == 0 || values == 0 {
                    for pixel in output.chunks_exact_mut(channels) {
                        pixel.copy_from_slice(&self.start);
                    }
                    continue;
                }
                let place =
                    |entry: usize, axis: Axis, at: usize| at * axis.stride + entry * axis.dilation - axis.before;
                let input = place(top, vertical, y) * line + place(left, horizontal, x - pixels) * channels;
                let job = Pixels {
                    count: pixels,
                    channels,
                    input: image[input..].as_ptr(),
                    input_pitches: [
                        horizontal.stride * channels,
                        vertical.dilation * line,
                        horizontal.dilation * channels,
                    ],
                    window: [lines, values],
                    weights: self.weights[(top * horizontal.size + left) * channels..].as_ptr(),
                    weights_pitch: horizontal.size * channels,
                    start: self.start.as_ptr(),
                    output: output.as_mut_ptr(),
                };
                let last = input
                    + (pixels - 1) * job.input_pitches[0]
                    + (lines - 1) * job.input_pitches[1]
                    + (values - 1) * job.input_pitches[2];
                assert!(last + channels <= image.len());
                // SAFETY: the processor was asked what it is. The last value under the last window lies on the image, as
                // was seen; the weights are those of this part of a window, and there is room for each pixel.
                unsafe { T::slide(processor, &job) };
            }
            around.after(y * horizontal.output, output);
        }
    }
}

/// A part of the windows of some pixels, times the weights of a group.
struct Product<'a, T> {
    rows: usize,
    depth: usize,
    input: &'a [T],
    input_pitch: usize,
    /// Panel after panel.
    weights: &'a [T],
    /// What the sums begin with; else they go on.
    start: Option<&'a [T]>,
    columns: usize,
}

impl<T: Loops> Product<'_, T> {
    fn run(&self, processor: Processor, output: &mut [T], output_pitch: usize) {
        let most = processor.rows();
        let tiles = self.rows.div_ceil(most);
        let padded = self.weights.len() / self.depth;
        assert!(self.input.len() >= (self.rows - 1) * self.input_pitch + self.depth);
        assert!(output.len() >= (self.rows - 1) * output_pitch + self.columns);
        for first in (0..self.columns).step_by(T::PANEL) {
            let width = (padded - first).min(T::PANEL);
            let panel = &self.weights[first * self.depth..][..self.depth * width];
            for column in (first..self.columns.min(first + width)).step_by(T::columns(processor)) {
                let columns = (self.columns - column)
                    .min(T::columns(processor))
                    .min(first + width - column);
                let start = self.start.map(|start| start[column..].as_ptr());
                let mut row = 0;
                for n in 0..tiles {
                    // As even as can be: the time of a tile hardly depends on its rows.
                    let end = (n + 1) * self.rows / tiles;
                    let tile = Tile {
                        rows: end - row,
                        depth: self.depth,
                        input: self.input[row * self.input_pitch..].as_ptr(),
                        input_pitch: self.input_pitch,
                        weights: panel[column - first..].as_ptr(),
                        weights_pitch: width,
                        start,
                        output: output[row * output_pitch + column..].as_mut_ptr(),
                        output_pitch,
                        columns,
                    };
                    row = end;
                    // SAFETY: the processor was asked what it is. Input and output have room for all rows, as was seen.
                    // A panel has room for whole vectors in each line, and so have the values that sums start with: both
                    // are filled up to half a panel, which is what one vector of the widest processor has.
                    unsafe { T::multiply(processor, &tile) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
