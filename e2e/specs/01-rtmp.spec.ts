import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { jitterBuffers, untilFresh, watch, watchedSince } from '../lib/reader.ts';

test('RTMP without B-frames plays over WebRTC on the watch page', async ({ server, publish, viewers }) => {
  const access = await server.createStream('plain');
  const source = publish(access, 'plain');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 2_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  await expect(player(page)).toHaveAttribute('data-state', 'playing');

  await watch(page, 5); // The jitter buffer settles.
  const late = source.lateFrames;
  const watched = await watch(page, 15);
  const own = source.ownDelay();
  figure('RTMP without B-frames → WebRTC', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)} (goal 120); beyond FFmpeg's own ${ms(own.p50)}: ${ms(watched.delay.p50 - own.p50)}; ${watched.frames} frames, longest gap ${ms(watched.longestGap)}, ${source.lateFrames - late} late at the source`);
  const waits = await jitterBuffers(page);
  // Browsers hold the picture back until the sound that belongs to it has come through its own buffer.
  figure('  of it in the browser, jitter buffer of video', `${ms(waits.video)}; of audio ${ms(waits.audio)}`);
  expect(watched.size).toBe('1280x720');
  expect(watched.frames).toBeGreaterThan(15 * 15);
  expect(watched.unreadable).toBeLessThan(watched.frames / 50);
  expect(watched.delay.p50).toBeLessThan(600);
  // What the player says is near what the picture says in the same seconds; its view ends before the compositor.
  const since = Date.now();
  const said: number[] = [];
  while (Date.now() < since + 3_000) {
    const delay = await player(page).getAttribute('data-delay-ms');
    if (delay) said.push(Number(delay));
    await page.waitForTimeout(250);
  }
  const [shown, meanwhile] = [distribution(said).p50, (await watchedSince(page, since)).delay.p50];
  figure('  delay that the player shows', `${ms(shown)}, the picture's meanwhile ${ms(meanwhile)}`);
  expect(said.length).toBeGreaterThan(3);
  expect(Math.abs(shown - meanwhile)).toBeLessThan(400);

  const joins: number[] = [];
  for (let join = 0; join < 6; join++) {
    await page.reload();
    await untilFresh(page, { maxAge: 2_000 });
    joins.push((await page.evaluate(() => window.weirReader.firstFrame))!);
  }
  const joined = distribution(joins);
  figure('  from navigation to the first frame', `p50 ${ms(joined.p50)}, worst ${ms(joined.max)} of ${joined.count}`);
  expect(joined.p50).toBeLessThan(4_000);
});

test("RTMP with OBS's defaults, B-frames and 8.3 s between keyframes, plays over WebRTC", async ({ server, publish, viewers }) => {
  const access = await server.createStream('obs');
  const source = publish(access, 'obs');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 4_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');

  await watch(page, 5);
  const late = source.lateFrames;
  const watched = await watch(page, 15);
  const own = source.ownDelay();
  figure('RTMP as OBS sends by default → WebRTC', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}; beyond the source's own ${ms(own.p50)}: ${ms(watched.delay.p50 - own.p50)} (goal 250); longest gap ${ms(watched.longestGap)}, ${source.lateFrames - late} late at the source`);
  expect(watched.frames).toBeGreaterThan(15 * 15);
  expect(watched.unreadable).toBeLessThan(watched.frames / 50);
  expect(watched.delay.p50 - own.p50).toBeLessThan(1_200);

  // A viewer does not wait for the source's next keyframe.
  const joins: number[] = [];
  for (let join = 0; join < 4; join++) {
    await page.reload();
    await untilFresh(page, { maxAge: 4_000 });
    joins.push((await page.evaluate(() => window.weirReader.firstFrame))!);
  }
  const joined = distribution(joins);
  figure('  from navigation to the first frame', `p50 ${ms(joined.p50)}, worst ${ms(joined.max)} of ${joined.count}`);
  expect(joined.p50).toBeLessThan(4_000);
});
