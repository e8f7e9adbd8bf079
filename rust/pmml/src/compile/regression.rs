//! `RegressionModel`.

use super::model::Draft;
use super::problems::Problems;
use super::{Compiled, Compiler, ScopeId};
use crate::document::Node;
use crate::models::Function;
use crate::models::regression::{Normalization, Plain, Regression, Table, Term};
use crate::run::Direct;
use crate::value::OpType;

impl<'d> Compiler<'d> {
    pub(super) fn regression_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Regression>> {
        let node = draft.node;
        let name = node.get("normalizationMethod").unwrap_or("none");
        let normalization =
            Normalization::parse(name).ok_or_else(|| node.invalid(format!("unknown normalizationMethod '{name}'")))?;
        let mut tables = Vec::new();
        let mut problems = Problems::default();
        for element in node.all("RegressionTable") {
            if draft.function == Function::Classification {
                let before = draft.classes.list.len();
                let text = element.need("targetCategory")?;
                self.class(&mut draft.classes, text);
                if draft.classes.list.len() == before {
                    return Err(element.invalid(format!("category '{text}' has two tables")));
                }
            }
            let table = self.table(draft.scope, element);
            tables.extend(problems.take(table)?);
        }
        problems.finish()?;
        if tables.is_empty() {
            return Err(node.invalid("element RegressionTable is missing"));
        }
        if draft.function == Function::Classification
            && tables.len() == 1
            && let Some(target) = draft.target
            && let Some(data) = self.fields.get(target).filter(|data| data.values.len() == 2).cloned()
            && node
                .child("RegressionTable")
                .and_then(|table| table.get("targetCategory"))
                .is_some_and(|category| data.values.contains(&category))
        {
            // One table for two classes: the other has the rest.
            for text in data.values {
                self.class(&mut draft.classes, text);
            }
            tables.push(Table {
                intercept: 0.0,
                terms: Box::default(),
            });
        }
        if draft.float {
            tables.iter_mut().for_each(Table::narrow);
        }
        let plain = if draft.float { None } else { plain(&tables) };
        Ok(Some(Regression {
            tables: tables.into(),
            plain,
            normalization,
            ordinal: draft.target_optype == OpType::Ordinal,
        }))
    }

    /// A predictor; `None` when the element is none.
    fn term(&mut self, scope: ScopeId, term: Node<'d>) -> Compiled<Option<Term>> {
        match term.name() {
            "NumericPredictor" => {
                let exponent = term.number_or("exponent", 1.0)?;
                if exponent.fract() != 0.0 || exponent.abs() > 1e6 {
                    return Err(term.invalid("exponent is not an integer"));
                }
                Ok(Some(Term::Number {
                    slot: self.resolve(scope, term.need("name")?, term)?,
                    exponent: exponent as i32,
                    coefficient: term.need_number("coefficient")?,
                }))
            }
            "CategoricalPredictor" => {
                let slot = self.resolve(scope, term.need("name")?, term)?;
                let kind = self.slots[slot as usize].kind;
                let key = self.literal_or_text(kind, term.need("value")?).key();
                Ok(Some(Term::Category {
                    slot,
                    key,
                    coefficient: term.need_number("coefficient")?,
                }))
            }
            "PredictorTerm" => {
                let slots = term
                    .all("FieldRef")
                    .map(|field| self.resolve(scope, field.need("field")?, field))
                    .collect::<Compiled<_>>()?;
                Ok(Some(Term::Product {
                    slots,
                    coefficient: term.need_number("coefficient")?,
                }))
            }
            _ => Ok(None),
        }
    }

    fn table(&mut self, scope: ScopeId, element: Node<'d>) -> Compiled<Table> {
        let mut terms = Vec::new();
        let mut problems = Problems::default();
        for element in element.children() {
            let term = self.term(scope, element);
            terms.extend(problems.take(term)?.flatten());
        }
        problems.finish()?;
        // Whatever the order in the document, the sum goes through numbers, categories, products.
        terms.sort_by_key(|term| match term {
            Term::Number { .. } => 0,
            Term::Category { .. } => 1,
            Term::Product { .. } => 2,
        });
        Ok(Table {
            intercept: element.need_number("intercept")?,
            terms: terms.into(),
        })
    }
}

/// The tables as one matrix, when all have the same plain numbers in the same order.
fn plain(tables: &[Table]) -> Option<Plain> {
    let slot_of = |term: &Term| match term {
        Term::Number {
            slot,
            exponent: 1,
            coefficient,
        } => Some((*slot, *coefficient)),
        _ => None,
    };
    let slots: Box<[u32]> = tables
        .first()?
        .terms
        .iter()
        .map(|term| slot_of(term).map(|(slot, _)| slot))
        .collect::<Option<_>>()?;
    // Tables without terms take no space, but columns of a matrix do.
    let terms: usize = tables.iter().map(|table| table.terms.len()).sum();
    if slots.len().saturating_mul(tables.len()) > 2 * terms + 1024 {
        return None;
    }
    let mut weights = vec![0.0; slots.len() * tables.len()];
    for (column, table) in tables.iter().enumerate() {
        // A table without terms is a constant; the others must match.
        if table.terms.is_empty() {
            continue;
        }
        if table.terms.len() != slots.len() {
            return None;
        }
        for (row, (term, slot)) in table.terms.iter().zip(&slots).enumerate() {
            let (found, coefficient) = slot_of(term)?;
            if found != *slot {
                return None;
            }
            weights[row * tables.len() + column] = coefficient;
        }
    }
    Some(Plain {
        slots,
        direct: Direct::default(),
        intercepts: tables.iter().map(|table| table.intercept).collect(),
        weights: weights.into(),
    })
}
