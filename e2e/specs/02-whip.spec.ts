import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { blankPage, publishByWhip, type VideoCodec } from '../lib/publisher.ts';
import { untilFresh, watch } from '../lib/reader.ts';

for (const codec of ['H264', 'VP8'] satisfies VideoCodec[]) {
  test(`Chromium by WHIP with ${codec} plays over WebRTC on the watch page`, async ({ server, browser, viewers }) => {
    const access = await server.createStream(`whip-${codec.toLowerCase()}`);
    const publisher = await browser.newContext();
    const source = await blankPage(publisher, server.origin);
    await publishByWhip(source, access, codec);
    const page = await openWatchPage(viewers, access);
    await untilFresh(page, { maxAge: 2_000 });
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');

    await watch(page, 5);
    const watched = await watch(page, 12);
    figure(`WHIP → WHEP, Chromium, ${codec}`, `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)} (goal 80); ${watched.size}, ${watched.frames} frames, longest gap ${ms(watched.longestGap)}`);
    expect(watched.frames).toBeGreaterThan(12 * 15);
    expect(watched.unreadable).toBeLessThan(watched.frames / 20);
    expect(watched.delay.p50).toBeLessThan(500);

    // What travels is what was asked for.
    const sent = await source.evaluate(async () => {
      const reports = [...(await window.weirPublisher.connection.getStats()).values()];
      const video = reports.find((report) => report.type === 'outbound-rtp' && report.kind === 'video');
      return reports.find((report) => report.id === video.codecId).mimeType as string;
    });
    expect(sent.toLowerCase()).toBe(`video/${codec.toLowerCase()}`);

    // An orderly end: the resource is deleted, and the page says so.
    const status = await source.evaluate(
      async (key) =>
        (await fetch(window.weirPublisher.resource, { method: 'DELETE', headers: { Authorization: `Bearer ${key}` } })).status,
      access.key,
    );
    expect(status).toBe(200);
    await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: 5_000 });
    await publisher.close();
  });
}
