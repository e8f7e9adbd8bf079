//! Windows over images.

use serving_model::ModelError;

use super::{Translated, same};
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::Spatial;
use crate::ops::spatial::{
    Aspect, Between, Beyond, Coordinates, GridSample, Growth, Interpolation, Nearest, Padding, Pool, Regions, Resize,
    Window,
};

/// Window of the attributes that all operators with windows share.
pub(super) fn window(node: &Source<'_>) -> Result<Window, ModelError> {
    let padding = match node.text("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" | "" => Padding::Explicit(node.integers("pads").unwrap_or_default().to_vec()),
        "VALID" => Padding::default(),
        "SAME_UPPER" => Padding::Same { odd_after: true },
        "SAME_LOWER" => Padding::Same { odd_after: false },
        other => return Err(node.unsupported(format!("auto_pad '{other}'"))),
    };
    Ok(Window {
        strides: node.counts("strides")?,
        dilations: node.counts("dilations")?,
        padding,
        round_up: node.flag("ceil_mode"),
    })
}

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let groups = || node.count("group", 1);
    let what = match node.operator() {
        "Conv" => Spatial::Convolution {
            window: window(node)?,
            groups: groups()?,
        },
        "ConvInteger" => Spatial::IntegerConvolution {
            window: window(node)?,
            groups: groups()?,
        },
        "ConvTranspose" => Spatial::TransposedConvolution {
            window: window(node)?,
            growth: Growth {
                output_shape: node.counts("output_shape")?,
                output_padding: node.counts("output_padding")?,
            },
            groups: groups()?,
        },
        "DeformConv" => Spatial::DeformableConvolution {
            window: window(node)?,
            groups: groups()?,
            offset_groups: node.count("offset_group", 1)?,
        },
        "MaxPool" | "AveragePool" | "LpPool" => windowed_pool(node)?,
        "GlobalAveragePool" => Spatial::GlobalPool(Pool::Mean { padding_counts: false }),
        "GlobalMaxPool" => Spatial::GlobalPool(Pool::Maximum { by_columns: false }),
        "GlobalLpPool" => Spatial::GlobalPool(Pool::Power(power(node))),
        "MaxUnpool" => Spatial::Unpool {
            sizes: node.counts("kernel_shape")?,
            window: window(node)?,
        },
        "Resize" | "Upsample" => return resize(node, maker),
        "GridSample" => Spatial::GridSample(grid_sample(node)?),
        "AffineGrid" => Spatial::AffineGrid {
            align_corners: node.flag("align_corners"),
        },
        "RoiAlign" => Spatial::RoiAlign(regions(node)?),
        "MaxRoiPool" => {
            let sizes = node.counts("pooled_shape")?;
            let [height, width] = *sizes else {
                return Err(node.invalid("attribute 'pooled_shape' needs 2 entries"));
            };
            Spatial::MaxRoiPool(Regions {
                height,
                width,
                ..regions(node)?
            })
        }
        "Col2Im" => Spatial::ColumnsToImage { window: window(node)? },
        _ => return Ok(None),
    };
    same(Op::Spatial(what), node, maker)
}

fn power(node: &Source<'_>) -> f64 {
    // The first version had a float.
    node.integer("p").map(|p| p as f64).or(node.float("p")).unwrap_or(2.0)
}

pub(super) fn windowed_pool(node: &Source<'_>) -> Result<Spatial, ModelError> {
    Ok(Spatial::Pool {
        how: pool(node),
        sizes: node.counts("kernel_shape")?,
        window: window(node)?,
    })
}

fn pool(node: &Source<'_>) -> Pool {
    match node.operator() {
        "MaxPool" => Pool::Maximum {
            by_columns: node.flag("storage_order"),
        },
        "LpPool" => Pool::Power(power(node)),
        _ => Pool::Mean {
            padding_counts: node.flag("count_include_pad"),
        },
    }
}

fn regions(node: &Source<'_>) -> Result<Regions, ModelError> {
    // Version 10 had no half pixel.
    let mode = node.text("coordinate_transformation_mode");
    let half_pixel = if node.version < 16 {
        false
    } else {
        mode.unwrap_or("half_pixel") == "half_pixel"
    };
    Ok(Regions {
        height: node.count("output_height", 1)?,
        width: node.count("output_width", 1)?,
        sampling: node.count("sampling_ratio", 0)?,
        scale: node.float("spatial_scale").unwrap_or(1.0),
        half_pixel,
        maximum: node.text("mode") == Some("max"),
    })
}

fn grid_sample(node: &Source<'_>) -> Result<GridSample, ModelError> {
    Ok(GridSample {
        how: match node.text("mode").unwrap_or("linear") {
            "linear" | "bilinear" => Between::Linear,
            "nearest" => Between::Nearest,
            "cubic" | "bicubic" => Between::Cubic,
            other => return Err(node.unsupported(format!("mode '{other}'"))),
        },
        beyond: match node.text("padding_mode").unwrap_or("zeros") {
            "zeros" => Beyond::Zeros,
            "border" => Beyond::Border,
            "reflection" => Beyond::Reflection,
            other => return Err(node.unsupported(format!("padding_mode '{other}'"))),
        },
        align_corners: node.flag("align_corners"),
    })
}

fn resize(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    // The early versions lay pixels out without centering them.
    let early = node.operator() == "Upsample" || node.version < 11;
    let nearest = match node
        .text("nearest_mode")
        .unwrap_or(if early { "floor" } else { "round_prefer_floor" })
    {
        "round_prefer_floor" => Nearest::RoundPreferFloor,
        "round_prefer_ceil" => Nearest::RoundPreferCeiling,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceiling,
        other => return Err(node.unsupported(format!("nearest_mode '{other}'"))),
    };
    let how = match node.text("mode").unwrap_or("nearest") {
        "nearest" => Interpolation::Nearest(nearest),
        "linear" | "bilinear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic(node.float("cubic_coeff_a").unwrap_or(-0.75)),
        other => return Err(node.unsupported(format!("mode '{other}'"))),
    };
    let mode = node.text("coordinate_transformation_mode");
    let coordinates = match mode.unwrap_or(if early { "asymmetric" } else { "half_pixel" }) {
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        "tf_crop_and_resize" => Coordinates::CropAndResize,
        other => return Err(node.unsupported(format!("coordinate_transformation_mode '{other}'"))),
    };
    let aspect = match node.text("keep_aspect_ratio_policy").unwrap_or("stretch") {
        "stretch" => Aspect::Stretch,
        "not_larger" => Aspect::NotLarger,
        "not_smaller" => Aspect::NotSmaller,
        other => return Err(node.unsupported(format!("keep_aspect_ratio_policy '{other}'"))),
    };
    let what = Spatial::Resize(Resize {
        how,
        coordinates,
        axes: node.integers("axes").unwrap_or_default().to_vec(),
        antialias: node.flag("antialias"),
        exclude_outside: node.flag("exclude_outside"),
        extrapolation: node.float("extrapolation_value").unwrap_or(0.0),
        aspect,
    });
    if !early {
        return same(Op::Spatial(what), node, maker);
    }
    let scales = if let Some(scales) = node.optional(1) {
        scales
    } else {
        let scales = node.floats("scales").to_vec();
        maker.constant(crate::array::Array::new(vec![scales.len()], scales))
    };
    let nothing = maker.nothing();
    Ok(Some(vec![
        maker.one(Op::Spatial(what), &[node.input(0)?, nothing, scales]),
    ]))
}
