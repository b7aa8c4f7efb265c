//! An answer's bytes, read with as little work as can be: what the client needs is taken from the server.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The last answer on a connection.
#[derive(Default)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// Where the body begins.
    body: usize,
}

impl Answer {
    /// Reads the next one, whole. Nothing comes after it: the next is asked for first.
    pub(super) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin + ?Sized)) -> io::Result<()> {
        self.bytes.clear();
        self.body = loop {
            if from.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break head + 4;
            }
        };
        let length = self.header("content-length").filter(|_| self.status() != "304");
        let length: usize = length.unwrap_or("0").parse().map_err(io::Error::other)?;
        while self.bytes.len() < self.body + length {
            if from.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    pub(super) fn status(&self) -> &str {
        self.head().get(9..12).unwrap_or_default()
    }

    /// Names are lower-case, as hyper writes them.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head().lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn head(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.body]).unwrap_or_default()
    }
}
