//! `SequenceModel`.

use std::collections::{HashMap, HashSet};

use serving_model::push_list_text;

use super::association::{ItemSets, bounded, items, sorted};
use super::model::Draft;
use super::rules::rankings;
use super::{Compiled, Compiler, array};
use crate::document::Node;
use crate::models::association::{Items, Source as ItemSource};
use crate::models::rules::{Rule, RuleBook, Side};
use crate::models::sequence::{Gap, Sequences, Step};
use crate::run::Slot;
use crate::treatment::Lists;
use crate::value::Type;

/// What the constraints say about time.
#[derive(Clone, Copy)]
struct Times {
    sets: (f64, f64),
    sides: (f64, f64),
    shortest: f64,
    longest: f64,
}

impl Times {
    /// The constraints of a model.
    fn of(node: Node<'_>) -> Compiled<Self> {
        let Some(constraints) = node.child("Constraints") else {
            return Ok(Self {
                sets: (0.0, f64::INFINITY),
                sides: (0.0, f64::INFINITY),
                shortest: 0.0,
                longest: f64::INFINITY,
            });
        };
        let bound = |name: &str, default| constraints.number_or(name, default);
        Ok(Self {
            sets: (
                bound("minimumItemsetSeparationTime", 0.0)?,
                bound("maximumItemsetSeparationTime", f64::INFINITY)?,
            ),
            sides: (
                bound("minimumAntConsSeparationTime", 0.0)?,
                bound("maximumAntConsSeparationTime", f64::INFINITY)?,
            ),
            shortest: bound("minimumTotalSequenceTime", 0.0)?,
            longest: bound("maximumTotalSequenceTime", f64::INFINITY)?,
        })
    }

    fn gap(bounds: (f64, f64), delimiter: Option<Node<'_>>) -> Compiled<Gap> {
        let get = |name| delimiter.and_then(|delimiter| delimiter.get(name));
        let same = match (get("delimiter").unwrap_or("acrossTimeWindows"), delimiter) {
            ("sameTimeWindow", _) => true,
            ("acrossTimeWindows", _) | (_, None) => false,
            (other, Some(delimiter)) => return Err(delimiter.invalid(format!("unknown delimiter '{other}'"))),
        };
        let adjacent = match (get("gap").unwrap_or("unknown"), delimiter) {
            ("false", _) => true,
            ("true" | "unknown", _) | (_, None) => false,
            (other, Some(delimiter)) => return Err(delimiter.invalid(format!("unknown gap '{other}'"))),
        };
        Ok(Gap {
            same,
            adjacent,
            least: bounds.0,
            most: bounds.1,
        })
    }
}

/// Sequences by identifier, and their steps one after the other.
#[derive(Default)]
struct Patterns<'d> {
    numbers: HashMap<&'d str, u32>,
    sides: Vec<Side>,
    bounds: Vec<u32>,
    steps: Vec<Step>,
}

impl<'d> Compiler<'d> {
    pub(super) fn sequence_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Sequences>> {
        let node = draft.node;
        let (items, item_numbers) = items(node)?;
        let mut sets = self.item_sets(node, &items, &item_numbers)?;
        let predicates = self.set_predicates(node, &mut sets, items.len() as u32)?;
        let count = items.len() + predicates.len();
        let times = Times::of(node)?;
        let patterns = self.patterns(node, &sets, times.sets)?;
        let (mut rules, mut gaps) = (Vec::new(), Vec::new());
        for rule in node.all("SequenceRule") {
            let (compiled, gap) = self.sequence_rule(rule, rules.len() + 1, &patterns, times.sides)?;
            rules.push(compiled);
            gaps.push(gap);
        }
        let rankings = rankings(node, &rules)?;
        let (active, groups) = self.item_fields(draft)?;
        let mut sources: Vec<ItemSource> = Vec::new();
        let mut shared: Vec<Items> = Vec::new();
        let mut kinds: Vec<Type> = Vec::new();
        let mut names: Vec<(&str, Node<'d>)> = active;
        let mut seen: HashSet<&str> = names.iter().map(|(name, _)| *name).collect();
        // Values that stand for an item in one field only.
        let mut owned: HashMap<&str, Vec<(&str, u32)>> = HashMap::new();
        for (number, item) in items.iter().enumerate() {
            if let Some(field) = item.field {
                let value = item.category.unwrap_or(item.value);
                owned.entry(field).or_default().push((value, number as u32));
            }
        }
        for (field, at, text, number) in &predicates {
            if seen.insert(field) {
                names.push((field, *at));
            }
            owned.entry(field).or_default().push((text, *number));
        }
        for (name, field) in &names {
            let slot = self.resolve(draft.scope, name, *field)?;
            let kind = self.slots[slot as usize].kind;
            self.make_list(slot, if groups { Lists::Only } else { Lists::OrOne });
            let mut own = Vec::new();
            for (text, number) in owned.get(name).into_iter().flatten() {
                self.stands_for(kind, text, *number, &mut own);
            }
            let known = kinds.iter().position(|known| *known == kind);
            if known.is_none() {
                let mut values = Vec::new();
                for (number, item) in items.iter().enumerate().filter(|(_, item)| item.field.is_none()) {
                    self.stands_for(kind, item.category.unwrap_or(item.value), number as u32, &mut values);
                }
                kinds.push(kind);
                shared.push(sorted(values));
            }
            sources.push(ItemSource {
                slot,
                kind,
                required: groups,
                own: sorted(own),
                shared: known.unwrap_or(kinds.len() - 1),
            });
        }
        sets.holders.sort_unstable();
        Ok(Some(Sequences {
            sources: sources.into(),
            shared: shared.into(),
            order: self.order_field(draft)?,
            starts: sets.starts(count),
            holders: sets.holders.into_iter().map(|(_, set)| set).collect(),
            sizes: sets.sizes.into(),
            bounds: patterns.bounds.into(),
            steps: patterns.steps.into(),
            gaps: gaps.into(),
            shortest: times.shortest,
            longest: times.longest,
            book: RuleBook {
                sides: patterns.sides.into(),
                rules: rules.into(),
                rankings,
            },
        }))
    }

    /// Adds a set of new items for each `SetPredicate`: the values that its field must have. Returns field, place, value and number of
    /// each of these items.
    #[allow(clippy::type_complexity, reason = "it is the list that is described")]
    fn set_predicates(
        &mut self,
        node: Node<'d>,
        sets: &mut ItemSets<'d>,
        mut number: u32,
    ) -> Compiled<Vec<(&'d str, Node<'d>, String, u32)>> {
        let mut items = Vec::new();
        for predicate in node.all("SetPredicate") {
            if let Some(other) = predicate.get("operator").filter(|operator| *operator != "supersetOf") {
                return Err(predicate.invalid(format!("unknown operator '{other}'")));
            }
            let set = sets.sides.len() as u32;
            let id = predicate.need("id")?;
            if sets.numbers.insert(id, set).is_some() {
                return Err(predicate.invalid(format!("two sets have the id '{id}'")));
            }
            let field = predicate.need("field")?;
            let mut values = array(predicate.need_child("Array")?)?;
            let (mut list, mut text) = (String::from("["), String::new());
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    list.push(',');
                    text.push(',');
                }
                push_list_text(&mut list, value);
                text.push_str(value);
            }
            list.push(']');
            values.sort_unstable();
            values.dedup();
            sets.sizes.push(values.len() as u32);
            sets.sides.push(Side {
                list: self.strings.intern(&list),
                text: self.strings.intern(&text),
            });
            for value in values {
                sets.holders.push((number, set));
                items.push((field, predicate, value, number));
                number += 1;
            }
        }
        Ok(items)
    }

    fn patterns(&mut self, node: Node<'d>, sets: &ItemSets<'d>, between: (f64, f64)) -> Compiled<Patterns<'d>> {
        let mut patterns = Patterns::default();
        patterns.bounds.push(0);
        let mut written = 0;
        for sequence in node.all("Sequence") {
            let id = sequence.need("id")?;
            if patterns.numbers.insert(id, patterns.sides.len() as u32).is_some() {
                return Err(sequence.invalid(format!("two sequences have the id '{id}'")));
            }
            let start = patterns.steps.len();
            let (mut list, mut text) = (String::from("["), String::new());
            let mut delimiter = None;
            for child in sequence.children() {
                match child.name() {
                    "Delimiter" => delimiter = Some(child),
                    "SetReference" => {
                        let id = child.need("setId")?;
                        let set = *sets
                            .numbers
                            .get(id)
                            .ok_or_else(|| child.invalid(format!("there is no set '{id}'")))?;
                        if patterns.steps.len() > start {
                            list.push(',');
                            text.push_str("},{");
                        }
                        let side = &sets.sides[set as usize];
                        list.push_str(self.strings.get(side.list).unwrap_or_default());
                        text.push_str(self.strings.get(side.text).unwrap_or_default());
                        bounded(sequence, written + list.len() + text.len())?;
                        let gap = Times::gap(between, delimiter.take())?;
                        patterns.steps.push(Step { set, gap });
                    }
                    _ => {}
                }
            }
            if patterns.steps.len() == start {
                return Err(sequence.invalid("element SetReference is missing"));
            }
            list.push(']');
            written += list.len() + text.len();
            patterns.bounds.push(patterns.steps.len() as u32);
            patterns.sides.push(Side {
                list: self.strings.intern(&list),
                text: self.strings.intern(&text),
            });
        }
        Ok(patterns)
    }

    fn sequence_rule(
        &mut self,
        rule: Node<'d>,
        number: usize,
        patterns: &Patterns<'d>,
        between: (f64, f64),
    ) -> Compiled<(Rule, Gap)> {
        let side = |name: &str| -> Compiled<u32> {
            let reference = rule.need_child(name)?.need_child("SequenceReference")?;
            let id = reference.need("seqId")?;
            let found = patterns.numbers.get(id).copied();
            found.ok_or_else(|| reference.invalid(format!("there is no sequence '{id}'")))
        };
        let sides = (side("AntecedentSequence")?, side("ConsequentSequence")?);
        let gap = Times::gap(between, rule.child("Delimiter"))?;
        Ok((self.rule(rule, number, sides)?, gap))
    }

    /// The field with the times of the transactions, a list as well.
    fn order_field(&mut self, draft: &Draft<'d>) -> Compiled<Option<Slot>> {
        let schema = draft.node.need_child("MiningSchema")?;
        let Some(field) = schema
            .all("MiningField")
            .find(|field| field.get("usageType") == Some("order"))
        else {
            return Ok(None);
        };
        let slot = self.resolve(draft.scope, field.need("name")?, field)?;
        let origin = self.of_record(slot);
        if self.slots[origin as usize].kind == Type::String {
            self.unsupported(field, "an order of texts");
        }
        self.make_list(slot, Lists::Series);
        Ok(Some(origin))
    }
}
