//! What the API answers when the database is full: reads and writes at a fixed rate.

mod data;
mod report;
mod requests;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use reqwest::{Client, Method};
use serde_json::{Value, json};

pub use report::{ApiReport, ApiRow};

use crate::{
    cpu::ProcessCpu,
    report::Machine,
    server::{Server, succeeded},
};
use requests::{Load, Request};

/// Name and password of the admin who writes.
const ADMIN: (&str, &str) = ("bench-admin", "correct horse battery staple");

/// Time for the server to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// What is done, and how.
#[derive(Debug, Clone)]
pub struct ApiPlan {
    /// The program.
    pub weir: PathBuf,
    /// Its settings, as variables of the environment: the database's address, limits.
    pub settings: Vec<(String, String)>,
    /// The database for `settings`, when it is not the SQLite file of the data folder.
    pub database_url: Option<String>,
    /// Accounts that are loaded.
    pub users: u32,
    /// Streams that are loaded.
    pub streams: u32,
    /// Reads in a second.
    pub reads: f64,
    /// Writes in a second.
    pub writes: f64,
    /// Measured time of each.
    pub duration: Duration,
    /// Time before it, at the same rate.
    pub warm_up: Duration,
}

impl ApiPlan {
    /// 100,000 users, 10,000 streams, 1,000 reads/s, 500 writes/s.
    pub fn full(weir: PathBuf) -> Self {
        Self {
            weir,
            settings: Vec::new(),
            database_url: None,
            users: 100_000,
            streams: 10_000,
            reads: 1000.0,
            writes: 500.0,
            duration: Duration::from_secs(20),
            warm_up: Duration::from_secs(3),
        }
    }

    /// Only shows that it works.
    pub fn smoke(weir: PathBuf) -> Self {
        Self {
            users: 300,
            streams: 100,
            reads: 20.0,
            writes: 10.0,
            duration: Duration::from_secs(2),
            warm_up: Duration::from_millis(300),
            ..Self::full(weir)
        }
    }
}

/// Measures.
///
/// # Errors
/// When the server or the database fails.
pub async fn api(plan: &ApiPlan, progress: &dyn Fn(&str)) -> anyhow::Result<ApiReport> {
    let mut settings: Vec<(&str, &str)> = Vec::new();
    for (name, value) in &plan.settings {
        settings.push((name, value));
    }
    if let Some(url) = &plan.database_url {
        settings.push(("WEIR_DATA_DATABASE_URL", url));
    }
    let mut server = Server::start_with(&plan.weir, &settings).await?;
    make_admin(&server)?;
    let client = Client::builder()
        .pool_max_idle_per_host(256)
        .timeout(Duration::from_secs(20))
        .build()?;
    let token = log_in(&client, &server).await?;
    let template = create(&client, &server, &token, "bench-template").await?;
    progress(&format!(
        "loading {} users and {} streams",
        plan.users, plan.streams
    ));
    let url = match &plan.database_url {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", server.data_dir().join("weir.db").display()),
    };
    data::load(&url, &template, ADMIN.0, plan.users, plan.streams).await?;
    // As after any restart: nothing of the loading is in the server's memory.
    server.terminate(STOP_TIMEOUT).await?;
    server.restart().await?;

    let mut rows = Vec::new();
    let base = server.url();
    let streams = plan.streams;
    let page = |_: u64| Request::get("/api/v1/streams".to_owned());
    // Far apart, so that neighbours in an index do not help one another.
    let stream = move |n: u64| {
        let n = n.wrapping_mul(7919) % u64::from(streams) + 1;
        Request::get(format!("/api/v1/streams/bench-{n}"))
    };
    let write = |n: u64| Request {
        method: Method::POST,
        path: "/api/v1/streams".to_owned(),
        body: Some(json!({"slug": format!("written-{n}"), "title": "Written"})),
    };
    let mixed = |n: u64| {
        if n.is_multiple_of(2) {
            page(n)
        } else {
            stream(n)
        }
    };
    type Make<'a> = &'a (dyn Fn(u64) -> Request + Sync);
    let loads: [(&str, f64, Make<'_>); 4] = [
        ("listing", plan.reads / 2.0, &page),
        ("stream page", plan.reads / 2.0, &stream),
        ("listing and stream pages", plan.reads, &mixed),
        ("create stream", plan.writes, &write),
    ];
    for (name, rate, make) in loads {
        progress(&format!("{name} at {rate}/s for {:?}", plan.duration));
        let load = Load {
            client: &client,
            base: &base,
            token: &token,
            rate,
            make,
        };
        // Numbers go on, so that no write is made twice.
        let warmed = load.run(plan.warm_up, 0).await;
        let before = ProcessCpu::read(server.pid())?;
        let mut measured = load.run(plan.duration, warmed.sent).await;
        let after = ProcessCpu::read(server.pid())?;
        let busy: Duration = after.since(&before).values().sum();
        measured.first_error = measured.first_error.or(warmed.first_error);
        rows.push(ApiRow::new(name, rate, measured, busy));
    }
    server.terminate(STOP_TIMEOUT).await?;
    let kind = match &plan.database_url {
        Some(_) => "PostgreSQL",
        None => "SQLite",
    };
    Ok(ApiReport {
        database: kind.to_owned(),
        users: plan.users,
        streams: plan.streams,
        rows,
        machine: Machine::here(),
    })
}

fn make_admin(server: &Server) -> anyhow::Result<()> {
    use std::{io::Write as _, process::Stdio};

    let (name, password) = ADMIN;
    let mut create = server.command(&[
        "user",
        "create",
        "--name",
        name,
        "--role",
        "admin",
        "--password-stdin",
    ]);
    let mut child = create
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("a pipe")?;
    input.write_all(password.as_bytes())?;
    drop(input);
    succeeded(&child.wait_with_output()?)?;
    Ok(())
}

async fn log_in(client: &Client, server: &Server) -> anyhow::Result<String> {
    let (name, password) = ADMIN;
    let answer = client
        .post(format!("{}/api/v1/login", server.url()))
        .json(&json!({"name": name, "password": password}))
        .send()
        .await?
        .error_for_status()?
        .json::<Value>()
        .await?;
    let token = answer["token"].as_str().or(answer["access_token"].as_str());
    Ok(token.context("logging in gives a token")?.to_owned())
}

/// A stream made as anybody would; all others are like it.
async fn create(
    client: &Client,
    server: &Server,
    token: &str,
    slug: &str,
) -> anyhow::Result<String> {
    client
        .post(format!("{}/api/v1/streams", server.url()))
        .bearer_auth(token)
        .json(&json!({"slug": slug, "title": "Template"}))
        .send()
        .await?
        .error_for_status()?;
    Ok(slug.to_owned())
}
