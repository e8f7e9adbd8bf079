//! `NearestNeighborModel`.

use std::collections::HashMap;

use super::model::Draft;
use super::table::{Columns, table_rows};
use super::targets::target_names;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::Function;
use crate::models::similarity::{Neighbors, Scoring, Voted};
use crate::run::Source;
use crate::treatment::{OnMissing, Outliers};
use crate::value::Value;

impl<'d> Compiler<'d> {
    pub(super) fn nearest_neighbor_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Neighbors>> {
        let node = draft.node;
        let (mut points, nearest) = self.points(draft, "KNNInput")?;
        let own_scoring = scoring(node, draft.function)?;
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
        let mut named: HashMap<&str, &str> = HashMap::new();
        let mut wanted = Columns::default();
        let mut raw_cells = Vec::new();
        for (field, column) in &columns {
            named.entry(field).or_insert(column);
            raw_cells.push(wanted.number(column));
        }
        let mut column_of = |name: &str| named.get(name).map(|column| wanted.number(column));
        let id = node.get("instanceIdVariable").and_then(&mut column_of);
        let answer = draft.target.and_then(&mut column_of);
        let others: Vec<(&'d str, Option<usize>)> = target_names(node)
            .into_iter()
            .skip(1)
            .map(|name| (name, column_of(name)))
            .collect();
        let parent: Node<'d> = node.need_child("KNNInputs")?;
        let inputs: Vec<&str> = parent
            .all("KNNInput")
            .map(|input| input.need("field"))
            .collect::<Compiled<_>>()?;
        // Points that hold the inputs themselves need no transformation.
        let direct: Option<Vec<usize>> = inputs.iter().map(|name| column_of(name)).collect();
        if transformed && direct.is_none() {
            return Err(instance_fields.invalid("an input of the model has no column"));
        }
        // What the mining schema makes of a record's values it makes of those of untransformed points.
        let treated = points.fields.iter().any(|(slot, _, _)| {
            matches!(&self.slots[*slot as usize].source, Source::Input { treatment, .. }
                if treatment.outliers != Outliers::AsIs || matches!(treatment.on_missing, OnMissing::Replace(_)))
        });
        let direct = direct.filter(|_| transformed || !treated);
        let (mut answers, mut names, mut raw) = (Vec::new(), Vec::new(), Vec::new());
        let mut texts: Vec<Vec<Option<String>>> = vec![Vec::new(); others.len()];
        let mut cells = Vec::new();
        for (number, row) in table_rows(training)?.into_iter().enumerate() {
            wanted.read(&row, &mut cells);
            let cell = |column: usize| cells[column].map(str::trim);
            let name = id
                .and_then(cell)
                .map_or_else(|| (number + 1).to_string(), str::to_owned);
            names.push(self.strings.intern(&name));
            answers.push(self.observation(draft, training, answer.and_then(cell))?);
            training.reserve(&[others.len()], size_of::<Option<String>>() + size_of::<Value>())?;
            for ((_, column), texts) in others.iter().zip(&mut texts) {
                texts.push(column.and_then(cell).map(str::to_owned));
            }
            match &direct {
                Some(columns) => {
                    for column in columns {
                        let value = match cell(*column) {
                            Some(text) => text
                                .parse::<f64>()
                                .map_err(|_| training.invalid(format!("'{text}' is not a number")))?,
                            None => f64::NAN,
                        };
                        points.values.push(value);
                    }
                }
                None => raw.push(
                    raw_cells
                        .iter()
                        .enumerate()
                        .filter_map(|(field, column)| cell(*column).map(|text| (field as u32, text.to_owned())))
                        .collect(),
                ),
            }
        }
        if answers.is_empty() {
            return Err(training.invalid("there are no training instances"));
        }
        let count = node.need_number("numberOfNeighbors")?;
        let mut further = Vec::new();
        for ((name, _), texts) in others.into_iter().zip(texts) {
            further.push(self.further(draft, name, |compiler, draft| {
                let answers = texts
                    .iter()
                    .map(|text| compiler.observation(draft, training, text.as_deref()))
                    .collect::<Compiled<_>>()?;
                Ok(compiler.voted(draft, scoring(node, draft.function)?, answers))
            })?);
        }
        Ok(Some(Neighbors {
            points,
            nearest,
            count: count.clamp(1.0, 1e9) as usize,
            voted: self.voted(draft, own_scoring, answers),
            threshold: node.number_or("threshold", 0.001)?,
            further: further.into(),
            names,
            raw_fields: columns.iter().map(|(field, _)| (*field).to_owned()).collect(),
            raw,
        }))
    }

    /// What points say about a target, once the classes are known.
    fn voted(&self, draft: &Draft<'d>, scoring: Scoring, answers: Vec<Value>) -> Voted {
        let classes = &draft.classes.list;
        let mut points = vec![0_u32; classes.len()];
        for answer in &answers {
            if let Value::Int(class) = answer {
                points[*class as usize] += 1;
            }
        }
        let least = |a: usize, b: usize| match (classes[a].value.number(), classes[b].value.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => self
                .strings
                .get(classes[a].code)
                .cmp(&self.strings.get(classes[b].code)),
        };
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| points[*b].cmp(&points[*a]).then_with(|| least(*a, *b)));
        let mut places = vec![0; classes.len()];
        for (place, class) in (0..).zip(order) {
            places[class] = place;
        }
        Voted {
            scoring,
            answers,
            places,
        }
    }

    /// What a training instance says about a target.
    fn observation(&mut self, draft: &mut Draft<'d>, node: Node<'d>, text: Option<&str>) -> Compiled<Value> {
        Ok(match (text, draft.function) {
            (Some(text), Function::Classification) => Value::Int(i64::from(self.class(&mut draft.classes, text))),
            (Some(text), Function::Regression) => Value::Double(
                text.parse()
                    .map_err(|_| node.invalid(format!("'{text}' is not a number")))?,
            ),
            _ => Value::Missing,
        })
    }
}

/// How neighbours decide about a target.
fn scoring(node: Node<'_>, function: Function) -> Compiled<Scoring> {
    Ok(match function {
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
    })
}
