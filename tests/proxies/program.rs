//! The programs: where each is, its sample as it has to be here, and how it is started.

use std::{fs, path::Path, path::PathBuf, process::Command};

use crate::world::VERIFIER;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
    Haproxy,
}

/// The ports of one proxy's neighbours.
pub(crate) struct Ports {
    pub(crate) crossfade: u16,
    pub(crate) upstream: u16,
    pub(crate) listen: u16,
    /// Where Traefik asks itself.
    pub(crate) question: u16,
}

impl Proxy {
    pub(crate) const ALL: [Self; 5] = [Self::Nginx, Self::Caddy, Self::Traefik, Self::Envoy, Self::Haproxy];

    /// The variable by which `cargo xtask test` names the program, and the name of its version's constant there.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Nginx => "NGINX",
            Self::Caddy => "CADDY",
            Self::Traefik => "TRAEFIK",
            Self::Envoy => "ENVOY",
            Self::Haproxy => "HAPROXY",
        }
    }

    /// As its makers write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::Haproxy => "HAProxy",
        }
    }

    /// Its files in `deploy/proxies`; the first one is what it is started with.
    pub(crate) const fn samples(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx.conf"],
            Self::Caddy => &["Caddyfile"],
            Self::Traefik => &["traefik.yml", "traefik-dynamic.yml"],
            Self::Envoy => &["envoy.yaml"],
            Self::Haproxy => &["haproxy.cfg", "haproxy.lua"],
        }
    }

    /// None where it is not on this machine, which is said.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let program = std::env::var_os(self.variable()).map(PathBuf::from);
        if program.is_none() {
            eprintln!("{self:?} is not here: `cargo xtask test` fetches it, HAProxy with `--system`");
        }
        program
    }

    /// Puts its samples there, with what an operator has to fill in, and started from there.
    pub(crate) fn command(self, program: &Path, folder: &Path, ports: &Ports) -> Command {
        for name in self.samples() {
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proxies").join(name);
            let sample = fs::read_to_string(sample).expect("a sample");
            fs::write(folder.join(name), self.fill_in(&sample, folder, ports)).expect("a write");
        }
        let config = folder.join(self.samples()[0]);
        let mut command = Command::new(program);
        // nginx would take its own for a list of sockets.
        command.current_dir(folder).env_remove("NGINX");
        match self {
            Self::Nginx => {
                let here = "daemon off; master_process off; pid nginx.pid; error_log stderr; user root;";
                command.arg("-p").arg(folder).arg("-c").arg(config).args(["-e", "stderr", "-g", here]);
            }
            Self::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config).env("HOME", folder);
            }
            Self::Traefik => {
                command.arg("--configFile").arg(config);
            }
            Self::Envoy => {
                command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "-c"]);
                command.arg(config);
            }
            Self::Haproxy => {
                command.args(["-db", "-f"]).arg(config);
            }
        }
        command
    }

    fn fill_in(self, sample: &str, folder: &Path, ports: &Ports) -> String {
        let mut sample = sample.to_owned();
        let own = [("8750", ports.crossfade), ("9000", ports.upstream), ("8081", ports.question)];
        for (port, ours) in own {
            sample = sample.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{ours}"));
            let (theirs, ours) = (format!("port_value: {port}}}"), format!("port_value: {ours}}}"));
            sample = sample.replace(&theirs, &ours);
        }
        sample = sample.replace(":8080", &format!(":{}", ports.listen));
        sample = sample.replace("port_value: 8080}", &format!("port_value: {}}}", ports.listen));
        // Not where a comment explains it.
        for (before, after) in [("\"", "\""), ("-Credential ", "\n"), (":8750 ", "\n")] {
            let before = before.replace("8750", &ports.crossfade.to_string());
            let placeholder = format!("{before}CREDENTIAL{after}");
            sample = sample.replace(&placeholder, &format!("{before}{VERIFIER}{after}"));
        }
        match self {
            Self::Nginx => {
                // Debian's would write where only an installed one may.
                let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {name};"));
                sample.replace("http {", &format!("http {{ access_log off; {}", own.concat()))
            }
            Self::Traefik => sample.replace("/etc/traefik", &folder.to_string_lossy()),
            Self::Haproxy => {
                // A user that only an installed one has.
                let apart = ["user haproxy", "group haproxy", "chroot /var/lib/haproxy"];
                let kept = sample.lines().filter(|line| !apart.contains(&line.trim()));
                let sample = kept.collect::<Vec<_>>().join("\n") + "\n";
                sample.replace("/etc/haproxy", &folder.to_string_lossy())
            }
            Self::Caddy | Self::Envoy => sample,
        }
    }
}
