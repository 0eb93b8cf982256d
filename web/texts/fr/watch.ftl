# La page du direct, autour de l’image et du salon.

all-streams = Tous les directs
reconnecting = Reconnexion
started = Commencé { $ago }
by = par { $way }
mature = Pas pour tout public
about = À propos de ce direct

follow = S’abonner
following = Abonné

share = Partager
share-title = Partager ce direct
address = Adresse
embed = Code pour votre propre page
embed-hint = Le code montre seulement le lecteur. Collez-le à l’endroit voulu pour la vidéo.
embed-size = Taille
embed-responsive = Aussi large que son emplacement
embed-preview = Aperçu

your-stream = Votre direct
what-to-do = Que faire :
note = Remarque
warning = Avertissement
error = Erreur
