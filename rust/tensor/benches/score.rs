//! Nanoseconds per record of graphs scored by rows, one row and 64 rows per call: those of `tests/data`, and the wine graph of
//! the shared folder when it is there. Cells of doubles go in, as records bring them.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serving_model::wire::ModelDescriptor;
use serving_model::{Block, Limits, ModelFactory as _, ModelSource, Output};
use serving_tensor::TensorFlowModelFactory;

fn measure(path: &Path) -> Option<()> {
    let content = std::fs::read(path).ok()?;
    let model = TensorFlowModelFactory
        .create(&ModelSource {
            descriptor: &ModelDescriptor::default(),
            content: &content,
            directory: None,
            limits: Limits::default(),
        })
        .ok()?;
    let (inputs, outputs) = (model.schema().input_width()?, model.schema().output_width()?);
    let mut scorer = model.scorer().ok()?;
    for rows in [1, 64] {
        let (mut block, mut output) = (Block::new(inputs), Output::new(outputs));
        block.reset(rows);
        for row in 0..rows {
            (0..inputs).for_each(|slot| block.set_double(row, slot, (row * 7 + slot * 3) as f64 % 11.0));
        }
        let mut call = || {
            output.reset(rows);
            scorer.score(black_box(&block), &mut output);
            black_box(&output);
        };
        let start = Instant::now();
        call();
        let calls = (50_000_000 / (start.elapsed().as_nanos() as usize + 1)).clamp(3, 200_000);
        let mut rounds: Vec<f64> = (0..7)
            .map(|_| {
                let start = Instant::now();
                (0..calls).for_each(|_| call());
                start.elapsed().as_nanos() as f64 / (calls * rows) as f64
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        let name = path.components().rev().take(2).collect::<Vec<_>>();
        let name = name
            .iter()
            .rev()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        println!(
            "{name:40} batch {rows:2}: {:9.0} ns/record (best {:.0})",
            rounds[3], rounds[0]
        );
    }
    Some(())
}

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("FLINK_SERVING_SHARED").map_or_else(|| here.join("../../../shared"), PathBuf::from);
    let wine = shared.join("data/wine/optimized_WineQuality.pb");
    if measure(&wine).is_none() {
        println!("SKIPPED: {} can't be scored", wine.display());
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(here.join("tests/data"))
        .map(|entries| entries.flatten().map(|entry| entry.path().join("model.pb")).collect())
        .unwrap_or_default();
    folders.sort();
    for path in folders {
        if measure(&path).is_none() {
            println!("SKIPPED: {} can't be scored", path.display());
        }
    }
}
