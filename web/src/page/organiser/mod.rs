//! Where organisers plan events, run them, and see who came.

mod branding;
mod check_in;
mod colour_field;
mod contrast;
mod day;
mod details;
mod draft;
mod event;
mod home;
mod invitations;
mod key_figures;
mod life;
mod new_event;
mod organisers;
mod people;
mod picture;
mod questions;
mod registrations;
mod report;
mod report_tables;
mod run;
mod session_form;
mod sessions;
mod speakers;

pub use day::RunOfShow;
pub use event::OrganisedEvent;
pub use home::Organiser;
