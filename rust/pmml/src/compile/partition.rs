//! Clusters that are the statistics of their members.
//!
//! The specification says that such clusters are their statistics, not how a record is compared with them. Here it is
//! compared with every value that members have, and what comes out counts by the value's share: what the comparison
//! with a member chosen at random is expected to be.

use super::dictionary::interval;
use super::model::Draft;
use super::{Compiled, Compiler, array, numbers};
use crate::document::Node;
use crate::models::similarity::{Points, Profile};
use crate::treatment::Interval;

impl<'d> Compiler<'d> {
    /// Appends the values of a cluster's members and their shares, for each field.
    pub(super) fn profile(
        &mut self,
        draft: &Draft<'d>,
        cluster: Node<'d>,
        points: &Points,
        center: Option<&[f64]>,
        profiles: &mut Vec<Profile>,
    ) -> Compiled<()> {
        let partition = cluster.child("Partition");
        let fields = draft.node.all("ClusteringField");
        let mut at = 0;
        for field in fields {
            if !field.flag("isCenterField", true)? {
                continue;
            }
            let name = field.need("field")?;
            let stats = partition.and_then(|partition| {
                let mut stats = partition.all("PartitionFieldStats");
                stats.find(|stats| stats.get("field") == Some(name))
            });
            let members = match stats {
                Some(stats) => self.members(draft, stats, name, points, at)?,
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
        draft: &Draft<'d>,
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
        let values = self.population(draft, name, points, at)?;
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
    fn population(&mut self, draft: &Draft<'d>, name: &str, points: &Points, at: usize) -> Compiled<Vec<f64>> {
        let statistics = draft
            .node
            .child("ModelStats")
            .into_iter()
            .flat_map(|stats| stats.all("UnivariateStats"))
            .find(|stats| stats.get("field") == Some(name));
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
