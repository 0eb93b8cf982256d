import type { Browser, BrowserContext, Page } from '@playwright/test';
import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { blankPage, publishByWhip, sending, SIMULCAST, type Encoding, type VideoCodec } from '../lib/publisher.ts';
import { received, untilFresh, watch, watchedSince } from '../lib/reader.ts';
import { until, type StreamAccess, type WeirServer } from '../lib/server.ts';
import { chooseLayer, firstFrame, join } from '../lib/whep.ts';

/** Publishes from a browser context of its own, and waits until the browser sends all that it shall. */
async function publishLayers(browser: Browser, server: WeirServer, access: StreamAccess, codec: VideoCodec, encodings: Encoding[]): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  const page = await blankPage(context, server.origin);
  await publishByWhip(page, access, codec, encodings);
  let streams = await sending(page);
  await until(
    () => `the browser sends ${encodings.length} streams; it sends ${JSON.stringify(streams)}`,
    async () => {
      streams = await sending(page);
      return streams.length === encodings.length && streams.every(({ frames }) => frames > 10);
    },
    20_000,
  );
  return { context, page };
}

for (const codec of ['VP8', 'H264'] satisfies VideoCodec[]) {
  test(`each of three layers in ${codec}, chosen by the viewer, without a freeze or a jump back`, async ({ server, browser, viewers }) => {
    const access = await server.createStream(`layers-${codec.toLowerCase()}`);
    const publisher = await publishLayers(browser, server, access, codec, SIMULCAST);
    const page = await blankPage(viewers, server.origin);
    const joined = await join(page, access.whep_url);
    expect(joined.layer, 'the 201 has a Link to the choice of layer').not.toBeNull();
    await firstFrame(page);
    await until('the top layer is on', async () => (await received(page)).width === 1280, 20_000);
    await watch(page, 2);

    const from = Date.now();
    const before = await received(page);
    const switches: string[] = [];
    for (const [rid, width] of [['q', 320], ['h', 640], ['f', 1_280], ['q', 320], [null, 1_280]] as const) {
      const asked = Date.now();
      await chooseLayer(page, joined, rid);
      await page
        .waitForFunction(([width, asked]) => window.weirReader.frames.some((frame) => frame.width === width && frame.shown > asked), [width, asked], {
          timeout: 10_000,
          polling: 50,
        })
        .catch(() => {
          throw new Error(`no picture ${width} wide 10 s after choosing ${rid ?? 'automatically'}`);
        });
      const shown = await page.evaluate(([width, asked]) => window.weirReader.frames.find((frame) => frame.width === width && frame.shown > asked)!.shown, [width, asked]);
      switches.push(`${rid ?? 'auto'} ${ms(shown - asked)}`);
      const stays = await watch(page, rid === null ? 4 : 2, shown);
      expect(stays.sizes, `${rid ?? 'automatic'} stays`).toHaveLength(1);
    }
    const watched = await watchedSince(page, from);
    const after = await received(page);
    figure(`layers by hand, ${codec}: from the choice to the picture`, switches.join(', '));
    figure('  longest time without a new frame', `${ms(watched.longestGap)} (limit 500); ${after.freezes - before.freezes} freezes, ${ms(after.frozen - before.frozen)} in all; jump back ${ms(watched.jumpBack)}; ${watched.unreadable} of ${watched.frames} unreadable`);
    figure('  the publisher sent', (await sending(publisher.page)).map(({ rid, size, kbps }) => `${rid} ${size} ${kbps} kbit/s`).join(', '));
    expect(after.codec.toLowerCase()).toBe(`video/${codec.toLowerCase()}`);
    expect(watched.longestGap).toBeLessThanOrEqual(500);
    expect(watched.jumpBack).toBe(0);
    expect(watched.unreadable).toBeLessThan(watched.frames / 20);
    // One connection all the time.
    expect(await page.evaluate(() => window.weirReader.connections.length)).toBe(1);
    await publisher.context.close();
  });
}

test("the player's quality menu: a size, only sound, and automatic again", async ({ server, browser, viewers }) => {
  const access = await server.createStream('menu');
  const publisher = await publishLayers(browser, server, access, 'VP8', SIMULCAST);
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  const choose = async (name: RegExp) => {
    await player(page).hover();
    await page.getByRole('button', { name: /^Quality/ }).click();
    await page.getByRole('menuitemradio', { name }).click();
    return Date.now();
  };
  const packets = async () => {
    const before = await received(page);
    await watch(page, 2);
    const after = await received(page);
    return { video: after.videoPackets - before.videoPackets, audio: after.audioPackets - before.audioPackets };
  };
  const times: string[] = [];
  const shows = async (width: number, since: number) => {
    const wait = { timeout: 10_000, polling: 50 };
    const shown = await page.waitForFunction(([width, since]) => window.weirReader.frames.find((frame) => frame.width === width && frame.shown > since)?.shown, [width, since], wait);
    return ms((await shown.jsonValue())! - since);
  };
  // A choice that did not get through is told again.
  let refused = 0;
  await page.route('**/whep/session/*/layer', (route) => (route.request().method() === 'POST' && refused++ === 0 ? route.abort() : route.fallback()));
  times.push(`360p, told twice, ${await shows(640, await choose(/^360p/))}`);
  expect(refused).toBe(2);
  await choose(/^Audio only/);
  await watch(page, 1);
  const silent = await packets();
  times.push(`automatic, after only sound, ${await shows(1_280, await choose(/^Auto/))}`);
  figure('quality menu: from the choice to the picture', times.join(', '));
  figure('  only sound: packets in 2 s', `${silent.video} video, ${silent.audio} audio`);
  expect(silent.video).toBeLessThan(10);
  expect(silent.audio).toBeGreaterThan(80);
  await publisher.context.close();
});

for (const { codec, mode } of [{ codec: 'VP9', mode: 'L3T3_KEY' }, { codec: 'VP9', mode: 'L1T3' }, { codec: 'AV1', mode: 'L1T3' }, { codec: 'AV1', mode: 'L3T3_KEY' }] as const) {
  test(`${codec} with ${mode} is published and plays`, async ({ server, browser, viewers }) => {
    const access = await server.createStream('scalable');
    const publisher = await publishLayers(browser, server, access, codec, [{ maxBitrate: 1_800_000, scalabilityMode: mode }]);
    const page = await blankPage(viewers, server.origin);
    await join(page, access.whep_url);
    await firstFrame(page).catch(async (error) => {
      throw new Error(`no picture; received: ${JSON.stringify(await received(page))}`, { cause: error });
    });
    await watch(page, 3);
    const watched = await watch(page, 4);
    const stats = await received(page);
    const sent = await sending(publisher.page);
    figure(`${codec} ${mode} → WHEP`, `${watched.size}, ${watched.frames} frames in 4 s, delay p50 ${ms(watched.delay.p50)}, longest time without a new frame ${ms(watched.longestGap)}; sent as ${sent[0].mode}`);
    expect(sent[0].mode).toBe(mode);
    expect(stats.codec.toLowerCase()).toBe(`video/${codec.toLowerCase()}`);
    expect(watched.frames).toBeGreaterThan(4 * 10);
    expect(watched.unreadable).toBeLessThan(watched.frames / 10);
    expect(watched.jumpBack).toBe(0);
    expect(watched.longestGap).toBeLessThan(1_000);
    await publisher.context.close();
  });
}
