//! Numbers that are worked on at once, as the processor has them.
#![allow(unsafe_code)]
#![allow(
    clippy::inline_always,
    reason = "inlined into code that was compiled for the processor's vectors"
)]

use std::fmt::Debug;

use crate::activation::Real;

/// Vectors of one kind.
///
/// # Safety
/// Of all functions: the processor has what the vectors need, and pointers lead to as many numbers as a vector has.
pub(crate) trait Lanes: Copy {
    type Number: Real;
    /// Numbers of a vector.
    const COUNT: usize;

    unsafe fn all(number: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// `self * factor + sum`, rounded once.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
    unsafe fn times(self, factor: Self) -> Self;
    unsafe fn plus(self, other: Self) -> Self;
    /// 0 where it is below, and else what it is.
    unsafe fn rectified(self) -> Self;
}

/// Vectors for any processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable<T, const COUNT: usize>([T; COUNT]);

macro_rules! portable {
    ($float:ident) => {
        impl<const COUNT: usize> Lanes for Portable<$float, COUNT> {
            type Number = $float;
            const COUNT: usize = COUNT;

            #[inline(always)]
            unsafe fn all(number: $float) -> Self {
                Self([number; COUNT])
            }

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: there are as many, as the trait asks for.
                Self(unsafe { from.cast::<[$float; COUNT]>().read_unaligned() })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: as above.
                unsafe { to.cast::<[$float; COUNT]>().write_unaligned(self.0) };
            }

            #[inline(always)]
            unsafe fn times_plus(self, factor: Self, mut sum: Self) -> Self {
                for lane in 0..COUNT {
                    sum.0[lane] = self.0[lane].mul_add(factor.0[lane], sum.0[lane]);
                }
                sum
            }

            #[inline(always)]
            unsafe fn times(mut self, factor: Self) -> Self {
                for lane in 0..COUNT {
                    self.0[lane] *= factor.0[lane];
                }
                self
            }

            #[inline(always)]
            unsafe fn plus(mut self, other: Self) -> Self {
                for lane in 0..COUNT {
                    self.0[lane] += other.0[lane];
                }
                self
            }

            #[inline(always)]
            unsafe fn rectified(mut self) -> Self {
                for lane in 0..COUNT {
                    self.0[lane] = if self.0[lane] < 0.0 { 0.0 } else { self.0[lane] };
                }
                self
            }
        }
    };
}

portable!(f32);
portable!(f64);

/// Copies fewer than 32 numbers, without a call.
#[inline(always)]
pub(crate) unsafe fn copy_few<T: Copy>(from: *const T, to: *mut T, count: usize) {
    let mut done = 0;
    macro_rules! copy {
        ($($group:literal)*) => {
            $(if count & $group != 0 {
                // SAFETY: both have `count` numbers, as the caller says, of which so many are left.
                unsafe {
                    let group = from.add(done).cast::<[T; $group]>().read_unaligned();
                    to.add(done).cast::<[T; $group]>().write_unaligned(group);
                }
                done += $group;
            })*
        };
    }
    copy!(16 8 4 2 1);
    debug_assert_eq!(done, count);
}

/// Has numbers brought near that are needed soon, if they are there.
#[inline(always)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_variables, reason = "other processors foresee more")
)]
pub(crate) fn bring_near<T>(numbers: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: any address may be given.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(numbers.cast());
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    ($vector:ident, $float:ident, $count:literal, $all:ident, $load:ident, $store:ident, $fused:ident,
     $times:ident, $plus:ident, $largest:ident) => {
        impl Lanes for std::arch::x86_64::$vector {
            type Number = $float;
            const COUNT: usize = $count;

            #[inline(always)]
            unsafe fn all(number: $float) -> Self {
                // SAFETY: the processor has it, as the trait asks for; so below.
                unsafe { std::arch::x86_64::$all(number) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: as above, and the numbers are there.
                unsafe { std::arch::x86_64::$load(from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$store(to, self) };
            }

            #[inline(always)]
            unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$fused(self, factor, sum) }
            }

            #[inline(always)]
            unsafe fn times(self, factor: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$times(self, factor) }
            }

            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$plus(self, other) }
            }

            #[inline(always)]
            unsafe fn rectified(self) -> Self {
                // SAFETY: as above. Of two zeros, and of a number and NaN, this gives the second.
                unsafe { std::arch::x86_64::$largest(Self::all(0.0), self) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector!(
    __m512,
    f32,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_mul_ps,
    _mm512_add_ps,
    _mm512_max_ps
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m512d,
    f64,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_fmadd_pd,
    _mm512_mul_pd,
    _mm512_add_pd,
    _mm512_max_pd
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m256,
    f32,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_mul_ps,
    _mm256_add_ps,
    _mm256_max_ps
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m256d,
    f64,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_fmadd_pd,
    _mm256_mul_pd,
    _mm256_add_pd,
    _mm256_max_pd
);
