//! Accounts: coming in, one's settings, news, and what the public sees of a user.

mod confirm_email;
pub mod cursor;
mod entry;
mod forgot;
pub mod form;
mod invitation;
mod login;
mod news;
mod notifications;
mod password_field;
mod providers;
mod query;
mod register;
mod reset_password;
mod second_step;
mod settings;
mod unread;
mod user;
mod user_broadcasts;
mod user_card;
mod user_streams;

pub use confirm_email::ConfirmEmail;
pub use forgot::Forgot;
pub use invitation::Invitation;
pub use login::Login;
pub use notifications::Notifications;
pub use query::Query;
pub use register::Register;
pub use reset_password::ResetPassword;
pub use settings::{Part, Settings, SettingsPart, save_file};
pub use unread::{Unread, provide_unread};
pub use user::User;
