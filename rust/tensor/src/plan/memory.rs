//! Where slots lie.

use super::{Plan, PlanReal, Step, TILE, Workspace};

/// Most values of all slots together for more than one row at a time, where there are images.
const TOGETHER: usize = 1 << 20;
/// Slots begin with a line of the cache.
const LINE: usize = 16;
/// Most slots that share memory.
const MOST_SHARING: usize = 1 << 14;

/// Rows that are worked on together, and where slots begin.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) offsets: Vec<usize>,
    /// Values of all slots.
    pub(super) total: usize,
}

/// The slots but for the one that is written.
pub(super) struct Others<'a, T> {
    before: &'a [T],
    behind: &'a [T],
    /// Where `behind` begins.
    first: usize,
    offsets: &'a [usize],
    widths: &'a [usize],
}

impl<T> Others<'_, T> {
    /// Rows from the first on.
    pub(super) fn rows(&self, slot: usize, rows: usize) -> &[T] {
        self.values(self.offsets[slot], rows * self.widths[slot])
    }

    pub(super) fn row(&self, slot: usize, row: usize) -> &[T] {
        let width = self.widths[slot];
        self.values(self.offsets[slot] + row * width, width)
    }

    fn values(&self, start: usize, count: usize) -> &[T] {
        if start < self.before.len() {
            &self.before[start..start + count]
        } else {
            &self.behind[start - self.first..][..count]
        }
    }
}

/// The rows of a slot, to be written, and all others.
pub(super) fn apart<'a, T>(
    values: &'a mut [T],
    offsets: &'a [usize],
    widths: &'a [usize],
    to: usize,
    rows: usize,
) -> (&'a mut [T], Others<'a, T>) {
    let (before, rest) = values.split_at_mut(offsets[to]);
    let (slot, behind) = rest.split_at_mut(rows * widths[to]);
    let first = offsets[to] + slot.len();
    let others = Others {
        before,
        behind,
        first,
        offsets,
        widths,
    };
    (slot, others)
}

impl<T: PlanReal> Step<T> {
    /// The slot that is written; a classifier writes another one behind it.
    pub(super) fn to(&self) -> usize {
        match self {
            Self::Dense { to, .. }
            | Self::Scale { to, .. }
            | Self::Combine { to, .. }
            | Self::Spread { to, .. }
            | Self::Activate { to, .. }
            | Self::Classical { to, .. }
            | Self::Convolve { to, .. }
            | Self::Pool { to, .. }
            | Self::Turn { to, .. }
            | Self::Surround { to, .. }
            | Self::Fill { to, .. }
            | Self::Join { to, .. } => *to,
        }
    }

    /// The slots that are read.
    pub(super) fn sources(&self) -> Vec<usize> {
        match self {
            Self::Dense { from, .. }
            | Self::Scale { from, .. }
            | Self::Activate { from, .. }
            | Self::Classical { from, .. }
            | Self::Pool { from, .. }
            | Self::Turn { from, .. }
            | Self::Surround { from, .. } => vec![*from],
            Self::Convolve { from, convolved, .. } => {
                let others = convolved.changes().filter_map(super::images::Change::slot);
                std::iter::once(*from).chain(others).collect()
            }
            Self::Combine { left, right, .. } => vec![*left, *right],
            Self::Spread { from, channels, .. } => vec![*from, *channels],
            Self::Fill { .. } => Vec::new(),
            Self::Join { parts, .. } => parts.clone(),
        }
    }
}

impl<T: PlanReal> Plan<T> {
    /// Slots side by side; where there are images, those share memory that are not needed at the same time. `None` when
    /// there are more values than `most` for one row.
    pub(super) fn lay_out(&mut self, most: usize, most_of_images: usize) -> Option<()> {
        let images = self.steps.iter().any(|step| matches!(step, Step::Convolve { .. }));
        let classes = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Classical { what, .. } if what.class().is_some()));
        if !images || classes || self.widths.len() > MOST_SHARING {
            let sum = self
                .widths
                .iter()
                .try_fold(0_usize, |sum, width| sum.checked_add(*width))?;
            self.place(TILE);
            return (sum <= most).then_some(());
        }
        self.place_sharing(1);
        if self.layout.total > most_of_images {
            return None;
        }
        let rows = (TOGETHER / self.layout.total.max(1)).clamp(1, TILE);
        self.place_sharing(rows);
        Some(())
    }

    fn place(&mut self, rows: usize) {
        let mut total = 0_usize;
        self.layout.offsets = Vec::with_capacity(self.widths.len());
        for width in &self.widths {
            self.layout.offsets.push(total);
            total = total.saturating_add(width.saturating_mul(rows));
        }
        (self.layout.rows, self.layout.total) = (rows, total);
    }

    fn place_sharing(&mut self, rows: usize) {
        let lengths: Vec<usize> = self
            .widths
            .iter()
            .map(|width| width.saturating_mul(rows).next_multiple_of(LINE))
            .collect();
        // The step that needs each slot last; outputs are needed in the end.
        let mut last = vec![None; lengths.len()];
        for (n, step) in self.steps.iter().enumerate() {
            for slot in step.sources().into_iter().chain([step.to()]) {
                last[slot] = Some(n);
            }
        }
        for output in &self.outputs {
            last[output.slot()] = Some(self.steps.len());
        }
        let mut memory = Memory::default();
        let mut offsets = vec![0; lengths.len()];
        let mut given = vec![true; lengths.len()];
        self.steps.iter().for_each(|step| given[step.to()] = false);
        for slot in (0..lengths.len()).filter(|slot| given[*slot]) {
            // An input; it has its place even if nobody reads it.
            offsets[slot] = memory.take(lengths[slot]);
        }
        for (n, step) in self.steps.iter().enumerate() {
            let to = step.to();
            offsets[to] = memory.take(lengths[to]);
            let mut done = step.sources();
            done.push(to);
            done.sort_unstable();
            done.dedup();
            for slot in done {
                if last[slot] == Some(n) {
                    memory.free(offsets[slot], lengths[slot]);
                }
            }
        }
        self.layout = Layout {
            rows,
            offsets,
            total: memory.end,
        };
    }
}

/// Values that are free, as beginning and length, in order.
#[derive(Default)]
struct Memory {
    free: Vec<(usize, usize)>,
    end: usize,
}

impl Memory {
    /// The smallest room that is large enough, else more of it.
    fn take(&mut self, length: usize) -> usize {
        let fitting = self.free.iter().enumerate().filter(|(_, (_, room))| *room >= length);
        if let Some((n, _)) = fitting.min_by_key(|(_, (_, room))| *room) {
            let (start, room) = self.free[n];
            if room == length {
                self.free.remove(n);
            } else {
                self.free[n] = (start + length, room - length);
            }
            return start;
        }
        let start = match self.free.last() {
            Some((start, room)) if start + room == self.end => {
                let start = *start;
                self.free.pop();
                start
            }
            _ => self.end,
        };
        self.end = start.saturating_add(length);
        start
    }

    fn free(&mut self, start: usize, length: usize) {
        let n = self.free.partition_point(|(other, _)| *other < start);
        self.free.insert(n, (start, length));
        if n + 1 < self.free.len() && start + length == self.free[n + 1].0 {
            self.free[n].1 += self.free.remove(n + 1).1;
        }
        if n > 0 && self.free[n - 1].0 + self.free[n - 1].1 == start {
            self.free[n - 1].1 += self.free.remove(n).1;
        }
    }
}

impl<T> Workspace<T> {
    /// Room for a row of an input.
    pub(crate) fn input(&mut self, slot: usize, row: usize) -> &mut [T] {
        let (start, width) = self.place(slot, row);
        &mut self.values[start..start + width]
    }

    /// A row of a slot.
    pub(crate) fn row(&self, slot: usize, row: usize) -> &[T] {
        let (start, width) = self.place(slot, row);
        &self.values[start..start + width]
    }

    fn place(&self, slot: usize, row: usize) -> (usize, usize) {
        let width = self.widths[slot];
        (self.offsets[slot] + row * width, width)
    }
}
