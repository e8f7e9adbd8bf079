//! `ClusteringModel`, and the comparison of points.

use super::dictionary::interval;
use super::matrix::matrix;
use super::model::Draft;
use super::partition::statistics;
use super::{Compiled, Compiler, array, numbers};
use crate::document::Node;
use crate::models::similarity::{Clustering, Codes, Compare, Metric, Points};
use crate::run::Slot;
use crate::treatment::Interval;
use crate::value::Type;

impl<'d> Compiler<'d> {
    pub(super) fn clustering_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Clustering>> {
        let node = draft.node;
        let (mut points, nearest) = self.points(draft, "ClusteringField")?;
        let distributed = node.get("modelClass") == Some("distributionBased");
        if distributed && matches!(points.metric, Metric::Binary(_)) {
            self.unsupported(node, "modelClass distributionBased with a measure of binary fields");
            return Ok(None);
        }
        draft.classes.kind = Type::String;
        let mut profiles = Vec::new();
        let statistics = statistics(node);
        for (number, cluster) in node.all("Cluster").enumerate() {
            let name = cluster
                .get("id")
                .map_or_else(|| (number + 1).to_string(), str::to_owned);
            if self.class(&mut draft.classes, &name) as usize != number {
                return Err(cluster.invalid(format!("two clusters have the id '{name}'")));
            }
            let center = cluster.children().find(|child| child.name().ends_with("Array"));
            let center = match center {
                Some(array) => Some(self.center(array, &points)?),
                None if distributed => None,
                None => return Err(cluster.invalid("element Array is missing")),
            };
            if distributed {
                self.profile((draft, &statistics), cluster, &points, center.as_deref(), &mut profiles)?;
            } else {
                points.values.extend(center.unwrap_or_default());
            }
        }
        if draft.classes.list.is_empty() {
            return Err(node.invalid("element Cluster is missing"));
        }
        Ok(Some(Clustering {
            points,
            nearest,
            profiles: profiles.into(),
        }))
    }

    /// The center of a cluster, values of listed fields as their numbers.
    fn center(&mut self, node: Node<'d>, points: &Points) -> Compiled<Vec<f64>> {
        let width = points.fields.len();
        let wrong = |found: usize| {
            let message = format!("the center has {found} values for {width} fields");
            Err(node.invalid(message))
        };
        if points.codes.is_empty() {
            let center = numbers(node)?;
            return if center.len() == width {
                Ok(center)
            } else {
                wrong(center.len())
            };
        }
        let texts = array(node)?;
        if texts.len() != width {
            return wrong(texts.len());
        }
        texts
            .iter()
            .enumerate()
            .map(|(field, text)| self.coordinate(points, field, text, node))
            .collect()
    }

    /// A value of a field as it is compared.
    pub(super) fn coordinate(&mut self, points: &Points, field: usize, text: &str, node: Node<'d>) -> Compiled<f64> {
        let (slot, _, _) = points.fields[field];
        let kind = self.slots[slot as usize].kind;
        let value = match points.codes.get(field) {
            Some(Some(codes)) => codes.number(self.literal_or_text(kind, text)),
            _ => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        };
        value.ok_or_else(|| node.invalid(format!("'{text}' is not a value of the field")))
    }

    /// The listed values of a field that is compared by them.
    fn codes(&mut self, draft: &Draft<'d>, field: Node<'d>, slot: Slot, table: bool) -> Compiled<Codes> {
        let name = field.need("field")?;
        let kind = self.slots[slot as usize].kind;
        let (values, intervals): (Vec<&str>, Vec<Interval>) = match self.declared(draft.scope, name) {
            Some(derived) => (
                derived
                    .all("Value")
                    .map(|value| value.need("value"))
                    .collect::<Compiled<_>>()?,
                derived.all("Interval").map(interval).collect::<Compiled<_>>()?,
            ),
            None => self.fields.get(name).map_or_else(Default::default, |data| {
                (data.values.clone(), data.intervals().to_vec())
            }),
        };
        field.reserve(&[values.len() + intervals.len()], size_of::<Interval>())?;
        let keys = values
            .iter()
            .map(|text| self.literal_or_text(kind, text).key())
            .collect();
        Ok(Codes {
            keys,
            intervals: if values.is_empty() {
                intervals.into()
            } else {
                Box::default()
            },
            // Another value than all differs from all; a table has no cell for it.
            unknown: if table { f64::NAN } else { -1.0 },
        })
    }

    /// Fields and measure, without points yet.
    pub(super) fn points(&mut self, draft: &Draft<'d>, element: &'static str) -> Compiled<(Points, bool)> {
        let node = draft.node;
        let measure = node.need_child("ComparisonMeasure")?;
        let nearest = measure.get("kind") != Some("similarity");
        let inner = measure
            .children()
            .next()
            .ok_or_else(|| measure.invalid("a measure is missing"))?;
        let metric = match inner.name() {
            "euclidean" => Metric::Euclidean,
            "squaredEuclidean" => Metric::SquaredEuclidean,
            "chebychev" => Metric::Chebychev,
            "cityBlock" => Metric::CityBlock,
            "minkowski" => Metric::Minkowski(inner.need_number("p-parameter")?),
            "simpleMatching" => Metric::Binary([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
            "jaccard" => Metric::Binary([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]),
            "tanimoto" => Metric::Binary([1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0]),
            "binarySimilarity" => {
                let mut weights = [0.0; 8];
                let names = [
                    "c11-parameter",
                    "c10-parameter",
                    "c01-parameter",
                    "c00-parameter",
                    "d11-parameter",
                    "d10-parameter",
                    "d01-parameter",
                    "d00-parameter",
                ];
                for (weight, name) in weights.iter_mut().zip(names) {
                    *weight = inner.need_number(name)?;
                }
                Metric::Binary(weights)
            }
            other => return Err(inner.invalid(format!("unknown measure '{other}'"))),
        };
        let default = measure.get("compareFunction").unwrap_or("absDiff");
        let parent = if element == "KNNInput" {
            node.need_child("KNNInputs")?
        } else {
            node
        };
        let (mut fields, mut codes, mut tables) = (Vec::new(), Vec::new(), Vec::new());
        for field in parent.all(element) {
            if element == "ClusteringField" && !field.flag("isCenterField", true)? {
                continue;
            }
            let slot = self.resolve(draft.scope, field.need("field")?, field)?;
            let weight = field.number_or("fieldWeight", 1.0)?;
            let compare = match field.get("compareFunction").unwrap_or(default) {
                "absDiff" => Compare::AbsoluteDifference,
                "gaussSim" => Compare::GaussianSimilarity(field.number_or("similarityScale", 1.0)?),
                "delta" => Compare::Delta,
                "equal" => Compare::Equal,
                "table" => {
                    let Some(comparisons) = field.child("Comparisons") else {
                        return Err(field.invalid("element Comparisons is missing"));
                    };
                    tables.push(matrix(comparisons.need_child("Matrix")?)?);
                    Compare::Table(tables.len() as u32 - 1)
                }
                other => return Err(field.invalid(format!("unknown compareFunction '{other}'"))),
            };
            let table = match compare {
                Compare::Table(table) => Some(&tables[table as usize]),
                _ => None,
            };
            let listed =
                table.is_some() || (element == "ClusteringField" && self.slots[slot as usize].kind == Type::String);
            let own = if listed {
                Some(self.codes(draft, field, slot, table.is_some())?)
            } else {
                None
            };
            if let (Some(table), Some(own)) = (table, &own) {
                let size = own.keys.len().max(own.intervals.len());
                if (table.rows, table.columns) != (size, size) {
                    return Err(field.invalid(format!(
                        "the table has {} x {} cells for {size} values of the field",
                        table.rows, table.columns
                    )));
                }
            }
            codes.push(own);
            fields.push((slot, weight, compare));
        }
        if fields.is_empty() {
            return Err(node.invalid(format!("element {element} is missing")));
        }
        let missing = match node
            .child("MissingValueWeights")
            .and_then(|weights| weights.child("Array"))
        {
            Some(array) => numbers(array)?,
            None => Vec::new(),
        };
        let points = Points {
            metric,
            fields: fields.into(),
            missing: missing.into(),
            values: Vec::new(),
            codes: if codes.iter().any(Option::is_some) {
                codes.into()
            } else {
                Box::default()
            },
            tables: tables.into(),
        };
        Ok((points, nearest))
    }
}
