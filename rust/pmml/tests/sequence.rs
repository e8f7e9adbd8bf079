//! `SequenceModel`: a few rules, and by hand which of them a history fires.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score_texts};
use serving_model::ErrorCode;

const ITEMS: &str = r#"<Item id="a" value="a"/><Item id="b" value="b"/><Item id="c" value="c"/>
<Itemset id="A"><ItemRef itemRef="a"/></Itemset><Itemset id="B"><ItemRef itemRef="b"/></Itemset>
<Itemset id="C"><ItemRef itemRef="c"/></Itemset><Itemset id="AB"><ItemRef itemRef="a"/><ItemRef itemRef="b"/></Itemset>"#;

const ACROSS: &str = r#"<Delimiter delimiter="acrossTimeWindows" gap="unknown"/>"#;

const NEXT: &str = r#"<Delimiter delimiter="acrossTimeWindows" gap="false"/>"#;

const SAME: &str = r#"<Delimiter delimiter="sameTimeWindow" gap="unknown"/>"#;

fn sequence(id: &str, sets: &[&str]) -> String {
    let references: Vec<String> = sets
        .iter()
        .map(|set| {
            if set.starts_with('<') {
                (*set).to_owned()
            } else {
                format!(r#"<SetReference setId="{set}"/>"#)
            }
        })
        .collect();
    format!(
        r#"<Sequence id="{id}" numberOfSets="2" occurrence="5" support="0.5">{}</Sequence>"#,
        references.concat()
    )
}

fn rule(attributes: &str, antecedent: &str, delimiter: &str, consequent: &str) -> String {
    format!(
        r#"<SequenceRule {attributes} numberOfSets="2" occurrence="4" support="0.4">
        <AntecedentSequence><SequenceReference seqId="{antecedent}"/></AntecedentSequence>{delimiter}
        <ConsequentSequence><SequenceReference seqId="{consequent}"/></ConsequentSequence></SequenceRule>"#
    )
}

const SCHEMA: &str = r#"<MiningField name="visitor" usageType="group"/><MiningField name="page"/>"#;

const ORDERED: &str = r#"<MiningField name="visitor" usageType="group"/><MiningField name="page"/>
<MiningField name="day" usageType="order"/>"#;

fn model(schema: &str, constraints: &str, content: &str) -> String {
    let outputs = ["recommendation", "exclusiveRecommendation", "ruleAssociation"].map(|algorithm| {
        format!(
            r#"<OutputField name="{algorithm}" feature="ruleId" algorithm="{algorithm}" rank="0" isMultiValued="1"/>"#
        )
    });
    document(
        r#"<DataField name="visitor" optype="categorical" dataType="string"/>
        <DataField name="page" optype="categorical" dataType="string"/>
        <DataField name="shop" optype="categorical" dataType="integer"/>
        <DataField name="day" optype="continuous" dataType="dateDaysSince[1970]"/>"#,
        &format!(
            r#"<SequenceModel functionName="sequences"><MiningSchema>{schema}</MiningSchema><Output>{}</Output>
            {constraints}{ITEMS}{content}</SequenceModel>"#,
            outputs.concat()
        ),
    )
}

/// Whether a history has the antecedent of a rule, and whether it has all of it.
fn fires(document: &str, record: &[(&str, &str)]) -> (bool, bool) {
    let answer = score_texts(document, record);
    let outputs: Vec<&str> = answer.split(' ').map(|pair| pair.split_once('=').unwrap().1).collect();
    let fired = |rules: &str| match rules {
        "[]" => false,
        r#"["1"]"# => true,
        other => unreachable!("{other} in {answer}"),
    };
    let (antecedent, alone, both) = (fired(outputs[1]), fired(outputs[2]), fired(outputs[3]));
    assert_eq!(alone, antecedent && !both, "{answer}");
    (antecedent, both)
}

#[test]
fn the_sets_of_a_sequence_come_one_after_the_other() {
    let content = |delimiter| {
        sequence("s", &["A", ACROSS, "B"]) + &sequence("t", &["C"]) + &rule("confidence=\"0.5\"", "s", delimiter, "t")
    };
    let any = model(SCHEMA, "", &content(ACROSS));
    let next = model(SCHEMA, "", &content(NEXT));
    let same = model(SCHEMA, "", &content(SAME));
    for (history, by_any, by_next, by_same) in [
        (r#"["a"]"#, (false, false), (false, false), (false, false)),
        (r#"["a","b"]"#, (true, false), (true, false), (true, false)),
        (r#"["b","a"]"#, (false, false), (false, false), (false, false)),
        (r#"["a","b","c"]"#, (true, true), (true, true), (true, false)),
        (r#"["c","a","b"]"#, (true, false), (true, false), (true, false)),
        (r#"["a","b","x","c"]"#, (true, true), (true, false), (true, false)),
        (r#"["a","b","x","b","c"]"#, (true, true), (true, true), (true, false)),
        // Several items of one transaction, in any order.
        (r#"[["b","a"],["c","b"]]"#, (true, false), (true, false), (true, true)),
        (r#"[["a","b","c"]]"#, (false, false), (false, false), (false, false)),
        ("[]", (false, false), (false, false), (false, false)),
    ] {
        let record = [("page", history)];
        assert_eq!(fires(&any, &record), by_any, "{history}");
        assert_eq!(fires(&next, &record), by_next, "{history} next");
        assert_eq!(fires(&same, &record), by_same, "{history} same");
    }
}

#[test]
fn a_transaction_has_all_items_of_a_set() {
    let content = sequence("s", &["AB"]) + &sequence("t", &["C"]) + &rule("", "s", ACROSS, "t");
    let model = model(SCHEMA, "", &content);
    for (history, fired) in [
        (r#"["a","b","c"]"#, (false, false)),
        (r#"[["a","x","b"],[],["c"]]"#, (true, true)),
        (r#"[["a","b","a"],["b"]]"#, (true, false)),
        (r#"[["a"],["b","b"],["c"]]"#, (false, false)),
        (r#"[["]","a\"]","b"], ["a" , "b"]]"#, (true, false)),
    ] {
        assert_eq!(fires(&model, &[("page", history)]), fired, "{history}");
    }
}

#[test]
fn an_order_field_has_the_times() {
    let content = sequence("s", &["AB"]) + &sequence("t", &["C"]) + &rule("", "s", NEXT, "t");
    let model = model(ORDERED, "", &content);
    for (pages, days, fired) in [
        // Items of one time are one transaction.
        (r#"["a","b","c"]"#, "[1,1,2]", (true, true)),
        (r#"["a","b","c"]"#, "[1,2,3]", (false, false)),
        (r#"["c","b","x","a"]"#, "[9,3,3,3]", (true, true)),
        (r#"["c","b","x","a"]"#, "[9,3,5,3]", (true, false)),
        (
            r#"[["a"],["b"],["c"]]"#,
            r#"["2024-02-01","2024-02-01","2024-02-03"]"#,
            (true, true),
        ),
    ] {
        assert_eq!(
            fires(&model, &[("page", pages), ("day", days)]),
            fired,
            "{pages} {days}"
        );
    }
    let page = ("page", r#"["a","b"]"#);
    assert_eq!(score_texts(&model, &[page]), "FIELD_MISSING: field 'day' has no value");
    assert_eq!(
        score_texts(&model, &[page, ("day", "[1]")]),
        "FIELD_MISSING: field 'day' has no value"
    );
    assert_eq!(
        score_texts(&model, &[("day", "[1]")]),
        "FIELD_MISSING: field 'page' has no value"
    );
}

#[test]
fn constraints_bound_the_times_between() {
    let content = sequence("s", &["A", ACROSS, "B"]) + &sequence("t", &["C"]) + &rule("", "s", ACROSS, "t");
    for (constraints, pages, days, fired) in [
        (
            r#"maximumItemsetSeparationTime="2""#,
            r#"["a","b","c"]"#,
            "[0,2,9]",
            (true, true),
        ),
        (
            r#"maximumItemsetSeparationTime="2""#,
            r#"["a","b","c"]"#,
            "[0,3,4]",
            (false, false),
        ),
        // A later beginning is near enough.
        (
            r#"maximumItemsetSeparationTime="2""#,
            r#"["a","a","b","c"]"#,
            "[0,2,3,4]",
            (true, true),
        ),
        (
            r#"minimumItemsetSeparationTime="2""#,
            r#"["a","b","c"]"#,
            "[0,1,2]",
            (false, false),
        ),
        (
            r#"minimumItemsetSeparationTime="2""#,
            r#"["a","b","b","c"]"#,
            "[0,1,2,3]",
            (true, true),
        ),
        (
            r#"maximumAntConsSeparationTime="1""#,
            r#"["a","b","c"]"#,
            "[0,1,3]",
            (true, false),
        ),
        (
            r#"maximumAntConsSeparationTime="1""#,
            r#"["a","b","b","c"]"#,
            "[0,1,2,3]",
            (true, true),
        ),
        (
            r#"minimumAntConsSeparationTime="2""#,
            r#"["a","b","c"]"#,
            "[0,1,2]",
            (true, false),
        ),
        (
            r#"maximumTotalSequenceTime="3""#,
            r#"["a","b","c"]"#,
            "[0,2,4]",
            (true, false),
        ),
        (
            r#"maximumTotalSequenceTime="3""#,
            r#"["a","a","b","c"]"#,
            "[0,1,2,4]",
            (true, true),
        ),
        (
            r#"maximumTotalSequenceTime="3""#,
            r#"["a","b","a","c"]"#,
            "[0,2,3,4]",
            (true, false),
        ),
        (
            r#"minimumTotalSequenceTime="4""#,
            r#"["a","b","c"]"#,
            "[0,1,3]",
            (true, false),
        ),
        (
            r#"minimumTotalSequenceTime="4""#,
            r#"["a","a","b","c","c"]"#,
            "[0,1,2,3,4]",
            (true, true),
        ),
        (
            r#"minimumTotalSequenceTime="3" maximumTotalSequenceTime="3""#,
            r#"["a","a","a","b","c"]"#,
            "[0,1,4,5,6]",
            (true, false),
        ),
        (
            r#"minimumTotalSequenceTime="3" maximumTotalSequenceTime="3""#,
            r#"["a","a","a","b","c"]"#,
            "[0,1,2,3,4]",
            (true, true),
        ),
    ] {
        let model = model(ORDERED, &format!("<Constraints {constraints}/>"), &content);
        let record = [("page", pages), ("day", days)];
        assert_eq!(fires(&model, &record), fired, "{constraints} {pages} {days}");
    }
}

#[test]
fn a_set_predicate_asks_for_values_of_one_field() {
    let predicate =
        r#"<SetPredicate id="P" field="shop" operator="supersetOf"><Array n="2" type="int">7 8</Array></SetPredicate>"#;
    let content = predicate.to_owned() + &sequence("s", &["P"]) + &sequence("t", &["A"]) + &rule("", "s", ACROSS, "t");
    let model = model(&format!(r#"{SCHEMA}<MiningField name="shop"/>"#), "", &content);
    for (pages, shops, fired) in [
        (r#"[["x"],["a"]]"#, "[[8,7,9],[]]", (true, true)),
        (r#"[["x"],["a"]]"#, "[[7],[8]]", (false, false)),
        (r#"[["7","8"],["a"]]"#, "[[],[]]", (false, false)),
    ] {
        assert_eq!(
            fires(&model, &[("page", pages), ("shop", shops)]),
            fired,
            "{pages} {shops}"
        );
    }
}

#[test]
fn outputs_give_parts_of_rules_and_the_answer_is_the_best_consequent() {
    let content = sequence("s", &["A", ACROSS, "AB"])
        + &sequence("t", &["C"])
        + &sequence("u", &["B"])
        + &rule(r#"id="low" confidence="0.5" lift="2""#, "s", ACROSS, "t")
        + &rule(r#"id="high" confidence="0.9""#, "s", ACROSS, "u");
    let outputs = [
        "antecedent",
        "consequent",
        "rule",
        "confidence",
        "support",
        "lift",
        "leverage",
    ]
    .map(|part| format!(r#"<OutputField name="{part}" feature="{part}" rankBasis="lift"/>"#));
    let model = model(SCHEMA, "", &content).replace("<Output>", &format!("<Output>{}", outputs.concat()));
    let answer = score_texts(&model, &[("page", r#"[["a"],["a","b"]]"#)]);
    assert_eq!(
        answer,
        r#"_target=[["b"]] antecedent=[["a"],["a","b"]] consequent=[["c"]] rule={a},{a,b}->{c} confidence=0.5 support=0.4 "#
            .to_owned()
            + r#"lift=2 leverage=null recommendation=["high","low"] exclusiveRecommendation=["high","low"] ruleAssociation=[]"#
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let content = sequence("s", &["A"]) + &sequence("t", &["B"]) + &rule("", "s", ACROSS, "t");
    let good = model(SCHEMA, "<Constraints/>", &content);
    for (from, to, message) in [
        (
            r#"<SetReference setId="A"/>"#,
            r#"<SetReference setId="X"/>"#,
            "there is no set 'X'",
        ),
        (r#"<SetReference setId="A"/>"#, "", "element SetReference is missing"),
        (r#"seqId="t""#, r#"seqId="x""#, "there is no sequence 'x'"),
        (
            r#"Sequence id="t""#,
            r#"Sequence id="s""#,
            "two sequences have the id 's'",
        ),
        (r#"gap="unknown""#, r#"gap="some""#, "unknown gap 'some'"),
        (
            r#"delimiter="acrossTimeWindows""#,
            r#"delimiter="x""#,
            "unknown delimiter 'x'",
        ),
    ] {
        let error = load(good.replace(from, to).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{to}: {error}");
        assert!(error.message.contains(message), "{to}: {error}");
    }
    for history in [
        r#"[["a"],"b"]"#,
        r#"[["a"]"#,
        r#"[["a"],["b"]]x"#,
        r#"[[["a"]]]"#,
        r#"["a",["b"]]"#,
        "a",
    ] {
        assert!(
            score_texts(&good, &[("page", history)]).starts_with("FIELD_INVALID: field 'page'"),
            "{history}"
        );
    }
}
