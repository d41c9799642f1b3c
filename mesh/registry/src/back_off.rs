//! How long to wait after failures.

use std::time::Duration;

/// Doubles with each failure (the first is 1) from `first` up to `longest`, less up to half of it by chance, so that
/// many do not come at once.
pub(crate) fn pause(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1);
    let doubled = first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
    doubled.min(longest).mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        for (failures, shortest, longest) in
            [(0, 250, 500), (1, 250, 500), (3, 1000, 2000), (10, 15_000, 30_000), (99, 15_000, 30_000)]
        {
            let pause = pause(failures, Duration::from_millis(500), Duration::from_secs(30)).as_millis();
            assert!((shortest..=longest).contains(&pause), "{failures}: {pause} ms");
        }
    }
}
