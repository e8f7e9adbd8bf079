//! Scoring of rows.

use std::sync::Arc;

use serving_kernels::dense::DenseReal;
use serving_model::{Block, ErrorCode, Field, Model as _, Output, Scorer};

use crate::array::{Array, BF16, DType, Data, F16, Text, elements, for_plain};
use crate::cells::{Convert, ToCell, Unfit, read_cells, write_cells};
use crate::model::{Batching, Compiled, GraphModel, batch_shape};
use crate::plan::{Answer, Plan, TILE, Workspace, extreme};
use crate::run::{Budget, run};
use crate::trouble::Trouble;

/// Rows that the general path takes at a time.
const MOST_TOGETHER: usize = 256;

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
pub(crate) trait Planned: DenseReal + Convert + ToCell {
    fn plan(compiled: Option<&Compiled>) -> Option<&Plan<Self>>;
}

impl Planned for f32 {
    fn plan(compiled: Option<&Compiled>) -> Option<&Plan<Self>> {
        match compiled {
            Some(Compiled::Single(plan)) => Some(plan),
            _ => None,
        }
    }
}

impl Planned for f64 {
    fn plan(compiled: Option<&Compiled>) -> Option<&Plan<Self>> {
        match compiled {
            Some(Compiled::Double(plan)) => Some(plan),
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
        let Some(plan) = T::plan(self.model.compiled.as_ref()) else {
            return;
        };
        let fields = &self.model.schema().inputs;
        let mut first = 0;
        while first < input.rows() {
            let rows = (input.rows() - first).min(TILE);
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
                    match answer {
                        Answer::Values { slot, width } => {
                            write_cells(&mut output.cells, first + row, start, self.space.row(*slot, row));
                            start += width;
                        }
                        Answer::Extreme { slot, largest } => {
                            let index = extreme(self.space.row(*slot, row), *largest);
                            output.cells.set_long(first + row, start, index as i64);
                            start += 1;
                        }
                    }
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
        if let Answer::Values { width, .. } = answer {
            elements(&[count, *width])?;
        }
    }
    let views = inputs.iter().map(Array::view).collect::<Result<Vec<&[T]>, _>>()?;
    let mut space = plan.workspace();
    let mut values: Vec<Vec<T>> = vec![Vec::new(); plan.outputs().len()];
    let mut indices: Vec<Vec<i64>> = vec![Vec::new(); plan.outputs().len()];
    for first in (0..count).step_by(TILE) {
        let rows = (count - first).min(TILE);
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
                match answer {
                    Answer::Values { slot, .. } => values[n].extend_from_slice(space.row(*slot, row)),
                    Answer::Extreme { slot, largest } => {
                        indices[n].push(extreme(space.row(*slot, row), *largest) as i64);
                    }
                }
            }
        }
    }
    let answers = plan.outputs().iter().zip(values).zip(indices);
    Ok(answers
        .map(|((answer, values), indices)| match answer {
            Answer::Values { width, .. } => Array::new(vec![count, *width], values),
            Answer::Extreme { .. } => Array::new(vec![count], indices),
        })
        .collect())
}

/// Scores a graph node by node.
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
        let results = run(&self.model.graph, &arrays, &mut Budget::default())?;
        let mut start = 0;
        for (array, field) in results.iter().zip(&self.model.schema().outputs) {
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
        let together = match self.model.batching {
            Batching::Together => MOST_TOGETHER,
            Batching::OneByOne => 1,
        };
        for rows in good.chunks(together) {
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
