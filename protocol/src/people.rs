//! Profiles, follows, notifications, and accounts beyond logging in.

mod account;
mod notification;
mod profile;

pub use account::{
    ApplyAsCreator, ChangeEmail, ChangePassword, ConfirmEmail, CreatorApplicationItem,
    DecideApplication, DeleteAccount, EditUser, ForgottenPassword, ImportReport, ImportedRow,
    LinkedIdentity, LoginProvider, ResetPassword, RowOutcome, UserAccount, UserRole,
};
pub use notification::{
    NotificationItem, NotificationKind, NotificationSettingItem, NotificationWish,
    ReadNotifications, UnreadCount,
};
pub use profile::{EditProfile, PastBroadcast, ProfileLink, UploadedImage, UserCard, UserProfile};
