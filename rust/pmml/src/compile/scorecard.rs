//! `Scorecard`.

use std::collections::HashMap;

use super::model::Draft;
use super::problems::Problems;
use super::{Compiled, Compiler};
use crate::models::NONE;
use crate::models::scorecard::{Attribute, Characteristic, Partial, Scorecard};
use crate::predicate::Predicate;
use crate::value::Type;

impl<'d> Compiler<'d> {
    pub(super) fn scorecard(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Scorecard>> {
        let node = draft.node;
        let reasons = node.flag("useReasonCodes", true)?;
        let below = match node.get("reasonCodeAlgorithm").unwrap_or("pointsBelow") {
            "pointsBelow" => true,
            "pointsAbove" => false,
            other => return Err(node.invalid(format!("unknown reasonCodeAlgorithm '{other}'"))),
        };
        let general = node.number("baselineScore")?;
        let mut problems = Problems::default();
        let mut characteristics = Vec::new();
        let (mut codes, mut numbers) = (Vec::new(), HashMap::new());
        for element in node.need_child("Characteristics")?.all("Characteristic") {
            let baseline = element.number("baselineScore")?.or(general);
            let mut attributes = Vec::new();
            for attribute in element.all("Attribute") {
                let predicate = self.predicate_of(draft.scope, attribute);
                let predicate = problems.take(predicate)?.unwrap_or(Predicate::False);
                let partial = match attribute.child("ComplexPartialScore") {
                    Some(complex) => {
                        Partial::Complex(self.only_expression(draft.scope, &[], complex, Some(Type::Double))?.0)
                    }
                    None => Partial::Number(attribute.need_number("partialScore")?),
                };
                let reason = attribute.get("reasonCode").or(element.get("reasonCode"));
                if reasons && reason.is_none() {
                    return Err(attribute.invalid("attribute 'reasonCode' is missing"));
                }
                attributes.push(Attribute {
                    predicate,
                    partial,
                    reason: reason.map_or(NONE, |text| {
                        let code = self.strings.intern(text);
                        *numbers.entry(code).or_insert_with(|| {
                            codes.push(code);
                            codes.len() as u32 - 1
                        })
                    }),
                });
            }
            if reasons && baseline.is_none() {
                return Err(element.invalid("attribute 'baselineScore' is missing"));
            }
            characteristics.push(Characteristic {
                attributes: attributes.into(),
                baseline: baseline.unwrap_or(0.0),
            });
        }
        problems.finish()?;
        Ok(Some(Scorecard {
            initial: node.number_or("initialScore", 0.0)?,
            reasons,
            codes: codes.into(),
            below,
            characteristics: characteristics.into(),
        }))
    }
}
