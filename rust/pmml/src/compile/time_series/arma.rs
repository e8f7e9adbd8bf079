//! An autoregressive moving average process.

/// Most multiplications over a series.
pub(super) const MOST_WORK: usize = 1 << 30;

/// Polynomials of the autoregressive and the moving average part, and a constant.
#[derive(Debug)]
pub(super) struct Arma {
    pub(super) ar: Vec<f64>,
    pub(super) ma: Vec<f64>,
    pub(super) constant: f64,
    /// Lags above 0 with their coefficients, as far as they are not zero: those of seasonal models mostly are.
    past_values: Vec<(usize, f64)>,
    past_residuals: Vec<(usize, f64)>,
}

impl Arma {
    pub(super) fn new(ar: Vec<f64>, ma: Vec<f64>, constant: f64) -> Self {
        let sparse = |polynomial: &[f64], sign: f64| {
            let lags = polynomial.iter().enumerate().skip(1);
            lags.filter(|(_, coefficient)| **coefficient != 0.0)
                .map(|(lag, coefficient)| (lag, sign * coefficient))
                .collect()
        };
        Self {
            past_values: sparse(&ar, -1.0),
            past_residuals: sparse(&ma, 1.0),
            ar,
            ma,
            constant,
        }
    }

    /// Multiplications over a series of some length.
    pub(super) fn work(&self, length: usize) -> usize {
        length.saturating_mul(1 + self.past_values.len() + self.past_residuals.len())
    }

    /// The expectation of the value at an index from what lies before it.
    fn expected(&self, values: &[f64], residuals: &[f64], at: usize) -> f64 {
        let past = |lags: &[(usize, f64)], from: &[f64]| -> f64 {
            let near = lags.iter().take_while(|(lag, _)| *lag <= at);
            near.map(|(lag, coefficient)| coefficient * from.get(at - lag).copied().unwrap_or(0.0))
                .sum()
        };
        self.constant + past(&self.past_values, values) + past(&self.past_residuals, residuals)
    }

    /// Conditional residuals: those before the first full set of lags are zero. The last ones can be given.
    pub(super) fn residuals(&self, values: &[f64], given: &[f64]) -> Vec<f64> {
        let mut residuals = vec![0.0; values.len()];
        let computed = values.len().saturating_sub(given.len());
        for at in (self.ar.len() - 1).min(computed)..computed {
            residuals[at] = values[at] - self.expected(values, &residuals, at);
        }
        let shown = given.len().min(values.len());
        residuals[computed..].copy_from_slice(&given[given.len() - shown..]);
        residuals
    }

    /// The forecasts after the last value.
    pub(super) fn forecast(&self, values: &[f64], residuals: &[f64], count: usize) -> Vec<f64> {
        let mut all = values.to_vec();
        for _ in 0..count {
            all.push(self.expected(&all, residuals, all.len()));
        }
        all.split_off(values.len())
    }
}
