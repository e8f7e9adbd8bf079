//! Steps on images. These lie pixel by pixel, the channels of a pixel side by side, whatever the graph says: so channels are
//! what a step works on at once.

use serving_kernels::dense::DenseChain;

use super::PlanReal;
use crate::ops::spatial::Axis;

/// Pixels whose windows are gathered before they are multiplied with the filter.
const TILE: usize = 32;
/// From so many values on a run is copied by a call.
const LONG: usize = 16;
/// Most pixels of all windows that are reduced.
const MOST_PLACES: usize = 1 << 20;

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

/// Where the windows of a convolution lie on an image.
#[derive(Clone, Debug)]
pub(crate) struct Patches {
    image: Image,
    /// Height and width with the zeros around; the image begins at `before`.
    padded: [usize; 2],
    before: [usize; 2],
    /// Where on the padded image the window of each pixel begins.
    starts: Vec<usize>,
    /// Values that lie side by side under a window, and how far from its beginning each such run is.
    run: usize,
    runs: Vec<usize>,
}

impl Patches {
    /// `None` when there is no window, or when it cuts off a part of the image.
    pub(crate) fn new(image: Image, [vertical, horizontal]: [Axis; 2]) -> Option<Self> {
        let before = |axis: Axis| usize::try_from(axis.before).ok();
        let reach = |axis: Axis, before: usize| {
            let last = (axis.output.checked_sub(1)?).checked_mul(axis.stride)?;
            let end = last
                .checked_add((axis.size - 1).checked_mul(axis.dilation)?)?
                .checked_add(1)?;
            Some(end.max(before.checked_add(axis.input)?))
        };
        let before = [before(vertical)?, before(horizontal)?];
        let padded = [reach(vertical, before[0])?, reach(horizontal, before[1])?];
        let line = padded[1].checked_mul(image.channels)?;
        // What is padded is worked on for every row.
        if line.checked_mul(padded[0])? > 4 * image.pixels() * image.channels + (1 << 12) {
            return None;
        }
        let starts = (0..vertical.output).flat_map(|y| {
            let from = y * vertical.stride * line;
            (0..horizontal.output).map(move |x| from + x * horizontal.stride * image.channels)
        });
        let side_by_side = horizontal.dilation == 1;
        let runs = (0..vertical.size).flat_map(|y| {
            let from = y * vertical.dilation * line;
            let count = if side_by_side { 1 } else { horizontal.size };
            (0..count).map(move |x| from + x * horizontal.dilation * image.channels)
        });
        Some(Self {
            image,
            padded,
            before,
            starts: starts.collect(),
            run: image.channels * if side_by_side { horizontal.size } else { 1 },
            runs: runs.collect(),
        })
    }

    /// Values under a window.
    pub(super) fn len(&self) -> usize {
        self.run * self.runs.len()
    }

    fn is_padded(&self) -> bool {
        self.padded != [self.image.height, self.image.width]
    }

    /// Windows are pixels.
    fn is_plain(&self) -> bool {
        !self.is_padded() && self.len() == self.image.channels && self.starts.len() == self.image.pixels()
    }

    fn padded_len(&self) -> usize {
        if self.is_padded() {
            self.padded[0] * self.padded[1] * self.image.channels
        } else {
            0
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.starts.capacity() + self.runs.capacity()) * size_of::<usize>()
    }
}

/// A convolution: the windows, and what each is multiplied with.
#[derive(Debug)]
pub(crate) struct Convolution<T> {
    patches: Patches,
    product: DenseChain<T>,
}

impl<T: PlanReal> Convolution<T> {
    /// The product takes a window, line after line.
    pub(super) fn new(patches: Patches, product: DenseChain<T>) -> Self {
        Self { patches, product }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.patches.heap_bytes() + self.product.heap_bytes()
    }

    pub(super) fn scratch_len(&self) -> usize {
        self.patches.padded_len() + TILE * self.patches.len()
    }

    /// One image.
    pub(super) fn run(&self, image: &[T], result: &mut [T], scratch: &mut [T]) {
        let patches = &self.patches;
        let outputs = self.product.outputs();
        // A single layer needs no scratch.
        if patches.is_plain() {
            self.product.evaluate(patches.starts.len(), image, result, &mut []);
            return;
        }
        let (padded, columns) = scratch.split_at_mut(patches.padded_len());
        let image = if patches.is_padded() {
            pad(patches, image, padded);
            &*padded
        } else {
            image
        };
        let columns = &mut columns[..TILE * patches.len()];
        for (starts, result) in patches.starts.chunks(TILE).zip(result.chunks_mut(TILE * outputs)) {
            for (start, column) in starts.iter().zip(columns.chunks_exact_mut(patches.len())) {
                for (offset, to) in patches.runs.iter().zip(column.chunks_exact_mut(patches.run)) {
                    copy(&image[start + offset..][..patches.run], to);
                }
            }
            self.product.evaluate(starts.len(), columns, result, &mut []);
        }
    }
}

/// Copies an image into zeros.
fn pad<T: PlanReal>(patches: &Patches, image: &[T], padded: &mut [T]) {
    let Patches {
        image: Image { width, channels, .. },
        before: [above, left],
        padded: [_, line],
        ..
    } = *patches;
    padded.fill(T::ZERO);
    let lines = padded.chunks_exact_mut(line * channels).skip(above);
    for (from, to) in image.chunks_exact(width * channels).zip(lines) {
        copy(from, &mut to[left * channels..][..width * channels]);
    }
}

fn copy<T: PlanReal>(from: &[T], to: &mut [T]) {
    if from.len() < LONG {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    } else {
        to.copy_from_slice(from);
    }
}

/// What becomes of the values of a channel under a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooled {
    /// NaN counts when it is the first.
    Maximum,
    /// NaN never counts.
    MaximumOfNumbers,
    Mean,
}

/// Windows that are reduced to a pixel each.
#[derive(Debug)]
pub(crate) struct Pooling<T> {
    how: Pooled,
    channels: usize,
    /// Where the pixels of each window end in `places`.
    ends: Vec<usize>,
    /// Where the pixels begin on the image.
    places: Vec<usize>,
    /// What the sum of each window is divided by.
    counts: Vec<T>,
}

impl<T: PlanReal> Pooling<T> {
    /// `padding_counts`: as a part of the window, for the mean. `None` when the windows have too many pixels.
    pub(super) fn new(how: Pooled, image: Image, axes: [Axis; 2], padding_counts: bool) -> Option<Self> {
        let pixels = axes.iter().try_fold(1_usize, |count, axis| {
            count.checked_mul(axis.output)?.checked_mul(axis.size)
        });
        if pixels.is_none_or(|count| count > MOST_PLACES) {
            return None;
        }
        let inside = |axis: Axis, output: usize| (0..axis.size).filter_map(move |entry| axis.at(output, entry));
        let [vertical, horizontal] = axes;
        let (mut ends, mut places, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for y in 0..vertical.output {
            for x in 0..horizontal.output {
                let first = places.len();
                for line in inside(vertical, y) {
                    places.extend(inside(horizontal, x).map(|column| (line * image.width + column) * image.channels));
                }
                ends.push(places.len());
                counts.push(T::from_f64(if padding_counts {
                    (vertical.covered(y) * horizontal.covered(x)) as f64
                } else {
                    (places.len() - first) as f64
                }));
            }
        }
        Some(Self {
            how,
            channels: image.channels,
            ends,
            places,
            counts,
        })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.ends.capacity() + self.places.capacity()) * size_of::<usize>() + self.counts.capacity() * size_of::<T>()
    }

    /// One image.
    pub(super) fn run(&self, image: &[T], result: &mut [T]) {
        let mut first = 0;
        let pixels = result.chunks_exact_mut(self.channels);
        for ((end, count), result) in self.ends.iter().zip(&self.counts).zip(pixels) {
            let mut places = &self.places[first..*end];
            first = *end;
            match (self.how, places) {
                (Pooled::Mean, _) => result.fill(T::ZERO),
                (Pooled::Maximum, [place, others @ ..]) => {
                    result.copy_from_slice(&image[*place..][..self.channels]);
                    places = others;
                }
                _ => result.fill(T::LOWEST),
            }
            for place in places {
                let values = result.iter_mut().zip(&image[*place..][..self.channels]);
                if self.how == Pooled::Mean {
                    values.for_each(|(sum, value)| *sum = *sum + *value);
                } else {
                    values.for_each(|(most, value)| *most = if *value > *most { *value } else { *most });
                }
            }
            if self.how == Pooled::Mean && *count > T::ZERO {
                for sum in result {
                    *sum = *sum / *count;
                }
            }
        }
    }
}
