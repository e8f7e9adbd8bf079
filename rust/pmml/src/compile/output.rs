//! `Output`: which result each field asks for.

use super::model::Draft;
use super::problems::Problems;
use super::rules::rule_feature;
use super::uncertainty::{interval, prediction};
use super::{Compiled, Compiler, data_type};
use crate::document::Node;
use crate::expression::Expression;
use crate::models::output::{Feature, OutputField};
use crate::models::rules::Part;
use crate::models::{Function, NONE};
use crate::order::Order;
use crate::run::{Slot, Source};
use crate::value::{OpType, Type, Value};

/// The elements that ask a model for results: output fields, and the result fields of an embedded model.
pub(super) fn output_elements(model: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let output = model
        .child("Output")
        .into_iter()
        .flat_map(|output| output.all("OutputField"));
    output.chain(model.all("ResultField"))
}

impl<'d> Compiler<'d> {
    pub(super) fn output_fields(
        &mut self,
        draft: &mut Draft<'d>,
        index: usize,
        own_list: bool,
    ) -> Compiled<Box<[OutputField]>> {
        let mut elements = output_elements(draft.node).peekable();
        if elements.peek().is_none() {
            return Ok(self.default_outputs(draft, index));
        }
        let mut fields = Vec::new();
        let mut problems = Problems::default();
        for node in elements {
            let field = self.output_field(draft, index, own_list, node);
            fields.extend(problems.take(field)?);
        }
        problems.finish()?;
        Ok(fields.into())
    }

    fn output_field(
        &mut self,
        draft: &mut Draft<'d>,
        index: usize,
        own_list: bool,
        node: Node<'d>,
    ) -> Compiled<OutputField> {
        let name = node.need("name")?;
        let kind = data_type(node)?;
        let mut model = index;
        if let Some(id) = node.get("segmentId") {
            model = *draft
                .segments
                .get(id)
                .ok_or_else(|| node.invalid(format!("there is no segment '{id}'")))?;
        }
        let of_target = matches!(
            node.get("feature").unwrap_or("predictedValue"),
            "predictedValue" | "predictedDisplayValue" | "probability" | "confidence" | "residual"
        );
        if let (Some(target), true) = (node.get("targetField"), of_target)
            && let Some(further) = draft.further.get(target)
        {
            model = *further;
        }
        let feature = self.feature(draft, node, kind, model == index, model)?;
        let slot_kind = kind.unwrap_or(match &feature {
            Feature::Rule(wanted) if matches!(wanted.part, Part::Measure(_)) => Type::Double,
            Feature::PredictedValue if model != index => {
                let answering = self.models[model].as_ref();
                answering.map_or(draft.target_kind, |model| model.target_kind)
            }
            Feature::PredictedValue => draft.target_kind,
            Feature::Probability { .. }
            | Feature::PredictedProbability
            | Feature::Unmatched
            | Feature::Residual { .. }
            | Feature::Confidence { .. }
            | Feature::Affinity { .. }
            | Feature::Interval { .. } => Type::Double,
            _ => Type::String,
        });
        let list = match &feature {
            Feature::Rule(wanted) => wanted.is_list(),
            Feature::PredictedValue | Feature::DisplayValue if model == index => own_list,
            Feature::PredictedValue | Feature::DisplayValue => {
                self.models[model].as_ref().is_some_and(|model| model.list)
            }
            Feature::Transformed(Expression::Field { slot, .. }) => self.list_outputs.contains(slot),
            Feature::Transformed(expression) => expression.is_list(),
            _ => false,
        };
        let slot = self.slot(name, slot_kind, Source::Output, Order::default(), 1);
        if list {
            self.list_outputs.insert(slot);
        }
        self.define(draft.scope, name, slot);
        Ok(OutputField {
            name: name.to_owned(),
            slot,
            kind,
            feature,
            model,
            list,
            direct: false,
        })
    }

    /// A target that is declared as something that the answer can't be (a class of a continuous field, a real number in
    /// an integer field) leaves the answer without a field of its type. The reference tool refuses such documents, and model
    /// compositions as well; PMML4S answers under these names.
    fn default_outputs(&mut self, draft: &Draft<'d>, index: usize) -> Box<[OutputField]> {
        let declared = draft.target.and_then(|name| self.fields.get_key_value(name));
        let Some((name, field)) = declared.map(|(name, field)| (*name, (field.kind, field.optype))) else {
            return Box::default();
        };
        let rounds = draft.node.child("Targets").is_some();
        let composed = draft.node.name() == "MiningModel" && draft.node.child("Segmentation").is_none();
        let features = match (draft.function, field) {
            (Function::Classification, _) if composed => {
                vec![
                    ("predicted_", Feature::PredictedValue),
                    ("", Feature::PredictedProbability),
                ]
            }
            (Function::Regression, _) if composed => vec![("predicted_", Feature::PredictedValue)],
            (Function::Classification, (_, OpType::Continuous)) => {
                vec![
                    ("predicted_", Feature::PredictedValue),
                    ("", Feature::PredictedProbability),
                ]
            }
            (Function::Regression, (Type::Integer, OpType::Continuous)) if !rounds => {
                vec![("predicted_", Feature::PredictedValue)]
            }
            _ => Vec::new(),
        };
        // Only the outermost model answers for the document.
        let features = if index == 0 { features } else { Vec::new() };
        features
            .into_iter()
            .map(|(prefix, feature)| {
                let name = if prefix.is_empty() {
                    "probability".to_owned()
                } else {
                    format!("{prefix}{name}")
                };
                let kind = match (&feature, draft.function) {
                    (Feature::PredictedValue, Function::Classification) => draft.target_kind,
                    _ => Type::Double,
                };
                OutputField {
                    slot: self.slot(&name, kind, Source::Output, Order::default(), 1),
                    name,
                    kind: None,
                    feature,
                    model: index,
                    list: false,
                    direct: false,
                }
            })
            .collect()
    }

    fn feature(
        &mut self,
        draft: &mut Draft<'d>,
        node: Node<'d>,
        kind: Option<Type>,
        own: bool,
        model: usize,
    ) -> Compiled<Feature> {
        if own
            && matches!(draft.node.name(), "AssociationModel" | "SequenceModel")
            && let Some(feature) = rule_feature(node)?
        {
            return Ok(feature);
        }
        let rank = node.number_or("rank", 1.0)?.clamp(1.0, 1e6) as usize;
        let class = |compiler: &mut Self, text: &str| {
            if own {
                let literal = compiler.literal_or_text(draft.classes.kind, text);
                draft.classes.find(literal).unwrap_or(NONE - 1)
            } else {
                let code = compiler.strings.intern(text);
                compiler.models[model]
                    .as_ref()
                    .and_then(|model| model.classes.iter().position(|class| class.code == code))
                    .map_or(NONE - 1, |position| position as u32)
            }
        };
        let field = |slot| Expression::Field {
            slot,
            missing: Value::Missing,
        };
        let lookup = draft.lookup;
        let unmatched = own
            && draft.function == Function::Classification
            && match node.get("value") {
                Some(_) => lookup.answers != lookup.requests,
                None => lookup.answers != lookup.predictions,
            }
            // What a segment gives under the same name is right.
            && node.get("name").is_none_or(|name| !draft.inner.contains(name));
        Ok(match node.get("feature").unwrap_or("predictedValue") {
            "probability" | "confidence" if unmatched => Feature::Unmatched,
            "predictedValue" if own && draft.predictions.len() > 1 => {
                Feature::Transformed(field(prediction(draft, node)?.value))
            }
            "predictedValue" => Feature::PredictedValue,
            "standardError" | "standardDeviation" if own && !draft.predictions.is_empty() => {
                match prediction(draft, node)?.deviation {
                    Some(deviation) => Feature::Transformed(field(deviation)),
                    None => Feature::Nothing,
                }
            }
            "confidenceIntervalLower" | "confidenceIntervalUpper" if own && !draft.predictions.is_empty() => {
                interval(draft, node)?
            }
            "predictedDisplayValue" => Feature::DisplayValue,
            "probability" => match node.get("value") {
                Some(text) => Feature::Probability {
                    class: class(self, text),
                },
                None => Feature::PredictedProbability,
            },
            "confidence" => Feature::Confidence {
                class: node.get("value").map_or(NONE, |text| class(self, text)),
            },
            "residual" => Feature::Residual {
                observed: self.observed(draft, node)?,
                class: node.get("value").map(|text| class(self, text)),
            },
            "transformedValue" if node.get("value").is_some() && !own => {
                let text = node.need("value")?;
                let compiled = self.models[model].as_ref();
                let slot = compiled
                    .and_then(|model| model.outputs.iter().find(|output| output.name == text))
                    .map(|output| output.slot)
                    .ok_or_else(|| node.invalid(format!("the segment has no output field '{text}'")))?;
                Feature::Transformed(Expression::Field {
                    slot,
                    missing: Value::Missing,
                })
            }
            "transformedValue" | "decision" => {
                self.read_targets(draft, node)?;
                Feature::Transformed(self.only_expression(draft.scope, &[], node, kind)?.0)
            }
            "entityId" | "clusterId" | "ruleId" => Feature::EntityId { rank },
            "affinity" | "entityAffinity" | "clusterAffinity" => Feature::Affinity {
                entity: node.get("value").map(|text| class(self, text)),
                rank,
            },
            "reasonCode" => Feature::ReasonCode { rank },
            "x-report" => Feature::Report,
            "warning" => Feature::Nothing,
            other => {
                self.unsupported(node, format!("feature {other}"));
                Feature::Nothing
            }
        })
    }

    /// Makes the targets that an expression reads fields of the record: it means what was observed, as in the reference tool.
    fn read_targets(&mut self, draft: &Draft<'d>, expression: Node<'d>) -> Compiled<()> {
        let mut pending: Vec<Node<'d>> = if draft.targets.is_empty() {
            Vec::new()
        } else {
            expression.children().collect()
        };
        while let Some(node) = pending.pop() {
            pending.extend(node.children());
            if node.name() == "FieldRef"
                && let Some(name) = node.get("field")
                && draft.targets.contains(name)
                && self.find(draft.scope, name)?.is_none()
            {
                let slot = self.observed_field(draft, name, node)?;
                self.define(draft.scope, name, slot);
            }
        }
        Ok(())
    }

    /// The observed value of the target, as one more field of the record.
    fn observed(&mut self, draft: &Draft<'d>, node: Node<'d>) -> Compiled<Slot> {
        let name = node.get("targetField").or(draft.target);
        let name = name.ok_or_else(|| node.invalid("a residual needs a target field"))?;
        self.observed_field(draft, name, node)
    }

    fn observed_field(&mut self, draft: &Draft<'d>, name: &'d str, node: Node<'d>) -> Compiled<Slot> {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.name == name) {
            input.used = true;
            return Ok(input.slot);
        }
        let Some(data) = self.fields.get(name).cloned() else {
            return Err(node.invalid(format!("field '{name}' is not in the DataDictionary")));
        };
        let schema = draft.node.need_child("MiningSchema")?;
        let field = schema
            .all("MiningField")
            .find(|field| field.get("name") == Some(name))
            .unwrap_or(schema);
        let (treatment, _) = self.mining_treatment(field, data.kind, Some(&data))?;
        let slot = self.input(name, data.kind, treatment, Order::default(), false);
        if let Some(input) = self.inputs.last_mut() {
            input.used = true;
        }
        Ok(slot)
    }
}
