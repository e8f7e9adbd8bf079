//! `multipleModelMethod="selectAll"`: the answers of all segments that apply, as a list.

use std::fmt::Write as _;

use serving_model::push_list_text;

use super::mining::{Mining, OnMissingPrediction};
use crate::run::{Run, Scored, write_value};
use crate::value::Value;

impl Run<'_> {
    pub(crate) fn select_all(&mut self, index: usize, mining: &Mining) -> Scored<bool> {
        let mut list = std::mem::take(&mut self.scratch.list);
        list.clear();
        let found = self.list_answers(mining, &mut list);
        if found == Ok(true) {
            let code = self.code(&list);
            self.scratch.list = list;
            let outcome = &mut self.scratch.outcomes[index];
            outcome.value = Value::Text(code?);
            outcome.raw = outcome.value;
        } else {
            self.scratch.list = list;
        }
        found
    }

    fn list_answers(&mut self, mining: &Mining, list: &mut String) -> Scored<bool> {
        for segment in &mining.segments {
            if self.holds(&segment.predicate)? != Some(true) {
                continue;
            }
            let model = segment.model as usize;
            let found = self.model(model)?;
            match mining.on_missing {
                OnMissingPrediction::Skip if !found => continue,
                OnMissingPrediction::Return if !found => return Ok(false),
                _ => {}
            }
            list.push(if list.is_empty() { '[' } else { ',' });
            match self.scratch.outcomes[model].value {
                answer if found => {
                    if let Value::Text(code) = answer {
                        let length = self.text(code).len();
                        self.scratch.steps.take(length)?;
                    }
                    self.push_answer(answer, self.program.models[model].list, list);
                }
                _ => list.push_str("null"),
            }
        }
        if list.is_empty() {
            return Ok(false);
        }
        list.push(']');
        Ok(true)
    }

    /// Writes an answer as JSON. Dates, and numbers that JSON has no spelling for, are texts.
    fn push_answer(&self, answer: Value, is_list: bool, list: &mut String) {
        // Writing into a String can't fail.
        let _ = match answer {
            Value::Missing => write!(list, "null"),
            Value::Text(code) if is_list => write!(list, "{}", self.text(code)),
            Value::Text(code) => {
                push_list_text(list, self.text(code));
                Ok(())
            }
            Value::Bool(truth) => write!(list, "{truth}"),
            Value::Int(number) => write!(list, "{number}"),
            Value::Float(number) if number.is_finite() => write!(list, "{number:?}"),
            Value::Double(number) if number.is_finite() => write!(list, "{number:?}"),
            _ => {
                let mut text = String::new();
                write_value(answer, &mut text);
                push_list_text(list, &text);
                Ok(())
            }
        };
    }
}
