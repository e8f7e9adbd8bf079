//! The targets of a model: which they are, how they are treated, and models with several of them.

use std::collections::{HashMap, HashSet};

use super::model::{Classes, Draft, Lookup};
use super::uncertainty::STEPS_OF_AN_OUTPUT;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::target::{CastInteger, Target};
use crate::models::{Function, Kind, Model};
use crate::value::{OpType, Type};

/// The target fields of a model, in the order of its mining schema.
pub(crate) fn target_names(model: Node<'_>) -> Vec<&str> {
    model
        .child("MiningSchema")
        .into_iter()
        .flat_map(|schema| schema.all("MiningField"))
        .filter(|field| matches!(field.get("usageType"), Some("target" | "predicted")))
        .filter_map(|field| field.get("name"))
        .collect()
}

/// The element that says how a target is treated.
pub(super) fn target_element<'d>(model: Node<'d>, target: Option<&str>) -> Option<Node<'d>> {
    let mut targets = model.child("Targets")?.all("Target");
    targets.find(|element| element.get("field").is_none() || element.get("field") == target)
}

/// What predicts a target of some kind.
pub(super) fn function_of(optype: OpType) -> Function {
    match optype {
        OpType::Continuous => Function::Regression,
        OpType::Categorical | OpType::Ordinal => Function::Classification,
    }
}

impl<'d> Compiler<'d> {
    /// A model for another target of the model at hand, which evaluates it; `fill` learns its classes.
    pub(super) fn further<T>(
        &mut self,
        draft: &mut Draft<'d>,
        name: &'d str,
        fill: impl FnOnce(&mut Self, &mut Draft<'d>) -> Compiled<T>,
    ) -> Compiled<(usize, T)> {
        let index = self.models.len();
        self.models.push(None);
        let (kind, optype) = match self.fields.get(name) {
            Some(field) => (field.kind, field.optype),
            None => {
                return Err(draft
                    .node
                    .invalid(format!("field '{name}' is not in the DataDictionary")));
            }
        };
        let function = function_of(optype);
        let kind = match (function, kind) {
            (Function::Regression, Type::String) => Type::Double,
            (_, kind) => kind,
        };
        let typed = kind != Type::String;
        let mut other = Draft {
            node: draft.node,
            scope: draft.scope,
            function,
            float: draft.float,
            classes: Classes::new(kind),
            target: Some(name),
            target_kind: kind,
            target_optype: optype,
            segments: HashMap::new(),
            inner: HashSet::new(),
            predictions: Vec::new(),
            further: HashMap::new(),
            targets: HashSet::new(),
            lookup: Lookup {
                answers: typed,
                requests: typed,
                predictions: typed,
            },
        };
        // Each target looks for its treatment among all.
        let treated = draft
            .node
            .child("Targets")
            .map_or(0, |targets| targets.all("Target").count());
        draft.node.work(STEPS_OF_AN_OUTPUT.saturating_mul(treated))?;
        let filled = fill(self, &mut other)?;
        let target = self.target(&mut other)?;
        let shares = self.shares;
        self.shares += other.classes.list.len();
        self.models[index] = Some(Model {
            kind: Kind::Further,
            function,
            list: false,
            float: other.float,
            classes: other.classes.list.into(),
            shares,
            target_name: Some(name.to_owned()),
            target_kind: kind,
            target: target.map(Box::new),
            outputs: Box::default(),
            lookup: other.lookup,
            embedded: false,
        });
        draft.further.insert(name, index);
        Ok((index, filled))
    }

    pub(super) fn target(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Target>> {
        let Some(node) = target_element(draft.node, draft.target) else {
            return Ok(None);
        };
        let cast = match node.get("castInteger") {
            None => None,
            Some("round") => Some(CastInteger::Round),
            Some("ceiling") => Some(CastInteger::Ceiling),
            Some("floor") => Some(CastInteger::Floor),
            Some(other) => return Err(node.invalid(format!("unknown castInteger '{other}'"))),
        };
        let mut target = Target {
            min: node.number_or("min", f64::NEG_INFINITY)?,
            max: node.number_or("max", f64::INFINITY)?,
            factor: node.number_or("rescaleFactor", 1.0)?,
            constant: node.number_or("rescaleConstant", 0.0)?,
            cast,
            default: None,
            priors: Box::default(),
            display: Box::default(),
            changes: false,
        };
        if target.min > target.max {
            return Err(node.invalid("min exceeds max"));
        }
        target.changes = target.cast.is_some()
            || target.min != f64::NEG_INFINITY
            || target.max != f64::INFINITY
            || target.factor != 1.0
            || target.constant != 0.0;
        let mut priors = vec![0.0; draft.classes.list.len()];
        let mut display: Vec<u32> = draft.classes.list.iter().map(|class| class.code).collect();
        let (mut has_priors, mut has_display) = (false, false);
        for value in node.all("TargetValue") {
            if let Some(default) = value.number("defaultValue")? {
                target.default = Some(default);
            }
            let Some(text) = value.get("value") else {
                continue;
            };
            let literal = self.literal_or_text(draft.classes.kind, text);
            let Some(class) = draft.classes.find(literal) else {
                continue;
            };
            if let Some(prior) = value.number("priorProbability")? {
                priors[class as usize] = prior;
                has_priors = true;
            }
            if let Some(text) = value.get("displayValue") {
                display[class as usize] = self.strings.intern(text);
                has_display = true;
            }
        }
        if has_priors {
            target.priors = priors.into();
        }
        if has_display {
            target.display = display.into();
        }
        Ok(Some(target))
    }
}
