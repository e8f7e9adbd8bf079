//! `ClusteringModel` and `NearestNeighborModel`.

use super::expression::table_rows;
use super::model::Draft;
use super::{Compiled, Compiler, numbers};
use crate::document::Node;
use crate::models::Function;
use crate::models::similarity::{Clustering, Compare, Metric, Neighbors, Points, Scoring};
use crate::value::{Type, Value};

impl<'d> Compiler<'d> {
    pub(super) fn clustering_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Clustering>> {
        let node = draft.node;
        if node.get("modelClass") == Some("distributionBased") {
            self.unsupported(node, "modelClass distributionBased");
            return Ok(None);
        }
        let (mut points, nearest) = self.points(draft, "ClusteringField")?;
        draft.classes.kind = Type::String;
        for (number, cluster) in node.all("Cluster").enumerate() {
            let name = cluster
                .get("id")
                .map_or_else(|| (number + 1).to_string(), str::to_owned);
            if self.class(&mut draft.classes, &name) as usize != number {
                return Err(cluster.invalid(format!("two clusters have the id '{name}'")));
            }
            let center = cluster
                .children()
                .find(|child| child.name().ends_with("Array"))
                .ok_or_else(|| cluster.invalid("element Array is missing"))?;
            let center = numbers(center)?;
            if center.len() != points.fields.len() {
                return Err(cluster.invalid(format!(
                    "the center has {} values for {} fields",
                    center.len(),
                    points.fields.len()
                )));
            }
            points.values.extend(center);
        }
        if points.values.is_empty() {
            return Err(node.invalid("element Cluster is missing"));
        }
        Ok(Some(Clustering { points, nearest }))
    }

    /// Fields and measure, without points yet.
    fn points(&mut self, draft: &Draft<'d>, element: &'static str) -> Compiled<(Points, bool)> {
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
        let mut fields = Vec::new();
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
                    self.unsupported(field, "compareFunction table");
                    Compare::AbsoluteDifference
                }
                other => return Err(field.invalid(format!("unknown compareFunction '{other}'"))),
            };
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
        };
        Ok((points, nearest))
    }

    pub(super) fn nearest_neighbor_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Neighbors>> {
        let node = draft.node;
        let (mut points, nearest) = self.points(draft, "KNNInput")?;
        let scoring = match draft.function {
            Function::Classification => match node.get("categoricalScoringMethod").unwrap_or("majorityVote") {
                "majorityVote" => Scoring::Vote,
                "weightedMajorityVote" => Scoring::WeightedVote,
                other => return Err(node.invalid(format!("unknown categoricalScoringMethod '{other}'"))),
            },
            _ => match node.get("continuousScoringMethod").unwrap_or("average") {
                "average" => Scoring::Average,
                "median" => Scoring::Median,
                "weightedAverage" => Scoring::WeightedAverage,
                other => return Err(node.invalid(format!("unknown continuousScoringMethod '{other}'"))),
            },
        };
        let training = node.need_child("TrainingInstances")?;
        let transformed = training.flag("isTransformed", false)?;
        let instance_fields = training.need_child("InstanceFields")?;
        let columns: Vec<(&str, &str)> = instance_fields
            .all("InstanceField")
            .map(|field| {
                let name = field.need("field")?;
                let column = field.get("column").unwrap_or(name);
                Ok((name, column.rsplit(':').next().unwrap_or(column)))
            })
            .collect::<Compiled<_>>()?;
        let column_of = |name: &str| {
            columns
                .iter()
                .find(|(field, _)| *field == name)
                .map(|(_, column)| *column)
        };
        let id = node.get("instanceIdVariable").and_then(column_of);
        let answer = draft.target.and_then(column_of);
        let parent: Node<'d> = node.need_child("KNNInputs")?;
        let inputs: Vec<&str> = parent
            .all("KNNInput")
            .map(|input| input.need("field"))
            .collect::<Compiled<_>>()?;
        // Points that hold the inputs themselves need no transformation.
        let direct: Option<Vec<&str>> = inputs.iter().map(|name| column_of(name)).collect();
        if transformed && direct.is_none() {
            return Err(instance_fields.invalid("an input of the model has no column"));
        }
        let (mut answers, mut names, mut raw) = (Vec::new(), Vec::new(), Vec::new());
        for (number, row) in table_rows(training)?.into_iter().enumerate() {
            let cell = |column: &str| row.iter().find(|(name, _)| *name == column).map(|(_, text)| *text);
            let name = id
                .and_then(cell)
                .map_or_else(|| (number + 1).to_string(), str::to_owned);
            names.push(self.strings.intern(&name));
            answers.push(match (answer.and_then(cell), draft.function) {
                (Some(text), Function::Classification) => Value::Int(i64::from(self.class(&mut draft.classes, text))),
                (Some(text), Function::Regression) => Value::Double(
                    text.parse()
                        .map_err(|_| training.invalid(format!("'{text}' is not a number")))?,
                ),
                _ => Value::Missing,
            });
            match &direct {
                Some(columns) => {
                    for column in columns {
                        let value = match cell(column) {
                            Some(text) => text
                                .parse::<f64>()
                                .map_err(|_| training.invalid(format!("'{text}' is not a number")))?,
                            None => f64::NAN,
                        };
                        points.values.push(value);
                    }
                }
                None => raw.push(
                    columns
                        .iter()
                        .filter_map(|(field, column)| cell(column).map(|text| ((*field).to_owned(), text.to_owned())))
                        .collect(),
                ),
            }
        }
        if answers.is_empty() {
            return Err(training.invalid("there are no training instances"));
        }
        let count = node.need_number("numberOfNeighbors")?;
        Ok(Some(Neighbors {
            points,
            nearest,
            count: count.clamp(1.0, 1e9) as usize,
            scoring,
            threshold: node.number_or("threshold", 0.001)?,
            answers,
            names,
            raw,
        }))
    }
}
