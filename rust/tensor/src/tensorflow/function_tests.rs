//! Functions, the control flow made of them, and branches written as a graph.

use serving_model::{ErrorCode, TensorData};

use super::proto::DataType;
use super::proto::attr_value::{ListValue, Value};
use super::testing::{Draft, function};
use super::tests::{call, floats, load, refused};

fn calls(name: &str) -> [(&str, Value); 2] {
    let types = Value::List(ListValue {
        r#type: vec![DataType::DtFloat.into()],
        ..ListValue::default()
    });
    [("f", function(name)), ("Tout", types)]
}

/// `f(a, b) = (a - b, a)`
fn with_difference(draft: Draft) -> Draft {
    let body = Draft::default().node("Sub", "minus", &["a", "b"]);
    draft.function("f", &["a", "b"], body, &[("difference", "minus:z:0"), ("same", "a")])
}

#[test]
fn calls_are_what_their_functions_compute() {
    let draft = with_difference(Draft::default())
        .placeholder("x", &[-1])
        .floats("one", &[], &[1.0])
        .with("PartitionedCall", "called", &["x", "one"], &calls("f"))
        .node("f", "again", &["called", "called:1"])
        .node("Neg", "y", &["again"]);
    // x - 1 less x, negated
    assert_eq!(floats(&draft, &[2], &[5.0, 7.0]), [1.0, 1.0]);
}

#[test]
fn functions_call_functions_and_pick_the_outputs_by_name() {
    let body =
        Draft::default()
            .node("f", "inner", &["a", "a"])
            .node("AddV2", "sum", &["inner:same:0", "inner:difference:0"]);
    let draft = with_difference(Draft::default())
        .function("g", &["a"], body, &[("out", "sum:z:0")])
        .placeholder("x", &[-1])
        .node("g", "y", &["x"]);
    assert_eq!(floats(&draft, &[2], &[5.0, 7.0]), [5.0, 7.0]);
    assert!(load(&draft).unwrap().schema().outputs[0].name == "y:0");
}

#[test]
fn attributes_of_the_call_reach_the_nodes() {
    let body = Draft::default().with("Cast", "cast", &["a"], &[("DstT", Value::Placeholder("T".to_owned()))]);
    let draft = Draft::default()
        .function("f", &["a"], body, &[("out", "cast:y:0")])
        .placeholder("x", &[-1])
        .with("f", "y", &["x"], &[("T", Value::Type(DataType::DtInt32.into()))]);
    assert_eq!(
        call(&draft, &[2], &[1.5, -2.5]).unwrap()[0].1.data,
        TensorData::Long(vec![1, -2])
    );
}

#[test]
fn functions_that_are_missing_are_all_named() {
    let draft = Draft::default()
        .placeholder("x", &[2])
        .with("PartitionedCall", "a", &["x"], &calls("ghost"))
        .with("StatefulPartitionedCall", "b", &["a"], &calls("shade"));
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelInvalid);
    assert!(message.contains("'shade' of node 'b'"), "{message}");
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let draft = Draft::default()
        .function(
            "f",
            &["a"],
            Draft::default().node("g", "n", &["a"]),
            &[("out", "n:out:0")],
        )
        .function(
            "g",
            &["a"],
            Draft::default().node("f", "n", &["a"]),
            &[("out", "n:out:0")],
        )
        .placeholder("x", &[2])
        .node("f", "y", &["x"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert_eq!(message, "node 'n': function 'f' calls itself");
}

#[test]
fn arguments_and_references_that_do_not_fit_are_refused() {
    let few = with_difference(Draft::default())
        .placeholder("x", &[2])
        .node("f", "y", &["x"]);
    assert_eq!(
        refused(&few).1,
        "node 'y': function 'f' has 2 arguments, the call gives 1"
    );
    let dangling = Draft::default()
        .function(
            "f",
            &["a"],
            Draft::default().node("Neg", "n", &["ghost:y:0"]),
            &[("out", "n:y:0")],
        )
        .placeholder("x", &[2])
        .node("f", "y", &["x"]);
    let (code, message) = refused(&dangling);
    assert_eq!(code, ErrorCode::ModelInvalid);
    assert_eq!(
        message,
        "inputs that no node has: 'ghost:y:0' of node 'n' of function 'f'"
    );
    let no_result = Draft::default()
        .function("f", &["a"], Draft::default(), &[("out", "nobody:y:0")])
        .placeholder("x", &[2])
        .node("f", "y", &["x"]);
    assert!(
        refused(&no_result)
            .1
            .contains("'nobody:y:0' for output 'out' of function 'f'")
    );
    let no_output = with_difference(Draft::default())
        .placeholder("x", &[2])
        .node("f", "z", &["x", "x"])
        .node("Neg", "y", &["z:2"]);
    assert_eq!(refused(&no_output).1, "node 'z': f has no output 2");
    let circle = Draft::default()
        .function("f", &["a"], Draft::default(), &[("out", "a")])
        .node("f", "z", &["z"])
        .node("Neg", "y", &["z"]);
    assert_eq!(refused(&circle).1, "node 'z': the node depends on itself");
}

#[test]
fn expansion_beyond_all_bounds_is_refused() {
    // Long names count as several nodes; without them the limit takes two million nodes to reach.
    let name = |level: usize| format!("f{level}{}", "_".repeat(50_000));
    let mut draft = Draft::default();
    for level in 0..40 {
        let next = name(level + 1);
        let body = Draft::default()
            .node(&next, "left", &["a"])
            .node(&next, "right", &["a"])
            .node("AddV2", "sum", &["left:out:0", "right:out:0"]);
        draft = draft.function(&name(level), &["a"], body, &[("out", "sum:z:0")]);
    }
    let last = Draft::default().node("Neg", "n", &["a"]);
    let draft = draft
        .function(&name(40), &["a"], last, &[("out", "n:y:0")])
        .placeholder("x", &[2])
        .node(&name(0), "y", &["x"]);
    assert_eq!(refused(&draft).0, ErrorCode::ModelTooLarge);

    let mut deep = Draft::default();
    for level in 0..100 {
        let body = Draft::default().node(&format!("f{}", level + 1), "n", &["a"]);
        deep = deep.function(&format!("f{level}"), &["a"], body, &[("out", "n:out:0")]);
    }
    let last = Draft::default().node("Neg", "n", &["a"]);
    let deep = deep
        .function("f100", &["a"], last, &[("out", "n:y:0")])
        .placeholder("x", &[2])
        .node("f0", "y", &["x"]);
    let (code, message) = refused(&deep);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert!(message.contains("nested more than 64 deep"), "{message}");
}

#[test]
fn unknown_operators_are_named_with_their_functions() {
    let body = Draft::default().node("PyFunc", "p", &["a"]);
    let draft = Draft::default()
        .function("f", &["a"], body, &[("out", "p:output:0")])
        .placeholder("x", &[2])
        .node("f", "a", &["x"])
        .node("Fft3000", "y", &["a"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert_eq!(
        message,
        "operators that are not supported: Fft3000 (node 'y'), PyFunc (node 'p' of function 'f')"
    );
}

#[test]
fn functions_that_assign_to_variables_are_refused() {
    let body = Draft::default().node("AssignAddVariableOp", "count", &["a", "a"]);
    let draft = Draft::default()
        .function("f", &["a"], body, &[("out", "a")])
        .placeholder("x", &[2])
        .node("f", "y", &["x"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert!(
        message.contains("AssignAddVariableOp (node 'count' of function 'f')"),
        "{message}"
    );
}

#[test]
fn a_while_loop_of_functions_runs_as_long_as_its_condition_holds() {
    let condition = Draft::default()
        .floats("limit", &[], &[3.0])
        .node("Less", "less", &["n", "limit:output:0"]);
    let body = Draft::default()
        .floats("one", &[], &[1.0])
        .node("AddV2", "more", &["n", "one:output:0"])
        .node("Mul", "product", &["value", "factor"]);
    let names = &["n", "value", "factor"];
    let results = &[("n", "more:z:0"), ("value", "product:z:0"), ("factor", "factor")];
    let draft = Draft::default()
        .function("condition", names, condition, &[("out", "less:z:0")])
        .function("body", names, body, results)
        .placeholder("x", &[-1])
        .floats("zero", &[], &[0.0])
        .floats("two", &[], &[2.0])
        .with(
            "StatelessWhile",
            "loop",
            &["zero", "x", "two"],
            &[("cond", function("condition")), ("body", function("body"))],
        )
        .node("Identity", "y", &["loop:1"]);
    assert_eq!(floats(&draft, &[2], &[1.0, 5.0]), [8.0, 40.0]);
}

/// Twice the input, and its negative.
fn two_branches(draft: Draft) -> Draft {
    let double = Draft::default().node("AddV2", "sum", &["a", "a"]);
    let negative = Draft::default().node("Neg", "minus", &["a"]);
    draft
        .function("double", &["a"], double, &[("out", "sum:z:0")])
        .function("negative", &["a"], negative, &[("out", "minus:y:0")])
        .placeholder("x", &[1])
        .floats("zero", &[1], &[0.0])
}

#[test]
fn the_branch_that_the_condition_chooses_is_evaluated() {
    let draft = two_branches(Draft::default())
        .floats("scalar", &[], &[0.0])
        .integers("axis", &[1], &[0])
        .node("Sum", "sum", &["x", "axis"])
        .node("Greater", "positive", &["sum", "scalar"])
        .with(
            "If",
            "y",
            &["positive", "x"],
            &[
                ("then_branch", function("double")),
                ("else_branch", function("negative")),
                ("Tout", calls("").into_iter().nth(1).unwrap().1),
            ],
        );
    assert_eq!(floats(&draft, &[1], &[3.0]), [6.0]);
    assert_eq!(floats(&draft, &[1], &[-3.0]), [3.0]);
}

#[test]
fn a_case_beyond_the_last_branch_is_the_last_branch() {
    let branches = Value::List(ListValue {
        func: ["double", "negative"]
            .into_iter()
            .map(|name| match function(name) {
                Value::Func(list) => list,
                other => panic!("{other:?}"),
            })
            .collect(),
        ..ListValue::default()
    });
    for (index, expected) in [(0, 6.0), (1, -3.0), (7, -3.0), (-1, -3.0)] {
        let types = calls("").into_iter().nth(1).unwrap();
        let draft = two_branches(Draft::default()).integers("index", &[], &[index]).with(
            "Case",
            "y",
            &["index", "x"],
            &[("branches", branches.clone()), types],
        );
        assert_eq!(floats(&draft, &[1], &[3.0]), [expected], "{index}");
    }
}

/// `if x > 0 { x + x } else if x < -10 { 7 } else { -x }`, with `Switch` and `Merge`.
fn switched() -> Draft {
    Draft::default()
        .placeholder("x", &[])
        .floats("zero", &[], &[0.0])
        .floats("low", &[], &[-10.0])
        .node("Greater", "positive", &["x", "zero"])
        .node("Switch", "s", &["x", "positive"])
        .node("AddV2", "double", &["s:1", "s:1"])
        .node("Less", "far", &["s", "low"])
        .node("Identity", "same", &["far"])
        .node("Switch", "inner", &["s", "same"])
        .node("Switch", "pivot", &["far", "same"])
        .node("Identity", "pivot/true", &["pivot:1"])
        .with(
            "Const",
            "seven",
            &["^pivot/true"],
            &[(
                "value",
                Value::Tensor(super::proto::TensorProto {
                    dtype: DataType::DtFloat.into(),
                    tensor_shape: Some(super::proto::TensorShapeProto::default()),
                    float_val: vec![7.0],
                    ..Default::default()
                }),
            )],
        )
        .node("Neg", "minus", &["inner"])
        .node("Merge", "else", &["minus", "seven"])
        .node("Merge", "all", &["else", "double"])
        .node("Identity", "y", &["all"])
}

#[test]
fn switch_and_merge_outside_of_loops_are_branches() {
    for (x, expected) in [(3.0, 6.0), (-3.0, 3.0), (-30.0, 7.0)] {
        assert_eq!(floats(&switched(), &[], &[x]), [expected]);
    }
}

#[test]
fn a_merge_that_no_condition_decides_is_not_supported() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 1])
        .node("Neg", "a", &["x"])
        .node("Merge", "y", &["x", "a"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert!(message.contains("Merge (node 'y')"), "{message}");
}

#[test]
fn tables_are_filled_by_the_nodes_that_initialize_them() {
    let find = |keys: &str| {
        Draft::default()
            .placeholder("x", &[1])
            .texts("keys", &["a", "b"])
            .floats("values", &[2], &[1.5, 2.5])
            .texts("asked", &["b", "c"])
            .floats("none", &[], &[-1.0])
            .node("HashTableV2", "table", &[])
            .node("InitializeTableV2", "fill", &["table", keys, "values"])
            .node("LookupTableFindV2", "found", &["table", "asked", "none"])
            .node("AddV2", "y", &["found", "x"])
    };
    assert_eq!(floats(&find("keys"), &[1], &[0.0]), [2.5, -1.0]);
    assert_eq!(refused(&find("x")).0, ErrorCode::ModelInvalid);
}

#[test]
fn a_table_that_nothing_fills_is_refused() {
    let draft = Draft::default()
        .texts("asked", &["b"])
        .floats("none", &[], &[-1.0])
        .node("HashTableV2", "table", &[])
        .node("LookupTableFindV2", "y", &["table", "asked", "none"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert!(message.contains("nothing fills the lookup table 'table'"), "{message}");
}
