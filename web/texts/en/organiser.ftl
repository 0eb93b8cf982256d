# Where organisers plan and run events.

# Events
your-events = Your events
new-event = New event
no-events = No events yet
no-events-text = Plan a conference, a workshop or a concert: a page in your colours, sessions, registrations, and figures of who came.
no-organiser = Your account may attend events
no-organiser-text = To organise some, ask to become a creator in your settings.
not-yours = This event is not yours
not-yours-text = It may have been deleted, or others organise it.
create = Create event
draft-hint = It begins as a draft that only you see. Everything can be changed until you publish it, and after.
parts = Parts of this event
details = Details
branding = Branding
sessions = Sessions
people = People
report = Report
run-of-show = Run of show
open-page = Open page
places = { $taken } of { $limit } places
registered = { $count } registered
deleted = Deleted

# Details
title = Title
address = Address
address-hint = Attendees find it at { $address }
bad-address = Use 1 to 64 of the characters a–z, 0–9, - and _, with a letter or digit in front.
starts = Starts
ends = Ends
bad-end = The end is later than the start, by 90 days at most.
time-zone = Time zone
time-zone-hint = The times above are by the clocks there. Attendees see them by their own.
description = Description
audience = Who comes
visibility = Who may see it
limit = Places
limit-hint = Without a number, everybody who registers gets a place.
bad-limit = A number from 1 to 1,000,000, or nothing.
approval = You decide on each registration
approval-hint = Who is invited needs no approval.
opens = Registration opens
opens-hint = At once when empty.
closes = Registration closes
closes-hint = With the event when empty.

# Its life
publish = Publish
published = The event is published.
life = End and deletion
end-hint = An event that is over stays visible, with its report. A cancelled one too, and its attendees are told.
end = End event
end-text = “{ $title }” is over from now on: nobody registers or joins any more. This cannot be undone.
ended = The event is over.
cancel = Cancel event
cancel-text = “{ $title }” does not take place. Everybody who registered is told at once. This cannot be undone.
cancelled = The event is cancelled, and its attendees are told.
delete-event = Delete event
delete-hint = With its sessions, registrations and figures. This cannot be undone.
delete-text = “{ $title }” goes with its sessions, registrations and figures. Download its report first, if you need it. This cannot be undone.

# Branding
choose = choose
remove = Remove
bad-colour = A colour like #1a2b3c or #abc.
primary = Buttons and links
primary-hint = Your main colour.
background = Background
background-hint = White where you choose other colours only.
ink = Text
ink-hint = Nearly black where you choose other colours only.
text-on-background = Text on the background
buttons-on-background = Buttons on the background
reads-well = easy to see.
text-unreadable = hard to read, and not saved so. Choose a darker or a lighter colour for one of them.
buttons-faint = hard to see.
at-least = { $wanted } : 1 or more is needed.
logo = Logo
logo-hint = PNG, WebP or JPEG; shown up to 128 pixels high.
cover = Cover
cover-hint = A wide picture, best at 1600 × 500 pixels.
picture-unreadable = This file is no picture that the browser can read. Choose a PNG, JPEG, WebP or GIF.
preview = Preview

# Sessions
sessions-intro = What happens when, who speaks, and which stream shows it. Attendees join a session from the event’s page.
new-session = New session
edit-session = Change session
no-sessions = No sessions yet
no-sessions-text = An event has at least one: a talk, a workshop, a concert.
delete-session = Delete session
delete-session-text = “{ $title }” goes with its chat and its figures. This cannot be undone.
bad-session-end = The end is later than the start.
in-zone = By the clocks of { $zone }.
stream = Stream
stream-hint = Attendees of the event may watch it, even if it is private.
stream-later = None yet
no-stream = No stream
stage = Stage
stage-hint = Sessions of one stage do not overlap.
speakers = Speakers
speaker = Speaker { $number }
speaker-name = Name
speaker-user = User name
speaker-user-hint = Of an account here: it is linked.
speaker-bio = About this speaker
add-speaker = Add speaker
remove-speaker = Remove speaker { $number }

# People
csv = Download CSV
state = State
all-states = All
find-attendee = Find somebody
find-attendee-hint = Name, user name or mail address
found = { $count ->
    [one] { $count } person found
   *[other] { $count } people found
  }
nobody-found = Nobody found
nobody-yet = Nobody yet
nobody-yet-text = Who registers appears here.
guest = Guest
invited = Invited
in-since = In since { $time }
check-in = Check in
check-out = Undo check-in
approve = Approve
reject = Refuse
invitations = Invitations
invitations-intro = A link lets people see and register for this event, whoever may see it otherwise, and without approval.
invite = Create invitation
invite-email = Mail address
invite-email-hint = For one person: the link is sent there.
invite-uses = Registrations
invite-uses-hint = How many may register by the link.
bad-uses = A number from 1 to 100,000.
invitation-link = Link of the invitation
shown-once = Copy it now: it is not shown again.
for-anybody = Whoever has the link
used = { $used } of { $most } used
revoke = Revoke
revoke-text = Nobody registers by this link any more. Who has registered by it stays.
revoked = The invitation is revoked.
organisers = Organisers
organisers-intro = They may change everything of this event, except who organises it.
organiser-name = User name
add-organiser = Add organiser
organiser-added = Added as an organiser.
organiser-removed = No organiser any more.
no-such-user = There is no user with this name.
owner = Owner

# Run of show
now = Now
next = Next
over = Over
left = { $time } left
begins-in = in { $time }
watch = Session
stream-page = Stream page
trouble-no-stream = No stream is bound to this session: choose one under Sessions.
trouble-not-live = It is time, and nothing is on the air.
trouble-soon = It begins soon, and nothing is on the air yet.

# Figures
figure-registered = Registered
figure-pending = To be decided
figure-waiting = Waiting list
figure-checked-in = Checked in
figure-attended = Attended
figure-watched = Watched together

# Report
report-intro = Attendance is up to date to ten seconds. The files open in any spreadsheet.
file-sessions = Sessions (CSV)
file-attendance = Attendance (CSV)
file-registrations = Registrations (CSV)
by-session = By session
by-attendee = By attendee
session = Session
attendees = Attendees
peak = Peak
time-watched = Watch time
time-each = Per attendee
name = Name
first-seen = First seen
last-seen = Last seen
unregistered = Not registered
chart-attendees = Attendees and peak by session
chart-time = Watch time by session
