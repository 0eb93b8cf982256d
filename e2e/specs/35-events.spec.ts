import type { Page } from '@playwright/test';
import { expect, test } from '../lib/fixtures.ts';
import { refusal, Visitor } from '../lib/pages.ts';
import type { StreamAccess } from '../lib/server.ts';

const HOUR = 3_600_000;

/** A picture: rings of a colour, as large as a camera would make it. */
async function rings(page: Page, colour: string, width: number, height: number): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const data = await page.evaluate(
    ([colour, width, height]) => {
      const canvas = document.createElement('canvas');
      canvas.width = width as number;
      canvas.height = height as number;
      const context = canvas.getContext('2d')!;
      context.strokeStyle = colour as string;
      context.lineWidth = canvas.height / 16;
      for (let ring = 1; ring < 9; ring++) {
        context.globalAlpha = 1 - ring / 10;
        context.beginPath();
        context.arc(canvas.width * 0.72, canvas.height * 0.5, (canvas.height / 10) * ring, 0, 7);
        context.stroke();
      }
      return canvas.toDataURL('image/png').split(',')[1];
    },
    [colour, width, height] as const,
  );
  return { name: 'rings.png', mimeType: 'image/png', buffer: Buffer.from(data, 'base64') };
}

test('an event is made by keyboard, branded, planned and published', async ({ server, browser }, info) => {
  const ada = await Visitor.arrive(browser, server, 'desktop');
  await ada.registerAs('ada', 'speaker');
  await ada.ask<StreamAccess>('POST', '/streams', { slug: 'hall', title: 'The great hall' });
  const { page } = ada;
  await ada.go('/studio/events');
  await expect(page.getByText('No events yet')).toBeVisible();
  await ada.look(info, 'organiser-empty');

  await test.step('by keyboard alone', async () => {
    await ada.walkTo(page.getByRole('button', { name: 'New event' }));
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'New event' });
    await expect(dialog.getByLabel('Title')).toBeFocused();
    await page.keyboard.type('Rivers & Weirs 2026');
    await expect(dialog.getByLabel('Address')).toHaveValue('rivers-weirs-2026');
    await ada.look(info, 'new-event');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/studio\/events\/rivers-weirs-2026$/);
    await expect(page.getByRole('heading', { level: 1, name: 'Rivers & Weirs 2026' })).toBeVisible();
    await ada.walkTo(page.getByLabel('Description'));
    await page.keyboard.type('A day about water that moves.');
    await ada.walkTo(page.getByLabel('Places', { exact: false }).first());
    await page.keyboard.type('3');
    await page.keyboard.press('Enter');
    await expect(page.getByText('0 of 3 places')).toBeVisible();
  });
  await ada.look(info, 'details');

  await test.step('colours are judged before they are saved', async () => {
    await page.getByRole('tab', { name: 'Branding' }).click();
    await page.getByLabel('Background', { exact: false }).last().fill('#0f2027');
    await expect(page.getByText(/hard to read/)).toBeVisible();
    await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
    await page.getByRole('textbox', { name: /^Text(?!:)/ }).fill('#f4f1de');
    await expect(page.getByText(/hard to read/)).toHaveCount(0);
    await page.getByRole('textbox', { name: /^Buttons and links(?!:)/ }).fill('#e07a5f');
    const cover = await rings(page, '#e07a5f', 2400, 900);
    await page.getByLabel('Cover').setInputFiles(cover);
    await page.getByLabel('Logo').setInputFiles(await rings(page, '#81b29a', 400, 300));
    const preview = page.getByRole('region', { name: 'Preview' });
    await expect(preview.locator('.event-logo')).toBeVisible();
    await expect(preview.locator('.event-cover img')).toBeVisible();
    const ground = await preview.locator('.branded').evaluate((it) => getComputedStyle(it).backgroundColor);
    expect(ground).toBe('rgb(15, 32, 39)');
    await ada.look(info, 'branding');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Saved').last()).toBeVisible();
    await expect.poll(async () => (await ada.ask<{ branding: { cover?: string } }>('GET', '/events/rivers-weirs-2026')).branding.cover).toBeTruthy();
    const { branding } = await ada.ask<{ branding: Record<string, string> }>('GET', '/events/rivers-weirs-2026');
    expect(branding).toMatchObject({ primary: '#e07a5f', background: '#0f2027', text: '#f4f1de' });
    expect(branding.cover).not.toBe(branding.logo);
  });

  await test.step('sessions with speakers and a stream', async () => {
    await page.getByRole('tab', { name: 'Sessions' }).click();
    await page.getByRole('button', { name: 'New session' }).click();
    const dialog = page.getByRole('dialog', { name: 'New session' });
    await dialog.getByLabel('Title').fill('Opening');
    await dialog.getByLabel('Stream').selectOption({ label: 'The great hall (@hall)' });
    await dialog.getByRole('button', { name: 'Add speaker' }).click();
    await dialog.getByRole('group', { name: 'Speaker 1' }).getByLabel('Name', { exact: true }).fill('Grace Hopper');
    await dialog.getByLabel('About this speaker').fill('Builds weirs.');
    await ada.look(info, 'session');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('heading', { name: 'Opening' })).toBeVisible();
    await page.getByRole('button', { name: 'New session' }).click();
    await dialog.getByLabel('Title').fill('Opening');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('heading', { name: 'Opening' })).toHaveCount(2);
    await page.getByRole('button', { name: 'Edit: Opening' }).last().click();
    await page.getByRole('dialog', { name: 'Change session' }).getByLabel('Title').fill('A walk along the river');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('heading', { name: 'A walk along the river' })).toBeVisible();
    await ada.look(info, 'sessions');
  });

  await page.getByRole('tab', { name: 'Details' }).click();
  await page.getByLabel('Description').fill('A day about water that falls.');
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(page.getByText('The event is published.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Publish' })).toHaveCount(0);
  // What was being written is still there, and can be saved.
  await expect(page.getByLabel('Description')).toHaveValue('A day about water that falls.');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect
    .poll(async () => (await ada.ask<{ description: string }>('GET', '/events/rivers-weirs-2026')).description)
    .toBe('A day about water that falls.');
  await page.getByRole('link', { name: 'Open page' }).click();
  await expect(page).toHaveURL(/\/events\/rivers-weirs-2026$/);
  await expect(page.getByRole('heading', { level: 1, name: 'Rivers & Weirs 2026' })).toBeVisible();
  const calendar = await page.getByRole('link', { name: 'Calendar', exact: true }).first().getAttribute('href');
  expect(await (await ada.context.request.get(`${server.origin}${calendar}`)).text()).toContain('BEGIN:VEVENT');

  const phone = await Visitor.arrive(browser, server, 'phone');
  for (const visitor of [await ada.alsoOn('desktop'), phone]) {
    await visitor.go('/events');
    await expect(visitor.page.getByRole('link', { name: /Rivers & Weirs/ })).toBeVisible();
    await visitor.look(info, 'events');
    await visitor.go('/events/rivers-weirs-2026');
    await expect(visitor.page.getByText('Grace Hopper')).toBeVisible();
    await expect(visitor.page.getByText('3 places are left')).toBeVisible();
    await visitor.look(info, 'event');
    await visitor.leave();
  }
  await ada.leave();
});

test('people register and wait, are checked in on a phone, and stand in the report', async ({ server, browser }, info) => {
  const ada = await Visitor.arrive(browser, server, 'desktop');
  await ada.registerAs('ada', 'speaker');
  await ada.ask<StreamAccess>('POST', '/streams', { slug: 'hall', title: 'The great hall' });
  const now = Date.now();
  await ada.ask('POST', '/events', {
    slug: 'day', title: 'A day at the river', description: 'Bring boots.', time_zone: 'Europe/Berlin',
    starts_at: now - HOUR, ends_at: now + 6 * HOUR, attendee_limit: 1,
    branding: { primary: '#0b5f74' },
  });
  const session = (slug: string, title: string, from: number, to: number, more = {}) =>
    ada.ask('POST', '/events/day/sessions', { slug, title, starts_at: now + from, ends_at: now + to, ...more });
  await session('opening', 'Opening', -HOUR, -HOUR / 2, { speakers: [{ name: 'Grace Hopper' }] });
  await session('walk', 'A walk along the river', -HOUR / 2, HOUR / 2, { stream: 'hall', stage: 'Bank', speakers: [{ user: 'ada', bio: 'Knows every stone.' }] });
  await session('fish', 'Ladders for fish', HOUR, 2 * HOUR);
  await ada.ask('POST', '/events/day/state', { state: 'published' });

  const bob = await Visitor.arrive(browser, server, 'desktop');
  await bob.register('bob');
  await bob.go('/events/day');
  await bob.page.getByRole('button', { name: 'Register' }).click();
  await expect(bob.page.getByText('You have a place. See you there!')).toBeVisible();
  await bob.look(info, 'registered');

  const guest = await Visitor.arrive(browser, server, 'phone');
  await guest.go('/events/day');
  await expect(guest.page.getByText('All places are taken.', { exact: false })).toBeVisible();
  await guest.page.getByRole('button', { name: 'Register' }).click();
  await expect(guest.page.getByText('This is needed.')).toHaveCount(2);
  await guest.page.getByLabel('Your name').fill('Cleo');
  await guest.page.getByLabel('Mail address').fill('cleo@example.org');
  await guest.page.getByRole('button', { name: 'Register' }).click();
  await expect(guest.page.getByText('You are number 1 on the waiting list', { exact: false })).toBeVisible();
  await guest.look(info, 'waiting');

  await test.step('a place that is given back goes to whoever waits', async () => {
    await bob.page.getByRole('button', { name: 'Withdraw' }).click();
    await bob.page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
    await expect(bob.page.getByText('You have withdrawn.')).toBeVisible();
    await guest.page.reload();
    await expect(guest.page.getByText('You have a place. See you there!')).toBeVisible();
  });
  await ada.ask('PATCH', '/events/day', { attendee_limit: 20 });
  await bob.page.reload();
  await bob.page.getByRole('button', { name: 'Register' }).click();
  await expect(bob.page.getByText('You have a place. See you there!')).toBeVisible();

  await test.step('on the day, on a phone', async () => {
    const door = await ada.alsoOn('phone');
    await door.go('/studio/events/day/day');
    await expect(door.page.getByText('It is time, and nothing is on the air.')).toBeVisible();
    await expect(door.page.locator('.slot-now')).toContainText('A walk along the river');
    await expect(door.page.locator('.slot-next')).toContainText('Ladders for fish');
    const search = door.page.getByLabel('Find somebody');
    await search.fill('cle');
    await expect(door.page.getByRole('button', { name: 'Check in: bob' })).toHaveCount(0);
    await door.page.getByRole('button', { name: 'Check in: Cleo' }).click();
    await expect(door.page.getByRole('button', { name: 'Undo check-in: Cleo' })).toBeVisible();
    await expect(door.page.locator('.figure-tile', { hasText: 'Checked in' })).toContainText('1 (50 %)');
    await search.fill('');
    await expect(door.page.getByRole('button', { name: 'Check in: bob' })).toBeVisible();
    await door.look(info, 'run-of-show');
    await door.leave();
  });
  await guest.page.reload();
  await expect(guest.page.getByText(/^Checked in,/)).toBeVisible();

  await test.step('who is in the room of a session attends it', async () => {
    await bob.go('/events/day/walk');
    await expect(bob.page.getByRole('heading', { level: 1, name: 'A walk along the river' })).toBeVisible();
    await expect(bob.page.getByRole('textbox').first()).toBeVisible();
    await expect.poll(async () => (await ada.ask<{ totals: { attendees: number } }>('GET', '/events/day/report')).totals.attendees, { timeout: 30_000 }).toBe(1);
    await bob.look(info, 'session-page');
  });

  await ada.go('/studio/events/day');
  await ada.page.getByRole('tab', { name: 'People' }).click();
  await test.step('an invitation with its link, and who organises', async () => {
    const { page } = ada;
    await page.getByRole('textbox', { name: 'Registrations' }).fill('5');
    await page.getByRole('button', { name: 'Create invitation' }).click();
    await expect(page.getByRole('textbox', { name: 'Link of the invitation' })).toHaveValue(/\/events\/day\?invitation=[\w-]+$/);
    await expect(page.getByText('0 of 5 used')).toBeVisible();
    await page.getByLabel('User name').fill('nobody-here');
    await page.getByRole('button', { name: 'Add organiser' }).click();
    await expect(page.getByText('There is no user with this name.')).toBeVisible();
    await page.getByLabel('User name').fill('bob');
    await page.getByRole('button', { name: 'Add organiser' }).click();
    await expect(page.getByRole('button', { name: 'Remove: bob' })).toBeVisible();
  });

  for (const visitor of [ada, await ada.alsoOn('phone')]) {
    const { page } = visitor;
    await visitor.go('/studio/events');
    await expect(page.getByRole('link', { name: /A day at the river/ })).toBeVisible();
    await visitor.look(info, 'organiser');
    await page.getByRole('link', { name: /A day at the river/ }).click();
    // On a desktop the form and the colours were looked at before.
    const tabs = visitor === ada ? [] : ['Details', 'Branding'];
    for (const tab of [...tabs, 'Sessions', 'People', 'Report']) {
      await page.getByRole('tab', { name: tab }).click();
      const panel = page.getByRole('tabpanel', { name: tab });
      await expect(panel.locator('.skeleton')).toHaveCount(0);
      if (tab === 'Report') {
        const cleo = panel.getByRole('row', { name: /^Cleo/ });
        await expect(cleo).toContainText('Has a place');
        await expect(panel.getByRole('row', { name: /^A walk along the river/ }).last()).toBeVisible();
        await expect(panel.locator('.figure-tile', { hasText: 'Attended' })).toContainText('1');
      }
      await visitor.look(info, `full-${tab.toLowerCase()}`);
    }
  }
  const csv = async (name: string) => (await ada.context.request.get(`${server.origin}/api/v1/events/day/${name}.csv`)).text();
  expect(await csv('attendance')).toMatch(/Cleo,confirmed,\d{4}-/);
  expect(await csv('report')).toMatch(/walk,A walk along the river,.*,1,1,/);
  await expect(ada.page.getByRole('link', { name: 'Attendance (CSV)' })).toHaveAttribute('href', '/api/v1/events/day/attendance.csv');

  await guest.leave();
  // What is not on the air is asked for once.
  await bob.leave([refusal(409)]);
  await ada.leave([refusal(404)]);
});
