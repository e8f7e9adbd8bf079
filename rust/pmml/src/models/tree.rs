//! `TreeModel`.

use serving_kernels::trees::LoneTree;

use super::features::Features;
use super::{Function, Model, NONE, largest_share};
use crate::predicate::Predicate;
use crate::run::{Run, Scored};
use crate::value::Value;

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
    Double(LoneTree<f64>),
    Float(LoneTree<f32>),
}

/// A tree lowered to the kernel, with the features that it reads.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) features: Features,
    pub(crate) walk: Walk,
}

/// A model that answers in the place of a node.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) node: u32,
    pub(crate) model: u32,
    /// Class of the tree for each class of the model.
    pub(crate) classes: Box<[u32]>,
}

/// A compiled tree. Node 0 is the root.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: Box<[TreeNode]>,
    /// Rows of shares, one per distribution of classes.
    pub(crate) shares: Box<[f64]>,
    /// The same with confidences that the document gives, empty when it gives none.
    pub(crate) confidences: Box<[f64]>,
    /// Models embedded in nodes, in the order of the nodes.
    pub(crate) embedded: Box<[Embedded]>,
    pub(crate) on_unknown: OnUnknown,
    /// No true child: answer with the parent.
    pub(crate) last_prediction: bool,
    pub(crate) lowered: Option<Lowered>,
    /// What a confidence loses at each child that is taken by default.
    pub(crate) penalty: f64,
}

impl Tree {
    /// Writes the answer of a node: its score, or shares of classes, of which there is none when no class is returned.
    pub(crate) fn answer(&self, at: u32, classifies: bool, answers: &mut [f64]) -> u32 {
        let Some(node) = self.nodes.get(at as usize) else {
            answers.fill(f64::NAN);
            return NONE;
        };
        if !classifies {
            answers[0] = node.score;
            return NONE;
        }
        if node.shares != NONE {
            let row = node.shares as usize * answers.len();
            answers.copy_from_slice(&self.shares[row..row + answers.len()]);
            return if node.class == NONE {
                largest_share(answers)
            } else {
                node.class
            };
        }
        answers.fill(0.0);
        match answers.get_mut(node.class as usize) {
            Some(share) => *share = 1.0,
            None => return NONE,
        }
        node.class
    }

    /// The confidence of a class at a node, when the document gives confidences.
    pub(crate) fn confidence(&self, at: u32, class: u32, classes: usize) -> Option<f64> {
        let row = self.nodes.get(at as usize)?.shares;
        let row = self.confidences.get((row as usize).checked_mul(classes)?..)?;
        row.get(class as usize).copied()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| size_of::<TreeNode>() + node.predicate.heap_bytes())
            .sum::<usize>()
            + (self.shares.len() + self.confidences.len()) * 8
            + self.lowered.as_ref().map_or(0, Lowered::heap_bytes)
    }
}

impl Lowered {
    pub(crate) fn heap_bytes(&self) -> usize {
        self.features.heap_bytes()
            + match &self.walk {
                Walk::Double(tree) => tree.heap_bytes(),
                Walk::Float(tree) => tree.heap_bytes(),
            }
    }
}

impl Run<'_> {
    pub(crate) fn tree(&mut self, index: usize, model: &Model, tree: &Tree) -> Scored<bool> {
        if let Some(lowered) = &tree.lowered
            && self.features(&lowered.features)
        {
            let leaf = match &lowered.walk {
                Walk::Double(tree) => tree.leaf(&self.scratch.row),
                Walk::Float(tree) => tree.leaf(&self.scratch.row32),
            };
            return if leaf == NONE {
                Ok(false)
            } else {
                self.answer_node(index, model, tree, leaf)
            };
        }
        if matches!(
            tree.on_unknown,
            OnUnknown::WeightedConfidence | OnUnknown::AggregateNodes
        ) {
            return self.blended(index, model, tree);
        }
        match self.reach(tree)? {
            Some(node) => self.answer_node(index, model, tree, node),
            None => Ok(false),
        }
    }

    /// The node that answers: the general path.
    pub(crate) fn reach(&mut self, tree: &Tree) -> Scored<Option<u32>> {
        self.walk(tree, &mut 0)
    }

    /// The factor by which the children that were taken by default lower the confidence.
    pub(crate) fn penalty(&mut self, tree: &Tree) -> Scored<f64> {
        let mut defaults = 0;
        if tree.penalty != 1.0 && tree.on_unknown == OnUnknown::DefaultChild {
            self.walk(tree, &mut defaults)?;
        }
        Ok(tree.penalty.powi(defaults))
    }

    /// The node that answers, and how many children were taken by default on the way to it.
    fn walk(&mut self, tree: &Tree, defaults: &mut i32) -> Scored<Option<u32>> {
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
                            *defaults += 1;
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
    fn answer_node(&mut self, index: usize, model: &Model, tree: &Tree, at: u32) -> Scored<bool> {
        if !tree.embedded.is_empty()
            && let Ok(found) = tree.embedded.binary_search_by_key(&at, |embedded| embedded.node)
            && self.answer_embedded(index, model, &tree.embedded[found])?
        {
            let outcome = &mut self.scratch.outcomes[index];
            outcome.entity = Value::Text(tree.nodes[at as usize].id);
            outcome.entity_index = at;
            return Ok(true);
        }
        Ok(self.answer_score(index, model, tree, at))
    }

    /// Answers with the model in a node; `false` when it has no answer, so that the node's own score counts.
    fn answer_embedded(&mut self, index: usize, model: &Model, embedded: &Embedded) -> Scored<bool> {
        let inner = embedded.model as usize;
        if !self.model(inner)? {
            return Ok(false);
        }
        let outcome = self.scratch.outcomes[inner];
        if model.function != Function::Classification {
            return Ok(match outcome.value.number() {
                Some(number) => self.answer_number(index, model, number),
                None => false,
            });
        }
        if outcome.shared {
            let from = self.program.models[inner].shares;
            self.shares(model).fill(0.0);
            for (offset, class) in embedded.classes.iter().enumerate() {
                self.scratch.shares[model.shares + *class as usize] = self.scratch.shares[from + offset];
            }
            self.scratch.outcomes[index].shared = true;
        }
        let class = embedded.classes.get(outcome.class as usize).copied().unwrap_or(NONE);
        Ok(self.answer_class(index, model, class))
    }

    fn answer_score(&mut self, index: usize, model: &Model, tree: &Tree, at: u32) -> bool {
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
            1 => self.answer_node(index, model, tree, last),
            _ if model.function == Function::Classification => Ok(self.answer_largest(index, model)),
            _ => Ok(false),
        }
    }
}
