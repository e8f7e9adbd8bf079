//! `AssociationModel`.

use std::collections::HashMap;

use serving_model::{ModelError, push_list_text};

use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::association::{
    Algorithm, Association, ItemSet, Items, Measure, Part, Ranking, Rule, RuleValue, Source as ItemSource,
};
use crate::models::output::Feature;
use crate::run::{Slot, Source};
use crate::treatment::Lists;
use crate::value::Type;

/// Attributes of a rule, in the order of [`Measure`].
const MEASURES: [(&str, Measure); 5] = [
    ("confidence", Measure::Confidence),
    ("support", Measure::Support),
    ("lift", Measure::Lift),
    ("leverage", Measure::Leverage),
    ("affinity", Measure::Affinity),
];

/// Most bytes that the texts of all item sets may take.
const MOST_TEXT: usize = 1 << 28;

/// How a field of flags spells 'true'.
const TRUTHS: [&str; 5] = ["true", "TRUE", "True", "T", "1"];

fn measure(name: &str) -> Option<Measure> {
    MEASURES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, measure)| *measure)
}

/// `rankBasis` and `rankOrder` of an output field.
fn ranking(field: Node<'_>) -> Compiled<(Measure, bool)> {
    let basis = field.get("rankBasis").unwrap_or("confidence");
    let by = measure(basis).ok_or_else(|| field.invalid(format!("unknown rankBasis '{basis}'")))?;
    match field.get("rankOrder").unwrap_or("descending") {
        "descending" => Ok((by, false)),
        "ascending" => Ok((by, true)),
        other => Err(field.invalid(format!("unknown rankOrder '{other}'"))),
    }
}

/// An `Item`.
struct Item<'d> {
    value: &'d str,
    field: Option<&'d str>,
    category: Option<&'d str>,
}

impl<'d> Item<'d> {
    /// The fields that the item may belong to, and its category of each: those that it names, and those whose name or
    /// `name=category` is its value.
    fn owners(&self) -> Vec<(&'d str, Option<&'d str>)> {
        // Names with more signs of equality are not looked for.
        const MOST: usize = 16;
        let value = self.value;
        let divided = value.match_indices('=').take(MOST);
        let mut owners: Vec<_> = divided
            .map(|(at, _)| (value[..at].trim_end(), Some(value[at + 1..].trim())))
            .collect();
        match self.field {
            Some(field) if self.category.is_some() => vec![(field, self.category)],
            Some(field) => {
                owners.retain(|(name, _)| *name == field);
                owners.push((field, None));
                owners
            }
            None => {
                owners.push((value, None));
                owners
            }
        }
    }
}

impl<'d> Compiler<'d> {
    pub(super) fn association_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Association>> {
        let node = draft.node;
        let mut items: Vec<Item<'d>> = Vec::new();
        let mut item_numbers: HashMap<&str, u32> = HashMap::new();
        for item in node.all("Item") {
            let id = item.need("id")?;
            if item_numbers.insert(id, items.len() as u32).is_some() {
                return Err(item.invalid(format!("two items have the id '{id}'")));
            }
            items.push(Item {
                value: item.need("value")?,
                field: item.get("field"),
                category: item.get("category"),
            });
        }
        let mut sets = Vec::new();
        let mut written = 0;
        let mut set_numbers: HashMap<&str, u32> = HashMap::new();
        let mut holders: Vec<(u32, u32)> = Vec::new();
        for set in node.all("Itemset") {
            let number = sets.len() as u32;
            let id = set.need("id")?;
            if set_numbers.insert(id, number).is_some() {
                return Err(set.invalid(format!("two item sets have the id '{id}'")));
            }
            let mut members: Vec<u32> = Vec::new();
            for reference in set.all("ItemRef") {
                let id = reference.need("itemRef")?;
                let item = *item_numbers
                    .get(id)
                    .ok_or_else(|| reference.invalid(format!("there is no item '{id}'")))?;
                members.push(item);
            }
            let (mut list, mut text) = (String::from("["), String::new());
            for (at, item) in members.iter().enumerate() {
                if at > 0 {
                    list.push(',');
                    text.push(',');
                }
                let value = items[*item as usize].value;
                push_list_text(&mut list, value);
                text.push_str(value);
                if written + list.len() + text.len() > MOST_TEXT {
                    return Err(ModelError::too_large(format!(
                        "the texts of the item sets take more than {MOST_TEXT} bytes"
                    ))
                    .at(set.place()));
                }
            }
            list.push(']');
            written += list.len() + text.len();
            members.sort_unstable();
            members.dedup();
            sets.push(ItemSet {
                size: members.len() as u32,
                list: self.strings.intern(&list),
                text: self.strings.intern(&text),
            });
            holders.extend(members.into_iter().map(|item| (item, number)));
        }
        holders.sort_unstable();
        let starts = (0..=items.len() as u32)
            .map(|item| holders.partition_point(|(known, _)| *known < item) as u32)
            .collect();
        let rules = self.association_rules(node, &set_numbers)?;
        let rankings = rankings(node, &rules)?;
        let (sources, shared) = self.item_sources(draft, &items)?;
        Ok(Some(Association {
            sources: sources.into(),
            shared: shared.into(),
            starts,
            holders: holders.into_iter().map(|(_, set)| set).collect(),
            sets: sets.into(),
            rules: rules.into(),
            rankings,
        }))
    }

    fn association_rules(&mut self, node: Node<'d>, sets: &HashMap<&str, u32>) -> Compiled<Vec<Rule>> {
        let set = |rule: Node<'d>, name: &str| {
            let id = rule.need(name)?;
            sets.get(id)
                .copied()
                .ok_or_else(|| rule.invalid(format!("there is no item set '{id}'")))
        };
        let mut rules = Vec::new();
        for rule in node.all("AssociationRule") {
            let mut measures = [f64::NAN; 5];
            for (name, measure) in MEASURES {
                measures[measure as usize] = rule.number_or(name, f64::NAN)?;
            }
            let number = (rules.len() + 1).to_string();
            rules.push(Rule {
                antecedent: set(rule, "antecedent")?,
                consequent: set(rule, "consequent")?,
                id: self.strings.intern(rule.get("id").unwrap_or(&number)),
                measures,
            });
        }
        Ok(rules)
    }

    /// The fields that bring items. With a field of usage type `group` each of the others is a list of a transaction's
    /// items; so is the only field of a model whose items are not fields or categories of them.
    fn item_sources(&mut self, draft: &mut Draft<'d>, items: &[Item<'d>]) -> Compiled<(Vec<ItemSource>, Vec<Items>)> {
        let schema = draft.node.need_child("MiningSchema")?;
        let (mut active, mut observed, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for field in schema.all("MiningField") {
            let name = field.need("name")?;
            match field.get("usageType").unwrap_or("active") {
                "active" => active.push((name, field)),
                "predicted" | "target" => observed.push((name, field)),
                "group" => groups.push(name),
                _ => {}
            }
        }
        // Documents before version 4.1 call the items predicted.
        if active.is_empty() {
            draft.target = None;
            for (name, field) in &observed {
                let Some(data) = self.fields.get(name).cloned() else {
                    return Err(field.invalid(format!("field '{name}' is not in the DataDictionary")));
                };
                let (treatment, _) = self.mining_treatment(*field, data.kind, Some(&data))?;
                let slot = self.input(name, data.kind, treatment, Box::default(), true);
                self.define(draft.scope, name, slot);
            }
            active = observed;
        }
        // Whoever scores has grouped the records already.
        let outermost = self.models.len() == 1;
        for input in &mut self.inputs {
            input.active &= !(outermost && groups.contains(&input.name.as_str()));
        }
        let grouped = !groups.is_empty();
        let mut owned: HashMap<&str, Vec<(u32, Option<&str>)>> = HashMap::new();
        for (number, item) in items.iter().enumerate() {
            for (name, category) in item.owners() {
                owned.entry(name).or_default().push((number as u32, category));
            }
        }
        let mut sources: Vec<ItemSource> = Vec::new();
        let mut shared: Vec<Items> = Vec::new();
        let mut kinds: Vec<Type> = Vec::new();
        for (name, field) in &active {
            let slot = self.resolve(draft.scope, name, *field)?;
            let kind = self.slots[slot as usize].kind;
            let list = grouped || (active.len() == 1 && !owned.contains_key(name));
            if list {
                self.make_list(slot, if grouped { Lists::Only } else { Lists::OrOne });
            }
            let mut own = Vec::new();
            for (number, category) in owned.get(name).into_iter().flatten() {
                let item = &items[*number as usize];
                match category {
                    // In a list the value itself is written.
                    Some(_) if list && item.field.is_none() => {}
                    Some(category) => self.stands_for(kind, category, *number, &mut own),
                    None if list => self.stands_for(kind, item.value, *number, &mut own),
                    None => {
                        for truth in TRUTHS.iter().chain([&item.value]) {
                            self.stands_for(kind, truth, *number, &mut own);
                        }
                    }
                }
            }
            let known = kinds.iter().position(|known| *known == kind);
            if known.is_none() {
                let mut values = Vec::new();
                for (number, item) in items.iter().enumerate().filter(|(_, item)| item.field.is_none()) {
                    self.stands_for(kind, item.value, number as u32, &mut values);
                }
                kinds.push(kind);
                shared.push(sorted(values));
            }
            sources.push(ItemSource {
                slot,
                kind,
                required: grouped,
                own: sorted(own),
                shared: known.unwrap_or(kinds.len() - 1),
            });
        }
        Ok((sources, shared))
    }

    /// Notes that a text as a value of a type stands for an item, if it is such a value.
    fn stands_for(&mut self, kind: Type, text: &str, item: u32, items: &mut Vec<((u8, u64), u32)>) {
        if let Some(value) = self.literal(kind, text) {
            items.push((value.key(), item));
        }
    }

    /// Makes the field of the record behind a slot one of lists.
    fn make_list(&mut self, slot: Slot, lists: Lists) {
        let slot = self.of_record(slot);
        if let Source::Input { treatment, .. } = &mut self.slots[slot as usize].source {
            treatment.lists = lists;
            treatment.plain = false;
        }
    }
}

/// An output field about rules; `None` when it is about something else.
pub(super) fn rule_feature(node: Node<'_>) -> Compiled<Option<Feature>> {
    let name = match node.get("feature").unwrap_or("predictedValue") {
        // As documents of versions 4.0 and 4.1 say it.
        "ruleValue" => node.get("ruleFeature").unwrap_or("consequent"),
        name => name,
    };
    let part = match name {
        "antecedent" => Part::Antecedent,
        "consequent" => Part::Consequent,
        "rule" => Part::Rule,
        "ruleId" | "entityId" => Part::Id,
        name => match measure(name) {
            Some(measure) => Part::Measure(measure),
            None => return Ok(None),
        },
    };
    let algorithm = match node.get("algorithm").unwrap_or("exclusiveRecommendation") {
        "recommendation" => Algorithm::Recommendation,
        "exclusiveRecommendation" => Algorithm::ExclusiveRecommendation,
        "ruleAssociation" => Algorithm::RuleAssociation,
        other => return Err(node.invalid(format!("unknown algorithm '{other}'"))),
    };
    let (by, ascending) = ranking(node)?;
    Ok(Some(Feature::Rule(RuleValue {
        part,
        algorithm,
        by,
        ascending,
        rank: node.number_or("rank", 1.0)?.clamp(0.0, 1e9) as usize,
        multiple: node.flag("isMultiValued", false)?,
    })))
}

fn sorted(mut items: Vec<((u8, u64), u32)>) -> Items {
    items.sort_unstable();
    items.dedup();
    items.into()
}

/// The orders of the rules that outputs ask for. Rules with the same number stay in the order of the document, those without
/// count as the smallest.
fn rankings(model: Node<'_>, rules: &[Rule]) -> Compiled<Box<[Ranking]>> {
    let mut wanted = vec![(Measure::Confidence, false)];
    for field in model
        .child("Output")
        .into_iter()
        .flat_map(|output| output.all("OutputField"))
    {
        let ranking = ranking(field)?;
        if !wanted.contains(&ranking) {
            wanted.push(ranking);
        }
    }
    let number = |rule: &u32, by: Measure| match rules[*rule as usize].measures[by as usize] {
        number if number.is_nan() => f64::NEG_INFINITY,
        // Both zeros are the same number.
        number => number + 0.0,
    };
    Ok(wanted
        .into_iter()
        .map(|(by, ascending)| {
            let mut order: Vec<u32> = (0..rules.len() as u32).collect();
            order.sort_by(|a, b| {
                let rising = number(a, by).total_cmp(&number(b, by));
                if ascending { rising } else { rising.reverse() }
            });
            Ranking {
                by,
                ascending,
                rules: order.into(),
            }
        })
        .collect())
}
