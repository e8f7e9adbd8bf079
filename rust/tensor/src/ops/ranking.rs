//! Largest elements, unique elements, and boxes that don't overlap.

use std::cmp::Ordering;

use super::convert::cast;
use super::gather::gather;
use super::lanes::Lanes;
use crate::array::{Array, DType, Element, axis_of, elements, for_elements, for_plain};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ranking {
    /// Data, number. Values and indices; of equal ones, the first comes first.
    Top {
        axis: i64,
        largest: bool,
    },
    /// Data, and TensorFlow's list of one axis or none.
    Unique {
        axis: Option<i64>,
        sorted: bool,
    },
    NonMaxSuppression {
        centered: bool,
    },
}

impl Ranking {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Top { .. } => 2,
            Self::Unique { .. } => 4,
            Self::NonMaxSuppression { .. } => 1,
        }
    }
}

pub(super) fn evaluate(what: &Ranking, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let array = super::input(inputs, 0)?;
    match what {
        Ranking::Top { axis, largest } => {
            let count = super::input(inputs, 1)?.integer()?;
            let axis = axis_of(*axis, array.shape.len())?;
            let count = usize::try_from(count)
                .ok()
                .filter(|count| *count <= array.shape[axis])
                .ok_or_else(|| Trouble::failed(format!("the first {count} of {}", array.shape[axis])))?;
            for_plain!(array, values => top(values, array, axis, count, *largest))
        }
        Ranking::Unique { axis, sorted } => {
            let given = super::optional(inputs, 1).map_or(Ok(Vec::new()), Array::integers)?;
            let axis = axis.or(given.first().copied());
            for_elements!(array, values => unique(values, array, axis, *sorted))
        }
        Ranking::NonMaxSuppression { centered } => Ok(vec![suppress(inputs, *centered, budget)?]),
    }
}

/// NaN counts as largest.
fn compare<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| a.partial_cmp(a).is_none().cmp(&b.partial_cmp(b).is_none()))
}

fn top<T: Element>(
    values: &[T],
    array: &Array,
    axis: usize,
    count: usize,
    largest: bool,
) -> Result<Vec<Array>, Trouble> {
    let lanes = Lanes::along(&array.shape, axis as i64)?;
    let mut shape = array.shape.clone();
    shape[axis] = count;
    let total = elements(&shape)?;
    let (mut best, mut places) = (vec![T::default(); total], vec![0_i64; total]);
    let mut order: Vec<usize> = Vec::with_capacity(lanes.length);
    for (n, start) in lanes.starts().enumerate() {
        let value = |place: &usize| &values[start + place * lanes.inner];
        let rank = |a: &usize, b: &usize| {
            let by_value = compare(value(a), value(b));
            (if largest { by_value.reverse() } else { by_value }).then(a.cmp(b))
        };
        order.clear();
        order.extend(0..lanes.length);
        if count > 0 && count < order.len() {
            order.select_nth_unstable_by(count - 1, rank);
        }
        order.truncate(count);
        order.sort_unstable_by(rank);
        let to = n / lanes.inner * count * lanes.inner + n % lanes.inner;
        for (rank, place) in order.iter().enumerate() {
            best[to + rank * lanes.inner] = value(place).clone();
            places[to + rank * lanes.inner] = *place as i64;
        }
    }
    Ok(vec![Array::new(shape.clone(), best), Array::new(shape, places)])
}

/// Values, first places, places of each among the values, counts.
fn unique<T: Element>(values: &[T], array: &Array, axis: Option<i64>, sorted: bool) -> Result<Vec<Array>, Trouble> {
    let flat = array.reshaped(vec![array.len()])?;
    let (array, axis) = match axis {
        Some(axis) => (array, axis_of(axis, array.shape.len())?),
        None => (&flat, 0),
    };
    let lanes = Lanes::along(&array.shape, axis as i64)?;
    // Entry n of the axis as the sequence of all its elements.
    let compare_entries = |a: usize, b: usize| {
        (0..lanes.outer)
            .flat_map(|block| (0..lanes.inner).map(move |lane| (block, lane)))
            .map(|(block, lane)| {
                let place = |n: usize| &values[(block * lanes.length + n) * lanes.inner + lane];
                compare(place(a), place(b))
            })
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..lanes.length).collect();
    order.sort_by(|a, b| compare_entries(*a, *b));
    // Groups of equal entries, each with its first place.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for place in order {
        match groups.last_mut() {
            Some(group) if compare_entries(group[0], place) == Ordering::Equal => group.push(place),
            _ => groups.push(vec![place]),
        }
    }
    if !sorted {
        groups.sort_by_key(|group| group[0]);
    }
    let mut inverse = vec![0_i64; lanes.length];
    for (n, group) in groups.iter().enumerate() {
        for place in group {
            inverse[*place] = n as i64;
        }
    }
    let vector = |values: Vec<i64>| Array::new(vec![values.len()], values);
    let first = vector(groups.iter().map(|group| group[0] as i64).collect());
    let counts = vector(groups.iter().map(|group| group.len() as i64).collect());
    Ok(vec![
        gather(array, &first, axis as i64, 0)?,
        first,
        vector(inverse),
        counts,
    ])
}

/// Corners as (top, left, bottom, right).
pub(super) fn corners(values: &[f32], centered: bool) -> [f32; 4] {
    let [a, b, c, d] = [values[0], values[1], values[2], values[3]];
    if centered {
        [b - d / 2.0, a - c / 2.0, b + d / 2.0, a + c / 2.0]
    } else {
        [a.min(c), b.min(d), a.max(c), b.max(d)]
    }
}

/// Area of the intersection divided by that of the union.
pub(super) fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let side = |low: usize, high: usize| (a[high].min(b[high]) - a[low].max(b[low])).max(0.0);
    let area = |corners: [f32; 4]| (corners[2] - corners[0]) * (corners[3] - corners[1]);
    let shared = side(0, 2) * side(1, 3);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// Boxes, scores, most boxes per class, threshold of overlap, threshold of score.
fn suppress(inputs: &[Array], centered: bool, budget: &mut Budget) -> Result<Array, Trouble> {
    let (boxes, scores) = (super::input(inputs, 0)?, super::input(inputs, 1)?);
    let float = |n: usize| -> Result<Option<f32>, Trouble> {
        let Some(limit) = super::optional(inputs, n) else {
            return Ok(None);
        };
        Ok(cast(limit, DType::F32)?.view::<f32>()?.first().copied())
    };
    let most = super::optional(inputs, 2).map_or(Ok(0), Array::integer)?.max(0) as usize;
    let (most_overlap, least) = (float(3)?.unwrap_or(0.0), float(4)?);
    let ([batches, count, 4], [score_batches, classes, score_count]) = (&*boxes.shape, &*scores.shape) else {
        return Err(Trouble::failed(
            "boxes need shape [batch, boxes, 4], scores [batch, classes, boxes]",
        ));
    };
    if batches != score_batches || count != score_count {
        return Err(Trouble::failed("there is not one score for each box"));
    }
    budget.charge(scores.len().saturating_mul(most.min(*count)))?;
    let (box_values, score_values) = (boxes.view::<f32>()?, scores.view::<f32>()?);
    let mut chosen: Vec<i64> = Vec::new();
    for batch in 0..*batches {
        for class in 0..*classes {
            let scores = &score_values[(batch * classes + class) * count..][..*count];
            let corner = |n: usize| corners(&box_values[(batch * count + n) * 4..][..4], centered);
            let mut order: Vec<usize> = (0..*count)
                .filter(|n| least.is_none_or(|least| scores[*n] > least))
                .collect();
            order.sort_by(|a, b| compare(&scores[*b], &scores[*a]));
            let mut kept: Vec<usize> = Vec::new();
            for candidate in order {
                if kept.len() == most {
                    break;
                }
                if kept
                    .iter()
                    .all(|other| overlap(corner(*other), corner(candidate)) <= most_overlap)
                {
                    kept.push(candidate);
                    chosen.extend([batch as i64, class as i64, candidate as i64]);
                }
            }
        }
    }
    Ok(Array::new(vec![chosen.len() / 3, 3], chosen))
}
