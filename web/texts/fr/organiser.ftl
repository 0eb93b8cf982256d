# Là où les organisateurs préparent et mènent leurs évènements.

# Évènements
your-events = Vos évènements
new-event = Nouvel évènement
no-events = Aucun évènement
no-events-text = Préparez une conférence, un atelier ou un concert : une page à vos couleurs, des sessions, des inscriptions et les chiffres de la participation.
no-organiser = Votre compte permet de participer
no-organiser-text = Pour organiser des évènements, demandez à devenir créateur dans vos réglages.
not-yours = Cet évènement n’est pas à vous
not-yours-text = Il a peut-être été supprimé, ou d’autres l’organisent.
create = Créer l’évènement
draft-hint = Il commence comme un brouillon que vous seul voyez. Tout peut être changé avant sa publication, et après.
parts = Parties de cet évènement
details = Détails
branding = Apparence
sessions = Sessions
people = Personnes
report = Bilan
run-of-show = Déroulé
open-page = Ouvrir la page
places = { $taken } places sur { $limit }
registered = { $count } inscrits
deleted = Supprimé

# Détails
title = Titre
address = Adresse
address-hint = Les participants le trouvent à { $address }
bad-address = De 1 à 64 caractères parmi a–z, 0–9, - et _, en commençant par une lettre ou un chiffre.
starts = Début
ends = Fin
bad-end = La fin vient après le début, 90 jours au plus tard.
time-zone = Fuseau horaire
time-zone-hint = Les heures ci-dessus sont celles de là-bas. Les participants les voient à leur propre heure.
description = Description
audience = Qui vient
visibility = Qui peut le voir
limit = Places
limit-hint = Sans nombre, chaque inscrit a une place.
bad-limit = Un nombre de 1 à 1 000 000, ou rien.
approval = Vous décidez de chaque inscription
approval-hint = Les invités n’ont pas besoin d’approbation.
opens = Ouverture des inscriptions
opens-hint = Tout de suite si vide.
closes = Clôture des inscriptions
closes-hint = Avec l’évènement si vide.

# Sa vie
publish = Publier
published = L’évènement est publié.
life = Fin et suppression
end-hint = Un évènement terminé reste visible, avec son bilan. Un évènement annulé aussi, et ses participants sont prévenus.
end = Terminer l’évènement
end-text = « { $title } » est terminé dès maintenant : plus personne ne s’inscrit ni ne le rejoint. C’est sans retour.
ended = L’évènement est terminé.
cancel = Annuler l’évènement
cancel-text = « { $title } » n’a pas lieu. Tous les inscrits sont prévenus aussitôt. C’est sans retour.
cancelled = L’évènement est annulé, et ses participants sont prévenus.
delete-event = Supprimer l’évènement
delete-hint = Avec ses sessions, ses inscriptions et ses chiffres. C’est sans retour.
delete-text = « { $title } » disparaît avec ses sessions, ses inscriptions et ses chiffres. Téléchargez d’abord son bilan s’il vous le faut. C’est sans retour.

# Apparence
choose = choisir
remove = Retirer
bad-colour = Une couleur comme #1a2b3c ou #abc.
primary = Boutons et liens
primary-hint = Votre couleur principale.
background = Fond
background-hint = Blanc si vous ne choisissez que d’autres couleurs.
ink = Texte
ink-hint = Presque noir si vous ne choisissez que d’autres couleurs.
text-on-background = Texte sur le fond
buttons-on-background = Boutons sur le fond
reads-well = facile à voir.
text-unreadable = difficile à lire, et ne peut être enregistré ainsi. Choisissez pour l’un des deux une couleur plus sombre ou plus claire.
buttons-faint = difficile à voir.
at-least = Il faut { $wanted } : 1 ou plus.
logo = Logo
logo-hint = PNG, WebP ou JPEG ; affiché jusqu’à 128 pixels de haut.
cover = Couverture
cover-hint = Une image large, de préférence de 1600 × 500 pixels.
picture-unreadable = Ce fichier n’est pas une image que le navigateur sait lire. Choisissez un PNG, JPEG, WebP ou GIF.
preview = Aperçu

# Sessions
sessions-intro = Ce qui a lieu et quand, qui parle, et quel flux le montre. Les participants rejoignent une session depuis la page de l’évènement.
new-session = Nouvelle session
edit-session = Modifier la session
no-sessions = Aucune session
no-sessions-text = Un évènement en a au moins une : un exposé, un atelier, un concert.
delete-session = Supprimer la session
delete-session-text = « { $title } » disparaît avec sa discussion et ses chiffres. C’est sans retour.
bad-session-end = La fin vient après le début.
in-zone = À l’heure de { $zone }.
stream = Flux
stream-hint = Les participants peuvent le regarder, même s’il est privé.
stream-later = Pas encore
no-stream = Sans flux
stage = Scène
stage-hint = Les sessions d’une même scène ne se chevauchent pas.
speakers = Intervenants
speaker = Intervenant { $number }
speaker-name = Nom
speaker-user = Nom d’utilisateur
speaker-user-hint = D’un compte d’ici : il est lié.
speaker-bio = À propos de cet intervenant
add-speaker = Ajouter un intervenant
remove-speaker = Retirer l’intervenant { $number }

# Personnes
csv = Télécharger le CSV
state = État
all-states = Tous
find-attendee = Chercher quelqu’un
find-attendee-hint = Nom, nom d’utilisateur ou adresse e-mail
found = { $count ->
    [one] { $count } personne trouvée
   *[other] { $count } personnes trouvées
  }
nobody-found = Personne n’a été trouvé
nobody-yet = Personne pour l’instant
nobody-yet-text = Les inscrits apparaissent ici.
guest = Invité sans compte
invited = Invité
in-since = Présent depuis { $time }
check-in = Enregistrer l’arrivée
check-out = Annuler l’arrivée
approve = Accepter
reject = Refuser
invitations = Invitations
invitations-intro = Un lien permet de voir cet évènement et de s’y inscrire, quelle que soit sa visibilité, et sans approbation.
invite = Créer une invitation
invite-email = Adresse e-mail
invite-email-hint = Pour une personne : le lien lui est envoyé.
invite-uses = Inscriptions
invite-uses-hint = Combien de personnes peuvent s’inscrire par ce lien.
bad-uses = Un nombre de 1 à 100 000.
invitation-link = Lien de l’invitation
shown-once = Copiez-le maintenant : il ne sera plus montré.
for-anybody = Qui a le lien
used = { $used } sur { $most } utilisées
revoke = Révoquer
revoke-text = Plus personne ne s’inscrit par ce lien. Qui s’est inscrit par lui le reste.
revoked = L’invitation est révoquée.
organisers = Organisateurs
organisers-intro = Ils peuvent tout changer de cet évènement, sauf qui l’organise.
organiser-name = Nom d’utilisateur
add-organiser = Ajouter
organiser-added = Ajouté aux organisateurs.
organiser-removed = N’est plus organisateur.
no-such-user = Aucun utilisateur ne porte ce nom.
owner = Propriétaire

# Déroulé
now = Maintenant
next = Ensuite
over = Terminé
left = encore { $time }
begins-in = dans { $time }
watch = Session
stream-page = Page du flux
trouble-no-stream = Aucun flux n’est lié à cette session : choisissez-en un sous Sessions.
trouble-not-live = C’est l’heure, et rien n’est à l’antenne.
trouble-soon = Elle commence bientôt, et rien n’est encore à l’antenne.

# Chiffres
figure-registered = Inscrits
figure-pending = À décider
figure-waiting = Liste d’attente
figure-checked-in = Arrivés
figure-attended = Ont participé
figure-watched = Regardé ensemble

# Bilan
report-intro = La participation est à jour à dix secondes près. Les fichiers s’ouvrent dans tout tableur.
file-sessions = Sessions (CSV)
file-attendance = Participation (CSV)
file-registrations = Inscriptions (CSV)
by-session = Par session
by-attendee = Par participant
session = Session
attendees = Participants
peak = Maximum
time-watched = Temps regardé
time-each = Par participant
name = Nom
first-seen = Vu d’abord
last-seen = Vu en dernier
unregistered = Non inscrit
chart-attendees = Participants et maximum par session
chart-time = Temps regardé par session
