//! Numbers that are worked on at once, as the processor has them.

use std::fmt::Debug;

use crate::activation::Real;

/// Vectors of one kind.
///
/// # Safety
/// Of all functions: the processor has what the vectors need, and pointers lead to as many numbers as a vector has.
pub(super) trait Lanes: Copy {
    type Number: Real;
    /// Numbers of a vector.
    const COUNT: usize;

    unsafe fn all(number: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// `self * factor + sum`, rounded once.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
}

/// Vectors for any processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable<T, const COUNT: usize>([T; COUNT]);

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
        }
    };
}

portable!(f32);
portable!(f64);

/// Has numbers brought near that are needed soon, if they are there.
#[inline(always)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_variables, reason = "other processors foresee more")
)]
pub(super) fn bring_near<T>(numbers: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: any address may be given.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(numbers.cast());
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    ($vector:ident, $float:ident, $count:literal, $all:ident, $load:ident, $store:ident, $fused:ident) => {
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
    _mm512_fmadd_ps
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m512d,
    f64,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_fmadd_pd
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m256,
    f32,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps
);
#[cfg(target_arch = "x86_64")]
vector!(
    __m256d,
    f64,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_fmadd_pd
);
