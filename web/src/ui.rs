//! Parts that all pages are made of. Their look stands in `assets/style/ui.css`.

mod avatar;
mod chart;
mod copy;
mod dialog;
mod field;
mod menu;
mod more;
mod state;
mod tabs;
mod time;
mod toast;

pub use avatar::{Avatar, tone};
pub use chart::{BarChart, LineChart, Series, Unit};
pub use copy::{CopyButton, CopyField};
pub use dialog::{Confirm, Dialog};
pub use field::{Choice, Submit, Switch, TextArea, TextField, Tick};
pub use menu::{Menu, MenuButton, MenuLine, MenuLink};
pub use more::{More, Paged, use_paged};
pub use state::{Empty, Failure, NeedsLogin, Skeleton};
pub use tabs::{Tab, Tabs};
pub use time::{ago, clock, day, duration, moment};
pub use toast::{Toasts, provide_toasts, use_toasts};

use std::cell::Cell;

use dioxus::prelude::*;

/// A name for an element that others refer to, for as long as the component lives.
pub fn use_id(stem: &str) -> String {
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    use_hook(|| {
        let number = NEXT.get();
        NEXT.set(number + 1);
        format!("{stem}-{number}")
    })
}

/// The page's title for as long as it is shown.
pub fn use_title(title: impl Into<String>) {
    let title = title.into();
    use_effect(use_reactive!(|title| crate::dom::set_title(&title)));
}
