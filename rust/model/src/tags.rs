//! Copying and clearing the tags of rows. Most rows have few cells, for which a call of the C library takes longer than its work.

const FEW: usize = 16;

/// Copies tags.
///
/// # Panics
/// When the slices differ in length.
#[inline]
pub fn copy_tags(to: &mut [u8], from: &[u8]) {
    match from.len() {
        1 => copy_ends::<1>(to, from),
        2..=3 => copy_ends::<2>(to, from),
        4..=7 => copy_ends::<4>(to, from),
        8..=FEW => copy_ends::<8>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Makes all cells missing.
#[inline]
pub(crate) fn clear_tags(tags: &mut [u8]) {
    match [0; FEW].get(..tags.len()) {
        Some(missing) => copy_tags(tags, missing),
        None => tags.fill(0),
    }
}

/// Copies the first and the last `N` bytes, which are all of `N` to twice `N`.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    assert_eq!(to.len(), from.len(), "as many tags");
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        if let Some(to) = to.first_chunk_mut() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tags_are_copied_and_cleared_and_no_others() {
        let from: Vec<u8> = (1..=40).collect();
        for length in 0..=from.len() {
            let mut to = vec![77; length + 2];
            copy_tags(&mut to[1..=length], &from[..length]);
            assert_eq!(to, [&[77], &from[..length], &[77]].concat());
            clear_tags(&mut to[1..=length]);
            assert_eq!(to, [&[77], &*vec![0; length], &[77]].concat());
        }
    }
}
