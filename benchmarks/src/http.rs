//! A small blocking HTTP/1.1 client, for the requests that check rather than load. It sends exactly what `wrk` sends, so
//! that it may expect exactly what `wrk` gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longer than any deadline a peer has by default, so that its own answer is seen.
const DEADLINE: Duration = Duration::from_secs(10);
/// More than any checked answer has.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// An answer as it arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order they arrived.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Head and body, as counted on the wire.
    pub(crate) wire_bytes: u64,
}

impl Answer {
    /// Returns the values of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn send(to: SocketAddr, method: &str, path: &str, content_type: Option<&str>, body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&to, DEADLINE).with_context(|| format!("connect to {to}"))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let about_body =
        content_type.map(|content_type| format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len()));
    let about_body = about_body.unwrap_or_default();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\n{about_body}\r\n{body}");
    stream.write_all(request.as_bytes()).with_context(|| format!("send to {to}"))?;
    read(&mut BufReader::new(stream)).with_context(|| format!("{method} http://{to}{path}"))
}

fn read(input: &mut impl BufRead) -> Result<Answer> {
    let mut wire_bytes = 0;
    let mut line = || -> Result<String> {
        let mut line = String::new();
        wire_bytes += input.read_line(&mut line)? as u64;
        let whole = line.strip_suffix("\r\n").context("the answer ends within its head")?;
        Ok(whole.to_owned())
    };
    let status_line = line()?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("no status in {status_line:?}"))?;
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').with_context(|| format!("no header: {line:?}"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: String::new(), wire_bytes };
    if answer.header("transfer-encoding").any(|coding| coding == "chunked") {
        bail!("a chunked answer: the cases ask for answers of a known length");
    }
    let length: u64 = match answer.header("content-length").next() {
        Some(length) => length.parse().context("content-length is no number")?,
        None if answer.status == 204 => 0,
        None => bail!("an answer without a length"),
    };
    let read = input.take(length.min(BODY_BYTES_MAX)).read_to_string(&mut answer.body)? as u64;
    if read < length {
        bail!("the body ends after {read} of {length} bytes");
    }
    answer.wire_bytes += read;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(u16, &str, u64), &str>) {
        let answer = read(&mut text.as_bytes());
        let answer = answer.as_ref().map(|answer| (answer.status, answer.body.as_str(), answer.wire_bytes));
        assert_eq!(answer.map_err(ToString::to_string), expected.map_err(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn an_answer_is_counted_to_its_last_byte_and_no_further() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabrest", Ok((200, "ab", 40)));
        check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, "", 27)));
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", Err("the body ends after 2 of 3 bytes"));
        check("HTTP/1.1 200 OK\r\n\r\nab", Err("an answer without a length"));
        check("HTTP/1.1 200 OK\r\nA: b", Err("the answer ends within its head"));
        check("SSH-2.0-x\r\n\r\n", Err("no status in \"SSH-2.0-x\""));
    }
}
