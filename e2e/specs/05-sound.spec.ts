import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { soundOffsets, untilFresh, watch } from '../lib/reader.ts';

test('sound and picture are together after a minute, over WebRTC and over HLS', async ({ server, publish, viewers }) => {
  const access = await server.createStream('together');
  const source = publish(access, 'plain');
  await source.flowing();
  const transports = [
    { name: 'webrtc', page: await openWatchPage(viewers, access, '?transport=webrtc'), limit: 60 },
    { name: 'hls', page: await openWatchPage(viewers, access, '?transport=hls'), limit: 100 },
  ];
  for (const { name, page } of transports) {
    await untilFresh(page, { timeout: 30_000 });
    await expect(player(page)).toHaveAttribute('data-transport', name);
  }
  // A minute passes; then ten seconds are measured. A page in the background would be slowed down.
  const until = source.started + 60_000;
  for (const { name, page, limit } of transports) {
    await page.bringToFront();
    await page.waitForFunction((until) => Date.now() >= until, until, { timeout: 70_000, polling: 200 });
    await untilFresh(page, { timeout: 20_000 });
    await page.evaluate(() => window.weirReader.listen());
    await watch(page, 2);
    await page.evaluate(() => {
      window.weirReader.flashes.length = 0;
      window.weirReader.beeps.length = 0;
    });
    await watch(page, 10);
    const offset = distribution(await soundOffsets(page));
    figure(`sound after picture after a minute, ${name}`, `p50 ${ms(offset.p50)}, from ${ms(offset.min)} to ${ms(offset.max)} (goal ±${limit})`);
    expect(offset.count).toBeGreaterThanOrEqual(5);
    expect(Math.abs(offset.p50)).toBeLessThan(limit);
  }
});
