import type { Page } from '@playwright/test';
import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player } from '../lib/fixtures.ts';
import { test, type Elsewhere } from '../lib/networks.ts';
import { Visitor } from '../lib/pages.ts';
import { received, untilFresh, watch, watchedSince } from '../lib/reader.ts';
import type { StreamAccess, WeirServer } from '../lib/server.ts';

const TURN = 34_780;

/** What the browser says of the way that it takes. */
async function way(page: Page): Promise<{ local: string; relay: string; remote: string; family: string }> {
  return page.evaluate(async () => {
    const reports = [...(await window.weirReader.connections.at(-1)!.getStats()).values()];
    const of = (id: string) => reports.find((report) => report.id === id) ?? {};
    const transport = reports.find(({ type }) => type === 'transport');
    const pair = of(transport?.selectedCandidatePairId);
    const [local, remote] = [of(pair.localCandidateId), of(pair.remoteCandidateId)];
    return {
      local: `${local.candidateType} ${local.protocol}`,
      relay: local.relayProtocol ?? '',
      remote: `${remote.protocol} ${remote.port}`,
      family: remote.address?.includes(':') ? 'IPv6' : 'IPv4',
    };
  });
}

interface Asked {
  offers: number;
  restarts: number;
}

/** Opens the watch page of a stream there, and waits for its picture. */
async function look({ viewers, origin }: Elsewhere, access: StreamAccess): Promise<{ page: Page; first: number; asked: Asked }> {
  const page = await viewers.newPage();
  const asked = { offers: 0, restarts: 0 };
  page.on('request', (request) => {
    if (!request.url().includes('/whep/')) return;
    if (request.method() === 'POST' && !request.url().includes('/session/')) asked.offers++;
    if (request.method() === 'PATCH') asked.restarts++;
  });
  await page.goto(`${origin}${new URL(access.watch_url).pathname}`);
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  await untilFresh(page, { maxAge: 3_000 });
  const first = (await page.evaluate(() => window.weirReader.firstFrame))!;
  return { page, first, asked };
}

/** The picture moves, by WebRTC, and not by anything else. */
async function plays(page: Page): Promise<string> {
  const watched = await watch(page, 2);
  expect(watched.frames).toBeGreaterThan(30);
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  expect((await received(page)).connectionState).toBe('connected');
  return `p50 ${ms(watched.delay.p50)}`;
}

test('behind NAT, with UDP to the TURN server alone', async ({ elsewhere, networks, publish }) => {
  const there = await elsewhere({
    settings: { WEIR_TURN_LISTEN: `${networks.near}:${TURN}` },
    passes: ({ http }) => [`-p tcp --dport ${http}`, `-p udp --dport ${TURN}`],
  });
  const access = await there.server.createStream('turn');
  await publish(access, 'small').flowing();
  const { page, first, asked } = await look(there, access);
  figure('UDP to TURN alone: from navigation to the first frame', `${ms(first)}; ${await plays(page)}`);
  expect(await way(page)).toMatchObject({ local: 'relay udp', relay: 'udp', remote: `udp ${there.server.media}` });
  expect(asked).toEqual({ offers: 1, restarts: 1 });

  // What the network needs is known to this page now.
  await page.getByRole('link', { name: 'Weir' }).first().click();
  await expect(player(page)).toHaveCount(0);
  const again = Date.now();
  await page.goBack();
  await untilFresh(page, { maxAge: 3_000, since: again });
  figure('  and for the next stream on this page', ms(Date.now() - again));
});

for (const [name, media] of [
  ['media over TCP', true],
  ['TURN over TLS', false],
] as const) {
  test(`where nothing but TCP port 443 is open: HTTPS, and ${name}`, async ({ elsewhere, networks, publish }) => {
    const origin = `https://${networks.near}`;
    const there = await elsewhere({
      settings: {
        WEIR_TLS_LISTEN: `${networks.near}:443`,
        WEIR_TLS_SELF_SIGNED: 'true',
        WEIR_TLS_MEDIA: String(media),
        WEIR_TURN_LISTEN: `${networks.near}:${TURN}`,
        WEIR_HTTP_PUBLIC_URL: origin,
      },
      origin: () => origin,
      passes: () => ['-p tcp --dport 443'],
      args: ['--ignore-certificate-errors'],
    });
    const access = await there.server.createStream('port443');
    await publish({ ...access, rtmp_url: `rtmp://127.0.0.1:${there.server.rtmp}/live` }, 'small').flowing();
    const { page, first, asked } = await look(there, access);
    figure(`TCP port 443 alone, ${name}: from navigation to the first frame`, `${ms(first)}; ${await plays(page)}`);
    if (media) expect(await way(page)).toMatchObject({ remote: 'tcp 443' });
    else expect(await way(page)).toMatchObject({ local: 'relay udp', relay: 'tls', remote: `udp ${there.server.media}` });
    expect(asked).toEqual({ offers: 1, restarts: media ? 0 : 1 });
  });
}

test('a client that has IPv6 alone', async ({ elsewhere, publish }) => {
  const there = await elsewhere({ family: 6 });
  const access = await there.server.createStream('six');
  await publish(access, 'small').flowing();
  const { page, first, asked } = await look(there, access);
  // Where there is no IPv4 at all, Chromium's first gathering finds nothing and does not end; a restart helps it.
  figure('IPv6 alone: from navigation to the first frame', `${ms(first)}; ${asked.restarts} ICE restarts; ${await plays(page)}`);
  expect(await way(page)).toMatchObject({ remote: `udp ${there.server.media}`, family: 'IPv6' });
  expect(asked.offers).toBe(1);
});

test('a server with two addresses, of which the client cannot reach the first', async ({ elsewhere, networks, publish }) => {
  const there = await elsewhere({ settings: { WEIR_MEDIA_ADVERTISE: `${networks.unreachable},${networks.near}` } });
  const access = await there.server.createStream('two');
  await publish(access, 'small').flowing();
  const { page, first, asked } = await look(there, access);
  figure('two addresses, one unreachable: from navigation to the first frame', `${ms(first)}; ${await plays(page)}`);
  expect(await way(page)).toMatchObject({ remote: `udp ${there.server.media}` });
  expect(asked).toEqual({ offers: 1, restarts: 0 });
});

test('a viewer whose address changes goes on in its session', async ({ elsewhere, networks, publish }) => {
  const there = await elsewhere({});
  const access = await there.server.createStream('roams');
  await publish(access, 'small').flowing();
  const { page, first, asked } = await look(there, access);
  figure('NAT, nothing blocked: from navigation to the first frame', ms(first));
  await plays(page);

  // Until the browser says that there is no path: an address that changes at once costs no more than a check.
  const from = Date.now();
  await networks.leave();
  await page.waitForFunction(() => window.weirReader.connections.at(-1)!.iceConnectionState === 'disconnected', undefined, { polling: 50 });
  await networks.move(3);
  const back = Date.now();
  await untilFresh(page, { maxAge: 3_000, since: back });
  const picture = Date.now() - back;
  const { longestGap } = await watchedSince(page, from);
  await expect.poll(() => asked.restarts).toBeGreaterThan(0);
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc', { timeout: 10_000 });
  await plays(page);
  figure('address changed under a viewer: picture after', `${ms(picture)}, longest gap ${ms(longestGap)}`);
  expect(asked.offers).toBe(1);
});

test('a browser that is live and loses its network goes on in its session', async ({ elsewhere, networks, viewers: near }) => {
  const there = await elsewhere({
    settings: { WEIR_HTTP_ALLOW_INSECURE: 'true' },
    args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  const { server, origin } = there;
  // The same server, by its address there.
  const otto = await Visitor.arrive(there.browser, Object.create(server, { origin: { value: origin } }) as WeirServer);
  await otto.registerAs('otto', 'speaker');
  const { page } = otto;
  let [offers, restarts] = [0, 0];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/whip')) offers++;
    if (request.method() === 'PATCH' && request.url().includes('/whip/')) restarts++;
  });
  await otto.go('/studio');
  await page.getByRole('button', { name: 'New stream' }).click();
  await page.getByLabel('Title').fill('On the road');
  await page.getByRole('button', { name: 'Create stream' }).click();
  await page.getByRole('link', { name: 'Go live from this browser' }).click();
  await page.getByRole('button', { name: 'Use camera and microphone' }).click();
  await page.getByRole('button', { name: 'Go live', exact: true }).click();
  await expect(page.locator('[data-broadcast]')).toHaveAttribute('data-broadcast', 'live');

  const viewer = await openWatchPage(near, { watch_url: `${server.origin}/@on-the-road` } as StreamAccess);
  await expect(player(viewer)).toHaveAttribute('data-state', 'playing');
  const decoded = async () => (await received(viewer)).framesDecoded;
  await expect.poll(decoded).toBeGreaterThan(10);

  // Whoever goes live before the microphone is there begins again with it.
  [offers, restarts] = [0, 0];
  await networks.leave();
  // Longer than the server waits before it says that the publisher is lost.
  await expect(player(viewer)).toHaveAttribute('data-state', 'reconnecting', { timeout: 8_000 });
  await networks.move(4);
  const back = Date.now();
  const before = await decoded();
  await expect.poll(decoded, { intervals: [50] }).toBeGreaterThan(before + 5);
  figure('address changed under a browser that is live: picture after', ms(Date.now() - back));
  await expect(player(viewer)).toHaveAttribute('data-state', 'playing');
  await expect(page.locator('[data-broadcast]')).toHaveAttribute('data-broadcast', 'live');
  expect(offers).toBe(0);
  expect(restarts).toBeGreaterThan(0);
  await otto.context.close();
});
