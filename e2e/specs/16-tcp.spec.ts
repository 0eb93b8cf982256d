import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { UdpGate } from '../lib/gate.ts';
import { received, untilFresh, watch } from '../lib/reader.ts';

// The shortest way, not one that happens to be there too.
test.use({ settings: { WEIR_TURN_ENABLED: 'false' } });

test('where UDP does not get through, media comes over TCP on the same port number', async ({ server, publish, viewers }) => {
  const gate = await UdpGate.create(server.media, false);
  try {
    await gate.guard(viewers, /\/whep\//);
    const access = await server.createStream('tcp');
    const source = publish(access, 'plain');
    await source.flowing();
    const page = await openWatchPage(viewers, access, '?transport=webrtc');
    await untilFresh(page, { maxAge: 3_000, timeout: 20_000 });
    const first = (await page.evaluate(() => window.weirReader.firstFrame))!;
    await watch(page, 3);
    const before = await received(page);
    const watched = await watch(page, 6);
    const after = await received(page);
    const decoded = after.framesDecoded - before.framesDecoded;
    figure('UDP blocked: RTMP → WebRTC over TCP', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}; ${watched.frames} frames in 6 s, ${decoded} decoded, longest gap ${ms(watched.longestGap)}; from navigation to the first frame ${ms(first)}`);
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
    expect(after.remote).toEqual({ protocol: 'tcp', port: server.media });
    expect(decoded).toBeGreaterThan(6 * 25);
    expect(watched.frames).toBeGreaterThan(6 * 10);
    expect(watched.delay.p50).toBeLessThan(1_000);
  } finally {
    await gate.close();
  }
});
