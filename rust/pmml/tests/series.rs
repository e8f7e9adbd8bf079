//! `Aggregate` and `Lag`: what the specification says about a few values, by hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score_texts};
use serving_model::{DataType, ErrorCode};

fn model(expression: &str, kind: &str) -> String {
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="whole" optype="continuous" dataType="integer"><Value value="-1" property="missing"/></DataField>
        <DataField name="text" optype="categorical" dataType="string"/>
        <DataField name="shop" optype="categorical" dataType="string"/>
        <DataField name="y" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="whole"/>
            <MiningField name="text"/><MiningField name="shop"/><MiningField name="y" usageType="target"/></MiningSchema>
            <Output><OutputField name="out" feature="transformedValue"><FieldRef field="derived"/></OutputField>
            <OutputField name="direct" feature="transformedValue">{expression}</OutputField></Output>
            <LocalTransformations><DerivedField name="derived" optype="continuous" dataType="{kind}">{expression}</DerivedField>
            </LocalTransformations>
            <RegressionTable intercept="0"/></RegressionModel>"#
        ),
    )
}

fn value(expression: &str, kind: &str, record: &[(&str, &str)]) -> String {
    let answer = score_texts(&model(expression, kind), record);
    match answer
        .split_once(" out=")
        .map(|(_, outputs)| outputs.split_once(" direct=").unwrap())
    {
        Some((derived, direct)) => {
            // Without a type a whole number may be spelled as one.
            assert_eq!(derived, direct, "{expression}");
            derived.to_owned()
        }
        None => answer,
    }
}

#[test]
fn an_aggregate_is_one_value_of_the_values_of_a_group() {
    for (function, list, answer) in [
        ("count", "[3,1,null,2]", "3"),
        ("sum", "[3,1,null,2]", "6"),
        ("average", "[3,1,null,2]", "2"),
        ("min", "[3,1,null,2]", "1"),
        ("max", "[3,1,null,2]", "3"),
        ("count", "[]", "0"),
        ("sum", "[]", "null"),
        ("average", "[null]", "null"),
        // A single value is a list of one.
        ("sum", "4", "4"),
        ("count", "4", "1"),
        ("max", "[\"2.5\", 1e1]", "10"),
    ] {
        let expression = format!(r#"<Aggregate field="x" function="{function}" groupField="shop"/>"#);
        assert_eq!(
            value(&expression, "double", &[("x", list)]),
            answer,
            "{function} of {list}"
        );
    }
    let sum = r#"<Aggregate field="x" function="sum"/>"#;
    assert_eq!(value(sum, "double", &[]), "null");
    assert_eq!(
        value(sum, "double", &[("x", "[1,\"a\"]")]),
        "FIELD_INVALID: field 'x' does not accept the value \"[1,\"a\"]\""
    );
    assert!(value(sum, "double", &[("x", "[1,")]).starts_with("FIELD_INVALID: field 'x'"));
}

#[test]
fn elements_are_treated_as_values_of_the_field() {
    let average = r#"<Aggregate field="whole" function="average"/>"#;
    assert_eq!(value(average, "double", &[("whole", "[4,-1,7]")]), "5.5");
    assert!(value(average, "double", &[("whole", "[4,0.5]")]).starts_with("FIELD_INVALID: field 'whole'"));
}

#[test]
fn a_multiset_is_a_list() {
    let texts = r#"<Aggregate field="text" function="multiset" groupField="shop"/>"#;
    assert_eq!(
        value(texts, "string", &[("text", r#"["b","a",null,"b"]"#)]),
        r#"["b","a","b"]"#
    );
    let numbers = r#"<Aggregate field="whole" function="multiset"/>"#;
    assert_eq!(value(numbers, "integer", &[("whole", "[2, 1.0,-1]")]), "[2,1]");
    let model = load(model(texts, "string").as_bytes()).unwrap();
    let input = model.schema().inputs.iter().find(|field| field.name == "text").unwrap();
    assert!(input.list && input.data_type == DataType::String);
    let output = model
        .schema()
        .outputs
        .iter()
        .find(|field| field.name == "direct")
        .unwrap();
    assert!(output.list);
}

#[test]
fn a_lag_is_the_value_so_many_records_ago() {
    for (attributes, list, answer) in [
        ("", "[5,6,7]", "6"),
        (r#"n="2""#, "[5,6,7]", "5"),
        (r#"n="3""#, "[5,6,7]", "null"),
        ("", "[5,null,7]", "null"),
        // What other records had is not known.
        ("", "7", "null"),
        ("", "[7]", "null"),
        ("", "[]", "null"),
    ] {
        let lag = format!(r#"<Lag field="x" {attributes}/>"#);
        assert_eq!(value(&lag, "double", &[("x", list)]), answer, "{attributes} of {list}");
    }
}

#[test]
fn a_lag_of_several_records_is_one_value_of_them_without_this_one() {
    for (aggregate, n, answer) in [
        ("sum", 2, "10"),
        ("avg", 2, "5"),
        ("max", 3, "9"),
        ("min", 2, "2"),
        ("median", 3, "8"),
        ("median", 2, "5"),
        ("product", 3, "144"),
        // Deviations of 2 and 8 from 5 are 3 each: sqrt(18 / 1).
        ("stddev", 2, "4.242640687119285"),
        // Fewer records are enough.
        ("sum", 9, "19"),
    ] {
        let lag = format!(r#"<Lag field="x" n="{n}" aggregate="{aggregate}"/>"#);
        assert_eq!(
            value(&lag, "double", &[("x", "[9,8,2,100]")]),
            answer,
            "{aggregate} {n}"
        );
        assert_eq!(value(&lag, "double", &[("x", "[100]")]), "null");
    }
}

#[test]
fn a_lag_stays_within_its_block() {
    let lag = r#"<Lag field="x" n="1"><BlockIndicator field="shop"/></Lag>"#;
    let sum = r#"<Lag field="x" n="5" aggregate="sum"><BlockIndicator field="shop"/></Lag>"#;
    for (shops, one, all) in [
        (r#"["a","b","b","b"]"#, "3", "5"),
        (r#"["b","b","a","b"]"#, "null", "null"),
        (r#"["b","b","b","b"]"#, "3", "6"),
        // One block for all.
        ("b", "3", "6"),
    ] {
        let record = [("x", "[1,2,3,4]"), ("shop", shops)];
        assert_eq!(value(lag, "double", &record), one, "{shops}");
        assert_eq!(value(sum, "double", &record), all, "{shops}");
    }
}

#[test]
fn the_value_of_a_field_with_history_is_the_last() {
    let times_10 = r#"<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="10"/></RegressionTable>"#;
    let lag = model(r#"<Lag field="x"/>"#, "double").replace(r#"<RegressionTable intercept="0"/>"#, times_10);
    assert_eq!(score_texts(&lag, &[("x", "[1,2]")]), "y=20 out=1 direct=1");
    assert_eq!(score_texts(&lag, &[("x", "2")]), "y=20 out=null direct=null");
    assert_eq!(score_texts(&lag, &[("x", "[]")]), "y=null out=null direct=null");
}

#[test]
fn what_needs_other_records_or_another_language_is_refused() {
    for (expression, code, message) in [
        (
            r#"<Aggregate field="x" function="sum" sqlWhere="x = 1"/>"#.to_owned(),
            ErrorCode::ModelUnsupported,
            "sqlWhere",
        ),
        (
            r#"<Lag field="other"/>"#.to_owned(),
            ErrorCode::ModelUnsupported,
            "'other' is computed",
        ),
        (
            r#"<Lag field="x" n="0"/>"#.to_owned(),
            ErrorCode::ModelInvalid,
            "n is 0",
        ),
        (
            r#"<Lag field="x" aggregate="mode"/>"#.to_owned(),
            ErrorCode::ModelInvalid,
            "mode",
        ),
        (
            r#"<Aggregate field="x" function="median"/>"#.to_owned(),
            ErrorCode::ModelInvalid,
            "median",
        ),
        (
            r#"<Aggregate field="text" function="sum"/>"#.to_owned(),
            ErrorCode::ModelInvalid,
            "'sum' of texts",
        ),
        (
            r#"<MapValues outputColumn="o"><FieldColumnPair field="x" column="i"/><TableLocator/></MapValues>"#
                .to_owned(),
            ErrorCode::ModelUnsupported,
            "a table outside of the document",
        ),
    ] {
        let other = r#"<LocalTransformations><DerivedField name="other" optype="continuous" dataType="double">
            <FieldRef field="x"/></DerivedField>"#;
        let document = model(&expression, "double").replace("<LocalTransformations>", other);
        let error = load(document.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{expression}: {error}");
        assert!(error.message.contains(message), "{expression}: {error}");
    }
}
