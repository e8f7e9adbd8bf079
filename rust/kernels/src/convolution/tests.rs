use super::*;
use crate::testing::numbers;

fn axis(input: usize, size: usize, stride: usize, dilation: usize, around: usize) -> Axis {
    let reach = (size - 1) * dilation + 1;
    Axis {
        input,
        output: (input + 2 * around - reach) / stride + 1,
        size,
        stride,
        dilation,
        before: around,
    }
}

/// Channels, groups, results, and what the axes have: pixels, size, stride, dilation, zeros around.
type Case = (usize, usize, usize, [usize; 5], [usize; 5]);

const CASES: [Case; 16] = [
    (3, 1, 32, [9, 3, 2, 1, 1], [11, 3, 2, 1, 1]),
    (1, 1, 5, [4, 2, 1, 1, 0], [4, 3, 1, 1, 1]),
    (40, 1, 70, [7, 3, 1, 1, 1], [7, 3, 1, 1, 1]),
    (300, 1, 33, [3, 1, 1, 1, 0], [37, 1, 1, 1, 0]),
    (17, 1, 16, [20, 1, 2, 1, 0], [20, 1, 2, 1, 0]),
    (5, 1, 48, [9, 3, 1, 3, 3], [9, 2, 1, 2, 1]),
    (64, 1, 8, [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]),
    (64, 64, 64, [8, 3, 1, 1, 1], [9, 3, 1, 1, 1]),
    (24, 24, 24, [8, 5, 2, 1, 2], [9, 5, 2, 1, 2]),
    (5, 5, 5, [6, 3, 1, 2, 2], [6, 3, 1, 2, 2]),
    (40, 40, 40, [2, 3, 1, 1, 2], [2, 3, 1, 1, 4]),
    (100, 100, 100, [3, 3, 1, 1, 0], [4, 3, 1, 1, 0]),
    (8, 4, 12, [5, 3, 1, 1, 1], [5, 3, 1, 1, 1]),
    (6, 6, 12, [5, 3, 1, 1, 1], [5, 3, 2, 2, 1]),
    (64, 2, 80, [5, 3, 1, 1, 1], [5, 3, 1, 1, 1]),
    (2, 1, 100, [5, 1, 1, 1, 1], [101, 1, 1, 1, 0]),
];

/// The sums as they are defined, in their order.
fn reference<T: ConvolutionReal>(
    windows: Windows,
    groups: usize,
    results: usize,
    image: &[T],
    weights: &[T],
    bias: &[T],
    fused: fn(T, T, T) -> T,
) -> Vec<T> {
    let Windows {
        vertical,
        horizontal,
        channels,
    } = windows;
    let per_group = channels / groups;
    let mut all = Vec::new();
    for y in 0..vertical.output {
        for x in 0..horizontal.output {
            for (result, start) in bias.iter().enumerate() {
                let group = result / (results / groups);
                let mut sum = *start;
                for (line, column) in
                    (0..vertical.size).flat_map(|line| (0..horizontal.size).map(move |column| (line, column)))
                {
                    let at = |axis: Axis, place: usize, entry: usize| {
                        let place = (place * axis.stride + entry * axis.dilation).checked_sub(axis.before);
                        place.filter(|place| *place < axis.input)
                    };
                    let (Some(line_at), Some(column_at)) = (at(vertical, y, line), at(horizontal, x, column)) else {
                        continue;
                    };
                    let pixel = (line_at * horizontal.input + column_at) * channels;
                    for channel in 0..per_group {
                        let weight = ((result * per_group + channel) * vertical.size + line) * horizontal.size + column;
                        sum = fused(image[pixel + group * per_group + channel], weights[weight], sum);
                    }
                }
                all.push(sum);
            }
        }
    }
    all
}

fn check<T: Loops>(fused: fn(T, T, T) -> T) {
    for (channels, groups, results, vertical, horizontal) in CASES {
        let of = |[input, size, stride, dilation, around]: [usize; 5]| axis(input, size, stride, dilation, around);
        let windows = Windows {
            vertical: of(vertical),
            horizontal: of(horizontal),
            channels,
        };
        let image: Vec<T> = numbers(windows.image_len(), 1);
        let depth = windows.len() / groups;
        let (weights, bias) = (numbers(results * depth, 2), numbers(results, 3));
        let wanted = reference(windows, groups, results, &image, &weights, &bias, fused);
        let convolution = Convolution::new(windows, groups, Order::ResultsFirst, &weights, &bias).unwrap();
        let mut scratch = vec![T::ONE; convolution.scratch_len()];
        let mut found = vec![T::ONE; wanted.len()];
        convolution.run(&image, &mut found, &mut scratch, &mut Nothing);
        assert_eq!(found, wanted, "{windows:?} in {groups} groups to {results}");
    }
}

#[test]
fn values_are_the_sums_of_products_to_the_bit() {
    check::<f32>(f32::mul_add);
    check::<f64>(f64::mul_add);
}

/// The loops for other processors than this one.
#[test]
fn processors_agree_to_the_bit() {
    let processors: &[Processor] = match Processor::find() {
        Processor::Any => &[],
        #[cfg(target_arch = "x86_64")]
        Processor::Avx2 => &[Processor::Any],
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512 => &[Processor::Any, Processor::Avx2],
    };
    for (rows, depth, columns) in [(1, 3, 32_usize), (5, 7, 33), (13, 40, 70), (12, 9, 8), (7, 5, 100)] {
        let padded = columns.next_multiple_of(16);
        let (input, weights): (Vec<f32>, Vec<f32>) = (numbers(rows * depth, 4), numbers(padded * depth, 5));
        let start = numbers(padded, 6);
        let product = Product {
            rows,
            depth,
            input: &input,
            input_pitch: depth,
            weights: &weights,
            start: Some(&start),
            columns,
        };
        let of = |processor: Processor| {
            let mut output = vec![0.0; rows * columns];
            product.run(processor, &mut output, columns);
            output
        };
        for processor in processors {
            assert_eq!(
                of(*processor),
                of(Processor::find()),
                "{processor:?}: {rows} {depth} {columns}"
            );
        }
    }
}

#[test]
fn weights_lie_in_any_order() {
    let windows = Windows {
        vertical: axis(4, 3, 1, 1, 1),
        horizontal: axis(5, 2, 1, 1, 0),
        channels: 4,
    };
    let image: Vec<f32> = numbers(windows.image_len(), 1);
    let run = |groups, order, weights: &[f32]| {
        let convolution = Convolution::new(windows, groups, order, weights, &[]).unwrap();
        let mut scratch = vec![0.0; convolution.scratch_len()];
        let mut result = vec![0.0; convolution.pixels() * convolution.channels()];
        convolution.run(&image, &mut result, &mut scratch, &mut Nothing);
        result
    };
    for (groups, results) in [(1, 6), (2, 6), (4, 4), (4, 8)] {
        let (per_group, entries) = (4 / groups, 6);
        let first: Vec<f32> = numbers(results * per_group * entries, 2);
        let mut last = first.clone();
        let mut by_channel = first.clone();
        for result in 0..results {
            for channel in 0..per_group {
                for entry in 0..entries {
                    let weight = first[(result * per_group + channel) * entries + entry];
                    last[(entry * per_group + channel) * results + result] = weight;
                    // With one channel in each group, results lie channel by channel.
                    by_channel[(entry * per_group + channel) * results + result] = weight;
                }
            }
        }
        let wanted = run(groups, Order::ResultsFirst, &first);
        assert_eq!(run(groups, Order::ResultsLast, &last), wanted);
        if groups == 4 {
            assert_eq!(run(groups, Order::Depthwise, &by_channel), wanted);
        }
    }
    assert_eq!(
        Convolution::<f32>::new(windows, 3, Order::ResultsLast, &[0.0; 24], &[]),
        None
    );
    assert_eq!(
        Convolution::<f32>::new(windows, 1, Order::ResultsLast, &[0.0; 25], &[]),
        None
    );
    assert_eq!(
        Convolution::<f32>::new(windows, 1, Order::ResultsLast, &[0.0; 24], &[0.0; 2]),
        None
    );
    assert_eq!(Convolution::<f32>::new(windows, 0, Order::ResultsLast, &[], &[]), None);
}

#[test]
fn values_are_changed_on_their_way() {
    struct Changes;
    impl Around<f32> for Changes {
        fn has_before(&self) -> bool {
            true
        }

        fn before(&mut self, first: usize, channels: usize, values: &mut [f32]) {
            for pixel in values.chunks_exact_mut(channels) {
                for (n, value) in pixel.iter_mut().enumerate() {
                    *value *= (first + n) as f32;
                }
            }
        }

        fn after(&mut self, first: usize, values: &mut [f32]) {
            for (n, pixel) in values.chunks_exact_mut(3).enumerate() {
                for value in pixel {
                    *value += (first + n) as f32;
                }
            }
        }
    }
    let windows = Windows {
        vertical: axis(10, 1, 1, 1, 0),
        horizontal: axis(20, 1, 1, 1, 0),
        channels: 300,
    };
    let (image, weights): (Vec<f32>, Vec<f32>) = (numbers(windows.image_len(), 1), numbers(900, 2));
    let convolution = Convolution::new(windows, 1, Order::ResultsLast, &weights, &[]).unwrap();
    assert!(convolution.is_pointwise());
    let mut scratch = vec![0.0; convolution.scratch_len()];
    let mut found = vec![0.0; 600];
    convolution.run(&image, &mut found, &mut scratch, &mut Changes);
    let scaled: Vec<f32> = image
        .iter()
        .enumerate()
        .map(|(n, value)| value * (n % 300) as f32)
        .collect();
    let mut wanted = vec![0.0; 600];
    convolution.run(&scaled, &mut wanted, &mut scratch, &mut Nothing);
    for (n, value) in wanted.iter_mut().enumerate() {
        *value += (n / 3) as f32;
    }
    assert_eq!(found, wanted);
}

/// Each product in the order of the inputs, whatever the number of rows, and however the weights lie.
fn matrices_agree<T: ConvolutionReal + std::fmt::Debug>(fused: fn(T, T, T) -> T) {
    for (rows, inputs, outputs) in [
        (0, 5, 3),
        (1, 300, 100),
        (7, 1, 33),
        (12, 16, 16),
        (13, 257, 31),
        (200, 64, 40),
    ] {
        let (values, weights) = (numbers::<T>(rows * inputs, 5), numbers::<T>(inputs * outputs, 7));
        let turned: Vec<T> = (0..inputs * outputs)
            .map(|n| weights[n % inputs * outputs + n / inputs])
            .collect();
        let expected: Vec<T> = (0..rows * outputs)
            .map(|n| {
                let (row, column) = (n / outputs, n % outputs);
                (0..inputs).fold(T::ZERO, |sum, input| {
                    fused(values[row * inputs + input], weights[input * outputs + column], sum)
                })
            })
            .collect();
        for (weights, output_major) in [(&weights, false), (&turned, true)] {
            let matrix = Matrix::new(inputs, outputs, weights, output_major).unwrap();
            assert_eq!((matrix.inputs(), matrix.outputs()), (inputs, outputs));
            let mut products = vec![T::ONE; rows * outputs];
            matrix.multiply(&values, &mut products);
            assert_eq!(products, expected, "{rows} rows, {inputs} x {outputs}");
        }
    }
}

#[test]
fn rows_times_a_matrix_are_sums_in_the_order_of_the_inputs() {
    matrices_agree::<f32>(f32::mul_add);
    matrices_agree::<f64>(f64::mul_add);
}

#[test]
fn a_matrix_of_another_length_is_none() {
    assert!(Matrix::<f32>::new(2, 3, &[0.0; 5], false).is_none());
    assert!(Matrix::<f32>::new(0, 3, &[], false).is_none());
    assert!(Matrix::<f32>::new(3, 0, &[], false).is_none());
    assert!(Matrix::<f32>::new(usize::MAX, 2, &[0.0; 5], false).is_none());
}
