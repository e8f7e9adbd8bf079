//! Windows over images with channels first, `[batch, channels, axes ...]`, with any number of axes.

mod convolution;
mod pooling;
mod prepared;
mod resample;
mod resize;
mod sampling;
mod windows;

pub(crate) use convolution::Growth;
pub(crate) use pooling::Pool;
pub(crate) use prepared::PreparedConvolution;
pub(crate) use resample::{Kernel, Resample};
pub(crate) use resize::{Aspect, Coordinates, Interpolation, Nearest, Resize};
pub(crate) use sampling::{Between, Beyond, GridSample, Regions};
pub(crate) use windows::{Axis, Padding, Window};

use super::convert::cast;
use super::elementwise::binary;
use super::{input, optional};
use crate::array::{Array, DType, elements};
use crate::graph::Binary;
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spatial {
    Convolution {
        window: Window,
        /// 0: as many as the filter's channels are contained in those of the image.
        groups: usize,
    },
    TransposedConvolution {
        window: Window,
        growth: Growth,
        groups: usize,
    },
    DeformableConvolution {
        window: Window,
        groups: usize,
        offset_groups: usize,
    },
    /// Of 8-bit integers less their zero points.
    IntegerConvolution {
        window: Window,
        groups: usize,
    },
    Pool {
        how: Pool,
        sizes: Vec<usize>,
        window: Window,
    },
    /// Over all of the image.
    GlobalPool(Pool),
    Unpool {
        sizes: Vec<usize>,
        window: Window,
    },
    Resize(Resize),
    Resample(Resample),
    GridSample(GridSample),
    AffineGrid {
        align_corners: bool,
    },
    RoiAlign(Regions),
    MaxRoiPool(Regions),
    ColumnsToImage {
        window: Window,
    },
}

impl Spatial {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Pool { .. } => 2,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Spatial, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    let one = match what {
        Spatial::Convolution { window, groups } => {
            convolution::convolve(at(0)?, at(1)?, optional(inputs, 2), window, *groups, budget)?
        }
        Spatial::TransposedConvolution { window, growth, groups } => {
            convolution::transposed(at(0)?, at(1)?, optional(inputs, 2), window, growth, *groups, budget)?
        }
        Spatial::DeformableConvolution {
            window,
            groups,
            offset_groups,
        } => sampling::deform_convolve(inputs, window, *groups, *offset_groups, budget)?,
        Spatial::IntegerConvolution { window, groups } => {
            let (data, filter) = (
                less_zero(at(0)?, optional(inputs, 2))?,
                less_zero(at(1)?, optional(inputs, 3))?,
            );
            let sums = convolution::convolve(&data, &filter, None, window, *groups, budget)?;
            cast(&sums, DType::I32)?
        }
        Spatial::Pool { how, sizes, window } => return pooling::pool(at(0)?, *how, sizes, window, budget),
        Spatial::GlobalPool(how) => {
            let sizes = at(0)?.shape.get(2..).unwrap_or_default().to_vec();
            pooling::pool(at(0)?, *how, &sizes, &Window::default(), budget)?.swap_remove(0)
        }
        Spatial::Unpool { sizes, window } => {
            let shape = if let Some(shape) = optional(inputs, 2) {
                shape.lengths()?
            } else {
                natural(at(0)?, sizes, window)?
            };
            unpool_into(at(0)?, at(1)?, &shape, sizes, window)?
        }
        Spatial::Resize(what) => resize::resize(what, inputs, budget)?,
        Spatial::Resample(what) => resample::resample(*what, inputs, budget)?,
        Spatial::GridSample(what) => sampling::grid_sample(*what, at(0)?, at(1)?, budget)?,
        Spatial::AffineGrid { align_corners } => sampling::affine_grid(at(0)?, &at(1)?.lengths()?, *align_corners)?,
        Spatial::RoiAlign(what) => sampling::roi_align(*what, at(0)?, at(1)?, at(2)?, budget)?,
        Spatial::MaxRoiPool(what) => sampling::max_roi_pool(*what, at(0)?, at(1)?, budget)?,
        Spatial::ColumnsToImage { window } => {
            columns_to_image(at(0)?, &at(1)?.lengths()?, &at(2)?.lengths()?, window, budget)?
        }
    };
    Ok(vec![one])
}

/// Shape of what pooling with these sizes was done on.
fn natural(array: &Array, sizes: &[usize], window: &Window) -> Result<Vec<usize>, Trouble> {
    let mut shape = array.shape.get(..2).unwrap_or_default().to_vec();
    let lengths = array.shape.get(2..).unwrap_or_default();
    shape.extend(pooling::unpooled(lengths, sizes, window)?);
    Ok(shape)
}

/// Places count in the natural shape; a larger one that is asked for is filled with zeros.
fn unpool_into(
    array: &Array,
    places: &Array,
    shape: &[usize],
    sizes: &[usize],
    window: &Window,
) -> Result<Array, Trouble> {
    let natural = natural(array, sizes, window)?;
    let whole = pooling::unpool(array, places, natural.clone())?;
    if natural == shape {
        return Ok(whole);
    }
    if natural.len() != shape.len() || natural.iter().zip(shape).any(|(a, b)| a > b) {
        return Err(Trouble::failed(format!(
            "a shape of {shape:?} for what was {natural:?}"
        )));
    }
    let widths: Vec<i64> = std::iter::repeat_n(0, shape.len())
        .chain(natural.iter().zip(shape).map(|(a, b)| (b - a) as i64))
        .collect();
    super::padding::pad(&whole, &widths, None, None, super::moves::Padded::Constant)
}

/// As doubles, in which sums of products of 8-bit integers are exact.
fn less_zero(array: &Array, zero: Option<&Array>) -> Result<Array, Trouble> {
    let wide = cast(array, DType::F64)?;
    let Some(zero) = zero else { return Ok(wide) };
    let mut zero = cast(zero, DType::F64)?;
    if zero.len() > 1 {
        let mut shape = vec![1; array.shape.len()];
        shape[0] = zero.len();
        zero = zero.reshaped(shape)?;
    } else {
        zero = zero.reshaped(Vec::new())?;
    }
    binary(Binary::Subtract, &wide, &zero)
}

/// Blocks added up at their places; the reverse of gathering windows into columns.
fn columns_to_image(
    array: &Array,
    lengths: &[usize],
    sizes: &[usize],
    window: &Window,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let taps = windows::Taps::new(&window.axes(lengths, sizes)?, budget)?;
    let [batch, width, pixels] = *array.shape else {
        return Err(Trouble::failed(format!(
            "columns need 3 axes, they have {:?}",
            array.shape
        )));
    };
    if pixels != taps.pixels || taps.entries == 0 || width % taps.entries != 0 {
        return Err(Trouble::failed("columns, image and blocks don't go together"));
    }
    let channels = width / taps.entries;
    let plane: usize = lengths.iter().product();
    let mut shape = vec![batch, channels];
    shape.extend(lengths);
    let wide = cast(array, DType::F64)?;
    let values = wide.view::<f64>()?;
    let mut result = vec![0.0; elements(&shape)?];
    budget.charge(values.len())?;
    for (n, value) in values.iter().enumerate() {
        let (row, pixel) = (n / pixels, n % pixels);
        let place = taps.of(pixel)[row % taps.entries];
        if place != windows::OUTSIDE {
            result[row / taps.entries * plane + place as usize] += value;
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}
