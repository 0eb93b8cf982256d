import type { Page } from '@playwright/test';

/** A viewer without the client: a <video> and one WHEP session. */
export interface Joined {
  /** When the offer was posted, in milliseconds since the Unix epoch. */
  posted: number;
  /** The session. */
  resource: string;
  /** Where layers are chosen (the extension of draft-ietf-wish-whep-extensions), if the server offers it. */
  layer: string | null;
}

/** Runs in the page: drops the viewer that there is and opens another. */
async function joinHere(url: string): Promise<Joined> {
  const video = document.createElement('video');
  video.autoplay = true;
  video.muted = true;
  video.playsInline = true;
  document.body.replaceChildren(video);
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const stream = new MediaStream();
  connection.ontrack = ({ track }) => stream.addTrack(track);
  video.srcObject = stream;
  connection.addTransceiver('video', { direction: 'recvonly' });
  connection.addTransceiver('audio', { direction: 'recvonly' });
  await connection.setLocalDescription();
  // Frames of the one before are not its own.
  window.weirReader.frames.length = 0;
  const posted = Date.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: connection.localDescription!.sdp,
  });
  if (response.status !== 201) throw new Error(`WHEP: ${response.status} ${await response.text()}`);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  // Several links are joined by commas (RFC 8288 section 3); none of the server's has one inside.
  const links = (response.headers.get('Link') ?? '').split(',');
  const layer = links.find((link) => /;\s*rel="?urn:ietf:params:whep:ext:core:layer"?\s*(;|$)/.test(link));
  const target = layer && /<([^>]*)>/.exec(layer)?.[1];
  return {
    posted,
    resource: new URL(response.headers.get('Location')!, url).href,
    layer: target ? new URL(target, url).href : null,
  };
}

/** Opens a session in a blank page of the server's origin. */
export async function join(page: Page, whepUrl: string): Promise<Joined> {
  return page.evaluate(joinHere, whepUrl);
}

/** Ends a session, as a page that is left does. */
export async function leave(page: Page, { resource }: Joined): Promise<void> {
  const status = await page.evaluate(async (resource) => {
    const { status } = await fetch(resource, { method: 'DELETE' });
    window.weirReader.connections.at(-1)!.close();
    document.body.replaceChildren();
    return status;
  }, resource);
  if (status !== 200) throw new Error(`DELETE of the WHEP session: ${status}`);
}

/** Chooses a layer by its name; null is automatic. */
export async function chooseLayer(page: Page, { layer }: Joined, encodingId: string | null): Promise<void> {
  if (layer === null) throw new Error('the server offers no choice of layer');
  const status = await page.evaluate(
    async ([layer, body]) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(layer, { method: 'POST', headers, body });
      return response.ok ? 'ok' : `${response.status} ${await response.text()}`;
    },
    [layer, JSON.stringify(encodingId === null ? {} : { encodingId })],
  );
  if (status !== 'ok') throw new Error(`choosing ${encodingId ?? 'automatically'}: ${status}`);
}

/** Waits for the first frame of a session; resolves with when it was shown. */
export async function firstFrame(page: Page, timeout = 15_000): Promise<number> {
  const handle = await page.waitForFunction(() => window.weirReader.frames.find(({ front }) => front)?.shown, undefined, {
    timeout,
    polling: 20,
  });
  return (await handle.jsonValue())!;
}
