//! Where a daemon is, by a file that may be wrong in everything else: a daemon goes on when its file becomes a wrong one,
//! has to be found then, and must not look dead.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{
    checked::Config,
    file,
    mistakes::{ConfigErrors, Mistake},
    parse,
    section::{Environment, Reading, Section},
    text::within,
    tree,
};

impl Config {
    /// Where the daemon of that file takes orders. What can't be read, or is wrong, is what it is by default.
    pub fn admin_socket(path: &Path, env: Environment<'_>) -> PathBuf {
        let bytes = file::read_bytes(path).unwrap_or_default();
        admin_socket(&String::from_utf8_lossy(&bytes), path.parent().unwrap_or(Path::new("")), env)
    }

    /// Where the daemon of that file says that it lives.
    pub fn metrics_listen(path: &Path, env: Environment<'_>) -> Result<SocketAddr, ConfigErrors> {
        let bytes = file::read_bytes(path).map_err(|what| ConfigErrors::of_file(path, what))?;
        let text = String::from_utf8_lossy(&bytes);
        metrics_listen(&text, env).map_err(|mistakes| ConfigErrors::new(path, &text, mistakes))
    }
}

fn admin_socket(text: &str, folder: &Path, env: Environment<'_>) -> PathBuf {
    let socket = glance(text, env, |top| Some(parse::admin_socket(&top, folder)));
    socket.unwrap_or_else(|_| within(folder, Path::new(parse::ADMIN_SOCKET)))
}

fn metrics_listen(text: &str, env: Environment<'_>) -> Result<SocketAddr, Vec<Mistake>> {
    glance(text, env, |top| parse::metrics_listener(&top, true))
}

/// What `read` makes of the file. Where that is no YAML, the lines that begin with one of the two keys are by themselves.
fn glance<T>(
    text: &str,
    env: Environment<'_>,
    read: impl FnOnce(Section<'_>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let tree = tree::parse(text).or_else(|mistake| {
        let ours = |line: &&str| ["admin_socket:", "metrics_listen:"].iter().any(|key| line.starts_with(key));
        let lines: Vec<&str> = text.lines().filter(ours).collect();
        tree::parse(&lines.join("\n")).ok().filter(|_| !lines.is_empty()).ok_or(mistake)
    });
    Reading::of(&tree.map_err(|mistake| vec![mistake])?, env, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "admin_socket: ./run/a.sock\nmetrics_listen: 127.0.0.1:9\n";

    fn socket(text: &str) -> String {
        admin_socket(text, Path::new("/etc/crossfade"), &|_| None).display().to_string()
    }

    fn port(text: &str) -> Option<u16> {
        metrics_listen(text, &|_| None).ok().map(|address| address.port())
    }

    #[test]
    fn a_daemon_is_found_by_a_file_that_is_wrong_in_everything_else() {
        for wrong in
            ["", "unknown: 1\n", "more: [\n", "\tx\n", "secrets:\n  - {name: mcp", "hold: ${NOT_SET}\n"]
        {
            for text in [format!("{KEYS}{wrong}"), format!("# A comment.\n{KEYS}\n{wrong}")] {
                assert_eq!((&*socket(&text), port(&text)), ("/etc/crossfade/run/a.sock", Some(9)), "{text}");
            }
        }
    }

    #[test]
    fn a_socket_that_a_file_does_not_tell_is_where_it_is_by_default() {
        for text in
            ["", "[", "- a\n- list\n", "admin_socket: [x]\n", "admin_socket: ${NOT_SET}", "hold: 1s\n"]
        {
            assert_eq!(socket(text), "/etc/crossfade/data/crossfade.sock", "{text}");
        }
    }

    #[test]
    fn nobody_else_is_asked_whether_they_live_where_a_file_does_not_tell_whom_to_ask() {
        for text in ["", "[", "- a\n- list\n", "metrics_listen: nowhere\n", "metrics_listen: ${NOT_SET}"] {
            assert_eq!(port(text), None, "{text}");
        }
        assert_eq!(port("hold: 1s\n"), Some(8751));
    }
}
