//! Models inside of models: in the nodes of a tree, and one after the other in a `MiningModel` without segments.

mod common;

use common::{document, score};

const FIELDS: &str = r#"<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="z" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>"#;

const SCHEMA: &str = r#"<MiningSchema><MiningField name="x"/><MiningField name="z"/>
<MiningField name="y" usageType="target"/></MiningSchema>"#;

fn equation(intercept: f64, coefficient: f64) -> String {
    format!(
        r#"<RegressionTable intercept="{intercept}"><NumericPredictor name="z" coefficient="{coefficient}"/></RegressionTable>"#
    )
}

/// The model in a node answers for it; without an answer of its own the node's score counts.
#[test]
fn a_node_answers_with_the_model_inside_it() {
    let nodes = format!(
        r#"<Node score="1"><True/><Node score="2"><SimplePredicate field="x" operator="lessOrEqual" value="0"/>
        <Regression functionName="regression">{}</Regression></Node><Node score="3"><True/><DecisionTree
        functionName="regression"><Node score="30"><SimplePredicate field="z" operator="greaterThan" value="5"/></Node>
        </DecisionTree></Node></Node>"#,
        equation(10.0, 2.0)
    );
    let tree = |inside: &str| {
        document(
            FIELDS,
            &format!(r#"<TreeModel functionName="regression">{SCHEMA}{inside}</TreeModel>"#),
        )
    };
    for (record, answer) in [
        ("x=0 z=3", "y=16"),
        ("x=0", "y=2"),
        ("x=1 z=6", "y=30"),
        ("x=1 z=4", "y=3"),
        ("x=1", "y=3"),
    ] {
        assert_eq!(score(&tree(&nodes), record), answer, "{record}");
    }
    // The same in a segment, where trees are lowered together.
    let boosted = document(
        FIELDS,
        &format!(
            r#"<MiningModel functionName="regression">{SCHEMA}<Segmentation multipleModelMethod="sum"><Segment><True/>
            <TreeModel functionName="regression">{SCHEMA}{nodes}</TreeModel></Segment><Segment><True/><TreeModel
            functionName="regression">{SCHEMA}<Node score="100"><True/></Node></TreeModel></Segment></Segmentation></MiningModel>"#
        ),
    );
    assert_eq!(score(&boosted, "x=0 z=3"), "y=116");
}

#[test]
fn a_class_comes_from_the_regression_in_the_node() {
    let model = document(
        &FIELDS.replace(
            r#""y" optype="continuous" dataType="double""#,
            r#""y" optype="categorical" dataType="string""#,
        ),
        &format!(
            r#"<TreeModel functionName="classification">{SCHEMA}<Output><OutputField name="p" feature="probability" value="b"
            dataType="double"/></Output><Node score="a"><True/><Regression functionName="classification"
            normalizationMethod="simplemax"><RegressionTable intercept="3" targetCategory="b"/><RegressionTable intercept="1"
            targetCategory="a"/></Regression></Node></TreeModel>"#
        ),
    );
    assert_eq!(score(&model, "x=0"), "y=b p=0.75");
}

/// The example of the specification: a regression makes a term, a tree decides by it. PMML4S names its answer so.
#[test]
fn a_sequence_hands_results_on() {
    let model = document(
        FIELDS,
        &format!(
            r#"<MiningModel functionName="regression">{SCHEMA}<Regression functionName="regression"><ResultField name="term"
            feature="predictedValue"/>{}</Regression><DecisionTree functionName="regression"><Node score="0"><True/>
            <Node score="32"><SimplePredicate field="term" operator="lessThan" value="42"/></Node>
            <Node score="78"><SimplePredicate field="term" operator="greaterOrEqual" value="42"/></Node></Node></DecisionTree>
            </MiningModel>"#,
            equation(2.0, 10.0)
        ),
    );
    assert_eq!(score(&model, "z=3"), "y=32 predicted_y=32");
    assert_eq!(score(&model, "z=4"), "y=78 predicted_y=78");
    assert_eq!(score(&model, ""), "y=null predicted_y=null");
}

#[test]
fn a_selection_is_a_tree_of_equations() {
    let leaf = |operator: &str, intercept: f64| {
        format!(
            r#"<Node score="0"><SimplePredicate field="x" operator="{operator}" value="50"/><Regression
            functionName="regression">{}</Regression></Node>"#,
            equation(intercept, 1.0)
        )
    };
    let model = document(
        FIELDS,
        &format!(
            r#"<MiningModel functionName="regression">{SCHEMA}<DecisionTree functionName="regression"><Node score="0"><True/>
            {}{}</Node></DecisionTree></MiningModel>"#,
            leaf("lessOrEqual", 1.0),
            leaf("greaterThan", 2.0)
        ),
    );
    assert_eq!(score(&model, "x=50 z=7"), "y=8 predicted_y=8");
    assert_eq!(score(&model, "x=51 z=7"), "y=9 predicted_y=9");
}
