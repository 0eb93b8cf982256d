import type { BrowserContext, Page } from '@playwright/test';
import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { soundOffsets, untilFresh, watch } from '../lib/reader.ts';
import type { StreamAccess } from '../lib/server.ts';

/** How long sound and picture have to drift apart: `WEIR_E2E_SOUND_MINUTES`. */
const MINUTES = Number(process.env.WEIR_E2E_SOUND_MINUTES ?? 1);
const LATER = MINUTES === 1 ? 'a minute' : `${MINUTES} minutes`;

/** Milliseconds that sound and picture may be apart. */
const GOAL = 45;

/** Times that both are looked at, at most. */
const LOOKS = 3;

/** A page that plays a stream by one transport. */
interface Viewer {
  transport: 'webrtc' | 'hls';
  page: Page;
  /** Whether the reader hears its sound; it can be told only once. */
  listens: boolean;
}

/** Opens a stream by each transport, and waits until both play. */
async function open(viewers: BrowserContext, access: StreamAccess): Promise<Viewer[]> {
  const both: Viewer[] = [];
  for (const transport of ['webrtc', 'hls'] as const) {
    const page = await openWatchPage(viewers, access, `?transport=${transport}`);
    both.push({ transport, page, listens: false });
  }
  for (const { transport, page } of both) {
    await untilFresh(page, { timeout: 30_000 });
    await expect(player(page)).toHaveAttribute('data-transport', transport);
  }
  return both;
}

/** How far sound is behind the picture in the next seconds. */
async function look(page: Page) {
  await page.evaluate(() => {
    window.weirReader.flashes.length = 0;
    window.weirReader.beeps.length = 0;
  });
  await watch(page, 10);
  return distribution(await soundOffsets(page));
}

/** Flashes and beeps, from `at` on. A page in the background would be slowed down. */
async function measure(viewer: Viewer, what: string, at: number): Promise<void> {
  const { transport, page } = viewer;
  await page.bringToFront();
  const timeout = Math.max(0, at - Date.now()) + 10_000;
  await page.waitForFunction((at) => Date.now() >= at, at, { timeout, polling: 200 });
  await untilFresh(page, { timeout: 20_000, since: at });
  if (!viewer.listens) {
    await page.evaluate(() => window.weirReader.listen());
    viewer.listens = true;
    await watch(page, 2);
  }
  // A hidden page has no video. When it comes again, the browser finds the delay anew that holds it to the sound, in steps.
  if (transport === 'webrtc') await watch(page, 10);
  let offset = await look(page);
  // Sound that waited for a busy machine keeps the longer buffer for some seconds. What stays apart fails.
  for (let again = 1; Math.abs(offset.p50) >= 2 * GOAL && again < LOOKS; again++) {
    figure(`sound after picture, ${what}, ${transport}, looked at again`, `p50 ${ms(offset.p50)}`);
    offset = await look(page);
  }
  const range = `from ${ms(offset.min)} to ${ms(offset.max)}`;
  figure(`sound after picture, ${what}, ${transport}`, `p50 ${ms(offset.p50)}, ${range} (goal ±${GOAL})`);
  expect.soft(offset.count, `${what}, ${transport}`).toBeGreaterThanOrEqual(5);
  expect.soft(Math.abs(offset.p50), `${what}, ${transport}`).toBeLessThan(2 * GOAL);
}

async function measureAll(all: Viewer[], what: string, at: number): Promise<void> {
  for (const viewer of all) await measure(viewer, what, at);
}

test('sound and picture are together after a minute and after a reconnect, over WebRTC and over HLS', async ({ server, publish, viewers }) => {
  test.setTimeout((MINUTES + 8) * 60_000);
  const [first, second] = [await server.createStream('together'), await server.createStream('reconnects')];
  const source = publish(first, 'plain');
  // Its sound has another rate than everything behind it. Time passes there as well, with little work.
  const lost = publish(second, 'small', 44_100);
  await source.flowing();
  await lost.flowing();
  const viewed = await open(viewers, first);
  await measureAll(viewed, `after ${LATER}`, source.started + MINUTES * 60_000);
  // More than two pages at a time would be more than a small machine can show.
  for (const { page } of viewed) await page.close();
  await source.stop();

  const stayed = await open(viewers, second);
  await measureAll(stayed, `44.1 kHz, after ${LATER}`, lost.started + MINUTES * 60_000);
  await lost.kill();
  const back = publish(second, 'small', 44_100);
  await back.flowing();
  await measureAll(stayed, '44.1 kHz, after a reconnect', back.started + 5_000);
});
