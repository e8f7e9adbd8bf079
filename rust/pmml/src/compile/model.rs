//! What all model elements share: function, classes, targets.

use std::collections::{HashMap, HashSet};

use super::targets::{function_of, target_element, target_names};
use super::uncertainty::Prediction;
use super::{Compiled, Compiler, ScopeId};
use crate::document::Node;
use crate::models::mining::{Method, Segment};
use crate::models::{Class, Function, Kind, Model};
use crate::value::{OpType, Type, Value};

/// The model elements of PMML 4.4.
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

/// Whether a segmentation's answer is that of one of its segments.
fn takes_over(segmentation: Node<'_>) -> bool {
    matches!(
        segmentation.get("multipleModelMethod"),
        Some("selectFirst" | "selectAll" | "modelChain" | "multiModelChain" | "x-multiModelChain")
    )
}

/// The model element inside an element.
pub(crate) fn model_of(parent: Node<'_>) -> Option<Node<'_>> {
    parent.children().find(|child| ELEMENTS.contains(&child.name()))
}

/// Whether an element is a model that is embedded in another: without mining schema, for the target around it.
pub(super) fn is_embedded(node: Node<'_>) -> bool {
    matches!(node.name(), "Regression" | "DecisionTree")
}

/// Classes in the order in which the model names them.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    pub(crate) kind: Type,
    pub(crate) list: Vec<Class>,
    index: HashMap<(u8, u64), u32>,
    spellings: Spellings,
}

/// How classes were spelled: documents repeat a few texts in the same order again and again.
#[derive(Clone, Debug, Default)]
struct Spellings {
    known: Vec<(Box<str>, u32)>,
    /// Where the next one is looked for first.
    next: usize,
}

impl Spellings {
    /// Most that are kept.
    const MOST: usize = 64;

    fn find(&mut self, text: &str) -> Option<u32> {
        let (before, after) = self.known.split_at(self.next.min(self.known.len()));
        let position = match after.iter().position(|(known, _)| **known == *text) {
            Some(position) => before.len() + position,
            None => before.iter().position(|(known, _)| **known == *text)?,
        };
        self.next = position + 1;
        self.known.get(position).map(|(_, class)| *class)
    }

    fn add(&mut self, text: &str, class: u32) {
        if self.known.len() < Self::MOST {
            self.known.push((text.into(), class));
        }
    }
}

impl Classes {
    pub(crate) fn new(kind: Type) -> Self {
        Self {
            kind,
            list: Vec::new(),
            index: HashMap::new(),
            spellings: Spellings::default(),
        }
    }

    pub(crate) fn find(&self, value: Value) -> Option<u32> {
        self.index.get(&value.key()).copied()
    }

    /// The number of a class, new or known.
    pub(crate) fn class(&mut self, value: Value, code: u32) -> u32 {
        *self.index.entry(value.key()).or_insert_with(|| {
            self.list.push(Class { code, value });
            (self.list.len() - 1) as u32
        })
    }
}

/// Which of the classes in an answer, in a request with a value, and in a request for the predicted class are values of
/// the target's type instead of text. The reference tool finds no share where these differ: it answers 0. They differ
/// where a segment's answer is taken over, and the target is not text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) answers: bool,
    pub(crate) requests: bool,
    pub(crate) predictions: bool,
}

/// What a model element is compiled in.
pub(crate) struct Draft<'d> {
    pub(crate) node: Node<'d>,
    pub(crate) scope: ScopeId,
    pub(crate) function: Function,
    pub(crate) float: bool,
    pub(crate) classes: Classes,
    pub(crate) target: Option<&'d str>,
    pub(crate) target_kind: Type,
    pub(crate) target_optype: OpType,
    /// Segments by identifier.
    pub(crate) segments: HashMap<&'d str, usize>,
    /// Names of the outputs of segments.
    pub(crate) inner: HashSet<String>,
    /// Predictions whose uncertainty, or of which several, are asked for.
    pub(crate) predictions: Vec<Prediction<'d>>,
    /// Models of its other targets, which answer with it.
    pub(crate) further: HashMap<&'d str, usize>,
    /// All its targets.
    pub(crate) targets: HashSet<&'d str>,
    /// How the outputs of the model look classes up.
    pub(crate) lookup: Lookup,
}

impl<'d> Compiler<'d> {
    /// The class with a text.
    pub(crate) fn class(&mut self, classes: &mut Classes, text: &str) -> u32 {
        if let Some(class) = classes.spellings.find(text) {
            return class;
        }
        let value = self.literal_or_text(classes.kind, text);
        let code = self.strings.intern(text);
        let class = classes.class(value, code);
        classes.spellings.add(text, class);
        class
    }

    /// Makes sure that each class whose share is asked for is one.
    pub(crate) fn output_classes(&mut self, draft: &mut Draft<'d>) {
        for field in draft
            .node
            .child("Output")
            .into_iter()
            .flat_map(|output| output.all("OutputField"))
        {
            if matches!(field.get("feature"), Some("probability" | "confidence"))
                && field.get("segmentId").is_none()
                && field
                    .get("targetField")
                    .is_none_or(|target| !draft.further.contains_key(target))
                && let Some(text) = field.get("value")
            {
                self.class(&mut draft.classes, text);
            }
        }
    }

    /// Compiles a model element and what is inside it. Returns its index.
    pub(crate) fn model(&mut self, parent: ScopeId, node: Node<'d>, outer: Option<(&'d str, Type)>) -> Compiled<usize> {
        let index = self.models.len();
        self.models.push(None);
        let function = node.need("functionName")?;
        if node.get("isScorable").is_some() && !node.flag("isScorable", true)? {
            return Err(node.invalid("the model says that it is not scorable"));
        }
        let scope = self.model_scope(parent, node)?;
        let targets = target_names(node);
        let own = targets.first().copied();
        let declared = own.and_then(|name| self.fields.get(name));
        // With several targets each is what its type says.
        let by_type = matches!(node.name(), "NearestNeighborModel" | "NeuralNetwork")
            && (targets.len() > 1 || function == "mixed");
        let function = match (function, declared) {
            (_, Some(field)) if by_type => function_of(field.optype),
            ("classification", _) => Function::Classification,
            ("regression", _) => Function::Regression,
            _ => Function::Other,
        };
        let (target_kind, target_optype) = match (declared, outer) {
            (Some(field), _) => (field.kind, field.optype),
            (None, Some((_, kind))) => (kind, kind.default_optype()),
            (None, None) if function == Function::Regression => (Type::Double, OpType::Continuous),
            (None, None) => (Type::String, OpType::Categorical),
        };
        let target_optype = match target_element(node, own).and_then(|target| target.get("optype")) {
            Some("continuous") => OpType::Continuous,
            Some("categorical") => OpType::Categorical,
            Some("ordinal") => OpType::Ordinal,
            _ => target_optype,
        };
        let declared_kind = declared.map(|field| field.kind);
        let takes_over = node.child("Segmentation").is_some_and(takes_over);
        let requests = !takes_over && declared_kind.map_or(self.typed_classes, |kind| kind != Type::String);
        let target_kind = match (function, target_kind) {
            (Function::Regression, Type::String) => Type::Double,
            (_, kind) => kind,
        };
        self.entity_ids |= node.child("Output").is_some_and(|output| {
            output
                .all("OutputField")
                .any(|field| field.get("feature") == Some("entityId"))
        });
        let mut draft = Draft {
            node,
            scope,
            function,
            float: node.get("x-mathContext") == Some("float"),
            classes: Classes::new(target_kind),
            target: own,
            target_kind,
            target_optype,
            segments: HashMap::new(),
            inner: HashSet::new(),
            predictions: Vec::new(),
            further: HashMap::new(),
            targets: targets.into_iter().collect(),
            lookup: Lookup {
                answers: requests,
                requests,
                predictions: declared_kind
                    .or(outer.map(|(_, kind)| kind))
                    .is_some_and(|kind| kind != Type::String),
            },
        };
        let around = std::mem::replace(&mut self.typed_classes, requests);
        let compiled = self.kind(&mut draft, index);
        self.typed_classes = around;
        let (element, kind) = compiled?;
        let list = kind.as_ref().is_some_and(|kind| self.answers_list(kind));
        self.count_element(element);
        let target = self.target(&mut draft)?;
        let outputs = self.output_fields(&mut draft, index, list)?;
        let shares = self.shares;
        self.shares += draft.classes.list.len();
        let Some(kind) = kind else {
            return Ok(index);
        };
        self.models[index] = Some(Model {
            kind,
            function,
            list,
            float: draft.float,
            classes: draft.classes.list.into(),
            shares,
            target_name: draft.target.map(str::to_owned),
            target_kind: draft.target_kind,
            target: target.map(Box::new),
            outputs,
            lookup: draft.lookup,
            embedded: is_embedded(node),
        });
        Ok(index)
    }

    /// Whether a model of some kind answers with lists.
    fn answers_list(&self, kind: &Kind) -> bool {
        let list = |segment: &Segment| {
            self.models[segment.model as usize]
                .as_ref()
                .is_some_and(|model| model.list)
        };
        match kind {
            Kind::Association(_) | Kind::Sequences(_) => true,
            Kind::Mining(mining) => match mining.method {
                Method::SelectAll => true,
                Method::SelectFirst => mining.segments.iter().all(list),
                Method::ModelChain => mining.segments.last().is_some_and(list),
                _ => false,
            },
            _ => false,
        }
    }

    fn count_element(&mut self, name: &'static str) {
        match self.elements.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => self.elements.push((name, 1)),
        }
    }

    fn kind(&mut self, draft: &mut Draft<'d>, index: usize) -> Compiled<(&'static str, Option<Kind>)> {
        let name = draft.node.name();
        Ok(match name {
            "TreeModel" | "DecisionTree" => (
                if name == "TreeModel" {
                    "TreeModel"
                } else {
                    "DecisionTree"
                },
                self.tree_model(draft)?.map(|tree| Kind::Tree(Box::new(tree))),
            ),
            "RegressionModel" => ("RegressionModel", self.regression_model(draft)?.map(Kind::Regression)),
            "Regression" => ("Regression", self.regression_model(draft)?.map(Kind::Regression)),
            "GeneralRegressionModel" => (
                "GeneralRegressionModel",
                self.general_regression_model(draft)?.map(Kind::GeneralRegression),
            ),
            "NeuralNetwork" => (
                "NeuralNetwork",
                self.neural_network(draft)?
                    .map(|network| Kind::NeuralNetwork(Box::new(network))),
            ),
            "MiningModel" => (
                "MiningModel",
                self.mining_model(draft, index)?
                    .map(|mining| Kind::Mining(Box::new(mining))),
            ),
            "ClusteringModel" => ("ClusteringModel", self.clustering_model(draft)?.map(Kind::Clustering)),
            "NearestNeighborModel" => (
                "NearestNeighborModel",
                self.nearest_neighbor_model(draft)?
                    .map(|model| Kind::Neighbors(Box::new(model))),
            ),
            "NaiveBayesModel" => ("NaiveBayesModel", self.naive_bayes_model(draft)?.map(Kind::NaiveBayes)),
            "SupportVectorMachineModel" => (
                "SupportVectorMachineModel",
                self.support_vector_model(draft)?.map(Kind::SupportVector),
            ),
            "Scorecard" => ("Scorecard", self.scorecard(draft)?.map(Kind::Scorecard)),
            "RuleSetModel" => ("RuleSetModel", self.rule_set_model(draft)?.map(Kind::RuleSet)),
            "AnomalyDetectionModel" => ("AnomalyDetectionModel", self.anomaly_model(draft)?.map(Kind::Anomaly)),
            "AssociationModel" => (
                "AssociationModel",
                self.association_model(draft)?
                    .map(|association| Kind::Association(Box::new(association))),
            ),
            "SequenceModel" => (
                "SequenceModel",
                self.sequence_model(draft)?
                    .map(|sequences| Kind::Sequences(Box::new(sequences))),
            ),
            "TextModel" => (
                "TextModel",
                self.text_model(draft)?.map(|text| Kind::Text(Box::new(text))),
            ),
            "TimeSeriesModel" => (
                "TimeSeriesModel",
                self.time_series_model(draft)?
                    .map(|series| Kind::TimeSeries(Box::new(series))),
            ),
            "GaussianProcessModel" => (
                "GaussianProcessModel",
                self.gaussian_process_model(draft)?
                    .map(|process| Kind::GaussianProcess(Box::new(process))),
            ),
            "BaselineModel" => (
                "BaselineModel",
                self.baseline_model(draft)?
                    .map(|baseline| Kind::Baseline(Box::new(baseline))),
            ),
            "BayesianNetworkModel" => (
                "BayesianNetworkModel",
                self.bayesian_network_model(draft)?
                    .map(|network| Kind::BayesianNetwork(Box::new(network))),
            ),
            _ => {
                self.unsupported(draft.node, "model element");
                ("", None)
            }
        })
    }
}
