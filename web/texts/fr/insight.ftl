# Chiffres des directs et des diffusions.

insight = Statistiques
as-csv = Télécharger en CSV
period = Période
last-day = 24 heures
last-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
  }
figures = Chiffres
nothing-yet = Rien à montrer pour cette période
nothing-yet-text = Les chiffres apparaissent une minute après que quelqu’un a regardé. Choisissez une période plus longue pour voir les diffusions précédentes.

## Curves

viewers = Spectateurs
viewers-by-way = Spectateurs par transport
all-viewers = Tous
on-average = En moyenne
at-most = Au maximum
by-webrtc = WebRTC
by-hls = HLS
delay = Décalage
delay-median = Derrière la source
round-trip = Aller-retour réseau
delay-note = derrière la source
trouble = Arrêts et pertes
stalled = Arrêté
loss = Paquets perdus
chat = Discussion

## Totals

unique = Spectateurs différents
joins = { $count ->
    [one] { $shown } visite
   *[other] { $shown } visites
  }
peak = Au même moment
average = { $shown } en moyenne
watch-time = Temps regardé
ways = { $webrtc } WebRTC, { $hls } HLS
on-air = À l’antenne
messages = Messages
chatters = { $count ->
    [one] de { $shown } personne
   *[other] de { $shown } personnes
  }
reactions = Réactions
stalls = { $count ->
    [one] { $shown } arrêt
   *[other] { $shown } arrêts
  }

## Engagement

engagement = Engagement
of-hundred = sur 100
part-of = { $points } sur { $weight }
how = Comment c’est compté
attention = Attention
attention-text = La part de la diffusion que les gens ont regardée : temps regardé, divisé par les spectateurs différents fois le temps à l’antenne. Jusqu’à 50 points.
conversation = Conversation
conversation-text = Les messages par heure regardée ; quatre réactions valent un message. Six par heure donnent la moitié des 20 points.
participation = Participation
participation-text = La part des spectateurs qui ont écrit. À partir d’un sur cinq, les 15 points sont acquis.
quality = Qualité
quality-text = 15 points moins les arrêts de l’image : il n’en reste aucun quand un vingtième du temps regardé était arrêté.

## Broadcasts

broadcasts = Diffusions
no-broadcasts = Pas encore de diffusion
no-broadcasts-text = Chacune apparaît ici dès qu’elle commence, avec ses résultats.
began = Début
broadcast = Diffusion
broadcast-of = Diffusion du { $moment }
until = jusqu’à { $time }
no-broadcast = Cette diffusion n’existe pas
no-broadcast-text = Elle a peut-être été supprimée avec son direct, ou elle n’est pas à vous.
stream = Direct

## Viewers of a broadcast

sessions = Visites
no-sessions = Aucune visite connue
no-sessions-text = Personne n’a regardé, ou c’est trop ancien : les visites sont gardées quelques semaines.
who = Qui
guest = Invité
here-now = présent
came = Arrivée
way = Transport
watched = Regardé
join-time = Première image
layer = Qualité
layers = Temps par qualité, pour les visites ci-dessous
no-picture = Son seul
