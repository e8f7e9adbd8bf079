//! Rules of associations and sequences: what output fields say about those that a record fires.

use std::fmt::Write as _;

use serving_model::push_list_text;

use crate::run::{Run, Scored};
use crate::value::Value;

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

/// What an antecedent or a consequent is called.
#[derive(Debug)]
pub(crate) struct Side {
    /// The items, or for a sequence the lists of items, as a list; as a code.
    pub(crate) list: u32,
    /// The items between commas, for a sequence each set in braces but for the outermost; as a code.
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

/// The rules of a model.
#[derive(Debug)]
pub(crate) struct RuleBook {
    pub(crate) sides: Box<[Side]>,
    pub(crate) rules: Box<[Rule]>,
    /// The first is by confidence, from the largest.
    pub(crate) rankings: Box<[Ranking]>,
}

impl RuleBook {
    pub(crate) fn heap_bytes(&self) -> usize {
        self.sides.len() * size_of::<Side>()
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
    /// A rule as JPMML spells it: `{Water}->{Pear,Banana}`.
    fn write_rule<'a>(&self, rule: &Rule, known: impl Fn(u32) -> &'a str, out: &mut String) {
        out.push('{');
        out.push_str(known(self.sides[rule.antecedent as usize].text));
        out.push_str("}->{");
        out.push_str(known(self.sides[rule.consequent as usize].text));
        out.push('}');
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

impl Run<'_> {
    /// Answers as an output field with no attributes: with the consequent of the best exclusive recommendation.
    pub(crate) fn recommend(&mut self, index: usize, book: &RuleBook) {
        let fired = &self.scratch.basket.fired;
        let best = book.rankings[0]
            .rules
            .iter()
            .find(|rule| Algorithm::ExclusiveRecommendation.takes(fired[**rule as usize]));
        if let Some(rule) = best {
            let rule = &book.rules[*rule as usize];
            let outcome = &mut self.scratch.outcomes[index];
            outcome.value = Value::Text(book.sides[rule.consequent as usize].list);
            outcome.raw = outcome.value;
            outcome.entity = Value::Text(rule.id);
        }
    }

    /// The value of an output field about rules.
    pub(crate) fn rule_value(&mut self, book: &RuleBook, wanted: &RuleValue) -> Scored<Value> {
        let program = self.program;
        self.scratch.steps.take(book.rules.len() / 8)?;
        let mut text = std::mem::take(&mut self.scratch.text);
        text.clear();
        let whole = &mut self.scratch.list;
        let fired = &self.scratch.basket.fired;
        let mut rules = book
            .ranking(wanted.by, wanted.ascending)
            .iter()
            .filter(|rule| wanted.algorithm.takes(fired[**rule as usize]))
            .map(|rule| &book.rules[*rule as usize]);
        let value = if wanted.multiple {
            let most = if wanted.rank == 0 { usize::MAX } else { wanted.rank };
            text.push('[');
            for rule in rules.take(most) {
                let before = text.len();
                if before > 1 {
                    text.push(',');
                }
                let known = |code| program.strings.get(code).unwrap_or_default();
                match wanted.part {
                    Part::Antecedent => text.push_str(known(book.sides[rule.antecedent as usize].list)),
                    Part::Consequent => text.push_str(known(book.sides[rule.consequent as usize].list)),
                    Part::Id => push_list_text(&mut text, known(rule.id)),
                    Part::Rule => {
                        whole.clear();
                        book.write_rule(rule, known, whole);
                        push_list_text(&mut text, whole);
                    }
                    Part::Measure(measure) if rule.measures[measure as usize].is_nan() => text.push_str("null"),
                    Part::Measure(measure) => {
                        // Writing into a String can't fail.
                        let _ = write!(text, "{:?}", rule.measures[measure as usize]);
                    }
                }
                if let Err(fault) = self.scratch.steps.take(text.len() - before) {
                    self.scratch.text = text;
                    return Err(fault);
                }
            }
            text.push(']');
            Value::Text(self.scratch.strings.code(&program.strings, &text))
        } else {
            match (rules.nth(wanted.rank.saturating_sub(1)), wanted.part) {
                (None, _) => Value::Missing,
                (Some(rule), Part::Antecedent) => Value::Text(book.sides[rule.antecedent as usize].list),
                (Some(rule), Part::Consequent) => Value::Text(book.sides[rule.consequent as usize].list),
                (Some(rule), Part::Id) => Value::Text(rule.id),
                (Some(rule), Part::Rule) => {
                    let known = |code| program.strings.get(code).unwrap_or_default();
                    book.write_rule(rule, known, &mut text);
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
