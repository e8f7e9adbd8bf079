//! The innermost loops, compiled for each kind of processor.

use super::{Around, Convolution};
use crate::activation::Real;
use crate::lanes::{Lanes, Portable, bring_near, copy_few};

/// Rows of a product: `rows` times `depth` values from `input` on, multiplied with as many columns of weights as the kind
/// of processor takes at once.
pub(super) struct Tile<T> {
    pub(super) rows: usize,
    pub(super) depth: usize,
    pub(super) input: *const T,
    /// From one row to the next.
    pub(super) input_pitch: usize,
    pub(super) weights: *const T,
    pub(super) weights_pitch: usize,
    /// What the sums begin with, for whole vectors; none when they go on from what is in `output`.
    pub(super) start: Option<*const T>,
    pub(super) output: *mut T,
    pub(super) output_pitch: usize,
    /// Columns that are there.
    pub(super) columns: usize,
}

/// Pixels of a convolution in which each channel is for itself.
pub(super) struct Pixels<T> {
    pub(super) count: usize,
    pub(super) channels: usize,
    /// The first value under the first window that lies on the image.
    pub(super) input: *const T,
    /// From one pixel's window to the next, from one line of a window to the next, from one value of a line to the next.
    pub(super) input_pitches: [usize; 3],
    /// Lines and values of a line that lie on the image.
    pub(super) window: [usize; 2],
    pub(super) weights: *const T,
    /// From one line of the weights to the next.
    pub(super) weights_pitch: usize,
    pub(super) start: *const T,
    pub(super) output: *mut T,
}

/// Vectors of numbers that sums are kept in, one beside the other.
const VECTORS: usize = 2;

/// Lines of weights between that which is multiplied and that which is fetched.
const AHEAD: usize = 24;

/// Which loops a processor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Processor {
    Any,
    /// With AVX2 and fused multiplication.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Processor {
    pub(super) fn find() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Any
    }

    /// Rows of a tile.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Any => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 6,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 12,
        }
    }
}

/// `f32` and `f64`.
pub trait ConvolutionReal: Real {
    /// Columns that lie side by side in the weights.
    #[doc(hidden)]
    const PANEL: usize;

    #[doc(hidden)]
    fn convolve(
        convolution: &Convolution<Self>,
        pixels: usize,
        image: &[Self],
        result: &mut [Self],
        scratch: &mut [Self],
        around: &mut impl Around<Self>,
    );
}

/// # Safety
/// The processor is one of the kind, and pointers lead to what the parts of the argument say.
pub(super) trait Loops: ConvolutionReal {
    /// Columns of a tile.
    fn columns(processor: Processor) -> usize;
    unsafe fn multiply(processor: Processor, tile: &Tile<Self>);
    unsafe fn slide(processor: Processor, pixels: &Pixels<Self>);
}

#[inline(always)]
unsafe fn multiplied<L: Lanes, const ROWS: usize, const WIDTH: usize>(tile: &Tile<L::Number>) {
    // A row has no more than two vectors, of at most 16 numbers.
    let mut rest = [<L::Number as Real>::ZERO; 32];
    let whole = tile.columns == WIDTH * L::COUNT;
    // SAFETY: the caller's pointers lead to what the tile says, and `rest` has room for the columns of a row.
    unsafe {
        let mut sums = [[L::all(L::Number::ZERO); WIDTH]; ROWS];
        if let Some(start) = tile.start {
            for sums in &mut sums {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(start.add(n * L::COUNT));
                }
            }
        } else {
            for (row, sums) in sums.iter_mut().enumerate() {
                let mut from = tile.output.add(row * tile.output_pitch).cast_const();
                if !whole {
                    copy_few(from, rest.as_mut_ptr(), tile.columns);
                    from = rest.as_ptr();
                }
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(from.add(n * L::COUNT));
                }
            }
        }
        let mut inputs = [tile.input; ROWS];
        for (row, input) in inputs.iter_mut().enumerate() {
            *input = tile.input.add(row * tile.input_pitch);
        }
        let mut weights = tile.weights;
        for place in 0..tile.depth {
            let mut factors = [L::all(L::Number::ZERO); WIDTH];
            for (n, factor) in factors.iter_mut().enumerate() {
                *factor = L::load(weights.add(n * L::COUNT));
                // What the processor foresees by itself ends with a page.
                bring_near(weights.wrapping_add(AHEAD * tile.weights_pitch + n * L::COUNT));
            }
            for row in 0..ROWS {
                let value = L::all(*inputs[row].add(place));
                for n in 0..WIDTH {
                    sums[row][n] = value.times_plus(factors[n], sums[row][n]);
                }
            }
            weights = weights.add(tile.weights_pitch);
        }
        for (row, sums) in sums.iter().enumerate() {
            let to = tile.output.add(row * tile.output_pitch);
            let room = if whole { to } else { rest.as_mut_ptr() };
            for (n, sum) in sums.iter().enumerate() {
                sum.store(room.add(n * L::COUNT));
            }
            if !whole {
                copy_few(rest.as_ptr(), to, tile.columns);
            }
        }
    }
}

/// Pixels and channels from `channel` on, as many as `WIDTH` vectors have.
#[inline(always)]
unsafe fn slid_over<L: Lanes, const PIXELS: usize, const WIDTH: usize>(
    job: &Pixels<L::Number>,
    pixel: usize,
    channel: usize,
) {
    let [pixel_pitch, line_pitch, value_pitch] = job.input_pitches;
    let [lines, values] = job.window;
    // SAFETY: as the caller says, and `channel` is so far from the last one.
    unsafe {
        let mut sums = [[L::all(L::Number::ZERO); WIDTH]; PIXELS];
        for sums in &mut sums {
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(job.start.add(channel + n * L::COUNT));
            }
        }
        let input = job.input.add(pixel * pixel_pitch + channel);
        for line in 0..lines {
            for value in 0..values {
                let from = input.add(line * line_pitch + value * value_pitch);
                let weights = job
                    .weights
                    .add(line * job.weights_pitch + value * job.channels + channel);
                for n in 0..WIDTH {
                    let factor = L::load(weights.add(n * L::COUNT));
                    for (pixel, sums) in sums.iter_mut().enumerate() {
                        let value = L::load(from.add(pixel * pixel_pitch + n * L::COUNT));
                        sums[n] = value.times_plus(factor, sums[n]);
                    }
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            let to = job.output.add((pixel + n) * job.channels + channel);
            for (n, sum) in sums.iter().enumerate() {
                sum.store(to.add(n * L::COUNT));
            }
        }
    }
}

/// All pixels, as many channels as `WIDTH` vectors have.
#[inline(always)]
unsafe fn slid_along<L: Lanes, const WIDTH: usize>(job: &Pixels<L::Number>, channel: usize) {
    let mut pixel = 0;
    // SAFETY: as the caller says.
    unsafe {
        while pixel + 4 <= job.count {
            slid_over::<L, 4, WIDTH>(job, pixel, channel);
            pixel += 4;
        }
        if pixel + 2 <= job.count {
            slid_over::<L, 2, WIDTH>(job, pixel, channel);
            pixel += 2;
        }
        if pixel < job.count {
            slid_over::<L, 1, WIDTH>(job, pixel, channel);
        }
    }
}

#[inline(always)]
unsafe fn slid<L: Lanes, One: Lanes<Number = L::Number>>(job: &Pixels<L::Number>) {
    let wide = VECTORS * L::COUNT;
    let mut channel = 0;
    // SAFETY: as the caller says.
    unsafe {
        while channel + wide <= job.channels {
            slid_along::<L, VECTORS>(job, channel);
            channel += wide;
        }
        if channel + L::COUNT <= job.channels {
            slid_along::<L, 1>(job, channel);
            channel += L::COUNT;
        }
        if channel < job.channels && job.channels >= L::COUNT {
            // Some channels of the last vector once more, which gives the same.
            slid_along::<L, 1>(job, job.channels - L::COUNT);
            channel = job.channels;
        }
        for channel in channel..job.channels {
            slid_along::<One, 1>(job, channel);
        }
    }
}

macro_rules! loops {
    ($multiply:ident, $slide:ident, $lanes:ty, $float:ident, [$($rows:literal)*], $(#[$attribute:meta])*) => {
        $(#[$attribute])*
        unsafe fn $multiply(tile: &Tile<$float>) {
            // SAFETY: as the caller says.
            unsafe {
                match (tile.rows, tile.columns > <$lanes as Lanes>::COUNT) {
                    $(
                        ($rows, true) => multiplied::<$lanes, $rows, VECTORS>(tile),
                        ($rows, false) => multiplied::<$lanes, $rows, 1>(tile),
                    )*
                    _ => {}
                }
            }
        }

        $(#[$attribute])*
        unsafe fn $slide(pixels: &Pixels<$float>) {
            // SAFETY: as the caller says.
            unsafe { slid::<$lanes, Portable<$float, 1>>(pixels) };
        }
    };
}

macro_rules! convolution_real {
    ($float:ident, $panel:literal, $wide:ident, $half:ident, $portable:literal,
     $multiply:ident, $slide:ident, $multiply_half:ident, $slide_half:ident, $multiply_wide:ident, $slide_wide:ident) => {
        loops!($multiply, $slide, Portable<$float, $portable>, $float, [1 2 3 4],);
        #[cfg(target_arch = "x86_64")]
        loops!($multiply_half, $slide_half, std::arch::x86_64::$half, $float, [1 2 3 4 5 6],
            #[target_feature(enable = "avx2,fma")]);
        #[cfg(target_arch = "x86_64")]
        loops!($multiply_wide, $slide_wide, std::arch::x86_64::$wide, $float, [1 2 3 4 5 6 7 8 9 10 11 12],
            #[target_feature(enable = "avx512f,avx2,fma")]);

        impl ConvolutionReal for $float {
            const PANEL: usize = $panel;

            fn convolve(
                convolution: &Convolution<Self>,
                pixels: usize,
                image: &[Self],
                result: &mut [Self],
                scratch: &mut [Self],
                around: &mut impl Around<Self>,
            ) {
                convolution.convolve(pixels, image, result, scratch, around);
            }
        }

        impl Loops for $float {
            fn columns(processor: Processor) -> usize {
                match processor {
                    Processor::Any => VECTORS * $portable,
                    #[cfg(target_arch = "x86_64")]
                    Processor::Avx2 => $panel / 2,
                    #[cfg(target_arch = "x86_64")]
                    Processor::Avx512 => $panel,
                }
            }

            unsafe fn multiply(processor: Processor, tile: &Tile<Self>) {
                // SAFETY: as the caller says.
                unsafe {
                    match processor {
                        Processor::Any => $multiply(tile),
                        #[cfg(target_arch = "x86_64")]
                        Processor::Avx2 => $multiply_half(tile),
                        #[cfg(target_arch = "x86_64")]
                        Processor::Avx512 => $multiply_wide(tile),
                    }
                }
            }

            unsafe fn slide(processor: Processor, pixels: &Pixels<Self>) {
                // SAFETY: as the caller says.
                unsafe {
                    match processor {
                        Processor::Any => $slide(pixels),
                        #[cfg(target_arch = "x86_64")]
                        Processor::Avx2 => $slide_half(pixels),
                        #[cfg(target_arch = "x86_64")]
                        Processor::Avx512 => $slide_wide(pixels),
                    }
                }
            }
        }
    };
}

convolution_real!(
    f32,
    32,
    __m512,
    __m256,
    4,
    multiply_singles,
    slide_singles,
    multiply_singles_avx2,
    slide_singles_avx2,
    multiply_singles_avx512,
    slide_singles_avx512
);
convolution_real!(
    f64,
    16,
    __m512d,
    __m256d,
    2,
    multiply_doubles,
    slide_doubles,
    multiply_doubles_avx2,
    slide_doubles_avx2,
    multiply_doubles_avx512,
    slide_doubles_avx512
);
