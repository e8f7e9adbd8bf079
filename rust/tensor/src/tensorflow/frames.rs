//! Loops written as a graph: which nodes make up each.
//!
//! `Enter` brings a value into the frame, `Merge` takes the first or the next one, `LoopCond` is the condition, `Switch` leads
//! the value on to the body (port 1) or to `Exit` (port 0), and `NextIteration` leads back to `Merge`.

use std::collections::{HashMap, HashSet};

use serving_model::ModelError;

use super::branches::Loops;
use super::library::Program;
use super::{Port, invalid_at};

/// Most variables and captures of a loop.
const MOST_VARIABLES: usize = 1024;

/// A frame: copy of a function, and name.
pub(super) type Key<'a> = (usize, &'a str);

/// The nodes that make up one loop.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) condition: Option<usize>,
    /// `Merge` nodes, one per variable.
    pub(super) merges: Vec<usize>,
    /// `Switch` nodes and the variables that they lead on.
    pub(super) switches: Vec<(usize, usize)>,
    /// `Enter` nodes of values that don't change.
    pub(super) captures: Vec<usize>,
    exits: usize,
}

/// All loops of a program.
pub(super) struct Frames<'a> {
    pub(super) frames: HashMap<Key<'a>, Frame>,
    /// Frame and variable of each `Exit` node.
    pub(super) exits: HashMap<usize, (Key<'a>, usize)>,
}

/// An input that must be there.
pub(super) fn input(program: &Program, node: usize, port: usize) -> Result<Port, ModelError> {
    let raw = &program.nodes[node];
    raw.inputs
        .get(port)
        .copied()
        .ok_or_else(|| invalid_at(&raw.definition, format!("{} has no input {port}", raw.definition.op)))
}

impl<'a> Frames<'a> {
    pub(super) fn find(program: &'a Program) -> Result<Self, ModelError> {
        let mut frames: HashMap<Key<'a>, Frame> = HashMap::new();
        let key = |node: usize| {
            (
                program.nodes[node].instance,
                program.definition(node).text("frame_name"),
            )
        };
        let op = |node: usize| program.definition(node).op.as_str();
        let nodes = |operator: &'static str| {
            (0..program.nodes.len()).filter(move |n| program.reached[*n] && op(*n) == operator)
        };
        let mut merges = HashMap::new();
        for node in nodes("Merge") {
            let Ok(first) = input(program, node, 0) else { continue };
            if op(first.node) == "Enter" {
                let key = key(first.node);
                let frame = frames.entry(key).or_default();
                merges.insert(node, (key, frame.merges.len()));
                frame.merges.push(node);
            }
        }
        for node in nodes("Switch") {
            let (Ok(data), Ok(predicate)) = (input(program, node, 0), input(program, node, 1)) else {
                continue;
            };
            if let (Some((key, variable)), "LoopCond") = (merges.get(&data.node), op(predicate.node))
                && let Some(frame) = frames.get_mut(key)
            {
                frame.condition = Some(predicate.node);
                frame.switches.push((node, *variable));
            }
        }
        for node in nodes("Enter") {
            if program.definition(node).flag("is_constant")
                && let Some(frame) = frames.get_mut(&key(node))
            {
                frame.captures.push(node);
            }
        }
        let mut exits = HashMap::new();
        for node in nodes("Exit") {
            let switch = input(program, node, 0)?;
            let merge = input(program, switch.node, 0)?;
            let found = merges
                .get(&merge.node)
                .filter(|_| op(switch.node) == "Switch" && switch.port == 0);
            let found = found.ok_or_else(|| invalid_at(program.definition(node), "Exit without a loop"))?;
            exits.insert(node, *found);
            if let Some(frame) = frames.get_mut(&found.0) {
                frame.exits += 1;
            }
        }
        for ((_, name), frame) in &frames {
            if frame.merges.len().max(frame.captures.len()).max(frame.exits) > MOST_VARIABLES {
                return Err(ModelError::too_large(format!(
                    "loop '{name}' has more than {MOST_VARIABLES} variables"
                )));
            }
        }
        Ok(Self { frames, exits })
    }

    /// The nodes that are no branches.
    pub(super) fn loops(&self) -> Loops {
        let switches = self.frames.values().flat_map(|frame| &frame.switches);
        Loops {
            merges: self.frames.values().flat_map(|frame| &frame.merges).copied().collect(),
            switches: switches.map(|(node, _)| *node).collect::<HashSet<_>>(),
        }
    }
}
