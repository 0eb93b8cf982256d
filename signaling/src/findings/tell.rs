//! Tells who should know: the owner and moderators in the room, webhooks, and the database.

use std::time::Duration;

use weir_db::{FindingRow, RoomSubject};
use weir_protocol::{finding::Severity, room::RoomEventBody};

use super::book::News;
use crate::{App, happenings::Happening, live::now, rooms::Audience};

/// How often what nobody confirms is looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Tells what changes until the server drains, and once more then. What cannot be written is tried again
/// with the next change.
pub(crate) async fn keep_telling(app: App) {
    let findings = app.services.live.findings().clone();
    let mut waiting: Vec<FindingRow> = Vec::new();
    loop {
        tokio::select! {
            () = app.services.draining.cancelled() => break,
            () = findings.inner.changed.notified() => {}
            () = tokio::time::sleep(SWEEP) => {}
        }
        tell(&app, &mut waiting).await;
    }
    tell(&app, &mut waiting).await;
}

async fn tell(app: &App, waiting: &mut Vec<FindingRow>) {
    let news: Vec<News> = {
        let mut books = app.services.live.findings().books();
        let news = books.values_mut().flat_map(|book| book.news(now()));
        let news = news.collect();
        books.retain(|_, book| !book.is_empty());
        news
    };
    for News {
        stream,
        finding,
        row,
        turned,
    } in news
    {
        if let Some(row) = row {
            // A newer state takes the place of one that could not be written.
            waiting.retain(|old| old.id != row.id);
            waiting.push(row);
        }
        if let Some(room) = app.rooms.get(RoomSubject::Stream(stream.id)) {
            let owner = stream
                .owner
                .map_or_else(String::new, |id| format!("user:{id}"));
            let body = RoomEventBody::Finding {
                finding: Box::new(finding.clone()),
            };
            room.tell(body, Audience::ModeratorsAnd(owner.into()));
        }
        if turned && finding.severity >= Severity::Warning {
            let stream = (*stream).clone();
            let happening = match finding.active {
                true => Happening::FindingOpened { stream, finding },
                false => Happening::FindingResolved { stream, finding },
            };
            app.services.live.bus().emit(happening).await;
        }
    }
    if waiting.is_empty() {
        return;
    }
    match app.services.db.put_findings(waiting).await {
        Ok(()) => waiting.clear(),
        Err(error) => {
            tracing::warn!(%error, rows = waiting.len(), "findings cannot be written yet");
            let most = 1_000;
            waiting.drain(..waiting.len().saturating_sub(most));
        }
    }
}
