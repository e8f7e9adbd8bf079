//! Generates the types of the foreign formats from `proto/` with a compiler written in Rust, so that no `protoc` is needed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let tensorflow = ["tensorflow/saved_model.proto", "tensorflow/checkpoint.proto"];
    for files in [&tensorflow[..], &["onnx/onnx.proto"]] {
        let descriptors = protox::compile(files, [&proto])?;
        prost_build::Config::new().compile_fds(descriptors)?;
    }
    Ok(())
}
