//! Polls.

use std::sync::Arc;

use weir_protocol::room::{
    NewPoll, OPEN_POLLS_MAX, POLL_OPTION_MAX, POLL_OPTIONS_MAX, POLL_QUESTION_MAX,
    POLL_SECONDS_MAX, Poll, PollId, RoomErrorCode, RoomEventBody,
};

use super::{
    admission::may_write,
    audit::{self, Object},
    visit::{Actor, bad, missing},
};
use crate::{
    App,
    rooms::{Audience, Identity, Room, RoomError, line},
};

/// Opens a poll, once for each `client_ref`.
pub(super) async fn open(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    new: NewPoll,
    client_ref: Option<&str>,
) -> Result<Poll, RoomError> {
    actor.must_moderate()?;
    let new = checked(new)?;
    let db = &app.services.db;
    if let Some(name) = client_ref
        && let Some(before) = db.poll_by_ref(room.id, actor.user.id, name).await?
    {
        return Ok(before);
    }
    if db.open_polls(room.id).await?.len() >= OPEN_POLLS_MAX {
        return Err(RoomError::new(
            RoomErrorCode::Conflict,
            "5 polls are open already; close one first",
        ));
    }
    let poll = db
        .open_poll(room.id, actor.user.id, &new, client_ref)
        .await?;
    tell(app, room, poll.clone());
    let object = Object::new(poll.id, poll.question.clone());
    audit::log(app, room, actor, "poll", object).await?;
    Ok(poll)
}

/// Votes, or votes in another way.
pub(super) async fn vote(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    poll: PollId,
    choices: &[u8],
) -> Result<(), RoomError> {
    let person = who.writer()?;
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    may_write(engage, &policy, who)?;
    engage.limits().action(room.id, person)?;
    let db = &app.services.db;
    let shape = db.poll_shape(room.id, poll).await?;
    let (options, multiple) = shape.ok_or_else(no_poll)?;
    let mut chosen = choices.to_vec();
    chosen.sort_unstable();
    chosen.dedup();
    if chosen.iter().any(|choice| usize::from(*choice) >= options) {
        return Err(bad("choices are places in the poll's options, from 0"));
    }
    if !multiple && chosen.len() > 1 {
        return Err(bad("this poll takes one choice"));
    }
    if !db.vote(room.id, poll, &person.key, &chosen).await? {
        return Err(RoomError::new(
            RoomErrorCode::Conflict,
            "the poll is closed; its results stand",
        ));
    }
    engage.windows().poll(room, poll);
    Ok(())
}

/// Closes a poll. Closing a closed one is fine.
pub(super) async fn close(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    poll: PollId,
) -> Result<Poll, RoomError> {
    actor.must_moderate()?;
    let closed = app.services.db.close_poll(room.id, poll).await?;
    let poll = find(app, room, poll).await?;
    if closed {
        tell(app, room, poll.clone());
        let object = Object::new(poll.id, poll.question.clone());
        audit::log(app, room, actor, "close_poll", object).await?;
    }
    Ok(poll)
}

/// Removes a poll with its votes.
pub(super) async fn remove(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    poll: PollId,
) -> Result<(), RoomError> {
    actor.must_moderate()?;
    let mut poll = find(app, room, poll).await?;
    app.services.db.delete_poll(room.id, poll.id).await?;
    let object = Object::new(poll.id, poll.question.clone());
    poll.removed = true;
    tell(app, room, poll);
    audit::log(app, room, actor, "delete_poll", object).await
}

async fn find(app: &App, room: &Room, poll: PollId) -> Result<Poll, RoomError> {
    let found = app.services.db.polls(room.id, &[poll]).await?;
    found.into_iter().next().ok_or_else(no_poll)
}

fn tell(app: &App, room: &Room, poll: Poll) {
    app.rooms.engage().windows().forget_open(room.id);
    room.tell(RoomEventBody::Poll { poll }, Audience::Everyone);
}

pub(super) fn no_poll() -> RoomError {
    missing("there is no such poll")
}

fn checked(new: NewPoll) -> Result<NewPoll, RoomError> {
    let text = |text: &str, most: usize, detail: &'static str| {
        let text = line(text);
        let chars = text.chars().count();
        match chars == 0 || chars > most || text.chars().any(char::is_control) {
            true => Err(bad(detail)),
            false => Ok(text),
        }
    };
    let question = text(
        &new.question,
        POLL_QUESTION_MAX,
        "the question has 1 to 200 characters and no control characters",
    )?;
    if !(2..=POLL_OPTIONS_MAX).contains(&new.options.len()) {
        return Err(bad("a poll has 2 to 10 options"));
    }
    let mut options: Vec<String> = Vec::with_capacity(new.options.len());
    for option in &new.options {
        let option = text(
            option,
            POLL_OPTION_MAX,
            "an option has 1 to 100 characters and no control characters",
        )?;
        if options.contains(&option) {
            return Err(bad("the options must differ"));
        }
        options.push(option);
    }
    if new
        .seconds
        .is_some_and(|seconds| !(1..=POLL_SECONDS_MAX).contains(&seconds))
    {
        return Err(bad("seconds is a number from 1 to 604800"));
    }
    Ok(NewPoll {
        question,
        options,
        ..new
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_checked() {
        let poll = |question: &str, options: &[&str], seconds| NewPoll {
            question: question.into(),
            options: options.iter().map(|text| (*text).to_owned()).collect(),
            multiple: false,
            seconds,
        };
        let fine = checked(poll(" Which  one? ", &["a ", "b"], Some(1))).expect("fine");
        assert_eq!(fine.question, "Which one?");
        assert_eq!(fine.options, ["a", "b"]);
        for bad in [
            poll("", &["a", "b"], None),
            poll("q", &["a"], None),
            poll("q", &["a", " a"], None),
            poll("q", &["a", ""], None),
            poll("q", &["a", "b"], Some(0)),
            poll("q", &["a", "b"], Some(604_801)),
            poll("q\0", &["a", "b"], None),
            poll(
                "q",
                &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
                None,
            ),
        ] {
            assert!(checked(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
