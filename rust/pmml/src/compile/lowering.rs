//! Trees of numeric tests, lowered to the kernel.

use serving_kernels::trees::{BinaryNode, LoneTree, Missing};

use crate::models::NONE;
use crate::models::features::Features;
use crate::models::tree::{Lowered, OnUnknown, Tree, Walk};
use crate::predicate::{Comparison, Predicate};
use crate::run::{Slot, SlotDefinition};
use crate::value::{Type, Value};

/// Features of lowered trees, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct FeatureList {
    slots: Vec<Slot>,
    /// By slot: which feature it is, [`NONE`] when it is none.
    index: Vec<u32>,
    wide: bool,
}

impl FeatureList {
    fn feature(&mut self, slot: Slot, kind: Type) -> u32 {
        self.wide |= kind != Type::Float;
        if self.index.len() <= slot as usize {
            self.index.resize(slot as usize + 1, NONE);
        }
        let feature = &mut self.index[slot as usize];
        if *feature == NONE {
            *feature = self.slots.len() as u32;
            self.slots.push(slot);
        }
        *feature
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn finish(self) -> Features {
        let single = !self.wide && !self.slots.is_empty();
        Features::new(self.slots, single)
    }
}

/// A lone tree for the kernel, if it is one of numeric tests.
pub(super) fn lowered(tree: &Tree, slots: &[SlotDefinition]) -> Option<Lowered> {
    let mut features = FeatureList::default();
    let nodes = lower(tree, slots, &mut features)?;
    let (count, features) = (features.len(), features.finish());
    let walk = if features.single {
        let narrow: Vec<BinaryNode<f32>> = nodes.iter().map(|node| narrow(*node)).collect();
        Walk::Float(LoneTree::new(count, &narrow).ok()?)
    } else {
        Walk::Double(LoneTree::new(count, &nodes).ok()?)
    };
    Some(Lowered { features, walk })
}

fn narrow(node: BinaryNode<f64>) -> BinaryNode<f32> {
    match node {
        BinaryNode::Leaf(leaf) => BinaryNode::Leaf(leaf),
        BinaryNode::Test {
            feature,
            threshold,
            left,
            right,
            missing,
        } => BinaryNode::Test {
            feature,
            threshold: threshold as f32,
            left,
            right,
            missing,
        },
    }
}

/// A numeric test of a predicate.
#[derive(Clone, Copy, PartialEq)]
struct Test {
    slot: Slot,
    kind: Type,
    comparison: Comparison,
    threshold: f64,
}

impl Test {
    fn of(predicate: &Predicate, slots: &[SlotDefinition]) -> Option<Self> {
        let Predicate::Compare {
            slot,
            comparison,
            value,
        } = predicate
        else {
            return None;
        };
        let kind = slots[*slot as usize].kind;
        let threshold = match (kind, *value) {
            (Type::Double | Type::Integer, Value::Double(number)) => number,
            (Type::Float, Value::Float(number)) => f64::from(number),
            (Type::Integer, Value::Int(number)) if number.abs() < 1 << 52 => number as f64,
            _ => return None,
        };
        threshold.is_finite().then_some(Self {
            slot: *slot,
            kind,
            comparison: *comparison,
            threshold,
        })
    }

    /// The largest value on the left side, and whether that is where the predicate holds.
    fn bound(self) -> Option<(f64, bool)> {
        let below = || {
            if self.kind == Type::Float {
                f64::from((self.threshold as f32).next_down())
            } else {
                self.threshold.next_down()
            }
        };
        Some(match self.comparison {
            Comparison::LessOrEqual => (self.threshold, true),
            Comparison::Less => (below(), true),
            Comparison::Greater => (self.threshold, false),
            Comparison::GreaterOrEqual => (below(), false),
            Comparison::Equal | Comparison::NotEqual => return None,
        })
    }

    /// Whether one of the two holds for each number.
    fn is_opposite(self, other: Self) -> bool {
        let opposite = matches!(
            (self.comparison, other.comparison),
            (Comparison::Less, Comparison::GreaterOrEqual)
                | (Comparison::GreaterOrEqual, Comparison::Less)
                | (Comparison::LessOrEqual, Comparison::Greater)
                | (Comparison::Greater, Comparison::LessOrEqual)
        );
        opposite && self.slot == other.slot && self.threshold == other.threshold
    }
}

/// A tree as numeric tests, if it is one. Leaves lead to the nodes that answer, or to [`NONE`]; so do missing values, unless
/// the tree blends several nodes then.
pub(super) fn lower(tree: &Tree, slots: &[SlotDefinition], features: &mut FeatureList) -> Option<Vec<BinaryNode<f64>>> {
    if !matches!(tree.nodes[0].predicate, Predicate::True) {
        return None;
    }
    let mut binary = Vec::with_capacity(2 * tree.nodes.len());
    binary.push(BinaryNode::Leaf(NONE));
    // By node: where its children are tested.
    let mut places = vec![u32::MAX; tree.nodes.len()];
    // Where to put it, the node whose children are tested, and the first of them.
    let mut pending = vec![(0_usize, 0_u32, 0_u32)];
    while let Some((place, at, offset)) = pending.pop() {
        let node = &tree.nodes[at as usize];
        if offset == 0 {
            places[at as usize] = place as u32;
        }
        if node.count == 0 {
            binary[place] = BinaryNode::Leaf(at);
            continue;
        }
        if offset == node.count {
            binary[place] = BinaryNode::Leaf(if tree.last_prediction { at } else { NONE });
            continue;
        }
        let child = node.children + offset;
        match &tree.nodes[child as usize].predicate {
            Predicate::True => {
                pending.push((place, child, 0));
                continue;
            }
            Predicate::False => {
                pending.push((place, at, offset + 1));
                continue;
            }
            _ => {}
        }
        let test = Test::of(&tree.nodes[child as usize].predicate, slots)?;
        let (threshold, yes_is_left) = test.bound()?;
        let left = binary.len();
        let (yes, no) = if yes_is_left {
            (left, left + 1)
        } else {
            (left + 1, left)
        };
        // The last child needs no test when the one before was its opposite; but that was not made for a missing value.
        let last = (offset + 2 == node.count).then(|| &tree.nodes[child as usize + 1].predicate);
        let opposite = last
            .and_then(|predicate| Test::of(predicate, slots))
            .is_some_and(|last| test.is_opposite(last));
        let ended = if tree.last_prediction {
            Missing::Leaf(at)
        } else {
            Missing::Nowhere
        };
        let missing = match tree.on_unknown {
            OnUnknown::Null => Missing::Nowhere,
            OnUnknown::LastPrediction => Missing::Leaf(at),
            OnUnknown::DefaultChild if node.default_child == NONE => Missing::Nowhere,
            OnUnknown::DefaultChild => Missing::Node(node.default_child),
            OnUnknown::None if opposite => ended,
            _ if yes_is_left => Missing::Right,
            _ => Missing::Left,
        };
        binary[place] = BinaryNode::Test {
            feature: features.feature(test.slot, test.kind),
            threshold,
            left: left as u32,
            right: left as u32 + 1,
            missing,
        };
        binary.extend([BinaryNode::Leaf(NONE); 2]);
        pending.push((yes, child, 0));
        if opposite {
            pending.push((no, child + 1, 0));
        } else {
            pending.push((no, at, offset + 1));
        }
    }
    for node in &mut binary {
        if let BinaryNode::Test {
            missing: Missing::Node(to),
            ..
        } = node
        {
            // A default child that no number leads to is not there.
            *to = places[*to as usize];
            if *to == u32::MAX {
                return None;
            }
        }
    }
    Some(binary)
}
