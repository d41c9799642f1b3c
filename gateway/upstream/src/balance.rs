//! Which endpoint of a cluster takes the next call. Pure: the caller gives time and randomness.

use std::time::{Duration, Instant};

/// How an endpoint is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Two at random, then the one with the smaller product of latency and calls in flight.
    #[default]
    P2cEwma,
    /// One after the other, by weight.
    RoundRobin,
}

/// How long an old latency counts: after this time without calls it weighs 1/e.
const DECAY: Duration = Duration::from_secs(10);

/// A latency that follows peaks at once and forgets them slowly, so that one slow answer turns calls away before
/// many of them queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ewma {
    nanos: f64,
    at: Option<Instant>,
}

impl Ewma {
    /// Takes one measured latency.
    pub fn observe(&mut self, latency: Duration, now: Instant) {
        let sample = latency.as_secs_f64() * 1e9;
        let keep = self.keep(now);
        self.nanos = if sample > self.nanos * keep { sample } else { self.nanos * keep + sample * (1.0 - keep) };
        self.at = Some(now);
    }

    /// Returns the latency in nanoseconds as it counts at `now`; zero for an endpoint never called, so that a new one
    /// gets its first call soon.
    pub fn nanos(&self, now: Instant) -> f64 {
        self.nanos * self.keep(now)
    }

    fn keep(&self, now: Instant) -> f64 {
        self.at.map_or(0.0, |at| (-now.saturating_duration_since(at).as_secs_f64() / DECAY.as_secs_f64()).exp())
    }
}

/// What balancing needs to know of one endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) latency: f64,
    pub(crate) in_flight: u32,
    pub(crate) weight: u16,
    /// False when the endpoint was tried already or is ejected.
    pub(crate) available: bool,
}

impl Load {
    fn cost(&self) -> f64 {
        (self.latency + 1.0) * (f64::from(self.in_flight) + 1.0) / f64::from(self.weight.max(1))
    }
}

/// Picks two different endpoints by two random numbers and returns the cheaper one; nothing if none is available.
pub(crate) fn p2c(count: usize, load: impl Fn(usize) -> Load, random: (usize, usize)) -> Option<usize> {
    if count == 0 {
        return None;
    }
    let first = next_available(count, random.0 % count, &load)?;
    let second = next_available(count, (first + 1 + random.1 % count.max(2).saturating_sub(1)) % count, &load)?;
    Some(if load(second).cost() < load(first).cost() { second } else { first })
}

/// Picks by turn: turn number `turn` of the sequence in which each endpoint stands as often as its weight says.
pub(crate) fn round_robin(count: usize, load: impl Fn(usize) -> Load, turn: u64) -> Option<usize> {
    let total: u64 = (0..count).map(|index| u64::from(load(index).weight.max(1))).sum();
    if total == 0 {
        return None;
    }
    let mut place = turn % total;
    let start = (0..count).find(|&index| {
        let weight = u64::from(load(index).weight.max(1));
        let here = place < weight;
        place = place.saturating_sub(weight);
        here
    })?;
    next_available(count, start, &load)
}

fn next_available(count: usize, start: usize, load: &impl Fn(usize) -> Load) -> Option<usize> {
    (0..count).map(|step| (start + step) % count).find(|&index| load(index).available)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(latency: f64, in_flight: u32) -> Load {
        Load { latency, in_flight, weight: 1, available: true }
    }

    #[test]
    fn the_cheaper_of_two_is_picked() {
        let loads = [load(100.0, 0), load(10.0, 0), load(10.0, 50)];
        for first in 0..3 {
            for second in 0..3 {
                let picked = p2c(3, |index| loads[index], (first, second)).unwrap();
                assert_ne!(picked, 2, "the busy one loses against either");
            }
        }
        assert_eq!(p2c(0, |_| load(0.0, 0), (0, 0)), None);
        assert_eq!(p2c(1, |_| load(0.0, 0), (5, 7)), Some(0));
    }

    #[test]
    fn what_is_not_available_is_never_picked() {
        let gone = Load { available: false, ..load(0.0, 0) };
        let loads = [gone, load(1e9, 9), gone];
        for random in 0..9 {
            assert_eq!(p2c(3, |index| loads[index], (random, random / 3)), Some(1));
            assert_eq!(round_robin(3, |index| loads[index], random as u64), Some(1));
        }
        assert_eq!(p2c(2, |_| gone, (0, 1)), None);
        assert_eq!(round_robin(2, |_| gone, 0), None);
    }

    #[test]
    fn turns_follow_the_weights() {
        let weights = [1u16, 2, 1];
        let picked: Vec<_> = (0..8)
            .filter_map(|turn| round_robin(3, |index| Load { weight: weights[index], ..load(0.0, 0) }, turn))
            .collect();
        assert_eq!(picked, [0, 1, 1, 2, 0, 1, 1, 2]);
    }

    #[test]
    fn latency_follows_peaks_and_forgets() {
        let start = Instant::now();
        let mut ewma = Ewma::default();
        ewma.observe(Duration::from_millis(1), start);
        ewma.observe(Duration::from_millis(100), start + Duration::from_millis(10));
        assert!((ewma.nanos(start + Duration::from_millis(10)) - 1e8).abs() < 1e3);
        assert!(ewma.nanos(start + Duration::from_secs(60)) < 1e6);
    }
}
