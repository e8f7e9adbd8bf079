//! Segments, with the answers of JPMML-Evaluator 1.7.7, where PMML4S or the specification agree with it.
#![allow(clippy::unwrap_used, clippy::format_collect)]

mod common;

use common::document;
use common::fields::{X, category, check, number, output, schema};

#[test]
fn the_most_certain_segments_answer() {
    let leaf = |shares: &[f64; 3]| {
        let shares: String = ["a", "b", "c"]
            .iter()
            .zip(shares)
            .map(|(class, share)| {
                format!(r#"<ScoreDistribution value="{class}" recordCount="1" probability="{share}"/>"#)
            })
            .collect();
        format!(
            r#"<Segment><True/><TreeModel functionName="classification"><MiningSchema><MiningField name="x"/></MiningSchema>
            <Node><True/>{shares}</Node></TreeModel></Segment>"#
        )
    };
    let with = |method: &str, segments: &[[f64; 3]]| {
        document(
            &format!("{X}{}", category("y", "categorical", "")),
            &format!(
                r#"<MiningModel functionName="classification">{}{}<Segmentation multipleModelMethod="{method}">{}</Segmentation>
                </MiningModel>"#,
                schema("y"),
                output(&["pa probability a", "pb probability b", "pc probability c"]),
                segments.iter().map(leaf).collect::<String>(),
            ),
        )
    };
    let [first, second, third, fourth] = [[0.6, 0.3, 0.1], [0.5, 0.1, 0.4], [0.2, 0.7, 0.1], [0.1, 0.7, 0.2]];
    let odd = [first, second, third];
    check(&with("max", &odd), "x=0", "y=b pa=0.2 pb=0.7 pc=0.1");
    check(&with("median", &odd), "x=0", "y=a pa=0.5 pb=0.1 pc=0.4");
    check(&with("median", &[first]), "x=0", "y=a pa=0.6 pb=0.3 pc=0.1");
    let even = [first, second, third, fourth];
    check(&with("median", &even), "x=0", "y=b pa=0.35 pb=0.5 pc=0.15");
}

/// A regression by segments, which are trees that answer below a bound: attributes, score and bound.
fn bounded_segments(attributes: &str, output: &str, segments: &[(&str, &str, &str)]) -> String {
    let segments: String = segments
        .iter()
        .map(|(attributes, score, bound)| {
            format!(
                r#"<Segment {attributes}><True/><TreeModel functionName="regression" splitCharacteristic="multiSplit">
                <MiningSchema><MiningField name="x"/></MiningSchema><Node score="9"><True/><Node score="{score}">
                <SimplePredicate field="x" operator="lessThan" value="{bound}"/></Node></Node></TreeModel></Segment>"#
            )
        })
        .collect();
    document(
        &format!("{X}{}", number("y")),
        &format!(
            r#"<MiningModel functionName="regression">{}{output}<Segmentation {attributes}>{segments}</Segmentation>
            </MiningModel>"#,
            schema("y")
        ),
    )
}

#[test]
fn how_many_segments_may_be_missing_is_a_matter_of_their_weights() {
    let segments = [
        (r#"weight="1""#, "1", "10"),
        (r#"weight="2""#, "2", "20"),
        ("", "4", "30"),
    ];
    for (method, threshold, answers) in [
        ("average", "0.3", ["2.3333333333333335", "3", "null"]),
        ("average", "0.7", ["2.3333333333333335", "3", "null"]),
        ("median", "0.3", ["2", "3", "null"]),
        ("weightedAverage", "0.3", ["2.25", "2.6666666666666665", "null"]),
    ] {
        let attributes = format!(
            r#"multipleModelMethod="{method}" missingPredictionTreatment="skipSegment" missingThreshold="{threshold}""#
        );
        let model = bounded_segments(&attributes, "", &segments);
        for (x, answer) in ["5", "15", "25"].into_iter().zip(answers) {
            check(&model, &format!("x={x}"), &format!("y={answer}"));
        }
    }
}

#[test]
fn a_selected_segment_is_named_whether_it_answers_or_not() {
    let output = output(&["e entityId"]);
    for (treatment, second) in [("continue", "y=null e=a"), ("skipSegment", "y=2 e=2")] {
        let attributes = format!(r#"multipleModelMethod="selectFirst" missingPredictionTreatment="{treatment}""#);
        let model = bounded_segments(&attributes, &output, &[(r#"id="a""#, "1", "10"), ("", "2", "20")]);
        for (x, answer) in [("5", "y=1 e=a"), ("15", second), ("25", "y=null e=a")] {
            check(&model, &format!("x={x}"), answer);
        }
    }
}

/// Documents of nyoka, which the reference tool refuses because of the second field of the name.
#[test]
fn a_probability_that_the_segment_gives_under_the_same_name_is_right() {
    let shares = output(&["p0 probability 0", "p1 probability 1"]);
    let model = document(
        &format!(
            r#"{X}<DataField name="y" optype="categorical" dataType="integer"><Value value="0"/><Value value="1"/></DataField>"#
        ),
        &format!(
            r#"<MiningModel functionName="classification">{}{shares}<Segmentation multipleModelMethod="modelChain"><Segment><True/>
            <RegressionModel functionName="classification" normalizationMethod="logit">{}{shares}<RegressionTable intercept="0"
            targetCategory="1"><NumericPredictor name="x" coefficient="1"/></RegressionTable><RegressionTable intercept="0"
            targetCategory="0"/></RegressionModel></Segment></Segmentation></MiningModel>"#,
            schema("y"),
            schema("y")
        ),
    );
    check(&model, "x=1", "y=1 p0=0.2689414213699951 p1=0.7310585786300049");
}

#[test]
fn segments_before_the_one_without_answer_keep_theirs() {
    let fields: String = ["1", "2", "3"]
        .map(|id| {
            format!(
                r#"<OutputField name="e{id}" feature="entityId" segmentId="{id}"/>
                <OutputField name="p{id}" feature="predictedValue" segmentId="{id}"/>"#
            )
        })
        .concat();
    let segments = [
        (r#"id="1""#, "1", "9"),
        (r#"id="2""#, "2", "5"),
        (r#"id="3""#, "3", "1"),
    ];
    for (method, sum) in [("average", "2"), ("sum", "6")] {
        let attributes = format!(r#"multipleModelMethod="{method}" missingPredictionTreatment="returnMissing""#);
        let model = bounded_segments(&attributes, &format!("<Output>{fields}</Output>"), &segments)
            .replace("<Node score=\"1\"", "<Node id=\"a\" score=\"1\"")
            .replace("<Node score=\"2\"", "<Node id=\"b\" score=\"2\"")
            .replace("<Node score=\"3\"", "<Node id=\"c\" score=\"3\"");
        check(&model, "x=0", &format!("y={sum} e1=a p1=1 e2=b p2=2 e3=c p3=3"));
        check(&model, "x=3", "y=null e1=a p1=1 e2=b p2=2 e3=null p3=null");
        check(&model, "x=7", "y=null e1=a p1=1 e2=null p2=null e3=null p3=null");
    }
}
