//! Trees breadth first, so that the upper levels share cache lines and the two children of a node are neighbours.

use super::{BinaryNode, Missing, Threshold, TreeError};

/// A node; `step` is the distance to the left child, 0 in a leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlatNode {
    pub(super) feature: u16,
    pub(super) step: u16,
}

/// A tree. Nodes in [`Missing`] are flat ones.
#[derive(Debug)]
pub(super) struct FlatTree<T> {
    pub(super) nodes: Box<[FlatNode]>,
    /// For each test, in the order of the tests.
    pub(super) thresholds: Box<[T]>,
    /// What each leaf is known by, in the order of the leaves.
    pub(super) payloads: Box<[u32]>,
    /// For each test, in the order of the tests.
    pub(super) missing: Box<[Missing]>,
    /// Steps to the deepest leaf.
    pub(super) depth: u16,
    /// One more than the last feature that is tested.
    pub(super) features: u16,
}

impl<T: Threshold> FlatTree<T> {
    /// Checks a tree and lays it out.
    pub(super) fn new(tree: &[BinaryNode<T>]) -> Result<Self, TreeError> {
        if tree.is_empty() {
            return Err(TreeError("a tree has no nodes"));
        }
        let mut nodes = Vec::with_capacity(tree.len());
        let mut payloads = Vec::with_capacity(tree.len() / 2 + 1);
        let mut thresholds = Vec::with_capacity(tree.len() / 2);
        let mut ways = Vec::with_capacity(tree.len() / 2);
        let (mut depth, mut features) = (0, 0);
        // `queue[i]` is the source of flat node `i`, `place` the other way round.
        let mut queue = vec![(0_u32, 0_u16)];
        let mut place = vec![u32::MAX; tree.len()];
        let mut next = 0;
        while let Some(&(source, level)) = queue.get(next) {
            depth = depth.max(level);
            let node = tree.get(source as usize).ok_or(TreeError("a child is not there"))?;
            place[source as usize] = next as u32;
            match *node {
                BinaryNode::Leaf(payload) => {
                    nodes.push(FlatNode { feature: 0, step: 0 });
                    payloads.push(payload);
                }
                BinaryNode::Test {
                    feature,
                    threshold,
                    left,
                    right,
                    missing,
                } => {
                    if threshold.is_nan() {
                        return Err(TreeError("a threshold is not a number"));
                    }
                    if left <= source || right <= source || queue.len() + 2 > tree.len() {
                        return Err(TreeError("a child is not after its parent or belongs to two"));
                    }
                    let (Ok(step), Ok(feature)) = (u16::try_from(queue.len() - next), u16::try_from(feature)) else {
                        return Err(TreeError("a tree is too wide"));
                    };
                    let after = feature.checked_add(1).ok_or(TreeError("there are too many features"))?;
                    features = features.max(after);
                    let level = level.checked_add(1).ok_or(TreeError("a tree is too deep"))?;
                    nodes.push(FlatNode { feature, step });
                    thresholds.push(threshold);
                    ways.push(missing);
                    queue.push((left, level));
                    queue.push((right, level));
                }
            }
            next += 1;
        }
        for missing in &mut ways {
            if let Missing::Node(node) = missing {
                *node = *place
                    .get(*node as usize)
                    .filter(|place| **place != u32::MAX)
                    .ok_or(TreeError("a missing value leads to a node that is not there"))?;
            }
        }
        Ok(Self {
            nodes: nodes.into(),
            thresholds: thresholds.into(),
            payloads: payloads.into(),
            missing: ways.into(),
            depth,
            features,
        })
    }

    /// The tests, with their thresholds.
    pub(super) fn tests(&self) -> impl Iterator<Item = (FlatNode, T)> {
        let tests = self.nodes.iter().filter(|node| node.step > 0).copied();
        tests.zip(self.thresholds.iter().copied())
    }

    /// For each node a number: of a test what `test` makes of it, of a leaf its payload.
    pub(super) fn numbers(&self, test: impl Fn(FlatNode, T) -> u32) -> Vec<u32> {
        let (mut tests, mut payloads) = (self.tests(), self.payloads.iter().copied());
        let number = |node: &FlatNode| match node.step {
            0 => payloads.next(),
            _ => tests.next().map(|(node, threshold)| test(node, threshold)),
        };
        self.nodes.iter().map(number).map(Option::unwrap_or_default).collect()
    }
}
