//! How rows of more than one axis lie, and how a graph counts their axes.

use super::compile::{Known, MOST_VALUES, MOST_VALUES_OF_IMAGES};
use super::images::Image;

/// An image, and how the graph counts its axes. It lies pixel by pixel either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) image: Image,
    pub(super) channels_first: bool,
    /// There is one line, and the graph counts no axis for lines.
    pub(super) line: bool,
}

impl Layout {
    /// Whether an image is a pixel with a value for each channel of this one.
    pub(super) fn spreads(self, pixel: Self) -> bool {
        let one = Image {
            height: 1,
            width: 1,
            ..self.image
        };
        pixel == Self { image: one, ..self }
    }

    /// Axes of a tensor of such rows.
    pub(super) fn rank(self) -> usize {
        if self.line { 3 } else { 4 }
    }

    /// Lengths of the axes after that of the rows.
    pub(super) fn lengths(self) -> Vec<usize> {
        let mut lengths = self.axes().to_vec();
        if self.line {
            lengths.remove(usize::from(self.channels_first));
        }
        lengths
    }

    /// The same, lines counted.
    pub(super) fn axes(self) -> [usize; 3] {
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
    (1..=MOST_VALUES_OF_IMAGES).contains(&width).then_some(width)
}

/// Values of a row that is no image.
pub(super) fn narrow(row: &[usize]) -> Option<usize> {
    width_of(row).filter(|width| *width <= MOST_VALUES)
}

/// A slot whose rows have these axes.
pub(super) fn shaped<'a>(slot: usize, row: &[usize]) -> Option<Known<'a>> {
    if row.len() != 3 {
        narrow(row)?;
    }
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
                line: false,
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

/// An image of one line.
pub(super) fn line(width: usize, channels: usize, channels_first: bool) -> Layout {
    Layout {
        image: Image {
            height: 1,
            width,
            channels,
        },
        channels_first,
        line: true,
    }
}

/// A sequence as an image of one line, anything else as it is; `None` for a sequence before whose rows there are steps.
pub(super) fn as_image(known: Known<'_>) -> Option<Known<'_>> {
    match known {
        Known::Steps(_, sequence) if sequence.rows_second => None,
        Known::Steps(slot, Sequence { steps, width, .. }) => Some(Known::Image(slot, line(steps, width, false))),
        other => Some(other),
    }
}

/// The other way round.
pub(super) fn as_steps(known: Known<'_>) -> Known<'_> {
    match known {
        Known::Image(
            slot,
            Layout {
                image,
                channels_first: false,
                line: true,
            },
        ) => Known::Steps(
            slot,
            Sequence {
                steps: image.width,
                width: image.channels,
                rows_second: false,
            },
        ),
        other => other,
    }
}
