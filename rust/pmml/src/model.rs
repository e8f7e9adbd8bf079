//! The compiled document as a [`Model`], and its [`Scorer`].

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serving_model::{Block, DataType, Field, Limits, Model, ModelError, ModelType, Schema, Scorer};

use crate::compile::{Compiler, DEEPEST, Input, model_of, target_names};
use crate::document::Document;
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

/// Most steps of all records together that are scored while a document is loaded.
pub(crate) const MOST_STEPS: u64 = 1 << 30;

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
    /// Compiles a document, recursing at most `deepest` deep; `None` when that is not enough but [`DEEPEST`] may be.
    pub(crate) fn create(
        document: &Document<'_>,
        limits: Limits,
        deepest: usize,
    ) -> Result<Option<Arc<Self>>, ModelError> {
        let root = document.root();
        let mut compiler = Compiler::new(document, deepest)?;
        let element = model_of(root).ok_or_else(|| root.invalid("the document has no model"))?;
        let compiled = compiler.model(0, element, None);
        if compiler.too_deep && deepest < DEEPEST {
            return Ok(None);
        }
        let index = compiled.map_err(|error| compiler.with_unsupported(error))?;
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
            steps: limits.steps,
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
        model.learn(limits)?;
        let targets: Vec<String> = target_names(element).into_iter().map(str::to_owned).collect();
        model.describe_outputs(&targets, limits)?;
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
        Ok(Some(model))
    }

    /// Computes the derived fields of training instances that hold raw values.
    fn learn(&mut self, limits: Limits) -> Result<(), ModelError> {
        for index in 0..self.program.models.len() {
            let Kind::Neighbors(neighbors) = &mut self.program.models[index].kind else {
                continue;
            };
            let raw = std::mem::take(&mut neighbors.raw);
            let fields = std::mem::take(&mut neighbors.raw_fields);
            let slots: Vec<Slot> = neighbors.points.fields.iter().map(|(slot, _, _)| *slot).collect();
            let mut block = Block::new(self.inputs.len());
            let mut scratch = Scratch::new(&self.program);
            let inputs: HashMap<&str, usize> = self
                .inputs
                .iter()
                .enumerate()
                .map(|(cell, (_, name))| (name.as_str(), cell))
                .collect();
            let cells: Vec<Option<usize>> = fields.iter().map(|name| inputs.get(name.as_str()).copied()).collect();
            if raw.len().saturating_mul(slots.len()) > limits.native_bytes / size_of::<f64>() {
                return Err(ModelError::too_large(format!(
                    "{} training instances of {} inputs are more than {} bytes",
                    raw.len(),
                    slots.len(),
                    limits.native_bytes
                )));
            }
            let mut values = Vec::with_capacity(raw.len() * slots.len());
            for (number, row) in raw.iter().enumerate() {
                block.reset(1);
                for (field, text) in row {
                    if let Some(cell) = cells[*field as usize] {
                        block.set_text(0, cell, text);
                    }
                }
                if scratch.steps.total() > MOST_STEPS {
                    return Err(ModelError::too_large(
                        "computing the training instances takes too many steps",
                    ));
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

    fn describe_outputs(&mut self, targets: &[String], limits: Limits) -> Result<(), ModelError> {
        let mut known = Known {
            names: HashMap::new(),
            left: limits.native_bytes,
        };
        let root = &self.program.models[self.program.root];
        let target_kind = data_type(root.target_kind);
        if let (Kind::Mining(mining), [_, _, ..]) = (&root.kind, targets) {
            let mut found = Vec::new();
            let mut answering: HashMap<&str, usize> = HashMap::new();
            for segment in &mining.segments {
                let segment = segment.model as usize;
                if let Some(name) = &self.program.models[segment].target_name {
                    answering.entry(name).or_insert(segment);
                }
            }
            for (number, name) in targets.iter().enumerate() {
                match answering.get(name.as_str()).copied() {
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
                self.push_output(&mut known, name, cell, kind, TARGET.to_owned())?;
            }
        } else if let Some(further) = root.further() {
            let of_root = root.target_name.iter().map(|_| Cell::Target(self.program.root));
            let of_others = further.into_iter().map(Cell::OneOf);
            let cells: Vec<Cell> = of_root.chain(of_others).collect();
            for (name, cell) in targets.iter().zip(cells) {
                let kind = match cell {
                    Cell::OneOf(index) => data_type(self.program.models[index].target_kind),
                    _ => target_kind,
                };
                self.push_output(&mut known, name.clone(), cell, kind, TARGET.to_owned())?;
            }
        } else if let (Kind::TimeSeries(series), [_, _, ..]) = (&root.kind, targets) {
            let slots: Vec<Slot> = series.targets.iter().map(|target| target.value).collect();
            for (name, slot) in targets.iter().zip(slots) {
                self.push_output(
                    &mut known,
                    name.clone(),
                    Cell::Slot(slot),
                    target_kind,
                    TARGET.to_owned(),
                )?;
            }
        } else {
            let name = root.target_name.clone().unwrap_or_else(|| "_target".to_owned());
            let cell = Cell::Target(self.program.root);
            self.push_output(&mut known, name, cell, target_kind, TARGET.to_owned())?;
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
                self.push_output(&mut known, name, cell, kind, notes)?;
            }
        }
        Ok(())
    }

    fn push_output(
        &mut self,
        known: &mut Known,
        name: String,
        cell: Cell,
        kind: DataType,
        notes: String,
    ) -> Result<(), ModelError> {
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
                let texts = || {
                    classes
                        .iter()
                        .map(|class| self.program.strings.get(class.code).unwrap_or_default())
                };
                let bytes = texts().map(|text| size_of::<String>() + text.len()).sum();
                known.left = known.left.checked_sub(bytes).ok_or_else(|| {
                    ModelError::too_large(format!("the labels of output '{}' take {bytes} bytes", field.name))
                })?;
                field.labels = texts().map(str::to_owned).collect();
            }
        }
        field.notes = notes;
        // Segments of which one answers may name their outputs alike.
        if let Some(known) = known.names.get(&field.name).copied() {
            let output = &self.schema.outputs[known];
            if output.data_type == field.data_type && output.labels == field.labels && output.list == field.list {
                self.cells[known].0.push(cell);
            }
        } else {
            known.names.insert(field.name.clone(), self.cells.len());
            self.cells.push((vec![cell], field.data_type));
            self.schema.outputs.push(field);
        }
        Ok(())
    }
}

/// The outputs that are described, by their names, and how many bytes their labels may still take.
struct Known {
    names: HashMap<String, usize>,
    left: usize,
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
