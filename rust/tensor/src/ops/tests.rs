//! Operators by example. The expectations are computed by hand from TensorFlow's documentation of the operator.

use crate::array::{Array, DType, Element};
use crate::graph::{Binary, Compare, Op, Padding, Reduce, SliceMasks, Unary, Window};
use crate::run::Budget;
use crate::trouble::Trouble;

fn array<T: Element>(shape: &[usize], values: &[T]) -> Array {
    Array::new(shape.to_vec(), values.to_vec())
}

fn vector<T: Element>(values: &[T]) -> Array {
    array(&[values.len()], values)
}

/// 0, 1, 2 ... in this shape.
fn counting(shape: &[usize]) -> Array {
    let count = shape.iter().product::<usize>();
    array(shape, &(0..count).map(|n| n as f32).collect::<Vec<_>>())
}

fn all(op: &Op, inputs: &[Array]) -> Result<Vec<Array>, Trouble> {
    super::evaluate(op, inputs.to_vec(), &mut Budget::default())
}

fn one(op: &Op, inputs: &[Array]) -> Array {
    all(op, inputs).unwrap().remove(0)
}

fn fails(op: &Op, inputs: &[Array]) -> String {
    all(op, inputs).unwrap_err().message
}

fn window(strides: usize, padding: Padding) -> Window {
    Window {
        strides: [strides; 2],
        dilations: [1; 2],
        padding,
    }
}

#[test]
fn shapes_are_broadcast_from_the_last_axis() {
    let add = Op::Binary(Binary::Add);
    let sum = one(&add, &[counting(&[2, 1, 3]), array(&[2, 1], &[10.0_f32, 20.0])]);
    assert_eq!(
        sum,
        array(
            &[2, 2, 3],
            &[
                10.0_f32, 11.0, 12.0, 20.0, 21.0, 22.0, 13.0, 14.0, 15.0, 23.0, 24.0, 25.0
            ]
        )
    );
    assert!(fails(&add, &[counting(&[2]), counting(&[3])]).contains("can't be broadcast"));
    assert!(fails(&add, &[counting(&[2]), vector(&[1_i32, 2])]).contains("do not go together"));
}

#[test]
fn integer_division_rounds_down_and_never_divides_by_zero() {
    let (left, right) = (vector(&[7_i32, -7, 7, -7, i32::MIN]), vector(&[2, 2, -2, -2, -1]));
    let inputs = [left.clone(), right];
    assert_eq!(
        one(&Op::Binary(Binary::FloorDivide), &inputs),
        vector(&[3, -4, -4, 3, i32::MIN])
    );
    assert_eq!(
        one(&Op::Binary(Binary::FloorModulo), &inputs),
        vector(&[1, 1, -1, -1, 0])
    );
    assert!(fails(&Op::Binary(Binary::FloorModulo), &[left, Array::scalar(0_i32)]).contains("divided by 0"));
}

#[test]
fn rounding_takes_halves_to_the_even_number() {
    let rounded = one(&Op::Unary(Unary::Round), &[vector(&[0.5_f32, 1.5, -2.5, 2.4])]);
    assert_eq!(rounded, vector(&[0.0_f32, 2.0, -2.0, 2.0]));
}

#[test]
fn a_choice_takes_from_either_side() {
    let inputs = [vector(&[true, false]), counting(&[2, 2]), array(&[2, 2], &[9.0_f32; 4])];
    assert_eq!(
        one(&Op::Select { leading: false }, &inputs),
        array(&[2, 2], &[0.0_f32, 9.0, 2.0, 9.0])
    );
    assert_eq!(
        one(&Op::Select { leading: true }, &inputs),
        array(&[2, 2], &[0.0_f32, 1.0, 9.0, 9.0])
    );
    let less = one(&Op::Compare(Compare::Less), &[counting(&[3]), Array::scalar(1.0_f32)]);
    assert_eq!(less, vector(&[true, false, false]));
}

#[test]
fn matrices_are_multiplied_with_or_without_transposition_and_in_batches() {
    let (left, right) = (counting(&[2, 3]), counting(&[3, 2]));
    let product = |transpose_left, transpose_right| Op::MatMul {
        transpose_left,
        transpose_right,
    };
    assert_eq!(
        one(&product(false, false), &[left.clone(), right.clone()]),
        array(&[2, 2], &[10.0_f32, 13.0, 28.0, 40.0])
    );
    assert_eq!(
        one(&product(false, true), &[left.clone(), left.clone()]),
        array(&[2, 2], &[5.0_f32, 14.0, 14.0, 50.0])
    );
    assert_eq!(
        one(&product(true, true), &[right.clone(), left]),
        one(
            &product(false, false),
            &[
                array(&[2, 3], &[0.0_f32, 2.0, 4.0, 1.0, 3.0, 5.0]),
                array(&[3, 2], &[0.0_f32, 3.0, 1.0, 4.0, 2.0, 5.0]),
            ]
        )
    );
    let batch = one(&product(false, false), &[counting(&[2, 1, 3]), right.clone()]);
    assert_eq!(batch, array(&[2, 1, 2], &[10.0_f32, 13.0, 28.0, 40.0]));
    assert!(fails(&product(false, false), &[right.clone(), right]).contains("can't be multiplied"));
}

#[test]
fn axes_are_reduced_and_kept_on_demand() {
    let reduce = |how, keep_axes| Op::Reduce {
        how,
        keep_axes,
        all: false,
    };
    let cube = counting(&[2, 2, 3]);
    let axes = vector(&[0_i32, -1]);
    assert_eq!(
        one(&reduce(Reduce::Sum, false), &[cube.clone(), axes.clone()]),
        vector(&[24.0_f32, 42.0])
    );
    assert_eq!(
        one(&reduce(Reduce::Mean, true), &[cube.clone(), axes.clone()]),
        array(&[1, 2, 1], &[4.0_f32, 7.0])
    );
    assert_eq!(
        one(&reduce(Reduce::Maximum, false), &[cube, axes]),
        vector(&[8.0_f32, 11.0])
    );
    let index = one(
        &Op::ArgExtreme {
            largest: true,
            long: true,
            last: false,
        },
        &[
            array(&[2, 3], &[1.0_f32, 3.0, 3.0, 5.0, 4.0, 0.0]),
            Array::scalar(1_i32),
        ],
    );
    assert_eq!(index, vector(&[1_i64, 0]));
}

#[test]
fn slices_follow_masks_and_negative_steps() {
    let strided = |masks, begin: &[i32], end: &[i32], step: &[i32]| {
        one(
            &Op::StridedSlice(masks),
            &[counting(&[3, 4]), vector(begin), vector(end), vector(step)],
        )
    };
    let none = SliceMasks::default();
    assert_eq!(
        strided(none, &[1, 1], &[3, 4], &[1, 2]),
        array(&[2, 2], &[5.0_f32, 7.0, 9.0, 11.0])
    );
    assert_eq!(
        strided(none, &[0, -1], &[1, -5], &[1, -2]),
        array(&[1, 2], &[3.0_f32, 1.0])
    );
    let shrink = SliceMasks {
        shrink: 0b10,
        begin: 0b01,
        end: 0b01,
        ..none
    };
    assert_eq!(
        strided(shrink, &[0, 2], &[0, 3], &[1, 1]),
        vector(&[2.0_f32, 6.0, 10.0])
    );
    let open = SliceMasks {
        ellipsis: 0b01,
        new_axis: 0b10,
        ..none
    };
    assert_eq!(
        strided(open, &[0, 0, 1], &[0, 0, 2], &[1, 1, 1]),
        array(&[3, 1, 1], &[1.0_f32, 5.0, 9.0])
    );
    assert_eq!(strided(none, &[2], &[1], &[1]).shape, [0, 4]);
    let error = fails(
        &Op::StridedSlice(SliceMasks { shrink: 1, ..none }),
        &[counting(&[3]), vector(&[3_i32]), vector(&[4_i32]), vector(&[1_i32])],
    );
    assert!(error.contains("has no entry 3"), "{error}");
}

#[test]
fn parts_and_wholes_belong_together() {
    let parts = all(&Op::Split { count: 2 }, &[Array::scalar(1_i32), counting(&[2, 4])]).unwrap();
    assert_eq!(parts[1], array(&[2, 2], &[2.0_f32, 3.0, 6.0, 7.0]));
    let axis = Array::scalar(1_i32);
    let whole = one(
        &Op::Concat { axis_first: false },
        &[parts[0].clone(), parts[1].clone(), axis],
    );
    assert_eq!(whole, counting(&[2, 4]));
    let rows = all(&Op::Unpack { axis: 0, count: 2 }, std::slice::from_ref(&whole)).unwrap();
    assert_eq!(one(&Op::Pack { axis: 0 }, &rows), whole);
    assert_eq!(one(&Op::Pack { axis: -1 }, &rows).shape, [4, 2]);
}

#[test]
fn what_is_moved_to_the_batch_comes_back() {
    let image = counting(&[1, 4, 2, 1]);
    let (block, none) = (vector(&[2_i32]), array(&[1, 2], &[0_i32, 0]));
    let split = one(&Op::SpaceToBatch, &[image.clone(), block.clone(), none.clone()]);
    assert_eq!(
        split,
        array(&[2, 2, 2, 1], &[0.0_f32, 1.0, 4.0, 5.0, 2.0, 3.0, 6.0, 7.0])
    );
    assert_eq!(one(&Op::BatchToSpace, &[split, block, none]), image);
}

#[test]
fn entries_are_gathered_along_any_axis() {
    let gather = Op::Gather {
        batch_axes: 0,
        with_axis: true,
    };
    let inputs = |axis: i32| [counting(&[2, 3]), vector(&[1_i64, 0, 1]), Array::scalar(axis)];
    assert_eq!(
        one(&gather, &inputs(0)),
        array(&[3, 3], &[3.0_f32, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    );
    assert_eq!(
        one(&gather, &inputs(1)),
        array(&[2, 3], &[1.0_f32, 0.0, 1.0, 4.0, 3.0, 4.0])
    );
    let beyond = [counting(&[2]), vector(&[2_i32]), Array::scalar(0_i32)];
    assert_eq!(fails(&gather, &beyond), "index 2 is not below 2");
    let per_batch = Op::Gather {
        batch_axes: 1,
        with_axis: true,
    };
    let inputs = [counting(&[2, 3]), array(&[2, 1], &[2_i32, 0]), Array::scalar(1_i32)];
    assert_eq!(one(&per_batch, &inputs), array(&[2, 1], &[2.0_f32, 3.0]));
    let hot = [
        vector(&[1_i32, 5]),
        Array::scalar(3_i32),
        Array::scalar(1.0_f32),
        Array::scalar(0.0_f32),
    ];
    assert_eq!(
        one(&Op::OneHot { axis: -1 }, &hot),
        array(&[2, 3], &[0.0_f32, 1.0, 0.0, 0.0, 0.0, 0.0])
    );
}

#[test]
fn windows_slide_with_and_without_padding() {
    let (image, ones) = (counting(&[1, 3, 3, 1]), array(&[2, 2, 1, 1], &[1.0_f32; 4]));
    let convolution = |strides, padding| {
        one(
            &Op::Convolution(window(strides, padding)),
            &[image.clone(), ones.clone()],
        )
    };
    assert_eq!(
        convolution(1, Padding::Valid),
        array(&[1, 2, 2, 1], &[8.0_f32, 12.0, 20.0, 24.0])
    );
    assert_eq!(
        convolution(2, Padding::Same),
        array(&[1, 2, 2, 1], &[8.0_f32, 7.0, 13.0, 8.0])
    );
    let pool = |maximum| Op::Pool {
        window: window(2, Padding::Same),
        size: [2, 2],
        maximum,
    };
    assert_eq!(
        one(&pool(true), std::slice::from_ref(&image)),
        array(&[1, 2, 2, 1], &[4.0_f32, 5.0, 7.0, 8.0])
    );
    assert_eq!(
        one(&pool(false), &[image]),
        array(&[1, 2, 2, 1], &[2.0_f32, 3.5, 6.5, 8.0])
    );
    let grown = one(
        &Op::TransposedConvolution(window(2, Padding::Valid)),
        &[
            vector(&[1_i32, 4, 4, 1]),
            ones,
            array(&[1, 2, 2, 1], &[1.0_f32, 2.0, 3.0, 4.0]),
        ],
    );
    let want = [
        1.0_f32, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 3.0, 3.0, 4.0, 4.0,
    ];
    assert_eq!(grown, array(&[1, 4, 4, 1], &want));
}

#[test]
fn lists_give_back_what_was_set_and_zeros_for_the_rest() {
    let list = one(&Op::ListReserve, &[Array::scalar(-1_i32), Array::scalar(2_i32)]);
    let list = one(&Op::ListSet, &[list, Array::scalar(1_i32), counting(&[2])]);
    let unknown = Array::scalar(-1_i32);
    let whole = one(&Op::ListStack { dtype: DType::F32 }, &[list.clone(), unknown.clone()]);
    assert_eq!(whole, array(&[2, 2], &[0.0_f32, 0.0, 0.0, 1.0]));
    assert_eq!(
        one(
            &Op::ListGet { dtype: DType::F32 },
            &[list.clone(), Array::scalar(1_i32), unknown.clone()]
        ),
        counting(&[2])
    );
    let error = fails(
        &Op::ListGet { dtype: DType::F32 },
        &[list, Array::scalar(2_i32), unknown],
    );
    assert_eq!(error, "a list of 2 has no item 2");
}

#[test]
fn shapes_that_only_an_axis_of_length_zero_makes_small_are_refused() {
    let sizes = vector(&[0_i64, 1 << 40, 1 << 40]);
    assert!(fails(&Op::Fill, &[sizes, Array::scalar(1.0_f32)]).contains("elements"));
    let range = [Array::scalar(0_i64), Array::scalar(i64::MAX), Array::scalar(1_i64)];
    assert!(fails(&Op::Range, &range).contains("elements"));
}

#[test]
fn operators_without_their_inputs_say_so() {
    assert_eq!(fails(&Op::Binary(Binary::Add), &[counting(&[1])]), "input 1 is missing");
    assert_eq!(fails(&Op::AddN, &[]), "input 0 is missing");
    assert!(fails(&Op::Pack { axis: 0 }, &[]).contains("nothing to pack"));
}
