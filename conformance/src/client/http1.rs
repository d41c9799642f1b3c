//! HTTP/1 by hand: requests are bytes, answers are read by a parser of our own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Answer;
use crate::wait::PATIENCE;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// A request as text.
#[derive(Clone, Debug)]
pub struct Request {
    /// All of the head, with the empty line.
    pub head: String,
    /// The body, framed already where the head says so.
    pub body: Bytes,
}

impl Request {
    /// Makes a request of a line without version, `Host`, fields and a body with its length.
    pub fn new(line: &str, host: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        let bodiless = line.starts_with("GET ") || line.starts_with("HEAD ");
        if !body.is_empty() || !bodiless {
            head.push_str("Content-Length: ");
            head.push_str(&body.len().to_string());
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Self { head, body }
    }
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// When no whole answer comes within [`PATIENCE`].
pub async fn send(address: SocketAddr, request: &Request) -> Result<Answer> {
    let mut connection = Connection::open(address).await?;
    connection.send(request).await
}

/// Sends a `GET`.
///
/// # Errors
/// As [`send`].
pub async fn get(address: SocketAddr, target: &str) -> Result<Answer> {
    send(address, &Request::new(&format!("GET {target}"), &address.to_string(), &[], "")).await
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When that fails.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            timeout(PATIENCE, TcpStream::connect(address)).await?.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::new() })
    }

    /// Returns the stream, for what is not HTTP any more; what was read too far is lost.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// When the other side does not take them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(timeout(PATIENCE, self.stream.write_all(bytes)).await??)
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// When no whole answer comes within [`PATIENCE`].
    pub async fn send(&mut self, request: &Request) -> Result<Answer> {
        let start = Instant::now();
        self.write(request.head.as_bytes()).await?;
        // A refusal may come, and the connection end, while the body is still on its way.
        let written = self.write_body(&request.body).await;
        let answer = self.answer(request.head.starts_with("HEAD ")).await;
        let mut answer = match (answer, written) {
            (Ok(answer), _) => answer,
            (Err(_), Err(error)) => return Err(error.context("the body was not taken and no answer came")),
            (Err(error), Ok(())) => return Err(error),
        };
        answer.took = start.elapsed();
        Ok(answer)
    }

    async fn write_body(&mut self, body: &Bytes) -> Result<()> {
        const PIECE: usize = 1024 * 1024;
        for piece in body.chunks(PIECE) {
            self.write(piece).await?;
        }
        Ok(())
    }

    /// Reads one answer; `bodiless` for one to `HEAD`.
    ///
    /// # Errors
    /// When it does not come whole within [`PATIENCE`], or is not HTTP.
    pub async fn answer(&mut self, bodiless: bool) -> Result<Answer> {
        timeout(PATIENCE, self.read_answer(bodiless)).await.context("no whole answer in time")?
    }

    /// Reads one interim answer and returns its status.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub async fn interim(&mut self) -> Result<u16> {
        Ok(timeout(PATIENCE, self.head()).await.context("no interim answer in time")??.status)
    }

    async fn read_answer(&mut self, bodiless: bool) -> Result<Answer> {
        let mut interim = Vec::new();
        let mut answer = loop {
            let answer = self.head().await?;
            if answer.status == 101 || answer.status >= 200 {
                break answer;
            }
            interim.push(answer.status);
        };
        answer.interim = interim;
        let chunked = answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = answer.header("content-length").map(str::parse::<usize>).transpose()?;
        match length {
            _ if bodiless || matches!(answer.status, 101 | 204 | 304) => {}
            _ if chunked => self.chunks(&mut answer).await?,
            Some(length) => answer.body = self.take(length).await?,
            None => answer.body = self.rest().await?,
        }
        let says_close = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let unframed =
            length.is_none() && !chunked && answer.status >= 200 && !matches!(answer.status, 204 | 304) && !bodiless;
        answer.closed = says_close || unframed;
        Ok(answer)
    }

    async fn head(&mut self) -> Result<Answer> {
        let line = self.line().await?;
        let mut words = line.splitn(3, ' ');
        ensure!(words.next().is_some_and(|version| version.starts_with("HTTP/1.")), "not an answer: {line:?}");
        let status = words.next().unwrap_or_default().parse().with_context(|| format!("not a status: {line:?}"))?;
        Ok(Answer { status, headers: self.field_lines().await?, ..Answer::default() })
    }

    async fn field_lines(&mut self) -> Result<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').with_context(|| format!("not a field: {line:?}"))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    async fn chunks(&mut self, answer: &mut Answer) -> Result<()> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                .with_context(|| format!("not a chunk size: {line:?}"))?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&self.take(size).await?);
            ensure!(self.line().await?.is_empty(), "a chunk is longer than it says");
        }
        answer.body = body.freeze();
        answer.trailers = self.field_lines().await?;
        Ok(())
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Bytes> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn rest(&mut self) -> Result<Bytes> {
        while self.stream.read_buf(&mut self.buffer).await? > 0 {}
        Ok(self.buffer.split().freeze())
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection ended within an answer, after {:?}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(())
    }

    /// Waits until the other side ends the connection; whatever it still says is dropped.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<()> {
        let drained = async {
            loop {
                self.buffer.clear();
                // A reset is an end, too.
                if !matches!(self.stream.read_buf(&mut self.buffer).await, Ok(read) if read > 0) {
                    break;
                }
            }
        };
        timeout(limit, drained).await.with_context(|| format!("the connection is still open after {limit:?}"))
    }
}
