//! `weir stream …`: works on the database, so also beside a running server, which notices within
//! seconds.

use anyhow::Context;
use serde_json::json;
use weir_db::{Db, DbError, NewStream};
use weir_protocol::{StreamAccess, StreamSlug};
use weir_signaling::{Addresses, keys};

use super::{block_on, print};
use crate::{
    cli::{Settings, StreamCommand},
    config::Config,
    data_dir::open_database,
};

/// Runs one of the commands.
pub fn stream(command: &StreamCommand) -> anyhow::Result<()> {
    block_on(async {
        match command {
            StreamCommand::Create {
                slug,
                title,
                json,
                settings,
            } => {
                let (config, db) = open(settings).await?;
                let title = title.clone().unwrap_or_else(|| slug.to_string());
                let access = create(&config, &db, slug, title).await?;
                show_access(&access, *json)
            }
            StreamCommand::List { json, settings } => {
                let (_, db) = open(settings).await?;
                list(&db, *json).await
            }
            StreamCommand::RotateKey {
                slug,
                json,
                settings,
            } => {
                let (config, db) = open(settings).await?;
                let (key, hash) = keys::generate();
                db.rotate_key(slug, hash)
                    .await
                    .map_err(|e| explain(e, slug))?;
                let access = addresses(&config).access(&config.base_url(), slug, &key);
                show_access(&access, *json)
            }
            StreamCommand::Set {
                slug,
                playout_delay,
                settings,
            } => {
                let (config, db) = open(settings).await?;
                db.set_playout_delay(slug, playout_delay.0)
                    .await
                    .map_err(|e| explain(e, slug))?;
                let media = &config.media;
                let (min, max, whose) = match playout_delay.0 {
                    Some(own) => (own.min_ms, own.max_ms, "its own"),
                    None => (
                        media.playout_delay_min,
                        media.playout_delay_max,
                        "the server's",
                    ),
                };
                print(&format!("{slug}: playout delay {min}..{max} ms ({whose})"))
            }
            StreamCommand::Delete { slug, settings } => {
                let (_, db) = open(settings).await?;
                db.delete_stream(slug).await.map_err(|e| explain(e, slug))?;
                print(&format!("deleted {slug}"))
            }
        }
    })
}

/// Creates a stream; the key in the answer is the only copy.
pub async fn create(
    config: &Config,
    db: &Db,
    slug: &StreamSlug,
    title: String,
) -> anyhow::Result<StreamAccess> {
    let (key, key_hash) = keys::generate();
    let new = NewStream {
        slug: slug.clone(),
        title,
        key_hash,
        owner: None,
    };
    db.create_stream(new).await.map_err(|e| explain(e, slug))?;
    Ok(addresses(config).access(&config.base_url(), slug, &key))
}

/// How addresses are made from the configuration.
pub fn addresses(config: &Config) -> Addresses {
    Addresses {
        public_url: config.http.public_url.clone(),
        rtmp_port: config.rtmp.listen.port(),
    }
}

async fn open(settings: &Settings) -> anyhow::Result<(Config, Db)> {
    let config = settings.load()?;
    let db = open_database(&config).await?;
    Ok((config, db))
}

fn explain(error: DbError, slug: &StreamSlug) -> anyhow::Error {
    match error {
        DbError::Conflict { .. } => {
            anyhow::anyhow!("a stream {slug} exists already; choose another slug")
        }
        DbError::NotFound { .. } => {
            anyhow::anyhow!("there is no stream {slug}; see: weir stream list")
        }
        other => anyhow::Error::new(other).context(format!("stream {slug}")),
    }
}

fn show_access(access: &StreamAccess, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&serde_json::to_string(access)?);
    }
    print(&format!(
        "\
Stream {slug}. The key is shown only now; keep it secret.

  Stream key   {key}
  OBS, RTMP    Server {rtmp}
  OBS, WHIP    Server {whip}   (the stream key is the bearer token)
  Watch        {watch}
  WHEP         {whep}
  HLS          {hls}
",
        slug = access.slug,
        key = access.key,
        rtmp = access.rtmp_url,
        whip = access.whip_url,
        watch = access.watch_url,
        whep = access.whep_url,
        hls = access.hls_url,
    ))
}

async fn list(db: &Db, json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for stream in db.list_streams().await? {
        let last = db
            .list_broadcasts(stream.id, 1)
            .await
            .context("cannot read the broadcasts")?
            .into_iter()
            .next();
        rows.push((stream, last));
    }
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(stream, last)| {
                json!({
                    "slug": stream.slug,
                    "title": stream.title,
                    "created_at": stream.created_at,
                    "live": last.as_ref().is_some_and(|b| b.ended_at.is_none()),
                })
            })
            .collect();
        return print(&serde_json::to_string(&rows)?);
    }
    if rows.is_empty() {
        return print("There are no streams yet. Make one with: weir stream create --slug demo");
    }
    let width = rows
        .iter()
        .map(|(s, _)| s.slug.as_str().len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (stream, last) in &rows {
        let state = match last {
            Some(broadcast) if broadcast.ended_at.is_none() => "live",
            _ => "offline",
        };
        text += &format!(
            "{:width$}  {state:7}  {}\n",
            stream.slug.as_str(),
            stream.title
        );
    }
    print(&text)
}
