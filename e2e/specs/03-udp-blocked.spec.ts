import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { UdpGate } from '../lib/gate.ts';
import { untilFresh, watch } from '../lib/reader.ts';

// Blocked as thoroughly as by a network that lets only the web through.
test.use({ settings: { WEIR_MEDIA_TCP: 'false', WEIR_TURN_ENABLED: 'false' } });

test('where UDP does not get through, the same page plays LL-HLS, and goes back when it can', async ({ server, publish, viewers }) => {
  test.setTimeout(180_000); // What is waited for inside may take longer than a test usually does.
  const gate = await UdpGate.create(server.media, false);
  try {
    await gate.guard(viewers, /\/whep\//);
    const access = await server.createStream('blocked');
    const source = publish(access, 'plain');
    await source.flowing();
    const page = await openWatchPage(viewers, access);
    await untilFresh(page, { maxAge: 10_000, timeout: 20_000 });
    await expect(player(page)).toHaveAttribute('data-transport', 'hls');
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    const first = (await page.evaluate(() => window.weirReader.firstFrame))!;
    figure('UDP blocked: from navigation to the first frame, by LL-HLS', ms(first));
    expect(first).toBeLessThan(10_000);

    await watch(page, 8); // The player closes in on the live edge.
    const watched = await watch(page, 12);
    figure('RTMP → LL-HLS', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)} (goal 2000); ${watched.frames} frames, longest gap ${ms(watched.longestGap)}`);
    await expect(player(page)).toHaveAttribute('data-transport', 'hls');
    expect(watched.frames).toBeGreaterThan(12 * 15);
    expect(watched.delay.p50).toBeLessThan(5_000);

    gate.open = true;
    const opened = Date.now();
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc', { timeout: 60_000 });
    await untilFresh(page, { maxAge: 2_000 });
    figure('UDP free again: back on WebRTC after', ms(Date.now() - opened));

    // The way closes under a session that works: the picture must come back by HLS.
    gate.open = false;
    const closed = Date.now();
    await expect(player(page)).toHaveAttribute('data-transport', 'hls', { timeout: 20_000 });
    await untilFresh(page, { maxAge: 10_000, since: closed + 500 });
    figure('UDP cut in mid-session: picture by LL-HLS after', ms(Date.now() - closed));
  } finally {
    await gate.close();
  }
});
