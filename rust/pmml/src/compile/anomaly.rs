//! `AnomalyDetectionModel`.

use super::model::{Draft, model_of};
use super::{Compiled, Compiler, numbers};
use crate::document::Node;
use crate::models::Kind;
use crate::models::anomaly::{Anomaly, Scale, average_path};

/// Whether every node of every tree says how many of the sampled records reached it. Then the path lengths follow from the
/// trees themselves, whatever the scores: some exporters write scores that are none.
fn counted(forest: Node<'_>, sample: f64) -> Compiled<bool> {
    let Some(segmentation) = forest.child("Segmentation") else {
        return Ok(false);
    };
    let mut pending = Vec::new();
    for segment in segmentation.all("Segment") {
        let root = segment.child("TreeModel").and_then(|tree| tree.child("Node"));
        match root {
            Some(root) if root.number("recordCount")? == Some(sample) => pending.push(root),
            _ => return Ok(false),
        }
    }
    let any = !pending.is_empty();
    while let Some(node) = pending.pop() {
        let start = pending.len();
        pending.extend(node.all("Node"));
        let children = &pending[start..];
        let mut total = 0.0;
        for child in children {
            total += child.number_or("recordCount", f64::INFINITY)?;
        }
        if !children.is_empty() && node.number("recordCount")? != Some(total) {
            return Ok(false);
        }
    }
    Ok(any)
}

impl<'d> Compiler<'d> {
    pub(super) fn anomaly_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Anomaly>> {
        let node = draft.node;
        let element = model_of(node).ok_or_else(|| node.invalid("a model is missing"))?;
        let algorithm = node.need("algorithmType")?;
        let around = self.path_lengths;
        self.path_lengths = algorithm == "iforest" && counted(element, node.need_number("sampleDataSize")?)?;
        let inner = self.descend(node, |compiler| compiler.model(draft.scope, element, None));
        self.path_lengths = around;
        let inner = inner?;
        let scale = match algorithm {
            "iforest" => {
                let length = average_path(node.need_number("sampleDataSize")?);
                if length <= 0.0 {
                    return Err(node.invalid("sampleDataSize must exceed 1"));
                }
                Scale::PathLength(length)
            }
            "clusterMeanDist" => {
                let means = node.need_child("MeanClusterDistances")?;
                let means = numbers(means.need_child("Array")?)?;
                let clusters = match &self.models[inner] {
                    Some(model) if matches!(model.kind, Kind::Clustering(_)) => model.classes.len(),
                    Some(_) => return Err(element.invalid("clusterMeanDist needs a ClusteringModel")),
                    None => means.len(),
                };
                if means.len() != clusters {
                    return Err(node.invalid(format!("{} mean distances for {clusters} clusters", means.len())));
                }
                Scale::MeanDistances(means.into())
            }
            _ => Scale::AsIs,
        };
        Ok(Some(Anomaly {
            inner: inner as u32,
            scale,
        }))
    }
}
