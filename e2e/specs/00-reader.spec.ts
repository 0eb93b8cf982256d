import { execFileSync } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { recordClock } from '../lib/ffmpeg.ts';
import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { blankPage, sendToItself } from '../lib/publisher.ts';
import { soundOffsets, untilFresh, watch } from '../lib/reader.ts';

/** An origin with nothing but these files, with ranges, as a <video> wants them. */
async function serveFolder(folder: string): Promise<{ origin: string; close: () => void }> {
  const server = http.createServer((request, response) => {
    const name = path.basename(request.url ?? '');
    if (!name.endsWith('.mp4')) return void response.writeHead(200, { 'Content-Type': 'text/html' }).end();
    const file = path.join(folder, name);
    const { size } = statSync(file);
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(206, {
      'Content-Type': 'video/mp4',
      'Accept-Ranges': 'bytes',
      'Content-Range': `bytes ${start}-${size - 1}/${size}`,
      'Content-Length': size - start,
    });
    createReadStream(file, { start }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('the ruler: clock, flash and beep of a file are read back', async ({ viewers }, info) => {
  const file = info.outputPath('clock.mp4');
  await recordClock(file, 6);
  const format = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_format', '-of', 'json', file]).toString());
  expect(Number(format.format.duration)).toBeGreaterThan(5.5);
  const site = await serveFolder(path.dirname(file));
  try {
    const page = await blankPage(viewers, site.origin, '<video src="/clock.mp4"></video>');
    await page.evaluate(async () => {
      await window.weirReader.listen();
      await document.querySelector('video')!.play();
    });
    await page.waitForFunction(() => document.querySelector('video')!.ended, undefined, { timeout: 20_000 });
    const frames = await page.evaluate(() => window.weirReader.frames);
    const readable = frames.filter(({ clock }) => clock !== null);
    // A busy machine may skip frames; one that is shown must be read.
    expect(frames.length).toBeGreaterThan(100);
    expect(readable.length).toBe(frames.length);
    const offset = distribution(await soundOffsets(page));
    figure('ruler: sound after picture in a perfect file', `${ms(offset.p50)} (${offset.count} beeps)`);
    expect(offset.count).toBeGreaterThanOrEqual(3);
    expect(Math.abs(offset.p50)).toBeLessThan(60);
  } finally {
    site.close();
  }
});

test('the ruler: browser to itself by WebRTC, no server', async ({ viewers }, info) => {
  const site = await serveFolder(info.outputDir);
  try {
    const page = await blankPage(viewers, site.origin, '<video autoplay muted></video>');
    await sendToItself(page, 'VP8');
    await untilFresh(page);
    await page.evaluate(() => window.weirReader.listen());
    const watched = await watch(page, 10);
    const offset = distribution(await soundOffsets(page));
    figure('ruler: browser to itself, VP8, no server', `p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}, sound after picture ${ms(offset.p50)}`);
    expect(watched.frames).toBeGreaterThan(100);
    expect(watched.unreadable).toBe(0);
    expect(watched.delay.p50).toBeLessThan(300);
  } finally {
    site.close();
  }
});
