use super::*;

/// Checks one row of spec/gateway 5.5: `None` is no match, else the captures joined by commas.
fn check(pattern: &str, path: &str, expected: Option<&str>) {
    let pattern = PathPattern::parse(pattern).unwrap();
    let target = Target::parse(path).unwrap();
    let captured = pattern.matches(&target).then(|| {
        let pairs = pattern.captures();
        pairs.iter(&target).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    });
    assert_eq!(captured.as_deref(), expected, "{pattern} {path}");
}

#[test]
fn literals_match_decoded_and_by_case() {
    check("/foo", "/foo", Some(""));
    check("/foo", "/foo/", None);
    check("/foo", "/foo/x", None);
    check("/foo", "/Foo", None);
    check("/foo/", "/foo/", Some(""));
    check("/foo/", "/foo", None);
    check("/", "/", Some(""));
    check("/", "/a", None);
    check("/foo.json", "/foo.json", Some(""));
    check("/a%20b", "/a%20b", Some(""));
    check("/%66oo", "/foo", Some(""));
    check("/é", "/%C3%A9", Some(""));
    check("/a%2Fb", "/a%2fb", Some(""));
    check("/a%2Fb", "/a/b", None);
    check("/foo", "//x/..//foo", Some(""));
}

#[test]
fn wildcards_match_one_component() {
    check("/foo/{id}", "/foo/42", Some("id=42"));
    check("/foo/{id}", "/foo/", None); // D16
    check("/foo/{id}", "/foo", None);
    check("/foo/{id}", "/foo/a/b", None);
    check("/foo/{id}", "/foo/a%20b", Some("id=a b"));
    check("/foo/{id}/bar", "/foo/1/bar", Some("id=1"));
    check("/foo/*", "/foo/x", Some(""));
    check("/foo/*", "/foo/", None); // D16
    check("/u/{a.b}", "/u/1", Some("a.b=1"));
    check("/e/{userName}", "/e/john", Some("userName=john")); // D18
    check("/v1/{name=shelves/*}", "/v1/shelves/9", Some("name=shelves/9"));
    check("/v1/{name=shelves/*}/books/{book}", "/v1/shelves/9/books/3", Some("name=shelves/9,book=3"));
}

#[test]
fn the_rest_is_zero_or_more() {
    check("/foo/**", "/foo", Some(""));
    check("/foo/**", "/foo/", Some(""));
    check("/foo/**", "/foo/a/b", Some(""));
    check("/foo/**", "/fooo", None);
    check("/foo/{rest=**}", "/foo", Some(""));
    check("/foo/{rest=**}", "/foo/", Some(""));
    check("/foo/{rest=**}", "/foo/a/b", Some("rest=a/b"));
    check("/foo/{rest=**}/end", "/foo/a/b/end", Some("rest=a/b"));
    check("/foo/{rest=**}/end", "/foo/end", Some(""));
    check("/foo/{rest=**}/end", "/foo/a", None);
    check("/foo/{rest=**}/end", "/foo", None);
    check("/{all=a/**/z}/{id}", "/a/b/c/z/1", Some("all=a/b/c/z,id=1"));
    check("/**", "/", Some(""));
    check("/**", "/a/b/", Some(""));
    check("/**", "*", Some(""));
    check("/*", "*", None);
}

#[test]
fn verbs_are_matched() {
    check("/v1/foo:cancel", "/v1/foo", None); // D17
    check("/v1/foo:cancel", "/v1/foo:cancel", Some(""));
    check("/v1/{id}:cancel", "/v1/5:cancel", Some("id=5"));
    check("/v1/{id}:cancel", "/v1/5:start", None);
    check("/v1/{id}:cancel", "/v1/:cancel", None);
    check("/v1/{id}:cancel", "/v1/5%3Acancel", None);
    check("/v1/{id}", "/v1/5:cancel", Some("id=5:cancel"));
    check("/v1/{rest=**}:cancel", "/v1/a/b:cancel", Some("rest=a/b"));
    check("/v1/**:cancel", "/v1:cancel", Some(""));
}

#[test]
fn bad_patterns_say_what_and_where() {
    let check = |pattern: &str, offset: usize, message: &str| {
        let error = PathPattern::parse(pattern).unwrap_err();
        assert!(error.offset == offset && error.message.contains(message), "{pattern}: {error:?}");
    };
    check("", 0, "starts with '/'");
    check("foo", 0, "starts with '/'");
    check("//foo", 1, "empty segment");
    check("/a//b", 3, "empty segment");
    check("/a b", 2, "%20");
    check("/foo?x", 4, "no query");
    check("/foo#x", 4, "cannot stand in a path");
    check("/foo/{id", 5, "not closed");
    check("/foo/{id/x}", 5, "not closed");
    check("/foo/{", 5, "not closed");
    check("/foo/{}", 6, "name is missing");
    check("/foo/{a.}", 8, "name is missing");
    check("/foo/{1d}", 6, "starts with a letter");
    check("/foo/{user-id}", 10, "'-' cannot stand in a variable name");
    check("/foo/{a}/{a}", 10, "there already");
    check("/foo/{a=}", 8, "empty segment");
    check("/foo/{a=x//y}", 10, "empty segment");
    check("/foo/{a=x", 5, "not closed");
    check("/foo/{a={b}}", 8, "in a variable");
    check("/foo/{a=*:x}", 9, "'/' or '}'");
    check("/foo/x{a}", 6, "whole segment");
    check("/foo/{a}x", 8, "whole segment");
    check("/foo}", 4, "'}' without '{'");
    check("/a/**/b/**", 8, "at most once");
    check("/a/***", 3, "whole segment");
    check("/a*", 2, "whole segment");
    check("/a/*b", 3, "whole segment");
    check("/a/./b", 3, "never matches");
    check("/a/%2e%2E", 3, "never matches");
    check("/a%2", 2, "hexadecimal");
    check("/a%00", 2, "never match");
    check("/a%ff", 1, "not UTF-8");
    check("/a/{id}:", 8, "verb is missing");
    check("/a/{id}:x/b", 9, "ends the path pattern");
    check("/a/{id}:x y", 9, "cannot stand in a verb");
    check("/a\\b", 2, "cannot stand in a path");
    check(&"/a".repeat(129), 257, "more than 128 segments");
    check(&format!("/{}", "a".repeat(4096)), 0, "longer than 4096 bytes");
}

#[test]
fn variables_are_listed() {
    let pattern = PathPattern::parse("/{a.b}/{rest=**}").unwrap();
    assert_eq!(pattern.variables().collect::<Vec<_>>(), ["a.b", "rest"]);
    assert_eq!(pattern.to_string(), "/{a.b}/{rest=**}");
}
