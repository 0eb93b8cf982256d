# Accounts: coming in, settings, notifications, and the pages of users.

# Coming in
already-in = You are logged in as @{ $name }.
go-on = Go on
or = or
log-in-by = Go on with { $name }
name-or-email = Name or e-mail address
name = Name
name-hint = Up to 32 of a–z, 0–9, “-”, “_” and “.”. It stands in the address of your page and cannot be changed.
email = E-mail address
email-hint = Without one, a forgotten password cannot be set anew. Nobody else sees it.
password = Password
password-hint = At least 8 characters. A few words that only you put together are good.
show-password = Show password
forgot = Forgot your password?
no-account = No account yet?
have-account = You have an account?
register-note = With an account you chat, follow and get notifications. To stream yourself, ask for it in the settings afterwards.
bad-login = Unknown name or wrong password.
challenge-ended = That took too long. Enter your password again.
name-bad = A name has 1 to 32 of a–z, 0–9, “-”, “_” and “.”, and begins with a letter or a digit.
name-taken = This name is taken. Choose another one.
email-bad = An address is like name@example.org.
email-taken = There is an account with this address. Log in, or ask for a new password.
password-short = A password has at least 8 characters.
closed = Nobody can make an account here. Ask the administrator of this server for one.
wrong-password = That is not your password. If you have none yet, ask for an e-mail to set one.

# Second step
second-step = Second step
code = Code
code-hint = Six digits, from your authenticator app.
recovery-code = Recovery code
recovery-code-hint = One of those that you kept. It works once.
use-recovery-code = Use a recovery code instead
use-authenticator = Use the authenticator app instead
wrong-code = This code is wrong, or was used before.
wrong-code-clock = This code is wrong. Check that the clock of the device is right.
back = Back

# By the links in e-mails
forgot-title = Forgotten password
forgot-note = If an account has your address, we send an e-mail with a link to set a new password.
forgot-sent = If an account has this address, an e-mail is on its way. Its link is good for an hour.
send-letter = Send the e-mail
another-letter = Ask for another e-mail
reset-title = Set a password
new-password = New password
set-password = Set password
reset-done = Your password is set. All devices were logged out.
link-incomplete = This link is not complete. Open it from the e-mail again.
link-used = This link was used or has ended. Ask for another e-mail.
confirm-title = E-mail address
confirm-done = Your address is confirmed.
confirm-used = This link was used or has ended. To get another one, enter your address in the settings again.

# Invitations
invitation = Invitation
invitation-gone = This invitation has ended, was used up, or was taken back. Ask whoever sent it for another one.
invited = You are invited to watch.
invited-by = { $name } invites you to watch.
invited-until = Good until { $when }.
nickname = What are you called?
nickname-hint = Others see this name.
come-in = Come in

# Settings
part-profile = Profile
part-login = Password and e-mail
part-second-factor = Second factor
part-devices = Devices
part-blocked = Blocked people
part-streaming = Streaming
part-tokens = API tokens
part-data = Your data

profile-note = This is what everybody sees on your page.
see-page = See your page
display-name = Display name
display-name-hint = Shown instead of your name.
bio = About you
links = Links
link-label = Text
link-url = Address
link-bad = An address begins with https:// or http://.
add-link = Add a link
remove-link = Remove this link
picture = Picture
picture-hint = PNG, JPEG, WebP or GIF. It is cut to a square.
picture-unreadable = This file cannot be read as a picture. Choose another one.
remove-picture = Remove picture

password-note = All your other devices are logged out.
current-password = Your password
change-password = Change password
password-changed = Your password is changed.
email-note = E-mails go to this address. A new one counts once you have followed the link that is sent to it.
new-email = New e-mail address
change-email = Change address
letter-sent = An e-mail is on its way to { $address }. Follow the link in it.

linked = Linked accounts
linked-note = Accounts elsewhere by which you log in here.
none-linked = None is linked.
since = Since { $when }
unlink = Unlink
unlink-title = Unlink { $name }?
unlink-text = You cannot log in by it any more.
unlinked = Unlinked.

factor-note = A code from an app on your phone, beside the password: whoever gets hold of your password cannot log in with it alone.
factor-off = It is switched off.
factor-on = { $left ->
    [one] It is switched on. One recovery code is left.
   *[other] It is switched on. { $left } recovery codes are left.
  }
factor-begin = Set up
factor-remove = Switch off
factor-remove-text = From then on your password alone is enough to log in.
factor-removed = The second factor is switched off.
factor-confirm = Switch on
password-first = First, your password once more.
new-codes = New recovery codes
new-codes-text = The old ones are worth nothing then.
set-up-note = Scan this with your authenticator app, or enter the secret there by hand.
set-up-code-hint = The six digits that the app shows now.
open-authenticator = Open in an app on this device
qr-label = QR code for the authenticator app
secret = Secret
codes-note = Keep these codes where you find them without your phone. Each one works once in place of a code. They are shown only now.
codes-kept = I have kept them
download = Download

devices-note = Browsers and programs that are logged in to your account.
this-device = this one
seen = Seen { $ago }, from { $network }
browser-on = { $browser } on { $system }
unknown-device = Unknown device
log-out-device = Log out: { $name }
device-ended = Logged out.
end-others = Log out all others
end-others-text = Everywhere but here one has to log in again.
others-ended = All others are logged out.

tokens-note = For programs that act for you. Whoever has a token may do what it is for.
no-tokens = You have no tokens.
new-token = New token
token = Token
token-made = “{ $name }” is made. Copy the token now: it is not shown again.
token-name = What is it for?
token-name-hint = For you, to tell it from others.
scopes = What may it do?
scope-needed = Choose one at least.
lifetime = Good for
days = { $count ->
    [one] one day
   *[other] { $count } days
  }
no-end = Until revoked
make-token = Make token
used = Used { $when }.
never-used = Never used.
ends = Ends { $when }.
never-ends = Does not end.
revoke = Revoke
revoke-this = Revoke “{ $name }”
revoke-text = Programs that use it stop working at once.
token-revoked = The token is revoked.
api-docs = Description of the API
scope-account = Account
scope-profile = Profile, follows, notifications
scope-streams-read = See your streams
scope-streams-write = Change your streams
scope-rooms = Chat and rooms
scope-events = Events
scope-insight = Figures
scope-webhooks = Webhooks
scope-admin = Administration

wishes = What to be told of
wishes-note = They appear in your notifications.
kind-stream-live = Somebody you follow is live
live-by-mail = By e-mail too
live-by-mail-hint = To your confirmed address.
kind-follower = Somebody follows you
kind-mention = Somebody mentions you in a chat
kind-approval = Your application to stream is decided
kind-raid = Viewers of another stream are sent to yours
kind-event = News of events you take part in
kind-account = Changes to your account

blocked-note = They can neither watch your streams nor chat there, and do not follow you.
nobody-blocked = You have blocked nobody.
unblock = Unblock
unblock-this = Unblock @{ $name }
unblocked = @{ $name } is no longer blocked.

may-stream = You may stream. Your streams are in the studio.
waits = Your application of { $when } waits for an administrator:
rejected = Your last application was not accepted.
apply-note = To stream, say in a few words what you want to show.
apply-text = What do you want to stream?
apply = Apply
asked-already = Your application waits already, or you may stream. Reload the page.

export = Take your data along
export-note = All that this server knows of you, as a JSON file.
not-saved = The browser did not take the file. Try again.
delete-account = Delete account
delete-note = At once and for good.
delete-text = Your account, your streams and your recordings are removed at once and cannot be brought back. What you wrote in others’ chats stays, without your name.
type-name = To confirm, type { $name }
account-deleted = Your account is deleted.
last-admin = You are the last administrator. Make somebody else one first.

# Notifications
unread = { $count ->
    [one] One unread
   *[other] { $count } unread
  }
unread-mark = New:
read = Read
read-this = Mark as read: { $news }
read-all = Mark all as read
no-news = Nothing yet
no-news-text = Follow people to hear when they go live.
news-live = { $name } is live
news-follower = @{ $name } follows you
news-mention = You were mentioned in a chat
news-raid = Viewers of another stream came to yours
news-approved = You may stream now
news-rejected = Your application to stream was not accepted
news-place = You have a place at “{ $title }”
news-cancelled = “{ $title }” does not take place
news-event = News of “{ $title }”
news-webhook = A webhook of yours was switched off
news-account = An administrator changed your account
news-other = Something happened
role-admin = Administrator
role-moderator = Moderator
role-speaker = Streamer
role-attendee = Viewer

# Users
followers = { $count ->
    [one] { $count } follower
   *[other] { $count } followers
  }
following = { $count ->
    [one] follows { $count }
   *[other] follows { $count }
  }
joined = Here since { $when }
follow = Follow
following-now = Following
you-follow = You follow @{ $name }.
you-follow-no-more = You no longer follow @{ $name }.
edit-profile = Edit profile
more-about = More about @{ $name }
block = Block
block-this = Block @{ $name }
block-text = They can neither watch your streams nor chat there, and you no longer follow each other.
blocked = @{ $name } is blocked.
streams = Streams
past = Past broadcasts
no-past = None yet.
peak = { $count ->
    [one] at most { $count } viewer
   *[other] at most { $count } viewers
  }
no-user = Nobody is called that
no-user-text = There is no account @{ $name } here.
see-live = See what is live
