use super::*;
use crate::testing::numbers;

fn reference(inputs: usize, outputs: usize, weights: &[f64], bias: &[f64], row: &[f64]) -> Vec<f64> {
    (0..outputs)
        .map(|output| {
            bias[output]
                + (0..inputs)
                    .map(|input| row[input] * weights[input * outputs + output])
                    .sum::<f64>()
        })
        .collect()
}

const SIZES: [(usize, usize); 14] = [
    (1, 1),
    (4, 3),
    (11, 64),
    (64, 64),
    (64, 6),
    (3, 8),
    (5, 9),
    (7, 16),
    (9, 24),
    (13, 25),
    (10, 63),
    (6, 65),
    (17, 100),
    (2, 192),
];

#[test]
fn a_layer_of_any_size_is_the_sum_of_products_plus_bias() {
    for (inputs, outputs) in SIZES {
        let (weights, bias) = (numbers(inputs * outputs, 1), numbers(outputs, 2));
        let input = numbers(inputs * 9, 3);
        let layer = DenseLayer::input_major(inputs, outputs, &weights, &bias, Activation::Identity).unwrap();
        let chain = DenseChain::new(vec![layer]).unwrap();
        let mut output = vec![0.0; outputs * 9];
        chain.evaluate(9, &input, &mut output, &mut []);

        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        let layer =
            DenseLayer::input_major(inputs, outputs, &single(&weights), &single(&bias), Activation::Identity).unwrap();
        let mut output_single = vec![0.0; outputs * 9];
        DenseChain::new(vec![layer])
            .unwrap()
            .evaluate(9, &single(&input), &mut output_single, &mut []);

        for row in 0..9 {
            let want = reference(
                inputs,
                outputs,
                &weights,
                &bias,
                &input[row * inputs..(row + 1) * inputs],
            );
            for (column, want) in want.iter().enumerate() {
                let got = output[row * outputs + column];
                assert!(
                    (got - want).abs() < 1e-13,
                    "{inputs} x {outputs}, row {row}, output {column}: {got}, not {want}"
                );
                let got = f64::from(output_single[row * outputs + column]);
                assert!(
                    (got - want).abs() < 1e-5,
                    "{inputs} x {outputs}, row {row}, output {column}: {got}, not {want}"
                );
            }
        }
    }
}

#[test]
fn both_orders_of_weights_make_the_same_layer() {
    let by_input = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let by_output = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    assert_eq!(
        DenseLayer::input_major(2, 3, &by_input, &[], Activation::Tanh),
        DenseLayer::output_major(2, 3, &by_output, &[], Activation::Tanh)
    );
}

#[test]
fn a_chain_is_its_layers_one_after_the_other() {
    let first = DenseLayer::input_major(2, 2, &[1.0, 0.0, 0.0, -1.0], &[0.0, 1.0], Activation::Rectifier).unwrap();
    let second = DenseLayer::input_major(2, 1, &[10.0, 1.0], &[0.5], Activation::Square).unwrap();
    let chain = DenseChain::new(vec![first, second]).unwrap();
    let mut output = [0.0; 2];
    chain.evaluate(
        2,
        &[1.0, 0.0, -1.0, -2.0],
        &mut output,
        &mut vec![0.0; chain.scratch_len()],
    );
    // (1, 0) -> (1, 1) -> 11.5; (-1, -2) -> (0, 3) -> 3.5
    assert_eq!(output, [132.25, 12.25]);
}

#[test]
fn a_row_gets_the_same_bits_alone_and_in_any_batch() {
    let sizes = [11, 64, 100, 9];
    let layers = sizes
        .windows(2)
        .enumerate()
        .map(|(n, size)| {
            let weights: Vec<f32> = numbers::<f64>(size[0] * size[1], n as u64 + 5)
                .iter()
                .map(|w| *w as f32)
                .collect();
            DenseLayer::input_major(size[0], size[1], &weights, &[], Activation::Tanh).unwrap()
        })
        .collect();
    let chain = DenseChain::new(layers).unwrap();
    let rows = 2 * TILE + 7;
    let input: Vec<f32> = numbers::<f64>(rows * 11, 99).iter().map(|x| *x as f32).collect();
    let mut scratch = vec![0.0; chain.scratch_len()];
    let mut together = vec![0.0; rows * 9];
    chain.evaluate(rows, &input, &mut together, &mut scratch);
    for row in 0..rows {
        let mut alone = [0.0; 9];
        chain.evaluate(1, &input[row * 11..(row + 1) * 11], &mut alone, &mut scratch);
        assert_eq!(alone, together[row * 9..(row + 1) * 9], "row {row}");
    }
}

#[cfg(target_arch = "x86_64")]
type Kind<T> = unsafe fn(&[DenseLayer<T>], usize, &[T], &mut [T], &mut [T]);

/// Bits of five rows by the loops for any processor, and by those for each kind that this one is of.
#[cfg(target_arch = "x86_64")]
fn bits_of_each_kind<T: DenseReal>(inputs: usize, outputs: usize, activation: Activation) -> Vec<Vec<T>>
where
    panel::Any: Panels<T>,
    panel::Avx2: Panels<T>,
    panel::Avx512: Panels<T>,
{
    const ROWS: usize = 5;
    let single = |values: Vec<f64>| values.into_iter().map(T::from_f64).collect::<Vec<_>>();
    let weights = single(numbers(inputs * outputs, 7));
    let bias = single(numbers(outputs, 8));
    let mut input = single(numbers(inputs * ROWS, 9));
    input[inputs] = T::from_f64(f64::NAN);
    input[2 * inputs] = T::from_f64(f64::NEG_INFINITY);
    let layer = [DenseLayer::input_major(inputs, outputs, &weights, &bias, activation).unwrap()];
    let mut kinds: Vec<Kind<T>> = vec![run::<T, panel::Any>];
    if std::arch::is_x86_feature_detected!("avx2") {
        kinds.push(run::<T, panel::Avx2>);
    }
    if std::arch::is_x86_feature_detected!("avx512f") {
        kinds.push(run::<T, panel::Avx512>);
    }
    kinds.push(T::evaluate);
    let of_kind = |kind: Kind<T>| {
        let mut output = vec![T::ZERO; outputs * ROWS];
        // SAFETY: the processor was asked what it is.
        #[allow(unsafe_code)]
        unsafe {
            kind(&layer, ROWS, &input, &mut output, &mut []);
        }
        output
    };
    kinds.into_iter().map(of_kind).collect()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vectors_of_the_processor_do_not_change_a_bit() {
    for (inputs, outputs) in SIZES.into_iter().chain([(70, 90), (66, 6)]) {
        for activation in [Activation::Identity, Activation::Rectifier, Activation::Softmax] {
            let double = bits_of_each_kind::<f64>(inputs, outputs, activation);
            let single = bits_of_each_kind::<f32>(inputs, outputs, activation);
            let same = |one: f64, other: f64| one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan();
            for kind in &double[1..] {
                assert!(kind.iter().zip(&double[0]).all(|(one, other)| same(*one, *other)));
            }
            for kind in &single[1..] {
                let pairs = kind.iter().zip(&single[0]);
                assert!(
                    pairs
                        .map(|(one, other)| (f64::from(*one), f64::from(*other)))
                        .all(|(one, other)| same(one, other))
                );
            }
            // The row after that of NaN has what it would have alone.
            assert!(double[0][outputs * 3..].iter().all(|value| !value.is_nan()));
        }
    }
}

#[test]
fn wrong_lengths_are_refused() {
    assert_eq!(
        DenseLayer::input_major(2, 3, &[0.0_f32; 5], &[], Activation::Identity),
        Err(DenseError::Weights {
            wanted: Some(6),
            found: 5
        })
    );
    assert_eq!(
        DenseLayer::input_major(usize::MAX, 3, &[0.0_f32; 5], &[], Activation::Identity),
        Err(DenseError::Weights { wanted: None, found: 5 })
    );
    assert_eq!(
        DenseLayer::input_major(1, 3, &[0.0_f32; 3], &[0.0; 2], Activation::Identity),
        Err(DenseError::Bias { wanted: 3, found: 2 })
    );
    assert_eq!(
        DenseLayer::input_major(3, 0, &[0.0_f32; 0], &[], Activation::Identity),
        Err(DenseError::Empty)
    );
    let layer = |inputs, outputs| {
        DenseLayer::input_major(
            inputs,
            outputs,
            &vec![0.0_f32; inputs * outputs],
            &[],
            Activation::Identity,
        )
        .unwrap()
    };
    assert_eq!(
        DenseChain::new(vec![layer(2, 3), layer(2, 1)]),
        Err(DenseError::Chain { outputs: 3, inputs: 2 })
    );
    assert_eq!(DenseChain::<f32>::new(Vec::new()), Err(DenseError::Empty));
}
