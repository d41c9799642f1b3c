use super::{Edit, Stamp, Stored, Table};
use crate::model::{Node, Service};
use crate::registry::Change;

/// `name/version/node@revision`, at an address made of the node.
fn stored(text: &str) -> Stored {
    let (what, revision) = text.split_once('@').expect("has a revision");
    let [name, version, node] = what.split('/').collect::<Vec<_>>().try_into().expect("has three parts");
    let written = revision.parse().expect("is a number");
    Stored {
        key: format!("{name}/{node}").into_bytes(),
        stamp: Stamp { created: written, written, lease: 7 },
        service: Service { version: version.to_owned(), ..Service::new(name) }
            .with_endpoint(format!("Say.V{version}"))
            .with_node(Node::new(node, format!("{node}:1"))),
    }
}

fn all(texts: &[&str]) -> Vec<Stored> {
    texts.iter().map(|text| stored(text)).collect()
}

fn table(texts: &[&str]) -> Table {
    Table::of(8, all(texts))
}

fn show(service: &Service) -> String {
    let nodes: Vec<&str> = service.nodes.iter().map(|node| node.id.as_str()).collect();
    format!("{} {}: {}", service.name, service.version, nodes.join(" "))
}

fn shown(table: &Table) -> Vec<String> {
    table.services().iter().map(show).collect()
}

/// Edits: a stored node, or `-KEY`.
#[track_caller]
fn check(table: &mut Table, edits: &[&str], expected: &[&str]) {
    let edit = |text: &&str| match text.strip_prefix('-') {
        Some(key) => Edit::Delete(key.into()),
        None => Edit::Put(stored(text)),
    };
    let changes = table.apply(edits.iter().map(edit).collect());
    let told = changes.iter().map(|change| match change {
        Change::Upsert(service) => format!("upsert {}", show(service)),
        Change::Remove { name, version } => format!("remove {name} {version}"),
        Change::Resync(_) | Change::Stale => panic!("{change:?} is no edit"),
    });
    assert_eq!(told.collect::<Vec<_>>(), expected, "{edits:?}");
}

#[test]
fn nodes_are_grouped_by_version_and_share_what_they_say() {
    let table = table(&["b/1/x@1", "a/2/n@2", "a/1/m@3", "a/1/k@4"]);
    assert_eq!(shown(&table), ["a 1: k m", "a 2: n", "b 1: x"]);
    assert_eq!(table.versions("a").len(), 2);
    assert!(table.versions("c").is_empty());
    let abouts: Vec<_> = table.services["a"].values().map(|node| std::sync::Arc::as_ptr(&node.about)).collect();
    assert_eq!(abouts[0], abouts[1], "k and m are of one version");
    assert_ne!(abouts[0], abouts[2]);
}

#[test]
fn edits_come_to_what_changed_and_nothing_else() {
    let mut table = table(&["a/1/m@1"]);
    check(&mut table, &["a/1/m@2"], &[]);
    check(&mut table, &["a/1/n@3"], &["upsert a 1: m n"]);
    check(&mut table, &["a/2/n@4"], &["upsert a 1: m", "upsert a 2: n"]);
    check(&mut table, &["-a/n", "-a/n", "-b/unknown"], &["remove a 2"]);
    check(&mut table, &["-a/m", "a/1/m@6"], &[]);
    check(&mut table, &["a/3/m@7"], &["upsert a 3: m", "remove a 1"]);
    check(&mut table, &["a/3/k@8", "b/1/x@9", "-a/m", "-a/k"], &["remove a 3", "upsert b 1: x"]);
    assert_eq!(shown(&table), ["b 1: x"]);
}

#[test]
fn a_key_may_come_to_stand_for_another_service() {
    let mut table = table(&["a/1/m@1"]);
    let mut other = stored("b/1/m@2");
    other.key = b"a/m".to_vec();
    let changes = table.apply(vec![Edit::Put(other)]);
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(shown(&table), ["b 1: m"]);
}

#[test]
fn what_an_emptied_etcd_lost_is_held_until_it_is_let_go() {
    let mut table = table(&["a/1/m@10", "a/1/n@11", "b/1/x@12"]);
    assert_eq!(table.replace(all(&["a/1/n@3"]), true), 2);
    assert_eq!(shown(&table), ["a 1: m n", "b 1: x"]);
    assert_eq!(table.newest().map(|(key, _)| key), Some(b"a/n".as_slice()), "what is held is no witness");
    check(&mut table, &["b/1/x@4"], &[]);
    assert_eq!(table.drop_held(), 1);
    assert_eq!(shown(&table), ["a 1: n", "b 1: x"]);
    assert_eq!(table.replace(Vec::new(), false), 0);
    assert!(shown(&table).is_empty());
}

#[test]
fn another_history_is_told_from_the_same_one() {
    let table = table(&["a/1/m@10", "a/1/n@11"]);
    let check = |texts: &[&str], expected: bool| assert_eq!(table.may_become(&all(texts), 11), expected, "{texts:?}");
    check(&["a/1/m@10", "a/1/n@11"], true);
    check(&["a/1/m@10", "a/1/n@12", "c/1/x@13"], true);
    check(&[], true);
    check(&["a/1/m@9"], false);
    check(&["c/1/x@5"], false);
    let rewritten = |created: i64| {
        let mut all = all(&["a/1/m@20"]);
        all[0].stamp.created = created;
        table.may_become(&all, 11)
    };
    assert!(rewritten(10) && rewritten(15) && !rewritten(9));
    let mut another_lease = all(&["a/1/m@10"]);
    another_lease[0].stamp.lease = 8;
    assert!(!table.may_become(&another_lease, 11));
}

#[test]
fn nodes_are_bounded() {
    let mut table = Table::of(20, (0..25).map(|node| stored(&format!("a/1/{node:02}@1"))).collect());
    assert_eq!(table.services()[0].nodes.len(), 20);
    assert!(!table.could_hold_more(), "it is full");
    check(&mut table, &["-a/00", "-a/01"], &["upsert a 1: 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19"]);
    assert!(!table.could_hold_more(), "it is nearly full");
    table.apply(vec![Edit::Delete(b"a/02".to_vec())]);
    assert!(table.could_hold_more());
}
