//! The static upstream: answers at once, so that what is measured is the proxy in front of it.
//!
//! It speaks just enough HTTP/1.1 for a proxy that regenerates its framing (kept-alive, `Content-Length` bodies), and counts:
//!
//! ```text
//! /bytes/N    N bytes, counted
//! /count      how many of those were answered, not counted itself
//! /seen       the request head as it arrived, not counted
//! ```

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;

/// A head or a body larger than this is no request of a case.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// The largest body that `/bytes/N` answers.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// 64 different bytes, so that a shifted body is seen.
const ALPHABET: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";

/// Serves until the process is killed.
pub(crate) fn serve(listen: SocketAddr) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
        accept(listener).await
    })
}

/// Returns the body of `/bytes/N`.
pub(crate) fn filling(bytes: usize) -> Vec<u8> {
    ALPHABET.iter().copied().cycle().take(bytes).collect()
}

async fn accept(listener: TcpListener) -> Result<()> {
    let count = Rc::new(Cell::new(0));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connections.spawn_local(answer_all(stream, count.clone()));
            }
            // Only to let go of what ended: a broken connection shows in wrk's count of socket errors.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers request after request until the other side closes, or sends what no case sends.
async fn answer_all(mut stream: TcpStream, count: Rc<Cell<u64>>) -> io::Result<()> {
    let mut input = Vec::with_capacity(4096);
    let mut output = Vec::with_capacity(4096);
    while let Some(head) = read_request(&mut stream, &mut input).await? {
        output.clear();
        answer(&head, &count, &mut output);
        stream.write_all(&output).await?;
    }
    Ok(())
}

/// Reads one request, drops its body and returns its head; none at the end of the connection.
async fn read_request(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let head_bytes = loop {
        if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if input.len() > REQUEST_BYTES_MAX || stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    };
    let body_bytes = content_length(&input[..head_bytes]);
    if body_bytes > REQUEST_BYTES_MAX {
        return Ok(None);
    }
    while input.len() < head_bytes + body_bytes {
        if stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
    let head = input[..head_bytes].to_vec();
    input.drain(..head_bytes + body_bytes);
    Ok(Some(head))
}

fn content_length(head: &[u8]) -> usize {
    let value = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    value.and_then(|value| std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()).unwrap_or(0)
}

fn answer(head: &[u8], count: &Cell<u64>, output: &mut Vec<u8>) {
    let path = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if let Some(bytes) = asked_bytes(path) {
        count.set(count.get() + 1);
        write_answer(output, "200 OK", "application/octet-stream", &filling(bytes));
    } else if path == b"/count" {
        write_answer(output, "200 OK", "text/plain", count.get().to_string().as_bytes());
    } else if path == b"/seen" {
        write_answer(output, "200 OK", "text/plain", head);
    } else {
        write_answer(output, "404 Not Found", "text/plain", b"/bytes/N, /count, /seen");
    }
}

fn asked_bytes(path: &[u8]) -> Option<usize> {
    let number = path.strip_prefix(b"/bytes/")?;
    std::str::from_utf8(number).ok()?.parse().ok().filter(|bytes| *bytes <= ANSWER_BYTES_MAX)
}

fn write_answer(output: &mut Vec<u8>, status: &str, content_type: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nx-upstream: benchmarks\r\n\r\n",
        body.len()
    );
    output.extend_from_slice(head.as_bytes());
    output.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, expected: &str) {
        let mut output = Vec::new();
        answer(request.as_bytes(), &Cell::new(7), &mut output);
        assert_eq!(String::from_utf8(output).unwrap().replace("\r\n", "\n"), expected, "{request}");
    }

    #[test]
    fn answers_have_the_length_that_was_asked_for() {
        check(
            "GET /bytes/3 HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\ncontent-type: application/octet-stream\ncontent-length: 3\nx-upstream: benchmarks\n\n012",
        );
        check(
            "GET /count HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\ncontent-type: text/plain\ncontent-length: 1\nx-upstream: benchmarks\n\n7",
        );
        check(
            "GET /bytes/99999999999 HTTP/1.1\r\n\r\n",
            "HTTP/1.1 404 Not Found\ncontent-type: text/plain\ncontent-length: 23\nx-upstream: benchmarks\n\n/bytes/N, /count, /seen",
        );
    }

    #[test]
    fn a_body_is_as_long_as_the_head_says() {
        let check = |head: &str, expected| assert_eq!(content_length(head.as_bytes()), expected, "{head}");
        check("POST / HTTP/1.1\r\nCONTENT-Length:  12\r\n\r\n", 12);
        check("POST / HTTP/1.1\r\nx-content-length: 12\r\n\r\n", 0);
        check("POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", 0);
    }

    #[tokio::test]
    async fn requests_are_counted_over_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let asked = "POST /bytes/2 HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET /count HTTP/1.1\r\n\r\n";
            stream.write_all(asked.as_bytes()).await.unwrap();
            let mut answers = Vec::new();
            while !answers.ends_with(b"\r\n\r\n1") {
                assert_ne!(stream.read_buf(&mut answers).await.unwrap(), 0, "closed before the count came");
            }
        };
        let server = tokio::task::LocalSet::new();
        server
            .run_until(async {
                tokio::select! {
                    stopped = accept(listener) => panic!("the upstream stopped: {stopped:?}"),
                    () = client => {}
                }
            })
            .await;
    }
}
