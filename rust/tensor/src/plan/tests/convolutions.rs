//! What convolutions are made of, and become a part of.

use super::{check, drawn, flat, normalised, numbers};
use crate::array::{Array, DType};
use crate::graph::{self, Binary, Op, Unary, Value};
use crate::maker::Maker;
use crate::ops::Spatial;
use crate::ops::spatial::{Padding, Pool, Window};
use crate::plan::{Activation, compile};
use crate::run::{Budget, run};
use crate::score::call;

/// A convolution with a bias, as ONNX has it.
fn convolved(maker: &mut Maker<'_>, x: Value, filter: [usize; 4], groups: usize, strides: usize, around: i64) -> Value {
    // Values stay as large as they are, layer after layer.
    let size = (filter[1..].iter().product::<usize>() as f32 / 3.0).sqrt();
    let weights = numbers(&filter)
        .view::<f32>()
        .unwrap()
        .iter()
        .map(|x| x / size)
        .collect::<Vec<f32>>();
    let constants = [Array::new(filter.to_vec(), weights), numbers(&filter[..1])].map(|array| maker.constant(array));
    let window = Window {
        strides: vec![strides; 2],
        padding: Padding::Explicit(vec![around; 4]),
        ..Window::default()
    };
    maker.one(
        Op::Spatial(Spatial::Convolution { window, groups }),
        &[x, constants[0], constants[1]],
    )
}

fn bent(maker: &mut Maker<'_>, x: Value, function: Activation) -> Value {
    maker.one(Op::Activate(function), &[x])
}

#[test]
fn channels_in_groups() {
    for (image, filter, groups, strides, around) in [
        ([6, 9, 7], [6, 1, 3, 3], 6, 1, 1),
        ([40, 9, 7], [40, 1, 5, 5], 40, 2, 2),
        ([3, 6, 6], [6, 1, 3, 3], 3, 1, 0),
        ([8, 6, 6], [12, 4, 3, 3], 2, 1, 1),
        ([8, 6, 6], [12, 4, 1, 1], 0, 2, 0),
    ] {
        check(&format!("{image:?} {filter:?} in {groups}"), &image, |maker, x| {
            let made = convolved(maker, x, filter, groups, strides, around);
            let made = bent(maker, made, Activation::Relu6);
            flat(maker, made)
        });
    }
    for (channels, results, padding) in [(5, 1, graph::Padding::Same), (18, 2, graph::Padding::Valid)] {
        check(
            &format!("depthwise {channels} {results}"),
            &[9, 6, channels],
            |maker, x| {
                let weights = maker.constant(numbers(&[3, 2, channels, results]));
                let window = graph::Window {
                    strides: [1, 1],
                    dilations: [1, 2],
                    padding,
                };
                let made = maker.one(Op::DepthwiseConvolution(window), &[x, weights]);
                let bias = maker.constant(numbers(&[channels * results]));
                let sum = maker.one(Op::BiasAdd { channels_first: false }, &[made, bias]);
                flat(maker, sum)
            },
        );
    }
}

#[test]
fn large_images_go_in_parts() {
    // Several blocks of pixels and of the window, and fewer rows at a time than there are.
    check("many pixels", &[3, 70, 66], |maker, x| {
        let made = convolved(maker, x, [16, 3, 3, 3], 1, 2, 1);
        let made = bent(maker, made, Activation::Rectifier);
        let made = convolved(maker, made, [40, 16, 3, 3], 1, 2, 1);
        let window = Window {
            strides: vec![2, 2],
            padding: Padding::Explicit(vec![1; 4]),
            ..Window::default()
        };
        let pool = Spatial::Pool {
            how: Pool::Maximum { by_columns: false },
            sizes: vec![3, 3],
            window,
        };
        let made = maker.one(Op::Spatial(pool), &[made]);
        let made = convolved(maker, made, [70, 40, 3, 3], 1, 1, 1);
        let made = convolved(maker, made, [8, 70, 1, 1], 1, 2, 0);
        flat(maker, made)
    });
}

#[test]
fn what_follows_a_convolution_becomes_a_part_of_it() {
    check("a residual block", &[8, 9, 11], |maker, x| {
        let one = convolved(maker, x, [8, 8, 3, 3], 1, 1, 1);
        let one = normalised(maker, one, 8);
        let one = bent(maker, one, Activation::Rectifier);
        let two = convolved(maker, one, [8, 8, 3, 3], 1, 1, 1);
        let two = normalised(maker, two, 8);
        let sum = maker.one(Op::Binary(Binary::Add), &[x, two]);
        let sum = bent(maker, sum, Activation::Rectifier);
        let other = convolved(maker, sum, [8, 8, 1, 1], 1, 1, 0);
        let less = maker.one(Op::Binary(Binary::Subtract), &[sum, other]);
        let both = convolved(maker, less, [8, 8, 1, 1], 1, 1, 0);
        let third = convolved(maker, less, [8, 8, 1, 1], 1, 1, 0);
        let product = maker.one(Op::Binary(Binary::Divide), &[third, both]);
        let limits = [-2.5_f32, 1.5].map(|limit| maker.constant(Array::scalar(limit)));
        let product = maker.one(Op::Clip, &[product, limits[0], limits[1]]);
        let again = maker.one(Op::Binary(Binary::Add), &[product, both]);
        flat(maker, again)
    });
    check("a value that is read twice", &[4, 5, 5], |maker, x| {
        let one = convolved(maker, x, [4, 4, 3, 3], 1, 1, 1);
        let two = bent(maker, one, Activation::Logistic);
        let product = maker.one(Op::Binary(Binary::Multiply), &[two, one]);
        let twice = maker.one(Op::Binary(Binary::Add), &[product, product]);
        flat(maker, twice)
    });
}

#[test]
fn what_precedes_a_convolution_of_pixels_becomes_a_part_of_it() {
    check("a dense block", &[20, 9, 11], |maker, x| {
        let mut parts = vec![x];
        for n in 0..3 {
            let axis = maker.scalar(1);
            let all = maker.one(Op::Concat { axis_first: false }, &[&parts[..], &[axis]].concat());
            let channels = 20 + n * 12;
            let all = normalised(maker, all, channels);
            let all = bent(maker, all, Activation::Rectifier);
            let made = convolved(maker, all, [24, channels, 1, 1], 1, 1, 0);
            let made = bent(maker, made, Activation::Rectifier);
            parts.push(convolved(maker, made, [12, 24, 3, 3], 1, 1, 1));
        }
        let axis = maker.scalar(-3);
        let all = maker.one(Op::Concat { axis_first: false }, &[&parts[..], &[axis]].concat());
        flat(maker, all)
    });
    for function in [
        Op::Unary(Unary::HardSigmoid { alpha: 0.2, beta: 0.4 }),
        Op::Activate(Activation::Logistic),
    ] {
        check("squeezed and excited", &[20, 9, 11], |maker, x| {
            let wide = convolved(maker, x, [40, 20, 1, 1], 1, 1, 0);
            let wide = maker.one(Op::Unary(Unary::HardSwish), &[wide]);
            let wide = convolved(maker, wide, [40, 1, 3, 3], 40, 1, 1);
            let mean = maker.one(
                Op::Spatial(Spatial::GlobalPool(Pool::Mean { padding_counts: false })),
                &[wide],
            );
            let small = convolved(maker, mean, [7, 40, 1, 1], 1, 1, 0);
            let small = bent(maker, small, Activation::Rectifier);
            let excited = convolved(maker, small, [40, 7, 1, 1], 1, 1, 0);
            let excited = maker.one(function.clone(), &[excited]);
            let scaled = maker.one(Op::Binary(Binary::Multiply), &[excited, wide]);
            let made = convolved(maker, scaled, [20, 40, 1, 1], 1, 1, 0);
            let sum = maker.one(Op::Binary(Binary::Add), &[made, x]);
            let less = maker.one(Op::Binary(Binary::Subtract), &[mean, scaled]);
            let pooled = maker.one(
                Op::Spatial(Spatial::GlobalPool(Pool::Maximum { by_columns: false })),
                &[less],
            );
            let rows = [sum, pooled].map(|image| flat(maker, image));
            let axis = maker.scalar(1);
            maker.one(Op::Concat { axis_first: false }, &[rows[0], rows[1], axis])
        });
    }
}

#[test]
fn zeros_around_an_image() {
    check("channels last", &[5, 4, 3], |maker, x| {
        let widths = maker.constant(Array::new(vec![4, 2], vec![0_i32, 0, 1, 2, 0, 3, 0, 0]));
        let padded = maker.one(Op::Pad, &[x, widths]);
        flat(maker, padded)
    });
}

#[test]
fn absurd_strides_and_dilations_do_no_harm() {
    check("one place, one entry", &[2, 3, 3], |maker, x| {
        let filter = maker.constant(numbers(&[2, 2, 1, 1]));
        let window = Window {
            strides: vec![1 << 39, 1 << 39],
            dilations: vec![1 << 50, 1 << 50],
            ..Window::default()
        };
        let convolution = Spatial::Convolution { window, groups: 1 };
        let made = maker.one(Op::Spatial(convolution), &[x, filter]);
        flat(maker, made)
    });
    for around in [1 << 37, 1 << 33] {
        let graph = drawn(&[2, 3, 3], |maker, x| {
            let filter = maker.constant(numbers(&[2, 1, 1, 1]));
            let window = Window {
                strides: vec![1 << 33, 1 << 33],
                padding: Padding::Explicit(vec![around; 4]),
                ..Window::default()
            };
            let convolution = Spatial::Convolution { window, groups: 2 };
            let made = maker.one(Op::Spatial(convolution), &[x, filter]);
            flat(maker, made)
        });
        if let Some(plan) = compile::<f32>(&graph) {
            let inputs = [numbers(&[1, 2, 3, 3])];
            let wanted = run(&graph, &inputs, &mut Budget::default()).unwrap().swap_remove(0);
            let answer = call(&plan, &inputs).unwrap().swap_remove(0);
            assert_eq!(answer.view::<f32>().unwrap(), wanted.view::<f32>().unwrap());
        }
    }
}

#[test]
fn images_are_outputs() {
    check("an input", &[4, 5, 2], |_, x| x);
    check("channels first", &[4, 5, 6], |maker, x| {
        convolved(maker, x, [7, 4, 3, 3], 1, 1, 1)
    });
    check("channels last", &[4, 5, 6], |maker, x| {
        let made = convolved(maker, x, [7, 4, 3, 3], 1, 1, 1);
        let order = maker.integers(&[0, 2, 3, 1]);
        maker.one(Op::Transpose, &[made, order])
    });
}

#[test]
fn images_in_double_precision() {
    let doubles = |shape: &[usize]| {
        let values = numbers(shape)
            .view::<f32>()
            .unwrap()
            .iter()
            .map(|x| f64::from(*x))
            .collect::<Vec<f64>>();
        Array::new(shape.to_vec(), values)
    };
    let mut graph = drawn(&[9, 8, 5], |maker, x| {
        let weights = maker.constant(doubles(&[3, 3, 5, 20]));
        let window = graph::Window {
            strides: [1, 1],
            dilations: [1, 1],
            padding: graph::Padding::Same,
        };
        let made = maker.one(Op::Convolution(window.clone()), &[x, weights]);
        let weights = maker.constant(doubles(&[3, 3, 20, 1]));
        let made = maker.one(Op::DepthwiseConvolution(window), &[made, weights]);
        let made = bent(maker, made, Activation::HardSwish);
        flat(maker, made)
    });
    graph.inputs[0].dtype = Some(DType::F64);
    let plan = compile::<f64>(&graph).unwrap();
    let inputs = [doubles(&[3, 9, 8, 5])];
    let wanted = run(&graph, &inputs, &mut Budget::default()).unwrap().swap_remove(0);
    let answer = call(&plan, &inputs).unwrap().swap_remove(0);
    let pairs = answer.view::<f64>().unwrap().iter().zip(wanted.view::<f64>().unwrap());
    for (answer, wanted) in pairs {
        assert!(
            (answer - wanted).abs() <= 1e-13 * wanted.abs().max(1.0),
            "{answer} instead of {wanted}"
        );
    }
}

#[test]
fn slots_share_memory_where_images_are_not_needed_any_more() {
    let graph = drawn(&[8, 100, 100], |maker, x| {
        let mut image = x;
        for _ in 0..20 {
            image = convolved(maker, image, [8, 8, 3, 3], 1, 1, 1);
        }
        flat(maker, image)
    });
    let plan = compile::<f32>(&graph).unwrap();
    // One that is read and one that is written, for a row, with that and the input turned.
    let image = 8 * 100 * 100 * size_of::<f32>();
    assert!(
        plan.workspace_bytes() < plan.rows() * 4 * image,
        "{}",
        plan.workspace_bytes()
    );
    assert!(plan.rows() < 10);
}

#[test]
fn more_work_than_a_trial_may_do_is_left_to_the_interpreter() {
    let graph = drawn(&[1, 1000, 1000], |maker, x| {
        let made = convolved(maker, x, [4, 1, 300, 300], 1, 1, 150);
        flat(maker, made)
    });
    assert!(compile::<f32>(&graph).is_none());
}
