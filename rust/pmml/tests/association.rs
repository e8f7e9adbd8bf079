//! `AssociationModel`: a small document, and by hand what the specification says about it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, processor_time, score};
use serving_model::{DataType, ErrorCode, Field};

const RULES: &str = r#"<Item id="b" value="bread"/><Item id="u" value="butter"/><Item id="j" value="jam"/><Item id="m" value="milk"/>
<Itemset id="1"><ItemRef itemRef="b"/></Itemset>
<Itemset id="2"><ItemRef itemRef="u"/></Itemset>
<Itemset id="3"><ItemRef itemRef="b"/><ItemRef itemRef="u"/></Itemset>
<Itemset id="4"><ItemRef itemRef="m"/><ItemRef itemRef="j"/></Itemset>
<AssociationRule antecedent="1" consequent="2" support="0.3" confidence="0.6" lift="1.2"/>
<AssociationRule id="r2" antecedent="2" consequent="1" support="0.3" confidence="0.9" lift="1.5"/>
<AssociationRule antecedent="3" consequent="4" support="0.1" confidence="0.5" lift="2" leverage="0.05" affinity="0.2"/>"#;

fn model(schema: &str, outputs: &str, rules: &str) -> String {
    document(
        r#"<DataField name="basket" optype="categorical" dataType="string"/>
        <DataField name="item" optype="categorical" dataType="string"/>
        <DataField name="day" optype="categorical" dataType="string"><Value value="monday"/><Value value="sunday"/></DataField>
        <DataField name="member" optype="categorical" dataType="boolean"/>
        <DataField name="number" optype="categorical" dataType="integer"/>"#,
        &format!(
            r#"<AssociationModel functionName="associationRules" numberOfTransactions="10" numberOfItems="4"
            minimumSupport="0" minimumConfidence="0" numberOfItemsets="4" numberOfRules="3">
            <MiningSchema>{schema}</MiningSchema><Output>{outputs}</Output>{rules}</AssociationModel>"#
        ),
    )
}

const TRANSACTIONS: &str = r#"<MiningField name="basket" usageType="group"/><MiningField name="item"/>"#;

/// What an output field with these attributes says about a basket.
fn said(attributes: &str, basket: &str) -> String {
    let outputs = format!(r#"<OutputField name="out" {attributes}/>"#);
    let answer = score(&model(TRANSACTIONS, &outputs, RULES), &format!("item={basket}"));
    answer.split_once(" out=").unwrap().1.to_owned()
}

const BREAD: &str = r#"["bread"]"#;
const BOTH: &str = r#"["bread","butter"]"#;

#[test]
fn an_algorithm_takes_rules_by_what_the_basket_has_of_them() {
    for (algorithm, basket, rules) in [
        ("recommendation", BREAD, r#"["1"]"#),
        ("exclusiveRecommendation", BREAD, r#"["1"]"#),
        ("ruleAssociation", BREAD, "[]"),
        ("recommendation", BOTH, r#"["r2","1","3"]"#),
        ("exclusiveRecommendation", BOTH, r#"["3"]"#),
        ("ruleAssociation", BOTH, r#"["r2","1"]"#),
        // A part of the consequent is not the consequent.
        ("exclusiveRecommendation", r#"["bread","butter","jam"]"#, r#"["3"]"#),
        ("exclusiveRecommendation", r#"["bread","butter","jam","milk"]"#, "[]"),
        ("recommendation", "[]", "[]"),
        ("recommendation", r#"["butter","butter",null,"tea",7]"#, r#"["r2"]"#),
    ] {
        let attributes = format!(r#"feature="entityId" algorithm="{algorithm}" rank="0" isMultiValued="1""#);
        assert_eq!(said(&attributes, basket), rules, "{algorithm} {basket}");
    }
}

#[test]
fn rules_are_ranked_by_a_measure_and_stay_in_order_where_it_is_the_same() {
    let all = r#"feature="ruleId" algorithm="recommendation" rank="0" isMultiValued="1""#;
    for (more, rules) in [
        (r#"rankBasis="lift""#, r#"["3","r2","1"]"#),
        (r#"rankBasis="lift" rankOrder="ascending""#, r#"["1","r2","3"]"#),
        (r#"rankBasis="support""#, r#"["1","r2","3"]"#),
        (r#"rankBasis="support" rankOrder="ascending""#, r#"["3","1","r2"]"#),
        (r#"rankBasis="leverage""#, r#"["3","1","r2"]"#),
    ] {
        assert_eq!(said(&format!("{all} {more}"), BOTH), rules, "{more}");
    }
    for (rank, multiple, rules) in [
        (1, 0, "r2"),
        (3, 0, "3"),
        (4, 0, "null"),
        (2, 1, r#"["r2","1"]"#),
        (9, 1, r#"["r2","1","3"]"#),
    ] {
        let attributes =
            format!(r#"feature="ruleId" algorithm="recommendation" rank="{rank}" isMultiValued="{multiple}""#);
        assert_eq!(said(&attributes, BOTH), rules, "rank {rank}");
    }
}

#[test]
fn an_output_gives_any_part_of_a_rule() {
    for (part, value) in [
        ("antecedent", r#"["bread","butter"]"#),
        ("consequent", r#"["milk","jam"]"#),
        ("rule", "{bread,butter}->{milk,jam}"),
        ("ruleId", "3"),
        ("confidence", "0.5"),
        ("support", "0.1"),
        ("lift", "2"),
        ("leverage", "0.05"),
        ("affinity", "0.2"),
    ] {
        assert_eq!(said(&format!(r#"feature="{part}""#), BOTH), value, "{part}");
        let as_before_4_2 = format!(r#"feature="ruleValue" ruleFeature="{part}""#);
        assert_eq!(said(&as_before_4_2, BOTH), value, "{part}");
    }
    assert_eq!(said(r#"feature="ruleValue""#, BOTH), r#"["milk","jam"]"#);
    assert_eq!(said(r#"feature="leverage""#, BREAD), "null");
    assert_eq!(said(r#"feature="entityId" dataType="integer""#, BOTH), "3");
    let all = r#"algorithm="recommendation" rank="0" isMultiValued="1""#;
    assert_eq!(
        said(&format!(r#"feature="consequent" {all}"#), BOTH),
        r#"[["bread"],["butter"],["milk","jam"]]"#
    );
    assert_eq!(said(&format!(r#"feature="leverage" {all}"#), BOTH), "[null,null,0.05]");
    assert_eq!(
        said(&format!(r#"feature="rule" dataType="string" {all}"#), BREAD),
        r#"["{bread}->{butter}"]"#
    );
}

#[test]
fn without_outputs_the_answer_is_the_best_recommendation() {
    let bare = model(TRANSACTIONS, "", RULES);
    assert_eq!(score(&bare, r#"item=["bread"]"#), r#"_target=["butter"]"#);
    assert_eq!(score(&bare, "item=[]"), "_target=null");
}

#[test]
fn a_transaction_is_a_list_and_nothing_else() {
    let bare = model(TRANSACTIONS, "", RULES);
    let schema = load(bare.as_bytes()).unwrap().schema().clone();
    assert_eq!(
        schema.inputs,
        [Field {
            notes: schema.inputs[0].notes.clone(),
            ..Field::list("item")
        }]
    );
    assert_eq!(
        schema.outputs,
        [Field {
            notes: "target".to_owned(),
            ..Field::list("_target")
        }]
    );
    for (record, code) in [
        ("", "FIELD_MISSING"),
        ("item=bread", "FIELD_INVALID"),
        ("item=5", "FIELD_INVALID"),
        (r#"item=["bread""#, "FIELD_INVALID"),
        (r#"item=[["bread"]]"#, "FIELD_INVALID"),
    ] {
        let answer = score(&bare, record);
        assert!(answer.starts_with(code), "{record}: {answer}");
    }
    // Documents before version 4.1 call the items predicted, and a lone field needs no group.
    let predicted = r#"<MiningField name="basket" usageType="group"/><MiningField name="item" usageType="predicted"/>"#;
    for schema in [predicted, r#"<MiningField name="item"/>"#] {
        let model = model(schema, "", RULES);
        assert_eq!(score(&model, r#"item=["bread"]"#), r#"_target=["butter"]"#);
    }
    assert_eq!(
        score(&model(r#"<MiningField name="item"/>"#, "", RULES), "item=bread"),
        r#"_target=["butter"]"#
    );
}

#[test]
fn items_are_matched_as_values_of_the_field_s_type() {
    let numbered = RULES.replace("\"bread\"", "\"07\"").replace("\"butter\"", "\"8\"");
    let schema = r#"<MiningField name="basket" usageType="group"/><MiningField name="number"/>"#;
    let model = model(schema, "", &numbered);
    assert_eq!(score(&model, "number=[7]"), r#"_target=["8"]"#);
    assert_eq!(score(&model, r#"number=["8",1.5,"x"]"#), r#"_target=["07"]"#);
}

#[test]
fn fields_of_a_table_are_items_when_true_and_their_categories_are() {
    let schema = r#"<MiningField name="day"/><MiningField name="member"/><MiningField name="item"/>"#;
    let sets = &RULES[RULES.find("<Itemset").unwrap()..];
    let output = r#"<OutputField name="out" feature="entityId" algorithm="recommendation"/>"#;
    for items in [
        r#"<Item id="b" value="x" field="day" category="sunday"/><Item id="u" value="y" field="member"/>"#,
        r#"<Item id="b" value="day=sunday"/><Item id="u" value="member"/>"#,
        r#"<Item id="b" value="day = sunday"/><Item id="u" value="member = true"/>"#,
    ] {
        let rules = format!(r#"{items}<Item id="j" value="item"/><Item id="m" value="day=monday"/>{sets}"#);
        let model = model(schema, output, &rules);
        for (record, rule) in [
            ("day=sunday", "1"),
            ("day=monday", "null"),
            ("member=true", "r2"),
            ("member=1", "r2"),
            ("member=false", "null"),
            ("item=T", "null"),
            ("day=sunday member=true", "r2"),
            ("", "null"),
        ] {
            let answer = score(&model, record);
            assert!(answer.ends_with(&format!(" out={rule}")), "{items} {record}: {answer}");
        }
    }
}

#[test]
fn a_document_that_contradicts_itself_is_refused() {
    for (from, to) in [
        (r#"itemRef="b""#, r#"itemRef="z""#),
        (r#"antecedent="1""#, r#"antecedent="9""#),
        (r#"consequent="4""#, r#"consequent="b""#),
        (r#"<Item id="u""#, r#"<Item id="b""#),
        (r#"<Itemset id="2""#, r#"<Itemset id="1""#),
        (r#"confidence="0.6""#, r#"confidence="much""#),
    ] {
        let error = load(model(TRANSACTIONS, "", &RULES.replace(from, to)).as_bytes())
            .err()
            .unwrap();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{to}: {error}");
    }
    for attributes in [
        r#"feature="rule" algorithm="guess""#,
        r#"feature="rule" rankBasis="beauty""#,
        r#"feature="rule" rankOrder="up""#,
        r#"feature="rule" isMultiValued="maybe""#,
    ] {
        let outputs = format!(r#"<OutputField name="out" {attributes}/>"#);
        let error = load(model(TRANSACTIONS, &outputs, RULES).as_bytes()).err().unwrap();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{attributes}: {error}");
    }
}

#[test]
fn lists_are_texts_and_numbers_are_numbers_in_the_schema() {
    let outputs = r#"<OutputField name="items" feature="antecedent"/><OutputField name="share" feature="support"/>
    <OutputField name="id" feature="entityId"/><OutputField name="ids" feature="entityId" isMultiValued="1" dataType="double"/>"#;
    let model = load(model(TRANSACTIONS, outputs, RULES).as_bytes()).unwrap();
    let found: Vec<_> = model.schema().outputs[1..]
        .iter()
        .map(|field| (field.data_type, field.list))
        .collect();
    assert_eq!(
        found,
        [
            (DataType::String, true),
            (DataType::Double, false),
            (DataType::String, false),
            (DataType::String, true)
        ]
    );
}

#[test]
fn a_small_document_can_t_ask_for_much_memory_or_time() {
    let long = format!(r#"<Item id="0" value="{}"/>"#, "x".repeat(1 << 20));
    let many = r#"<ItemRef itemRef="0"/>"#.repeat(300);
    let error = load(model(TRANSACTIONS, "", &format!(r#"{long}<Itemset id="0">{many}</Itemset>"#)).as_bytes());
    assert_eq!(error.err().unwrap().code, ErrorCode::ModelTooLarge);

    let fields: String = (0..20_000)
        .map(|n| format!("<MiningField name=\"f{n}\"/>"))
        .collect::<Vec<_>>()
        .concat();
    let declared: String = (0..20_000)
        .map(|n| format!("<DataField name=\"f{n}\" optype=\"categorical\" dataType=\"string\"/>"))
        .collect::<Vec<_>>()
        .concat();
    let items: String = (0..20_000)
        .map(|n| format!("<Item id=\"{n}\" value=\"f{n}\"/>"))
        .collect::<Vec<_>>()
        .concat();
    let document = document(
        &declared,
        &format!(
            r#"<AssociationModel functionName="associationRules"><MiningSchema>{fields}</MiningSchema>{items}</AssociationModel>"#
        ),
    );
    let (loaded, taken) = processor_time(|| load(document.as_bytes()));
    assert!(loaded.is_ok() && taken.as_secs() < 20, "loading takes {taken:?}");
}

#[test]
fn lists_go_through_chains_and_output_fields_as_lists() {
    let inner = model(
        TRANSACTIONS,
        r#"<OutputField name="first" feature="antecedent"/><OutputField name="again" feature="transformedValue" dataType="string">
        <FieldRef field="first"/></OutputField>"#,
        RULES,
    );
    let inner = &inner[inner.find("<AssociationModel").unwrap()..inner.find("</PMML>").unwrap()];
    for method in ["modelChain", "selectFirst", "selectAll"] {
        let whole = document(
            r#"<DataField name="basket" optype="categorical" dataType="string"/>
            <DataField name="item" optype="categorical" dataType="string"/>"#,
            &format!(
                r#"<MiningModel functionName="associationRules"><MiningSchema>{TRANSACTIONS}</MiningSchema>
                <Segmentation multipleModelMethod="{method}"><Segment><True/>{inner}</Segment></Segmentation></MiningModel>"#
            ),
        );
        let schema = load(whole.as_bytes()).unwrap().schema().clone();
        assert!(
            schema.inputs.iter().any(|field| field.name == "item" && field.list),
            "{method}"
        );
        assert!(
            schema.outputs.iter().all(|field| field.list),
            "{method}: {:?}",
            schema.outputs
        );
        let answer = score(&whole, r#"item=["bread"]"#);
        let expected = match method {
            "selectAll" => r#"_target=[["butter"]]"#,
            _ => r#"_target=["butter"] first=["bread"] again=["bread"]"#,
        };
        assert_eq!(answer, expected, "{method}");
    }
}
