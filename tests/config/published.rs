//! Credentials that stand in the documents are nobody's secret.

use std::{collections::BTreeSet, fs, path::Path};

use crossfade_verify::{
    Digest,
    token::{Shape, shape},
};

use crate::{TLS, parse, with_secret};

fn hex(digest: &Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that is handed to readers and users, and not to the tests.
fn handed_out() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md"), root.join("config.example.yaml")];
    let mut folders: Vec<_> = ["docs", "deploy", "examples"].iter().map(|folder| root.join(folder)).collect();
    files.extend(["python", "typescript"].map(|client| root.join("clients").join(client).join("README.md")));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if !path.ends_with("node_modules") => folders.push(path),
                true => {}
                false => files.push(path),
            }
        }
    }
    let text = |path: &std::path::PathBuf| Some((path.display().to_string(), fs::read_to_string(path).ok()?));
    files.iter().filter_map(text).collect()
}

/// Runs of characters that a credential or a hash may have.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
}

#[test]
fn every_credential_and_every_hash_in_what_is_handed_out_is_known_as_published() {
    let mut hashes = BTreeSet::new();
    for (file, text) in handed_out() {
        for word in words(&text) {
            if word.starts_with("cfc_") && shape(word.as_bytes()) == Shape::Ours {
                hashes.insert((file.clone(), hex(&Digest::of(word.as_bytes()))));
            }
        }
        // A hash of a credential stands behind a key that says so, with some quotes between.
        for line in text.lines().filter(|line| line.to_ascii_lowercase().contains("sha256")) {
            let is_hash = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
            let all = line.match_indices("sha256:").count() > 0 && line.contains('@');
            hashes.extend(
                words(line).filter(is_hash).filter(|_| !all).map(|word| (file.clone(), word.to_owned())),
            );
        }
    }
    assert!(hashes.len() >= 4, "the example's own are among them: {hashes:?}");
    for (file, hash) in hashes {
        let client = format!("clients:\n  - {{id: v, role: bot, secrets: [s], credential_sha256: {hash}}}\n");
        let config = parse(&format!("{}{client}", with_secret(""))).expect("on loopback");
        let said = config.warnings();
        assert!(said.len() == 1 && said[0].contains("public documents"), "{file}: {hash}: {said:?}");
        for open in
            [format!("{TLS}listen: 0.0.0.0:1\n"), "listen: '[::]:1'\nallow_plaintext: true\n".to_owned()]
        {
            let mistakes = parse(&format!("{}{open}{client}", with_secret(""))).expect_err("off loopback");
            assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
            let said = &mistakes[0].message;
            assert!(said.contains("public documents") && said.contains("crossfade credential"), "{said}");
            assert!(mistakes[0].place.line > 0);
        }
    }
}
