//! The module for accounts.

use dioxus::prelude::*;
use weir_protocol::ClientModule;

use crate::{
    app::Route,
    module::Pages,
    page::{admin, people},
};

/// Its pages.
pub const PAGES: Pages = Pages::new(ClientModule::Account, show);

fn show(route: &Route) -> Option<Element> {
    use admin::{Admin, AdminPart, AdminUser, AdminWebhook};
    use people::{
        ConfirmEmail, Forgot, Invitation, Login, Notifications, Register, ResetPassword, Settings,
        SettingsPart, User,
    };
    Some(match route.clone() {
        Route::Admin {} => rsx! { Admin {} },
        Route::AdminPart { part } => rsx! { AdminPart { part } },
        Route::AdminUser { name } => rsx! { AdminUser { name } },
        Route::AdminWebhook { id } => rsx! { AdminWebhook { id } },
        Route::ConfirmEmail { query } => rsx! { ConfirmEmail { query } },
        Route::Forgot {} => rsx! { Forgot {} },
        Route::Invitation { code } => rsx! { Invitation { code } },
        Route::Login { query } => rsx! { Login { query } },
        Route::Notifications {} => rsx! { Notifications {} },
        Route::Register { query } => rsx! { Register { query } },
        Route::ResetPassword { query } => rsx! { ResetPassword { query } },
        Route::Settings {} => rsx! { Settings {} },
        Route::SettingsPart { part } => rsx! { SettingsPart { part } },
        Route::User { name } => rsx! { User { name } },
        _ => return None,
    })
}
