//! Images read between their pixels: `GridSample`, `AffineGrid`, `RoiAlign`, `MaxRoiPool`, `DeformConv` of ONNX.

use super::convolution::image;
use super::windows::Window;
use crate::array::{Array, DType, elements};
use crate::ops::convert::cast;
use crate::ops::float::{Float, for_floats};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Attributes of `GridSample`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GridSample {
    pub(crate) how: Between,
    pub(crate) beyond: Beyond,
    pub(crate) align_corners: bool,
}

/// How a value between pixels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    Nearest,
    Linear,
    Cubic,
}

/// What lies beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    Zeros,
    Border,
    Reflection,
}

/// Place folded back between two mirrors.
fn reflected(x: f64, low: f64, high: f64) -> f64 {
    let range = high - low;
    if range <= 0.0 || !x.is_finite() {
        return low;
    }
    let period = (x - low).rem_euclid(2.0 * range);
    low + if period <= range { period } else { 2.0 * range - period }
}

impl GridSample {
    fn mirrors(self, length: usize) -> (f64, f64) {
        if self.align_corners {
            (0.0, length as f64 - 1.0)
        } else {
            (-0.5, length as f64 - 0.5)
        }
    }

    /// Place on an axis of a coordinate from -1 to 1.
    fn place(self, coordinate: f64, length: usize) -> f64 {
        let mut x = if self.align_corners {
            f64::midpoint(coordinate, 1.0) * (length as f64 - 1.0)
        } else {
            ((coordinate + 1.0) * length as f64 - 1.0) / 2.0
        };
        if self.how == Between::Nearest {
            x = x.round_ties_even();
        }
        let (low, high) = self.mirrors(length);
        if x < low || x > high {
            x = match self.beyond {
                Beyond::Zeros => x,
                Beyond::Border => x.clamp(0.0, length as f64 - 1.0),
                Beyond::Reflection => reflected(x, low, high),
            };
        }
        x
    }

    /// The pixel at a whole place.
    fn pixel(self, at: f64, length: usize) -> Option<usize> {
        let last = length as f64 - 1.0;
        let at = match self.beyond {
            Beyond::Zeros => at,
            Beyond::Border => at.clamp(0.0, last),
            Beyond::Reflection => {
                let (low, high) = self.mirrors(length);
                reflected(at, low, high).trunc().clamp(0.0, last)
            }
        };
        (0.0..=last).contains(&at).then_some(at as usize)
    }

    /// Pixels of an axis and their weights.
    fn mix(self, x: f64, length: usize) -> Vec<(Option<usize>, f64)> {
        let base = x.floor();
        let ratio = x - base;
        match self.how {
            Between::Nearest => vec![(self.pixel(x.round_ties_even(), length), 1.0)],
            Between::Linear => vec![
                (self.pixel(base, length), 1.0 - ratio),
                (self.pixel(base + 1.0, length), ratio),
            ],
            Between::Cubic => {
                let near = |x: f64| (1.25 * x - 2.25) * x * x + 1.0;
                let far = |x: f64| ((-0.75 * x + 3.75) * x - 6.0) * x + 3.0;
                let weights = [far(1.0 + ratio), near(ratio), near(1.0 - ratio), far(2.0 - ratio)];
                weights
                    .into_iter()
                    .enumerate()
                    .map(|(n, weight)| (self.pixel(base + n as f64 - 1.0, length), weight))
                    .collect()
            }
        }
    }
}

/// Flat places and weights of all combinations of the pixels of the axes.
fn combined(mixes: &[Vec<(Option<usize>, f64)>], lengths: &[usize]) -> Vec<(usize, f64)> {
    let mut result = vec![(0, 1.0)];
    for (mix, length) in mixes.iter().zip(lengths) {
        result = result
            .iter()
            .flat_map(|(place, weight)| {
                mix.iter()
                    .filter_map(move |(pixel, factor)| Some((place * length + (*pixel)?, weight * factor)))
            })
            .collect();
    }
    result
}

pub(super) fn grid_sample(
    what: GridSample,
    array: &Array,
    grid: &Array,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    fn of<T: Float>(
        what: GridSample,
        values: &[T],
        grid: &[f64],
        lengths: &[usize],
        [batch, channels, points]: [usize; 3],
    ) -> Vec<T> {
        let (plane, axes) = (lengths.iter().product::<usize>(), lengths.len());
        let mut result = vec![T::ZERO; batch * channels * points];
        for image in 0..batch {
            for point in 0..points {
                let coordinates = &grid[(image * points + point) * axes..][..axes];
                // The grid's coordinates begin with the last axis.
                let mixes: Vec<_> = lengths
                    .iter()
                    .zip(coordinates.iter().rev())
                    .map(|(length, coordinate)| what.mix(what.place(*coordinate, *length), *length))
                    .collect();
                let taps = combined(&mixes, lengths);
                for channel in 0..channels {
                    let values = &values[(image * channels + channel) * plane..][..plane];
                    let sum: f64 = taps.iter().map(|(place, weight)| values[*place].wide() * weight).sum();
                    result[(image * channels + channel) * points + point] = T::from_f64(sum);
                }
            }
        }
        result
    }
    let (batch, channels, lengths) = image(array, "an image")?;
    let axes = lengths.len();
    let fits = grid.shape.len() == axes + 2 && grid.shape[0] == batch && grid.shape[axes + 1] == axes && axes <= 4;
    if !fits || lengths.contains(&0) {
        return Err(Trouble::failed(format!(
            "a grid of shape {:?} for images of {:?}",
            grid.shape, array.shape
        )));
    }
    let mut shape = vec![batch, channels];
    shape.extend(&grid.shape[1..=axes]);
    let points: usize = grid.shape[1..=axes].iter().product();
    let count = elements(&shape)?;
    budget.charge(count.saturating_mul(4_usize.pow(axes as u32)))?;
    let grid = cast(grid, DType::F64)?;
    for_floats!(array, values => {
        let result = of(what, values, grid.view()?, lengths, [batch, channels, points]);
        Ok(Array::new(shape, result))
    })
}

/// Grids for [`grid_sample`] by an affine map per image.
pub(super) fn affine_grid(theta: &Array, size: &[usize], align_corners: bool) -> Result<Array, Trouble> {
    fn of<T: Float>(theta: &[T], batch: usize, lengths: &[usize], align_corners: bool) -> Vec<T> {
        let axes = lengths.len();
        let points: usize = lengths.iter().product();
        let coordinate = |n: usize, length: usize| {
            if align_corners {
                if length == 1 {
                    0.0
                } else {
                    2.0 * n as f64 / (length as f64 - 1.0) - 1.0
                }
            } else {
                (2.0 * n as f64 + 1.0) / length as f64 - 1.0
            }
        };
        let mut result = Vec::with_capacity(batch * points * axes);
        let mut at = vec![0.0; axes];
        for map in theta.chunks_exact(axes * (axes + 1)).take(batch) {
            for point in 0..points {
                let mut rest = point;
                for (n, length) in lengths.iter().rev().enumerate() {
                    at[n] = coordinate(rest % length, *length);
                    rest /= length;
                }
                for row in map.chunks_exact(axes + 1) {
                    let sum: f64 = row.iter().zip(&at).map(|(weight, x)| weight.wide() * x).sum();
                    result.push(T::from_f64(sum + row[axes].wide()));
                }
            }
        }
        result
    }
    let axes = size.len().saturating_sub(2);
    if !(2..=3).contains(&axes) || theta.shape != [size[0], axes, axes + 1] {
        return Err(Trouble::failed(format!(
            "maps of shape {:?} for images of {size:?}",
            theta.shape
        )));
    }
    let mut shape = vec![size[0]];
    shape.extend(&size[2..]);
    shape.push(axes);
    elements(&shape)?;
    for_floats!(theta, values => Ok(Array::new(shape, of(values, size[0], &size[2..], align_corners))))
}

/// Attributes of `RoiAlign` and, with `rounded`, `MaxRoiPool`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Regions {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) sampling: usize,
    pub(crate) scale: f64,
    pub(crate) half_pixel: bool,
    pub(crate) maximum: bool,
}

/// Places and weights of a point between four pixels; nothing beyond the image.
fn bilinear(y: f64, x: f64, height: usize, width: usize) -> Option<[(usize, f64); 4]> {
    if y < -1.0 || y > height as f64 || x < -1.0 || x > width as f64 {
        return None;
    }
    let axis = |at: f64, length: usize| {
        let at = at.max(0.0);
        let low = at as usize;
        if low >= length - 1 {
            (length - 1, length - 1, 0.0)
        } else {
            (low, low + 1, at - low as f64)
        }
    };
    let ((y0, y1, v), (x0, x1, h)) = (axis(y, height), axis(x, width));
    Some([
        (y0 * width + x0, (1.0 - v) * (1.0 - h)),
        (y0 * width + x1, (1.0 - v) * h),
        (y1 * width + x0, v * (1.0 - h)),
        (y1 * width + x1, v * h),
    ])
}

/// Images, regions as (x1, y1, x2, y2), image of each region.
pub(super) fn roi_align(
    what: Regions,
    array: &Array,
    regions: &Array,
    images: &Array,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let [batch, channels, height, width] = *array.shape else {
        return Err(Trouble::failed(format!(
            "an image needs 4 axes, it has shape {:?}",
            array.shape
        )));
    };
    let images = images.lengths()?;
    let count = images.len();
    if regions.shape != [count, 4] || images.iter().any(|image| *image >= batch) || height == 0 || width == 0 {
        return Err(Trouble::failed(
            "regions, their images, and the images don't go together",
        ));
    }
    let shape = vec![count, channels, what.height, what.width];
    elements(&shape)?;
    let (wide, regions) = (cast(array, DType::F64)?, cast(regions, DType::F64)?);
    let (values, regions) = (wide.view::<f64>()?, regions.view::<f64>()?);
    let plane = height * width;
    let mut result = vec![0.0; elements(&shape)?];
    let bins = what.height * what.width;
    for (n, region) in regions.as_chunks::<4>().0.iter().enumerate() {
        let offset = if what.half_pixel { 0.5 } else { 0.0 };
        let [left, top, right, bottom] = region.map(|x| x * what.scale - offset);
        let side = |length: f64| if what.half_pixel { length } else { length.max(1.0) };
        let (bin_y, bin_x) = (
            side(bottom - top) / what.height as f64,
            side(right - left) / what.width as f64,
        );
        let samples = |bin: f64| {
            if what.sampling > 0 {
                what.sampling
            } else {
                bin.ceil().clamp(0.0, 1e6) as usize
            }
        };
        let (rows, columns) = (samples(bin_y), samples(bin_x));
        budget.charge(
            bins.saturating_mul(channels)
                .saturating_mul(rows)
                .saturating_mul(columns)
                .saturating_mul(4),
        )?;
        for bin in 0..bins {
            let (y, x) = (bin / what.width, bin % what.width);
            let points = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            let taps: Vec<_> = points
                .filter_map(|(row, column)| {
                    let at_y = top + (y as f64 + (row as f64 + 0.5) / rows as f64) * bin_y;
                    let at_x = left + (x as f64 + (column as f64 + 0.5) / columns as f64) * bin_x;
                    bilinear(at_y, at_x, height, width)
                })
                .collect();
            for channel in 0..channels {
                let values = &values[(images[n] * channels + channel) * plane..][..plane];
                let terms = taps.iter().flatten().map(|(place, weight)| values[*place] * weight);
                result[(n * channels + channel) * bins + bin] = if what.maximum {
                    terms.reduce(f64::max).unwrap_or(0.0)
                } else {
                    terms.sum::<f64>() / (rows * columns).max(1) as f64
                };
            }
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}

/// Images, regions as (image, x1, y1, x2, y2), all rounded to pixels.
pub(super) fn max_roi_pool(
    what: Regions,
    array: &Array,
    regions: &Array,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let ([batch, channels, height, width], [count, 5]) = (&*array.shape, &*regions.shape) else {
        return Err(Trouble::failed("images need 4 axes, regions 5 numbers each"));
    };
    let shape = vec![*count, *channels, what.height, what.width];
    let (wide, regions) = (cast(array, DType::F64)?, cast(regions, DType::F64)?);
    let (values, regions) = (wide.view::<f64>()?, regions.view::<f64>()?);
    let mut result = Vec::with_capacity(elements(&shape)?);
    for region in regions.as_chunks::<5>().0 {
        let image = region[0] as usize;
        if image >= *batch {
            return Err(Trouble::failed(format!("there is no image {image}")));
        }
        let rounded = |n: usize| (region[n] * what.scale).round();
        let (left, top) = (rounded(1), rounded(2));
        let (tall, wide) = ((rounded(4) - top + 1.0).max(1.0), (rounded(3) - left + 1.0).max(1.0));
        let span = |n: usize, bins: usize, start: f64, size: f64, length: usize| {
            let bin = size / bins as f64;
            let low = ((n as f64 * bin).floor() + start).clamp(0.0, length as f64) as usize;
            let high = (((n + 1) as f64 * bin).ceil() + start).clamp(0.0, length as f64) as usize;
            low..high
        };
        budget.charge(channels.saturating_mul(height * width))?;
        for channel in 0..*channels {
            let values = &values[(image * channels + channel) * height * width..][..height * width];
            for y in 0..what.height {
                for x in 0..what.width {
                    let rows = span(y, what.height, top, tall, *height);
                    let columns = span(x, what.width, left, wide, *width);
                    let pixels = rows.flat_map(|row| columns.clone().map(move |column| values[row * width + column]));
                    result.push(pixels.reduce(f64::max).unwrap_or(0.0));
                }
            }
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}

/// Data, filter, offsets, bias, mask.
pub(super) fn deform_convolve(
    inputs: &[Array],
    window: &Window,
    groups: usize,
    offset_groups: usize,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let at = |n: usize| crate::ops::input(inputs, n);
    let (array, filter, offsets) = (at(0)?, at(1)?, at(2)?);
    let ([batch, channels, height, width], [results, per_group, size_y, size_x]) = (&*array.shape, &*filter.shape)
    else {
        return Err(Trouble::failed("images and filters need 4 axes"));
    };
    let axes = window.axes(&[*height, *width], &[*size_y, *size_x])?;
    let (rows, columns) = (axes[0].output, axes[1].output);
    let entries = size_y * size_x;
    let fits = groups > 0
        && offset_groups > 0
        && per_group.checked_mul(groups) == Some(*channels)
        && results % groups == 0
        && channels % offset_groups == 0
        && offsets.shape == [*batch, offset_groups * entries * 2, rows, columns]
        && *height > 0
        && *width > 0;
    if !fits {
        return Err(Trouble::failed("data, filter and offsets don't go together"));
    }
    let wide = |n: usize| cast(at(n)?, DType::F64);
    let (data, weights, offsets) = (wide(0)?, wide(1)?, wide(2)?);
    let (data, weights, offsets) = (data.view::<f64>()?, weights.view::<f64>()?, offsets.view::<f64>()?);
    let bias = crate::ops::optional(inputs, 3)
        .map(|bias| cast(bias, DType::F64))
        .transpose()?;
    let mask = crate::ops::optional(inputs, 4)
        .map(|mask| cast(mask, DType::F64))
        .transpose()?;
    let pixels = rows * columns;
    if bias.as_ref().is_some_and(|bias| bias.len() != *results)
        || mask
            .as_ref()
            .is_some_and(|mask| mask.len() != batch * offset_groups * entries * pixels)
    {
        return Err(Trouble::failed("bias or mask don't fit"));
    }
    let bias = bias.as_ref().map(Array::view::<f64>).transpose()?;
    let mask = mask.as_ref().map(Array::view::<f64>).transpose()?;
    let shape = vec![*batch, *results, rows, columns];
    let mut result = vec![0.0; elements(&shape)?];
    budget.charge(
        result
            .len()
            .saturating_mul(per_group * entries)
            .saturating_add(batch * channels * entries * pixels),
    )?;
    let plane = height * width;
    for image in 0..*batch {
        for channel in 0..*channels {
            let (group, offset_group) = (channel / per_group, channel / (channels / offset_groups));
            let source = &data[(image * channels + channel) * plane..][..plane];
            for entry in 0..entries {
                let offset = |axis: usize, pixel: usize| {
                    offsets[((image * offset_groups + offset_group) * entries * 2 + entry * 2 + axis) * pixels + pixel]
                };
                for pixel in 0..pixels {
                    let (row, column) = (pixel / columns, pixel % columns);
                    let start = |n: usize, output: usize, entry: usize| {
                        (output * axes[n].stride + entry * axes[n].dilation) as f64 - axes[n].before as f64
                    };
                    let y = start(0, row, entry / size_x) + offset(0, pixel);
                    let x = start(1, column, entry % size_x) + offset(1, pixel);
                    let mut value = zero_padded(source, y, x, *height, *width);
                    if let Some(mask) = mask {
                        value *= mask[((image * offset_groups + offset_group) * entries + entry) * pixels + pixel];
                    }
                    for n in 0..results / groups {
                        let out = group * (results / groups) + n;
                        let weight = weights[(out * per_group + channel % per_group) * entries + entry];
                        result[(image * results + out) * pixels + pixel] += weight * value;
                    }
                }
            }
        }
    }
    if let Some(bias) = bias {
        for (n, value) in result.iter_mut().enumerate() {
            *value += bias[n / pixels % results];
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}

/// Between four pixels, those beyond the image being 0.
fn zero_padded(values: &[f64], y: f64, x: f64, height: usize, width: usize) -> f64 {
    let (row, column) = (y.floor(), x.floor());
    let (v, h) = (y - row, x - column);
    let at = |row: f64, column: f64| {
        let inside = (0.0..height as f64).contains(&row) && (0.0..width as f64).contains(&column);
        if inside {
            values[row as usize * width + column as usize]
        } else {
            0.0
        }
    };
    (1.0 - v) * ((1.0 - h) * at(row, column) + h * at(row, column + 1.0))
        + v * ((1.0 - h) * at(row + 1.0, column) + h * at(row + 1.0, column + 1.0))
}
