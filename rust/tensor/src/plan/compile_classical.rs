//! Recognises classical models, and what exporters put around them.

use std::borrow::Cow;
use std::sync::Arc;

use serving_kernels::activation::Activation;

use super::classical::Classical as Kind;
use super::compile::{ClassShape, Compiler, Known};
use super::layouts::shaped;
use super::{Class, PlanReal, Step};
use crate::array::{Array, DType, Text};
use crate::graph::{Binary, Node, Op};
use crate::ops::Move;
use crate::ops::classical::features::Features;
use crate::ops::classical::linear::Linear;
use crate::ops::classical::maps::Maps;
use crate::ops::classical::trees::TreeModel;
use crate::ops::classical::{Classical, Labels};
use crate::ops::normalization::{Along, Normalization};

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// What each output of a node is.
    pub(super) fn ports(&mut self, node: &'a Node) -> Option<Vec<Known<'a>>> {
        match &node.op {
            Op::Classical(Classical::Trees(model)) => self.trees(self.given(node, 0)?, model),
            Op::Classical(Classical::Linear(model)) => self.linear(self.given(node, 0)?, model),
            _ if self.has_axes(node) => self.axes(node),
            _ => self.split(node).or_else(|| self.node(node).map(|known| vec![known])),
        }
    }

    /// Whether a node takes more than rows of numbers and what is known of them.
    fn has_axes(&self, node: &Node) -> bool {
        let shape = matches!(node.op, Op::Shape { .. } | Op::Move(Move::Shape { .. }));
        let axes =
            |known: Option<Known<'_>>| matches!(known, Some(Known::Image(..) | Known::Steps(..) | Known::Lengths(_)));
        shape || (0..node.inputs.len()).any(|index| axes(self.known_at(node, index)))
    }

    pub(super) fn known_at(&self, node: &Node, index: usize) -> Option<Known<'a>> {
        node.inputs.get(index).and_then(|value| self.known.get(value)).copied()
    }

    /// The slot that an input is.
    fn given(&self, node: &Node, index: usize) -> Option<usize> {
        match self.known_at(node, index)? {
            Known::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    pub(super) fn constant(&self, node: &Node, index: usize) -> Option<&'a Array> {
        match self.known_at(node, index)? {
            Known::Constant(array) => Some(array),
            _ => None,
        }
    }

    /// Nodes that `node` does not know.
    pub(super) fn other(&mut self, node: &'a Node) -> Option<Known<'a>> {
        let first = self.known_at(node, 0)?;
        match (&node.op, first) {
            (Op::Cast(dtype), Known::Slot(_)) => (*dtype == T::DTYPE).then_some(first),
            (Op::Cast(DType::I64 | DType::I32), Known::Class { labels, .. }) => {
                let texts = labels.is_some_and(|labels| matches!(self.labels[labels], Labels::Texts(_)));
                (!texts).then_some(first)
            }
            (
                Op::Normalization(Normalization::Along {
                    axis: 1 | -1,
                    how: Along::Softmax,
                    ..
                }),
                Known::Slot(from),
            ) => Some(self.activate(node, from, Activation::Softmax)),
            (Op::Move(Move::Flatten { axis: 1 }), Known::Slot(_)) => Some(first),
            (Op::Reshape | Op::Move(Move::Reshape { .. }), _) => self.reshaped(node, first),
            (Op::ExpandDims | Op::Move(Move::Unsqueeze), Known::Slot(slot)) => {
                shaped(slot, &self.expanded(node, &[self.widths[slot]])?)
            }
            (
                Op::Move(Move::Squeeze),
                Known::Class {
                    class,
                    labels,
                    shape: ClassShape::Column,
                },
            ) => {
                let axes = self.constant(node, 1)?.integers().ok()?;
                let shape = ClassShape::Vector;
                matches!(*axes, [1 | -1]).then_some(Known::Class { class, labels, shape })
            }
            (
                Op::ExpandDims,
                Known::Class {
                    class,
                    labels,
                    shape: ClassShape::Vector,
                },
            ) => {
                let axis = self.constant(node, 1)?.integer().ok()?;
                let shape = ClassShape::Column;
                matches!(axis, 1 | -1).then_some(Known::Class { class, labels, shape })
            }
            (Op::Move(Move::Gather { axis: 1 | -1 }), Known::Slot(from)) => {
                let columns = self.constant(node, 1)?;
                if columns.shape.len() == 1 {
                    self.pick(from, columns)
                } else {
                    None
                }
            }
            (
                Op::Move(Move::Gather { axis: 0 })
                | Op::Gather {
                    batch_axes: 0,
                    with_axis: false,
                },
                Known::Constant(names),
            ) => self.named(names, self.known_at(node, 1)?, false),
            (
                Op::Gather {
                    batch_axes: 0,
                    with_axis: true,
                },
                Known::Constant(names),
            ) if self.constant(node, 2)?.integer().is_ok_and(|axis| axis == 0) => {
                self.named(names, self.known_at(node, 1)?, false)
            }
            (Op::Concat { axis_first: false }, Known::Slot(_)) => {
                let axis = self.constant(node, node.inputs.len() - 1)?.integer().ok()?;
                if matches!(axis, 1 | -1) {
                    self.join(node, node.inputs.len() - 1)
                } else {
                    None
                }
            }
            (Op::Classical(Classical::Features(features)), _) => self.features(node, first, features),
            (Op::Classical(Classical::Maps(Maps::Zip { keys })), Known::Slot(slot)) => {
                self.labels.push(keys.clone());
                let keys_at = self.labels.len() - 1;
                (keys.len() == self.widths[slot]).then_some(Known::Map { slot, keys: keys_at })
            }
            _ => None,
        }
    }

    /// What classes are called that so far are numbers, each of which must have a name.
    fn named(&mut self, names: &Array, known: Known<'a>, row: bool) -> Option<Known<'a>> {
        let Known::Class {
            class,
            labels: None,
            shape,
        } = known
        else {
            return None;
        };
        let labels = match names.dtype() {
            DType::Text => Labels::Texts(names.view::<Text>().ok()?.to_vec()),
            DType::I64 => Labels::Integers(names.integers().ok()?),
            _ if row => Labels::Integers(names.integers().ok()?),
            _ => return None,
        };
        if !row && names.shape.len() != 1 {
            return None;
        }
        if labels.len() < self.widths[class.slot()] && matches!(class, Class::Extreme { .. }) {
            return None;
        }
        self.labels.push(labels);
        Some(Known::Class {
            class,
            labels: Some(self.labels.len() - 1),
            shape: if row { ClassShape::Row } else { shape },
        })
    }

    fn reshaped(&self, node: &Node, known: Known<'a>) -> Option<Known<'a>> {
        match known {
            Known::Slot(slot) => shaped(slot, &self.row_of(node, &[self.widths[slot]])?),
            Known::Class { class, labels, .. } => {
                let shape = match *self.constant(node, 1)?.integers().ok()? {
                    [-1] => ClassShape::Vector,
                    [-1, 1] => ClassShape::Column,
                    [1, -1] => ClassShape::Row,
                    _ => return None,
                };
                Some(Known::Class { class, labels, shape })
            }
            _ => None,
        }
    }

    fn step(&mut self, from: usize, width: usize, what: Kind<T>) -> Known<'a> {
        let to = self.slot(width);
        self.done(to, Step::Classical { from, to, what })
    }

    fn pick(&mut self, from: usize, columns: &Array) -> Option<Known<'a>> {
        let width = self.widths[from] as i64;
        let columns = columns.integers().ok()?;
        let counted = columns
            .iter()
            .map(|column| if *column < 0 { column + width } else { *column });
        let columns = counted
            .map(|column| usize::try_from(column).ok().filter(|column| (*column as i64) < width))
            .collect::<Option<Vec<_>>>()?;
        Some(self.pick_columns(from, columns))
    }

    /// These columns, which must be there.
    pub(super) fn pick_columns(&mut self, from: usize, columns: Vec<usize>) -> Known<'a> {
        let first = columns.first().copied().unwrap_or_default();
        let width = columns.len();
        if columns.iter().copied().eq(first..first + width) {
            return self.step(from, width, Kind::Part(first));
        }
        self.picked += width;
        self.step(from, width, Kind::Pick(columns))
    }

    fn join(&mut self, node: &Node, count: usize) -> Option<Known<'a>> {
        let parts = (0..count).map(|n| self.given(node, n)).collect::<Option<Vec<_>>>()?;
        let width = parts.iter().map(|part| self.widths[*part]).sum();
        let to = self.slot(width);
        Some(self.done(to, Step::Join { parts, to, pixels: 1 }))
    }

    fn features(&mut self, node: &'a Node, first: Known<'a>, features: &Features) -> Option<Known<'a>> {
        if T::DTYPE != DType::F32 && !matches!(features, Features::Pick) {
            return None;
        }
        if let (Features::Pick, Known::Constant(names)) = (features, first) {
            return self.named(names, self.known_at(node, 1)?, true);
        }
        let Known::Slot(from) = first else { return None };
        let width = self.widths[from];
        let real = |value: f64| T::from_f64(value);
        match features {
            Features::Scale { offset, scale } => {
                let of = |values: &[f32]| -> Option<Vec<T>> {
                    let all: Vec<T> = values.iter().map(|value| real(f64::from(*value))).collect();
                    match *all {
                        [one] => Some(vec![one; width]),
                        _ => (all.len() == width).then_some(all),
                    }
                };
                let (offset, scale) = (of(offset)?, of(scale)?);
                let mut at = from;
                for (function, values) in [(Binary::Subtract, offset), (Binary::Multiply, scale)] {
                    let to = self.slot(width);
                    let step = Step::Scale {
                        from: at,
                        to,
                        function,
                        values,
                        constant_left: false,
                    };
                    self.done(to, step);
                    at = to;
                }
                Some(Known::Slot(at))
            }
            Features::Normalize(norm) => Some(self.step(from, width, Kind::Normalize(*norm))),
            Features::Impute { replaced, values } => {
                let values: Vec<T> = match **values {
                    [one] => vec![real(one); width],
                    _ if values.len() == width => values.iter().map(|value| real(*value)).collect(),
                    _ => return None,
                };
                let replaced = real(*replaced);
                Some(self.step(from, width, Kind::Impute { replaced, values }))
            }
            Features::Binarize { threshold } => {
                let threshold = real(*threshold);
                Some(self.step(from, width, Kind::Binarize { threshold }))
            }
            Features::Pick => self.pick(from, self.constant(node, 1)?),
            Features::Join { widths } => {
                let given: Vec<usize> = (0..node.inputs.len())
                    .map(|n| self.given(node, n).map(|slot| self.widths[slot]))
                    .collect::<Option<_>>()?;
                if *widths == given || widths.is_empty() {
                    self.join(node, node.inputs.len())
                } else {
                    None
                }
            }
        }
    }

    /// Class and scores, or the scores alone.
    fn outputs(&mut self, labels: Option<&Labels>, scores: usize, class: Option<usize>) -> Vec<Known<'a>> {
        let scores = Known::Slot(scores);
        let (Some(labels), Some(class)) = (labels, class) else {
            return vec![scores];
        };
        self.labels.push(labels.clone());
        let class = Known::Class {
            class: Class::Slot(class),
            labels: Some(self.labels.len() - 1),
            shape: ClassShape::Vector,
        };
        vec![class, scores]
    }

    fn trees(&mut self, from: usize, model: &Arc<TreeModel>) -> Option<Vec<Known<'a>>> {
        if (model.narrow && T::DTYPE != DType::F32) || model.source.features > self.widths[from] {
            return None;
        }
        T::kernel(model)?;
        let to = self.slot(model.source.targets);
        let class = model.classes.as_ref().map(|_| self.slot(1));
        let what = Kind::Trees {
            model: Arc::clone(model),
            class,
            space: self.spaces,
        };
        self.spaces += 1;
        self.done(to, Step::Classical { from, to, what });
        let labels = model.classes.as_ref().map(|classes| &classes.labels);
        Some(self.outputs(labels, to, class))
    }

    fn linear(&mut self, from: usize, model: &Arc<Linear>) -> Option<Vec<Known<'a>>> {
        if T::DTYPE != DType::F32 || model.inputs() != self.widths[from] {
            return None;
        }
        let all = |values: &[f32]| {
            values
                .iter()
                .map(|value| T::from_f64(f64::from(*value)))
                .collect::<Vec<T>>()
        };
        let sums = self.layer(
            from,
            model.outputs,
            Cow::Owned(all(&model.weights)),
            true,
            all(&model.bias),
        );
        if model.classes.is_none() && model.is_plain() {
            return Some(vec![Known::Slot(sums)]);
        }
        let to = self.slot(model.width());
        let class = model.classes.as_ref().map(|_| self.slot(1));
        let what = Kind::Conclude {
            model: Arc::clone(model),
            class,
        };
        self.done(to, Step::Classical { from: sums, to, what });
        Some(self.outputs(model.classes.as_ref(), to, class))
    }
}
