//! As little HTTP as the jobs need: one connection that stays open, without any library's cost.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use anyhow::Context as _;

/// A connection that is used again and again.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
}

/// What came back.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(host: &str) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(host).with_context(|| format!("nobody listens on {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream), host: host.to_owned() })
    }

    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.send(head.as_bytes())
    }

    fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.reader.get_mut().write_all(request)?;
        let (line, length) = read_head(&mut self.reader)?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok());
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(Answer { status: status.context("the answer has no status")?, body })
    }
}

/// The first line of a message and the length of its body.
pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> anyhow::Result<(String, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    anyhow::ensure!(!line.is_empty(), "the connection was closed");
    let mut length = 0;
    let mut header = String::new();
    loop {
        header.clear();
        reader.read_line(&mut header)?;
        let text = header.trim_end();
        if text.is_empty() {
            return Ok((line.trim_end().to_owned(), length));
        }
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
}
