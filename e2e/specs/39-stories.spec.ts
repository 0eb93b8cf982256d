import { FfmpegPublisher, publishUrl } from '../lib/ffmpeg.ts';
import { figure, ms } from '../lib/figures.ts';
import { expect, player, test } from '../lib/fixtures.ts';
import { UdpGate } from '../lib/gate.ts';
import { refusal, Visitor } from '../lib/pages.ts';
import { installReaderIn, untilFresh } from '../lib/reader.ts';
import type { StreamAccess } from '../lib/server.ts';

test('a viewer comes in the middle, makes an account, chats, votes, loses UDP and keeps watching', async ({ server, publish, browser }) => {
  const owner = await Visitor.arrive(browser, server, 'desktop');
  await owner.registerAs('olga', 'speaker');
  const access = await owner.ask<StreamAccess>('POST', '/streams', { slug: 'river', title: 'Boats on the river' });
  await publish(access, 'small').flowing();
  await owner.go('/@river');
  await expect(player(owner.page)).toHaveAttribute('data-state', 'playing');

  const gate = await UdpGate.create(server.media, true);
  try {
    const vera = await Visitor.arrive(browser, server, 'phone', 'light', 'en-GB', { bypassCSP: true });
    await installReaderIn(vera.context);
    await gate.guard(vera.context, /\/whep\//);
    const { page } = vera;
    await vera.go('/');
    await page.getByRole('link', { name: /Boats on the river/ }).first().click();
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');

    const room = page.locator('.room');
    await room.getByRole('link', { name: 'Log in to chat' }).click();
    await page.getByRole('link', { name: 'Create account' }).last().click();
    await page.getByLabel('Name', { exact: true }).fill('vera');
    await page.getByLabel('Password', { exact: true }).fill('a long enough password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page).toHaveURL(/\/@river$/);
    await expect(player(page)).toHaveAttribute('data-state', 'playing');

    await page.getByRole('textbox', { name: 'Your message' }).fill('what a river');
    await page.keyboard.press('Enter');
    await expect(owner.page.getByRole('log', { name: 'Messages' })).toContainText('what a river');

    const polls = owner.page.locator('.room').getByRole('tab', { name: /^Polls/ });
    await polls.click();
    await owner.page.getByRole('button', { name: 'New poll' }).click();
    await owner.page.getByLabel('Question', { exact: true }).fill('Which boat?');
    await owner.page.getByLabel('Answer 1').fill('The red one');
    await owner.page.getByLabel('Answer 2').fill('The blue one');
    await owner.page.getByRole('button', { name: 'Open poll' }).click();
    await room.getByRole('button', { name: 'Vote' }).click();
    await room.getByRole('radio', { name: 'The blue one' }).check();
    await page.keyboard.press('Enter');
    await expect(room).toContainText('your choice');
    await expect(owner.page.locator('.room')).toContainText('100 %, 1 vote');

    // What the server is told of the playback that took over.
    const told = page.waitForResponse((answer) => answer.url().endsWith('/river/qoe') && !answer.request().postDataJSON().session, { timeout: 60_000 });
    gate.open = false;
    const closed = Date.now();
    // The last picture from before is older than this.
    await untilFresh(page, { maxAge: 10_000, since: closed + 3_000, timeout: 30_000 });
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    figure("a viewer's UDP lost in mid-session: the picture goes on", `by ${await player(page).getAttribute('data-transport')} after ${ms(Date.now() - closed)}`);
    await room.getByRole('tab', { name: /^Chat/ }).click();
    await page.getByRole('textbox', { name: 'Your message' }).fill('still here');
    await page.keyboard.press('Enter');
    await owner.page.locator('.room').getByRole('tab', { name: /^Chat/ }).click();
    await expect(owner.page.getByRole('log', { name: 'Messages' })).toContainText('still here');
    const report = await told;
    expect(report.status()).toBe(204);
    const { stalls, stall_ms } = report.request().postDataJSON();
    figure('  as its player says', `stood still ${stalls} time, ${ms(stall_ms)}`);
    expect(stalls).toBeGreaterThanOrEqual(1);
    expect(stall_ms).toBeGreaterThan(0);
    await vera.leave();
  } finally {
    await gate.close();
  }
  await owner.leave([refusal(409)]);
});

test.describe('where creators are approved', () => {
  test.use({ settings: { WEIR_ACCOUNTS_CREATOR_APPROVAL: 'true' } });

  test('a streamer signs up, is approved, goes live with the settings for OBS, and reads what it came to', async ({ server, browser }) => {
    const sam = await Visitor.arrive(browser, server, 'desktop');
    const { page } = sam;
    await sam.go('/');
    await page.getByRole('banner').getByRole('link', { name: 'Create account' }).click();
    await page.getByLabel('Name', { exact: true }).fill('sam');
    await page.getByLabel('Password', { exact: true }).fill('a long enough password');
    await page.getByRole('button', { name: 'Create account' }).click();
    // On the page that one came from, which is loaded anew.
    await page.waitForURL(`${server.origin}/`);
    await expect(page.getByRole('button', { name: /^Your account/ })).toBeVisible();
    await sam.go('/settings/streaming');
    await page.getByLabel('What do you want to stream?').fill('The tide, twice a day.');
    await page.getByRole('button', { name: 'Apply' }).click();
    await expect(page.getByText('The tide, twice a day.')).toBeVisible();

    const admin = await Visitor.arrive(browser, server, 'phone');
    await admin.go('/login?next=/admin/creators');
    await admin.page.getByLabel('Name or e-mail address').fill('admin');
    await admin.page.getByLabel('Password', { exact: true }).fill(await server.adminPassword());
    await admin.page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
    await admin.page.getByRole('button', { name: 'Approve sam' }).click();
    await expect(admin.page.getByText('sam may stream now.')).toBeVisible();
    await admin.leave();

    await sam.go('/studio');
    await page.getByRole('button', { name: 'New stream' }).click();
    const dialog = page.getByRole('dialog', { name: 'New stream' });
    await dialog.getByLabel('Title').fill('The tide');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/studio\/the-tide$/);
    const access = {
      key: await page.getByLabel('Stream key', { exact: true }).inputValue(),
      rtmp_url: await page.getByLabel('Server', { exact: true }).inputValue(),
    };
    const began = Date.now();
    const publisher = new FfmpegPublisher(publishUrl(access as StreamAccess), 'obs');
    const viewer = await Visitor.arrive(browser, server, 'phone');
    try {
      await publisher.flowing();
      await expect(page.getByText('Connected.')).toBeVisible();
      await page.getByRole('tab', { name: 'Live' }).click();
      await expect(player(page)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 });
      figure("streamer's story: from the start of the encoder to the picture in the studio", ms(Date.now() - began));
      // What OBS sends by default costs viewers time: the doctor says so, and what to set.
      await expect(page.getByText(/B-frames/).first()).toBeVisible({ timeout: 30_000 });
      await viewer.go('/');
      await viewer.page.getByRole('link', { name: /The tide/ }).first().click();
      await expect(player(viewer.page)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 });
      await page.waitForTimeout(5_000);
    } finally {
      await publisher.stop();
    }
    await expect(page.locator('.studio-name').getByText('Offline')).toBeVisible({ timeout: 30_000 });

    // Minutes are summed up when they are over.
    await expect
      .poll(async () => (await sam.ask<{ totals: { joins: number } }>('GET', '/streams/the-tide/insight?step=minute')).totals.joins, { timeout: 75_000, intervals: [1_000] })
      .toBeGreaterThanOrEqual(2);
    await page.getByRole('tab', { name: 'Insight' }).click();
    await page.getByText('24 hours').click();
    await expect(page.getByRole('region', { name: 'Figures' })).toContainText('Most at once');
    await expect(page.getByRole('region', { name: 'Broadcasts' }).getByRole('row')).toHaveCount(2);
    await viewer.leave([refusal(409)]);
    await sam.leave([refusal(409)]);
  });
});

test('an organiser makes an event, runs its day, and reads the report', async ({ server, browser, publish }) => {
  const ola = await Visitor.arrive(browser, server, 'desktop');
  await ola.registerAs('ola', 'speaker');
  const access = await ola.ask<StreamAccess>('POST', '/streams', { slug: 'stage', title: 'The stage' });
  const { page } = ola;
  await ola.go('/studio/events');
  await page.getByRole('button', { name: 'New event' }).click();
  const made = page.getByRole('dialog', { name: 'New event' });
  await made.getByLabel('Title').fill('Harbour day');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/studio\/events\/harbour-day$/);
  // On now, which a form would have to be told in the browser's own way of writing dates.
  const now = Date.now();
  await ola.ask('PATCH', '/events/harbour-day', { starts_at: now - 600_000, ends_at: now + 3_600_000 });
  await ola.ask('POST', '/events/harbour-day/sessions', { slug: 'opening', title: 'Opening', starts_at: now - 300_000, ends_at: now + 1_800_000, stream: 'stage' });
  await page.reload();
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(page.getByText('The event is published.')).toBeVisible();
  await publish(access, 'small').flowing();

  const guest = await Visitor.arrive(browser, server, 'phone');
  await guest.register('gus');
  await guest.go('/events/harbour-day');
  await guest.page.getByRole('button', { name: 'Register' }).click();
  await expect(guest.page.getByText('You have a place. See you there!')).toBeVisible();
  await guest.go('/events/harbour-day/opening');
  await expect(player(guest.page)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 });
  await guest.page.getByRole('textbox', { name: 'Your message' }).fill('ahoy');
  await guest.page.keyboard.press('Enter');

  await ola.go('/studio/events/harbour-day/day');
  await expect(page.locator('.slot-now')).toContainText('Opening');
  await expect(page.getByText('It is time, and nothing is on the air.')).toHaveCount(0);
  await page.getByRole('button', { name: 'Check in: gus' }).click();
  await expect(page.getByRole('button', { name: 'Undo check-in: gus' })).toBeVisible();

  await expect
    .poll(async () => (await ola.ask<{ totals: { attendees: number } }>('GET', '/events/harbour-day/report')).totals.attendees, { timeout: 30_000 })
    .toBe(1);
  await ola.go('/studio/events/harbour-day');
  await page.getByRole('tab', { name: 'Report' }).click();
  const report = page.getByRole('tabpanel', { name: 'Report' });
  await expect(report.getByRole('row', { name: /^gus/ })).toContainText('Has a place');
  await expect(report.locator('.figure-tile', { hasText: 'Attended' })).toContainText('1');
  const csv = await ola.context.request.get(`${server.origin}${await report.getByRole('link', { name: 'Attendance (CSV)' }).getAttribute('href')}`);
  expect(await csv.text()).toMatch(/gus,confirmed,\d{4}-/);
  await guest.leave();
  await ola.leave();
});
