//! An emulator that does not outlive the tests, whichever way they end.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Starts what it is given, and ends it by its id once nobody holds the other end of its standard input.
const KEEPER: &str = r#""$@" & read -r _; kill "$!"; wait"#;

/// So long may it take to answer, on a busy machine.
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// One, for all tests of this binary. It ends with this process, as the keeper's standard input does.
pub(crate) struct Emulator {
    port: u16,
    /// What it said, where it never answered: each test says so, and none waits for it again.
    trouble: Option<String>,
    keeper: Child,
}

impl Emulator {
    /// Starts the program that the variable names, and waits until it answers. None, and a line that says so: the
    /// variable is not set. `arguments` adds those that say the port, or what stands in the environment.
    pub(crate) fn start(variable: &str, arguments: impl Fn(&mut Command, &str)) -> Option<Self> {
        let Some(program) = std::env::var_os(variable) else {
            // Not by `eprintln!`, which a test that passes swallows.
            let told = writeln!(
                io::stderr(),
                "passed over: {variable} names no emulator; `cargo xtask test` gets one"
            );
            told.expect("stderr");
            return None;
        };
        let socket = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = socket.expect("a free port").port();
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{variable}.log"));
        let said = File::create(&log).expect("a log");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(program);
        arguments(&mut keeper, &port.to_string());
        let keeper = keeper
            .stdin(Stdio::piped())
            .stdout(said.try_clone().expect("a log"))
            .stderr(said)
            .spawn()
            .expect("sh");
        let mut emulator = Self { port, trouble: None, keeper };
        let answered = (0..TRIES).any(|_| {
            thread::sleep(PAUSE);
            answers(port)
        });
        if !answered {
            emulator.trouble = Some(fs::read_to_string(&log).unwrap_or_default());
        }
        Some(emulator)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        assert_eq!(self.trouble, None, "it does not answer");
        self.port
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Whatever it says.
fn answers(port: u16) -> bool {
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.set_read_timeout(Some(PAUSE * 50))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read(&mut [0; 1])
    });
    asked.is_ok_and(|read| read > 0)
}
