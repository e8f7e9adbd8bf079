//! The order of an ordinal field's values.

use std::sync::Arc;

/// The ranks of an ordinal field's texts by their codes; fields of inner mining schemas share those of the outer ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order(Option<Arc<[(u32, u32)]>>);

impl Order {
    /// The rank of a text, of equals the first.
    pub(crate) fn rank(&self, code: u32) -> Option<u32> {
        let ranks = self.0.as_deref()?;
        let at = ranks.partition_point(|(known, _)| *known < code);
        ranks.get(at).filter(|(known, _)| *known == code).map(|(_, rank)| *rank)
    }

    /// Bytes of one of those that share the ranks.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0
            .as_ref()
            .map_or(0, |ranks| (16 + size_of_val(&**ranks)) / Arc::strong_count(ranks))
    }
}

impl FromIterator<u32> for Order {
    fn from_iter<T: IntoIterator<Item = u32>>(codes: T) -> Self {
        let mut ranks: Vec<(u32, u32)> = codes.into_iter().zip(0..).collect();
        ranks.sort_unstable();
        Self(Some(ranks.into()))
    }
}
