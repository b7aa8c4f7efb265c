//! For the examples' tests: a daemon that knows one token, the example as a process, and requests to it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

use crossfade_verify::{AcceptSet, Digest, Entry, Stage};

const AUDIENCE: &str = "https://mcp.example.com/slack";
pub(crate) const TOKEN: &str = "the-token-that-is-current";

/// The example; killed when it is dropped.
pub(crate) struct Example {
    child: Child,
    address: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Example {
    pub(crate) fn start(binary: &str) -> Self {
        let mut child = Command::new(binary)
            .env("LISTEN", "127.0.0.1:0")
            .env("CROSSFADE_URL", daemon())
            .env("CROSSFADE_CREDENTIAL", "cfc_a-credential-for-tests")
            .env("CROSSFADE_AUDIENCE", AUDIENCE)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on http://").expect("the URL");
        let address = url.strip_suffix("/mcp").expect("its path").to_owned();
        Self { child, address }
    }

    /// The head and the body of the answer.
    pub(crate) fn post(&self, headers: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("the example");
        let (host, length) = (&self.address, body.len());
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_owned(), body.to_owned())
    }
}

/// Its URL. It ends with the test's process.
fn daemon() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    url
}

/// Answers the first request, and holds the next.
fn serve(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
    let head = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty());
    let nonce = head.filter_map(|line| line.strip_prefix("crossfade-nonce: ").map(str::to_owned)).last();
    let json = set().to_json();
    let timing = format!("now=1795000000000, age=0, held=0, nonce={}", nonce.unwrap_or_default());
    let length = json.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncrossfade-timing: {timing}\r\ncontent-length: {length}\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{json}").as_bytes());
    lines.map_while(Result::ok).for_each(drop);
}

fn set() -> AcceptSet {
    let entry = Entry {
        digest: Digest::of(TOKEN.as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: "version-1".into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: [].into(),
        created_ms: 0,
        grace_ms: 14_400_000,
        not_after_ms: None,
    };
    AcceptSet::new(AUDIENCE, 60_000, 86_400_000, vec![entry]).expect("a good set")
}
