//! `Aggregate` and `Lag`: what a field had in other records. One record at a time is scored, so these come with it: as a list, in
//! order, that ends with the value of the record itself.

use std::fmt::Write as _;

use serving_model::{ListItem, ListItems, Tag, push_list_text};

use crate::run::{Cause, Fault, Run, Scored, Slot, Source, write_value};
use crate::treatment::Treatment;
use crate::value::Value;

/// `function` of `Aggregate`, `aggregate` of `Lag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Summary {
    Count,
    Sum,
    Average,
    Minimum,
    Maximum,
    Multiset,
    Product,
    Median,
    /// The standard deviation of a sample.
    Deviation,
}

/// An `Aggregate`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aggregate {
    pub(crate) slot: Slot,
    /// The field of the record behind it.
    pub(crate) origin: Slot,
    pub(crate) summary: Summary,
}

/// A `Lag`.
#[derive(Debug)]
pub(crate) struct Lag {
    /// A field of the record.
    pub(crate) origin: Slot,
    pub(crate) back: usize,
    /// Of the values before this record's, so many as `back`; otherwise the one.
    pub(crate) summary: Option<Summary>,
    /// Fields of the record whose values are the same within a block.
    pub(crate) blocks: Box<[Slot]>,
}

impl Run<'_> {
    /// The list that the record has for a field.
    fn list_of(&self, origin: Slot) -> Option<&str> {
        let Source::Input { cell, .. } = &self.program.slots[origin as usize].source else {
            return None;
        };
        let cell = *cell as usize;
        let text = (self.input.tags(self.row)[cell] == Tag::String as u8)
            .then(|| self.input.text(self.input.values(self.row)[cell]))?;
        text.trim_start().starts_with('[').then_some(text)
    }

    /// Adds the elements of the list that the record has for a field to the scratch space, each treated as a value of the field;
    /// `false` when the record has no list.
    pub(crate) fn list_elements(&mut self, origin: Slot) -> Scored<bool> {
        let program = self.program;
        let Source::Input { cell, treatment } = &program.slots[origin as usize].source else {
            return Ok(false);
        };
        if self.list_of(origin).is_none() {
            return Ok(false);
        }
        let input = self.input;
        let text = input.text(input.values(self.row)[*cell as usize]);
        let fault = Fault {
            cause: Cause::Type,
            slot: origin,
        };
        self.scratch.steps.take(text.len())?;
        for item in ListItems::new(text).map_err(|_| fault)? {
            let value = self.element(origin, &item.map_err(|_| fault)?, treatment)?;
            self.scratch.elements.push(value);
        }
        Ok(true)
    }

    fn element(&mut self, slot: Slot, item: &ListItem<'_>, treatment: &Treatment) -> Scored<Value> {
        match item {
            ListItem::Missing => self.prepare_value(slot, Value::Missing, treatment),
            ListItem::Text(text) => self.prepare_text(slot, text, treatment),
            ListItem::Number(text) => self.prepare_text(slot, text, treatment),
            ListItem::Boolean(truth) => self.prepare_value(slot, Value::Bool(*truth), treatment),
        }
    }

    /// The value of a field whose cell holds a series: the last.
    pub(crate) fn latest(&mut self, slot: Slot, list: &str, treatment: &Treatment) -> Scored<Value> {
        let fault = Fault {
            cause: Cause::Type,
            slot,
        };
        self.scratch.steps.take(list.len())?;
        let mut last = ListItem::Missing;
        for item in ListItems::new(list).map_err(|_| fault)? {
            last = item.map_err(|_| fault)?;
        }
        self.element(slot, &last, treatment)
    }

    pub(crate) fn aggregated(&mut self, aggregate: Aggregate) -> Scored<Value> {
        let start = self.scratch.elements.len();
        let found = self.gather(aggregate);
        let value = match found {
            Ok(true) => self.summary(aggregate.summary, start),
            Ok(false) => Ok(Value::Missing),
            Err(fault) => Err(fault),
        };
        self.scratch.elements.truncate(start);
        value
    }

    /// A single value is a list of one; a missing one is no list.
    fn gather(&mut self, aggregate: Aggregate) -> Scored<bool> {
        if self.list_elements(aggregate.origin)? {
            return Ok(true);
        }
        let value = self.value(aggregate.slot)?;
        self.scratch.elements.push(value);
        Ok(!value.is_missing())
    }

    /// One value of the elements from a start on; as in SQL, missing ones don't count.
    fn summary(&mut self, summary: Summary, start: usize) -> Scored<Value> {
        let count = self.scratch.elements[start..]
            .iter()
            .filter(|value| !value.is_missing())
            .count();
        match summary {
            Summary::Count => return Ok(Value::Int(count as i64)),
            Summary::Multiset => return self.multiset(start),
            _ if count == 0 => return Ok(Value::Missing),
            _ => {}
        }
        let elements = &self.scratch.elements[start..];
        let numbers = || elements.iter().filter_map(|value| value.number());
        let sum = || numbers().sum::<f64>();
        Ok(Value::Double(match summary {
            Summary::Sum => sum(),
            Summary::Average => sum() / count as f64,
            Summary::Minimum => numbers().fold(f64::INFINITY, f64::min),
            Summary::Maximum => numbers().fold(f64::NEG_INFINITY, f64::max),
            Summary::Product => numbers().product(),
            Summary::Deviation if count < 2 => return Ok(Value::Missing),
            Summary::Deviation => {
                let mean = sum() / count as f64;
                let squares = numbers().map(|number| (number - mean) * (number - mean)).sum::<f64>();
                (squares / (count - 1) as f64).sqrt()
            }
            Summary::Median => {
                let work = &mut self.scratch.work;
                let base = work.len();
                work.extend(numbers());
                let sorted = &mut work[base..];
                sorted.sort_unstable_by(f64::total_cmp);
                let middle = count / 2;
                let median = if count % 2 == 1 {
                    sorted[middle]
                } else {
                    f64::midpoint(sorted[middle - 1], sorted[middle])
                };
                work.truncate(base);
                median
            }
            Summary::Count | Summary::Multiset => return Ok(Value::Missing),
        }))
    }

    fn multiset(&mut self, start: usize) -> Scored<Value> {
        let mut list = std::mem::take(&mut self.scratch.list);
        list.clear();
        list.push('[');
        for at in start..self.scratch.elements.len() {
            let value = self.scratch.elements[at];
            if value.is_missing() {
                continue;
            }
            let length = match value {
                Value::Text(code) => self.text(code).len(),
                _ => 1,
            };
            if let Err(fault) = self.scratch.steps.take(length) {
                self.scratch.list = list;
                return Err(fault);
            }
            if list.len() > 1 {
                list.push(',');
            }
            // Writing into a String can't fail.
            let _ = match value {
                Value::Text(code) => {
                    push_list_text(&mut list, self.text(code));
                    Ok(())
                }
                Value::Int(number) => write!(list, "{number}"),
                Value::Bool(truth) => write!(list, "{truth}"),
                Value::Double(number) if number.is_finite() => write!(list, "{number:?}"),
                Value::Float(number) if number.is_finite() => write!(list, "{number:?}"),
                other => {
                    list.push('"');
                    write_value(other, &mut list);
                    list.push('"');
                    Ok(())
                }
            };
        }
        list.push(']');
        let code = self.code(&list);
        self.scratch.list = list;
        code.map(Value::Text)
    }

    pub(crate) fn lag(&mut self, lag: &Lag) -> Scored<Value> {
        let start = self.scratch.elements.len();
        let value = self.lagged(lag, start);
        self.scratch.elements.truncate(start);
        value
    }

    fn lagged(&mut self, lag: &Lag, start: usize) -> Scored<Value> {
        if !self.list_elements(lag.origin)? {
            return Ok(Value::Missing);
        }
        // How many values before this record's belong to its block.
        let mut before = (self.scratch.elements.len() - start).saturating_sub(1);
        for block in &lag.blocks {
            let base = self.scratch.elements.len();
            if self.list_elements(*block)? {
                let same = match self.scratch.elements[base..].split_last() {
                    Some((now, earlier)) => earlier.iter().rev().take_while(|then| then.key() == now.key()).count(),
                    None => 0,
                };
                before = before.min(same);
            }
            self.scratch.elements.truncate(base);
        }
        let now = self.scratch.elements.len().saturating_sub(1);
        match lag.summary {
            None if before < lag.back => Ok(Value::Missing),
            None => Ok(self.scratch.elements[now - lag.back]),
            Some(summary) => {
                self.scratch.elements.truncate(now.max(start));
                self.summary(summary, now.max(start) - before.min(lag.back))
            }
        }
    }
}
