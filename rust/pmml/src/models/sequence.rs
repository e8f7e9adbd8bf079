//! `SequenceModel`: which rules the history of a record fires. A set of items occurs in a transaction that has all of them, a
//! sequence in a history where its sets occur one after the other as its delimiters say (PMML 4.4, Sequence Rules).

use serving_model::{ListItems, NotAList};

use super::association::{Items, Source, meant, read_item};
use super::rules::{Fired, RuleBook};
use crate::run::{Cause, Fault, Run, Scored, Slot};
use crate::steps::Steps;
use crate::strings::Strings;
use crate::value::{Type, Value};

/// What lies between two sets of a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    /// Both are in the same transaction.
    pub(crate) same: bool,
    /// No transaction lies between them.
    pub(crate) adjacent: bool,
    /// Bounds of the time between them.
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// A set of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) set: u32,
    /// What lies before it; means nothing for the first.
    pub(crate) gap: Gap,
}

/// A compiled `SequenceModel`. The sides of its rules are sequences.
#[derive(Debug)]
pub(crate) struct Sequences {
    pub(crate) sources: Box<[Source]>,
    /// Items that belong to no field, for each type that fields have.
    pub(crate) shared: Box<[Items]>,
    /// The field of the record with the times of the transactions.
    pub(crate) order: Option<Slot>,
    /// The sets with item `i` are `holders[starts[i]..starts[i + 1]]`.
    pub(crate) starts: Box<[u32]>,
    pub(crate) holders: Box<[u32]>,
    /// How many items each set has.
    pub(crate) sizes: Box<[u32]>,
    /// The steps of sequence `i` are `steps[bounds[i]..bounds[i + 1]]`.
    pub(crate) bounds: Box<[u32]>,
    pub(crate) steps: Box<[Step]>,
    /// For each rule what lies between antecedent and consequent.
    pub(crate) gaps: Box<[Gap]>,
    /// Least time from the first set of a rule to its last.
    pub(crate) shortest: f64,
    /// Most time from the first set of a sequence to its last.
    pub(crate) longest: f64,
    pub(crate) book: RuleBook,
}

impl Sequences {
    fn steps(&self, sequence: u32) -> &[Step] {
        let sequence = sequence as usize;
        &self.steps[self.bounds[sequence] as usize..self.bounds[sequence + 1] as usize]
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let items = self.sources.iter().map(|source| &source.own).chain(&self.shared);
        size_of::<Self>()
            + self.sources.len() * size_of::<Source>()
            + items
                .map(|items| items.len() * size_of::<((u8, u64), u32)>())
                .sum::<usize>()
            + 4 * (self.starts.len() + self.holders.len() + self.sizes.len() + self.bounds.len())
            + self.steps.len() * size_of::<Step>()
            + self.gaps.len() * size_of::<Gap>()
            + self.book.heap_bytes()
    }
}

/// Scratch space of a sequence model.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// What the record has: the element of its lists, later the transaction, and the item.
    entries: Vec<(u32, u32)>,
    /// Times of the elements, in order once they are sorted.
    elements: Vec<(f64, u32)>,
    /// The transaction of each element.
    transactions: Vec<u32>,
    /// Times of the transactions.
    times: Vec<f64>,
    /// How many items of each set are in a transaction.
    counts: Vec<u32>,
    /// Transactions in which each set occurs.
    occurrences: Vec<Vec<u32>>,
    /// Whether each sequence occurs, as far as that is known.
    found: Vec<Option<bool>>,
    /// Transactions where the steps so far can end, and when they can begin at the latest; rising.
    reached: Vec<(u32, f64)>,
    next: Vec<(u32, f64)>,
}

impl History {
    /// Numbers the transactions in the order of their times. With an order, elements of one time are one transaction.
    fn arrange(&mut self, ordered: bool) {
        self.elements.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.transactions.clear();
        self.transactions.resize(self.elements.len(), 0);
        self.times.clear();
        for (time, element) in &self.elements {
            if !ordered || self.times.last() != Some(time) {
                self.times.push(*time);
            }
            self.transactions[*element as usize] = (self.times.len() - 1) as u32;
        }
        for (element, _) in &mut self.entries {
            *element = self.transactions[*element as usize];
        }
        self.entries.sort_unstable();
        self.entries.dedup();
    }

    /// Finds the transactions in which each set occurs.
    fn count(&mut self, model: &Sequences, steps: &mut Steps) -> Scored<()> {
        self.occurrences.iter_mut().for_each(Vec::clear);
        self.occurrences.resize_with(model.sizes.len(), Vec::new);
        self.counts.clear();
        self.counts.resize(model.sizes.len(), 0);
        let holders = |item: u32| {
            let item = item as usize;
            &model.holders[model.starts[item] as usize..model.starts[item + 1] as usize]
        };
        for entries in self.entries.chunk_by(|a, b| a.0 == b.0) {
            for (transaction, item) in entries {
                steps.take(holders(*item).len())?;
                for set in holders(*item) {
                    let count = &mut self.counts[*set as usize];
                    *count += 1;
                    if *count == model.sizes[*set as usize] {
                        self.occurrences[*set as usize].push(*transaction);
                    }
                }
            }
            for (_, item) in entries {
                for set in holders(*item) {
                    self.counts[*set as usize] = 0;
                }
            }
        }
        // What asks for nothing is everywhere.
        for (size, occurrences) in model.sizes.iter().zip(&mut self.occurrences) {
            if *size == 0 {
                steps.take(self.times.len())?;
                occurrences.extend(0..self.times.len() as u32);
            }
        }
        Ok(())
    }

    /// Whether sets occur one after the other. The latest start of what ends at a transaction rises with it, so of all
    /// transactions that may come before another just the last need be looked at.
    fn occurs(&mut self, sequence: impl Iterator<Item = Step>, longest: f64, steps: &mut Steps) -> Scored<bool> {
        self.reach(sequence, None, longest, steps)?;
        Ok(!self.reached.is_empty())
    }

    /// The same with a least time as well, from one start after the other: the latest start is not the best one then.
    fn spans(
        &mut self,
        sequence: impl Iterator<Item = Step> + Clone,
        (shortest, longest): (f64, f64),
        steps: &mut Steps,
    ) -> Scored<bool> {
        if shortest <= 0.0 {
            return self.occurs(sequence, longest, steps);
        }
        let first = sequence.clone().next().map_or(0, |step| step.set as usize);
        for at in 0..self.occurrences[first].len() {
            let start = self.occurrences[first][at];
            self.reach(sequence.clone(), Some(start), longest, steps)?;
            let begin = self.times[start as usize];
            if let Some((end, _)) = self.reached.last()
                && self.times[*end as usize] - begin >= shortest
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds the transactions where a sequence can end, that begins in one transaction or in any.
    fn reach(
        &mut self,
        sequence: impl Iterator<Item = Step>,
        start: Option<u32>,
        longest: f64,
        steps: &mut Steps,
    ) -> Scored<()> {
        self.reached.clear();
        for (number, Step { set, gap }) in sequence.enumerate() {
            steps.take(self.occurrences[set as usize].len())?;
            self.next.clear();
            let mut before = 0;
            for transaction in &self.occurrences[set as usize] {
                let time = self.times[*transaction as usize];
                if number == 0 {
                    if start.is_none_or(|start| start == *transaction) {
                        self.next.push((*transaction, time));
                    }
                    continue;
                }
                let fits = |(earlier, _): &(u32, f64)| {
                    if gap.same {
                        earlier <= transaction
                    } else {
                        earlier < transaction && time - self.times[*earlier as usize] >= gap.least
                    }
                };
                while self.reached.get(before).is_some_and(fits) {
                    before += 1;
                }
                let Some((earlier, start)) = before.checked_sub(1).map(|last| self.reached[last]) else {
                    continue;
                };
                let near = if gap.same {
                    earlier == *transaction
                } else {
                    (!gap.adjacent || earlier + 1 == *transaction) && time - self.times[earlier as usize] <= gap.most
                };
                if near && time - start <= longest {
                    self.next.push((*transaction, start));
                }
            }
            std::mem::swap(&mut self.reached, &mut self.next);
            if self.reached.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Gives back what only an unusual record needs.
    pub(crate) fn trim(&mut self, most: usize) {
        self.entries.clear();
        self.entries.shrink_to(most);
        self.elements.clear();
        self.elements.shrink_to(most);
        self.transactions.clear();
        self.transactions.shrink_to(most);
        self.times.clear();
        self.times.shrink_to(most);
        for occurrences in &mut self.occurrences {
            occurrences.clear();
            occurrences.shrink_to(16);
        }
        for reached in [&mut self.reached, &mut self.next] {
            reached.clear();
            reached.shrink_to(most);
        }
    }
}

/// The elements of a list that are lists themselves.
struct Inner<'a> {
    rest: &'a str,
    first: bool,
}

impl<'a> Inner<'a> {
    /// `None` when the first element is not a list.
    fn new(list: &'a str) -> Option<Self> {
        let rest = list.trim_start().strip_prefix('[')?;
        rest.trim_start().starts_with('[').then_some(Self { rest, first: true })
    }
}

impl<'a> Iterator for Inner<'a> {
    type Item = Result<ListItems<'a>, NotAList>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix(']') {
            return (!rest.trim().is_empty()).then_some(Err(NotAList));
        }
        if !std::mem::take(&mut self.first) {
            let Some(rest) = self.rest.strip_prefix(',') else {
                return Some(Err(NotAList));
            };
            self.rest = rest.trim_start();
        }
        let (mut quoted, mut escaped) = (false, false);
        for (at, character) in self.rest.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = quoted,
                '"' => quoted = !quoted,
                ']' if !quoted => {
                    let (list, rest) = self.rest.split_at(at + 1);
                    self.rest = rest;
                    return Some(ListItems::new(list));
                }
                _ => {}
            }
        }
        Some(Err(NotAList))
    }
}

impl Run<'_> {
    pub(crate) fn sequences(&mut self, index: usize, model: &Sequences) -> Scored<bool> {
        let history = &mut self.scratch.history;
        history.entries.clear();
        history.elements.clear();
        let mut elements = 0;
        for source in &model.sources {
            elements = elements.max(self.transactions(source, &model.shared[source.shared])?);
        }
        let ordered = self.times(model, elements)?;
        let scratch = &mut *self.scratch;
        let (history, steps) = (&mut scratch.history, &mut scratch.steps);
        history.arrange(ordered);
        history.count(model, steps)?;
        history.found.clear();
        history.found.resize(model.book.sides.len(), None);
        let fired = &mut scratch.basket.fired;
        fired.clear();
        for (rule, gap) in model.book.rules.iter().zip(&model.gaps) {
            let antecedent = model.steps(rule.antecedent);
            let found = match history.found[rule.antecedent as usize] {
                Some(found) => found,
                None => history.occurs(antecedent.iter().copied(), model.longest, steps)?,
            };
            history.found[rule.antecedent as usize] = Some(found);
            let consequent = model.steps(rule.consequent).iter().enumerate();
            let consequent = consequent.map(|(at, step)| Step {
                set: step.set,
                gap: if at == 0 { *gap } else { step.gap },
            });
            let whole = antecedent.iter().copied().chain(consequent);
            fired.push(if !found {
                Fired::Nothing
            } else if history.spans(whole, (model.shortest, model.longest), steps)? {
                Fired::Both
            } else {
                Fired::Antecedent
            });
        }
        self.recommend(index, &model.book);
        Ok(true)
    }

    /// Reads the items that a field brings; returns how many elements its list has.
    fn transactions(&mut self, source: &Source, shared: &Items) -> Scored<u32> {
        let fault = |cause| Fault {
            cause,
            slot: source.slot,
        };
        let value = self.value(source.slot)?;
        let scratch = &mut *self.scratch;
        let known = &self.program.strings;
        let (entries, steps) = (&mut scratch.history.entries, &mut scratch.steps);
        let mut put = |value: Value, element: u32| {
            let before = entries.len();
            let items = meant(&source.own, value).chain(meant(shared, value));
            entries.extend(items.map(|item| (element, item)));
            steps.take(entries.len() - before)
        };
        let list = match value {
            Value::Missing if source.required => return Err(fault(Cause::Missing)),
            Value::Missing => return Ok(0),
            Value::Text(code) => Some(scratch.strings.get(known, code)),
            _ => None,
        };
        match list.filter(|text| text.trim_start().starts_with('[')) {
            None => {
                put(value, 0)?;
                Ok(1)
            }
            Some(text) => each(text, source.kind, known, put).unwrap_or(Err(fault(Cause::Type))),
        }
    }

    /// Sets the times of the elements; whether the record has them.
    fn times(&mut self, model: &Sequences, elements: u32) -> Scored<bool> {
        let Some(order) = model.order else {
            self.scratch
                .history
                .elements
                .extend((0..elements).map(|element| (f64::from(element), element)));
            return Ok(false);
        };
        let fault = |cause| Fault { cause, slot: order };
        let start = self.scratch.elements.len();
        if !self.list_elements(order)? {
            let value = self.value(order)?;
            match value {
                Value::Missing => return Err(fault(Cause::Missing)),
                value => self.scratch.elements.push(value),
            }
        }
        let times = self.scratch.elements.drain(start..);
        let history = &mut self.scratch.history;
        for (element, time) in times.enumerate() {
            let time = time
                .number()
                .filter(|time| !time.is_nan())
                .ok_or(fault(Cause::Missing))?;
            history.elements.push((time, element as u32));
        }
        if history.elements.len() < elements as usize {
            return Err(fault(Cause::Missing));
        }
        Ok(true)
    }
}

/// Hands over the values of a list with the number of their element: of the list itself, or of that in which they are.
fn each(
    text: &str,
    kind: Type,
    known: &Strings,
    mut put: impl FnMut(Value, u32) -> Scored<()>,
) -> Result<Scored<u32>, NotAList> {
    let mut elements = 0;
    match Inner::new(text) {
        Some(inner) => {
            for list in inner {
                for item in list? {
                    if let Some(value) = read_item(&item?, kind, known)
                        && let Err(fault) = put(value, elements)
                    {
                        return Ok(Err(fault));
                    }
                }
                elements += 1;
            }
        }
        None => {
            for item in ListItems::new(text)? {
                if let Some(value) = read_item(&item?, kind, known)
                    && let Err(fault) = put(value, elements)
                {
                    return Ok(Err(fault));
                }
                elements += 1;
            }
        }
    }
    Ok(Ok(elements))
}
