# The player.

player = Player
controls = Player controls
video = Live video
play = Play
play-key = Play (k)
pause-key = Pause (k)
mute = Mute (m)
unmute = Unmute (m)
sound-on = Turn sound on
volume = Volume
quality = Quality
quality-now = Quality: { $quality }
auto = Auto
auto-now = Auto ({ $lines }p)
audio-only = Audio only
captions = Captions (c)
float = Floating window (i)
full-screen = Full screen (f)
leave-full-screen = Leave full screen (f)
wide = Theatre mode (t)
leave-wide = Leave theatre mode (t)
back-10 = Back 10 seconds (j)
position = Position
to-live = Back to live
live = Live
behind = Behind live
behind-by = { $length } behind live
hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
  }
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
  }
seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
  }

way-webrtc = Real time, over WebRTC
way-hls = Over HLS, since WebRTC does not get through here at the moment
detour-tcp = UDP is blocked on your network; using TCP.
detour-relay = Your network blocks the direct way; using a relay.
detour-hls = WebRTC does not get through here; using HLS, some seconds later.
way-dvr = From the server's disk, over HLS
delay = Measured distance to the publisher

one-moment = One moment
unreachable = The server does not answer. Trying again.
interrupted = The picture will be back in a moment
reconnecting = Reconnecting
reconnecting-note = The streamer's connection broke. It goes on here by itself.
offline = Offline
offline-note = It starts here by itself as soon as the stream is live.
missing = No such stream
missing-note = Check the address, or see what else is live.

said-missing = There is no such stream.
said-offline = The stream is offline.
said-connecting = Connecting.
said-reconnecting = The streamer's connection broke. Reconnecting.
said-interrupted = The picture is interrupted.
said-paused = Paused.
said-dvr = Playing behind live.
said-hls = Playing over HLS.
said-live = Playing live.

## Help

keys = Keys of the player
keys-button = Keys (?)
key-pause = Play or pause
key-mute = Sound off and on
key-volume = Louder, quieter
key-skip = Ten seconds back, on
key-full = Full screen
key-float = Floating window
key-captions = Captions
key-wide = Theatre mode
key-stats = How it plays
key-help = This help

## How it plays

stats = How it plays
stats-button = How it plays (s)
stats-way = Way
stats-size = Picture
stats-size-value = { $width } × { $height }
stats-rate = Pictures a second
stats-bits = Data
stats-bits-value = { $number } Mbit/s
stats-loss = Lost on the way
stats-percent = { $number } %
stats-trip = Round trip
stats-buffer = Held back for even play
stats-delay = Behind the publisher
stats-dropped = Pictures dropped here
stats-ms = { $number } ms
stats-unknown = not known
verdict-good = Everything is fine.
verdict-waiting = Nothing plays at the moment.
verdict-loss = Your connection loses data. A cable instead of Wi-Fi, or less use of the network by others, helps.
verdict-trip = Your connection takes long detours or is busy. The picture comes late.
verdict-device = Your device cannot keep up. Close other programs, or choose a lower quality.
verdict-rate = Few pictures arrive. It may be the streamer's connection; a lower quality may help.
verdict-hls = WebRTC does not get through here, so the picture comes some seconds later, over HLS. A network without a strict firewall helps.
verdict-dvr = You watch what is past. Go back to live for the newest picture.
