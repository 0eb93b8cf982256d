import { chromium, type Page } from '@playwright/test';
import { buildSync } from 'esbuild';
import { figure } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { blankPage } from '../lib/publisher.ts';
import { received } from '../lib/reader.ts';
import { until, type StreamAccess } from '../lib/server.ts';

/** How long each client is looked at; all of them at the same time. */
const SECONDS = 30;
/** What is asked of the fake cameras. */
const FPS = 20;

/** Others' clients, in one script that puts them on the window, as a site's bundler would. */
const bundle = buildSync({
  stdin: {
    contents: `
      export { WHIPClient as MedoozePublisher } from 'whip-whep/whip.js';
      export { WHEPClient as MedoozePlayer } from 'whip-whep/whep.js';
      export { WHIPClient as EyevinnPublisher } from '@eyevinn/whip-web-client';
      export { WebRTCPlayer as EyevinnPlayer } from '@eyevinn/webrtc-player';`,
    resolveDir: process.cwd(),
  },
  bundle: true,
  write: false,
  format: 'iife',
  globalName: 'clients',
  logLevel: 'error',
}).outputFiles[0].text;

declare global {
  interface Window {
    clients: {
      MedoozePublisher: typeof import('whip-whep/whip.js').WHIPClient;
      MedoozePlayer: typeof import('whip-whep/whep.js').WHEPClient;
      EyevinnPublisher: typeof import('@eyevinn/whip-web-client').WHIPClient;
      EyevinnPlayer: typeof import('@eyevinn/webrtc-player').WebRTCPlayer;
    };
    /** Ends what the page does, as its client does it. */
    weirStop: () => Promise<void>;
  }
}

/** A client's way, as its own documentation has it. Runs in the page. */
type Way = (access: StreamAccess) => Promise<void>;

const publishers: Record<string, Way> = {
  '@eyevinn/whip-web-client': async ({ whip_url, key }) => {
    const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 20 }, audio: true });
    const client = new window.clients.EyevinnPublisher({ endpoint: whip_url, opts: { authkey: key, iceServers: [] } });
    await client.setIceServersFromEndpoint();
    await client.ingest(camera);
    window.weirStop = () => client.destroy();
  },
  'whip-whep': async ({ whip_url, key }) => {
    const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 20 }, audio: true });
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const track of camera.getTracks()) connection.addTransceiver(track, { direction: 'sendonly' });
    const client = new window.clients.MedoozePublisher();
    await client.publish(connection, whip_url, key);
    window.weirStop = () => client.stop();
  },
};

const players: Record<string, Way> = {
  'whip-whep': async ({ whep_url }) => {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    connection.addTransceiver('audio');
    connection.addTransceiver('video');
    connection.ontrack = ({ track, streams }) => {
      if (track.kind === 'video') document.querySelector('video')!.srcObject = streams[0];
    };
    const client = new window.clients.MedoozePlayer();
    await client.view(connection, whep_url);
    window.weirStop = () => client.stop();
  },
  '@eyevinn/webrtc-player': async ({ whep_url }) => {
    const video = document.querySelector('video')!;
    const player = new window.clients.EyevinnPlayer({ video, type: 'whep', iceServers: [] });
    await player.load(new URL(whep_url));
    window.weirStop = () => player.unload();
  },
};

/** What a client asked of the server, and with which status it was answered. */
function exchanges(page: Page): string[] {
  const found: string[] = [];
  page.on('response', (response) => {
    const path = new URL(response.url()).pathname.replace(/[0-9a-f]{32}/, 'ID');
    if (/^\/wh[ei]p/.test(path)) found.push(`${response.request().method()} ${path} ${response.status()}`);
  });
  return found;
}

test('others’ WHIP and WHEP clients publish and play for half a minute', async ({ server, viewers }, info) => {
  const options = info.project.use.launchOptions!;
  const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const cameras = await chromium.launch({ ...options, args: [...options.args!, ...fake] });
  try {
    const pairs = [
      ['@eyevinn/whip-web-client', 'whip-whep'],
      ['whip-whep', '@eyevinn/webrtc-player'],
    ] as const;
    const runs = pairs.map(async ([publisher, player], number) => {
      const access = await server.createStream(`others-${number}`);
      const context = await cameras.newContext();
      const source = await blankPage(context, server.origin);
      const published = exchanges(source);
      await source.addScriptTag({ content: bundle });
      await source.evaluate(publishers[publisher], access);
      await until(`${publisher} is live`, async () => (await fetch(`${server.origin}/api/v1/streams/${access.slug}`)).text().then((text) => text.includes('"live":true')), 20_000);

      const page = await blankPage(viewers, server.origin, '<video autoplay muted playsinline></video>');
      const played = exchanges(page);
      await page.addScriptTag({ content: bundle });
      await page.evaluate(players[player], access);
      await page.waitForFunction(() => window.weirReader.frames.length > 0, undefined, { timeout: 20_000 });
      const before = await received(page);
      await page.waitForTimeout(1_000 * SECONDS);
      const after = await received(page);

      const frames = after.framesDecoded - before.framesDecoded;
      const sound = (after.samples - before.samples - (after.concealed - before.concealed)) / 48_000;
      figure(
        `${publisher} → ${player}, ${SECONDS} s`,
        `${frames} frames of ${after.codec}, ${after.width} wide, ${after.freezes - before.freezes} freezes; ${sound.toFixed(1)} s of sound`,
      );
      expect(after.connectionState).toBe('connected');
      expect(frames).toBeGreaterThan(SECONDS * FPS * 0.8);
      expect(sound).toBeGreaterThan(SECONDS * 0.95);

      // Both end as their clients end: with DELETE, which must not fail whatever they closed before.
      await page.evaluate(() => window.weirStop());
      await source.evaluate(() => window.weirStop());
      for (const [client, said] of [[publisher, published], [player, played]] as const) {
        await expect.poll(() => said.at(-1), { message: `${client}: ${said.join(', ')}` }).toMatch(/^DELETE .* 200$/);
        figure(`what ${client} asked for`, said.filter((it) => !it.startsWith('GET')).join(', '));
      }
      await context.close();
    });
    await Promise.all(runs);
  } finally {
    await cameras.close();
  }
});
