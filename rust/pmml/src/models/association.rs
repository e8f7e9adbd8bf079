//! `AssociationModel`: which rules the items of a record fire. Rules are found by counting: an item set is in the record when as
//! many of its items are as it has.

use std::fmt::Write as _;

use serving_model::{ListItem, ListItems, push_list_text};

use crate::run::{Cause, Fault, Run, Scored, Slot};
use crate::value::{Type, Value, parse};

/// A number of a rule, by which rules are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Confidence,
    Support,
    Lift,
    Leverage,
    Affinity,
}

/// `algorithm` of an output field: which rules are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// The antecedent is in the record.
    Recommendation,
    /// The antecedent is in the record, the consequent is not.
    ExclusiveRecommendation,
    /// Antecedent and consequent are in the record.
    RuleAssociation,
}

/// `ruleFeature` of an output field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Antecedent,
    Consequent,
    Rule,
    Id,
    Measure(Measure),
}

/// What an output field says about the rules of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleValue {
    pub(crate) part: Part,
    pub(crate) algorithm: Algorithm,
    pub(crate) by: Measure,
    pub(crate) ascending: bool,
    /// Which rule, from 1. For several values: how many, 0 for all.
    pub(crate) rank: usize,
    pub(crate) multiple: bool,
}

impl RuleValue {
    /// Whether the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.multiple || matches!(self.part, Part::Antecedent | Part::Consequent)
    }
}

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

/// Puts the items that a value stands for into the basket.
fn put(items: &Items, value: Value, basket: &mut [bool]) {
    let key = value.key();
    let start = items.partition_point(|(known, _)| *known < key);
    for (_, item) in items[start..].iter().take_while(|(known, _)| *known == key) {
        basket[*item as usize] = true;
    }
}

/// An item set.
#[derive(Debug)]
pub(crate) struct ItemSet {
    pub(crate) size: u32,
    /// The items as a list, as a code.
    pub(crate) list: u32,
    /// The items between commas, as a code.
    pub(crate) text: u32,
}

/// A rule. Numbers that the document does not give are NaN.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) antecedent: u32,
    pub(crate) consequent: u32,
    /// Identifier, as a code.
    pub(crate) id: u32,
    pub(crate) measures: [f64; 5],
}

/// All rules, the best by some measure first.
#[derive(Debug)]
pub(crate) struct Ranking {
    pub(crate) by: Measure,
    pub(crate) ascending: bool,
    pub(crate) rules: Box<[u32]>,
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
    pub(crate) sets: Box<[ItemSet]>,
    pub(crate) rules: Box<[Rule]>,
    /// The first is by confidence, from the largest.
    pub(crate) rankings: Box<[Ranking]>,
}

impl Association {
    pub(crate) fn heap_bytes(&self) -> usize {
        let owned = self.sources.iter().map(|source| &source.own);
        let entries: usize = owned.chain(&self.shared).map(|items| items.len()).sum();
        size_of::<Self>()
            + self.sources.len() * size_of::<Source>()
            + entries * size_of::<((u8, u64), u32)>()
            + 4 * (self.starts.len() + self.holders.len())
            + self.sets.len() * size_of::<ItemSet>()
            + self.rules.len() * size_of::<Rule>()
            + self
                .rankings
                .iter()
                .map(|ranking| size_of::<Ranking>() + 4 * ranking.rules.len())
                .sum::<usize>()
    }

    fn ranking(&self, by: Measure, ascending: bool) -> &[u32] {
        self.rankings
            .iter()
            .find(|ranking| ranking.by == by && ranking.ascending == ascending)
            .map_or(&[], |ranking| &ranking.rules)
    }
}

/// What a record has of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fired {
    Nothing,
    Antecedent,
    Both,
}

impl Algorithm {
    fn takes(self, fired: Fired) -> bool {
        match self {
            Self::Recommendation => fired != Fired::Nothing,
            Self::ExclusiveRecommendation => fired == Fired::Antecedent,
            Self::RuleAssociation => fired == Fired::Both,
        }
    }
}

/// Scratch space of an association model.
#[derive(Debug, Default)]
pub(crate) struct Basket {
    items: Vec<bool>,
    /// How many items of each set are in the record.
    counts: Vec<u32>,
    fired: Vec<Fired>,
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
        basket.counts.resize(association.sets.len(), 0);
        for (item, present) in basket.items.iter().enumerate() {
            if *present {
                let holders = association.starts[item] as usize..association.starts[item + 1] as usize;
                for set in &association.holders[holders] {
                    basket.counts[*set as usize] += 1;
                }
            }
        }
        let counts = &basket.counts;
        let within = |set: u32| counts[set as usize] == association.sets[set as usize].size;
        basket.fired.clear();
        basket.fired.extend(association.rules.iter().map(|rule| {
            match (within(rule.antecedent), within(rule.consequent)) {
                (false, _) => Fired::Nothing,
                (true, false) => Fired::Antecedent,
                (true, true) => Fired::Both,
            }
        }));
        // The answer is that of an output field with no attributes: the consequent of the best exclusive recommendation.
        let best = association.rankings[0]
            .rules
            .iter()
            .find(|rule| Algorithm::ExclusiveRecommendation.takes(basket.fired[**rule as usize]));
        let outcome = &mut self.scratch.outcomes[index];
        if let Some(rule) = best {
            let rule = &association.rules[*rule as usize];
            outcome.value = Value::Text(association.sets[rule.consequent as usize].list);
            outcome.raw = outcome.value;
            outcome.entity = Value::Text(rule.id);
        }
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
                if let Ok(items) = ListItems::new(text) {
                    for item in items {
                        let read = |text: &str| match source.kind {
                            // An item that the model does not know has no code.
                            Type::String => known.code(text).map(Value::Text),
                            kind => parse(kind, text),
                        };
                        let value = match item.map_err(|_| fault(Cause::Type))? {
                            ListItem::Missing => None,
                            ListItem::Text(text) => read(&text),
                            ListItem::Number(text) => read(text),
                            ListItem::Boolean(truth) => read(if truth { "true" } else { "false" }),
                        };
                        if let Some(value) = value {
                            put(&source.own, value, basket);
                            put(shared, value, basket);
                        }
                    }
                    return Ok(());
                }
            }
            _ => {}
        }
        put(&source.own, value, basket);
        put(shared, value, basket);
        Ok(())
    }

    /// The value of an output field about rules.
    pub(crate) fn rule_value(&mut self, association: &Association, wanted: &RuleValue) -> Scored<Value> {
        const LONGEST: usize = 1 << 24;
        let program = self.program;
        let mut text = std::mem::take(&mut self.scratch.text);
        text.clear();
        let whole = &mut self.scratch.list;
        let fired = &self.scratch.basket.fired;
        let mut rules = association
            .ranking(wanted.by, wanted.ascending)
            .iter()
            .filter(|rule| wanted.algorithm.takes(fired[**rule as usize]))
            .map(|rule| &association.rules[*rule as usize]);
        let value = if wanted.multiple {
            let most = if wanted.rank == 0 { usize::MAX } else { wanted.rank };
            text.push('[');
            for rule in rules.take(most) {
                if text.len() > 1 {
                    text.push(',');
                }
                let known = |code| program.strings.get(code).unwrap_or_default();
                match wanted.part {
                    Part::Antecedent => text.push_str(known(association.sets[rule.antecedent as usize].list)),
                    Part::Consequent => text.push_str(known(association.sets[rule.consequent as usize].list)),
                    Part::Id => push_list_text(&mut text, known(rule.id)),
                    Part::Rule => {
                        whole.clear();
                        association.write_rule(rule, known, whole);
                        push_list_text(&mut text, whole);
                    }
                    Part::Measure(measure) if rule.measures[measure as usize].is_nan() => text.push_str("null"),
                    Part::Measure(measure) => {
                        // Writing into a String can't fail.
                        let _ = write!(text, "{:?}", rule.measures[measure as usize]);
                    }
                }
                if text.len() > LONGEST {
                    self.scratch.text = text;
                    return Err(Fault::undefined());
                }
            }
            text.push(']');
            Value::Text(self.scratch.strings.code(&program.strings, &text))
        } else {
            match (rules.nth(wanted.rank.saturating_sub(1)), wanted.part) {
                (None, _) => Value::Missing,
                (Some(rule), Part::Antecedent) => Value::Text(association.sets[rule.antecedent as usize].list),
                (Some(rule), Part::Consequent) => Value::Text(association.sets[rule.consequent as usize].list),
                (Some(rule), Part::Id) => Value::Text(rule.id),
                (Some(rule), Part::Rule) => {
                    let known = |code| program.strings.get(code).unwrap_or_default();
                    association.write_rule(rule, known, &mut text);
                    Value::Text(self.scratch.strings.code(&program.strings, &text))
                }
                (Some(rule), Part::Measure(measure)) => match rule.measures[measure as usize] {
                    number if number.is_nan() => Value::Missing,
                    number => Value::Double(number),
                },
            }
        };
        self.scratch.text = text;
        Ok(value)
    }
}

impl Association {
    /// A rule as JPMML spells it: `{Water}->{Pear,Banana}`.
    fn write_rule<'a>(&self, rule: &Rule, known: impl Fn(u32) -> &'a str, out: &mut String) {
        out.push('{');
        out.push_str(known(self.sets[rule.antecedent as usize].text));
        out.push_str("}->{");
        out.push_str(known(self.sets[rule.consequent as usize].text));
        out.push('}');
    }
}
