//! A proxy before a server, for clients that can't be told which headers to send, and for tests that want to know what
//! a client was answered.
//!
//! Not there: more than one request on a connection. Each is told to end its own.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::process::Answer;

/// The most that a request's head may have.
const HEAD: usize = 64 << 10;

/// Each request's method and path, and what it was answered, without the body.
type Answers = Arc<Mutex<Vec<(String, Answer)>>>;

#[derive(Debug)]
pub struct Front {
    pub address: SocketAddr,
    answers: Answers,
}

impl Front {
    /// Before that server, to whose requests it adds this header line, where there is one. It ends with the process.
    pub fn of(server: SocketAddr, header: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let answers = Answers::default();
        let kept = Arc::clone(&answers);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let (kept, header) = (Arc::clone(&kept), header.clone());
                // A client or a server that goes away ends this one request.
                thread::spawn(move || drop(pass(near, server, header.as_deref(), &kept)));
            }
        });
        Self { address, answers }
    }

    /// Those since the last time that it was asked.
    pub fn answers(&self) -> Vec<(String, Answer)> {
        std::mem::take(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn pass(mut near: TcpStream, server: SocketAddr, header: Option<&str>, answers: &Answers) -> io::Result<()> {
    let ours = format!(":{}", near.local_addr()?.port());
    let (head, begun) = head(&mut near)?;
    let mut far = TcpStream::connect(server)?;
    let asked = head.split(" HTTP/").next().unwrap_or_default().to_owned();
    // A server minds whom it is called as, and from where: another host or origin stays what it is.
    let head = head.replace(&ours, &format!(":{}", server.port()));
    let lines = head.split("\r\n").filter(|line| !is(line, "connection"));
    let mut request: String = lines.map(|line| format!("{line}\r\n")).collect();
    request.push_str("Connection: close\r\n");
    if let Some(header) = header {
        request.push_str(&format!("{header}\r\n"));
    }
    far.write_all(&[request.as_bytes(), b"\r\n", &begun].concat())?;

    let (mut from, mut into) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut into);
        // Who has sent all still waits for the answer; whoever has gone away is not waited for.
        let _ = into.shutdown(Shutdown::Write);
    });
    let (head, begun) = self::head(&mut far)?;
    let answer = Answer::of(format!("{head}\r\n\r\n").as_bytes());
    answers.lock().unwrap_or_else(PoisonError::into_inner).push((asked, answer));
    near.write_all(&[head.as_bytes(), b"\r\n\r\n", &begun].concat())?;
    io::copy(&mut far, &mut near)?;
    near.shutdown(Shutdown::Both)
}

/// A message's head, and what has come of its body.
fn head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut bytes, mut more) = (Vec::new(), [0; 4096]);
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            return Ok((head, bytes[end + 4..].to_vec()));
        }
        let read = stream.read(&mut more)?;
        if read == 0 || bytes.len() > HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..read]);
    }
}

fn is(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
}
