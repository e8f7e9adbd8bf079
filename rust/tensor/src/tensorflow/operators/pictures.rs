//! Pieces, colours and boxes of images with channels last.

use super::call::{Call, Lowered, binary};
use super::pair;
use crate::graph::{Binary, Op, Reduce, Value};
use crate::maker::Maker;
use crate::ops::Spatial;
use crate::ops::detection::Detection;
use crate::ops::pictures::{Colour, Picture};
use crate::ops::spatial::{Kernel, Resample};

pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let node = call.node;
    let what = match call.operator() {
        "ExtractImagePatches" => Picture::Patches {
            sizes: pair(node, "ksizes")?,
            strides: pair(node, "strides")?,
            rates: pair(node, "rates")?,
            same: match node.text("padding") {
                "SAME" => true,
                "VALID" => false,
                other => return Err(call.unsupported(&format!("padding '{other}' is not supported"))),
            },
        },
        "CropAndResize" => Picture::Crop {
            nearest: node.text("method") == "nearest",
            beyond: node.float("extrapolation_value").unwrap_or(0.0),
        },
        "ResizeArea" => {
            let align_corners = node.flag("align_corners");
            return call.same(Op::Spatial(Spatial::Resample(Resample::Area { align_corners })), maker);
        }
        "ScaleAndTranslate" => {
            let name = match node.text("kernel_type") {
                "" => "lanczos3",
                name => name,
            };
            let kernel = Kernel::named(name).ok_or_else(|| call.unsupported(&format!("kernel '{name}'")))?;
            let antialias = !node.attr.contains_key("antialias") || node.flag("antialias");
            return call.same(
                Op::Spatial(Spatial::Resample(Resample::Kernel { kernel, antialias })),
                maker,
            );
        }
        "RGBToHSV" => Picture::Colour(Colour::ToHue),
        "HSVToRGB" => Picture::Colour(Colour::FromHue),
        "AdjustSaturation" => Picture::Colour(Colour::Saturate),
        "AdjustHue" => Picture::Colour(Colour::Turn),
        "AdjustContrastv2" => return contrast(call, maker),
        "NonMaxSuppressionV4" => {
            let suppress = Detection::Suppress {
                pads: node.flag("pad_to_max_output_size"),
            };
            let found = maker.many(Op::Detection(suppress), call.inputs, 3);
            return Ok(Some(vec![found[0], found[2]]));
        }
        "NonMaxSuppressionV5" => {
            let pads = node.flag("pad_to_max_output_size");
            return call.same(Op::Detection(Detection::Suppress { pads }), maker);
        }
        "CombinedNonMaxSuppression" => {
            let combined = Detection::Combined {
                by_class: node.flag("pad_per_class"),
                clips: !node.attr.contains_key("clip_boxes") || node.flag("clip_boxes"),
            };
            return call.same(Op::Detection(combined), maker);
        }
        _ => return Ok(None),
    };
    call.same(Op::Picture(what), maker)
}

/// Away from the mean of each channel.
fn contrast(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let (image, factor): (Value, Value) = (call.input(0)?, call.input(1)?);
    let mean = Op::Reduce {
        how: Reduce::Mean,
        keep_axes: true,
        all: false,
    };
    let axes = maker.integers(&[-3, -2]);
    let mean = maker.one(mean, &[image, axes]);
    let way = binary(maker, Binary::Subtract, image, mean);
    let way = binary(maker, Binary::Multiply, way, factor);
    Ok(Some(vec![binary(maker, Binary::Add, way, mean)]))
}
