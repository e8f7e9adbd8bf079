//! What tract makes of a network for given shapes.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::{
    InferenceFact, InferenceModel, InferenceModelExt as _, IntoRunnable as _, Symbol, SymbolValues, TDim, ToDim,
    TractResult, TypedModel, TypedRunnableModel,
};
use tract_onnx::tract_hir::infer::Factoid as _;

use super::convert;
use crate::array::{Array, MOST_ELEMENTS};
use crate::graph::Input;
use crate::trouble::Trouble;

/// Shapes of all inputs.
pub(super) type Shapes = Vec<Vec<usize>>;

/// Characters of a message of tract that are kept.
const LONGEST: usize = 240;
/// Most bytes of all values of one call, were they all kept.
const MOST_BYTES: usize = 2 << 30;
/// Most rows of one call.
const MOST_ROWS: usize = 256;
/// What a node takes beside its constants, roughly.
const NODE: usize = 1024;

/// Calls tract. What it leaves half done is not used again: a network that failed is not kept, a plan has no state.
///
/// # Errors
/// What it says, in one line, or that it panicked.
pub(super) fn contain<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(one_line(&format!("{error:#}"))),
        Err(panic) => Err(format!("it panicked: {}", one_line(message(panic.as_ref())))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

fn one_line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push_str(" ...");
    }
    line
}

/// Something that can be run.
pub(super) struct Plan {
    model: Arc<TypedRunnableModel>,
    /// Shapes that it is for; of one row where it is for any number of rows.
    shapes: Shapes,
    any_rows: bool,
    /// Bytes of all values of one row, or of the one call that it is for.
    value_bytes: usize,
}

impl Plan {
    /// For inputs of given shapes.
    ///
    /// # Errors
    /// What tract says, or that a value would be beyond our limits.
    pub(super) fn of_shapes(parsed: &InferenceModel, inputs: &[Input], shapes: &Shapes) -> Result<Self, String> {
        let lengths = shapes.iter().map(|shape| shape.iter().map(ToDim::to_dim).collect());
        Self::new(parsed, inputs, shapes, lengths.collect(), None)
    }

    /// For any number of rows; `shapes` are those of one.
    ///
    /// # Errors
    /// As [`of_shapes`](Self::of_shapes).
    pub(super) fn of_rows(parsed: &InferenceModel, inputs: &[Input], shapes: &Shapes) -> Result<Self, String> {
        let rows = parsed.symbols.new_with_prefix("rows");
        let lengths = |shape: &Vec<usize>| -> Vec<TDim> {
            let rest = shape.iter().skip(1).map(ToDim::to_dim);
            std::iter::once(rows.to_dim()).chain(rest).collect()
        };
        let lengths = shapes.iter().map(lengths).collect();
        Self::new(parsed, inputs, shapes, lengths, Some(&rows))
    }

    fn new(
        parsed: &InferenceModel,
        inputs: &[Input],
        shapes: &Shapes,
        lengths: Vec<Vec<TDim>>,
        rows: Option<&Symbol>,
    ) -> Result<Self, String> {
        let typed = contain(|| {
            let mut model = parsed.clone();
            for (n, (input, lengths)) in inputs.iter().zip(lengths).enumerate() {
                let fact = match input.dtype.and_then(convert::datum_type) {
                    Some(datum_type) => InferenceFact::dt_shape(datum_type, lengths),
                    None => InferenceFact::shape(lengths),
                };
                model.set_input_fact(n, fact)?;
            }
            model.into_typed()
        })?;
        let value_bytes = value_bytes(&typed, rows)?;
        let model = contain(|| typed.into_optimized()?.into_runnable())?;
        Ok(Self {
            model,
            shapes: shapes.clone(),
            any_rows: rows.is_some(),
            value_bytes,
        })
    }

    /// Whether inputs have the shapes that this is for.
    pub(super) fn takes(&self, shapes: &Shapes) -> bool {
        if !self.any_rows {
            return *shapes == self.shapes;
        }
        let rows = shapes.first().and_then(|shape| shape.first());
        let fits = |(given, one): (&Vec<usize>, &Vec<usize>)| given.first() == rows && given.get(1..) == one.get(1..);
        rows.is_some_and(|rows| *rows > 0)
            && shapes.len() == self.shapes.len()
            && shapes.iter().zip(&self.shapes).all(fits)
    }

    /// How many rows go into one call.
    pub(super) fn most_rows(&self) -> usize {
        (MOST_BYTES / self.value_bytes.max(1)).clamp(1, MOST_ROWS)
    }

    /// Evaluates all outputs.
    ///
    /// # Errors
    /// What tract says, or that it panicked.
    pub(super) fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
        let inputs = inputs.iter().map(convert::to_tract).collect::<Result<_, _>>()?;
        let outputs = contain(|| self.model.run(inputs));
        let outputs = outputs.map_err(|why| Trouble::failed(format!("tract: {why}")))?;
        outputs.iter().map(|output| convert::from_tract(output)).collect()
    }
}

/// Bytes of all values of a call, with one row where the number is open.
///
/// # Errors
/// For a value that is beyond our limits, before it is made.
fn value_bytes(model: &TypedModel, rows: Option<&Symbol>) -> Result<usize, String> {
    let values = match rows {
        Some(rows) => SymbolValues::default().with(rows, 1),
        None => SymbolValues::default(),
    };
    let mut bytes = 0_usize;
    for node in &model.nodes {
        for output in &node.outputs {
            // A length that depends on data is found at run time.
            let Ok(length) = contain(|| output.fact.shape.volume().eval_to_i64(&values)) else {
                continue;
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > MOST_ELEMENTS {
                return Err(format!(
                    "node '{}' makes {length} elements, {MOST_ELEMENTS} are allowed",
                    node.name
                ));
            }
            bytes = bytes.saturating_add(length * output.fact.datum_type.size_of());
        }
    }
    Ok(bytes)
}

/// Heap of a network and its plans: each constant once, and something for each node.
pub(super) fn heap_bytes<'p>(parsed: &InferenceModel, plans: impl Iterator<Item = &'p Plan>) -> usize {
    let mut seen = HashSet::new();
    let mut bytes = parsed.nodes.len() * NODE;
    let mut count = |constant: &Arc<tract_onnx::prelude::Tensor>| {
        if seen.insert(Arc::as_ptr(constant)) {
            constant.volume() * constant.datum_type().size_of()
        } else {
            0
        }
    };
    for output in parsed.nodes.iter().flat_map(|node| &node.outputs) {
        if let Some(constant) = output.fact.value.concretize() {
            bytes += count(&constant);
        }
    }
    for plan in plans {
        let nodes = &plan.model.model().nodes;
        bytes += nodes.len() * NODE;
        for output in nodes.iter().flat_map(|node| &node.outputs) {
            if let Some(constant) = &output.fact.konst {
                bytes += count(constant);
            }
        }
    }
    bytes
}
