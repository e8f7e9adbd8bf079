//! `BaselineModel`: how far a stream of records is from what it should be.
//!
//! The statistics look back on earlier records. What they remember belongs to the scorer, so it begins anew with each
//! scorer, and each task looks back on its own records only.

use super::Model;
use crate::run::{Run, Scored, Slot};

/// A continuous distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    Gaussian {
        mean: f64,
        variance: f64,
    },
    Poisson {
        mean: f64,
    },
    Uniform {
        lower: f64,
        upper: f64,
    },
    /// Of unknown shape.
    Any {
        mean: f64,
        variance: f64,
    },
}

impl Distribution {
    pub(crate) fn mean_and_variance(self) -> (f64, f64) {
        match self {
            Self::Gaussian { mean, variance } | Self::Any { mean, variance } => (mean, variance),
            Self::Poisson { mean } => (mean, mean),
            Self::Uniform { lower, upper } => (f64::midpoint(lower, upper), (upper - lower).powi(2) / 12.0),
        }
    }

    /// The density; `None` for values that are no counts where counts are meant.
    pub(crate) fn density(self, value: f64) -> Option<f64> {
        Some(match self {
            // Not by logarithms: a density that vanishes does so in the reference tool as well.
            Self::Gaussian { mean, variance } => {
                (-(value - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * std::f64::consts::PI * variance).sqrt()
            }
            Self::Poisson { .. } if value.fract() != 0.0 => return None,
            Self::Poisson { .. } if value < 0.0 => 0.0,
            Self::Poisson { .. } => (self.log_density(value) - log_factorial(value)).exp(),
            Self::Uniform { .. } | Self::Any { .. } => self.log_density(value).exp(),
        })
    }

    /// Logarithm of the density; of a Poisson distribution but for the factorial, which it shares with all others.
    fn log_density(self, value: f64) -> f64 {
        match self {
            Self::Gaussian { mean, variance } => {
                -0.5 * ((value - mean).powi(2) / variance + (2.0 * std::f64::consts::PI * variance).ln())
            }
            Self::Poisson { mean } => value * mean.ln() - mean,
            Self::Uniform { lower, upper } if value >= lower && value <= upper => -(upper - lower).ln(),
            Self::Uniform { .. } => f64::NEG_INFINITY,
            Self::Any { .. } => f64::NAN,
        }
    }
}

/// Logarithm of the factorial: Stirling's series, and a sum where that is not exact.
fn log_factorial(count: f64) -> f64 {
    if count < 20.0 {
        return (2..=count as u32).map(f64::from).product::<f64>().ln();
    }
    let inverse = 1.0 / count;
    let square = inverse * inverse;
    (count + 0.5) * count.ln() - count
        + 0.5 * (2.0 * std::f64::consts::PI).ln()
        + inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))
}

/// The statistics.
#[derive(Debug)]
pub(crate) enum Statistic {
    /// Mean of the window, in standard errors.
    ZValue { mean: f64, deviation: f64 },
    /// Cumulated logarithms of the ratio of densities, never below the reset value.
    Cusum {
        baseline: Distribution,
        alternate: Distribution,
        reset: f64,
    },
    /// Counts against the shares of the baseline.
    Distribution { shares: Box<[f64]> },
    /// Counts against the products of their marginal shares; the sizes of the table, the last field running fastest.
    Independence { sizes: Box<[u32]> },
    /// Product of counts and baseline, divided by their lengths or not.
    Product { counts: Box<[f64]>, normalized: bool },
}

/// Key of a value.
pub(crate) type Key = (u8, u64);

/// A row of a count table: the fields and values that it stands for.
pub(crate) type Row = Box<[(Slot, Key)]>;

/// What a record is in the window.
#[derive(Debug)]
pub(crate) enum Observed {
    Number(Slot),
    /// The first row that it fits.
    Rows(Box<[Row]>),
    /// The position in a table of several fields' values.
    Table(Box<[(Slot, Box<[Key]>)]>),
}

/// A compiled `BaselineModel`.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) statistic: Statistic,
    pub(crate) observed: Observed,
    pub(crate) weight: Option<Slot>,
    /// Records that count; 0 for all so far.
    pub(crate) window: usize,
}

impl Baseline {
    pub(crate) fn heap_bytes(&self) -> usize {
        let observed = match &self.observed {
            Observed::Number(_) => 0,
            Observed::Rows(rows) => rows.iter().map(|row| 16 + size_of_val(&**row)).sum(),
            Observed::Table(fields) => fields.iter().map(|(_, keys)| 24 + size_of_val(&**keys)).sum(),
        };
        observed
            + match &self.statistic {
                Statistic::Distribution { shares } | Statistic::Product { counts: shares, .. } => 8 * shares.len(),
                Statistic::Independence { sizes } => 4 * sizes.len(),
                Statistic::ZValue { .. } | Statistic::Cusum { .. } => 0,
            }
    }

    /// Number of cells that are counted.
    fn cells(&self) -> usize {
        match &self.statistic {
            Statistic::Distribution { shares } | Statistic::Product { counts: shares, .. } => shares.len(),
            Statistic::Independence { sizes } => sizes.iter().map(|size| *size as usize).product(),
            Statistic::ZValue { .. } | Statistic::Cusum { .. } => 0,
        }
    }
}

/// What a scorer remembers of the records before.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    cusum: f64,
    counts: Vec<f64>,
    marginals: Vec<f64>,
    /// The records in the window: value, or cell and weight. The oldest is at `next` once the window is full.
    window: Vec<(f64, f64)>,
    next: usize,
}

impl Memory {
    pub(crate) fn new(baseline: &Baseline) -> Self {
        Self {
            counts: vec![0.0; baseline.cells()],
            window: Vec::with_capacity(baseline.window.min(1 << 12)),
            ..Self::default()
        }
    }

    /// Puts a record into the window. Returns the one that leaves it.
    fn push(&mut self, size: usize, record: (f64, f64)) -> Option<(f64, f64)> {
        if size == 0 {
            return None;
        }
        if self.window.len() < size {
            self.window.push(record);
            return None;
        }
        let left = std::mem::replace(&mut self.window[self.next], record);
        self.next = (self.next + 1) % size;
        Some(left)
    }

    /// Counts a record in its cell.
    fn count(&mut self, size: usize, cell: usize, weight: f64) {
        self.counts[cell] += weight;
        if let Some((cell, weight)) = self.push(size, (cell as f64, weight)) {
            self.counts[cell as usize] -= weight;
        }
    }

    /// Sum of squared differences from what is expected, over that.
    fn chi_square(&self, expected: impl Fn(usize) -> f64) -> f64 {
        let terms = self.counts.iter().enumerate().map(|(cell, count)| {
            let expected = expected(cell);
            if expected > 0.0 {
                (count - expected).powi(2) / expected
            } else {
                0.0
            }
        });
        terms.sum()
    }

    fn independence(&mut self, sizes: &[u32]) -> f64 {
        let total: f64 = self.counts.iter().sum();
        let Self { counts, marginals, .. } = self;
        marginals.clear();
        marginals.resize(sizes.iter().map(|size| *size as usize).sum(), 0.0);
        let value = |cell: &mut usize, size: u32| {
            let value = *cell % size as usize;
            *cell /= size as usize;
            value
        };
        for (cell, count) in counts.iter().enumerate() {
            let (mut rest, mut start) = (cell, marginals.len());
            for size in sizes.iter().rev() {
                start -= *size as usize;
                marginals[start + value(&mut rest, *size)] += count;
            }
        }
        self.chi_square(|cell| {
            let (mut rest, mut start, mut expected) = (cell, self.marginals.len(), total);
            for size in sizes.iter().rev() {
                start -= *size as usize;
                expected *= self.marginals[start + value(&mut rest, *size)] / total;
            }
            expected
        })
    }
}

impl Run<'_> {
    pub(crate) fn baseline(&mut self, index: usize, model: &Model, baseline: &Baseline) -> Scored<bool> {
        let weight = match baseline.weight {
            None => 1.0,
            Some(slot) => match self.number(slot)? {
                Some(weight) => weight,
                None => return Ok(false),
            },
        };
        let Some(seen) = self.seen(&baseline.observed)? else {
            return Ok(false);
        };
        let memory = &mut self.scratch.memories[index];
        let value = match &baseline.statistic {
            Statistic::ZValue { mean, deviation } => {
                memory.push(baseline.window.max(1), (seen, weight));
                let total: f64 = memory.window.iter().map(|(_, weight)| weight).sum();
                let sum: f64 = memory.window.iter().map(|(value, weight)| value * weight).sum();
                (sum / total - mean) / (deviation / total.sqrt())
            }
            Statistic::Cusum {
                baseline,
                alternate,
                reset,
            } => {
                let ratio = alternate.log_density(seen) - baseline.log_density(seen);
                if ratio.is_nan() {
                    return Ok(false);
                }
                let next = memory.cusum + weight * ratio;
                memory.cusum = if next.is_nan() { *reset } else { next.max(*reset) };
                memory.cusum
            }
            Statistic::Distribution { shares } => {
                memory.count(baseline.window, seen as usize, weight);
                let total: f64 = memory.counts.iter().sum();
                memory.chi_square(|cell| total * shares[cell])
            }
            Statistic::Independence { sizes } => {
                memory.count(baseline.window, seen as usize, weight);
                memory.independence(sizes)
            }
            Statistic::Product { counts, normalized } => {
                memory.count(baseline.window, seen as usize, weight);
                let product = crate::matrix::dot(&memory.counts, counts);
                if *normalized {
                    let square = |values: &[f64]| crate::matrix::dot(values, values);
                    product / (square(&memory.counts) * square(counts)).sqrt()
                } else {
                    product
                }
            }
        };
        Ok(!value.is_nan() && self.answer_number(index, model, value))
    }

    /// The value, or the cell, of the record; `None` when it has none.
    fn seen(&mut self, observed: &Observed) -> Scored<Option<f64>> {
        match observed {
            Observed::Number(slot) => self.number(*slot),
            Observed::Rows(rows) => {
                'rows: for (number, row) in rows.iter().enumerate() {
                    for (slot, key) in row {
                        if self.value(*slot)?.key() != *key {
                            continue 'rows;
                        }
                    }
                    return Ok(Some(number as f64));
                }
                Ok(None)
            }
            Observed::Table(fields) => {
                let mut cell = 0;
                for (slot, keys) in fields {
                    let key = self.value(*slot)?.key();
                    let Some(state) = keys.iter().position(|known| *known == key) else {
                        return Ok(None);
                    };
                    cell = cell * keys.len() + state;
                }
                Ok(Some(cell as f64))
            }
        }
    }
}
