//! Where the search of what the daemon reads begins.

/// Each target's name and its seeds.
pub(crate) fn seeds() -> [(&'static str, Vec<Vec<u8>>); 5] {
    let all = |seeds: &[&str]| seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    [
        ("configs", all(CONFIGS)),
        ("schedules", all(SCHEDULES)),
        ("introspections", all(INTROSPECTIONS)),
        ("orders", all(ORDERS)),
        ("answers", all(ANSWERS)),
    ]
}

const CONFIGS: &[&str] = &[
    include_str!("../../../config.example.yaml"),
    include_str!("../../../deploy/compose/embedded.yaml"),
    include_str!("../../../deploy/compose/aws.yaml"),
    "store: {type: memory}\nsecrets:\n  - name: a\n    audience: ${AUDIENCE}\n    grace: 4h\n",
    "a: &a [1, 2]\nb: *a\n? [x]\n: !tag y\n",
];

const SCHEDULES: &[&str] = &[
    "0 3 * * *|Europe/Berlin|27774400",
    "30 2 * * SUN|America/New_York|25666800",
    "0 */6 1,15 * MON-FRI|UTC|0",
    "*/5 * * * *|Asia/Tokyo|233521920",
    "0 0 29 2 *|Australia/Lord_Howe|68000000",
];

const INTROSPECTIONS: &[&str] = &[
    "token=cf_%74he-current-one_0123456789abcdefghij",
    "token=cf_the%2dpending-one_0123456789abcdefghij&audience=mcp&token_type_hint=access_token",
    "token=another_0123456789abcdefghijklmnopqrstuv",
    "token=a&token=b&audience=",
    "audience=mcp&x=%ff%00&token",
];

const ORDERS: &[&str] = &[
    "rotate\n{}",
    "rotate\n",
    "rotate\n{\"compromised\":true,\"current\":\"0195f3a0-0000-7000-8000-000000000003\"}",
    "abort\n{\"pending\":null}",
    "pause\n{}",
    "resume\n{\"all\":false}",
    "revoke\n{\"all\":true}",
    "revoke\n{\"version\":\"0195f3a0-0000-7000-8000-000000000002\"}",
    "revoke\n{\"current\":\"x\",\"unknown\":[]}",
];

const ANSWERS: &[&str] = &[
    include_str!("answers/rotating.txt"),
    include_str!("answers/foreign.txt"),
    include_str!("answers/missing.txt"),
    "D 500\n<html>\nV 200 Thu, 01 Jan 1970 00:00:00 GMT\n{}",
];
