import { createHmac } from 'node:crypto';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page, TestInfo } from '@playwright/test';
import { expect, player, test } from '../lib/fixtures.ts';
import { refusal, Visitor } from '../lib/pages.ts';
import type { WeirServer } from '../lib/server.ts';

/** Webhooks of these tests are posted to this machine. */
test.use({
  settings: {
    WEIR_WEBHOOKS_ALLOW_PRIVATE: 'true',
    WEIR_WEBHOOKS_ALLOW_HTTP: 'true',
    WEIR_METRICS_TOKEN: 'never shown',
    WEIR_ACCOUNTS_CREATOR_APPROVAL: 'true',
  },
});

/** Somebody who administers the site. */
async function administrator(browser: Browser, server: WeirServer) {
  const visitor = await Visitor.arrive(browser, server);
  await visitor.registerAs('root', 'admin');
  return visitor;
}

interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

/** An endpoint of a webhook, which keeps what it is told. */
async function endpoint() {
  const got: Delivery[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      response.end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { got, url: `http://127.0.0.1:${port}/hooks`, close: () => server.close() };
}

const part = (page: Page, name: string) => page.getByRole('navigation', { name: 'Parts of the administration' }).getByRole('link', { name });

/** Looks at pages on a phone: where each is, what its pictures are called, and a text by which it is there. */
async function lookOnPhone(root: Visitor, info: TestInfo, pages: [path: string, what: string, seen: string][]) {
  const phone = await root.alsoOn('phone');
  for (const [path, what, seen] of pages) {
    await phone.go(path);
    await expect(phone.page.getByText(seen).first()).toBeVisible();
    // The row of parts is wider than the screen: where one is, is seen whole, but for what edges between two pixels cost.
    await expect(phone.page.locator('.admin-here')).toBeInViewport({ ratio: 0.99 });
    await phone.look(info, what);
  }
  await phone.leave();
}

test('users are imported after a look, found, made creators and banned, by keyboard', async ({ server, browser }, info) => {
  const root = await administrator(browser, server);
  const { page } = root;
  await root.go('/');
  await page.getByRole('button', { name: /^Your account/ }).press('Enter');
  await page.getByRole('menuitem', { name: 'Administration' }).press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Administration' })).toBeVisible();

  await part(page, 'Import').click();
  const people = ['mia', 'noah', 'olga'].map((name) => `${name},${name}@example.org,attendee`);
  const csv = ['name,email,role', ...people, 'pia,nowhere,attendee', 'quin,quin@example.org,king'].join('\n');
  await page.getByLabel('CSV file', { exact: true }).setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await expect(page.getByRole('heading', { name: 'Preview of people.csv' })).toBeVisible();
  await expect(page.getByText('Nothing has been written yet.')).toBeVisible();
  const rows = page.getByRole('row');
  await expect(rows).toHaveCount(6);
  // What needs a look stands in front.
  await expect(rows.nth(1)).toContainText('pia');
  await expect(rows.nth(1)).toContainText('Left out');
  await expect(rows.nth(2)).toContainText('role');
  await root.look(info, 'import');
  const before = await root.context.request.get(`${server.origin}/api/v1/users/mia`);
  expect(before.status()).toBe(404);
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Import of people.csv' })).toBeVisible();
  await page.getByRole('link', { name: 'See users' }).click();
  await expect(page.getByRole('link', { name: 'noah', exact: true })).toBeVisible();
  await root.look(info, 'users');

  // One of them, by keyboard alone.
  const { keyboard } = page;
  await root.walkTo(page.getByLabel('Name or e-mail begins with'));
  await keyboard.type('mi');
  await expect(page.getByRole('link', { name: 'noah', exact: true })).toHaveCount(0);
  await root.walkTo(page.getByRole('link', { name: 'mia', exact: true }));
  await keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 2, name: 'mia' })).toBeVisible();
  await root.walkTo(page.getByLabel('Role', { exact: true }));
  await keyboard.press('ArrowDown');
  await expect(page.getByText('Creators have streams and events of their own.')).toBeVisible();
  await root.walkTo(page.getByRole('button', { name: 'Save role' }));
  await keyboard.press('Enter');
  await expect(page.getByText('mia is now: Creator.')).toBeVisible();
  await root.walkTo(page.getByRole('button', { name: 'Ban', exact: true }));
  await keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Ban mia?' });
  await root.walkTo(dialog.getByRole('button', { name: 'Ban', exact: true }));
  await keyboard.press('Enter');
  await expect(page.getByText('mia is banned.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Lift the ban' })).toBeVisible();
  await root.look(info, 'user');

  // The log knows of all of it.
  await part(page, 'Audit log').press('Enter');
  const log = page.getByRole('listitem');
  await expect(log.filter({ hasText: 'root banned from the site: mia' })).toBeVisible();
  await expect(log.filter({ hasText: 'root made a creator: mia' })).toBeVisible();
  await expect(log.filter({ hasText: 'root imported users' })).toBeVisible();
  await root.look(info, 'audit');
  await page.getByLabel('Action', { exact: true }).selectOption('import_users');
  await expect(log.filter({ hasText: 'banned' })).toHaveCount(0);

  await lookOnPhone(root, info, [
    ['/admin/import', 'import-empty', 'Users from a CSV file'],
    ['/admin/users', 'users', 'noah'],
    ['/admin/users/mia', 'user', 'Access'],
    ['/admin/audit', 'audit', 'made a creator:'],
  ]);
  await root.leave();
});

test('a broadcast is seen and ended, and its key replaced', async ({ server, browser, publish }, info) => {
  const root = await administrator(browser, server);
  const { page } = root;
  const forge = await server.createStream('forge', 'The forge');
  await server.createStream('choir', 'Sunday choir');
  const ivy = await Visitor.arrive(browser, server, 'phone');
  await root.go('/admin/streams');
  await expect(page.getByText('Nothing is on the air.')).toBeVisible();
  publish(forge, 'small');
  const live = page.getByRole('region', { name: 'On the air' });
  await expect(live.getByRole('link', { name: 'The forge' })).toBeVisible({ timeout: 20_000 });
  await ivy.go('/@forge');
  await expect(player(ivy.page)).toHaveAttribute('data-state', 'playing', { timeout: 20_000 });
  await root.look(info, 'streams');
  const phone = await root.alsoOn('phone');
  await phone.go('/admin/streams');
  await expect(phone.page.getByRole('button', { name: 'End broadcast: The forge' }).first()).toBeVisible();
  await phone.look(info, 'streams');
  await phone.leave();

  await live.getByRole('button', { name: 'End broadcast: The forge' }).click();
  const dialog = page.getByRole('dialog', { name: 'End the broadcast of The forge?' });
  await dialog.getByRole('button', { name: 'End and replace key' }).click();
  const shown = page.getByRole('dialog', { name: 'The new key of The forge' });
  const key = shown.getByLabel('Stream key', { exact: true });
  await expect(key).toHaveAttribute('type', 'password');
  expect(await key.inputValue()).not.toBe(forge.key);
  await expect(player(ivy.page)).toHaveAttribute('data-state', 'offline');
  await shown.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByText('Nothing is on the air.')).toBeVisible();

  await page.getByLabel('Address, title or owner contains').fill('sund');
  await expect(page.getByRole('link', { name: 'The forge' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Actions for Sunday choir' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Delete Sunday choir?' }).getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No stream fits')).toBeVisible();
  await part(page, 'Audit log').click();
  await expect(page.getByRole('listitem').filter({ hasText: 'root replaced a stream key: The forge' })).toBeVisible();
  // The player asks once more before it believes that it is over.
  await ivy.leave([refusal(404), refusal(409)]);
  await root.leave();
});

test('a webhook is made, told of things, and told again', async ({ server, browser }, info) => {
  const root = await administrator(browser, server);
  const { page } = root;
  const hook = await endpoint();
  try {
    await root.go('/admin/webhooks');
    await expect(page.getByText('No webhooks yet')).toBeVisible();
    await page.getByRole('button', { name: 'New webhook' }).click();
    const dialog = page.getByRole('dialog', { name: 'New webhook' });
    await dialog.getByLabel('Address', { exact: true }).fill('ftp://example.org');
    await dialog.getByRole('button', { name: 'Create webhook' }).click();
    await expect(dialog.getByLabel('Address', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await dialog.getByLabel('Address', { exact: true }).fill(hook.url);
    await dialog.getByLabel('user.registered').check();
    await root.look(info, 'new-webhook');
    await dialog.getByRole('button', { name: 'Create webhook' }).click();
    const secret = await page.getByLabel('Secret', { exact: true }).inputValue();
    expect(secret).toMatch(/^whsec_/);
    await root.look(info, 'webhooks');

    await page.getByRole('link', { name: hook.url }).click();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await expect(page.getByText(/The test arrived: status 200/)).toBeVisible();
    const ann = await Visitor.arrive(browser, server);
    await ann.register('ann');
    const told = () => hook.got.filter(({ body }) => body.includes('user.registered'));
    await expect.poll(() => told().length).toBe(1);
    const [{ headers, body }] = told();
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const mac = createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64')).update(signed).digest('base64');
    expect(String(headers['webhook-signature']).split(' ')).toContain(`v1,${mac}`);

    await page.getByRole('button', { name: 'Send again: user.registered' }).click();
    await expect.poll(() => told().length).toBe(2);
    expect(told()[1].headers['webhook-id']).toBe(headers['webhook-id']);
    await expect(page.getByText('2 tries')).toBeVisible();
    await root.look(info, 'webhook');
    await page.getByRole('button', { name: 'Details of user.registered' }).click();
    await expect(page.getByRole('dialog').getByText('"ann"')).toBeVisible();
    await root.look(info, 'delivery');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    const phone = await root.alsoOn('phone');
    await phone.go(new URL(page.url()).pathname);
    await expect(phone.page.getByText('2 tries')).toBeVisible();
    await phone.look(info, 'webhook');
    await phone.leave();

    await page.getByRole('button', { name: 'Delete webhook' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('No webhooks yet')).toBeVisible();
    await ann.leave();
  } finally {
    hook.close();
  }
  // The log is asked for every few seconds, and may have been between the webhook's end and the next page.
  await root.leave([refusal(400), refusal(404)]);
});

test('the server says how it is and what it was told; others are told that it is not for them', async ({ server, browser }, info) => {
  const root = await administrator(browser, server);
  const { page } = root;
  await root.go('/admin');
  await expect(page.getByText('Ready', { exact: true })).toBeVisible();
  await expect(page.getByText('Viewers', { exact: true })).toBeVisible();
  await root.look(info, 'overview');
  await part(page, 'Settings').click();
  await page.getByRole('button', { name: 'Add category' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add category' });
  await dialog.getByLabel('Name', { exact: true }).fill('Crafts');
  await dialog.getByLabel('Address', { exact: true }).fill('crafts');
  await dialog.getByRole('button', { name: 'Add category' }).click();
  await expect(page.getByRole('link', { name: 'Crafts' })).toBeVisible();
  await expect(page.getByLabel('Only what differs from the defaults')).toBeChecked();
  await expect(page.getByText('WEIR_WEBHOOKS_ALLOW_HTTP')).toBeVisible();
  await expect(page.getByText('WEIR_METRICS_TOKEN')).toBeVisible();
  await expect(page.getByText('never shown')).toHaveCount(0);
  await root.look(info, 'settings');

  const ben = await Visitor.arrive(browser, server, 'phone');
  await ben.register('ben');
  await ben.ask('POST', '/me/creator-application', { text: 'I forge knives and want to show it.' });
  await ben.go('/admin/users');
  await expect(ben.page.getByRole('heading', { name: 'This is not for you' })).toBeVisible();
  await ben.look(info, 'not-for-you');
  await ben.page.getByRole('button', { name: /^Your account/ }).click();
  await expect(ben.page.getByRole('menuitem', { name: 'Studio' })).toBeVisible();
  await expect(ben.page.getByRole('menuitem', { name: 'Administration' })).toHaveCount(0);
  await ben.leave();

  await part(page, 'Creators').click();
  await expect(page.getByText('I forge knives')).toBeVisible();
  await root.look(info, 'creators');
  await page.getByRole('button', { name: 'Approve ben' }).click();
  await expect(page.getByText('ben may stream now.')).toBeVisible();
  await expect(page.getByText('No applications')).toBeVisible();
  await lookOnPhone(root, info, [
    ['/admin', 'overview', 'Ready'],
    ['/admin/settings', 'settings', 'Crafts'],
    ['/admin/creators', 'creators', 'No applications'],
  ]);
  await root.leave();
});
