//! Methods that are no business of the outside (D22).

/// Returns whether a method belongs to the `Debug` handler that every service carries beside its own (statistics,
/// traces, log). The public gateway refuses it with 403, whether it comes from a path (`/foo/debug/health`) or from
/// the body of `/rpc` (`Debug.Health`, `/go.micro.srv.foo.Debug/Health`).
///
/// Letter case is ignored. Go's servers tell `DEBUG` from `Debug`, other servers need not, and nobody loses a method
/// worth having.
pub fn is_internal(method: &str) -> bool {
    let mut parts = method.rsplit(['.', '/']);
    parts.next();
    parts.any(|part| part.trim().eq_ignore_ascii_case("debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_methods_are_internal() {
        for method in
            ["Debug.Health", "Debug.Stats", "DEBUG.Log", "debug.trace", "/go.micro.srv.foo.Debug/Health", "Debug.A.B"]
        {
            assert!(is_internal(method), "{method}");
        }
        for method in ["Foo.Debug", "Debugger.Run", "Say.Hello", "Debug", "", "Debug-x.Run"] {
            assert!(!is_internal(method), "{method}");
        }
    }
}
