//! The tables of spec/gateway 4.7, with `P` = `go.micro.api`.

use rstest::rstest;

use crate::{Naming, is_internal};

use super::*;

fn target(path: &str) -> Target {
    Target::parse(path).unwrap()
}

/// Writes candidates as `service Method, service Method`, without `P.`.
fn text(candidates: &Candidates) -> String {
    let text = |candidate: &Candidate| {
        let service = candidate.service().strip_prefix("go.micro.api.").unwrap();
        format!("{service} {}", candidate.method()).trim_end().to_owned()
    };
    candidates.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[rstest]
#[case::row_01("/", "", "")] // never the empty name (D72)
#[case::row_02("/foo", "foo Foo.Call", "foo")]
#[case::row_03("/foo/", "foo Foo.Call", "foo")]
#[case::row_04("/foo/bar", "foo Foo.Bar", "foo")]
#[case::row_05("/foo/bar/", "foo Foo.Bar", "foo")]
#[case::row_06("/foo/foo/bar", "foo Foo.Bar", "foo")]
#[case::row_07("/foo/bar/baz", "foo Bar.Baz", "foo")]
#[case::row_08("/foo/bar/baz/cat", "foo.bar Baz.Cat", "foo")]
#[case::row_09("/foo/bar/baz/cat/car", "foo.bar.baz Cat.Car", "foo")]
#[case::row_10("/foo/fooBar/bazCat", "foo FooBar.BazCat", "foo")]
#[case::row_11("/foo/bar/baz-xyz", "foo Bar.BazXyz", "foo")]
#[case::row_12("/Foo/bar", "Foo Foo.Bar", "Foo")]
#[case::row_13("/FOO/BAR", "FOO FOO.BAR", "FOO")]
#[case::row_14("/foo-bar", "foo-bar FooBar.Call", "foo-bar")]
#[case::row_15("/foo-bar/baz", "foo-bar FooBar.Baz", "foo-bar")]
#[case::row_16("/foo/-bar", "foo Foo.Bar", "foo")]
#[case::row_17("/foo/bar-", "foo Foo.Bar", "foo")]
#[case::row_18("/foo_bar/baz_qux", "foo_bar Foo_bar.Baz_qux", "")]
#[case::row_19("/foo.bar/baz", "foo.bar Foo.Bar.Baz", "")]
#[case::row_20("/foo/say.hello", "foo Foo.Say.Hello", "foo")]
#[case::row_21("/foo/bar%20baz", "foo Foo.Bar Baz", "foo")]
#[case::row_22("/v1", "v1 V1.Call", "v1")]
#[case::row_23("/v1/", "v1 V1.Call", "")]
#[case::row_24("/v1/foo", "v1.foo Foo.Call, v1 V1.Foo", "v1.foo")] // line 45
#[case::row_25("/v1/foo/bar", "v1.foo Foo.Bar", "v1.foo")]
#[case::row_26("/v1/foo/bar/baz", "v1.foo Bar.Baz", "v1.foo")]
#[case::row_27("/v1/foo/bar/baz/cat", "v1.foo.bar Baz.Cat", "v1.foo")]
#[case::row_28("/v2/foo/bar", "v2.foo Foo.Bar", "v2.foo")]
#[case::row_29("/v10/foo/bar", "v10.foo Foo.Bar", "v10.foo")]
#[case::row_30("/V1/foo/bar", "V1 Foo.Bar", "V1")]
#[case::row_31("/v1a/foo/bar", "v1a Foo.Bar", "v1a")]
#[case::row_32("/v1.2/foo/bar", "v1.2 Foo.Bar", "")]
#[case::row_33("/foo/v1/bar", "foo V1.Bar", "foo")]
#[case::row_34("/greeter/say/hello", "greeter Say.Hello", "greeter")]
#[case::row_35("/service/greeter/greeter/call", "service.greeter Greeter.Call", "service")]
#[case::row_36("/123/456", "123 123.456", "123")]
#[case::row_37("/foo//bar", "foo Foo.Bar", "foo")] // unclean: served as its clean form (line 32)
#[case::row_37("/foo/./bar", "foo Foo.Bar", "foo")] // unclean: served as its clean form (line 32)
#[case::row_37("/foo/x/../bar", "foo Foo.Bar", "foo")] // unclean: served as its clean form (line 32)
#[case::row_38("/é/ñandú", "é É.Ñandú", "")]
#[case::row_39("/_private/x", "_private _private.X", "")]
#[case::row_40("/foo~x/bar", "foo~x Foo~X.Bar", "")]
#[case::row_41("/foo/debug/health", "foo Debug.Health", "foo")] // refused 403 by its method (line 172)
#[case::row_42("/rpc", "rpc Rpc.Call", "rpc")]
fn the_worked_examples_hold(#[case] path: &str, #[case] api: &str, #[case] proxy: &str) {
    let namespace = Namespace::default();
    assert_eq!(text(&resolve_api(&namespace, &target(path))), api, "API route of {path}");
    assert_eq!(text(&resolve_proxy(&namespace, &target(path))), proxy, "proxy route of {path}");
}

/// "More of the API column", and what follows from decoding before cutting.
#[rstest]
#[case("/foo/1.0", "foo Foo.1.0")]
#[case("/foo/bar/1", "foo Bar.1")]
#[case("/foo/2bar", "foo Foo.2bar")]
#[case("/foo/bar--baz", "foo Foo.BarBaz")]
#[case("/foo/bar:baz", "foo Foo.Bar:Baz")]
#[case("/foo/bar,baz", "foo Foo.Bar,Baz")]
#[case("/foo/$bar", "foo Foo.$Bar")]
#[case("/foo%2Fbar", "foo Foo.Bar")]
#[case("/foo/bar%2Fbaz", "foo Bar.Baz")]
#[case("/foo/%E4%BD%A0", "foo Foo.你")]
#[case("/stats/", "stats Stats.Call")]
#[case("/rpc/", "rpc Rpc.Call")]
#[case("/favicon.ico/", "favicon.ico Favicon.Ico.Call")]
#[case("/v2/foo/bar/baz", "v2.foo Bar.Baz")]
#[case("/FOO/bar", "FOO FOO.Bar")]
#[case("/foo/x%2F..%2Fbar", "foo Foo.Bar")]
#[case("/foo%2F%2Fbar", "foo Foo.Bar")]
#[case("/%2F", "")]
#[case("/%2e%2e%2f", "")]
#[case("/foo/bar?x=/a/b", "foo Foo.Bar")]
#[case("/v/foo", "v V.Foo")]
#[case("/%20", "")]
fn more_of_the_api_column(#[case] path: &str, #[case] expected: &str) {
    assert_eq!(text(&resolve_api(&Namespace::default(), &target(path))), expected, "{path}");
}

#[rstest]
#[case("/foo--bar", "")]
#[case("/-foo", "")]
#[case("/foo%2Fbar", "")]
#[case("/v1/foo_bar", "")]
#[case("/v1//foo", "v1.foo")]
#[case("/%66oo/x", "foo")]
#[case("*", "")]
fn more_of_the_proxy_column(#[case] path: &str, #[case] expected: &str) {
    assert_eq!(text(&resolve_proxy(&Namespace::default(), &target(path))), expected, "{path}");
}

#[test]
fn every_name_of_a_reading_comes_before_the_next_reading() {
    let namespace = Namespace::new(&Naming { namespace: Some("com.example"), service_type: None });
    let candidates = resolve_api(&namespace, &target("/v1/foo"));
    let pairs: Vec<_> = candidates.iter().map(|candidate| (candidate.service(), candidate.method())).collect();
    assert_eq!(
        pairs,
        [
            ("com.example.api.v1.foo", "Foo.Call"),
            ("com.example.v1.foo", "Foo.Call"),
            ("com.example.api.v1", "V1.Foo"),
            ("com.example.v1", "V1.Foo"),
        ]
    );
}

#[test]
fn the_blank_namespace_takes_the_name_alone() {
    let namespace = Namespace::new(&Naming { namespace: Some(" "), service_type: None });
    let candidates = resolve_api(&namespace, &target("/foo/bar"));
    assert_eq!((candidates[0].service(), candidates[0].method(), candidates.len()), ("foo", "Foo.Bar", 1));
    assert!(resolve_api(&namespace, &target("/")).is_empty());
    assert!(resolve_proxy(&namespace, &target("/")).is_empty());
}

/// Row 41 and line 172: whatever the spelling, the method that comes out is known as internal.
#[rstest]
#[case("/foo/debug/health", true)]
#[case("/foo/Debug/stats", true)]
#[case("/foo/DEBUG/log", true)]
#[case("/foo/-debug/health", true)]
#[case("/foo/%64ebug/health", true)]
#[case("/foo%2Fdebug%2Fhealth", true)]
#[case("/v1/foo/debug/trace", true)]
#[case("/debug/cache", true)]
#[case("/debug", true)]
#[case("/foo/debug", false)]
#[case("/foo/debugger/run", false)]
fn debug_methods_are_refused(#[case] path: &str, #[case] expected: bool) {
    let candidates = resolve_api(&Namespace::default(), &target(path));
    assert!(!candidates.is_empty());
    assert_eq!(candidates.iter().any(|candidate| is_internal(candidate.method())), expected, "{path}");
}
