//! Where the specification leaves room: what the reference tool answers (or PMML4S, for documents that it refuses).

mod common;

use common::{document, score};

const SCHEMA: &str =
    r#"<MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema>"#;

fn fields(target: &str) -> String {
    format!(r#"<DataField name="x" optype="continuous" dataType="double"/><DataField name="y" {target}/>"#)
}

fn probability(value: &str) -> String {
    format!(r#"<Output><OutputField name="p" feature="probability" dataType="double" {value}/></Output>"#)
}

/// Three records of class 0, seven of class 1.
fn leaf(schema: &str) -> String {
    format!(
        r#"<TreeModel functionName="classification">{schema}<Node score="1"><True/>
        <ScoreDistribution value="0" recordCount="3"/><ScoreDistribution value="1" recordCount="7"/></Node></TreeModel>"#
    )
}

fn mining(method: &str, inside: &str, segment: &str) -> String {
    format!(
        r#"<MiningModel functionName="classification">{SCHEMA}{inside}<Segmentation multipleModelMethod="{method}">
        <Segment><True/>{segment}</Segment></Segmentation></MiningModel>"#
    )
}

/// An answer that is taken over from a segment knows its classes as values of the target, a request with a value
/// compares them with text: with a target that is not text nothing is found, and the share is 0.
#[test]
fn shares_of_an_answer_taken_over_are_found_when_the_target_is_text() {
    let own = format!("<MiningSchema>{}", &SCHEMA["<MiningSchema>".len()..]);
    let without = r#"<MiningSchema><MiningField name="x"/></MiningSchema>"#;
    let nested = format!(
        r#"<MiningModel functionName="classification">{without}<Segmentation multipleModelMethod="modelChain">
        <Segment><True/>{}</Segment></Segmentation></MiningModel>"#,
        leaf(without)
    );
    for (kind, method, segment, by_value, predicted) in [
        ("integer", "selectFirst", leaf(&own), "0", "0.7"),
        ("integer", "modelChain", leaf(&own), "0", "0.7"),
        ("integer", "selectFirst", leaf(without), "0.7", "0"),
        ("integer", "average", leaf(&own), "0.7", "0.7"),
        ("integer", "average", leaf(without), "0.7", "0.7"),
        ("integer", "average", nested.clone(), "0", "0"),
        ("double", "modelChain", leaf(&own), "0", "0.7"),
        ("string", "modelChain", leaf(&own), "0.7", "0.7"),
        ("string", "average", nested.clone(), "0.7", "0.7"),
    ] {
        let fields = fields(&format!(r#"optype="categorical" dataType="{kind}""#));
        let by_class = document(&fields, &mining(method, &probability(r#"value="1""#), &segment));
        assert_eq!(score(&by_class, "x=0"), format!("y=1 p={by_value}"), "{kind} {method}");
        let of_answer = document(&fields, &mining(method, &probability(""), &segment));
        assert_eq!(
            score(&of_answer, "x=0"),
            format!("y=1 p={predicted}"),
            "{kind} {method}"
        );
    }
}

#[test]
fn a_chain_without_named_target_can_not_answer_missing_outputs() {
    let never = r#"<TreeModel functionName="classification" missingValueStrategy="nullPrediction"><MiningSchema>
        <MiningField name="x"/></MiningSchema><Node><True/><Node score="1"><SimplePredicate field="x"
        operator="lessThan" value="9"/></Node></Node></TreeModel>"#;
    for (schema, output, answer) in [
        ("", "", "y=null"),
        (
            "",
            r#"<Output><OutputField name="p" feature="predictedValue"/></Output>"#,
            "FIELD_MISSING",
        ),
        (
            r#"<MiningField name="y" usageType="target"/>"#,
            r#"<Output><OutputField name="p" feature="predictedValue"/></Output>"#,
            "y=null",
        ),
    ] {
        let inner = format!(
            r#"<MiningModel functionName="classification"><MiningSchema><MiningField name="x"/>{schema}</MiningSchema>{output}
            <Segmentation multipleModelMethod="modelChain" missingPredictionTreatment="returnMissing"><Segment><True/>{never}
            </Segment></Segmentation></MiningModel>"#
        );
        let model = document(
            &fields(r#"optype="categorical" dataType="string""#),
            &mining("modelChain", "", &inner).replace(
                "\"modelChain\">",
                "\"modelChain\" missingPredictionTreatment=\"returnMissing\">",
            ),
        );
        let got = score(&model, "");
        assert!(got.starts_with(answer), "{output}: {got}");
    }
}

/// In single precision each step is rounded, and the exponential function is a power of 2.7182817.
#[test]
fn normalisations_in_single_precision() {
    for (normalization, answer) in [
        ("exp", "7.3890553"),
        ("logit", "0.880797"),
        ("cloglog", "0.999382"),
        ("loglog", "0.87342304"),
        ("cauchit", "0.8524164"),
    ] {
        let model = document(
            &fields(r#"optype="continuous" dataType="float""#),
            &format!(
                r#"<RegressionModel functionName="regression" normalizationMethod="{normalization}" x-mathContext="float">
                {SCHEMA}<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable>
                </RegressionModel>"#
            ),
        );
        assert_eq!(score(&model, "x=2"), format!("y={answer}"), "{normalization}");
    }
}

/// With large coefficients it shows: numbers, then categories, then products, and the intercept last.
#[test]
fn the_intercept_is_added_last() {
    let model = document(
        &fields(r#"optype="continuous" dataType="double""#),
        &format!(
            r#"<RegressionModel functionName="regression">{SCHEMA}<RegressionTable intercept="-1e16">
            <CategoricalPredictor name="x" value="1" coefficient="1e16"/><NumericPredictor name="x" coefficient="1"/>
            </RegressionTable></RegressionModel>"#
        ),
    );
    // 1 + 1e16 is 1e16.
    assert_eq!(score(&model, "x=1"), "y=0");
}

/// Of equal shares the class that the distribution names first is the answer, not the score of some node.
#[test]
fn a_tie_goes_to_the_class_named_first_in_the_distribution() {
    let leaf = |score: &str, zero: u32, one: u32| {
        format!(
            r#"<Segment><True/><TreeModel functionName="classification">{SCHEMA}<Node score="{score}"><True/>
            <ScoreDistribution value="0" recordCount="{zero}"/><ScoreDistribution value="1" recordCount="{one}"/></Node>
            </TreeModel></Segment>"#
        )
    };
    let model = document(
        &fields(r#"optype="categorical" dataType="string""#),
        &format!(
            r#"<MiningModel functionName="classification">{SCHEMA}<Segmentation multipleModelMethod="average">{}{}
            </Segmentation></MiningModel>"#,
            leaf("1", 0, 5),
            leaf("0", 5, 0)
        ),
    );
    assert_eq!(score(&model, "x=0"), "y=0");
}

/// Two trees over four records; scores that are no path lengths are not used when the counts tell the lengths.
#[test]
fn path_lengths_of_an_isolation_forest_come_from_counts() {
    let forest = |counts: [&str; 5]| {
        let [root, left, right, first, second] = counts;
        document(
            &fields(r#"optype="continuous" dataType="double""#),
            &format!(
                r#"<AnomalyDetectionModel functionName="regression" algorithmType="iforest" sampleDataSize="4"><MiningSchema>
                <MiningField name="x"/></MiningSchema><MiningModel functionName="regression"><MiningSchema><MiningField name="x"/>
                </MiningSchema><Segmentation multipleModelMethod="average"><Segment><True/><TreeModel functionName="regression">
                <MiningSchema><MiningField name="x"/></MiningSchema><Node {root}><True/>
                <Node score="7" {left}><SimplePredicate field="x" operator="lessOrEqual" value="0"/></Node>
                <Node {right}><True/><Node score="7" {first}><SimplePredicate field="x" operator="lessOrEqual" value="1"/></Node>
                <Node score="7" {second}><True/></Node></Node></Node></TreeModel></Segment></Segmentation></MiningModel>
                </AnomalyDetectionModel>"#
            ),
        )
    };
    let counted = forest([
        r#"recordCount="4""#,
        r#"recordCount="1""#,
        r#"recordCount="3""#,
        r#"recordCount="1""#,
        r#"recordCount="2""#,
    ]);
    // c(4) = 2 (ln 3 + 0.5772156649) - 3/2 = 1.8516559; the path is 1 long to the left, 2 + c(2) = 3 to the far right.
    for (record, length) in [("x=0", 1.0_f64), ("x=1", 2.0), ("x=2", 3.0)] {
        let got: f64 = score(&counted, record)
            .strip_prefix("_target=")
            .and_then(|text| text.parse().ok())
            .unwrap_or(f64::NAN);
        let want = (-length / 1.851_655_907_133_128_7).exp2();
        assert!((got - want).abs() < 1e-9, "{record}: {got}, not {want}");
    }
    let scored = forest(["", "", "", "", ""]);
    let want = (-7.0_f64 / 1.851_655_907_133_128_7).exp2();
    let got: f64 = score(&scored, "x=0")
        .strip_prefix("_target=")
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN);
    assert!((got - want).abs() < 1e-9, "{got}, not {want}");
}

#[test]
fn a_segment_may_weigh_by_an_output_of_its_model() {
    let segment = |id: u32, class: &str, weight: &str| {
        format!(
            r#"<Segment><True/><TreeModel functionName="classification">{SCHEMA}<Output><OutputField name="w{id}"
            feature="transformedValue" dataType="double"><Constant dataType="double">{weight}</Constant></OutputField></Output>
            <Node score="{class}"><True/></Node></TreeModel><VariableWeight field="w{id}"/></Segment>"#
        )
    };
    let model = document(
        &fields(r#"optype="categorical" dataType="string""#),
        &format!(
            r#"<MiningModel functionName="classification">{SCHEMA}{}<Segmentation multipleModelMethod="weightedMajorityVote">
            {}{}{}</Segmentation></MiningModel>"#,
            probability(r#"value="b""#),
            segment(1, "a", "1"),
            segment(2, "a", "1"),
            segment(3, "b", "6")
        ),
    );
    assert_eq!(score(&model, "x=0"), "y=b p=0.75");
}

/// PMML4S answers these documents, under these names.
#[test]
fn a_target_that_can_not_hold_the_answer_has_the_answer_beside_it() {
    let regression = |target: &str, function: &str, tables: &str| {
        document(
            &fields(target),
            &format!(
                r#"<RegressionModel functionName="{function}" normalizationMethod="none">{SCHEMA}{tables}</RegressionModel>"#
            ),
        )
    };
    let whole = regression(
        r#"optype="continuous" dataType="integer""#,
        "regression",
        r#"<RegressionTable intercept="0.5"/>"#,
    );
    assert_eq!(score(&whole, "x=0"), "y=0.5 predicted_y=0.5");
    let class = regression(
        r#"optype="continuous" dataType="double""#,
        "classification",
        r#"<RegressionTable intercept="0.75" targetCategory="1"/><RegressionTable intercept="0" targetCategory="0"/>"#,
    );
    assert_eq!(score(&class, "x=0"), "y=1 predicted_y=1 probability=0.75");
}

/// The reference tool answers what is not a number; these are the answers of scikit-learn's `QuantileTransformer`, whose
/// exporter writes points with the same `orig`.
#[test]
fn a_step_of_a_broken_line_is_halved_between_its_ends() {
    let points = [0, 0, 0, 1, 2, 3, 3, 3, 4, 5, 5, 5]
        .iter()
        .zip(0..)
        .map(|(orig, number)| format!(r#"<LinearNorm orig="{orig}" norm="{}"/>"#, f64::from(number) / 11.0))
        .collect::<Vec<_>>()
        .concat();
    let model = document(
        &fields(r#"optype="continuous" dataType="double""#),
        &format!(
            r#"<RegressionModel functionName="regression">{SCHEMA}<LocalTransformations><DerivedField name="q" optype="continuous"
            dataType="double"><NormContinuous field="x" outliers="asExtremeValues">{points}</NormContinuous></DerivedField>
            </LocalTransformations><RegressionTable intercept="0"><NumericPredictor name="q" coefficient="1"/></RegressionTable>
            </RegressionModel>"#
        ),
    );
    for (x, quantile) in [
        ("-1", 0.0),
        ("0", 0.0),
        ("0.5", 0.227_272_727_272_727_26),
        ("3", 0.545_454_545_454_545_4),
        ("4.5", 0.772_727_272_727_272_7),
        ("5", 1.0),
        ("6", 1.0),
    ] {
        let got = score(&model, &format!("x={x}"));
        let found = got.strip_prefix("y=").and_then(|text| text.parse::<f64>().ok());
        assert!(
            found.is_some_and(|found| (found - quantile).abs() < 1e-12),
            "{x}: {got}"
        );
    }
}
