//! Branches written as a graph: `Switch` leads a value to the side that a condition chooses, `Merge` takes what arrives.
//!
//! A value lies behind the sides of the `Switch` nodes that it depends on, be it only by having to run after one. A `Merge` of
//! two values that lie behind opposite sides of one condition is a choice by this condition.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serving_model::ModelError;

use super::library::Program;
use super::{Port, unsupported_at};

/// Most nodes that pass a condition on.
const MOST_PASSED: usize = 1 << 10;
/// Most conditions that a value may lie behind.
const MOST_CONDITIONS: usize = 256;

/// Conditions and their sides, sorted.
type Sides = Rc<Vec<(Port, bool)>>;

/// What a node is a part of, as far as it is known.
pub(super) struct Loops {
    /// `Merge` nodes that a loop begins with.
    pub(super) merges: HashSet<usize>,
    /// `Switch` nodes of loops.
    pub(super) switches: HashSet<usize>,
}

/// For each `Merge` that is a choice: condition, value where it does not hold, value where it does.
pub(super) fn choices(program: &Program, loops: &Loops) -> Result<HashMap<usize, [Port; 3]>, ModelError> {
    let merges: Vec<usize> = (0..program.nodes.len())
        .filter(|node| program.reached[*node] && is_merge(program, loops, *node))
        .collect();
    let mut finder = Finder {
        program,
        loops,
        behind: HashMap::new(),
        choices: HashMap::new(),
    };
    for merge in merges {
        finder.visit(merge)?;
    }
    Ok(finder.choices)
}

fn is_merge(program: &Program, loops: &Loops, node: usize) -> bool {
    program.definition(node).op == "Merge" && !loops.merges.contains(&node)
}

struct Finder<'a> {
    program: &'a Program,
    loops: &'a Loops,
    behind: HashMap<usize, Sides>,
    choices: HashMap<usize, [Port; 3]>,
}

impl Finder<'_> {
    fn is_switch(&self, node: usize) -> bool {
        self.program.definition(node).op == "Switch" && !self.loops.switches.contains(&node)
    }

    fn waits_for(&self, node: usize) -> Vec<usize> {
        let raw = &self.program.nodes[node];
        if self.loops.merges.contains(&node) {
            return raw.inputs.first().iter().map(|port| port.node).collect();
        }
        let inputs = raw.inputs.iter().map(|port| port.node);
        inputs.chain(raw.controls.iter().copied()).collect()
    }

    fn visit(&mut self, start: usize) -> Result<(), ModelError> {
        let mut open = HashSet::new();
        let mut stack = vec![start];
        while let Some(node) = stack.pop() {
            if self.behind.contains_key(&node) {
                continue;
            }
            if open.insert(node) {
                stack.push(node);
                let waits = self.waits_for(node);
                stack.extend(waits.into_iter().filter(|wait| !open.contains(wait)));
                continue;
            }
            let sides = self.sides(node)?;
            self.behind.insert(node, sides);
        }
        Ok(())
    }

    /// The sides that an output lies behind.
    fn port(&self, port: Port) -> Sides {
        let base = self.behind.get(&port.node).cloned().unwrap_or_default();
        if !self.is_switch(port.node) {
            return base;
        }
        let Some(condition) = self.program.nodes[port.node].inputs.get(1) else {
            return base;
        };
        union(&base, &[(self.same(*condition), port.port == 1)])
    }

    /// The value that nodes which change nothing pass on.
    fn same(&self, mut port: Port) -> Port {
        for _ in 0..MOST_PASSED {
            let raw = &self.program.nodes[port.node];
            match (raw.definition.op.as_str(), raw.inputs.first()) {
                ("Identity", Some(input)) => port = *input,
                _ => break,
            }
        }
        port
    }

    fn sides(&mut self, node: usize) -> Result<Sides, ModelError> {
        let raw = &self.program.nodes[node];
        if self.loops.merges.contains(&node) {
            return Ok(raw.inputs.first().map(|port| self.port(*port)).unwrap_or_default());
        }
        if is_merge(self.program, self.loops, node) {
            return Ok(self.merge(node));
        }
        let mut all = Sides::default();
        for port in &raw.inputs {
            all = union(&all, &self.port(*port));
        }
        for control in &raw.controls {
            let base = self.behind.get(control).cloned().unwrap_or_default();
            all = union(&all, &base);
        }
        if all.len() > MOST_CONDITIONS {
            let message = format!("a value behind more than {MOST_CONDITIONS} conditions");
            return Err(unsupported_at(&raw.definition, message));
        }
        Ok(all)
    }

    fn merge(&mut self, node: usize) -> Sides {
        let [first, second] = *self.program.nodes[node].inputs.as_slice() else {
            return Sides::default();
        };
        let (left, right) = (self.port(first), self.port(second));
        let opposite = left
            .iter()
            .find(|(condition, side)| right.contains(&(*condition, !side)));
        if let Some((condition, side)) = opposite {
            let values = if *side { [second, first] } else { [first, second] };
            self.choices.insert(node, [*condition, values[0], values[1]]);
        }
        let common = left.iter().filter(|side| right.contains(side)).copied();
        Rc::new(common.collect())
    }
}

fn union(left: &Sides, right: &[(Port, bool)]) -> Sides {
    if right.iter().all(|side| left.contains(side)) {
        return Rc::clone(left);
    }
    let mut all: Vec<(Port, bool)> = left.iter().chain(right).copied().collect();
    all.sort_unstable();
    all.dedup();
    Rc::new(all)
}
