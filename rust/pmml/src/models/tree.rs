//! `TreeModel`.

use serving_kernels::trees::TreeEnsemble;

use super::{Function, Model, NONE};
use crate::predicate::Predicate;
use crate::run::{Direct, Run, Scored, Slot, SlotDefinition};
use crate::value::{Type, Value};

/// `missingValueStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnknown {
    /// The predicate counts as false.
    None,
    Null,
    LastPrediction,
    DefaultChild,
    WeightedConfidence,
    AggregateNodes,
}

/// A node; children are neighbours.
#[derive(Debug)]
pub(crate) struct TreeNode {
    pub(crate) predicate: Predicate,
    pub(crate) children: u32,
    pub(crate) count: u32,
    pub(crate) default_child: u32,
    /// Score of a regression; NaN when the node has none.
    pub(crate) score: f64,
    /// Class that the node names.
    pub(crate) class: u32,
    /// Row of the share table.
    pub(crate) shares: u32,
    pub(crate) records: f64,
    /// Identifier, as a code.
    pub(crate) id: u32,
}

/// The tree as numeric tests only: leads to the general nodes when no feature is missing.
#[derive(Debug)]
pub(crate) enum Walk {
    Double(TreeEnsemble<f64>),
    Float(TreeEnsemble<f32>),
}

/// Trees lowered to the kernel, with the features that they read.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) slots: Box<[Slot]>,
    pub(crate) direct: Direct,
    pub(crate) walk: Walk,
}

/// A compiled tree. Node 0 is the root.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: Box<[TreeNode]>,
    /// Rows of shares, one per distribution of classes.
    pub(crate) shares: Box<[f64]>,
    pub(crate) on_unknown: OnUnknown,
    /// No true child: answer with the parent.
    pub(crate) last_prediction: bool,
    pub(crate) lowered: Option<Lowered>,
}

impl Tree {
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| size_of::<TreeNode>() + node.predicate.heap_bytes())
            .sum::<usize>()
            + self.shares.len() * 8
            + self.lowered.as_ref().map_or(0, Lowered::heap_bytes)
    }
}

impl Lowered {
    pub(crate) fn heap_bytes(&self) -> usize {
        self.slots.len() * 4
            + match &self.walk {
                Walk::Double(ensemble) => ensemble.heap_bytes(),
                Walk::Float(ensemble) => ensemble.heap_bytes(),
            }
    }

    /// Finds the cells that can be read straight from the record.
    pub(crate) fn connect(&mut self, slots: &[SlotDefinition]) {
        let kind = match self.walk {
            Walk::Double(_) => Type::Double,
            Walk::Float(_) => Type::Float,
        };
        self.direct = Direct::of(&self.slots, slots, kind);
    }

    pub(crate) fn trees(&self) -> usize {
        match &self.walk {
            Walk::Double(ensemble) => ensemble.len(),
            Walk::Float(ensemble) => ensemble.len(),
        }
    }
}

impl Run<'_> {
    /// Walks lowered trees and leaves their payloads in `scratch.leaves`; `false` when a feature is missing or faulty,
    /// so that only the general path knows what to do.
    #[inline]
    pub(crate) fn walk(&mut self, lowered: &Lowered) -> bool {
        self.scratch.leaves.clear();
        self.scratch.leaves.resize(lowered.trees(), 0);
        let direct = self.direct(&lowered.direct);
        match &lowered.walk {
            Walk::Double(ensemble) if direct => ensemble.leaves(&self.scratch.row, &mut self.scratch.leaves),
            Walk::Float(ensemble) if direct => {
                self.scratch.row32.clear();
                self.scratch
                    .row32
                    .extend(self.scratch.row.iter().map(|number| *number as f32));
                ensemble.leaves(&self.scratch.row32, &mut self.scratch.leaves);
            }
            Walk::Double(ensemble) => {
                self.scratch.row.clear();
                for slot in &lowered.slots {
                    match self.value(*slot) {
                        Ok(Value::Double(number)) if !number.is_nan() => self.scratch.row.push(number),
                        Ok(Value::Float(number)) if !number.is_nan() => self.scratch.row.push(f64::from(number)),
                        Ok(Value::Int(number)) => self.scratch.row.push(number as f64),
                        _ => return false,
                    }
                }
                ensemble.leaves(&self.scratch.row, &mut self.scratch.leaves);
            }
            Walk::Float(ensemble) => {
                self.scratch.row32.clear();
                for slot in &lowered.slots {
                    match self.value(*slot) {
                        Ok(Value::Float(number)) if !number.is_nan() => self.scratch.row32.push(number),
                        _ => return false,
                    }
                }
                ensemble.leaves(&self.scratch.row32, &mut self.scratch.leaves);
            }
        }
        true
    }

    pub(crate) fn tree(&mut self, index: usize, model: &Model, tree: &Tree) -> Scored<bool> {
        if let Some(lowered) = &tree.lowered
            && self.walk(lowered)
        {
            let leaf = self.scratch.leaves[0];
            return Ok(leaf != NONE && self.answer_node(index, model, tree, leaf));
        }
        if matches!(
            tree.on_unknown,
            OnUnknown::WeightedConfidence | OnUnknown::AggregateNodes
        ) {
            return self.blended(index, model, tree);
        }
        match self.reach(tree)? {
            Some(node) => Ok(self.answer_node(index, model, tree, node)),
            None => Ok(false),
        }
    }

    /// The node that answers: the general path.
    pub(crate) fn reach(&mut self, tree: &Tree) -> Scored<Option<u32>> {
        if self.holds(&tree.nodes[0].predicate)? != Some(true) {
            return Ok(None);
        }
        let mut at = 0_u32;
        'down: loop {
            let node = &tree.nodes[at as usize];
            if node.count == 0 {
                return Ok(Some(at));
            }
            for child in node.children..node.children + node.count {
                match self.holds(&tree.nodes[child as usize].predicate)? {
                    Some(true) => {
                        at = child;
                        continue 'down;
                    }
                    Some(false) => {}
                    None => match tree.on_unknown {
                        OnUnknown::Null => return Ok(None),
                        OnUnknown::LastPrediction => return Ok(Some(at)),
                        OnUnknown::DefaultChild => {
                            if node.default_child == NONE {
                                return Ok(None);
                            }
                            at = node.default_child;
                            continue 'down;
                        }
                        _ => {}
                    },
                }
            }
            return Ok(tree.last_prediction.then_some(at));
        }
    }

    /// Answers with a node's score.
    fn answer_node(&mut self, index: usize, model: &Model, tree: &Tree, at: u32) -> bool {
        let node = &tree.nodes[at as usize];
        let outcome = &mut self.scratch.outcomes[index];
        outcome.entity = Value::Text(node.id);
        outcome.entity_index = at;
        if model.function == Function::Classification {
            let classes = model.classes.len();
            if node.shares != NONE {
                let row = node.shares as usize * classes;
                self.scratch.shares[model.shares..model.shares + classes]
                    .copy_from_slice(&tree.shares[row..row + classes]);
                self.scratch.outcomes[index].shared = true;
                if node.class == NONE {
                    return self.answer_largest(index, model);
                }
            } else if node.class != NONE {
                // A score alone is a certain answer.
                let shares = self.shares(model);
                shares.fill(0.0);
                shares[node.class as usize] = 1.0;
                self.scratch.outcomes[index].shared = true;
            }
            return self.answer_class(index, model, node.class);
        }
        !node.score.is_nan() && self.answer_number(index, model, node.score)
    }

    /// Where a predicate is unknown, all children that may hold are followed and their shares are blended.
    fn blended(&mut self, index: usize, model: &Model, tree: &Tree) -> Scored<bool> {
        let classes = model.classes.len();
        self.scratch.shares[model.shares..model.shares + classes].fill(0.0);
        let mut pending: Vec<(u32, f64)> = Vec::new();
        if self.holds(&tree.nodes[0].predicate)? == Some(true) {
            pending.push((0, 1.0));
        }
        let mut reached = 0;
        let mut last = NONE;
        while let Some((at, weight)) = pending.pop() {
            let node = &tree.nodes[at as usize];
            let mut followed = false;
            let start = pending.len();
            for child in node.children..node.children + node.count {
                match self.holds(&tree.nodes[child as usize].predicate)? {
                    Some(true) => {
                        pending.truncate(start);
                        pending.push((child, weight));
                        followed = true;
                        break;
                    }
                    Some(false) => {}
                    None => {
                        pending.push((child, weight));
                        followed = true;
                    }
                }
            }
            if pending.len() > start + 1 {
                let total: f64 = pending[start..]
                    .iter()
                    .map(|(child, _)| tree.nodes[*child as usize].records)
                    .sum();
                for (child, weight) in &mut pending[start..] {
                    *weight *= tree.nodes[*child as usize].records / total;
                }
            }
            if followed || (node.count > 0 && !tree.last_prediction) {
                continue;
            }
            reached += 1;
            last = at;
            if node.shares != NONE {
                // Counts of records weigh a node by its size already.
                let row = node.shares as usize * classes;
                for class in 0..classes {
                    self.scratch.shares[model.shares + class] += weight * tree.shares[row + class];
                }
            }
        }
        match reached {
            0 => Ok(false),
            1 => Ok(self.answer_node(index, model, tree, last)),
            _ if model.function == Function::Classification => Ok(self.answer_largest(index, model)),
            _ => Ok(false),
        }
    }
}
