//! Operators with graphs inside.

use super::Graph;

/// Operators with graphs inside. Values of the surrounding graph that these need are the last inputs of the node and of
/// the graph.
#[derive(Clone, Debug)]
pub(crate) enum Control {
    /// Condition; values for the first graph, then those for the second.
    Branch {
        graphs: [Graph; 2],
        captures: usize,
        outputs: usize,
    },
    /// Number of a graph, the last one where there is none of this number; values for all of them.
    Choice { graphs: Vec<Graph>, outputs: usize },
    /// Most iterations, condition, variables. The body takes iteration, condition and variables; it gives condition,
    /// variables, and values that are stacked.
    Repeat {
        body: Graph,
        variables: usize,
        stacked: usize,
    },
    /// Variables, then tensors that are walked along an axis. The body gives variables and values that are stacked.
    Scan(Scan),
    /// A sequence and more inputs, item by item those that are sequences.
    MapItems { body: Graph, outputs: usize, given: usize },
}

/// ONNX's `Scan`.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) body: Graph,
    pub(crate) variables: usize,
    /// Axis, and whether it is walked backwards, of each tensor that is walked.
    pub(crate) walked: Vec<(i64, bool)>,
    /// The same of each result that is stacked.
    pub(crate) stacked: Vec<(i64, bool)>,
    /// Version 8: lengths of sequences are the first input, and a batch axis leads.
    pub(crate) batched: bool,
}

impl Control {
    pub(crate) fn graphs(&self) -> &[Graph] {
        match self {
            Self::Branch { graphs, .. } => graphs,
            Self::Choice { graphs, .. } => graphs,
            Self::Repeat { body, .. } | Self::MapItems { body, .. } => std::slice::from_ref(body),
            Self::Scan(scan) => std::slice::from_ref(&scan.body),
        }
    }

    pub(crate) fn graphs_mut(&mut self) -> &mut [Graph] {
        match self {
            Self::Branch { graphs, .. } => graphs,
            Self::Choice { graphs, .. } => graphs,
            Self::Repeat { body, .. } | Self::MapItems { body, .. } => std::slice::from_mut(body),
            Self::Scan(scan) => std::slice::from_mut(&mut scan.body),
        }
    }

    pub(super) fn ports(&self) -> usize {
        match self {
            Self::Branch { outputs, .. } | Self::Choice { outputs, .. } | Self::MapItems { outputs, .. } => *outputs,
            Self::Repeat { variables, stacked, .. } => variables + stacked,
            Self::Scan(scan) => scan.variables + scan.stacked.len(),
        }
    }
}
