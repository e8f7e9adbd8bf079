//! Nanoseconds between two moments of one thread.
//!
//! Where the processor has a time stamp counter of constant rate, reading it costs a third of the system's clock, which
//! matters when a whole score takes 40 ns.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A moment, in ticks of an unspecified unit.
#[derive(Clone, Copy)]
pub(crate) struct Moment(u64);

#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Nanoseconds per tick, as a fraction of 2^32; `None`: ticks are nanoseconds since `start`.
    scale: Option<u64>,
    start: Instant,
}

static CLOCK: LazyLock<Clock> = LazyLock::new(|| Clock {
    scale: counter::is_constant().then(calibrate),
    start: Instant::now(),
});

// Two reads of both clocks this far apart give a rate that is good to about 0.01 %.
const CALIBRATION: Duration = Duration::from_millis(2);

fn calibrate() -> u64 {
    let (start, first) = (Instant::now(), counter::read());
    let mut elapsed = start.elapsed();
    while elapsed < CALIBRATION {
        std::hint::spin_loop();
        elapsed = start.elapsed();
    }
    let ticks = counter::read().wrapping_sub(first).max(1);
    ((elapsed.as_nanos() << 32) / u128::from(ticks)) as u64
}

/// The clock. Asked for where the few milliseconds that it takes to find out its rate do not matter, so that no score pays for
/// them.
pub(crate) fn clock() -> Clock {
    *CLOCK
}

impl Clock {
    /// The present moment.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        Moment(match self.scale {
            Some(_) => counter::read(),
            None => self.start.elapsed().as_nanos() as u64,
        })
    }

    /// Nanoseconds from a moment until now; 0 should the clock have gone backwards.
    #[inline]
    pub(crate) fn nanos_since(&self, moment: Moment) -> u64 {
        let ticks = self.now().0.saturating_sub(moment.0);
        match self.scale {
            Some(scale) => ((u128::from(ticks) * u128::from(scale)) >> 32) as u64,
            None => ticks,
        }
    }
}

/// A record that takes less than this, in nanoseconds, ...
const SHORT: u64 = 1000;
/// ... is followed by so many that are not timed: to read the clock twice takes as long as the score of a small model.
const UNTIMED: u32 = 15;

/// Times the calls of one scorer.
pub(crate) struct Stopwatch {
    clock: Clock,
    nanos: u64,
    /// Calls of one row that are still not timed.
    untimed: u32,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self {
            clock: clock(),
            nanos: 0,
            untimed: 0,
        }
    }

    /// When a call began; `None` when it is not timed.
    #[inline]
    pub(crate) fn start(&mut self, rows: usize) -> Option<Moment> {
        if rows == 1 && self.untimed > 0 {
            self.untimed -= 1;
            return None;
        }
        Some(self.clock.now())
    }

    /// Ends a call that did its work. What it took, or what the last one that was timed took.
    #[inline]
    pub(crate) fn stop(&mut self, start: Option<Moment>, rows: usize) -> u64 {
        if let Some(start) = start {
            self.note(self.clock.nanos_since(start), rows);
        }
        self.nanos
    }

    #[inline]
    fn note(&mut self, nanos: u64, rows: usize) {
        self.nanos = nanos;
        self.untimed = if rows == 1 && nanos < SHORT { UNTIMED } else { 0 };
    }

    /// What [`stop`](Self::stop) said.
    pub(crate) fn nanos(&self) -> u64 {
        self.nanos
    }
}

#[cfg(target_arch = "x86_64")]
mod counter {
    use std::arch::x86_64::{__cpuid, _rdtsc};

    /// Whether the counter runs at a constant rate in all power states ("invariant TSC", Intel SDM 3B 18.17).
    pub(super) fn is_constant() -> bool {
        const POWER: u32 = 0x8000_0007;
        __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & (1 << 8) != 0
    }

    #[inline]
    pub(super) fn read() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and Linux lets user code execute it unless a process asked for
        // PR_TSC_SIGSEGV, which neither the JVM nor Flink does.
        unsafe { _rdtsc() }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod counter {
    pub(super) fn is_constant() -> bool {
        false
    }

    pub(super) fn read() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_short_records_one_in_sixteen_is_timed() {
        let mut stopwatch = Stopwatch::new();
        let timed = |stopwatch: &mut Stopwatch, rows| stopwatch.start(rows).is_some();
        for _ in 0..2 {
            assert!(timed(&mut stopwatch, 1));
            stopwatch.note(999, 1);
            for _ in 0..15 {
                let start = stopwatch.start(1);
                assert!(start.is_none());
                assert_eq!(stopwatch.stop(start, 1), 999);
            }
        }
    }

    #[test]
    fn what_takes_longer_and_several_rows_are_always_timed() {
        let mut stopwatch = Stopwatch::new();
        for (nanos, rows) in [(1000, 1), (10, 2), (999, 0)] {
            stopwatch.note(nanos, rows);
            assert!(stopwatch.start(1).is_some(), "after {nanos} ns of {rows} rows");
        }
        stopwatch.note(10, 1);
        let start = stopwatch.start(64);
        assert!(start.is_some());
        stopwatch.stop(start, 64);
        assert!(stopwatch.start(1).is_some());
    }

    #[test]
    fn agrees_with_the_system_clock() {
        let clock = clock();
        let (system, ours) = (Instant::now(), clock.now());
        std::thread::sleep(Duration::from_millis(50));
        let (system, ours) = (system.elapsed().as_nanos() as f64, clock.nanos_since(ours) as f64);
        assert!(
            (ours / system - 1.0).abs() < 0.02,
            "{ours} ns, the system says {system} ns"
        );
    }
}
