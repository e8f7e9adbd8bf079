//! Linear parts: sums of products in the order that they are written.

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
}
