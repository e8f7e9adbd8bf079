//! Plans answer what the interpreter answers, whose operators are tested against the cases of others.

use super::compile;
use crate::array::{Array, DType};
use crate::graph::{self, Binary, Graph, Input, Node, Op, Reduce, SliceMasks, Value};
use crate::maker::Maker;
use crate::ops::normalization::Normalization;
use crate::ops::spatial::{Padding, Pool, Window};
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

#[test]
fn convolutions_with_channels_last() {
    for (image, filter, strides, dilations, padding) in [
        ([8, 8, 1], [3, 3, 1, 16], [1, 1], [1, 1], graph::Padding::Same),
        ([5, 7, 3], [3, 2, 3, 5], [2, 1], [1, 1], graph::Padding::Same),
        ([9, 6, 2], [2, 3, 2, 4], [1, 2], [2, 2], graph::Padding::Valid),
        ([9, 6, 2], [2, 3, 2, 70], [1, 1], [3, 2], graph::Padding::Same),
        ([4, 4, 6], [1, 1, 6, 8], [1, 1], [1, 1], graph::Padding::Valid),
        ([4, 4, 6], [1, 1, 6, 8], [2, 2], [1, 1], graph::Padding::Same),
        ([1, 9, 20], [1, 3, 20, 3], [1, 1], [1, 1], graph::Padding::Valid),
    ] {
        let window = graph::Window {
            strides,
            dilations,
            padding,
        };
        check(&format!("{image:?} {filter:?} {window:?}"), &image, |maker, x| {
            let weights = maker.constant(numbers(&filter));
            let product = maker.one(Op::Convolution(window.clone()), &[x, weights]);
            let bias = maker.constant(numbers(&filter[3..]));
            let sum = maker.one(Op::BiasAdd { channels_first: false }, &[product, bias]);
            let bent = maker.one(Op::Activate(super::Activation::Rectifier), &[sum]);
            flat(maker, bent)
        });
    }
}

#[test]
fn convolutions_with_channels_first() {
    let explicit = |widths: &[i64]| Padding::Explicit(widths.to_vec());
    for (image, filter, strides, dilations, padding) in [
        (
            [1, 8, 8],
            [16, 1, 3, 3],
            vec![1, 1],
            vec![1, 1],
            explicit(&[1, 1, 1, 1]),
        ),
        ([3, 5, 7], [5, 3, 3, 2], vec![2, 1], vec![], explicit(&[0, 1, 2, 0])),
        ([2, 9, 6], [4, 2, 2, 3], vec![], vec![2, 2], Padding::default()),
        (
            [2, 9, 6],
            [4, 2, 2, 3],
            vec![1, 2],
            vec![],
            Padding::Same { odd_after: false },
        ),
        ([6, 4, 4], [8, 6, 1, 1], vec![], vec![], Padding::default()),
    ] {
        let window = Window {
            strides,
            dilations,
            padding,
            round_up: false,
        };
        check(&format!("{image:?} {filter:?} {window:?}"), &image, |maker, x| {
            let constants = [numbers(&filter), numbers(&filter[..1])].map(|array| maker.constant(array));
            let convolution = Spatial::Convolution {
                window: window.clone(),
                groups: 1,
            };
            let sum = maker.one(Op::Spatial(convolution), &[x, constants[0], constants[1]]);
            // Flattened, channels come first.
            flat(maker, sum)
        });
    }
}

#[test]
fn windows_that_are_reduced() {
    let window = |strides: [usize; 2], padding| graph::Window {
        strides,
        dilations: [1, 1],
        padding,
    };
    for maximum in [true, false] {
        for (size, window) in [
            ([2, 2], window([2, 2], graph::Padding::Valid)),
            ([3, 2], window([2, 1], graph::Padding::Same)),
        ] {
            check(&format!("{size:?} {window:?}"), &[5, 7, 3], |maker, x| {
                let pool = Op::Pool {
                    window: window.clone(),
                    size,
                    maximum,
                };
                let pooled = maker.one(pool, &[x]);
                flat(maker, pooled)
            });
        }
    }
    for how in [
        Pool::Maximum { by_columns: false },
        Pool::Mean { padding_counts: false },
        Pool::Mean { padding_counts: true },
    ] {
        for round_up in [false, true] {
            let window = Window {
                strides: vec![2, 3],
                dilations: Vec::new(),
                padding: Padding::Explicit(vec![1, 0, 1, 1]),
                round_up,
            };
            check(&format!("{how:?} {window:?}"), &[3, 5, 7], |maker, x| {
                let pool = Spatial::Pool {
                    how,
                    sizes: vec![3, 2],
                    window: window.clone(),
                };
                let pooled = maker.one(Op::Spatial(pool), &[x]);
                flat(maker, pooled)
            });
        }
        check(&format!("{how:?} of all"), &[3, 5, 7], |maker, x| {
            let pooled = maker.one(Op::Spatial(Spatial::GlobalPool(how)), &[x]);
            let axes = maker.integers(&[2, 3]);
            maker.one(Op::Move(Move::Squeeze), &[pooled, axes])
        });
    }
    for keep_axes in [false, true] {
        check(&format!("mean, axes kept: {keep_axes}"), &[5, 7, 3], |maker, x| {
            let axes = maker.integers(&[2, 1]);
            let mean = Op::Reduce {
                how: Reduce::Mean,
                keep_axes,
                all: false,
            };
            let mean = maker.one(mean, &[x, axes]);
            if keep_axes { flat(maker, mean) } else { mean }
        });
    }
}

#[test]
fn images_are_turned_scaled_normalised_and_added() {
    check("turned twice", &[3, 5, 2], |maker, x| {
        let order = maker.integers(&[0, 3, 1, 2]);
        let first = maker.one(Op::Move(Move::Transpose), &[x, order]);
        let factors = maker.constant(numbers(&[1, 2, 1, 1]));
        let scaled = maker.one(Op::Binary(Binary::Multiply), &[factors, first]);
        let rest = maker.constant(numbers(&[2, 1, 1]));
        let less = maker.one(Op::Binary(Binary::Subtract), &[rest, scaled]);
        let order = maker.integers(&[0, 2, 3, 1]);
        let last = maker.one(Op::Transpose, &[less, order]);
        let sum = maker.one(Op::Binary(Binary::Add), &[last, x]);
        flat(maker, sum)
    });
    let positive = |shape: &[usize]| {
        let values = numbers(shape)
            .view::<f32>()
            .unwrap()
            .iter()
            .map(|x| x.abs() + 0.1)
            .collect::<Vec<_>>();
        Array::new(shape.to_vec(), values)
    };
    check("normalised, channels last", &[3, 5, 2], |maker, x| {
        let parameters =
            [numbers(&[2]), numbers(&[2]), numbers(&[2]), positive(&[2])].map(|array| maker.constant(array));
        let inputs = [&[x][..], &parameters[..]].concat();
        let normal = maker.one(Op::BatchNormalization { epsilon: 1e-3 }, &inputs);
        flat(maker, normal)
    });
    check("normalised, channels first", &[2, 5, 3], |maker, x| {
        let parameters =
            [numbers(&[2]), numbers(&[2]), numbers(&[2]), positive(&[2])].map(|array| maker.constant(array));
        let inputs = [&[x][..], &parameters[..]].concat();
        let batch = Normalization::Batch {
            epsilon: 1e-3,
            momentum: None,
        };
        let normal = maker.one(Op::Normalization(batch), &inputs);
        flat(maker, normal)
    });
    check("rows as images", &[24], |maker, x| {
        let shape = maker.integers(&[-1, 2, 3, 4]);
        let image = maker.one(Op::Reshape, &[x, shape]);
        let pooled = maker.one(
            Op::Spatial(Spatial::GlobalPool(Pool::Maximum { by_columns: false })),
            &[image],
        );
        let shape = maker.integers(&[0, -1]);
        maker.one(Op::Move(Move::Reshape { zero_copies: true }), &[pooled, shape])
    });
}

#[test]
fn a_value_with_two_names_stays_what_it_is() {
    check(
        "a product, and the same as an image that is changed",
        &[4],
        |maker, x| {
            let weights = maker.constant(numbers(&[4, 6]));
            let product = maker.one(
                Op::MatMul {
                    transpose_left: false,
                    transpose_right: false,
                },
                &[x, weights],
            );
            let shape = maker.integers(&[-1, 1, 3, 2]);
            let image = maker.one(Op::Reshape, &[product, shape]);
            let image = maker.one(Op::Activate(super::Activation::Rectifier), &[image]);
            let row = flat(maker, image);
            maker.one(Op::Binary(Binary::Subtract), &[row, product])
        },
    );
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
    assert!(!compiled(&[4, 4, 2], &|_, x| x), "an image is no row");
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
