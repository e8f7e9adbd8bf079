//! Images in another resolution, after TensorFlow's `ResizeArea` and `ScaleAndTranslate`.

use super::resize::{Mix, cubic, mixed};
use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::ops::input;
use crate::run::Budget;
use crate::trouble::Trouble;

/// How new pixels are made of old ones, `[batch, height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resample {
    /// Images, size: the mean of what each new pixel covers.
    Area { align_corners: bool },
    /// Images, size, scales, translations: weights by distance.
    Kernel { kernel: Kernel, antialias: bool },
}

/// Weight of an old pixel by its distance from a new one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kernel {
    Lanczos(f64),
    Gaussian,
    Box,
    Triangle,
    KeysCubic,
    MitchellCubic,
}

impl Kernel {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lanczos1" => Self::Lanczos(1.0),
            "lanczos3" => Self::Lanczos(3.0),
            "lanczos5" => Self::Lanczos(5.0),
            "gaussian" => Self::Gaussian,
            "box" => Self::Box,
            "triangle" => Self::Triangle,
            "keyscubic" => Self::KeysCubic,
            "mitchellcubic" => Self::MitchellCubic,
            _ => return None,
        })
    }

    fn radius(self) -> f64 {
        match self {
            Self::Lanczos(radius) => radius,
            Self::Gaussian => 1.5,
            Self::Box | Self::Triangle => 1.0,
            Self::KeysCubic | Self::MitchellCubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Lanczos(radius) => {
                let turn = std::f64::consts::PI * x;
                if x > radius {
                    0.0
                } else if x <= 1e-3 {
                    1.0
                } else {
                    radius * turn.sin() * (turn / radius).sin() / (turn * turn)
                }
            }
            Self::Gaussian if x >= 1.5 => 0.0,
            Self::Gaussian => (-x * x / (2.0 * 0.5 * 0.5)).exp(),
            Self::Box if x < 0.5 => 1.0,
            Self::Box if x == 0.5 => 0.5,
            Self::Box => 0.0,
            Self::Triangle => (1.0 - x).max(0.0),
            Self::KeysCubic => cubic(x, -0.5),
            Self::MitchellCubic if x >= 2.0 => 0.0,
            Self::MitchellCubic if x >= 1.0 => (((-7.0 / 18.0) * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0,
            Self::MitchellCubic => ((7.0 / 6.0) * x - 2.0) * x * x + 8.0 / 9.0,
        }
    }
}

pub(super) fn resample(what: Resample, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    let images = cast(input(inputs, 0)?, DType::F32)?;
    let size = input(inputs, 1)?.lengths()?;
    let ([batch, _, _, channels], [height, width]) = (&*images.shape, &*size) else {
        return Err(Trouble::failed("images need 4 axes, and a size of 2"));
    };
    elements(&[*batch, *height, *width, *channels])?;
    let pairs = |n: usize| -> Result<[f64; 2], Trouble> {
        let wide = cast(input(inputs, n)?, DType::F64)?;
        let pair = <[f64; 2]>::try_from(wide.view::<f64>()?);
        pair.map_err(|_| Trouble::failed("scales and translations are two numbers"))
    };
    let (scales, ways) = match what {
        Resample::Area { .. } => ([1.0; 2], [0.0; 2]),
        Resample::Kernel { .. } => (pairs(2)?, pairs(3)?),
    };
    let mut result = images;
    for axis in [0, 1] {
        let (length, output) = (result.shape[axis + 1], size[axis]);
        if length == 0 {
            return Err(Trouble::failed("nothing to be resized"));
        }
        let mixes = match what {
            Resample::Area { align_corners } => area(length, output, align_corners, budget)?,
            Resample::Kernel { kernel, antialias } => {
                spans(length, output, [scales[axis], ways[axis]], kernel, antialias, budget)?
            }
        };
        result = mixed(&result, axis + 1, &mixes, budget)?;
    }
    Ok(result)
}

fn area(length: usize, output: usize, align_corners: bool, budget: &mut Budget) -> Result<Vec<Mix>, Trouble> {
    let scale = if align_corners && output > 1 {
        (length as f32 - 1.0) / (output as f32 - 1.0)
    } else {
        length as f32 / output as f32
    };
    let mut mixes = Vec::with_capacity(output);
    for n in 0..output {
        let (from, to) = (f64::from(n as f32 * scale), f64::from((n + 1) as f32 * scale));
        let (first, end) = (from.floor() as usize, to.ceil() as usize);
        budget.charge(end.saturating_sub(first))?;
        let covered = (first..end).map(|at| {
            let share = (to.min(at as f64 + 1.0) - from.max(at as f64)) / f64::from(scale);
            (at.min(length - 1), share)
        });
        mixes.push(covered.collect());
    }
    Ok(mixes)
}

fn spans(
    length: usize,
    output: usize,
    [scale, way]: [f64; 2],
    kernel: Kernel,
    antialias: bool,
    budget: &mut Budget,
) -> Result<Vec<Mix>, Trouble> {
    if scale.is_nan() || scale <= 0.0 {
        return Err(Trouble::failed(format!("a scale of {scale}")));
    }
    let (back, start) = (1.0 / scale, -way / scale);
    let stretch = if antialias { back.max(1.0) } else { 1.0 };
    let reach = kernel.radius() * stretch;
    let last = length as f64 - 1.0;
    let mut mixes = Vec::with_capacity(output);
    for n in 0..output {
        let center = (n as f64 + 0.5) * back + start;
        if !(0.0..=length as f64).contains(&center) {
            // The new pixel lies outside: it is black.
            mixes.push(vec![(0, 0.0)]);
            continue;
        }
        let first = (center - reach - 0.5).ceil().clamp(0.0, last) as usize;
        let end = (center + reach - 0.5).floor().clamp(0.0, last) as usize;
        budget.charge(end + 1 - first.min(end))?;
        let weight = |at: usize| kernel.weight(((at as f64 + 0.5 - center) / stretch).abs());
        let total: f64 = (first..=end).map(weight).sum();
        let total = if total.abs() < 1e-30 { 1.0 } else { total };
        mixes.push((first..=end).map(|at| (at, weight(at) / total)).collect());
    }
    Ok(mixes)
}
