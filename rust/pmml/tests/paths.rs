//! Fast paths against the general path: the same answers, to the bit where sums run in the same order.
#![allow(clippy::unwrap_used, clippy::format_collect)]

mod common;

use std::sync::Arc;

use common::{answers, document, load};
use proptest::prelude::*;
use serving_model::{Block, Cell, Output, Tag};

/// The terms come in the order of the fields or the other way round.
fn equation(intercept: f64, weights: &[f64], reversed: bool) -> String {
    let field = |name: &str| format!(r#"<DataField name="{name}" optype="continuous" dataType="double"/>"#);
    let fields: String = (0..weights.len())
        .map(|i| field(&format!("x{i}")))
        .chain([field("y")])
        .collect();
    let active: String = (0..weights.len())
        .map(|i| format!(r#"<MiningField name="x{i}"/>"#))
        .collect();
    let mut terms: Vec<String> = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| format!(r#"<NumericPredictor name="x{i}" coefficient="{weight}"/>"#))
        .collect();
    if reversed {
        terms.reverse();
    }
    let terms = terms.concat();
    document(
        &fields,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema>{active}<MiningField name="y" usageType="target"/>
            </MiningSchema><RegressionTable intercept="{intercept}">{terms}</RegressionTable></RegressionModel>"#
        ),
    )
}

/// What a cell that is no plain number may be.
#[derive(Clone, Copy, Debug)]
enum Other {
    Missing,
    NotANumber,
    Whole,
}

fn other() -> impl Strategy<Value = Option<(usize, Other)>> {
    let what = prop_oneof![Just(Other::Missing), Just(Other::NotANumber), Just(Other::Whole)];
    proptest::option::of((0_usize..12, what))
}

/// The same numbers twice: as doubles, and as text, which only the general path reads. NaN counts as missing.
fn numbers_and_texts(terms: &[(f64, f64)], other: Option<(usize, Other)>) -> Block {
    let mut block = Block::new(terms.len());
    block.reset(2);
    for (slot, (_, value)) in terms.iter().enumerate() {
        match other.filter(|(at, _)| *at == slot) {
            None => {
                block.set_double(0, slot, *value);
                block.set_text(1, slot, &value.to_string());
            }
            Some((_, Other::Whole)) => {
                block.set_long(0, slot, *value as i64);
                block.set_text(1, slot, &value.trunc().to_string());
            }
            Some((_, Other::NotANumber)) => block.set_double(0, slot, f64::NAN),
            Some((_, Other::Missing)) => {}
        }
    }
    block
}

proptest! {
    #[test]
    fn a_lone_equation_answers_as_the_general_path_does(
        intercept in -1e3..1e3_f64,
        terms in proptest::collection::vec((-1e3..1e3_f64, -1e6..1e6_f64), 1..12),
        reversed: bool,
        other in other(),
    ) {
        let weights: Vec<f64> = terms.iter().map(|(weight, _)| *weight).collect();
        let model = load(equation(intercept, &weights, reversed).as_bytes()).unwrap();
        let block = numbers_and_texts(&terms, other);
        prop_assert_eq!(block.tags(1).contains(&(Tag::Double as u8)), false);
        let both = answers(&model, &block);
        prop_assert_eq!(&both[0], &both[1]);
        let absent = other.is_some_and(|(slot, other)| slot < terms.len() && !matches!(other, Other::Whole));
        prop_assert_eq!(both[0].contains("null"), absent);
    }

    #[test]
    fn a_lone_equation_that_takes_all_cells_in_turn_is_told_and_is_the_one_that_answers(
        intercept in -1e3..1e3_f64,
        terms in proptest::collection::vec((-1e3..1e3_f64, -1e6..1e6_f64), 1..12),
        reversed: bool,
    ) {
        let weights: Vec<f64> = terms.iter().map(|(weight, _)| *weight).collect();
        let model = load(equation(intercept, &weights, reversed).as_bytes()).unwrap();
        let scorer = Arc::clone(&model).scorer().unwrap();
        let Some(told) = scorer.equation() else {
            prop_assert!(reversed && terms.len() > 1);
            return Ok(());
        };
        let sum = terms.iter().zip(&told.weights).fold(0.0, |sum, ((_, value), weight)| sum + weight * value);
        let answer = Cell::Double(sum + told.intercept);
        let block = numbers_and_texts(&terms, None);
        let mut output = Output::new(1);
        output.reset(block.rows());
        Arc::clone(&model).scorer().unwrap().score(&block, &mut output);
        prop_assert_eq!(output.cells.cell(0, 0), answer);
    }
}

#[test]
fn no_equation_is_told_of_what_does_more_or_takes_less() {
    let whole = equation(1.0, &[1.0, 2.0], false);
    let told = |document: &str| {
        load(document.as_bytes())
            .unwrap()
            .scorer()
            .unwrap()
            .equation()
            .is_some()
    };
    assert!(told(&whole));
    for (from, to) in [
        // One field less, whose NaN would not matter.
        (r#"<NumericPredictor name="x1" coefficient="2"/>"#, ""),
        (r#"<NumericPredictor name="x0" coefficient="1"/>"#, ""),
        (
            r#"<NumericPredictor name="x0" "#,
            r#"<NumericPredictor name="x0" exponent="2" "#,
        ),
        (
            r#"<MiningField name="x1"/>"#,
            r#"<MiningField name="x1" outliers="asExtremeValues" lowValue="0" highValue="1"/>"#,
        ),
        (
            r#"<DataField name="x1" optype="continuous" dataType="double"/>"#,
            r#"<DataField name="x1" optype="continuous" dataType="float"/>"#,
        ),
        (
            r#"functionName="regression">"#,
            r#"functionName="regression" normalizationMethod="exp">"#,
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        assert!(!told(&whole.replace(from, to)), "{to}");
    }
}

/// A general regression whose intercept comes first; a target makes it a classification.
fn general_regression(weights: &[f64], link: &str, attributes: &str, classifies: bool) -> String {
    let inputs = weights.len() - 1;
    let names: String = (0..=inputs).map(|i| format!(r#"<Parameter name="p{i}"/>"#)).collect();
    let covariates: String = (0..inputs).map(|i| format!(r#"<Predictor name="x{i}"/>"#)).collect();
    let pairs: String = (0..inputs)
        .map(|i| format!(r#"<PPCell value="1" predictorName="x{i}" parameterName="p{}"/>"#, i + 1))
        .collect();
    let category = if classifies { r#"targetCategory="c0""# } else { "" };
    let cells: String = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| format!(r#"<PCell {category} parameterName="p{i}" beta="{weight}"/>"#))
        .collect();
    let inside = format!(
        "<ParameterList>{names}</ParameterList><CovariateList>{covariates}</CovariateList><PPMatrix>{pairs}</PPMatrix>
        <ParamMatrix>{cells}</ParamMatrix>"
    );
    let attributes = format!(r#"modelType="generalizedLinear" linkFunction="{link}" {attributes}"#);
    if classifies {
        return classifier(inputs, 2, "GeneralRegressionModel", &attributes, &inside);
    }
    let fields: String = (0..inputs)
        .map(|i| format!(r#"<DataField name="x{i}" optype="continuous" dataType="double"/>"#))
        .collect();
    let active: String = (0..inputs).map(|i| format!(r#"<MiningField name="x{i}"/>"#)).collect();
    document(
        &format!(r#"{fields}<DataField name="y" optype="continuous" dataType="double"/>"#),
        &format!(
            r#"<GeneralRegressionModel functionName="regression" {attributes}><MiningSchema>{active}<MiningField name="y"
            usageType="target"/></MiningSchema>{inside}</GeneralRegressionModel>"#
        ),
    )
}

proptest! {
    #[test]
    fn a_general_regression_of_numbers_answers_as_the_general_path_does(
        intercept in -3.0..3.0_f64,
        terms in proptest::collection::vec((-2.0..2.0_f64, -2.0..2.0_f64), 1..12),
        link in proptest::sample::select(vec!["identity", "log", "logit", "cloglog"]),
        attributes in proptest::sample::select(vec!["", r#"offsetValue="0.3" trialsValue="5""#]),
        classifies in any::<bool>(),
        other in other(),
    ) {
        let weights: Vec<f64> = std::iter::once(intercept).chain(terms.iter().map(|(weight, _)| *weight)).collect();
        let attributes = if classifies { r#"targetReferenceCategory="c1""# } else { attributes };
        let link = if classifies { "logit" } else { link };
        let model = load(general_regression(&weights, link, attributes, classifies).as_bytes()).unwrap();
        let block = numbers_and_texts(&terms, other);
        let both = answers(&model, &block);
        prop_assert_eq!(&both[0], &both[1]);
        let sum = terms.iter().fold(intercept, |sum, (weight, value)| sum + weight * value);
        if other.is_none_or(|(slot, _)| slot >= terms.len()) && link == "identity" && attributes.is_empty() && !classifies {
            prop_assert_eq!(&both[0], &format!("y={sum}"));
        }
    }
}

/// A classification by equations, whose terms are products of one field for the general path.
fn equations(weights: &[Vec<f64>], normalization: &str, general: bool) -> String {
    let inputs = weights[0].len() - 1;
    let tables: String = weights
        .iter()
        .enumerate()
        .map(|(class, weights)| {
            let terms: String = weights[1..]
                .iter()
                .enumerate()
                .map(|(i, weight)| {
                    if general {
                        format!(r#"<PredictorTerm coefficient="{weight}"><FieldRef field="x{i}"/></PredictorTerm>"#)
                    } else {
                        format!(r#"<NumericPredictor name="x{i}" coefficient="{weight}"/>"#)
                    }
                })
                .collect();
            let intercept = weights[0];
            format!(r#"<RegressionTable targetCategory="c{class}" intercept="{intercept}">{terms}</RegressionTable>"#)
        })
        .collect();
    classifier(
        inputs,
        weights.len(),
        "RegressionModel",
        &format!(r#"normalizationMethod="{normalization}""#),
        &tables,
    )
}

/// A network of two layers; a connection without weight that leaves out a layer makes it one for the general path.
fn network(hidden: &[Vec<f64>], output: &[Vec<f64>], activation: &str, general: bool) -> String {
    let inputs = hidden[0].len() - 1;
    let fields: String = (0..inputs)
        .map(|i| {
            format!(
                r#"<NeuralInput id="i{i}"><DerivedField optype="continuous" dataType="double"><FieldRef field="x{i}"/>
                </DerivedField></NeuralInput>"#
            )
        })
        .collect();
    let layer = |rows: &[Vec<f64>], from: &str, to: &str, beside: &str| -> String {
        rows.iter()
            .enumerate()
            .map(|(n, weights)| {
                let connections: String = weights[1..]
                    .iter()
                    .enumerate()
                    .map(|(i, weight)| format!(r#"<Con from="{from}{i}" weight="{weight}"/>"#))
                    .collect();
                let bias = weights[0];
                format!(r#"<Neuron id="{to}{n}" bias="{bias}">{connections}{beside}</Neuron>"#)
            })
            .collect()
    };
    let beside = if general { r#"<Con from="i0" weight="0"/>"# } else { "" };
    let outputs: String = (0..output.len())
        .map(|n| {
            format!(
                r#"<NeuralOutput outputNeuron="o{n}"><DerivedField optype="categorical" dataType="string">
                <NormDiscrete field="y" value="c{n}"/></DerivedField></NeuralOutput>"#
            )
        })
        .collect();
    let inside = format!(
        r#"<NeuralInputs>{fields}</NeuralInputs><NeuralLayer>{}</NeuralLayer>
        <NeuralLayer activationFunction="identity" normalizationMethod="softmax">{}</NeuralLayer><NeuralOutputs>{outputs}
        </NeuralOutputs>"#,
        layer(hidden, "i", "h", ""),
        layer(output, "h", "o", beside)
    );
    classifier(
        inputs,
        output.len(),
        "NeuralNetwork",
        &format!(r#"activationFunction="{activation}""#),
        &inside,
    )
}

fn classifier(inputs: usize, classes: usize, element: &str, attributes: &str, inside: &str) -> String {
    let fields: String = (0..inputs)
        .map(|i| format!(r#"<DataField name="x{i}" optype="continuous" dataType="double"/>"#))
        .collect();
    let active: String = (0..inputs).map(|i| format!(r#"<MiningField name="x{i}"/>"#)).collect();
    let shares: String = (0..classes)
        .map(|n| format!(r#"<OutputField name="p{n}" feature="probability" value="c{n}"/>"#))
        .collect();
    document(
        &format!(r#"{fields}<DataField name="y" optype="categorical" dataType="string"/>"#),
        &format!(
            r#"<{element} functionName="classification" {attributes}><MiningSchema>{active}
            <MiningField name="y" usageType="target"/></MiningSchema><Output>{shares}</Output>{inside}</{element}>"#
        ),
    )
}

fn rows(values: &[Vec<Option<f64>>], inputs: usize) -> Block {
    let mut block = Block::new(inputs);
    block.reset(values.len());
    for (row, values) in values.iter().enumerate() {
        for (slot, value) in values.iter().take(inputs).enumerate() {
            if let Some(value) = value {
                block.set_double(row, slot, *value);
            }
        }
    }
    block
}

/// Whether two answers agree but for the order of a sum: a few units in the last place of the largest share.
fn agree(a: &str, b: &str) -> bool {
    let parts = a.split(' ').zip(b.split(' '));
    a.split(' ').count() == b.split(' ').count()
        && parts.into_iter().all(|(a, b)| {
            let number = |text: &str| text.split_once('=').and_then(|(_, value)| value.parse::<f64>().ok());
            match (number(a), number(b)) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-12 || a.is_nan() && b.is_nan(),
                _ => a == b,
            }
        })
}

fn matrix(rows: std::ops::Range<usize>, columns: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    proptest::collection::vec(proptest::collection::vec(-2.0..2.0_f64, columns), rows)
}

fn records() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    let value = proptest::option::weighted(0.97, prop_oneof![20 => -3.0..3.0_f64, 1 => Just(f64::NAN)]);
    proptest::collection::vec(proptest::collection::vec(value, 12), 1..100)
}

proptest! {
    #[test]
    fn equations_of_classes_answer_as_the_general_path_does(
        weights in (1_usize..12).prop_flat_map(|inputs| matrix(3..12, inputs + 1)),
        normalization in prop_oneof![Just("softmax"), Just("none"), Just("simplemax")],
        records in records(),
    ) {
        let fast = load(equations(&weights, normalization, false).as_bytes()).unwrap();
        let general = load(equations(&weights, normalization, true).as_bytes()).unwrap();
        let block = rows(&records, weights[0].len() - 1);
        prop_assert_eq!(answers(&fast, &block), answers(&general, &block));
    }

    #[test]
    fn networks_answer_as_the_general_path_does(
        (hidden, output) in (1_usize..12, 1_usize..20)
            .prop_flat_map(|(inputs, hidden)| (matrix(hidden..hidden + 1, inputs + 1), matrix(3..9, hidden + 1))),
        activation in prop_oneof![Just("rectifier"), Just("logistic"), Just("tanh")],
        records in records(),
    ) {
        let fast = load(network(&hidden, &output, activation, false).as_bytes()).unwrap();
        let general = load(network(&hidden, &output, activation, true).as_bytes()).unwrap();
        let block = rows(&records, hidden[0].len() - 1);
        for (fast, general) in answers(&fast, &block).iter().zip(answers(&general, &block)) {
            // Classes with nearly the same share may change places.
            let class = |answer: &str| answer.split(' ').next().unwrap().to_owned();
            prop_assert!(agree(fast, &general) || class(fast) != class(&general) && agree(
                fast.split_once(' ').unwrap().1, general.split_once(' ').unwrap().1), "{} {}", fast, general);
        }
    }
}
