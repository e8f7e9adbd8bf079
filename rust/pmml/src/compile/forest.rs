//! A `MiningModel` whose segments are plain trees, compiled tree by tree to one ensemble of the kernel.

use std::hash::{BuildHasher, RandomState};

use serving_kernels::trees::{BinaryNode, EnsembleBuilder, Missing};

use super::lowering::{FeatureList, lower};
use super::model::{Draft, model_of};
use super::problems::Problems;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::forest::{Forest, Leaves, Trees};
use crate::models::mining::Method;
use crate::models::tree::{OnUnknown, Tree};
use crate::models::{Function, Kind, Model, NONE};
use crate::predicate::Predicate;

/// Whether the model may become a forest, as far as its own attributes tell.
fn may_be_forest(draft: &Draft<'_>, segmentation: Node<'_>, method: Method) -> bool {
    let node = draft.node;
    let method_fits = match draft.function {
        Function::Regression => matches!(
            method,
            Method::Sum | Method::Average | Method::WeightedSum | Method::WeightedAverage
        ),
        Function::Classification => matches!(
            method,
            Method::Average | Method::WeightedAverage | Method::MajorityVote | Method::WeightedMajorityVote
        ),
        Function::Other => false,
    };
    let of_segments = node
        .child("Output")
        .is_some_and(|output| output.all("OutputField").any(|field| field.get("segmentId").is_some()));
    let targets = node.child("MiningSchema").map_or(0, |schema| {
        schema
            .all("MiningField")
            .filter(|field| matches!(field.get("usageType"), Some("target" | "predicted")))
            .count()
    });
    // A forest forgets weights that its method does not look at; how many trees may be missing is a matter of weights all the same.
    let forgotten = segmentation.get("missingThreshold").is_some()
        && !method.weighs()
        && segmentation
            .all("Segment")
            .any(|segment| segment.get("weight").is_some());
    method_fits
        && !of_segments
        && !forgotten
        && targets <= 1
        && segmentation.child("Segment").is_some()
        && segmentation.all("Segment").all(|segment| {
            segment.child("True").is_some()
                && segment.child("VariableWeight").is_none()
                && model_of(segment).is_some_and(|model| model.name() == "TreeModel")
        })
}

impl<'d> Compiler<'d> {
    /// The segments as one ensemble of the kernel, if they are plain trees. What is compiled of a tree is dropped when it was
    /// lowered; when one can't be lowered, all is as if nothing had been compiled.
    pub(super) fn forest(
        &mut self,
        draft: &mut Draft<'d>,
        index: usize,
        segmentation: Node<'d>,
        method: Method,
    ) -> Compiled<Option<Forest>> {
        if !may_be_forest(draft, segmentation, method) {
            return Ok(None);
        }
        let classes_before = draft.classes.clone();
        let (unsupported, elements) = (self.unsupported_count(), self.elements.clone());
        let was_in_forest = std::mem::replace(&mut self.in_forest, true);
        let forest = self.grow(draft, index, segmentation, method);
        self.in_forest = was_in_forest;
        let forest = forest?;
        if forest.is_none() {
            draft.classes = classes_before;
            self.forget_unsupported(unsupported);
            self.elements = elements;
        }
        Ok(forest)
    }

    fn grow(
        &mut self,
        draft: &mut Draft<'d>,
        index: usize,
        segmentation: Node<'d>,
        method: Method,
    ) -> Compiled<Option<Forest>> {
        let weighted = method.weighs();
        let votes = matches!(method, Method::MajorityVote | Method::WeightedMajorityVote);
        let (shares, scopes) = (self.shares, self.scope_count());
        let mut features = FeatureList::default();
        let mut trees = EnsembleBuilder::default();
        let mut table = LeafTable::new(draft.function);
        let mut weights = Vec::new();
        let mut lookup = None;
        let (mut problems, mut grown) = (Problems::default(), 0);
        for element in segmentation.all("Segment") {
            let (Some(inner), Predicate::True) = (model_of(element), self.predicate_of(draft.scope, element)?) else {
                break;
            };
            weights.push(if weighted {
                element.number_or("weight", 1.0)?
            } else {
                1.0
            });
            let outer = draft.target.map(|name| (name, draft.target_kind));
            let compiled = self.descend(element, |compiler| compiler.model(draft.scope, inner, outer));
            // Models inside of its nodes may come after it.
            let compiled = problems.take(compiled)?;
            let model = compiled.and_then(|model| self.models[model].take());
            // Nothing outside of a tree refers to what is inside.
            self.models.truncate(index + 1);
            self.shares = shares;
            self.forget_scopes(scopes);
            if compiled.is_none() {
                continue;
            }
            let Some(model) = model else {
                break;
            };
            let (Kind::Tree(tree), true) = (&model.kind, is_plain(&model, draft)) else {
                break;
            };
            lookup.get_or_insert(model.lookup.answers);
            let classes: Vec<u32> = model
                .classes
                .iter()
                .map(|class| {
                    let text = self.strings.get(class.code).unwrap_or_default().to_owned();
                    self.class(&mut draft.classes, &text)
                })
                .collect();
            table.widen(draft.classes.list.len());
            segmentation.fits(&[table.rows.len() + tree.nodes.len() * table.width], size_of::<f64>())?;
            let binary = lower(tree, &self.slots, &mut features)
                .and_then(|binary| answers(binary, |at| table.leaf(&model, tree, at, &classes, votes)));
            match binary.map(|binary| trees.push(&binary)) {
                Some(Ok(())) => grown += 1,
                _ => break,
            }
        }
        problems.finish()?;
        if grown < segmentation.all("Segment").count() {
            return Ok(None);
        }
        draft.lookup.answers = lookup.unwrap_or(draft.lookup.answers);
        self.output_classes(draft);
        table.widen(draft.classes.list.len());
        // Before the trees: the table is large, and no longer needed.
        let leaves = table.finish(draft.classes.list.len(), draft.float);
        let (count, features) = (features.len(), features.finish());
        let trees = if features.single {
            trees.finish(count).map(Trees::Float)
        } else {
            trees.finish(count).map(Trees::Double)
        };
        let Ok(trees) = trees else {
            return Ok(None);
        };
        let total = weights.iter().sum();
        if weights.iter().all(|weight| *weight == 1.0) {
            weights = Vec::new();
        }
        Ok(Some(Forest {
            features,
            trees,
            leaves,
            weights: weights.into(),
            total,
        }))
    }
}

/// A tree that answers with what its leaves say, and nothing around it.
fn is_plain(model: &Model, draft: &Draft<'_>) -> bool {
    let Kind::Tree(tree) = &model.kind else {
        return false;
    };
    model.outputs.is_empty()
        && tree.embedded.is_empty()
        && model.target.is_none()
        && model.function == draft.function
        && model.float == draft.float
        && !matches!(
            tree.on_unknown,
            OnUnknown::WeightedConfidence | OnUnknown::AggregateNodes
        )
}

/// Replaces nodes of the tree by the numbers of the leaves that they are; `None` when numbers can lead to a node without answer.
fn answers(mut tree: Vec<BinaryNode<f64>>, mut leaf: impl FnMut(u32) -> Option<u32>) -> Option<Vec<BinaryNode<f64>>> {
    for node in &mut tree {
        match node {
            BinaryNode::Leaf(at) => *at = leaf(*at)?,
            BinaryNode::Test { missing, .. } => {
                if let Missing::Leaf(at) = *missing {
                    *missing = leaf(at).map_or(Missing::Nowhere, Missing::Leaf);
                }
            }
        }
    }
    Some(tree)
}

/// What leaves contribute, each once.
struct LeafTable {
    function: Function,
    /// Numbers of a row: as many as there are classes, or more, so that a class that a later tree names rarely moves the rows.
    width: usize,
    rows: Vec<f64>,
    /// At the hash of a row, or behind it: one more than the number of the row; 0 where there is none. A power of two long,
    /// and without the hashes: there is an entry for each leaf of a large ensemble.
    known: Vec<u32>,
    /// What documents can't know: else they could be made so that many rows have one hash.
    keys: [u64; 2],
    row: Vec<f64>,
}

impl LeafTable {
    fn new(function: Function) -> Self {
        let random = RandomState::new();
        Self {
            function,
            width: usize::from(function == Function::Regression),
            rows: Vec::new(),
            known: vec![0; 64],
            keys: [0_u8, 1].map(|number| random.hash_one(number)),
            row: Vec::new(),
        }
    }

    /// Makes room for classes that later trees name.
    fn widen(&mut self, classes: usize) {
        if self.function == Function::Regression || classes <= self.width {
            return;
        }
        let width = if self.width == 0 {
            classes
        } else {
            classes.next_power_of_two()
        };
        self.set_width(width);
    }

    fn set_width(&mut self, width: usize) {
        let rows = self.rows.chunks_exact(self.width.max(1)).flat_map(|row| {
            let row = &row[..row.len().min(width)];
            row.iter().copied().chain(std::iter::repeat_n(0.0, width - row.len()))
        });
        self.rows = rows.collect();
        self.width = width;
    }

    /// The number of the leaf that a node is, `None` when it has no answer.
    fn leaf(&mut self, model: &Model, tree: &Tree, at: u32, classes: &[u32], votes: bool) -> Option<u32> {
        let node = tree.nodes.get(at as usize)?;
        self.row.clear();
        if self.function == Function::Regression {
            if node.score.is_nan() {
                return None;
            }
            self.row.push(node.score);
            return Some(self.number());
        }
        self.row.resize(self.width, 0.0);
        let inner = model.classes.len();
        let shares = (node.shares != NONE).then(|| &tree.shares[node.shares as usize * inner..][..inner]);
        match shares {
            Some(shares) if !votes => {
                if node.class == NONE && largest(shares) == NONE {
                    return None;
                }
                for (share, class) in shares.iter().zip(classes) {
                    self.row[*class as usize] = *share;
                }
            }
            _ => {
                let class = match shares {
                    Some(shares) if node.class == NONE => largest(shares),
                    _ => node.class,
                };
                self.row[*classes.get(class as usize)? as usize] = 1.0;
            }
        }
        Some(self.number())
    }

    /// The number of the row, which zeros at its end don't change.
    fn number(&mut self) -> u32 {
        let next = (self.rows.len() / self.width.max(1)) as u32;
        if next as usize >= self.known.len() / 4 * 3 {
            self.spread(next);
        }
        let same = |row: &[f64]| row.iter().zip(&self.row).all(|(a, b)| a.to_bits() == b.to_bits());
        let mut at = self.place(&self.row);
        while let Some(known) = self.known[at].checked_sub(1) {
            if same(&self.rows[known as usize * self.width..][..self.width]) {
                return known;
            }
            at = (at + 1) & (self.known.len() - 1);
        }
        self.known[at] = next + 1;
        self.rows.extend(&self.row);
        next
    }

    /// Where a row is looked for first.
    fn place(&self, row: &[f64]) -> usize {
        let filled = row.iter().rposition(|number| *number != 0.0).map_or(0, |last| last + 1);
        let [first, factor] = self.keys;
        let bits = row[..filled].iter().fold(first, |bits, number| {
            let product = u128::from(bits ^ number.to_bits()) * u128::from(factor);
            product as u64 ^ (product >> 64) as u64
        });
        bits as usize & (self.known.len() - 1)
    }

    /// Makes room for more than so many rows.
    fn spread(&mut self, rows: u32) {
        let length = 2 * self.known.len();
        self.known = Vec::new();
        self.known = vec![0; length];
        for number in 0..rows {
            let mut at = self.place(&self.rows[number as usize * self.width..][..self.width]);
            while self.known[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            self.known[at] = number + 1;
        }
    }

    fn finish(mut self, classes: usize, float: bool) -> Leaves {
        if self.function != Function::Regression && classes != self.width {
            self.set_width(classes);
        }
        match self.function {
            Function::Regression if float => Leaves::Float(self.rows.iter().map(|score| *score as f32).collect()),
            Function::Regression => Leaves::Double(self.rows.into()),
            _ => Leaves::Shares(self.rows.into()),
        }
    }
}

/// The class with the largest share, of equals the first.
fn largest(shares: &[f64]) -> u32 {
    let mut best = NONE;
    let mut most = f64::NEG_INFINITY;
    for (class, share) in shares.iter().enumerate() {
        if *share > most {
            (most, best) = (*share, class as u32);
        }
    }
    best
}
