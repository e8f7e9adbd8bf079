//! `NeuralNetwork`.

use std::collections::HashMap;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseLayer};

use super::model::Draft;
use super::targets::target_names;
use super::uncertainty::STEPS_OF_AN_OUTPUT;
use super::{Compiled, Compiler, data_type};
use crate::document::Node;
use crate::expression::Expression;
use crate::models::Function;
use crate::models::neural_network::{Destination, Layer, NeuralNetwork, Neuron};
use crate::run::Direct;

fn activation(node: Node<'_>, name: &str) -> Compiled<Activation> {
    Ok(match name {
        "threshold" => Activation::Threshold(node.number_or("threshold", 0.0)?),
        "logistic" => Activation::Logistic,
        "tanh" => Activation::Tanh,
        "identity" => Activation::Identity,
        "exponential" => Activation::Exponential,
        "reciprocal" => Activation::Reciprocal,
        "square" => Activation::Square,
        "Gauss" => Activation::Gauss,
        "sine" => Activation::Sine,
        "cosine" => Activation::Cosine,
        "Elliott" => Activation::Elliott,
        "arctan" => Activation::Arctan,
        "rectifier" => Activation::Rectifier,
        other => return Err(node.invalid(format!("unknown activationFunction '{other}'"))),
    })
}

fn normalization(node: Node<'_>, name: &str) -> Compiled<Option<Activation>> {
    Ok(match name {
        "none" => None,
        "softmax" => Some(Activation::Softmax),
        "simplemax" => Some(Activation::Simplemax),
        other => return Err(node.invalid(format!("unknown normalizationMethod '{other}'"))),
    })
}

impl<'d> Compiler<'d> {
    pub(super) fn neural_network(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<NeuralNetwork>> {
        let node = draft.node;
        let mut ids: HashMap<&'d str, u32> = HashMap::new();
        let mut inputs = Vec::new();
        for input in node.need_child("NeuralInputs")?.all("NeuralInput") {
            let derived = input.need_child("DerivedField")?;
            let kind = data_type(derived)?;
            let (expression, _) = self.only_expression(draft.scope, &[], derived, kind)?;
            let expression = match (expression, kind) {
                (field @ Expression::Field { .. }, _) | (field, None) => field,
                (other, Some(kind)) => Expression::Cast {
                    of: Box::new(other),
                    kind,
                },
            };
            if ids.insert(input.need("id")?, inputs.len() as u32).is_some() {
                return Err(input.invalid("two neurons have the same id"));
            }
            inputs.push(expression);
        }
        let default_normalization = normalization(node, node.get("normalizationMethod").unwrap_or("none"))?;
        let elements: Vec<Node<'d>> = node.all("NeuralLayer").collect();
        let mut layers: Vec<Layer> = Vec::new();
        let mut first = 0;
        for element in &elements {
            first = ids.len();
            let name = element
                .get("activationFunction")
                .map_or_else(|| node.need("activationFunction"), Ok)?;
            let radial = name == "radialBasis";
            let function = if radial {
                Activation::Identity
            } else if name == "threshold" && element.get("threshold").is_none() {
                activation(node, name)?
            } else {
                activation(*element, name)?
            };
            let mut neurons = Vec::new();
            let mut names = Vec::new();
            for neuron in element.all("Neuron") {
                let width = neuron
                    .number("width")?
                    .or(element.number("width")?)
                    .or(node.number("width")?);
                let altitude = neuron
                    .number("altitude")?
                    .or(element.number("altitude")?)
                    .or(node.number("altitude")?);
                let connections = neuron
                    .all("Con")
                    .map(|connection| {
                        let from = connection.need("from")?;
                        let from = *ids.get(from).ok_or_else(|| {
                            connection.invalid(format!("there is no neuron '{from}' before this layer"))
                        })?;
                        Ok((from, connection.need_number("weight")?))
                    })
                    .collect::<Compiled<_>>()?;
                let radial = match (radial, width) {
                    (false, _) => None,
                    (true, Some(width)) => Some((width, altitude.unwrap_or(1.0))),
                    (true, None) => return Err(neuron.invalid("radialBasis needs a width")),
                };
                neurons.push(Neuron {
                    bias: neuron.number_or("bias", 0.0)?,
                    inputs: connections,
                    radial,
                });
                names.push((neuron.need("id")?, neuron));
            }
            if neurons.is_empty() {
                return Err(element.invalid("a layer has no neurons"));
            }
            for (name, neuron) in names {
                let next = ids.len() as u32;
                if ids.insert(name, next).is_some() {
                    return Err(neuron.invalid("two neurons have the same id"));
                }
            }
            layers.push(Layer {
                neurons: neurons.into(),
                activation: function,
                normalization: match element.get("normalizationMethod") {
                    Some(name) => normalization(*element, name)?,
                    None => default_normalization,
                },
            });
        }
        if layers.is_empty() {
            return Err(node.invalid("element NeuralLayer is missing"));
        }
        let targets = target_names(node);
        if targets.len() > 1 {
            // Each target looks for its outputs among all.
            let all = node.need_child("NeuralOutputs")?.all("NeuralOutput").count();
            node.work(STEPS_OF_AN_OUTPUT.saturating_mul(all).saturating_mul(targets.len()))?;
        }
        let outputs = self.neural_outputs(draft, &ids, targets.len() > 1)?;
        let mut further = Vec::new();
        for name in targets.into_iter().skip(1) {
            further.push(self.further(draft, name, |compiler, draft| {
                compiler.neural_outputs(draft, &ids, true).map(Vec::into_boxed_slice)
            })?);
        }
        let mut network = NeuralNetwork {
            chain: chain(inputs.len(), &layers),
            inputs: inputs.into(),
            direct: Direct::default(),
            layers: layers.into(),
            outputs: outputs.into(),
            further: further.into(),
            last: first,
        };
        let further = network.further.iter().flat_map(|(_, outputs)| outputs);
        if network
            .outputs
            .iter()
            .chain(further)
            .any(|(from, _)| (*from as usize) < network.last)
        {
            network.chain = None;
        }
        if network.chain.is_some() {
            network.layers = Box::default();
        }
        Ok(Some(network))
    }

    fn neural_outputs(
        &mut self,
        draft: &mut Draft<'d>,
        ids: &HashMap<&'d str, u32>,
        several: bool,
    ) -> Compiled<Vec<(u32, Destination)>> {
        let mut outputs = Vec::new();
        for output in draft.node.need_child("NeuralOutputs")?.all("NeuralOutput") {
            let id = output.need("outputNeuron")?;
            let from = *ids
                .get(id)
                .ok_or_else(|| output.invalid(format!("there is no neuron '{id}'")))?;
            let derived = output.need_child("DerivedField")?;
            let mut expression = derived
                .children()
                .find(|child| matches!(child.name(), "FieldRef" | "NormDiscrete" | "NormContinuous"))
                .ok_or_else(|| derived.invalid("an expression is missing"))?;
            // A reference to a derived field stands for its expression.
            let mut hops = 0;
            while expression.name() == "FieldRef"
                && let Some(inner) = self.declared(draft.scope, expression.need("field")?)
            {
                let Some(next) = inner
                    .children()
                    .find(|child| matches!(child.name(), "FieldRef" | "NormDiscrete" | "NormContinuous"))
                else {
                    break;
                };
                expression = next;
                hops += 1;
                if hops > 64 {
                    return Err(output.invalid("derived fields refer to each other"));
                }
            }
            // With several targets each output says which one it is for.
            if several && expression.get("field").or(derived.get("name")) != draft.target {
                continue;
            }
            let destination = match expression.name() {
                "NormDiscrete" => Destination::Class(self.class(&mut draft.classes, expression.need("value")?)),
                "NormContinuous" => {
                    let mut points = expression
                        .all("LinearNorm")
                        .map(|norm| Ok((norm.need_number("orig")?, norm.need_number("norm")?)))
                        .collect::<Compiled<Vec<(f64, f64)>>>()?;
                    points.sort_by(|a, b| a.0.total_cmp(&b.0));
                    Destination::Number(points.into())
                }
                _ => Destination::Number(Box::default()),
            };
            outputs.push((from, destination));
        }
        if draft.function == Function::Classification
            && outputs.len() == 1
            && let Some(data) = draft.target.and_then(|target| self.fields.get(target))
            && data.values.len() == 2
        {
            for text in data.values.clone() {
                self.class(&mut draft.classes, text);
            }
        }
        Ok(outputs)
    }
}

/// The layers as a chain of the kernel, when each reads all of the one before.
fn chain(inputs: usize, layers: &[Layer]) -> Option<DenseChain<f64>> {
    let mut dense = Vec::with_capacity(layers.len());
    let (mut first, mut width) = (0, inputs);
    for layer in layers {
        // Of what is hardly connected a matrix would hold zeros.
        let connections: usize = layer.neurons.iter().map(|neuron| neuron.inputs.len()).sum();
        if width.saturating_mul(layer.neurons.len()) > 16 * connections + 65_536 {
            return None;
        }
        let mut weights = vec![0.0; width * layer.neurons.len()];
        let mut bias = Vec::with_capacity(layer.neurons.len());
        for (row, neuron) in layer.neurons.iter().enumerate() {
            if neuron.radial.is_some() {
                return None;
            }
            for (from, weight) in &neuron.inputs {
                let column = (*from as usize).checked_sub(first).filter(|column| *column < width)?;
                weights[row * width + column] += weight;
            }
            bias.push(neuron.bias);
        }
        let function = match (layer.activation, layer.normalization) {
            (function, None) => function,
            (Activation::Identity, Some(normalization)) => normalization,
            _ => return None,
        };
        dense.push(DenseLayer::output_major(width, layer.neurons.len(), &weights, &bias, function).ok()?);
        first += width;
        width = layer.neurons.len();
    }
    DenseChain::new(dense).ok()
}
