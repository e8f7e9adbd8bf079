//! From trees to an ensemble.

use super::cuts::Cuts;
use super::detours::{Detour, Detours, Goal};
use super::ensemble::{Group, TreeEnsemble};
use super::flat::FlatTree;
use super::levels::{self, Column, TestRow, WIDTH};
use super::node::{Node, Nodes};
use super::{BinaryNode, Missing, Threshold, TreeError};

/// The trees that were put in so far. Thresholds are `f64` until it is known that all are `f32`.
#[derive(Debug, Default)]
pub struct EnsembleBuilder {
    features: u16,
    trees: Vec<FlatTree<f64>>,
}

impl EnsembleBuilder {
    /// Adds a tree.
    ///
    /// # Errors
    /// When a child is not after its parent or belongs to two, a threshold is not a number, or the tree is too large for this
    /// layout.
    pub fn push(&mut self, tree: &[BinaryNode<f64>]) -> Result<(), TreeError> {
        let flat = FlatTree::new(tree)?;
        self.features = self.features.max(flat.features);
        self.trees.push(flat);
        Ok(())
    }

    /// Number of trees.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees.len()
    }

    /// Whether there is no tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The trees over rows of `features` values of type `T`, to which every threshold is converted.
    ///
    /// # Errors
    /// When a tree tests another feature, or there are too many features or nodes.
    pub fn finish<T: Threshold>(self, features: usize) -> Result<TreeEnsemble<T>, TreeError> {
        let Ok(none) = u16::try_from(features) else {
            return Err(TreeError("there are too many features"));
        };
        if self.features > none {
            return Err(TreeError("a feature is out of range"));
        }
        let mut thresholds = vec![Vec::new(); features];
        for (node, threshold) in self.trees.iter().flat_map(FlatTree::tests) {
            thresholds[usize::from(node.feature)].push(T::nearest(threshold));
        }
        let cuts = Cuts::new(thresholds);
        let plan = Plan::new(&self.trees, &cuts)?;
        if plan.fits::<u32>(&self.trees, &cuts, none) {
            Ok(plan.fill(&self.trees, cuts, none, Nodes::Narrow))
        } else if plan.fits::<u64>(&self.trees, &cuts, none) {
            Ok(plan.fill(&self.trees, cuts, none, Nodes::Wide))
        } else {
            Err(TreeError("there are too many features"))
        }
    }
}

/// How the trees are divided between the upper levels and what lies below.
struct Plan {
    columns: Vec<Column>,
    groups: Vec<Group>,
    rows: usize,
    exits: usize,
    /// Number of nodes below the upper levels.
    nodes: usize,
}

/// Nodes of a tree above some level: breadth first, they are the first ones.
fn above(tree: &FlatTree<f64>, levels: u8) -> usize {
    let (mut first, mut end) = (0, 1);
    for _ in 0..levels {
        let tests = tree.nodes[first..end].iter().filter(|node| node.step > 0).count();
        (first, end) = (end, end + 2 * tests);
    }
    first
}

/// Nodes that a tree needs below the upper levels: those that lie there, and leaves above.
fn below(tree: &FlatTree<f64>, group: Group) -> usize {
    if group.shallow {
        return 0;
    }
    let above = above(tree, group.levels);
    let leaves = tree.nodes[..above].iter().filter(|node| node.step == 0).count();
    tree.nodes.len() - above + leaves
}

impl Plan {
    fn new<T: Threshold>(trees: &[FlatTree<f64>], cuts: &Cuts<T>) -> Result<Self, TreeError> {
        let columns = levels::columns(cuts.counts());
        let pages = columns.as_ref().map(|columns| levels::pages(columns.len()));
        let mut plan = Self {
            columns: columns.unwrap_or_default(),
            groups: Vec::with_capacity(trees.len().div_ceil(WIDTH)),
            rows: 0,
            exits: 0,
            nodes: 0,
        };
        for trees in trees.chunks(WIDTH) {
            let deepest = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
            let worth = pages.map_or(0, |pages| levels::worth(trees.len(), pages));
            let levels = u32::from(deepest).min(worth) as u8;
            let mut group = Group {
                levels,
                shallow: deepest <= u16::from(levels)
                    && trees
                        .iter()
                        .all(|tree| tree.payloads.iter().all(|payload| u16::try_from(*payload).is_ok())),
                steps: deepest.saturating_sub(u16::from(levels)),
                first_test: plan.rows as u32,
                first_exit: plan.exits as u32,
            };
            // Exits count from the tree's first node.
            if trees.iter().any(|tree| below(tree, group) > usize::from(u16::MAX)) && !group.shallow {
                (group.levels, group.steps) = (0, deepest);
            }
            plan.rows += (1 << group.levels) - 1;
            plan.exits += 1 << group.levels;
            plan.nodes += trees.iter().map(|tree| below(tree, group)).sum::<usize>();
            plan.groups.push(group);
        }
        if [plan.rows * WIDTH, plan.exits * WIDTH, plan.nodes]
            .iter()
            .any(|count| u32::try_from(*count).is_err())
        {
            return Err(TreeError("an ensemble has too many nodes"));
        }
        Ok(plan)
    }

    /// Whether nodes of a kind can hold what lies below the upper levels.
    fn fits<N: Node>(&self, trees: &[FlatTree<f64>], cuts: &Cuts<impl Threshold>, none: u16) -> bool {
        self.nodes == 0
            || none <= N::MOST_FEATURE
                && cuts.counts().all(|count| count <= N::MOST_RANK)
                && trees.iter().all(|tree| {
                    tree.payloads.iter().all(|payload| *payload <= N::MOST_RANK)
                        && tree.nodes.iter().all(|node| node.step <= N::MOST_STEP)
                })
    }

    fn fill<N: Node, T: Threshold>(
        self,
        trees: &[FlatTree<f64>],
        cuts: Cuts<T>,
        none: u16,
        kind: fn(Box<[N]>) -> Nodes,
    ) -> TreeEnsemble<T> {
        let mut filling = Filling {
            cuts: &cuts,
            columns: &self.columns,
            none,
            tests: vec![TestRow::LEFT; self.rows].into(),
            exits: vec![[0; WIDTH]; self.exits].into(),
            firsts: Vec::with_capacity(trees.len()),
            nodes: Vec::with_capacity(self.nodes),
            detours: Detours::new(self.rows, self.nodes),
        };
        for (trees, group) in trees.chunks(WIDTH).zip(&self.groups) {
            for (lane, tree) in trees.iter().enumerate() {
                filling.add(tree, *group, lane);
            }
        }
        filling.detours.finish();
        let Filling {
            tests,
            exits,
            firsts,
            nodes,
            detours,
            ..
        } = filling;
        TreeEnsemble {
            trees: trees.len(),
            columns: self.columns.into(),
            groups: self.groups.into(),
            tests,
            exits,
            firsts: firsts.into(),
            nodes: kind(nodes.into()),
            detours,
            cuts,
        }
    }
}

struct Filling<'a, N, T> {
    cuts: &'a Cuts<T>,
    columns: &'a [Column],
    /// The feature that leaves test.
    none: u16,
    tests: Box<[TestRow]>,
    exits: Box<[[u16; WIDTH]]>,
    firsts: Vec<u32>,
    nodes: Vec<N>,
    detours: Detours,
}

impl<N: Node, T: Threshold> Filling<'_, N, T> {
    fn add(&mut self, tree: &FlatTree<f64>, group: Group, lane: usize) {
        let first = self.nodes.len() as u32;
        self.firsts.push(first);
        let above = above(tree, group.levels);
        // By node: the rank that it tests, or its payload.
        let cuts = self.cuts;
        let numbers = tree.numbers(|node, threshold| cuts.rank(usize::from(node.feature), T::nearest(threshold)));
        if !group.shallow {
            for (node, number) in tree.nodes.iter().zip(&numbers).skip(above) {
                let feature = if node.step == 0 { self.none } else { node.feature };
                self.nodes.push(N::new(*number, feature, node.step));
            }
        }
        // By node: where it came to be.
        let mut goals = vec![Goal::Leaf(0); tree.nodes.len()];
        for (index, goal) in goals.iter_mut().enumerate().skip(above) {
            *goal = Goal::Node(first + (index - above) as u32);
        }
        let mut open = vec![(0_usize, 0_usize, 0_u8)];
        while let Some((index, place, level)) = open.pop() {
            let node = tree.nodes[index];
            if level < group.levels && node.step > 0 {
                goals[index] = Goal::Test(place as u32);
                let (column, rank) = levels::place(self.columns, node.feature, numbers[index]);
                self.tests[group.first_test as usize + place].set(lane, column, rank);
                let left = index + usize::from(node.step);
                open.push((left, 2 * place + 1, level + 1));
                open.push((left + 1, 2 * place + 2, level + 1));
                continue;
            }
            let exit = if group.shallow {
                goals[index] = Goal::Leaf(numbers[index]);
                numbers[index]
            } else if index < above {
                // A leaf of the upper levels, for which there are no payloads there.
                self.nodes.push(N::new(numbers[index], self.none, 0));
                goals[index] = Goal::Leaf(numbers[index]);
                self.nodes.len() as u32 - 1 - first
            } else {
                (index - above) as u32
            };
            // All exits below this place; tests between go left.
            let below = group.levels - level;
            let from = group.first_exit as usize + ((place + 1 - (1 << level)) << below);
            for exits in &mut self.exits[from..from + (1 << below)] {
                exits[lane] = exit as u16;
            }
        }
        self.set_detours(tree, group, lane, &goals);
    }

    fn set_detours(&mut self, tree: &FlatTree<f64>, group: Group, lane: usize, goals: &[Goal]) {
        let tests = tree.nodes.iter().zip(goals).filter(|(node, _)| node.step > 0);
        for ((_, goal), missing) in tests.zip(&tree.missing) {
            let detour = match missing {
                Missing::Left => Detour::Left,
                Missing::Right => Detour::Right,
                Missing::Nowhere => Detour::Nowhere,
                Missing::Leaf(payload) => Detour::To(Goal::Leaf(*payload)),
                Missing::Node(node) => Detour::To(goals[*node as usize]),
            };
            match goal {
                Goal::Test(place) => self.detours.set_test(group.first_test + place, lane, detour),
                Goal::Node(node) => self.detours.set_node(*node, detour),
                Goal::Leaf(_) => {}
            }
        }
    }
}
