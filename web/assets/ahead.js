// Begins a watch page's session over WebRTC while the client is on its way: neither needs the other, and each takes
// most of the time until the first picture. The client goes on with it (web/src/player/ahead.rs), or with one of its own
// where this comes to nothing.
(() => {
  const slug = /^\/(?:@|embed\/)([a-z0-9][a-z0-9_-]*)\/?$/.exec(location.pathname)?.[1];
  if (!slug || location.search.includes("transport=hls") || !globalThis.RTCPeerConnection) return;

  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  for (const kind of ["video", "audio"]) {
    const { receiver } = connection.addTransceiver(kind, { direction: "recvonly" });
    receiver.jitterBufferTarget = receiver.playoutDelayHint = 0;
  }

  const end = (location) => {
    connection.close();
    if (location) fetch(location, { method: "DELETE", keepalive: true }).catch(() => {});
  };

  const begin = async () => {
    const { sdp: plain } = await connection.createOffer();
    // Stereo, as in web/src/player/sdp.rs.
    const opus = /a=rtpmap:(\d+) opus\/48000/i.exec(plain)?.[1];
    const offer = plain.replace(new RegExp(`a=fmtp:${opus} (?!.*stereo=)`), "$&stereo=1;");
    await connection.setLocalDescription({ type: "offer", sdp: offer });

    const headers = { "Content-Type": "application/sdp" };
    const token = /(?:^|; )[^=;]*weir_csrf=([^;]+)/.exec(document.cookie)?.[1];
    if (token) headers["X-CSRF-Token"] = token;
    const asked = performance.now();
    const response = await fetch(`/whep/${slug}`, { method: "POST", headers, body: offer, cache: "no-store" });
    const answer = await response.text();
    const field = (name) => response.headers.get(name);
    const location = field("Location");
    if (response.status === 201) {
      await connection.setRemoteDescription({ type: "answer", sdp: answer }).catch((error) => {
        end(location);
        throw error;
      });
    }
    return {
      status: response.status,
      location,
      link: field("Link"),
      retryAfter: field("Retry-After"),
      answer,
      tookMs: performance.now() - asked,
    };
  };

  const ahead = { slug, connection, begun: begin() };
  globalThis.weirAhead = ahead;

  // A session that nobody takes, since the client does not start or the viewer has gone, is a viewer to nobody.
  const leave = async () => {
    if (globalThis.weirAhead !== ahead) return;
    delete globalThis.weirAhead;
    connection.close();
    end((await ahead.begun).location);
  };
  const quietly = () => leave().catch(() => {});
  ahead.begun.catch(() => {});
  addEventListener("pagehide", quietly);
  setTimeout(quietly, 20_000);
})();
