//! A web page must reach neither the admin listener nor the registry (design 12): not under a name of its own, and not as
//! the page of another origin.

use std::path::Path;

use anyhow::Result;
use conformance::client::http1::{Request, send};
use conformance::process::Gateway;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");
const DOCUMENT: &str = r#"
version: micro/v1
listeners: { web: { address: "127.0.0.1:0", routes: public } }
routes: { public: [{ match: { path: /** }, handler: { respond: { body: ok } } }] }
"#;

#[tokio::test]
async fn a_web_page_reaches_neither_admin_nor_registry() -> Result<()> {
    let gateway = Gateway::with_document(Path::new(PROGRAM), DOCUMENT).await?;
    let (admin, registry) = (gateway.admin()?, gateway.registry()?);
    let generation = gateway.generation().await?;
    let node = r#"{"address":"127.0.0.1:1"}"#;
    for (address, line, body, allowed) in [
        (admin, "GET /status", "", 200),
        (admin, "GET /metrics", "", 200),
        (admin, "POST /reload", "", 200),
        (registry, "GET /v1/registry", "", 200),
        (registry, "PUT /v1/registry/a/1", node, 204),
        (registry, "DELETE /v1/registry/a/1", "", 204),
    ] {
        let own = address.to_string();
        let ask = async |host: &str, headers: &[(&str, &str)]| -> Result<u16> {
            Ok(send(address, &Request::new(line, host, headers, body)).await?.status)
        };
        let named = format!("localhost:{}", address.port());
        for (host, headers) in [
            ("evil.test", [].as_slice()),
            (own.as_str(), &[("Origin", "http://evil.test")]),
            (&own, &[("Origin", "null")]),
            (&own, &[("Sec-Fetch-Site", "cross-site")]),
            (&own, &[("Sec-Fetch-Site", "same-site")]),
            ("evil.test", &[("Origin", "http://evil.test"), ("Sec-Fetch-Site", "same-origin")]),
        ] {
            assert_eq!(ask(host, headers).await?, 403, "{line} as {host} with {headers:?}");
        }
        assert_eq!(ask(&named, &[("Sec-Fetch-Site", "none")]).await?, allowed, "{line} typed into a browser");
        if !line.starts_with("DELETE") {
            assert_eq!(ask(&own, &[]).await?, allowed, "{line} by a program");
        }
    }
    assert_eq!(gateway.generation().await?, generation, "nobody changed anything");
    Ok(())
}
