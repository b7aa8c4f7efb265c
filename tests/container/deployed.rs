//! What is shipped for builders, compose and Prometheus: as far as it can be held to something without
//! Docker and without the images of others.

use std::{fs, path::Path};

use crossfade::config::{Config, StoreConfig};
use crossfade_testing_fleet::process;
use serde_json::Value;

fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn services() -> Vec<(String, Value)> {
    let compose: Value = serde_saphyr::from_str(&shipped("deploy/compose.yaml")).expect("YAML");
    let services = compose["services"].as_object().expect("services");
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn lint(variable: &str, arguments: &[&str]) {
    process::lint(variable, arguments, Path::new(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn the_dockerfile_has_nothing_that_its_linter_minds() {
    lint("HADOLINT", &["deploy/Dockerfile"]);
}

#[test]
fn prometheus_takes_its_config() {
    lint("PROMTOOL", &["check", "config", "deploy/prometheus.yml"]);
}

#[test]
fn both_ways_to_the_image_copy_the_same_into_it() {
    let dockerfile = shipped("deploy/Dockerfile");
    let copies = |stage: &str| {
        let stage =
            dockerfile.split(stage).nth(1).expect("the stage").split("\nFROM ").next().unwrap_or_default();
        let lines = stage.lines().filter(|line| line.starts_with("COPY "));
        lines.map(|line| line.replace("--from=build ", "").replace(" /image/", " ")).collect::<Vec<_>>()
    };
    assert_eq!(copies("\nFROM base\n"), copies("\nFROM base AS prebuilt\n"));
    assert_eq!(copies("\nFROM base\n").len(), 3);
}

#[test]
fn the_build_is_given_every_package_of_the_workspace() {
    let ignore = shipped(".dockerignore");
    let given: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest = shipped("Cargo.toml");
    let list =
        manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).expect("the members").0;
    let members = list.split('"').skip(1).step_by(2);
    let named = manifest.lines().filter_map(|line| line.strip_prefix("path = \"")?.split('/').next());
    for needed in members.chain(named).chain(["Cargo.toml", "Cargo.lock", "src"]) {
        let is_given = given.iter().any(|given| Path::new(needed).starts_with(given));
        assert!(is_given, "{needed} is missing in .dockerignore");
    }
}

#[test]
fn every_service_is_hardened_and_published_on_loopback_only() {
    for (name, service) in services() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        for port in words(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for volume in words(&service["volumes"]) {
            let from = volume.split(':').next().unwrap_or_default();
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(from);
            assert!(!from.starts_with('.') || file.exists(), "{name}: {from} is not there");
        }
        let pinned = name == "crossfade"
            || service["image"].as_str().is_some_and(|image| {
                image.rsplit('/').next().is_some_and(|last| last.contains(':') && !last.ends_with(":latest"))
            });
        assert!(pinned, "{name}: of which version?");
    }
}

#[test]
fn the_configs_for_compose_are_well_formed() {
    let hash = |name: &str| (name == "VERIFIER_SHA256").then(|| "ab".repeat(32));
    let parse = |file: &str| Config::parse(&shipped(file), Path::new("/etc/crossfade"), &hash);
    let without = Config::parse(&shipped("deploy/compose/embedded.yaml"), Path::new("/"), &|_| None);
    assert!(format!("{without:?}").contains("VERIFIER_SHA256"), "nobody gets in by default: {without:?}");
    let embedded = parse("deploy/compose/embedded.yaml").expect("a sound config");
    let StoreConfig::Embedded { path, .. } = embedded.store else { panic!("{:?}", embedded.store) };
    assert_eq!(path, Path::new("/data"));
    let aws = parse("deploy/compose/aws.yaml").expect("a sound config");
    let StoreConfig::Aws(options) = aws.store else { panic!("{:?}", aws.store) };
    assert!(!options.plaintext && options.traits.creates, "the emulator is on loopback, and empty at first");
}

#[test]
fn every_documented_docker_run_is_hardened_as_the_tested_one() {
    let document = shipped("docs/container.md").replace("\\\n", " ");
    let runs: Vec<&str> = document.lines().filter(|line| line.starts_with("docker run ")).collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    for run in runs {
        for flag in ["--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "config.yaml:ro"] {
            assert!(run.contains(flag), "{flag} is missing: {run}");
        }
    }
}
