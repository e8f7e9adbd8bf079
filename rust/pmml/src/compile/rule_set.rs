//! `RuleSetModel`.

use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::NONE;
use crate::models::rule_set::{Rule, RuleSet, Selection};

impl<'d> Compiler<'d> {
    pub(super) fn rule_set_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<RuleSet>> {
        let set = draft.node.need_child("RuleSet")?;
        let method = set.need_child("RuleSelectionMethod")?;
        let selection = match method.need("criterion")? {
            "firstHit" => Selection::FirstHit,
            "weightedSum" => Selection::WeightedSum,
            "weightedMax" => Selection::WeightedMax,
            other => return Err(method.invalid(format!("unknown criterion '{other}'"))),
        };
        let default_class = match set.get("defaultScore") {
            Some(text) => self.class(&mut draft.classes, text),
            None => NONE,
        };
        let mut rules = Vec::new();
        self.rules(draft, set, &mut rules, &mut 0)?;
        self.output_classes(draft);
        Ok(Some(RuleSet {
            rules: rules.into(),
            selection,
            default_class,
            default_confidence: set.number_or("defaultConfidence", 1.0)?,
        }))
    }

    /// Appends the rules of an element; simple ones are counted.
    fn rules(
        &mut self,
        draft: &mut Draft<'d>,
        parent: Node<'d>,
        rules: &mut Vec<Rule>,
        count: &mut usize,
    ) -> Compiled<()> {
        for element in parent.children() {
            let simple = match element.name() {
                "SimpleRule" => true,
                "CompoundRule" => false,
                _ => continue,
            };
            let predicate = self.predicate_of(draft.scope, element)?;
            let at = rules.len();
            let number = (*count + 1).to_string();
            *count += usize::from(simple);
            rules.push(Rule {
                predicate,
                skip: 0,
                class: if simple {
                    self.class(&mut draft.classes, element.need("score")?)
                } else {
                    NONE
                },
                weight: element.number_or("weight", 1.0)?,
                confidence: element.number_or("confidence", 1.0)?,
                id: self.strings.intern(element.get("id").unwrap_or(&number)),
            });
            if !simple {
                self.descend(element, |compiler| compiler.rules(draft, element, rules, count))?;
            }
            rules[at].skip = rules.len() as u32;
        }
        Ok(())
    }
}
