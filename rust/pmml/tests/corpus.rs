//! Each document of the corpus loads and scores: what the tests of bad input change is good.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::corpus::corpus;
use common::load;
use serving_model::{Block, Cell, ErrorCode, Model, Output};

const ELEMENTS: [&str; 19] = [
    "AnomalyDetectionModel",
    "AssociationModel",
    "BaselineModel",
    "BayesianNetworkModel",
    "ClusteringModel",
    "GaussianProcessModel",
    "GeneralRegressionModel",
    "MiningModel",
    "NaiveBayesModel",
    "NearestNeighborModel",
    "NeuralNetwork",
    "RegressionModel",
    "RuleSetModel",
    "Scorecard",
    "SequenceModel",
    "SupportVectorMachineModel",
    "TextModel",
    "TimeSeriesModel",
    "TreeModel",
];

/// A record that has a good value in each field.
fn fill(model: &dyn Model, block: &mut Block) {
    let inputs = &model.schema().inputs;
    block.reset(1);
    for (slot, field) in inputs.iter().enumerate() {
        match (field.name.as_str(), field.list) {
            ("t", true) => block.set_text(0, slot, r#"[["bread"],["bread","butter"]]"#),
            ("n", true) => block.set_text(0, slot, "[1,3]"),
            ("x", true) => block.set_text(0, slot, "[1.5,2.5,4,3]"),
            ("c", _) => block.set_text(0, slot, "a"),
            ("o", _) => block.set_text(0, slot, "low"),
            ("t", _) => block.set_text(0, slot, "The rye bread, and milk"),
            ("d", _) => block.set_text(0, slot, "2020-02-29"),
            ("m", _) => block.set_text(0, slot, "2020-02-29T12:30:00"),
            ("b", _) => block.set_boolean(0, slot, true),
            ("n" | "h", _) => block.set_long(0, slot, 2),
            _ => block.set_double(0, slot, 2.5),
        }
    }
}

/// What is wrong with a document, if anything is.
fn wrong(name: &str, content: &str) -> Option<String> {
    let model = match load(content.as_bytes()) {
        Ok(model) => model,
        Err(error) => return Some(error.to_string()),
    };
    let mut block = Block::new(model.schema().inputs.len());
    fill(&*model, &mut block);
    if name == "association" {
        block.set_text(0, 0, r#"["bread","butter"]"#);
    }
    let mut output = Output::new(model.schema().outputs.len());
    output.reset(1);
    Arc::clone(&model).scorer().unwrap().score(&block, &mut output);
    if output.status(0).code != ErrorCode::Ok {
        return Some(output.message(0).to_owned());
    }
    let missing = (0..model.schema().outputs.len())
        .filter(|slot| output.cells.cell(0, *slot) == Cell::Missing)
        .map(|slot| model.schema().outputs[slot].name.as_str())
        .collect::<Vec<_>>();
    (!missing.is_empty()).then(|| format!("{missing:?} are missing"))
}

#[test]
fn each_document_loads_and_scores() {
    let wrong: Vec<String> = corpus()
        .iter()
        .filter_map(|(name, content)| Some(format!("{name}: {}", wrong(name, content)?)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_model_element_is_there() {
    let documents = corpus();
    let found: BTreeSet<&str> = ELEMENTS
        .into_iter()
        .filter(|element| {
            documents
                .iter()
                .any(|(_, content)| content.contains(&format!("\n <{element} ")))
        })
        .collect();
    assert_eq!(found, BTreeSet::from(ELEMENTS));
}
