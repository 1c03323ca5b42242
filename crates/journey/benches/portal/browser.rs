//! A browser's requests: HTTP/1.1 on one connection that stays open, with a session's cookie. Counts what comes over
//! the wire, and follows a stream of events. Draws nothing.

use anyhow::{Context, bail, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection of somebody who is signed in.
pub struct Browser {
    stream: TcpStream,
    buffer: Vec<u8>,
    address: SocketAddr,
    cookie: String,
}

/// An answer.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body as text; what isn't UTF-8 (it may be compressed) is replaced.
    pub text: String,
    /// All that came: the head and the body, as they were sent.
    pub bytes_on_wire: usize,
}

impl Browser {
    /// Connects; `cookie` is the session's token, empty for nobody.
    pub async fn connect(address: SocketAddr, cookie: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16), address, cookie: cookie.to_owned() })
    }

    async fn send(&mut self, path: &str, accept: &str, more: &str) -> anyhow::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\nCookie: meetme_session={}\r\n{more}\r\n",
            self.address, self.cookie
        );
        Ok(self.stream.write_all(request.as_bytes()).await?)
    }

    /// Asks for a page as a person who goes there.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Reply> {
        self.ask(path, "").await
    }

    /// Asks for a page as its live part does, or with other headers, each with its line's end.
    pub async fn ask(&mut self, path: &str, headers: &str) -> anyhow::Result<Reply> {
        self.send(path, "text/html,*/*", headers).await?;
        self.buffer.clear();
        let head = self.head().await?;
        let text = String::from_utf8(self.buffer[..head].to_vec())?;
        let status = status(&text)?;
        let length: usize = header(&text, "content-length")
            .with_context(|| format!("{path}: no Content-Length: {text}"))?
            .parse()?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let body = &self.buffer[head..head + length];
        let text = String::from_utf8_lossy(body).into_owned();
        Ok(Reply { status, text, bytes_on_wire: head + length })
    }

    /// Opens the stream that tells an open page of changes.
    pub async fn follow(&mut self) -> anyhow::Result<()> {
        self.send("/live", "text/event-stream", "").await?;
        self.buffer.clear();
        let head = self.head().await?;
        let status = status(std::str::from_utf8(&self.buffer[..head])?)?;
        ensure!(status == 200, "the stream was answered with {status}");
        self.buffer.drain(..head);
        Ok(())
    }

    /// Waits until the stream says that something changed.
    pub async fn changed(&mut self) -> anyhow::Result<()> {
        const EVENT: &[u8] = b"event: changed";
        loop {
            if let Some(at) = self.buffer.windows(EVENT.len()).position(|w| w == EVENT) {
                self.buffer.drain(..at + EVENT.len());
                return Ok(());
            }
            self.read().await?;
        }
    }

    /// Forgets what the stream told so far.
    pub fn forget(&mut self) {
        self.buffer.clear();
    }

    /// Reads until a head is whole, and gives its length.
    async fn head(&mut self) -> anyhow::Result<usize> {
        loop {
            self.read().await?;
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                return Ok(at + 4);
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the product closed the connection");
        }
        Ok(())
    }
}

fn status(head: &str) -> anyhow::Result<u16> {
    Ok(head.split(' ').nth(1).context("no status")?.parse()?)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
