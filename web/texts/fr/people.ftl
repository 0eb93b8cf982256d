# Comptes : arriver, paramètres, notifications, et les pages des membres.

# Arriver
already-in = Vous êtes connecté en tant que @{ $name }.
go-on = Continuer
or = ou
log-in-by = Continuer avec { $name }
name-or-email = Nom ou adresse e-mail
name = Nom
name-hint = Jusqu’à 32 caractères parmi a–z, 0–9, « - », « _ » et « . ». Il figure dans l’adresse de votre page et ne peut pas être changé.
email = Adresse e-mail
email-hint = Sans elle, un mot de passe oublié ne peut pas être remplacé. Personne d’autre ne la voit.
password = Mot de passe
password-hint = Au moins 8 caractères. Quelques mots que vous seul mettez ensemble conviennent bien.
show-password = Afficher le mot de passe
forgot = Mot de passe oublié ?
no-account = Pas encore de compte ?
have-account = Vous avez un compte ?
register-note = Avec un compte, vous participez aux discussions, suivez des personnes et recevez des notifications. Pour diffuser vous-même, demandez-le ensuite dans les paramètres.
bad-login = Nom inconnu ou mot de passe erroné.
challenge-ended = Cela a pris trop de temps. Saisissez à nouveau votre mot de passe.
name-bad = Un nom a de 1 à 32 caractères parmi a–z, 0–9, « - », « _ » et « . », et commence par une lettre ou un chiffre.
name-taken = Ce nom est pris. Choisissez-en un autre.
email-bad = Une adresse ressemble à nom@example.org.
email-taken = Un compte a déjà cette adresse. Connectez-vous, ou demandez un nouveau mot de passe.
password-short = Un mot de passe a au moins 8 caractères.
closed = Personne ne peut créer de compte ici. Demandez-en un à l’administrateur de ce serveur.
wrong-password = Ce n’est pas votre mot de passe. Si vous n’en avez pas, demandez un e-mail pour en définir un.

# Deuxième étape
second-step = Deuxième étape
code = Code
code-hint = Six chiffres, de votre application d’authentification.
recovery-code = Code de secours
recovery-code-hint = L’un de ceux que vous avez gardés. Il sert une fois.
use-recovery-code = Utiliser plutôt un code de secours
use-authenticator = Utiliser plutôt l’application d’authentification
wrong-code = Ce code est faux, ou a déjà servi.
wrong-code-clock = Ce code est faux. Vérifiez que l’horloge de l’appareil est juste.
back = Retour

# Par les liens des e-mails
forgot-title = Mot de passe oublié
forgot-note = Si un compte a votre adresse, nous envoyons un e-mail avec un lien pour définir un nouveau mot de passe.
forgot-sent = Si un compte a cette adresse, un e-mail est en route. Son lien est valable une heure.
send-letter = Envoyer l’e-mail
another-letter = Demander un autre e-mail
reset-title = Définir un mot de passe
new-password = Nouveau mot de passe
set-password = Définir le mot de passe
reset-done = Votre mot de passe est défini. Tous les appareils ont été déconnectés.
link-incomplete = Ce lien n’est pas complet. Ouvrez-le à nouveau depuis l’e-mail.
link-used = Ce lien a servi ou n’est plus valable. Demandez un autre e-mail.
confirm-title = Adresse e-mail
confirm-done = Votre adresse est confirmée.
confirm-used = Ce lien a servi ou n’est plus valable. Pour en obtenir un autre, saisissez à nouveau votre adresse dans les paramètres.

# Invitations
invitation = Invitation
invitation-gone = Cette invitation n’est plus valable, est épuisée ou a été retirée. Demandez-en une autre à qui vous l’a envoyée.
invited = Vous êtes invité à regarder.
invited-by = { $name } vous invite à regarder.
invited-until = Valable jusqu’au { $when }.
nickname = Comment vous appelez-vous ?
nickname-hint = Les autres voient ce nom.
come-in = Entrer

# Paramètres
part-profile = Profil
part-login = Mot de passe et e-mail
part-second-factor = Second facteur
part-devices = Appareils
part-blocked = Personnes bloquées
part-streaming = Diffusion
part-tokens = Jetons d’API
part-data = Vos données

profile-note = Voici ce que tout le monde voit sur votre page.
see-page = Voir votre page
display-name = Nom affiché
display-name-hint = Affiché à la place de votre nom.
bio = À propos de vous
links = Liens
link-label = Texte
link-url = Adresse
link-bad = Une adresse commence par https:// ou http://.
add-link = Ajouter un lien
remove-link = Retirer ce lien
picture = Image
picture-hint = PNG, JPEG, WebP ou GIF. Elle est recadrée en carré.
picture-unreadable = Ce fichier ne peut pas être lu comme une image. Choisissez-en un autre.
remove-picture = Retirer l’image

password-note = Tous vos autres appareils sont déconnectés.
current-password = Votre mot de passe
change-password = Changer le mot de passe
password-changed = Votre mot de passe est changé.
email-note = Les e-mails vont à cette adresse. Une nouvelle compte dès que vous avez suivi le lien qui y est envoyé.
new-email = Nouvelle adresse e-mail
change-email = Changer l’adresse
letter-sent = Un e-mail est en route vers { $address }. Suivez le lien qu’elle contient.

linked = Comptes liés
linked-note = Des comptes ailleurs par lesquels vous vous connectez ici.
none-linked = Aucun n’est lié.
since = Depuis le { $when }
unlink = Délier
unlink-title = Délier { $name } ?
unlink-text = Vous ne pourrez plus vous connecter par lui.
unlinked = Délié.

factor-note = Un code d’une application de votre téléphone, en plus du mot de passe : qui obtient votre mot de passe ne peut pas se connecter avec lui seul.
factor-off = Il est désactivé.
factor-on = { $left ->
    [one] Il est activé. Il reste { $left } code de secours.
   *[other] Il est activé. Il reste { $left } codes de secours.
  }
factor-begin = Configurer
factor-remove = Désactiver
factor-remove-text = Dès lors, votre mot de passe seul suffit pour se connecter.
factor-removed = Le second facteur est désactivé.
factor-confirm = Activer
password-first = D’abord, votre mot de passe encore une fois.
new-codes = Nouveaux codes de secours
new-codes-text = Les anciens ne vaudront alors plus rien.
set-up-note = Scannez ceci avec votre application d’authentification, ou saisissez-y le secret à la main.
set-up-code-hint = Les six chiffres que l’application affiche maintenant.
open-authenticator = Ouvrir dans une application de cet appareil
qr-label = Code QR pour l’application d’authentification
secret = Secret
codes-note = Gardez ces codes là où vous les trouverez sans votre téléphone. Chacun sert une fois à la place d’un code. Ils ne sont affichés que maintenant.
codes-kept = Je les ai gardés
download = Télécharger

devices-note = Les navigateurs et programmes connectés à votre compte.
this-device = celui-ci
seen = Vu { $ago }, depuis { $network }
browser-on = { $browser } sur { $system }
unknown-device = Appareil inconnu
log-out-device = Se déconnecter : { $name }
device-ended = Déconnecté.
end-others = Déconnecter tous les autres
end-others-text = Partout sauf ici, il faudra se connecter à nouveau.
others-ended = Tous les autres sont déconnectés.

tokens-note = Pour des programmes qui agissent pour vous. Qui a un jeton peut faire ce à quoi il sert.
no-tokens = Vous n’avez pas de jetons.
new-token = Nouveau jeton
token = Jeton
token-made = « { $name } » est créé. Copiez le jeton maintenant : il ne sera plus affiché.
token-name = À quoi sert-il ?
token-name-hint = Pour vous, afin de le distinguer des autres.
scopes = Que peut-il faire ?
scope-needed = Choisissez-en au moins un.
lifetime = Valable
days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
  }
no-end = Jusqu’à révocation
make-token = Créer le jeton
used = Utilisé { $when }.
never-used = Jamais utilisé.
ends = Prend fin le { $when }.
never-ends = Ne prend pas fin.
revoke = Révoquer
revoke-this = Révoquer « { $name } »
revoke-text = Les programmes qui l’utilisent cessent aussitôt de fonctionner.
token-revoked = Le jeton est révoqué.
api-docs = Description de l’API
scope-account = Compte
scope-profile = Profil, suivis, notifications
scope-streams-read = Voir vos directs
scope-streams-write = Modifier vos directs
scope-rooms = Discussion et salons
scope-events = Événements
scope-insight = Chiffres
scope-webhooks = Webhooks
scope-admin = Administration

wishes = De quoi être informé
wishes-note = Cela apparaît dans vos notifications.
kind-stream-live = Une personne que vous suivez est en direct
live-by-mail = Par e-mail aussi
live-by-mail-hint = À votre adresse confirmée.
kind-follower = Quelqu’un vous suit
kind-mention = Quelqu’un vous mentionne dans une discussion
kind-approval = Une décision sur votre demande de diffuser
kind-raid = Des spectateurs d’un autre direct sont envoyés vers le vôtre
kind-event = Des nouvelles d’événements auxquels vous participez
kind-account = Des changements de votre compte

blocked-note = Elles ne peuvent ni regarder vos directs ni y discuter, et ne vous suivent pas.
nobody-blocked = Vous n’avez bloqué personne.
unblock = Débloquer
unblock-this = Débloquer @{ $name }
unblocked = @{ $name } n’est plus bloqué.

may-stream = Vous pouvez diffuser. Vos directs sont dans le studio.
waits = Votre demande du { $when } attend un administrateur :
rejected = Votre dernière demande n’a pas été acceptée.
apply-note = Pour diffuser, dites en quelques mots ce que vous voulez montrer.
apply-text = Que voulez-vous diffuser ?
apply = Demander
asked-already = Votre demande attend déjà, ou vous pouvez diffuser. Rechargez la page.

export = Emporter vos données
export-note = Tout ce que ce serveur sait de vous, dans un fichier JSON.
not-saved = Le navigateur n’a pas pris le fichier. Réessayez.
delete-account = Supprimer le compte
delete-note = Aussitôt et pour de bon.
delete-text = Votre compte, vos directs et vos enregistrements sont supprimés aussitôt et ne peuvent pas être rétablis. Ce que vous avez écrit dans les discussions d’autrui reste, sans votre nom.
type-name = Pour confirmer, tapez { $name }
account-deleted = Votre compte est supprimé.
last-admin = Vous êtes le dernier administrateur. Nommez d’abord quelqu’un d’autre.

# Notifications
unread = { $count ->
    [one] { $count } non lue
   *[other] { $count } non lues
  }
unread-mark = Nouveau :
read = Lu
read-this = Marquer comme lu : { $news }
read-all = Tout marquer comme lu
no-news = Rien pour l’instant
no-news-text = Suivez des personnes pour savoir quand elles passent en direct.
news-live = { $name } est en direct
news-follower = @{ $name } vous suit
news-mention = Vous avez été mentionné dans une discussion
news-raid = Des spectateurs d’un autre direct sont venus vers le vôtre
news-approved = Vous pouvez diffuser maintenant
news-rejected = Votre demande de diffuser n’a pas été acceptée
news-place = Vous avez une place à « { $title } »
news-cancelled = « { $title } » n’a pas lieu
news-event = Des nouvelles de « { $title } »
news-webhook = L’un de vos webhooks a été désactivé
news-account = Un administrateur a modifié votre compte
news-other = Quelque chose s’est passé
role-admin = Administrateur
role-moderator = Modérateur
role-speaker = Diffuseur
role-attendee = Spectateur

# Membres
followers = { $count ->
    [one] { $count } abonné
   *[other] { $count } abonnés
  }
following = { $count ->
    [one] { $count } suivi
   *[other] { $count } suivis
  }
joined = Ici depuis le { $when }
follow = Suivre
following-now = Suivi
you-follow = Vous suivez @{ $name }.
you-follow-no-more = Vous ne suivez plus @{ $name }.
edit-profile = Modifier le profil
more-about = Plus sur @{ $name }
block = Bloquer
block-this = Bloquer @{ $name }
block-text = Cette personne ne pourra ni regarder vos directs ni y discuter, et vous ne vous suivrez plus.
blocked = @{ $name } est bloqué.
streams = Directs
past = Diffusions passées
no-past = Aucune pour l’instant.
peak = { $count ->
    [one] au plus { $count } spectateur
   *[other] au plus { $count } spectateurs
  }
no-user = Personne ne s’appelle ainsi
no-user-text = Il n’y a pas de compte @{ $name } ici.
see-live = Voir ce qui est en direct
