//! Errors say where: element, line, field, value. `docs/pmml.md` shows what comes out, word by word.
#![allow(clippy::unwrap_used, clippy::pedantic)]

mod common;

use common::{load, score};
use serving_model::{ErrorCode, ModelError};

const DOCUMENT: &str = r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
<Header/>
<DataDictionary>
<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedClosed" leftMargin="0" rightMargin="10"/></DataField>
<DataField name="n" optype="continuous" dataType="integer"/>
<DataField name="c" optype="categorical" dataType="string"><Value value="a"/></DataField>
<DataField name="y" optype="continuous" dataType="double"/>
</DataDictionary>
<TreeModel functionName="regression">
<MiningSchema>
<MiningField name="x"/>
<MiningField name="n" missingValueTreatment="returnInvalid"/>
<MiningField name="c"/>
<MiningField name="y" usageType="target"/>
</MiningSchema>
<Output>
<OutputField name="shown" feature="transformedValue" dataType="string"><Apply function="replace"><FieldRef field="c"/><Constant>a</Constant><Constant>b</Constant></Apply></OutputField>
</Output>
<Node score="1"><True/>
<Node score="2"><SimplePredicate field="x" operator="lessThan" value="5"/></Node>
<Node score="3"><SimplePredicate field="n" operator="greaterThan" value="5"/></Node>
<Node score="4"><SimpleSetPredicate field="c" booleanOperator="isIn"><Array n="1" type="string">a</Array></SimpleSetPredicate></Node>
</Node>
</TreeModel>
</PMML>"#;

const DOCS: &str = include_str!("../../../docs/pmml.md");

fn refused(content: &str) -> ModelError {
    load(content.as_bytes()).err().unwrap()
}

/// What is changed in the document, and code and text of the error.
const REFUSALS: [(&str, &str, ErrorCode, &str); 16] = [
    (
        "<PMML",
        "<!DOCTYPE PMML>\n<PMML",
        ErrorCode::ModelUnparsable,
        "line 1: DOCTYPE is not allowed, and nothing else that starts with '<!' but comments and literal text",
    ),
    (
        "</Node>\n</TreeModel>\n</PMML>",
        "",
        ErrorCode::ModelUnparsable,
        "line 23: the document ends within element Node",
    ),
    (
        "</Node>\n</TreeModel>",
        "</TreeModel>",
        ErrorCode::ModelUnparsable,
        "line 23: element Node does not end where the one around it does",
    ),
    (
        "<Node score=\"1\">",
        "<Node score=\"1\" <b=\"1\">",
        ErrorCode::ModelUnparsable,
        "line 19: '<b' is not a name",
    ),
    (
        "dataType=\"integer\"",
        "dataType=\"number\"",
        ErrorCode::ModelInvalid,
        "line 5, DataField: unknown dataType 'number'",
    ),
    (
        "<DataField name=\"n\"",
        "<DataField name=\"x\"",
        ErrorCode::ModelInvalid,
        "line 5, DataField: field 'x' is declared twice",
    ),
    (
        "leftMargin=\"0\"",
        "leftMargin=\"1e999\"",
        ErrorCode::ModelInvalid,
        "line 4, Interval: '1e999' in attribute 'leftMargin' is not a finite number",
    ),
    (
        "<MiningField name=\"n\"",
        "<MiningField name=\"m\"",
        ErrorCode::ModelInvalid,
        "line 12, MiningField: field 'm' is not in the DataDictionary",
    ),
    (
        "<SimplePredicate field=\"x\"",
        "<SimplePredicate field=\"z\"",
        ErrorCode::ModelInvalid,
        "line 20, SimplePredicate: field 'z' is not defined here",
    ),
    (
        "operator=\"lessThan\"",
        "operator=\"below\"",
        ErrorCode::ModelInvalid,
        "line 20, SimplePredicate: unknown operator 'below'",
    ),
    (
        "score=\"3\"",
        "score=\"three\"",
        ErrorCode::ModelInvalid,
        "line 21, Node: 'three' in attribute 'score' is not a finite number",
    ),
    (
        "<Array n=\"1\"",
        "<Array n=\"2\"",
        ErrorCode::ModelInvalid,
        "line 22, Array: the array has 1 elements, n says 2",
    ),
    (
        " functionName=\"regression\"",
        "",
        ErrorCode::ModelInvalid,
        "line 9, TreeModel: attribute 'functionName' is missing",
    ),
    (
        "<Constant>a</Constant>",
        "<Constant>(a</Constant>",
        ErrorCode::ModelInvalid,
        "line 17, Apply: regular expression '(a' can't be used: error: unclosed group",
    ),
    (
        "<Constant>a</Constant>",
        "<Constant>(a{999}){999}</Constant>",
        ErrorCode::ModelInvalid,
        "line 17, Apply: regular expression '(a{999}){999}' can't be used: Compiled regex exceeds size limit of 4194304 bytes.",
    ),
    (
        "function=\"replace\"",
        "function=\"x-shuffle\"",
        ErrorCode::ModelUnsupported,
        "line 17: not supported: Apply (line 17): function 'x-shuffle'",
    ),
];

#[test]
fn a_document_is_refused_with_element_line_and_value() {
    let mut wrong = Vec::new();
    let mut check = |content: &str, code: ErrorCode, text: &str| {
        let error = refused(content);
        if (error.code, error.to_string().as_str()) != (code, text) {
            wrong.push(format!("{text}: {:?}: {error}", error.code));
        }
        assert!(
            DOCS.contains(&format!("| `{}` | `{text}` |", code.as_str_name())),
            "docs/pmml.md lacks {text}"
        );
    };
    for (from, to, code, text) in REFUSALS {
        assert!(DOCUMENT.contains(from), "{from}");
        check(&DOCUMENT.replacen(from, to, 1), code, text);
    }
    let deep = DOCUMENT.replace("<Header/>", &("<a>".repeat(600) + &"</a>".repeat(600)));
    check(
        &deep,
        ErrorCode::ModelTooLarge,
        "line 2: elements are nested deeper than 512",
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_record_is_refused_with_field_and_value() {
    let mut wrong = Vec::new();
    for (record, message) in [
        (
            "x=11 n=7 c=a",
            r"FIELD_INVALID: field 'x' does not accept the value 11.0",
        ),
        (
            "x=eleven n=7 c=a",
            r#"FIELD_INVALID: field 'x' does not accept the value "eleven""#,
        ),
        ("x=6 c=a", r"FIELD_MISSING: field 'n' has no value"),
        (
            "x=6 n=7.5 c=a",
            r"FIELD_INVALID: field 'n' does not accept the value 7.5",
        ),
        (
            "x=1 n=7 c=z",
            r#"FIELD_INVALID: field 'c' does not accept the value "z""#,
        ),
        (
            "x=1 n=7",
            r"SCORING_FAILED: field 'shown': the result is not defined for this record",
        ),
    ] {
        let answer = score(DOCUMENT, record);
        if answer != message {
            wrong.push(format!("{record}: {answer}"));
        }
        let (code, text) = message.split_once(": ").unwrap();
        assert!(
            DOCS.contains(&format!("| `{code}` | `{text}` |")),
            "docs/pmml.md lacks {text}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut content = DOCUMENT.to_owned();
    for (from, to) in [
        (r#"operator="lessThan""#, r#"operator="below""#),
        (r#"score="3""#, r#"score="three""#),
        (r#"<Array n="1""#, r#"<Array n="2""#),
    ] {
        content = content.replacen(from, to, 1);
    }
    let error = refused(&content);
    let lines: Vec<u32> = std::iter::once(&error)
        .chain(&error.others)
        .map(|error| error.place.line)
        .collect();
    assert_eq!(lines, [20, 21, 22], "{error}");
    for part in [
        "'below'",
        "'three'",
        "line 22, Array: the array has 1 elements, n says 2",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    // The same field in several places is wrong once.
    let unknown = DOCUMENT
        .replace(r#"field="n""#, r#"field="z""#)
        .replace(r#"field="x""#, r#"field="z""#);
    assert_eq!(refused(&unknown).others.len(), 1);
    let dictionary = DOCUMENT.replace("dataType=\"double\"", "dataType=\"real\"");
    assert_eq!(refused(&dictionary).others.len(), 1);
    // No more than anybody reads.
    let node = r#"<Node score="two"><True/></Node>"#;
    let many = DOCUMENT.replace(
        r#"<Node score="2">"#,
        &(format!("{node}\n").repeat(5000) + r#"<Node score="2">"#),
    );
    let error = refused(&many);
    assert!(error.others.len() <= 100, "{}", error.others.len());
}
