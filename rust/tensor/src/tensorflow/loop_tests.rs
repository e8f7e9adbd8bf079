//! Loops written as a graph.

use serving_model::{ErrorCode, Limits};

use super::proto::attr_value::Value;
use super::testing::Draft;
use super::tests::floats;

/// Attributes of what enters a loop.
fn frame(name: &str, constant: bool) -> Vec<(&'static str, Value)> {
    vec![
        ("frame_name", Value::S(name.into())),
        ("is_constant", Value::B(constant)),
    ]
}

/// `while (n < limit) { n = n + 1; value = value * value }`
fn squaring(limit: f32) -> Draft {
    Draft::default()
        .placeholder("x", &[-1, 1])
        .floats("zero", &[], &[0.0])
        .floats("one", &[], &[1.0])
        .floats("limit", &[], &[limit])
        .with("Enter", "n/enter", &["zero"], &frame("loop", false))
        .with("Enter", "value/enter", &["x"], &frame("loop", false))
        .with("Enter", "limit/enter", &["limit"], &frame("loop", true))
        .with("Enter", "one/enter", &["one"], &frame("loop", true))
        .node("Merge", "n/merge", &["n/enter", "n/next"])
        .node("Merge", "value/merge", &["value/enter", "value/next"])
        .node("Less", "less", &["n/merge", "limit/enter"])
        .node("LoopCond", "condition", &["less"])
        .node("Switch", "n/switch", &["n/merge", "condition"])
        .node("Switch", "value/switch", &["value/merge", "condition"])
        .node("AddV2", "more", &["n/switch:1", "one/enter"])
        .node("Square", "squared", &["value/switch:1"])
        .node("NextIteration", "n/next", &["more"])
        .node("NextIteration", "value/next", &["squared"])
        .node("Exit", "y", &["value/switch"])
}

#[test]
fn a_loop_runs_as_long_as_its_condition_holds() {
    assert_eq!(floats(&squaring(3.0), &[2, 1], &[2.0, 1.0]), [256.0, 1.0]);
    assert_eq!(floats(&squaring(0.0), &[2, 1], &[2.0, 1.0]), [2.0, 1.0]);
}

#[test]
fn a_loop_without_end_is_stopped() {
    let endless = squaring(f32::INFINITY);
    let graph = super::read_graph(&endless.bytes(), &[], Limits::default()).unwrap();
    let mut budget = crate::run::Budget {
        steps: 1_000_000,
        ..crate::run::Budget::default()
    };
    let x = crate::array::Array::new(vec![1, 1], vec![1_f32]);
    let trouble = crate::run::run(&graph, &[x], &mut budget).unwrap_err();
    assert_eq!(trouble.code, ErrorCode::StepLimit);
}

/// `while (n < limit) { m = 0; while (m < n) { m = m + 1; value = value + value }; value = value + n; n = n + 1 }`
fn nested(limit: f32) -> Draft {
    Draft::default()
        .placeholder("x", &[-1, 1])
        .floats("zero", &[], &[0.0])
        .floats("one", &[], &[1.0])
        .floats("limit", &[], &[limit])
        .with("Enter", "n/enter", &["zero"], &frame("outer", false))
        .with("Enter", "value/enter", &["x"], &frame("outer", false))
        .with("Enter", "limit/enter", &["limit"], &frame("outer", true))
        .with("Enter", "zero/enter", &["zero"], &frame("outer", true))
        .with("Enter", "one/enter", &["one"], &frame("outer", true))
        .node("Merge", "n/merge", &["n/enter", "n/next"])
        .node("Merge", "value/merge", &["value/enter", "value/next"])
        .node("Less", "less", &["n/merge", "limit/enter"])
        .node("LoopCond", "condition", &["less"])
        .node("Switch", "n/switch", &["n/merge", "condition"])
        .node("Switch", "value/switch", &["value/merge", "condition"])
        .with("Enter", "m/enter", &["zero/enter"], &frame("inner", false))
        .with("Enter", "inner/enter", &["value/switch:1"], &frame("inner", false))
        .with("Enter", "bound/enter", &["n/switch:1"], &frame("inner", true))
        .with("Enter", "inner/one", &["one/enter"], &frame("inner", true))
        .node("Merge", "m/merge", &["m/enter", "m/next"])
        .node("Merge", "inner/merge", &["inner/enter", "inner/next"])
        .node("Less", "inner/less", &["m/merge", "bound/enter"])
        .node("LoopCond", "inner/condition", &["inner/less"])
        .node("Switch", "m/switch", &["m/merge", "inner/condition"])
        .node("Switch", "inner/switch", &["inner/merge", "inner/condition"])
        .node("AddV2", "m/more", &["m/switch:1", "inner/one"])
        .node("AddV2", "doubled", &["inner/switch:1", "inner/switch:1"])
        .node("NextIteration", "m/next", &["m/more"])
        .node("NextIteration", "inner/next", &["doubled"])
        .node("Exit", "inner/exit", &["inner/switch"])
        .node("AddV2", "total", &["inner/exit", "n/switch:1"])
        .node("AddV2", "more", &["n/switch:1", "one/enter"])
        .node("NextIteration", "n/next", &["more"])
        .node("NextIteration", "value/next", &["total"])
        .node("Exit", "y", &["value/switch"])
}

#[test]
fn a_loop_in_a_loop_starts_anew_each_time() {
    assert_eq!(floats(&nested(0.0), &[2, 1], &[1.0, 2.0]), [1.0, 2.0]);
    assert_eq!(floats(&nested(1.0), &[2, 1], &[1.0, 2.0]), [1.0, 2.0]);
    assert_eq!(floats(&nested(2.0), &[2, 1], &[1.0, 2.0]), [3.0, 5.0]);
    assert_eq!(floats(&nested(3.0), &[2, 1], &[1.0, 2.0]), [14.0, 22.0]);
}
