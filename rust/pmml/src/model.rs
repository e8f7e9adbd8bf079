//! The compiled document as a [`Model`], and its [`Scorer`].

use std::fmt::Write as _;
use std::sync::Arc;

use serving_model::{Block, DataType, Field, Limits, Model, ModelError, ModelType, Schema, Scorer};

use crate::compile::{Compiler, Input, model_of};
use crate::document::{Document, Node};
use crate::models::Kind;
use crate::models::output::Feature;
use crate::notes;
use crate::program::Program;
use crate::run::{Run, Scratch, Slot, Source};
use crate::scorer::PmmlScorer;
use crate::treatment::Lists;
use crate::value::Type;
use crate::verification::verify;

/// Where the value of an output cell comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    /// The predicted class or value of a model.
    Target(usize),
    /// The answer of that segment of a model that has this target.
    OneOf(usize),
    /// The share of a class of a model.
    Share(usize, u32),
    /// An output field, by its slot.
    Slot(Slot),
    /// An output field that holds a list.
    List(Slot),
    /// An output field that holds a class of a model.
    Class(Slot, usize),
}

/// What people read of a target among the outputs.
const TARGET: &str = "target";

/// A compiled PMML document.
#[derive(Debug)]
pub(crate) struct PmmlModel {
    pub(crate) program: Program,
    pub(crate) schema: Schema,
    /// For each output: where its value comes from, the first that has one.
    pub(crate) cells: Vec<(Vec<Cell>, DataType)>,
    pub(crate) inputs: Vec<(Slot, String)>,
    pub(crate) summary: String,
    bytes: usize,
}

fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Double => DataType::Double,
        Type::Float => DataType::Float,
        Type::Integer | Type::DaysSince(_) | Type::SecondsSince(_) | Type::TimeSeconds => DataType::Long,
        Type::Boolean => DataType::Boolean,
        Type::String | Type::Date | Type::Time | Type::DateTime => DataType::String,
    }
}

impl PmmlModel {
    pub(crate) fn create(content: &[u8], limits: Limits) -> Result<Arc<Self>, ModelError> {
        let document = Document::parse(content, limits)?;
        let root = document.root();
        let mut compiler = Compiler::new(&document)?;
        let element = model_of(root).ok_or_else(|| root.invalid("the document has no model"))?;
        let index = compiler
            .model(0, element, None)
            .map_err(|error| compiler.with_unsupported(error))?;
        if let Some(error) = compiler.refusal() {
            return Err(error);
        }
        let fields: Vec<(String, Vec<String>)> = compiler
            .inputs
            .iter()
            .map(|input| {
                let values = compiler
                    .fields
                    .get(input.name.as_str())
                    .map(|field| field.values.iter().map(|text| (*text).to_owned()).collect());
                (input.name.clone(), values.unwrap_or_default())
            })
            .collect();
        let Compiler {
            strings,
            mut slots,
            functions,
            models,
            elements,
            shares,
            inputs,
            read_outputs,
            ..
        } = compiler;
        let models = models
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ModelError::unsupported("a model element could not be compiled"))?;
        // Fields that only matter when something reads them are dropped when nothing does.
        let mut kept: Vec<(Slot, String)> = Vec::new();
        let mut schema = Schema::default();
        for (
            Input {
                name,
                slot,
                active,
                used,
            },
            (_, values),
        ) in inputs.into_iter().zip(fields)
        {
            let kind = slots[slot as usize].kind;
            if let Source::Input { cell, treatment } = &mut slots[slot as usize].source {
                *cell = kept.len() as u32;
                if active || used {
                    let mut field = match treatment.lists {
                        Lists::No => Field::scalar(&name, data_type(kind)),
                        Lists::Only | Lists::OrOne => Field::list(&name),
                        Lists::Series => Field {
                            list: true,
                            ..Field::scalar(&name, data_type(kind))
                        },
                    };
                    field.labels = values;
                    field.notes = notes::of_input(kind, treatment, &strings);
                    schema.inputs.push(field);
                    kept.push((slot, name));
                }
            }
        }
        let mut models = models;
        for model in &mut models {
            model.kind.connect(&slots);
        }
        let outermost = &mut models[index];
        let (float, classes) = (outermost.float, outermost.classes.len());
        for output in &mut outermost.outputs {
            output.direct = !float
                && output.model == index
                && matches!(output.kind, None | Some(Type::Double))
                && matches!(output.feature, Feature::Probability { class } if (class as usize) < classes)
                && !read_outputs.contains(&output.slot);
        }
        let program = Program {
            strings,
            slots,
            functions,
            models,
            shares,
            root: index,
        };
        let mut model = Self {
            summary: String::new(),
            bytes: 0,
            cells: Vec::new(),
            inputs: kept,
            schema,
            program,
        };
        model.learn()?;
        model.describe_outputs(&targets(element));
        model.summary = summarize(root.get("version"), document.len(), &elements);
        model.bytes = model.count();
        if model.bytes > limits.native_bytes {
            return Err(ModelError::too_large(format!(
                "the compiled model takes {} bytes, the limit is {}",
                model.bytes, limits.native_bytes
            )));
        }
        let model = Arc::new(model);
        verify(&model, element)?;
        Ok(model)
    }

    /// Computes the derived fields of training instances that hold raw values.
    fn learn(&mut self) -> Result<(), ModelError> {
        for index in 0..self.program.models.len() {
            let Kind::Neighbors(neighbors) = &mut self.program.models[index].kind else {
                continue;
            };
            let raw = std::mem::take(&mut neighbors.raw);
            let slots: Vec<Slot> = neighbors.points.fields.iter().map(|(slot, _, _)| *slot).collect();
            let mut block = Block::new(self.inputs.len());
            let mut scratch = Scratch::new(&self.program);
            let mut values = Vec::with_capacity(raw.len() * slots.len());
            for (number, row) in raw.iter().enumerate() {
                block.reset(1);
                for (field, text) in row {
                    if let Some(cell) = self.inputs.iter().position(|(_, name)| name == field) {
                        block.set_text(0, cell, text);
                    }
                }
                scratch.clear();
                let mut run = Run {
                    program: &self.program,
                    scratch: &mut scratch,
                    input: &block,
                    row: 0,
                };
                for slot in &slots {
                    let value = run.number(*slot).map_err(|_| {
                        ModelError::invalid(format!("training instance {} has an invalid value", number + 1))
                    })?;
                    values.push(value.unwrap_or(f64::NAN));
                }
            }
            if let (false, Kind::Neighbors(neighbors)) = (raw.is_empty(), &mut self.program.models[index].kind) {
                neighbors.points.values = values;
            }
        }
        Ok(())
    }

    fn describe_outputs(&mut self, targets: &[String]) {
        let root = &self.program.models[self.program.root];
        let target_kind = data_type(root.target_kind);
        if let (Kind::Mining(mining), [_, _, ..]) = (&root.kind, targets) {
            let mut found = Vec::new();
            for (number, name) in targets.iter().enumerate() {
                let segment = mining
                    .segments
                    .iter()
                    .map(|segment| segment.model as usize)
                    .find(|segment| self.program.models[*segment].target_name.as_ref() == Some(name));
                match segment {
                    Some(segment) => {
                        let kind = data_type(self.program.models[segment].target_kind);
                        found.push((name.clone(), Cell::OneOf(segment), kind));
                    }
                    None if number == 0 => {
                        found.push((name.clone(), Cell::Target(self.program.root), target_kind));
                    }
                    None => {}
                }
            }
            for (name, cell, kind) in found {
                self.push_output(name, cell, kind, TARGET.to_owned());
            }
        } else if let (Kind::TimeSeries(series), [_, _, ..]) = (&root.kind, targets) {
            let slots: Vec<Slot> = series.targets.iter().map(|target| target.value).collect();
            for (name, slot) in targets.iter().zip(slots) {
                self.push_output(name.clone(), Cell::Slot(slot), target_kind, TARGET.to_owned());
            }
        } else {
            let name = root.target_name.clone().unwrap_or_else(|| "_target".to_owned());
            self.push_output(name, Cell::Target(self.program.root), target_kind, TARGET.to_owned());
        }
        let mut pending = vec![self.program.root];
        while let Some(index) = pending.pop() {
            let model = &self.program.models[index];
            let mut found = Vec::new();
            for output in &model.outputs {
                let answering = &self.program.models[output.model];
                let labelled = !answering.classes.is_empty()
                    && matches!(output.feature, Feature::PredictedValue)
                    && output.kind.is_none_or(|kind| kind == answering.target_kind);
                let kind = data_type(self.program.slots[output.slot as usize].kind);
                let cell = if let (true, Feature::Probability { class }) = (output.direct, &output.feature) {
                    Cell::Share(index, *class)
                } else if output.list {
                    Cell::List(output.slot)
                } else if labelled {
                    Cell::Class(output.slot, output.model)
                } else {
                    Cell::Slot(output.slot)
                };
                let notes = notes::of_output(output, answering, &self.program.strings);
                found.push((output.name.clone(), cell, kind, notes));
            }
            if let Kind::Mining(mining) = &model.kind {
                pending.extend(mining.answering().iter().rev().map(|segment| segment.model as usize));
            }
            for (name, cell, kind, notes) in found {
                self.push_output(name, cell, kind, notes);
            }
        }
    }

    fn push_output(&mut self, name: String, cell: Cell, kind: DataType, notes: String) {
        let list = match cell {
            Cell::List(_) => true,
            Cell::Target(index) | Cell::OneOf(index) => self.program.models[index].list,
            _ => false,
        };
        let mut field = if list {
            Field::list(name)
        } else {
            Field::scalar(name, kind)
        };
        if let (false, Cell::Target(index) | Cell::Class(_, index) | Cell::OneOf(index)) = (list, cell) {
            let classes = &self.program.models[index].classes;
            // Truth values stay truth values: they have no labels to choose from.
            if !classes.is_empty() && self.program.models[index].target_kind == Type::Boolean {
                field.data_type = DataType::Boolean;
            } else if !classes.is_empty() {
                field.data_type = DataType::String;
                field.labels = classes
                    .iter()
                    .map(|class| self.program.strings.get(class.code).unwrap_or_default().to_owned())
                    .collect();
            }
        }
        field.notes = notes;
        // Segments of which one answers may name their outputs alike.
        if let Some(known) = self.schema.outputs.iter().position(|known| known.name == field.name) {
            let output = &self.schema.outputs[known];
            if output.data_type == field.data_type && output.labels == field.labels && output.list == field.list {
                self.cells[known].0.push(cell);
            }
        } else {
            self.cells.push((vec![cell], field.data_type));
            self.schema.outputs.push(field);
        }
    }
}

fn summarize(version: Option<&str>, elements: usize, models: &[(&str, usize)]) -> String {
    let mut text = format!("PMML {}, {elements} elements: ", version.unwrap_or("without version"));
    for (index, (name, count)) in models.iter().rev().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // Writing into a String can't fail.
        let _ = write!(text, "{separator}{count} {name}");
    }
    text
}

/// The target fields of a model, in the order of its mining schema.
fn targets(model: Node<'_>) -> Vec<String> {
    model
        .child("MiningSchema")
        .into_iter()
        .flat_map(|schema| schema.all("MiningField"))
        .filter(|field| matches!(field.get("usageType"), Some("target" | "predicted")))
        .filter_map(|field| field.get("name").map(str::to_owned))
        .collect()
}

impl Model for PmmlModel {
    fn model_type(&self) -> ModelType {
        ModelType::Pmml
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn native_bytes(&self) -> usize {
        self.bytes
    }

    fn summary(&self) -> String {
        self.summary.clone()
    }

    fn scorer(self: Arc<Self>) -> Result<Box<dyn Scorer>, ModelError> {
        Ok(Box::new(PmmlScorer::new(self)))
    }
}
