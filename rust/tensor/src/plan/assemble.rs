//! From the drafts of steps to a plan.

use std::collections::HashMap;

use serving_kernels::activation::Activation;
use serving_kernels::convolution::Convolution;
use serving_kernels::dense::{DenseChain, DenseLayer};

use super::compile::{Compiler, Draft, MOST_VALUES, MOST_VALUES_OF_IMAGES};
use super::images::{Change, Convolved};
use super::memory::Layout;
use super::{Answer, Plan, PlanReal, Step};

/// Most steps for one row, counted as the interpreter counts them: an element or four multiplications.
const MOST_STEPS: usize = 1 << 31;

impl<T: PlanReal> Compiler<'_, T> {
    /// `None` when the rows would be too wide or too much work, or a layer can't be.
    pub(super) fn finish(mut self, outputs: Vec<Answer>) -> Option<Plan<T>> {
        let mut reads = vec![0_usize; self.widths.len()];
        for draft in &self.drafts {
            match draft {
                Draft::Dense { from, .. } | Draft::Convolve { from, .. } => reads[*from] += 1,
                Draft::Done(step) => step.sources().into_iter().for_each(|slot| reads[slot] += 1),
            }
        }
        for output in &outputs {
            // Nothing else may be made of an output.
            reads[output.slot()] += 2;
        }
        let mut steps = Vec::new();
        // Chains whose last layer nobody but the next layer reads, by the slot that they make.
        let mut open: HashMap<usize, (usize, Vec<DenseLayer<T>>)> = HashMap::new();
        let mut work = 0_usize;
        for draft in std::mem::take(&mut self.drafts) {
            let sources = match &draft {
                Draft::Dense { .. } => Vec::new(),
                Draft::Convolve { from, .. } => vec![*from],
                Draft::Done(step) => step.sources(),
            };
            for source in sources {
                if let Some((start, layers)) = open.remove(&source) {
                    steps.push(chain(start, source, layers)?);
                }
            }
            match draft {
                Draft::Convolve {
                    from,
                    to,
                    windows,
                    groups,
                    order,
                    weights,
                    bias,
                } => {
                    let product = Convolution::new(windows, groups, order, &weights, &bias)?;
                    work = work.saturating_add(product.work() / 4);
                    let convolved = Box::new(Convolved::new(product));
                    steps.push(Step::Convolve { from, to, convolved });
                }
                Draft::Dense {
                    from,
                    to,
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
                    let layer = make(self.widths[from], self.widths[to], &weights, &bias, activation).ok()?;
                    let (start, mut layers) = open.remove(&from).unwrap_or((from, Vec::new()));
                    layers.push(layer);
                    if reads[to] == 1 {
                        open.insert(to, (start, layers));
                    } else {
                        steps.push(chain(start, to, layers)?);
                    }
                }
                Draft::Done(step) => {
                    if let Step::Pool { pooling, .. } = &step {
                        work = work.saturating_add(pooling.work());
                    }
                    steps.push(step);
                }
            }
        }
        let width = self.widths.iter().fold(work, |work, width| work.saturating_add(*width));
        if width > MOST_STEPS {
            return None;
        }
        let steps = fuse(steps, &reads, &mut self.widths);
        let scratch = steps.iter().map(|step| match step {
            Step::Dense { chain, .. } => chain.scratch_len(),
            Step::Convolve { convolved, .. } => convolved.product.scratch_len(),
            _ => 0,
        });
        let mut plan = Plan {
            scratch: scratch.max().unwrap_or(0),
            widths: self.widths,
            steps,
            outputs,
            layout: Layout::default(),
            labels: self.labels,
        };
        plan.lay_out(MOST_VALUES, MOST_VALUES_OF_IMAGES)?;
        Some(plan)
    }
}

/// Makes of changes to images parts of the convolutions before or after them, so that an image is changed while it is in the
/// cache. Slots that nobody makes any more lose their width.
fn fuse<T: PlanReal>(steps: Vec<Step<T>>, reads: &[usize], widths: &mut [usize]) -> Vec<Step<T>> {
    let mut fused: Vec<Option<Step<T>>> = Vec::with_capacity(steps.len());
    // Where in `fused` a slot is made.
    let mut makers: HashMap<usize, usize> = HashMap::new();
    for mut step in steps {
        if let Some((from, maker)) = earlier(&step, &fused, &makers, reads, widths)
            && let Some(Some(Step::Convolve { to, convolved, .. })) = fused.get_mut(maker)
        {
            let made = step.to();
            // The maker is a convolution, so that the step is a change.
            convolved.after.extend(change(step, from));
            *to = made;
            widths[from] = 0;
            makers.insert(made, maker);
            continue;
        }
        if let Step::Convolve { from, convolved, .. } = &mut step
            && convolved.product.is_pointwise()
        {
            let channels = convolved.product.image_channels();
            while reads[*from] == 1
                && let Some(maker) = makers.get(from)
                && let Some(source) = fused[*maker]
                    .as_ref()
                    .and_then(|step| source_by_channel(step, channels, widths))
                && let Some(before) = fused[*maker].take()
            {
                convolved.before.splice(0..0, change(before, source));
                widths[*from] = 0;
                *from = source;
            }
        }
        makers.insert(step.to(), fused.len());
        fused.push(Some(step));
    }
    fused.into_iter().flatten().collect()
}

fn is_each(function: Activation) -> bool {
    !matches!(function, Activation::Softmax | Activation::Simplemax)
}

/// The slot that a change of an image takes, and the convolution that makes that slot, for nobody else.
fn earlier<T: PlanReal>(
    step: &Step<T>,
    fused: &[Option<Step<T>>],
    makers: &HashMap<usize, usize>,
    reads: &[usize],
    widths: &[usize],
) -> Option<(usize, usize)> {
    let of = |slot: usize| {
        let maker = *makers.get(&slot).filter(|_| reads[slot] == 1)?;
        match fused.get(maker)? {
            Some(Step::Convolve { convolved, .. }) => Some((maker, convolved.product.channels())),
            _ => None,
        }
    };
    // What a step needs besides must be there when the convolution runs.
    let there = |slot: usize, maker: usize| makers.get(&slot).is_none_or(|other| *other < maker);
    match step {
        Step::Scale { from, values, .. } => of(*from)
            .filter(|(_, channels)| *channels == values.len())
            .map(|(maker, _)| (*from, maker)),
        Step::Activate { from, function, .. } => of(*from)
            .filter(|_| is_each(*function))
            .map(|(maker, _)| (*from, maker)),
        Step::Spread { from, channels, .. } => of(*from)
            .filter(|(maker, made)| there(*channels, *maker) && widths[*channels] == *made)
            .map(|(maker, _)| (*from, maker)),
        Step::Combine { left, right, .. } => {
            let one = |slot: usize, other: usize| {
                let (maker, _) = of(slot).filter(|(maker, _)| there(other, *maker))?;
                Some((slot, maker))
            };
            one(*left, *right).or_else(|| one(*right, *left))
        }
        _ => None,
    }
}

/// The slot that a step takes which changes each channel by itself.
fn source_by_channel<T: PlanReal>(step: &Step<T>, channels: usize, widths: &[usize]) -> Option<usize> {
    match step {
        Step::Scale { from, values, .. } => (values.len() == channels).then_some(*from),
        Step::Activate { from, function, .. } => is_each(*function).then_some(*from),
        Step::Spread {
            from, channels: pixel, ..
        } => (widths[*pixel] == channels).then_some(*from),
        _ => None,
    }
}

/// A step as a change of what it takes from a slot.
fn change<T: PlanReal>(step: Step<T>, from: usize) -> Option<Change<T>> {
    Some(match step {
        Step::Scale {
            function,
            values,
            constant_left,
            ..
        } => Change::Scale {
            function,
            values,
            constant_left,
        },
        Step::Activate { function, .. } => Change::Activate(function),
        Step::Spread {
            channels,
            function,
            channels_left,
            ..
        } => Change::Combine {
            slot: channels,
            function,
            slot_left: channels_left,
            by_channel: true,
        },
        Step::Combine {
            left, right, function, ..
        } => Change::Combine {
            slot: if left == from { right } else { left },
            function,
            slot_left: left != from,
            by_channel: false,
        },
        _ => return None,
    })
}

fn chain<T: PlanReal>(from: usize, to: usize, layers: Vec<DenseLayer<T>>) -> Option<Step<T>> {
    let chain = DenseChain::new(layers).ok()?;
    Some(Step::Dense { from, to, chain })
}
