//! Recognises images of one line, `[rows, channels, places]`: convolutions and pooling over one axis, as of series.

use super::PlanReal;
use super::compile::{Compiler, Known};
use super::compile_images::{Layout, Sequence, place};
use super::images::Image;
use crate::graph::{Node, Op};
use crate::ops::normalization::Normalization;
use crate::ops::{Move, Spatial};

/// An image of one line that lies place by place.
fn line(width: usize, channels: usize) -> Layout {
    Layout {
        image: Image {
            height: 1,
            width,
            channels,
        },
        channels_first: true,
        line: true,
    }
}

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// A node to which the steps of a sequence are channels, or that makes them so.
    pub(super) fn on_channels(&mut self, node: &'a Node, slot: usize, sequence: Sequence) -> Option<Known<'a>> {
        match &node.op {
            Op::Spatial(Spatial::Convolution { .. } | Spatial::Pool { .. } | Spatial::GlobalPool(_))
            | Op::Normalization(Normalization::Batch { .. }) => {
                let Known::Image(slot, layout) = self.lined(Known::Steps(slot, sequence))? else {
                    return None;
                };
                self.on_image(node, slot, layout)
            }
            // Where it lies step by step, it lies place by place for what comes after.
            Op::Transpose | Op::Move(Move::Transpose) if !sequence.rows_second => {
                let order = self.constant(node, 1)?.integers().ok()?;
                let layout = line(sequence.steps, sequence.width);
                (*order == [0, 2, 1]).then_some(Known::Image(slot, layout))
            }
            _ => None,
        }
    }

    /// A sequence as an image of one line; anything else as it is.
    pub(super) fn lined(&mut self, known: Known<'a>) -> Option<Known<'a>> {
        match known {
            Known::Steps(_, sequence) if sequence.rows_second => None,
            Known::Steps(slot, Sequence { steps, width, .. }) => {
                Some(Known::Image(self.turned(slot, steps, width), line(width, steps)))
            }
            other => Some(other),
        }
    }

    /// Whether one of the inputs is an image of one line.
    pub(super) fn has_line(&self, node: &Node) -> bool {
        let is_line = |known| matches!(known, Some(Known::Image(_, Layout { line: true, .. })));
        (0..node.inputs.len()).any(|index| is_line(self.known_at(node, index)))
    }

    /// Lengths of the axes with one more, of length 1, where a node puts it.
    pub(super) fn expanded(&self, node: &Node, lengths: &[usize]) -> Option<Vec<usize>> {
        let [axis] = *self.constant(node, 1)?.integers().ok()? else {
            return None;
        };
        let axis = place(axis, lengths.len() + 2)?;
        let mut lengths = lengths.to_vec();
        (axis > 0).then(|| lengths.insert(axis - 1, 1))?;
        Some(lengths)
    }
}
