//! From the drafts of steps to a plan.

use std::collections::HashMap;

use serving_kernels::dense::{DenseChain, DenseLayer};

use super::compile::{Compiler, Draft, MOST_VALUES};
use super::images::Convolution;
use super::{Answer, Plan, PlanReal, Step};

impl<T: PlanReal> Compiler<'_, T> {
    /// `None` when the rows would be too wide, or a layer can't be.
    pub(super) fn finish(self, outputs: Vec<Answer>) -> Option<Plan<T>> {
        if self
            .widths
            .iter()
            .try_fold(0_usize, |sum, width| sum.checked_add(*width))?
            > MOST_VALUES
        {
            return None;
        }
        let mut reads = vec![0_usize; self.widths.len()];
        for draft in &self.drafts {
            match draft {
                Draft::Dense { from, .. }
                | Draft::Done(
                    Step::Scale { from, .. }
                    | Step::Activate { from, .. }
                    | Step::Dense { from, .. }
                    | Step::Convolve { from, .. }
                    | Step::Pool { from, .. }
                    | Step::Classical { from, .. },
                ) => {
                    reads[*from] += 1;
                }
                Draft::Done(Step::Fill { .. }) => {}
                Draft::Done(Step::Join { parts, .. }) => parts.iter().for_each(|part| reads[*part] += 1),
                Draft::Done(Step::Combine { left, right, .. }) => {
                    reads[*left] += 1;
                    reads[*right] += 1;
                }
            }
        }
        for output in &outputs {
            reads[output.slot()] += 1;
        }
        let mut steps = Vec::new();
        // Chains whose last layer nobody but the next layer reads, by the slot that they make.
        let mut open: HashMap<usize, (usize, Vec<DenseLayer<T>>)> = HashMap::new();
        for draft in self.drafts {
            match draft {
                Draft::Dense {
                    from,
                    to,
                    patches,
                    weights,
                    transposed,
                    bias,
                    activation,
                } => {
                    let make = if transposed {
                        DenseLayer::output_major
                    } else {
                        DenseLayer::input_major
                    };
                    if let Some(patches) = patches {
                        if let Some((start, layers)) = open.remove(&from) {
                            steps.push(chain(start, from, layers)?);
                        }
                        let inputs = patches.len();
                        let layer = make(inputs, weights.len() / inputs, &weights, &bias, activation).ok()?;
                        let convolution = Convolution::new(patches, DenseChain::new(vec![layer]).ok()?);
                        steps.push(Step::Convolve { from, to, convolution });
                        continue;
                    }
                    let layer = make(self.widths[from], self.widths[to], &weights, &bias, activation).ok()?;
                    let (start, mut layers) = open.remove(&from).unwrap_or((from, Vec::new()));
                    layers.push(layer);
                    if reads[to] == 1 && !outputs.iter().any(|output| output.slot() == to) {
                        open.insert(to, (start, layers));
                    } else {
                        steps.push(chain(start, to, layers)?);
                    }
                }
                Draft::Done(step) => {
                    let sources = match &step {
                        Step::Combine { left, right, .. } => vec![*left, *right],
                        Step::Join { parts, .. } => parts.clone(),
                        Step::Fill { .. } => Vec::new(),
                        Step::Scale { from, .. }
                        | Step::Activate { from, .. }
                        | Step::Dense { from, .. }
                        | Step::Convolve { from, .. }
                        | Step::Pool { from, .. }
                        | Step::Classical { from, .. } => {
                            vec![*from]
                        }
                    };
                    for source in sources {
                        if let Some((start, layers)) = open.remove(&source) {
                            steps.push(chain(start, source, layers)?);
                        }
                    }
                    steps.push(step);
                }
            }
        }
        let scratch = steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.scratch_len(),
            Step::Convolve { convolution, .. } => convolution.scratch_len(),
            _ => 0,
        });
        Some(Plan {
            scratch: scratch.max().unwrap_or(0),
            widths: self.widths,
            steps,
            outputs,
            labels: self.labels,
        })
    }
}

fn chain<T: PlanReal>(from: usize, to: usize, layers: Vec<DenseLayer<T>>) -> Option<Step<T>> {
    let chain = DenseChain::new(layers).ok()?;
    Some(Step::Dense { from, to, chain })
}
