//! Windows reduced to one value.

use super::convolution::image;
use super::windows::{Axis, OUTSIDE, Taps, Window};
use crate::array::{Array, Data, Plain, elements};
use crate::ops::float::{Float, for_floats};
use crate::run::Budget;
use crate::trouble::Trouble;

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pool {
    /// `by_columns`: places are counted along the first axis of the image first.
    Maximum { by_columns: bool },
    /// `padding_counts`: the mean is over the padding, too.
    Mean { padding_counts: bool },
    /// Root of the sum of magnitudes to a power.
    Power(f64),
}

pub(super) fn pool(
    array: &Array,
    how: Pool,
    sizes: &[usize],
    window: &Window,
    budget: &mut Budget,
) -> Result<Vec<Array>, Trouble> {
    let (batch, channels, lengths) = image(array, "an image")?;
    let axes = window.axes(lengths, sizes)?;
    let mut shape = vec![batch, channels];
    shape.extend(axes.iter().map(|axis| axis.output));
    elements(&shape)?;
    let taps = Taps::new(&axes, budget)?;
    budget.charge(batch.saturating_mul(channels).saturating_mul(taps.places.len()))?;
    let plane: usize = lengths.iter().product();
    match how {
        Pool::Maximum { by_columns } => {
            let order = by_columns.then_some(lengths);
            match &array.data {
                Data::F32(values) => maximum(values, f32::NEG_INFINITY, plane, &taps, shape, order),
                Data::F64(values) => maximum(values, f64::NEG_INFINITY, plane, &taps, shape, order),
                Data::I64(values) => maximum(values, i64::MIN, plane, &taps, shape, order),
                Data::I32(values) => maximum(values, i32::MIN, plane, &taps, shape, order),
                _ => Err(Trouble::failed(format!("pooling of {}", array.dtype()))),
            }
        }
        Pool::Mean { padding_counts } => {
            let counts = padding_counts.then(|| covered(&axes));
            for_floats!(array, values => Ok(vec![mean(values, plane, &taps, shape, counts.as_deref())]))
        }
        Pool::Power(power) => for_floats!(array, values => Ok(vec![by_power(values, plane, &taps, shape, power)])),
    }
}

/// For each pixel of the output, the entries of the window on the image or its padding.
fn covered(axes: &[Axis]) -> Vec<usize> {
    let mut counts = vec![1];
    for axis in axes {
        let along: Vec<usize> = (0..axis.output).map(|output| axis.covered(output)).collect();
        counts = counts
            .iter()
            .flat_map(|count| along.iter().map(move |n| count * n))
            .collect();
    }
    counts
}

fn maximum<T: Plain>(
    values: &[T],
    lowest: T,
    plane: usize,
    taps: &Taps,
    shape: Vec<usize>,
    order: Option<&[usize]>,
) -> Result<Vec<Array>, Trouble> {
    let count = elements(&shape)?;
    let (mut best, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (channel, values) in values.chunks_exact(plane.max(1)).enumerate() {
        for pixel in 0..taps.pixels {
            let (mut most, mut at) = (lowest, 0);
            let mut found = false;
            for place in taps.of(pixel).iter().filter(|place| **place != OUTSIDE) {
                let value = values[*place as usize];
                if !found || value > most {
                    (most, at, found) = (value, *place as usize, true);
                }
            }
            best.push(most);
            let at = order.map_or(at, |lengths| transposed(at, lengths));
            places.push((channel * plane + at) as i64);
        }
    }
    best.resize(count, lowest);
    places.resize(count, 0);
    Ok(vec![Array::new(shape.clone(), best), Array::new(shape, places)])
}

/// A place counted along the first axis first.
fn transposed(place: usize, lengths: &[usize]) -> usize {
    let (mut rest, mut coordinates) = (place, Vec::with_capacity(lengths.len()));
    for length in lengths.iter().rev() {
        coordinates.push(rest % length);
        rest /= length;
    }
    coordinates
        .iter()
        .zip(lengths.iter().rev())
        .fold(0, |place, (coordinate, length)| place * length + coordinate)
}

fn mean<T: Float>(values: &[T], plane: usize, taps: &Taps, shape: Vec<usize>, counts: Option<&[usize]>) -> Array {
    let count = shape.iter().product();
    let mut result = Vec::with_capacity(count);
    for values in values.chunks_exact(plane.max(1)) {
        for pixel in 0..taps.pixels {
            let (mut sum, mut seen) = (T::ZERO, 0);
            for place in taps.of(pixel).iter().filter(|place| **place != OUTSIDE) {
                sum = sum + values[*place as usize];
                seen += 1;
            }
            let seen = counts.map_or(seen, |counts| counts[pixel]);
            result.push(if seen == 0 {
                T::ZERO
            } else {
                sum / T::from_f64(seen as f64)
            });
        }
    }
    result.resize(count, T::ZERO);
    Array::new(shape, result)
}

fn by_power<T: Float>(values: &[T], plane: usize, taps: &Taps, shape: Vec<usize>, power: f64) -> Array {
    let count = shape.iter().product();
    let mut result = Vec::with_capacity(count);
    for values in values.chunks_exact(plane.max(1)) {
        for pixel in 0..taps.pixels {
            let inside = taps.of(pixel).iter().filter(|place| **place != OUTSIDE);
            let sum: f64 = inside
                .map(|place| values[*place as usize].wide().abs().powf(power))
                .sum();
            result.push(T::from_f64(sum.powf(power.recip())));
        }
    }
    result.resize(count, T::ZERO);
    Array::new(shape, result)
}

/// `MaxUnpool`: values back to their places in a tensor of `shape`.
pub(super) fn unpool(array: &Array, places: &Array, shape: Vec<usize>) -> Result<Array, Trouble> {
    let count = elements(&shape)?;
    if places.len() != array.len() {
        return Err(Trouble::failed("there is not one place for each value"));
    }
    for_floats!(array, values => {
        let mut result = values.to_vec();
        result.clear();
        result.resize(count, Default::default());
        for (value, place) in values.iter().zip(places.integers()?) {
            let slot = usize::try_from(place).ok().and_then(|place| result.get_mut(place));
            *slot.ok_or_else(|| Trouble::failed(format!("place {place} is not below {count}")))? = *value;
        }
        Ok(Array::new(shape, result))
    })
}

/// Lengths of an axis before pooling with these sizes.
pub(super) fn unpooled(lengths: &[usize], sizes: &[usize], window: &Window) -> Result<Vec<usize>, Trouble> {
    if lengths.len() != sizes.len() {
        return Err(Trouble::failed(format!("a window of {sizes:?} on axes of {lengths:?}")));
    }
    (0..lengths.len())
        .map(|n| {
            let (before, after) = window.widths(n, lengths.len());
            let length = (lengths[n].saturating_sub(1)).saturating_mul(window.pace(n).0) as i64 + sizes[n] as i64;
            usize::try_from(length - before - after).map_err(|_| Trouble::failed("more padding than image"))
        })
        .collect()
}
