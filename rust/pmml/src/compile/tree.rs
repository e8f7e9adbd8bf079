//! `TreeModel`, and its lowering to the kernel.

use std::collections::HashMap;

use serving_kernels::trees::{BinaryNode, TreeEnsemble};

use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::anomaly::average_path;
use crate::models::tree::{Lowered, OnUnknown, Tree, TreeNode, Walk};
use crate::models::{Function, NONE};
use crate::predicate::{Comparison, Predicate};
use crate::run::{Direct, Slot, SlotDefinition};
use crate::value::{Type, Value};

impl<'d> Compiler<'d> {
    pub(super) fn tree_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Tree>> {
        let node = draft.node;
        let on_unknown = match node.get("missingValueStrategy").unwrap_or("none") {
            "none" => OnUnknown::None,
            "nullPrediction" => OnUnknown::Null,
            "lastPrediction" => OnUnknown::LastPrediction,
            "defaultChild" => OnUnknown::DefaultChild,
            "weightedConfidence" => OnUnknown::WeightedConfidence,
            "aggregateNodes" => OnUnknown::AggregateNodes,
            other => return Err(node.invalid(format!("unknown missingValueStrategy '{other}'"))),
        };
        let last_prediction = match node.get("noTrueChildStrategy").unwrap_or("returnNullPrediction") {
            "returnNullPrediction" => false,
            "returnLastPrediction" => true,
            other => return Err(node.invalid(format!("unknown noTrueChildStrategy '{other}'"))),
        };
        let mut elements = vec![node.need_child("Node")?];
        let mut nodes: Vec<TreeNode> = Vec::new();
        let mut rows: Vec<Vec<(u32, f64)>> = Vec::new();
        let mut at = 0;
        while let Some(element) = elements.get(at).copied() {
            let children = elements.len() as u32;
            elements.extend(element.all("Node"));
            let count = elements.len() as u32 - children;
            let compiled = self.tree_node(draft, element, &mut rows, (children, count), &elements)?;
            nodes.push(compiled);
            at += 1;
        }
        if self.path_lengths {
            measure(&mut nodes);
        }
        self.output_classes(draft);
        if self.entity_ids {
            let mut order: Vec<usize> = (0..elements.len()).collect();
            order.sort_by_key(|index| elements[*index].id());
            for (number, index) in order.into_iter().enumerate() {
                let id = elements[index]
                    .get("id")
                    .map_or_else(|| (number + 1).to_string(), str::to_owned);
                nodes[index].id = self.strings.intern(&id);
            }
        }
        let classes = draft.classes.list.len();
        let mut shares = vec![0.0; rows.len() * classes];
        for (row, entries) in rows.iter().enumerate() {
            for (class, share) in entries {
                shares[row * classes + *class as usize] = *share;
            }
        }
        let mut tree = Tree {
            nodes: nodes.into(),
            shares: shares.into(),
            on_unknown,
            last_prediction,
            lowered: None,
        };
        if !self.in_forest {
            let mut features = Features::default();
            if let Some(binary) = lower(&tree, &self.slots, &mut features) {
                tree.lowered = lowered(&[binary], features);
            }
        }
        Ok(Some(tree))
    }

    fn tree_node(
        &mut self,
        draft: &mut Draft<'d>,
        element: Node<'d>,
        rows: &mut Vec<Vec<(u32, f64)>>,
        (children, count): (u32, u32),
        elements: &[Node<'d>],
    ) -> Compiled<TreeNode> {
        let predicate = self.predicate_of(draft.scope, element)?;
        if let Some(embedded) = element
            .children()
            .find(|child| matches!(child.name(), "Regression" | "DecisionTree"))
        {
            self.unsupported(embedded, "model embedded in a tree node");
        }
        let mut shares = NONE;
        let mut records = element.number_or("recordCount", 0.0)?;
        if draft.function == Function::Classification {
            let mut entries = Vec::new();
            let (mut total, mut given) = (0.0, false);
            for distribution in element.all("ScoreDistribution") {
                let class = self.class(&mut draft.classes, distribution.need("value")?);
                let probability = distribution.number("probability")?;
                let count = match probability {
                    Some(share) => distribution.number_or("recordCount", share)?,
                    None => distribution.need_number("recordCount")?,
                };
                total += count;
                given |= probability.is_some();
                entries.push((class, count, probability));
            }
            if !entries.is_empty() {
                if records == 0.0 {
                    records = total;
                }
                shares = rows.len() as u32;
                rows.push(
                    entries
                        .into_iter()
                        .map(|(class, count, probability)| {
                            let share = if given {
                                probability.unwrap_or(0.0)
                            } else {
                                count / total
                            };
                            (class, share)
                        })
                        .collect(),
                );
            }
        }
        // After the distribution: of classes with equal shares the one that it names first is the answer.
        let (mut score, mut class) = (f64::NAN, NONE);
        if let Some(text) = element.get("score") {
            if draft.function == Function::Classification {
                class = self.class(&mut draft.classes, text);
            } else {
                score = element.need_number("score")?;
                if draft.float {
                    score = text.trim().parse::<f32>().map_or(score, f64::from);
                }
            }
        }
        let mut default_child = NONE;
        if let Some(id) = element.get("defaultChild") {
            let position = elements[children as usize..(children + count) as usize]
                .iter()
                .position(|child| child.get("id") == Some(id))
                .ok_or_else(|| element.invalid(format!("there is no child node '{id}'")))?;
            default_child = children + position as u32;
        }
        Ok(TreeNode {
            predicate,
            children,
            count,
            default_child,
            score,
            class,
            shares,
            records,
            id: 0,
        })
    }
}

/// Makes the score of each node the length of the path to it and, on average, from there to one of its records.
fn measure(nodes: &mut [TreeNode]) {
    let mut depths = vec![0.0; nodes.len()];
    for at in 0..nodes.len() {
        let children = nodes[at].children as usize..(nodes[at].children + nodes[at].count) as usize;
        let below = depths[at] + 1.0;
        depths[children].fill(below);
        nodes[at].score = depths[at] + average_path(nodes[at].records);
    }
}

/// Features of lowered trees, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Features {
    slots: Vec<Slot>,
    index: HashMap<Slot, u32>,
    wide: bool,
}

impl Features {
    fn feature(&mut self, slot: Slot, kind: Type) -> u32 {
        self.wide |= kind != Type::Float;
        *self.index.entry(slot).or_insert_with(|| {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        })
    }
}

fn opposite(a: Comparison, b: Comparison) -> bool {
    matches!(
        (a, b),
        (Comparison::Less, Comparison::GreaterOrEqual)
            | (Comparison::GreaterOrEqual, Comparison::Less)
            | (Comparison::LessOrEqual, Comparison::Greater)
            | (Comparison::Greater, Comparison::LessOrEqual)
    )
}

/// A tree as numeric tests, if it is one: leaves lead to the nodes that answer when nothing is missing, or to [`NONE`].
pub(super) fn lower(tree: &Tree, slots: &[SlotDefinition], features: &mut Features) -> Option<Vec<BinaryNode<f64>>> {
    if !matches!(tree.nodes[0].predicate, Predicate::True) {
        return None;
    }
    let mut binary = vec![BinaryNode::Leaf(NONE)];
    // Where to put it, the node whose children are tested, the first of them, and the test that failed just before.
    let mut pending = vec![(0_usize, 0_u32, 0_u32, None)];
    while let Some((place, at, offset, failed)) = pending.pop() {
        let node = &tree.nodes[at as usize];
        if node.count == 0 {
            binary[place] = BinaryNode::Leaf(at);
            continue;
        }
        if offset == node.count {
            binary[place] = BinaryNode::Leaf(if tree.last_prediction { at } else { NONE });
            continue;
        }
        let child = node.children + offset;
        let (slot, comparison, value) = match &tree.nodes[child as usize].predicate {
            Predicate::True => {
                pending.push((place, child, 0, None));
                continue;
            }
            Predicate::False => {
                pending.push((place, at, offset + 1, failed));
                continue;
            }
            Predicate::Compare {
                slot,
                comparison,
                value,
            } => (*slot, *comparison, *value),
            _ => return None,
        };
        let kind = slots[slot as usize].kind;
        let threshold = match (kind, value) {
            (Type::Double | Type::Integer, Value::Double(number)) => number,
            (Type::Float, Value::Float(number)) => f64::from(number),
            (Type::Integer, Value::Int(number)) if number.abs() < 1 << 52 => number as f64,
            _ => return None,
        };
        if !threshold.is_finite() {
            return None;
        }
        if let Some((before, how, bound)) = failed
            && before == slot
            && bound == threshold
            && opposite(how, comparison)
        {
            pending.push((place, child, 0, None));
            continue;
        }
        let below = if kind == Type::Float {
            f64::from((threshold as f32).next_down())
        } else {
            threshold.next_down()
        };
        let (bound, yes_is_left) = match comparison {
            Comparison::LessOrEqual => (threshold, true),
            Comparison::Less => (below, true),
            Comparison::Greater => (threshold, false),
            Comparison::GreaterOrEqual => (below, false),
            Comparison::Equal | Comparison::NotEqual => return None,
        };
        let left = binary.len();
        binary[place] = BinaryNode::Test {
            feature: features.feature(slot, kind),
            threshold: bound,
            left: left as u32,
            right: left as u32 + 1,
        };
        binary.push(BinaryNode::Leaf(NONE));
        binary.push(BinaryNode::Leaf(NONE));
        let (yes, no) = if yes_is_left {
            (left, left + 1)
        } else {
            (left + 1, left)
        };
        pending.push((yes, child, 0, None));
        pending.push((no, at, offset + 1, Some((slot, comparison, threshold))));
    }
    Some(binary)
}

/// Trees as one ensemble of the kernel; `None` when it can't hold them.
pub(super) fn lowered(trees: &[Vec<BinaryNode<f64>>], features: Features) -> Option<Lowered> {
    let count = features.slots.len();
    let walk = if features.wide || count == 0 {
        let mut ensemble = TreeEnsemble::new(count);
        for tree in trees {
            ensemble.push(tree).ok()?;
        }
        ensemble.finish();
        Walk::Double(ensemble)
    } else {
        let mut ensemble = TreeEnsemble::new(count);
        let mut narrow = Vec::new();
        for tree in trees {
            narrow.clear();
            narrow.extend(tree.iter().map(|node| match *node {
                BinaryNode::Leaf(leaf) => BinaryNode::Leaf(leaf),
                BinaryNode::Test {
                    feature,
                    threshold,
                    left,
                    right,
                } => BinaryNode::Test {
                    feature,
                    threshold: threshold as f32,
                    left,
                    right,
                },
            }));
            ensemble.push(&narrow).ok()?;
        }
        ensemble.finish();
        Walk::Float(ensemble)
    };
    Some(Lowered {
        slots: features.slots.into(),
        direct: Direct::default(),
        walk,
    })
}
