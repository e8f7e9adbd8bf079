//! `AssociationModel`.

use std::collections::HashMap;

use serving_model::{ModelError, push_list_text};

use super::model::Draft;
use super::rules::rankings;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::association::{Association, Items, Source as ItemSource};
use crate::models::rules::{Rule, RuleBook, Side};
use crate::order::Order;
use crate::run::{Slot, Source};
use crate::treatment::Lists;
use crate::value::Type;

/// Most bytes that the texts of all item sets may take.
const MOST_TEXT: usize = 1 << 28;

/// How a field of flags spells 'true'.
const TRUTHS: [&str; 5] = ["true", "TRUE", "True", "T", "1"];

/// Item sets by identifier, and which items they have.
#[derive(Default)]
pub(super) struct ItemSets<'d> {
    pub(super) numbers: HashMap<&'d str, u32>,
    pub(super) sides: Vec<Side>,
    pub(super) sizes: Vec<u32>,
    /// Items and the sets that have them.
    pub(super) holders: Vec<(u32, u32)>,
}

impl ItemSets<'_> {
    /// Where the sets of each item begin among the holders, once these are sorted.
    pub(super) fn starts(&self, items: usize) -> Box<[u32]> {
        (0..=items as u32)
            .map(|item| self.holders.partition_point(|(known, _)| *known < item) as u32)
            .collect()
    }
}

/// Refuses sets and sequences whose texts are too long together: they repeat those of their items.
pub(super) fn bounded(node: Node<'_>, bytes: usize) -> Compiled<()> {
    if bytes > MOST_TEXT {
        let message = format!("the texts of the item sets take more than {MOST_TEXT} bytes");
        return Err(ModelError::too_large(message).at(node.place()));
    }
    Ok(())
}

/// The `Item` elements of a model, and their numbers by identifier.
pub(super) fn items<'d>(node: Node<'d>) -> Compiled<(Vec<Item<'d>>, HashMap<&'d str, u32>)> {
    let mut items: Vec<Item<'d>> = Vec::new();
    let mut numbers = HashMap::new();
    for item in node.all("Item") {
        let id = item.need("id")?;
        if numbers.insert(id, items.len() as u32).is_some() {
            return Err(item.invalid(format!("two items have the id '{id}'")));
        }
        items.push(Item {
            value: item.need("value")?,
            field: item.get("field"),
            category: item.get("category"),
        });
    }
    Ok((items, numbers))
}

/// An `Item`.
pub(super) struct Item<'d> {
    pub(super) value: &'d str,
    pub(super) field: Option<&'d str>,
    pub(super) category: Option<&'d str>,
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
        let (items, item_numbers) = items(node)?;
        let mut sets = self.item_sets(node, &items, &item_numbers)?;
        sets.holders.sort_unstable();
        let rules = self.association_rules(node, &sets.numbers)?;
        let rankings = rankings(node, &rules)?;
        let (sources, shared) = self.item_sources(draft, &items)?;
        Ok(Some(Association {
            sources: sources.into(),
            shared: shared.into(),
            starts: sets.starts(items.len()),
            holders: sets.holders.into_iter().map(|(_, set)| set).collect(),
            sizes: sets.sizes.into(),
            book: RuleBook {
                sides: sets.sides.into(),
                rules: rules.into(),
                rankings,
            },
        }))
    }

    /// The `Itemset` elements of a model.
    pub(super) fn item_sets(
        &mut self,
        node: Node<'d>,
        items: &[Item<'d>],
        item_numbers: &HashMap<&str, u32>,
    ) -> Compiled<ItemSets<'d>> {
        let mut sets = ItemSets::default();
        let mut written = 0;
        for set in node.all("Itemset") {
            let number = sets.sides.len() as u32;
            let id = set.need("id")?;
            if sets.numbers.insert(id, number).is_some() {
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
                bounded(set, written + list.len() + text.len())?;
            }
            list.push(']');
            written += list.len() + text.len();
            members.sort_unstable();
            members.dedup();
            sets.sizes.push(members.len() as u32);
            sets.sides.push(Side {
                list: self.strings.intern(&list),
                text: self.strings.intern(&text),
            });
            sets.holders.extend(members.into_iter().map(|item| (item, number)));
        }
        Ok(sets)
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
            let sides = (set(rule, "antecedent")?, set(rule, "consequent")?);
            rules.push(self.rule(rule, rules.len() + 1, sides)?);
        }
        Ok(rules)
    }

    /// The active fields of a model of items, and whether these are those of a group. The group field itself is no input:
    /// whoever scores has grouped the records already.
    #[allow(clippy::type_complexity, reason = "fields with their names")]
    pub(super) fn item_fields(&mut self, draft: &mut Draft<'d>) -> Compiled<(Vec<(&'d str, Node<'d>)>, bool)> {
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
                let slot = self.input(name, data.kind, treatment, Order::default(), true);
                self.define(draft.scope, name, slot);
            }
            active = observed;
        }
        let outermost = self.models.len() == 1;
        for input in &mut self.inputs {
            input.active &= !(outermost && groups.contains(&input.name.as_str()));
        }
        Ok((active, !groups.is_empty()))
    }

    /// The fields that bring items. With a field of usage type `group` each of the others is a list of a transaction's
    /// items; so is the only field of a model whose items are not fields or categories of them.
    fn item_sources(&mut self, draft: &mut Draft<'d>, items: &[Item<'d>]) -> Compiled<(Vec<ItemSource>, Vec<Items>)> {
        let (active, grouped) = self.item_fields(draft)?;
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
    pub(super) fn stands_for(&mut self, kind: Type, text: &str, item: u32, items: &mut Vec<((u8, u64), u32)>) {
        if let Some(value) = self.literal(kind, text) {
            items.push((value.key(), item));
        }
    }

    /// Makes the field of the record behind a slot one of lists.
    pub(super) fn make_list(&mut self, slot: Slot, lists: Lists) {
        let slot = self.of_record(slot);
        if let Source::Input { treatment, .. } = &mut self.slots[slot as usize].source {
            treatment.lists = lists;
            treatment.plain = false;
        }
    }
}

pub(super) fn sorted(mut items: Vec<((u8, u64), u32)>) -> Items {
    items.sort_unstable();
    items.dedup();
    items.into()
}
