//! [`Cli`]: the command line.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    call::CallArgs, doctor::DoctorArgs, exit, profiles::ProfilesCommand, proxy::ProxyArgs,
    token::TokenArgs,
};

/// Tokens that are always fresh, for scripts and for programs that can't get them themselves.
///
/// A client is named by one word: a table of your settings file, a profile that ships with Hallpass
/// (`hallpass profiles list`), or the path of a profile in TOML. Secrets come from the environment,
/// from files or from standard input, never from arguments, which others can see.
#[derive(Debug, Parser)]
#[command(name = "hallpass", version, after_help = exit::TABLE, max_term_width = 100)]
pub(crate) struct Cli {
    /// Says on standard error what the engine decides; twice says everything. Never a secret.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints a token
    #[command(after_help = crate::token::EXAMPLES)]
    Token(Box<TokenArgs>),
    /// Calls a URL with a fresh credential, like curl
    #[command(after_help = crate::call::EXAMPLES)]
    Call(Box<CallArgs>),
    /// Finds out why there is no token, or why the API refuses it, and says what to change
    #[command(after_help = crate::doctor::EXAMPLES)]
    Doctor(Box<DoctorArgs>),
    /// Lists, shows, checks and begins profiles of vendors
    #[command(after_help = crate::profiles::EXAMPLES)]
    Profiles {
        #[command(subcommand)]
        command: ProfilesCommand,
    },
    /// Runs a local proxy that puts a fresh credential on every request to one API
    #[command(after_help = crate::proxy::EXAMPLES)]
    Proxy(Box<ProxyArgs>),
    /// Prints a script that completes command lines in your shell
    #[command(
        after_help = "Examples:\n  hallpass completions bash > /etc/bash_completion.d/hallpass\n  hallpass completions zsh > ~/.zfunc/_hallpass\n  hallpass completions fish > ~/.config/fish/completions/hallpass.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}
