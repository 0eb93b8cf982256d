//! Tells streamers that their broadcast is not written.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use weir_archive::{Notice, Stopped};
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

use crate::App;

/// Notices that wait for the database. When full, one is left out; the status says it too.
const WAITING: usize = 256;

/// Begins to listen.
pub(super) fn listen(app: &App) {
    let (tell, told) = mpsc::channel(WAITING);
    app.services.archive.root.listen(Box::new(move |notice| {
        if tell.try_send(notice).is_err() {
            tracing::warn!("too many broadcasts cannot be written to tell of each");
        }
    }));
    app.services.live.spawn_kept(report(app.clone(), told));
}

async fn report(app: App, mut told: mpsc::Receiver<Notice>) {
    let draining = app.services.draining.clone();
    loop {
        let notice = tokio::select! {
            () = draining.cancelled() => return,
            notice = told.recv() => notice,
        };
        let Some(notice) = notice else { return };
        let (stream, why) = match notice {
            Notice::Stopped { stream, why } => (stream, Some(why)),
            Notice::Resumed { stream } => (stream, None),
        };
        let services = &app.services;
        // A row's number.
        let Ok(stream) = stream.to_string().parse() else {
            continue;
        };
        match services.db.stream_by_id(stream).await {
            Ok(Some(stream)) => services.live.findings().report(&stream, &finding(why)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a streamer could not be told"),
        }
    }
}

fn finding(why: Option<Stopped>) -> FindingReport {
    let mut words = BTreeMap::new();
    let active = why.is_some();
    if let Some(why) = why {
        let text = match why {
            Stopped::DiskFull => "the disk is full".to_owned(),
            Stopped::Failed(why) => why,
        };
        words.insert("why".to_owned(), text);
    }
    FindingReport {
        code: FindingCode::RecordingStopped,
        severity: Severity::Warning,
        active,
        values: BTreeMap::new(),
        words,
        repaired: false,
    }
}
