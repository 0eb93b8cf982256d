import type { Page } from '@playwright/test';
import { distribution, figure, ms, type Distribution } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { openHlsJs } from '../lib/players.ts';
import { blankPage } from '../lib/publisher.ts';
import { untilFresh, watch } from '../lib/reader.ts';
import { until } from '../lib/server.ts';
import { join } from '../lib/whep.ts';

const GOAL = 50;

/** From NTP's beginning in 1900 to 1970, in milliseconds (RFC 5905 figure 4). */
const NTP_TO_UNIX = 2_208_988_800_000;

/** From when pictures were drawn to the date that EXT-X-PROGRAM-DATE-TIME gives them. */
async function datesOfHls(page: Page): Promise<Distribution> {
  const late = await page.evaluate(() => {
    const origin = window.weirHls.playingDate!.getTime() - 1_000 * document.querySelector('video')!.currentTime;
    const frames = window.weirReader.frames.slice(-200);
    return frames.flatMap(({ clock, media }) => (clock === null ? [] : [origin + 1_000 * media - clock]));
  });
  return distribution(late);
}

/**
 * The same over WebRTC: the date of what is shown at a moment, as the browser makes it of RTCP sender reports, and of
 * the last frame before that moment. A frame is shown some milliseconds after the browser counts it as shown.
 */
async function datesOfWebRtc(page: Page): Promise<Distribution> {
  const late: number[] = [];
  while (late.length < 20) {
    await page.waitForTimeout(200);
    const found = await page.evaluate(async (era) => {
      const { connections, frames } = window.weirReader;
      const reports = [...(await connections.at(-1)!.getStats()).values()];
      const video = reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      const date = video.estimatedPlayoutTimestamp - era;
      const frame = frames.findLast(({ clock, shown }) => clock !== null && shown <= video.timestamp);
      return frame && date - (video.timestamp - frame.shown) - frame.clock!;
    }, NTP_TO_UNIX);
    if (found !== undefined) late.push(found);
  }
  return distribution(late);
}

for (const encoding of ['plain', 'obs'] as const) {
  test(`WebRTC and HLS give a picture the same date: ${encoding}`, async ({ server, publish, viewers }) => {
    const access = await server.createStream(`dates-${encoding}`);
    await publish(access, encoding).flowing();
    await until('the playlist is there', async () => (await fetch(access.hls_url)).status === 200, 30_000);

    const overHls = await openHlsJs(viewers, server.origin, access.hls_url);
    await untilFresh(overHls, { timeout: 30_000 });
    await watch(overHls, 10);
    const hls = await datesOfHls(overHls);
    await overHls.close();

    const overWebRtc = await blankPage(viewers, server.origin);
    await join(overWebRtc, access.whep_url);
    await untilFresh(overWebRtc, { maxAge: 5_000, timeout: 30_000 });
    await watch(overWebRtc, 8);
    const webrtc = await datesOfWebRtc(overWebRtc);

    const apart = Math.abs(hls.p50 - webrtc.p50);
    figure(`date after drawing, ${encoding}`, `HLS ${ms(hls.p50)}, WebRTC ${ms(webrtc.p50)}: ${ms(apart)} apart (goal ${GOAL})`);
    expect(hls.count).toBeGreaterThan(100);
    expect(apart).toBeLessThan(4 * GOAL);
  });
}
