# Around every page, and what all pages say.

skip = Skip to content
home = Home
home-label = Weir, home
motto = Weir, live streaming that keeps up with life.
search = Search
studio = Studio
administration = Administration
go-live = Go live
your-account = Your account
your-page = Your page
settings = Settings
log-in = Log in
log-out = Log out
register = Create account
to-dark = Switch to dark colours
to-light = Switch to light colours
language = Language
notifications = Notifications

viewers = { $count ->
    [one] { $shown } viewer
   *[other] { $shown } viewers
  }
just-now = just now
live = Live
offline = Offline
loading = Loading
retry = Try again
close = Close
cancel = Cancel
save = Save
saved = Saved
delete = Delete
edit = Edit
copy = Copy
copied = Copied
show = Show
hide = Hide
more = Show more
optional = optional
required = This is needed.
no-answer = The server does not answer. Check your connection; this page tries again.
outdated = This page is older than the server. Please reload it.
refused = This did not work (error { $status }).
not-allowed = You are not allowed to do this.
log-in-first = Log in to do this.
needs-tls = Open this site by https:// to do this: without it, anybody on the way could read what you send.
log-in-again = Your session has ended. Log in again.
not-found = There is no such thing any more.
too-many = That was too often. Wait a moment and try again.
changed = Somebody else changed this meanwhile. Look at the new state and try again.
unavailable = The server is busy or stopping. Try again in a moment.
internal = The server made a mistake. It is in its log; please tell its administrator.
no-page = Not found
no-page-title = Nothing flows here
no-page-text = There is no page at { $path }.
see-live = See what is live
other-page-title = The server sent another page
other-page-text = This address needs a part of Weir that did not come. The server may be in the middle of an update.
