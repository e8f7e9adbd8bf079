//! Compiled graphs are scored without allocation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serving_model::{Block, Output};
use support::{load, own, read};

#[test]
fn dense_graphs_allocate_nothing_per_record() {
    for name in ["iris-mlp", "tf1-iris-mlp-frozen"] {
        let model = load(&read(&own(name).join("model.pb"))).unwrap();
        assert!(
            model.summary().contains("compiled to dense kernels"),
            "{name}: {}",
            model.summary()
        );
        let schema = model.schema().clone();
        let mut scorer = model.scorer().unwrap();
        for rows in [1, 3, 200] {
            let (mut block, mut output) = (
                Block::new(schema.input_width().unwrap()),
                Output::new(schema.output_width().unwrap()),
            );
            block.reset(rows);
            output.reset(rows);
            for row in 0..rows {
                (0..4).for_each(|slot| block.set_double(row, slot, (row + slot) as f64));
            }
            let counted = allocation_counter::measure(|| scorer.score(&block, &mut output));
            assert_eq!(counted.count_total, 0, "{name}, {rows} rows");
            assert_eq!(output.failed(), 0);
        }
    }
}
