import { chromium, type Page } from '@playwright/test';
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

test('where a browser keeps sound back, the page says what is heard', async ({ server, publish }, info) => {
  const access = await server.createStream('silent', 'First in silence');
  await publish(access, 'small').flowing();
  const { args, ...options } = info.project.use.launchOptions!;
  const strict = await chromium.launch({ ...options, args: args!.filter((it) => !it.startsWith('--autoplay-policy')) });
  try {
    const page = await strict.newPage();
    await page.goto(access.watch_url);
    // What Playwright evaluates counts as a viewer's touch, so the first look is by the debugger, which asks for none.
    const debug = await page.context().newCDPSession(page);
    const look = (expression: string) =>
      debug.send('Runtime.evaluate', { expression, returnByValue: true }).then((answer) => answer.result.value);
    await expect.poll(() => look(`document.body.innerText.includes('Turn sound on')`)).toBe(true);
    expect(await look('navigator.userActivation.hasBeenActive')).toBe(false);
    const soundOn = page.getByRole('button', { name: 'Turn sound on' });
    const muted = () => page.evaluate(() => document.querySelector<HTMLVideoElement>('video.front')!.muted);
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect(soundOn).toBeVisible();
    expect(await muted()).toBe(true);
    // With the viewer's first touch the browser lets sound through.
    await page.keyboard.press('k');
    await expect(player(page)).toHaveAttribute('data-state', 'paused');
    await page.keyboard.press('k');
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect.poll(muted).toBe(false);
    await expect(soundOn).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'Mute (m)' })).toBeVisible();
  } finally {
    await strict.close();
  }
});
