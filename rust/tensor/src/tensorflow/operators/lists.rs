//! Lists of tensors, and the arrays of TensorFlow 1, whose content is their flow here.

use super::call::{Call, Lowered};
use crate::array::{Array, DType};
use crate::graph::Op;
use crate::maker::Maker;
use crate::ops::lists::Lists;
use crate::ops::sequences::Sequence;

pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    if call.operator().starts_with("TensorArray") {
        return array(call, maker);
    }
    let list = |what| Op::List(what);
    match call.operator() {
        "EmptyTensorList" => Ok(Some(vec![maker.constant(Array::list(Vec::new()))])),
        "TensorListPushBack" => call.same(list(Lists::Push), maker),
        "TensorListSetItem" if call.node.flag("resize_if_index_out_of_bounds") => call.same(list(Lists::Write), maker),
        "TensorListPopBack" => {
            let found = maker.many(list(Lists::Pop), &[call.input(0)?], 2);
            Ok(Some(found))
        }
        "TensorListElementShape" => {
            let long = call.index_type("shape_type") == DType::I64;
            call.same(list(Lists::ItemShape { long }), maker)
        }
        "TensorListResize" => call.same(list(Lists::Resize), maker),
        "TensorListGather" => {
            let dtype = call.node.dtype("element_dtype")?;
            call.same(list(Lists::Gather { dtype }), maker)
        }
        "TensorListScatterV2" | "TensorListScatter" => {
            let empty = maker.constant(Array::list(Vec::new()));
            let inputs = [empty, call.input(1)?, call.input(0)?];
            Ok(Some(vec![maker.one(list(Lists::Scatter), &inputs)]))
        }
        "TensorListScatterIntoExistingList" => {
            let inputs = [call.input(0)?, call.input(2)?, call.input(1)?];
            Ok(Some(vec![maker.one(list(Lists::Scatter), &inputs)]))
        }
        "TensorListConcat" | "TensorListConcatV2" => {
            let dtype = call.node.dtype("element_dtype")?;
            Ok(Some(maker.many(list(Lists::Concat { dtype }), &[call.input(0)?], 2)))
        }
        "TensorListSplit" => {
            let inputs = [call.input(0)?, call.input(2)?];
            let split = Sequence::Split {
                axis: 0,
                keep_axis: true,
            };
            Ok(Some(vec![maker.one(Op::Sequence(split), &inputs)]))
        }
        _ => Ok(None),
    }
}

fn array(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let name = call
        .operator()
        .trim_start_matches("TensorArray")
        .trim_end_matches(['V', '2', '3']);
    let nothing = maker.constant(Array::scalar(0_i32));
    let dtype = || call.node.dtype("dtype");
    match name {
        "" => {
            let flow = maker.one(Op::ListReserve, &[nothing, call.input(0)?]);
            Ok(Some(vec![nothing, flow]))
        }
        "Write" => {
            let inputs = [call.input(3)?, call.input(1)?, call.input(2)?];
            Ok(Some(vec![maker.one(Op::List(Lists::Write), &inputs)]))
        }
        "Read" => {
            let shape = maker.integers(&[]);
            let inputs = [call.input(2)?, call.input(1)?, shape];
            Ok(Some(vec![maker.one(Op::ListGet { dtype: dtype()? }, &inputs)]))
        }
        "Gather" => {
            let shape = maker.integers(&[]);
            let inputs = [call.input(2)?, call.input(1)?, shape];
            Ok(Some(vec![
                maker.one(Op::List(Lists::Gather { dtype: dtype()? }), &inputs),
            ]))
        }
        "Scatter" => {
            let inputs = [call.input(3)?, call.input(1)?, call.input(2)?];
            Ok(Some(vec![maker.one(Op::List(Lists::Scatter), &inputs)]))
        }
        "Size" => Ok(Some(vec![maker.one(Op::ListLength, &[call.input(1)?])])),
        "Concat" => Ok(Some(maker.many(
            Op::List(Lists::Concat { dtype: dtype()? }),
            &[call.input(1)?],
            2,
        ))),
        "Close" => Ok(Some(Vec::new())),
        _ => Ok(None),
    }
}
