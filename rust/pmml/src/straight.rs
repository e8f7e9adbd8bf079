//! Documents that are one model on a kernel, with nothing around it but shares of classes as outputs: from cells to cells,
//! several rows at once, without what the general path prepares for a record. Rows with anything but plain numbers are left
//! to the general path, which gives the same answers.

use serving_kernels::linear;
use serving_kernels::trees::RankedRows;
use serving_model::{Block, DataType, Output, Tag};

use crate::model::{Cell, PmmlModel};
use crate::models::mining::Method;
use crate::models::neural_network::{Destination, predicted, shares};
use crate::models::regression::{Normalization, normalize};
use crate::models::tree::Walk;
use crate::models::{Function, Kind, Model, NONE, largest_share};
use crate::run::append_numbers;

/// Rows that are worked on together.
const ROWS: usize = 64;

/// What an output cell gets.
#[derive(Clone, Copy, Debug)]
enum Write {
    Label,
    Share(u32),
    Double,
    Float,
}

impl Write {
    fn tag(self) -> Tag {
        match self {
            Self::Label => Tag::Label,
            Self::Share(_) | Self::Double => Tag::Double,
            Self::Float => Tag::Float,
        }
    }
}

/// How such a document is scored, with the space for it.
pub(crate) struct Straight {
    /// Cells of the features.
    cells: Box<[u32]>,
    /// Features are compared in `f32`.
    single: bool,
    writes: Box<[Write]>,
    /// The tags that all rows get.
    tags: Box<[u8]>,
    /// The first cell gets the label, the others all shares in their order.
    label_and_shares: bool,
    /// Answers of a row: shares of classes, or a number.
    width: usize,
    /// Rows of the block that are worked on.
    rows: Vec<usize>,
    /// Their features.
    features: Vec<f64>,
    single_features: Vec<f32>,
    ranked: RankedRows,
    answers: Vec<f64>,
    /// Their classes.
    classes: Vec<u32>,
    work: Vec<f64>,
    dense: Vec<f64>,
    /// Rows for the general path.
    pub(crate) left: Vec<usize>,
}

impl Straight {
    /// `None` for other documents.
    pub(crate) fn of(model: &PmmlModel) -> Option<Self> {
        let root = &model.program.models[model.program.root];
        let classifies = root.function == Function::Classification;
        let (cells, single) = match &root.kind {
            Kind::Regression(regression) => (&*regression.plain.as_ref()?.direct.cells, false),
            Kind::GeneralRegression(regression)
                if !classifies && regression.offset_slot.is_none() && regression.trials_slot.is_none() =>
            {
                (&*regression.plain.as_ref()?.direct.cells, false)
            }
            Kind::Tree(tree) if tree.embedded.is_empty() => {
                let features = &tree.lowered.as_ref()?.features;
                (features.cells(), features.single)
            }
            Kind::Mining(mining) => {
                let features = &mining.forest.as_ref()?.features;
                (features.cells(), features.single)
            }
            Kind::NeuralNetwork(network) => {
                network.chain.as_ref().filter(|_| network.further.is_empty())?;
                (&*network.direct.cells, false)
            }
            _ => return None,
        };
        let bare = match &root.target {
            None => true,
            Some(target) => !classifies && target.cast.is_none(),
        };
        let outputs = root.outputs.iter().all(|output| output.direct);
        if cells.is_empty() || !bare || !outputs || root.function == Function::Other {
            return None;
        }
        let write = |(cells, kind): &(Vec<Cell>, DataType)| match **cells {
            [Cell::Target(index)] if index == model.program.root => Some(match (classifies, *kind) {
                (true, DataType::Boolean) => return None,
                (true, _) => Write::Label,
                (false, DataType::Double) => Write::Double,
                (false, DataType::Float) => Write::Float,
                (false, _) if root.float => Write::Float,
                (false, _) => Write::Double,
            }),
            [Cell::Share(index, class)] if index == model.program.root && classifies => Some(Write::Share(class)),
            _ => None,
        };
        let writes: Box<[Write]> = model.cells.iter().map(write).collect::<Option<_>>()?;
        let width = if classifies { root.classes.len() } else { 1 };
        let in_order = |shares: &[Write]| {
            let mut numbered = shares.iter().zip(0..);
            shares.len() == width && numbered.all(|(write, class)| matches!(write, Write::Share(of) if *of == class))
        };
        Some(Self {
            cells: cells.into(),
            single,
            tags: writes.iter().map(|write| write.tag() as u8).collect(),
            label_and_shares: matches!(&*writes, [Write::Label, shares @ ..] if in_order(shares)),
            writes,
            width,
            rows: Vec::with_capacity(ROWS),
            features: Vec::new(),
            single_features: Vec::new(),
            ranked: RankedRows::default(),
            answers: Vec::new(),
            classes: Vec::new(),
            work: Vec::new(),
            dense: Vec::new(),
            left: Vec::new(),
        })
    }

    /// Scores the rows that it can; the others are in [`left`](Self::left) then.
    pub(crate) fn score(&mut self, model: &PmmlModel, input: &Block, output: &mut Output) {
        self.left.clear();
        let root = &model.program.models[model.program.root];
        let mut next = 0;
        while next < input.rows() {
            let end = input.rows().min(next + ROWS);
            self.read(input, next..end);
            next = end;
            if !self.rows.is_empty() {
                self.compute(root);
                self.write(root, output);
            }
        }
    }

    fn read(&mut self, input: &Block, rows: std::ops::Range<usize>) {
        self.rows.clear();
        self.features.clear();
        for row in rows {
            let (tags, values) = (input.tags(row), input.values(row));
            let start = self.features.len();
            if append_numbers(&self.cells, tags, values, &mut self.features) {
                self.rows.push(row);
            } else {
                self.features.truncate(start);
                self.left.push(row);
            }
        }
        if self.single {
            self.single_features.clear();
            self.single_features
                .extend(self.features.iter().map(|number| *number as f32));
        }
    }

    /// Leaves the answers of the rows, and their classes.
    fn compute(&mut self, root: &Model) {
        let (rows, width, inputs) = (self.rows.len(), self.width, self.cells.len());
        self.answers.resize(rows * width, 0.0);
        self.classes.clear();
        let classifies = root.function == Function::Classification;
        match &root.kind {
            Kind::Regression(regression) => {
                let Some(plain) = &regression.plain else { return };
                // Rows by their number: the iterators over rows divide, which takes as long as a row of some models.
                if classifies && regression.normalization == Normalization::Softmax && !root.float {
                    let (features, answers) = (&self.features, &mut self.answers);
                    linear::softmax(&plain.intercepts, &plain.weights, inputs, features, answers);
                } else {
                    for row in 0..rows {
                        let features = &self.features[row * inputs..(row + 1) * inputs];
                        let answers = &mut self.answers[row * width..(row + 1) * width];
                        linear::dots(&plain.intercepts, &plain.weights, features, answers);
                        if classifies {
                            normalize(answers, regression.normalization, regression.ordinal, root.float);
                        } else if regression.normalization != Normalization::None {
                            answers[0] = regression.normalization.invert_as(answers[0], root.float);
                        }
                    }
                }
            }
            Kind::GeneralRegression(regression) => {
                let Some(plain) = &regression.plain else { return };
                for row in 0..rows {
                    let features = &self.features[row * inputs..(row + 1) * inputs];
                    let answers = &mut self.answers[row * width..(row + 1) * width];
                    linear::dots_after(&plain.intercepts, &plain.weights, features, answers);
                    answers[0] = regression.prediction(answers[0] + regression.offset, regression.trials);
                }
            }
            Kind::Tree(tree) => {
                let Some(lowered) = &tree.lowered else { return };
                for row in 0..rows {
                    let features = row * inputs..(row + 1) * inputs;
                    let answers = &mut self.answers[row * width..(row + 1) * width];
                    let leaf = match &lowered.walk {
                        Walk::Double(walk) => walk.leaf(&self.features[features]),
                        Walk::Float(walk) => walk.leaf(&self.single_features[features]),
                    };
                    let class = tree.answer(leaf, classifies, answers);
                    if classifies {
                        self.classes.push(class);
                    }
                }
                return;
            }
            Kind::Mining(mining) => {
                let Some(forest) = &mining.forest else { return };
                forest.reset(&mut self.ranked);
                for row in 0..rows {
                    let features = row * inputs..(row + 1) * inputs;
                    let single = self.single_features.get(features.clone()).unwrap_or_default();
                    forest.push(&mut self.ranked, &self.features[features], single);
                }
                forest.add_up(&self.ranked, width, &mut self.answers);
                if classifies {
                    for share in &mut self.answers {
                        *share /= forest.total;
                    }
                } else {
                    for sum in &mut self.answers {
                        *sum = mining.method.number(*sum, forest.total);
                    }
                }
                if matches!(mining.method, Method::MajorityVote | Method::WeightedMajorityVote) {
                    // Who was voted for first decides between classes with as many votes: the general path knows.
                    for answers in self.answers.chunks_exact(width) {
                        let class = largest_share(answers);
                        let most = answers.get(class as usize).copied();
                        let alone = answers.iter().filter(|share| Some(**share) == most).count() == 1;
                        self.classes.push(if alone { class } else { NONE });
                    }
                    return;
                }
            }
            Kind::NeuralNetwork(network) => {
                let Some(chain) = &network.chain else { return };
                let outputs = chain.outputs();
                self.work.resize(rows * outputs, 0.0);
                if self.dense.len() < chain.scratch_len() {
                    self.dense.resize(chain.scratch_len(), 0.0);
                }
                chain.evaluate(rows, &self.features, &mut self.work, &mut self.dense);
                for (values, answers) in self
                    .work
                    .chunks_exact(outputs)
                    .zip(self.answers.chunks_exact_mut(width))
                {
                    if classifies {
                        shares(&network.outputs, values, network.last, answers);
                    } else if let Some((from, Destination::Number(points))) = network.outputs.first() {
                        answers[0] = predicted(values[*from as usize - network.last], points);
                    } else {
                        answers[0] = f64::NAN;
                    }
                }
            }
            _ => return,
        }
        if classifies {
            let answers = &self.answers;
            self.classes
                .extend((0..rows).map(|row| largest_share(&answers[row * width..(row + 1) * width])));
        }
    }

    fn write(&mut self, root: &Model, output: &mut Output) {
        let classifies = root.function == Function::Classification;
        for (number, row) in self.rows.iter().enumerate() {
            let answers = &mut self.answers[number * self.width..(number + 1) * self.width];
            let class = if classifies {
                self.classes.get(number).copied().unwrap_or(NONE)
            } else {
                if root.float {
                    answers[0] = f64::from(answers[0] as f32);
                }
                if let Some(target) = &root.target
                    && target.changes
                {
                    answers[0] = target.number(answers[0], root.float);
                }
                0
            };
            // What is no answer is none for a reason that the general path knows.
            if (classifies && class == NONE) || (!classifies && answers[0].is_nan()) {
                self.left.push(*row);
                continue;
            }
            let (tags, values) = output.cells.row_mut(*row);
            for (tag, kind) in tags.iter_mut().zip(&self.tags) {
                *tag = *kind;
            }
            if let (true, [label, shares @ ..]) = (self.label_and_shares, &mut *values) {
                *label = u64::from(class);
                for (value, share) in shares.iter_mut().zip(answers) {
                    *value = share.to_bits();
                }
                continue;
            }
            for (write, value) in self.writes.iter().zip(values) {
                *value = match *write {
                    Write::Label => u64::from(class),
                    Write::Share(class) => answers[class as usize].to_bits(),
                    Write::Double => answers[0].to_bits(),
                    Write::Float => u64::from((answers[0] as f32).to_bits()),
                };
            }
        }
    }
}
