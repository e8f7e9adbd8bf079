//! Images.

use super::{check, flat, numbers};
use crate::array::Array;
use crate::graph::{self, Binary, Op, Reduce};
use crate::ops::normalization::Normalization;
use crate::ops::spatial::{Padding, Pool, Window};
use crate::ops::{Move, Spatial};
use crate::plan::Activation;

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
            let bent = maker.one(Op::Activate(Activation::Rectifier), &[sum]);
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
            let image = maker.one(Op::Activate(Activation::Rectifier), &[image]);
            let row = flat(maker, image);
            maker.one(Op::Binary(Binary::Subtract), &[row, product])
        },
    );
}
