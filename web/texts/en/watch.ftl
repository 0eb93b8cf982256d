# The watch page around the picture and the room.

all-streams = All streams
reconnecting = Reconnecting
started = Started { $ago }
by = by { $way }
mature = Not for everybody
about = About this stream

follow = Follow
following = Following

share = Share
share-title = Share this stream
address = Address
embed = Code for your own page
embed-hint = The code shows the player alone. Paste it where the video should be.
embed-size = Size
embed-responsive = As wide as its place
embed-preview = Preview

your-stream = Your stream
what-to-do = What to do:
note = Note
warning = Warning
error = Error
