//! Tree ensembles as ONNX lists them.

use std::collections::HashMap;

use serving_model::ModelError;

use super::classical::{labels, transform};
use crate::array::{Array, DType};
use crate::onnx::node::Source;
use crate::ops::classical::scores::PostTransform;
use crate::ops::classical::trees::{Aggregate, Leaf, Mode, Node, Source as Trees, TreeModel};
use crate::ops::convert::cast;

/// Most nodes of an ensemble, and most weights of leaves.
const MOST_NODES: usize = 1 << 26;

/// Numbers as an attribute of floats, or as a tensor of doubles.
fn numbers(node: &Source<'_>, name: &str) -> Result<Vec<f64>, ModelError> {
    match node.tensor(&format!("{name}_as_tensor"))? {
        Some(tensor) => doubles(node, &tensor),
        None => Ok(node.floats(name).iter().map(|value| f64::from(*value)).collect()),
    }
}

fn doubles(node: &Source<'_>, tensor: &Array) -> Result<Vec<f64>, ModelError> {
    let wide = cast(tensor, DType::F64).map_err(|trouble| node.invalid(trouble.message))?;
    let values = wide.view::<f64>().map_err(|trouble| node.invalid(trouble.message))?;
    Ok(values.to_vec())
}

fn list<'a>(node: &Source<'a>, name: &str, count: usize) -> Result<&'a [i64], ModelError> {
    let values = node.integers(name).unwrap_or_default();
    if values.len() != count {
        return Err(node.invalid(format!(
            "attribute '{name}' has {} entries, {count} are needed",
            values.len()
        )));
    }
    Ok(values)
}

fn index(node: &Source<'_>, value: i64) -> Result<u32, ModelError> {
    u32::try_from(value).map_err(|_| node.invalid(format!("{value} is no index")))
}

/// `TreeEnsembleRegressor` and `TreeEnsembleClassifier`: nodes named by tree and number.
pub(super) fn by_lists(node: &Source<'_>) -> Result<TreeModel, ModelError> {
    let classifier = node.operator() == "TreeEnsembleClassifier";
    let modes = node
        .attribute("nodes_modes")
        .map(|attribute| attribute.strings.as_slice())
        .unwrap_or_default();
    let count = modes.len();
    if count > MOST_NODES {
        return Err(node.invalid(format!("{count} nodes")));
    }
    let trees = list(node, "nodes_treeids", count)?;
    let ids = list(node, "nodes_nodeids", count)?;
    let features = list(node, "nodes_featureids", count)?;
    let (yes, no) = (
        list(node, "nodes_truenodeids", count)?,
        list(node, "nodes_falsenodeids", count)?,
    );
    let missing = node.integers("nodes_missing_value_tracks_true").unwrap_or_default();
    let thresholds = numbers(node, "nodes_values")?;
    if thresholds.len() != count || !(missing.is_empty() || missing.len() == count) {
        return Err(node.invalid(format!("{} thresholds for {count} nodes", thresholds.len())));
    }
    let mut places = HashMap::with_capacity(count);
    for n in 0..count {
        if places.insert((trees[n], ids[n]), n as u32).is_some() {
            return Err(node.invalid(format!("the tree {} has two nodes {}", trees[n], ids[n])));
        }
    }
    let place = |tree: i64, id: i64| {
        places
            .get(&(tree, id))
            .copied()
            .ok_or_else(|| node.invalid(format!("the tree {tree} has no node {id}")))
    };
    let mut nodes = Vec::with_capacity(count);
    let mut is_child = vec![false; count];
    for n in 0..count {
        let mode = Mode::named(&modes[n])
            .ok_or_else(|| node.invalid(format!("mode '{}'", String::from_utf8_lossy(&modes[n]))))?;
        let leaf = matches!(mode, Mode::Leaf(..));
        let child = |id: i64| if leaf { Ok(0) } else { place(trees[n], id) };
        let (yes, no) = (child(yes[n])?, child(no[n])?);
        if !leaf {
            is_child[yes as usize] = true;
            is_child[no as usize] = true;
        }
        nodes.push(Node {
            mode,
            feature: if leaf { 0 } else { index(node, features[n])? },
            threshold: thresholds[n],
            yes,
            no,
            missing_is_yes: missing.get(n).is_some_and(|flag| *flag != 0),
        });
    }
    let roots = (0..count as u32).filter(|n| !is_child[*n as usize]).collect();
    let kind = if classifier { "class" } else { "target" };
    let leaves = weights(node, kind, &mut nodes, place)?;
    if !classifier && node.count("n_targets", 1)? == 1 {
        // As onnxruntime has it: of several weights of a leaf for the one target, the first counts.
        for one in &mut nodes {
            if let Mode::Leaf(from, to) = &mut one.mode {
                *to = (*to).min(*from + 1);
            }
        }
    }
    let labels = if classifier {
        Some(labels(node, "classlabels_int64s", "classlabels_strings")?)
    } else {
        None
    };
    let targets = match &labels {
        Some(labels) => labels.len(),
        None => node.count("n_targets", 1)?,
    };
    let aggregate = match node.text("aggregate_function").unwrap_or("SUM") {
        _ if classifier => Aggregate::Sum,
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Minimum,
        "MAX" => Aggregate::Maximum,
        other => return Err(node.invalid(format!("aggregate_function '{other}'"))),
    };
    let source = Trees {
        targets,
        nodes,
        roots,
        leaves,
        ..Trees::default()
    };
    finish(
        node,
        source,
        aggregate,
        numbers(node, "base_values")?,
        transform(node)?,
        labels,
        true,
    )
}

/// Weights, ordered by node; each leaf learns its range.
fn weights(
    node: &Source<'_>,
    kind: &str,
    nodes: &mut [Node],
    place: impl Fn(i64, i64) -> Result<u32, ModelError>,
) -> Result<Vec<Leaf>, ModelError> {
    let values = numbers(node, &format!("{kind}_weights"))?;
    let count = values.len();
    let trees = list(node, &format!("{kind}_treeids"), count)?;
    let ids = list(node, &format!("{kind}_nodeids"), count)?;
    let targets = list(node, &format!("{kind}_ids"), count)?;
    let mut leaves = Vec::with_capacity(count);
    for n in 0..count {
        let leaf = Leaf {
            target: index(node, targets[n])?,
            weight: values[n],
        };
        leaves.push((place(trees[n], ids[n])?, leaf));
    }
    leaves.sort_by_key(|(place, _)| *place);
    let mut start = 0;
    while start < count {
        let place = leaves[start].0;
        let end = start + leaves[start..].iter().take_while(|(other, _)| *other == place).count();
        if let Mode::Leaf(from, to) = &mut nodes[place as usize].mode {
            (*from, *to) = (start as u32, end as u32);
        }
        start = end;
    }
    Ok(leaves.into_iter().map(|(_, leaf)| leaf).collect())
}

/// `TreeEnsemble`: inner nodes and leaves in lists of their own.
pub(super) fn ensemble(node: &Source<'_>) -> Result<TreeModel, ModelError> {
    let tensor = |name: &str| -> Result<Vec<f64>, ModelError> {
        match node.tensor(name)? {
            Some(tensor) => doubles(node, &tensor),
            None => Ok(Vec::new()),
        }
    };
    let (modes, splits, weights) = (tensor("nodes_modes")?, tensor("nodes_splits")?, tensor("leaf_weights")?);
    let count = modes.len();
    if count > MOST_NODES || splits.len() != count {
        return Err(node.invalid(format!("{} thresholds for {count} nodes", splits.len())));
    }
    let features = list(node, "nodes_featureids", count)?;
    let children = [
        list(node, "nodes_truenodeids", count)?,
        list(node, "nodes_falsenodeids", count)?,
    ];
    let ends = [
        list(node, "nodes_trueleafs", count)?,
        list(node, "nodes_falseleafs", count)?,
    ];
    let missing = node.integers("nodes_missing_value_tracks_true").unwrap_or_default();
    let targets = list(node, "leaf_targetids", weights.len())?;
    let mut leaves = Vec::with_capacity(weights.len());
    for (weight, target) in weights.iter().zip(targets) {
        leaves.push(Leaf {
            target: index(node, *target)?,
            weight: *weight,
        });
    }
    let members = tensor("membership_values")?;
    let mut sets: Vec<Vec<f64>> = members.split(|value| value.is_nan()).map(<[f64]>::to_vec).collect();
    // A last set that its mark ends is no further one.
    if members.last().is_some_and(|value| value.is_nan()) {
        sets.pop();
    }
    let mut nodes = Vec::with_capacity(count);
    let mut next_set = 0;
    let mut ending = Vec::new();
    for n in 0..count {
        let mode = match modes[n] as i64 {
            0 => Mode::AtMost,
            1 => Mode::Below,
            2 => Mode::AtLeast,
            3 => Mode::Above,
            4 => Mode::Equal,
            5 => Mode::NotEqual,
            6 => {
                next_set += 1;
                Mode::Member(next_set - 1)
            }
            other => return Err(node.invalid(format!("mode {other}"))),
        };
        let mut places = [0; 2];
        for (side, place) in places.iter_mut().enumerate() {
            let to = index(node, children[side][n])?;
            *place = to;
            if ends[side][n] != 0 {
                if to as usize >= leaves.len() {
                    return Err(node.invalid(format!("there is no leaf {to}")));
                }
                // Each way to a leaf gets a node of its own, behind the inner ones.
                *place = (count + ending.len()) as u32;
                ending.push(to);
            }
        }
        nodes.push(Node {
            mode,
            feature: index(node, features[n])?,
            threshold: splits[n],
            yes: places[0],
            no: places[1],
            missing_is_yes: missing.get(n).is_some_and(|flag| *flag != 0),
        });
    }
    nodes.extend(ending.into_iter().map(|leaf| Node {
        mode: Mode::Leaf(leaf, leaf + 1),
        feature: 0,
        threshold: 0.0,
        yes: 0,
        no: 0,
        missing_is_yes: false,
    }));
    let roots = node.integers("tree_roots").unwrap_or_default();
    let roots = roots
        .iter()
        .map(|root| index(node, *root))
        .collect::<Result<Vec<_>, _>>()?;
    let aggregate = match node.integer("aggregate_function").unwrap_or(1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Minimum,
        3 => Aggregate::Maximum,
        other => return Err(node.invalid(format!("aggregate_function {other}"))),
    };
    let number = node.integer("post_transform").unwrap_or(0);
    let transform = PostTransform::numbered(number).ok_or_else(|| node.invalid(format!("post_transform {number}")))?;
    let source = Trees {
        targets: node.count("n_targets", 1)?,
        nodes,
        roots,
        leaves,
        sets,
        ..Trees::default()
    };
    finish(node, source, aggregate, Vec::new(), transform, None, false)
}

fn finish(
    node: &Source<'_>,
    mut source: Trees,
    aggregate: Aggregate,
    base: Vec<f64>,
    transform: PostTransform,
    labels: Option<crate::ops::classical::Labels>,
    narrow: bool,
) -> Result<TreeModel, ModelError> {
    crate::array::elements(&[source.targets]).map_err(|trouble| node.invalid(trouble.message))?;
    if source.targets == 0 {
        return Err(node.invalid("there are no targets or classes"));
    }
    source.check().map_err(|error| node.invalid(error.message))?;
    Ok(TreeModel::new(source, aggregate, base, transform, labels, narrow))
}
