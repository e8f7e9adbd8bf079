//! `MiningModel`.

use std::collections::HashSet;

use super::model::{Draft, is_embedded, model_of};
use super::output::output_elements;
use super::problems::Problems;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::Function;
use crate::models::mining::{Method, Mining, OnMissingPrediction, Segment};
use crate::predicate::Predicate;
use crate::run::Slot;

impl<'d> Compiler<'d> {
    pub(super) fn mining_model(&mut self, draft: &mut Draft<'d>, index: usize) -> Compiled<Option<Mining>> {
        let node = draft.node;
        // A composition: models without schema, one after the other.
        let composed = node.child("Segmentation").is_none();
        let segmentation = node.child("Segmentation").unwrap_or(node);
        let method = match segmentation.get("multipleModelMethod") {
            _ if composed => Method::ModelChain,
            None => return Err(segmentation.invalid("attribute 'multipleModelMethod' is missing")),
            Some(name) => match name {
                "majorityVote" => Method::MajorityVote,
                "weightedMajorityVote" => Method::WeightedMajorityVote,
                "average" => Method::Average,
                "weightedAverage" => Method::WeightedAverage,
                "median" => Method::Median,
                "weightedMedian" | "x-weightedMedian" => Method::WeightedMedian,
                "max" => Method::Max,
                "sum" => Method::Sum,
                "weightedSum" | "x-weightedSum" => Method::WeightedSum,
                "selectFirst" => Method::SelectFirst,
                "modelChain" => Method::ModelChain,
                "multiModelChain" | "x-multiModelChain" => Method::MultiModelChain,
                "selectAll" => Method::SelectAll,
                other => return Err(segmentation.invalid(format!("unknown multipleModelMethod '{other}'"))),
            },
        };
        if method == Method::WeightedMedian && draft.function == Function::Classification {
            self.unsupported(segmentation, "weightedMedian of classes");
        }
        let on_missing = match segmentation
            .get("missingPredictionTreatment")
            .or(segmentation.get("x-missingPredictionTreatment"))
            .unwrap_or("continue")
        {
            "continue" => OnMissingPrediction::Continue,
            "skipSegment" => OnMissingPrediction::Skip,
            "returnMissing" => OnMissingPrediction::Return,
            other => return Err(segmentation.invalid(format!("unknown missingPredictionTreatment '{other}'"))),
        };
        if let Some(forest) = self.forest(draft, index, segmentation, method)? {
            self.output_classes(draft);
            return Ok(Some(Mining {
                method,
                on_missing,
                threshold: segmentation.number_or("missingThreshold", 1.0)?,
                segments: Box::default(),
                forest: Some(forest),
            }));
        }
        let chained = matches!(method, Method::ModelChain | Method::MultiModelChain);
        let was_in_forest = std::mem::replace(
            &mut self.in_forest,
            !chained && !matches!(method, Method::SelectFirst | Method::SelectAll),
        );
        let mut segments = Vec::new();
        let mut problems = Problems::default();
        let asked: HashSet<&'d str> = output_elements(node)
            .filter_map(|field| field.get("segmentId"))
            .collect();
        let elements = segmentation.children().filter(|child| {
            if composed {
                is_embedded(*child)
            } else {
                child.name() == "Segment"
            }
        });
        for (number, element) in elements.enumerate() {
            let Some(inner) = composed.then_some(element).or_else(|| model_of(element)) else {
                self.unsupported(element, "a segment without model");
                continue;
            };
            let predicate = if composed {
                Predicate::True
            } else {
                let predicate = self.predicate_of(draft.scope, element);
                problems.take(predicate)?.unwrap_or(Predicate::False)
            };
            let weight = element.number_or("weight", 1.0)?;
            let outer = draft.target.map(|name| (name, draft.target_kind));
            // The classes of a chain's inner models are their own business.
            let outer = outer.filter(|_| !chained || inner.get("functionName") == node.get("functionName"));
            let model = self.descend(element, |compiler| compiler.model(draft.scope, inner, outer));
            let Some(model) = problems.take(model)? else {
                continue;
            };
            if let Some(Some(compiled)) = self.models.get(model) {
                let names = compiled.outputs.iter().map(|output| output.name.clone());
                draft.inner.extend(names);
            }
            let number = (number + 1).to_string();
            if let Some(id) = element.get("id").or_else(|| asked.get(number.as_str()).copied()) {
                draft.segments.insert(id, model);
            }
            if chained && let Some(Some(compiled)) = self.models.get(model) {
                let names: Vec<(String, u32)> = compiled
                    .outputs
                    .iter()
                    .map(|output| (output.name.clone(), output.slot))
                    .collect();
                let declared: HashSet<&'d str> = output_elements(inner).filter_map(|field| field.get("name")).collect();
                for (name, slot) in names {
                    if let Some(declared) = declared.get(name.as_str()) {
                        self.define(draft.scope, declared, slot);
                    }
                }
            }
            segments.push(Segment {
                predicate,
                model: model as u32,
                id: self.strings.intern(element.get("id").unwrap_or(&number)),
                weight,
                variable_weight: self.variable_weight(draft, element, model)?,
                classes: Box::default(),
            });
        }
        self.in_forest = was_in_forest;
        problems.finish()?;
        if segments.is_empty() {
            return Err(segmentation.invalid("a Segmentation needs segments"));
        }
        let answers = |segment: &Segment, compiler: &Self| {
            compiler.models[segment.model as usize]
                .as_ref()
                .map(|model| model.classes.to_vec())
                .unwrap_or_default()
        };
        // In a chain only the last answer counts.
        let from = if method == Method::ModelChain {
            segments.len() - 1
        } else {
            0
        };
        for segment in &mut segments[from..] {
            let classes = answers(segment, self);
            segment.classes = classes
                .iter()
                .map(|class| {
                    let text = self.strings.get(class.code).unwrap_or_default().to_owned();
                    self.class(&mut draft.classes, &text)
                })
                .collect();
        }
        if method == Method::ModelChain {
            let Some((last, before)) = segments.split_last_mut() else {
                return Ok(None);
            };
            let same =
                |a: u32, b: u32, compiler: &Self| match (&compiler.models[a as usize], &compiler.models[b as usize]) {
                    (Some(a), Some(b)) => a.function == b.function && a.target_name == b.target_name,
                    _ => false,
                };
            for segment in before {
                if same(segment.model, last.model, self) {
                    let classes = answers(segment, self);
                    segment.classes = classes
                        .iter()
                        .map(|class| {
                            let text = self.strings.get(class.code).unwrap_or_default().to_owned();
                            self.class(&mut draft.classes, &text)
                        })
                        .collect();
                }
            }
        }
        let answering = if method == Method::ModelChain {
            segments.last()
        } else {
            segments.first()
        };
        if let Some(Some(answering)) = answering.map(|segment| &self.models[segment.model as usize]) {
            draft.lookup.answers = answering.lookup.answers;
            if matches!(
                method,
                Method::SelectFirst | Method::ModelChain | Method::MultiModelChain
            ) {
                draft.lookup.predictions = answering.lookup.predictions;
            }
        }
        self.output_classes(draft);
        Ok(Some(Mining {
            method,
            on_missing,
            threshold: segmentation.number_or("missingThreshold", 1.0)?,
            segments: segments.into(),
            forest: None,
        }))
    }

    /// The field of a `VariableWeight`: an output of the segment's model, or a field that the segments see.
    fn variable_weight(&mut self, draft: &Draft<'d>, segment: Node<'d>, model: usize) -> Compiled<Option<Slot>> {
        let Some(node) = segment.child("VariableWeight") else {
            return Ok(None);
        };
        let name = node.need("field")?;
        let outputs = self.models[model].iter().flat_map(|model| &model.outputs);
        let own = outputs
            .filter(|output| output.name == name)
            .map(|output| output.slot)
            .next();
        match own {
            Some(slot) => Ok(Some(slot)),
            None => self.resolve(draft.scope, name, node).map(Some),
        }
    }
}
