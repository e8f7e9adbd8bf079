//! Generates the wire types from `proto/` with a compiler written in Rust, so that no `protoc` is needed.

use std::error::Error;
use std::path::Path;

const FILES: [&str; 5] = [
    "model_descriptor.proto",
    "error_code.proto",
    "wine_record.proto",
    "serving_result.proto",
    "boundary.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let descriptors = protox::compile(FILES, [&proto])?;
    prost_build::Config::new()
        .bytes([
            ".flinkserving.ModelDescriptor.data",
            ".flinkserving.StoredModel.content",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
