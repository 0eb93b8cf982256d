//! What every operation of the REST API is made of: extractors that refuse with a problem document,
//! pages, entity tags, and who is asking.

mod actor;
mod conditional;
mod document;
mod extract;
mod page;
pub(crate) mod scope;

pub(crate) use actor::{Actor, Guest};
pub(crate) use conditional::{IfMatch, version_tag};
pub(crate) use document::{describe, document};
pub(crate) use extract::{Json, Path, Query};
pub(crate) use page::{PageQuery, cursor, page};
