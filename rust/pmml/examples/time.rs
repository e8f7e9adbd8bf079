//! Times a model: `cargo run --release -p serving-pmml --example time -- MODEL.pmml...`
//!
//! One record at a time through `Scorer::score`, the values of the inputs drawn from a fixed sequence; the least of several
//! rounds in nanoseconds per record, the bytes that the model counts, and how fast it was loaded at best.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use serving_model::wire::ModelDescriptor;
use serving_model::{Block, Limits, ModelFactory, ModelSource, Output};
use serving_pmml::PmmlModelFactory;

/// Ranges of the red wine data, in the order of the bench models' inputs.
const RANGES: [(f64, f64); 11] = [
    (4.6, 15.9),
    (0.12, 1.58),
    (0.0, 1.0),
    (0.9, 15.5),
    (0.012, 0.611),
    (1.0, 72.0),
    (6.0, 289.0),
    (0.990, 1.004),
    (2.74, 4.01),
    (0.33, 2.0),
    (8.4, 14.9),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let content = std::fs::read(&path)?;
        let descriptor = ModelDescriptor::default();
        let source = ModelSource {
            descriptor: &descriptor,
            content: &content,
            directory: None,
            limits: Limits::default(),
        };
        let mut model = PmmlModelFactory.create(&source)?;
        let (mut load, begin) = (f64::INFINITY, Instant::now());
        while begin.elapsed().as_secs_f64() < 1.0 {
            let start = Instant::now();
            model = PmmlModelFactory.create(&source)?;
            load = load.min(start.elapsed().as_secs_f64());
        }
        let width = model.schema().input_width().unwrap_or(0);
        let mut scorer = Arc::clone(&model).scorer()?;
        let mut seed = 1_u64;
        let rows: Vec<Block> = (0..512)
            .map(|_| {
                let mut block = Block::new(width);
                block.reset(1);
                for slot in 0..width {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let (low, high) = RANGES[slot % RANGES.len()];
                    block.set_double(
                        0,
                        slot,
                        low + (high - low) * (seed >> 33) as f64 / f64::from(1_u32 << 31),
                    );
                }
                block
            })
            .collect();
        let mut output = Output::new(model.schema().output_width().unwrap_or(0));
        let mut least = f64::INFINITY;
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < 1.0 {
            let start = Instant::now();
            for block in &rows {
                output.reset(1);
                scorer.score(black_box(block), &mut output);
                black_box(&output);
            }
            least = least.min(start.elapsed().as_secs_f64() * 1e9 / rows.len() as f64);
        }
        println!(
            "{path}: {least:.0} ns/record, {} bytes, {:.0} MB/s loading in {:.2} ms",
            model.native_bytes(),
            content.len() as f64 / 1e6 / load,
            load * 1e3
        );
    }
    Ok(())
}
