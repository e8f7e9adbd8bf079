//! `AnomalyDetectionModel`.

use super::{Model, NONE};
use crate::run::{Run, Scored};

/// How the answer of the inner model becomes a score.
#[derive(Debug)]
pub(crate) enum Scale {
    AsIs,
    /// Isolation forest: the average path length of the sample.
    PathLength(f64),
    /// Mean distance of each cluster's members.
    MeanDistances(Box<[f64]>),
}

/// A compiled `AnomalyDetectionModel`.
#[derive(Debug)]
pub(crate) struct Anomaly {
    pub(crate) inner: u32,
    pub(crate) scale: Scale,
}

/// Average path length of an unsuccessful search in a binary tree of `size` records.
pub(crate) fn average_path(size: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if size > 2.0 {
        2.0 * ((size - 1.0).ln() + EULER) - 2.0 * (size - 1.0) / size
    } else if size == 2.0 {
        1.0
    } else {
        0.0
    }
}

impl Run<'_> {
    pub(crate) fn anomaly(&mut self, index: usize, model: &Model, anomaly: &Anomaly) -> Scored<bool> {
        let inner = anomaly.inner as usize;
        if !self.model(inner)? {
            return Ok(false);
        }
        let outcome = self.scratch.outcomes[inner];
        let score = match &anomaly.scale {
            Scale::MeanDistances(means) => {
                if outcome.entity_index == NONE {
                    return Ok(false);
                }
                let distance = self.scratch.shares[self.program.models[inner].shares + outcome.entity_index as usize];
                distance / means[outcome.entity_index as usize]
            }
            scale => {
                let Some(number) = outcome.value.number() else {
                    return Ok(false);
                };
                match scale {
                    Scale::PathLength(length) => (-number / length).exp2(),
                    _ => number,
                }
            }
        };
        Ok(self.answer_number(index, model, score))
    }
}
