//! Tables over the states of unobserved nodes, multiplied and summed until those of the question are left.

/// A table over some nodes, the last one running fastest.
#[derive(Clone, Copy, Debug)]
struct Factor {
    cells: usize,
    scope: usize,
    width: usize,
}

/// Scratch space of inference: everything is kept between records.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// State of each node: that of the evidence, or the one being looked at.
    pub(crate) states: Vec<u32>,
    /// Number of states of each node.
    pub(crate) sizes: Vec<u32>,
    pub(crate) observed: Vec<bool>,
    pub(crate) relevant: Vec<bool>,
    cells: Vec<f64>,
    scopes: Vec<u32>,
    factors: Vec<Factor>,
    touched: Vec<Factor>,
    /// The evidence has no probability.
    impossible: bool,
    /// Continuous nodes from those above the target down to it.
    pub(crate) chain: Vec<u32>,
    /// Discrete nodes whose states decide about them.
    pub(crate) question: Vec<u32>,
}

/// Largest table.
const MOST_CELLS: usize = 1 << 20;

/// Cells of all tables.
const ALL_CELLS: usize = 1 << 24;

/// Most nodes to sum over.
const MOST_NODES: usize = 256;

/// Position of the current states in a table over a scope.
pub(crate) fn position(scope: &[u32], sizes: &[u32], states: &[u32]) -> usize {
    scope.iter().fold(0, |at, node| {
        at * sizes[*node as usize] as usize + states[*node as usize] as usize
    })
}

impl Workspace {
    pub(crate) fn clear(&mut self, nodes: usize) {
        self.states.clear();
        self.states.resize(nodes, 0);
        self.observed.clear();
        self.observed.resize(nodes, false);
        self.relevant.clear();
        self.relevant.resize(nodes, false);
        self.sizes.clear();
        self.cells.clear();
        self.scopes.clear();
        self.factors.clear();
        self.impossible = false;
    }

    /// The next combination of states of a scope, the last node running fastest; `false` after the last one.
    fn next(states: &mut [u32], sizes: &[u32], scope: &[u32]) -> bool {
        for node in scope.iter().rev() {
            let node = *node as usize;
            states[node] += 1;
            if states[node] < sizes[node] {
                return true;
            }
            states[node] = 0;
        }
        false
    }

    fn size(&self, scope: &[u32]) -> Option<usize> {
        scope
            .iter()
            .try_fold(1_usize, |size, node| {
                size.checked_mul(self.sizes[*node as usize] as usize)
            })
            .filter(|size| *size <= MOST_CELLS)
    }

    /// Adds a table over the unobserved nodes among some, whose cells a function gives for the current states. `None`
    /// when it is too large; an error of the function is passed on.
    pub(crate) fn add<E>(
        &mut self,
        nodes: impl Iterator<Item = u32>,
        mut cell: impl FnMut(&[u32], &[u32]) -> Result<f64, E>,
    ) -> Result<Option<()>, E> {
        let scope = self.scopes.len();
        self.scopes.extend(nodes.filter(|node| !self.observed[*node as usize]));
        let width = self.scopes.len() - scope;
        let factor = Factor {
            cells: self.cells.len(),
            scope,
            width,
        };
        let nodes = &self.scopes[scope..];
        if self.size(nodes).is_none_or(|size| self.cells.len() + size > ALL_CELLS) {
            return Ok(None);
        }
        for node in nodes {
            self.states[*node as usize] = 0;
        }
        loop {
            self.cells.push(cell(&self.states, &self.sizes)?);
            if !Self::next(&mut self.states, &self.sizes, &self.scopes[scope..]) {
                break;
            }
        }
        if width > 0 {
            self.factors.push(factor);
        } else if let Some(cell) = self.cells.pop() {
            // A constant says nothing but whether the evidence is possible.
            self.impossible |= cell.is_nan() || cell <= 0.0;
        }
        Ok(Some(()))
    }

    /// Sums over all nodes but those of the question. Leaves the table of the question, in its order, normalised, as the
    /// last cells; `None` when tables grow too large or nothing is possible.
    pub(crate) fn solve(&mut self, question: &[u32]) -> Option<&[f64]> {
        let open = |work: &Self, node: usize| {
            work.relevant[node] && !work.observed[node] && work.sizes[node] > 0 && !question.contains(&(node as u32))
        };
        let count = (0..self.sizes.len()).filter(|node| open(self, *node)).count();
        if self.impossible || count > MOST_NODES {
            return None;
        }
        for _ in 0..count {
            // The node whose table is smallest comes next.
            let candidates = (0..self.sizes.len()).filter(|node| open(self, *node));
            let (_, node) = candidates.map(|node| (self.cost(node as u32), node)).min()?;
            self.eliminate(&[node as u32], None)?;
            self.relevant[node] = false;
        }
        let scope = self.scopes.len();
        self.scopes.extend_from_slice(question);
        self.eliminate(&[], Some((scope, question.len())))?;
        let answer = self.factors.last()?;
        let cells = &mut self.cells[answer.cells..];
        let sum: f64 = cells.iter().sum();
        if !sum.is_finite() || sum <= 0.0 {
            return None;
        }
        for cell in cells.iter_mut() {
            *cell /= sum;
        }
        Some(cells)
    }

    /// A cell of the last answer, which has so many of them.
    pub(crate) fn share(&self, count: usize, number: usize) -> f64 {
        self.cells[self.cells.len() - count + number]
    }

    fn scope(&self, factor: &Factor) -> &[u32] {
        &self.scopes[factor.scope..factor.scope + factor.width]
    }

    /// Size of the table that eliminating a node makes, as far as it matters.
    fn cost(&self, node: u32) -> usize {
        let mut size = 1_usize;
        let touched = || self.factors.iter().filter(|factor| self.scope(factor).contains(&node));
        for (number, factor) in touched().enumerate() {
            for other in self.scope(factor) {
                if !touched().take(number).any(|before| self.scope(before).contains(other)) {
                    size = size.saturating_mul(self.sizes[*other as usize] as usize);
                }
            }
        }
        size
    }

    /// Multiplies the tables that have one of the nodes, or all tables, and sums over the nodes.
    fn eliminate(&mut self, gone: &[u32], all: Option<(usize, usize)>) -> Option<()> {
        self.touched.clear();
        let (scopes, touched) = (&self.scopes, &mut self.touched);
        self.factors.retain(|factor| {
            let scope = &scopes[factor.scope..factor.scope + factor.width];
            let is = all.is_some() || scope.iter().any(|node| gone.contains(node));
            if is {
                touched.push(*factor);
            }
            !is
        });
        let (scope, width) = if let Some(known) = all {
            known
        } else {
            let start = self.scopes.len();
            for factor in &self.touched {
                for at in factor.scope..factor.scope + factor.width {
                    let node = self.scopes[at];
                    if !gone.contains(&node) && !self.scopes[start..].contains(&node) {
                        self.scopes.push(node);
                    }
                }
            }
            (start, self.scopes.len() - start)
        };
        let nodes = &self.scopes[scope..scope + width];
        self.size(nodes)?;
        let gone_size = self.size(gone)?;
        self.size(nodes)?
            .checked_mul(gone_size)
            .filter(|size| *size <= MOST_CELLS)?;
        for node in nodes.iter().chain(gone) {
            self.states[*node as usize] = 0;
        }
        let cells = self.cells.len();
        let mut most = 0.0_f64;
        loop {
            let mut sum = 0.0;
            loop {
                let mut product = 1.0;
                for factor in &self.touched {
                    let scope = &self.scopes[factor.scope..factor.scope + factor.width];
                    product *= self.cells[factor.cells + position(scope, &self.sizes, &self.states)];
                }
                sum += product;
                if !Self::next(&mut self.states, &self.sizes, gone) {
                    break;
                }
            }
            most = most.max(sum);
            self.cells.push(sum);
            if !Self::next(&mut self.states, &self.sizes, &self.scopes[scope..scope + width]) {
                break;
            }
        }
        // Only shares matter; many small factors must not vanish.
        if most > 0.0 && most < 1e-100 {
            for cell in &mut self.cells[cells..] {
                *cell /= most;
            }
        }
        self.factors.push(Factor { cells, scope, width });
        Some(())
    }
}
