//! How long each stage of a search takes, for those who watch a service.

use std::time::{Duration, Instant};

/// Names of stages with the time that each took, in their order.
pub type StageTimes = Vec<(&'static str, Duration)>;

/// Measures one stage after the other.
#[derive(Debug)]
pub struct StageClock {
    last: Instant,
    times: StageTimes,
}

impl Default for StageClock {
    fn default() -> Self {
        Self {
            last: Instant::now(),
            times: StageTimes::with_capacity(6),
        }
    }
}

impl StageClock {
    /// A stage has ended, the next begins.
    pub fn ended(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.times.push((stage, now - self.last));
        self.last = now;
    }

    /// All that have ended.
    pub fn times(self) -> StageTimes {
        self.times
    }
}
