//! Sequences and optional values.

use super::{Translated, same};
use crate::array::Array;
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::Sequence;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let axis = node.integer("axis").unwrap_or(0);
    let what = match node.operator() {
        "SequenceConstruct" => Sequence::Construct,
        "SequenceEmpty" => return Ok(Some(vec![maker.constant(Array::list(Vec::new()))])),
        "SequenceAt" => Sequence::At,
        "SequenceErase" => Sequence::Erase,
        "SequenceInsert" => Sequence::Insert,
        "SequenceLength" => Sequence::Length,
        "ConcatFromSequence" => Sequence::Concat {
            axis,
            new_axis: node.flag("new_axis"),
        },
        "SplitToSequence" => Sequence::Split {
            axis,
            keep_axis: node.integer("keepdims").unwrap_or(1) != 0,
        },
        "Optional" if node.optional(0).is_none() => return Ok(Some(vec![maker.nothing()])),
        "Optional" => return same(Op::Identity, node, maker),
        "OptionalHasElement" => Sequence::HasElement,
        "OptionalGetElement" => Sequence::GetElement,
        _ => return Ok(None),
    };
    same(Op::Sequence(what), node, maker)
}
