//! `AssociationModel`: which rules the items of a record fire. Rules are found by counting: an item set is in the record when as
//! many of its items are as it has.

use serving_model::{ListItem, ListItems};

use super::rules::{Fired, RuleBook};

use crate::run::{Cause, Fault, Run, Scored, Slot};
use crate::steps::Steps;
use crate::strings::Strings;
use crate::value::{Type, Value, parse};

/// A field that brings items.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) slot: Slot,
    pub(crate) kind: Type,
    /// A record without it is refused.
    pub(crate) required: bool,
    /// Items of this field alone, by the values that stand for them.
    pub(crate) own: Items,
    /// Index of the items that any field of this type may bring.
    pub(crate) shared: usize,
}

/// Items by the keys of the values that stand for them; sorted.
pub(crate) type Items = Box<[((u8, u64), u32)]>;

/// An element of a list as a value of a type; `None` when it is not one, or no text that the model knows.
pub(crate) fn read_item(item: &ListItem<'_>, kind: Type, known: &Strings) -> Option<Value> {
    let read = |text: &str| match kind {
        Type::String => known.code(text).map(Value::Text),
        kind => parse(kind, text),
    };
    match item {
        ListItem::Missing => None,
        ListItem::Text(text) => read(text),
        ListItem::Number(text) => read(text),
        ListItem::Boolean(truth) => read(if *truth { "true" } else { "false" }),
    }
}

/// The items that a value stands for.
pub(crate) fn meant(items: &Items, value: Value) -> impl Iterator<Item = u32> {
    let key = value.key();
    let start = items.partition_point(|(known, _)| *known < key);
    items[start..]
        .iter()
        .take_while(move |(known, _)| *known == key)
        .map(|(_, item)| *item)
}

/// Puts the items that a value stands for into the basket.
fn put(items: &Items, value: Value, basket: &mut [bool], steps: &mut Steps) -> Scored<()> {
    let mut count = 0;
    for item in meant(items, value) {
        basket[item as usize] = true;
        count += 1;
    }
    steps.take(count)
}

/// A compiled `AssociationModel`.
#[derive(Debug)]
pub(crate) struct Association {
    pub(crate) sources: Box<[Source]>,
    /// Items that belong to no field, for each type that fields have.
    pub(crate) shared: Box<[Items]>,
    /// The item sets with item `i` are `holders[starts[i]..starts[i + 1]]`.
    pub(crate) starts: Box<[u32]>,
    pub(crate) holders: Box<[u32]>,
    /// How many items each set has.
    pub(crate) sizes: Box<[u32]>,
    pub(crate) book: RuleBook,
}

impl Association {
    pub(crate) fn heap_bytes(&self) -> usize {
        let owned = self.sources.iter().map(|source| &source.own);
        let entries: usize = owned.chain(&self.shared).map(|items| items.len()).sum();
        size_of::<Self>()
            + self.sources.len() * size_of::<Source>()
            + entries * size_of::<((u8, u64), u32)>()
            + 4 * (self.starts.len() + self.holders.len() + self.sizes.len())
            + self.book.heap_bytes()
    }
}

/// Scratch space of an association model.
#[derive(Debug, Default)]
pub(crate) struct Basket {
    items: Vec<bool>,
    /// How many items of each set are in the record.
    counts: Vec<u32>,
    pub(crate) fired: Vec<Fired>,
}

impl Run<'_> {
    pub(crate) fn association(&mut self, index: usize, association: &Association) -> Scored<bool> {
        let basket = &mut self.scratch.basket;
        basket.items.clear();
        basket.items.resize(association.starts.len().saturating_sub(1), false);
        for source in &association.sources {
            self.collect(source, &association.shared[source.shared])?;
        }
        let basket = &mut self.scratch.basket;
        basket.counts.clear();
        basket.counts.resize(association.sizes.len(), 0);
        for (item, present) in basket.items.iter().enumerate() {
            if *present {
                let holders = association.starts[item] as usize..association.starts[item + 1] as usize;
                for set in &association.holders[holders] {
                    basket.counts[*set as usize] += 1;
                }
            }
        }
        let counts = &basket.counts;
        let within = |set: u32| counts[set as usize] == association.sizes[set as usize];
        basket.fired.clear();
        basket.fired.extend(association.book.rules.iter().map(|rule| {
            match (within(rule.antecedent), within(rule.consequent)) {
                (false, _) => Fired::Nothing,
                (true, false) => Fired::Antecedent,
                (true, true) => Fired::Both,
            }
        }));
        self.recommend(index, &association.book);
        Ok(true)
    }

    /// Puts the items that a field brings into the basket.
    fn collect(&mut self, source: &Source, shared: &Items) -> Scored<()> {
        let fault = |cause| Fault {
            cause,
            slot: source.slot,
        };
        let value = self.value(source.slot)?;
        let scratch = &mut *self.scratch;
        let known = &self.program.strings;
        let basket = &mut scratch.basket.items;
        match value {
            Value::Missing if source.required => return Err(fault(Cause::Missing)),
            Value::Missing => return Ok(()),
            Value::Text(code) => {
                let text = scratch.strings.get(known, code);
                scratch.steps.take(text.len())?;
                if let Ok(items) = ListItems::new(text) {
                    for item in items {
                        let value = read_item(&item.map_err(|_| fault(Cause::Type))?, source.kind, known);
                        if let Some(value) = value {
                            put(&source.own, value, basket, &mut scratch.steps)?;
                            put(shared, value, basket, &mut scratch.steps)?;
                        }
                    }
                    return Ok(());
                }
            }
            _ => {}
        }
        put(&source.own, value, basket, &mut scratch.steps)?;
        put(shared, value, basket, &mut scratch.steps)
    }
}
