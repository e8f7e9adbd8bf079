//! Images in another resolution: ONNX's `Resize` and `Upsample`. Axis by axis, every new element is a weighted sum of old ones.

use crate::array::{Array, DType, Data, Element, axis_of, elements, for_plain};
use crate::ops::convert::cast;
use crate::ops::float::Float;
use crate::run::Budget;
use crate::trouble::Trouble;

/// Attributes of `Resize`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resize {
    pub(crate) how: Interpolation,
    pub(crate) coordinates: Coordinates,
    pub(crate) axes: Vec<i64>,
    pub(crate) antialias: bool,
    /// Elements beyond the image have no weight.
    pub(crate) exclude_outside: bool,
    pub(crate) extrapolation: f64,
    pub(crate) aspect: Aspect,
}

/// How elements between elements are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Interpolation {
    Nearest(Nearest),
    Linear,
    Cubic(f64),
    /// With distances rounded to 1024 steps, as TensorFlow does.
    SteppedCubic(f64),
}

/// Which one is nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeiling,
    Floor,
    Ceiling,
}

/// Where on the old axis an element of the new one lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    CropAndResize,
}

/// What becomes of the proportions when sizes are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    Stretch,
    NotLarger,
    NotSmaller,
}

/// Old places and their weights; empty for an element outside of the image.
pub(super) type Mix = Vec<(usize, f64)>;

/// Data, regions, scales, sizes; of the last two, one.
pub(super) fn resize(what: &Resize, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    let array = crate::ops::input(inputs, 0)?;
    let rank = array.shape.len();
    let axes: Vec<usize> = if what.axes.is_empty() {
        (0..rank).collect()
    } else {
        what.axes
            .iter()
            .map(|axis| axis_of(*axis, rank))
            .collect::<Result<_, _>>()?
    };
    let floats = |n: usize| -> Result<Vec<f64>, Trouble> {
        let given = crate::ops::optional(inputs, n).filter(|given| given.len() > 0);
        given.map_or(Ok(Vec::new()), |given| {
            Ok(cast(given, DType::F64)?.view::<f64>()?.to_vec())
        })
    };
    let (regions, mut scales, sizes) = (floats(1)?, floats(2)?, floats(3)?);
    let lengths: Vec<f64> = axes.iter().map(|axis| array.shape[*axis] as f64).collect();
    let mut outputs: Vec<f64> = Vec::new();
    if scales.is_empty() {
        if sizes.len() != axes.len() {
            return Err(Trouble::failed("there is not one size for each axis"));
        }
        scales = sizes.iter().zip(&lengths).map(|(size, length)| size / length).collect();
        outputs.clone_from(&sizes);
        if what.aspect != Aspect::Stretch {
            let pick = |a: f64, b: f64| {
                if what.aspect == Aspect::NotLarger {
                    a.min(b)
                } else {
                    a.max(b)
                }
            };
            let scale = scales.iter().copied().reduce(pick).unwrap_or(1.0);
            scales.fill(scale);
            outputs = lengths.iter().map(|length| (scale * length + 0.5).floor()).collect();
        }
    }
    if scales.len() != axes.len() {
        return Err(Trouble::failed("there is not one scale for each axis"));
    }
    if outputs.is_empty() {
        outputs = scales
            .iter()
            .zip(&lengths)
            .map(|(scale, length)| (scale * length).floor())
            .collect();
    }
    let mut shape = array.shape.clone();
    for (axis, output) in axes.iter().zip(&outputs) {
        if !(0.0..=4e9).contains(output) {
            return Err(Trouble::failed(format!("an axis of length {output}")));
        }
        shape[*axis] = *output as usize;
    }
    elements(&shape)?;
    let mut result = array.clone();
    let mut outside: Vec<Option<Vec<bool>>> = vec![None; rank];
    for (n, axis) in axes.iter().enumerate() {
        let region = match (regions.get(n), regions.get(n + axes.len())) {
            (Some(start), Some(end)) => (*start, *end),
            _ => (0.0, 1.0),
        };
        if scales[n] == 1.0 && what.coordinates != Coordinates::CropAndResize {
            continue;
        }
        let mixes = mixes(what, array.shape[*axis], shape[*axis], scales[n], region, budget)?;
        result = mixed(&result, *axis, &mixes, budget)?;
        if mixes.iter().any(Vec::is_empty) {
            outside[*axis] = Some(mixes.iter().map(Vec::is_empty).collect());
        }
    }
    if outside.iter().any(Option::is_some) {
        result = extrapolated(&result, &outside, what.extrapolation)?;
    }
    Ok(result)
}

/// Where each element of the new axis comes from.
fn mixes(
    what: &Resize,
    length: usize,
    output: usize,
    scale: f64,
    region: (f64, f64),
    budget: &mut Budget,
) -> Result<Vec<Mix>, Trouble> {
    if length == 0 || scale.is_nan() || scale <= 0.0 {
        return if output == 0 {
            Ok(Vec::new())
        } else {
            Err(Trouble::failed("nothing to be resized"))
        };
    }
    let last = length as f64 - 1.0;
    let exact = scale * length as f64;
    // Which step it is depends on the rounding of single precision.
    let step = if what.coordinates == Coordinates::AlignCorners {
        last as f32 / (exact as f32 - 1.0)
    } else {
        length as f32 / output as f32
    };
    let origin = |n: usize| {
        let x = n as f64;
        if let Interpolation::SteppedCubic(_) = what.how {
            return f64::from(if what.coordinates == Coordinates::HalfPixel {
                (n as f32 + 0.5) * step - 0.5
            } else {
                n as f32 * step
            });
        }
        match what.coordinates {
            Coordinates::HalfPixelSymmetric => {
                let adjustment = output as f64 / exact;
                length as f64 / 2.0 * (1.0 - adjustment) + (x + 0.5) / scale - 0.5
            }
            Coordinates::PytorchHalfPixel if exact == 1.0 => -0.5,
            Coordinates::HalfPixel | Coordinates::PytorchHalfPixel => (x + 0.5) / scale - 0.5,
            Coordinates::AlignCorners if exact == 1.0 => 0.0,
            Coordinates::AlignCorners => x * last / (exact - 1.0),
            Coordinates::Asymmetric => x / scale,
            Coordinates::CropAndResize if exact == 1.0 => region.0 * last + (region.1 - region.0) * last / 2.0,
            Coordinates::CropAndResize => region.0 * last + x * (region.1 - region.0) * last / (exact - 1.0),
        }
    };
    let stretch = if what.antialias { scale.min(1.0) } else { 1.0 };
    let reach = match what.how {
        Interpolation::Nearest(_) => 1.0,
        Interpolation::Linear => (1.0 / stretch).ceil(),
        Interpolation::Cubic(_) | Interpolation::SteppedCubic(_) => (2.0 / stretch).ceil(),
    };
    budget.charge((reach * 2.0 * output as f64) as usize)?;
    let mut result = Vec::with_capacity(output);
    for n in 0..output {
        let x = origin(n);
        if what.coordinates == Coordinates::CropAndResize && !(0.0..=last).contains(&x) {
            result.push(Vec::new());
            continue;
        }
        // The place before, so that the distance to it is above 0 and at most 1.
        let base = x.ceil() - 1.0;
        let ratio = x - base;
        let mut taps: Vec<(f64, f64)> = match what.how {
            Interpolation::Nearest(nearest) => {
                let second = ratio == 1.0
                    || match nearest {
                        Nearest::RoundPreferFloor => ratio > 0.5,
                        Nearest::RoundPreferCeiling => ratio >= 0.5,
                        Nearest::Floor => false,
                        Nearest::Ceiling => true,
                    };
                vec![(base + f64::from(u8::from(second)), 1.0)]
            }
            Interpolation::Linear => weights(reach, ratio, stretch, base, |x| (1.0 - x).max(0.0)),
            Interpolation::Cubic(a) => weights(reach, ratio, stretch, base, |x| cubic(x, a)),
            Interpolation::SteppedCubic(a) => {
                let ratio = (ratio * 1024.0).round_ties_even() / 1024.0;
                weights(reach, ratio, stretch, base, |x| cubic(x, a))
            }
        };
        if what.exclude_outside {
            for (place, weight) in &mut taps {
                if !(0.0..=last).contains(place) {
                    *weight = 0.0;
                }
            }
        }
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        let clamped = taps.iter().filter(|(_, weight)| *weight != 0.0);
        result.push(
            clamped
                .map(|(place, weight)| (place.clamp(0.0, last) as usize, weight / total))
                .collect(),
        );
    }
    Ok(result)
}

/// Weights of the places around, by their distance.
fn weights(reach: f64, ratio: f64, stretch: f64, base: f64, function: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let first = 1.0 - reach;
    let count = (2.0 * reach) as usize;
    (0..count)
        .map(|n| {
            let offset = first + n as f64;
            (base + offset, function(((offset - ratio) * stretch).abs()))
        })
        .collect()
}

pub(super) fn cubic(x: f64, a: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

pub(super) fn mixed(array: &Array, axis: usize, mixes: &[Mix], budget: &mut Budget) -> Result<Array, Trouble> {
    fn floats<T: Float>(values: &[T], shape: Vec<usize>, axis: usize, length: usize, mixes: &[Mix]) -> Array {
        let (outer, inner) = around(&shape, axis);
        let mut result = Vec::with_capacity(outer * mixes.len() * inner);
        for block in 0..outer {
            for mix in mixes {
                for lane in 0..inner {
                    let value = |place: &usize| values[(block * length + place) * inner + lane];
                    result.push(match mix.as_slice() {
                        [(place, 1.0)] => value(place),
                        many => T::from_f64(many.iter().map(|(place, weight)| value(place).wide() * weight).sum()),
                    });
                }
            }
        }
        Array::new(shape, result)
    }
    fn plain<T: Element>(values: &[T], shape: Vec<usize>, axis: usize, length: usize, mixes: &[Mix]) -> Array {
        let (outer, inner) = around(&shape, axis);
        let mut result = Vec::with_capacity(outer * mixes.len() * inner);
        for block in 0..outer {
            for mix in mixes {
                let place = mix.first().map_or(0, |(place, _)| *place);
                let start = (block * length + place) * inner;
                result.extend_from_slice(&values[start..start + inner]);
            }
        }
        Array::new(shape, result)
    }
    let length = array.shape[axis];
    let mut shape = array.shape.clone();
    shape[axis] = mixes.len();
    let count = elements(&shape)?;
    let widest = mixes.iter().map(Vec::len).max().unwrap_or(0);
    budget.charge(count.saturating_mul(widest))?;
    match &array.data {
        Data::F32(values) => Ok(floats(values, shape, axis, length, mixes)),
        Data::F64(values) => Ok(floats(values, shape, axis, length, mixes)),
        _ if widest <= 1 => for_plain!(array, values => Ok(plain(values, shape, axis, length, mixes))),
        _ => {
            let wide = cast(array, DType::F64)?;
            cast(&floats(wide.view::<f64>()?, shape, axis, length, mixes), array.dtype())
        }
    }
}

fn around(shape: &[usize], axis: usize) -> (usize, usize) {
    (shape[..axis].iter().product(), shape[axis + 1..].iter().product())
}

/// Elements that lie outside along any axis get a value.
fn extrapolated(array: &Array, outside: &[Option<Vec<bool>>], value: f64) -> Result<Array, Trouble> {
    let wide = cast(array, DType::F64)?;
    let mut values = wide.view::<f64>()?.to_vec();
    let steps = crate::ops::layout::strides(&array.shape);
    for (n, element) in values.iter_mut().enumerate() {
        let is_outside = outside.iter().enumerate().any(|(axis, outside)| {
            outside
                .as_ref()
                .is_some_and(|outside| outside[n / steps[axis] as usize % array.shape[axis]])
        });
        if is_outside {
            *element = value;
        }
    }
    cast(&Array::new(array.shape.clone(), values), array.dtype())
}
