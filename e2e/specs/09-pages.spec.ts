import type { Page } from '@playwright/test';
import { expect, player, test } from '../lib/fixtures.ts';
import { installReaderIn, untilFresh } from '../lib/reader.ts';

const sizes = [
  { name: 'phone', width: 390, height: 844 },
  { name: 'desktop', width: 1440, height: 900 },
];

/** Errors that the page wrote to the console or threw. */
function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(message.text());
  });
  page.on('pageerror', (error) => found.push(error.message));
  return found;
}

test('home and watch pages, on phone and desktop, light and dark', async ({ server, publish, browser }, info) => {
  const access = await server.createStream('pages', 'The view from here');
  const idle = await server.createStream('later', 'Not yet live');
  const source = publish(access, 'plain');
  await source.flowing();
  for (const { name, ...viewport } of sizes) {
    for (const colorScheme of ['light', 'dark'] as const) {
      // Without bypassing the page's policy: it must not stand in its own way.
      const context = await browser.newContext({ viewport, colorScheme });
      await installReaderIn(context);
      const page = await context.newPage();
      const errors = complaints(page);
      const look = (what: string) => page.screenshot({ path: info.outputPath(`${what}-${name}-${colorScheme}.png`) });
      const fits = async () =>
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);

      await page.goto(server.origin);
      const card = page.getByRole('link', { name: /The view from here/ }).first();
      await expect(card).toBeVisible();
      await fits();
      await look('home');

      await card.click();
      await expect(page).toHaveURL(access.watch_url.replace(/^https?:\/\/[^/]+/, server.origin));
      await untilFresh(page);
      await expect(player(page)).toHaveAttribute('data-state', 'playing');
      await fits();
      await look('watch');
      expect(errors, `live, ${name}, ${colorScheme}`).toEqual([]);

      await page.goto(idle.watch_url);
      await expect(player(page)).toHaveAttribute('data-state', 'offline');
      await fits();
      await look('offline');
      await context.close();
    }
  }
});

test('the controls do what they say, by hand and by keyboard', async ({ server, publish, viewers }) => {
  const access = await server.createStream('controls');
  await publish(access, 'plain').flowing();
  const page = await viewers.newPage();
  await page.goto(access.watch_url);
  await untilFresh(page);
  const front = () => page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>('video.front')!;
    return { paused: video.paused, muted: video.muted, volume: video.volume };
  });

  await page.keyboard.press('k');
  await expect(player(page)).toHaveAttribute('data-state', 'paused');
  expect((await front()).paused).toBe(true);
  await page.keyboard.press('k');
  await untilFresh(page, { since: Date.now() });
  await expect(player(page)).toHaveAttribute('data-state', 'playing');

  expect((await front()).muted).toBe(false);
  await page.keyboard.press('m');
  await expect.poll(async () => (await front()).muted).toBe(true);

  // What is changed during a pause holds after it.
  await page.keyboard.press('k');
  await expect(player(page)).toHaveAttribute('data-state', 'paused');
  await page.keyboard.press('m');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('k');
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  await expect.poll(front).toEqual({ paused: false, muted: false, volume: 0.95 });

  await page.keyboard.press('f');
  await expect.poll(() => page.evaluate(() => document.fullscreenElement !== null)).toBe(true);
  await page.keyboard.press('f');
  await expect.poll(() => page.evaluate(() => document.fullscreenElement !== null)).toBe(false);
});
