//! Windows that are reduced to a pixel each, channel by channel.

use super::{Axis, Windows};
use crate::activation::Real;

/// What becomes of the values of a channel under a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooled {
    /// NaN counts when it is the first.
    Maximum,
    /// NaN never counts.
    MaximumOfNumbers,
    /// The sum, line by line, divided by the number of values.
    Mean,
}

/// How an image is reduced.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooling {
    how: Pooled,
    windows: Windows,
    /// For each place of an axis: the entries that count in a mean.
    counts: [Vec<usize>; 2],
}

impl Pooling {
    /// `counts`: for each line and for each column of the result, how many entries of a window count in a mean. `None`
    /// when there are not as many.
    pub fn new(how: Pooled, windows: Windows, counts: [Vec<usize>; 2]) -> Option<Self> {
        let fits = counts[0].len() == windows.vertical.output && counts[1].len() == windows.horizontal.output;
        fits.then_some(Self { how, windows, counts })
    }

    /// Bytes of heap.
    pub fn heap_bytes(&self) -> usize {
        (self.counts[0].capacity() + self.counts[1].capacity()) * size_of::<usize>()
    }

    /// Values under all windows.
    pub fn work(&self) -> usize {
        let Windows {
            vertical,
            horizontal,
            channels,
        } = self.windows;
        [vertical.output, horizontal.output, vertical.size, horizontal.size]
            .iter()
            .fold(channels, |work, factor| work.saturating_mul(*factor))
    }

    /// Reduces one image. Nothing is allocated.
    ///
    /// # Panics
    /// When `image` or `result` is shorter than the windows say.
    pub fn run<T: Real>(&self, image: &[T], result: &mut [T]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            unsafe { run_avx2(self, image, result) };
            return;
        }
        self.run_inlined(image, result);
    }

    #[inline(always)]
    fn run_inlined<T: Real>(&self, image: &[T], result: &mut [T]) {
        let Windows {
            vertical,
            horizontal,
            channels,
        } = self.windows;
        let place = |axis: Axis, at: usize, entry: usize| at * axis.stride + entry * axis.dilation - axis.before;
        for (y, line) in result.chunks_exact_mut(horizontal.output * channels).enumerate() {
            let (top, lines) = vertical.inside(y);
            for (x, result) in line.chunks_exact_mut(channels).enumerate() {
                let (left, columns) = horizontal.inside(x);
                let mut first = self.how == Pooled::Maximum;
                if !first || lines * columns == 0 {
                    result.fill(if self.how == Pooled::Mean { T::ZERO } else { T::LOWEST });
                }
                for line in top..top + lines {
                    for column in left..left + columns {
                        let pixel = place(vertical, y, line) * horizontal.input + place(horizontal, x, column);
                        let values = &image[pixel * channels..][..channels];
                        if first {
                            result.copy_from_slice(values);
                            first = false;
                        } else if self.how == Pooled::Mean {
                            for (sum, value) in result.iter_mut().zip(values) {
                                *sum = *sum + *value;
                            }
                        } else {
                            for (most, value) in result.iter_mut().zip(values) {
                                *most = if *value > *most { *value } else { *most };
                            }
                        }
                    }
                }
                let count = self.counts[0][y] * self.counts[1][x];
                if self.how == Pooled::Mean && count > 0 {
                    let count = T::from_f64(count as f64);
                    for sum in result {
                        *sum = *sum / count;
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Real>(pooling: &Pooling, image: &[T], result: &mut [T]) {
    pooling.run_inlined(image, result);
}
