//! `ModelVerification`: a model whose answers are not those that it brings along is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load};
use serving_model::ErrorCode;

/// `y = 2 x`, with an output field that is twice that, and a record to verify.
fn model(fields: &str, attributes: &str, rows: &str) -> String {
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="p" feature="predictedValue"/>
            <OutputField name="twice" feature="transformedValue" dataType="double"><Apply function="*"><FieldRef field="p"/>
            <Constant>2</Constant></Apply></OutputField></Output><ModelVerification {attributes}><VerificationFields>
            <VerificationField field="x" column="data:x"/>{fields}</VerificationFields><InlineTable>{rows}</InlineTable>
            </ModelVerification><RegressionTable intercept="0"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
            </RegressionModel>"#
        ),
    )
}

fn holds(document: &str) -> bool {
    match load(document.as_bytes()) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, ErrorCode::ModelInvalid, "{}", error.message);
            false
        }
    }
}

#[test]
fn an_answer_is_as_expected_within_precision_or_as_good_as_zero() {
    for (attributes, x, y, expected) in [
        ("", "1", "2", true),
        ("", "1", "3", false),
        ("", "1", "2.0000019", true),
        ("", "1", "2.000003", false),
        (r#"precision="0.1""#, "1", "2.1", true),
        (r#"precision="0.01""#, "1", "2.1", false),
        ("", "-1", "-2.000001", true),
        ("", "-1", "2", false),
        ("", "1e-17", "0", true),
        ("", "1e-10", "0", false),
        (r#"zeroThreshold="1e-9""#, "1e-10", "0", true),
        ("", "1", "NaN", false),
    ] {
        let field = format!(r#"<VerificationField field="y" {attributes}/>"#);
        let document = model(&field, "", &format!("<row><x>{x}</x><y>{y}</y></row>"));
        assert_eq!(holds(&document), expected, "{attributes} {x} {y}");
    }
}

/// As JPMML-Evaluator 1.7.7: the digits of a `float` are those of another `double`.
#[test]
fn what_is_expected_of_a_float_is_one() {
    for (value, expected) in [("0.2", true), ("0.20000000298023224", true), ("0.20000002", false)] {
        let field = r#"<VerificationField field="twice" precision="1e-13" zeroThreshold="1e-13"/>"#;
        let row = format!("<row><x>0.05</x><twice>{value}</twice></row>");
        let document = model(field, "", &row).replace(r#"Value" dataType="double""#, r#"Value" dataType="float""#);
        assert_eq!(holds(&document), expected, "{value}");
    }
}

/// Output fields are looked at, and targets only where there are none; a cell that is not there expects nothing.
#[test]
fn which_fields_are_verified() {
    let both = r#"<VerificationField field="y"/><VerificationField field="twice"/><VerificationField field="other"/>"#;
    for (fields, row, expected) in [
        (both, "<x>1</x><y>3</y><twice>4</twice>", true),
        (both, "<x>1</x><y>2</y><twice>5</twice>", false),
        (both, "<x>1</x><y>2</y>", true),
        (r#"<VerificationField field="y"/>"#, "<x>1</x>", true),
        (
            r#"<VerificationField field="y"/>"#,
            "<data:x>1</data:x><data:y>3</data:y>",
            false,
        ),
        ("", "<x>1</x><y>3</y>", true),
    ] {
        let row = format!(r#"<row xmlns:data="table">{row}</row>"#);
        assert_eq!(holds(&model(fields, "", &row)), expected, "{row}");
    }
}

#[test]
fn the_error_names_record_field_and_both_answers() {
    let rows = "<row><x>1</x><y>2</y></row>\n<row><x>2</x><y>5</y></row>\n<row><x>abc</x><y>5</y></row>";
    let document = model(r#"<VerificationField field="y"/>"#, "", rows);
    let error = load(document.as_bytes()).map(|_| ()).unwrap_err();
    let second = document.lines().position(|line| line.contains("<x>2</x>")).unwrap() + 1;
    assert_eq!(error.code, ErrorCode::ModelInvalid);
    assert_eq!(
        error.message,
        format!(
            "the model's own verification fails: record 2 (line {second}): field 'y': expected 5, got 4; record 3 (line {}): \
             field 'x' does not accept the value \"abc\"",
            second + 1
        )
    );
    assert_eq!(error.place.line as usize, second);
}

#[test]
fn the_number_of_records_is_the_one_that_is_declared() {
    let row = "<row><x>1</x><y>2</y></row>";
    let field = r#"<VerificationField field="y"/>"#;
    assert!(holds(&model(field, r#"recordCount="1""#, row)));
    assert!(!holds(&model(field, r#"recordCount="2""#, row)));
}
