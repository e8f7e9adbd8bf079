//! Operators with graphs inside.

use serving_model::ModelError;

use super::importer::Importer;
use super::node::Source;

use crate::graph::{Control, Op, Scan, Value};
use crate::ops::attention::Attention;

impl Importer<'_> {
    /// Translates an operator with graphs inside; `None` for another.
    ///
    /// # Errors
    /// When a graph is missing or has too few inputs or outputs, and what its nodes have against it.
    pub(super) fn control(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        match (super::importer::domain(&node.definition.domain), node.operator()) {
            ("", "If") => self.branch(node),
            ("", "Loop") => self.repeat(node),
            ("", "Scan") => self.scan(node),
            ("", "SequenceMap") => self.map(node),
            ("ai.onnx.preview" | "", "FlexAttention") => self.flexible(node),
            _ => Ok(None),
        }
    }

    fn add_control(&mut self, node: &Source<'_>, control: Control, inputs: &[Value]) -> Vec<Value> {
        let definition = node.definition;
        let mut maker = self.maker(&definition.name, &definition.op_type);
        maker.many(Op::Control(Box::new(control)), inputs, node.outputs())
    }

    fn branch(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        let condition = node.input(0)?;
        let (first, captured) = self.inner(node.graph("then_branch")?)?;
        let (second, others) = self.inner(node.graph("else_branch")?)?;
        let outputs = node.outputs();
        if first.outputs.len() < outputs || second.outputs.len() < outputs {
            return Err(node.invalid("a branch has too few outputs"));
        }
        let control = Control::Branch {
            captures: captured.len(),
            graphs: [first, second],
            outputs,
        };
        let inputs: Vec<Value> = [condition].into_iter().chain(captured).chain(others).collect();
        Ok(Some(self.add_control(node, control, &inputs)))
    }

    fn repeat(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        let graph = node.graph("body")?;
        let variables = node.inputs.len().saturating_sub(2);
        if graph.input.len() != variables + 2 || graph.output.len() <= variables {
            return Err(node.invalid(format!(
                "the body of a loop with {variables} variables has {} inputs and {} outputs",
                graph.input.len(),
                graph.output.len()
            )));
        }
        let stacked = graph.output.len() - 1 - variables;
        let (body, captured) = self.inner(graph)?;
        let mut inputs = node.all(&mut self.maker(&node.definition.name, node.operator()));
        if inputs.len() < 2 {
            return Err(node.invalid("a loop needs the inputs 'M' and 'cond'"));
        }
        inputs.extend(captured);
        let control = Control::Repeat {
            body,
            variables,
            stacked,
        };
        Ok(Some(self.add_control(node, control, &inputs)))
    }

    fn scan(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        let graph = node.graph("body")?;
        let batched = node.version < 9;
        let walked = node.count("num_scan_inputs", 0)?;
        let own = node.inputs.len().saturating_sub(usize::from(batched));
        let variables = own.checked_sub(walked).filter(|_| walked > 0);
        let variables = variables.ok_or_else(|| node.invalid("a scan without inputs to walk"))?;
        if graph.input.len() != own || graph.output.len() < variables {
            return Err(node.invalid("the body of the scan has other inputs and outputs than the scan"));
        }
        let stacked = graph.output.len() - variables;
        let pairs = |count: usize, axes: &str, directions: &str| -> Vec<(i64, bool)> {
            let entry = |name: &str, n: usize| node.integers(name).and_then(|list| list.get(n).copied()).unwrap_or(0);
            (0..count)
                .map(|n| (entry(axes, n), entry(directions, n) != 0))
                .collect()
        };
        let directions = if batched { "directions" } else { "scan_input_directions" };
        let (body, captured) = self.inner(graph)?;
        let scan = Scan {
            body,
            variables,
            walked: pairs(walked, "scan_input_axes", directions),
            stacked: pairs(stacked, "scan_output_axes", "scan_output_directions"),
            batched,
        };
        let mut inputs = node.all(&mut self.maker(&node.definition.name, node.operator()));
        inputs.extend(captured);
        Ok(Some(self.add_control(node, Control::Scan(scan), &inputs)))
    }

    fn map(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        let graph = node.graph("body")?;
        let given = node.inputs.len();
        if graph.input.len() != given || graph.output.len() < node.outputs() {
            return Err(node.invalid("the body has other inputs and outputs than the node"));
        }
        let (body, captured) = self.inner(graph)?;
        let mut inputs = node.all(&mut self.maker(&node.definition.name, node.operator()));
        inputs.extend(captured);
        let control = Control::MapItems {
            body,
            outputs: node.outputs(),
            given,
        };
        Ok(Some(self.add_control(node, control, &inputs)))
    }

    /// `FlexAttention`: its graphs change scores and probabilities.
    fn flexible(&mut self, node: &Source<'_>) -> Result<Option<Vec<Value>>, ModelError> {
        let (query, key, value) = (node.input(0)?, node.input(1)?, node.input(2)?);
        let definition = node.definition;
        let precision = node.dtype("softmax_precision")?;
        let mut maker = self.maker(&definition.name, &definition.op_type);
        let [key, value] = [key, value].map(|heads| maker.one(Op::Attention(Attention::RepeatHeads), &[query, heads]));
        let product = Op::MatMul {
            transpose_left: false,
            transpose_right: true,
        };
        let wide = |maker: &mut super::node::Maker<'_>, input: Value| match precision {
            Some(precision) => maker.one(Op::Cast(precision), &[input]),
            // Half precision is too coarse for a softmax; doubles stay what they are.
            None => maker.one(Op::Attention(Attention::Precise), &[input]),
        };
        let (left, right) = (wide(&mut maker, query), wide(&mut maker, key));
        let scores = maker.one(product, &[left, right]);
        let scale = node.float("scale");
        let mut scores = maker.one(Op::Attention(Attention::ScaleByHead { scale }), &[scores, query]);
        if node.attribute("score_mod").is_some() {
            scores = self.modified(node, "score_mod", scores)?;
        }
        let mut maker = self.maker(&definition.name, &definition.op_type);
        let softmax = Op::Activate(serving_kernels::activation::Activation::Softmax);
        let mut probabilities = maker.one(softmax, &[scores]);
        if node.attribute("prob_mod").is_some() {
            probabilities = self.modified(node, "prob_mod", probabilities)?;
        }
        let mut maker = self.maker(&definition.name, &definition.op_type);
        let probabilities = maker.one(Op::Move(crate::ops::Move::CastLike), &[probabilities, value]);
        let product = Op::MatMul {
            transpose_left: false,
            transpose_right: false,
        };
        Ok(Some(vec![maker.one(product, &[probabilities, value])]))
    }

    fn modified(&mut self, node: &Source<'_>, name: &str, value: Value) -> Result<Value, ModelError> {
        let results = self.inlined(node.graph(name)?, &[value])?;
        results
            .first()
            .copied()
            .ok_or_else(|| node.invalid(format!("the graph '{name}' has no output")))
    }
}
