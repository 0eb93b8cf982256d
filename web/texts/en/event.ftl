# Events as attendees see them, and what organisers' pages say of them too.

events = Events
all-events = All events
upcoming = Upcoming
past = Past
none-coming = No events are planned
none-coming-text = Public events appear here as soon as somebody publishes one.
none-past = No events have taken place yet
now = Now

# One’s own calendar
own-calendar = Your events in your calendar
own-calendar-text = Your calendar program reads the events there that you attend, organise or speak at. Whoever has the address reads them too.
own-calendar-address = Address of your calendar
own-calendar-make = Make an address
own-calendar-end = Take it back
calendar-ended = The address of your calendar is worth nothing any more.

# States
state-draft = Draft
state-published = Published
state-cancelled = Cancelled
state-ended = Over
public = Everybody
public-hint = It stands in lists, and everybody may register.
unlisted = Whoever has the address
unlisted-hint = It stands in no list. Give its address to those who shall come.
private = By invitation
private-hint = Only organisers, speakers and whom you invite see it.
status-pending = To be decided
status-confirmed = Has a place
status-waiting = Waiting list
status-rejected = Refused
status-cancelled = Withdrawn

# The page
about = About this event
by = Organised by { $name }
there = { $span } in { $place }
calendar = Calendar
calendar-of = Calendar file: { $title }
organise = Organise
speakers = Speakers
no-sessions = The programme is not out yet.
open-session = Open
join = Join
no-event = Event
no-event-title = This event is not here
no-event-text = It may be over and gone, or it is private. If you are invited, open the link of your invitation, or log in.
is-cancelled = This event does not take place.
is-draft = This is a draft: only organisers and speakers see it.

# Taking part
take-part = Take part
register = Register
registered = You are registered.
registered-guest = You are registered. A letter with your own link is on its way.
registrations = Registrations
ask-for-place = Ask for a place
approval-text = The organisers decide on each registration.
all-welcome = There is room for everybody.
places-left = { $count ->
    [one] { $count } place is left
   *[other] { $count } places are left
  }
full = All places are taken. Register to wait for one.
opens-when-published = Registration opens when the event is published.
opens-at = Registration opens on { $moment }.
registration-closed = Registration is closed.
your-name = Your name
your-email = Mail address
email-hint = For your ticket, and for news of this event.
have-account = Have an account?
your-link = Your own link, for other devices
pending-text = The organisers look at your registration. You will hear from them.
confirmed-text = You have a place. See you there!
waiting-text = All places are taken. You are number { $position } on the waiting list, and hear when a place is free.
rejected-text = The organisers could not give you a place.
checked-in-at = Checked in, { $moment }
withdraw = Withdraw
withdraw-text = Your place goes to whoever waits longest. You may register again, if there is one left.
withdrawn = You have withdrawn.

# A session
no-session = Session
no-session-title = This session is not here
to-event = To the event
no-stream = This session has no stream yet. It appears here as soon as the organisers name one.
next = Next
you-speak = You speak here
choose-stream = Choose a stream
your-stream = Your stream
your-stream-hint = It shows this session. Attendees of the event may then watch it, even if it is private.
