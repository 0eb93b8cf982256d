# Autour de chaque page, et ce que disent toutes les pages.

skip = Aller au contenu
home = Accueil
home-label = Weir, accueil
motto = Weir, le direct qui suit le rythme de la vie.
search = Rechercher
studio = Studio
administration = Administration
go-live = Passer en direct
your-account = Votre compte
your-page = Votre page
settings = Paramètres
log-in = Se connecter
log-out = Se déconnecter
register = Créer un compte
to-dark = Passer aux couleurs sombres
to-light = Passer aux couleurs claires
language = Langue
notifications = Notifications

viewers = { $count ->
    [one] { $shown } spectateur
   *[other] { $shown } spectateurs
  }
just-now = à l’instant
live = En direct
offline = Hors ligne
loading = Chargement
retry = Réessayer
close = Fermer
cancel = Annuler
save = Enregistrer
saved = Enregistré
delete = Supprimer
edit = Modifier
copy = Copier
copied = Copié
show = Afficher
hide = Masquer
more = Afficher plus
optional = facultatif
required = Ce champ est nécessaire.
no-answer = Le serveur ne répond pas. Vérifiez votre connexion ; cette page réessaie.
outdated = Cette page est plus ancienne que le serveur. Veuillez la recharger.
refused = Cela n’a pas fonctionné (erreur { $status }).
not-allowed = Vous n’avez pas le droit de faire cela.
log-in-first = Connectez-vous pour faire cela.
needs-tls = Ouvrez ce site par https:// pour faire cela : sans cela, n’importe qui sur le trajet pourrait lire ce que vous envoyez.
log-in-again = Votre session a pris fin. Connectez-vous à nouveau.
not-found = Cela n’existe plus.
too-many = C’était trop souvent. Attendez un instant et réessayez.
changed = Quelqu’un d’autre l’a modifié entre-temps. Regardez le nouvel état et réessayez.
unavailable = Le serveur est occupé ou s’arrête. Réessayez dans un instant.
internal = Le serveur a fait une erreur. Elle est dans son journal ; prévenez son administrateur.
no-page = Introuvable
no-page-title = Rien ne coule ici
no-page-text = Il n’y a pas de page à l’adresse { $path }.
see-live = Voir ce qui est en direct
other-page-title = Le serveur a envoyé une autre page
other-page-text = Cette adresse demande une partie de Weir qui n’est pas arrivée. Le serveur est peut-être en cours de mise à jour.
