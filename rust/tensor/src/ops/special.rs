//! Functions that the standard library does not have.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serving_kernels::probability::normal_quantile;

/// Logarithm of the absolute value of the gamma function, by Stirling's series far from zero.
pub(super) fn log_gamma(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x <= 0.0 && x.floor() == x {
        return f64::INFINITY;
    }
    if x < 0.5 {
        return (PI / (PI * x).sin().abs()).ln() - log_gamma(1.0 - x);
    }
    let (mut far, mut product) = (x, 1.0);
    while far < 10.0 {
        product *= far;
        far += 1.0;
    }
    let square = 1.0 / (far * far);
    let series = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    let tail = series.iter().rev().fold(0.0, |sum, term| sum * square + term) / far;
    (far - 0.5) * far.ln() - far + 0.5 * (2.0 * PI).ln() + tail - product.ln()
}

/// Derivative of [`log_gamma`].
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -f64::INFINITY.copysign(x);
    }
    if x < 0.0 && x.floor() == x {
        return f64::NAN;
    }
    if x < 0.5 {
        return digamma(1.0 - x) - PI / (PI * x).tan();
    }
    let (mut far, mut sum) = (x, 0.0);
    while far < 10.0 {
        sum -= 1.0 / far;
        far += 1.0;
    }
    let square = 1.0 / (far * far);
    let series = [-1.0 / 12.0, 1.0 / 120.0, -1.0 / 252.0, 1.0 / 240.0, -1.0 / 132.0];
    let tail = series.iter().rev().fold(0.0, |sum, term| sum * square + term) * square;
    sum + far.ln() - 0.5 / far + tail
}

/// The number whose error function is `y`.
pub(super) fn inverse_error_function(y: f64) -> f64 {
    let half = (1.0 - y.abs()) / 2.0;
    if half == 0.0 {
        return f64::INFINITY.copysign(y);
    }
    let size = -normal_quantile(half) * FRAC_1_SQRT_2;
    size.copysign(y)
}

#[cfg(test)]
#[allow(clippy::unreadable_literal, reason = "values as other tools print them")]
mod tests {
    use super::*;

    fn near(function: fn(f64) -> f64, table: &[(f64, f64)]) {
        for (x, y) in table {
            let got = function(*x);
            assert!((got - y).abs() <= 1e-12 * y.abs().max(1.0), "{x}: {got}, not {y}");
        }
    }

    /// Values of Python's `math.lgamma` and of the special functions of `SciPy` 1.17.
    #[test]
    fn special_functions_have_the_values_of_other_tools() {
        near(
            log_gamma,
            &[
                (0.1, 2.2527126517342055),
                (0.5, 0.5723649429247004),
                (1.5, -0.12078223763524543),
                (2.5, 0.2846828704729196),
                (7.25, 7.0521854507385395),
                (33.0, 81.55795945611503),
                (-0.5, 1.265512123484645),
                (-3.3, -0.824355805017426),
                (1000000.0, 12815504.569147611),
            ],
        );
        near(
            digamma,
            &[
                (0.1, -10.423754940411076),
                (0.5, -1.9635100260214235),
                (1.0, -0.5772156649015329),
                (1.5, 0.03648997397857652),
                (7.25, 1.9104535268837362),
                (33.0, 3.4812795305349873),
                (-0.5, 0.03648997397857651),
                (-3.3, 3.6203534605921264),
            ],
        );
        near(
            inverse_error_function,
            &[
                (0.0, 0.0),
                (0.1, 0.08885599049425769),
                (-0.1, -0.08885599049425769),
                (0.5, 0.4769362762044699),
                (0.9, 1.1630871536766743),
                (-0.99, -1.8213863677184496),
                (0.999999, 3.458910737275499),
            ],
        );
    }
}
