//! `GaussianProcessModel`. The covariances between training instances are inverted when the model is loaded.

use serving_model::ModelError;

use super::model::Draft;
use super::table::table_rows;
use super::uncertainty::{Prediction, asked_for};
use super::{Compiled, Compiler, numbers};
use crate::document::Node;
use crate::matrix::dot;
use crate::models::Function;
use crate::models::gaussian_process::{GaussianProcess, Kernel, Shape, forward};
use crate::order::Order;
use crate::run::{NO_SLOT, Source};
use crate::value::Type;

/// Most training instances: loading takes time that grows with the third power.
const MOST_INSTANCES: usize = 4096;

const KERNELS: [&str; 4] = [
    "RadialBasisKernel",
    "ARDSquaredExponentialKernel",
    "AbsoluteExponentialKernel",
    "GeneralizedExponentialKernel",
];

impl<'d> Compiler<'d> {
    pub(super) fn gaussian_process_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<GaussianProcess>> {
        let node = draft.node;
        if draft.function != Function::Regression {
            self.unsupported(
                node,
                "a function other than regression, for which the specification defines no answer",
            );
            return Ok(None);
        }
        let target = draft
            .target
            .ok_or_else(|| node.invalid("the mining schema has no target"))?;
        let training = node.need_child("TrainingInstances")?;
        let fields = training.need_child("InstanceFields")?;
        let (mut inputs, mut columns, mut answer) = (Vec::new(), Vec::new(), None);
        for field in fields.all("InstanceField") {
            let name = field.need("field")?;
            let column = field.get("column").unwrap_or(name);
            let column = column.rsplit(':').next().unwrap_or(column);
            if name == target {
                answer = Some(column);
            } else {
                inputs.push(self.resolve(draft.scope, name, field)?);
                columns.push(column);
            }
        }
        let answer = answer.ok_or_else(|| fields.invalid(format!("the target '{target}' has no column")))?;
        if inputs.is_empty() {
            return Err(fields.invalid("no input has a column"));
        }
        let (kernel, noise) = kernel(node, inputs.len())?;
        let (mut points, mut answers) = (Vec::new(), Vec::new());
        for row in table_rows(training)? {
            if answers.len() == MOST_INSTANCES {
                let message = format!("more than {MOST_INSTANCES} training instances");
                return Err(ModelError::too_large(message).at(training.place()));
            }
            let cell = |column: &str| -> Compiled<f64> {
                let text = row.iter().find(|(name, _)| *name == column).map(|(_, text)| *text);
                text.and_then(|text| text.trim().parse::<f64>().ok())
                    .filter(|value| value.is_finite())
                    .ok_or_else(|| {
                        let number = answers.len() + 1;
                        training.invalid(format!(
                            "training instance {number} has no finite number in column {column}"
                        ))
                    })
            };
            for column in &columns {
                points.push(cell(column)?);
            }
            let value = cell(answer)?;
            answers.push(value);
        }
        if answers.is_empty() {
            return Err(training.invalid("there are no training instances"));
        }
        node.reserve(&[answers.len(), answers.len() + 1], size_of::<f64>() / 2)?;
        node.work(answers.len().pow(3) / 6 + answers.len().pow(2) / 2 * inputs.len())?;
        let root = root(&kernel, noise, &points, inputs.len())
            .ok_or_else(|| node.invalid("the covariances of the training instances are not positive definite"))?;
        forward(&root, &mut answers);
        backward(&root, &mut answers);
        let uncertain = asked_for(node);
        let mut slot = |name: &str| {
            if uncertain {
                self.slot(name, Type::Double, Source::Output, Order::default(), 1)
            } else {
                NO_SLOT
            }
        };
        let (value, deviation) = (slot("mean"), slot("standard deviation"));
        if uncertain {
            draft.predictions.push(Prediction {
                target: Some(target),
                value,
                deviation: Some(deviation),
            });
        }
        Ok(Some(GaussianProcess {
            kernel,
            noise,
            inputs: inputs.into(),
            points: points.into(),
            weights: answers.into(),
            root: if uncertain { root.into() } else { Box::default() },
            value,
            deviation,
        }))
    }
}

/// Kernel and variance of the noise.
fn kernel(model: Node<'_>, width: usize) -> Compiled<(Kernel, f64)> {
    let node = model
        .children()
        .find(|child| KERNELS.contains(&child.name()))
        .ok_or_else(|| model.invalid("a kernel is missing"))?;
    let positive = |name: &str, value: f64| {
        if value > 0.0 {
            Ok(value)
        } else {
            Err(node.invalid(format!("{name} is not positive")))
        }
    };
    let mut lambda = Vec::new();
    for part in node.all("Lambda") {
        let array = part
            .children()
            .find(|child| child.name().ends_with("Array"))
            .ok_or_else(|| part.invalid("element Array is missing"))?;
        lambda.extend(numbers(array)?);
    }
    if node.name() == "RadialBasisKernel" {
        lambda = vec![node.number_or("lambda", 1.0)?; width];
    } else if lambda.is_empty() {
        lambda = vec![1.0; width];
    }
    if lambda.len() != width {
        return Err(node.invalid(format!("{} values of Lambda for {width} inputs", lambda.len())));
    }
    for value in &lambda {
        positive("Lambda", *value)?;
    }
    let kernel = Kernel {
        shape: match node.name() {
            "AbsoluteExponentialKernel" => Shape::Absolute,
            "GeneralizedExponentialKernel" => Shape::Power(positive("degree", node.number_or("degree", 1.0)?)?),
            _ => Shape::Squared,
        },
        gamma: positive("gamma", node.number_or("gamma", 1.0)?)?,
        lambda: lambda.into(),
    };
    let noise = node.number_or("noiseVariance", 1.0)?;
    if noise < 0.0 {
        return Err(node.invalid("noiseVariance is negative"));
    }
    Ok((kernel, noise))
}

/// Cholesky's root of the covariances, `None` when there is none.
fn root(kernel: &Kernel, noise: f64, points: &[f64], width: usize) -> Option<Vec<f64>> {
    let count = points.len() / width;
    let mut root: Vec<f64> = Vec::with_capacity(count * (count + 1) / 2);
    let starts = |row: usize| row * (row + 1) / 2;
    for row in 0..count {
        let start = starts(row);
        let point = &points[row * width..(row + 1) * width];
        for column in 0..=row {
            let covariance = kernel.covariance(point, &points[column * width..(column + 1) * width]);
            let other = starts(column);
            if column < row {
                let sum = dot(&root[start..], &root[other..other + column]);
                root.push((covariance - sum) / root[other + column]);
            } else {
                let rest = covariance + noise - dot(&root[start..], &root[start..]);
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                root.push(rest.sqrt());
            }
        }
    }
    Some(root)
}

/// Solves `root' * x = values` in place, for a lower triangle.
fn backward(root: &[f64], values: &mut [f64]) {
    let mut start = root.len();
    for row in (0..values.len()).rev() {
        start -= row + 1;
        let (before, rest) = values.split_at_mut(row);
        rest[0] /= root[start + row];
        for (value, factor) in before.iter_mut().zip(&root[start..]) {
            *value -= factor * rest[0];
        }
    }
}
