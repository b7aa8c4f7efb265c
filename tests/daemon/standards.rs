//! Requests as the standards allow them, which is wider than as our own clients write them.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    process::{Answer, call},
    world::{AUDIENCE, SECRET, VERIFIER, World, until},
};

const FORM: &str = "application/x-www-form-urlencoded";
const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";

fn introspect(world: &World, authorization: &str, media_type: &str, form: &str) -> Answer {
    let headers = [("Authorization", authorization), ("Content-Type", media_type)];
    call(world.listen, "POST", "/v1/introspect", &headers, form).expect("an answer")
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// Each byte that may be encoded, encoded (RFC 6749, appendix B), as some clients do it.
fn encoded(text: &str) -> String {
    let byte =
        |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") };
    text.bytes().map(byte).collect()
}

/// A world whose verifier has that name.
fn world(id: &str) -> World {
    let world = World::new("30s");
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("a config");
    let config = config.replace("id: slack-mcp-server,", &format!("id: '{id}',"));
    std::fs::write(world.path("config.yaml"), config).expect("a write");
    world
}

#[test]
fn a_client_may_write_its_credential_by_either_standard_whatever_its_name() {
    // RFC 7617 knows no colon in a name; many clients write it all the same.
    for id in ["slack-mcp-server", "team:slack", "a+b%20c&d=e", "%3a", ":"] {
        let world = world(id);
        let _daemon = world.start();
        let form = format!("token={}", world.token());
        let plain = format!("{id}:{VERIFIER}");
        let both = format!("{}:{}", encoded(id), encoded(VERIFIER));
        let half = format!("{}:{VERIFIER}", encoded(id));
        for pair in [&plain, &both, &half] {
            let answer = introspect(&world, &basic(pair), FORM, &form);
            assert_eq!(answer.status, 200, "{pair}: {answer:?}");
        }
        for pair in [
            format!("{id}x:{VERIFIER}"),
            format!(":{VERIFIER}"),
            VERIFIER.to_owned(),
            format!("{}:{}", encoded(&encoded(id)), encoded(&encoded(VERIFIER))),
            format!("{id}:{VERIFIER}x"),
            format!("{id}%00:{VERIFIER}"),
        ] {
            if id == ":" && pair.starts_with("::") {
                continue;
            }
            let answer = introspect(&world, &basic(&pair), FORM, &form);
            assert_eq!(answer.status, 401, "{pair}: {answer:?}");
        }
    }
}

#[test]
fn schemes_and_media_types_stand_in_any_case_with_any_spaces_and_parameters() {
    let world = World::new("30s");
    let _daemon = world.start();
    let form = format!("token={}", world.token());
    let pair = BASE64_STANDARD.encode(format!("slack-mcp-server:{VERIFIER}"));
    for authorization in [
        format!("Bearer   {VERIFIER}"),
        format!("bEARER {VERIFIER}"),
        format!("Basic  {pair}"),
        format!("BASIC {pair}"),
    ] {
        let answer = introspect(&world, &authorization, FORM, &form);
        assert_eq!(answer.status, 200, "{authorization:.8}: {answer:?}");
    }
    let bearer = format!("Bearer {VERIFIER}");
    for media_type in [
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "APPLICATION/x-www-form-urlencoded ;charset=\"utf-8\"",
    ] {
        let answer = introspect(&world, &bearer, media_type, &form);
        assert_eq!(answer.status, 200, "{media_type}: {answer:?}");
    }
    for media_type in ["application/json", "application/x-www-form-urlencoded2", "text/plain", ""] {
        assert_eq!(introspect(&world, &bearer, media_type, &form).status, 400, "{media_type}");
    }
    // What RFC 7662 knows beside the token, and what it does not.
    let more = format!("token_type_hint=refresh_token&{form}&x=1&x=2&audience={}", encoded(AUDIENCE));
    assert_eq!(introspect(&world, &bearer, FORM, &more).json()["active"], true);
    // RFC 6749, section 3.1: what has no value is left out.
    assert_eq!(introspect(&world, &bearer, FORM, &format!("{form}&audience=")).json()["active"], true);
    // RFC 6749, section 3.2: one of a name.
    assert_eq!(introspect(&world, &bearer, FORM, &format!("{form}&{form}")).status, 400);
    let report = format!("{{\"audience\": \"{AUDIENCE}\", \"instance\": \"a\", \"counts\": []}}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "Application/JSON; charset=utf-8")];
    let answer = call(world.listen, "POST", "/v1/reports", &headers, &report).expect("an answer");
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[test]
fn where_a_token_has_no_scopes_there_is_no_scope() {
    let world = World::with_secrets(&format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30s}}\n"
    ));
    let _daemon = world.start();
    let answer = world.introspect(&world.token());
    let body = answer.json();
    assert_eq!(body["active"], true, "{answer:?}");
    assert!(body.get("scope").is_none(), "{answer:?}");
}

/// The accept set, until it was read.
fn set(world: &World, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {VERIFIER}");
    let mut all = vec![("Authorization", &*bearer)];
    all.extend(headers);
    let ask = || call(world.listen, "GET", SET, &all, "").expect("an answer");
    until("a set", || Some(ask()).filter(|answer| answer.status != 503))
}

#[test]
fn a_tag_is_found_weak_in_a_list_and_by_a_star() {
    let world = World::new("30s");
    let _daemon = world.start();
    let first = set(&world, &[]);
    let tag = first.header("etag").expect("a tag");
    let bare = tag.trim_matches('"');
    let star = "*".to_owned();
    for given in
        [format!("W/{tag}"), format!("\"x\", {tag}"), format!("\"a,b\" ,W/\"c\",W/{tag} , \"d\""), star]
    {
        let answer = set(&world, &[("If-None-Match", &given)]);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(tag)), "{given}: {answer:?}");
    }
    assert_eq!(set(&world, &[("If-None-Match", "\"x\""), ("If-None-Match", tag)]).status, 304, "two lines");
    for given in [
        format!("\"{bare}x\""),
        bare.to_owned(),
        format!("\"{bare}"),
        format!("{bare}\""),
        format!("\"x, {bare}, y\""),
        format!("\"*\", \"{}\"", &bare[1..]),
        String::new(),
    ] {
        assert_eq!(set(&world, &[("If-None-Match", &given)]).status, 200, "{given}");
    }
}

/// The verifiers that the daemon counts as up to date.
fn up_to_date(world: &World) -> String {
    let text = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
    let series = format!("crossfade_verifiers{{audience=\"{AUDIENCE}\",state=\"up_to_date\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.expect("a metric").to_owned()
}

#[test]
fn only_one_tag_says_what_a_verifier_has_applied() {
    let world = World::new("30s");
    let _daemon = world.start();
    let pod = ("Crossfade-Instance", "pod-1");
    let tag = set(&world, &[pod]).header("etag").expect("a tag").to_owned();
    for given in ["*".to_owned(), format!("\"x\", {tag}")] {
        assert_eq!(set(&world, &[pod, ("If-None-Match", &given)]).status, 304, "{given}");
        assert_eq!(up_to_date(&world), "0", "{given}");
    }
    // As a proxy that compresses answers makes it.
    assert_eq!(set(&world, &[pod, ("If-None-Match", &format!("W/{tag}"))]).status, 304);
    until("it is up to date", || (up_to_date(&world) == "1").then_some(()));
}

#[test]
fn a_preference_is_not_looked_for_in_the_text_of_another_one() {
    let world = World::new("30s");
    let _daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    let held = |prefer: &str| {
        let answer = set(&world, &[("If-None-Match", &tag), ("Prefer", prefer)]);
        let timing = answer.header("crossfade-timing").expect("a timing").to_owned();
        let held = timing.split("held=").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
        held.unwrap_or_else(|| panic!("{timing}"))
    };
    // The longest wait here is half of freshness: 500 ms.
    for prefer in ["wait=60", "respond-async, WAIT = \"60\"; x=y", "x=\"a\", wait=60"] {
        let held: u64 = held(prefer);
        assert!(held >= 400, "{prefer}: {held} ms");
    }
    let held: u64 = held("x=\"a, wait=60, b\"");
    assert!(held < 400, "{held} ms");
}
