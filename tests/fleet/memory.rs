//! What of the tokens is left in a server's memory and files, once their requests have ended.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
};

use crate::{
    bots::{ask, passed},
    servers::{Server, kinds},
    world::{World, until},
};

/// How often a text stands in the writable memory of a process.
#[derive(Debug, Default)]
struct Found {
    /// In bytes that came from the network: the header's name stands before it, and the end of a line.
    buffered: usize,
    /// In strings that were made of it.
    strings: usize,
}

fn found(pid: u32, text: &str) -> std::io::Result<Found> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = Found::default();
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let ends = range.split_once('-').and_then(|(from, to)| {
            Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
        });
        let Some((from, to)) = ends.filter(|_| rights.starts_with("rw")) else { continue };
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or_default()];
        memory.seek(SeekFrom::Start(from))?;
        // Some ranges can't be read: they are the kernel's.
        if memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        for (at, _) in bytes.windows(text.len()).enumerate().filter(|(_, w)| *w == text.as_bytes()) {
            let raw = HEADERS.iter().any(|header| bytes[..at].ends_with(header.as_bytes()));
            let kind = if raw { &mut found.buffered } else { &mut found.strings };
            *kind += 1;
        }
    }
    Ok(found)
}

/// As they stand in a request.
const HEADERS: [&str; 2] = ["mcp-access-token: ", "Authorization: Bearer "];

/// Has Node.js collect what nothing refers to any more, at a signal.
const COLLECT: &str = "process.on('SIGUSR2', () => { globalThis.gc(); globalThis.gc(); });";

#[test]
fn no_token_is_kept_and_how_often_memory_still_holds_one_is_told() {
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let world = World::new("60s");
    let _daemon = world.start();
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    let token = world.token();
    let collect = world.path("collect.cjs");
    fs::write(&collect, COLLECT).expect("a script");
    for kind in kinds {
        let kind = match kind.language {
            "typescript" => kind.run_with("--expose-gc").run_with("--require").run_with(&collect),
            _ => kind,
        };
        let cache = world.path(&format!("{}-cache", kind.language));
        let server = Server::start(&kind, &feeds, Some(&cache));
        until("it is let in", || {
            ask(server.address, "Authorization", &token).filter(|status| passed(*status))
        });
        for _ in 0..20 {
            let status = ask(server.address, "mcp-access-token", &token).expect("an answer");
            assert!(passed(status), "{}: {status}", kind.language);
        }
        let file = until("the file", || fs::read_to_string(&cache).ok().filter(|text| !text.is_empty()));
        assert!(!file.contains(&token) && !file.contains(&token[4..40]), "{}: {file}", kind.language);
        assert!(file.contains("digest"), "{}: digests alone: {file}", kind.language);
        let Ok(in_memory) = found(server.pid(), &token) else {
            println!("{}: its memory can't be read by this user", kind.language);
            continue;
        };
        println!("{}: the token of 21 requests stands in {in_memory:?}", kind.language);
        match kind.language {
            // Ours makes no copy.
            "rust" => assert_eq!(in_memory.strings, 0),
            // Node.js makes strings of headers; nothing keeps them.
            "typescript" => until("all strings are collected", || {
                server.signal("-USR2");
                found(server.pid(), &token).ok().filter(|found| found.strings == 0).map(drop)
            }),
            _ => {}
        }
    }
}
