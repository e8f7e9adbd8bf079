//! Images of one line.

use super::{check, flat, normalised, numbers};
use crate::array::Array;
use crate::graph::{self, Binary, Op, Reduce, Value};
use crate::maker::Maker;
use crate::ops::moves::Padded;
use crate::ops::spatial::{Padding, Pool, Window};
use crate::ops::{Move, Spatial};
use crate::plan::Activation;

fn window(stride: usize, dilation: usize, padding: Padding) -> Window {
    Window {
        strides: vec![stride],
        dilations: vec![dilation],
        padding,
        round_up: false,
    }
}

fn around(before: i64, after: i64) -> Padding {
    Padding::Explicit(vec![before, after])
}

fn convolved(maker: &mut Maker<'_>, x: Value, filter: [usize; 3], groups: usize, window: Window) -> Value {
    let constants = [numbers(&filter), numbers(&filter[..1])].map(|array| maker.constant(array));
    let op = Op::Spatial(Spatial::Convolution { window, groups });
    maker.one(op, &[x, constants[0], constants[1]])
}

fn pooled(maker: &mut Maker<'_>, x: Value, how: Pool, size: usize, window: Window) -> Value {
    let sizes = vec![size];
    maker.one(Op::Spatial(Spatial::Pool { how, sizes, window }), &[x])
}

const MAXIMUM: Pool = Pool::Maximum { by_columns: false };

#[test]
fn convolutions_over_one_axis() {
    for (row, filter, groups, stride, dilation, padding) in [
        ([3, 16], [8, 3, 3], 1, 1, 1, around(1, 1)),
        ([1, 20], [70, 1, 5], 1, 2, 1, around(0, 3)),
        ([4, 9], [6, 2, 2], 2, 1, 3, Padding::default()),
        ([6, 12], [6, 1, 3], 6, 1, 2, around(4, 0)),
        ([5, 7], [4, 5, 3], 1, 2, 1, Padding::Same { odd_after: true }),
        ([5, 7], [4, 5, 1], 1, 1, 1, Padding::default()),
        ([5, 1], [4, 5, 1], 1, 1, 1, Padding::default()),
    ] {
        let window = window(stride, dilation, padding);
        check(&format!("{row:?} {filter:?} {window:?}"), &row, |maker, x| {
            convolved(maker, x, filter, groups, window.clone())
        });
        // What comes in is a series of values, and what goes out as well.
        let turned = [row[1], row[0]];
        check(&format!("turned {row:?} {filter:?} {window:?}"), &turned, |maker, x| {
            let order = maker.integers(&[0, 2, 1]);
            let x = maker.one(Op::Transpose, &[x, order]);
            let result = convolved(maker, x, filter, groups, window.clone());
            maker.one(Op::Transpose, &[result, order])
        });
    }
}

#[test]
fn windows_that_are_reduced_over_one_axis() {
    for how in [
        MAXIMUM,
        Pool::Mean { padding_counts: true },
        Pool::Mean { padding_counts: false },
    ] {
        for (size, stride, padding) in [(2, 2, Padding::default()), (3, 1, around(1, 1)), (5, 3, around(2, 0))] {
            let window = window(stride, 1, padding);
            check(&format!("{how:?} {size} {window:?}"), &[3, 11], |maker, x| {
                pooled(maker, x, how, size, window.clone())
            });
        }
        check(&format!("all, {how:?}"), &[3, 11], |maker, x| {
            let result = maker.one(Op::Spatial(Spatial::GlobalPool(how)), &[x]);
            let axis = maker.integers(&[-1]);
            maker.one(Op::Move(Move::Squeeze), &[result, axis])
        });
    }
    for keep_axes in [false, true] {
        check("the mean of all places", &[3, 11], |maker, x| {
            let x = convolved(maker, x, [4, 3, 1], 1, Window::default());
            let axis = maker.integers(&[-1]);
            let reduce = Op::Reduce {
                how: Reduce::Mean,
                keep_axes,
                all: false,
            };
            maker.one(reduce, &[x, axis])
        });
    }
}

/// A block of a temporal convolutional network: two dilated convolutions that see what was, what came in is added.
#[test]
fn a_series_through_blocks_that_add_what_came_in() {
    check("blocks", &[24], |maker, x| {
        let axis = maker.integers(&[1]);
        let mut x = maker.one(Op::Move(Move::Unsqueeze), &[x, axis]);
        for (dilation, channels) in [(1, 1), (2, 8), (4, 8)] {
            let seen = window(1, dilation as usize, around(2 * dilation, 0));
            let made = convolved(maker, x, [8, channels, 3], 1, seen);
            let made = normalised(maker, made, 8);
            let made = maker.one(Op::Activate(Activation::Rectifier), &[made]);
            let as_wide = if channels == 8 {
                x
            } else {
                convolved(maker, x, [8, channels, 1], 1, Window::default())
            };
            x = maker.one(Op::Binary(Binary::Add), &[made, as_wide]);
        }
        flat(maker, x)
    });
    check("what came in is the left one", &[8, 6], |maker, x| {
        let made = convolved(maker, x, [8, 8, 3], 1, window(1, 1, around(1, 1)));
        maker.one(Op::Binary(Binary::Subtract), &[x, made])
    });
}

#[test]
fn channels_side_by_side_and_constants_for_each() {
    check("joined", &[2, 9], |maker, x| {
        let one = convolved(maker, x, [3, 2, 3], 1, window(1, 1, around(1, 1)));
        let axis = maker.scalar(1);
        let joined = maker.one(Op::Concat { axis_first: true }, &[axis, x, one]);
        let factors = maker.constant(numbers(&[1, 5, 1]));
        let scaled = maker.one(Op::Binary(Binary::Multiply), &[joined, factors]);
        let offsets = maker.constant(numbers(&[5, 1]));
        let moved = maker.one(Op::Binary(Binary::Add), &[scaled, offsets]);
        let shape = maker.integers(&[-1, 45]);
        maker.one(Op::Reshape, &[moved, shape])
    });
    check("normalised", &[4, 9], |maker, x| normalised(maker, x, 4));
}

/// `[rows, places, channels]` with an axis for lines around each convolution, as TensorFlow has it.
#[test]
fn a_series_of_tensorflow() {
    check("channels last", &[20, 3], |maker, x| {
        let pads = maker.constant(Array::new(vec![3, 2], vec![0_i32, 0, 4, 0, 0, 0]));
        let x = maker.one(Op::Pad, &[x, pads]);
        let x = image_convolved(maker, x, [1, 5, 3, 8]);
        let bias = maker.constant(numbers(&[8]));
        let x = maker.one(Op::BiasAdd { channels_first: false }, &[x, bias]);
        let x = maker.one(Op::Activate(Activation::Rectifier), &[x]);
        let axis = maker.scalar(1);
        let x = maker.one(Op::ExpandDims, &[x, axis]);
        let window = graph::Window {
            strides: [2, 2],
            dilations: [1, 1],
            padding: graph::Padding::Valid,
        };
        let pool = Op::Pool {
            window,
            size: [1, 2],
            maximum: true,
        };
        let x = maker.one(pool, &[x]);
        let x = maker.one(Op::Squeeze(vec![1]), &[x]);
        let factors = maker.constant(numbers(&[8]));
        let x = maker.one(Op::Binary(Binary::Multiply), &[x, factors]);
        let twice = maker.one(Op::Binary(Binary::Add), &[x, x]);
        let axis = maker.integers(&[1]);
        let reduce = Op::Reduce {
            how: Reduce::Mean,
            keep_axes: false,
            all: false,
        };
        maker.one(reduce, &[twice, axis])
    });
    check("what comes out is a series", &[6, 4], |maker, x| {
        image_convolved(maker, x, [1, 3, 4, 4])
    });
}

fn image_convolved(maker: &mut Maker<'_>, x: Value, filter: [usize; 4]) -> Value {
    let axis = maker.scalar(-3);
    let x = maker.one(Op::ExpandDims, &[x, axis]);
    let window = graph::Window {
        strides: [1, 1],
        dilations: [1, 1],
        padding: graph::Padding::Same,
    };
    let weights = maker.constant(numbers(&filter));
    let x = maker.one(Op::Convolution(window), &[x, weights]);
    maker.one(Op::Squeeze(vec![-3]), &[x])
}

/// The same after a converter to ONNX: axes come and go without a number being moved.
#[test]
fn a_series_of_tensorflow_as_onnx() {
    check("converted", &[20, 3], |maker, x| {
        let axes = [maker.integers(&[1]), maker.integers(&[2]), maker.integers(&[3])];
        let x = maker.one(Op::Move(Move::Unsqueeze), &[x, axes[0]]);
        let order = maker.integers(&[0, 3, 1, 2]);
        let x = maker.one(Op::Move(Move::Transpose), &[x, order]);
        let constants = [numbers(&[8, 3, 1, 5]), numbers(&[8])].map(|array| maker.constant(array));
        let window = Window::default();
        let convolution = Op::Spatial(Spatial::Convolution { window, groups: 1 });
        let x = maker.one(convolution, &[x, constants[0], constants[1]]);
        let x = maker.one(Op::Move(Move::Squeeze), &[x, axes[1]]);
        let x = maker.one(Op::Activate(Activation::Rectifier), &[x]);
        let pads = maker.integers(&[0, 0, 4, 0, 0, 0]);
        let zero = maker.constant(Array::scalar(0.0_f32));
        let how = Padded::Constant;
        let x = maker.one(Op::Move(Move::Pad { how }), &[x, pads, zero]);
        let x = maker.one(Op::Move(Move::Unsqueeze), &[x, axes[2]]);
        let window = Window::default();
        let sizes = vec![2, 1];
        let x = maker.one(
            Op::Spatial(Spatial::Pool {
                how: MAXIMUM,
                sizes,
                window,
            }),
            &[x],
        );
        let x = maker.one(Op::Move(Move::Squeeze), &[x, axes[2]]);
        let order = maker.integers(&[0, 2, 1]);
        maker.one(Op::Move(Move::Transpose), &[x, order])
    });
}
