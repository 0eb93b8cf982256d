import type { Browser, Page } from '@playwright/test';
import { expect, test } from '../lib/fixtures.ts';
import { figure, ms } from '../lib/figures.ts';
import { sizes, Visitor } from '../lib/pages.ts';
import { until, type StreamAccess, type WeirServer } from '../lib/server.ts';

/** Asks the API as an administrator. */
async function admin(server: WeirServer) {
  const password = await server.adminPassword();
  const login = await fetch(`${server.origin}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'admin', password }),
  });
  const { token } = (await login.json()) as { token: string };
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(`${server.origin}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    expect(answer.ok, `${method} ${path}: ${answer.status} ${text}`).toBe(true);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}

const HOUR = 60 * 60 * 1000;

/** A site with categories, streams in them, and a plan for tomorrow. */
async function furnish(server: WeirServer) {
  const ask = await admin(server);
  await ask('POST', '/admin/categories', { slug: 'chess', name: 'Chess' });
  await ask('POST', '/admin/categories', { slug: 'music', name: 'Music' });
  const make = (slug: string, title: string, more: object) => ask<StreamAccess>('POST', '/streams', { slug, title, ...more });
  const endgames = await make('endgames', 'Endgames & openings', { category: 'chess', language: 'en', tags: ['study'] });
  const echecs = await make('echecs', 'Parties rapides', { category: 'chess', language: 'fr' });
  await make('choir', 'Choir rehearsal', { category: 'music' });
  const starts_at = Date.now() + 25 * HOUR;
  await ask('POST', '/streams/choir/schedule', { title: 'Evensong', description: 'Live from the chapel.', starts_at, ends_at: starts_at + HOUR });
  return { ask, endgames, echecs };
}

declare global {
  interface Window {
    weirShift: number;
  }
}

/** Sums up how much jumps on the pages from now on (Cumulative Layout Shift). */
const countShifts = (page: Page) =>
  page.addInitScript(() => {
    window.weirShift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) window.weirShift += entry.value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });

async function onBoth(browser: Browser, server: WeirServer, visit: (visitor: Visitor) => Promise<void>) {
  for (const size of ['phone', 'desktop'] as const) {
    const visitor = await Visitor.arrive(browser, server, size);
    await visit(visitor);
    await visitor.leave();
  }
}

test('a new server leads from nothing to a live picture', async ({ server, publish, browser }, info) => {
  const visitor = await Visitor.arrive(browser, server);
  const { page } = visitor;
  await visitor.go('/');
  await expect(page.getByRole('heading', { name: 'Live now' })).toBeVisible();
  await expect(page.getByText('Nobody is live at the moment.')).toBeVisible();

  const ask = await admin(server);
  await ask('DELETE', '/streams/demo');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'The water is still' })).toBeVisible();
  await onBoth(browser, server, async (other) => {
    await other.go('/');
    const steps = other.page.getByRole('region', { name: 'Go live in three steps' });
    await expect(steps.getByRole('link', { name: 'Log in' })).toHaveAttribute('href', '/login?next=/studio');
    await expect(steps.getByRole('link', { name: 'Open the studio' })).toHaveCount(0);
    await steps.getByText('With OBS and the command line instead').press('Enter');
    await expect(steps.getByText(`${server.origin}/whip`)).toBeVisible();
    await other.look(info, 'still');
  });

  await test.step('who is logged in sees what is next', async () => {
    const studio = page.getByRole('region', { name: 'Go live in three steps' }).getByRole('link', { name: 'Open the studio' });
    await visitor.register('newcomer');
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Ask to stream' })).toBeVisible();
    await expect(studio).toHaveCount(0);
    await visitor.context.request.post(`${server.origin}/api/v1/login`, { data: { name: 'admin', password: await server.adminPassword(), cookies: true } });
    await page.reload();
    await expect(studio).toHaveAttribute('href', '/studio');
  });

  // One page hears of it by events, the other has none and asks.
  const without = await Visitor.arrive(browser, server);
  await without.context.route('**/api/v1/streams/events', (route) => route.abort());
  await without.go('/');
  const access = await ask<StreamAccess>('POST', '/streams', { slug: 'first', title: 'The first picture' });
  const source = publish(access, 'small');
  await source.flowing();
  const tile = page.getByRole('link', { name: /The first picture/ });
  await expect(tile).toContainText('Live');
  figure('Home: from the first frame of a new stream to its tile', ms(Date.now() - source.started));
  await expect(without.page.getByRole('link', { name: /The first picture/ })).toContainText('Live');
  await without.leave([/ERR_FAILED/]);

  // A picture of the stream itself, not only its place.
  await expect(tile.locator('img')).toBeVisible({ timeout: 30_000 });
  await source.stop();
  await expect(page.getByText('Nobody is live at the moment.')).toBeVisible({ timeout: 30_000 });
  await visitor.leave([/thumbnail|404/]);
});

test('who is logged in finds what they follow, and the way to the studio', async ({ server, publish, browser }, info) => {
  const { endgames } = await furnish(server);
  await publish(endgames, 'small').flowing();
  for (const size of ['phone', 'desktop'] as const) {
    const visitor = await Visitor.arrive(browser, server, size);
    await visitor.register(`fan-${size}`);
    await visitor.go('/');
    await visitor.page.evaluate(async () => {
      const token = /weir_csrf=([^;]+)/.exec(document.cookie)![1];
      await fetch('/api/v1/me/following/admin', { method: 'PUT', headers: { 'X-CSRF-Token': token } });
    });
    const { page } = visitor;
    await countShifts(page);
    await page.reload();
    await expect(page.getByRole('heading', { name: 'You follow' })).toBeVisible();
    const face = page.locator('.face');
    await expect(face).toContainText('admin');
    await expect(face).toHaveAttribute('href', '/@endgames');
    await expect(page.getByRole('link', { name: /Chess/ }).last()).toBeVisible();
    await expect(page.getByRole('link', { name: /Evensong/ })).toContainText('@choir');
    await expect(page.getByRole('link', { name: /Choir rehearsal/ })).toBeVisible();
    const shift = await page.evaluate(() => window.weirShift);
    figure(`Home: layout shift while it loads, ${size}`, shift.toFixed(3));
    expect(shift, 'nothing jumps while the page loads').toBeLessThan(0.1);
    await visitor.look(info, 'home');
    await visitor.leave();
  }
});

test('search by keyboard, filters, and the way back', async ({ server, publish, browser }, info) => {
  const { endgames } = await furnish(server);
  await publish(endgames, 'small').flowing();
  const visitor = await Visitor.arrive(browser, server);
  const { page } = visitor;
  await visitor.go('/');
  await expect(page.getByRole('link', { name: /Endgames/ }).first()).toContainText('Live');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('chess');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/search\?q=chess$/);
  await expect(page.getByRole('status').filter({ hasText: '2 streams' })).toBeVisible();
  await expect(page.getByRole('link', { name: /Endgames/ })).toContainText('Live');
  await expect(page.getByRole('link', { name: /Parties rapides/ })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Chess', exact: true })).toHaveAttribute('href', '/category/chess');

  await page.getByRole('checkbox', { name: 'Only live' }).press('Space');
  await expect(page).toHaveURL(/q=chess&live=true$/);
  await expect(page.getByRole('link', { name: /Parties rapides/ })).toHaveCount(0);
  await page.getByRole('checkbox', { name: 'Only live' }).press('Space');
  await page.getByRole('combobox', { name: 'Language' }).selectOption({ label: 'French' });
  await expect(page.getByRole('status').filter({ hasText: '1 stream' })).toBeVisible();
  await expect(page.getByRole('link', { name: /Endgames/ })).toHaveCount(0);
  await page.goBack();
  await expect(page.getByRole('combobox', { name: 'Language' })).toHaveValue('');
  await expect(page.getByRole('link', { name: /Endgames/ })).toBeVisible();

  await test.step('signs in the words survive a reload', async () => {
    const words = page.getByRole('searchbox');
    await words.fill('endgames & openings');
    await words.press('Enter');
    await expect(page.getByRole('link', { name: /Endgames/ })).toBeVisible();
    await page.reload();
    await expect(words).toHaveValue('endgames & openings');
    await expect(page.getByRole('link', { name: /Endgames/ })).toBeVisible();
  });
  await test.step('people', async () => {
    await page.getByRole('searchbox').fill('admin');
    await page.getByRole('searchbox').press('Enter');
    await expect(page.locator('.face')).toHaveAttribute('href', '/@endgames');
  });
  await visitor.leave();

  await onBoth(browser, server, async (other) => {
    if (other.page.viewportSize()!.width === sizes.phone.width) {
      await other.go('/');
      await other.page.getByRole('link', { name: 'Search' }).click();
      await expect(other.page.getByRole('searchbox')).toBeFocused();
    } else {
      await other.go('/search?q=chess');
    }
    await expect(other.page.getByRole('link', { name: /Endgames/ })).toBeVisible();
    await other.look(info, 'search');
    await other.go('/search?q=nothinglikethis&language=fr');
    await expect(other.page.getByText('Nothing found').first()).toBeVisible();
    await expect(other.page.getByRole('link', { name: 'Search without filters' })).toHaveAttribute('href', '/search?q=nothinglikethis');
    await expect(other.page.getByRole('link', { name: /Endgames/ }), 'what there is instead').toBeVisible();
    await other.look(info, 'search-nothing');
  });
});

test('categories and the schedule', async ({ server, browser }, info) => {
  await furnish(server);
  await onBoth(browser, server, async (visitor) => {
    await visitor.go('/categories');
    const music = visitor.page.getByRole('link', { name: 'Music' });
    await expect(music).toBeVisible();
    await visitor.look(info, 'categories');
    await music.press('Enter');
    await expect(visitor.page).toHaveURL(/\/category\/music$/);
    await expect(visitor.page.getByRole('heading', { name: 'Music', level: 1 })).toBeVisible();
    await expect(visitor.page.getByRole('link', { name: /Choir/ })).toBeVisible();
    await expect(visitor.page.getByRole('link', { name: /Parties/ })).toHaveCount(0);
    await visitor.look(info, 'category');
    await visitor.go('/schedule');
    await expect(visitor.page.getByRole('link', { name: /Evensong/ })).toContainText('Live from the chapel.');
    await visitor.look(info, 'schedule');
  });
});

test('a recording is played, sought in and downloaded; a clip of it too', async ({ server, publish, browser }, info) => {
  const ask = await admin(server);
  const access = await ask<StreamAccess>('POST', '/streams', { slug: 'kept', title: 'Kept for later' });
  await ask('PUT', '/streams/kept/recording', { record: true });
  const source = publish(access, 'small');
  await source.flowing();
  await new Promise((resolve) => setTimeout(resolve, 18_000));
  await source.stop();
  let recording: { id: string; state: string; duration_ms: number } | undefined;
  await until(
    'the recording is ready',
    async () => {
      const { items } = await ask<{ items: NonNullable<typeof recording>[] }>('GET', '/streams/kept/recordings');
      recording = items[0];
      return recording?.state === 'ready';
    },
    60_000,
    500,
  );
  const { id } = recording!;
  const clip = await ask<{ id: string }>('POST', '/streams/kept/clips', { title: 'The best of it', recording: id, start: 2_000, end: 8_000 });

  await onBoth(browser, server, async (visitor) => {
    const { page } = visitor;
    await visitor.go(`/v/${id}`);
    await expect(page.getByRole('heading', { name: 'Kept for later', level: 1 })).toBeVisible();
    const at = () => page.locator('video').evaluate((video: HTMLVideoElement) => ({ time: video.currentTime, length: video.duration, rate: video.playbackRate, paused: video.paused }));
    await expect.poll(async () => (await at()).length, 'its length is known').toBeGreaterThan(13);
    await page.keyboard.press('k');
    await expect.poll(async () => (await at()).time, 'it plays').toBeGreaterThan(1);
    await page.keyboard.press('l');
    await expect.poll(async () => (await at()).time, 'it was sought in').toBeGreaterThan(11);
    await page.keyboard.press('k');
    await expect.poll(async () => (await at()).paused).toBe(true);
    await page.getByLabel('Speed').selectOption('1.5');
    expect((await at()).rate).toBe(1.5);
    await page.getByRole('button', { name: 'Jump to 0:00' }).press('Enter');
    await expect.poll(async () => (await at()).time).toBeLessThan(8);
    await page.keyboard.press('k');
    const file = await page.getByRole('link', { name: /^Download/ }).getAttribute('href');
    const part = await page.request.get(`${server.origin}${file}`, { headers: { range: 'bytes=0-99' } });
    expect(part.status()).toBe(206);
    expect((await part.body()).subarray(4, 8).toString()).toBe('ftyp');
    await visitor.look(info, 'recording');

    await visitor.go(`/clip/${clip.id}`);
    await expect(page.getByRole('heading', { name: 'The best of it', level: 1 })).toBeVisible();
    await expect.poll(async () => (await at()).length).toBeGreaterThan(4);
    await page.keyboard.press('k');
    await expect.poll(async () => (await at()).time, 'the clip plays').toBeGreaterThan(1);
    await page.keyboard.press('k');
    await visitor.look(info, 'clip');
    await page.getByRole('link', { name: 'The whole recording' }).press('Enter');
    await expect(page).toHaveURL(new RegExp(`/v/${id}$`));
  });

  const visitor = await Visitor.arrive(browser, server, 'desktop', 'dark', 'fr-FR');
  await visitor.go('/v/999999');
  await expect(visitor.page.getByRole('heading', { name: 'Cet enregistrement n’existe plus' })).toBeVisible();
  await visitor.leave([/404/]);
});
