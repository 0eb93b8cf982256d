//! Types that the server and the browser share: REST bodies, live state, error codes.
//!
//! Nothing here does I/O, and everything compiles for `wasm32-unknown-unknown`.

mod absent;
mod access;
mod api_tokens;
mod caption;
mod client;
mod connectivity;
mod devices;
mod event;
pub mod finding;
mod insight;
mod invitation;
mod layer;
mod page;
mod party;
mod people;
mod problem;
mod raid;
mod recording;
mod restream;
pub mod room;
mod schedule;
mod scope;
mod session;
mod site;
mod slug;
mod stream;
mod stream_edit;
mod tags;
mod totp;
mod viewers;
mod webhook;

pub use access::{Me, StreamAccess};
pub use api_tokens::{ApiTokenInfo, CreateApiToken, CreatedApiToken};
pub use caption::Caption;
pub use client::ClientModule;
pub use connectivity::{CheckCode, CheckState, Connectivity, ConnectivityCheck, TransportsInUse};
pub use devices::DeviceInfo;
pub use event::{
    AttendanceReport, AttendeeReport, Branding, CreateEvent, CreateEventInvitation,
    CreateEventSession, DecideRegistration, EditEvent, EditEventSession, EventDetails,
    EventInvitation, EventInvitationAccess, EventPage, EventSession, EventSessionSpeaker,
    EventSlug, EventState, EventSummary, EventTotals, EventVisibility, MyRegistration, NewSpeaker,
    Register, RegistrationDecision, RegistrationRow, RegistrationStatus, SeenAnswer, SessionReport,
    SessionStream, SetEventState, SetSessionStream,
};
pub use insight::{
    ActivityItem, ActivityReport, ActivityTotals, BroadcastInsight, BroadcastSummary,
    CreatorInsight, InsightPoint, InsightTotals, LayerTime, QoeReport, Step, StreamInsight,
    StreamTotals, ViewerSessionReport,
};
pub use invitation::{
    AcceptInvitation, CreateInvitation, CreateViewerToken, InvitationInfo, InvitationMade,
    InvitedTo, ViewerAccess, ViewerTokenInfo,
};
pub use layer::{LAYER_RELATION, Layer, SelectLayer, SessionLayers};
pub use page::Page;
pub use party::{
    CATCH_UP, Correction, DRIFT_JUMP_MS, DRIFT_TOLERATED_MS, MEDIA_MAX, Party, SteerParty,
    correction,
};
pub use people::{
    ApplyAsCreator, ChangeEmail, ChangePassword, ConfirmEmail, CreatorApplicationItem,
    DecideApplication, DeleteAccount, EditProfile, EditUser, ForgottenPassword, ImportReport,
    ImportedRow, LinkedIdentity, LoginProvider, NotificationItem, NotificationKind,
    NotificationSettingItem, NotificationWish, PastBroadcast, ProfileLink, ReadNotifications,
    ResetPassword, RowOutcome, UnreadCount, UploadedImage, UserAccount, UserCard, UserProfile,
    UserRole,
};
pub use problem::{ErrorCode, Problem};
pub use raid::{RaidNotice, StartRaid};
pub use recording::{
    CLIP_MAX_MS, Clip, CreateClip, EditRecording, Recording, RecordingState, RecordingStatus,
    SetRecording,
};
pub use restream::{
    CreateRestream, EditRestream, Restream, RestreamState, RestreamStatus, RestreamTest,
};
pub use schedule::{CategoryInfo, LiveChanges, PlanStream, PlannedStream};
pub use scope::{Scope, UnknownScope};
pub use session::{
    LoginRequest, LoginResponse, RefreshRequest, RegisterRequest, SecondStep, SecondStepRequest,
    SessionInfo,
};
pub use site::{ServerLoad, ServerSetting};
pub use slug::{SlugError, StreamSlug};
pub use stream::{
    IngestProtocol, ServerTime, StreamCategory, StreamEvent, StreamOwner, StreamSummary,
    ViewerCount, Visibility,
};
pub use stream_edit::{CreateStream, DESCRIPTION_MAX, EditStream, PlayoutDelayMs, TITLE_MAX};
pub use tags::{TAG_MAX, TAGS_MAX, TagError, normal_tag, normal_tags};
pub use totp::{PasswordAgain, RecoveryCodes, TotpBegun, TotpCode, TotpState};
pub use viewers::{LayerViewers, StreamViewers, ViewerReport};
pub use webhook::{
    CreateWebhook, CreatedWebhook, EditWebhook, ReplayWebhook, Webhook, WebhookAttempt,
    WebhookBroadcast, WebhookData, WebhookDelivery, WebhookDeliveryDetail, WebhookDeliveryState,
    WebhookEvent, WebhookEventType, WebhookFinding, WebhookMember, WebhookRecording, WebhookReplay,
    WebhookSecret, WebhookStream, WebhookUser,
};
