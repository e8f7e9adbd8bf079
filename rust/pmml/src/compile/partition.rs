//! Clusters that are the statistics of their members.
//!
//! The specification says that such clusters are their statistics, not how a record is compared with them. Here it is
//! compared with every value that members have, and what comes out counts by the value's share: what the comparison
//! with a member chosen at random is expected to be.

use std::collections::HashMap;

use super::dictionary::interval;
use super::model::Draft;
use super::{Compiled, Compiler, array, numbers};
use crate::document::Node;
use crate::models::similarity::{Points, Profile};
use crate::treatment::Interval;

/// Elements about fields, by the name of the field.
type ByField<'d> = HashMap<&'d str, Node<'d>>;

fn by_field<'d>(elements: impl Iterator<Item = Node<'d>>) -> ByField<'d> {
    let mut found = HashMap::new();
    for element in elements {
        if let Some(field) = element.get("field") {
            found.entry(field).or_insert(element);
        }
    }
    found
}

/// The statistics of a model's fields.
pub(super) fn statistics(model: Node<'_>) -> ByField<'_> {
    let statistics = model.child("ModelStats").into_iter();
    by_field(statistics.flat_map(|stats| stats.all("UnivariateStats")))
}

impl<'d> Compiler<'d> {
    /// Appends the values of a cluster's members and their shares, for each field.
    pub(super) fn profile(
        &mut self,
        (draft, statistics): (&Draft<'d>, &ByField<'d>),
        cluster: Node<'d>,
        points: &Points,
        center: Option<&[f64]>,
        profiles: &mut Vec<Profile>,
    ) -> Compiled<()> {
        let partition = cluster.child("Partition").into_iter();
        let partition = by_field(partition.flat_map(|partition| partition.all("PartitionFieldStats")));
        let fields = draft.node.all("ClusteringField");
        let mut at = 0;
        for field in fields {
            if !field.flag("isCenterField", true)? {
                continue;
            }
            let name = field.need("field")?;
            let members = match partition.get(name) {
                Some(stats) => self.members(statistics, *stats, name, points, at)?,
                None => None,
            };
            profiles.push(match (members, center) {
                (Some(members), _) => members.into(),
                (None, Some(center)) => Box::new([(center[at], 1.0)]),
                (None, None) => {
                    return Err(cluster.invalid(format!("there are no statistics of field '{name}'")));
                }
            });
            at += 1;
        }
        Ok(())
    }

    /// Values and shares of one field; `None` when the statistics have neither frequencies nor a mean.
    fn members(
        &mut self,
        statistics: &ByField<'d>,
        stats: Node<'d>,
        name: &str,
        points: &Points,
        at: usize,
    ) -> Compiled<Option<Vec<(f64, f64)>>> {
        let frequencies = stats.children().find(|child| child.name().ends_with("Array"));
        let Some(frequencies) = frequencies else {
            let info = stats.child("NumericInfo");
            let mean = match info {
                Some(info) => info.number("mean")?,
                None => None,
            };
            return Ok(mean.map(|mean| vec![(mean, 1.0)]));
        };
        let counts = numbers(frequencies)?;
        let total: f64 = counts.iter().sum();
        if counts.iter().any(|count| *count < 0.0) || total <= 0.0 {
            return Err(frequencies.invalid("frequencies are not positive"));
        }
        let values = self.population(statistics.get(name).copied(), name, points, at)?;
        if values.len() != counts.len() {
            return Err(frequencies.invalid(format!(
                "{} frequencies for {} values of the field",
                counts.len(),
                values.len()
            )));
        }
        let members = values.into_iter().zip(counts);
        Ok(Some(members.map(|(value, count)| (value, count / total)).collect()))
    }

    /// The values that frequencies belong to: those of the field's statistics, else those of its definition.
    fn population(
        &mut self,
        statistics: Option<Node<'d>>,
        name: &str,
        points: &Points,
        at: usize,
    ) -> Compiled<Vec<f64>> {
        let codes = points.codes.get(at).and_then(Option::as_ref);
        if let Some(continuous) = statistics.and_then(|stats| stats.child("ContStats")) {
            let intervals: Vec<Interval> = continuous.all("Interval").map(interval).collect::<Compiled<_>>()?;
            if !intervals.is_empty() && codes.is_none_or(|codes| codes.intervals.is_empty()) {
                return intervals
                    .iter()
                    .map(|interval| middle(interval).ok_or_else(|| continuous.invalid("an interval without margins")))
                    .collect();
            }
        }
        let listed = statistics
            .and_then(|stats| stats.child("DiscrStats"))
            .and_then(|stats| stats.child("Array"));
        if let Some(listed) = listed
            && listed.get("type") == Some("string")
        {
            let texts = array(listed)?;
            return texts
                .iter()
                .map(|text| self.coordinate(points, at, text, listed))
                .collect();
        }
        if let Some(codes) = codes {
            return Ok((0..codes.keys.len().max(codes.intervals.len()))
                .map(|code| code as f64)
                .collect());
        }
        let field = self.fields.get(name);
        let numbers = field.map(|field| {
            let values = field.values.iter().filter_map(|text| text.trim().parse().ok());
            let values: Vec<f64> = values.collect();
            if values.is_empty() {
                field.intervals().iter().filter_map(middle).collect()
            } else {
                values
            }
        });
        Ok(numbers.unwrap_or_default())
    }
}

/// A number that stands for an interval.
fn middle(interval: &Interval) -> Option<f64> {
    match (interval.low.is_finite(), interval.high.is_finite()) {
        (true, true) => Some(f64::midpoint(interval.low, interval.high)),
        (true, false) => Some(interval.low),
        (false, true) => Some(interval.high),
        (false, false) => None,
    }
}
