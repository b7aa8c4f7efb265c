//! A cache between a server and a daemon that keeps what it is told not to: the real nginx.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{free_port, until};

/// Answers are kept for two seconds, whatever they say of themselves.
#[derive(Debug)]
pub struct Replay {
    pub port: u16,
    _folder: TempDir,
    child: Child,
}

impl Replay {
    /// None where the test command has not said which nginx.
    pub fn of(target: u16) -> Option<Self> {
        std::env::var_os("NGINX").map(|nginx| Self::by(Path::new(&nginx), target))
    }

    /// By that nginx.
    pub fn by(nginx: &Path, target: u16) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error;
             events {{}}
             http {{
               access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/temp;
               fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
               proxy_cache_path {at}/cache keys_zone=all:1m;
               server {{
                 listen 127.0.0.1:{port};
                 location / {{
                   proxy_pass http://127.0.0.1:{target};
                   proxy_http_version 1.1; proxy_set_header Connection '';
                   proxy_set_header If-None-Match $http_if_none_match;
                   proxy_cache all; proxy_cache_key $request_uri; proxy_cache_valid any 2s;
                   proxy_ignore_headers Cache-Control Expires Vary;
                 }}
               }}
             }}"
        );
        fs::write(folder.path().join("nginx.conf"), config).expect("a config");
        let mut command = Command::new(nginx);
        // nginx takes a variable of that name for sockets that it has inherited.
        command.env_remove("NGINX");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx starts");
        until("nginx listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { port, _folder: folder, child }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
