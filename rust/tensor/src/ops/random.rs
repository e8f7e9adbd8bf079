//! Random numbers. They come from a fixed or a given seed, so that a score can be repeated.

use super::convert::cast;
use super::input;
use super::lanes::Lanes;
use crate::array::{Array, DType, elements};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name. The input gives the shape, unless there is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Random {
    pub(crate) what: Distribution,
    pub(crate) shape: Option<Vec<usize>>,
    pub(crate) dtype: Option<DType>,
    pub(crate) seed: u64,
}

/// What the numbers are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    Uniform {
        low: f64,
        high: f64,
    },
    Normal {
        mean: f64,
        deviation: f64,
    },
    /// The input holds probabilities of 1.
    Bernoulli,
    /// The rows of the input hold logarithms of weights; so many draws per row.
    Multinomial {
        draws: usize,
    },
}

/// Numbers in [0, 1).
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub(super) fn evaluate(random: &Random, inputs: &[Array]) -> Result<Array, Trouble> {
    let mut generator = Generator(0x2545_f491_4f6c_dd1d ^ random.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let like = inputs.first();
    let shape = match (&random.shape, like) {
        (Some(shape), _) => shape.clone(),
        (None, Some(like)) => like.shape.clone(),
        (None, None) => return Err(Trouble::failed("no shape")),
    };
    let count = elements(&shape)?;
    let dtype = random.dtype.or(like.map(Array::dtype)).unwrap_or(DType::F32);
    let result = match random.what {
        Distribution::Uniform { low, high } => {
            let draw = |_| low + (high - low) * generator.next();
            Array::new(shape, (0..count).map(draw).collect())
        }
        Distribution::Normal { mean, deviation } => {
            let draw = |_| {
                let radius = (-2.0 * (1.0 - generator.next()).ln()).sqrt();
                mean + deviation * radius * (2.0 * std::f64::consts::PI * generator.next()).cos()
            };
            Array::new(shape, (0..count).map(draw).collect())
        }
        Distribution::Bernoulli => {
            let chances = cast(input(inputs, 0)?, DType::F64)?;
            let draws = chances
                .view::<f64>()?
                .iter()
                .map(|chance| f64::from(u8::from(generator.next() < *chance)));
            Array::new(shape, draws.collect())
        }
        Distribution::Multinomial { draws } => {
            let logs = cast(input(inputs, 0)?, DType::F64)?;
            let lanes = Lanes::along(&logs.shape, -1)?;
            let shape = vec![lanes.outer, draws];
            elements(&shape)?;
            let mut result = Vec::new();
            for row in logs.view::<f64>()?.chunks_exact(lanes.length.max(1)) {
                let weights: Vec<f64> = row.iter().map(|log| log.exp()).collect();
                let total: f64 = weights.iter().sum();
                for _ in 0..draws {
                    let mut left = generator.next() * total;
                    let found = weights.iter().position(|weight| {
                        left -= weight;
                        left < 0.0
                    });
                    result.push(found.unwrap_or(row.len().saturating_sub(1)) as f64);
                }
            }
            Array::new(shape, result)
        }
    };
    cast(&result, dtype)
}
