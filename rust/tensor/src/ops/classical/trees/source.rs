//! Trees as the file describes them, checked.

use serving_model::ModelError;

/// What a node asks of its feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    NotEqual,
    /// One of a set; the number is that of the set.
    Member(u32),
    /// The end; leaves from the first number up to the second.
    Leaf(u32, u32),
}

impl Mode {
    /// By name; `None` for one that there is not. Leaves have no range yet.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"BRANCH_LEQ" => Self::AtMost,
            b"BRANCH_LT" => Self::Below,
            b"BRANCH_GTE" => Self::AtLeast,
            b"BRANCH_GT" => Self::Above,
            b"BRANCH_EQ" => Self::Equal,
            b"BRANCH_NEQ" => Self::NotEqual,
            b"LEAF" => Self::Leaf(0, 0),
            _ => return None,
        })
    }
}

/// A node; children are indices of nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) mode: Mode,
    pub(crate) feature: u32,
    pub(crate) threshold: f64,
    pub(crate) yes: u32,
    pub(crate) no: u32,
    /// Whether a missing value counts as yes. Else it fails every comparison but 'not equal'.
    pub(crate) missing_is_yes: bool,
}

/// A weight for a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    pub(crate) target: u32,
    pub(crate) weight: f64,
}

/// Trees, and the weights of their leaves.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) features: usize,
    pub(crate) targets: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) roots: Vec<u32>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) sets: Vec<Vec<f64>>,
    /// Whether several nodes lead to one, as those that ask for one category each do.
    pub(crate) shared: bool,
}

impl Source {
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
            + self.roots.len() * 4
            + self.leaves.len() * size_of::<Leaf>()
            + self.sets.iter().map(|set| set.len() * 8).sum::<usize>()
    }

    /// Checks that no way leads back to a node: then every walk ends.
    ///
    /// # Errors
    /// `MODEL_INVALID` for a child that is not there or above its node, and for targets and sets that are not there.
    pub(crate) fn check(&mut self) -> Result<(), ModelError> {
        // Nodes on the way to the one that is looked at, and those whose children have all been looked at.
        let (mut above, mut done) = (vec![false; self.nodes.len()], vec![false; self.nodes.len()]);
        let mut stack: Vec<(u32, bool)> = self.roots.iter().map(|root| (*root, false)).collect();
        let invalid = |message: String| Err(ModelError::invalid(message));
        while let Some((at, leave)) = stack.pop() {
            if leave {
                above[at as usize] = false;
                done[at as usize] = true;
                continue;
            }
            match (above.get(at as usize), done.get(at as usize)) {
                (Some(false), Some(false)) => {}
                (Some(false), Some(true)) => {
                    self.shared = true;
                    continue;
                }
                (Some(true), _) => return invalid(format!("the node {at} leads back to itself")),
                _ => return invalid(format!("a tree leads to the node {at}, which is not there")),
            }
            above[at as usize] = true;
            stack.push((at, true));
            let node = self.nodes[at as usize];
            match node.mode {
                Mode::Leaf(start, end) => {
                    if start > end || end as usize > self.leaves.len() {
                        return invalid(format!("the leaf {at} has weights that are not there"));
                    }
                    continue;
                }
                Mode::Member(set) if set as usize >= self.sets.len() => {
                    return invalid(format!("the node {at} has no set of members"));
                }
                _ => {}
            }
            if node.feature >= 1 << 24 {
                return invalid(format!("the node {at} looks at the value {}", node.feature));
            }
            self.features = self.features.max(node.feature as usize + 1);
            stack.extend([(node.yes, false), (node.no, false)]);
        }
        match self.leaves.iter().find(|leaf| leaf.target as usize >= self.targets) {
            Some(leaf) => invalid(format!(
                "a leaf has a weight for the target {} of {}",
                leaf.target, self.targets
            )),
            None => Ok(()),
        }
    }

    /// The range of weights that a row reaches.
    pub(crate) fn reach(&self, root: u32, value: impl Fn(usize) -> f64) -> (usize, usize) {
        let mut at = root as usize;
        loop {
            let node = &self.nodes[at];
            if let Mode::Leaf(start, end) = node.mode {
                return (start as usize, end as usize);
            }
            let x = value(node.feature as usize);
            let yes = match node.mode {
                _ if x.is_nan() && node.missing_is_yes => true,
                Mode::AtMost => x <= node.threshold,
                Mode::Below => x < node.threshold,
                Mode::AtLeast => x >= node.threshold,
                Mode::Above => x > node.threshold,
                Mode::Equal => x == node.threshold,
                Mode::NotEqual => x != node.threshold,
                Mode::Member(set) => self.sets[set as usize].contains(&x),
                Mode::Leaf(..) => false,
            };
            at = if yes { node.yes } else { node.no } as usize;
        }
    }
}
