//! Sums of rows of weights, one row for each leaf.

use std::ops::Add;

use super::{LeafVisitor, RankedRows, Threshold, TreeEnsemble};

impl<T: Threshold> TreeEnsemble<T> {
    /// Adds to the `width` sums of each row the weights of the leaves that it reaches, tree after tree. Payloads are numbers of
    /// rows of `width` weights.
    ///
    /// # Panics
    /// When the rows are not those of this ensemble, or there are too few weights or sums.
    pub fn add_weights<W>(&self, rows: &RankedRows, width: usize, weights: &[W], sums: &mut [W])
    where
        W: Copy + Add<Output = W>,
    {
        match width {
            1 => self.walk(rows, &mut Few::<1, W>::new(weights, sums)),
            2 => self.walk(rows, &mut Few::<2, W>::new(weights, sums)),
            3 => self.walk(rows, &mut Few::<3, W>::new(weights, sums)),
            4 => self.walk(rows, &mut Few::<4, W>::new(weights, sums)),
            5 => self.walk(rows, &mut Few::<5, W>::new(weights, sums)),
            6 => self.walk(rows, &mut Few::<6, W>::new(weights, sums)),
            7 => self.walk(rows, &mut Few::<7, W>::new(weights, sums)),
            8 => self.walk(rows, &mut Few::<8, W>::new(weights, sums)),
            _ => self.walk(rows, &mut Many { width, weights, sums }),
        }
    }
}

/// The sums of a row stay in registers.
struct Few<'a, const WIDTH: usize, W> {
    weights: &'a [[W; WIDTH]],
    sums: &'a mut [[W; WIDTH]],
}

impl<'a, const WIDTH: usize, W> Few<'a, WIDTH, W> {
    fn new(weights: &'a [W], sums: &'a mut [W]) -> Self {
        Self {
            weights: weights.as_chunks().0,
            sums: sums.as_chunks_mut().0,
        }
    }
}

impl<const WIDTH: usize, W: Copy + Add<Output = W>> LeafVisitor for Few<'_, WIDTH, W> {
    #[inline]
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let mut sums = self.sums[row];
        for leaf in payloads {
            for (sum, weight) in sums.iter_mut().zip(&self.weights[leaf as usize]) {
                *sum = *sum + *weight;
            }
        }
        self.sums[row] = sums;
    }
}

struct Many<'a, W> {
    width: usize,
    weights: &'a [W],
    sums: &'a mut [W],
}

impl<W: Copy + Add<Output = W>> LeafVisitor for Many<'_, W> {
    fn visit(&mut self, row: usize, _: usize, payloads: impl Iterator<Item = u32>) {
        let sums = &mut self.sums[row * self.width..(row + 1) * self.width];
        for leaf in payloads {
            let weights = &self.weights[leaf as usize * self.width..][..self.width];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = *sum + *weight;
            }
        }
    }
}
