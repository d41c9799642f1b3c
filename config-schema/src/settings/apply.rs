//! Settings act on the tree.

use super::{GivenBy, Setting, flag::boolean, registry, row::Effect};
use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::DocumentPath,
    preset::Preset,
    source::{SourceKind, SourceMap, Span},
    tree::{EditError, Node, Value, parse, set},
};

/// Applies settings to the tree, the weakest first.
pub(crate) fn apply(
    tree: &mut Node,
    settings: &[Setting],
    preset: Option<Preset>,
    sources: &mut SourceMap,
    findings: &mut Findings,
) {
    let mut ordered: Vec<&Setting> = settings.iter().collect();
    // Which registry it is comes before what is said of it.
    let is_registry = |setting: &Setting| setting.row.effect == Effect::Text(registry::KIND);
    ordered.sort_by_key(|setting| (!is_registry(setting), setting.rank()));
    let counts = |setting: &Setting| preset.is_none_or(|preset| setting.row.counts_for(preset));
    for setting in ordered {
        // What means something to this command is not ignored because it means something else to others.
        let is_taken = matches!(setting.row.effect, Effect::Ignored(_))
            && settings.iter().any(|other| other.by == setting.by && other.row != setting.row && counts(other));
        if counts(setting) && !is_taken {
            apply_one(tree, setting, sources, findings);
        }
    }
}

fn apply_one(tree: &mut Node, setting: &Setting, sources: &mut SourceMap, findings: &mut Findings) {
    if setting.value.is_empty() {
        return; // as if it were not there (spec/gateway 2.3)
    }
    let kind = match &setting.by {
        GivenBy::Variable(name) => SourceKind::Variable(name.clone()),
        GivenBy::Flag(name) => SourceKind::Flag(name.clone()),
    };
    let source = sources.add(kind, setting.value.clone());
    let span = Span::new(source, 0..setting.value.len());
    let text = setting.value.as_str();
    match setting.row.effect {
        Effect::Text(path) => put(tree, path, Node::text(word(path, text), span), setting, findings),
        Effect::Plain(path) => put(tree, path, Node::plain(text, span), setting, findings),
        Effect::List(path) => put(tree, path, list(text, span), setting, findings),
        Effect::Switch { path, on, off } => match boolean(text) {
            Some(value) => put(tree, path, fixed(if value { on } else { off }, span), setting, findings),
            None => findings.push(no_boolean(setting, span)),
        },
        Effect::Files if text == "service" => findings.push(ignored(setting, span)),
        Effect::Ignored(harmless) if !harmless.contains(&text) => findings.push(ignored(setting, span)),
        Effect::Refused(harmless) if !harmless.contains(&text) => findings.push(refused(setting, span)),
        Effect::Files | Effect::Process | Effect::Ignored(_) | Effect::Refused(_) | Effect::Nothing => {}
    }
}

/// Go's loggers know `fatal`; here the most severe level is `error`.
fn word<'v>(path: &str, value: &'v str) -> &'v str {
    match (path, value) {
        ("telemetry.log.level", "fatal") => "error",
        _ => value,
    }
}

fn list(text: &str, span: Span) -> Node {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Node::new(Value::List(items.map(|item| Node::text(item, span)).collect()), span)
}

/// A value of the table, given this origin throughout.
fn fixed(yaml: &str, span: Span) -> Node {
    let mut node = parse(yaml, span.source).tree.unwrap_or_else(|| Node::plain("", span));
    stamp(&mut node, span);
    node
}

fn stamp(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| stamp(item, span)),
        Value::Map(map) => map.values_mut().for_each(|entry| {
            entry.key = span;
            stamp(&mut entry.node, span);
        }),
    }
}

fn put(tree: &mut Node, path: &'static str, value: Node, setting: &Setting, findings: &mut Findings) {
    let span = value.span;
    let is_set = if let Some(key) = path.strip_prefix("registry.") {
        registry::put(tree, key, value)
    } else {
        spread_short_form(tree, path);
        set(tree, path, value).map(drop)
    };
    if is_set == Err(EditError::NoPlace) {
        findings.push(no_place(setting, path, span));
    }
}

/// `admin: off` becomes `admin: { address: off }` before another key of it is set; the broker likewise.
fn spread_short_form(tree: &mut Node, path: &str) {
    let Some((section, _)) = path.split_once('.') else { return };
    let Some((_, whole)) =
        [("admin", "admin.address"), ("broker", "broker.kind")].iter().find(|(name, _)| *name == section)
    else {
        return;
    };
    let Value::Map(map) = &mut tree.value else { return };
    let Some(entry) = map.get_mut(section) else { return };
    if entry.node.as_scalar().is_some() && !entry.node.is_null() {
        let scalar = std::mem::replace(&mut entry.node, Node::map(entry.key));
        set(tree, whole, scalar).expect("the map was just made");
    }
}

fn ignored(setting: &Setting, span: Span) -> Diagnostic {
    let message = format!("`{}` is not built yet and is ignored", setting.by.name());
    Diagnostic::warning(Code::Ignored, message).label(span, "")
}

fn refused(setting: &Setting, span: Span) -> Diagnostic {
    let name = setting.by.name();
    Diagnostic::error(Code::NotBuiltYet, format!("not built yet: `{name}`"))
        .label(span, "")
        .help(format!("to go on without it would not do what you asked for; leave `{name}` out to do so anyway"))
}

fn no_place(setting: &Setting, path: &'static str, span: Span) -> Diagnostic {
    let name = setting.by.name();
    let message = format!("`{name}` sets `{path}`, which this document does not have");
    let finding = match setting.by {
        GivenBy::Flag(_) => Diagnostic::error(Code::NoPlace, message),
        // A variable may be meant for other processes of the same environment.
        GivenBy::Variable(_) => Diagnostic::warning(Code::NoPlace, message),
    };
    let path: Option<DocumentPath> = path.parse().ok();
    let finding = Diagnostic { path, ..finding }.label(span, "");
    finding.help(if setting.row.effect == Effect::List("registry.addresses") {
        "name the kind of the registry that is reached there: `--registry`, `MICRO_REGISTRY`"
    } else {
        "a file has replaced what the command brings along; say it in the file"
    })
}

fn no_boolean(setting: &Setting, span: Span) -> Diagnostic {
    let message = format!("expected true or false, found the text `{}`", crate::value::shortened(&setting.value));
    Diagnostic::error(Code::WrongType, message).label(span, "")
}
