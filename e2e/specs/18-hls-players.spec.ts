import { figure, ms } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { ffmpeg, gstreamer, openHlsJs, vlc } from '../lib/players.ts';
import { blankPage } from '../lib/publisher.ts';
import { untilFresh, watch } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

/** What is used of Shaka. */
interface Shaka {
  polyfill: { installAll(): void };
  Player: new () => {
    configure(name: string, value: boolean): void;
    attach(video: HTMLVideoElement): Promise<void>;
    load(url: string): Promise<void>;
  };
}

const SECONDS = 14;

test('the ladder plays in hls.js near the live edge, and in Shaka as HLS and as DASH', async ({ server, publish, viewers }) => {
  const access = await server.createStream('players');
  await publish(access, 'plain').flowing();
  await until('the playlist is there', async () => (await fetch(access.hls_url)).status === 200, 15_000);
  const master = await (await fetch(access.hls_url)).text();
  const rungs = master.match(/^video\d+\.m3u8$/gm) ?? [];
  expect(rungs.length, master).toBeGreaterThan(1);

  await test.step('each rung begins when it is asked for', async () => {
    for (const rung of rungs) {
      const from = Date.now();
      const answer = await fetch(access.hls_url.replace('master.m3u8', rung));
      expect(answer.status, rung).toBe(200);
      figure(`first playlist of ${rung}`, ms(Date.now() - from));
    }
  });

  await test.step('hls.js as the web client sets it', async () => {
    const page = await openHlsJs(viewers, server.origin, access.hls_url, { maxLiveSyncPlaybackRate: 1.1 });
    await untilFresh(page, { timeout: 30_000 });
    await watch(page, 8);
    const watched = await watch(page, 10);
    figure('RTMP → LL-HLS in hls.js', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}; longest gap ${ms(watched.longestGap)}`);
    expect(watched.frames).toBeGreaterThan(10 * 15);
    expect(watched.delay.p50).toBeLessThanOrEqual(4_000);
    await page.close();
  });

  for (const [name, url] of [
    ['HLS', access.hls_url],
    ['DASH', access.hls_url.replace('master.m3u8', 'manifest.mpd')],
  ]) {
    await test.step(`Shaka, ${name}`, async () => {
      const page = await blankPage(viewers, server.origin, '<video muted></video>');
      await page.addScriptTag({ path: 'node_modules/shaka-player/dist/shaka-player.compiled.js' });
      await page.evaluate(async (url) => {
        const { shaka } = window as unknown as { shaka: Shaka };
        shaka.polyfill.installAll();
        const player = new shaka.Player();
        // Of parts it drops those that do not begin with a keyframe (Shaka's issue 10589).
        player.configure('streaming.lowLatencyMode', false);
        const video = document.querySelector('video')!;
        await player.attach(video);
        await player.load(url);
        void video.play();
      }, url);
      await untilFresh(page, { maxAge: 20_000, timeout: 40_000 });
      const watched = await watch(page, 10);
      figure(`RTMP → ${name} in Shaka`, `p50 ${ms(watched.delay.p50)}; longest gap ${ms(watched.longestGap)}`);
      expect(watched.frames).toBeGreaterThan(10 * 15);
      await page.close();
    });
  }
});

for (const [name, play] of Object.entries({ ffmpeg, gstreamer, vlc })) {
  test(`HLS plays in ${name}`, async ({ server, publish }) => {
    const access = await server.createStream('plain-players');
    await publish(access, 'plain').flowing();
    await until('the playlist is there', async () => (await fetch(access.hls_url)).status === 200, 15_000);
    const { frames, output } = await play(access.hls_url, SECONDS);
    figure(`frames in ${SECONDS} s of ${name}`, `${frames}`);
    expect(frames, output.slice(-2_000)).toBeGreaterThan(10 * 15);
  });
}
