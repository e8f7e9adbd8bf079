//! Numeric functions that the standard library lacks, and the numeric built-ins.

use serving_kernels::probability::{erf, normal_cdf, normal_quantile};

use crate::function::Named;

/// A numeric function of one to three arguments.
pub(crate) fn unary(name: Named, a: f64, b: f64, c: f64) -> f64 {
    match name {
        Named::Log10 => a.log10(),
        Named::Ln => a.ln(),
        Named::Ln1p => a.ln_1p(),
        Named::Sqrt => a.sqrt(),
        Named::Abs => a.abs(),
        Named::Exp => a.exp(),
        Named::Expm1 => a.exp_m1(),
        Named::Hypot => a.hypot(b),
        Named::Floor => a.floor(),
        Named::Ceil => a.ceil(),
        Named::Round => (a + 0.5).floor(),
        Named::Rint => a.round_ties_even(),
        Named::Sin => a.sin(),
        Named::Cos => a.cos(),
        Named::Tan => a.tan(),
        Named::Asin => a.asin(),
        Named::Acos => a.acos(),
        Named::Atan => a.atan(),
        Named::Atan2 | Named::XAtan2 => a.atan2(b),
        Named::Sinh => a.sinh(),
        Named::Cosh => a.cosh(),
        Named::Tanh => a.tanh(),
        Named::Expit => 1.0 / (1.0 + (-a).exp()),
        Named::NormalCdf => normal_cdf((a - b) / c),
        Named::NormalPdf => normal_pdf((a - b) / c) / c,
        Named::NormalIdf => b + c * normal_quantile(a),
        Named::StdNormalCdf => normal_cdf(a),
        Named::StdNormalPdf => normal_pdf(a),
        Named::StdNormalIdf => normal_quantile(a),
        Named::Erf => erf(a),
        _ => f64::NAN,
    }
}

fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}
