//! `AnomalyDetectionModel`.

use super::model::{Draft, model_of};
use super::{Compiled, Compiler, numbers};
use crate::models::Kind;
use crate::models::anomaly::{Anomaly, Scale, average_path};

impl<'d> Compiler<'d> {
    pub(super) fn anomaly_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Anomaly>> {
        let node = draft.node;
        let element = model_of(node).ok_or_else(|| node.invalid("a model is missing"))?;
        let inner = self.descend(node, |compiler| compiler.model(draft.scope, element, None))?;
        let scale = match node.need("algorithmType")? {
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
