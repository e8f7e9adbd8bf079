//! ONNX's operators on signals: Fourier transforms, windows, mel weights.

use std::f64::consts::PI;

use super::convert::cast;
use super::lanes::Lanes;
use super::{input, optional};
use crate::array::{Array, DType, axis_of, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Signal {
    /// Signal, length, axis. The last axis of the signal holds one real, or a real and an imaginary number.
    Fourier {
        inverse: bool,
        one_sided: bool,
    },
    /// Signal, step, window, length.
    ShortTimeFourier {
        one_sided: bool,
    },
    /// Sum of cosines with these coefficients.
    Window {
        coefficients: [f64; 3],
        periodic: bool,
        dtype: DType,
    },
    MelWeights {
        dtype: DType,
    },
}

pub(super) fn evaluate(what: &Signal, inputs: &[Array], budget: &mut Budget) -> Result<Array, Trouble> {
    match what {
        Signal::Fourier { inverse, one_sided } => fourier(inputs, *inverse, *one_sided, budget),
        Signal::ShortTimeFourier { one_sided } => short_time(inputs, *one_sided, budget),
        Signal::Window {
            coefficients,
            periodic,
            dtype,
        } => window(input(inputs, 0)?, *coefficients, *periodic, *dtype),
        Signal::MelWeights { dtype } => mel_weights(inputs, *dtype),
    }
}

/// A complex number.
type Complex = [f64; 2];

/// The transform of a sequence, by powers of two where the length is one, else by definition.
fn transform(values: &mut [Complex], inverse: bool, budget: &mut Budget) -> Result<(), Trouble> {
    let length = values.len();
    let sign = if inverse { 1.0 } else { -1.0 };
    if length.is_power_of_two() {
        budget.charge(length.saturating_mul(length.ilog2() as usize + 1))?;
        let bits = length.trailing_zeros();
        for n in 0..length {
            let other = n.reverse_bits() >> (usize::BITS - bits).min(usize::BITS - 1);
            if bits > 0 && n < other {
                values.swap(n, other);
            }
        }
        let mut half = 1;
        while half < length {
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (sine, cosine) = (sign * PI * n as f64 / half as f64).sin_cos();
                    let turned = [b[0] * cosine - b[1] * sine, b[0] * sine + b[1] * cosine];
                    *b = [a[0] - turned[0], a[1] - turned[1]];
                    *a = [a[0] + turned[0], a[1] + turned[1]];
                }
            }
            half *= 2;
        }
    } else {
        budget.charge(length.saturating_mul(length))?;
        let roots: Vec<Complex> = (0..length)
            .map(|n| {
                let (sine, cosine) = (sign * 2.0 * PI * n as f64 / length as f64).sin_cos();
                [cosine, sine]
            })
            .collect();
        let sums: Vec<Complex> = (0..length)
            .map(|k| {
                values.iter().enumerate().fold([0.0; 2], |sum, (n, x)| {
                    let root = roots[n * k % length];
                    [
                        sum[0] + x[0] * root[0] - x[1] * root[1],
                        sum[1] + x[0] * root[1] + x[1] * root[0],
                    ]
                })
            })
            .collect();
        values.copy_from_slice(&sums);
    }
    if inverse {
        for value in values {
            *value = value.map(|x| x / length as f64);
        }
    }
    Ok(())
}

/// Numbers as pairs; a last axis of 1 holds real ones.
fn complex(array: &Array) -> Result<Vec<Complex>, Trouble> {
    let wide = cast(array, DType::F64)?;
    let values = wide.view::<f64>()?;
    match array.shape.last() {
        Some(1) => Ok(values.iter().map(|x| [*x, 0.0]).collect()),
        Some(2) => Ok(values.as_chunks::<2>().0.to_vec()),
        _ => Err(Trouble::failed("the last axis of a signal must hold 1 or 2 numbers")),
    }
}

fn length_of(given: Option<&Array>, otherwise: usize) -> Result<usize, Trouble> {
    let Some(given) = given else { return Ok(otherwise) };
    let length = given.integer()?;
    usize::try_from(length).map_err(|_| Trouble::failed(format!("a length of {length}")))
}

fn fourier(inputs: &[Array], inverse: bool, one_sided: bool, budget: &mut Budget) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    let axis = optional(inputs, 2).map_or(Ok(-2), Array::integer)?;
    let axis = axis_of(axis, array.shape.len())?;
    if axis + 1 == array.shape.len() {
        return Err(Trouble::failed("the last axis holds real and imaginary parts"));
    }
    let values = complex(array)?;
    let lanes = Lanes::along(&array.shape[..array.shape.len() - 1], axis as i64)?;
    let given = length_of(optional(inputs, 1), lanes.length)?;
    // Back from one side: the rest is its mirror image.
    let mirrored = inverse && one_sided;
    let length = if mirrored && optional(inputs, 1).is_none() {
        2 * lanes.length.saturating_sub(1)
    } else {
        given
    };
    let kept = if one_sided && !inverse { length / 2 + 1 } else { length };
    let parts = if mirrored { 1 } else { 2 };
    let mut shape = array.shape.clone();
    shape[axis] = kept;
    if let Some(last) = shape.last_mut() {
        *last = parts;
    }
    elements(&shape)?;
    let mut result = vec![0.0; elements(&shape)?];
    let mut lane = Vec::new();
    for (n, start) in lanes.starts().enumerate() {
        lanes.read(&values, start, &mut lane);
        if mirrored {
            lane.truncate(length / 2 + 1);
            lane.resize(length / 2 + 1, [0.0; 2]);
            for m in (1..length - length / 2).rev() {
                let [real, imaginary] = lane[m];
                lane.push([real, -imaginary]);
            }
        }
        lane.resize(length, [0.0; 2]);
        if length > 0 {
            transform(&mut lane, inverse, budget)?;
        }
        if one_sided && !inverse && length > 0 {
            // Of a real signal, these have no imaginary part.
            lane[0][1] = 0.0;
            if length.is_multiple_of(2) {
                lane[length / 2][1] = 0.0;
            }
        }
        for (m, value) in lane[..kept].iter().enumerate() {
            let to = ((n / lanes.inner * kept + m) * lanes.inner + n % lanes.inner) * parts;
            result[to..to + parts].copy_from_slice(&value[..parts]);
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}

fn short_time(inputs: &[Array], one_sided: bool, budget: &mut Budget) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    let [batch, samples, _] = *array.shape else {
        return Err(Trouble::failed("a signal needs the axes batch, time and part"));
    };
    let step = length_of(optional(inputs, 1), 1)?.max(1);
    let window = optional(inputs, 2).map(|window| cast(window, DType::F64)).transpose()?;
    let length = length_of(optional(inputs, 3), window.as_ref().map_or(samples, Array::len))?;
    let window = window.as_ref().map(Array::view::<f64>).transpose()?;
    if length == 0 || length > samples || window.is_some_and(|window| window.len() > length) {
        return Err(Trouble::failed(format!("frames of {length} of {samples} samples")));
    }
    let frames = (samples - length) / step + 1;
    let kept = if one_sided { length / 2 + 1 } else { length };
    let shape = vec![batch, frames, kept, 2];
    let mut result: Vec<f64> = Vec::with_capacity(elements(&shape)?);
    let values = complex(array)?;
    for image in 0..batch {
        for frame in 0..frames {
            let mut lane = values[image * samples + frame * step..][..length].to_vec();
            if let Some(window) = window {
                let before = (length - window.len()) / 2;
                for (n, value) in lane.iter_mut().enumerate() {
                    let weight = n
                        .checked_sub(before)
                        .and_then(|n| window.get(n))
                        .copied()
                        .unwrap_or(0.0);
                    *value = value.map(|x| x * weight);
                }
            }
            transform(&mut lane, false, budget)?;
            result.extend(lane[..kept].iter().flatten().copied());
        }
    }
    cast(&Array::new(shape, result), array.dtype())
}

fn window(size: &Array, coefficients: [f64; 3], periodic: bool, dtype: DType) -> Result<Array, Trouble> {
    let size = length_of(Some(size), 0)?;
    let count = elements(&[size])?;
    let period = (if periodic { size } else { size.saturating_sub(1) }) as f64;
    let [a, b, c] = coefficients;
    let values = (0..count).map(|n| {
        let turn = if period > 0.0 {
            2.0 * PI * n as f64 / period
        } else {
            0.0
        };
        a + b * turn.cos() + c * (2.0 * turn).cos()
    });
    cast(&Array::new(vec![size], values.collect()), dtype)
}

/// Number of bins, length of the transform, sample rate, lower and upper edge.
fn mel_weights(inputs: &[Array], dtype: DType) -> Result<Array, Trouble> {
    let number = |n: usize| -> Result<f64, Trouble> {
        let wide = cast(input(inputs, n)?, DType::F64)?;
        wide.view::<f64>()?
            .first()
            .copied()
            .ok_or_else(|| Trouble::failed(format!("input {n} is empty")))
    };
    let (bins, length, rate, low, high) = (number(0)?, number(1)?, number(2)?, number(3)?, number(4)?);
    if !(1.0..=1e6).contains(&bins) || !(1.0..=1e8).contains(&length) || rate.is_nan() || rate <= 0.0 {
        return Err(Trouble::failed("numbers that make no filter bank"));
    }
    let (bins, spectrum) = (bins as usize, (length / 2.0) as usize + 1);
    let mel = |frequency: f64| 2595.0 * (1.0 + frequency / 700.0).log10();
    let step = (mel(high) - mel(low)) / (bins as f64 + 2.0);
    let edge = |n: usize| {
        let frequency = 700.0 * (10_f64.powf((mel(low) + n as f64 * step) / 2595.0) - 1.0);
        (((length + 1.0) * frequency) / rate).floor()
    };
    let shape = vec![spectrum, bins];
    let mut result = vec![0.0; elements(&shape)?];
    for bin in 0..bins {
        let [lower, center, upper] = [0, 1, 2].map(|n| edge(bin + n));
        for row in 0..spectrum {
            let at = row as f64;
            let weight = if lower == center {
                f64::from(u8::from(at == center))
            } else if (lower..=center).contains(&at) {
                (at - lower) / (center - lower)
            } else {
                0.0
            };
            let falling = upper > center && (center..upper).contains(&at);
            result[row * bins + bin] = if falling {
                (upper - at) / (upper - center)
            } else {
                weight
            };
        }
    }
    cast(&Array::new(shape, result), dtype)
}
