# Comment on atteint le serveur.
configuration-valid = La configuration est valide.
configuration-invalid = La configuration est inutilisable : { $reason }
configuration-invalid-fix = Corrigez-la, puis recommencez. Rien d’autre ne peut être examiné avant.
server-running = Le serveur à l’adresse { $address } s’est examiné.
server-not-running = Aucun serveur ne tourne dans { $folder } ; certaines choses n’ont donc pas pu être examinées.
server-not-running-fix = Démarrez-le avec weir serve, puis recommencez.
server-silent = Un serveur tourne à l’adresse { $address }, mais n’a pas pu être interrogé : { $reason }
server-silent-fix = Il est interrogé en tant qu’administrateur : créez-en un avec weir user create --role admin s’il n’y en a pas. Sinon, son journal en dit plus.
port-answers = { $service } répond à { $addresses }.
port-closed = { $service } ne répond pas sur cette machine, à { $address } : { $reason }
port-closed-fix = Le journal du serveur dit s’il a pu écouter à cet endroit. Un autre programme tient peut-être le port.
port-blocked = { $service } répond sur cette machine, mais pas à { $address }, que les clients reçoivent.
port-blocked-fix = Ouvrez le port { $port } dans le pare-feu de cette machine et, si un routeur la précède, redirigez-le vers elle. Si l’adresse est fausse, corrigez media.advertise ou media.public_ip.
port-free = { $service } peut avoir { $address }.
port-taken = { $service } ne peut pas avoir { $address } : { $reason }
port-taken-fix = Arrêtez le programme qui tient le port, ou choisissez une autre adresse. weir config les montre toutes.
hairpin-missing = Rien ne répond depuis ici à l’adresse publique { $address }.
hairpin-missing-fix = Redirigez ces ports vers cette machine et ouvrez-les dans les pare-feu du trajet : { $ports }. Si l’on vous atteint déjà de l’extérieur, votre routeur ne laisse pas les machines du réseau utiliser son adresse publique : ajoutez l’adresse de cette machine à media.advertise pour les spectateurs qui s’y trouvent.
address-public = Les clients envoient leurs médias à { $addresses }.
address-private = Les clients ne reçoivent que des adresses d’un réseau privé : { $addresses }. Hors de celui-ci, personne n’a WebRTC.
address-private-fix = Rien, si tous les spectateurs sont dans votre réseau. Sinon, donnez à media.public_ip l’adresse publique, ou "auto" avec un serveur stun: dans ice.urls ; dans un conteneur qui a son propre réseau, réglez media.advertise.
address-behind-nat = Cette machine est derrière un NAT : Internet la connaît sous { $public }, mais les clients ne reçoivent que { $addresses }.
address-behind-nat-fix = Donnez à media.public_ip la valeur { $public }, ou "auto" si elle change, et redirigez le port des médias (UDP et TCP) vers cette machine.
stun-answers = Les serveurs STUN connaissent cette machine sous { $public }.
stun-silent = Aucun serveur STUN n’a répondu : { $servers }.
stun-silent-fix = Laissez UDP sortir de ce réseau, ou corrigez ice.urls.
nat-symmetric = Le NAT devant cette machine donne à chaque destination un autre port : { $seen }. Les médias ne passent que par un port redirigé.
nat-symmetric-fix = Redirigez le port des médias (UDP et TCP) vers cette machine, sous le même numéro. Si vous ne le pouvez pas, indiquez un serveur TURN ailleurs dans ice.urls.
ipv6-told = Les clients en IPv6 reçoivent { $address }.
ipv6-none = Cette machine n’a pas d’adresse IPv6 publique. Les clients qui n’ont rien d’autre passent par la traduction de leur fournisseur.
ipv6-untold = Cette machine a l’adresse IPv6 publique { $address }, que les clients ne reçoivent pas.
ipv6-untold-fix = Faites écouter media.udp sur [::], et ajoutez l’adresse à media.advertise si ce réglage est utilisé.
udp-buffers-fit = Le noyau donne aux médias les tampons demandés.
udp-buffers-small = Le noyau donne aux médias des tampons de { $bytes } octets au lieu de { $wanted }. Des datagrammes se perdent quand beaucoup arrivent ensemble.
udp-buffers-small-fix = Lancez sysctl -w net.core.rmem_max={ $wanted } net.core.wmem_max={ $wanted }, et écrivez la même chose dans un fichier de /etc/sysctl.d.
open-files-fit = Assez de fichiers et de connexions peuvent être ouverts : { $limit }.
open-files-few = Seuls { $limit } fichiers et connexions peuvent être ouverts, et les réglages en prévoient { $wanted }.
open-files-few-fix = Relevez la limite : LimitNOFILE dans une unité systemd, ulimits dans Docker.
secrets-covered = Les connexions et les clés de flux ne traversent pas Internet sans TLS.
plain-http-public = Ce serveur est sur Internet sans TLS. On peut regarder, mais les connexions aux comptes et les clés de flux y sont refusées.
plain-http-public-fix = Réglez tls.listen et tls.acme_names, ou http.trusted_proxies si un proxy parle TLS. docs/TLS.md explique comment.
plain-http-insecure = Les mots de passe et les clés de flux sont acceptés sans TLS : n’importe qui sur le trajet peut les lire.
plain-http-insecure-fix = Mettez TLS en place (docs/TLS.md), et retirez http.allow_insecure.
proxy-missing = L’adresse publique est { $url }, mais ni ce serveur ni un proxy de confiance ne parle HTTPS.
proxy-missing-fix = Donnez à http.trusted_proxies l’adresse de votre proxy, ou réglez tls.listen.
proxies-trusted = Les proxys de { $networks } sont crus quand ils disent qui demande.
proxies-everybody = N’importe qui est cru comme un proxy ({ $networks }). Chacun peut se donner une autre adresse et échapper à toute limite.
proxies-everybody-fix = Donnez à http.trusted_proxies les seules adresses de vos proxys.
certificate-good = Le certificat de { $name } est encore valable { $days } jours.
certificate-ending = Le certificat de { $name } expire dans { $days } jours.
certificate-ending-fix = Renouvelez-le. S’il vient d’ACME, le journal du serveur dit pourquoi ce n’est pas fait.
certificate-ended = Le certificat de { $name } a expiré, ou n’est pas encore valable.
certificate-ended-fix = Renouvelez-le, et vérifiez l’horloge de cette machine.
certificate-other-name = Le certificat est pour { $names }, et non pour { $name }. Les navigateurs le refusent.
certificate-other-name-fix = Obtenez un certificat pour { $name }, ou corrigez http.public_url.
certificate-self-signed = Le certificat de { $name } est autosigné. Les navigateurs mettent en garde, et les programmes le refusent.
certificate-self-signed-fix = Rien, pour le développement. Sinon, réglez tls.acme_names au lieu de tls.self_signed.
certificate-missing = TLS ne fonctionne pas : { $reason }
certificate-missing-fix = Le journal du serveur en dit plus. ACME a besoin que le port 443 ou 80 soit joignable depuis Internet.
turn-elsewhere = Les clients apprennent un serveur TURN situé ailleurs.
turn-off = Il n’y a pas de serveur TURN. Les spectateurs dont le réseau ne laisse passer que des médias relayés reçoivent HLS.
turn-off-fix = Réglez turn.enabled, ou indiquez un serveur TURN dans ice.urls.
turn-missing = Le serveur TURN ne tourne pas : { $address } n’était pas libre au démarrage.
turn-missing-fix = Arrêtez le programme qui tient le port et redémarrez le serveur, ou donnez un autre port à turn.listen.
clock-synchronised = L’horloge de cette machine est tenue à l’heure.
clock-loose = Rien ne tient l’horloge de cette machine à l’heure. Dès qu’elle est fausse, les certificats, les seconds facteurs et les mots de passe TURN sont refusés.
clock-loose-fix = Activez la synchronisation : timedatectl set-ntp true, ou installez chrony.
disk-room = { $folder } a { $free } Go libres.
disk-full = { $folder } n’a que { $free } Go libres. Les enregistrements s’arrêtent d’abord, puis tout ce qui s’écrit.
disk-full-fix = Faites de la place, ou gardez les enregistrements moins longtemps.
disk-unusable = Impossible d’écrire dans { $folder } : { $reason }
disk-unusable-fix = Donnez le dossier à l’utilisateur qui fait tourner le serveur, ou réglez data.dir.
database-answers = La base de données ({ $kind }) répond en { $milliseconds } ms.
database-silent = La base de données ({ $kind }) ne répond pas : { $reason }
database-silent-fix = Vérifiez qu’elle tourne et qu’on l’atteint, et que data.database_url est juste.
gstreamer-complete = GStreamer a tout ce qu’il faut aux processus de médias.
gstreamer-incomplete = Il manque à GStreamer : { $elements }.
gstreamer-incomplete-fix = Installez les jeux de greffons base, good, bad, ugly et libav de GStreamer.
gstreamer-broken = GStreamer ne démarre pas : { $reason }
gstreamer-broken-fix = Installez GStreamer 1.22 ou plus récent, avec ses greffons.
service-http = HTTP
service-https = HTTPS
service-rtmp = RTMP
service-rtmps = RTMPS
service-media-udp = WebRTC par UDP
service-media-tcp = WebRTC par TCP
service-turn-udp = TURN par UDP
service-turn-tcp = TURN par TCP
service-turn-tls = TURN par TLS

# La page
title = Connectivité
note = Le serveur se teste de l’extérieur, autant qu’une machine le peut. La commande weir doctor dit la même chose.
again = Tester à nouveau
testing = Test en cours, quelques secondes
tested = Testé { $when }
all-good = Tout est joignable
to-do = { $count ->
    [one] Une chose bloque des visiteurs
   *[other] { $count } choses bloquent des visiteurs
  }
to-look = { $count ->
    [one] Un point à examiner
   *[other] { $count } points à examiner
  }
problem = Problème
warning = Attention
good = Bon
what-to-do = À faire :
good-ones = { $count ->
    [one] Un contrôle sans remarque
   *[other] { $count } contrôles sans remarque
  }
transports = Par où les spectateurs ont reçu, sur la dernière heure
transports-note = Parts du temps regardé. TCP, TURN et HLS servent aux réseaux qui bloquent UDP.
nobody-watched = Personne n’a regardé pendant la dernière heure.
way-udp = WebRTC, UDP
way-tcp = WebRTC, TCP
way-turn = WebRTC, TURN
way-hls = HLS
share = { $percent } %
failed-sessions = { $count ->
    [one] Une session WebRTC a reçu sa réponse et ne s’est jamais connectée.
   *[other] { $count } sessions WebRTC ont reçu leur réponse et ne se sont jamais connectées.
  }
