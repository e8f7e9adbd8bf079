//! Entries of a tensor dealt out and put together again. Definitions are those of TensorFlow's operators.

use super::convert::cast;
use super::gather::gather;
use super::input;
use super::slice::concatenate;
use crate::array::{Array, DType, Element, elements, for_elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// Data, number of the part that each entry belongs to.
    Dynamic { count: usize },
    /// Places of the entries of each part, then as many parts. Of entries of one place, the last counts.
    Stitch { count: usize },
    /// Elements, those that are left out. What remains, and its places.
    Difference { places: DType },
}

impl Partition {
    pub(crate) fn ports(self) -> usize {
        match self {
            Self::Dynamic { count } => count,
            Self::Stitch { .. } => 1,
            Self::Difference { .. } => 2,
        }
    }
}

pub(super) fn evaluate(what: Partition, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    match what {
        Partition::Dynamic { count } => divide(input(inputs, 0)?, input(inputs, 1)?, count),
        Partition::Stitch { count } => stitch(inputs, count),
        Partition::Difference { places } => {
            let (all, without) = (input(inputs, 0)?, input(inputs, 1)?);
            budget.charge(all.len().saturating_mul(without.len()))?;
            let kept = for_elements!(all, values => difference(values, without))?;
            let order = Array::new(vec![kept.len()], kept);
            Ok(vec![gather(all, &order, 0, 0)?, cast(&order, places)?])
        }
    }
}

/// The first axes that `places` has as one, then those of an entry.
fn entries(data: &Array, places: &Array) -> Result<(Array, Vec<usize>), Trouble> {
    let entry = data.shape.strip_prefix(&*places.shape);
    let entry =
        entry.ok_or_else(|| Trouble::failed(format!("places of shape {:?} of data {:?}", places.shape, data.shape)))?;
    let shape: Vec<usize> = std::iter::once(places.len()).chain(entry.iter().copied()).collect();
    Ok((data.reshaped(shape)?, entry.to_vec()))
}

fn divide(data: &Array, parts: &Array, count: usize) -> Result<Vec<Array>, Trouble> {
    let (data, _) = entries(data, parts)?;
    let mut places: Vec<Vec<i64>> = vec![Vec::new(); count];
    for (n, part) in parts.integers()?.into_iter().enumerate() {
        let own = usize::try_from(part).ok().and_then(|part| places.get_mut(part));
        own.ok_or_else(|| Trouble::failed(format!("part {part} of {count}")))?
            .push(n as i64);
    }
    let parts = places.into_iter();
    parts
        .map(|own| gather(&data, &Array::new(vec![own.len()], own), 0, 0))
        .collect()
}

fn stitch(inputs: &[Array], count: usize) -> Result<Vec<Array>, Trouble> {
    let mut parts = Vec::with_capacity(count + 1);
    let mut places = Vec::new();
    let mut entry = Vec::new();
    for n in 0..count {
        let own = input(inputs, n)?;
        let (data, shape) = entries(input(inputs, count + n)?, own)?;
        parts.push(data);
        places.extend(own.lengths()?);
        entry = shape;
    }
    let length = places.iter().max().map_or(0, |last| last.saturating_add(1));
    // What nobody fills is zero: an entry behind all others.
    let mut order = vec![places.len() as i64; elements(&[length])?];
    for (n, place) in places.iter().enumerate() {
        order[*place] = n as i64;
    }
    let filler: Vec<usize> = std::iter::once(1).chain(entry).collect();
    parts.push(Array::zeros(parts.first().map_or(DType::F32, Array::dtype), filler)?);
    let all = concatenate(&parts, 0)?;
    Ok(vec![gather(&all, &Array::new(vec![length], order), 0, 0)?])
}

fn difference<T: Element>(values: &[T], without: &Array) -> Result<Vec<i64>, Trouble> {
    let without = without.view::<T>()?;
    let kept = (0..).zip(values).filter(|(_, value)| !without.contains(value));
    Ok(kept.map(|(n, _)| n).collect())
}
