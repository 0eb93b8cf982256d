# Le lecteur.

player = Lecteur
controls = Commandes du lecteur
video = Vidéo en direct
play = Lecture
play-key = Lecture (k)
pause-key = Pause (k)
mute = Couper le son (m)
unmute = Remettre le son (m)
sound-on = Activer le son
volume = Volume
quality = Qualité
quality-now = Qualité : { $quality }
auto = Auto
auto-now = Auto ({ $lines }p)
audio-only = Son seul
captions = Sous-titres (c)
float = Fenêtre flottante (i)
full-screen = Plein écran (f)
leave-full-screen = Quitter le plein écran (f)
wide = Mode cinéma (t)
leave-wide = Quitter le mode cinéma (t)
back-10 = Reculer de 10 secondes (j)
position = Position
to-live = Revenir au direct
live = Direct
behind = En différé
behind-by = { $length } derrière le direct
hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
  }
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
  }
seconds = { $count ->
    [one] { $count } seconde
   *[other] { $count } secondes
  }

way-webrtc = En temps réel, par WebRTC
way-hls = Par HLS, car WebRTC ne passe pas ici en ce moment
detour-tcp = UDP est bloqué sur votre réseau ; lecture par TCP.
detour-relay = Votre réseau bloque la voie directe ; lecture par un relais.
detour-hls = WebRTC ne passe pas ici ; lecture par HLS, quelques secondes plus tard.
way-dvr = Depuis le disque du serveur, par HLS
delay = Distance mesurée jusqu’à la source

one-moment = Un instant
unreachable = Le serveur ne répond pas. Nouvel essai.
interrupted = L’image revient dans un instant
reconnecting = Reconnexion
reconnecting-note = La connexion du streameur est coupée. Cela reprend ici tout seul.
offline = Hors ligne
offline-note = Cela commence ici tout seul dès que le direct est lancé.
missing = Ce direct n’existe pas
missing-note = Vérifiez l’adresse, ou voyez les autres directs.

said-missing = Ce direct n’existe pas.
said-offline = Le direct est hors ligne.
said-connecting = Connexion.
said-reconnecting = La connexion du streameur est coupée. Reconnexion.
said-interrupted = L’image est interrompue.
said-paused = En pause.
said-dvr = Lecture derrière le direct.
said-hls = Lecture par HLS.
said-live = Lecture en direct.

## Aide

keys = Touches du lecteur
keys-button = Touches (?)
key-pause = Lecture ou pause
key-mute = Couper et remettre le son
key-volume = Plus fort, moins fort
key-skip = Dix secondes en arrière, en avant
key-full = Plein écran
key-float = Fenêtre flottante
key-captions = Sous-titres
key-wide = Mode cinéma
key-stats = État de la lecture
key-help = Cette aide

## État de la lecture

stats = État de la lecture
stats-button = État de la lecture (s)
stats-way = Transport
stats-size = Image
stats-size-value = { $width } × { $height }
stats-rate = Images par seconde
stats-bits = Débit
stats-bits-value = { $number } Mbit/s
stats-loss = Pertes en chemin
stats-percent = { $number } %
stats-trip = Aller-retour
stats-buffer = Retenu pour une lecture régulière
stats-delay = Retard sur la source
stats-dropped = Images abandonnées ici
stats-ms = { $number } ms
stats-unknown = inconnu
verdict-good = Tout va bien.
verdict-waiting = Rien n’est lu en ce moment.
verdict-loss = Votre connexion perd des données. Un câble au lieu du Wi-Fi, ou moins d’usage du réseau par d’autres, aide.
verdict-trip = Votre connexion fait de longs détours ou est occupée. L’image arrive tard.
verdict-device = Votre appareil ne suit pas. Fermez d’autres programmes, ou choisissez une qualité plus basse.
verdict-rate = Peu d’images arrivent. Cela peut venir de la connexion du streameur ; une qualité plus basse peut aider.
verdict-hls = WebRTC ne passe pas ici : l’image arrive donc quelques secondes plus tard, par HLS. Un réseau sans pare-feu strict aide.
verdict-dvr = Vous regardez le passé. Revenez au direct pour l’image la plus récente.
