//! Recognises functions of each value, alone or with another one.

use serving_kernels::activation::Activation;

use super::compile::{Compiler, Draft, Known};
use super::{PlanReal, Step};
use crate::array::{Array, DType};
use crate::graph::{Binary, Node, Op, Unary};

impl<'a, T: PlanReal> Compiler<'a, T> {
    /// The function that a node is of each value.
    pub(super) fn function(&self, node: &Node) -> Option<Activation> {
        let limit = |index: usize, otherwise: f64| match self.known_at(node, index) {
            None => (node.inputs.len() <= index).then_some(otherwise),
            Some(Known::Constant(limit)) if limit.dtype() == DType::Nothing => Some(otherwise),
            Some(Known::Constant(limit)) => match limit.view::<T>().ok()? {
                [limit] => Some(limit.wide()),
                _ => None,
            },
            Some(_) => None,
        };
        match node.op {
            Op::Activate(function) => Some(function),
            Op::Clip => Some(Activation::Clamp {
                low: limit(1, f64::NEG_INFINITY)?,
                high: limit(2, f64::INFINITY)?,
            }),
            Op::Unary(Unary::HardSwish) => Some(Activation::HardSwish),
            Op::Unary(Unary::HardSigmoid { alpha, beta }) => Some(Activation::HardSigmoid {
                slope: alpha,
                offset: beta,
            }),
            _ => None,
        }
    }

    /// The dense step or the convolution that makes a slot, when only this node reads what it makes.
    fn open(&mut self, node: &Node, from: usize) -> Option<&mut Draft<'a, T>> {
        if self.shared.contains(&from) {
            return None;
        }
        let source = node.inputs.iter().find(|value| self.is_slot(**value, from))?;
        if self.uses.get(source) != Some(&1) {
            return None;
        }
        self.makers.get(&from).and_then(|maker| self.drafts.get_mut(*maker))
    }

    /// The bias of what makes a slot, when there is none yet and so many values can be one.
    fn open_bias(&mut self, node: &Node, from: usize, count: usize) -> Option<&mut Vec<T>> {
        let width = self.widths[from];
        let (bias, fits) = match self.open(node, from)? {
            Draft::Dense {
                bias,
                activation: Activation::Identity,
                ..
            } => (bias, count == width),
            Draft::Convolve { bias, windows, .. } => {
                let pixels = windows.vertical.output * windows.horizontal.output;
                (bias, count * pixels == width)
            }
            _ => return None,
        };
        (fits && bias.is_empty()).then_some(bias)
    }

    pub(super) fn scale(
        &mut self,
        node: &Node,
        from: usize,
        function: Binary,
        row: &Array,
        left: bool,
    ) -> Option<Known<'a>> {
        let width = self.widths[from];
        let values: Vec<T> = match (row.view::<T>().ok()?, row.shape.as_slice()) {
            ([one], [] | [1] | [1, 1]) => vec![*one; width],
            (many, [_] | [1, _]) if many.len() == width => many.to_vec(),
            _ => return None,
        };
        self.scale_by(node, from, function, values, left).map(Known::Slot)
    }

    /// Combines rows, or each pixel of images, with constants; the slot.
    pub(super) fn scale_by(
        &mut self,
        node: &Node,
        from: usize,
        function: Binary,
        values: Vec<T>,
        left: bool,
    ) -> Option<usize> {
        if function == Binary::Add
            && let Some(bias) = self.open_bias(node, from, values.len())
        {
            *bias = values;
            return Some(from);
        }
        if !is_simple(function) {
            return None;
        }
        let to = self.slot(self.widths[from]);
        let step = Step::Scale {
            from,
            to,
            function,
            values,
            constant_left: left,
        };
        self.done(to, step);
        Some(to)
    }

    pub(super) fn combine(&mut self, left: usize, right: usize, function: Binary) -> Option<Known<'a>> {
        if self.widths[left] != self.widths[right] || !is_simple(function) {
            return None;
        }
        let to = self.slot(self.widths[left]);
        Some(self.done(
            to,
            Step::Combine {
                left,
                right,
                to,
                function,
            },
        ))
    }

    pub(super) fn activate(&mut self, node: &Node, from: usize, function: Activation) -> Known<'a> {
        if let Some(Draft::Dense {
            activation: activation @ Activation::Identity,
            ..
        }) = self.open(node, from)
        {
            *activation = function;
            return Known::Slot(from);
        }
        let to = self.slot(self.widths[from]);
        self.done(to, Step::Activate { from, to, function })
    }
}

pub(super) fn is_simple(function: Binary) -> bool {
    matches!(
        function,
        Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Maximum | Binary::Minimum
    )
}
