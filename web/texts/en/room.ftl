# The room beside a picture: chat, polls, questions, people.

panel = Chat and audience
parts = Parts of the room
chat = Chat
polls = Polls
polls-open = Polls ({ $count })
questions = Questions
people-count = People ({ $count })

seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
  }
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
  }
hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
  }
days = { $count ->
    [one] { $count } day
   *[other] { $count } days
  }

## Connection

lost = The connection to the chat broke. It comes back by itself.
closed-banned = You may not take part in this room.
closed-gone = This room does not exist any more.
closed-other = This room is not open to you any more.
not-done = There was no connection. Try again.

## Messages

messages = Messages
no-messages = Nobody has said anything yet.
say-hello = Be the first to say hello.
older = Show older messages
newest = { $count ->
    [one] { $count } new message
   *[other] { $count } new messages
  }
to-end = To the newest message
deleted = Message deleted
edited = edited
sending = Sending
moderator = Moderator
guest = Guest
hidden = Only you and moderators see this
answers = Answers { $name }: { $excerpt }
reply = Reply
reply-to = Reply to { $name }
message-menu = What to do with this message by { $name }
edit = Edit
delete = Delete
pin = Pin
unpin = Unpin
timeout = No writing for 10 minutes
ban = Ban from the room
purge = Delete everything by { $name }
ban-title = Ban { $name }?
ban-text = { $name } may not enter this room any more. You can lift this in the studio.
purge-title = Delete all messages by { $name }?
purge-text = This cannot be taken back.
pinned = Pinned
pinned-more = { $count ->
    [one] { $count } more pinned message
   *[other] { $count } more pinned messages
  }
reaction-count = { $emoji }: { $count }
react-with = React with { $emoji }
typing-one = { $name } is writing
typing-two = { $first } and { $second } are writing
typing-more = { $count } people are writing
poll-open = Poll: { $question }
vote-now = Vote

## Form

your-message = Your message
write = Say something
answering = You answer { $name }
editing = You edit your message
send = Send
left = { $count ->
    [one] { $count } character left
   *[other] { $count } characters left
  }
over = { $count ->
    [one] { $count } character too many
   *[other] { $count } characters too many
  }
log-in = Log in to chat
nickname = Your name in this chat
join-guest = Join the chat
or-guest = Or write as a guest:

mode-off = Chat is off at the moment.
mode-followers = Only followers may write.
mode-followers-for = Only those who have followed for { $length } may write.
mode-slow = Slow mode: one message every { $length }.
mode-emotes = Only emotes and emoji.
mode-links = Links are limited.
mode-delay = Messages appear { $length } later.

refused-slow = Slow mode: you can send your next message in { $length }.
refused-timeout = You may not write at the moment.
refused-timeout-for = You may not write for { $length }.
refused-fast = That was too fast. Wait a moment.
refused-fast-for = That was too fast. Try again in { $length }.
refused-long = This is too long. Make it shorter.
refused-nobody = Log in to take part.
refused-full = The room is full. This page tries again by itself.
refused-late = It is too late to change this message.
refused-pins = Ten messages are pinned. Unpin one first.
refused-followers = Only followers may write. Follow the streamer, then send it again.
refused-emotes = Only emotes and emoji may be sent at the moment.
refused-word = This has a word that is not wanted here. Say it in another way.
refused-links = Links are not allowed here. Send it without the link.
refused-other = This did not work: { $detail }

done-timeout = They may not write for 10 minutes.
done-ban = They may not enter this room any more.
done-asked = Thank you. A moderator looks at your question first.

## Reactions

reactions = Reactions
applause = Applause
love = Love
laughter = Laughter
fire = Fire
party = Party
wonder = Wonder

## Polls

no-polls = There is no poll at the moment.
no-polls-text = When a moderator opens one, it appears here.
vote = Vote
change-vote = Change my vote
close-poll = Close the poll
poll-closed = Closed
poll-multiple = You may choose more than one.
your-choice = your choice
result = { $count ->
    [one] { $percent } %, { $count } vote
   *[other] { $percent } %, { $count } votes
  }
voters = { $count ->
    [one] { $count } person voted
   *[other] { $count } people voted
  }
log-in-vote = Log in to vote

new-poll = New poll
no-polls-moderator = Open one: everybody here can vote, and you see the votes as they come.
poll-question = Question
poll-options = Answers
poll-option = Answer { $number }
poll-option-add = Add an answer
poll-option-remove = Remove answer { $number }
poll-option-twice = This answer is there already.
poll-several = Several answers may be chosen
poll-ends = Closes
until-closed = When I close it
poll-start = Open poll

## Questions

no-questions = Nobody has asked anything yet.
ask = Your question
ask-send = Ask
log-in-ask = Log in to ask
want-to-know = I want to know this too: { $what }
question-votes = { $count ->
    [one] { $count } vote
   *[other] { $count } votes
  }
asked-by = by { $name }
state-waiting = Waits for approval
state-pinned = Being answered
state-answered = Answered
state-dismissed = Dismissed
question-menu = What to do with this question
to-approve = Approve
to-pin = Answer now
to-answered = Mark as answered
to-dismiss = Dismiss
to-open = Open again

## People

nobody-here = Nobody with a name is here.
readers = { $count ->
    [one] { $count } more person reads along.
   *[other] { $count } more people read along.
  }
more-people = There are more people here than these.

## Raids

raid = The streamer sends you to { $title }.
raid-go = Go there
