//! The shared cases in ONNX: models of exporters with the answers of onnxruntime, and the ONNX project's tests of single
//! operators.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::onnx::{difference, row_difference};
use support::{load_onnx, own_onnx, shared};

/// Operators that are open: images to be decoded, random numbers of numpy, half precision rounded otherwise within a node.
const OPEN_OPERATORS: [&str; 13] = [
    "test_attention_4d_causal_fp16_expanded",
    "test_bernoulli",
    "test_bernoulli_double_expanded",
    "test_bernoulli_seed",
    "test_bernoulli_seed_expanded",
    "test_dft_inverse_opset19",
    "test_image_decoder_decode_bmp_rgb",
    "test_image_decoder_decode_jpeg_bgr",
    "test_image_decoder_decode_jpeg_rgb",
    "test_image_decoder_decode_png_rgb",
    "test_image_decoder_decode_tiff_rgb",
    "test_training_dropout_default",
    "test_training_dropout_mask",
];

/// Runs a folder of cases; those that are open must fail, all others hold.
fn check(folder: &str, open: &[&str]) {
    let Some(folder) = shared(folder) else { return };
    let (mut wrong, mut held, mut total) = (Vec::new(), 0, 0);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let expected = !open.contains(&name.as_str());
        total += 1;
        match difference(load_onnx, &folder.join(&name)) {
            Ok(()) if expected => held += 1,
            Ok(()) => wrong.push(format!("{name} holds now: take it from the list")),
            Err(why) if expected => wrong.push(format!("{name}: {why}")),
            Err(why) => println!("open {name}: {why}"),
        }
    }
    println!("{held} of {total} cases hold");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_cases_of_this_crate_answer_as_onnxruntime_does() {
    for entry in std::fs::read_dir(own_onnx("")).unwrap() {
        let folder = entry.unwrap().path();
        for compare in [difference, row_difference] {
            compare(load_onnx, &folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        }
    }
}

#[test]
fn exported_models_answer_as_onnxruntime_does() {
    check("cases/onnx", &[]);
}

#[test]
fn exported_models_answer_by_rows_too() {
    let Some(folder) = shared("cases/onnx") else { return };
    let entries = std::fs::read_dir(&folder).unwrap();
    let folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let wrong: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            row_difference(load_onnx, folder)
                .err()
                .map(|why| format!("{}: {why}", folder.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn operators_answer_as_the_onnx_project_says() {
    check("cases/onnx-node", &OPEN_OPERATORS);
}
