//! Convolutions of images with channels first.

use serving_kernels::dense::DenseReal;

use super::windows::{Axis, OUTSIDE, Padding, Taps, Window};
use crate::array::{Array, elements};
use crate::ops::float::{Float, for_floats};
use crate::ops::product::Product;
use crate::run::Budget;
use crate::trouble::Trouble;

/// Pixels that are gathered before they are multiplied with the filter.
pub(super) const TILE: usize = 128;

/// Batch, channels and lengths of the other axes.
pub(super) fn image<'a>(array: &'a Array, what: &str) -> Result<(usize, usize, &'a [usize]), Trouble> {
    match array.shape.as_slice() {
        [batch, channels, rest @ ..] if !rest.is_empty() => Ok((*batch, *channels, rest)),
        _ => Err(Trouble::failed(format!(
            "{what} needs at least 3 axes, it has shape {:?}",
            array.shape
        ))),
    }
}

fn charge(budget: &mut Budget, factors: &[usize]) -> Result<(), Trouble> {
    let work = factors
        .iter()
        .fold(1_usize, |work, factor| work.saturating_mul((*factor).max(1)));
    budget.charge(work / 4)
}

/// Adds a bias to each channel of `[batch, channels, pixels]`.
fn add_bias<T: Float>(values: &mut [T], channels: usize, pixels: usize, bias: Option<&Array>) -> Result<(), Trouble> {
    let Some(bias) = bias else { return Ok(()) };
    let bias = T::of(bias)?;
    if bias.len() != channels {
        return Err(Trouble::failed(format!(
            "{} biases for {channels} channels",
            bias.len()
        )));
    }
    for (n, plane) in values.chunks_exact_mut(pixels.max(1)).enumerate() {
        for value in plane {
            *value = *value + bias[n % channels];
        }
    }
    Ok(())
}

pub(super) fn convolve(
    array: &Array,
    filter: &Array,
    bias: Option<&Array>,
    window: &Window,
    groups: usize,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let (batch, channels, lengths) = image(array, "an image")?;
    let (results, per_group, sizes) = image(filter, "a filter")?;
    let groups = if groups == 0 {
        channels / per_group.max(1)
    } else {
        groups
    };
    if groups == 0 || per_group.checked_mul(groups) != Some(channels) || results % groups != 0 {
        return Err(Trouble::failed(format!(
            "a filter for {groups} groups of {per_group} channels on an image of {channels}"
        )));
    }
    let axes = window.axes(lengths, sizes)?;
    let mut shape = vec![batch, results];
    shape.extend(axes.iter().map(|axis| axis.output));
    elements(&shape)?;
    let taps = Taps::new(&axes, budget)?;
    charge(budget, &[batch, taps.pixels, results, per_group, taps.entries])?;
    for_floats!(array, values => {
        let mut result = convolved(values, filter.view()?, &taps, [batch, groups, per_group, results / groups])?;
        add_bias(&mut result, results, taps.pixels, bias)?;
        Ok(Array::new(shape, result))
    })
}

fn convolved<T: Float + DenseReal>(
    values: &[T],
    filter: &[T],
    taps: &Taps,
    [batch, groups, per_group, results]: [usize; 4],
) -> Result<Vec<T>, Trouble> {
    let (pixels, entries) = (taps.pixels, taps.entries);
    let mut result = vec![T::ZERO; elements(&[batch, groups, results, pixels])?];
    if result.is_empty() || per_group == 0 {
        return Ok(result);
    }
    let plane = values.len() / (batch * groups * per_group);
    let width = per_group * entries;
    let mut columns = vec![T::ZERO; TILE.min(pixels) * width];
    let mut sums = vec![T::ZERO; TILE.min(pixels) * results];
    for group in 0..groups {
        let weights = &filter[group * results * width..(group + 1) * results * width];
        let mut product = Product::new(width, results, weights, true)?;
        for image in 0..batch {
            let source = &values[(image * groups + group) * per_group * plane..][..per_group * plane];
            let target = &mut result[(image * groups + group) * results * pixels..][..results * pixels];
            for first in (0..pixels).step_by(TILE) {
                let count = TILE.min(pixels - first);
                for (pixel, row) in columns.chunks_exact_mut(width).take(count).enumerate() {
                    gather(source, plane, taps.of(first + pixel), row);
                }
                product.evaluate(count, &columns, &mut sums);
                for (channel, target) in target.chunks_exact_mut(pixels).enumerate() {
                    let sums = sums[channel..].iter().step_by(results);
                    for (value, sum) in target[first..first + count].iter_mut().zip(sums) {
                        *value = *sum;
                    }
                }
            }
        }
    }
    Ok(result)
}

/// The window at one place, channel after channel.
pub(super) fn gather<T: Float>(source: &[T], plane: usize, places: &[u32], row: &mut [T]) {
    for (channel, row) in source
        .chunks_exact(plane.max(1))
        .zip(row.chunks_exact_mut(places.len()))
    {
        for (value, place) in row.iter_mut().zip(places) {
            *value = channel.get(*place as usize).copied().unwrap_or(T::ZERO);
        }
    }
}

/// What ONNX's `ConvTranspose` says about the size of the result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) output_shape: Vec<usize>,
    pub(crate) output_padding: Vec<usize>,
}

/// The axes of the convolution that would make `lengths` of the result.
fn grown(window: &Window, growth: &Growth, lengths: &[usize], sizes: &[usize]) -> Result<Vec<Axis>, Trouble> {
    let axes = lengths.len();
    if sizes.len() != axes {
        return Err(Trouble::failed(format!("a filter of {sizes:?} on axes of {lengths:?}")));
    }
    (0..axes)
        .map(|n| {
            let (stride, dilation) = window.pace(n);
            let reach = sizes[n].saturating_sub(1).saturating_mul(dilation).saturating_add(1);
            let extra = growth.output_padding.get(n).copied().unwrap_or(0);
            let natural = lengths[n]
                .saturating_sub(1)
                .saturating_mul(stride)
                .saturating_add(extra)
                .saturating_add(reach) as i64;
            let same = matches!(window.padding, Padding::Same { .. });
            let wanted = match growth.output_shape.get(n) {
                Some(wanted) => Some(*wanted as i64),
                None if same => Some(lengths[n].saturating_mul(stride) as i64),
                None => None,
            };
            let (before, after) = match wanted {
                None => window.widths(n, axes),
                Some(wanted) => {
                    // A result larger than natural ends in zeros.
                    let total = natural.saturating_sub(wanted).max(0);
                    let half = total / 2;
                    if window.padding == (Padding::Same { odd_after: true }) {
                        (half, total - half)
                    } else {
                        (total - half, half)
                    }
                }
            };
            let length = wanted.unwrap_or(natural.saturating_sub(before).saturating_sub(after));
            let input = usize::try_from(length)
                .ok()
                .filter(|length| *length < 1 << 32)
                .ok_or_else(|| Trouble::failed("the padding is larger than the result"))?;
            Ok(Axis {
                input,
                output: lengths[n],
                size: sizes[n],
                stride,
                dilation,
                before,
                after,
            })
        })
        .collect()
}

pub(super) fn transposed(
    array: &Array,
    filter: &Array,
    bias: Option<&Array>,
    window: &Window,
    growth: &Growth,
    groups: usize,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    fn of<T: Float + DenseReal>(
        values: &[T],
        filter: &[T],
        taps: &Taps,
        [batch, groups, per_group, results, plane]: [usize; 5],
    ) -> Result<Vec<T>, Trouble> {
        let (pixels, entries) = (taps.pixels, taps.entries);
        let mut result = vec![T::ZERO; elements(&[batch, groups, results, plane])?];
        if result.is_empty() || per_group == 0 || pixels == 0 {
            return Ok(result);
        }
        let width = results * entries;
        let mut rows = vec![T::ZERO; TILE.min(pixels) * per_group];
        let mut sums = vec![T::ZERO; TILE.min(pixels) * width];
        for group in 0..groups {
            let weights = &filter[group * per_group * width..(group + 1) * per_group * width];
            let mut product = Product::new(per_group, width, weights, false)?;
            for image in 0..batch {
                let source = &values[(image * groups + group) * per_group * pixels..][..per_group * pixels];
                let target = &mut result[(image * groups + group) * results * plane..][..results * plane];
                for first in (0..pixels).step_by(TILE) {
                    let count = TILE.min(pixels - first);
                    for (n, value) in rows[..count * per_group].iter_mut().enumerate() {
                        *value = source[n % per_group * pixels + first + n / per_group];
                    }
                    product.evaluate(count, &rows, &mut sums);
                    for (pixel, sums) in sums.chunks_exact(width).take(count).enumerate() {
                        for (plane, sums) in target.chunks_exact_mut(plane).zip(sums.chunks_exact(entries)) {
                            for (sum, place) in sums.iter().zip(taps.of(first + pixel)) {
                                if *place != OUTSIDE {
                                    plane[*place as usize] = plane[*place as usize] + *sum;
                                }
                            }
                        }
                    }
                }
            }
        }
        Ok(result)
    }
    let (batch, channels, lengths) = image(array, "an image")?;
    let (filtered, results, sizes) = image(filter, "a filter")?;
    if groups == 0 || filtered != channels || channels % groups != 0 {
        return Err(Trouble::failed(format!(
            "a filter for {filtered} channels in {groups} groups on an image of {channels}"
        )));
    }
    let axes = grown(window, growth, lengths, sizes)?;
    let mut shape = vec![batch, results.saturating_mul(groups)];
    shape.extend(axes.iter().map(|axis| axis.input));
    elements(&shape)?;
    let plane: usize = shape[2..].iter().product();
    let taps = Taps::new(&axes, budget)?;
    charge(budget, &[batch, taps.pixels, results, channels, taps.entries])?;
    for_floats!(array, values => {
        let sizes = [batch, groups, channels / groups, results, plane];
        let mut result = of(values, filter.view()?, &taps, sizes)?;
        add_bias(&mut result, results * groups, plane, bias)?;
        Ok(Array::new(shape, result))
    })
}
