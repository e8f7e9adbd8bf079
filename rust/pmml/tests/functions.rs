//! Built-in functions and expressions at their edges: missing values, mixed types, results that are none. Where the
//! specification leaves room the answers are those of the reference tool.

#![allow(clippy::format_push_string)]

mod common;

use common::{document, score, score_texts};

fn field(name: &str) -> String {
    format!(r#"<FieldRef field="{name}"/>"#)
}

fn text(constant: &str) -> String {
    format!(r#"<Constant dataType="string">{constant}</Constant>"#)
}

fn number(constant: &str) -> String {
    format!("<Constant>{constant}</Constant>")
}

fn apply(function: &str, arguments: &[String]) -> String {
    format!(r#"<Apply function="{function}">{}</Apply>"#, arguments.concat())
}

fn with(attribute: &str, expression: &str) -> String {
    expression.replacen("<Apply", &format!("<Apply {attribute}"), 1)
}

/// The value of an expression for a record of x, z (double), f, g (float), i, j (integer), s, u (text), b, c (truth
/// values), d (date) and m (date with time).
fn value(expression: &str, kind: &str, record: &str) -> String {
    let declared = [
        ("x", "continuous", "double"),
        ("z", "continuous", "double"),
        ("f", "continuous", "float"),
        ("g", "continuous", "float"),
        ("i", "continuous", "integer"),
        ("j", "continuous", "integer"),
        ("s", "categorical", "string"),
        ("u", "categorical", "string"),
        ("b", "categorical", "boolean"),
        ("c", "categorical", "boolean"),
        ("d", "ordinal", "date"),
        ("m", "ordinal", "dateTime"),
    ];
    let (mut fields, mut schema) = (String::new(), String::new());
    for (name, optype, kind) in declared {
        fields.push_str(&format!(
            r#"<DataField name="{name}" optype="{optype}" dataType="{kind}"/>"#
        ));
        schema.push_str(&format!(r#"<MiningField name="{name}"/>"#));
    }
    let optype = if matches!(kind, "string" | "boolean") {
        "categorical"
    } else {
        "continuous"
    };
    let model = document(
        &fields,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema>{schema}</MiningSchema><Output>
            <OutputField name="out" feature="transformedValue" optype="{optype}" dataType="{kind}">{expression}</OutputField>
            </Output><RegressionTable intercept="0"/></RegressionModel>"#
        ),
    );
    let answer = score(&model, record);
    answer.strip_prefix("_target=0 out=").map_or_else(
        || answer.split(':').next().unwrap_or_default().to_owned(),
        str::to_owned,
    )
}

#[test]
fn numbers() {
    for (function, arguments, kind, record, answer) in [
        ("modulo", ["i", "j"], "integer", "i=7 j=-3", "-2"),
        ("modulo", ["x", "z"], "double", "x=-0.5 z=3", "2.5"),
        ("modulo", ["f", "g"], "float", "f=2.5 g=0.1", "0.099999964"),
        ("x-modulo", ["i", "j"], "integer", "i=7 j=-3", "-2"),
        ("/", ["i", "j"], "integer", "i=7 j=2", "3"),
        ("/", ["i", "j"], "integer", "i=7 j=0", "SCORING_FAILED"),
        ("/", ["x", "z"], "double", "x=7 z=0", "inf"),
        ("/", ["x", "z"], "double", "x=0 z=0", "SCORING_FAILED"),
        ("modulo", ["x", "z"], "double", "x=7 z=0", "SCORING_FAILED"),
        ("pow", ["x", "z"], "double", "x=-8 z=0.5", "SCORING_FAILED"),
        ("pow", ["f", "g"], "float", "f=-8 g=0.5", "SCORING_FAILED"),
        ("pow", ["x", "z"], "double", "x=0 z=-1", "inf"),
        ("avg", ["f", "g"], "double", "f=0.3 g=0.9", "0.6000000238418579"),
        ("avg", ["f", "i"], "double", "f=0.3 i=3", "1.649999976158142"),
        ("avg", ["f", "x"], "double", "f=0.3 x=0.7", "0.5000000059604645"),
        ("sum", ["f", "g"], "double", "f=0.3 g=0.9", "1.2000000476837158"),
        ("+", ["x", "z"], "double", "x=7", "null"),
        ("max", ["x", "z"], "double", "x=7", "7"),
        ("pow", ["x", "z"], "double", "x=7", "SCORING_FAILED"),
        ("atan2", ["x", "z"], "double", "x=1 z=1", "0.7853981633974483"),
        ("x-atan2", ["x", "z"], "double", "x=1 z=1", "0.7853981633974483"),
    ] {
        let expression = apply(function, &arguments.map(field));
        assert_eq!(value(&expression, kind, record), answer, "{function} {record}");
    }
}

#[test]
fn functions_of_single_precision() {
    for (function, answer) in [
        ("exp", "1.3498588236675741"),
        ("expm1", "0.34985882366757415"),
        ("ln", "-1.2039727645895069"),
        ("ln1p", "0.26236427363743636"),
        ("log10", "-0.5228787280230257"),
        ("sqrt", "0.5477225683874355"),
        ("abs", "0.30000001192092896"),
    ] {
        let got = value(&apply(function, &[field("f")]), "double", "f=0.3");
        let far = (got.parse::<f64>().unwrap_or(f64::NAN) - answer.parse::<f64>().unwrap_or(f64::NAN)).abs();
        assert!(far < 1e-15, "{function}: {got} instead of {answer}");
    }
}

#[test]
fn hits_of_a_term_may_overlap() {
    let hits = |attributes: &str, term: &str, text: &str| {
        let model = document(
            r#"<DataField name="s" optype="categorical" dataType="string"/>"#,
            &format!(
                r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="s"/></MiningSchema><Output>
                <OutputField name="out" feature="transformedValue" optype="continuous" dataType="double">
                <TextIndex textField="s" {attributes}><Constant>{term}</Constant></TextIndex></OutputField></Output>
                <RegressionTable intercept="0"/></RegressionModel>"#
            ),
        );
        score_texts(&model, &[("s", text)])
    };
    let near = r#"maxLevenshteinDistance="1""#;
    let best = r#"maxLevenshteinDistance="1" countHits="bestHits""#;
    for (attributes, term, text, count) in [
        ("", "a a", "a a a a", 3),
        ("", "a a", "a b a a b a a a", 3),
        (near, "ab ab", "ab abc ab abc ab", 4),
        (near, "ab ab", "ab ac ab ab", 3),
        (best, "ab ab", "ab ac ab ab", 1),
    ] {
        let answer = format!("_target=0 out={count}");
        assert_eq!(hits(attributes, term, text), answer, "{attributes} {term}: {text}");
    }
}

/// `invalidValueTreatment` is about a result that is none, not about a missing argument.
#[test]
fn results_that_are_none() {
    let logarithm = apply("ln", &[field("x")]);
    for (attribute, record, answer) in [
        ("", "x=-1", "SCORING_FAILED"),
        (r#"invalidValueTreatment="asMissing""#, "x=-1", "null"),
        (r#"invalidValueTreatment="asMissing" defaultValue="7""#, "x=-1", "7"),
        (
            r#"invalidValueTreatment="asMissing" defaultValue="7""#,
            "",
            "SCORING_FAILED",
        ),
        (r#"invalidValueTreatment="asIs""#, "x=-1", "NaN"),
        (r#"mapMissingTo="5""#, "", "5"),
        (r#"mapMissingTo="5""#, "x=1", "0"),
    ] {
        assert_eq!(
            value(&with(attribute, &logarithm), "double", record),
            answer,
            "{attribute} {record}"
        );
    }
}

/// The second value is read as one of the first one's type.
#[test]
fn values_of_different_types_are_compared_as_the_first_one() {
    for (left, right, record, answer) in [
        (
            field("g"),
            r#"<Constant dataType="double">0.1</Constant>"#.to_owned(),
            "g=0.1",
            "true",
        ),
        (
            field("s"),
            r#"<Constant dataType="double">7</Constant>"#.to_owned(),
            "s='7'",
            "false",
        ),
        (field("i"), number("7.0"), "i=7", "true"),
        (field("x"), text("1.5"), "x=1.5", "true"),
        (field("x"), field("u"), "x=1.5 u=abc", "FIELD_INVALID"),
        (field("d"), text("2004-02-29"), "d=2004-02-29", "true"),
    ] {
        let expression = apply("equal", &[left, right]);
        assert_eq!(value(&expression, "boolean", record), answer, "{expression}");
    }
}

#[test]
fn truth_values() {
    let logarithm = apply("lessThan", &[apply("ln", &[field("x")]), number("1")]);
    for (expression, record, answer) in [
        (apply("and", &[field("b"), field("c")]), "b=true c=false", "false"),
        (apply("and", &[field("b"), field("c")]), "b=false", "SCORING_FAILED"),
        (apply("or", &[field("b"), field("c")]), "b=true", "SCORING_FAILED"),
        (
            with(r#"mapMissingTo="true""#, &apply("or", &[field("b"), field("c")])),
            "b=false",
            "true",
        ),
        // What decides does not keep the rest from being looked at.
        (apply("and", &[field("b"), logarithm]), "b=false x=-1", "SCORING_FAILED"),
        (apply("isIn", &[field("i"), number("7"), number("8")]), "i=7", "true"),
        (apply("isIn", &[field("i"), number("7"), number("8")]), "", "false"),
        (apply("isNotIn", &[field("i"), number("7"), number("8")]), "", "true"),
        (apply("isValid", &[field("x")]), "", "false"),
        (apply("isNotValid", &[field("x")]), "", "false"),
        (apply("isMissing", &[field("x")]), "", "true"),
    ] {
        assert_eq!(value(&expression, "boolean", record), answer, "{expression} {record}");
    }
}

#[test]
fn branches() {
    let branch = |attribute: &str| {
        with(
            attribute,
            &apply(
                "if",
                &[apply("greaterThan", &[field("x"), number("0")]), field("z"), field("j")],
            ),
        )
    };
    for (attribute, record, answer) in [
        ("", "x=1 z=5", "5"),
        ("", "x=-1 j=5", "5"),
        ("", "x=1", "null"),
        ("", "z=1", "SCORING_FAILED"),
        (r#"mapMissingTo="9""#, "x=1", "9"),
        (r#"defaultValue="9""#, "x=1", "9"),
    ] {
        assert_eq!(
            value(&branch(attribute), "double", record),
            answer,
            "{attribute} {record}"
        );
    }
}

#[test]
fn texts() {
    for (expression, record, answer) in [
        (apply("concat", &[field("s"), text("-"), field("i")]), "s=a i=7", "a-7"),
        (apply("concat", &[field("s"), text("-"), field("i")]), "i=7", "-7"),
        (
            apply("replace", &[field("s"), text("[aeiou]"), text("*")]),
            "s=Hello",
            "H*ll*",
        ),
        (
            apply("replace", &[field("s"), text("(l+)"), text("$1-")]),
            "s=Hello",
            "Hell-o",
        ),
        (
            apply("replace", &[field("s"), field("u"), text("_")]),
            "s=Hello u=l",
            "He__o",
        ),
        (
            apply("replace", &[field("s"), text("l"), field("u")]),
            "s=Hello u=L",
            "HeLLo",
        ),
        (
            apply("replace", &[field("s"), field("u"), text("_")]),
            "s=Hello u=(",
            "SCORING_FAILED",
        ),
        (
            apply("substring", &[field("s"), number("2"), number("3")]),
            "s=Hello",
            "ell",
        ),
        (apply("uppercase", &[field("s")]), "s=Hello", "HELLO"),
    ] {
        assert_eq!(value(&expression, "string", record), answer, "{expression} {record}");
    }
    let matches = apply("matches", &[field("s"), field("u")]);
    for pattern in ["l+", "^H", "o$"] {
        assert_eq!(
            value(&matches, "boolean", &format!("s=Hello u={pattern}")),
            "true",
            "{pattern}"
        );
    }
    assert_eq!(value(&matches, "boolean", "s=Hello u=^l"), "false");
}

#[test]
fn formats() {
    for (pattern, record, answer) in [
        ("%d", "x=7", "7"),
        ("%03d", "x=7", "007"),
        ("%+d", "x=7", "+7"),
        ("%,d", "x=1234567", "1,234,567"),
        ("%d%%", "x=7", "7%"),
        ("%.1f", "x=0.25", "0.3"),
        ("%.2f", "x=1.005", "1.01"),
        ("%6.2f|", "x=-3.14159", " -3.14|"),
        ("%-6.1f|", "x=3.14159", "3.1   |"),
        ("%06.1f", "x=-3.14159", "-003.1"),
        ("%.0f", "x=9.5", "10"),
        ("%e", "x=12345", "1.234500e+04"),
        ("%.1E", "x=0.00025", "2.5E-04"),
        ("%x", "x=255", "ff"),
        ("none", "x=7", "SCORING_FAILED"),
        ("%d %d", "x=7", "SCORING_FAILED"),
    ] {
        let expression = apply("formatNumber", &[field("x"), text(pattern)]);
        assert_eq!(value(&expression, "string", record), answer, "{pattern}");
    }
    for (pattern, answer) in [
        ("%Y-%m-%d", "1999-12-31"),
        ("%d.%m.%y %H:%M:%S", "31.12.99 23:59:58"),
        ("%j %A %b", "365 Friday Dec"),
        ("%I %p", "11 pm"),
        ("%C %k %l", "19 23 11"),
        ("%U %W", "52 52"),
        ("%Q", "SCORING_FAILED"),
    ] {
        let expression = apply("formatDatetime", &[field("m"), text(pattern)]);
        let got = value(&expression, "string", "m=1999-12-31T23:59:58");
        assert_eq!(got, answer, "{pattern}");
    }
}

#[test]
fn transformations_at_their_edges() {
    let norms = r#"<LinearNorm orig="0" norm="0"/><LinearNorm orig="1" norm="10"/><LinearNorm orig="2" norm="5"/>"#;
    let line = |attributes: &str| format!(r#"<NormContinuous field="x" {attributes}>{norms}</NormContinuous>"#);
    let bin = |value: &str, low: &str, high: &str| {
        format!(
            r#"<DiscretizeBin binValue="{value}"><Interval closure="closedClosed" leftMargin="{low}" rightMargin="{high}"/>
            </DiscretizeBin>"#
        )
    };
    let overlapping = format!(
        r#"<Discretize field="x">{}{}</Discretize>"#,
        bin("1", "0", "2"),
        bin("2", "1", "3")
    );
    let map = |rows: &str| {
        format!(
            r#"<MapValues outputColumn="out" defaultValue="0"><FieldColumnPair field="s" column="k"/>
            <FieldColumnPair field="i" column="l"/><InlineTable>{rows}</InlineTable></MapValues>"#
        )
    };
    let incomplete = map("<row><k>a</k><out>1</out></row><row><k>a</k><l>7</l><out>2</out></row>");
    for (expression, record, answer) in [
        (line(r#"outliers="asIs""#), "x=3", "0"),
        (line(r#"outliers="asExtremeValues""#), "x=3", "5"),
        (line(r#"outliers="asMissingValues""#), "x=3", "null"),
        // An outlier that is taken as missing is not mapped.
        (line(r#"outliers="asMissingValues" mapMissingTo="4""#), "x=3", "null"),
        (line(r#"mapMissingTo="4""#), "", "4"),
        (overlapping, "x=1.5", "2"),
        (incomplete, "s=a i=7", "2"),
        (r#"<Constant dataType="double"/>"#.to_owned(), "", "null"),
        (r#"<Constant dataType="double">true</Constant>"#.to_owned(), "", "1"),
    ] {
        assert_eq!(value(&expression, "double", record), answer, "{expression} {record}");
    }
}
