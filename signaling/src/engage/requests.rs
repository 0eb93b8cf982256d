//! What members ask for in a room, beyond chat.

use std::sync::Arc;

use weir_db::ChatRow;
use weir_protocol::room::{Ack, ClientMessage, MessageId, ServerMessage};

use super::{
    audit::{self, Object},
    moderation, polls, questions, reactions, rules,
    visit::actor,
};
use crate::{
    App,
    rooms::{Identity, Room, RoomError},
};

/// One arm for each thing that can be asked for. Gives the answer, if there is to be one.
pub(crate) async fn handle(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    r#ref: Option<String>,
    message: ClientMessage,
) -> Result<Option<ServerMessage>, RoomError> {
    let target = &room.target;
    let mut made = None;
    match message {
        ClientMessage::SetRules(change) => {
            let actor = actor(app, target, who).await?;
            rules::change::<RoomError>(app, room, &actor, change, |_| Ok(())).await?;
        }
        ClientMessage::Ban(new) => {
            let actor = actor(app, target, who).await?;
            let ban = moderation::ban(app, room, &actor, &new).await?;
            made = Some(ban.to_string());
        }
        ClientMessage::Unban(unban) => {
            let actor = actor(app, target, who).await?;
            moderation::unban(app, room, &actor, &unban).await?;
        }
        ClientMessage::Purge(purge) => {
            let actor = actor(app, target, who).await?;
            moderation::purge(app, room, &actor, &purge).await?;
        }
        ClientMessage::SetModerator(set) => {
            let actor = actor(app, target, who).await?;
            moderation::set_moderator(app, room, &actor, &set).await?;
        }
        ClientMessage::OpenPoll(new) => {
            let actor = actor(app, target, who).await?;
            let poll = polls::open(app, room, &actor, new, r#ref.as_deref()).await?;
            made = Some(poll.id.to_string());
        }
        ClientMessage::VotePoll(vote) => {
            polls::vote(app, room, who, vote.poll, &vote.choices).await?;
        }
        ClientMessage::ClosePoll(one) => {
            let actor = actor(app, target, who).await?;
            polls::close(app, room, &actor, one.poll).await?;
        }
        ClientMessage::Ask(new) => {
            let question = questions::ask(app, room, who, &new.text, r#ref.clone()).await?;
            made = Some(question.to_string());
        }
        ClientMessage::Upvote(upvote) => {
            questions::upvote(app, room, who, upvote.question, upvote.vote).await?;
        }
        ClientMessage::SetQuestion(set) => {
            let actor = actor(app, target, who).await?;
            questions::set_state(app, room, &actor, set.question, set.state).await?;
        }
        ClientMessage::Questions(ask) => {
            let page = questions::page(app, room.id, who, r#ref, ask).await?;
            return Ok(Some(ServerMessage::Questions(page)));
        }
        ClientMessage::React(react) => {
            reactions::react(app, room, who, &react.emoji).await?;
            return Ok(None);
        }
        ClientMessage::ReactToMessage(one) => {
            reactions::react_to(app, room, who, one.id, &one.emoji, one.on).await?;
        }
        // These are the room's own matters.
        ClientMessage::Join(_)
        | ClientMessage::Renew(_)
        | ClientMessage::Leave {}
        | ClientMessage::Send(_)
        | ClientMessage::Edit(_)
        | ClientMessage::Delete(_)
        | ClientMessage::Pin(_)
        | ClientMessage::Unpin(_)
        | ClientMessage::Typing {}
        | ClientMessage::History(_)
        | ClientMessage::Members(_)
        | ClientMessage::Ping {} => return Ok(None),
    }
    Ok(Some(ServerMessage::Ack(Ack {
        r#ref,
        id: None,
        seq: None,
        made,
    })))
}

/// Whether a member may delete this message of somebody else; it is written down when so.
pub(crate) async fn may_delete(
    app: &App,
    room: &Room,
    who: &Identity,
    row: &ChatRow,
    reason: Option<&str>,
) -> Result<(), RoomError> {
    let actor = actor(app, &room.target, who).await?;
    moderation::deletes(app, room, &actor, row, reason).await
}

/// Writes down that a message was pinned or unpinned.
pub(crate) async fn pinned(
    app: &App,
    room: &Room,
    who: &Identity,
    message: MessageId,
    action: &'static str,
) -> Result<(), RoomError> {
    let actor = actor(app, &room.target, who).await?;
    let mut object = Object::new(message, "");
    object.name = None;
    audit::log(app, room, &actor, action, object).await
}
