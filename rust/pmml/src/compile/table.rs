//! Tables inside of the document.

use std::collections::HashMap;

use serving_model::ModelError;

use super::Compiled;
use crate::document::Node;

pub(super) const OUTSIDE: &str = "a table outside of the document";

/// Rows of an `InlineTable`: column to text, blanks around it included.
pub(crate) fn table_rows(node: Node<'_>) -> Compiled<Vec<Vec<(&str, &str)>>> {
    if node.child("InlineTable").is_none() && node.child("TableLocator").is_some() {
        let message = format!("not supported: {} (line {}): {OUTSIDE}", node.name(), node.line());
        return Err(ModelError::unsupported(message).at(node.place()));
    }
    let table = node.need_child("InlineTable")?;
    Ok(table
        .all("row")
        .map(|row| row.children().map(|cell| (cell.name(), cell.raw_text())).collect())
        .collect())
}

/// The columns of a table that are asked for.
#[derive(Default)]
pub(crate) struct Columns<'d> {
    names: Vec<&'d str>,
    numbers: HashMap<&'d str, usize>,
}

impl<'d> Columns<'d> {
    /// Few names are compared one by one.
    const FEW: usize = 8;

    /// The number of a column, new or known.
    pub(crate) fn number(&mut self, name: &'d str) -> usize {
        let next = self.names.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.names.push(name);
        }
        number
    }

    fn find(&self, name: &str) -> Option<usize> {
        if self.names.len() <= Self::FEW {
            self.names.iter().position(|known| *known == name)
        } else {
            self.numbers.get(name).copied()
        }
    }

    /// What a row has in each of the columns; of cells with one name the first.
    pub(crate) fn read<'r>(&self, row: &[(&str, &'r str)], cells: &mut Vec<Option<&'r str>>) {
        cells.clear();
        cells.resize(self.names.len(), None);
        for (name, text) in row {
            if let Some(number) = self.find(name) {
                cells[number].get_or_insert(text);
            }
        }
    }
}
