//! Nanoseconds per row of the 11-64-64-6 network, relu and softmax, one row and 64 rows per call.

use std::hint::black_box;
use std::time::Instant;

use serving_kernels::activation::Activation;
use serving_kernels::dense::{DenseChain, DenseLayer, DenseReal};

fn measure<T: DenseReal>(name: &str, sizes: &[usize]) {
    let value = |n: usize| T::from_f64((n * 2_654_435_761 % 1000) as f64 / 5000.0 - 0.1);
    let layers = sizes.windows(2).enumerate().map(|(n, size)| {
        let weights: Vec<T> = (0..size[0] * size[1]).map(value).collect();
        let bias: Vec<T> = (0..size[1]).map(value).collect();
        let activation = if n + 2 == sizes.len() {
            Activation::Softmax
        } else {
            Activation::Rectifier
        };
        DenseLayer::input_major(size[0], size[1], &weights, &bias, activation)
    });
    let Ok(chain) = layers.collect::<Result<Vec<_>, _>>().and_then(DenseChain::new) else {
        return;
    };
    for rows in [1, 64] {
        let input: Vec<T> = (0..rows * chain.inputs()).map(value).collect();
        let mut output = vec![T::ZERO; rows * chain.outputs()];
        let mut scratch = vec![T::ZERO; chain.scratch_len()];
        let calls = 400_000 / rows;
        let mut rounds: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..calls {
                    chain.evaluate(rows, black_box(&input), &mut output, &mut scratch);
                    black_box(&output);
                }
                start.elapsed().as_nanos() as f64 / (calls * rows) as f64
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        println!(
            "{name} {sizes:?} batch {rows}: {:.0} ns/row (best {:.0})",
            rounds[4], rounds[0]
        );
    }
}

fn main() {
    measure::<f32>("f32", &[11, 64, 64, 6]);
    measure::<f64>("f64", &[11, 64, 64, 6]);
    measure::<f32>("f32", &[11, 20, 10, 9]);
}
