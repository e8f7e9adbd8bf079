//! From sums to scores and classes, as onnxruntime does it where ONNX is silent.

use serving_kernels::activation::Activation;
use serving_kernels::probability::normal_quantile;

use crate::ops::float::Float;

/// ONNX's `post_transform`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PostTransform {
    #[default]
    None,
    Softmax,
    Logistic,
    /// Softmax that leaves zeros out.
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    /// By name; `None` for one that there is not.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "NONE" | "" => Self::None,
            "SOFTMAX" => Self::Softmax,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            _ => return None,
        })
    }

    /// By number; `None` for one that there is not.
    pub(crate) fn numbered(number: i64) -> Option<Self> {
        [
            Self::None,
            Self::Softmax,
            Self::Logistic,
            Self::SoftmaxZero,
            Self::Probit,
        ]
        .get(usize::try_from(number).ok()?)
        .copied()
    }

    /// Applies it to the scores of a row.
    pub(crate) fn apply<T: Float>(self, row: &mut [T]) {
        match self {
            Self::None => {}
            Self::Softmax => Activation::Softmax.apply(row, 0),
            Self::Logistic => Activation::Logistic.apply(row, 0),
            Self::SoftmaxZero => softmax_zero(row),
            Self::Probit => {
                for score in row {
                    *score = probit(*score);
                }
            }
        }
    }
}

fn probit<T: Float>(score: T) -> T {
    T::from_f64(normal_quantile(score.wide()))
}

fn softmax_zero<T: Float>(row: &mut [T]) {
    let largest = row.iter().fold(T::LOWEST, |largest, score| largest.largest(*score));
    let damping = (-largest).exponential();
    let tiny = T::from_f64(1e-7);
    let mut sum = T::ZERO;
    for score in row.iter_mut() {
        *score = if score.magnitude() > tiny {
            (*score - largest).exponential()
        } else {
            *score * damping
        };
        sum = sum + *score;
    }
    for score in row {
        *score = if sum == T::ZERO { T::from_f64(0.5) } else { *score / sum };
    }
}

/// How a single sum becomes the scores of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// The sum is a probability: the other class has the rest.
    Rest,
    /// The sum is a distance: the other class has its negative.
    Opposite,
}

impl Second {
    /// The scores of both classes.
    pub(crate) fn spread<T: Float>(self, sum: T, transform: PostTransform) -> [T; 2] {
        match (self, transform) {
            (_, PostTransform::Logistic) => {
                let mut row = [-sum, sum];
                transform.apply(&mut row);
                row
            }
            (_, PostTransform::Probit) => [probit(T::ONE - sum), probit(sum)],
            (Self::Rest, _) => [T::ONE - sum, sum],
            (Self::Opposite, _) => [-sum, sum],
        }
    }
}

/// The first largest.
pub(crate) fn best<T: Float>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, n| if row[n] > row[best] { n } else { best })
}
