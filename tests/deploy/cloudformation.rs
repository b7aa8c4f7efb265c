//! The template for AWS: linted, deployed into an emulator that checks signatures and rights, and what its tasks would
//! run is run there, with the config and the rights that it holds.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use crossfade::config::{Config, StoreConfig};
use crossfade_testing_fleet::{
    free_port,
    process::{Daemon, call, lint},
    until,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{blocks, emulator::Emulator, ministack, pki::Authority, root, shipped};

const TEMPLATE: &str = "deploy/cloudformation/crossfade.yaml";
const KEY: &str = "arn:aws:kms:eu-west-1:000000000000:key/11111111-2222-4333-8444-555555555555";
const CERTIFICATE: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:crossfade-tls-a1b2c3";

/// Without a certificate, which somebody has to want.
const PLAIN: [&str; 2] = ["TlsSecretArn=", "AllowPlaintext=true"];

/// None where the test command names no emulator.
fn emulator() -> Option<&'static Emulator> {
    static MINISTACK: OnceLock<Option<Emulator>> = OnceLock::new();
    let start = || ministack::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("ministack"));
    MINISTACK.get_or_init(start).as_ref()
}

/// A stack that stands.
struct Stack {
    endpoint: String,
    deployed: Value,
}

impl Stack {
    fn deploy(emulator: &Emulator, name: &str, more: &[&str]) -> Self {
        let python = std::env::var_os("BOTO_PYTHON").expect("the test command names it with the emulator");
        let endpoint = emulator.endpoint();
        let mut command = Command::new(python);
        command
            .arg(root().join("tests/deploy/deploy.py"))
            .arg(&endpoint)
            .arg(root().join(TEMPLATE))
            .arg(name);
        // What stands in the documents in place of a reader's own; later ones count.
        let own = [
            format!("VerifierSha256={}", "ab".repeat(32)),
            format!("ConfigImage=busybox@sha256:{}", "cd".repeat(32)),
            format!("TlsSecretArn={CERTIFICATE}"),
        ];
        let given = parameters();
        assert!(given.len() >= 6, "{given:?}");
        let ran = command.args(given).args(own).args(more).stderr(Stdio::piped()).output().expect("python");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        Self { endpoint, deployed: serde_json::from_slice(&ran.stdout).expect("JSON") }
    }

    fn container(&self, name: &str) -> &Value {
        &self.deployed["containers"][name]
    }

    /// What the task's first container is given.
    fn config(&self) -> &str {
        let environment = self.container("config")["environment"].as_array().expect("an environment");
        let config = environment.iter().find(|variable| member(variable, "name") == "CONFIG");
        member(config.expect("a config"), "value").as_str().expect("text")
    }

    /// Starts the daemon's container, as far as it can be had here: its command, its config as its first container puts
    /// it there, and its rights. `secrets` is what ECS would fetch for it.
    fn task(&self, secrets: &[(&str, String)]) -> Task {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| path.replace("/etc/crossfade", "AT/config").replace("/data", "AT/data");
        let at = |path: &str| at(path).replace("AT", folder.path().to_str().expect("text"));
        for place in ["config", "data"] {
            fs::create_dir(folder.path().join(place)).expect("a folder");
        }
        let first = self.container("config")["command"].as_array().expect("a command");
        let words: Vec<&str> = first.iter().filter_map(Value::as_str).collect();
        let [shell, flags, script] = words.try_into().expect("a shell's script");
        let (listen, metrics) = (free_port(), free_port());
        let config = at(self.config()).replace("0.0.0.0:8750", &format!("127.0.0.1:{listen}"));
        // Times that a test can wait for; the emulator shows each write at once.
        let config = config.replace("region:", "store_lag: 0s, write_lag: 0s, region:")
            + &format!("metrics_listen: 127.0.0.1:{metrics}\nsync: 300ms\nfreshness: 1s\nhold: 60s\n");
        // Only root may give files away, and here they are ours already.
        let script = format!("chown() {{ :; }}\n{}", at(script));
        let ran = Command::new(shell)
            .args([flags, &script])
            .env("CONFIG", config)
            .envs(secrets.iter().cloned())
            .status();
        let ran = ran.expect("a shell");
        assert!(ran.success(), "{script}");
        Task { folder, metrics, endpoint: self.endpoint.clone(), key: self.deployed["key"].clone() }
    }
}

struct Task {
    folder: TempDir,
    metrics: u16,
    endpoint: String,
    key: Value,
}

impl Task {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossfade"));
        let key = |n: usize| self.key[n].as_str().expect("a key");
        command
            .args(arguments)
            .env("CROSSFADE_CONFIG", self.folder.path().join("config/config.yaml"))
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", key(0))
            .env("AWS_SECRET_ACCESS_KEY", key(1))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.command(arguments).output().expect("it starts");
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        String::from_utf8(ran.stdout).expect("text").trim().to_owned()
    }
}

/// A member, whichever case the emulator gives its name: it takes some over from the template as they stand there.
fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    let members = value.as_object().into_iter().flatten();
    let found = members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(&Value::Null, |(_, value)| value)
}

/// Those of the document's command.
fn parameters() -> Vec<String> {
    let commands = blocks("console").into_iter().find(|block| block.contains("cloudformation deploy"));
    let command = commands.expect("how it is deployed").replace("\\\n", " ");
    let (_, parameters) = command.split_once("--parameter-overrides").expect("its parameters");
    parameters.split_whitespace().map(str::to_owned).collect()
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The one statement of a policy of `deploy/iam`, for the emulator's account.
fn statement(file: &str) -> Value {
    let text = shipped(&format!("deploy/iam/{file}"));
    let text = text.replace("REGION", "eu-west-1").replace("ACCOUNT", "000000000000");
    let policy: Value = serde_json::from_str(&text).expect("JSON");
    policy["Statement"][0].clone()
}

/// Nothing of its containers can be written, and the daemon's is nobody's.
fn is_hardened(stack: &Stack) {
    for name in ["config", "crossfade"] {
        assert_eq!(stack.container(name)["readonlyRootFilesystem"], true, "{name}");
    }
    let daemon = stack.container("crossfade");
    assert_eq!(daemon["user"], "65532:65532");
    let capabilities = member(&daemon["linuxParameters"], "capabilities");
    assert_eq!(words(member(capabilities, "drop")), ["ALL"]);
    let mounts = daemon["mountPoints"].as_array().expect("mounts");
    let config = mounts.iter().find(|mount| member(mount, "containerPath") == "/etc/crossfade");
    assert_eq!(member(config.expect("the config"), "readOnly"), true);
}

#[test]
fn the_template_has_nothing_that_its_linter_minds() {
    lint("CFN_LINT", &["--include-checks", "I", "--", TEMPLATE], &root());
}

/// The lines of a parameter of the template.
fn parameter<'a>(template: &'a str, name: &str) -> &'a str {
    let begin = template.find(&format!("\n  {name}:")).unwrap_or_else(|| panic!("no parameter {name}"));
    let rest = &template[begin + 1..];
    let next = rest.match_indices("\n  ").find(|(at, _)| !rest[at + 3..].starts_with([' ', '#']));
    &rest[..next.map_or(rest.len(), |(at, _)| at)]
}

#[test]
fn a_service_is_encrypted_unless_somebody_says_otherwise() {
    let template = shipped(TEMPLATE);
    assert!(parameter(&template, "AllowPlaintext").contains("Default: \"false\""));
    assert!(template.contains("AssertDescription: \"A service speaks HTTPS"));
    // Where the rule is not looked at, the daemon's config is refused: it says nothing of either.
    let config = template.split("                - |\n                  listen:").nth(1).expect("the config");
    let config = config.split("\n                # ").next().expect("its end");
    let hash = "ab".repeat(32);
    let config = [
        ("${Listen}", "0.0.0.0:8750"),
        ("${Encryption}", ""),
        ("${VerifierSha256}", &*hash),
        ("${Audience}", "https://mcp.example.com/slack"),
        ("${Schedule}", "0 3 * * *"),
        ("${Grace}", "4h"),
        ("${AWS::Region}", "eu-west-1"),
        ("${SecretName}", "mcp/slack-bot-token"),
        ("${ClientId}", "slack-bot"),
    ]
    .iter()
    .fold(format!("listen:{}", config.replace("                  ", "")), |text, (from, to)| {
        text.replace(from, to)
    });
    let mistakes = Config::parse(&config, Path::new("/etc/crossfade"), &|_| None).expect_err(&config);
    assert!(
        mistakes.len() == 1 && mistakes[0].message.contains("`listen` is not on loopback"),
        "{mistakes:?}"
    );
}

#[test]
fn no_image_by_tag_gets_the_key_and_no_placeholder_of_the_documents_is_taken() {
    let template = shipped(TEMPLATE);
    let image = parameter(&template, "ConfigImage");
    assert!(
        image.contains("AllowedPattern: \".+@sha256:[0-9a-f]{64}\"") && !image.contains("Default"),
        "{image}"
    );
    let hash = parameter(&template, "VerifierSha256");
    assert!(hash.contains("AllowedPattern: \"[0-9a-f]{64}\"") && !hash.contains("Default"), "{hash}");
    let given = parameters();
    for (name, begins) in
        [("VerifierSha256=", ""), ("ConfigImage=", "public.ecr.aws/docker/library/busybox@sha256:")]
    {
        let value = given.iter().find_map(|given| given.strip_prefix(name)).expect(name);
        let own = value.strip_prefix(begins).expect(value);
        assert!(
            !own.bytes().any(|b| b.is_ascii_hexdigit() && b.is_ascii_lowercase()) && own.len() != 64,
            "{value}"
        );
    }
    // Whoever reads the key is the container of that image, and no other one.
    let containers: Vec<&str> = template.split("\n        - Name: ").skip(1).collect();
    let with_key: Vec<&&str> =
        containers.iter().filter(|container| container.contains("Name: TLS_KEY")).collect();
    assert!(with_key.len() == 1 && with_key[0].contains("Image: !Ref ConfigImage"), "{with_key:?}");
}

#[test]
fn the_daemon_rotates_with_the_config_and_the_rights_of_the_deployed_service() {
    let Some(emulator) = emulator() else { return };
    let stack = Stack::deploy(emulator, "service", &PLAIN);
    is_hardened(&stack);
    let statements = stack.deployed["policies"][0]["Statement"].as_array().expect("statements");
    assert_eq!(statements, &[statement("daemon.json")], "the rights of deploy/iam, and no others");

    let task = stack.task(&[]);
    let daemon = words(&stack.container("crossfade")["command"]);
    assert_eq!(daemon, ["serve"]);
    let daemon = Daemon::start(&mut task.command(&daemon));
    until("it is ready", || {
        call(task.metrics, "GET", "/readyz", &[], "").ok().filter(|ready| ready.status == 200)
    });
    let old = task.ok(&["token", "mcp/slack-bot-token"]);
    task.ok(&["rotate", "mcp/slack-bot-token", "--wait"]);
    assert_ne!(task.ok(&["token", "mcp/slack-bot-token"]), old);
    let status: Value = serde_json::from_str(&task.ok(&["status", "-o", "json"])).expect("JSON");
    assert_eq!(status[0]["versions"].as_array().map(Vec::len), Some(2), "the old one fades out: {status}");
    let health = words(member(&stack.container("crossfade")["healthCheck"], "command"));
    assert_eq!(health[..2], ["CMD", "/crossfade"]);
    task.ok(&health[2..]);
    daemon.signal("-TERM");
}

#[test]
fn one_shot_runs_with_what_the_scheduled_task_holds() {
    let Some(emulator) = emulator() else { return };
    let stack = Stack::deploy(
        emulator,
        "scheduled",
        &["Runs=schedule", "TlsSecretArn=", &format!("KmsKeyArn={KEY}")],
    );
    let statements = stack.deployed["policies"][0]["Statement"].as_array().expect("statements");
    let mut kms = statement("daemon-kms.json");
    kms["Resource"] = KEY.into();
    assert_eq!(statements, &[statement("daemon.json"), kms]);

    let resources = stack.deployed["resources"].as_object().expect("resources");
    assert!(resources.contains_key("Timer") && !resources.contains_key("Daemon"), "{resources:?}");
    assert_eq!(stack.deployed["ingress"], Value::Array(Vec::new()), "nobody asks it");
    let task = stack.task(&[]);
    let said = task.ok(&words(&stack.container("crossfade")["command"]));
    assert!(said.contains("mcp/slack-bot-token: "), "{said}");
}

#[test]
fn the_service_is_asked_by_mcp_servers_alone_and_over_tls_where_a_certificate_is_given() {
    let Some(emulator) = emulator() else { return };
    let stack = Stack::deploy(emulator, "encrypted", &[&format!("TlsSecretArn={CERTIFICATE}")]);
    let ingress = stack.deployed["ingress"].as_array().expect("rules");
    assert_eq!(ingress.len(), 1, "{ingress:?}");
    assert_eq!(ingress[0]["IpRanges"], Value::Array(Vec::new()), "no address, only a group: {ingress:?}");
    assert_eq!(ingress[0]["UserIdGroupPairs"][0]["GroupId"], "sg-00000001");
    let secrets = stack.container("config")["secrets"].as_array().expect("the certificate");
    let secret = |name: &str| secrets.iter().find(|secret| member(secret, "name") == name);
    let from = |name: &str| secret(name).map(|secret| member(secret, "valueFrom"));
    assert_eq!(from("TLS_KEY"), Some(&Value::from(format!("{CERTIFICATE}:key::"))));

    let parsed =
        Config::parse(stack.config(), Path::new("/etc/crossfade"), &|_| None).expect("a sound config");
    let StoreConfig::Aws(options) = &parsed.store else { panic!("{:?}", parsed.store) };
    assert!(!options.plaintext && !options.traits.creates);
    assert_eq!(parsed.tls.expect("a certificate").key, Path::new("/etc/crossfade/key.pem"));
    assert!(!stack.config().contains("allow_plaintext"));
    let files = tempfile::tempdir().expect("a folder");
    Authority::new("ours").issue(&["dns:localhost"]).write(files.path());
    let pem = |name: &str| fs::read_to_string(files.path().join(name)).expect("PEM");
    let task = stack.task(&[("TLS_CERT", pem("cert.pem")), ("TLS_KEY", pem("key.pem"))]);
    let daemon = Daemon::start(&mut task.command(&["serve"]));
    until("it takes the certificate", || daemon.log().contains("bots on https://127.0.0.1").then_some(()));
    assert!(stack.deployed["outputs"].to_string().contains("https://crossfade.encrypted.internal:8750"));
}

/// Whether a filter of CloudWatch's, of the form that the template has, takes the line.
fn takes(pattern: &str, line: &Value) -> bool {
    pattern.trim_matches(['{', '}', ' ']).split("||").any(|term| {
        let (member, value) = term.trim_matches([' ', '(', ')']).split_once(" = ").expect("a comparison");
        let found = line[member.trim_start_matches("$.")].as_str().unwrap_or_default();
        match value.trim_matches('"').split_once('*') {
            Some((begins, "")) => found.starts_with(begins),
            _ => found == value.trim_matches('"'),
        }
    })
}

#[test]
fn what_the_alarms_look_for_stands_in_the_log_of_a_daemon_in_trouble() {
    let template = shipped(TEMPLATE);
    let patterns: Vec<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("FilterPattern: ")).collect();
    let [trouble, warnings] = patterns[..] else { panic!("{patterns:?}") };
    let [trouble, warnings] = [trouble, warnings].map(|pattern| pattern.trim_matches('\''));
    let Some(emulator) = emulator() else { return };
    let stack =
        Stack::deploy(emulator, "trouble", &[&PLAIN[..], &["SecretName=mcp/nobody-has-made-it"]].concat());
    let task = stack.task(&[]);
    let daemon = Daemon::start(&mut task.command(&["serve"]));
    let lines = || -> Vec<Value> {
        daemon.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    until("it is parked", || daemon.log().contains("parked: ").then_some(()));
    let parked: Vec<Value> = lines().into_iter().filter(|line| takes(trouble, line)).collect();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["secret"], "mcp/nobody-has-made-it");
    assert!(takes(warnings, &parked[0]), "{parked:?}");
    assert!(
        !lines()
            .iter()
            .any(|line| line["level"] == "INFO" && (takes(trouble, line) || takes(warnings, line)))
    );
}
