//! How many instructions a request takes in user space, under callgrind, beside a bare axum route that answers the same:
//! hosts differ in what a request costs, and not in this. What so many requests more cost on a connection that is kept is
//! divided by their number, so that no start counts.
//!
//! Valgrind hides the processor's SHA instructions. A token and a credential are hashed for each request, so two hashes in
//! software are taken off.

use std::path::Path;

use anyhow::Result;

use super::{
    Figure,
    daemon::{Daemon, Server, Terms, fresh_folder},
    instructions::{Callgrind, of_a_hash},
    requests,
};

const REQUESTS: usize = 4_000;
const HASHES: f64 = 2.0;
const GOAL: f64 = 1.25;

pub(super) fn run(daemon: &Path, bare: &Path) -> Result<Vec<Figure>> {
    let hash = of_a_hash()?;
    let figure = |name, request: fn(&str) -> String| -> Result<Figure> {
        let ours = of_a_request(|times| ours(daemon, request, times))? - HASHES * hash;
        let theirs = of_a_request(|times| theirs(bare, request, times))?;
        let told = format!("{ours:.0} against {theirs:.0} instructions, without the hashes' {hash:.0} each");
        Ok(Figure::ratio(name, ours / theirs, GOAL, told))
    };
    Ok(vec![
        figure("introspect, instructions", requests::introspect)?,
        figure("authorize, instructions", requests::authorize)?,
    ])
}

fn of_a_request(of: impl Fn(usize) -> Result<f64>) -> Result<f64> {
    Ok((of(2 * REQUESTS)? - of(REQUESTS)?) / REQUESTS as f64)
}

fn ours(program: &Path, request: fn(&str) -> String, times: usize) -> Result<f64> {
    let folder = fresh_folder("front-door")?;
    let callgrind = Callgrind::new(folder.with_extension("count"))?;
    // Reads of the store would count.
    let terms = Terms { sync: "20s", freshness: "60s", counted_by: Some(&callgrind), ..Terms::default() };
    let daemon = Daemon::start_on(program, &folder, &terms)?;
    daemon.until_made(1)?;
    let token = daemon.ask(&["token", "mcp/bench-0000"])?;
    requests::ask(&daemon.server, &request(token.trim()), times)?;
    daemon.server.stop()?;
    callgrind.collected()
}

fn theirs(program: &Path, request: fn(&str) -> String, times: usize) -> Result<f64> {
    let callgrind = Callgrind::new(fresh_folder("front-door")?.with_extension("count"))?;
    let bare = Server::bare(callgrind.command(program))?;
    // As long as one of ours.
    requests::ask(&bare, &request(&"a".repeat(53)), times)?;
    bare.stop()?;
    callgrind.collected()
}
