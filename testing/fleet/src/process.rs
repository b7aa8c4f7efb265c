//! A daemon that does not outlive its test, and HTTP without a library between the test and the wire.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::PATIENCE;

/// A running daemon; killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (mut stderr, into) = (child.stderr.take().expect("a pipe"), Arc::clone(&log));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut bytes) {
                into.lock().expect("a log").push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { child, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("a log").clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        assert!(send(signal, &self.pid().to_string()));
    }

    pub fn exit(&mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// Sends a signal (`-TERM`) to a process, or to the group of a negative number; whether there was one. It is the shell's own
/// `kill`: the program of that name is in a package that a machine need not have.
pub fn send(signal: &str, to: &str) -> bool {
    let sent =
        Command::new("sh").args(["-c", "kill \"$0\" \"$1\"", signal, to]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}

/// The program as root: by sudo, and without a question, where we are somebody else.
pub fn as_root(program: &str) -> Command {
    let id = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if id == b"0\n" {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", program]);
    sudo
}

/// Runs a linter that the test command fetched, and named in that variable; it has to mind nothing.
pub fn lint(variable: &str, arguments: &[&str], folder: &Path) {
    let Some(program) = std::env::var_os(variable) else {
        println!("not run: {variable} is not set; `cargo xtask test` fetches the program and sets it");
        return;
    };
    let ran = Command::new(program).args(arguments).current_dir(folder).output().expect("it starts");
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(ran.status.success(), "{}{}", said[0], said[1]);
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// One request on a connection of its own.
pub fn call(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    raw(port, request.as_bytes())
}

/// Bytes as they are; then what comes back until the connection is closed.
pub fn raw(port: u16, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // The other end may close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => return Err(error),
        _ => {}
    }
    Ok(Answer::of(&answer))
}
