import type { Locator, Page, TestInfo } from '@playwright/test';
import { FfmpegPublisher, publishUrl } from '../lib/ffmpeg.ts';
import { expect, player, test } from '../lib/fixtures.ts';
import { refusal, sizes, Visitor, type Size } from '../lib/pages.ts';
import type { StreamAccess } from '../lib/server.ts';

const chart = (page: Page, title: string) => page.locator('.chart', { has: page.locator('.chart-title', { hasText: new RegExp(`^${title}$`) }) });

/** The value of a series in a chart's legend. */
const value = (of: Locator, series: string) =>
  of.locator('.chart-key', { has: of.page().locator('.chart-name', { hasText: new RegExp(`^${series}$`) }) }).locator('.chart-value');

/** Pixels that have the colour of a chart's first series. */
async function drawn(of: Locator): Promise<number> {
  return of.evaluate((figure) => {
    const canvas = figure.querySelector('canvas');
    if (!canvas) return 0;
    const colour = getComputedStyle(figure.querySelector('.chart-swatch')!).color.match(/\d+/g)!.map(Number);
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 250 && colour.every((part, n) => Math.abs(part - data[at + n]) < 8)) count++;
    }
    return count;
  });
}

declare global {
  interface Window {
    /** What was written into pictures: the words of charts. */
    written?: string[];
  }
}

/** Keeps what charts write along their axes. */
async function keepWords(page: Page) {
  await page.addInitScript(() => {
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
      (window.written ??= []).push(text);
      fillText.call(this, text, ...more);
    };
  });
}

/** Looks at the page as on a phone; the visitor stays who it is. */
async function lookNarrow(visitor: Visitor, info: TestInfo, what: string) {
  await visitor.page.setViewportSize(sizes.phone);
  await expect.poll(() => visitor.page.evaluate(() => document.documentElement.scrollWidth)).toBe(sizes.phone.width);
  await visitor.look(info, `${what}-narrow`);
  await visitor.page.setViewportSize(sizes.desktop);
}

test('a broadcast’s curves grow while it is live, its poll is voted on, and its figures stay', async ({ server, browser }, info) => {
  const otto = await Visitor.arrive(browser, server, 'desktop');
  await keepWords(otto.page);
  await otto.registerAs('otto', 'speaker');
  const bob = await Visitor.arrive(browser, server, 'phone');
  await bob.register('bob');
  const access = await otto.ask<StreamAccess>('POST', '/streams', { slug: 'forge', title: 'A gate for the old forge' });
  const { page } = otto;
  const publisher = new FfmpegPublisher(publishUrl(access), 'small');
  try {
    await publisher.flowing();
    await bob.go('/@forge');
    await expect(player(bob.page)).toHaveAttribute('data-state', 'playing');
    await otto.go('/studio/forge');
    await page.getByRole('tab', { name: 'Live', exact: true }).click();
    await expect(page.locator('.room')).toHaveAttribute('data-room', 'ready');

    // A poll, by keyboard alone.
    await page.getByRole('tab', { name: 'Polls' }).click();
    await otto.walkTo(page.getByRole('button', { name: 'New poll' }));
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'New poll' });
    await expect(dialog.getByLabel('Question')).toBeFocused();
    await page.keyboard.type('Which hinge?');
    await otto.walkTo(dialog.getByLabel('Answer 1'));
    await page.keyboard.type('Strap');
    await page.keyboard.press('Enter');
    await expect(dialog.getByText('This is needed.')).toBeVisible();
    await otto.walkTo(dialog.getByLabel('Answer 2'));
    await page.keyboard.type('Butterfly');
    await otto.look(info, 'new-poll');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Which hinge?' })).toBeVisible();

    await bob.page.getByRole('button', { name: 'Vote' }).click();
    await bob.page.getByRole('radio', { name: 'Butterfly' }).check();
    await bob.page.getByRole('button', { name: 'Vote', exact: true }).click();
    await expect(page.locator('.bar-row', { hasText: 'Butterfly' })).toContainText('100 %, 1 vote');
    await page.getByRole('button', { name: 'Close the poll' }).click();
    await expect(bob.page.getByText('1 person voted · Closed')).toBeVisible();

    // Bob and the studio's own preview.
    const viewers = chart(page, 'Viewers');
    await expect(value(viewers, 'All')).toHaveText('2');
    await expect(viewers.getByRole('img')).toHaveAttribute('aria-label', /^Viewers: All: highest 2 at .*, last 2\./);
    await expect.poll(() => drawn(viewers)).toBeGreaterThan(100);
    await viewers.getByText('Show as a table').click();
    const rows = viewers.getByRole('row');
    const before = await rows.count();
    await expect.poll(() => rows.count()).toBeGreaterThan(before);
    await viewers.getByText('Show as a table').click();
    await expect(value(chart(page, 'Delay'), 'Network round trip')).toHaveText(/ms$/);
    // The players say it themselves.
    await expect(value(chart(page, 'Delay'), 'Behind the publisher')).toHaveText(/\d ms$/);
    await otto.look(info, 'live');
    await lookNarrow(otto, info, 'live');
    // The theme's own colours, without the page being loaded again.
    await expect.poll(() => drawn(viewers)).toBeGreaterThan(100);

    await bob.page.getByRole('tab', { name: 'Chat' }).click();
    await bob.page.getByRole('textbox', { name: 'Your message' }).fill('Strap would have been lighter');
    await bob.page.keyboard.press('Enter');
    await expect(bob.page.getByText('Strap would have been lighter')).toBeVisible();
  } finally {
    await publisher.stop();
  }

  // Minutes are summed up when they are over, and the message may stand in a later one than the visits.
  await expect(page.locator('.studio-name').getByText('Offline')).toBeVisible({ timeout: 30_000 });
  await expect(async () => {
    const { totals } = await otto.ask<{ totals: { joins: number; messages: number } }>('GET', '/streams/forge/insight?step=minute');
    expect(totals.joins).toBeGreaterThanOrEqual(2);
    expect(totals.messages).toBeGreaterThanOrEqual(1);
  }).toPass({ timeout: 75_000, intervals: [1_000] });
  await page.getByRole('tab', { name: 'Insight' }).click();
  await page.getByText('24 hours').click();
  await expect(page.getByRole('radio', { name: '24 hours' })).toBeChecked();
  const figures = page.getByRole('region', { name: 'Figures' });
  await expect(figures.locator('.insight-figure', { hasText: 'Most at once' }).locator('.insight-value')).toHaveText('2');
  await expect(figures.locator('.insight-figure', { hasText: 'Messages' })).toContainText('by 1 person');
  await expect(page.getByRole('region', { name: 'Engagement' })).toContainText('of 100');

  const table = page.getByRole('region', { name: 'Broadcasts' });
  await expect(table.getByRole('row')).toHaveCount(2);
  await table.getByRole('rowheader').getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1, name: /^Broadcast of / })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Visits' }).getByRole('rowheader', { name: /@bob/ })).toBeVisible();
  const visit = page.getByRole('region', { name: 'Visits' }).getByRole('row', { name: /@bob/ });
  await expect(visit.getByRole('cell').nth(4), 'behind the publisher').toHaveText(/\d ms$/);
  await expect(chart(page, 'Time by quality, of the visits below').getByRole('img')).toHaveAttribute('aria-label', /360p/);
  const id = page.url().split('/').at(-1);
  for (const link of await page.getByRole('link', { name: /Download CSV/ }).all()) {
    const answer = await otto.context.request.get(`${server.origin}${await link.getAttribute('href')}`);
    expect(answer.status()).toBe(200);
    expect(answer.headers()['content-type']).toContain('text/csv');
    expect((await answer.text()).trim().split('\r\n').length).toBeGreaterThan(1);
  }
  const summary = await otto.ask<{ broadcast: { totals: { peak_viewers: number; messages: number } } }>('GET', `/broadcasts/${id}/insight`);
  expect(summary.broadcast.totals).toMatchObject({ peak_viewers: 2, messages: 1 });
  // It was shorter than the minute that its curves are of, and their axis is as long as a few.
  await page.reload();
  await expect.poll(() => page.evaluate(() => window.written?.some((text) => /\d:\d\d/.test(text)))).toBe(true);
  expect(await page.evaluate(() => window.written!.filter((text) => /20\d\d/.test(text)))).toEqual([]);
  await otto.look(info, 'broadcast');
  await lookNarrow(otto, info, 'broadcast');

  await otto.go('/studio');
  await page.getByRole('link', { name: 'Insight' }).click();
  await expect(page).toHaveURL(/\/studio\/insight$/);
  await expect(page.getByRole('heading', { level: 1, name: 'Insight' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'A gate for the old forge' })).toBeVisible();
  await otto.look(info, 'overview');
  // Nobody is live any more.
  await bob.leave([refusal(409)]);
  await otto.leave([refusal(409)]);
});

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Four weeks by days: broadcasts of three hours on most evenings, with more people each week. */
function weeks(to: number) {
  const from = Math.floor((to - 28 * DAY) / DAY) * DAY;
  const points = [];
  for (let day = 0; day < 28; day++) {
    if (day % 7 === 2) continue;
    const live = 40 + day * 4 + ((day * 13) % 17);
    const viewers = live / 8;
    points.push({
      at: from + day * DAY, viewers, webrtc: viewers * 0.8, hls: viewers * 0.2, peak: Math.round(live * 1.25), live_ms: 3 * HOUR, watch_ms: live * 3 * HOUR,
      joins: Math.round(live * 1.4), failed_joins: 0, stalls: day % 5, stall_ms: (day % 5) * live * 9_000,
      delay_ms: 240 + ((day * 29) % 70), loss: ((day * 7) % 10) / 2_000, messages: Math.round(live * 2.4), reactions: Math.round(live * 3.1),
    });
  }
  const totals = {
    live_ms: points.length * 3 * HOUR, watch_ms: 7_300 * HOUR, webrtc_ms: 5_840 * HOUR, hls_ms: 1_460 * HOUR, average_viewers: 101.4, peak_viewers: 232, unique_viewers: 4_812,
    joins: 10_260, stalls: 912, stall_ms: 11_800_000, delay_ms: 268, loss: 0.0021, messages: 17_590, chatters: 611, reactions: 22_700, engagement: 32.4,
  };
  return { slug: 'forge', from, to, step: 'day', totals, points };
}

test('a month of figures is legible on phone and desktop, and read as tables where nothing is drawn', async ({ server, browser }, info) => {
  const otto = await Visitor.arrive(browser, server, 'desktop');
  await otto.registerAs('otto', 'speaker');
  await otto.ask('POST', '/streams', { slug: 'forge', title: 'A gate for the old forge' });
  await otto.go('/studio/insight');
  await expect(otto.page.getByText('Nothing to show for this time')).toBeVisible();
  await otto.go('/studio/forge');
  await otto.page.getByRole('tab', { name: 'Insight' }).click();
  await expect(otto.page.getByText('No broadcast yet')).toBeVisible();
  await otto.look(info, 'insight-empty');

  const insight = weeks(Date.now());
  const titles = ['A gate for the old forge', 'Sharpening, with questions', 'Sunday market'];
  const streams = titles.map((title, n) => ({
    slug: `forge-${n}`, title, totals: { ...insight.totals, watch_ms: insight.totals.watch_ms / (n + 2), webrtc_ms: insight.totals.webrtc_ms / (n + 2), hls_ms: insight.totals.hls_ms / (n + 2) },
  }));
  // One session goes from browser to browser: each takes it as the one before left it.
  let session = await otto.context.cookies();
  const leave = async (visitor: Visitor, but?: RegExp[]) => {
    session = await visitor.context.cookies();
    await visitor.leave(but);
  };
  await leave(otto);
  const visit = async (size: Size) => {
    const visitor = await Visitor.arrive(browser, server, size);
    await visitor.context.addCookies(session);
    // What a month of broadcasts would be answered; the rest is the server's.
    await visitor.page.route('**/api/v1/streams/forge/insight?*', (route) => route.fulfill({ json: insight }));
    await visitor.page.route('**/api/v1/me/insight?*', (route) => route.fulfill({ json: { from: insight.from, to: insight.to, totals: insight.totals, streams } }));
    return visitor;
  };
  for (const size of ['desktop', 'phone'] as const) {
    const visitor = await visit(size);
    const { page } = visitor;
    await visitor.go('/studio/forge');
    await page.getByRole('tab', { name: 'Insight' }).click();
    await expect.poll(() => drawn(chart(page, 'Viewers'))).toBeGreaterThan(200);
    await visitor.look(info, 'insight');
    const plot = chart(page, 'Viewers').locator('.chart-plot');
    await plot.hover({ position: { x: 200, y: 60 } });
    await expect(chart(page, 'Viewers').locator('.chart-place')).not.toBeEmpty();
    await page.mouse.move(0, 0);
    await visitor.go('/studio/insight');
    await expect.poll(() => drawn(chart(page, 'Time watched'))).toBeGreaterThan(200);
    await visitor.look(info, 'overview-full');
    await leave(visitor);
  }

  // Without the library.
  const rest = await visit('phone');
  await rest.page.route('**/assets/uplot-*', (route) => route.abort());
  await rest.go('/studio/insight');
  await expect(chart(rest.page, 'Time watched')).toHaveAttribute('data-chart', 'failed');
  await expect(chart(rest.page, 'Time watched').getByRole('rowheader', { name: 'Sunday market' })).toBeVisible();
  await rest.look(info, 'overview-table');
  await rest.leave([/uplot/]);
});
