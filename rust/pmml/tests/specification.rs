//! Small documents and what the specification says about them.

mod common;

use common::{document, load, score};
use serving_model::{DataType, ErrorCode};

const NUMBERS: &str = r#"<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/>"#;

fn linear(schema: &str, rest: &str) -> String {
    document(
        NUMBERS,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema>{schema}<MiningField name="y" usageType="target"/>
            </MiningSchema>{rest}<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/>
            </RegressionTable></RegressionModel>"#
        ),
    )
}

fn tree(attributes: &str, nodes: &str) -> String {
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>
        <DataField name="y" optype="categorical" dataType="string"/>"#,
        &format!(
            r#"<TreeModel functionName="classification" {attributes}><MiningSchema><MiningField name="x"/>
            <MiningField name="c" invalidValueTreatment="asMissing"/><MiningField name="y" usageType="target"/></MiningSchema>
            {nodes}</TreeModel>"#
        ),
    )
}

/// `x <= 1 ? low : (x <= 2 ? middle : nothing)` below a node `top`.
const NODES: &str = r#"<Node id="0" score="top" defaultChild="2"><True/>
<Node id="1" score="low"><SimplePredicate field="x" operator="lessOrEqual" value="1"/></Node>
<Node id="2" score="middle"><SimplePredicate field="x" operator="lessOrEqual" value="2"/></Node></Node>"#;

fn derived(expression: &str, kind: &str) -> String {
    linear(
        r#"<MiningField name="x"/>"#,
        &format!(
            r#"<Output><OutputField name="out" feature="transformedValue" dataType="{kind}">{expression}</OutputField></Output>"#
        ),
    )
}

#[test]
fn a_value_is_read_as_the_type_of_its_field() {
    let model = linear(r#"<MiningField name="x"/>"#, "");
    assert_eq!(score(&model, "x=3"), "y=7");
    assert_eq!(score(&model, ""), "y=null");
    assert_eq!(
        score(&model, "x=abc"),
        "FIELD_INVALID: field 'x' does not accept the value \"abc\""
    );
}

#[test]
fn the_mining_schema_treats_missing_invalid_and_outlying_values() {
    for (attributes, record, answer) in [
        (r#"missingValueReplacement="5""#, "", "y=11"),
        (
            r#"missingValueTreatment="returnInvalid""#,
            "",
            "FIELD_MISSING: field 'x' has no value",
        ),
        (r#"invalidValueTreatment="asMissing""#, "x=abc", "y=null"),
        (
            r#"invalidValueTreatment="asMissing" missingValueReplacement="5""#,
            "x=abc",
            "y=11",
        ),
        (
            r#"invalidValueTreatment="asValue" invalidValueReplacement="7""#,
            "x=abc",
            "y=15",
        ),
        (
            r#"outliers="asExtremeValues" lowValue="0" highValue="10""#,
            "x=99",
            "y=21",
        ),
        (
            r#"outliers="asExtremeValues" lowValue="0" highValue="10""#,
            "x=-1",
            "y=1",
        ),
        (
            r#"outliers="asMissingValues" lowValue="0" highValue="10""#,
            "x=99",
            "y=null",
        ),
    ] {
        let model = linear(&format!(r#"<MiningField name="x" {attributes}/>"#), "");
        assert_eq!(score(&model, record), answer, "{attributes}");
    }
}

#[test]
fn targets_rescale_and_cast() {
    let targets = r#"<Targets><Target field="y" rescaleFactor="0.5" rescaleConstant="1.2" castInteger="round" max="20">
        <TargetValue defaultValue="8"/></Target></Targets>"#;
    let model = linear(r#"<MiningField name="x"/>"#, targets);
    assert_eq!(score(&model, "x=3"), "y=5");
    assert_eq!(score(&model, "x=100"), "y=11");
    assert_eq!(score(&model, ""), "y=8");
}

#[test]
fn a_tree_without_true_child_answers_as_its_strategy_says() {
    for (attributes, answer) in [
        ("", "y=null"),
        (r#"noTrueChildStrategy="returnNullPrediction""#, "y=null"),
        (r#"noTrueChildStrategy="returnLastPrediction""#, "y=top"),
    ] {
        let model = tree(attributes, NODES);
        assert_eq!(score(&model, "x=1"), "y=low");
        assert_eq!(score(&model, "x=2"), "y=middle");
        assert_eq!(score(&model, "x=2.5"), answer);
    }
}

#[test]
fn a_tree_meets_missing_values_as_its_strategy_says() {
    for (attributes, answer) in [
        ("", "y=null"),
        (r#"missingValueStrategy="nullPrediction""#, "y=null"),
        (r#"missingValueStrategy="lastPrediction""#, "y=top"),
        (r#"missingValueStrategy="defaultChild""#, "y=middle"),
        (r#"noTrueChildStrategy="returnLastPrediction""#, "y=top"),
    ] {
        assert_eq!(score(&tree(attributes, NODES), ""), answer, "{attributes}");
    }
}

#[test]
fn a_field_that_the_path_does_not_read_is_not_judged() {
    let nodes = r#"<Node><True/><Node score="low"><SimplePredicate field="x" operator="lessOrEqual" value="1"/></Node>
        <Node score="is a"><SimplePredicate field="c" operator="equal" value="a"/></Node></Node>"#;
    let model = tree("", nodes).replace(r#" invalidValueTreatment="asMissing""#, "");
    assert_eq!(score(&model, "x=1 c=unknown"), "y=low");
    assert!(score(&model, "x=2 c=unknown").starts_with("FIELD_INVALID: field 'c'"));
    assert_eq!(score(&model, "x=2 c=a"), "y=is a");
}

#[test]
fn compound_and_surrogate_predicates_know_missing_values() {
    let predicate = |junction: &str| {
        format!(
            r#"<Node><True/><Node score="yes"><CompoundPredicate booleanOperator="{junction}">
            <SimplePredicate field="x" operator="greaterThan" value="1"/>
            <SimpleSetPredicate field="c" booleanOperator="isIn"><Array n="1" type="string">a</Array></SimpleSetPredicate>
            </CompoundPredicate></Node><Node score="no"><True/></Node></Node>"#
        )
    };
    for (junction, record, answer) in [
        ("and", "x=2 c=a", "yes"),
        ("and", "x=2", "no"),
        ("or", "x=2", "yes"),
        ("or", "c=b", "no"),
        ("xor", "x=2 c=b", "yes"),
        ("xor", "x=2 c=a", "no"),
        ("surrogate", "c=a", "yes"),
        ("surrogate", "x=0 c=a", "no"),
    ] {
        assert_eq!(
            score(&tree("", &predicate(junction)), record),
            format!("y={answer}"),
            "{junction} {record}"
        );
    }
}

#[test]
fn expressions_compute_what_the_specification_says() {
    let constant = |text: &str| format!("<Constant>{text}</Constant>");
    let apply =
        |function: &str, arguments: &[&str]| format!(r#"<Apply function="{function}">{}</Apply>"#, arguments.concat());
    let x = r#"<FieldRef field="x"/>"#;
    for (expression, kind, answer) in [
        (apply("+", &[x, &constant("1")]), "double", "4"),
        (apply("/", &[&constant("7"), &constant("2")]), "integer", "3"),
        (apply("modulo", &[&constant("-8"), &constant("3")]), "integer", "1"),
        (apply("pow", &[&constant("2"), &constant("10")]), "integer", "1024"),
        (apply("round", &[&constant("2.5")]), "integer", "3"),
        (apply("rint", &[&constant("2.5")]), "integer", "2"),
        (apply("min", &[x, &constant("7"), &constant("-2")]), "double", "-2"),
        (apply("median", &[&constant("9"), &constant("1"), &constant("2")]), "double", "2"),
        (apply("if", &[&apply("greaterThan", &[x, &constant("2")]), &constant("10"), &constant("20")]), "integer", "10"),
        (apply("substring", &[&constant("vineyard"), &constant("1"), &constant("4")]), "string", "vine"),
        (apply("replace", &[&constant("BBBB"), &constant("B+"), &constant("c")]), "string", "c"),
        (apply("matches", &[&constant("abc"), &constant("b")]), "boolean", "true"),
        (apply("formatNumber", &[&constant("2"), &constant("%3d")]), "string", "  2"),
        (
            apply("dateDaysSinceYear", &[r#"<Constant dataType="date">2003-04-01</Constant>"#, &constant("1960")]),
            "integer",
            "15796",
        ),
        (
            apply(
                "formatDatetime",
                &[r#"<Constant dataType="date">2004-08-20</Constant>"#, &constant("%m/%d/%y")],
            ),
            "string",
            "08/20/04",
        ),
        (
            r#"<NormContinuous field="x"><LinearNorm orig="0" norm="0"/><LinearNorm orig="2" norm="1"/></NormContinuous>"#
                .to_owned(),
            "double",
            "1.5",
        ),
        (
            r#"<Discretize field="x" defaultValue="other"><DiscretizeBin binValue="some">
                <Interval closure="openClosed" leftMargin="2" rightMargin="3"/></DiscretizeBin></Discretize>"#
                .to_owned(),
            "string",
            "some",
        ),
        (
            r#"<MapValues outputColumn="out" defaultValue="none"><FieldColumnPair field="x" column="in"/><InlineTable>
                <row><in>3</in><out>three</out></row></InlineTable></MapValues>"#
                .to_owned(),
            "string",
            "three",
        ),
    ] {
        assert_eq!(score(&derived(&expression, kind), "x=3"), format!("y=7 out={answer}"), "{expression}");
    }
}

#[test]
fn a_map_in_a_function_matches_arguments_of_any_type() {
    let table = r#"<FieldColumnPair field="a" column="in"/><InlineTable><row><in>3</in><out>three</out></row>
        <row><in>4</in><out>four</out></row></InlineTable>"#;
    for (kind, argument, answer) in [
        ("", "<FieldRef field=\"x\"/>", "three"),
        ("", "<Constant dataType=\"integer\">4</Constant>", "four"),
        ("", "<Constant dataType=\"string\">4</Constant>", "four"),
        ("dataType=\"double\"", "<FieldRef field=\"x\"/>", "three"),
        (
            "dataType=\"string\"",
            "<Constant dataType=\"integer\">4</Constant>",
            "four",
        ),
        ("", "<Constant dataType=\"integer\">5</Constant>", "none"),
    ] {
        let function = format!(
            r#"<TransformationDictionary><DefineFunction name="name" optype="categorical" dataType="string">
            <ParameterField name="a" optype="categorical" {kind}/><MapValues outputColumn="out" defaultValue="none">{table}
            </MapValues></DefineFunction></TransformationDictionary><RegressionModel"#
        );
        let call = format!(r#"<Apply function="name">{argument}</Apply>"#);
        let model = derived(&call, "string").replace("<RegressionModel", &function);
        assert_eq!(score(&model, "x=3"), format!("y=7 out={answer}"), "{kind} {argument}");
    }
}

#[test]
fn votes_averages_and_chains_combine_segments() {
    let segment = |id: &str, intercept: f64| {
        format!(
            r#"<Segment id="{id}" weight="{id}"><SimplePredicate field="x" operator="greaterThan" value="{id}"/>
            <RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>
            <RegressionTable intercept="{intercept}"/></RegressionModel></Segment>"#
        )
    };
    for (method, answer) in [
        ("average", "20"),
        ("weightedAverage", "23.333333333333332"),
        ("sum", "60"),
        ("weightedSum", "140"),
        ("median", "20"),
        ("weightedMedian", "20"),
        ("max", "30"),
        ("selectFirst", "10"),
        ("selectAll", "[10.0,20.0,30.0]"),
        ("modelChain", "30"),
    ] {
        let model = document(
            NUMBERS,
            &format!(
                r#"<MiningModel functionName="regression"><MiningSchema><MiningField name="x"/>
                <MiningField name="y" usageType="target"/></MiningSchema><Segmentation multipleModelMethod="{method}">
                {}{}{}</Segmentation></MiningModel>"#,
                segment("1", 10.0),
                segment("2", 20.0),
                segment("3", 30.0)
            ),
        );
        assert_eq!(score(&model, "x=9"), format!("y={answer}"), "{method}");
        assert_eq!(score(&model, "x=0"), "y=null", "{method}");
    }
}

#[test]
fn a_single_precision_model_adds_in_single_precision() {
    let leaf = |score: &str| {
        format!(
            r#"<Segment><True/><TreeModel functionName="regression" x-mathContext="float"><MiningSchema>
            <MiningField name="x"/></MiningSchema><Node score="{score}"><True/></Node></TreeModel></Segment>"#
        )
    };
    let model = document(
        NUMBERS,
        &format!(
            r#"<MiningModel functionName="regression" x-mathContext="float"><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Segmentation multipleModelMethod="sum">
            {}{}</Segmentation></MiningModel>"#,
            leaf("16777216"),
            leaf("1")
        ),
    );
    assert_eq!(score(&model, "x=0"), "y=16777216");
}

#[test]
fn the_schema_tells_inputs_and_outputs() {
    let model = load(tree("", NODES).as_bytes()).unwrap();
    let schema = model.schema();
    let inputs: Vec<_> = schema
        .inputs
        .iter()
        .map(|field| (field.name.as_str(), field.data_type))
        .collect();
    assert_eq!(inputs, [("x", DataType::Double), ("c", DataType::String)]);
    assert_eq!(schema.inputs[1].labels, ["a", "b"]);
    assert_eq!(schema.outputs[0].name, "y");
    assert_eq!(schema.outputs[0].labels, ["top", "low", "middle"]);
    assert!(model.native_bytes() > 0);
}

#[test]
fn everything_unsupported_is_listed_at_once_with_its_line() {
    let model = linear(
        r#"<MiningField name="x"/>"#,
        r#"<Output><OutputField name="a" feature="standardError"/>
<OutputField name="b" feature="transformedValue"><Apply function="x-none"/></OutputField></Output>"#,
    );
    let error = load(model.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert_eq!(
        error.message,
        "not supported: OutputField (line 8): feature standardError; Apply (line 9): function 'x-none'"
    );
    assert_eq!(error.place.line, 8);
}

/// Binary similarity of (is a, is b, is c, y > 0): the records (a, 0), (a, 2), (b, 0), (c, 0), (c, 2) are compared with `c, y`.
#[test]
fn neighbours_without_a_target_are_named_by_rank_and_compared_by_derived_fields() {
    let indicator = |value: &str| {
        format!(
            r#"<DerivedField name="{value}" optype="continuous" dataType="double"><NormDiscrete field="c" value="{value}"/></DerivedField>"#
        )
    };
    let row = |id: u32, c: &str, y: u32| format!("<row><id>{id}</id><c>{c}</c><y>{y}</y></row>");
    let output =
        |rank: u32| format!(r#"<OutputField name="n{rank}" feature="entityId" rank="{rank}" dataType="string"/>"#);
    let outputs = [1, 2, 3, 4].map(output).concat();
    let model = document(
        r#"<DataField name="c" optype="categorical" dataType="string"/><DataField name="y" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<NearestNeighborModel functionName="clustering" numberOfNeighbors="3" instanceIdVariable="id"><MiningSchema>
            <MiningField name="c"/><MiningField name="y"/></MiningSchema><Output>{outputs}</Output><LocalTransformations>
            {}{}{}<DerivedField name="some" optype="continuous" dataType="double"><Discretize field="y" defaultValue="1">
            <DiscretizeBin binValue="0"><Interval closure="openClosed" rightMargin="0"/></DiscretizeBin></Discretize></DerivedField>
            </LocalTransformations><TrainingInstances isTransformed="false"><InstanceFields><InstanceField field="id" column="id"/>
            <InstanceField field="c" column="c"/><InstanceField field="y" column="y"/></InstanceFields><InlineTable>{}{}{}{}{}
            </InlineTable></TrainingInstances><ComparisonMeasure kind="similarity"><simpleMatching/></ComparisonMeasure><KNNInputs>
            <KNNInput field="a"/><KNNInput field="b"/><KNNInput field="c0"/><KNNInput field="some"/></KNNInputs></NearestNeighborModel>"#,
            indicator("a"),
            indicator("b"),
            indicator("c").replace(r#"name="c""#, r#"name="c0""#),
            row(1, "a", 0),
            row(2, "a", 2),
            row(3, "b", 0),
            row(4, "c", 0),
            row(5, "c", 2)
        ),
    );
    // Of (b, 0): 3 in all, 1 and 4 in two of four, the others in one. Of equals the first.
    assert_eq!(score(&model, "c=b y=0"), "_target=null n1=3 n2=1 n3=4 n4=null");
    // Of (a, 1): 2 in all, 1 in three, 5 in two, the others in one.
    assert_eq!(score(&model, "c=a y=1"), "_target=null n1=2 n2=1 n3=5 n4=null");
}

#[test]
fn the_schema_tells_what_becomes_of_values_and_what_outputs_are() {
    let model = document(
        r#"<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedOpen" leftMargin="0"
        rightMargin="9"/><Value value="-1" property="missing"/></DataField>
        <DataField name="c" optype="categorical" dataType="string"><Value value="a"/></DataField>
        <DataField name="y" optype="categorical" dataType="string"/>"#,
        r#"<TreeModel functionName="classification"><MiningSchema><MiningField name="x" outliers="asExtremeValues" lowValue="1"
        highValue="5" missingValueReplacement="2"/><MiningField name="c" invalidValueTreatment="asValue"
        invalidValueReplacement="a" missingValueTreatment="returnInvalid"/><MiningField name="y" usageType="target"/>
        </MiningSchema><Output><OutputField name="p" feature="probability" value="n" dataType="double"/>
        <OutputField name="e" feature="entityId"/></Output><Node score="n"><True/><Node score="m"><SimplePredicate field="c"
        operator="equal" value="a"/></Node><Node score="n"><SimplePredicate field="x" operator="lessThan" value="1"/></Node>
        </Node></TreeModel>"#,
    );
    let model = load(model.as_bytes()).unwrap();
    let notes = |fields: &[serving_model::Field]| fields.iter().map(|field| field.notes.clone()).collect::<Vec<_>>();
    assert_eq!(
        notes(&model.schema().inputs),
        [
            "[0, 9); missing values: -1; missing: replaced by 2.0; outside 1 to 5: clamped",
            "missing: refused; invalid: replaced by a"
        ]
    );
    assert_eq!(notes(&model.schema().outputs), ["target", "probability of n", "entity"]);
}
