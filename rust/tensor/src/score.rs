//! Scoring of rows.

use std::sync::Arc;

use serving_model::{Block, ErrorCode, Field, Model as _, Output, Scorer};

use crate::array::{Array, BF16, DType, Data, F16, Text, elements, for_plain};
use crate::cells::{Convert, ToCell, Unfit, read_cells, write_cells};
use crate::model::{GraphModel, Way, batch_shape, keys};
use crate::ops::classical::Labels;
use crate::plan::{Answer, Plan, PlanReal, Workspace, class_of};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Marks a row as failed because of a cell.
#[cold]
fn fail_cell(output: &mut Output, row: usize, field: &Field, (cell, unfit): (usize, Unfit)) {
    let place = if field.width() == Some(1) {
        String::new()
    } else {
        format!("[{cell}]")
    };
    match unfit {
        Unfit::Missing => {
            output.fail(
                row,
                ErrorCode::FieldMissing,
                format_args!("input '{}'{place} is missing", field.name),
            );
        }
        Unfit::Invalid(why) => {
            output.fail(
                row,
                ErrorCode::FieldInvalid,
                format_args!("input '{}'{place}: {why}", field.name),
            );
        }
    }
}

/// A compiled graph's element type, and where its plan is.
pub(crate) trait Planned: PlanReal + Convert + ToCell {
    fn plan(way: &Way) -> Option<&Plan<Self>>;
}

impl Planned for f32 {
    fn plan(way: &Way) -> Option<&Plan<Self>> {
        match way {
            Way::Single(plan) => Some(plan),
            _ => None,
        }
    }
}

impl Planned for f64 {
    fn plan(way: &Way) -> Option<&Plan<Self>> {
        match way {
            Way::Double(plan) => Some(plan),
            _ => None,
        }
    }
}

/// Scores a compiled graph.
pub(crate) struct PlanScorer<T> {
    model: Arc<GraphModel>,
    space: Workspace<T>,
}

impl<T> PlanScorer<T> {
    pub(crate) fn new(model: Arc<GraphModel>, space: Workspace<T>) -> Self {
        Self { model, space }
    }
}

impl<T: Planned> Scorer for PlanScorer<T> {
    fn score(&mut self, input: &Block, output: &mut Output) {
        let Some(plan) = T::plan(&self.model.way) else {
            return;
        };
        let fields = &self.model.schema().inputs;
        let mut first = 0;
        while first < input.rows() {
            let rows = (input.rows() - first).min(plan.rows());
            for row in 0..rows {
                let mut start = 0;
                for (slot, field) in fields.iter().enumerate() {
                    let cells = self.space.input(slot, row);
                    let width = cells.len();
                    if let Err(unfit) = read_cells(input, first + row, start, cells) {
                        fail_cell(output, first + row, field, unfit);
                    }
                    start += width;
                }
            }
            plan.run(rows, &mut self.space);
            for row in 0..rows {
                let mut start = 0;
                for answer in plan.outputs() {
                    match *answer {
                        Answer::Values { slot, .. }
                        | Answer::Image { slot, .. }
                        | Answer::Steps { slot, .. }
                        | Answer::Map { slot, .. } => {
                            write_cells(&mut output.cells, first + row, start, self.space.row(slot, row));
                        }
                        Answer::Class { class, labels, .. } => {
                            let place = class_of(class, self.space.row(class.slot(), row));
                            let cells = &mut output.cells;
                            match labels.and_then(|labels| plan.labels().get(labels)) {
                                Some(Labels::Texts(_)) => cells.set_label(first + row, start, place as u32),
                                Some(Labels::Integers(labels)) => {
                                    let label = labels.get(place).copied().unwrap_or_default();
                                    cells.set_long(first + row, start, label);
                                }
                                None => cells.set_long(first + row, start, place as i64),
                            }
                        }
                    }
                    start += answer.width();
                }
            }
            first += rows;
        }
    }
}

/// Runs a compiled graph on whole tensors, all of shape `[rows, width]`.
///
/// # Errors
/// When the inputs do not have the same number of rows.
pub(crate) fn call<T: Planned>(plan: &Plan<T>, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    let count = inputs
        .first()
        .and_then(|input| input.shape.first())
        .copied()
        .unwrap_or_default();
    if inputs.iter().any(|input| input.shape.first() != Some(&count)) {
        return Err(Trouble::failed("the inputs do not have the same number of rows"));
    }
    for answer in plan.outputs() {
        elements(&[count, answer.width()])?;
    }
    let views = inputs.iter().map(Array::view).collect::<Result<Vec<&[T]>, _>>()?;
    let mut space = plan.workspace();
    let mut values: Vec<Vec<T>> = vec![Vec::new(); plan.outputs().len()];
    let mut classes: Vec<Vec<usize>> = vec![Vec::new(); plan.outputs().len()];
    for first in (0..count).step_by(plan.rows()) {
        let rows = (count - first).min(plan.rows());
        for (slot, view) in views.iter().enumerate() {
            for row in 0..rows {
                let to = space.input(slot, row);
                let width = to.len();
                to.copy_from_slice(&view[(first + row) * width..(first + row + 1) * width]);
            }
        }
        plan.run(rows, &mut space);
        for (n, answer) in plan.outputs().iter().enumerate() {
            for row in 0..rows {
                match *answer {
                    Answer::Values { slot, .. }
                    | Answer::Image { slot, .. }
                    | Answer::Steps { slot, .. }
                    | Answer::Map { slot, .. } => {
                        values[n].extend_from_slice(space.row(slot, row));
                    }
                    Answer::Class { class, .. } => classes[n].push(class_of(class, space.row(class.slot(), row))),
                }
            }
        }
    }
    let answers = plan.outputs().iter().zip(values).zip(classes);
    answers
        .map(|((answer, values), classes)| answer_array(plan, *answer, count, values, &classes))
        .collect()
}

/// An output as a whole.
fn answer_array<T: Planned>(
    plan: &Plan<T>,
    answer: Answer,
    count: usize,
    values: Vec<T>,
    classes: &[usize],
) -> Result<Array, Trouble> {
    let labels = |at: usize| {
        plan.labels()
            .get(at)
            .ok_or_else(|| Trouble::failed("labels are missing"))
    };
    match answer {
        Answer::Values { .. } | Answer::Image { .. } | Answer::Steps { .. } => {
            Ok(Array::new([&[count], answer.axes()].concat(), values))
        }
        Answer::Map { width, keys, .. } => {
            let names = labels(keys)?.to_array();
            let row = |values: &[T]| Some(Array::map(names.clone(), Array::new(vec![width], values.to_vec())));
            Ok(Array::list(values.chunks_exact(width.max(1)).map(row).collect()))
        }
        Answer::Class {
            labels: known, column, ..
        } => {
            let array = match known {
                Some(known) => labels(known)?.pick(classes),
                None => Array::new(vec![count], classes.iter().map(|class| *class as i64).collect()),
            };
            if column {
                array.reshaped(vec![count, 1])
            } else {
                Ok(array)
            }
        }
    }
}

/// Scores a graph node by node, or a network on tract.
pub(crate) struct GraphScorer {
    model: Arc<GraphModel>,
    /// Rows whose cells fit.
    good: Vec<usize>,
}

impl GraphScorer {
    pub(crate) fn new(model: Arc<GraphModel>) -> Self {
        Self {
            model,
            good: Vec::new(),
        }
    }

    /// Scores these rows of the input in one call.
    fn run(&self, input: &Block, rows: &[usize], output: &mut Output) -> Result<(), Trouble> {
        let mut arrays = Vec::with_capacity(self.model.graph.inputs.len());
        let mut start = 0;
        for (declared, field) in self.model.graph.inputs.iter().zip(&self.model.schema().inputs) {
            let width = field.width().unwrap_or_default() as usize;
            let dtype = declared.dtype.unwrap_or(DType::F64);
            let data = read_rows(input, rows, start, width, dtype).map_err(|_| Trouble::failed("a cell changed"))?;
            arrays.push(Array {
                shape: batch_shape(field, rows.len()),
                data,
            });
            start += width;
        }
        let results = self.model.evaluate(&arrays, &mut Budget::default())?;
        let mut start = 0;
        let mut fields = self.model.schema().outputs.iter();
        for array in &results {
            if keys(array).is_some() {
                let width = write_maps(output, rows, start, array)?;
                start += width;
                fields = fields.as_slice().get(width..).unwrap_or_default().iter();
                continue;
            }
            let Some(field) = fields.next() else { break };
            if array.shape != batch_shape(field, rows.len()) {
                return Err(Trouble::failed(format!(
                    "output '{}' has shape {:?}, which is not one row for each input row",
                    field.name, array.shape
                )));
            }
            let width = field.width().unwrap_or_default() as usize;
            write_array(output, rows, (start, width), array)
                .map_err(|_| Trouble::failed(format!("output '{}' is a {}", field.name, array.dtype())))?;
            start += width;
        }
        Ok(())
    }

    /// Whether all cells of a row fit; marks it as failed when not.
    fn check(&self, input: &Block, row: usize, output: &mut Output) -> bool {
        let mut start = 0;
        for (declared, field) in self.model.graph.inputs.iter().zip(&self.model.schema().inputs) {
            let width = field.width().unwrap_or_default() as usize;
            let dtype = declared.dtype.unwrap_or(DType::F64);
            if let Err(unfit) = read_rows(input, &[row], start, width, dtype) {
                fail_cell(output, row, field, unfit);
                return false;
            }
            start += width;
        }
        true
    }
}

fn read_rows(input: &Block, rows: &[usize], start: usize, width: usize, dtype: DType) -> Result<Data, (usize, Unfit)> {
    fn of<T: Convert>(input: &Block, rows: &[usize], start: usize, width: usize) -> Result<Data, (usize, Unfit)> {
        let mut values = vec![T::default(); rows.len() * width];
        for (row, values) in rows.iter().zip(values.chunks_exact_mut(width.max(1))) {
            read_cells(input, *row, start, values)?;
        }
        Ok(T::wrap(values))
    }
    match dtype {
        DType::F32 => of::<f32>(input, rows, start, width),
        DType::F64 => of::<f64>(input, rows, start, width),
        DType::F16 => of::<F16>(input, rows, start, width),
        DType::BF16 => of::<BF16>(input, rows, start, width),
        DType::I8 => of::<i8>(input, rows, start, width),
        DType::I16 => of::<i16>(input, rows, start, width),
        DType::I32 => of::<i32>(input, rows, start, width),
        DType::I64 => of::<i64>(input, rows, start, width),
        DType::U8 => of::<u8>(input, rows, start, width),
        DType::U16 => of::<u16>(input, rows, start, width),
        DType::U32 => of::<u32>(input, rows, start, width),
        DType::U64 => of::<u64>(input, rows, start, width),
        DType::Bool => of::<bool>(input, rows, start, width),
        DType::Text => of::<Text>(input, rows, start, width),
        DType::List | DType::Map | DType::Nothing => Err((0, Unfit::Invalid(format!("the model takes a {dtype}")))),
    }
}

/// Writes the values of maps, one for each row; how many cells each takes.
fn write_maps(output: &mut Output, rows: &[usize], start: usize, maps: &Array) -> Result<usize, Trouble> {
    let items = maps.items()?;
    if items.len() != rows.len() {
        return Err(Trouble::failed(format!("{} maps for {} rows", items.len(), rows.len())));
    }
    let mut width = 0;
    for (row, item) in rows.iter().zip(items) {
        if let Some(Data::Map(mapping)) = item.as_ref().map(|item| &item.data) {
            width = mapping.values.len();
            write_array(output, &[*row], (start, width), &mapping.values)?;
        }
    }
    Ok(width)
}

/// Writes the values of rows, `width` each, to cells from `start` on.
fn write_array(
    output: &mut Output,
    rows: &[usize],
    (start, width): (usize, usize),
    array: &Array,
) -> Result<(), Trouble> {
    fn of<T: ToCell>(values: &[T], output: &mut Output, rows: &[usize], start: usize, width: usize) {
        for (row, values) in rows.iter().zip(values.chunks_exact(width.max(1))) {
            write_cells(&mut output.cells, *row, start, values);
        }
    }
    if let Data::Text(values) = &array.data {
        for (row, values) in rows.iter().zip(values.chunks_exact(width.max(1))) {
            for (slot, text) in values.iter().enumerate() {
                output.cells.set_text(*row, start + slot, text);
            }
        }
        return Ok(());
    }
    for_plain!(array, values => { of(values, output, rows, start, width); Ok(()) })
}

impl Scorer for GraphScorer {
    fn score(&mut self, input: &Block, output: &mut Output) {
        let mut good = std::mem::take(&mut self.good);
        good.clear();
        good.extend((0..input.rows()).filter(|row| self.check(input, *row, output)));
        let mut left = good.as_slice();
        while let Some((rows, rest)) = left.split_at_checked(self.model.rows_of(left.len())) {
            left = rest;
            let Err(trouble) = self.run(input, rows, output) else {
                continue;
            };
            if let [row] = rows {
                output.fail(*row, trouble.code, format_args!("{trouble}"));
                continue;
            }
            // One bad row fails a batch: find out which.
            for row in rows {
                if let Err(trouble) = self.run(input, &[*row], output) {
                    output.fail(*row, trouble.code, format_args!("{trouble}"));
                }
            }
        }
        self.good = good;
    }
}
