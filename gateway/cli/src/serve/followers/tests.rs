//! What is opened, what is kept, and what a taken address means.

use config_schema::{Layers, load};
use gateway_snapshot::compile;

use super::*;

fn compiled(text: &str) -> Compiled {
    let loaded = load(&Layers::text("gateway.yaml", format!("version: micro/v1\n{text}"))).unwrap();
    compile(Arc::new(loaded)).unwrap()
}

fn listening() -> (TcpListener, ListenAddress) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string().parse().unwrap();
    (socket, address)
}

#[test]
fn a_taken_address_is_done_without_where_nobody_asked_for_it() {
    let (_taken, address) = listening();
    let loaded = compiled("").loaded;
    let mut findings = Vec::new();
    let go_on = Taken::GoOn { line: "taken" };
    let without = open(&Place::default(), Some(address), &go_on, &loaded, &["admin"], &mut findings).unwrap();
    assert!(without.sockets.is_empty() && findings.is_empty());

    let refuse = Taken::Refuse { help: "choose another" };
    assert!(open(&Place::default(), Some(address), &refuse, &loaded, &["admin"], &mut findings).is_none());
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::BindFailed]);
    assert!(findings[0].help.contains(&"choose another".to_owned()), "{findings:?}");
}

#[test]
fn what_is_open_is_kept_and_what_could_not_be_had_is_tried_again() {
    let (taken, address) = listening();
    let loaded = compiled("").loaded;
    let mut findings = Vec::new();
    let go_on = Taken::GoOn { line: "taken" };
    let mut again = |now: &Place| open(now, Some(address), &go_on, &loaded, &["admin"], &mut findings);
    let mut place = Arc::default();
    let mut told = Vec::new();
    let mut follow = |place: &mut Arc<Place>, to: Option<Move>| {
        follow_to(place, to, "it", |sockets| {
            told.push(sockets.len());
            true
        });
    };
    follow(&mut place, again(&Place::default()));
    assert_eq!((place.wanted, place.sockets.len()), (Some(address), 0));
    drop(taken);
    let had = again(&place);
    follow(&mut place, had);
    assert_eq!((place.wanted, place.sockets.len()), (Some(address), 1));
    assert!(again(&place).is_none(), "it is open");
    let off = open(&place, None, &go_on, &loaded, &["admin"], &mut findings);
    follow(&mut place, off);
    assert_eq!((place.wanted, place.sockets.len()), (None, 0));
    assert_eq!(told, [0, 1, 0]);
}

#[test]
fn only_routes_that_call_registered_services_need_the_registry() {
    let check = |route: &str, expected: bool| {
        let text = format!(
            "listeners: {{ a: {{ address: \"127.0.0.1:0\", routes: r }} }}\nroutes: {{ r: [{{ match: {{ path: /** }}, {route} }}] }}\n\
             services: {{ app: {{ protocol: http, endpoints: [\"10.0.0.1:80\"] }} }}\n"
        );
        assert_eq!(needs_registry(&compiled(&text).snapshot), expected, "{route}");
    };
    check("handler: respond", false);
    check("handler: proxy, service: app", false);
    check("handler: proxy, service: other", true);
    check("handler: meta", true);
    check("handler: rpc", true);
}
