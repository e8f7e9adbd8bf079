//! Ranks of values among the thresholds of their feature.

#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors, else it isn't vectorised"
)]

use super::Threshold;

/// Thresholds that are compared with a value at once.
const BLOCK: usize = 16;
/// So many blocks are searched one after the other, more by halving.
const FEW: usize = 64;

/// For each feature its thresholds, ascending and without repetition, in blocks that are filled up with what no number
/// exceeds.
#[derive(Clone, Debug)]
pub(super) struct Cuts<T> {
    /// Where the blocks of each feature begin, and where they end.
    starts: Box<[u32]>,
    blocks: Box<[[T; BLOCK]]>,
    /// The last threshold of each block.
    lasts: Box<[T]>,
}

impl<T: Threshold> Cuts<T> {
    /// From the thresholds of each feature in any order.
    pub(super) fn new(features: Vec<Vec<T>>) -> Self {
        let mut starts = Vec::with_capacity(features.len() + 1);
        let mut blocks = Vec::new();
        starts.push(0);
        for mut thresholds in features {
            thresholds.sort_unstable_by(T::total_order);
            thresholds.dedup_by(|a, b| a == b);
            for part in thresholds.chunks(BLOCK) {
                let mut block = [T::TOP; BLOCK];
                block[..part.len()].copy_from_slice(part);
                blocks.push(block);
            }
            starts.push(blocks.len() as u32);
        }
        Self {
            lasts: blocks.iter().map(|block| block[BLOCK - 1]).collect(),
            starts: starts.into(),
            blocks: blocks.into(),
        }
    }

    pub(super) fn features(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.blocks) + size_of_val(&*self.lasts)
    }

    fn range(&self, feature: usize) -> std::ops::Range<usize> {
        self.starts[feature] as usize..self.starts[feature + 1] as usize
    }

    /// The threshold with a rank.
    #[inline]
    pub(super) fn threshold(&self, feature: usize, rank: u32) -> T {
        let (block, lane) = (rank as usize / BLOCK, rank as usize % BLOCK);
        self.blocks[self.range(feature)][block][lane]
    }

    /// How many thresholds each feature has, at most 15 more.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> {
        self.starts
            .windows(2)
            .map(|range| (range[1] - range[0]).saturating_mul(BLOCK as u32))
    }

    /// The ranks of a row.
    #[inline]
    pub(super) fn ranks(&self, row: &[T], ranks: &mut [u32]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            #[allow(unsafe_code)]
            unsafe {
                ranks_avx2(self, row, ranks);
            }
            return;
        }
        self.ranks_inlined(row, ranks);
    }

    #[inline(always)]
    fn ranks_inlined(&self, row: &[T], ranks: &mut [u32]) {
        for (feature, (value, rank)) in row.iter().zip(ranks).enumerate() {
            *rank = self.rank(feature, *value);
        }
    }

    /// How many thresholds of the feature are below a value that is a number: the value is at most the threshold with rank
    /// `r` exactly when this is at most `r`.
    #[inline(always)]
    pub(super) fn rank(&self, feature: usize, value: T) -> u32 {
        let range = self.range(feature);
        let lasts = &self.lasts[range.clone()];
        let full = if lasts.len() <= FEW {
            lasts.iter().map(|last| u32::from(*last < value)).sum::<u32>() as usize
        } else {
            lasts.partition_point(|last| *last < value)
        };
        let Some(block) = self.blocks[range].get(full) else {
            return (full * BLOCK) as u32;
        };
        let within: u32 = block.iter().map(|threshold| u32::from(*threshold < value)).sum();
        (full * BLOCK) as u32 + within
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn ranks_avx2<T: Threshold>(cuts: &Cuts<T>, row: &[T], ranks: &mut [u32]) {
    cuts.ranks_inlined(row, ranks);
}
