//! Recognises sequences that are taken apart step by step, and shapes that a graph makes of its inputs' shapes.

use super::compile::{Compiler, Known};
use super::layouts::{Sequence, as_steps, narrow, place, shaped, width_of};
use super::{PlanReal, Step};
use crate::array::Array;
use crate::graph::{Node, Op, SliceMasks};
use crate::ops::Move;

/// Entries of a shape, `None` for the number of rows.
pub(super) type Lengths = Vec<Option<i64>>;

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// A node that takes what has more than one axis.
    pub(super) fn axes(&mut self, node: &'a Node) -> Option<Vec<Known<'a>>> {
        if let Some(lengths) = self.lengths_of(node) {
            self.lengths.push(lengths);
            return Some(vec![Known::Lengths(self.lengths.len() - 1)]);
        }
        for index in 0..node.inputs.len() {
            match self.known_at(node, index)? {
                Known::Image(slot, layout) => {
                    return self.on_image(node, slot, layout).map(|known| vec![as_steps(known)]);
                }
                Known::Steps(slot, sequence) => return self.on_steps(node, slot, sequence),
                Known::Lengths(_) => return self.by_lengths(node).map(|known| vec![known]),
                _ => {}
            }
        }
        None
    }

    fn on_steps(&mut self, node: &'a Node, slot: usize, sequence: Sequence) -> Option<Vec<Known<'a>>> {
        let Sequence {
            steps,
            width,
            rows_second,
        } = sequence;
        let along = usize::from(!rows_second);
        let is_along = |axis: i64| place(axis, 3) == Some(along);
        let one = match &node.op {
            Op::Transpose | Op::Move(Move::Transpose) => {
                let rows_second = match *self.constant(node, 1)?.integers().ok()? {
                    [1, 0, 2] => !rows_second,
                    [0, 1, 2] => rows_second,
                    _ => return self.on_line(node, slot, sequence),
                };
                let sequence = Sequence {
                    rows_second,
                    ..sequence
                };
                Known::Steps(slot, sequence)
            }
            Op::Unpack { axis, count } if is_along(*axis) && *count == steps => {
                return Some((0..steps).map(|step| self.part(slot, step * width, width)).collect());
            }
            Op::Split { .. } | Op::SplitSizes { .. } | Op::Move(Move::SplitEven { .. }) => {
                let sizes = self.parts(node, 3, along, steps)?;
                let mut first = 0;
                let parts = sizes.into_iter().map(|size| {
                    let part = self.part(slot, first * width, size * width);
                    first += size;
                    let sequence = Sequence {
                        steps: size,
                        ..sequence
                    };
                    match part {
                        Known::Slot(slot) => Known::Steps(slot, sequence),
                        other => other,
                    }
                });
                return Some(parts.collect());
            }
            Op::Squeeze(_) | Op::Move(Move::Squeeze) => match *self.squeezed_axes(node)? {
                [axis] if is_along(axis) && steps == 1 => Known::Slot(slot),
                _ => return self.on_line(node, slot, sequence),
            },
            Op::StridedSlice(masks) => {
                let step = self.one_step(node, *masks, sequence)?;
                self.part(slot, step * width, width)
            }
            Op::ExpandDims | Op::Move(Move::Unsqueeze) if !rows_second => {
                shaped(slot, &self.expanded(node, &[steps, width])?)?
            }
            Op::Move(Move::Flatten { axis: 1 }) if !rows_second => Known::Slot(slot),
            Op::Cast(dtype) if *dtype == T::DTYPE => Known::Steps(slot, sequence),
            _ => return self.on_line(node, slot, sequence),
        };
        Some(vec![one])
    }

    /// The step that a slice leaves, which must be all that it does.
    fn one_step(&self, node: &Node, masks: SliceMasks, sequence: Sequence) -> Option<usize> {
        let of = |index: usize| self.constant(node, index)?.integers().ok();
        let (begin, strides) = (of(1)?, of(3)?);
        let axis = usize::from(!sequence.rows_second);
        if !(axis + 1..=3).contains(&begin.len()) {
            return None;
        }
        let others = (0..begin.len()).filter(|n| *n != axis);
        let whole = others.fold(0_u64, |bits, n| bits | 1 << n);
        let fits = masks.shrink == 1 << axis
            && masks.begin & whole == whole
            && masks.end & whole == whole
            && masks.begin & masks.shrink == 0
            && masks.ellipsis | masks.new_axis == 0
            && strides.iter().all(|stride| *stride == 1);
        place(*begin.get(axis).filter(|_| fits)?, sequence.steps)
    }

    fn part(&mut self, slot: usize, first: usize, width: usize) -> Known<'a> {
        self.pick_columns(slot, (first..first + width).collect())
    }

    /// The parts that a node splits a row into; `None` for other nodes.
    pub(super) fn split(&mut self, node: &'a Node) -> Option<Vec<Known<'a>>> {
        let index = usize::from(matches!(node.op, Op::Split { .. }));
        let Known::Slot(slot) = self.known_at(node, index)? else {
            return None;
        };
        let width = self.widths[slot];
        let sizes = self.parts(node, 2, 1, width)?;
        let mut first = 0;
        let parts = sizes.into_iter().map(|size| {
            first += size;
            self.part(slot, first - size, size)
        });
        Some(parts.collect())
    }

    /// How long the parts are that a node splits the axis `along` of this length into.
    fn parts(&self, node: &Node, rank: usize, along: usize, length: usize) -> Option<Vec<usize>> {
        let even = |count: usize| {
            let fits = count > 0 && length.is_multiple_of(count);
            fits.then(|| vec![length / count; count])
        };
        let (axis, sizes) = match &node.op {
            Op::Split { count } => (self.constant(node, 0)?.integer().ok()?, even(*count)?),
            Op::Move(Move::SplitEven { axis, count }) => (*axis, even(*count)?),
            Op::SplitSizes { .. } => {
                let sizes = self.constant(node, 1)?.lengths().ok()?;
                let sum = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size));
                (
                    self.constant(node, 2)?.integer().ok()?,
                    (sum == Some(length)).then_some(sizes)?,
                )
            }
            _ => return None,
        };
        (place(axis, rank) == Some(along) && !sizes.contains(&0)).then_some(sizes)
    }

    /// The shape that the rows of `lengths` are given by a node that reshapes them.
    pub(super) fn row_of(&self, node: &Node, lengths: &[usize]) -> Option<Vec<usize>> {
        let wanted = self.list(node, 1)?;
        let zero_copies = matches!(node.op, Op::Move(Move::Reshape { zero_copies: true }));
        let (rows, row) = wanted.split_first()?;
        let total = width_of(lengths)?;
        let kept = match rows {
            None => true,
            Some(0) => zero_copies,
            Some(1) => self.one_row,
            _ => false,
        };
        let mut free = None;
        let mut known = 1_usize;
        let mut shape = Vec::with_capacity(row.len());
        for (n, entry) in row.iter().enumerate() {
            let length = match (*entry)? {
                0 if zero_copies => *lengths.get(n)?,
                -1 if kept && free.is_none() => {
                    free = Some(n);
                    1
                }
                length => usize::try_from(length).ok()?,
            };
            known = known.checked_mul(length)?;
            shape.push(length);
        }
        if let Some(free) = free {
            shape[free] = total.checked_div(known)?;
            known = known.checked_mul(shape[free])?;
        }
        ((kept || (*rows == Some(-1) && free.is_none())) && known == total).then_some(shape)
    }

    /// Integers that are known but for the number of rows.
    fn list(&self, node: &Node, index: usize) -> Option<Lengths> {
        match self.known_at(node, index)? {
            Known::Lengths(at) => Some(self.lengths[at].clone()),
            Known::Constant(array) => Some(entries(array)?),
            _ => None,
        }
    }

    /// Shapes, and what is made of them.
    fn lengths_of(&self, node: &Node) -> Option<Lengths> {
        let all = |array: &Array| array.integers().ok();
        if let Op::Shape { .. } | Op::Move(Move::Shape { start: 0, end: None }) = node.op {
            let of = |lengths: &[usize]| {
                let lengths = lengths.iter().map(|length| Some(*length as i64));
                std::iter::once(None).chain(lengths).collect::<Lengths>()
            };
            return match self.known_at(node, 0)? {
                Known::Slot(slot) => Some(of(&[self.widths[slot]])),
                Known::Image(_, layout) => Some(of(&layout.lengths())),
                Known::Steps(_, sequence) => {
                    let mut lengths = of(&[sequence.steps, sequence.width]);
                    if sequence.rows_second {
                        lengths.swap(0, 1);
                    }
                    Some(lengths)
                }
                _ => None,
            };
        }
        let inputs = 0..node.inputs.len();
        if !inputs
            .clone()
            .any(|n| matches!(self.known_at(node, n), Some(Known::Lengths(_))))
        {
            return None;
        }
        match &node.op {
            Op::Cast(dtype) if dtype.is_integer() => self.list(node, 0),
            Op::ExpandDims | Op::Squeeze(_) | Op::Move(Move::Squeeze | Move::Unsqueeze) => self.list(node, 0),
            Op::Move(Move::Gather { axis: 0 }) => {
                let list = self.list(node, 0)?;
                let wanted = all(self.constant(node, 1)?)?;
                let picked = wanted.iter().map(|n| place(*n, list.len()).map(|n| list[n]));
                picked.collect()
            }
            Op::Move(Move::Slice) => {
                let list = self.list(node, 0)?;
                let one = |index: usize| match *all(self.constant(node, index)?)? {
                    [one] => Some(one),
                    _ => None,
                };
                let plain = |index: usize, wanted: i64| node.inputs.len() <= index || one(index) == Some(wanted);
                (plain(3, 0) && plain(4, 1)).then(|| slice(&list, Some(one(1)?), Some(one(2)?)))?
            }
            Op::StridedSlice(masks) => {
                let list = self.list(node, 0)?;
                let one = |index: usize| match *all(self.constant(node, index)?)? {
                    [one] => Some(one),
                    _ => None,
                };
                let (begin, end, stride) = (one(1)?, one(2)?, one(3)?);
                if stride != 1 || masks.ellipsis | masks.new_axis != 0 {
                    return None;
                }
                if masks.shrink == 1 {
                    return Some(vec![list[place(begin, list.len())?]]);
                }
                slice(
                    &list,
                    (masks.begin & 1 == 0).then_some(begin),
                    (masks.end & 1 == 0).then_some(end),
                )
            }
            Op::Pack { axis: 0 } => joined(inputs.map(|n| self.list(node, n))),
            Op::Concat { axis_first: false } => joined((0..node.inputs.len() - 1).map(|n| self.list(node, n))),
            Op::Concat { axis_first: true } => joined((1..node.inputs.len()).map(|n| self.list(node, n))),
            _ => None,
        }
    }

    /// Nodes that are told a shape.
    fn by_lengths(&mut self, node: &'a Node) -> Option<Known<'a>> {
        let (shape, value) = match &node.op {
            Op::Reshape | Op::Move(Move::Reshape { .. }) => {
                let Known::Slot(slot) = self.known_at(node, 0)? else {
                    return None;
                };
                let row = self.row_of(node, &[self.widths[slot]])?;
                return shaped(slot, &row);
            }
            Op::Fill => (self.list(node, 0)?, self.constant(node, 1)?),
            Op::BroadcastTo | Op::Move(Move::Expand) => (self.list(node, 1)?, self.constant(node, 0)?),
            _ => return None,
        };
        let [None, Some(width)] = *shape else { return None };
        let width = narrow(&[usize::try_from(width).ok()?])?;
        let values = match value.view::<T>().ok()? {
            [one] => vec![*one; width],
            many if many.len() == width && value.shape.last() == Some(&width) => many.to_vec(),
            _ => return None,
        };
        let to = self.slot(width);
        Some(self.done(to, Step::Fill { to, values }))
    }
}

/// A constant shape.
fn entries(array: &Array) -> Option<Lengths> {
    let integers = array.integers().ok()?;
    (array.shape.len() <= 1).then(|| integers.into_iter().map(Some).collect())
}

/// The entries from one place up to another, which may count from the end.
fn slice(list: &Lengths, begin: Option<i64>, end: Option<i64>) -> Option<Lengths> {
    let length = list.len() as i64;
    let at = |place: i64| (if place < 0 { place.saturating_add(length) } else { place }).clamp(0, length) as usize;
    let range = begin.map_or(0, at)..end.map_or(list.len(), at);
    list.get(range).map(<[_]>::to_vec)
}

fn joined(parts: impl Iterator<Item = Option<Lengths>>) -> Option<Lengths> {
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
}
