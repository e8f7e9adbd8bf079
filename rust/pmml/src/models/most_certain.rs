//! `multipleModelMethod` max and median of classifications: the segments that are the most certain answer.

use super::Model;
use super::mining::{Method, Mining};
use crate::run::{Run, Scored};
use crate::value::Value;

impl Run<'_> {
    /// Answers with the class whose largest (or median) share among the segments is the largest, and with the mean shares of
    /// the segments that have this share: of those on both sides of a median between two.
    pub(super) fn most_certain(&mut self, index: usize, model: &Model, mining: &Mining) -> Scored<bool> {
        let classes = model.classes.len();
        let mut shares: Vec<f64> = Vec::new();
        for segment in &mining.segments {
            let outcome = self.scratch.outcomes[segment.model as usize];
            if !outcome.present {
                continue;
            }
            self.scratch.steps.take(classes)?;
            let inner = &self.program.models[segment.model as usize];
            let row = shares.len();
            shares.resize(row + classes, 0.0);
            for (from, to) in segment.classes.iter().enumerate() {
                shares[row + *to as usize] = if outcome.shared {
                    self.scratch.shares[inner.shares + from]
                } else {
                    f64::from(u8::from(outcome.class as usize == from))
                };
            }
        }
        let mut best: Option<(f64, Vec<usize>)> = None;
        let mut ranked: Vec<(f64, usize)> = Vec::new();
        for class in 0..classes {
            ranked.clear();
            ranked.extend(shares.chunks_exact(classes).map(|row| row[class]).zip(0..));
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
            let Some((most, _)) = ranked.first() else {
                return Ok(false);
            };
            let chosen = match mining.method {
                Method::Max => 0..ranked.iter().filter(|(share, _)| share == most).count().max(1),
                _ => (ranked.len() - 1) / 2..ranked.len() / 2 + 1,
            };
            let chosen = &ranked[chosen];
            let share = chosen.iter().map(|(share, _)| share).sum::<f64>() / chosen.len() as f64;
            if best.as_ref().is_none_or(|(most, _)| share > *most) {
                best = Some((share, chosen.iter().map(|(_, row)| *row).collect()));
            }
        }
        let Some((_, chosen)) = best else {
            return Ok(false);
        };
        for class in 0..classes {
            let sum: f64 = chosen.iter().map(|row| shares[row * classes + class]).sum();
            self.scratch.shares[model.shares + class] = sum / chosen.len() as f64;
        }
        self.scratch.outcomes[index].entity = Value::Missing;
        Ok(self.answer_largest(index, model))
    }
}
