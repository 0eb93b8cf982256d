//! `weir doctor`

use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use serde_json::json;
use weir_bridge::worker;
use weir_db::{Role, UserFilter};
use weir_protocol::{
    CheckCode as Code, CheckState as State, Connectivity, ConnectivityCheck, Scope,
};
use weir_signaling::create_api_token;

use super::{block_on, print};
use crate::{
    cli::DoctorArgs,
    config::Config,
    data_dir::{self, open_database},
    doctor,
    doctor::check,
};

/// For a server that looks at itself: longer than all that it waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// For one that is there at all.
const KNOCK: Duration = Duration::from_secs(3);

/// How long the token is good with which the server is asked, should this process not come to revoke it.
const TOKEN_MS: i64 = 2 * 60 * 1_000;

/// Whether nothing is a problem.
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<bool> {
    let checks = match args.settings.load() {
        Ok(config) => block_on(examine(&config, &args.stun))?,
        Err(error) => {
            let values = [("reason", error.to_string())];
            vec![check(Code::ConfigurationInvalid, State::Problem, values)]
        }
    };
    let is_well = doctor::is_well(&checks);
    match args.json {
        true => print(&json!({"ok": is_well, "checks": checks}).to_string())?,
        false => print(&report(&checks))?,
    }
    Ok(is_well)
}

/// `weir bridge-worker --missing-elements`
pub fn missing_elements() -> anyhow::Result<()> {
    print(&serde_json::to_string(&worker::missing_elements()?)?)
}

async fn examine(config: &Config, stun: &[String]) -> anyhow::Result<Vec<ConnectivityCheck>> {
    let mut checks = vec![check(Code::ConfigurationValid, State::Ok, [])];
    let addresses = running(config).await;
    let Some(address) = addresses.first().cloned() else {
        let folder = config.data.dir.display().to_string();
        let values = [("folder", folder)];
        checks.push(check(Code::ServerNotRunning, State::Warning, values));
        checks.extend(doctor::judge(&doctor::without_server(config, stun).await));
        return Ok(checks);
    };
    let values = ("address", address.clone());
    match ask(config, &addresses).await {
        Ok(found) => {
            checks.push(check(Code::ServerRunning, State::Ok, [values]));
            checks.extend(found.checks);
        }
        Err(error) => {
            let reason = ("reason", format!("{error:#}"));
            checks.push(check(Code::ServerSilent, State::Problem, [values, reason]));
        }
    }
    Ok(checks)
}

/// The addresses of the server that runs in the data folder.
async fn running(config: &Config) -> Vec<String> {
    let bases = data_dir::running_server(&config.data.dir);
    match bases.first() {
        Some(base) if is_well(base).await => bases,
        _ => Vec::new(),
    }
}

async fn is_well(base: &str) -> bool {
    let Ok(client) = client() else {
        return false;
    };
    let asked = client.get(format!("{base}/healthz")).timeout(KNOCK).send();
    asked
        .await
        .is_ok_and(|answered| answered.status().is_success())
}

/// What the server finds. It is asked as an administrator of the database that both have, with a token that
/// lives as long as the question.
async fn ask(config: &Config, bases: &[String]) -> anyhow::Result<Connectivity> {
    let db = open_database(config).await?;
    let filter = UserFilter {
        role: Some(Role::Admin),
        state: Some(weir_db::UserState::Active),
        ..UserFilter::default()
    };
    let admins = db.list_users(&filter, None, 1).await?;
    let admin = admins.first().context("there is no administrator")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let until = i64::try_from(now)?.saturating_add(TOKEN_MS);
    let scopes = [Scope::Admin];
    let made = create_api_token(&db, admin.user.id, "weir doctor", &scopes, Some(until)).await;
    let (token, row) = made?;
    let answered = answer(bases, &token).await;
    db.end_api_token(admin.user.id, row.id).await?;
    db.close().await;
    answered
}

/// Of the first address that does not send us to another one: plain HTTP may.
async fn answer(bases: &[String], token: &str) -> anyhow::Result<Connectivity> {
    for base in bases {
        let asked = client()?
            .get(format!("{base}/api/v1/admin/connectivity"))
            .bearer_auth(token)
            .timeout(PATIENCE);
        let answer = asked.send().await?;
        if !answer.status().is_redirection() {
            return Ok(answer.error_for_status()?.json().await?);
        }
    }
    anyhow::bail!("each of its addresses leads elsewhere")
}

/// To this machine, past every proxy. Its certificate is for the name that others use.
fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none());
    Ok(client.build()?)
}

/// For people: what is bad first.
fn report(checks: &[ConnectivityCheck]) -> String {
    let mut sorted: Vec<&ConnectivityCheck> = checks.iter().collect();
    sorted.sort_by_key(|check| std::cmp::Reverse(check.state));
    let mut text = Vec::new();
    for check in sorted {
        let word = match check.state {
            State::Problem => "PROBLEM",
            State::Warning => "warning",
            State::Ok => "ok",
        };
        // Writing into memory does not fail.
        let _ = writeln!(text, "{word:<8} {}", check.meaning);
        if let Some(advice) = &check.advice {
            let _ = writeln!(text, "         → {advice}");
        }
    }
    let count = |state| checks.iter().filter(|it| it.state == state).count();
    let _ = writeln!(
        text,
        "\nProblems: {}. Warnings: {}. Without a finding: {}.",
        count(State::Problem),
        count(State::Warning),
        count(State::Ok)
    );
    String::from_utf8_lossy(&text).into_owned()
}
