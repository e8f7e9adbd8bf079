//! Networks that tract evaluates: ONNX models with operators that the interpreter does not have, or whose descriptor asks for it.
//!
//! Nothing of tract is trusted to return: each call of it is contained, and what it says becomes an error of ours. What it allocates
//! while it works is its own business; the shapes that it knows beforehand are held against our limits.

mod convert;
mod operators;
mod plan;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serving_model::{ErrorCode, Limits, ModelError};
use tract_onnx::prelude::{Framework as _, InferenceModel};

use crate::array::Array;
use crate::graph::Input;
use crate::onnx::{self, Embedded};
use crate::trouble::Trouble;
use plan::{Plan, Shapes, contain};

/// Most plans for given shapes that are kept.
const MOST_PLANS: usize = 4;
/// Lengths that are tried for axes whose length is open.
const TRIED: [usize; 3] = [1, 16, 256];
/// Rows of the plan for several rows, where tract needs their number.
const SEVERAL: usize = 16;

/// A network, shared by all tasks.
pub(crate) struct Network {
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<String>,
    /// How often each operator occurs, for people.
    pub(crate) operators: BTreeMap<String, usize>,
    parsed: InferenceModel,
    /// For any number of rows.
    rows: Option<Plan>,
    /// For given shapes, the last used at the end.
    plans: Mutex<Vec<(Shapes, Arc<Plan>)>>,
    bytes: usize,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Network({:?})", self.operators)
    }
}

/// Reads a model for tract.
///
/// # Errors
/// As [`onnx::read_message`]; `MODEL_UNSUPPORTED` with the operators that tract does not have, or, unless it was asked for, may get wrong,
/// or with what it says.
pub(crate) fn read_network(
    content: &[u8],
    folder: Option<&Path>,
    limits: Limits,
    asked: bool,
) -> Result<Network, ModelError> {
    let Embedded {
        message,
        operators,
        inputs,
        outputs,
    } = onnx::read_message(content, folder, limits)?;
    operators::check(&operators, asked)?;
    for input in &inputs {
        let known = input.dtype.and_then(convert::datum_type);
        if known.is_none() || input.optional || input.shape.is_none() {
            let message = format!(
                "input '{}' has a type that tract does not have, or no shape",
                input.name
            );
            return Err(ModelError::unsupported(message));
        }
    }
    let parsed = contain(|| {
        // Types of values between nodes are found by tract; a file can claim any.
        let framework = operators::framework().with_ignore_value_info(true);
        framework.model_for_read(&mut message.as_slice())
    });
    let parsed = parsed.map_err(|why| unsupported(&why))?;
    let names = contain(|| {
        let outlets = parsed.input_outlets()?.iter();
        Ok(outlets.map(|outlet| parsed.node(outlet.node).name.clone()).collect())
    });
    let names: Vec<String> = names.map_err(|why| unsupported(&why))?;
    if names.iter().ne(inputs.iter().map(|input| &input.name)) {
        return Err(unsupported(&format!("the inputs are {names:?}")));
    }
    let named = operators.into_iter().map(|((domain, name), count)| {
        let dot = if domain.is_empty() { "" } else { "." };
        (format!("{domain}{dot}{name}"), count)
    });
    let mut network = Network {
        inputs,
        outputs,
        operators: named.collect(),
        parsed,
        rows: None,
        plans: Mutex::default(),
        bytes: 0,
    };
    network.rows = network.plan_of_rows();
    // What tract can't make a plan of at all is refused now, not when it is scored.
    if network.rows.is_none() {
        let tried = TRIED.map(|length| network.plan(&network.shapes_with(1, length)).err());
        if let [Some(why), ..] = &tried
            && tried.iter().all(Option::is_some)
        {
            return Err(unsupported(why));
        }
    }
    network.count();
    Ok(network)
}

fn unsupported(why: &str) -> ModelError {
    ModelError::unsupported(format!("tract: {why}"))
}

impl Network {
    /// The shapes of so many rows, where those of one are known.
    fn shapes_of(&self, rows: usize) -> Option<Shapes> {
        let known = |input: &Input| matches!(input.shape.as_deref(), Some([_, row @ ..]) if !row.contains(&None));
        self.inputs.iter().all(known).then(|| self.shapes_with(rows, 1))
    }

    /// The shapes of so many rows; `length` stands for each other length that is open.
    fn shapes_with(&self, rows: usize, length: usize) -> Shapes {
        let shape = |input: &Input| {
            let shape = input.shape.iter().flatten().enumerate();
            shape
                .map(|(axis, known)| known.unwrap_or(if axis == 0 { rows } else { length }))
                .collect()
        };
        self.inputs.iter().map(shape).collect()
    }

    /// The plan for any number of rows, where the number is all that is open.
    fn plan_of_rows(&self) -> Option<Plan> {
        let open = |input: &Input| matches!(input.shape.as_deref(), Some([None, ..]));
        if self.inputs.is_empty() || !self.inputs.iter().all(open) {
            return None;
        }
        Plan::of_rows(&self.parsed, &self.inputs, &self.shapes_of(1)?).ok()
    }

    fn plan(&self, shapes: &Shapes) -> Result<Arc<Plan>, String> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = plans.iter().position(|(known, _)| known == shapes) {
            let (shapes, plan) = plans.remove(found);
            plans.push((shapes, Arc::clone(&plan)));
            return Ok(plan);
        }
        let plan = Arc::new(Plan::of_shapes(&self.parsed, &self.inputs, shapes)?);
        if plans.len() == MOST_PLANS {
            plans.remove(0);
        }
        plans.push((shapes.clone(), Arc::clone(&plan)));
        Ok(plan)
    }

    /// Makes the plans that rows are scored with; others are forgotten. `together`: whether several rows may be scored in one call.
    pub(crate) fn settle(&mut self, together: bool) {
        if !together {
            self.rows = None;
        }
        self.plans = Mutex::default();
        if self.rows.is_none() {
            let sizes: &[usize] = if together { &[SEVERAL, 1] } else { &[1] };
            for shapes in sizes.iter().filter_map(|rows| self.shapes_of(*rows)) {
                // One that fails fails again, with its reason, when it is needed.
                let _ = self.plan(&shapes);
            }
        }
        self.count();
    }

    fn count(&mut self) {
        let plans = self.plans.get_mut().unwrap_or_else(PoisonError::into_inner);
        let plans = plans.iter().map(|(_, plan)| plan.as_ref()).chain(&self.rows);
        self.bytes = plan::heap_bytes(&self.parsed, plans);
    }

    /// Heap that constants and nodes take, as far as tract tells.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes
    }

    /// How many of the rows that are left go into the next call.
    pub(crate) fn rows_of(&self, left: usize) -> usize {
        match &self.rows {
            Some(plan) => plan.most_rows().min(left),
            None if left >= SEVERAL => SEVERAL,
            None => 1,
        }
    }

    /// Evaluates all outputs.
    ///
    /// # Errors
    /// What tract says, or that it panicked.
    pub(crate) fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
        let shapes: Shapes = inputs.iter().map(|input| input.shape.clone()).collect();
        if let Some(plan) = self.rows.as_ref().filter(|plan| plan.takes(&shapes)) {
            return plan.run(inputs);
        }
        let plan = self.plan(&shapes).map_err(|why| Trouble {
            code: ErrorCode::ScoringFailed,
            message: format!("tract: {why}"),
        })?;
        plan.run(inputs)
    }
}
