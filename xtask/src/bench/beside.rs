//! Our endpoints beside programs that others stand in the same place: nginx with a constant answer, and AWS's Secrets
//! Manager agent, which a server asks for the token that it then compares by itself.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::Result;

use super::{
    Figure, aws_fake,
    daemon::{Daemon, Server, free_address, fresh_folder},
    requests::{Asked, authorize, beside, introspect},
};

/// What keeps other pages' scripts from asking the agent.
const SSRF_TOKEN: &str = "for-the-bench-only";

pub(super) fn run(program: &Path) -> Result<Vec<Figure>> {
    let (nginx, agent) = (crate::tools::nginx()?, crate::tools::secrets_manager_agent()?);
    let daemon = Daemon::start(program, &fresh_folder("beside")?, 1, "")?;
    let token = daemon.ask(&["token", "mcp/bench-0000"])?;
    let (introspect, authorize) = (introspect(token.trim()), authorize(token.trim()));
    let introspect = Asked { server: &daemon.server, request: &introspect, answer: "\"active\":true" };
    let authorize = Asked { server: &daemon.server, request: &authorize, answer: "crossfade-stage: current" };

    let nginx = start_nginx(&nginx)?;
    let constant =
        Asked { server: &nginx, request: "GET / HTTP/1.1\r\nHost: bench\r\n\r\n", answer: "active" };
    let (fake, _runtime) = aws_fake::start(1)?;
    let agent = start_agent(&agent, &fake.endpoint())?;
    let request = format!(
        "GET /secretsmanager/get?secretId=mcp/bench-0000 HTTP/1.1\r\nHost: bench\r\n\
         X-Aws-Parameters-Secrets-Token: {SSRF_TOKEN}\r\n\r\n"
    );
    let cached = Asked { server: &agent, request: &request, answer: aws_fake::TOKEN };
    let figures = vec![
        beside("introspect / AWS's agent", Some(1.0), &introspect, &cached)?,
        beside("authorize / AWS's agent", Some(1.0), &authorize, &cached)?,
        beside("introspect / nginx's constant", None, &introspect, &constant)?,
        beside("authorize / nginx's constant", None, &authorize, &constant)?,
    ];
    Ok(figures)
}

/// One process, and nothing written: as little work as it can have with an answer of our size.
fn start_nginx(program: &Path) -> Result<Server> {
    let (address, folder) = (free_address()?, fresh_folder("beside-nginx")?);
    fs::create_dir_all(&folder)?;
    let config = folder.join("nginx.conf");
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {};\n", folder.join(what).display()))
        .concat();
    let answer = r#"{"active":true,"aud":"https://mcp.example.com/bench","client_id":"slack-bot","exp":1795000020,"iat":1795000000,"scope":"slack:search","secret":"mcp/bench-0000","stage":"current","sub":"slack-bot","token_type":"Bearer"}"#;
    fs::write(
        &config,
        format!(
            "daemon off;\nmaster_process off;\npid {pid};\nerror_log stderr crit;\nevents {{}}\nhttp {{\naccess_log off;\n\
             {places}keepalive_requests 1000000;\nserver {{\nlisten {address};\ndefault_type application/json;\n\
             location / {{ return 200 '{answer}'; }}\n}}\n}}\n",
            pid = folder.join("pid").display()
        ),
    )?;
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p"]).arg(&folder).arg("-c").arg(&config);
    Server::listening(&mut command, address)
}

/// As it comes, but for its port and its log, which would be written beside us.
fn start_agent(program: &Path, endpoint: &str) -> Result<Server> {
    let (address, folder) = (free_address()?, fresh_folder("beside-agent")?);
    fs::create_dir_all(&folder)?;
    let config = folder.join("agent.toml");
    fs::write(&config, agent_config(address))?;
    let mut command = Command::new(program);
    command.current_dir(&folder).arg("--config").arg(&config).env("AWS_TOKEN", SSRF_TOKEN);
    command.envs(aws_fake::environment(endpoint)).env("AWS_REGION", "eu-west-1");
    Server::listening(&mut command, address)
}

/// There is no STS here that could say whose credentials these are.
fn agent_config(address: SocketAddr) -> String {
    format!("http_port = \"{}\"\nlog_level = \"none\"\nvalidate_credentials = false\n", address.port())
}
