import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { figure, ms } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { openHlsJs } from '../lib/players.ts';
import { blankPage } from '../lib/publisher.ts';
import { untilFresh, watch } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

const run = promisify(execFile);

test('HLS plays in hls.js, in Chromium itself and in ffprobe', async ({ server, publish, viewers }) => {
  const access = await server.createStream('hls');
  const source = publish(access, 'plain');
  await source.flowing();
  await until('the playlist is there', async () => (await fetch(access.hls_url)).status === 200, 15_000);

  await test.step('hls.js, low latency', async () => {
    const page = await openHlsJs(viewers, server.origin, access.hls_url);
    await untilFresh(page, { timeout: 20_000 });
    await watch(page, 5);
    const watched = await watch(page, 8);
    figure('RTMP → hls.js with its defaults', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}; longest gap ${ms(watched.longestGap)}`);
    expect(watched.frames).toBeGreaterThan(8 * 15);
    expect(watched.delay.p50).toBeLessThan(6_000);
    await page.close();
  });

  await test.step("Chromium's own player", async () => {
    const page = await blankPage(viewers, server.origin, `<video muted autoplay src="${access.hls_url}"></video>`);
    await untilFresh(page, { maxAge: 20_000, timeout: 30_000 });
    const watched = await watch(page, 8);
    figure("RTMP → Chromium's own HLS player", `p50 ${ms(watched.delay.p50)}; longest gap ${ms(watched.longestGap)}`);
    expect(watched.frames).toBeGreaterThan(8 * 15);
    await page.close();
  });

  await test.step('ffprobe', async () => {
    const arguments_ = '-v error -show_entries stream=codec_name,codec_type,width,height -of json -i'.split(' ');
    const { stdout, stderr } = await run('ffprobe', [...arguments_, access.hls_url], { timeout: 40_000 });
    const streams: { codec_name: string; width?: number; height?: number }[] = JSON.parse(stdout).streams;
    // The best rung and the smaller ones, all in H.264.
    expect([...new Set(streams.map(({ codec_name }) => codec_name))].sort(), stderr).toEqual(['aac', 'h264']);
    expect(streams).toContainEqual(expect.objectContaining({ codec_name: 'h264', width: 1280, height: 720 }));
  });

  await test.step('the whole of a stretch decodes without an error', async () => {
    const arguments_ = ['-v', 'error', '-i', access.hls_url, '-t', '5', '-f', 'null', '-'];
    const { stderr } = await run('ffmpeg', arguments_, { timeout: 60_000 });
    expect(stderr).toBe('');
  });
});
