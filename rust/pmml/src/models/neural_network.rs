//! `NeuralNetwork`.

use serving_kernels::activation::Activation;
use serving_kernels::dense::DenseChain;

use super::{Function, Model};
use crate::expression::Expression;
use crate::run::{Direct, Run, Scored};
use crate::treatment::Interval;

/// A neuron of the general path: which values it reads and with which weights.
#[derive(Debug)]
pub(crate) struct Neuron {
    pub(crate) bias: f64,
    pub(crate) inputs: Box<[(u32, f64)]>,
    /// Radial basis: width and altitude.
    pub(crate) radial: Option<(f64, f64)>,
}

/// A layer of the general path.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) neurons: Box<[Neuron]>,
    pub(crate) activation: Activation,
    pub(crate) normalization: Option<Activation>,
}

/// Where an output neuron's value goes.
#[derive(Debug)]
pub(crate) enum Destination {
    Class(u32),
    /// The prediction, after the inverse of the broken line.
    Number(Box<[(f64, f64)]>),
}

/// Value indices and what they stand for.
pub(crate) type Outputs = Box<[(u32, Destination)]>;

/// A compiled network.
#[derive(Debug)]
pub(crate) struct NeuralNetwork {
    pub(crate) inputs: Box<[Expression]>,
    pub(crate) direct: Direct,
    pub(crate) chain: Option<DenseChain<f64>>,
    pub(crate) layers: Box<[Layer]>,
    pub(crate) outputs: Outputs,
    /// Those of other targets, and the models that stand for them.
    pub(crate) further: Box<[(usize, Outputs)]>,
    /// First value of the last layer.
    pub(crate) last: usize,
}

/// Shares of classes from values, of which the first has some number.
pub(crate) fn shares(outputs: &Outputs, values: &[f64], first: usize, shares: &mut [f64]) {
    shares.fill(0.0);
    for (from, destination) in outputs {
        if let Destination::Class(class) = destination {
            shares[*class as usize] = values[*from as usize - first];
        }
    }
    if let ([(_, Destination::Class(class))], [_, _]) = (&**outputs, &*shares) {
        // One neuron for two classes is the share of its class.
        shares[1 - *class as usize] = 1.0 - shares[*class as usize];
    }
}

/// The prediction from the value of a neuron.
pub(crate) fn predicted(value: f64, points: &[(f64, f64)]) -> f64 {
    if points.is_empty() {
        value
    } else {
        invert_line(points, value)
    }
}

/// The value whose image under the broken line is `image`.
pub(crate) fn invert_line(points: &[(f64, f64)], image: f64) -> f64 {
    let segment = points
        .windows(2)
        .find(|pair| {
            let (a, b) = (pair[0].1.min(pair[1].1), pair[0].1.max(pair[1].1));
            Interval {
                low: a,
                high: b,
                low_open: false,
                high_open: false,
            }
            .contains(image)
        })
        .or_else(|| {
            // Beyond the ends the outer segments go on.
            let first = points.first()?;
            let last = points.last()?;
            let rising = last.1 >= first.1;
            if (image < first.1) == rising {
                points.windows(2).next()
            } else {
                points.windows(2).last()
            }
        });
    match segment {
        Some(pair) if pair[0].1 != pair[1].1 => {
            pair[0].0 + (image - pair[0].1) / (pair[1].1 - pair[0].1) * (pair[1].0 - pair[0].0)
        }
        Some(pair) => pair[0].0,
        None => image,
    }
}

impl Run<'_> {
    pub(crate) fn neural_network(&mut self, index: usize, model: &Model, network: &NeuralNetwork) -> Scored<bool> {
        let base = self.scratch.work.len();
        let found = self.activations(network, base);
        let found = match found {
            Ok(true) => {
                for (further, outputs) in &network.further {
                    self.further(*further, |run, model| {
                        run.answer_network(*further, model, outputs, base)
                    });
                }
                Ok(self.answer_network(index, model, &network.outputs, base))
            }
            other => other,
        };
        self.scratch.work.truncate(base);
        found
    }

    /// Leaves the values of the inputs and of the layers (or of the last one) in the work space.
    fn activations(&mut self, network: &NeuralNetwork, base: usize) -> Scored<bool> {
        let direct = self.direct(&network.direct);
        if direct {
            let scratch = &mut *self.scratch;
            scratch.work.extend_from_slice(&scratch.row);
        }
        for input in if direct { &[] } else { &*network.inputs } {
            let value = match input {
                Expression::Field { slot, .. } => self.number(*slot)?,
                other => {
                    let value = self.evaluate(other)?;
                    self.numeric(value)?
                }
            };
            match value {
                Some(number) => self.scratch.work.push(number),
                None => return Ok(false),
            }
        }
        let scratch = &mut *self.scratch;
        if let Some(chain) = &network.chain {
            let inputs = scratch.work.len();
            scratch.work.resize(base + network.last + chain.outputs(), 0.0);
            if scratch.dense.len() < chain.scratch_len() {
                scratch.dense.resize(chain.scratch_len(), 0.0);
            }
            let (before, after) = scratch.work.split_at_mut(base + network.last);
            chain.evaluate(1, &before[base..inputs], after, &mut scratch.dense);
            return Ok(true);
        }
        for layer in &network.layers {
            let start = scratch.work.len();
            for neuron in &layer.neurons {
                let values = &scratch.work[base..];
                let sum = match neuron.radial {
                    None => neuron
                        .inputs
                        .iter()
                        .fold(neuron.bias, |sum, (from, weight)| sum + weight * values[*from as usize]),
                    Some((width, altitude)) => {
                        let distance: f64 = neuron
                            .inputs
                            .iter()
                            .map(|(from, weight)| (weight - values[*from as usize]).powi(2))
                            .sum();
                        let fan_in = neuron.inputs.len() as f64;
                        (fan_in * altitude.ln() - distance / (2.0 * width * width)).exp()
                    }
                };
                scratch.work.push(sum);
            }
            let count = layer.neurons.len();
            layer.activation.apply(&mut scratch.work[start..], count);
            if let Some(normalization) = layer.normalization {
                normalization.apply(&mut scratch.work[start..], count);
            }
        }
        Ok(true)
    }

    fn answer_network(&mut self, index: usize, model: &Model, outputs: &Outputs, base: usize) -> bool {
        let scratch = &mut *self.scratch;
        let values = &scratch.work[base..];
        if model.function == Function::Classification {
            let shares = &mut scratch.shares[model.shares..model.shares + model.classes.len()];
            self::shares(outputs, values, 0, shares);
            return self.answer_largest(index, model);
        }
        match outputs.first() {
            Some((from, Destination::Number(points))) => {
                let value = predicted(values[*from as usize], points);
                let found = self.answer_number(index, model, value);
                found && (model.float || !value.is_nan())
            }
            _ => false,
        }
    }
}
