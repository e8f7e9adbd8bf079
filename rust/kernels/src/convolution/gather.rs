//! Where windows lie, and what is under them.

use crate::activation::Real;

/// From so many values on a run is copied by a call.
const LONG: usize = 64;
/// Values that are copied at once.
const GROUP: usize = 8;

/// One axis of an image, and how a window moves along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the image.
    pub input: usize,
    /// Places of the window.
    pub output: usize,
    /// Entries of the window, at least one.
    pub size: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Pixels from one entry to the next.
    pub dilation: usize,
    /// Zeros before the image.
    pub before: usize,
}

impl Axis {
    /// The first entry of the window at a place that lies on the image, and how many do.
    pub(super) fn inside(self, place: usize) -> (usize, usize) {
        let start = place * self.stride;
        let first = self.before.saturating_sub(start).div_ceil(self.dilation);
        let end = (self.before + self.input).saturating_sub(start).div_ceil(self.dilation);
        let end = end.min(self.size);
        (first.min(end), end.saturating_sub(first))
    }

    /// The last place where all of the window lies on the image, if there is one.
    pub(super) fn last_whole(self) -> usize {
        let reach = (self.size - 1) * self.dilation + 1;
        let room = (self.before + self.input).saturating_sub(reach);
        (room / self.stride).min(self.output.saturating_sub(1))
    }

    fn is_plain(self) -> bool {
        self.size == 1 && self.stride == 1 && self.before == 0 && self.output == self.input
    }
}

/// Windows on an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// From the first line to the last.
    pub vertical: Axis,
    /// Along a line.
    pub horizontal: Axis,
    /// Values of a pixel.
    pub channels: usize,
}

impl Windows {
    pub(super) fn is_pointwise(self) -> bool {
        self.vertical.is_plain() && self.horizontal.is_plain()
    }

    /// Values of a window.
    pub(super) fn len(self) -> usize {
        self.vertical.size * self.horizontal.size * self.channels
    }

    pub(super) fn image_len(self) -> usize {
        self.vertical.input * self.horizontal.input * self.channels
    }

    /// Of the windows from the pixel `first` on, as many as there is room for: the values from `from` on, `count` of each.
    #[allow(clippy::too_many_arguments, reason = "one caller")]
    pub(super) fn gather<T: Real>(
        self,
        image: &[T],
        groups: usize,
        group: usize,
        first: usize,
        from: usize,
        count: usize,
        to: &mut [T],
    ) {
        let (mut y, mut x) = (first / self.horizontal.output, first % self.horizontal.output);
        let channels = self.channels / groups;
        let side_by_side = groups == 1 && self.horizontal.dilation == 1;
        let length = self.horizontal.size * self.channels;
        let begin = (from / length, from % length);
        for to in to.chunks_exact_mut(count) {
            if side_by_side {
                self.lines(image, y, x, begin, to);
            } else {
                self.pixels(image, channels, group * channels, y, x, from, to);
            }
            x += 1;
            if x == self.horizontal.output {
                (y, x) = (y + 1, 0);
            }
        }
    }

    /// Lines of a window that lie on the image without gaps.
    #[inline]
    fn lines<T: Real>(
        self,
        image: &[T],
        y: usize,
        x: usize,
        (mut entry, mut skipped): (usize, usize),
        mut to: &mut [T],
    ) {
        let length = self.horizontal.size * self.channels;
        let line = self.horizontal.input * self.channels;
        // Where on a line of the image, with the zeros before, a line of the window begins.
        let (begin, zeros) = (
            x * self.horizontal.stride * self.channels,
            self.horizontal.before * self.channels,
        );
        while !to.is_empty() {
            let (part, rest) = to.split_at_mut((length - skipped).min(to.len()));
            to = rest;
            let at = y * self.vertical.stride + entry * self.vertical.dilation;
            if let Some(at) = at
                .checked_sub(self.vertical.before)
                .filter(|at| *at < self.vertical.input)
            {
                clipped(&image[at * line..][..line], begin + skipped, zeros, part);
            } else {
                part.fill(T::ZERO);
            }
            (entry, skipped) = (entry + 1, 0);
        }
    }

    /// Pixels of a window one by one: of each, some channels.
    #[allow(clippy::too_many_arguments, reason = "one caller")]
    fn pixels<T: Real>(
        self,
        image: &[T],
        channels: usize,
        first: usize,
        y: usize,
        x: usize,
        from: usize,
        mut to: &mut [T],
    ) {
        let (mut entry, mut skipped) = (from / channels, from % channels);
        while !to.is_empty() {
            let (part, rest) = to.split_at_mut((channels - skipped).min(to.len()));
            to = rest;
            let place = |axis: Axis, at: usize, entry: usize| {
                let place = (at * axis.stride + entry * axis.dilation).checked_sub(axis.before);
                place.filter(|place| *place < axis.input)
            };
            let (line, column) = (entry / self.horizontal.size, entry % self.horizontal.size);
            let pixel = place(self.vertical, y, line).zip(place(self.horizontal, x, column));
            if let Some((line, column)) = pixel {
                let pixel = (line * self.horizontal.input + column) * self.channels;
                copy(&image[pixel + first + skipped..][..part.len()], part);
            } else {
                part.fill(T::ZERO);
            }
            (entry, skipped) = (entry + 1, 0);
        }
    }
}

/// Copies a part of a line that has `zeros` before it, and any number behind it.
#[inline]
fn clipped<T: Real>(line: &[T], begin: usize, zeros: usize, to: &mut [T]) {
    let end = begin + to.len();
    if begin >= zeros && end <= zeros + line.len() {
        copy(&line[begin - zeros..end - zeros], to);
        return;
    }
    let first = zeros.clamp(begin, end);
    let last = (zeros + line.len()).clamp(first, end);
    to[..first - begin].fill(T::ZERO);
    to[last - begin..].fill(T::ZERO);
    if first < last {
        copy(&line[first - zeros..last - zeros], &mut to[first - begin..last - begin]);
    }
}

#[inline]
fn copy<T: Real>(from: &[T], to: &mut [T]) {
    if from.len() >= LONG {
        to.copy_from_slice(from);
        return;
    }
    let ((groups, rest), (to_groups, to_rest)) = (from.as_chunks::<GROUP>(), to.as_chunks_mut::<GROUP>());
    for (to, from) in to_groups.iter_mut().zip(groups) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}
