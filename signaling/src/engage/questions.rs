//! Questions of the audience.

use std::sync::Arc;

use weir_db::{Asked, NewQuestionRow, QuestionAfter, QuestionFilter, QuestionReader, RoomId};
use weir_protocol::room::{
    AskQuestions, QUESTION_MAX, Question, QuestionId, QuestionState, Questions, RoomEventBody,
};

use super::{
    admission::{check_text, may_write},
    audit::{self, Object},
    visit::{Actor, bad, missing},
};
use crate::{
    ApiError, App,
    api::{PageQuery, cursor},
    rooms::{Audience, Identity, Room, RoomError, line},
};

/// Questions on a page when the client does not say, and at most.
const PAGE: (u32, u32) = (20, 50);

/// Asks something, once for each `client_ref`.
pub(super) async fn ask(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    text: &str,
    client_ref: Option<String>,
) -> Result<QuestionId, RoomError> {
    let person = who.writer()?;
    // Asked before: no limit and no rule stands against hearing so.
    if let Some(name) = &client_ref {
        let db = &app.services.db;
        let before = db.question_by_ref(room.id, &person.key, name).await?;
        if let Some(before) = before {
            return Ok(before);
        }
    }
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    let shadowed = may_write(engage, &policy, who)?;
    let text = line(text);
    let chars = text.chars().count();
    if chars == 0 || chars > QUESTION_MAX || text.chars().any(char::is_control) {
        return Err(bad(
            "a question has 1 to 300 characters and no control characters",
        ));
    }
    if !who.moderator {
        check_text(&policy, &text)?;
        engage.limits().question(room.id, person)?;
    }
    // Of somebody shadow banned, it waits: they see it, and so do moderators.
    let waits = (policy.rules.questions_moderated || shadowed) && !who.moderator;
    let new = NewQuestionRow {
        room: room.id,
        author: person.user,
        author_key: person.key.to_string(),
        guest_name: person.is_guest().then(|| person.name.clone()),
        client_ref,
        text,
        state: match waits {
            true => QuestionState::Waiting,
            false => QuestionState::Open,
        },
    };
    match app.services.db.ask(&new).await? {
        Asked::Before(id) => Ok(id),
        Asked::New(id) => {
            tell(app, room, id).await?;
            Ok(id)
        }
    }
}

/// Wants to know it too, or takes that back.
pub(super) async fn upvote(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    question: QuestionId,
    vote: bool,
) -> Result<(), RoomError> {
    let person = who.writer()?;
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    may_write(engage, &policy, who)?;
    engage.limits().action(room.id, person)?;
    let db = &app.services.db;
    let found = db.upvote(room.id, question, &person.key, vote).await?;
    if found.ok_or_else(no_question)? {
        engage.windows().question(room, question);
    }
    Ok(())
}

/// Says what became of a question.
pub(super) async fn set_state(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    question: QuestionId,
    state: QuestionState,
) -> Result<Question, RoomError> {
    actor.must_moderate()?;
    let db = &app.services.db;
    let (before, _) = find(app, room.id, question).await?;
    if !db
        .set_question_state(room.id, question, state, None)
        .await?
    {
        return Err(no_question());
    }
    if before.state.is_public() && !state.is_public() {
        forget(room, before.clone());
    }
    tell(app, room, question).await?;
    let action = Object::new(question, before.text).because(state.as_str());
    audit::log(app, room, actor, "question", action).await?;
    Ok(find(app, room.id, question).await?.0)
}

/// Removes a question: moderators any, others their own.
pub(super) async fn remove(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    actor: &Actor,
    question: QuestionId,
) -> Result<(), RoomError> {
    let (before, author) = find(app, room.id, question).await?;
    let own = who.key().is_some_and(|key| **key == *author);
    if !own {
        actor.must_moderate()?;
    }
    app.services.db.delete_question(room.id, question).await?;
    let text = before.text.clone();
    forget(room, before);
    match own {
        true => Ok(()),
        false => {
            audit::log(
                app,
                room,
                actor,
                "delete_question",
                Object::new(question, text),
            )
            .await
        }
    }
}

/// A question that this member may see.
pub(super) async fn one(
    app: &App,
    room: RoomId,
    who: &Identity,
    question: QuestionId,
) -> Result<Question, RoomError> {
    let key = who.key().map(|key| &**key);
    let found = app.services.db.question(room, question, key).await?;
    let (found, author) = found.ok_or_else(no_question)?;
    let own = key == Some(author.as_str());
    match found.state.is_public() || who.moderator || own {
        true => Ok(found),
        false => Err(no_question()),
    }
}

/// A page of questions that this member may see.
pub(super) async fn page(
    app: &App,
    room: RoomId,
    who: &Identity,
    r#ref: Option<String>,
    ask: AskQuestions,
) -> Result<Questions, RoomError> {
    let limit = match ask.limit.map(u32::from) {
        None => PAGE.0,
        Some(limit) if (1..=PAGE.1).contains(&limit) => limit,
        Some(_) => return Err(bad("limit is a number from 1 to 50")),
    };
    list(app, room, who, r#ref, ask, limit).await
}

pub(super) async fn list(
    app: &App,
    room: RoomId,
    who: &Identity,
    r#ref: Option<String>,
    ask: AskQuestions,
    limit: u32,
) -> Result<Questions, RoomError> {
    let after = PageQuery::new(None, ask.after).after::<(bool, u64, i64)>();
    let after = after.map_err(|error: ApiError| bad(error.to_string()))?;
    let filter = QuestionFilter {
        state: ask.state,
        order: ask.order,
        after: after.map(|(pinned, votes, id)| QuestionAfter {
            pinned,
            votes,
            id: QuestionId::new(id),
        }),
    };
    let reader = QuestionReader {
        moderator: who.moderator,
        key: who.key().map(|key| &**key),
    };
    let db = &app.services.db;
    let mut questions = db.questions_page(room, reader, filter, limit + 1).await?;
    let more = questions.len() > limit as usize;
    questions.truncate(limit as usize);
    let last = questions.last().filter(|_| more).map(|last| {
        let pinned = last.state == QuestionState::Pinned;
        cursor(&(pinned, last.votes, last.id.get()))
    });
    Ok(Questions {
        r#ref,
        questions,
        after: last,
    })
}

/// Tells those who may see it how a question is now.
async fn tell(app: &App, room: &Room, question: QuestionId) -> Result<(), RoomError> {
    let found = app.services.db.questions(room.id, &[question]).await?;
    for (question, author) in found {
        tell_one(room, question, &author);
    }
    Ok(())
}

pub(super) fn tell_one(room: &Room, question: Question, author: &str) {
    let audience = match question.state.is_public() {
        true => Audience::Everyone,
        false => Audience::ModeratorsAnd(author.into()),
    };
    let questions = vec![question];
    room.tell(RoomEventBody::Questions { questions }, audience);
}

/// It is not to be seen any more.
fn forget(room: &Room, mut question: Question) {
    question.removed = true;
    question.text.clear();
    let questions = vec![question];
    room.tell(RoomEventBody::Questions { questions }, Audience::Everyone);
}

async fn find(
    app: &App,
    room: RoomId,
    question: QuestionId,
) -> Result<(Question, String), RoomError> {
    let found = app.services.db.question(room, question, None).await?;
    found.ok_or_else(no_question)
}

fn no_question() -> RoomError {
    missing("there is no such question")
}
