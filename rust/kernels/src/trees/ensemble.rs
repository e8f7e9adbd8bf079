//! Many trees, walked by comparing ranks.
//!
//! The upper levels of 32 trees are tested together ([`levels`]). What lies below is walked tree by tree, some of them in
//! turn to hide the latency of memory, in as many steps as the deepest is deep and without a branch: a leaf leads to itself,
//! as it tests a feature whose rank is always 0.

#![allow(clippy::inline_always, reason = "these are parts of the innermost loops")]

use super::Threshold;
use super::cuts::Cuts;
use super::detours::{Detours, Goal};
use super::levels::{self, Column, Page, TestRow, WIDTH};
use super::node::{Node, Nodes};

/// Trees below the upper levels that are walked together.
const LANES: usize = 8;

/// An ensemble over rows of numbers of type `T`.
#[derive(Clone, Debug)]
pub struct TreeEnsemble<T> {
    pub(super) cuts: Cuts<T>,
    pub(super) trees: usize,
    /// What the tests of the upper levels look at; none when there are no such tests.
    pub(super) columns: Box<[Column]>,
    pub(super) groups: Box<[Group]>,
    /// Tests of the upper levels, of all groups.
    pub(super) tests: Box<[TestRow]>,
    /// For each exit of the upper levels where it leads for each of the trees: to a payload or, counted from the tree's first,
    /// to a node.
    pub(super) exits: Box<[[u16; WIDTH]]>,
    /// For each tree its first node.
    pub(super) firsts: Box<[u32]>,
    pub(super) nodes: Nodes,
    pub(super) detours: Detours,
}

/// Takes the leaves that rows reach.
pub trait LeafVisitor {
    /// `payloads` are those of the leaves that a row reaches in the tree `first` and the following ones. The trees of a row come
    /// in their order.
    fn visit(&mut self, row: usize, first: usize, payloads: impl Iterator<Item = u32>);
}

/// Up to 32 trees side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) levels: u8,
    /// Exits are payloads.
    pub(super) shallow: bool,
    /// Most steps below the upper levels.
    pub(super) steps: u16,
    pub(super) first_test: u32,
    pub(super) first_exit: u32,
}

/// Rows of which each value was ranked among the thresholds of an ensemble.
#[derive(Clone, Debug, Default)]
pub struct RankedRows {
    rows: usize,
    /// Ranks of a row, and the 0 that leaves test.
    width: usize,
    ranks: Vec<u32>,
    /// The same for the upper levels.
    pages_each: usize,
    pages: Vec<Page>,
}

impl RankedRows {
    /// Forgets all rows and makes ready for those of an ensemble.
    #[inline]
    pub fn reset(&mut self, ensemble: &TreeEnsemble<impl Threshold>) {
        self.rows = 0;
        self.width = ensemble.features() + 1;
        self.pages_each = levels::pages(ensemble.columns.len());
    }

    /// Number of rows.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row of the ensemble for which this was made ready. No value may be NaN.
    ///
    /// # Panics
    /// When the row has another number of values.
    #[inline]
    pub fn push<T: Threshold>(&mut self, ensemble: &TreeEnsemble<T>, row: &[T]) {
        assert_eq!(row.len() + 1, self.width, "a row has one value per feature");
        assert_eq!(ensemble.features(), row.len(), "the rows are of another ensemble");
        let (start, end) = (self.rows * self.width, (self.rows + 1) * self.width);
        if self.ranks.len() < end {
            self.ranks.resize(end, 0);
        }
        let ranks = &mut self.ranks[start..end];
        ranks[row.len()] = 0;
        ensemble.cuts.ranks(row, &mut ranks[..row.len()]);
        let (start, end) = (self.rows * self.pages_each, (self.rows + 1) * self.pages_each);
        if self.pages.len() < end {
            self.pages.resize(end, Page::default());
        }
        levels::fill(&ensemble.columns, ranks, &mut self.pages[start..end]);
        self.rows += 1;
    }

    #[inline]
    fn row(&self, row: usize) -> (&[u32], &[Page]) {
        (
            &self.ranks[row * self.width..(row + 1) * self.width],
            &self.pages[row * self.pages_each..(row + 1) * self.pages_each],
        )
    }
}

impl<T: Threshold> TreeEnsemble<T> {
    /// Number of trees.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees
    }

    /// Whether there is no tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees == 0
    }

    /// Values per row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.cuts.features()
    }

    /// Bytes of heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.cuts.heap_bytes()
            + size_of_val(&*self.columns)
            + size_of_val(&*self.groups)
            + size_of_val(&*self.tests)
            + size_of_val(&*self.exits)
            + size_of_val(&*self.firsts)
            + self.nodes.heap_bytes()
            + self.detours.heap_bytes()
    }

    /// Walks all trees for all rows and shows the leaves to a visitor.
    ///
    /// # Panics
    /// When the rows are not those of this ensemble.
    #[inline(always)]
    pub fn walk(&self, rows: &RankedRows, visitor: &mut impl LeafVisitor) {
        assert_eq!(rows.width, self.features() + 1, "the rows are of another ensemble");
        match &self.nodes {
            Nodes::Narrow(nodes) => self.walk_nodes(nodes, rows, visitor),
            Nodes::Wide(nodes) => self.walk_nodes(nodes, rows, visitor),
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn walk_nodes<N: Node>(&self, nodes: &[N], rows: &RankedRows, visitor: &mut impl LeafVisitor) {
        for (number, group) in self.groups.iter().enumerate() {
            let first = number * WIDTH;
            let trees = (self.trees - first).min(WIDTH);
            let tests = &self.tests[group.first_test as usize..][..(1 << group.levels) - 1];
            let exits = &self.exits[group.first_exit as usize..][..1 << group.levels];
            let firsts = &self.firsts[first..first + trees];
            for row in 0..rows.rows {
                let (ranks, pages) = rows.row(row);
                let taken = levels::exits(tests, u32::from(group.levels), pages);
                let exit = |tree: usize| {
                    debug_assert!(usize::from(taken[tree]) < exits.len(), "levels have so many exits");
                    // SAFETY: so many levels have as many exits as `exits` holds.
                    u32::from(unsafe { exits.get_unchecked(usize::from(taken[tree])) }[tree])
                };
                if group.shallow {
                    if trees == WIDTH {
                        visitor.visit(row, first, (0..WIDTH).map(exit));
                    } else {
                        visitor.visit(row, first, (0..trees).map(exit));
                    }
                    continue;
                }
                let mut found = [0; WIDTH];
                for (tree, first) in firsts.iter().enumerate() {
                    found[tree] = first + exit(tree);
                }
                let (lanes, rest) = found[..trees].as_chunks_mut::<LANES>();
                for found in lanes {
                    walk_on(nodes, found, group.steps, ranks);
                }
                for found in rest {
                    walk_on(nodes, std::array::from_mut(found), group.steps, ranks);
                }
                visitor.visit(row, first, found[..trees].iter().copied());
            }
        }
    }

    /// Walks one tree, asking for values as tests need them: the payload of the leaf, `None` when a missing value leads
    /// nowhere. `value` gets the index of a feature and answers with its number, `None` when it is missing.
    ///
    /// # Errors
    /// What `value` answers.
    pub fn walk_with_missing<E>(
        &self,
        tree: usize,
        value: impl FnMut(usize) -> Result<Option<T>, E>,
    ) -> Result<Option<u32>, E> {
        match &self.nodes {
            Nodes::Narrow(nodes) => self.walk_asking(nodes, tree, value),
            Nodes::Wide(nodes) => self.walk_asking(nodes, tree, value),
        }
    }

    fn walk_asking<E>(
        &self,
        nodes: &[impl Node],
        tree: usize,
        mut value: impl FnMut(usize) -> Result<Option<T>, E>,
    ) -> Result<Option<u32>, E> {
        let (group, lane) = (self.groups[tree / WIDTH], tree % WIDTH);
        let tests = &self.tests[group.first_test as usize..][..(1 << group.levels) - 1];
        let mut at = Goal::Test(0);
        // Ways of missing values may lead in a circle; others meet each test once, and an exit and a leaf in the end.
        for _ in 0..tests.len() + nodes.len() + 2 {
            let (feature, rank, left, right, detour) = match at {
                Goal::Leaf(payload) => return Ok(Some(payload)),
                Goal::Test(place) if place as usize >= tests.len() => {
                    let exit = group.first_exit as usize + place as usize - tests.len();
                    let exit = u32::from(self.exits[exit][lane]);
                    at = if group.shallow {
                        Goal::Leaf(exit)
                    } else {
                        Goal::Node(self.firsts[tree] + exit)
                    };
                    continue;
                }
                Goal::Test(place) => {
                    let row = &tests[place as usize];
                    if row.is_filling(lane) {
                        at = Goal::Test(2 * place + 1);
                        continue;
                    }
                    let column = self.columns[row.column(lane)];
                    (
                        usize::from(column.feature),
                        column.first + u32::from(row.rank(lane)),
                        Goal::Test(2 * place + 1),
                        Goal::Test(2 * place + 2),
                        self.detours.of_test(group.first_test + place, lane),
                    )
                }
                Goal::Node(index) => {
                    let node = nodes[index as usize];
                    if node.step() == 0 {
                        return Ok(Some(node.rank()));
                    }
                    let left = index + node.step() as u32;
                    (
                        node.feature(),
                        node.rank(),
                        Goal::Node(left),
                        Goal::Node(left + 1),
                        self.detours.of_node(index),
                    )
                }
            };
            at = match value(feature)? {
                Some(value) if value > self.cuts.threshold(feature, rank) => right,
                Some(_) => left,
                None => match detour.go(left, right) {
                    Some(goal) => goal,
                    None => return Ok(None),
                },
            };
        }
        Ok(None)
    }
}

/// Walks some trees on together.
#[inline(always)]
#[allow(unsafe_code)]
fn walk_on<N: Node, const L: usize>(nodes: &[N], found: &mut [u32; L], steps: u16, ranks: &[u32]) {
    let mut at = found.map(|node| node as usize);
    assert!(at.iter().all(|at| *at < nodes.len()), "walks begin at nodes");
    for _ in 0..steps {
        for at in &mut at {
            // SAFETY: `at` is below the length of `nodes` here. `FlatTree` gave each test a step to two nodes of the same tree;
            // a leaf has a step of 0 and tests the last rank, which `RankedRows` keeps 0 and nothing is below; so `at` never
            // leaves `nodes`. The builder checked that features are below `features()`, and `walk` that rows have one rank
            // more.
            unsafe {
                let node = *nodes.get_unchecked(*at);
                let rank = *ranks.get_unchecked(node.feature());
                *at += node.step() + usize::from(rank > node.rank());
            }
        }
    }
    *found = at.map(|at| nodes[at].rank());
}
