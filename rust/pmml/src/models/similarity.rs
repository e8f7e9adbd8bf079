//! `ClusteringModel` and `NearestNeighborModel`: comparing a record with points.

use super::{Function, Model};
use crate::matrix::Matrix;
use crate::run::{Fault, Run, Scored, Slot};
use crate::treatment::Interval;
use crate::value::Value;

/// The measure of `ComparisonMeasure`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Metric {
    Euclidean,
    SquaredEuclidean,
    Chebychev,
    CityBlock,
    Minkowski(f64),
    /// Similarity of binary vectors: weights of both, left only, right only, neither, above and below the line.
    Binary([f64; 8]),
}

/// `compareFunction`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Compare {
    AbsoluteDifference,
    GaussianSimilarity(f64),
    Delta,
    Equal,
    /// Cell of a table, by the numbers of the values.
    Table(u32),
}

impl Compare {
    fn apply(self, a: f64, b: f64, tables: &[Matrix]) -> f64 {
        match self {
            Self::Table(table) => {
                let table = &tables[table as usize];
                table.at(a as usize, b as usize)
            }
            Self::AbsoluteDifference => (a - b).abs(),
            Self::GaussianSimilarity(scale) => (-std::f64::consts::LN_2 * (a - b).powi(2) / (scale * scale)).exp(),
            Self::Delta => f64::from(u8::from(a != b)),
            Self::Equal => f64::from(u8::from(a == b)),
        }
    }
}

/// The values of a field that are compared as numbers of a list.
#[derive(Debug)]
pub(crate) struct Codes {
    pub(crate) keys: Box<[(u8, u64)]>,
    /// Instead of single values.
    pub(crate) intervals: Box<[Interval]>,
    /// The number of what is not in the list: another value than all, or missing.
    pub(crate) unknown: f64,
}

impl Codes {
    /// The number of a value.
    pub(crate) fn number(&self, value: Value) -> Option<f64> {
        let key = value.key();
        let place = self.keys.iter().position(|known| *known == key).or_else(|| {
            let number = value.number()?;
            self.intervals.iter().position(|interval| interval.contains(number))
        });
        place.map(|place| place as f64)
    }
}

/// Fields, their weights, and the points to compare with, row after row.
#[derive(Debug)]
pub(crate) struct Points {
    pub(crate) metric: Metric,
    pub(crate) fields: Box<[(Slot, f64, Compare)]>,
    /// Weights of the fields where some are missing.
    pub(crate) missing: Box<[f64]>,
    pub(crate) values: Vec<f64>,
    /// For each field whose values are not numbers; empty when all are.
    pub(crate) codes: Box<[Option<Codes>]>,
    pub(crate) tables: Box<[Matrix]>,
}

impl Points {
    pub(crate) fn heap_bytes(&self) -> usize {
        let codes = self.codes.iter().flatten();
        self.fields.len() * size_of::<(Slot, f64, Compare)>()
            + 8 * (self.missing.len() + self.values.capacity())
            + self.codes.len() * size_of::<Option<Codes>>()
            + codes
                .map(|codes| 16 * codes.keys.len() + size_of_val(&*codes.intervals))
                .sum::<usize>()
            + self
                .tables
                .iter()
                .map(|table| 40 + 8 * table.values.len())
                .sum::<usize>()
    }

    /// Distance or similarity; NaN stands for a missing value of the record.
    fn compare(&self, record: &[f64], point: &[f64]) -> f64 {
        if let Metric::Binary(weights) = self.metric {
            let mut counts = [0.0_f64; 4];
            for (a, b) in record.iter().zip(point) {
                if !a.is_nan() {
                    counts[usize::from(*a == 0.0) * 2 + usize::from(*b == 0.0)] += 1.0;
                }
            }
            // Both, left only, right only, neither.
            let sum = |weights: &[f64]| {
                counts
                    .iter()
                    .zip(weights)
                    .map(|(count, weight)| count * weight)
                    .sum::<f64>()
            };
            return sum(&weights[..4]) / sum(&weights[4..]);
        }
        self.aggregate(record, |index, compare| {
            compare.apply(record[index], point[index], &self.tables)
        })
    }

    /// The same with what is expected of values with shares: those of a cluster's members, for each field.
    fn expect(&self, record: &[f64], profile: &[Profile]) -> f64 {
        self.aggregate(record, |index, compare| {
            let members = profile[index].iter();
            members
                .map(|(value, share)| share * compare.apply(record[index], *value, &self.tables))
                .sum()
        })
    }

    #[inline]
    fn aggregate(&self, record: &[f64], distance: impl Fn(usize, Compare) -> f64) -> f64 {
        let (mut sum, mut all, mut present) = (0.0_f64, 0.0, 0.0);
        for (index, (_, weight, compare)) in self.fields.iter().enumerate() {
            let part = self.missing.get(index).copied().unwrap_or(1.0);
            all += part;
            if record[index].is_nan() {
                continue;
            }
            present += part;
            let distance = distance(index, *compare);
            match self.metric {
                Metric::Euclidean | Metric::SquaredEuclidean => sum += weight * distance * distance,
                Metric::CityBlock => sum += weight * distance,
                Metric::Chebychev => sum = sum.max(weight * distance),
                Metric::Minkowski(power) => sum += weight * distance.powf(power),
                Metric::Binary(_) => {}
            }
        }
        if self.metric != Metric::Chebychev && all != present {
            sum *= all / present;
        }
        match self.metric {
            Metric::Euclidean => sum.sqrt(),
            Metric::Minkowski(power) => sum.powf(1.0 / power),
            _ => sum,
        }
    }
}

/// Values of a cluster's members in one field, and their shares.
pub(crate) type Profile = Box<[(f64, f64)]>;

/// A compiled `ClusteringModel`; the classes of the model are the clusters.
#[derive(Debug)]
pub(crate) struct Clustering {
    pub(crate) points: Points,
    /// The nearest wins, else the most similar.
    pub(crate) nearest: bool,
    /// Values of the members and their shares, for each cluster and field; empty when clusters are their centers.
    pub(crate) profiles: Box<[Profile]>,
}

impl Clustering {
    pub(crate) fn heap_bytes(&self) -> usize {
        let profiles = self.profiles.iter().map(|profile| 16 + size_of_val(&**profile));
        self.points.heap_bytes() + profiles.sum::<usize>()
    }
}

/// How neighbours decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoring {
    Average,
    Median,
    WeightedAverage,
    Vote,
    WeightedVote,
}

/// What points say about a target.
#[derive(Debug)]
pub(crate) struct Voted {
    pub(crate) scoring: Scoring,
    /// Class or number of each point.
    pub(crate) answers: Vec<Value>,
    /// Place of each class among those with as many votes: the class of more points wins, of those the least value.
    pub(crate) places: Vec<u32>,
}

/// A compiled `NearestNeighborModel`.
#[derive(Debug)]
pub(crate) struct Neighbors {
    pub(crate) points: Points,
    pub(crate) nearest: bool,
    pub(crate) count: usize,
    pub(crate) voted: Voted,
    pub(crate) threshold: f64,
    /// The same for other targets, and the models that stand for them.
    pub(crate) further: Box<[(usize, Voted)]>,
    /// Identifier of each point, as a code.
    pub(crate) names: Vec<u32>,
    /// Columns of untransformed points by field of the record; emptied once the points are known.
    pub(crate) raw: Vec<Vec<(u32, String)>>,
    /// The fields of these columns.
    pub(crate) raw_fields: Vec<String>,
}

impl Run<'_> {
    /// Leaves the record's values of the fields in the work space, NaN where missing.
    fn point(&mut self, points: &Points) -> Scored<usize> {
        let base = self.scratch.work.len();
        let mut present = false;
        for (index, (slot, _, _)) in points.fields.iter().enumerate() {
            let value = match points.codes.get(index) {
                Some(Some(codes)) => self.value(*slot).map(|value| {
                    let known = (!value.is_missing()).then(|| codes.number(value).unwrap_or(codes.unknown));
                    known.filter(|number| !number.is_nan())
                }),
                _ => self.number(*slot),
            };
            let value = match value {
                Ok(value) => value,
                Err(fault) => {
                    self.scratch.work.truncate(base);
                    return Err(fault);
                }
            };
            present |= value.is_some();
            self.scratch.work.push(value.unwrap_or(f64::NAN));
        }
        if present {
            Ok(base)
        } else {
            self.scratch.work.truncate(base);
            Err(Fault::undefined())
        }
    }

    pub(crate) fn clustering(&mut self, index: usize, model: &Model, clustering: &Clustering) -> Scored<bool> {
        let base = self.point(&clustering.points)?;
        let width = clustering.points.fields.len();
        let scratch = &mut *self.scratch;
        let record = &scratch.work[base..base + width];
        scratch.ranks.clear();
        for cluster in 0..model.classes.len() {
            let affinity = if clustering.profiles.is_empty() {
                let point = &clustering.points.values[cluster * width..(cluster + 1) * width];
                clustering.points.compare(record, point)
            } else {
                let profile = &clustering.profiles[cluster * width..(cluster + 1) * width];
                clustering.points.expect(record, profile)
            };
            scratch.shares[model.shares + cluster] = affinity;
            scratch.ranks.push((affinity, cluster as u32));
        }
        scratch.work.truncate(base);
        let sign = if clustering.nearest { 1.0 } else { -1.0 };
        scratch
            .ranks
            .sort_unstable_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1)));
        let best = scratch.ranks[0].1;
        for (_, entity) in &mut scratch.ranks {
            *entity = model.classes[*entity as usize].code;
        }
        let outcome = &mut scratch.outcomes[index];
        outcome.entity = Value::Text(model.classes[best as usize].code);
        outcome.entity_index = best;
        outcome.shared = true;
        Ok(self.answer_class(index, model, best))
    }

    pub(crate) fn neighbors(&mut self, index: usize, model: &Model, neighbors: &Neighbors) -> Scored<bool> {
        let base = self.point(&neighbors.points)?;
        let width = neighbors.points.fields.len();
        let scratch = &mut *self.scratch;
        let record = &scratch.work[base..base + width];
        scratch.ranks.clear();
        for (row, point) in neighbors.points.values.chunks_exact(width).enumerate() {
            scratch
                .ranks
                .push((neighbors.points.compare(record, point), row as u32));
        }
        scratch.work.truncate(base);
        let sign = if neighbors.nearest { 1.0 } else { -1.0 };
        let order = |a: &(f64, u32), b: &(f64, u32)| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1));
        let count = neighbors.count.min(scratch.ranks.len());
        if count < scratch.ranks.len() {
            scratch.ranks.select_nth_unstable_by(count, order);
            scratch.ranks.truncate(count);
        }
        scratch.ranks.sort_unstable_by(order);
        let found = model.function == Function::Other || self.decide(index, model, neighbors, &neighbors.voted);
        for (further, voted) in &neighbors.further {
            self.further(*further, |run, model| run.decide(*further, model, neighbors, voted));
        }
        for (_, entity) in &mut self.scratch.ranks {
            *entity = neighbors.names[*entity as usize];
        }
        let first = self
            .scratch
            .ranks
            .first()
            .map_or(Value::Missing, |(_, name)| Value::Text(*name));
        self.scratch.outcomes[index].entity = first;
        Ok(found)
    }

    fn decide(&mut self, index: usize, model: &Model, neighbors: &Neighbors, voted: &Voted) -> bool {
        match voted.scoring {
            Scoring::Vote | Scoring::WeightedVote => self.vote(index, model, neighbors, voted),
            _ => self.blend(index, model, neighbors, voted),
        }
    }

    fn vote(&mut self, index: usize, model: &Model, neighbors: &Neighbors, voted: &Voted) -> bool {
        self.shares(model).fill(0.0);
        for at in 0..self.scratch.ranks.len() {
            let (distance, row) = self.scratch.ranks[at];
            let Value::Int(class) = voted.answers[row as usize] else {
                continue;
            };
            self.scratch.shares[model.shares + class as usize] += if voted.scoring == Scoring::WeightedVote {
                1.0 / (distance + neighbors.threshold)
            } else {
                1.0
            };
        }
        let shares = &self.scratch.shares[model.shares..model.shares + model.classes.len()];
        let most = shares.iter().copied().fold(0.0, f64::max);
        let tied = (0..shares.len() as u32).filter(|class| shares[*class as usize] == most);
        let place = |class: &u32| voted.places.get(*class as usize).copied().unwrap_or(u32::MAX);
        let best = tied.min_by_key(place).unwrap_or(super::NONE);
        let total: f64 = shares.iter().sum();
        for share in self.shares(model) {
            *share /= total;
        }
        self.scratch.outcomes[index].shared = true;
        self.answer_class(index, model, best)
    }

    fn blend(&mut self, index: usize, model: &Model, neighbors: &Neighbors, voted: &Voted) -> bool {
        let (mut sum, mut total) = (0.0, 0.0);
        let base = self.scratch.work.len();
        for at in 0..self.scratch.ranks.len() {
            let (distance, row) = self.scratch.ranks[at];
            let Some(number) = voted.answers[row as usize].number() else {
                continue;
            };
            let weight = if voted.scoring == Scoring::WeightedAverage {
                1.0 / (distance + neighbors.threshold)
            } else {
                1.0
            };
            sum += weight * number;
            total += weight;
            self.scratch.work.push(number);
        }
        let numbers = &mut self.scratch.work[base..];
        let value = if voted.scoring == Scoring::Median && !numbers.is_empty() {
            numbers.sort_unstable_by(f64::total_cmp);
            let middle = numbers.len() / 2;
            if numbers.len() % 2 == 1 {
                numbers[middle]
            } else {
                f64::midpoint(numbers[middle - 1], numbers[middle])
            }
        } else {
            sum / total
        };
        self.scratch.work.truncate(base);
        self.answer_number(index, model, value)
    }
}
