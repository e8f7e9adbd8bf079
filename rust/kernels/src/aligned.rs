//! Numbers that begin where a cache line does.
//!
//! What the allocator gives begins anywhere, for large amounts always 16 bytes after a page: then each vector of 64 bytes lies
//! in two lines and half of those of 32, which costs a dense layer a third of its time.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vectors.
const LINE: usize = 64;

/// A fixed number of numbers in order.
pub(crate) struct Aligned<T> {
    /// With what comes before the first.
    room: Vec<T>,
    first: usize,
}

impl<T: Clone> Aligned<T> {
    /// None yet, and room for so many: more than that may lie anywhere. What comes before the first is `filler`.
    pub(crate) fn with_capacity(count: usize, filler: T) -> Self {
        let mut room: Vec<T> = Vec::with_capacity(count + LINE / size_of::<T>().max(1));
        let first = room.as_ptr().align_offset(LINE).min(room.capacity() - count);
        room.resize(first, filler);
        Self { room, first }
    }

    /// So many times the same.
    pub(crate) fn of(number: T, count: usize) -> Self {
        let mut all = Self::with_capacity(count, number.clone());
        all.room.resize(all.first + count, number);
        all
    }

    pub(crate) fn extend(&mut self, numbers: impl IntoIterator<Item = T>) {
        self.room.extend(numbers);
    }
}

impl<T> Aligned<T> {
    /// Bytes of heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.room.capacity() * size_of::<T>()
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.room[self.first..]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.first..]
    }
}

impl<T: Clone> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let Some(any) = self.first() else {
            return Self {
                room: Vec::new(),
                first: 0,
            };
        };
        let mut clone = Self::with_capacity(self.len(), any.clone());
        clone.room.extend_from_slice(self);
        clone
    }
}

impl<T: PartialEq> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_their_copies_begin_with_a_line() {
        for count in [1, 7, 1000, 100_000] {
            let mut numbers = Aligned::with_capacity(count, 0.0);
            numbers.extend((0..count).map(|n| n as f32));
            let copy = numbers.clone();
            for numbers in [&numbers, &copy] {
                assert_eq!(numbers.len(), count);
                assert_eq!(numbers.as_ptr().align_offset(LINE), 0, "{count}");
                assert!(numbers.iter().enumerate().all(|(n, number)| *number == n as f32));
            }
            assert_eq!(numbers, copy);
            assert_eq!(Aligned::of(1.0, count).as_ptr().align_offset(LINE), 0);
        }
    }
}
