//! Rooms over HTTP: what owners and moderators do from their pages, and what everybody may read.

mod bans;
mod emotes;
mod moderators;
mod polls;
mod questions;
mod rules;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rules::show, rules::change))
        .routes(routes!(rules::audit))
        .routes(routes!(moderators::list))
        .routes(routes!(moderators::add, moderators::remove))
        .routes(routes!(bans::list, bans::create))
        .routes(routes!(bans::show, bans::lift))
        .routes(routes!(bans::purge))
        .routes(routes!(bans::delete_message))
        .routes(routes!(polls::list, polls::open))
        .routes(routes!(polls::show, polls::remove))
        .routes(routes!(polls::close))
        .routes(routes!(polls::vote))
        .routes(routes!(questions::list, questions::ask))
        .routes(routes!(
            questions::show,
            questions::change,
            questions::remove
        ))
        .routes(routes!(questions::upvote, questions::take_back))
        .routes(routes!(emotes::list, emotes::add))
        .routes(routes!(emotes::remove))
        .routes(routes!(emotes::list_site))
        .routes(routes!(emotes::add_site))
        .routes(routes!(emotes::remove_site))
}
