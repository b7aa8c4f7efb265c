//! What a verdict costs, beside the validation of a JSON Web Token with the usual claims, whose signature and times are
//! checked. `cargo xtask bench jwt` reads the output.
//!
//! `jsonwebtoken` on aws-lc, the fastest of its two kinds of cryptography. Keys and rules are made beforehand, as a server would.

use std::{hint::black_box, time::Instant};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crossfade_verify::{
    AcceptSet, Clock as _, Digest, Entry, Stage, SystemClock, Verdict, Verifier, View, token::checksum,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

const ROUNDS: usize = 200;
/// In a round, of each.
const CALLS: usize = 100;
/// A verdict is over too soon to be measured a hundred times.
const VERDICTS: usize = 2_000;
const AUDIENCE: &str = "https://mcp.example.com/slack";
const ISSUER: &str = "https://issuer.example.com";

#[derive(Deserialize)]
#[expect(dead_code, reason = "a server reads them; here they only have to be parsed")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: String,
    iat: u64,
    exp: u64,
    jti: String,
}

/// A token of each kind, and what it takes to accept it.
struct Case {
    name: &'static str,
    token: String,
    key: DecodingKey,
    rules: Validation,
}

fn main() {
    let cases = cases();
    let body = format!("mcp_{:043}", 1);
    let ours = format!("{body}{}", str::from_utf8(&checksum(body.as_bytes())).expect("text"));
    let verifier = verifier(&ours);
    for case in &cases {
        accept(case);
    }
    let (mut verdicts, mut costs) = (Vec::new(), cases.iter().map(|_| Vec::new()).collect::<Vec<_>>());
    let mut ratios = costs.clone();
    for _ in 0..ROUNDS {
        let verdict = nanoseconds_each(VERDICTS, || {
            assert!(matches!(black_box(verifier.verify(black_box(&ours))), Verdict::Accepted(_)));
        });
        verdicts.push(verdict);
        for (n, case) in cases.iter().enumerate() {
            let cost = nanoseconds_each(CALLS, || accept(case));
            costs[n].push(cost);
            ratios[n].push(cost / verdict);
        }
    }
    println!("verifier_ns {:.1}", median(verdicts));
    for ((case, cost), ratio) in cases.iter().zip(costs).zip(ratios) {
        println!("{}_ns {:.1}", case.name, median(cost));
        println!("{}_over_verifier {:.3}", case.name, median(ratio));
    }
}

fn accept(case: &Case) {
    let read = decode::<Claims>(black_box(case.token.as_bytes()), &case.key, &case.rules);
    assert_eq!(read.expect("a good token").claims.client_id, "slack-bot");
}

fn cases() -> Vec<Case> {
    let random = SystemRandom::new();
    let shared = b"a secret of thirty-two bytes or so";
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let ed = Ed25519KeyPair::generate().expect("a key");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let case = |name, algorithm, key, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut rules = Validation::new(algorithm);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        Case { name, token: token(algorithm, sign), key, rules }
    };
    vec![
        case("hs256", Algorithm::HS256, DecodingKey::from_secret(shared), &|text| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, shared), text).as_ref().to_vec()
        }),
        case("es256", Algorithm::ES256, DecodingKey::from_ec_der(ec.public_key().as_ref()), &|text| {
            ec.sign(&random, text).expect("a signature").as_ref().to_vec()
        }),
        case("eddsa", Algorithm::EdDSA, DecodingKey::from_ed_der(ed.public_key().as_ref()), &|text| {
            ed.sign(text).as_ref().to_vec()
        }),
        case("rs256", Algorithm::RS256, DecodingKey::from_rsa_der(rsa.public_key().as_ref()), &|text| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).expect("a signature");
            signature
        }),
    ]
}

fn token(algorithm: Algorithm, sign: &dyn Fn(&[u8]) -> Vec<u8>) -> String {
    let now = SystemClock.moment().wall_ms / 1000;
    let header = serde_json::json!({"alg": algorithm, "typ": "JWT", "kid": "2026-11"});
    let claims = serde_json::json!({
        "iss": ISSUER, "sub": "slack-bot", "aud": AUDIENCE, "client_id": "slack-bot", "scope": "slack:search",
        "iat": now, "exp": now + 3600, "jti": "0197f7a2-0000-7000-8000-000000000000",
    });
    let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn verifier(token: &str) -> Verifier {
    let entry = Entry {
        digest: Digest::of(token.as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: "0197f7a2-0000-7000-8000-000000000000".into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: ["slack:search".into()].into(),
        created_ms: 0,
        grace_ms: 60_000,
        not_after_ms: None,
    };
    let set = AcceptSet::new(AUDIENCE, 60_000, 600_000, vec![entry]).expect("a good set");
    let verifier = Verifier::new(AUDIENCE);
    verifier.replace(View { set, now_ms: 1_000, age_ms: 0, taken: SystemClock.moment(), complete: true });
    verifier
}

fn nanoseconds_each(calls: usize, work: impl Fn()) -> f64 {
    let began = now();
    for _ in 0..calls {
        work();
    }
    began.elapsed().as_secs_f64() * 1e9 / calls as f64
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn now() -> Instant {
    Instant::now()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
