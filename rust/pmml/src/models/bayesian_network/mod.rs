//! `BayesianNetworkModel`: exact inference about the target from the fields that a record has.
//!
//! Discrete nodes without value are summed over. A continuous node with a value weighs the states of its discrete parents
//! by its density; continuous nodes without value can only lie between the evidence and a continuous target.

pub(crate) mod elimination;

use elimination::{Workspace, position};

use super::Model;
use crate::expression::Expression;
use crate::run::{Fault, Run, Scored, Slot};
use crate::value::Value;

/// Family of a continuous distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Mean, variance
    Normal,
    /// Mean and variance of the logarithm
    LogNormal,
    /// Lower, upper
    Uniform,
    /// Lower, upper, mean
    Triangular,
}

/// A continuous distribution whose parameters can depend on other fields.
#[derive(Debug)]
pub(crate) struct Distribution {
    pub(crate) family: Family,
    pub(crate) parameters: Box<[Expression]>,
}

/// What a node knows of itself.
#[derive(Debug)]
pub(crate) enum Content {
    /// Probabilities, own states running fastest.
    Discrete(Box<[f64]>),
    /// One distribution for each combination of the parents' states, as far as there is one.
    Continuous {
        rows: Box<[Option<Distribution>]>,
        /// Continuous nodes that parameters refer to.
        needs: Box<[u32]>,
    },
    /// A derived field that discretises others: nothing but evidence.
    Derived,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) slot: Slot,
    /// The record has a field for it.
    pub(crate) input: bool,
    /// Discrete parents.
    pub(crate) parents: Box<[u32]>,
    /// Keys of the states; empty for continuous nodes.
    pub(crate) states: Box<[(u8, u64)]>,
    pub(crate) content: Content,
}

/// A compiled `BayesianNetworkModel`.
#[derive(Debug)]
pub(crate) struct BayesianNetwork {
    /// Parents before children.
    pub(crate) nodes: Box<[Node]>,
    pub(crate) target: u32,
}

impl BayesianNetwork {
    pub(crate) fn heap_bytes(&self) -> usize {
        let inner = |node: &Node| {
            let content = match &node.content {
                Content::Discrete(table) => 8 * table.len(),
                Content::Continuous { rows, needs } => {
                    let parameters: usize = rows.iter().flatten().map(|row| row.parameters.len()).sum();
                    rows.len() * size_of::<Option<Distribution>>()
                        + parameters * size_of::<Expression>()
                        + 4 * needs.len()
                }
                Content::Derived => 0,
            };
            size_of::<Node>() + 4 * node.parents.len() + 16 * node.states.len() + content
        };
        self.nodes.iter().map(inner).sum()
    }

    /// Marks what bears on the target: it, the evidence, and all that lies above them.
    fn mark(&self, work: &mut Workspace) {
        for (number, node) in self.nodes.iter().enumerate().rev() {
            if number as u32 == self.target || work.observed[number] {
                work.relevant[number] = true;
            }
            if work.relevant[number] {
                for parent in &node.parents {
                    work.relevant[*parent as usize] = true;
                }
                if let Content::Continuous { needs, .. } = &node.content {
                    for parent in needs {
                        work.relevant[*parent as usize] = true;
                    }
                }
            }
        }
    }
}

impl Run<'_> {
    pub(crate) fn bayesian_network(&mut self, index: usize, model: &Model, network: &BayesianNetwork) -> Scored<bool> {
        let mut work = std::mem::take(&mut self.scratch.inference);
        let found = self.infer(index, model, network, &mut work);
        self.scratch.inference = work;
        found
    }

    fn infer(&mut self, index: usize, model: &Model, network: &BayesianNetwork, work: &mut Workspace) -> Scored<bool> {
        work.clear(network.nodes.len());
        for (number, node) in network.nodes.iter().enumerate() {
            work.sizes.push(node.states.len() as u32);
            if !node.input {
                continue;
            }
            let value = self.value(node.slot)?;
            if value.is_missing() {
                continue;
            }
            if !node.states.is_empty() {
                let key = value.key();
                let Some(state) = node.states.iter().position(|known| *known == key) else {
                    return Ok(false);
                };
                work.states[number] = state as u32;
            }
            work.observed[number] = true;
        }
        network.mark(work);
        let target = network.target as usize;
        for (number, node) in network.nodes.iter().enumerate() {
            if !work.relevant[number] {
                continue;
            }
            let added = match &node.content {
                Content::Discrete(table) => {
                    let scope = node.parents.iter().copied().chain([number as u32]);
                    work.add::<Fault>(scope, |states, sizes| {
                        let row = position(&node.parents, sizes, states);
                        Ok(table[row * node.states.len() + states[number] as usize])
                    })?
                }
                Content::Continuous { rows, needs } if work.observed[number] => {
                    if needs.iter().any(|parent| !work.observed[*parent as usize]) {
                        return Err(Fault::undefined());
                    }
                    let Some(value) = self.number(node.slot)? else {
                        return Ok(false);
                    };
                    work.add(node.parents.iter().copied(), |states, sizes| {
                        match &rows[position(&node.parents, sizes, states)] {
                            Some(distribution) => self.density(distribution, value),
                            None => Ok(0.0),
                        }
                    })?
                }
                Content::Derived if !work.observed[number] => return Ok(false),
                Content::Continuous { .. } | Content::Derived => Some(()),
            };
            if added.is_none() {
                return Err(Fault::undefined());
            }
        }
        if let Content::Discrete(_) = network.nodes[target].content {
            let Some(shares) = work.solve(&[network.target]) else {
                return Ok(false);
            };
            self.shares(model).copy_from_slice(shares);
            return Ok(self.answer_largest(index, model));
        }
        let Some(mean) = self.expectation(network, work)? else {
            return Ok(false);
        };
        Ok(self.answer_number(index, model, mean))
    }

    /// The expected value of a continuous target: that of each combination of discrete states above it, weighed.
    fn expectation(&mut self, network: &BayesianNetwork, work: &mut Workspace) -> Scored<Option<f64>> {
        // Nodes whose distribution counts: the target and the continuous nodes without value that it needs.
        let (mut chain, mut question) = (std::mem::take(&mut work.chain), std::mem::take(&mut work.question));
        chain.clear();
        chain.push(network.target);
        for number in (0..network.target).rev() {
            let needed = chain.iter().any(|node| match &network.nodes[*node as usize].content {
                Content::Continuous { needs, .. } => needs.contains(&number),
                _ => false,
            });
            if needed && !work.observed[number as usize] {
                chain.push(number);
            }
        }
        chain.reverse();
        question.clear();
        for node in &chain {
            for parent in &network.nodes[*node as usize].parents {
                if !work.observed[*parent as usize] && !question.contains(parent) {
                    question.push(*parent);
                }
            }
        }
        let answer = match work.solve(&question).map(<[f64]>::len) {
            None => Ok(None),
            Some(count) => self.weigh(network, work, &chain, &question, count),
        };
        (work.chain, work.question) = (chain, question);
        answer
    }

    fn weigh(
        &mut self,
        network: &BayesianNetwork,
        work: &mut Workspace,
        chain: &[u32],
        question: &[u32],
        count: usize,
    ) -> Scored<Option<f64>> {
        let (mut sum, mut last) = (0.0, 0.0);
        for number in 0..count {
            let share = work.share(count, number);
            if share == 0.0 {
                continue;
            }
            let mut rest = number;
            for node in question.iter().rev() {
                let size = work.sizes[*node as usize] as usize;
                work.states[*node as usize] = (rest % size) as u32;
                rest /= size;
            }
            for node in chain {
                let node = &network.nodes[*node as usize];
                let Content::Continuous { rows, .. } = &node.content else {
                    return Ok(None);
                };
                let Some(distribution) = &rows[position(&node.parents, &work.sizes, &work.states)] else {
                    return Ok(None);
                };
                last = self.mean(distribution)?;
                self.set(node.slot, Value::Double(last));
            }
            sum += share * last;
        }
        Ok(Some(sum))
    }

    fn parameters(&mut self, distribution: &Distribution) -> Scored<[f64; 3]> {
        let mut found = [0.0; 3];
        for (to, expression) in found.iter_mut().zip(&distribution.parameters) {
            let frame = std::mem::replace(&mut self.scratch.frame, self.scratch.arguments.len());
            let value = self.evaluate(expression);
            self.scratch.frame = frame;
            *to = value?.number().ok_or_else(Fault::undefined)?;
        }
        let valid = match distribution.family {
            Family::Normal | Family::LogNormal => found[1] > 0.0,
            Family::Uniform => found[0] < found[1],
            Family::Triangular => {
                let mode = mode(found);
                found[0] < found[1] && mode >= found[0] && mode <= found[1]
            }
        };
        if valid { Ok(found) } else { Err(Fault::undefined()) }
    }

    fn density(&mut self, distribution: &Distribution, value: f64) -> Scored<f64> {
        let found = self.parameters(distribution)?;
        let [a, b, _] = found;
        let normal = |value: f64| (-(value - a).powi(2) / (2.0 * b)).exp() / (2.0 * std::f64::consts::PI * b).sqrt();
        Ok(match distribution.family {
            Family::Normal => normal(value),
            Family::LogNormal if value > 0.0 => normal(value.ln()) / value,
            Family::LogNormal => 0.0,
            _ if value < a || value > b => 0.0,
            Family::Uniform => 1.0 / (b - a),
            Family::Triangular => {
                let mode = mode(found);
                let height = 2.0 / (b - a);
                if value < mode {
                    height * (value - a) / (mode - a)
                } else if value > mode {
                    height * (b - value) / (b - mode)
                } else {
                    height
                }
            }
        })
    }

    fn mean(&mut self, distribution: &Distribution) -> Scored<f64> {
        let [a, b, c] = self.parameters(distribution)?;
        Ok(match distribution.family {
            Family::Normal => a,
            Family::LogNormal => (a + 0.5 * b).exp(),
            Family::Uniform => f64::midpoint(a, b),
            Family::Triangular => c,
        })
    }
}

/// The likeliest value of a triangular distribution of lower, upper, mean.
fn mode([lower, upper, mean]: [f64; 3]) -> f64 {
    3.0 * mean - lower - upper
}
