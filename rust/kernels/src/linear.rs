//! Linear parts: sums of products in the order that they are written.

#[cfg(target_arch = "x86_64")]
mod shares;

use crate::activation::Activation;

/// `w[0] * x[0] + w[1] * x[1] + ... + bias`, added from the left in `f64`.
#[inline]
#[must_use]
pub fn dot(bias: f64, weights: &[f64], values: &[f64]) -> f64 {
    weights
        .iter()
        .zip(values)
        .fold(0.0, |sum, (weight, value)| sum + weight * value)
        + bias
}

/// Several linear functions of the same values: `weights` has `outputs.len()` columns for each value, so that the
/// sums run side by side; each sum is the one that [`dot`] gives.
#[inline]
pub fn dots(biases: &[f64], weights: &[f64], values: &[f64], outputs: &mut [f64]) {
    // A lone sum stays in a register; through memory each step would wait for the store of the one before.
    if let ([output], [bias, ..]) = (&mut *outputs, biases) {
        *output = dot(*bias, weights, values);
        return;
    }
    match outputs.len() {
        2 => few::<2>(biases, weights, values, outputs),
        3 => few::<3>(biases, weights, values, outputs),
        4 => few::<4>(biases, weights, values, outputs),
        5 => few::<5>(biases, weights, values, outputs),
        6 => few::<6>(biases, weights, values, outputs),
        7 => few::<7>(biases, weights, values, outputs),
        8 => few::<8>(biases, weights, values, outputs),
        width => {
            outputs.fill(0.0);
            for (value, column) in values.iter().zip(weights.chunks_exact(width.max(1))) {
                for (output, weight) in outputs.iter_mut().zip(column) {
                    *output += weight * value;
                }
            }
            for (output, bias) in outputs.iter_mut().zip(biases) {
                *output += bias;
            }
        }
    }
}

/// [`dots`] with the biases added first: `bias + w[0] * x[0] + w[1] * x[1] + ...`.
#[inline]
pub fn dots_after(biases: &[f64], weights: &[f64], values: &[f64], outputs: &mut [f64]) {
    if let ([output], [bias, ..]) = (&mut *outputs, biases) {
        let products = weights.iter().zip(values).map(|(weight, value)| weight * value);
        *output = products.fold(*bias, |sum, product| sum + product);
        return;
    }
    let width = outputs.len().max(1);
    for (output, bias) in outputs.iter_mut().zip(biases) {
        *output = *bias;
    }
    for (value, column) in values.iter().zip(weights.chunks_exact(width)) {
        for (output, weight) in outputs.iter_mut().zip(column) {
            *output += weight * value;
        }
    }
}

/// [`dots`] of each row of `inputs` values, and then their softmax: the shares of as many classes as there are biases.
///
/// # Panics
/// When there are fewer rows of values than of shares.
#[inline]
pub fn softmax(biases: &[f64], weights: &[f64], inputs: usize, rows: &[f64], shares: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        let done = match biases.len() {
            4 => narrow::<4>(biases, weights, inputs, rows, shares),
            5 => narrow::<5>(biases, weights, inputs, rows, shares),
            6 => narrow::<6>(biases, weights, inputs, rows, shares),
            7 => narrow::<7>(biases, weights, inputs, rows, shares),
            8 => narrow::<8>(biases, weights, inputs, rows, shares),
            _ => false,
        };
        if done {
            return;
        }
    }
    let width = biases.len().max(1);
    for (row, shares) in shares.chunks_exact_mut(width).enumerate() {
        dots(biases, weights, &rows[row * inputs..(row + 1) * inputs], shares);
        Activation::Softmax.apply(shares, width);
    }
}

/// With vectors of the processor, which must have AVX2; `false` when there is nothing to take.
#[cfg(target_arch = "x86_64")]
#[inline]
#[allow(unsafe_code)]
fn narrow<const WIDTH: usize>(
    biases: &[f64],
    weights: &[f64],
    inputs: usize,
    rows: &[f64],
    shares: &mut [f64],
) -> bool {
    let Some(biases) = biases.first_chunk::<WIDTH>() else {
        return false;
    };
    let (weights, shares) = (weights.as_chunks().0, shares.as_chunks_mut().0);
    // SAFETY: the caller knows that the processor has AVX2.
    unsafe { shares::softmax::<WIDTH>(biases, weights, inputs, rows, shares) };
    true
}

/// Few sums stay in registers.
#[inline]
fn few<const WIDTH: usize>(biases: &[f64], weights: &[f64], values: &[f64], outputs: &mut [f64]) {
    let mut sums = [0.0; WIDTH];
    for (value, column) in values.iter().zip(weights.as_chunks::<WIDTH>().0) {
        for (sum, weight) in sums.iter_mut().zip(column) {
            *sum += weight * value;
        }
    }
    for (output, (sum, bias)) in outputs.iter_mut().zip(sums.iter().zip(biases)) {
        *output = sum + bias;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sums_are_the_single_sums() {
        let values = [0.1, 0.2, 0.7];
        let weights = [1.0, -4.0, 2.0, 5.0, 3.0, 6.5];
        let mut outputs = [0.0; 2];
        dots(&[0.5, -0.5], &weights, &values, &mut outputs);
        assert_eq!(outputs[0], dot(0.5, &[1.0, 2.0, 3.0], &values));
        assert_eq!(outputs[1], dot(-0.5, &[-4.0, 5.0, 6.5], &values));
    }

    #[test]
    fn softmax_is_that_of_the_sums_to_the_last_bit() {
        let mut state = 1_u64;
        let mut number = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 40) as f64 / 1e6 - 8.0
        };
        for (width, inputs) in [(1, 3), (2, 1), (3, 5), (4, 11), (5, 2), (6, 11), (7, 3), (8, 4), (9, 2)] {
            let biases: Vec<f64> = (0..width).map(|_| number()).collect();
            let weights: Vec<f64> = (0..width * inputs).map(|_| number()).collect();
            let mut rows: Vec<f64> = (0..9 * inputs).map(|_| number()).collect();
            for (row, special) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e308]
                .iter()
                .enumerate()
            {
                rows[row * inputs] = *special;
            }
            let mut shares = vec![0.0; 9 * width];
            softmax(&biases, &weights, inputs, &rows, &mut shares);
            for (row, shares) in rows.chunks(inputs).zip(shares.chunks(width)) {
                let mut wanted = vec![0.0; width];
                dots(&biases, &weights, row, &mut wanted);
                Activation::Softmax.apply(&mut wanted, width);
                for (got, want) in shares.iter().zip(&wanted) {
                    let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
                    assert!(same, "{shares:?}, not {wanted:?}");
                }
            }
        }
    }
}
