# Trouver de quoi regarder : la première page, la recherche, les catégories, le programme.

live-now = En direct maintenant
all-live = Tous les directs en cours
nobody-live = Personne n’est en direct pour le moment.
no-answer-title = Le serveur ne répond pas
no-answer-text = Nouvel essai toutes les quelques secondes.
outdated-title = Cette page est plus ancienne que le serveur
outdated-text = Veuillez la recharger.
still-title = L’eau est calme
still-text = Aucun direct n’a encore été créé sur ce serveur.
thousands = { $number } k
millions = { $number } M
mature = Public averti
since-minutes = { $minutes } min
since-hours = { $hours } h
since-hours-minutes = { $hours } h { $minutes } min
since-days = { $count ->
    [one] { $shown } jour
   *[other] { $shown } jours
  }

following = Vous suivez
recommended = Recommandé
for-you = Pour vous
offline-streams = Hors ligne
categories = Catégories
all-categories = Toutes les catégories
coming-up = À venir
whole-schedule = Tout le programme

start-title = En direct en trois étapes
start-log-in = Se connecter
start-log-in-text = À son premier démarrage, le serveur a affiché le compte admin et son mot de passe.
start-register-text = Un compte créé ici peut regarder et discuter ; un administrateur lui permet de diffuser.
start-may-not = Demander à diffuser
start-may-not-text = Votre compte peut regarder et discuter. Demandez à un administrateur de ce serveur de faire de vous un intervenant ; le studio vous sera alors ouvert.
start-logged-in = Vous êtes connecté
start-logged-in-text = Votre compte peut diffuser.
start-studio = Ouvrir le studio
start-studio-text = Choisissez caméra et micro, ou un écran. Le navigateur suffit.
start-go-live = Passer en direct
start-go-live-text = Appuyez sur le bouton. Votre image apparaît d’elle-même sur cette page ; partagez son adresse, personne n’a besoin d’un compte pour regarder.
shell-title = Plutôt avec OBS et la ligne de commande
shell-make = Créer un direct
shell-make-text = Sur le serveur, ceci affiche son adresse et sa clé, une seule fois.
shell-stream-title = Mon émission
shell-obs = Régler OBS
shell-obs-text = Paramètres, Stream. Les deux manières conviennent.
shell-service = Service
shell-custom = Personnalisé (RTMP)
shell-server = Serveur
shell-key = Clé de stream
shell-token = Jeton du porteur
shell-the-key = la clé de l’étape 1
shell-start = Lancer le stream
shell-start-text = Il apparaît de lui-même sur cette page. Partagez son adresse ; personne n’a besoin d’un compte pour regarder.

search = Rechercher
search-for = Directs, personnes, catégories
search-title = Recherche : { $words }
search-words = Que cherchez-vous ?
search-filters = Filtres
search-live = Seulement en direct
search-category = Catégorie
search-language = Langue
search-tag = Mot-clé
search-any = Toutes
search-people = Personnes
search-nothing = Aucun résultat
search-nothing-text = Vérifiez l’orthographe, ou utilisez moins de mots. Le début d’un mot suffit.
search-nothing-filters = Moins de filtres trouvent davantage.
search-without-filters = Rechercher sans filtres
search-everything = Tous les directs
search-instead = Cela pourrait vous plaire
search-found = { $count ->
    [0] Aucun résultat
    [one] { $shown } direct
   *[other] { $shown } directs
  }
search-found-at-least = Plus de { $shown } directs

no-categories = Il n’y a pas encore de catégories
no-categories-text = Un administrateur de ce serveur les crée.
live-streams = { $count ->
    [one] { $shown } en direct
   *[other] { $shown } en direct
  }
no-category = Cette catégorie n’existe pas
category-empty = Pas encore de directs
category-empty-text = Qui diffuse sur ce sujet peut choisir la catégorie dans le studio.

schedule = Programme
schedule-empty = Rien n’est prévu
schedule-empty-text = Les directs prévus apparaissent ici avec leur jour et leur heure.
schedule-subscribe = Fichier de calendrier
today = Aujourd’hui
tomorrow = Demain
from-to = de { $from } à { $to }
