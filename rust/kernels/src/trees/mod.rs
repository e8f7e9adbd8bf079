//! Binary trees over numeric features.
//!
//! Every test is `value <= threshold`: yes goes left, no goes right. [`LoneTree`] walks one tree by comparing numbers;
//! [`TreeEnsemble`] walks many by comparing ranks, after each value of a row was ranked among the thresholds of its feature.
//! Both give the same leaves. A value that is missing has a way of its own through a tree.

mod builder;
mod cuts;
mod detours;
mod ensemble;
mod flat;
mod levels;
mod lone;
mod node;
mod sums;

use std::fmt;

pub use builder::EnsembleBuilder;
pub use ensemble::{LeafVisitor, RankedRows, TreeEnsemble};
pub use lone::LoneTree;

/// A tree as it is put in: node 0 is the root, children come after their parents and have one parent each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryNode<T> {
    /// A test of a feature.
    Test {
        /// Index of the feature.
        feature: u32,
        /// Largest value that goes left.
        threshold: T,
        /// Node for values up to the threshold.
        left: u32,
        /// Node for larger values.
        right: u32,
        /// What happens without a value.
        missing: Missing,
    },
    /// A leaf with what the user of the tree knows it by.
    Leaf(u32),
}

/// Where a walk goes on when the feature of a test has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// As small values do.
    Left,
    /// As large values do.
    Right,
    /// At another node of the tree.
    Node(u32),
    /// It ends as at a leaf.
    Leaf(u32),
    /// It ends without a leaf.
    Nowhere,
}

/// Why a tree can't be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeError(&'static str);

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TreeError {}

/// A number that trees are made of: thresholds of one type need values of that type, in another a comparison would be
/// another test.
pub trait Threshold: Copy + PartialOrd + Send + Sync + fmt::Debug + 'static {
    /// What no number exceeds.
    const TOP: Self;
    /// The total order that agrees with `<` on numbers.
    fn total_order(&self, other: &Self) -> std::cmp::Ordering;
    /// Whether it is not a number.
    fn is_nan(self) -> bool;
    /// The nearest value.
    fn nearest(value: f64) -> Self;
}

impl Threshold for f32 {
    const TOP: Self = Self::INFINITY;
    fn total_order(&self, other: &Self) -> std::cmp::Ordering {
        self.total_cmp(other)
    }
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn nearest(value: f64) -> Self {
        value as Self
    }
}

impl Threshold for f64 {
    const TOP: Self = Self::INFINITY;
    fn total_order(&self, other: &Self) -> std::cmp::Ordering {
        self.total_cmp(other)
    }
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn nearest(value: f64) -> Self {
        value
    }
}

#[cfg(test)]
mod tests;
