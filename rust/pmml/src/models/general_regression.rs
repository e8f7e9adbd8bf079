//! `GeneralRegressionModel`.

use serving_kernels::linear;

use super::regression::{Plain, normalize};
use super::{Function, Model};
use crate::models::regression::Normalization;
use crate::run::{Cause, Fault, Run, Scored, Slot};
use crate::value::Value;

/// `modelType`, as far as the answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelType {
    /// `regression`, `generalLinear`
    Linear,
    Generalized,
    Multinomial,
    Ordinal,
    Cox,
}

/// Inverse of `linkFunction`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Link {
    Normalization(Normalization),
    LogComplement,
    NegativeBinomial(f64),
    OddsPower(f64),
    Power(f64),
}

impl Link {
    pub(crate) fn invert(self, value: f64) -> f64 {
        match self {
            Self::Normalization(normalization) => normalization.invert(value),
            Self::LogComplement => 1.0 - value.exp(),
            Self::NegativeBinomial(parameter) => 1.0 / (parameter * ((-value).exp() - 1.0)),
            Self::OddsPower(0.0) => Normalization::Logit.invert(value),
            Self::OddsPower(parameter) => 1.0 / (1.0 + (1.0 + parameter * value).powf(-1.0 / parameter)),
            Self::Power(0.0) => value.exp(),
            Self::Power(parameter) => value.powf(1.0 / parameter),
        }
    }

    /// Slope of the inverse: exact for the identity and the logarithm, else from its values nearby.
    fn slope(self, value: f64) -> f64 {
        match self {
            Self::Normalization(Normalization::None) => 1.0,
            Self::Normalization(Normalization::Exp) => value.exp(),
            _ => {
                let step = 1e-3 * value.abs().max(1.0);
                let near = self.invert(value + step) - self.invert(value - step);
                let far = self.invert(value + 2.0 * step) - self.invert(value - 2.0 * step);
                (8.0 * near - far) / (12.0 * step)
            }
        }
    }
}

/// A factor of a parameter.
#[derive(Debug)]
pub(crate) enum Factor {
    Category {
        slot: Slot,
        key: (u8, u64),
    },
    /// Value of a contrast matrix for each category.
    Contrast {
        slot: Slot,
        values: Box<[((u8, u64), f64)]>,
    },
    Covariate {
        slot: Slot,
        exponent: f64,
    },
}

/// A term: factors and the coefficient for each equation.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) factors: Box<[Factor]>,
    pub(crate) coefficients: Box<[f64]>,
}

/// Cumulative baseline hazards over time.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) stratum: Option<(Slot, (u8, u64))>,
    pub(crate) steps: Box<[(f64, f64)]>,
    pub(crate) max_time: f64,
}

/// What Cox regression needs besides.
#[derive(Debug)]
pub(crate) struct Cox {
    pub(crate) time: Slot,
    pub(crate) baselines: Box<[Baseline]>,
}

/// A compiled `GeneralRegressionModel`.
#[derive(Debug)]
pub(crate) struct GeneralRegression {
    pub(crate) model_type: ModelType,
    pub(crate) parameters: Box<[Parameter]>,
    /// The same as one matrix, when they are an intercept, which comes first, and plain numbers.
    pub(crate) plain: Option<Plain>,
    pub(crate) equations: usize,
    pub(crate) link: Link,
    pub(crate) offset: f64,
    pub(crate) offset_slot: Option<Slot>,
    pub(crate) trials: f64,
    pub(crate) trials_slot: Option<Slot>,
    /// Parameters at the reference point, summed.
    pub(crate) reference: f64,
    pub(crate) cox: Option<Box<Cox>>,
    pub(crate) error: Option<Box<StandardError>>,
}

impl GeneralRegression {
    /// The prediction of a regression from its linear predictor.
    pub(crate) fn prediction(&self, predictor: f64, trials: f64) -> f64 {
        match self.model_type {
            ModelType::Generalized => self.link.invert(predictor) * trials,
            _ => predictor,
        }
    }
}

/// What the standard error of a prediction is computed from.
#[derive(Debug)]
pub(crate) struct StandardError {
    /// Covariances of pairs of parameters; those of two different ones count twice.
    pub(crate) covariances: Box<[(u32, u32, f64)]>,
    pub(crate) value: Slot,
    pub(crate) deviation: Slot,
}

impl StandardError {
    /// Of the linear predictor, for the values that the parameters are multiplied with.
    fn of(&self, products: &[f64]) -> f64 {
        let sum: f64 = self
            .covariances
            .iter()
            .map(|(row, column, covariance)| {
                let twice = if row == column { 1.0 } else { 2.0 };
                twice * covariance * products[*row as usize] * products[*column as usize]
            })
            .sum();
        sum.max(0.0).sqrt()
    }
}

impl Run<'_> {
    pub(crate) fn general_regression(
        &mut self,
        index: usize,
        model: &Model,
        regression: &GeneralRegression,
    ) -> Scored<bool> {
        let hazard = match &regression.cox {
            Some(cox) => match self.hazard(cox)? {
                None => return Ok(false),
                // Nothing has happened yet, whatever the predictors are.
                Some(0.0) => return Ok(self.answer_number(index, model, 0.0)),
                Some(hazard) => hazard,
            },
            None => 1.0,
        };
        let base = self.scratch.work.len();
        let products = regression.error.as_ref().map_or(0, |_| regression.parameters.len());
        self.scratch.work.resize(base + regression.equations + products, 0.0);
        let found = self.predictors(regression, base);
        let found = match found {
            Ok(true) => self.answer_general(index, model, regression, (base, hazard)),
            other => other,
        };
        self.scratch.work.truncate(base);
        found
    }

    /// Leaves the linear predictor of each equation in the work space; `false` when a value is missing.
    fn predictors(&mut self, regression: &GeneralRegression, base: usize) -> Scored<bool> {
        let mut parameters = &*regression.parameters;
        if let Some(plain) = &regression.plain
            && self.direct(&plain.direct)
        {
            let scratch = &mut *self.scratch;
            let sums = &mut scratch.work[base..base + regression.equations];
            linear::dots_after(&plain.intercepts, &plain.weights, &scratch.row, sums);
            parameters = &[];
        }
        for (number, parameter) in parameters.iter().enumerate() {
            let mut product = 1.0;
            for factor in &parameter.factors {
                product *= match factor {
                    Factor::Covariate { slot, exponent } => match self.number(*slot)? {
                        Some(number) if *exponent == 1.0 => number,
                        Some(number) => number.powf(*exponent),
                        None => return Ok(false),
                    },
                    Factor::Category { slot, key } => {
                        let value = self.value(*slot)?;
                        if value.is_missing() {
                            return Ok(false);
                        }
                        f64::from(u8::from(value.key() == *key))
                    }
                    Factor::Contrast { slot, values } => {
                        let value = self.value(*slot)?;
                        if value.is_missing() {
                            return Ok(false);
                        }
                        let key = value.key();
                        values
                            .iter()
                            .find(|(known, _)| *known == key)
                            .map_or(0.0, |(_, number)| *number)
                    }
                };
            }
            if regression.error.is_some() {
                self.scratch.work[base + regression.equations + number] = product;
            }
            for (sum, coefficient) in self.scratch.work[base..].iter_mut().zip(&parameter.coefficients) {
                *sum += coefficient * product;
            }
        }
        let mut offset = regression.offset;
        if let Some(slot) = regression.offset_slot {
            match self.number(slot)? {
                Some(number) => offset += number,
                None => return Ok(false),
            }
        }
        for sum in &mut self.scratch.work[base..base + regression.equations] {
            *sum += offset;
        }
        Ok(true)
    }

    fn answer_general(
        &mut self,
        index: usize,
        model: &Model,
        regression: &GeneralRegression,
        (base, hazard): (usize, f64),
    ) -> Scored<bool> {
        let first = self.scratch.work[base];
        if regression.cox.is_some() {
            return Ok(self.answer_number(index, model, hazard * (first - regression.reference).exp()));
        }
        if model.function != Function::Classification {
            let mut trials = regression.trials;
            if let Some(slot) = regression.trials_slot {
                match self.number(slot)? {
                    Some(number) => trials = number,
                    None => return Ok(false),
                }
            }
            let value = regression.prediction(first, trials);
            if let Some(error) = &regression.error {
                let slope = match regression.model_type {
                    ModelType::Generalized => regression.link.slope(first) * trials,
                    _ => 1.0,
                };
                let deviation = slope.abs() * error.of(&self.scratch.work[base + regression.equations..]);
                self.set(error.value, Value::Double(value));
                self.set(error.deviation, Value::Double(deviation));
            }
            return Ok(self.answer_number(index, model, value));
        }
        let classes = model.classes.len();
        let (work, shares) = (&self.scratch.work, &mut self.scratch.shares);
        let shares = &mut shares[model.shares..model.shares + classes];
        // The last class is the reference: its predictor is 0.
        let equations = regression.equations.min(classes);
        shares.fill(0.0);
        shares[..equations].copy_from_slice(&work[base..base + equations]);
        match regression.model_type {
            ModelType::Multinomial | ModelType::Linear | ModelType::Cox => {
                // Without a shift, as the reference tool has it: an overflow is not hidden.
                let sum: f64 = shares
                    .iter_mut()
                    .map(|share| {
                        *share = share.exp();
                        *share
                    })
                    .sum();
                for share in shares {
                    *share /= sum;
                }
            }
            ModelType::Ordinal | ModelType::Generalized => {
                let ordinal = regression.model_type == ModelType::Ordinal;
                match regression.link {
                    Link::Normalization(normalization) => normalize(shares, normalization, ordinal, model.float),
                    link => {
                        shares[0] = link.invert(shares[0]);
                        shares[1] = 1.0 - shares[0];
                    }
                }
            }
        }
        Ok(self.answer_largest(index, model))
    }

    /// Cumulative baseline hazard at the time of the record; `None` when there is none.
    fn hazard(&mut self, cox: &Cox) -> Scored<Option<f64>> {
        let Some(time) = self.number(cox.time)? else {
            return Err(Fault {
                cause: Cause::Missing,
                slot: cox.time,
            });
        };
        for baseline in &cox.baselines {
            if let Some((slot, key)) = baseline.stratum {
                let value = self.value(slot)?;
                if value.is_missing() {
                    return Err(Fault {
                        cause: Cause::Missing,
                        slot,
                    });
                }
                if value.key() != key {
                    continue;
                }
            }
            if time > baseline.max_time {
                return Ok(None);
            }
            let step = baseline.steps.iter().rev().find(|(when, _)| *when <= time);
            return Ok(Some(step.map_or(0.0, |(_, hazard)| *hazard)));
        }
        Ok(None)
    }
}
