//! Normalisations: softmax and its kin along an axis, and those by mean and deviation. Definitions are those of ONNX's operators
//! of the same name.

use super::convert::cast;
use super::elementwise::binary;
use super::float::{Float, for_floats, sum};
use super::lanes::Lanes;
use super::layout::broadcast;
use crate::array::{Array, DType};
use crate::graph::Binary;
use crate::trouble::Trouble;

/// A normalisation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Normalization {
    /// Along an axis, or over all axes from it on.
    Along { axis: i64, flatten: bool, how: Along },
    /// By the length of the vector along an axis: sum of magnitudes, or root of the sum of squares.
    Length { axis: i64, squares: bool },
    /// By mean and deviation, then scaled and shifted. Inputs: data, scale, offset, which may be missing.
    Layer {
        axis: i64,
        epsilon: f64,
        statistics: bool,
        center: bool,
    },
    /// Per image and channel. Inputs: data, scale, offset.
    Instance { epsilon: f64 },
    /// Per image and group of channels. `per_group`: as many scales and offsets as groups, not channels.
    Group {
        groups: usize,
        epsilon: f64,
        per_group: bool,
    },
    /// Inputs: data, scale, offset, mean, variance. With a momentum: in training.
    Batch { epsilon: f64, momentum: Option<f64> },
    /// By mean and deviation over these axes.
    MeanVariance { axes: Vec<i64> },
    /// Local response over neighbouring channels.
    LocalResponse {
        size: usize,
        alpha: f64,
        beta: f64,
        bias: f64,
    },
}

/// Functions of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    Softmax,
    LogSoftmax,
    /// 1 at the first largest, else 0.
    Hardmax,
}

impl Normalization {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Layer { .. } | Self::Batch { .. } => 3,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Normalization, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| super::input(inputs, index);
    let array = at(0)?;
    let one = match what {
        Normalization::Along { axis, flatten, how } => {
            let lanes = if *flatten {
                Lanes::from(&array.shape, *axis)?
            } else if array.shape.is_empty() {
                Lanes::from(&[], 0)?
            } else {
                Lanes::along(&array.shape, *axis)?
            };
            for_floats!(array, values => Ok(along(values, &array.shape, lanes, *how)))?
        }
        Normalization::Length { axis, squares } => {
            let lanes = Lanes::along(&array.shape, *axis)?;
            for_floats!(array, values => Ok(by_length(values, &array.shape, lanes, *squares)))?
        }
        Normalization::Layer {
            axis,
            epsilon,
            statistics,
            center,
        } => return layer(inputs, *axis, *epsilon, *statistics, *center),
        Normalization::Instance { epsilon } => {
            let channels = array.shape.get(1).copied().unwrap_or_default();
            group(array, [at(1)?, at(2)?], channels, *epsilon)?
        }
        Normalization::Group {
            groups,
            epsilon,
            per_group,
        } => {
            let channels = array.shape.get(1).copied().unwrap_or_default();
            let (mut scale, mut offset) = (at(1)?.clone(), at(2)?.clone());
            if *per_group && *groups > 0 {
                scale = repeated(&scale, channels / groups)?;
                offset = repeated(&offset, channels / groups)?;
            }
            group(array, [&scale, &offset], *groups, *epsilon)?
        }
        Normalization::Batch { epsilon, momentum } => return batch(inputs, *epsilon, *momentum),
        Normalization::MeanVariance { axes } => for_floats!(array, values => mean_variance(values, array, axes))?,
        Normalization::LocalResponse {
            size,
            alpha,
            beta,
            bias,
        } => for_floats!(array, values => local_response(values, array, *size, [*alpha, *beta, *bias]))?,
    };
    Ok(vec![one])
}

fn along<T: Float>(values: &[T], shape: &[usize], lanes: Lanes, how: Along) -> Array {
    let mut result = values.to_vec();
    let mut lane = Vec::with_capacity(lanes.length);
    for start in lanes.starts() {
        lanes.read(values, start, &mut lane);
        match how {
            Along::Softmax => serving_kernels::activation::Activation::Softmax.apply(&mut lane, 0),
            Along::LogSoftmax => log_softmax(&mut lane),
            Along::Hardmax => {
                let best = (1..lane.len()).fold(0, |best, n| if lane[n] > lane[best] { n } else { best });
                lane.fill(T::ZERO);
                if let Some(best) = lane.get_mut(best) {
                    *best = T::ONE;
                }
            }
        }
        lanes.write(&mut result, start, &lane);
    }
    Array::new(shape.to_vec(), result)
}

pub(super) fn log_softmax<T: Float>(row: &mut [T]) {
    let largest = row.iter().fold(T::LOWEST, |largest, z| largest.largest(*z));
    let sum = row
        .iter()
        .map(|z| (*z - largest).exponential())
        .fold(T::ZERO, |sum, term| sum + term);
    for z in row {
        *z = *z - largest - sum.logarithm();
    }
}

fn by_length<T: Float>(values: &[T], shape: &[usize], lanes: Lanes, squares: bool) -> Array {
    let mut result = values.to_vec();
    let mut lane = Vec::with_capacity(lanes.length);
    for start in lanes.starts() {
        lanes.read(values, start, &mut lane);
        let length = if squares {
            lane.iter().fold(T::ZERO, |sum, x| sum + *x * *x).root()
        } else {
            lane.iter().fold(T::ZERO, |sum, x| sum + x.magnitude())
        };
        for x in &mut lane {
            *x = if length == T::ZERO { T::ZERO } else { *x / length };
        }
        lanes.write(&mut result, start, &lane);
    }
    Array::new(shape.to_vec(), result)
}

/// Mean, and one over the root of the variance plus epsilon.
fn moments<T: Float>(values: &[T], epsilon: f64, center: bool) -> (T, T) {
    let count = T::from_f64(values.len() as f64);
    let mean = if center { sum(values) / count } else { T::ZERO };
    let squares = values.iter().fold(T::ZERO, |sum, x| sum + (*x - mean) * (*x - mean));
    (mean, T::ONE / (squares / count + T::from_f64(epsilon)).root())
}

fn layer(inputs: &[Array], axis: i64, epsilon: f64, statistics: bool, center: bool) -> Result<Vec<Array>, Trouble> {
    fn of<T: Float>(values: &[T], array: &Array, lanes: Lanes, epsilon: f64, center: bool) -> [Array; 3] {
        let mut result = Vec::with_capacity(values.len());
        let (mut means, mut inverses) = (Vec::with_capacity(lanes.outer), Vec::with_capacity(lanes.outer));
        for row in values.chunks_exact(lanes.length.max(1)) {
            let (mean, inverse) = moments(row, epsilon, center);
            result.extend(row.iter().map(|x| (*x - mean) * inverse));
            means.push(mean);
            inverses.push(inverse);
        }
        result.resize(values.len(), T::ZERO);
        let rows = means.len();
        [
            Array::new(array.shape.clone(), result),
            Array::new(vec![rows], means),
            Array::new(vec![rows], inverses),
        ]
    }
    let array = super::input(inputs, 0)?;
    let lanes = Lanes::from(&array.shape, axis)?;
    let [mut result, mean, inverse] = for_floats!(array, values => Ok(of(values, array, lanes, epsilon, center)))?;
    for (n, function) in [(1, Binary::Multiply), (2, Binary::Add)] {
        if let Some(parameter) = inputs.get(n).filter(|parameter| parameter.dtype() != DType::Nothing) {
            result = binary(function, &result, &cast(parameter, array.dtype())?)?;
        }
    }
    if !statistics {
        return Ok(vec![result]);
    }
    let axis = if axis < 0 {
        axis + array.shape.len() as i64
    } else {
        axis
    } as usize;
    let mut reduced = array.shape.clone();
    reduced[axis..].fill(1);
    Ok(vec![
        result,
        mean.reshaped(reduced.clone())?,
        inverse.reshaped(reduced)?,
    ])
}

/// Every element `times` times.
fn repeated(array: &Array, times: usize) -> Result<Array, Trouble> {
    let count = array.len();
    broadcast(&array.reshaped(vec![count, 1])?, &[count, times])?.reshaped(vec![count * times])
}

/// Scale and offset, one per channel, of images `[batch, channels, ...]`.
fn per_channel<T: Float>(values: &mut [T], shape: &[usize], factors: &[T], offsets: &[T]) {
    let channels = shape[1];
    let inner = shape[2..].iter().product::<usize>().max(1);
    for (n, pixels) in values.chunks_exact_mut(inner).enumerate() {
        let (factor, offset) = (factors[n % channels], offsets[n % channels]);
        for x in pixels {
            *x = *x * factor + offset;
        }
    }
}

fn channels_of(array: &Array, parameters: &[&Array]) -> Result<usize, Trouble> {
    let channels = *array
        .shape
        .get(1)
        .ok_or_else(|| Trouble::failed(format!("there are no channels in {:?}", array.shape)))?;
    for parameter in parameters {
        if parameter.len() != channels {
            return Err(Trouble::failed(format!(
                "{} parameters for {channels} channels",
                parameter.len()
            )));
        }
    }
    Ok(channels)
}

fn group(array: &Array, parameters: [&Array; 2], groups: usize, epsilon: f64) -> Result<Array, Trouble> {
    fn of<T: Float>(
        values: &[T],
        array: &Array,
        [scale, offset]: [&Array; 2],
        groups: usize,
        epsilon: f64,
    ) -> Result<Array, Trouble> {
        let mut result = Vec::with_capacity(values.len());
        let size = values.len() / (array.shape[0] * groups).max(1);
        for block in values.chunks_exact(size.max(1)) {
            let (mean, inverse) = moments(block, epsilon, true);
            result.extend(block.iter().map(|x| (*x - mean) * inverse));
        }
        result.resize(values.len(), T::ZERO);
        per_channel(&mut result, &array.shape, scale.view()?, offset.view()?);
        Ok(Array::new(array.shape.clone(), result))
    }
    let channels = channels_of(array, &parameters)?;
    if groups == 0 || channels % groups != 0 {
        return Err(Trouble::failed(format!("{channels} channels in {groups} groups")));
    }
    for_floats!(array, values => of(values, array, parameters, groups, epsilon))
}

fn batch(inputs: &[Array], epsilon: f64, momentum: Option<f64>) -> Result<Vec<Array>, Trouble> {
    fn of<T: Float>(
        values: &[T],
        array: &Array,
        parameters: &[Array; 4],
        epsilon: f64,
        momentum: Option<f64>,
    ) -> Result<Vec<Array>, Trouble> {
        let mut views = [&[][..]; 4];
        for (view, parameter) in views.iter_mut().zip(parameters) {
            *view = T::of(parameter)?;
        }
        let [scale, offset, mean, variance] = views;
        let channels = array.shape[1];
        let (mut means, mut variances) = (mean.to_vec(), variance.to_vec());
        let mut running = None;
        if let Some(momentum) = momentum {
            let inner = array.shape[2..].iter().product::<usize>().max(1);
            let mut lane = Vec::new();
            for channel in 0..channels {
                lane.clear();
                for pixels in values.chunks_exact(inner).skip(channel).step_by(channels) {
                    lane.extend_from_slice(pixels);
                }
                let count = T::from_f64(lane.len() as f64);
                means[channel] = sum(&lane) / count;
                let squares = lane.iter().map(|x| (*x - means[channel]) * (*x - means[channel]));
                variances[channel] = squares.fold(T::ZERO, |sum, x| sum + x) / count;
            }
            let (keep, take) = (T::from_f64(momentum), T::from_f64(1.0 - momentum));
            let mixed = |old: &[T], new: &[T]| {
                let mixed = old.iter().zip(new).map(|(old, new)| *old * keep + *new * take);
                Array::new(vec![channels], mixed.collect::<Vec<T>>())
            };
            running = Some([mixed(mean, &means), mixed(variance, &variances)]);
        }
        let factors: Vec<T> = scale
            .iter()
            .zip(&variances)
            .map(|(scale, variance)| *scale / (*variance + T::from_f64(epsilon)).root())
            .collect();
        let offsets: Vec<T> = (0..channels)
            .map(|channel| offset[channel] - means[channel] * factors[channel])
            .collect();
        let mut result = values.to_vec();
        per_channel(&mut result, &array.shape, &factors, &offsets);
        let mut results = vec![Array::new(array.shape.clone(), result)];
        results.extend(running.into_iter().flatten());
        Ok(results)
    }
    let array = super::input(inputs, 0)?;
    let mut parameters = [1, 2, 3, 4].map(|_| Array::nothing());
    for (n, parameter) in parameters.iter_mut().enumerate() {
        *parameter = cast(super::input(inputs, n + 1)?, array.dtype())?;
    }
    // A vector counts as images of one channel each.
    let mut shaped = array.clone();
    if array.shape.len() == 1 {
        shaped = array.reshaped(vec![array.len(), 1])?;
    }
    channels_of(&shaped, &parameters.each_ref())?;
    let mut results = for_floats!(shaped, values => of(values, &shaped, &parameters, epsilon, momentum))?;
    results[0] = results[0].reshaped(array.shape.clone())?;
    Ok(results)
}

fn mean_variance<T: Float>(values: &[T], array: &Array, axes: &[i64]) -> Result<Array, Trouble> {
    let mean = super::reduce::reduce(crate::graph::Reduce::Mean, array, axes, true)?;
    let centred = binary(Binary::Subtract, array, &mean)?;
    let squares = binary(Binary::Multiply, &centred, &centred)?;
    let variance = super::reduce::reduce(crate::graph::Reduce::Mean, &squares, axes, true)?;
    let deviation: Vec<T> = T::of(&variance)?.iter().map(|x| x.root() + T::from_f64(1e-9)).collect();
    debug_assert_eq!(values.len(), array.len());
    binary(Binary::Divide, &centred, &Array::new(variance.shape.clone(), deviation))
}

fn local_response<T: Float>(
    values: &[T],
    array: &Array,
    size: usize,
    [alpha, beta, bias]: [f64; 3],
) -> Result<Array, Trouble> {
    let lanes = Lanes::along(&array.shape, 1)?;
    let mut result = values.to_vec();
    let mut lane: Vec<T> = Vec::with_capacity(lanes.length);
    let (before, after) = (size.saturating_sub(1) / 2, size / 2);
    for start in lanes.starts() {
        lanes.read(values, start, &mut lane);
        for n in 0..lane.len() {
            let window = &lane[n.saturating_sub(before)..n.saturating_add(after + 1).min(lane.len())];
            let squares = window.iter().fold(T::ZERO, |sum, x| sum + *x * *x).wide();
            let power = (bias + alpha / size as f64 * squares).powf(beta);
            result[start + n * lanes.inner] = lane[n] / T::from_f64(power);
        }
    }
    Ok(Array::new(array.shape.clone(), result))
}
