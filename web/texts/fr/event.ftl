# Les évènements tels que les voient les participants, et ce que disent aussi les pages des organisateurs.

events = Évènements
all-events = Tous les évènements
upcoming = À venir
past = Passés
none-coming = Aucun évènement n’est prévu
none-coming-text = Les évènements publics apparaissent ici dès que quelqu’un en publie un.
none-past = Aucun évènement n’a encore eu lieu
now = En ce moment

# Son propre calendrier
own-calendar = Vos évènements dans votre calendrier
own-calendar-text = Votre calendrier y lit les évènements auxquels vous participez, que vous organisez ou où vous intervenez. Qui a l’adresse les lit aussi.
own-calendar-address = Adresse de votre calendrier
own-calendar-make = Créer une adresse
own-calendar-end = La retirer
calendar-ended = L’adresse de votre calendrier ne vaut plus rien.

# États
state-draft = Brouillon
state-published = Publié
state-cancelled = Annulé
state-ended = Terminé
public = Tout le monde
public-hint = Il figure dans les listes, et chacun peut s’inscrire.
unlisted = Qui connaît l’adresse
unlisted-hint = Il ne figure dans aucune liste. Donnez son adresse à qui doit venir.
private = Sur invitation
private-hint = Seuls le voient les organisateurs, les intervenants et vos invités.
status-pending = À décider
status-confirmed = A une place
status-waiting = Liste d’attente
status-rejected = Refusé
status-cancelled = Retiré

# La page
about = À propos de cet évènement
by = Organisé par { $name }
there = { $span } à { $place }
calendar = Calendrier
calendar-of = Fichier de calendrier : { $title }
organise = Organiser
speakers = Intervenants
no-sessions = Le programme n’est pas encore publié.
open-session = Ouvrir
join = Rejoindre
no-event = Évènement
no-event-title = Cet évènement n’est pas ici
no-event-text = Il est peut-être passé, ou privé. Si vous êtes invité, ouvrez le lien de votre invitation, ou connectez-vous.
is-cancelled = Cet évènement n’a pas lieu.
is-draft = C’est un brouillon : seuls les organisateurs et les intervenants le voient.

# Participer
take-part = Participer
register = S’inscrire
registered = Vous êtes inscrit.
registered-guest = Vous êtes inscrit. Une lettre avec votre lien personnel est en route.
registrations = Inscriptions
ask-for-place = Demander une place
approval-text = Les organisateurs décident de chaque inscription.
all-welcome = Il y a de la place pour tout le monde.
places-left = { $count ->
    [one] Il reste { $count } place
   *[other] Il reste { $count } places
  }
full = Toutes les places sont prises. Inscrivez-vous pour en attendre une.
opens-when-published = L’inscription ouvrira avec la publication de l’évènement.
opens-at = L’inscription ouvre le { $moment }.
registration-closed = L’inscription est close.
your-name = Votre nom
your-email = Adresse e-mail
email-hint = Pour votre billet et les nouvelles de cet évènement.
have-account = Vous avez un compte ?
your-link = Votre lien personnel, pour d’autres appareils
pending-text = Les organisateurs examinent votre inscription. Vous aurez de leurs nouvelles.
confirmed-text = Vous avez une place. À bientôt !
waiting-text = Toutes les places sont prises. Vous êtes numéro { $position } sur la liste d’attente et serez prévenu quand une place se libère.
rejected-text = Les organisateurs n’ont pas pu vous donner de place.
checked-in-at = Arrivée enregistrée, { $moment }
withdraw = Se retirer
withdraw-text = Votre place va à qui attend depuis le plus longtemps. Vous pourrez vous réinscrire s’il en reste une.
withdrawn = Vous vous êtes retiré.

# Une session
no-session = Session
no-session-title = Cette session n’est pas ici
to-event = Vers l’évènement
no-stream = Cette session n’a pas encore de flux. Il apparaît ici dès que les organisateurs en nomment un.
next = Ensuite
you-speak = Vous intervenez ici
choose-stream = Choisir un flux
your-stream = Votre flux
your-stream-hint = Il montre cette session. Les participants peuvent alors le regarder, même s’il est privé.
