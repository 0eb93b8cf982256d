# Le salon à côté de l’image : discussion, sondages, questions, public.

panel = Discussion et public
parts = Parties du salon
chat = Discussion
polls = Sondages
polls-open = Sondages ({ $count })
questions = Questions
people-count = Public ({ $count })

seconds = { $count ->
    [one] { $count } seconde
   *[other] { $count } secondes
  }
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
  }
hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
  }
days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
  }

## Connexion

lost = La connexion à la discussion est coupée. Elle revient toute seule.
closed-banned = Vous ne pouvez pas participer à ce salon.
closed-gone = Ce salon n’existe plus.
closed-other = Ce salon ne vous est plus ouvert.
not-done = Il n’y avait pas de connexion. Réessayez.

## Messages

messages = Messages
no-messages = Personne n’a encore rien dit.
say-hello = Soyez le premier à dire bonjour.
older = Afficher les messages plus anciens
newest = { $count ->
    [one] { $count } nouveau message
   *[other] { $count } nouveaux messages
  }
to-end = Au message le plus récent
deleted = Message supprimé
edited = modifié
sending = Envoi en cours
moderator = Modération
guest = Invité
hidden = Visible seulement par vous et la modération
answers = Répond à { $name } : { $excerpt }
reply = Répondre
reply-to = Répondre à { $name }
message-menu = Que faire de ce message de { $name }
edit = Modifier
delete = Supprimer
pin = Épingler
unpin = Désépingler
timeout = Silence pendant 10 minutes
ban = Exclure du salon
purge = Supprimer tout ce qu’a écrit { $name }
ban-title = Exclure { $name } ?
ban-text = { $name } ne pourra plus entrer dans ce salon. Vous pourrez l’annuler dans le studio.
purge-title = Supprimer tous les messages de { $name } ?
purge-text = Cela ne peut pas être annulé.
pinned = Épinglé
pinned-more = { $count ->
    [one] { $count } autre message épinglé
   *[other] { $count } autres messages épinglés
  }
reaction-count = { $emoji } : { $count }
react-with = Réagir avec { $emoji }
typing-one = { $name } écrit
typing-two = { $first } et { $second } écrivent
typing-more = { $count } personnes écrivent
poll-open = Sondage : { $question }
vote-now = Voter

## Formulaire

your-message = Votre message
write = Dites quelque chose
answering = Vous répondez à { $name }
editing = Vous modifiez votre message
send = Envoyer
left = { $count ->
    [one] encore { $count } caractère
   *[other] encore { $count } caractères
  }
over = { $count ->
    [one] { $count } caractère de trop
   *[other] { $count } caractères de trop
  }
log-in = Se connecter pour discuter
nickname = Votre nom dans cette discussion
join-guest = Rejoindre la discussion
or-guest = Ou écrivez en invité :

mode-off = La discussion est fermée en ce moment.
mode-followers = Seuls les abonnés peuvent écrire.
mode-followers-for = Seuls les abonnés depuis { $length } peuvent écrire.
mode-slow = Mode lent : un message toutes les { $length }.
mode-emotes = Seulement des emotes et des émojis.
mode-links = Les liens sont limités.
mode-delay = Les messages apparaissent { $length } plus tard.

refused-slow = Mode lent : vous pourrez envoyer votre prochain message dans { $length }.
refused-timeout = Vous ne pouvez pas écrire en ce moment.
refused-timeout-for = Vous ne pouvez pas écrire pendant { $length }.
refused-fast = C’était trop rapide. Attendez un instant.
refused-fast-for = C’était trop rapide. Réessayez dans { $length }.
refused-long = C’est trop long. Raccourcissez-le.
refused-nobody = Connectez-vous pour participer.
refused-full = Le salon est plein. Cette page réessaie toute seule.
refused-late = Il est trop tard pour modifier ce message.
refused-pins = Dix messages sont épinglés. Désépinglez-en un d’abord.
refused-followers = Seuls les abonnés peuvent écrire. Abonnez-vous, puis renvoyez votre message.
refused-emotes = Seuls les emotes et les émojis peuvent être envoyés en ce moment.
refused-word = Ceci contient un mot qui n’est pas voulu ici. Dites-le autrement.
refused-links = Les liens ne sont pas permis ici. Envoyez votre message sans le lien.
refused-other = Cela n’a pas fonctionné : { $detail }

done-timeout = Cette personne ne peut pas écrire pendant 10 minutes.
done-ban = Cette personne ne peut plus entrer dans ce salon.
done-asked = Merci. La modération regarde d’abord votre question.

## Réactions

reactions = Réactions
applause = Applaudissements
love = Amour
laughter = Rire
fire = Feu
party = Fête
wonder = Étonnement

## Sondages

no-polls = Il n’y a pas de sondage en ce moment.
no-polls-text = Quand la modération en ouvre un, il apparaît ici.
vote = Voter
change-vote = Changer mon vote
close-poll = Clore le sondage
poll-closed = Clos
poll-multiple = Vous pouvez en choisir plusieurs.
your-choice = votre choix
result = { $count ->
    [one] { $percent } %, { $count } vote
   *[other] { $percent } %, { $count } votes
  }
voters = { $count ->
    [one] { $count } personne a voté
   *[other] { $count } personnes ont voté
  }
log-in-vote = Se connecter pour voter

new-poll = Nouveau sondage
no-polls-moderator = Ouvrez-en un : tout le monde ici peut voter, et vous voyez les votes arriver.
poll-question = Question
poll-options = Réponses
poll-option = Réponse { $number }
poll-option-add = Ajouter une réponse
poll-option-remove = Supprimer la réponse { $number }
poll-option-twice = Cette réponse existe déjà.
poll-several = Plusieurs réponses sont possibles
poll-ends = Se termine
until-closed = Quand je le ferme
poll-start = Ouvrir le sondage

## Questions

no-questions = Personne n’a encore posé de question.
ask = Votre question
ask-send = Demander
log-in-ask = Se connecter pour demander
want-to-know = Cela m’intéresse aussi : { $what }
question-votes = { $count ->
    [one] { $count } vote
   *[other] { $count } votes
  }
asked-by = par { $name }
state-waiting = Attend une approbation
state-pinned = Réponse en cours
state-answered = Répondue
state-dismissed = Écartée
question-menu = Que faire de cette question
to-approve = Approuver
to-pin = Répondre maintenant
to-answered = Marquer comme répondue
to-dismiss = Écarter
to-open = Rouvrir

## Public

nobody-here = Personne avec un nom n’est là.
readers = { $count ->
    [one] { $count } autre personne lit.
   *[other] { $count } autres personnes lisent.
  }
more-people = Il y a ici plus de monde que cela.

## Raids

raid = Le streameur vous envoie vers { $title }.
raid-go = Y aller
