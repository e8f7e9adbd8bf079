//! Pieces and colours of images with channels last. Definitions are those of TensorFlow's operators.

use super::convert::cast;
use super::input;
use crate::array::{Array, DType, Element, elements, for_plain};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after TensorFlow's, inputs in its order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Picture {
    /// The pixels below a window, side by side.
    Patches {
        sizes: [usize; 2],
        strides: [usize; 2],
        rates: [usize; 2],
        same: bool,
    },
    /// Images, corners of boxes from 0 to 1, the image of each, height and width.
    Crop {
        nearest: bool,
        beyond: f32,
    },
    Colour(Colour),
}

/// What is done to the last axis of red, green and blue; hue, saturation and value from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    ToHue,
    FromHue,
    /// Times the second input.
    Saturate,
    /// Turned by the second input.
    Turn,
}

pub(super) fn evaluate(what: &Picture, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    let image = input(inputs, 0)?;
    match what {
        Picture::Patches {
            sizes,
            strides,
            rates,
            same,
        } => {
            let axes = [0, 1].map(|n| Axis::new(image, n + 1, sizes[n], strides[n], rates[n], *same));
            let [rows, columns] = axes;
            for_plain!(image, values => patches(values, image, &[rows?, columns?], budget))
        }
        Picture::Crop { nearest, beyond } => crop(inputs, *nearest, *beyond, budget),
        Picture::Colour(colour) => recolour(*colour, image, inputs.get(1)),
    }
}

/// Where windows lie along an axis.
struct Axis {
    count: usize,
    size: usize,
    stride: usize,
    rate: usize,
    before: usize,
    length: usize,
}

impl Axis {
    fn new(image: &Array, axis: usize, size: usize, stride: usize, rate: usize, same: bool) -> Result<Self, Trouble> {
        let length = *image
            .shape
            .get(axis)
            .filter(|_| image.shape.len() == 4)
            .ok_or_else(|| Trouble::failed(format!("images need 4 axes, these have {:?}", image.shape)))?;
        let whole = (size.max(1) - 1) * rate + 1;
        let stride = stride.max(1);
        let (count, before) = if same {
            let count = length.div_ceil(stride);
            let covered = count.saturating_sub(1) * stride + whole;
            (count, covered.saturating_sub(length) / 2)
        } else {
            ((length + stride).saturating_sub(whole) / stride, 0)
        };
        Ok(Self {
            count,
            size,
            stride,
            rate,
            before,
            length,
        })
    }

    /// The pixel of a window's place.
    fn pixel(&self, window: usize, place: usize) -> Option<usize> {
        let at = (window * self.stride + place * self.rate).checked_sub(self.before)?;
        (at < self.length).then_some(at)
    }
}

fn patches<T: Element>(
    values: &[T],
    image: &Array,
    [rows, columns]: &[Axis; 2],
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    let (batch, channels) = (image.shape[0], image.shape[3]);
    let shape = vec![batch, rows.count, columns.count, rows.size * columns.size * channels];
    let mut result = vec![T::default(); elements(&shape)?];
    budget.charge(result.len())?;
    let mut to = 0;
    for image in 0..batch {
        for (row, column) in (0..rows.count).flat_map(|row| (0..columns.count).map(move |column| (row, column))) {
            for (y, x) in (0..rows.size).flat_map(|y| (0..columns.size).map(move |x| (y, x))) {
                if let (Some(y), Some(x)) = (rows.pixel(row, y), columns.pixel(column, x)) {
                    let from = ((image * rows.length + y) * columns.length + x) * channels;
                    result[to..to + channels].clone_from_slice(&values[from..from + channels]);
                }
                to += channels;
            }
        }
    }
    Ok(Array::new(shape, result))
}

/// Where a box of an axis is read.
fn places(from: f32, to: f32, count: usize, length: usize) -> Vec<f32> {
    let last = length as f32 - 1.0;
    if count == 1 {
        return vec![0.5 * (from + to) * last];
    }
    let step = (to - from) * last / (count as f32 - 1.0);
    (0..count).map(|n| from * last + n as f32 * step).collect()
}

fn crop(inputs: &[Array], nearest: bool, beyond: f32, budget: &mut Budget) -> Result<Array, Trouble> {
    let images = cast(input(inputs, 0)?, DType::F32)?;
    let (boxes, owners, size) = (
        input(inputs, 1)?,
        input(inputs, 2)?.lengths()?,
        input(inputs, 3)?.lengths()?,
    );
    let ([batch, height, width, depth], [rows, columns], [count, 4]) = (&*images.shape, &*size, &*boxes.shape) else {
        return Err(Trouble::failed(
            "images need 4 axes, boxes 4 corners, and pieces a height and a width",
        ));
    };
    if owners.len() != *count || *height == 0 || *width == 0 {
        return Err(Trouble::failed("there is not one image for each box"));
    }
    let values = images.view::<f32>()?;
    let corners = cast(boxes, DType::F32)?;
    let shape = vec![*count, *rows, *columns, *depth];
    let mut result = Vec::with_capacity(elements(&shape)?);
    budget.charge(elements(&shape)?.saturating_mul(4))?;
    for (owner, corner) in owners.iter().zip(corners.view::<f32>()?.as_chunks::<4>().0) {
        if owner >= batch {
            return Err(Trouble::failed(format!("image {owner} of {batch}")));
        }
        let pixel = |y: f32, x: f32, channel: usize| {
            values[((owner * height + y as usize) * width + x as usize) * depth + channel]
        };
        let across = places(corner[1], corner[3], *columns, *width);
        for y in places(corner[0], corner[2], *rows, *height) {
            for x in &across {
                let inside = (0.0..=*height as f32 - 1.0).contains(&y) && (0.0..=*width as f32 - 1.0).contains(x);
                result.extend((0..*depth).map(|channel| {
                    if !inside {
                        return beyond;
                    }
                    if nearest {
                        return pixel(y.round(), x.round(), channel);
                    }
                    let row = |y: f32| {
                        let (left, right) = (pixel(y, x.floor(), channel), pixel(y, x.ceil(), channel));
                        left + (right - left) * (x - x.floor())
                    };
                    let (top, bottom) = (row(y.floor()), row(y.ceil()));
                    top + (bottom - top) * (y - y.floor())
                }));
            }
        }
    }
    Ok(Array::new(shape, result))
}

fn to_hue([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let (value, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = value - least;
    let saturation = if value > 0.0 { range / value } else { 0.0 };
    let hue = if range <= 0.0 {
        0.0
    } else if value == red {
        (green - blue) / (6.0 * range)
    } else if value == green {
        (blue - red) / (6.0 * range) + 2.0 / 6.0
    } else {
        (red - green) / (6.0 * range) + 4.0 / 6.0
    };
    [if hue < 0.0 { hue + 1.0 } else { hue }, saturation, value]
}

fn from_hue([hue, saturation, value]: [f64; 3]) -> [f64; 3] {
    let turn = hue * 6.0;
    let strength = [
        (turn - 3.0).abs() - 1.0,
        2.0 - (turn - 2.0).abs(),
        2.0 - (turn - 4.0).abs(),
    ];
    strength.map(|strength| ((1.0 - saturation) + saturation * strength.clamp(0.0, 1.0)) * value)
}

fn recolour(colour: Colour, image: &Array, amount: Option<&Array>) -> Result<Array, Trouble> {
    if image.shape.last() != Some(&3) {
        return Err(Trouble::failed(format!(
            "colours need a last axis of 3, the image has {:?}",
            image.shape
        )));
    }
    let amount = match amount {
        Some(amount) => cast(amount, DType::F64)?.view::<f64>()?.first().copied(),
        None => None,
    };
    let amount = amount.unwrap_or(0.0);
    let change = |pixel: [f64; 3]| match colour {
        Colour::ToHue => to_hue(pixel),
        Colour::FromHue => from_hue(pixel),
        Colour::Saturate => {
            let [hue, saturation, value] = to_hue(pixel);
            from_hue([hue, (saturation * amount).clamp(0.0, 1.0), value])
        }
        Colour::Turn => {
            let [hue, saturation, value] = to_hue(pixel);
            from_hue([(hue + amount).rem_euclid(1.0), saturation, value])
        }
    };
    let wide = cast(image, DType::F64)?;
    let pixels = wide.view::<f64>()?.as_chunks::<3>().0;
    let result: Vec<f64> = pixels.iter().flat_map(|pixel| change(*pixel)).collect();
    cast(&Array::new(image.shape.clone(), result), image.dtype())
}
