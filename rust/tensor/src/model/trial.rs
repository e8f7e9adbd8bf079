//! What a model's outputs are, found by scoring rows of zeros.

use serving_model::Field;

use super::{Batching, GraphModel, Way, batch_shape, keys, known_shape};
use crate::array::Array;
use crate::cells::data_type;
use crate::run::Budget;

impl GraphModel {
    /// Types and shapes of the outputs: those of a trial with rows of zeros. Where it fails, they stay unknown.
    pub(super) fn find_outputs(&mut self) {
        let fixed = self
            .graph
            .inputs
            .iter()
            .any(|input| matches!(input.shape.as_deref(), Some([Some(_), ..])));
        // A plan works on each row by itself.
        let two = if fixed || self.is_compiled() {
            None
        } else {
            self.trial(2).zip(self.trial(3))
        };
        let rows_follow = |two: &[Array], three: &[Array]| {
            two.iter()
                .zip(three)
                .all(|(two, three)| match (keys(two), keys(three)) {
                    (Some(keys), Some(others)) => keys == others && two.len() == 2 && three.len() == 3,
                    _ => {
                        two.shape.first() == Some(&2)
                            && three.shape.first() == Some(&3)
                            && two.shape[1..] == three.shape[1..]
                    }
                })
        };
        let one = match &two {
            Some((two, three)) if rows_follow(two, three) => two.clone(),
            _ => {
                if !self.is_compiled() {
                    self.batching = Batching::OneByOne;
                }
                self.trial(1).unwrap_or_default()
            }
        };
        let follows = self.batching == Batching::Together;
        for (n, (name, _)) in self.graph.outputs.iter().enumerate() {
            let Some(array) = one.get(n) else {
                let field = Field::tensor(name.clone(), serving_model::DataType::Double, None);
                self.schema.outputs.push(field);
                continue;
            };
            if let Some((keys, dtype)) = keys(array) {
                // A map is as many numbers, each under its key.
                let fields = keys
                    .iter()
                    .map(|key| Field::scalar(format!("{name}({key})"), data_type(dtype)));
                self.schema.outputs.extend(fields);
                continue;
            }
            let rows = array.shape.first().copied();
            let is_row = (follows && rows.is_some()) || rows == Some(1);
            let shape = if is_row {
                array.shape.get(1..).and_then(known_shape)
            } else {
                None
            };
            let mut field = Field::tensor(name.clone(), data_type(array.dtype()), shape);
            field.labels = self.labels_of(n);
            self.schema.outputs.push(field);
        }
    }

    /// The texts that an output stands for by code.
    fn labels_of(&self, output: usize) -> Vec<String> {
        match &self.way {
            Way::Single(plan) => plan.texts_of(output),
            Way::Double(plan) => plan.texts_of(output),
            Way::Nodes | Way::Tract(_) => Vec::new(),
        }
    }

    fn trial(&self, rows: usize) -> Option<Vec<Array>> {
        let mut inputs = Vec::with_capacity(self.graph.inputs.len());
        for (field, input) in self.schema.inputs.iter().zip(&self.graph.inputs) {
            field.width()?;
            inputs.push(Array::zeros(input.dtype?, batch_shape(field, rows)).ok()?);
        }
        let mut budget = Budget {
            steps: 1 << 31,
            bytes: 1 << 28,
        };
        self.evaluate(&inputs, &mut budget).ok()
    }
}
