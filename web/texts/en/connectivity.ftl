# How the server can be reached. The checks stand first; `weir doctor` says the English ones too, by their codes,
# so each is on one line and takes values only.
configuration-valid = The configuration is valid.
configuration-invalid = The configuration cannot be used: { $reason }
configuration-invalid-fix = Correct it and ask again. Nothing else can be looked at before.
server-running = The server at { $address } has looked at itself.
server-not-running = No server runs in { $folder }, so that some things could not be looked at.
server-not-running-fix = Start it with weir serve, and ask again.
server-silent = A server runs at { $address }, but could not be asked: { $reason }
server-silent-fix = It is asked as an administrator: make one with weir user create --role admin, if there is none. Otherwise its log says more.
port-answers = { $service } answers at { $addresses }.
port-closed = { $service } does not answer on this machine, at { $address }: { $reason }
port-closed-fix = The server’s log says whether it could listen there. Perhaps another program holds the port.
port-blocked = { $service } answers on this machine, but not at { $address }, which clients are told.
port-blocked-fix = Open port { $port } in this machine’s firewall, and where a router stands in between, forward it to this machine. If the address is not right, correct media.advertise or media.public_ip.
port-free = { $service } can have { $address }.
port-taken = { $service } cannot have { $address }: { $reason }
port-taken-fix = Stop the program that holds the port, or set another address. weir config shows all addresses.
hairpin-missing = Nothing answers from here at the public address { $address }.
hairpin-missing-fix = Forward these ports to this machine, and open them in firewalls on the way: { $ports }. If people outside get in already, your router does not let machines at home use its public address: add this machine’s own address to media.advertise for viewers there.
address-public = Clients are told to send media to { $addresses }.
address-private = Clients are told addresses of a private network only: { $addresses }. Nobody outside of it gets WebRTC.
address-private-fix = Nothing, if all viewers are in your own network. Otherwise set media.public_ip to the public address, or to "auto" with a stun: server in ice.urls; in a container that has a network of its own, set media.advertise.
address-behind-nat = This machine is behind NAT: the Internet knows it as { $public }, but clients are only told { $addresses }.
address-behind-nat-fix = Set media.public_ip to { $public }, or to "auto" if it changes, and forward the media port (UDP and TCP) to this machine.
stun-answers = STUN servers know this machine as { $public }.
stun-silent = No STUN server answered: { $servers }.
stun-silent-fix = Let UDP out of this network, or correct ice.urls.
nat-symmetric = The NAT in front of this machine gives each target another port: { $seen }. Media comes through only where a port is forwarded.
nat-symmetric-fix = Forward the media port (UDP and TCP) to this machine with the same number. Where you cannot, name a TURN server elsewhere in ice.urls.
ipv6-told = Clients with IPv6 are told { $address }.
ipv6-none = This machine has no public IPv6 address. Clients that have nothing else come by their provider’s translation.
ipv6-untold = This machine has the public IPv6 address { $address }, which clients are not told.
ipv6-untold-fix = Let media.udp listen on [::], and add the address to media.advertise if that is set.
udp-buffers-fit = The kernel gives media the buffers that it asks for.
udp-buffers-small = The kernel gives media buffers of { $bytes } bytes instead of { $wanted }. Datagrams get lost when many come at once.
udp-buffers-small-fix = Run sysctl -w net.core.rmem_max={ $wanted } net.core.wmem_max={ $wanted }, and write the same into a file in /etc/sysctl.d.
open-files-fit = Enough files and connections may be open: { $limit }.
open-files-few = Only { $limit } files and connections may be open, and the settings allow for { $wanted }.
open-files-few-fix = Raise the limit: LimitNOFILE in a systemd unit, ulimits in Docker.
secrets-covered = Log-ins and stream keys do not cross the Internet without TLS.
plain-http-public = This server is on the Internet without TLS. People can watch, but log-ins and stream keys are refused there.
plain-http-public-fix = Set tls.listen and tls.acme_names, or http.trusted_proxies where a proxy speaks TLS. docs/TLS.md says how.
plain-http-insecure = Log-ins and stream keys are taken without TLS: anybody on the way can read them.
plain-http-insecure-fix = Set up TLS (docs/TLS.md), and remove http.allow_insecure.
proxy-missing = The public address is { $url }, but neither this server nor a proxy that it trusts speaks HTTPS.
proxy-missing-fix = Set http.trusted_proxies to the address of your proxy, or set tls.listen.
proxies-trusted = Proxies in { $networks } are believed when they say who asks.
proxies-everybody = Everybody is believed to be a proxy ({ $networks }). Anybody can pretend to come from another address, past every limit.
proxies-everybody-fix = Set http.trusted_proxies to the addresses of your proxies only.
certificate-good = The certificate for { $name } is good for { $days } more days.
certificate-ending = The certificate for { $name } ends in { $days } days.
certificate-ending-fix = Renew it. If it comes by ACME, the server’s log says why that has not happened.
certificate-ended = The certificate for { $name } has ended, or has not begun.
certificate-ended-fix = Renew it, and see that this machine’s clock is right.
certificate-other-name = The certificate is for { $names }, and not for { $name }. Browsers refuse it.
certificate-other-name-fix = Get a certificate for { $name }, or correct http.public_url.
certificate-self-signed = The certificate for { $name } is self-signed. Browsers warn of it, and programs refuse it.
certificate-self-signed-fix = Nothing, for development. Otherwise set tls.acme_names instead of tls.self_signed.
certificate-missing = TLS cannot be spoken: { $reason }
certificate-missing-fix = The server’s log says more. ACME needs port 443 or 80 to be reached from the Internet.
turn-elsewhere = Clients are told of a TURN server elsewhere.
turn-off = There is no TURN server. Viewers in networks that only let relayed media through get HLS.
turn-off-fix = Set turn.enabled, or name a TURN server in ice.urls.
turn-missing = The TURN server does not run: { $address } could not be had when the server started.
turn-missing-fix = Stop the program that holds the port and start the server anew, or set turn.listen to another port.
clock-synchronised = This machine’s clock is kept right.
clock-loose = Nothing keeps this machine’s clock right. Once it is wrong, certificates, second factors and TURN passwords are refused.
clock-loose-fix = Turn on synchronisation: timedatectl set-ntp true, or install chrony.
disk-room = { $folder } has { $free } GB free.
disk-full = { $folder } has only { $free } GB free. Recordings stop first, then everything that is stored.
disk-full-fix = Make room, or let recordings be kept for a shorter time.
disk-unusable = { $folder } cannot be written: { $reason }
disk-unusable-fix = Give the folder to the user that runs the server, or set data.dir.
database-answers = The database ({ $kind }) answers in { $milliseconds } ms.
database-silent = The database ({ $kind }) does not answer: { $reason }
database-silent-fix = See that it runs and can be reached, and that data.database_url is right.
gstreamer-complete = GStreamer has all that media workers need.
gstreamer-incomplete = GStreamer lacks { $elements }.
gstreamer-incomplete-fix = Install GStreamer’s sets of plugins base, good, bad, ugly and libav.
gstreamer-broken = GStreamer does not start: { $reason }
gstreamer-broken-fix = Install GStreamer 1.22 or newer, with its plugins.
service-http = HTTP
service-https = HTTPS
service-rtmp = RTMP
service-rtmps = RTMPS
service-media-udp = WebRTC media over UDP
service-media-tcp = WebRTC media over TCP
service-turn-udp = TURN over UDP
service-turn-tcp = TURN over TCP
service-turn-tls = TURN over TLS

# The page
title = Connectivity
note = The server tests itself from outside in, as far as a machine can. The command weir doctor says the same.
again = Test again
testing = Testing, this takes a few seconds
tested = Tested { $when }
all-good = Everything can be reached
to-do = { $count ->
    [one] One thing keeps people out
   *[other] { $count } things keep people out
  }
to-look = { $count ->
    [one] One thing to look at
   *[other] { $count } things to look at
  }
problem = Problem
warning = Warning
good = Good
what-to-do = What to do:
good-ones = { $count ->
    [one] One check without a finding
   *[other] { $count } checks without a finding
  }
transports = How viewers got it in the last hour
transports-note = Shares of the time that people watched. TCP, TURN and HLS are for networks that block UDP.
nobody-watched = Nobody watched in the last hour.
way-udp = WebRTC, UDP
way-tcp = WebRTC, TCP
way-turn = WebRTC, TURN
way-hls = HLS
share = { $percent } %
failed-sessions = { $count ->
    [one] One WebRTC session was answered and never connected.
   *[other] { $count } WebRTC sessions were answered and never connected.
  }
