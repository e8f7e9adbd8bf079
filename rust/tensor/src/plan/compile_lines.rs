//! Recognises images of one line, as series are: `[rows, places, channels]`, which is what is known as a sequence, and
//! `[rows, channels, places]`. Both lie place by place.

use super::PlanReal;
use super::compile::{Compiler, Known};
use super::images::Image;
use super::layouts::{Layout, Sequence, as_image, as_steps, place};
use crate::graph::Node;

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// What a node makes of a sequence, as an image of one line.
    pub(super) fn on_line(&mut self, node: &'a Node, slot: usize, sequence: Sequence) -> Option<Vec<Known<'a>>> {
        let Known::Image(slot, layout) = as_image(Known::Steps(slot, sequence))? else {
            return None;
        };
        self.on_image(node, slot, layout).map(|known| vec![as_steps(known)])
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

    /// An image whose channels come first, with an axis for its lines or for the one place of each.
    pub(super) fn with_lines(&self, node: &Node, slot: usize, layout: Layout) -> Option<Known<'a>> {
        let [channels, height, width] = *self.expanded(node, &layout.lengths())? else {
            return None;
        };
        let image = Image {
            height,
            width,
            channels,
        };
        let whole = Layout {
            image,
            line: false,
            ..layout
        };
        (channels == layout.image.channels).then_some(Known::Image(slot, whole))
    }
}
