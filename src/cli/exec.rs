//! `exec`: runs a command with the current token in its environment, for MCP servers and clients on stdio.

use std::{ffi::OsString, io, os::unix::process::CommandExt, process::Command};

use clap::Args;

use super::{context::Context, token};
use crate::token::Token;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  crossfade exec mcp/slack-bot-token --env MCP_TOKEN -- npx some-mcp-client

The command takes this process's place, and keeps the token that it got: it has grace to live, so start it anew now
and then. Exits as the command does; 125 if it could not be started.")]
pub(super) struct ExecArgs {
    /// The secret's name, as in the config
    secret: String,
    /// The environment variable that the token is put into
    #[arg(long, value_name = "NAME", value_parser = variable)]
    env: String,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Comes back only where the command could not be started.
pub(super) fn run(context: &Context, args: &ExecArgs) -> anyhow::Error {
    match context.block_on(token::fetch(context, &args.secret)) {
        Ok(token) => {
            let error = replace(args, &token);
            let program = args.command.first().cloned().unwrap_or_default();
            anyhow::Error::new(error).context(format!("{} can't be started", program.display()))
        }
        Err(error) => error,
    }
}

/// This process becomes the command, so that signals and the exit code are its own.
fn replace(args: &ExecArgs, token: &Token) -> io::Error {
    let mut words = args.command.iter();
    let mut command = Command::new(words.next().cloned().unwrap_or_default());
    command.args(words).env(&args.env, token.expose()).exec()
}

fn variable(name: &str) -> Result<String, String> {
    let head = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    let fits = name.bytes().enumerate().all(|(n, b)| head(b) || (n > 0 && b.is_ascii_digit()));
    if fits && !name.is_empty() {
        Ok(name.to_owned())
    } else {
        Err("a variable's name is letters, digits and _, and does not begin with a digit".to_owned())
    }
}
