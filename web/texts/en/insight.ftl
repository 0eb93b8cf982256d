# Figures of streams and broadcasts.

insight = Insight
as-csv = Download CSV
period = Period
last-day = 24 hours
last-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
  }
figures = Figures
nothing-yet = Nothing to show for this time
nothing-yet-text = Figures appear a minute after somebody has watched. Choose a longer time to see earlier broadcasts.

## Curves

viewers = Viewers
viewers-by-way = Viewers by transport
all-viewers = All
on-average = On average
at-most = At most
by-webrtc = WebRTC
by-hls = HLS
delay = Delay
delay-median = Behind the publisher
round-trip = Network round trip
delay-note = behind the publisher
trouble = Stalls and loss
stalled = Stalled
loss = Packets lost
chat = Chat

## Totals

unique = Different viewers
joins = { $count ->
    [one] { $shown } visit
   *[other] { $shown } visits
  }
peak = Most at once
average = { $shown } on average
watch-time = Time watched
ways = { $webrtc } WebRTC, { $hls } HLS
on-air = On the air
messages = Messages
chatters = { $count ->
    [one] by { $shown } person
   *[other] by { $shown } people
  }
reactions = Reactions
stalls = { $count ->
    [one] { $shown } stall
   *[other] { $shown } stalls
  }

## Engagement

engagement = Engagement
of-hundred = of 100
part-of = { $points } of { $weight }
how = How this is counted
attention = Attention
attention-text = How much of the broadcast people stayed for: time watched, by different viewers times time on the air. Up to 50 points.
conversation = Conversation
conversation-text = Messages in each hour watched; four reactions count as one message. Six in an hour give half of the 20 points.
participation = Participation
participation-text = The share of viewers who wrote. From one in five on it is all 15 points.
quality = Quality
quality-text = 15 points less what stood still: none are left when a twentieth of the time watched did.

## Broadcasts

broadcasts = Broadcasts
no-broadcasts = No broadcast yet
no-broadcasts-text = Each one stands here as soon as it begins, with what it came to.
began = Began
broadcast = Broadcast
broadcast-of = Broadcast of { $moment }
until = until { $time }
no-broadcast = There is no such broadcast
no-broadcast-text = It may have been deleted with its stream, or it is not yours.
stream = Stream

## Viewers of a broadcast

sessions = Visits
no-sessions = No visit is known
no-sessions-text = Nobody watched, or it was too long ago: single visits are kept for some weeks.
who = Who
guest = Guest
here-now = here now
came = Came
way = Transport
watched = Watched
join-time = First picture
layer = Quality
layers = Time by quality, of the visits below
no-picture = Sound only
