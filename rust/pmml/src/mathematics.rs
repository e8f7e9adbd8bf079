//! Numeric functions that the standard library lacks, and the numeric built-ins.

use serving_kernels::probability::{erf, normal_cdf, normal_quantile};

use crate::function::Named;
use crate::value::Value;

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
        Named::Atan2 => a.atan2(b),
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

/// Writes a number by a `printf` pattern; `None` when the pattern has no or an unknown conversion.
pub(crate) fn format_number(value: Value, pattern: &str, out: &mut String) -> Option<()> {
    use std::fmt::Write as _;
    let number = value.number()?;
    let start = pattern.find('%')?;
    let rest = &pattern[start + 1..];
    let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
    let (specification, conversion) = (&rest[..end], &rest[end..=end]);
    let flags = specification.len() - specification.trim_start_matches(['0', '-', '+', ' ', ',', '#']).len();
    let (flags, sizes) = specification.split_at(flags);
    let (width, precision) = sizes
        .split_once('.')
        .map_or((sizes, None), |(width, precision)| (width, Some(precision)));
    let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
    let precision: usize = precision.map_or(Some(6), |precision| precision.parse().ok())?;
    if width > 1000 || precision > 1000 {
        return None;
    }
    let mut digits = String::new();
    match conversion {
        "d" | "i" => write!(digits, "{:.0}", number.trunc()),
        "f" => write!(digits, "{number:.precision$}"),
        "e" | "E" => write!(digits, "{number:.precision$e}"),
        "s" => {
            crate::run::write_value(value, &mut digits);
            Ok(())
        }
        _ => return None,
    }
    .ok()?;
    if flags.contains('+') && number >= 0.0 {
        digits.insert(0, '+');
    }
    out.push_str(&pattern[..start]);
    let padding = width.saturating_sub(digits.chars().count());
    if flags.contains('-') {
        out.push_str(&digits);
        out.extend(std::iter::repeat_n(' ', padding));
    } else if flags.contains('0') {
        let signed = usize::from(digits.starts_with(['-', '+']));
        out.push_str(&digits[..signed]);
        out.extend(std::iter::repeat_n('0', padding));
        out.push_str(&digits[signed..]);
    } else {
        out.extend(std::iter::repeat_n(' ', padding));
        out.push_str(&digits);
    }
    out.push_str(&rest[end + 1..]);
    Some(())
}
