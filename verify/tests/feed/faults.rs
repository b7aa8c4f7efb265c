//! Whatever a daemon sends: the last good set stays, the error is told, and the next good answer counts.

use crossfade_verify::{Verdict, Verifier};

use crate::server::{
    AUDIENCE, Asked, NEW, NOW, Reply, STRANGE, Server, TIMED, TOKEN, Timed, accepts, answer, feed, good, has,
    set, set_of, until,
};

type Fault = fn(&Asked) -> Reply;

/// A good answer with something replaced.
fn with(asked: &Asked, from: &str, to: &str) -> Reply {
    let text = String::from_utf8(answer(asked, &set(&[NEW]), TIMED)).expect("text");
    assert!(text.contains(from), "{text}");
    Reply::Last(text.replace(from, to).into_bytes())
}

fn raw(text: &str) -> Reply {
    Reply::Last(text.as_bytes().to_vec())
}

const FAULTS: &[(&str, Fault, &str)] = &[
    ("no HTTP", |_| raw("SSH-2.0-OpenSSH\r\n\r\n"), "the request failed"),
    ("a connection that ends", |_| Reply::Drop, "the request failed"),
    ("half an answer", |_| raw("HTTP/1.1 200 OK\r\ncontent-le"), "the request failed"),
    (
        "an endless head",
        |_| Reply::Last([&b"HTTP/1.1 200 OK\r\nx: "[..], &[b'a'; 70_000]].concat()),
        "the request failed",
    ),
    (
        "a wrong credential",
        |_| raw("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"),
        "does not know this credential",
    ),
    (
        "another's audience",
        |_| raw("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        "role and audiences",
    ),
    (
        "a daemon that has not read its store",
        |_| raw("HTTP/1.1 503 A\r\ncontent-length: 0\r\n\r\n"),
        "can't answer yet",
    ),
    (
        "a redirect",
        |_| raw("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        "a redirect, which is never followed",
    ),
    (
        "a page of a portal",
        |_| raw("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>"),
        "no `Crossfade-Timing`",
    ),
    ("an answer from a cache", |asked| with(asked, "nonce=", "nonce=0"), "a cache may stand in between"),
    (
        "a timing without a nonce",
        |asked| {
            let nonce = asked.header("crossfade-nonce").expect("a nonce").to_owned();
            with(asked, &format!(", nonce={nonce}"), "")
        },
        "a cache may stand in between",
    ),
    ("a number of 2^53", |asked| with(asked, "age=10", "age=9007199254740992"), "can't be read"),
    ("no tag", |asked| with(asked, "etag: ", "tag: "), "no ETag"),
    ("a weak tag", |asked| with(asked, "etag: ", "etag: W/"), "no ETag"),
    (
        "a tag that is too long",
        |asked| with(asked, "etag: \"", &format!("etag: \"{}", "a".repeat(128))),
        "no ETag",
    ),
    ("garbage for a set", |asked| with(asked, "{\"format\":1", "{\"format\";1"), "is not JSON"),
    ("another format", |asked| with(asked, "\"format\":1", "\"format\":2"), "unknown format"),
    (
        "half a set",
        |asked| {
            let mut bytes = answer(asked, &set(&[NEW]), TIMED);
            bytes.truncate(bytes.len() - 10);
            Reply::Last(bytes)
        },
        "the request failed",
    ),
    (
        "a set for somebody else",
        |asked| Reply::Last(answer(asked, &set_of("https://b", &[NEW]), TIMED)),
        "another audience",
    ),
    (
        "a set that is said to be too large",
        |asked| with(asked, "content-length: ", "content-length: 99999999\r\nx: "),
        "larger than 32 MiB",
    ),
    (
        "a 304 to what was never asked",
        |asked| {
            let tag = asked.header("if-none-match").map(str::to_owned);
            let text = String::from_utf8(answer(asked, &set(&[TOKEN]), TIMED)).expect("text");
            let other = text.replace(&tag.unwrap_or_default(), "\"other\"");
            Reply::Last(other.into_bytes())
        },
        "is to another one",
    ),
    (
        "an older view",
        |asked| Reply::Last(answer(asked, &set(&[NEW]), Timed { now_ms: NOW - 60_000, age_ms: 10 })),
        "older than what is applied",
    ),
    (
        "an older 304",
        |asked| Reply::Last(answer(asked, &set(&[TOKEN]), Timed { now_ms: NOW, age_ms: 20_000 })),
        "older than what is applied",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_set_stays_whatever_comes_and_the_error_is_told() {
    let one = |(what, fault, words): &'static (&str, Fault, &str)| async move {
        // The first answer is good; then comes the fault, again and again; then all is well, with another set.
        let server = Server::start(move |asked: &Asked| match asked.before {
            0 => Reply::Last(answer(asked, &set(&[TOKEN]), TIMED)),
            _ => fault(asked),
        })
        .await;
        let (feed, told) = feed(&server.url);
        let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
        until(what, || has(&told, words)).await;
        assert!(accepts(&verifier, TOKEN) && !accepts(&verifier, NEW), "{what}");
        server.now(good(&[TOKEN, NEW]));
        until("it mends", || accepts(&verifier, NEW)).await;
        assert!(!has(&told, "cfc_"), "{what}");
    };
    futures_of(FAULTS.iter().map(one)).await;
}

/// All at once: each of them waits most of its time.
async fn futures_of(all: impl Iterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    for task in tasks {
        task.await.expect("it holds");
    }
}

#[tokio::test]
async fn a_set_that_grows_beyond_all_bounds_is_cut_off() {
    // In chunks, so that nothing is said of its length.
    let server = Server::start(|asked: &Asked| {
        let nonce = asked.header("crossfade-nonce").expect("a nonce");
        let head = format!(
            "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncrossfade-timing: now={NOW}, age=0, held=0, nonce={nonce}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let chunk = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
        Reply::Last([head.into_bytes(), chunk.repeat(33)].concat())
    })
    .await;
    let (feed, told) = feed(&server.url);
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    until("it is told", || has(&told, "larger than 32 MiB")).await;
    assert_eq!(verifier.verify(TOKEN), Verdict::Unsure);
}

#[tokio::test]
async fn without_feed_and_cache_each_token_is_unsure() {
    let (feed, told) = feed("http://127.0.0.1:1");
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    assert!(has(&told, "can't connect"));
    assert_eq!((verifier.verify(TOKEN), verifier.verify(STRANGE)), (Verdict::Unsure, Verdict::Unsure));
    assert_eq!(verifier.verify_or_refresh(TOKEN).await, Verdict::Unsure);
    let status = verifier.status();
    assert_eq!((status.entries, status.age, status.fresh), (None, None, false));
}

#[tokio::test]
async fn an_older_view_makes_the_verifier_ask_another_replica() {
    let old = |asked: &Asked| Reply::Raw(answer(asked, &set(&[NEW]), Timed { now_ms: NOW - 1, age_ms: 10 }));
    let young = Server::start(|asked: &Asked| match asked.before {
        0 => Reply::Last(answer(asked, &set(&[TOKEN]), TIMED)),
        1 => Reply::Drop,
        _ => good(&[TOKEN])(asked),
    })
    .await;
    let behind = Server::start(|_: &Asked| Reply::Drop).await;
    let (feed, told) = feed(&format!("{},{}", young.url, behind.url));
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    behind.now(old);
    until("it is told", || has(&told, "older than what is applied")).await;
    assert!(accepts(&verifier, TOKEN) && !accepts(&verifier, NEW));
    until("the other one holds its request", || young.asked().iter().any(|asked| asked.before > 1)).await;
}
