//! The upper levels of trees, complete: every test of a level is made, for 32 trees side by side, and the path of each tree
//! is picked out afterwards. That is more tests than a walk makes, but no test waits for another one, and with 32 tests to a
//! few instructions it takes a fraction of the time.
//!
//! Ranks are bytes here. A feature with more than 255 thresholds is several columns, each of which tells 255 of them apart:
//! see [`columns`].

#![allow(clippy::inline_always, reason = "these are parts of the innermost loops")]

/// Trees side by side.
pub(super) const WIDTH: usize = 32;
/// Most levels.
pub(super) const MOST: u32 = 7;
/// Columns that one lookup within a register can tell apart.
const PAGE: usize = 16;
/// Most such lookups for a test.
const MOST_PAGES: usize = 16;
/// Thresholds of a feature that one column tells apart.
const RANKS: u32 = 255;

/// The tests at one place of 32 trees.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct TestRow {
    /// Ranks that go left, as signed numbers.
    ranks: [i8; WIDTH],
    columns: [u8; WIDTH],
}

/// Unsigned bytes compare as these signed ones do; the processor only has the latter.
const fn signed(rank: u8) -> i8 {
    (rank ^ 0x80).cast_signed()
}

impl TestRow {
    /// Tests that all go left.
    pub(super) const LEFT: Self = Self {
        ranks: [i8::MAX; WIDTH],
        columns: [0; WIDTH],
    };

    pub(super) fn set(&mut self, tree: usize, column: u8, rank: u8) {
        self.columns[tree] = column;
        self.ranks[tree] = signed(rank);
    }

    /// Whether this stands below a leaf, and is no test of the tree.
    pub(super) fn is_filling(&self, tree: usize) -> bool {
        self.ranks[tree] == i8::MAX
    }

    pub(super) fn column(&self, tree: usize) -> usize {
        usize::from(self.columns[tree])
    }

    pub(super) fn rank(&self, tree: usize) -> u8 {
        self.ranks[tree].cast_unsigned() ^ 0x80
    }
}

/// A column: a feature, and the first of the ranks that it tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) feature: u16,
    pub(super) first: u32,
}

/// The columns for features with so many thresholds each, by feature; `None` when they are too many for tests here.
pub(super) fn columns(thresholds: impl Iterator<Item = u32>) -> Option<Vec<Column>> {
    let mut columns = Vec::new();
    for (feature, count) in thresholds.enumerate() {
        for part in 0..count.div_ceil(RANKS) {
            columns.push(Column {
                feature: u16::try_from(feature).ok()?,
                first: part * RANKS,
            });
            if columns.len() > MOST_PAGES * PAGE {
                return None;
            }
        }
    }
    Some(columns)
}

/// The column and the rank within it that stand for the rank of a threshold.
pub(super) fn place(columns: &[Column], feature: u16, rank: u32) -> (u8, u8) {
    let wanted = Column {
        feature,
        first: rank / RANKS * RANKS,
    };
    let column = columns.iter().position(|column| *column == wanted).unwrap_or(0);
    (column as u8, (rank - wanted.first) as u8)
}

/// The ranks of a row as the tests look them up.
pub(super) type Page = [i8; PAGE];

/// Pages for so many columns.
pub(super) fn pages(columns: usize) -> usize {
    columns.div_ceil(PAGE).max(1)
}

/// Writes the ranks of a row, given by feature.
#[inline(always)]
pub(super) fn fill(columns: &[Column], ranks: &[u32], pages: &mut [Page]) {
    for (column, to) in columns.iter().zip(pages.as_flattened_mut()) {
        let rank = ranks[usize::from(column.feature)].saturating_sub(column.first);
        *to = signed(rank.min(RANKS) as u8);
    }
}

/// How many levels are worth it for so many trees side by side: the tests of one more level must not be more work than one
/// more step of each tree.
pub(super) fn worth(trees: usize, pages: usize) -> u32 {
    const STEP: usize = 12;
    let work = |level: u32| (4 * pages) << level;
    (0..MOST).take_while(|level| work(*level) <= trees * STEP).count() as u32
}

/// The number of the exit that each of 32 trees takes from so many levels, for a row with these pages.
///
/// # Panics
/// When there are not as many rows of tests as the levels have places, or no pages.
#[inline]
pub(super) fn exits(rows: &[TestRow], levels: u32, pages: &[Page]) -> [u8; WIDTH] {
    if levels == 0 {
        return [0; WIDTH];
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        return unsafe { avx2::exits(rows, levels, pages) };
    }
    exits_portable(rows, levels, pages)
}

/// [`exits`] for any processor.
pub(super) fn exits_portable(rows: &[TestRow], levels: u32, pages: &[Page]) -> [u8; WIDTH] {
    let ranks = pages.as_flattened();
    let mut at = [0_u8; WIDTH];
    for level in 0..levels {
        let tests = &rows[(1 << level) - 1..(2 << level) - 1];
        for (tree, at) in at.iter_mut().enumerate() {
            let test = &tests[usize::from(*at)];
            *at = 2 * *at + u8::from(ranks[test.column(tree)] > test.ranks[tree]);
        }
    }
    at
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_adds_epu8, _mm256_blendv_epi8, _mm256_broadcastsi128_si256,
        _mm256_cmpgt_epi8, _mm256_load_si256, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_sub_epi8,
    };

    use super::{MOST, PAGE, Page, TestRow, WIDTH};

    /// Looks up ranks by column.
    trait Lookup: Copy {
        fn ranks(self, columns: __m256i) -> __m256i;
    }

    /// Up to 16 columns: in one register.
    #[derive(Clone, Copy)]
    struct OnePage(__m256i);

    impl Lookup for OnePage {
        #[inline(always)]
        fn ranks(self, columns: __m256i) -> __m256i {
            // SAFETY: only used where the processor has AVX2.
            unsafe { _mm256_shuffle_epi8(self.0, columns) }
        }
    }

    /// More columns, a page in each register.
    #[derive(Clone, Copy)]
    struct SomePages<const PAGES: usize>([__m256i; PAGES]);

    impl<const PAGES: usize> Lookup for SomePages<PAGES> {
        #[inline(always)]
        fn ranks(self, columns: __m256i) -> __m256i {
            // SAFETY: only used where the processor has AVX2.
            unsafe {
                let mut ranks = _mm256_setzero_si256();
                for (number, page) in self.0.into_iter().enumerate() {
                    let from_page = _mm256_sub_epi8(columns, _mm256_set1_epi8((number * PAGE) as i8));
                    ranks = _mm256_or_si256(ranks, _mm256_shuffle_epi8(page, only_on_page(from_page)));
                }
                ranks
            }
        }
    }

    /// Any number of columns.
    #[derive(Clone, Copy)]
    struct ManyPages<'a>(&'a [Page]);

    impl Lookup for ManyPages<'_> {
        #[inline(always)]
        fn ranks(self, columns: __m256i) -> __m256i {
            // SAFETY: only used where the processor has AVX2.
            unsafe {
                let mut ranks = _mm256_setzero_si256();
                let mut from_page = columns;
                for page in self.0 {
                    ranks = _mm256_or_si256(ranks, _mm256_shuffle_epi8(broadcast(page), only_on_page(from_page)));
                    from_page = _mm256_sub_epi8(from_page, _mm256_set1_epi8(PAGE as i8));
                }
                ranks
            }
        }
    }

    /// Makes of indices that are not on a page such as look up 0.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn only_on_page(from_page: __m256i) -> __m256i {
        _mm256_adds_epu8(from_page, _mm256_set1_epi8(0x70))
    }

    /// 16 bytes in both halves of a register.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn broadcast(page: &Page) -> __m256i {
        // SAFETY: there are 16 bytes, at any address.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(page.as_ptr().cast()) })
    }

    /// As [`exits`](super::exits).
    #[target_feature(enable = "avx2")]
    pub(super) fn exits(rows: &[TestRow], levels: u32, pages: &[Page]) -> [u8; WIDTH] {
        let mut exits = [0; WIDTH];
        let taken = match pages {
            [a] => pick(rows, levels, OnePage(broadcast(a))),
            [a, b] => pick(rows, levels, SomePages([broadcast(a), broadcast(b)])),
            [a, b, c] => pick(rows, levels, SomePages([broadcast(a), broadcast(b), broadcast(c)])),
            _ => pick(rows, levels, ManyPages(pages)),
        };
        // SAFETY: there are 32 bytes, at any address.
        unsafe { _mm256_storeu_si256(exits.as_mut_ptr().cast(), taken) };
        exits
    }

    #[inline(always)]
    fn pick(rows: &[TestRow], levels: u32, lookup: impl Lookup) -> __m256i {
        // SAFETY: only used where the processor has AVX2.
        unsafe {
            let mut path = [_mm256_setzero_si256(); MOST as usize];
            let mut at = _mm256_setzero_si256();
            // Written out, as each level picks from twice as many tests.
            macro_rules! level {
                ($level:literal, $pick:ident) => {
                    if levels > $level {
                        let tests = &rows[(1 << $level) - 1..(2 << $level) - 1];
                        path[$level] = $pick(tests, lookup, &path[..$level]);
                        // To the left child, or to the right one: the test is -1 then.
                        at = _mm256_sub_epi8(_mm256_add_epi8(at, at), path[$level]);
                    }
                };
            }
            level!(0, pick1);
            level!(1, pick2);
            level!(2, pick4);
            level!(3, pick8);
            level!(4, pick16);
            level!(5, pick32);
            level!(6, pick64);
            at
        }
    }

    /// All ones for the trees that go right.
    #[inline(always)]
    fn pick1(rows: &[TestRow], lookup: impl Lookup, _: &[__m256i]) -> __m256i {
        let row = &rows[0];
        // SAFETY: rows are aligned to 64 bytes and their two parts are 32 bytes each. Only used where the processor has AVX2.
        unsafe {
            let columns = _mm256_load_si256(row.columns.as_ptr().cast());
            let ranks = _mm256_load_si256(row.ranks.as_ptr().cast());
            _mm256_cmpgt_epi8(lookup.ranks(columns), ranks)
        }
    }

    /// Picks the test on the path from twice as many as the half does: neighbours differ in the last step of the path, halves
    /// in an earlier one.
    macro_rules! pick {
        ($name:ident, $half:ident, $count:literal, $steps:literal) => {
            #[inline(always)]
            fn $name(rows: &[TestRow], lookup: impl Lookup, path: &[__m256i]) -> __m256i {
                let (left, right) = rows.split_at($count / 2);
                let (left, right) = ($half(left, lookup, path), $half(right, lookup, path));
                // SAFETY: only used where the processor has AVX2.
                unsafe { _mm256_blendv_epi8(left, right, path[path.len() - $steps]) }
            }
        };
    }

    pick!(pick2, pick1, 2, 1);
    pick!(pick4, pick2, 4, 2);
    pick!(pick8, pick4, 8, 3);
    pick!(pick16, pick8, 16, 4);
    pick!(pick32, pick16, 32, 5);
    pick!(pick64, pick32, 64, 6);
}
