//! Medians, and the ratios of single rounds.

use serde::Serialize;

/// The middle of some values, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// How many values there were.
    pub(crate) count: usize,
}

/// Returns the spread of some values; none where there are no values.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
    Some(Spread { median, min, max, count: values.len() })
}

/// Returns the spread of one peer's ratios to another, round by round. A round counts only if neither slice was dropped:
/// the two saw the same moment of the machine.
pub(crate) fn ratios(peer: &[Option<f64>], reference: &[Option<f64>]) -> Option<Spread> {
    spread(peer.iter().zip(reference).filter_map(|(peer, reference)| Some((*peer)? / (*reference)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let check = |values: &[f64], expected: Option<(f64, f64, f64)>| {
            assert_eq!(spread(values.iter().copied()).map(|s| (s.median, s.min, s.max)), expected, "{values:?}");
        };
        check(&[], None);
        check(&[3.0], Some((3.0, 3.0, 3.0)));
        check(&[9.0, 1.0, 2.0], Some((2.0, 1.0, 9.0)));
        check(&[4.0, 1.0, 2.0, 9.0], Some((3.0, 1.0, 9.0)));
    }

    #[test]
    fn a_dropped_slice_takes_its_round_out() {
        let peer = [Some(10.0), None, Some(30.0), Some(60.0)];
        let reference = [Some(10.0), Some(1.0), None, Some(20.0)];
        let ratio = ratios(&peer, &reference).unwrap();
        assert_eq!((ratio.median, ratio.count), (2.0, 2));
        assert_eq!(ratios(&[None], &[Some(1.0)]), None);
    }
}
