# Courbes et barres.

nothing = Rien à montrer pour l’instant.
labelled = { $label } : { $what }
essence = { $name } : maximum { $peak } à { $place }, dernière valeur { $last }.
essence-bars = { $name } : maximum { $peak } pour { $place }.
show-table = Afficher en tableau
time = Heure
name = Nom
left-out = { $count ->
    [one] { $count } ligne plus ancienne n’est pas affichée.
   *[other] { $count } lignes plus anciennes ne sont pas affichées.
  }
