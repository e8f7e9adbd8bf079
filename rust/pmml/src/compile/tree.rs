//! `TreeModel`.

use super::lowering::lowered;
use super::model::{Draft, is_embedded};
use super::problems::Problems;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::anomaly::average_path;
use crate::models::tree::{Embedded, OnUnknown, Tree, TreeNode};
use crate::models::{Function, NONE};

impl<'d> Compiler<'d> {
    pub(super) fn tree_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Tree>> {
        let node = draft.node;
        let on_unknown = match node.get("missingValueStrategy").unwrap_or("none") {
            "none" => OnUnknown::None,
            "nullPrediction" => OnUnknown::Null,
            "lastPrediction" => OnUnknown::LastPrediction,
            "defaultChild" => OnUnknown::DefaultChild,
            "weightedConfidence" => OnUnknown::WeightedConfidence,
            "aggregateNodes" => OnUnknown::AggregateNodes,
            other => return Err(node.invalid(format!("unknown missingValueStrategy '{other}'"))),
        };
        let last_prediction = match node.get("noTrueChildStrategy").unwrap_or("returnNullPrediction") {
            "returnNullPrediction" => false,
            "returnLastPrediction" => true,
            other => return Err(node.invalid(format!("unknown noTrueChildStrategy '{other}'"))),
        };
        let mut elements = vec![node.need_child("Node")?];
        let mut nodes: Vec<TreeNode> = Vec::new();
        let mut rows = Distributions::default();
        let mut embedded = Vec::new();
        let mut problems = Problems::default();
        let mut at = 0;
        while let Some(element) = elements.get(at).copied() {
            let children = elements.len() as u32;
            elements.extend(element.all("Node"));
            let count = elements.len() as u32 - children;
            let compiled = self.tree_node(draft, element, &mut rows, (children, count), &elements);
            nodes.extend(problems.take(compiled)?);
            let inner = self.embedded(draft, element, at as u32);
            embedded.extend(problems.take(inner)?.flatten());
            at += 1;
        }
        problems.finish()?;
        if self.path_lengths {
            measure(&mut nodes);
        }
        self.output_classes(draft);
        if self.entity_ids {
            let mut order: Vec<usize> = (0..elements.len()).collect();
            order.sort_by_key(|index| elements[*index].id());
            for (number, index) in order.into_iter().enumerate() {
                let id = elements[index]
                    .get("id")
                    .map_or_else(|| (number + 1).to_string(), str::to_owned);
                nodes[index].id = self.strings.intern(&id);
            }
        }
        let classes = draft.classes.list.len();
        // In a forest the shares are gone when the tree is lowered.
        if self.in_forest {
            node.fits(&[rows.len(), classes], size_of::<f64>())?;
        } else {
            node.reserve(&[rows.len(), classes], size_of::<f64>())?;
        }
        let shares = rows.table(classes);
        let confidences = if self.in_forest || rows.confidences.is_empty() {
            Vec::new()
        } else {
            node.reserve(&[rows.len(), classes], size_of::<f64>())?;
            rows.confidences(classes)
        };
        let mut tree = Tree {
            nodes: nodes.into(),
            shares: shares.into(),
            confidences: confidences.into(),
            embedded: embedded.into(),
            on_unknown,
            last_prediction,
            lowered: None,
            penalty: node.number_or("missingValuePenalty", 1.0)?,
        };
        if !self.in_forest {
            tree.lowered = lowered(&tree, &self.slots);
        }
        Ok(Some(tree))
    }

    /// The model inside a node, if there is one.
    fn embedded(&mut self, draft: &mut Draft<'d>, element: Node<'d>, node: u32) -> Compiled<Option<Embedded>> {
        let Some(inner) = element.children().find(|child| is_embedded(*child)) else {
            return Ok(None);
        };
        let outer = Some((draft.target.unwrap_or_default(), draft.target_kind));
        let model = self.descend(element, |compiler| compiler.model(draft.scope, inner, outer))?;
        let classes = self.models[model].as_ref().map(|model| model.classes.to_vec());
        let classes = classes.unwrap_or_default();
        Ok(Some(Embedded {
            node,
            model: model as u32,
            classes: classes
                .iter()
                .map(|class| {
                    let text = self.strings.get(class.code).unwrap_or_default().to_owned();
                    self.class(&mut draft.classes, &text)
                })
                .collect(),
        }))
    }

    fn tree_node(
        &mut self,
        draft: &mut Draft<'d>,
        element: Node<'d>,
        rows: &mut Distributions,
        (children, count): (u32, u32),
        elements: &[Node<'d>],
    ) -> Compiled<TreeNode> {
        let predicate = self.predicate_of(draft.scope, element)?;
        let [score_text, records, default_child_id] = element.several(["score", "recordCount", "defaultChild"]);
        let mut records = records.map_or(Ok(0.0), |text| element.as_number("recordCount", text))?;
        let mut shares = NONE;
        if draft.function == Function::Classification
            && let Some((row, total)) = self.score_distribution(draft, element, rows)?
        {
            shares = row;
            if records == 0.0 {
                records = total;
            }
        }
        // After the distribution: of classes with equal shares the one that it names first is the answer.
        let (mut score, mut class) = (f64::NAN, NONE);
        if let Some(text) = score_text {
            if draft.function == Function::Classification {
                class = self.class(&mut draft.classes, text);
            } else {
                score = element.as_number("score", text)?;
                if draft.float {
                    score = text.trim().parse::<f32>().map_or(score, f64::from);
                }
            }
        }
        let mut default_child = NONE;
        if let Some(id) = default_child_id {
            let position = elements[children as usize..(children + count) as usize]
                .iter()
                .position(|child| child.get("id") == Some(id))
                .ok_or_else(|| element.invalid(format!("there is no child node '{id}'")))?;
            default_child = children + position as u32;
        }
        Ok(TreeNode {
            predicate,
            children,
            count,
            default_child,
            score,
            class,
            shares,
            records,
            id: 0,
        })
    }

    /// Adds the distribution of a node, if it has one. Returns the number of the row, and of the records.
    fn score_distribution(
        &mut self,
        draft: &mut Draft<'d>,
        element: Node<'d>,
        rows: &mut Distributions,
    ) -> Compiled<Option<(u32, f64)>> {
        rows.row.clear();
        let (mut total, mut given) = (0.0, None);
        for distribution in element.all("ScoreDistribution") {
            let [value, records, share, confidence] =
                distribution.several(["value", "recordCount", "probability", "confidence"]);
            let class = self.class(&mut draft.classes, distribution.needed("value", value)?);
            let share = share
                .map(|text| distribution.as_number("probability", text))
                .transpose()?;
            let records = match (records, share) {
                (None, Some(share)) => share,
                _ => distribution.as_number("recordCount", distribution.needed("recordCount", records)?)?,
            };
            let confidence = confidence
                .map(|text| distribution.as_number("confidence", text))
                .transpose()?;
            total += records;
            if let Some(share) = share {
                given = Some(given.unwrap_or(0.0) + share);
            }
            rows.row.push((class, records, share, confidence));
        }
        Ok(rows.end_row(total, given).map(|row| (row, total)))
    }
}

/// Distributions of classes, node after node, before it is known how many classes there are.
#[derive(Default)]
struct Distributions {
    /// Of the node at hand: class, records, share, confidence.
    row: Vec<(u32, f64, Option<f64>, Option<f64>)>,
    entries: Vec<(u32, f64)>,
    /// Confidences that the document gives, by the numbers of their entries.
    confidences: Vec<(usize, f64)>,
    ends: Vec<usize>,
}

impl Distributions {
    /// Ends the row of a node: the shares are those of the records, or of the sum of the given ones, which exporters
    /// round. Returns its number, `None` when there is nothing in it.
    fn end_row(&mut self, total: f64, given: Option<f64>) -> Option<u32> {
        if self.row.is_empty() {
            return None;
        }
        for (class, records, share, confidence) in &self.row {
            let share = match given {
                Some(given) if given > 0.0 => share.unwrap_or(0.0) / given,
                Some(_) => 0.0,
                None => records / total,
            };
            self.confidences
                .extend(confidence.map(|confidence| (self.entries.len(), confidence)));
            self.entries.push((*class, share));
        }
        self.ends.push(self.entries.len());
        Some((self.ends.len() - 1) as u32)
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The rows, a share for each class.
    fn table(&self, classes: usize) -> Vec<f64> {
        let mut table = vec![0.0; self.ends.len() * classes];
        let mut start = 0;
        for (row, end) in self.ends.iter().enumerate() {
            for (class, share) in &self.entries[start..*end] {
                table[row * classes + *class as usize] = *share;
            }
            start = *end;
        }
        table
    }

    /// The rows with the confidences that the document gives in the place of shares; nothing without any.
    fn confidences(mut self, classes: usize) -> Vec<f64> {
        if self.confidences.is_empty() {
            return Vec::new();
        }
        for (entry, confidence) in &self.confidences {
            self.entries[*entry].1 = *confidence;
        }
        self.table(classes)
    }
}

/// Makes the score of each node the length of the path to it and, on average, from there to one of its records.
fn measure(nodes: &mut [TreeNode]) {
    let mut depths = vec![0.0; nodes.len()];
    for at in 0..nodes.len() {
        let children = nodes[at].children as usize..(nodes[at].children + nodes[at].count) as usize;
        let below = depths[at] + 1.0;
        depths[children].fill(below);
        nodes[at].score = depths[at] + average_path(nodes[at].records);
    }
}
