//! Whoever gives credentials over HTTP, as much of them as the SDK asks for: STS, the SSO portal, a container's agent, EC2's
//! metadata service.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A listener on this machine that answers each request by what its first line says, and writes the lines down.
pub(crate) struct Giver {
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Giver {
    pub(crate) fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (lines, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (written, stopped) = (Arc::clone(&lines), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Some(line) = stream.ok().and_then(|stream| serve(stream, &answer)) else { continue };
                written.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { port, lines, stop, thread: Some(thread) }
    }

    /// Gives that access key to whoever asks, in the words of whomever they ask.
    pub(crate) fn of(access_key: &'static str) -> Self {
        Self::start(move |line| words(line, access_key))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The first line of each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // It waits for one more connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// That access key, in the words of whomever the request is for.
pub(crate) fn words(line: &str, access_key: &str) -> String {
    if line.starts_with("GET /federation/credentials") {
        return format!(
            r#"{{"roleCredentials": {{"accessKeyId": "{access_key}", "secretAccessKey": "none", "sessionToken": "some", "expiration": 4102444800000}}}}"#
        );
    }
    // EC2's metadata service (IMDSv2): a token of its own first, then the role's name.
    if line.starts_with("PUT /latest/api/token") {
        return "a-token-of-the-metadata-service".to_owned();
    }
    if line.starts_with("GET /latest/meta-data/iam/security-credentials") && !line.contains("/crossfade-role")
    {
        return "crossfade-role".to_owned();
    }
    if line.starts_with("GET /latest/meta-data/iam/security-credentials") {
        return format!(
            r#"{{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "{access_key}", "SecretAccessKey": "none", "Token": "some", "LastUpdated": "2020-01-01T00:00:00Z", "Expiration": "2100-01-01T00:00:00Z"}}"#
        );
    }
    if line.starts_with("GET /container") {
        return format!(
            r#"{{"AccessKeyId": "{access_key}", "SecretAccessKey": "none", "Token": "some", "Expiration": "2100-01-01T00:00:00Z"}}"#
        );
    }
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{access_key}</AccessKeyId>\
         <SecretAccessKey>none</SecretAccessKey><SessionToken>some</SessionToken>\
         <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>\
         <AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
}

/// One request of a connection. Its first line; none where none came.
fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> String) -> Option<String> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).ok()?;
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or_default() {
                let line = head.lines().next().unwrap_or_default().to_owned();
                let body = answer(&line);
                // How long a token of EC2's metadata service is good; nobody else looks at it.
                let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{ttl}\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
                return Some(line);
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(more) => read.extend_from_slice(&piece[..more]),
        }
    }
}
