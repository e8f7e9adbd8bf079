//! Floating-point numbers of 16 bits. They are stored and moved; calculations widen them to `f32` and round once.

use std::cmp::Ordering;

/// IEEE 754 binary16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct F16(pub(crate) u16);

/// The upper half of an `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BF16(pub(crate) u16);

impl F16 {
    pub(crate) fn to_f32(self) -> f32 {
        let sign = u32::from(self.0 & 0x8000) << 16;
        let (exponent, fraction) = (u32::from(self.0 >> 10 & 0x1f), u32::from(self.0 & 0x3ff));
        match exponent {
            // A subnormal is a multiple of 2^-24.
            0 => {
                let magnitude = fraction as f32 * f32::from_bits(0x3380_0000);
                f32::from_bits(magnitude.to_bits() | sign)
            }
            0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
            _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
        }
    }

    /// The nearest one, halves to the even one.
    pub(crate) fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let sign = (bits >> 16 & 0x8000) as u16;
        let magnitude = bits & 0x7fff_ffff;
        if magnitude > 0x7f80_0000 {
            return Self(sign | 0x7e00);
        }
        // From 65520 on, the nearest would be 2^16.
        if magnitude >= 0x477f_f000 {
            return Self(sign | 0x7c00);
        }
        if magnitude < 0x3880_0000 {
            // Adding 0.5 leaves the value in units of 2^-24, correctly rounded, in the low bits.
            let shifted = f32::from_bits(magnitude) + 0.5;
            return Self(sign | (shifted.to_bits() - 0x3f00_0000) as u16);
        }
        let odd = magnitude >> 13 & 1;
        let rounded = magnitude - (112 << 23) + 0xfff + odd;
        Self(sign | (rounded >> 13) as u16)
    }
}

impl BF16 {
    pub(crate) fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// The nearest one, halves to the even one.
    pub(crate) fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        if value.is_nan() {
            return Self((bits >> 16 | 0x40) as u16);
        }
        Self((bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16)
    }
}

impl PartialOrd for F16 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.to_f32().partial_cmp(&other.to_f32())
    }
}

impl PartialOrd for BF16 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.to_f32().partial_cmp(&other.to_f32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_rounds_to_the_nearest() {
        for (wide, bits) in [
            (0.0_f32, 0x0000),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65519.9, 0x7bff),
            (65520.0, 0x7c00),
            (f32::INFINITY, 0x7c00),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (2.980_232_2e-8, 0x0000),
            (8.940_697e-8, 0x0002),
            (1.000_488_3, 0x3c00),
            (1.001_464_8, 0x3c02),
        ] {
            assert_eq!(F16::from_f32(wide).0, bits, "{wide}");
        }
        assert!(F16::from_f32(f32::NAN).to_f32().is_nan());
    }

    #[test]
    fn every_half_reads_back() {
        for bits in 0..=u16::MAX {
            let half = F16(bits);
            if !half.to_f32().is_nan() {
                assert_eq!(F16::from_f32(half.to_f32()), half);
            }
            let brain = BF16(bits);
            if !brain.to_f32().is_nan() {
                assert_eq!(BF16::from_f32(brain.to_f32()), brain);
            }
        }
        assert_eq!(BF16::from_f32(1.003_906_3), BF16(0x3f80));
        assert!(F16(0xc000) < F16(0x0001) && F16(0x8000) <= F16(0));
    }
}
