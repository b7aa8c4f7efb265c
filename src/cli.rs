//! The commands. Whatever reads or orders something of a secret finds the daemon by `--socket`, or by the config's
//! `admin_socket`, and needs nothing else of the config then; where none listens, it works on the store directly, and says
//! so.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, CommandFactory, Parser, Subcommand};

mod audit;
mod check;
mod connect;
mod context;
mod credential;
mod dry_run;
mod exec;
mod exit;
mod health;
mod log_writer;
mod logging;
mod orders;
mod output;
mod revoke;
mod rotate;
mod shared;
mod status;
mod sums;
mod token;
mod verify;

use context::Context;
use exit::Exit;

/// 125: `exec` could not start its command (as `env`, `timeout` and `docker run` have it).
const NOT_STARTED: u8 = 125;

/// Rotates the bearer tokens of remote MCP servers without anyone noticing.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  crossfade -c config.example.yaml serve
  crossfade -c config.example.yaml status
  crossfade rotate mcp/slack-bot-token --wait

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or config; 3 don't know yet."
)]
pub struct Cli {
    /// The config file [default: ./config.yaml]
    #[arg(short, long, global = true, value_name = "FILE", env = "CROSSFADE_CONFIG")]
    config: Option<PathBuf>,
    /// Where the daemon takes orders, in place of the config's `admin_socket`
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// How logs are written to stderr [default: text on a terminal, else json]
    #[arg(long, global = true, value_enum)]
    log_format: Option<logging::LogFormat>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: schedules, rotates, distributes, verifies, until SIGTERM
    Serve,
    /// Rotate a secret now (lifts a pause)
    Rotate(rotate::RotateArgs),
    /// Take back a pending version, and skip this slot
    #[command(
        after_help = "There is no roll-back: the old token lives on in its grace, and a new rotation replaces the new one."
    )]
    Abort(SecretArg),
    /// No scheduled rotation until resumed
    Pause(SecretArg),
    /// Schedule again; slots that passed meanwhile are skipped
    Resume(SecretArg),
    /// End versions at once
    Revoke(revoke::RevokeArgs),
    /// What each secret is doing
    Status(status::StatusArgs),
    /// Print the current token, read from the store now
    #[command(
        after_help = "Example:\n  curl -H \"Authorization: Bearer $(crossfade token mcp/slack-bot-token)\" https://mcp.example.com/slack"
    )]
    Token(SecretArg),
    /// Run a command with the current token in its environment
    Exec(exec::ExecArgs),
    /// Verify a token read from stdin
    #[command(
        after_help = "Example:\n  crossfade token mcp/slack-bot-token | crossfade verify --audience https://mcp.example.com/slack\n\nExit codes: 0 accepted, 1 refused, 3 don't know."
    )]
    Verify(verify::VerifyArgs),
    /// Report every mistake in the config
    Check(check::CheckArgs),
    /// Ask the daemon on this machine whether it is alive
    #[command(
        after_help = "For a container's health check: asks /healthz on `metrics_listen`. Whether secrets are well, `crossfade status` says.\n\nExit codes: 0 alive, 1 not."
    )]
    Health,
    /// Make a client credential: printed once, with its hash for the config
    Credential,
    /// The audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  crossfade completions bash > /etc/bash_completion.d/crossfade\n  crossfade completions zsh > \"${fpath[1]}/_crossfade\""
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct SecretArg {
    /// The secret's name, as in the config
    secret: String,
}

impl Cli {
    /// Reads the command line, and does what it says.
    pub fn start() -> ExitCode {
        match Self::try_parse() {
            Ok(cli) => cli.run(),
            // Help and the version are answers like others.
            Err(told) if !told.use_stderr() => {
                output::keep(told.print().and_then(|()| io::stdout().flush()));
                ExitCode::from(output::ended(Exit::Done, false).code())
            }
            Err(error) => error.exit(),
        }
    }

    fn run(self) -> ExitCode {
        let daemon = matches!(self.command, Command::Serve);
        let is_its_answer = matches!(self.command, Command::Token(_) | Command::Credential);
        let log = match logging::init(daemon, self.log_format) {
            Ok(log) => log,
            Err(error) => return output::fail(&error),
        };
        let context = Context::new(self.config, self.socket);
        let result = match self.command {
            Command::Serve => context.block_on(serve(&context)),
            Command::Rotate(args) => context.block_on(rotate::run(&context, args)),
            Command::Abort(args) => context.block_on(orders::abort(&context, &args.secret)),
            Command::Pause(args) => context.block_on(orders::pause(&context, &args.secret)),
            Command::Resume(args) => context.block_on(orders::resume(&context, &args.secret)),
            Command::Revoke(args) => context.block_on(revoke::run(&context, args)),
            Command::Status(args) => context.block_on(status::run(&context, args)),
            Command::Token(args) => context.block_on(token::run(&context, &args.secret)),
            Command::Exec(args) => {
                output::fail(&exec::run(&context, &args));
                return ExitCode::from(NOT_STARTED);
            }
            Command::Verify(args) => context.block_on(verify::run(&context, args)),
            Command::Check(args) => check::run(&context, &args),
            Command::Health => health::run(&context),
            Command::Credential => credential::run(),
            Command::Audit(command) => audit::run(&context, command),
            Command::Completions { shell } => {
                output::say(&completions(shell));
                Ok(Exit::Done)
            }
        };
        let code = match (result, log.clone()) {
            (Ok(exit), _) => ExitCode::from(output::ended(exit, is_its_answer).code()),
            // The daemon's last words go the way of its log: its reader may have stopped reading, and the daemon has to
            // end all the same, so that it is started anew.
            (Err(error), Some(mut log)) => output::fail_to(&mut log, &error),
            (Err(error), None) => output::fail(&error),
        };
        if let Some(log) = log {
            log.flush();
        }
        code
    }
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "crossfade", &mut script);
    String::from_utf8_lossy(&script).trim_end().to_owned()
}

async fn serve(context: &Context) -> anyhow::Result<Exit> {
    crate::lifecycle::harden()?;
    context::refuse_to_print_secrets()?;
    let reader = context.clone();
    crate::app::serve(context.path(), move |_| reader.config()).await?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
