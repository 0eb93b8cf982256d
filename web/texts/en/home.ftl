# Finding things to watch: the first page, search, categories, the schedule.

live-now = Live now
all-live = All live streams
nobody-live = Nobody is live at the moment.
no-answer-title = The server does not answer
no-answer-text = Trying again every few seconds.
outdated-title = This page is older than the server
outdated-text = Please reload it.
still-title = The water is still
still-text = No stream has been made on this server yet.
thousands = { $number }k
millions = { $number }M
mature = Mature
since-minutes = { $minutes } min
since-hours = { $hours } h
since-hours-minutes = { $hours } h { $minutes } min
since-days = { $count ->
    [one] { $shown } day
   *[other] { $shown } days
  }

following = You follow
recommended = Recommended
for-you = For you
offline-streams = Offline
categories = Categories
all-categories = All categories
coming-up = Coming up
whole-schedule = Whole schedule

start-title = Go live in three steps
start-log-in = Log in
start-log-in-text = When the server started for the first time, it printed the account admin and its password.
start-register-text = An account made here may watch and chat; an administrator lets it stream.
start-may-not = Ask to stream
start-may-not-text = Your account may watch and chat. Ask an administrator of this server to make you a speaker; then the studio is open to you.
start-logged-in = You are logged in
start-logged-in-text = Your account may stream.
start-studio = Open the studio
start-studio-text = Choose camera and microphone, or a screen. The browser is all you need.
start-go-live = Go live
start-go-live-text = Press the button. Your picture appears on this page by itself; share its address, nobody needs an account to watch.
shell-title = With OBS and the command line instead
shell-make = Make a stream
shell-make-text = On the server, this prints its address and its key, once.
shell-stream-title = My show
shell-obs = Point OBS at it
shell-obs-text = Settings, Stream. Either of the two works.
shell-service = Service
shell-custom = Custom (RTMP)
shell-server = Server
shell-key = Stream key
shell-token = Bearer token
shell-the-key = the key of step 1
shell-start = Start streaming
shell-start-text = It appears on this page by itself. Share its address; nobody needs an account to watch.

search = Search
search-for = Streams, people, categories
search-title = Search: { $words }
search-words = What are you looking for?
search-filters = Filters
search-live = Only live
search-category = Category
search-language = Language
search-tag = Tag
search-any = Any
search-people = People
search-nothing = Nothing found
search-nothing-text = Check the spelling, or use fewer words. The beginning of a word is enough.
search-nothing-filters = Fewer filters find more.
search-without-filters = Search without filters
search-everything = All streams
search-instead = You may like
search-found = { $count ->
    [0] Nothing found
    [one] { $shown } stream
   *[other] { $shown } streams
  }
search-found-at-least = More than { $shown } streams

no-categories = There are no categories yet
no-categories-text = An administrator of this server makes them.
live-streams = { $count ->
    [one] { $shown } live
   *[other] { $shown } live
  }
no-category = There is no such category
category-empty = No streams yet
category-empty-text = Whoever streams about this can choose the category in the studio.

schedule = Schedule
schedule-empty = Nothing is planned
schedule-empty-text = Planned streams appear here with their day and time.
schedule-subscribe = Calendar file
today = Today
tomorrow = Tomorrow
from-to = { $from } to { $to }
