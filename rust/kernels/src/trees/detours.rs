//! Where walks go on when a value is missing.

use super::levels::WIDTH;

const BITS: usize = 2;
const NODES_PER_BYTE: usize = 8 / BITS;

/// A place in a tree: a test of the upper levels or beyond them an exit, a node below, or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Test(u32),
    Node(u32),
    Leaf(u32),
}

/// What a test does without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detour {
    Left,
    Right,
    Nowhere,
    To(Goal),
}

impl Detour {
    /// The next place, `None` when there is none.
    pub(super) fn go(self, left: Goal, right: Goal) -> Option<Goal> {
        match self {
            Self::Left => Some(left),
            Self::Right => Some(right),
            Self::Nowhere => None,
            Self::To(goal) => Some(goal),
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Left => 0,
            Self::Right => 1,
            Self::Nowhere => 2,
            Self::To(_) => 3,
        }
    }
}

/// Two bits for each test, and a table for what they can't say.
#[derive(Clone, Debug, Default)]
pub(super) struct Detours {
    /// For each row of tests of the upper levels, from the lowest bits up.
    tests: Box<[u64]>,
    /// Four nodes to a byte.
    nodes: Box<[u8]>,
    /// Sorted by place: rows of tests come before nodes.
    far: Vec<(u64, Goal)>,
}

fn test_key(row: u32, tree: usize) -> u64 {
    u64::from(row) * WIDTH as u64 + tree as u64
}

fn node_key(node: u32) -> u64 {
    1 << 63 | u64::from(node)
}

impl Detours {
    pub(super) fn new(rows: usize, nodes: usize) -> Self {
        Self {
            tests: vec![0; rows].into(),
            nodes: vec![0; nodes.div_ceil(NODES_PER_BYTE)].into(),
            far: Vec::new(),
        }
    }

    /// For a row of tests and one of its trees.
    pub(super) fn set_test(&mut self, row: u32, tree: usize, detour: Detour) {
        self.tests[row as usize] |= u64::from(detour.code()) << (BITS * tree);
        if let Detour::To(goal) = detour {
            self.far.push((test_key(row, tree), goal));
        }
    }

    pub(super) fn set_node(&mut self, node: u32, detour: Detour) {
        let (byte, at) = (node as usize / NODES_PER_BYTE, node as usize % NODES_PER_BYTE);
        self.nodes[byte] |= detour.code() << (BITS * at);
        if let Detour::To(goal) = detour {
            self.far.push((node_key(node), goal));
        }
    }

    /// To be called when all are set.
    pub(super) fn finish(&mut self) {
        self.far.sort_unstable_by_key(|(key, _)| *key);
        self.far.shrink_to_fit();
    }

    pub(super) fn of_test(&self, row: u32, tree: usize) -> Detour {
        let code = self.tests[row as usize] >> (BITS * tree) & 3;
        self.read(code as u8, test_key(row, tree))
    }

    pub(super) fn of_node(&self, node: u32) -> Detour {
        let (byte, at) = (node as usize / NODES_PER_BYTE, node as usize % NODES_PER_BYTE);
        self.read(self.nodes[byte] >> (BITS * at) & 3, node_key(node))
    }

    fn read(&self, code: u8, key: u64) -> Detour {
        match code {
            0 => Detour::Left,
            1 => Detour::Right,
            2 => Detour::Nowhere,
            _ => match self.far.binary_search_by_key(&key, |(key, _)| *key) {
                Ok(at) => Detour::To(self.far[at].1),
                Err(_) => Detour::Nowhere,
            },
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.tests) + size_of_val(&*self.nodes) + self.far.capacity() * size_of::<(u64, Goal)>()
    }
}
