//! `micro service`: programs that know nothing of the registry, called by the gateway and by clients of services.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mesh_rpc::client::Target;
use mesh_rpc::{Client, Codec, RpcError};

use crate::support::{DEADLINE, FREE, Folder, Serving, http, micro, program, run, wait_until};

/// A gateway with an empty registry that passes what begins with `/NAME/` to the service of that name.
fn gateway(names: &[&str]) -> Serving {
    let route = |name: &&str| format!("- {{ match: {{ path: /{name}/** }}, handler: proxy, service: {name} }}\n    ");
    let folder = Folder::with(&format!(
        "version: micro/v1\nlisteners: {{ api: {{ address: \"127.0.0.1:0\", routes: api }} }}\nroutes:\n  api:\n    {}",
        names.iter().map(route).collect::<String>()
    ));
    Serving::start(&[&["gateway", "--config", &folder.document()], &FREE[..]].concat())
}

/// `micro service` at work. Dropping it ends it in order, with its command.
struct Wrapped(Child);

impl Wrapped {
    fn start(gateway: &Serving, words: &[&str]) -> Self {
        let mut command = micro(&program());
        command.args(["--registry", "service", "--registry_address", &gateway.registry().to_string(), "service"]);
        command.args(["--address", "127.0.0.1:0"]).args(words).env("MICRO_REGISTER_TTL", "2");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        // It may have ended already.
        drop(Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status());
        drop(self.0.wait());
    }
}

/// The address of the one node of a service, once there is one.
fn node(gateway: &Serving, name: &str) -> String {
    wait_until(name, || {
        let answer = http(gateway.registry(), &format!("GET /v1/registry/{name}"), &[], "");
        let services: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
        Some(services[0]["nodes"][0]["address"].as_str()?.to_owned())
    })
}

fn is_gone(gateway: &Serving, name: &str) {
    let gone = || http(gateway.registry(), &format!("GET /v1/registry/{name}"), &[], "").status == 404;
    wait_until("its end", || gone().then_some(()));
}

/// Calls with `{}`, as `micro call SERVICE ENDPOINT` does.
fn call(address: &str, service: &str, endpoint: &str) -> Result<String, RpcError> {
    call_with(address, service, endpoint, "{}")
}

fn call_with(address: &str, service: &str, endpoint: &str, message: &str) -> Result<String, RpcError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(address, DEADLINE).await.unwrap();
        let target = Target { timeout: DEADLINE, ..Target::new(service, endpoint) };
        let answer = client.call_bytes(target, Codec::Json, message.as_bytes()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    })
}

fn free_port() -> String {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port().to_string()
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid.trim()).exists()
}

#[test]
fn a_python_server_is_called_by_path_and_by_the_gateway() {
    let (gateway, folder) = (gateway(&["web"]), tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("web")).unwrap();
    std::fs::write(folder.path().join("web/hello.txt"), "hello world").unwrap();
    let (port, root) = (free_port(), folder.path().to_str().unwrap().to_owned());
    let endpoint = format!("http://127.0.0.1:{port}");
    let server = ["python3", "-m", "http.server", &port, "--bind", "127.0.0.1", "--directory", &root];
    let flags = ["--name", "web", "--endpoint", &endpoint, "--metadata", "team=blue", "--"];
    let mut wrapped = Wrapped::start(&gateway, &[&flags[..], &server[..]].concat());
    let address = node(&gateway, "web");
    assert_eq!(call(&address, "web", "/web/hello.txt").unwrap(), "hello world");
    assert!(call(&address, "web", "/").unwrap().contains("Directory listing"));
    assert_eq!(call(&address, "web", "/nothing").unwrap_err().code, 404);
    assert_eq!(call(&address, "web", "Debug.Health").unwrap(), r#"{"status":"ok"}"#);
    let api = gateway.listener("api");
    let answer = wait_until("the gateway to know", || {
        Some(http(api, "GET /web/hello.txt", &[], "")).filter(|answer| answer.status != 503)
    });
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello world"));
    assert!(answer.head.contains("content-type: text/plain"), "{}", answer.head);
    assert_eq!(http(api, "GET /web/nothing", &[], "").status, 404);

    wrapped.signal("TERM");
    assert_eq!(wrapped.0.wait().unwrap().code(), Some(0));
    let answer = http(gateway.registry(), "GET /v1/registry/web", &[], "");
    assert_eq!(answer.status, 404, "it left before it ended");
    TcpListener::bind(format!("127.0.0.1:{port}")).unwrap(); // and its server is gone
}

#[test]
fn files_and_programs_are_services() {
    let (gateway, folder) = (gateway(&["files"]), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("helloworld.txt"), "helloworld").unwrap();
    std::fs::write(at("run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    assert!(Command::new("chmod").args(["755", &at("run.sh")]).status().unwrap().success());
    let flags = |name: &'static str, kind: &str, file: &str| {
        ["--name".to_owned(), name.to_owned(), "--endpoint".to_owned(), format!("{kind}://{}", at(file))]
    };
    let start = |flags: [String; 4]| Wrapped::start(&gateway, &flags.each_ref().map(String::as_str));
    let _file = start(flags("helloworld", "file", "helloworld.txt"));
    let _program = start(flags("run", "exec", "run.sh"));
    assert_eq!(call(&node(&gateway, "helloworld"), "helloworld", ".").unwrap(), "helloworld");
    let address = node(&gateway, "run");
    assert_eq!(call(&address, "run", ".").unwrap(), "ran\n");
    for endpoint in ["/../../bin/id", "/%2e%2e/%2e%2e/bin/id"] {
        assert_eq!(call(&address, "run", endpoint).unwrap_err().code, 403, "{endpoint}");
    }
}

#[test]
fn killed_it_vanishes_with_its_lease() {
    let (gateway, folder) = (gateway(&["files"]), tempfile::tempdir().unwrap());
    let endpoint = format!("file://{}", folder.path().display());
    let wrapped = Wrapped::start(&gateway, &["--name", "files", "--endpoint", &endpoint]);
    node(&gateway, "files");
    wrapped.signal("KILL");
    is_gone(&gateway, "files");
}

#[test]
fn the_code_of_the_command_is_handed_on() {
    let gateway = gateway(&["x"]);
    let registry = gateway.registry().to_string();
    let service = ["--registry", "service", "--registry_address", &registry, "service", "--address", "127.0.0.1:0"];
    let endpoint = ["--endpoint", "file:///nowhere/at/all", "sh", "-c", "exit $0", "7"];
    assert_eq!(run(&[&service[..], &endpoint[..]].concat()).code, Some(7));
    let ended = run(&[&service[..], &["--endpoint", "ftp://x"]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains(r#""ftp://x" is no endpoint: it begins with http://"#), "{}", ended.err);
    let ended = run(&[&service[..], &["--endpoint", "file:///tmp", "/nowhere/tool"]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains(r#"the command "/nowhere/tool" cannot be started: No such file"#), "{}", ended.err);
}

/// Registration by `PUT` alone, for a program that needs nobody in front of it (docs/services.md).
#[test]
fn a_python_server_registers_by_one_request() {
    let (gateway, folder) = (gateway(&["plain"]), tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("plain")).unwrap();
    std::fs::write(folder.path().join("plain/x"), "by itself").unwrap();
    let (port, pid) = (free_port(), folder.path().join("pid"));
    let script = format!(
        "import http.server, functools, os\nopen({pid:?}, 'w').write(str(os.getpid()))\n\
         h = functools.partial(http.server.SimpleHTTPRequestHandler, directory={:?})\n\
         http.server.HTTPServer(('127.0.0.1', {port}), h).serve_forever()\n",
        folder.path()
    );
    let mut server = Command::new("python3");
    let mut server = Wrapped(server.args(["-c", &script]).stderr(Stdio::null()).spawn().unwrap());
    let body = format!(r#"{{"port":{port},"protocol":"http"}}"#);
    let answer = http(gateway.registry(), "PUT /v1/registry/plain/1?ttl=2s", &[], &body);
    assert_eq!(answer.status, 204, "{}", answer.body);
    let answer = wait_until("the server", || {
        Some(http(gateway.listener("api"), "GET /plain/x", &[], "")).filter(|answer| answer.status == 200)
    });
    assert_eq!(answer.body, "by itself");
    let answer = http(gateway.registry(), "POST /v1/registry/plain/1/heartbeat", &[], "");
    assert_eq!(answer.status, 204, "{}", answer.body);
    let process = std::fs::read_to_string(&pid).unwrap();
    assert!(is_alive(&process));
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    is_gone(&gateway, "plain");
}

#[test]
fn the_example_in_python_is_a_service() {
    let gateway = gateway(&["x"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python-service/run.sh");
    let mut command = micro(&script);
    command.args(["--registry", "service", "--registry_address", &gateway.registry().to_string()]);
    command.env("MICRO", program()).env("PORT", free_port()).env("MICRO_SERVICE_ADDRESS", "127.0.0.1:0");
    let _service = Wrapped(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let address = node(&gateway, "helloworld");
    assert_eq!(call(&address, "helloworld", "/").unwrap(), "hello world");
    let answer = call_with(&address, "helloworld", "/greet", r#"{"name": "John"}"#);
    assert_eq!(answer.unwrap(), r#"{"msg": "Hello John"}"#);
    let error = call_with(&address, "helloworld", "/greet", "[1]").unwrap_err();
    assert_eq!((error.code, error.detail.as_str()), (400, r#"expected {"name": …}"#));
}
