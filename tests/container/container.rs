//! A container of the image: user, command and environment are the image's own; the root can't be
//! written, and no capability is left. It shares the machine's network, for want of a bridge.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    process::call,
    workshop::{Workshop, root, runc, text},
};

pub(crate) const SECRET: &str = "mcp/slack-bot-token";

/// How long a test waits for something that has to come; long, for a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What `docker stop` waits before it kills.
const DOCKERS_PATIENCE: Duration = Duration::from_secs(10);

/// Waits for a condition, not for a time.
pub(crate) fn until<T>(what: &str, patience: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    while waited < patience {
        if let Some(found) = condition() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    }
    panic!("never came: {what}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// An image, a config and a volume; containers on them come and go.
pub(crate) struct Host {
    workshop: Workshop,
    image: Value,
    environment: Vec<String>,
    pub(crate) listen: u16,
    pub(crate) metrics: u16,
}

/// A container that runs; gone with its test.
pub(crate) struct Container<'a> {
    host: &'a Host,
    id: String,
    runtime: Child,
}

impl Host {
    /// With the config that is shipped for compose, on ports of its own, changed so.
    pub(crate) fn new(change: impl Fn(String) -> String) -> Option<Self> {
        Self::with("embedded.yaml", Vec::new(), change)
    }

    /// With the one for AWS, which that endpoint plays.
    pub(crate) fn on_aws(endpoint: &str) -> Option<Self> {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", "AKIDCONTAINER"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let environment = variables.map(|(name, value)| format!("{name}={value}")).to_vec();
        Self::with("aws.yaml", environment, |config| config)
    }

    fn with(shipped: &str, environment: Vec<String>, change: impl Fn(String) -> String) -> Option<Self> {
        let workshop = Workshop::open()?;
        workshop.build("crossfade", "docker");
        let image = workshop.describe("crossfade")["config"].clone();
        let host = Self { workshop, image, environment, listen: free_port(), metrics: free_port() };
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/compose").join(shipped);
        let mut config = fs::read_to_string(shipped).expect("the shipped config");
        for (from, to) in [("0.0.0.0:8750", host.listen), ("0.0.0.0:8751", host.metrics)] {
            assert!(config.contains(from), "{config}");
            config = config.replace(from, &format!("127.0.0.1:{to}"));
        }
        config = config.replace("${VERIFIER_SHA256}", &"ab".repeat(32));
        let (file, data) = (host.path("config.yaml"), host.path("data"));
        fs::write(&file, change(config)).expect("a write");
        fs::create_dir(&data).expect("a folder");
        root("chown", &["0:0", text(&file)]);
        root("chown", &["65532:65532", text(&data)]);
        Some(host)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workshop.folder.join(name)
    }

    /// A container with this command, or the image's own.
    pub(crate) fn run(&self, command: Option<&[&str]>) -> Container<'_> {
        let rootfs = self.workshop.unpack("crossfade");
        let id = format!("crossfade-{}", rootfs.file_name().and_then(|name| name.to_str()).expect("a name"));
        let bundle = self.path(&id);
        fs::create_dir(&bundle).expect("a folder");
        fs::write(bundle.join("config.json"), self.spec(&rootfs, command).to_string()).expect("a write");
        let run = ["run", "--bundle", text(&bundle), &id];
        let log = fs::File::create(bundle.join("log")).expect("a log");
        let mut runtime = runc(&self.path("runc"), &run);
        runtime.stdin(Stdio::null()).stdout(log.try_clone().expect("the log")).stderr(log);
        Container { host: self, id, runtime: runtime.spawn().expect("it starts") }
    }

    /// OCI's description of a container (runtime-spec 1.0).
    fn spec(&self, rootfs: &Path, command: Option<&[&str]>) -> Value {
        let list = |key: &str| self.image[key].as_array().cloned().unwrap_or_default();
        let command = command.map_or_else(|| list("Cmd"), |words| words.iter().map(|w| json!(w)).collect());
        let arguments = [list("Entrypoint"), command].concat();
        let user = self.image["User"].as_str().and_then(|user| user.split_once(':')).expect("uid:gid");
        let [uid, gid] = [user.0, user.1].map(|id| id.parse::<u32>().expect("a number"));
        let bind = |from: &str, to: &str, mode: &str| {
            let options = ["bind", mode, "nosuid", "nodev", "noexec"];
            json!({"destination": to, "type": "bind", "source": self.path(from), "options": options})
        };
        let config = bind("config.yaml", "/etc/crossfade/config.yaml", "ro");
        let data = bind("data", "/data", "rw");
        let none: [&str; 0] = [];
        let own = self.environment.iter().map(|line| json!(line)).collect();
        let environment = [list("Env"), own].concat();
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": uid, "gid": gid},
                "args": arguments,
                "env": environment,
                "cwd": "/",
                "capabilities": {
                    "bounding": none, "effective": none, "inheritable": none, "permitted": none, "ambient": none
                },
                "noNewPrivileges": true,
            },
            "root": {"path": rootfs, "readonly": true},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                config,
                data,
            ],
            "linux": {
                "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
                "maskedPaths": ["/proc/kcore", "/proc/keys"],
                "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger"],
            },
        })
    }

    /// A container that ends by itself, as it has to.
    pub(crate) fn once(&self, command: &[&str]) -> String {
        let mut container = self.run(Some(command));
        let ended = container.end();
        assert!(ended.success(), "{command:?}: {ended}");
        container.log()
    }

    /// The image's own health check, in this container's words: what to run.
    fn health_check(&self) -> Vec<&str> {
        let test = self.image["Healthcheck"]["Test"].as_array().expect("a health check");
        let words: Vec<&str> = test.iter().filter_map(Value::as_str).collect();
        assert_eq!(words.first(), Some(&"CMD"), "there is no shell for another kind");
        words[1..].to_vec()
    }
}

impl Container<'_> {
    /// A daemon that is ready.
    pub(crate) fn ready(self) -> Self {
        until("the daemon is ready", PATIENCE, || {
            let ready = call(self.host.metrics, "GET", "/readyz", &[], "");
            ready.ok().filter(|answer| answer.status == 200)
        });
        self
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.host.path(&self.id).join("log")).expect("its log")
    }

    fn runc(&self, arguments: &[&str]) -> Output {
        runc(&self.host.path("runc"), arguments).output().expect("runc")
    }

    /// Runs a command inside; how it ended and what it said.
    pub(crate) fn inside(&self, command: &[&str]) -> Output {
        self.runc(&[&["exec", &self.id], command].concat())
    }

    /// Runs a command inside that has to succeed; what it says.
    pub(crate) fn ok(&self, command: &[&str]) -> String {
        let output = self.inside(command);
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What the image's health check says, which has to end by itself.
    pub(crate) fn is_healthy(&self) -> bool {
        let arguments = [&["exec", &self.id], &*self.host.health_check()].concat();
        let mut check = runc(&self.host.path("runc"), &arguments);
        let mut check = check.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runc");
        let ended = || check.try_wait().expect("its state");
        until("the end of the health check", PATIENCE, ended).success()
    }

    /// The first process, as the machine sees it.
    pub(crate) fn process(&self) -> PathBuf {
        let state = self.runc(&["state", &self.id]);
        let state: Value = serde_json::from_slice(&state.stdout).expect("JSON");
        Path::new("/proc").join(state["pid"].to_string())
    }

    /// Waits for an end that comes by itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.exit(PATIENCE)
    }

    /// What `docker stop` does. It has to be gone before that would kill it.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let killed = self.runc(&["kill", &self.id, "TERM"]);
        assert!(killed.status.success(), "{killed:?}");
        self.exit(DOCKERS_PATIENCE)
    }

    fn exit(&mut self, patience: Duration) -> ExitStatus {
        until("the container's end", patience, || self.runtime.try_wait().expect("its state"))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.runc(&["delete", "--force", &self.id]);
        drop(self.runtime.wait());
        if std::thread::panicking() {
            eprintln!("the container's log:\n{}", self.log());
        }
    }
}
