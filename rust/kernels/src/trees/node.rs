//! A node below the upper levels in one word: 4 bytes where ranks, features and steps are small enough, else 8.

#![allow(clippy::inline_always, reason = "these are parts of the innermost loops")]

/// What a node says. In a leaf, whose step is 0, the rank is the payload.
pub(super) trait Node: Copy {
    const MOST_RANK: u32;
    const MOST_FEATURE: u16;
    const MOST_STEP: u16;
    fn new(rank: u32, feature: u16, step: u16) -> Self;
    fn rank(self) -> u32;
    fn feature(self) -> usize;
    /// Distance to the left child; the right one follows it.
    fn step(self) -> usize;
}

impl Node for u32 {
    const MOST_RANK: u32 = 0xffff;
    const MOST_FEATURE: u16 = 0x3f;
    const MOST_STEP: u16 = 0x3ff;

    fn new(rank: u32, feature: u16, step: u16) -> Self {
        Self::from(step) << 22 | Self::from(feature) << 16 | rank
    }

    #[inline(always)]
    fn rank(self) -> u32 {
        self & 0xffff
    }

    #[inline(always)]
    fn feature(self) -> usize {
        (self >> 16 & 0x3f) as usize
    }

    #[inline(always)]
    fn step(self) -> usize {
        (self >> 22) as usize
    }
}

impl Node for u64 {
    const MOST_RANK: u32 = u32::MAX;
    const MOST_FEATURE: u16 = u16::MAX;
    const MOST_STEP: u16 = u16::MAX;

    fn new(rank: u32, feature: u16, step: u16) -> Self {
        Self::from(step) << 48 | Self::from(feature) << 32 | Self::from(rank)
    }

    #[inline(always)]
    fn rank(self) -> u32 {
        self as u32
    }

    #[inline(always)]
    fn feature(self) -> usize {
        (self >> 32 & 0xffff) as usize
    }

    #[inline(always)]
    fn step(self) -> usize {
        (self >> 48) as usize
    }
}

/// Nodes of all trees.
#[derive(Clone, Debug)]
pub(super) enum Nodes {
    Narrow(Box<[u32]>),
    Wide(Box<[u64]>),
}

impl Nodes {
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Narrow(nodes) => size_of_val(&**nodes),
            Self::Wide(nodes) => size_of_val(&**nodes),
        }
    }
}
