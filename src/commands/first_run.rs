//! What a server needs before its first start, and the box that says how to use it.

use weir_db::{Db, Role};
use weir_protocol::{StreamAccess, StreamSlug};

use super::{stream, user};
use crate::config::Config;

/// Name of the first account.
const ADMIN: &str = "admin";

/// Name of the ready-made stream.
const DEMO: &str = "demo";

/// What was made on the first start. The secrets in it exist nowhere else.
#[derive(Default)]
pub struct FirstRun {
    admin_password: Option<String>,
    demo: Option<StreamAccess>,
}

/// The ready-made stream's name.
pub fn demo_slug() -> StreamSlug {
    DEMO.parse().expect("the demo's slug is valid")
}

/// Makes the admin account and the stream `demo`, when there are no accounts yet.
pub async fn prepare(config: &Config, db: &Db) -> anyhow::Result<FirstRun> {
    if db.count_users().await? > 0 {
        return Ok(FirstRun::default());
    }
    // The stream first: when this start is cut between the two, the next one makes both again.
    let slug = demo_slug();
    let demo = match db.stream_by_slug(&slug).await? {
        Some(_) => None,
        None => Some(stream::create(config, db, &slug, "Demo".to_owned()).await?),
    };
    let password = user::generate_password();
    user::create(db, ADMIN, Role::Admin, password.clone()).await?;
    Ok(FirstRun {
        admin_password: Some(password),
        demo,
    })
}

/// The box at the end of the start.
pub fn welcome(config: &Config, first: &FirstRun, with_demo: bool) -> String {
    let base = config.base_url();
    let base = base.as_str().trim_end_matches('/');
    let addresses = stream::addresses(config);
    let rtmp = addresses.rtmp_url(&config.base_url());
    let mut rows = vec![("Web", base.to_owned())];
    match &first.admin_password {
        Some(password) => rows.push(("Admin", format!("{ADMIN} / {password}   (shown once)"))),
        None => rows.push(("Admin", format!("{ADMIN} / as shown on the first start"))),
    }
    rows.push(("OBS, RTMP", format!("Server  {rtmp}")));
    rows.push(("OBS, WHIP", format!("Server  {base}/whip")));
    let key = match &first.demo {
        Some(access) => format!("{}   (shown once)", access.key),
        None => format!("a new one with: weir stream rotate-key --slug {DEMO}"),
    };
    rows.push(("Key, token", key));
    rows.push(("Watch", format!("{base}/@{DEMO}")));
    if with_demo {
        rows.push(("Demo", "a test picture is being published".to_owned()));
    }
    framed("Weir is running", &rows)
}

fn framed(title: &str, rows: &[(&str, String)]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<11} {value}"))
        .collect();
    let width = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
        .max(title.chars().count() + 2);
    let mut text = format!(
        "╭─ {title} {}╮\n",
        "─".repeat(width - title.chars().count() - 1)
    );
    for line in lines {
        let gap = " ".repeat(width - line.chars().count());
        text += &format!("│ {line}{gap} │\n");
    }
    text += &format!("╰{}╯\n", "─".repeat(width + 2));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_a_box() {
        let text = framed(
            "Title",
            &[("a", "b".to_owned()), ("long name", "x".repeat(40))],
        );
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }

    #[test]
    fn secrets_stand_in_it_only_on_the_first_start() {
        let config = Config::default();
        let text = welcome(&config, &FirstRun::default(), false);
        assert!(text.contains("http://localhost:8080/@demo"), "{text}");
        assert!(text.contains("rtmp://localhost/live"), "{text}");
        assert!(!text.contains("shown once"), "{text}");
    }
}
