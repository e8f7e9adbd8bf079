//! Documents that mean harm: each is refused with a typed error, in bounded time, without panic.
#![allow(clippy::unwrap_used, clippy::format_push_string, clippy::format_collect)]

mod common;

use common::{answers, document, load, score};
use proptest::prelude::*;
use serving_model::{Block, ErrorCode};

const MODEL: &str = r#"<TransformationDictionary><DerivedField name="d" optype="continuous" dataType="double">
<Apply function="+"><FieldRef field="x"/><Constant>1</Constant></Apply></DerivedField></TransformationDictionary>
<MiningModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/>
</MiningSchema><Segmentation multipleModelMethod="sum"><Segment><True/><TreeModel functionName="regression"><MiningSchema>
<MiningField name="x"/></MiningSchema><Node score="1"><True/><Node score="2"><SimplePredicate field="d"
operator="lessThan" value="2.5"/></Node><Node score="3"><True/></Node></Node></TreeModel></Segment></Segmentation>
<ModelVerification><InlineTable><row><x>1</x></row></InlineTable></ModelVerification></MiningModel>"#;

const FIELDS: &str = r#"<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/>"#;

fn code(content: &[u8]) -> Option<ErrorCode> {
    load(content).err().map(|error| {
        assert!(!error.message.is_empty());
        error.code
    })
}

fn regression(inside: &str) -> String {
    document(
        FIELDS,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema>{inside}</RegressionModel>"#
        ),
    )
}

#[test]
fn the_whole_document_is_fine() {
    assert_eq!(code(document(FIELDS, MODEL).as_bytes()), None);
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    let whole = document(FIELDS, MODEL);
    for length in 0..whole.len() {
        assert!(code(&whole.as_bytes()[..length]).is_some(), "cut after {length} bytes");
    }
}

#[test]
fn what_is_no_name_is_no_attribute_or_element() {
    for (inside, expected) in [
        (r#"<RegressionTable intercept="5.0"/>"#, None),
        (
            r#"<RegressionTable <intercept="5.0"/>"#,
            Some(ErrorCode::ModelUnparsable),
        ),
        (
            r#"<RegressionTable 1intercept="5.0"/>"#,
            Some(ErrorCode::ModelUnparsable),
        ),
        (
            r#"<Regression&Table intercept="5.0"/>"#,
            Some(ErrorCode::ModelUnparsable),
        ),
        ("<RegressionTable/>", Some(ErrorCode::ModelInvalid)),
    ] {
        assert_eq!(code(regression(inside).as_bytes()), expected, "{inside}");
    }
}

#[test]
fn doctype_and_entities_are_refused() {
    let whole = document(FIELDS, MODEL);
    let bomb = format!("<!DOCTYPE PMML [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{whole}");
    assert_eq!(code(bomb.as_bytes()), Some(ErrorCode::ModelUnparsable));
    let entity = whole.replace("<Header/>", "<Header>&b;</Header>");
    assert_eq!(code(entity.as_bytes()), Some(ErrorCode::ModelUnparsable));
}

#[test]
fn text_goes_on_after_entities_and_verbatim_parts() {
    for (text, value) in [
        ("a &amp; b", "a & b"),
        ("&lt;a", "<a"),
        ("a<![CDATA[<b>]]>c", "a<b>c"),
        ("a&#66;<!-- no -->c&quot;", "aBc\""),
        (" ", " "),
        ("<!-- no --> <?no no?>", " "),
        (" <![CDATA[b]]>\n", " b\n"),
    ] {
        let output = format!(
            r#"<Output><OutputField name="o" feature="transformedValue" dataType="string"><Constant dataType="string">{text}</Constant>
            </OutputField></Output><RegressionTable intercept="1"/>"#
        );
        assert_eq!(
            common::score(&regression(&output), "x=1"),
            format!("y=1 o={value}"),
            "{text}"
        );
    }
}

#[test]
fn nesting_is_bounded_whatever_is_nested() {
    for (open, close) in [
        ("<Node><True/>", "</Node>"),
        (r#"<Apply function="abs">"#, "</Apply>"),
        (r#"<CompoundPredicate booleanOperator="and">"#, "</CompoundPredicate>"),
        ("<Extension>", "</Extension>"),
    ] {
        for depth in [600, 100_000] {
            let deep = open.repeat(depth) + &close.repeat(depth);
            assert_eq!(
                code(regression(&deep).as_bytes()),
                Some(ErrorCode::ModelTooLarge),
                "{open}"
            );
        }
    }
}

#[test]
fn long_chains_of_fields_are_bounded() {
    let mut fields = String::new();
    for number in 1..2000 {
        fields += &format!(
            r#"<DerivedField name="d{number}" optype="continuous" dataType="double"><FieldRef field="{}"/></DerivedField>"#,
            if number == 1999 {
                "x".to_owned()
            } else {
                format!("d{}", number + 1)
            }
        );
    }
    let chain = regression(&format!(
        r#"<LocalTransformations>{fields}</LocalTransformations><RegressionTable intercept="0">
        <NumericPredictor name="d1" coefficient="1"/></RegressionTable>"#
    ));
    assert_eq!(code(chain.as_bytes()), Some(ErrorCode::ModelTooLarge));
}

#[test]
fn functions_that_call_each_other_ever_more_often_are_refused() {
    let mut functions = String::from(
        r#"<DefineFunction name="f0" optype="continuous"><ParameterField name="p"/><FieldRef field="p"/></DefineFunction>"#,
    );
    for number in 1..64 {
        let call = format!(r#"<Apply function="f{}"><FieldRef field="p"/></Apply>"#, number - 1);
        functions += &format!(
            r#"<DefineFunction name="f{number}" optype="continuous"><ParameterField name="p"/>
            <Apply function="+">{call}{call}</Apply></DefineFunction>"#
        );
    }
    let model = MODEL.replace(
        "</TransformationDictionary>",
        &format!("{functions}</TransformationDictionary>"),
    );
    let model = model.replace(
        r#"<FieldRef field="x"/>"#,
        r#"<Apply function="f63"><FieldRef field="x"/></Apply>"#,
    );
    assert_eq!(
        code(document(FIELDS, &model).as_bytes()),
        Some(ErrorCode::ModelTooLarge)
    );
}

#[test]
fn what_refers_to_itself_or_to_nothing_is_refused() {
    let table = |name: &str| {
        format!(r#"<RegressionTable intercept="0"><NumericPredictor name="{name}" coefficient="1"/></RegressionTable>"#)
    };
    let field = |name: &str, of: &str| {
        format!(
            r#"<DerivedField name="{name}" optype="continuous" dataType="double"><FieldRef field="{of}"/></DerivedField>"#
        )
    };
    for inside in [
        table("nothing"),
        format!(
            "<LocalTransformations>{}</LocalTransformations>{}",
            field("a", "a"),
            table("a")
        ),
        format!(
            "<LocalTransformations>{}{}</LocalTransformations>{}",
            field("a", "b"),
            field("b", "a"),
            table("a")
        ),
        r#"<RegressionTable intercept="1e999"/>"#.to_owned(),
        r#"<RegressionTable intercept="NaN"/>"#.to_owned(),
        r#"<RegressionTable intercept="twelve"/>"#.to_owned(),
        String::new(),
    ] {
        assert_eq!(
            code(regression(&inside).as_bytes()),
            Some(ErrorCode::ModelInvalid),
            "{inside}"
        );
    }
    let recursive = MODEL.replace(
        "</TransformationDictionary>",
        r#"<DefineFunction name="f" optype="continuous"><ParameterField name="p"/><Apply function="f"><FieldRef field="p"/>
        </Apply></DefineFunction></TransformationDictionary>"#,
    );
    let recursive = recursive.replace(
        r#"<FieldRef field="x"/>"#,
        r#"<Apply function="f"><FieldRef field="x"/></Apply>"#,
    );
    assert_eq!(
        code(document(FIELDS, &recursive).as_bytes()),
        Some(ErrorCode::ModelInvalid)
    );
}

#[test]
fn references_to_nothing_and_in_circles_are_refused() {
    let documents: std::collections::HashMap<String, String> = common::corpus::corpus().into_iter().collect();
    for (name, from, to) in [
        ("mining", r#"segmentId="first""#, r#"segmentId="nowhere""#),
        ("mining", r#"<FieldRef field="first"/>"#, r#"<FieldRef field="s2"/>"#),
        ("support-vector", r#"vectorId="v1""#, r#"vectorId="v9""#),
        ("association", r#"itemRef="3""#, r#"itemRef="9""#),
        ("association", r#"antecedent="s1""#, r#"antecedent="s9""#),
        ("sequence", r#"setId="p""#, r#"setId="s9""#),
        ("sequence", r#"seqId="q3""#, r#"seqId="q9""#),
        ("neural-network", r#"from="h0""#, r#"from="o0""#),
        ("neural-network", r#"outputNeuron="o0""#, r#"outputNeuron="o9""#),
        ("tree", r#"defaultChild="2""#, r#"defaultChild="9""#),
        (
            "naive-bayes",
            r#"<TargetValueStat value="no">"#,
            r#"<TargetValueStat value="maybe">"#,
        ),
        (
            "general-regression",
            r#"<PCell parameterName="p3""#,
            r#"<PCell parameterName="p9""#,
        ),
        ("scorecard", r#"field="bin" operator"#, r#"field="nowhere" operator"#),
        ("bayesian-network", r#"parent="c""#, r#"parent="nowhere""#),
        (
            "baseline",
            r#"<TestDistributions field="x""#,
            r#"<TestDistributions field="nowhere""#,
        ),
        (
            "nearest-neighbor",
            r#"<KNNInput field="z""#,
            r#"<KNNInput field="nowhere""#,
        ),
        (
            "clustering",
            r#"<ClusteringField field="line""#,
            r#"<ClusteringField field="nowhere""#,
        ),
        (
            "regression",
            r#"<NormContinuous field="ratio""#,
            r#"<NormContinuous field="line""#,
        ),
        (
            "regression",
            r#"<FieldRef field="value"/>"#,
            r#"<Apply function="scaled"><FieldRef field="value"/></Apply>"#,
        ),
    ] {
        let content = &documents[name];
        assert!(content.contains(from), "{name}: {from}");
        let changed = content.replace(from, to);
        assert_eq!(code(changed.as_bytes()), Some(ErrorCode::ModelInvalid), "{name}: {to}");
    }
}

#[test]
fn texts_of_two_bytes_a_letter_are_whole_or_refused() {
    let whole = document(FIELDS, MODEL);
    let marked = || std::iter::once(0xfeff).chain(whole.encode_utf16());
    let big: Vec<u8> = marked().flat_map(u16::to_be_bytes).collect();
    assert_eq!(code(&big), None);
    let lone: Vec<u8> = marked().chain([0xd800]).flat_map(u16::to_be_bytes).collect();
    assert_eq!(code(&lone), Some(ErrorCode::ModelUnparsable));
    for length in 0..big.len() - 2 {
        assert!(code(&big[..length]).is_some(), "cut after {length}");
    }
    let without_mark: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(code(&without_mark), Some(ErrorCode::ModelUnparsable));
}

#[test]
fn an_array_may_not_lie_about_its_length() {
    let node = r#"<Node score="2"><SimpleSetPredicate field="x" booleanOperator="isIn"><Array n="900000000000" type="real">1
        </Array></SimpleSetPredicate></Node>"#;
    let model = MODEL.replace(r#"<Node score="3">"#, &format!(r#"{node}<Node score="3">"#));
    assert_eq!(code(document(FIELDS, &model).as_bytes()), Some(ErrorCode::ModelInvalid));
}

#[test]
fn a_million_attributes_and_broken_encodings_do_no_harm() {
    let attributes: String = (0..1_000_000).map(|number| format!(" a{number}=\"\"")).collect();
    let wide = document(FIELDS, MODEL).replace("<Header/>", &format!("<Header{attributes}/>"));
    assert_eq!(code(wide.as_bytes()), None);
    let whole = document(FIELDS, MODEL);
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(whole.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(code(&utf16), None);
    assert_eq!(code(&[&[0xef, 0xbb, 0xbf], whole.as_bytes()].concat()), None);
    let mut broken = whole.into_bytes();
    broken[100] = 0xff;
    assert_eq!(code(&broken), Some(ErrorCode::ModelUnparsable));
}

#[test]
fn regular_expressions_take_linear_time() {
    let output = r#"<Output><OutputField name="o" feature="transformedValue" dataType="boolean"><Apply function="matches">
        <Constant>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!</Constant><Constant>^(a+)+$</Constant></Apply></OutputField>
        </Output><RegressionTable intercept="1"/>"#;
    assert_eq!(common::score(&regression(output), "x=1"), "y=1 o=false");
    let too_large = output.replace("^(a+)+$", "(((a{1000}){1000}){1000})");
    assert_eq!(code(regression(&too_large).as_bytes()), Some(ErrorCode::ModelInvalid));
}

proptest! {
    #[test]
    fn a_changed_document_is_refused_or_scores(changes in proptest::collection::vec((any::<usize>(), 0_u8..8), 1..6), value in any::<f64>()) {
        let mut content = document(FIELDS, MODEL).into_bytes();
        for (position, bit) in changes {
            let position = position % content.len();
            content[position] ^= 1 << bit;
        }
        if let Ok(model) = load(&content) {
            let mut block = Block::new(model.schema().inputs.len());
            block.reset(1);
            if block.stride() > 0 {
                block.set_double(0, 0, value);
            }
            answers(&model, &block);
        }
    }

    /// The same forest, once as plain tests for the kernel, once with each test inside a compound predicate, which only the
    /// general path knows.
    #[test]
    fn the_fast_path_answers_as_the_general_path(
        tests in proptest::collection::vec(
            (0_usize..3, prop_oneof![Just("lessThan"), Just("lessOrEqual"), Just("greaterThan"), Just("greaterOrEqual")], -4_i8..4),
            1..40,
        ),
        strategy in prop_oneof![Just("returnNullPrediction"), Just("returnLastPrediction")],
        kind in prop_oneof![Just("double"), Just("float")],
        trees in 1_usize..20,
        rows in proptest::collection::vec(proptest::array::uniform3(prop_oneof![(-4_i8..4).prop_map(f64::from), any::<f64>()]), 1..20),
    ) {
        let fields: String = (0..3)
            .map(|number| format!(r#"<DataField name="x{number}" optype="continuous" dataType="{kind}"/>"#))
            .collect::<String>() + r#"<DataField name="y" optype="continuous" dataType="double"/>"#;
        let build = |general: bool| {
            let schema = r#"<MiningField name="x0"/><MiningField name="x1"/><MiningField name="x2"/>"#;
            let mut segments = String::new();
            for tree in 0..trees {
                // A comb: each node has a leaf and goes on, in turn deeper and beside.
                let (mut open, mut close) = (String::new(), String::new());
                for (number, (field, operator, value)) in tests.iter().enumerate().skip(tree % tests.len()) {
                    let test = format!(r#"<SimplePredicate field="x{field}" operator="{operator}" value="{value}"/>"#);
                    let test = if general { format!(r#"<CompoundPredicate booleanOperator="and">{test}<True/></CompoundPredicate>"#) } else { test };
                    let score = number as f64 * 0.37 + tree as f64;
                    if number % 2 == 0 {
                        open += &format!(r#"<Node score="{score}">{test}</Node>"#);
                    } else {
                        open += &format!(r#"<Node score="{score}">{test}"#);
                        close.insert_str(0, "</Node>");
                    }
                }
                segments += &format!(
                    r#"<Segment><True/><TreeModel functionName="regression" noTrueChildStrategy="{strategy}"><MiningSchema>{schema}
                    </MiningSchema><Node score="0.5"><True/>{open}{close}</Node></TreeModel></Segment>"#
                );
            }
            document(&fields, &format!(
                r#"<MiningModel functionName="regression"><MiningSchema>{schema}<MiningField name="y" usageType="target"/></MiningSchema>
                <Segmentation multipleModelMethod="sum">{segments}</Segmentation></MiningModel>"#
            ))
        };
        let mut block = Block::new(3);
        block.reset(rows.len());
        for (row, values) in rows.iter().enumerate() {
            for (slot, value) in values.iter().enumerate() {
                block.set_double(row, slot, *value);
            }
        }
        let fast = load(build(false).as_bytes()).unwrap();
        let general = load(build(true).as_bytes()).unwrap();
        prop_assert_eq!(answers(&fast, &block), answers(&general, &block));
    }
}

/// What is accepted must also be evaluated on the stack of a task's thread.
#[test]
fn the_deepest_documents_that_are_accepted_fit_on_a_small_stack() {
    fn run(content: String) {
        let work = move || match load(content.as_bytes()) {
            Ok(model) => {
                let mut block = Block::new(model.schema().inputs.len());
                block.reset(1);
                block.set_double(0, 0, 2.0);
                answers(&model, &block);
            }
            Err(error) => assert_eq!(error.code, ErrorCode::ModelTooLarge, "{error}"),
        };
        // Frames of unoptimised code are several times larger.
        let stack = if cfg!(debug_assertions) { 8 << 20 } else { 1 << 20 };
        std::thread::Builder::new()
            .stack_size(stack)
            .spawn(work)
            .unwrap()
            .join()
            .unwrap();
    }
    for depth in [50, 120, 200, 240, 250, 300, 400, 500] {
        let apply = r#"<Apply function="abs">"#.repeat(depth) + r#"<FieldRef field="x"/>"# + &"</Apply>".repeat(depth);
        run(regression(&format!(
            r#"<Output><OutputField name="o" feature="transformedValue">{apply}</OutputField></Output><RegressionTable intercept="1"/>"#
        )));
        let mut fields = String::new();
        for number in 0..depth {
            let of = if number + 1 == depth {
                "x".to_owned()
            } else {
                format!("d{}", number + 1)
            };
            fields += &format!(
                r#"<DerivedField name="d{number}" optype="continuous" dataType="double"><Apply function="+"><FieldRef field="{of}"/>
                <Constant>1</Constant></Apply></DerivedField>"#
            );
        }
        run(regression(&format!(
            r#"<LocalTransformations>{fields}</LocalTransformations><RegressionTable intercept="0">
            <NumericPredictor name="d0" coefficient="1"/></RegressionTable>"#
        )));
        let predicate = r#"<CompoundPredicate booleanOperator="or">"#.repeat(depth)
            + r#"<SimplePredicate field="d" operator="lessThan" value="2"/>"#
            + &"</CompoundPredicate>".repeat(depth);
        run(document(
            FIELDS,
            &MODEL.replace(r#"<Node score="3"><True/>"#, &format!(r#"<Node score="3">{predicate}"#)),
        ));
        let nodes = r#"<Node score="4"><True/>"#.repeat(depth) + &"</Node>".repeat(depth);
        run(document(
            FIELDS,
            &MODEL.replace(
                r#"<Node score="3"><True/>"#,
                &format!(r#"<Node score="3"><True/>{nodes}"#),
            ),
        ));
        let schema = r#"<MiningSchema><MiningField name="x"/></MiningSchema>"#;
        let open = format!(
            r#"<MiningModel functionName="regression">{schema}<Segmentation multipleModelMethod="modelChain"><Segment><True/>"#
        );
        let levels = depth / 3;
        run(document(
            FIELDS,
            &(open.repeat(levels)
                + &format!(
                    r#"<RegressionModel functionName="regression">{schema}<RegressionTable intercept="1"/></RegressionModel>"#
                )
                + &"</Segment></Segmentation></MiningModel>".repeat(levels)),
        ));
    }
}

#[test]
fn a_lone_table_of_a_class_that_the_target_does_not_have_is_the_only_class() {
    let document = document(
        r#"<DataField name="x" optype="continuous" dataType="double"/><DataField name="k" optype="categorical" dataType="string">
        <Value value="yes"/><Value value="2"/></DataField>"#,
        r#"<RegressionModel functionName="classification" normalizationMethod="softmax"><MiningSchema><MiningField name="x"/>
        <MiningField name="k" usageType="target"/></MiningSchema><RegressionTable intercept="1" targetCategory="no">
        <NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>"#,
    );
    assert_eq!(score(&document, "x=1"), "k=no");
}
