import type { Page } from '@playwright/test';
import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { untilFresh, watch, watchedSince, type Watched } from '../lib/reader.ts';

/** Waits until the front picture is one of the past: drawn so many milliseconds before it is shown. */
async function untilBehind(page: Page, least: number, most: number): Promise<void> {
  await page.waitForFunction(
    ([least, most]) => {
      const last = window.weirReader.frames.findLast((frame) => frame.front && frame.clock !== null);
      const behind = last === undefined ? 0 : last.shown - last.clock!;
      return behind > least && behind < most && Date.now() - last!.shown < 1_000;
    },
    [least, most],
    { timeout: 20_000, polling: 50 },
  );
}

/** Waits for the picture of so many seconds before `pressed`, however long it takes to come. */
async function untilPast(page: Page, pressed: number, seconds: number): Promise<void> {
  const first = await page.waitForFunction(
    (pressed) =>
      window.weirReader.frames.find(({ front, clock, shown }) => front && clock !== null && shown > pressed && shown - clock > 5_000)?.clock,
    pressed,
    { timeout: 20_000, polling: 50 },
  );
  expect(Math.abs((await first.jsonValue())! - (pressed - 1_000 * seconds))).toBeLessThan(4_000);
}

/** How far the picture is behind, and that it moves. */
async function watchPast(page: Page, seconds: number): Promise<Watched> {
  const watched = await watch(page, seconds);
  expect(watched.frames).toBeGreaterThan(seconds * 10);
  expect(watched.longestGap).toBeLessThan(2_000);
  expect(watched.jumpBack).toBe(0);
  return watched;
}

test('a viewer goes back in a live stream by keyboard, and returns to what is live', async ({ server, publish, viewers }) => {
  const access = await server.createStream('past');
  await publish(access, 'plain').flowing();
  const page = await openWatchPage(viewers, access);
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await untilFresh(page, { maxAge: 3_000 });
  const bar = page.getByRole('slider', { name: 'Position' });
  const live = page.getByRole('button', { name: 'Back to live' });
  await expect(bar, 'nothing to go back to yet').toBeHidden();
  await expect(bar).toBeVisible({ timeout: 30_000 });
  await expect(bar).toHaveAttribute('aria-valuetext', 'Live');
  await expect(live).toHaveAttribute('aria-disabled', 'true');
  await watch(page, 6);

  await test.step('back by an arrow key', async () => {
    const pressed = Date.now();
    await bar.press('ArrowLeft');
    await untilPast(page, pressed, 10);
    figure('DVR: from the key to the picture of 10 s ago', ms(Date.now() - pressed));
    await expect(player(page)).toHaveAttribute('data-transport', 'dvr');
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect(bar).toHaveAttribute('aria-valuetext', /^\d+ seconds behind live$/);
    const watched = await watchPast(page, 5);
    figure('  how far behind it is then', ms(watched.delay.p50));
    const shown = Number(await player(page).getAttribute('data-delay-ms'));
    expect(Math.abs(shown - watched.delay.p50), 'the page says how far').toBeLessThan(2_500);
    const states = await page.evaluate(() => window.weirReader.connections.map(({ connectionState }) => connectionState));
    expect(new Set(states), 'no session is held').toEqual(new Set(['closed']));
  });

  await test.step('to the beginning, and on from there', async () => {
    const from = Number(await player(page).getAttribute('data-delay-ms'));
    await bar.press('Home');
    await untilBehind(page, from + 3_000, 120_000);
    const watched = await watchPast(page, 3);
    figure('  how far behind the beginning is', ms(watched.delay.p50));
    await page.keyboard.press('ArrowRight');
    await untilBehind(page, 5_000, watched.delay.p50 - 6_000);
  });

  await test.step('pausing and going on loses nothing', async () => {
    await page.keyboard.press('k');
    await expect(player(page)).toHaveAttribute('data-state', 'paused');
    const before = Number(await player(page).getAttribute('data-delay-ms'));
    await page.waitForTimeout(3_000);
    await page.keyboard.press('k');
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await untilBehind(page, before + 2_000, before + 8_000);
  });

  await test.step('back to live', async () => {
    await live.press('Enter');
    const pressed = Date.now();
    await untilFresh(page, { maxAge: 3_000 });
    figure('DVR: from the button to the live picture', ms(Date.now() - pressed));
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect(bar).toHaveAttribute('aria-valuetext', 'Live');
    const watched = await watch(page, 3);
    expect(watched.delay.p50).toBeLessThan(3_000);
    expect(watched.frames).toBeGreaterThan(30);
  });
  expect(errors).toEqual([]);
});

test('who is behind when the stream ends sees the rest of it', async ({ server, publish, viewers }) => {
  const access = await server.createStream('rest');
  const source = publish(access, 'small');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  await expect(page.getByRole('slider', { name: 'Position' })).toBeVisible({ timeout: 30_000 });
  await watch(page, 6);
  const pressed = Date.now();
  await page.keyboard.press('j');
  await untilPast(page, pressed, 10);
  await source.stop();
  const ended = Date.now();
  await page.waitForTimeout(3_000);
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: 30_000 });
  const last = await page.evaluate(() => window.weirReader.frames.findLast((frame) => frame.clock !== null)!.clock!);
  figure('DVR: of a stream that ended, not shown', ms(Math.max(0, ended - last)));
  expect(ended - last).toBeLessThan(3_000);
  await expect(page.getByRole('slider', { name: 'Position' })).toBeHidden();
});

test('the way back leads across the loss of a publisher', async ({ server, publish, viewers }) => {
  const access = await server.createStream('gap');
  const first = publish(access, 'small');
  await first.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  await watch(page, 8);
  const lost = Date.now();
  await first.kill();
  await expect(player(page)).toHaveAttribute('data-state', 'reconnecting', { timeout: 8_000 });
  const second = publish(access, 'small');
  await second.flowing();
  await untilFresh(page, { maxAge: 3_000, since: second.started });
  await watch(page, 12);
  const bar = page.getByRole('slider', { name: 'Position' });
  await bar.press('Home');
  await untilBehind(page, Date.now() - first.started - 6_000, 120_000);
  const from = Date.now();
  // Over the gap, to the second publisher's picture.
  await page.waitForFunction(
    (started) => window.weirReader.frames.some(({ front, shown, clock }) => front && clock !== null && clock > started && shown - clock > 6_000),
    second.started,
    { timeout: lost - first.started + 15_000, polling: 100 },
  );
  await expect(player(page)).toHaveAttribute('data-transport', 'dvr');
  const watched = await watchedSince(page, from);
  figure('DVR: across a loss of the publisher, longest time without a new frame', ms(watched.longestGap));
  expect(watched.longestGap).toBeLessThan(2_500);
  expect(watched.jumpBack).toBe(0);
});

test.describe('where nothing is kept', () => {
  test.use({ settings: { WEIR_RECORDING_DVR_MINUTES: '0' } });

  test('there is no way back', async ({ server, publish, viewers }) => {
    const access = await server.createStream('nothing');
    await publish(access, 'small').flowing();
    const page = await openWatchPage(viewers, access);
    await untilFresh(page, { maxAge: 3_000 });
    await watch(page, 16);
    await page.keyboard.press('j');
    await expect(page.getByRole('slider', { name: 'Position' })).toBeHidden();
    await watch(page, 1);
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  });
});
