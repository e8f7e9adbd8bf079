//! One tree, walked by comparing numbers.

use super::flat::FlatTree;
use super::{BinaryNode, Threshold, TreeError};

/// A node; `step` is the distance to the left child, 0 in a leaf, whose threshold nothing exceeds.
#[derive(Clone, Copy, Debug)]
struct LoneNode<T> {
    threshold: T,
    feature: u16,
    step: u16,
}

/// A tree.
#[derive(Clone, Debug)]
pub struct LoneTree<T> {
    features: usize,
    nodes: Box<[LoneNode<T>]>,
    /// By node: what a leaf is known by.
    payloads: Box<[u32]>,
    depth: u16,
}

impl<T: Threshold> LoneTree<T> {
    /// A tree over rows of `features` values.
    ///
    /// # Errors
    /// When a child is not after its parent or belongs to two, a feature is out of range, a threshold is not a number, or
    /// the tree is too large for this layout.
    pub fn new(features: usize, tree: &[BinaryNode<T>]) -> Result<Self, TreeError> {
        let flat = FlatTree::new(tree)?;
        if usize::from(flat.features) > features {
            return Err(TreeError("a feature is out of range"));
        }
        let mut thresholds = flat.thresholds.iter().copied();
        let nodes = flat.nodes.iter().map(|node| LoneNode {
            threshold: (node.step > 0).then(|| thresholds.next()).flatten().unwrap_or(T::TOP),
            feature: node.feature,
            step: node.step,
        });
        Ok(Self {
            features,
            payloads: flat.numbers(|_, _| 0).into(),
            nodes: nodes.collect(),
            depth: flat.depth,
        })
    }

    /// Bytes of heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.payloads)
    }

    /// The payload of the leaf that a row reaches. No value of the row may be NaN.
    ///
    /// # Panics
    /// When the row has not as many values as there are features.
    #[inline]
    #[must_use]
    #[allow(unsafe_code)]
    pub fn leaf(&self, row: &[T]) -> u32 {
        assert_eq!(row.len(), self.features, "a row has one value per feature");
        let mut at = 0;
        for _ in 0..self.depth {
            // SAFETY: `at` starts at the root. `FlatTree` gave each test a step to two nodes of the tree, and each leaf a step
            // of 0, and `new` leaves a threshold that nothing exceeds, so `at` never leaves `nodes`. It checked that features are below
            // `self.features`, which is the length of `row`; with no feature at all the tree is a leaf, has depth 0, and
            // this loop doesn't run.
            unsafe {
                let node = self.nodes.get_unchecked(at);
                let value = *row.get_unchecked(usize::from(node.feature));
                at += usize::from(node.step) + usize::from(value > node.threshold);
            }
        }
        self.payloads[at]
    }
}
