use super::{Endpoint, Node, Service, Value};

/// Reads the text and writes it again.
#[track_caller]
fn check(text: &str, expected: &str) {
    let service: Service = serde_json::from_str(text).expect("is a service");
    assert_eq!(service.to_json(), expected);
}

#[track_caller]
fn check_refused(text: &str, part: &str) {
    let error = serde_json::from_str::<Service>(text).expect_err("is refused").to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn members_have_their_names_and_order_and_empty_ones_are_null() {
    let value = Value { name: "Request".into(), kind: "Request".into(), values: Vec::new() };
    let mut service = Service::new("a<b>").with_node(Node::new("n", "[::1]:80").with("k", "v"));
    service.endpoints.push(Endpoint { name: "Say.Hello".into(), request: Some(value), ..Endpoint::default() });
    service = service.with_endpoint("/");
    assert_eq!(
        service.to_json(),
        concat!(
            r#"{"name":"a\u003cb\u003e","version":"latest","metadata":null,"endpoints":["#,
            r#"{"name":"Say.Hello","request":{"name":"Request","type":"Request","values":null},"response":null,"metadata":{}},"#,
            r#"{"name":"/","request":null,"response":null,"metadata":null}],"#,
            r#""nodes":[{"id":"n","address":"[::1]:80","metadata":{"k":"v"}}]}"#
        )
    );
}

#[test]
fn null_absent_and_empty_are_the_same() {
    let empty = r#"{"name":"a","version":"","metadata":null,"endpoints":null,"nodes":null}"#;
    check(r#"{"name":"a"}"#, empty);
    check(r#"{"name":"a","version":null,"metadata":{},"endpoints":[],"nodes":null}"#, empty);
    check(
        r#"{"metadata":{"k":null},"nodes":[null]}"#,
        r#"{"name":"","version":"","metadata":{"k":""},"endpoints":null,"nodes":[{"id":"","address":"","metadata":null}]}"#,
    );
}

#[test]
fn names_match_in_any_case_the_last_counts_and_unknown_ones_are_ignored() {
    check(
        r#"{"NAME":"x","name":"a","Nodes":[{"ID":"n","Address":"x:1"}],"extra":{"name":"y"}}"#,
        r#"{"name":"a","version":"","metadata":null,"endpoints":null,"nodes":[{"id":"n","address":"x:1","metadata":null}]}"#,
    );
}

#[test]
fn what_is_no_service_is_refused_with_the_place() {
    check_refused("[]", "expected a service (an object)");
    check_refused(r#"{"nodes":{}}"#, "expected a sequence");
    check_refused("{\"nodes\":[\n5]}", "expected a node (an object) at line 2");
    check_refused(r#"{"metadata":{"k":5}}"#, "expected a string");
    let deep = format!(r#"{{"endpoints":[{{"request":{}"#, r#"{"values":["#.repeat(10_000));
    check_refused(&deep, "recursion limit");
}
