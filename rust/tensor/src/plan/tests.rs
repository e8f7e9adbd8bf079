//! Plans answer what the interpreter answers, whose operators are tested against the cases of others.

mod convolutions;
mod images;
mod lines;

use super::compile;
use crate::array::{Array, DType};
use crate::graph::{self, Binary, Graph, Input, Node, Op, SliceMasks, Value};
use crate::maker::Maker;
use crate::ops::normalization::Normalization;
use crate::ops::spatial::{Padding, Window};
use crate::ops::{Move, Spatial};
use crate::run::{Budget, run};
use crate::score::call;

/// Numbers that look random and are the same in every run.
fn numbers(shape: &[usize]) -> Array {
    let mut state = 7_u64 + shape.iter().sum::<usize>() as u64;
    let values = (0..shape.iter().product()).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
    });
    Array::new(shape.to_vec(), values.collect::<Vec<f32>>())
}

/// A graph of one input with rows of this shape.
fn drawn(row: &[usize], draw: impl FnOnce(&mut Maker<'_>, Value) -> Value) -> Graph {
    let mut nodes: Vec<Node> = Vec::new();
    let mut nothing = None;
    let mut maker = Maker::new(&mut nodes, &mut nothing, "node", "Node");
    let input = maker.one(Op::Input(0), &[]);
    let output = draw(&mut maker, input);
    let shape = std::iter::once(None).chain(row.iter().map(|axis| Some(*axis)));
    let mut graph = Graph {
        nodes,
        inputs: vec![Input {
            name: "x".to_owned(),
            dtype: Some(DType::F32),
            shape: Some(shape.collect()),
            ..Input::default()
        }],
        outputs: vec![("y".to_owned(), output)],
        freed: Vec::new(),
    };
    graph.find_last_uses();
    graph
}

/// Compares all rows of a batch, which is larger than a tile.
fn check(what: &str, row: &[usize], draw: impl FnOnce(&mut Maker<'_>, Value) -> Value) {
    let graph = drawn(row, draw);
    let plan = compile::<f32>(&graph).unwrap_or_else(|| panic!("{what} is not compiled"));
    let shape: Vec<usize> = std::iter::once(67).chain(row.iter().copied()).collect();
    let inputs = [numbers(&shape)];
    let wanted = run(&graph, &inputs, &mut Budget::default()).unwrap().swap_remove(0);
    let answer = call(&plan, &inputs).unwrap().swap_remove(0);
    assert_eq!(answer.shape, wanted.shape, "{what}");
    let pairs = answer.view::<f32>().unwrap().iter().zip(wanted.view::<f32>().unwrap());
    for (n, (answer, wanted)) in pairs.enumerate() {
        assert!(
            (answer - wanted).abs() <= 1e-5 * wanted.abs().max(1.0),
            "{what}: {answer} instead of {wanted} at {n}"
        );
    }
}

fn flat(maker: &mut Maker<'_>, value: Value) -> Value {
    maker.one(Op::Move(Move::Flatten { axis: 1 }), &[value])
}

/// Per-channel normalisation, as ONNX has it.
fn normalised(maker: &mut Maker<'_>, x: Value, channels: usize) -> Value {
    let variance = numbers(&[channels])
        .view::<f32>()
        .unwrap()
        .iter()
        .map(|x| x.abs() + 0.5)
        .collect::<Vec<_>>();
    let parameters = [
        numbers(&[channels]),
        numbers(&[channels]),
        numbers(&[channels]),
        Array::new(vec![channels], variance),
    ]
    .map(|array| maker.constant(array));
    let batch = Normalization::Batch {
        epsilon: 1e-3,
        momentum: None,
    };
    maker.one(Op::Normalization(batch), &[&[x][..], &parameters[..]].concat())
}

#[test]
fn sequences_are_taken_apart() {
    check("steps before rows", &[3, 4], |maker, x| {
        let order = maker.integers(&[1, 0, 2]);
        let steps = maker.one(Op::Transpose, &[x, order]);
        let steps = maker.many(Op::Unpack { axis: 0, count: 3 }, &[steps], 3);
        maker.one(Op::Binary(Binary::Subtract), &[steps[2], steps[1]])
    });
    check("parts of parts", &[3, 4], |maker, x| {
        let parts = maker.many(Op::Move(Move::SplitEven { axis: 1, count: 3 }), &[x], 3);
        let axis = maker.integers(&[1]);
        let step = maker.one(Op::Move(Move::Squeeze), &[parts[1], axis]);
        let (sizes, last) = (maker.integers(&[1, 3]), maker.scalar(-1));
        let parts = maker.many(Op::SplitSizes { count: 2 }, &[step, sizes, last], 2);
        let one = maker.scalar(1);
        let halves = maker.many(Op::Split { count: 3 }, &[one, parts[1]], 3);
        maker.one(Op::Concat { axis_first: false }, &[halves[2], parts[0], last])
    });
    for (masks, begin) in [(0b101, -1), (0b101, 1)] {
        check(&format!("step {begin}"), &[3, 4], |maker, x| {
            let bounds = [[0, begin, 0], [0, begin + 1, 0], [1, 1, 1]].map(|list| maker.integers(&list));
            let masks = SliceMasks {
                begin: masks,
                end: masks | if begin < 0 { 0b010 } else { 0 },
                shrink: 0b010,
                ..SliceMasks::default()
            };
            maker.one(Op::StridedSlice(masks), &[x, bounds[0], bounds[1], bounds[2]])
        });
    }
    check(
        "a memory of zeros, as many rows as the input has",
        &[3, 4],
        |maker, x| {
            let shape = maker.one(Op::Shape { long: false }, &[x]);
            let bounds = [[0], [1], [1]].map(|list| maker.integers(&list));
            let shrink = SliceMasks {
                shrink: 1,
                ..SliceMasks::default()
            };
            let rows = maker.one(Op::StridedSlice(shrink), &[shape, bounds[0], bounds[1], bounds[2]]);
            let rows = maker.one(Op::Cast(DType::I64), &[rows]);
            let width = maker.scalar(12);
            let both = maker.one(Op::Pack { axis: 0 }, &[rows, width]);
            let value = maker.constant(Array::scalar(0.25_f32));
            let filled = maker.one(Op::Fill, &[both, value]);
            let flat = maker.one(Op::Reshape, &[x, both]);
            maker.one(Op::Binary(Binary::Add), &[flat, filled])
        },
    );
}

#[test]
fn what_a_plan_can_not_do_is_left_to_the_interpreter() {
    let compiled =
        |row: &[usize], draw: &dyn Fn(&mut Maker<'_>, Value) -> Value| compile::<f32>(&drawn(row, draw)).is_some();
    assert!(
        !compiled(&[4, 4, 2], &|maker, x| {
            let filter = maker.constant(numbers(&[3, 3, 1, 2]));
            let window = graph::Window {
                strides: [1, 1],
                dilations: [1, 1],
                padding: graph::Padding::Same,
            };
            let result = maker.one(Op::Convolution(window), &[x, filter]);
            flat(maker, result)
        }),
        "channels in groups"
    );
    assert!(
        !compiled(&[8], &|maker, x| {
            let shape = maker.integers(&[1, 8]);
            maker.one(Op::Reshape, &[x, shape])
        }),
        "one row of many"
    );
    assert!(
        !compiled(&[8], &|maker, x| {
            let shape = maker.integers(&[-1, 4]);
            maker.one(Op::Reshape, &[x, shape])
        }),
        "two rows of each"
    );
    assert!(
        !compiled(&[1, 1, 1], &|maker, x| {
            let filter = maker.constant(numbers(&[1, 1, 1, 1]));
            let window = Window {
                padding: Padding::Explicit(vec![1 << 40, 0, 1 << 40, 0]),
                ..Window::default()
            };
            let convolution = Spatial::Convolution { window, groups: 1 };
            let result = maker.one(Op::Spatial(convolution), &[x, filter]);
            flat(maker, result)
        }),
        "terabytes of padding"
    );
}
