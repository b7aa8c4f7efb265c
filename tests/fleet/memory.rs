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
fn found(pid: u32, text: &str) -> std::io::Result<usize> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut count = 0;
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
        if memory.read_exact(&mut bytes).is_ok() {
            count += bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
        }
    }
    Ok(count)
}

#[test]
fn the_cache_holds_no_token_and_how_often_memory_does_is_told() {
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let world = World::new("60s");
    let _daemon = world.start();
    let feeds = [format!("http://127.0.0.1:{}", world.listen)];
    let token = world.token();
    for kind in &kinds {
        let cache = world.path(&format!("{}-cache", kind.language));
        let server = Server::start(kind, &feeds, Some(&cache));
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
        match found(server.pid(), &token) {
            Ok(count) => {
                println!("{}: the token of 21 requests stands {count} times in its memory", kind.language)
            }
            Err(error) => println!("{}: its memory can't be read by this user: {error}", kind.language),
        }
    }
}
