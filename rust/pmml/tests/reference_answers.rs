//! Small documents with the answers of JPMML-Evaluator 1.7.7, where PMML4S or the specification agree with it.
#![allow(clippy::unwrap_used, clippy::format_collect)]

mod common;

use common::fields::{X, category, check, number, output, schema};
use common::{document, score};

#[test]
fn neighbours_answer_for_several_targets() {
    let rows: String = [
        ("A", 0, 1, "p"),
        ("B", 1, 2, "q"),
        ("C", 2, 4, "q"),
        ("D", 3, 8, "r"),
        ("E", 9, 16, "r"),
    ]
    .iter()
    .map(|(id, x, y, z)| format!("<row><i>{id}</i><x>{x}</x><y>{y}</y><z>{z}</z></row>"))
    .collect();
    let fields = format!("{X}{}{}", number("y"), category("z", "categorical", ""));
    let instances: String = ["i", "x", "y", "z"]
        .map(|name| format!(r#"<InstanceField field="{name}" column="{name}"/>"#))
        .concat();
    for (targets, first, second) in [("y z", "y", "z"), ("z y", "z", "y")] {
        let model = document(
            &fields,
            &format!(
                r#"<NearestNeighborModel functionName="mixed" numberOfNeighbors="3" instanceIdVariable="i">{}{}
                <TrainingInstances isTransformed="true"><InstanceFields>{instances}</InstanceFields><InlineTable>{rows}
                </InlineTable></TrainingInstances><ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
                <KNNInputs><KNNInput field="x"/></KNNInputs></NearestNeighborModel>"#,
                schema(targets),
                output(&["py predictedValue - y", "pz predictedValue - z", "e entityId - z"]),
            ),
        );
        for (x, y, z, entity) in [
            ("0", "2.3333333333333335", "q", "A"),
            ("2.2", "4.666666666666667", "q", "C"),
            ("8", "9.333333333333334", "r", "E"),
        ] {
            let (a, b) = if first == "y" { (y, z) } else { (z, y) };
            let expected = format!("{first}={a} {second}={b} py={y} pz={z} e={entity}");
            check(&model, &format!("x={x}"), &expected);
        }
    }
}

const HIDDEN: &str = r#"<NeuralInputs><NeuralInput id="0"><DerivedField optype="continuous" dataType="double">
    <FieldRef field="x"/></DerivedField></NeuralInput></NeuralInputs><NeuralLayer><Neuron id="1" bias="0.5">
    <Con from="0" weight="1"/></Neuron><Neuron id="2"><Con from="0" weight="-2"/></Neuron></NeuralLayer>"#;

/// A network with two hidden neurons; the last layer has neurons 3, 4, ... with bias and two weights.
fn network(attributes: &str, targets: &str, output: &str, layer: (&str, &[[f64; 3]]), outputs: &[&str]) -> String {
    let neurons: String = (3..)
        .zip(layer.1)
        .map(|(id, [bias, first, second])| {
            format!(
                r#"<Neuron id="{id}" bias="{bias}"><Con from="1" weight="{first}"/><Con from="2" weight="{second}"/></Neuron>"#
            )
        })
        .collect();
    let outputs: String = (3..)
        .zip(outputs)
        .map(|(id, expression)| {
            format!(
                r#"<NeuralOutput outputNeuron="{id}"><DerivedField optype="continuous" dataType="double">{expression}
                </DerivedField></NeuralOutput>"#
            )
        })
        .collect();
    format!(
        r#"<NeuralNetwork {attributes} activationFunction="tanh">{}{output}{HIDDEN}<NeuralLayer activationFunction="{}">
        {neurons}</NeuralLayer><NeuralOutputs>{outputs}</NeuralOutputs></NeuralNetwork>"#,
        schema(targets),
        layer.0
    )
}

const TWO: &[[f64; 3]] = &[[1.0, 1.0, 0.5], [0.0, -1.0, 2.0]];

#[test]
fn a_network_answers_for_several_targets() {
    let numbers = document(
        &format!("{X}{}{}", number("y"), number("v")),
        &network(
            r#"functionName="regression""#,
            "y v",
            &output(&["pv predictedValue - v"]),
            ("identity", TWO),
            &[
                r#"<FieldRef field="y"/>"#,
                r#"<NormContinuous field="v"><LinearNorm orig="0" norm="-9"/><LinearNorm orig="10" norm="1"/></NormContinuous>"#,
            ],
        ),
    );
    check(
        &numbers,
        "x=0",
        "y=1.4621171572600098 v=8.53788284273999 pv=8.53788284273999",
    );
    check(
        &numbers,
        "x=1",
        "y=1.4231344636069578 v=6.1667965862035 pv=6.1667965862035",
    );
    let classes = document(
        &format!(
            "{X}{}{}",
            category("z", "categorical", "p q"),
            category("w", "categorical", "s t")
        ),
        &network(
            r#"functionName="classification""#,
            "z w",
            &output(&["ps probability s w", "pp probability p z"]),
            (
                "logistic",
                &[[1.0, 1.0, 0.5], [0.0, -1.0, 2.0], [0.2, 0.3, 0.4], [-0.2, 1.0, -1.0]],
            ),
            &[("z", "p"), ("z", "q"), ("w", "s"), ("w", "t")]
                .map(|(field, value)| format!(r#"<NormDiscrete field="{field}" value="{value}"/>"#))
                .each_ref()
                .map(String::as_str),
        ),
    );
    check(&classes, "x=0", "z=p w=s ps=0.583858945817689 pp=0.8118562749129378");
    check(&classes, "x=-1", "z=q w=s ps=0.6099199833741871 pp=0.7349524642956881");
}

/// The normalisation of a network is that of each layer without its own.
#[test]
fn the_normalization_of_a_network_is_that_of_hidden_layers_too() {
    let model = document(
        &format!("{X}{}", category("z", "categorical", "p q")),
        &network(
            r#"functionName="classification" normalizationMethod="softmax""#,
            "z",
            &output(&["pp probability p"]),
            ("identity", TWO),
            &[
                r#"<NormDiscrete field="z" value="p"/>"#,
                r#"<NormDiscrete field="z" value="q"/>"#,
            ],
        ),
    );
    check(&model, "x=0", "z=p pp=0.8385267603666938");
    check(&model, "x=1", "z=p pp=0.926373337286642");
}

fn three_classes(optype: &str, targets: &str, method: &str) -> String {
    let tables: String = [("a", 0.25, 1), ("b", 0.5, 1), ("c", 0.0, 0)]
        .map(|(class, intercept, weight)| {
            format!(
                r#"<RegressionTable intercept="{intercept}" targetCategory="{class}"><NumericPredictor name="x"
                coefficient="{weight}"/></RegressionTable>"#
            )
        })
        .concat();
    document(
        &format!("{X}{}", category("y", optype, "a b c")),
        &format!(
            r#"<RegressionModel functionName="classification" normalizationMethod="{method}">{}{}{targets}{tables}
            </RegressionModel>"#,
            schema("y"),
            output(&["pa probability a", "pb probability b", "pc probability c"]),
        ),
    )
}

#[test]
fn cumulative_shares_stay_within_the_whole() {
    let model = three_classes("ordinal", "", "none");
    check(&model, "x=0", "y=c pa=0.25 pb=0.25 pc=0.5");
    check(&model, "x=0.6", "y=a pa=0.85 pb=0.15000000000000002 pc=0");
    check(&model, "x=-1", "y=c pa=0 pb=0 pc=1");
}

#[test]
fn targets_say_whether_the_target_is_ordinal() {
    let target = r#"<Targets><Target field="y" optype="categorical"/></Targets>"#;
    check(
        &three_classes("ordinal", target, "logit"),
        "x=0",
        "y=b pa=0.33370802768045815 pb=0.3694919218419353 pc=0.29680005047760655",
    );
}

/// Exporters round probabilities: they are shares of their sum. Confidences are taken as they are.
#[test]
fn a_leaf_gives_probabilities_and_confidences() {
    let model = document(
        &format!("{X}{}", category("y", "categorical", "")),
        &format!(
            r#"<TreeModel functionName="classification">{}{}<Node score="a"><True/><ScoreDistribution value="a" recordCount="5"
            probability="0.6" confidence="0.7"/><ScoreDistribution value="b" recordCount="3" probability="0.2"
            confidence="0.1"/></Node></TreeModel>"#,
            schema("y"),
            output(&[
                "pa probability a",
                "pb probability b",
                "c confidence",
                "cb confidence b"
            ]),
        ),
    );
    check(&model, "x=0", "y=a pa=0.75 pb=0.25 c=0.7 cb=0.1");
}

#[test]
fn each_class_has_the_confidence_of_its_own_rules() {
    let rules: String = [
        ("r1", "a", 0.3, 0.9, 0),
        ("r2", "b", 0.5, 0.6, 0),
        ("r3", "b", 0.4, 0.8, 1),
        ("r4", "a", 0.1, 0.7, 2),
    ]
    .map(|(id, class, weight, confidence, bound)| {
        format!(
            r#"<SimpleRule id="{id}" score="{class}" weight="{weight}" confidence="{confidence}"><SimplePredicate field="x"
            operator="greaterThan" value="{bound}"/></SimpleRule>"#
        )
    })
    .concat();
    let with = |criterion: &str| {
        document(
            &format!("{X}{}", category("y", "categorical", "")),
            &format!(
                r#"<RuleSetModel functionName="classification">{}{}<RuleSet defaultScore="b" defaultConfidence="0.1">
                <RuleSelectionMethod criterion="{criterion}"/>{rules}</RuleSet></RuleSetModel>"#,
                schema("y"),
                output(&["c confidence", "ca confidence a", "cb confidence b", "e entityId"]),
            ),
        )
    };
    check(&with("firstHit"), "x=-1", "y=b c=0.1 ca=0 cb=0.1 e=null");
    check(&with("firstHit"), "x=3", "y=a c=0.9 ca=0.9 cb=0.6 e=r1");
    check(&with("weightedSum"), "x=0.5", "y=b c=0.25 ca=0.15 cb=0.25 e=r2");
    check(&with("weightedSum"), "x=3", "y=b c=0.225 ca=0.1 cb=0.225 e=r2");
    // The specification: the rule with the highest weight. The reference tool takes the class with the highest confidence.
    check(&with("weightedMax"), "x=3", "y=b c=0.6 ca=0.9 cb=0.6 e=r2");
}

#[test]
fn of_classes_with_as_many_votes_of_machines_the_first_voted_for_wins() {
    let machines: String = [("a", "b", 1), ("a", "c", -1), ("b", "c", 1)]
        .map(|(target, alternate, weight)| {
            format!(
                r#"<SupportVectorMachine targetCategory="{target}" alternateTargetCategory="{alternate}"><SupportVectors>
                <SupportVector vectorId="v"/></SupportVectors><Coefficients absoluteValue="0"><Coefficient value="{weight}"/>
                </Coefficients></SupportVectorMachine>"#
            )
        })
        .concat();
    let model = document(
        &format!("{X}{}", category("y", "categorical", "a b c")),
        &format!(
            r#"<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne">{}
            <LinearKernelType/><VectorDictionary><VectorFields><FieldRef field="x"/></VectorFields><VectorInstance id="v">
            <Array type="real" n="1">1</Array></VectorInstance></VectorDictionary>{machines}</SupportVectorMachineModel>"#,
            schema("y"),
        ),
    );
    check(&model, "x=1", "y=b");
    check(&model, "x=-1", "y=a");
}

#[test]
fn the_threshold_of_naive_bayes_stands_for_no_count_at_all() {
    let counts: String = [("1", 1, 5), ("2", 9, 0), ("3", 0, 5)]
        .map(|(value, a, b)| {
            format!(
                r#"<PairCounts value="{value}"><TargetValueCounts><TargetValueCount value="a" count="{a}"/>
                <TargetValueCount value="b" count="{b}"/></TargetValueCounts></PairCounts>"#
            )
        })
        .concat();
    let model = document(
        &format!(
            r#"<DataField name="x" optype="categorical" dataType="integer"/>{}"#,
            category("y", "categorical", "")
        ),
        &format!(
            r#"<NaiveBayesModel functionName="classification" threshold="0.2">{}{}<BayesInputs><BayesInput fieldName="x">
            {counts}</BayesInput></BayesInputs><BayesOutput fieldName="y"><TargetValueCounts><TargetValueCount value="a"
            count="10"/><TargetValueCount value="b" count="10"/></TargetValueCounts></BayesOutput></NaiveBayesModel>"#,
            schema("y"),
            output(&["pa probability a"]),
        ),
    );
    check(&model, "x=1", "y=b pa=0.16666666666666669");
    check(&model, "x=2", "y=a pa=0.8181818181818181");
    check(&model, "x=3", "y=b pa=0.28571428571428575");
}

#[test]
fn an_output_reads_the_observed_target() {
    let model = document(
        &format!("{X}{}", number("y")),
        &format!(
            r#"<RegressionModel functionName="regression">{}<Output><OutputField name="p" feature="predictedValue"/>
            <OutputField name="o" feature="transformedValue" dataType="double"><Apply function="-"><FieldRef field="p"/>
            <FieldRef field="y"/></Apply></OutputField></Output><RegressionTable intercept="1"><NumericPredictor name="x"
            coefficient="2"/></RegressionTable></RegressionModel>"#,
            schema("y")
        ),
    );
    check(&model, "x=1 y=2.5", "y=3 p=3 o=0.5");
    check(&model, "x=1", "y=3 p=3 o=null");
}

#[test]
fn an_invalid_value_is_replaced_where_a_missing_one_is_refused() {
    let model = document(
        &format!(
            r#"<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedClosed" leftMargin="0"
            rightMargin="9"/></DataField>{}"#,
            number("y")
        ),
        r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x" invalidValueTreatment="asMissing"
        missingValueTreatment="returnInvalid" missingValueReplacement="5"/><MiningField name="y" usageType="target"/>
        </MiningSchema><RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
        </RegressionModel>"#,
    );
    check(&model, "x=1", "y=3");
    check(&model, "x=11", "y=11");
    assert_eq!(score(&model, ""), "FIELD_MISSING: field 'x' has no value");
}

#[test]
fn children_taken_by_default_cost_confidence() {
    let node = |id: u32, default: &str, predicate: &str, confidences: [f64; 2], children: &str| {
        format!(
            r#"<Node id="{id}" score="a"{default}>{predicate}<ScoreDistribution value="a" recordCount="3" confidence="{}"/>
            <ScoreDistribution value="b" recordCount="1" confidence="{}"/>{children}</Node>"#,
            confidences[0], confidences[1]
        )
    };
    let test =
        |field: &str, operator: &str| format!(r#"<SimplePredicate field="{field}" operator="{operator}" value="0"/>"#);
    let leaves = node(3, "", &test("z", "lessThan"), [0.9, 0.1], "")
        + &node(4, "", &test("z", "greaterOrEqual"), [0.6, 0.1], "");
    let inner = node(1, r#" defaultChild="3""#, &test("x", "lessThan"), [0.8, 0.2], &leaves)
        + &node(2, "", &test("x", "greaterOrEqual"), [0.5, 0.5], "");
    let model = document(
        &format!("{X}{}{}", number("z"), category("y", "categorical", "")),
        &format!(
            r#"<TreeModel functionName="classification" missingValueStrategy="defaultChild" missingValuePenalty="0.5">
            <MiningSchema><MiningField name="x"/><MiningField name="z"/><MiningField name="y" usageType="target"/></MiningSchema>
            {}{}</TreeModel>"#,
            output(&["c confidence", "cb confidence b", "pa probability a"]),
            node(0, r#" defaultChild="1""#, "<True/>", [0.7, 0.3], &inner),
        ),
    );
    check(&model, "x=-1 z=-1", "y=a c=0.9 cb=0.1 pa=0.75");
    check(&model, "z=-1", "y=a c=0.45 cb=0.05 pa=0.75");
    check(&model, "x=-1", "y=a c=0.45 cb=0.05 pa=0.75");
    check(&model, "", "y=a c=0.225 cb=0.025 pa=0.75");
}

/// As many neighbours are of two classes: that with more instances wins, of those the least value.
#[test]
fn a_tie_among_neighbours_goes_to_the_larger_class_then_to_the_least_value() {
    let with = |kind: &str, points: &[(f64, &str)]| {
        let rows: String = points
            .iter()
            .map(|(x, z)| format!("<row><x>{x}</x><z>{z}</z></row>"))
            .collect();
        document(
            &format!(r#"{X}<DataField name="z" optype="categorical" dataType="{kind}"/>"#),
            &format!(
                r#"<NearestNeighborModel functionName="classification" numberOfNeighbors="2">{}<TrainingInstances
                isTransformed="true"><InstanceFields><InstanceField field="x" column="x"/><InstanceField field="z" column="z"/>
                </InstanceFields><InlineTable>{rows}</InlineTable></TrainingInstances><ComparisonMeasure kind="distance">
                <euclidean/></ComparisonMeasure><KNNInputs><KNNInput field="x"/></KNNInputs></NearestNeighborModel>"#,
                schema("z"),
            ),
        )
    };
    check(&with("string", &[(0.0, "b"), (1.0, "a"), (9.0, "b")]), "x=0", "z=b");
    check(&with("string", &[(0.0, "b"), (1.0, "a")]), "x=0", "z=a");
    check(&with("string", &[(0.0, "10"), (1.0, "9")]), "x=0", "z=10");
    check(&with("integer", &[(0.0, "10"), (1.0, "9")]), "x=0", "z=9");
}

#[test]
fn outputs_are_computed_from_a_value_of_the_targets_type() {
    for (kind, context, answers) in [
        (
            "float",
            "",
            [
                "y=0.2139 p=0.2139 d=0.2139 t=1.2138999700546265",
                "y=0.2967 p=0.2967 d=0.2967 t=1.2967000007629395",
            ],
        ),
        (
            "double",
            r#"x-mathContext="float""#,
            [
                "y=0.21389999985694885 p=0.21389999985694885 d=0.21389999985694885 t=1.2138999998569489",
                "y=0.29670000076293945 p=0.29670000076293945 d=0.29670000076293945 t=1.2967000007629395",
            ],
        ),
    ] {
        let model = document(
            &format!(r#"{X}<DataField name="y" optype="continuous" dataType="{kind}"/>"#),
            &format!(
                r#"<RegressionModel functionName="regression" {context}>{}<Output><OutputField name="p" feature="predictedValue"/>
                <OutputField name="d" feature="predictedDisplayValue" dataType="string"/><OutputField name="t"
                feature="transformedValue" dataType="double"><Apply function="+"><FieldRef field="p"/><Constant>1</Constant>
                </Apply></OutputField></Output><Targets><Target field="y" rescaleFactor="0.69"/></Targets>
                <RegressionTable intercept="0.1"><NumericPredictor name="x" coefficient="0.3"/></RegressionTable>
                </RegressionModel>"#,
                schema("y")
            ),
        );
        for (record, answer) in ["x=0.7", "x=1.1"].into_iter().zip(answers) {
            assert_eq!(score(&model, record), answer, "{kind} {record}");
        }
    }
}
