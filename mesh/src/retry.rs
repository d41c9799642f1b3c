//! When a call is tried again, and after how long: the rules of go-micro's clients.

use std::time::Duration;

use crate::error::CallError;

/// The longest pause before an attempt.
const PAUSE_MAX: Duration = Duration::from_mins(2);

/// Says whether another attempt may help: the code is 408 or 500. What came without a code of its own, such as a
/// refused connection, has 500.
pub(crate) fn is_worth_it(error: &CallError) -> bool {
    matches!(error.to_rpc().code, 408 | 500)
}

/// Returns how long to wait before an attempt, the first being 0: 0 s, 0.1 s, 0.6 s, 1.9 s, 4.3 s, … at most two
/// minutes.
pub(crate) fn pause(attempt: u32) -> Duration {
    if attempt > 13 {
        return PAUSE_MAX;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "13 to the power of e is about 1066")]
    let tenths = f64::from(attempt).powf(std::f64::consts::E) as u64;
    Duration::from_millis(100 * tenths)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesh_rpc::RpcError;

    use super::{is_worth_it, pause};
    use crate::error::CallError;

    #[test]
    fn pauses_are_those_of_go() {
        let tenths = [0, 1, 6, 19, 43, 79, 130, 198, 285, 392, 522, 677, 858, 1066, 1200, 1200];
        for (attempt, tenths) in (0..).zip(tenths) {
            assert_eq!(pause(attempt), Duration::from_millis(tenths * 100), "{attempt}");
        }
    }

    #[test]
    fn what_a_service_decided_is_not_tried_again() {
        for (code, expected) in [(408, true), (500, true), (0, false), (404, false), (503, false)] {
            assert_eq!(is_worth_it(&CallError::Rpc(RpcError::new("i", code, "d"))), expected, "{code}");
        }
        assert!(is_worth_it(&CallError::Text(r#"{"code":500}"#.to_owned())));
        assert!(!is_worth_it(&CallError::Text("rpc: can't find method Nope".to_owned())));
    }
}
