//! What a case file says. The words are explained in `README.md`, with an example.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

/// One file of `cases/`: an area, its set-ups and its cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Ways to start the program, by name.
    #[serde(default)]
    pub setups: IndexMap<String, Setup>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A way to start the program. It is started once for all cases that name it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    /// The document; the program is then started as `micro gateway`, else as `micro api`.
    pub document: Option<String>,
    /// Arguments before the command.
    pub global: Vec<String>,
    /// Arguments after the command.
    pub args: Vec<String>,
    /// Environment. Nothing of the caller's is passed on but `PATH`.
    pub env: IndexMap<String, String>,
    /// Nodes that run as long as the program; each address stands in the environment variable of that name.
    pub nodes: IndexMap<String, NodeSpec>,
}

/// One promise, and what shows that it is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Names the case in reports.
    pub id: String,
    /// What it proves: `K83` (spec/gateway 12), `row 4 api` (spec/gateway 4.7), `manual 9.14`, `design 12`.
    pub proves: Vec<String>,
    /// The set-up it runs in; missing where `test` is given.
    pub setup: Option<String>,
    /// A test function of `tests/*.rs` that proves it instead of requests.
    pub test: Option<String>,
    /// Services that are registered while it runs.
    #[serde(default)]
    pub services: Vec<ServiceSpec>,
    /// The request, where there is one.
    pub request: Option<RequestSpec>,
    /// What is expected of it.
    pub expect: Option<Expect>,
    /// Several requests, one after another.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A request and what is expected of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The request.
    pub request: RequestSpec,
    /// What is expected.
    pub expect: Expect,
}

impl Case {
    /// Returns the requests of the case in their order.
    pub fn all_steps(&self) -> Vec<Step> {
        let single = self.request.clone().zip(self.expect.clone()).map(|(request, expect)| Step { request, expect });
        single.into_iter().chain(self.steps.iter().cloned()).collect()
    }

    /// Returns whether a node of the case is the real Go service.
    pub fn needs_peer(&self) -> bool {
        self.services.iter().any(|service| service.long().node.kind == NodeKind::Peer)
    }
}

/// A service to register: its name alone, or with more about its node.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ServiceSpec {
    /// A name; the node is a gRPC recorder.
    Name(String),
    /// A name and its node.
    Long(LongServiceSpec),
}

/// A service and the node behind it. Several with one name are several nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongServiceSpec {
    /// The registered name.
    pub name: String,
    /// The node's `protocol` label; none unless given.
    pub protocol: Option<String>,
    /// Who stands there.
    #[serde(default)]
    pub node: NodeSpec,
}

impl ServiceSpec {
    /// Returns the long form.
    pub fn long(&self) -> LongServiceSpec {
        match self {
            Self::Name(name) => LongServiceSpec { name: name.clone(), protocol: None, node: NodeSpec::default() },
            Self::Long(long) => long.clone(),
        }
    }
}

/// A node: who stands at an address, and what it answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeSpec {
    /// Who.
    pub kind: NodeKind,
    /// What it answers.
    pub reply: Reply,
}

/// Who can stand at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// A gRPC server that answers what it was asked, as JSON.
    #[default]
    Grpc,
    /// An HTTP/1.1 server that answers what it was asked, as JSON.
    Http,
    /// Sends `reply.raw` to whoever connects and asks, then closes.
    Raw,
    /// Echoes WebSocket messages.
    Websocket,
    /// Nobody: connections are refused.
    Refused,
    /// The go-micro service of `peers/go`.
    Peer,
}

/// What a node answers where not its default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Seconds before it answers.
    pub delay: f64,
    /// The status of an HTTP answer.
    pub status: Option<u16>,
    /// Header fields of an HTTP answer.
    pub headers: IndexMap<String, String>,
    /// The body, or the message of a gRPC answer, as text.
    pub body: Option<String>,
    /// A gRPC error: the status code and its message.
    pub error: Option<GrpcError>,
    /// What [`NodeKind::Raw`] sends.
    pub raw: Option<String>,
}

impl Reply {
    /// Returns how long the node waits.
    pub fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.delay)
    }
}

/// A gRPC status other than OK.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcError {
    /// The gRPC code.
    pub code: u32,
    /// The message; go-micro puts its error object there as JSON.
    pub message: String,
}

/// A request: its line alone, or with more.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum RequestSpec {
    /// `METHOD TARGET`.
    Line(String),
    /// With fields and a body.
    Long(Box<LongRequestSpec>),
}

impl RequestSpec {
    /// Returns the long form.
    pub fn long(&self) -> LongRequestSpec {
        match self {
            Self::Line(line) => LongRequestSpec { line: line.clone(), ..LongRequestSpec::default() },
            Self::Long(long) => (**long).clone(),
        }
    }
}

/// A request with all that can be said about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LongRequestSpec {
    /// `METHOD TARGET`, sent as it stands.
    pub line: String,
    /// The `Host`; the listener's address unless given.
    pub host: Option<String>,
    /// Header fields in their order; a list sends the field several times.
    pub headers: IndexMap<String, OneOrMany>,
    /// The body as text. `<<NAME>>` in any text body stands for the address of the first node of that service.
    pub body: Option<String>,
    /// The body as JSON, with its content type.
    pub json: Option<String>,
    /// The body as hexadecimal bytes.
    pub hex: Option<String>,
    /// A body of this many bytes, in MiB.
    pub body_mib: Option<usize>,
    /// Bytes sent instead of all that; `explain` is not asked about them.
    pub raw: Option<String>,
    /// Whether it goes over HTTP/2 with prior knowledge.
    pub h2: bool,
    /// How often it is sent; every answer must be as expected.
    pub times: Option<usize>,
    /// The listener it goes to; the first unless given.
    pub listener: Option<String>,
}

/// One text or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// Returns the texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// What is expected of an answer, of the decision behind it, and of what nodes saw.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The status.
    pub status: Option<u16>,
    /// Header fields: a text is the whole value of the only field of that name, `null` says that there is none.
    pub headers: IndexMap<String, Option<String>>,
    /// The body as text.
    pub body: Option<String>,
    /// The body as JSON.
    pub json: Option<Value>,
    /// Members that the body has as JSON, among others.
    pub json_part: Option<Value>,
    /// A piece of the body.
    pub body_contains: Option<String>,
    /// The body as hexadecimal bytes.
    pub hex: Option<String>,
    /// Whether the connection is closed after the answer.
    pub closed: Option<bool>,
    /// Between how many seconds the answer comes.
    pub took: Option<(f64, f64)>,
    /// The service and the method that are called, as the recorder saw them.
    pub call: Option<(String, String)>,
    /// The service and the method that were decided on, where no node can see them.
    pub decided: Option<(String, String)>,
    /// How often nodes were called, in all.
    pub calls: Option<usize>,
    /// What the node saw.
    pub seen: Option<Seen>,
}

/// What a node saw of the last call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// The method.
    pub method: Option<String>,
    /// Path and query.
    pub target: Option<String>,
    /// Header fields or metadata, as in [`Expect::headers`].
    pub headers: IndexMap<String, Option<String>>,
    /// The last item of these comma-separated fields.
    pub last_item: IndexMap<String, String>,
    /// The payload of a call or the body of a request, as text.
    pub text: Option<String>,
    /// The same, as JSON.
    pub json: Option<Value>,
    /// The same, as hexadecimal bytes.
    pub hex: Option<String>,
    /// The registered name of the service whose node was called.
    pub service: Option<String>,
}
