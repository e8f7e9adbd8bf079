//! Polynomials of the backshift operator; the coefficient at index `i` belongs to a lag of `i`.

/// Product of two polynomials.
pub(super) fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; (a.len() + b.len()).saturating_sub(1)];
    for (at, x) in a.iter().enumerate() {
        if *x != 0.0 {
            for (sum, y) in product[at..].iter_mut().zip(b) {
                *sum += x * y;
            }
        }
    }
    product
}

/// `1 + sign * (c1 B^s + c2 B^2s + ...)`
pub(super) fn lags(coefficients: &[f64], spacing: usize, sign: f64) -> Vec<f64> {
    let mut polynomial = vec![0.0; coefficients.len() * spacing + 1];
    polynomial[0] = 1.0;
    for (at, coefficient) in coefficients.iter().enumerate() {
        polynomial[(at + 1) * spacing] = sign * coefficient;
    }
    polynomial
}

/// `(1 - B)^d (1 - B^s)^D`
pub(super) fn differences(plain: usize, seasonal: usize, period: usize) -> Vec<f64> {
    let mut polynomial = vec![1.0];
    for _ in 0..plain {
        polynomial = product(&polynomial, &[1.0, -1.0]);
    }
    for _ in 0..seasonal {
        polynomial = product(&polynomial, &lags(&[1.0], period, -1.0));
    }
    polynomial
}

/// The polynomial applied to a series; the first values have too little before them and are left out.
pub(super) fn apply(polynomial: &[f64], values: &[f64]) -> Vec<f64> {
    let order = polynomial.len() - 1;
    let lags: Vec<(usize, f64)> = polynomial.iter().copied().enumerate().collect();
    let lags: Vec<(usize, f64)> = lags
        .into_iter()
        .filter(|(_, coefficient)| *coefficient != 0.0)
        .collect();
    (order..values.len())
        .map(|at| {
            lags.iter()
                .map(|(lag, coefficient)| coefficient * values[at - lag])
                .sum()
        })
        .collect()
}

/// The first weights of `numerator / denominator` as a power series.
pub(super) fn quotient(numerator: &[f64], denominator: &[f64], count: usize) -> Vec<f64> {
    let mut weights: Vec<f64> = Vec::with_capacity(count);
    for at in 0..count {
        let mut weight = numerator.get(at).copied().unwrap_or(0.0);
        for (lag, coefficient) in denominator.iter().enumerate().skip(1).take(at) {
            weight -= coefficient * weights[at - lag];
        }
        weights.push(weight);
    }
    weights
}
