//! Where the search begins: the golden vectors, as the targets' inputs. They are not copied, so they can't drift.

use serde_json::Value;

/// Each target's name and its seeds.
pub(crate) fn seeds() -> [(&'static str, Vec<Vec<u8>>); 5] {
    let json = read(include_str!("../../verify/vectors/accept_sets.json"));
    let sets: Vec<_> =
        ["good", "bad"].iter().flat_map(|list| items(&json[*list])).filter_map(accept_set).collect();
    let texts = sets.iter().filter_map(|set| set.splitn(2, |byte| *byte == b'\n').nth(1));
    let texts = texts.map(<[u8]>::to_vec).collect();
    let tokens = read(include_str!("../../verify/vectors/tokens.json"));
    let tokens = items(&tokens["tokens"]).filter_map(|case| bytes(&case["token"])).collect();
    let requests = read(include_str!("../../verify/vectors/requests.json"));
    let requests = items(&requests["cases"]).map(request).collect();
    let timings = read(include_str!("../../verify/vectors/timings.json"));
    let timings = items(&timings["cases"]).map(timing).collect();
    [("tokens", tokens), ("requests", requests), ("accept_sets", sets), ("json", texts), ("timings", timings)]
}

fn accept_set(case: &Value) -> Option<Vec<u8>> {
    Some([bytes(&case["audience"])?, bytes(&case["json"])?].join(&b'\n'))
}

fn request(case: &Value) -> Vec<u8> {
    let lines = items(&case["head"]).filter_map(Value::as_str).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        match &*name.to_ascii_lowercase() {
            "authorization" => Some(format!("A{}", value.trim())),
            "mcp-access-token" => Some(format!("O{}", value.trim())),
            _ => None,
        }
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

fn timing(case: &Value) -> Vec<u8> {
    let clocks = ["sent", "received"].map(|when| &case[when]);
    let mut numbers: Vec<_> =
        clocks.iter().flat_map(|when| [&when["boot_ms"], &when["wall_ms"]]).map(Value::to_string).collect();
    if !case["applied"].is_null() {
        numbers.extend(["now_ms", "age_ms"].map(|key| case["applied"][key].to_string()));
    }
    let head = [case["nonce"].as_str().unwrap_or_default().to_owned(), numbers.join(" ")];
    let timings = items(&case["timing"]).filter_map(Value::as_str).map(str::to_owned);
    head.into_iter().chain(timings).collect::<Vec<_>>().join("\n").into_bytes()
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).expect("the vectors are JSON")
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn bytes(text: &Value) -> Option<Vec<u8>> {
    text.as_str().map(|text| text.as_bytes().to_vec())
}
