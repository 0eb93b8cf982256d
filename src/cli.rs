//! What can be said on the command line.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use weir_db::PlayoutDelay;
use weir_protocol::{Scope, StreamSlug};

use crate::config::{Config, ConfigError, Flags, PLAYOUT_DELAY_MAX_MS, load};

/// Self-hosted, WebRTC-first live streaming in one program.
#[derive(Debug, Parser)]
#[command(name = "weir", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ServeArgs),
    /// Manage streams and their keys, also beside a running server.
    #[command(subcommand)]
    Stream(StreamCommand),
    /// Manage user accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage API tokens: credentials for programs.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Manage the keys that sign access tokens.
    #[command(subcommand)]
    TokenKeys(TokenKeysCommand),
    /// Look after the database: bring it up to date, save it, restore it, move it.
    #[command(subcommand)]
    Db(DbCommand),
    /// Print the effective configuration, secrets masked.
    Config(Settings),
    /// Test whether people can reach the server, and say what to open or to set where they cannot.
    ///
    /// Where a server runs in the data folder, it looks at itself, and answers are asked of its ports, its
    /// media and its TURN server; otherwise the machine and the settings are looked at. Ends with 1 when
    /// something does not work.
    Doctor(DoctorArgs),
    /// Media worker of one stream, started by the server; with --connect, offers this machine's
    /// processors to a server elsewhere.
    BridgeWorker(BridgeWorkerArgs),
    /// Make a token with which media workers of other machines may dial in; the one before is worth
    /// nothing any more.
    WorkerToken(WorkerTokenArgs),
    /// Test picture and sound; started by `serve --demo`.
    #[command(hide = true)]
    DemoSource,
}

/// `weir bridge-worker`
#[derive(Debug, Args)]
pub struct BridgeWorkerArgs {
    /// The server's address for workers (its setting workers.listen).
    #[arg(long, value_name = "HOST:PORT", requires = "token_file")]
    pub connect: Option<String>,
    /// File with what `weir worker-token` printed there.
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub token_file: Option<PathBuf>,
    /// PEM file with the authorities whose certificates the server may have [default: the one certificate
    /// that the token was made for].
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub ca: Option<PathBuf>,
    /// Streams at one time [default: one per processor].
    #[arg(long, value_name = "N", requires = "connect")]
    pub slots: Option<usize>,
    /// Print what GStreamer lacks, as JSON.
    #[arg(long, hide = true, conflicts_with = "connect")]
    pub missing_elements: bool,
}

/// `weir doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// A STUN server to ask beside those of ice.urls, where no server runs; two show what kind of NAT there is.
    #[arg(long, value_name = "HOST:PORT")]
    pub stun: Vec<String>,
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// `weir worker-token`
#[derive(Debug, Args)]
pub struct WorkerTokenArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// Settings that may be given as flags; they go before file and environment.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// Configuration file [default: weir.toml, when there is one].
    #[arg(long, value_name = "FILE", env = "WEIR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address for web, API, WHIP, WHEP and HLS [default: [::]:8080].
    #[arg(long, value_name = "ADDR:PORT")]
    pub http: Option<String>,
    /// Address for RTMP [default: [::]:1935].
    #[arg(long, value_name = "ADDR:PORT")]
    pub rtmp: Option<String>,
    /// Address for WebRTC media, one UDP port for all [default: [::]:7882].
    #[arg(long, value_name = "ADDR:PORT")]
    pub media_udp: Option<String>,
    /// Folder for the database, secrets and media [default: ./data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
}

impl Settings {
    /// The effective configuration.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let flags: Flags = [
            ("http.listen", &self.http),
            ("rtmp.listen", &self.rtmp),
            ("media.udp", &self.media_udp),
            ("data.dir", &self.data_dir),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
        .collect();
        load(self.config.as_deref(), std::env::vars(), &flags)
    }
}

/// `weir serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Publish a moving test picture with sound into the stream `demo`.
    #[arg(long)]
    pub demo: bool,
}

/// `weir stream …`
#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// Create a stream; its key is shown once.
    Create {
        /// Name in addresses: a–z, 0–9, '-' and '_'.
        #[arg(long)]
        slug: StreamSlug,
        /// Title for people [default: the slug].
        #[arg(long)]
        title: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// List all streams.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Give a stream a new key; the old one stops at once.
    RotateKey {
        /// Which stream.
        #[arg(long)]
        slug: StreamSlug,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a stream's settings, also while it is live.
    Set {
        /// Which stream.
        #[arg(long)]
        slug: StreamSlug,
        /// Milliseconds that players may wait before they show a picture, at least and at most, like
        /// 0..200; `default` for the server's setting.
        #[arg(long, value_name = "MIN..MAX")]
        playout_delay: PlayoutDelayArg,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a stream and its history.
    Delete {
        /// Which stream.
        #[arg(long)]
        slug: StreamSlug,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// A playout delay as it is written on the command line; `None` is the server's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutDelayArg(pub Option<PlayoutDelay>);

impl FromStr for PlayoutDelayArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self(None));
        }
        let bad = || "must be like 0..200, in milliseconds, or default".to_owned();
        let (min, max) = text.split_once("..").ok_or_else(bad)?;
        let min_ms = min.parse().map_err(|_| bad())?;
        let max_ms = max.parse().map_err(|_| bad())?;
        if max_ms > PLAYOUT_DELAY_MAX_MS {
            return Err(format!("must be at most {PLAYOUT_DELAY_MAX_MS} ms"));
        }
        if min_ms > max_ms {
            return Err("the first number must not be more than the second".to_owned());
        }
        Ok(Self(Some(PlayoutDelay { min_ms, max_ms })))
    }
}

/// `weir user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user; without --password-stdin a password is generated and shown once.
    Create {
        /// Name to log in with.
        #[arg(long)]
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value_t = RoleArg::Speaker)]
        role: RoleArg,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// List users, by name.
    List {
        /// How the name or the e-mail address begins.
        #[arg(long)]
        search: Option<String>,
        /// Who has this role.
        #[arg(long, value_enum)]
        role: Option<RoleArg>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Give a user another role.
    SetRole {
        /// Who.
        #[arg(long)]
        name: String,
        /// What the user may do.
        #[arg(long, value_enum)]
        role: RoleArg,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Set a user's password and log all its devices out; without --password-stdin a password is generated
    /// and shown once.
    SetPassword {
        /// Who.
        #[arg(long)]
        name: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Lock a user's account, which ends its sessions.
    Disable {
        /// Who.
        #[arg(long)]
        name: String,
        /// Unlock it instead.
        #[arg(long)]
        undo: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Make users, and bring them up to date, from a CSV file with the columns name, email, role, display_name
    /// and password.
    Import {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// Only say what would happen.
        #[arg(long)]
        dry_run: bool,
        /// Print the report of every row as JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// `weir db …`
///
/// The secrets in the data folder (files ending in `.key`) are not in the database, and so not in its
/// backups: save them apart from those. Without them everybody must log in anew, and webhooks sign with
/// other secrets.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Apply the migrations that are missing, and say which; `weir serve` does so by itself.
    Migrate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Save everything in the database into a new file, also beside a running server.
    ///
    /// The file holds the state of one moment, and can be restored into SQLite and into PostgreSQL. It
    /// holds hashes of passwords and people's data: keep it like the database. The secrets in the data
    /// folder (files ending in .key) are not in it: save them apart from it.
    Backup {
        /// Where to; must not exist yet.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Make the database what it was when a backup was taken. Stop the server first.
    ///
    /// All or nothing: when it fails, nothing has changed. A backup of an older version is brought up to
    /// date. Put the secrets (files ending in .key) back into the data folder too: without them
    /// everybody must log in anew, and webhooks sign with other secrets.
    Restore {
        /// What `weir db backup` wrote.
        file: PathBuf,
        /// Replace everything in a database that has rows.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Copy everything into another database, for example from SQLite to PostgreSQL. Stop the server
    /// first: what it writes meanwhile is not copied.
    ///
    /// All or nothing; the rows are compared at the end. Then set data.database_url to the new one. A
    /// password in the address can be seen by other users of this machine: PGPASSWORD and ~/.pgpass
    /// are read too.
    Copy {
        /// sqlite:///path/to/weir.db or postgres://user@host/database.
        #[arg(long, value_name = "URL")]
        to: String,
        /// Replace everything in a database that has rows.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// `weir token …`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an API token; it is shown once.
    Create {
        /// Whose rights it lends.
        #[arg(long)]
        user: String,
        /// What it may be used for, with commas between: profile, streams:read, streams:write, rooms,
        /// events, insight, webhooks, admin.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<Scope>,
        /// What it is for.
        #[arg(long, default_value = "made by weir token create")]
        name: String,
        /// Days after which it ends [default: it does not].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// List a user's API tokens.
    List {
        /// Whose.
        #[arg(long)]
        user: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Revoke an API token; what goes on under it ends.
    Revoke {
        /// Whose.
        #[arg(long)]
        user: String,
        /// Which, from the list.
        #[arg(long)]
        id: String,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// `weir token-keys …`
#[derive(Debug, Subcommand)]
pub enum TokenKeysCommand {
    /// Sign with a new key from now on.
    Rotate {
        /// Access tokens of older keys end at once: when a key may be known to somebody else.
        #[arg(long)]
        drop_old: bool,
        /// Settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// Roles as words of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Everything.
    Admin,
    /// Keeps order in every room.
    Moderator,
    /// Own streams and events.
    #[value(alias = "streamer")]
    Speaker,
    /// Watches, chats, follows.
    Attendee,
}

impl From<RoleArg> for weir_db::Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Admin => Self::Admin,
            RoleArg::Moderator => Self::Moderator,
            RoleArg::Speaker => Self::Speaker,
            RoleArg::Attendee => Self::Attendee,
        }
    }
}
