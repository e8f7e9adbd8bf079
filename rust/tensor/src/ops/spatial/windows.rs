//! How windows lie on images `[batch, channels, axes ...]` with any number of axes.

use crate::array::elements;
use crate::run::Budget;
use crate::trouble::Trouble;

/// How a window is moved, as ONNX's attributes of the same name say; empty lists stand for their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) strides: Vec<usize>,
    pub(crate) dilations: Vec<usize>,
    pub(crate) padding: Padding,
    /// A last window that is only partly on the image counts.
    pub(crate) round_up: bool,
}

/// What lies around the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// So much before each axis, then after each; none when empty.
    Explicit(Vec<i64>),
    /// As much that the output is as large as the input divided by the stride; the odd one after, or before.
    Same { odd_after: bool },
}

impl Default for Padding {
    fn default() -> Self {
        Self::Explicit(Vec::new())
    }
}

/// One axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) size: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) before: i64,
    pub(crate) after: i64,
}

fn unfit(message: impl Into<String>) -> Trouble {
    Trouble::failed(message)
}

impl Window {
    /// Stride and dilation of an axis.
    pub(super) fn pace(&self, axis: usize) -> (usize, usize) {
        let of = |list: &[usize]| list.get(axis).copied().unwrap_or(1).max(1);
        (of(&self.strides), of(&self.dilations))
    }

    /// Explicit padding of an axis.
    pub(super) fn widths(&self, axis: usize, axes: usize) -> (i64, i64) {
        match &self.padding {
            Padding::Explicit(widths) => {
                let of = |n: usize| widths.get(n).copied().unwrap_or(0);
                (of(axis), of(axis + axes))
            }
            Padding::Same { .. } => (0, 0),
        }
    }

    /// The window of these sizes on axes of these lengths.
    ///
    /// # Errors
    /// When the numbers of axes differ or the window does not fit.
    pub(crate) fn axes(&self, lengths: &[usize], sizes: &[usize]) -> Result<Vec<Axis>, Trouble> {
        if lengths.len() != sizes.len() || lengths.is_empty() || lengths.len() > 8 {
            return Err(unfit(format!("a window of {sizes:?} on axes of {lengths:?}")));
        }
        (0..lengths.len())
            .map(|n| {
                let (input, size) = (lengths[n], sizes[n]);
                let (stride, dilation) = self.pace(n);
                let reach = size.saturating_sub(1).saturating_mul(dilation).saturating_add(1) as i64;
                let (length, step) = (input as i64, stride as i64);
                if size == 0 || reach > 1 << 40 || step > 1 << 40 {
                    return Err(unfit(format!("a window of {size} with dilation {dilation}")));
                }
                let (output, before, after) = match self.padding {
                    Padding::Explicit(_) => {
                        let (before, after) = self.widths(n, lengths.len());
                        let room = length.saturating_add(before).saturating_add(after) - reach;
                        let output = if room < 0 {
                            0
                        } else if self.round_up {
                            let output = (room + step - 1) / step + 1;
                            // The last window must not lie in the padding behind the image alone.
                            output - i64::from((output - 1) * step >= length + before)
                        } else {
                            room / step + 1
                        };
                        (output, before, after)
                    }
                    Padding::Same { odd_after } => {
                        let output = (length + step - 1) / step;
                        let total = ((output - 1).max(0) * step + reach - length).max(0);
                        let small = total / 2;
                        let before = if odd_after { small } else { total - small };
                        (output, before, total - before)
                    }
                };
                let output = usize::try_from(output).map_err(|_| unfit("a window larger than the image"))?;
                Ok(Axis {
                    input,
                    output,
                    size,
                    stride,
                    dilation,
                    before,
                    after,
                })
            })
            .collect()
    }
}

impl Axis {
    fn position(self, output: usize, entry: usize) -> i64 {
        (output * self.stride + entry * self.dilation) as i64 - self.before
    }

    /// Where on the image an entry of the window lies; `None` when in the padding.
    pub(crate) fn at(self, output: usize, entry: usize) -> Option<usize> {
        usize::try_from(self.position(output, entry))
            .ok()
            .filter(|position| *position < self.input)
    }

    /// Entries of the window at this place that lie on the image or its padding.
    pub(crate) fn covered(self, output: usize) -> usize {
        let end = self.input as i64 + self.after;
        (0..self.size)
            .filter(|entry| (-self.before..end).contains(&self.position(output, *entry)))
            .count()
    }

    /// Entries of the window at this place that lie on the image.
    pub(crate) fn inside(self, output: usize) -> usize {
        (0..self.size).filter(|entry| self.at(output, *entry).is_some()).count()
    }
}

/// Where each entry of the window at each place of the output lies on an image of one channel.
#[derive(Debug)]
pub(super) struct Taps {
    pub(super) pixels: usize,
    pub(super) entries: usize,
    /// `pixels` times `entries` flat places; `OUTSIDE` in the padding.
    pub(super) places: Vec<u32>,
}

/// In the padding.
pub(super) const OUTSIDE: u32 = u32::MAX;

impl Taps {
    /// # Errors
    /// When there are more than a call may have.
    pub(super) fn new(axes: &[Axis], budget: &mut Budget) -> Result<Self, Trouble> {
        let outputs: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
        let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
        let inputs: Vec<usize> = axes.iter().map(|axis| axis.input).collect();
        let (pixels, entries) = (elements(&outputs)?, elements(&sizes)?);
        let count = elements(&[pixels, entries])?;
        elements(&inputs)?;
        budget.charge(count)?;
        let mut places = vec![0_u32; count];
        if count == 0 {
            return Ok(Self {
                pixels,
                entries,
                places,
            });
        }
        // Axis by axis: the place so far times the length of the axis, plus where the entry lies on it.
        let (mut pixel_run, mut entry_run) = (pixels, entries);
        for axis in axes {
            pixel_run /= axis.output;
            entry_run /= axis.size;
            for (n, place) in places.iter_mut().enumerate() {
                let output = n / entries / pixel_run % axis.output;
                let entry = n % entries / entry_run % axis.size;
                let position = axis.position(output, entry);
                *place = match usize::try_from(position) {
                    Ok(position) if position < axis.input && *place != OUTSIDE => {
                        *place * axis.input as u32 + position as u32
                    }
                    _ => OUTSIDE,
                };
            }
        }
        Ok(Self {
            pixels,
            entries,
            places,
        })
    }

    /// Places of the entries of a pixel.
    pub(super) fn of(&self, pixel: usize) -> &[u32] {
        &self.places[pixel * self.entries..(pixel + 1) * self.entries]
    }
}
