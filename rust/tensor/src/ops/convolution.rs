//! Windows over images `[batch, height, width, channels]`.

use serving_kernels::activation::Real;

use crate::array::{Array, Data, Element, elements};
use crate::graph::{Padding, Window};
use crate::run::Budget;
use crate::trouble::Trouble;

/// One axis of a window: how it lies on the input.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    stride: usize,
    dilation: usize,
    before: usize,
}

impl Axis {
    fn new(input: usize, size: usize, window: &Window, axis: usize) -> Result<Self, Trouble> {
        let (stride, dilation) = (window.strides[axis], window.dilations[axis]);
        let reach = size.saturating_sub(1).saturating_mul(dilation) + 1;
        let (output, before) = match window.padding {
            Padding::Valid => ((input + stride).saturating_sub(reach) / stride, 0),
            Padding::Same => {
                let output = input.div_ceil(stride);
                let needed = (output.saturating_sub(1) * stride).saturating_add(reach);
                (output, needed.saturating_sub(input) / 2)
            }
        };
        if size == 0 {
            return Err(Trouble::failed("a window of size 0"));
        }
        Ok(Self {
            input,
            output,
            stride,
            dilation,
            before,
        })
    }

    /// Where on the input an entry of the window lies; `None` when in the padding.
    fn at(self, output: usize, entry: usize) -> Option<usize> {
        (output * self.stride + entry * self.dilation)
            .checked_sub(self.before)
            .filter(|position| *position < self.input)
    }
}

fn four<'a>(array: &'a Array, what: &str) -> Result<&'a [usize; 4], Trouble> {
    array
        .shape
        .as_slice()
        .try_into()
        .map_err(|_| Trouble::failed(format!("{what} needs 4 axes, it has shape {:?}", array.shape)))
}

/// Calls `visit` for every place of the window: output pixel, input pixel, entry of the window, each as a flat index.
fn windows(
    batch: usize,
    vertical: Axis,
    horizontal: Axis,
    size: [usize; 2],
    mut visit: impl FnMut(usize, usize, usize),
) {
    for image in 0..batch {
        for y in 0..vertical.output {
            for x in 0..horizontal.output {
                let output = (image * vertical.output + y) * horizontal.output + x;
                for v in 0..size[0] {
                    let Some(from_y) = vertical.at(y, v) else { continue };
                    for h in 0..size[1] {
                        let Some(from_x) = horizontal.at(x, h) else { continue };
                        let input = (image * vertical.input + from_y) * horizontal.input + from_x;
                        visit(output, input, v * size[1] + h);
                    }
                }
            }
        }
    }
}

fn zeros<T: Element>(_like: &[T], count: usize) -> Vec<T> {
    vec![T::default(); count]
}

/// Pays for looking at every place of the window.
fn charge(shape: &[usize], per_value: [usize; 3], budget: &mut Budget) -> Result<(), Trouble> {
    let work = shape
        .iter()
        .chain(&per_value)
        .fold(1_usize, |work, n| work.saturating_mul((*n).max(1)));
    budget.charge(work / 4)
}

macro_rules! float_pair {
    ($left:expr, $right:expr, $a:ident, $b:ident => $body:expr) => {
        match (&$left.data, &$right.data) {
            (Data::F32($a), Data::F32($b)) => $body,
            (Data::F64($a), Data::F64($b)) => $body,
            _ => Err(Trouble::failed(format!(
                "a convolution of {} with {}",
                $left.dtype(),
                $right.dtype()
            ))),
        }
    };
}

/// Adds the products of a pixel's channels with the weights of a window's entry to the output pixel.
fn accumulate<T: Element + Real>(
    (values, filter): (&[T], &[T]),
    result: &mut [T],
    [channels, per_group, results]: [usize; 3],
) -> impl FnMut(usize, usize, usize) {
    let groups = channels / per_group;
    let per_result = results / groups.max(1);
    move |output, input, entry| {
        let sums = &mut result[output * results..(output + 1) * results];
        let pixel = &values[input * channels..(input + 1) * channels];
        let weights = &filter[entry * per_group * results..(entry + 1) * per_group * results];
        for group in 0..groups {
            let sums = &mut sums[group * per_result..(group + 1) * per_result];
            let pixel = &pixel[group * per_group..(group + 1) * per_group];
            for (x, weights) in pixel.iter().zip(weights.chunks_exact(results.max(1))) {
                let weights = &weights[group * per_result..(group + 1) * per_result];
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = *sum + *x * *weight;
                }
            }
        }
    }
}

pub(super) fn convolve(array: &Array, filter: &Array, window: &Window, budget: &mut Budget) -> Result<Array, Trouble> {
    let [batch, height, width, channels] = *four(array, "an image")?;
    let [size_y, size_x, per_group, results] = *four(filter, "a filter")?;
    if per_group == 0 || channels % per_group != 0 || results % (channels / per_group).max(1) != 0 {
        return Err(Trouble::failed(format!(
            "a filter for {per_group} channels on an image of {channels}"
        )));
    }
    let vertical = Axis::new(height, size_y, window, 0)?;
    let horizontal = Axis::new(width, size_x, window, 1)?;
    let shape = vec![batch, vertical.output, horizontal.output, results];
    let count = elements(&shape)?;
    charge(&shape, [size_y, size_x, per_group], budget)?;
    float_pair!(array, filter, a, b => {
        let mut result = zeros(a, count);
        windows(batch, vertical, horizontal, [size_y, size_x], accumulate((a, b), &mut result, [channels, per_group, results]));
        Ok(Array::new(shape, result))
    })
}

pub(super) fn depthwise(array: &Array, filter: &Array, window: &Window, budget: &mut Budget) -> Result<Array, Trouble> {
    let [batch, height, width, channels] = *four(array, "an image")?;
    let [size_y, size_x, filtered, multiplier] = *four(filter, "a filter")?;
    if filtered != channels {
        return Err(Trouble::failed(format!(
            "a filter for {filtered} channels on an image of {channels}"
        )));
    }
    let vertical = Axis::new(height, size_y, window, 0)?;
    let horizontal = Axis::new(width, size_x, window, 1)?;
    let results = channels.saturating_mul(multiplier);
    let shape = vec![batch, vertical.output, horizontal.output, results];
    let count = elements(&shape)?;
    charge(&shape, [size_y, size_x, 1], budget)?;
    float_pair!(array, filter, a, b => {
        let mut result = zeros(a, count);
        windows(batch, vertical, horizontal, [size_y, size_x], |output, input, entry| {
            for channel in 0..channels {
                for n in channel * multiplier..(channel + 1) * multiplier {
                    result[output * results + n] += a[input * channels + channel] * b[entry * results + n];
                }
            }
        });
        Ok(Array::new(shape, result))
    })
}

/// `sizes` is the shape of the result, of which a convolution with this filter would have made `array`.
pub(super) fn transposed(
    sizes: &[usize],
    filter: &Array,
    array: &Array,
    window: &Window,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let [batch, height, width, channels] = *four(array, "an image")?;
    let [size_y, size_x, results, filtered] = *four(filter, "a filter")?;
    let ([high, wide] | [_, high, wide, _]) = *sizes else {
        return Err(Trouble::failed("the size of the result must have 2 or 4 entries"));
    };
    let vertical = Axis::new(high, size_y, window, 0)?;
    let horizontal = Axis::new(wide, size_x, window, 1)?;
    if filtered != channels || [vertical.output, horizontal.output] != [height, width] {
        return Err(Trouble::failed(format!(
            "{:?} is not what a convolution with a filter {:?} makes of {high} x {wide}",
            array.shape, filter.shape
        )));
    }
    let shape = vec![batch, high, wide, results];
    let count = elements(&shape)?;
    charge(&array.shape, [size_y, size_x, results], budget)?;
    float_pair!(array, filter, a, b => {
        let mut result = zeros(a, count);
        windows(batch, vertical, horizontal, [size_y, size_x], |output, input, entry| {
            let pixel = &a[output * channels..(output + 1) * channels];
            for n in 0..results {
                let weights = &b[(entry * results + n) * channels..(entry * results + n + 1) * channels];
                for (x, weight) in pixel.iter().zip(weights) {
                    result[input * results + n] += x * weight;
                }
            }
        });
        Ok(Array::new(shape, result))
    })
}

/// Largest value or mean under the window; padding does not count.
pub(super) fn pool(
    array: &Array,
    window: &Window,
    size: [usize; 2],
    maximum: bool,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let [batch, height, width, channels] = *four(array, "an image")?;
    let vertical = Axis::new(height, size[0], window, 0)?;
    let horizontal = Axis::new(width, size[1], window, 1)?;
    let shape = vec![batch, vertical.output, horizontal.output, channels];
    let count = elements(&shape)?;
    charge(&shape, [size[0], size[1], 1], budget)?;
    macro_rules! pooled {
        ($values:expr, $float:ident) => {{
            let mut result = vec![if maximum { $float::NEG_INFINITY } else { 0.0 }; count];
            let mut seen = vec![0.0; count / channels.max(1)];
            windows(batch, vertical, horizontal, size, |output, input, _| {
                seen[output] += 1.0;
                let values = &$values[input * channels..(input + 1) * channels];
                for (kept, value) in result[output * channels..(output + 1) * channels]
                    .iter_mut()
                    .zip(values)
                {
                    if !maximum {
                        *kept += *value;
                    } else if *value > *kept {
                        *kept = *value;
                    }
                }
            });
            if !maximum {
                for (pixel, seen) in result.chunks_exact_mut(channels.max(1)).zip(seen) {
                    for value in pixel {
                        *value /= seen;
                    }
                }
            }
            Ok(Array::new(shape, result))
        }};
    }
    match &array.data {
        Data::F32(values) => pooled!(values, f32),
        Data::F64(values) => pooled!(values, f64),
        _ => Err(Trouble::failed(format!("pooling of {}", array.dtype()))),
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + offset`, per channel. Parameters: scale, offset, mean, variance.
pub(super) fn normalize(array: &Array, parameters: [&Array; 4], epsilon: f32) -> Result<Array, Trouble> {
    let channels = array.shape.last().copied().unwrap_or_default();
    let mut views = [&[0_f32][..]; 4];
    for (view, parameter) in views.iter_mut().zip(parameters) {
        *view = parameter.view()?;
        if view.len() != channels {
            return Err(Trouble::failed(format!(
                "{} parameters for {channels} channels",
                view.len()
            )));
        }
    }
    let [scale, offset, mean, variance] = views;
    let mut values = array.view::<f32>()?.to_vec();
    for pixel in values.chunks_exact_mut(channels.max(1)) {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let factor = scale[channel] / (variance[channel] + epsilon).sqrt();
            *value = (*value - mean[channel]) * factor + offset[channel];
        }
    }
    Ok(Array::new(array.shape.clone(), values))
}
