//! Boxes around what is found in an image: those that are kept of many that overlap. Definitions are those of TensorFlow's
//! `NonMaxSuppressionV4`, `V5` and `CombinedNonMaxSuppression`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::convert::cast;
use super::input;
use super::ranking::{corners, overlap};
use crate::array::{Array, DType, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators on boxes, inputs in TensorFlow's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detection {
    /// Boxes, scores, most of them, most overlap, least score, and how soft overlap counts. Places, scores, number.
    Suppress { pads: bool },
    /// Boxes and scores of several classes, most for each class, most in all, most overlap, least score. Boxes, scores, classes,
    /// numbers.
    Combined { by_class: bool, clips: bool },
}

impl Detection {
    pub(crate) fn ports(self) -> usize {
        match self {
            Self::Suppress { .. } => 3,
            Self::Combined { .. } => 4,
        }
    }
}

pub(super) fn evaluate(what: Detection, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    match what {
        Detection::Suppress { pads } => suppress(inputs, pads, budget),
        Detection::Combined { by_class, clips } => combined(inputs, by_class, clips, budget),
    }
}

fn floats(inputs: &[Array], index: usize) -> Result<Vec<f32>, Trouble> {
    Ok(cast(input(inputs, index)?, DType::F32)?.view::<f32>()?.to_vec())
}

fn float(inputs: &[Array], index: usize) -> Result<f32, Trouble> {
    let one = floats(inputs, index)?.first().copied();
    one.ok_or_else(|| Trouble::failed(format!("input {index} is empty")))
}

fn count(inputs: &[Array], index: usize) -> Result<usize, Trouble> {
    let count = input(inputs, index)?.integer()?;
    usize::try_from(count).map_err(|_| Trouble::failed(format!("{count} boxes")))
}

/// How overlap counts.
#[derive(Clone, Copy)]
struct Rule {
    most: usize,
    most_overlap: f32,
    least: f32,
    softness: f32,
}

/// A box that may be kept.
struct Candidate {
    score: f32,
    place: usize,
    /// How many of those that are kept it has been compared with.
    compared: usize,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.place.cmp(&self.place))
    }
}

/// Places of the boxes that are kept, and their scores.
fn keep(
    corner: impl Fn(usize) -> [f32; 4],
    scores: impl Iterator<Item = f32>,
    rule: Rule,
    budget: &mut Budget,
) -> Result<Vec<(usize, f32)>, Trouble> {
    let candidates = scores.enumerate().filter(|(_, score)| *score > rule.least);
    let mut queue: BinaryHeap<Candidate> = candidates
        .map(|(place, score)| Candidate {
            score,
            place,
            compared: 0,
        })
        .collect();
    let mut kept: Vec<(usize, f32)> = Vec::new();
    while kept.len() < rule.most {
        let Some(mut candidate) = queue.pop() else { break };
        budget.charge(kept.len() - candidate.compared + 1)?;
        let before = candidate.score;
        let own = corner(candidate.place);
        let mut dropped = false;
        for (other, _) in kept[candidate.compared..].iter().rev() {
            let shared = overlap(corner(*other), own);
            if rule.softness > 0.0 {
                candidate.score *= (-0.5 / rule.softness * shared * shared).exp();
            } else if shared > rule.most_overlap {
                dropped = true;
            }
            if dropped || candidate.score <= rule.least {
                break;
            }
        }
        candidate.compared = kept.len();
        if dropped {
            continue;
        }
        if candidate.score == before {
            kept.push((candidate.place, candidate.score));
        } else if candidate.score > rule.least {
            queue.push(candidate);
        }
    }
    Ok(kept)
}

fn suppress(inputs: &[Array], pads: bool, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let (boxes, scores) = (floats(inputs, 0)?, floats(inputs, 1)?);
    if boxes.len() != 4 * scores.len() {
        return Err(Trouble::failed("there is not one score for each box"));
    }
    let rule = Rule {
        most: count(inputs, 2)?,
        most_overlap: float(inputs, 3)?,
        least: float(inputs, 4)?,
        softness: if inputs.len() > 5 { float(inputs, 5)? } else { 0.0 },
    };
    let corner = |n: usize| corners(&boxes[4 * n..4 * n + 4], false);
    let kept = keep(corner, scores.iter().copied(), rule, budget)?;
    let length = if pads { elements(&[rule.most])? } else { kept.len() };
    let (mut places, mut own) = (vec![0_i32; length], vec![0_f32; length]);
    for (n, (place, score)) in kept.iter().enumerate() {
        places[n] = *place as i32;
        own[n] = *score;
    }
    Ok(vec![
        Array::new(vec![length], places),
        Array::new(vec![length], own),
        Array::scalar(kept.len() as i32),
    ])
}

fn combined(inputs: &[Array], by_class: bool, clips: bool, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let ([batches, count_of, sets, 4], [score_batches, score_count, classes]) =
        (&*input(inputs, 0)?.shape, &*input(inputs, 1)?.shape)
    else {
        return Err(Trouble::failed(
            "boxes need shape [batch, boxes, 1 or classes, 4], scores [batch, boxes, classes]",
        ));
    };
    if batches != score_batches || count_of != score_count || (*sets != 1 && sets != classes) {
        return Err(Trouble::failed("there is not one score for each box"));
    }
    let (boxes, scores) = (floats(inputs, 0)?, floats(inputs, 1)?);
    let rule = Rule {
        most: count(inputs, 2)?,
        most_overlap: float(inputs, 4)?,
        least: float(inputs, 5)?,
        softness: 0.0,
    };
    let mut length = count(inputs, 3)?;
    if by_class {
        length = length.min(rule.most.saturating_mul(*classes));
    }
    let total = elements(&[*batches, length, 4])? / 4;
    let mut chosen = vec![0_f32; total * 4];
    let (mut own, mut labels) = (vec![0_f32; total], vec![0_f32; total]);
    let mut counts = vec![0_i32; *batches];
    for batch in 0..*batches {
        let mut found: Vec<(f32, usize, &[f32])> = Vec::new();
        for class in 0..*classes {
            let place = |n: usize| ((batch * count_of + n) * sets + class.min(sets - 1)) * 4;
            let corner = |n: usize| corners(&boxes[place(n)..place(n) + 4], false);
            let scores = (0..*count_of).map(|n| scores[(batch * count_of + n) * classes + class]);
            let kept = keep(corner, scores, rule, budget)?;
            found.extend(
                kept.iter()
                    .map(|(n, score)| (*score, class, &boxes[place(*n)..place(*n) + 4])),
            );
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(length);
        counts[batch] = found.len() as i32;
        for (n, (score, class, corners)) in found.iter().enumerate() {
            let to = batch * length + n;
            (own[to], labels[to]) = (*score, *class as f32);
            for (to, corner) in chosen[to * 4..].iter_mut().zip(*corners) {
                *to = if clips { corner.clamp(0.0, 1.0) } else { *corner };
            }
        }
    }
    Ok(vec![
        Array::new(vec![*batches, length, 4], chosen),
        Array::new(vec![*batches, length], own),
        Array::new(vec![*batches, length], labels),
        Array::new(vec![*batches], counts),
    ])
}
