import { existsSync } from 'node:fs';
import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, player, test } from '../lib/fixtures.ts';
import { farAccess, farOrigin, test as onLink } from '../lib/link.ts';
import { complaints } from '../lib/pages.ts';
import { blankPage, publishByWhip } from '../lib/publisher.ts';
import { installReaderIn, watch } from '../lib/reader.ts';

const FIREFOX = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';
/** First visits to measure, each with a cache and connections of its own. */
const VISITS = 7;

test('a first visit is soon usable, and soon sees the picture', async ({ server, publish, browser }) => {
  const access = await server.createStream('soon', 'Soon on the air');
  await publish(access, 'small').flowing();

  const home: number[] = [];
  const picture: number[] = [];
  for (let visit = 0; visit < VISITS; visit++) {
    const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1440, height: 900 } });
    await installReaderIn(context);
    const page = await context.newPage();
    await page.goto(server.origin);
    // What is there can be used: the stream is listed, and the field of the search takes what is typed.
    await page.getByRole('link', { name: /Soon on the air/ }).first().waitFor();
    home.push(await page.evaluate(() => performance.now()));
    await context.close();

    const viewer = await browser.newContext({ bypassCSP: true, viewport: { width: 1440, height: 900 } });
    await installReaderIn(viewer);
    const watching = await viewer.newPage();
    let offers = 0;
    watching.on('request', (request) => (offers += Number(request.url().includes('/whep/soon'))));
    await watching.goto(access.watch_url);
    await watching.waitForFunction(() => window.weirReader.firstFrame !== null, undefined, { timeout: 20_000, polling: 20 });
    picture.push((await watching.evaluate(() => window.weirReader.firstFrame))!);
    // What the page began is what the client goes on with.
    expect(offers).toBe(1);
    await viewer.close();
  }
  const [usable, seen] = [distribution(home), distribution(picture)];
  figure('first visit: home with its streams after', `p50 ${ms(usable.p50)}, worst of ${VISITS} ${ms(usable.max)} (goal 1000)`);
  figure('first visit to a watch page: first frame after', `p50 ${ms(seen.p50)}, worst of ${VISITS} ${ms(seen.max)} (goal 600)`);
  expect(usable.p50).toBeLessThan(5_000);
  expect(seen.p50).toBeLessThan(5_000);
});

test('a page that is left before the client runs leaves no viewer behind', async ({ server, publish, browser }) => {
  const access = await server.createStream('left', 'Left at once');
  await publish(access, 'small').flowing();
  const count = async () => (await (await fetch(`${server.origin}/api/v1/streams/left`)).json()).viewers.webrtc as number;
  const context = await browser.newContext();
  await context.route(/\.wasm$/, () => {}); // It never comes.
  const page = await context.newPage();
  await page.goto(access.watch_url, { waitUntil: 'commit' });
  await expect.poll(count, { timeout: 10_000 }).toBe(1);
  await page.goto('about:blank');
  const left = Date.now();
  await expect.poll(count, { timeout: 10_000 }).toBe(0);
  figure('left before the client ran: no viewer any more after', ms(Date.now() - left));
  await context.close();
});

// At the link's near end, because Firefox does not use the loopback interface for WebRTC.
onLink('Firefox: the watch page plays over WebRTC, and by HLS what it has no decoder for', async ({ server, link, browser, publish, playwright }) => {
  onLink.skip(!existsSync(FIREFOX) && !process.env.CI, `${FIREFOX} is missing: run script/bootstrap --test`);
  // Firefox without a network has no H.264 decoder for WebRTC; it downloads that.
  const vp8 = await server.createStream('vp8', 'By WebRTC');
  const publisher = await browser.newContext();
  await publishByWhip(await blankPage(publisher, server.origin), vp8, 'VP8');
  const h264 = await server.createStream('h264', 'By HLS');
  await publish(h264, 'small').flowing();

  const firefox = await playwright.firefox.launch({
    channel: 'moz-firefox',
    executablePath: FIREFOX,
    args: [],
    firefoxUserPrefs: { 'media.autoplay.default': 0 },
  });
  try {
    const context = await firefox.newContext({ viewport: { width: 1280, height: 800 } });
    await installReaderIn(context);
    const page = await context.newPage();
    const said = complaints(page);
    await page.goto(farOrigin(server, link));
    await page.getByRole('link', { name: /By WebRTC/ }).first().click();
    for (const [access, transport, seconds] of [[vp8, 'webrtc', 30], [h264, 'hls', 4]] as const) {
      if (access === h264) await page.goto(farAccess(access, server, link).watch_url);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      await expect(player(page)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 });
      await expect(player(page)).toHaveAttribute('data-transport', transport);
      const watched = await watch(page, seconds);
      figure(`Firefox ${firefox.version()}, watch page by ${transport}`, `${watched.frames} frames in ${seconds} s, ${watched.size}, p50 ${ms(watched.delay.p50)}`);
      expect(watched.frames).toBeGreaterThan(seconds * 10);
      await expect(page.locator('.room')).toHaveAttribute('data-room', 'ready');
    }
    said.none();
  } finally {
    await firefox.close();
  }
  await publisher.close();
});
