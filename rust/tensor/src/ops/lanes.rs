//! Axes as the middle of three: what lies before, the axis, what lies behind.

use crate::array::axis_of;
use crate::trouble::Trouble;

/// A tensor seen along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    pub(super) outer: usize,
    pub(super) length: usize,
    pub(super) inner: usize,
}

impl Lanes {
    pub(super) fn along(shape: &[usize], axis: i64) -> Result<Self, Trouble> {
        let axis = axis_of(axis, shape.len())?;
        Ok(Self {
            outer: shape[..axis].iter().product(),
            length: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        })
    }

    /// The axes before `axis` as one, those from it on as the other.
    pub(super) fn from(shape: &[usize], axis: i64) -> Result<Self, Trouble> {
        let counted = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let axis = usize::try_from(counted)
            .ok()
            .filter(|axis| *axis <= shape.len())
            .ok_or_else(|| Trouble::failed(format!("there is no axis {axis} in {shape:?}")))?;
        Ok(Self {
            outer: shape[..axis].iter().product(),
            length: shape[axis..].iter().product(),
            inner: 1,
        })
    }

    /// Index of the first element of each lane; its neighbours are `inner` apart.
    pub(super) fn starts(self) -> impl Iterator<Item = usize> {
        let Self { outer, length, inner } = self;
        (0..outer).flat_map(move |block| (0..inner).map(move |lane| block * length * inner + lane))
    }

    /// Copies a lane.
    pub(super) fn read<T: Clone>(self, values: &[T], start: usize, lane: &mut Vec<T>) {
        lane.clear();
        lane.extend((0..self.length).map(|n| values[start + n * self.inner].clone()));
    }

    pub(super) fn write<T: Clone>(self, values: &mut [T], start: usize, lane: &[T]) {
        for (n, value) in lane.iter().enumerate() {
            values[start + n * self.inner] = value.clone();
        }
    }
}
