//! `ModelVerification`: records with the answers that the model had where it was made. They are scored when the model is
//! loaded, and other answers refuse it (PMML 4.4, Model Verification).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serving_model::{Block, Cell as BlockCell, ErrorCode, ModelError, Output, Scorer};

use crate::document::Node;
use crate::model::{Cell, MOST_STEPS, PmmlModel};
use crate::models::output::Feature;
use crate::scorer::PmmlScorer;

/// Most records that are scored: loading has to end.
const MOST_RECORDS: usize = 10_000;
/// Most differences that one message lists.
const MOST_SHOWN: usize = 10;

/// What a column of the table is compared with.
struct Expected<'d> {
    name: &'d str,
    column: &'d str,
    cell: usize,
    precision: f64,
    zero: f64,
}

impl Expected<'_> {
    /// Whether an answer is the expected one: both as good as zero, or their ratio as good as one.
    fn accepts(&self, expected: &str, got: BlockCell<'_>, label: &str) -> bool {
        // A number is expected as one of the answer's type: digits that spell a `float` are not those of the `double`.
        let number = |text: &str| match got {
            BlockCell::Float(_) => text.trim().parse::<f32>().ok().map(f64::from),
            _ => text.trim().parse::<f64>().ok(),
        };
        let truth = |truth: bool| Some(f64::from(u8::from(truth)));
        let wanted = match expected.trim() {
            "true" => truth(true),
            "false" => truth(false),
            text => number(text),
        };
        let found = match got {
            BlockCell::Missing => return false,
            BlockCell::Double(value) => Some(value),
            BlockCell::Float(value) => Some(f64::from(value)),
            BlockCell::Long(value) => Some(value as f64),
            BlockCell::Boolean(value) => truth(value),
            BlockCell::String(text) if text == expected => return true,
            BlockCell::Label(_) if label == expected => return true,
            BlockCell::String(text) => number(text),
            BlockCell::Label(_) => number(label),
        };
        let (Some(wanted), Some(found)) = (wanted, found) else {
            return false;
        };
        if wanted.abs() <= self.zero && found.abs() <= self.zero {
            return true;
        }
        let (a, b) = (wanted * (1.0 - self.precision), wanted * (1.0 + self.precision));
        wanted == found || (wanted.is_nan() && found.is_nan()) || (a.min(b) <= found && found <= a.max(b))
    }
}

/// Cells of inputs with their columns, and what is expected of outputs.
type Columns<'d> = (Vec<(usize, &'d str)>, Vec<Expected<'d>>);

/// The column of a verification field, without prefix.
fn column(field: Node<'_>) -> Result<&str, ModelError> {
    let name = field.need("field")?;
    let column = field.get("column").unwrap_or(name);
    Ok(column.rsplit(':').next().unwrap_or(column))
}

/// Text as a string of JSON.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            // Writing into a String can't fail.
            control if control < ' ' => drop(write!(out, "\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Scores the records of a model's `ModelVerification`, if it has one.
///
/// # Errors
/// `MODEL_INVALID` when an answer is another one, with record, field, expected and got.
pub(crate) fn verify(model: &Arc<PmmlModel>, element: Node<'_>) -> Result<(), ModelError> {
    let Some(node) = element.child("ModelVerification") else {
        return Ok(());
    };
    let (Some(_), Some(table)) = (node.child("VerificationFields"), node.child("InlineTable")) else {
        return Ok(());
    };
    let rows: Vec<Node<'_>> = table.all("row").collect();
    if let Some(count) = node.number("recordCount")?
        && count != rows.len() as f64
    {
        return Err(node.invalid(format!("recordCount is {count}, the table has {} rows", rows.len())));
    }
    let (inputs, expected) = columns(model, node)?;
    let records = grouped(element, node, rows)?;
    let mut scorer = PmmlScorer::new(Arc::clone(model));
    let mut block = Block::new(model.inputs.len());
    let mut output = Output::new(model.cells.len());
    let mut differences = Vec::new();
    let mut first = None;
    for (number, record) in records.iter().take(MOST_RECORDS).enumerate() {
        node.work(record.len() * (inputs.len() + expected.len()).pow(2))?;
        let Some(row) = record.first().copied() else {
            continue;
        };
        block.reset(1);
        for (cell, column) in &inputs {
            fill(model, &mut block, *cell, column, record);
        }
        output.reset(1);
        scorer.score(&block, &mut output);
        if scorer.steps() > MOST_STEPS {
            return Err(node.invalid("the verification takes too many steps"));
        }
        let mut differ = |text: String| {
            first.get_or_insert(row);
            differences.push(format!("record {} (line {}): {text}", number + 1, row.line()));
        };
        if output.status(0).code != ErrorCode::Ok {
            differ(output.message(0).to_owned());
            continue;
        }
        for field in &expected {
            let Some(wanted) = row.child(field.column).map(Node::raw_text) else {
                continue;
            };
            let schema = &model.schema.outputs[field.cell];
            let got = output.cells.cell(0, field.cell);
            let label = match got {
                BlockCell::Label(code) => schema.labels.get(code as usize).map_or("", String::as_str),
                _ => "",
            };
            if !field.accepts(wanted, got, label) {
                let got = shown(got, label);
                differ(format!("field '{}': expected {wanted}, got {got}", field.name));
            }
        }
    }
    let Some(row) = first else {
        return Ok(());
    };
    let more = differences.len().saturating_sub(MOST_SHOWN);
    differences.truncate(MOST_SHOWN);
    let mut message = format!("the model's own verification fails: {}", differences.join("; "));
    if more > 0 {
        // Writing into a String can't fail.
        let _ = write!(message, "; and {more} more");
    }
    Err(row.invalid(message))
}

/// Cells of the inputs with their columns, and the outputs to look at: output fields where there are any, else targets.
fn columns<'d>(model: &PmmlModel, node: Node<'d>) -> Result<Columns<'d>, ModelError> {
    let (mut inputs, mut targets, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    let mut cells: HashMap<&str, usize> = HashMap::new();
    for (cell, (_, name)) in model.inputs.iter().enumerate() {
        cells.entry(name).or_insert(cell);
    }
    let mut outputs: HashMap<&str, usize> = HashMap::new();
    for (cell, output) in model.schema.outputs.iter().enumerate() {
        outputs.entry(&output.name).or_insert(cell);
    }
    let unmatched: HashSet<&str> = (model.program.models.iter().flat_map(|model| &model.outputs))
        .filter(|output| matches!(output.feature, Feature::Unmatched))
        .map(|output| output.name.as_str())
        .collect();
    for field in node.need_child("VerificationFields")?.all("VerificationField") {
        let name = field.need("field")?;
        let column = column(field)?;
        if let Some(cell) = cells.get(name) {
            inputs.push((*cell, column));
        }
        let Some(cell) = outputs.get(name).copied() else {
            continue;
        };
        let expected = Expected {
            name,
            column,
            cell,
            precision: field.number_or("precision", 1e-6)?,
            zero: field.number_or("zeroThreshold", 1e-16)?,
        };
        // Lists are not compared, nor shares that the reference tool does not find either.
        if unmatched.contains(name) || model.schema.outputs[cell].list {
            continue;
        }
        match model.cells[cell].0.first() {
            Some(Cell::Target(_) | Cell::OneOf(_)) => targets.push(expected),
            _ => fields.push(expected),
        }
    }
    Ok((inputs, if fields.is_empty() { targets } else { fields }))
}

/// Rows of one record together: those with the same value in the group field.
fn grouped<'d>(element: Node<'d>, node: Node<'d>, rows: Vec<Node<'d>>) -> Result<Vec<Vec<Node<'d>>>, ModelError> {
    let group = element
        .child("MiningSchema")
        .into_iter()
        .flat_map(|schema| schema.all("MiningField"))
        .find(|field| field.get("usageType") == Some("group"))
        .and_then(|field| field.get("name"));
    let fields = node.need_child("VerificationFields")?;
    let field = fields
        .all("VerificationField")
        .find(|field| group.is_some() && field.get("field") == group);
    let Some(field) = field else {
        return Ok(rows.into_iter().map(|row| vec![row]).collect());
    };
    let column = column(field)?;
    let mut records: Vec<Vec<Node<'d>>> = Vec::new();
    let mut last = None;
    for row in rows {
        let key = row.child(column).map(Node::text);
        match records.last_mut() {
            Some(record) if key == last => record.push(row),
            _ => records.push(vec![row]),
        }
        last = key;
    }
    Ok(records)
}

fn fill(model: &PmmlModel, block: &mut Block, cell: usize, column: &str, record: &[Node<'_>]) {
    let mut texts = record.iter().filter_map(|row| row.child(column)).map(Node::raw_text);
    if model.schema.inputs[cell].list {
        let mut list = String::from("[");
        for (index, text) in texts.enumerate() {
            if index > 0 {
                list.push(',');
            }
            quoted(text, &mut list);
        }
        list.push(']');
        block.set_text(0, cell, &list);
    } else if let Some(text) = texts.next() {
        block.set_text(0, cell, text);
    }
}

fn shown(got: BlockCell<'_>, label: &str) -> String {
    match got {
        BlockCell::Missing => "nothing".to_owned(),
        BlockCell::Double(value) => value.to_string(),
        BlockCell::Float(value) => value.to_string(),
        BlockCell::Long(value) => value.to_string(),
        BlockCell::Boolean(value) => value.to_string(),
        BlockCell::String(text) => text.chars().take(100).collect(),
        BlockCell::Label(_) => label.to_owned(),
    }
}
