import type { Page } from '@playwright/test';
import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { blankPage, FULL_SIZE, publishByWhip } from '../lib/publisher.ts';
import { received, untilFresh, watch, watchedSince } from '../lib/reader.ts';

/** The picture stops, the page says that it waits, and goes on with the same session when the source is back. */
async function expectWait(page: Page, lost: number): Promise<number> {
  await expect(player(page)).toHaveAttribute('data-state', 'reconnecting', { timeout: 8_000 });
  return Date.now() - lost;
}

async function expectReturn(page: Page, size: string, codec: string, since: number): Promise<void> {
  await untilFresh(page, { maxAge: 3_000, since });
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  const watched = await watch(page, 3);
  const stats = await received(page);
  expect(watched.size).toBe(size);
  // Two encoders and a decoder may be more than the machine has; that is not the question here.
  expect(watched.frames).toBeGreaterThan(3 * 5);
  expect(stats.codec.toLowerCase()).toBe(codec);
  expect(stats.connectionState).toBe('connected');
}

test('viewers stay through the loss of a publisher, and through other sizes and codecs after it', async ({ server, publish, browser, playwright, launchOptions, viewers }) => {
  const access = await server.createStream('continuity');
  let source = publish(access, 'plain');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  await watch(page, 2);
  let offers = 0;
  let loads = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/whep/')) offers++;
    if (request.isNavigationRequest()) loads++;
  });
  const connections = await page.evaluate(() => window.weirReader.connections.length);
  const from = Date.now();

  // H.264 by RTMP, 720p, is lost, and comes back as 360p.
  let lost = Date.now();
  await source.kill();
  const waits = [await expectWait(page, lost)];
  source = publish(access, 'small');
  await source.flowing();
  await expectReturn(page, '640x360', 'video/h264', source.started);
  const returns = [`360p by RTMP ${ms((await firstSince(page, source.started)) - source.started)}`];

  // That is lost, and comes back as VP8 by WHIP, from a browser that can be killed. It stands ready: a stream waits for
  // its publisher for so long only.
  const other = await playwright.chromium.launchServer(launchOptions);
  try {
    const publisher = await playwright.chromium.connect(other.wsEndpoint());
    const whip = await blankPage(await publisher.newContext(), server.origin);
    lost = Date.now();
    await source.kill();
    waits.push(await expectWait(page, lost));
    let began = Date.now();
    await publishByWhip(whip, access, 'VP8', FULL_SIZE);
    await expectReturn(page, '1280x720', 'video/vp8', began);
    returns.push(`720p VP8 by WHIP ${ms((await firstSince(page, began)) - began)}`);

    // That browser crashes, and H.264 by RTMP follows.
    lost = Date.now();
    await other.kill();
    waits.push(await expectWait(page, lost));
    source = publish(access, 'plain');
    await source.flowing();
    began = source.started;
    await expectReturn(page, '1280x720', 'video/h264', began);
    returns.push(`720p by RTMP ${ms((await firstSince(page, began)) - began)}`);
  } finally {
    await other.kill();
  }

  const watched = await watchedSince(page, from);
  expect(watched.jumpBack, 'nothing old is shown again').toBe(0);

  // While it works, another takes over: from a browser of this machine, in the same moment.
  const context = await browser.newContext();
  const taker = await blankPage(context, server.origin);
  const began = Date.now();
  await publishByWhip(taker, access, 'H264', FULL_SIZE);
  await source.ended();
  await page.waitForFunction((began) => window.weirReader.frames.some(({ shown, clock }) => shown > began + 1_000 && clock !== null), began);
  await untilFresh(page, { maxAge: 1_500, since: Date.now() + 500 });
  const takeover = await watchedSince(page, began);
  figure('publisher killed: page says reconnecting after', `${waits.map(ms).join(', ')} (RTMP, RTMP, WHIP)`);
  figure("  from the new publisher's first frame to the picture", returns.join(', '));
  figure('  another publisher takes over: longest time without a new frame', `${ms(takeover.longestGap)}; its picture is older than the last one's by ${ms(takeover.jumpBack)}`);
  expect(takeover.longestGap).toBeLessThan(2_500);
  // Two sources at once: what differs is how far behind each is.
  expect(takeover.jumpBack).toBeLessThan(1_500);

  expect(offers, 'one WHEP session all the time').toBe(0);
  expect(loads, 'no reload').toBe(0);
  expect(await page.evaluate(() => window.weirReader.connections.length)).toBe(connections);
  await context.close();
});

/** When the first readable frame drawn after `since` was shown. */
async function firstSince(page: Page, since: number): Promise<number> {
  const first = await page.waitForFunction(
    (since) => window.weirReader.frames.find(({ front, clock }) => front && clock !== null && clock >= since)?.shown,
    since,
    { timeout: 5_000, polling: 50 },
  );
  return (await first.jsonValue())!;
}

test('video that nobody sees is not sent: a hidden tab, a paused player', async ({ server, publish, viewers }) => {
  const access = await server.createStream('hidden');
  const source = publish(access, 'plain');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  const show = (visible: boolean) =>
    page.evaluate((visible) => {
      // Headless tabs are never hidden: the page is told as the browser would tell it.
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (visible ? 'visible' : 'hidden') });
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => !visible });
      document.dispatchEvent(new Event('visibilitychange'));
    }, visible);
  /** Packets of two seconds, a moment after the last change. */
  const packets = async () => {
    const before = await received(page);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const after = await received(page);
    return { video: after.videoPackets - before.videoPackets, audio: after.audioPackets - before.audioPackets };
  };
  const seen = await packets();
  await show(false);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const hidden = await packets();
  expect(seen.video).toBeGreaterThan(200);
  expect(hidden.video).toBeLessThan(10);
  expect(hidden.audio).toBeGreaterThan(80);
  const shown = Date.now();
  await show(true);
  await untilFresh(page, { maxAge: 1_500, since: shown });
  const back = (await firstSince(page, shown)) - shown;
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  figure('hidden tab: packets in 2 s', `${hidden.video} video, ${hidden.audio} audio (seen: ${seen.video} and ${seen.audio}); picture ${ms(back)} after it is seen again`);
  expect(back).toBeLessThan(2_000);
});
