import { createHmac } from 'node:crypto';
import type { Browser, Page } from '@playwright/test';
import { expect, test } from '../lib/fixtures.ts';
import { refusal, Visitor, type Size } from '../lib/pages.ts';
import { until, type WeirServer } from '../lib/server.ts';

/** The address in the newest letter that names `page`; without a mail server letters stand in the log. */
async function letter(server: WeirServer, page: string, but = ''): Promise<string> {
  let found = '';
  await until(`a letter names /${page}`, () => {
    found = [...server.logs.matchAll(new RegExp(`/${page}\\?token=[\\w-]+`, 'g'))].at(-1)?.[0] ?? '';
    return found !== '' && found !== but;
  });
  return found;
}

/** The code of now of a secret in Base32 (RFC 6238). */
function totp(secret: string): string {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  const number = mac.readUInt32BE(mac.at(-1)! & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

const menu = (page: Page) => page.getByRole('button', { name: /^Your account/ });

/** Somebody who is logged in, on the page. */
async function member(browser: Browser, server: WeirServer, name: string, size: Size = 'desktop', email?: string) {
  const visitor = await Visitor.arrive(browser, server, size);
  await visitor.register(name, undefined, email);
  return visitor;
}

test('an account is made, left and come back to, by keyboard alone', async ({ server, browser }) => {
  const ann = await Visitor.arrive(browser, server);
  const { page } = ann;
  const { keyboard } = page;
  await ann.go('/settings/devices');
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).press('Enter');
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).press('Enter');

  // The first field has the focus, and the fields say what they are to password managers.
  const name = page.getByLabel('Name', { exact: true });
  const password = page.getByLabel('Password', { exact: true });
  await expect(name).toBeFocused();
  await expect(name).toHaveAttribute('autocomplete', 'username');
  await expect(password).toHaveAttribute('autocomplete', 'new-password');
  // What is wrong is said at its field, and the focus goes there.
  await keyboard.type('ann bee');
  await keyboard.press('Enter');
  await expect(name).toBeFocused();
  await expect(name).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByText('A name has 1 to 32 of')).toBeVisible();
  await expect(page.getByText('A password has at least 8 characters.')).toBeVisible();
  await name.fill('');
  await keyboard.type('ann');
  await keyboard.press('Tab');
  await keyboard.type('ann@example.org');
  await keyboard.press('Tab');
  await keyboard.type('quiet water runs');
  await keyboard.press('Enter');
  // Back to where it began.
  await expect(page).toHaveURL(`${server.origin}/settings/devices`);
  await expect(page.getByText('this one')).toBeVisible();

  await menu(page).press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Your page' })).toBeFocused();
  await keyboard.press('End');
  await keyboard.press('Enter');
  await expect(page.getByRole('banner').getByRole('link', { name: 'Log in' })).toBeVisible();

  await page.getByRole('banner').getByRole('link', { name: 'Log in' }).press('Enter');
  const login = page.getByLabel('Name or e-mail address');
  await expect(login).toBeFocused();
  await keyboard.type('ANN@example.org');
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('autocomplete', 'current-password');
  await keyboard.press('Tab');
  await keyboard.type('still water stands');
  await keyboard.press('Enter');
  const wrong = page.getByLabel('Password', { exact: true });
  await expect(page.getByText('Unknown name or wrong password.')).toBeVisible();
  await expect(wrong).toBeFocused();
  await expect(wrong).toHaveValue('');
  await keyboard.type('quiet water runs');
  await keyboard.press('Enter');
  await expect(menu(page)).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/settings/devices`);

  // A second account cannot have the name, and says so at the field.
  const other = await Visitor.arrive(browser, server);
  await other.go('/register');
  await other.page.getByLabel('Name', { exact: true }).fill('Ann');
  await other.page.getByLabel('Password', { exact: true }).fill('another password');
  await other.page.getByRole('main').getByRole('button', { name: 'Create account' }).click();
  await expect(other.page.getByText('This name is taken.')).toBeVisible();
  await expect(other.page.getByLabel('Name', { exact: true })).toBeFocused();
  await other.leave([refusal(409)]);
  await ann.leave([refusal(401)]);
});

test('where one goes on to is a page of this site', async ({ server, browser }) => {
  const eve = await member(browser, server, 'eve');
  for (const next of ['//evil.example', 'https://evil.example', '/%5Cevil.example']) {
    await eve.go(`/login?next=${next}`);
    await eve.page.getByRole('main').getByRole('button', { name: 'Go on' }).click();
    await expect(eve.page).toHaveURL(`${server.origin}/`);
  }
  await eve.leave();
});

test('who logs in or out in one tab does so in all of them', async ({ server, browser }) => {
  const ann = await Visitor.arrive(browser, server);
  const { page } = ann;
  const other = await ann.context.newPage();
  await other.goto(server.origin);
  const login = other.getByRole('banner').getByRole('link', { name: 'Log in' });
  await expect(login).toBeVisible();
  await ann.go('/register');
  await page.getByLabel('Name', { exact: true }).fill('ann');
  await page.getByLabel('E-mail').fill('ann@example.org');
  await page.getByLabel('Password', { exact: true }).fill('quiet water runs');
  await page.keyboard.press('Enter');
  await expect(menu(page)).toBeVisible();
  await expect(menu(other)).toBeVisible();
  await menu(page).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await expect(page.getByRole('banner').getByRole('link', { name: 'Log in' })).toBeVisible();
  await expect(login).toBeVisible();
  await ann.leave();
});

test('letters lead to their pages', async ({ server, browser }) => {
  const bob = await member(browser, server, 'bob', 'phone', 'bob@example.org');
  await bob.go(await letter(server, 'confirm-email'));
  await expect(bob.page.getByText('Your address is confirmed.')).toBeVisible();
  await bob.page.reload();
  await expect(bob.page.getByText('This link was used or has ended.')).toBeVisible();

  await bob.go('/forgot');
  await bob.page.getByLabel('E-mail address').fill('bob@example.org');
  await bob.page.getByRole('button', { name: 'Send the e-mail' }).click();
  await expect(bob.page.getByText('an e-mail is on its way')).toBeVisible();
  await bob.go(await letter(server, 'reset-password'));
  await bob.page.getByLabel('New password').fill('another password');
  await bob.page.getByRole('button', { name: 'Set password' }).click();
  await expect(bob.page.getByText('Your password is set.')).toBeVisible();
  // All devices were logged out, this one too.
  await bob.page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await bob.page.getByLabel('Name or e-mail address').fill('bob');
  await bob.page.getByLabel('Password', { exact: true }).fill('another password');
  await bob.page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(menu(bob.page)).toBeVisible();
  await bob.leave([refusal(400), refusal(401)]);
});

test('a second factor is set up, asked for, and switched off', async ({ server, browser }, info) => {
  const kim = await member(browser, server, 'kim');
  const { page } = kim;
  await kim.go('/settings/second-factor');
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByLabel('Your password').fill('wrong password');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('That is not your password.')).toBeVisible();
  await page.getByLabel('Your password').fill('kim-password-1');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('img', { name: 'QR code' })).toBeVisible();
  await kim.look(info, 'second-factor');
  const secret = await page.getByLabel('Secret', { exact: true }).inputValue();
  await page.getByLabel('Code', { exact: true }).fill(totp(secret));
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.locator('.codes code')).toHaveCount(10);
  const recovery = await page.locator('.codes code').first().innerText();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await expect(page.getByText('10 recovery codes are left')).toBeVisible();

  await menu(page).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByLabel('Name or e-mail address').fill('kim');
  await page.getByLabel('Password', { exact: true }).fill('kim-password-1');
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  const code = page.getByLabel('Code', { exact: true });
  await expect(code).toBeFocused();
  await expect(code).toHaveAttribute('autocomplete', 'one-time-code');
  await code.fill('000');
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByText('This code is wrong, or was used before.')).toBeVisible();
  await page.getByRole('button', { name: 'Use a recovery code instead' }).click();
  await page.getByLabel('Recovery code').fill(recovery);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(`${server.origin}/settings/second-factor`);
  await expect(page.getByText('9 recovery codes are left')).toBeVisible();

  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByLabel('Your password').fill('kim-password-1');
  await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
  await expect(page.getByText('It is switched off.')).toBeVisible();
  await kim.leave([refusal(401), refusal(403)]);
});

test('settings: profile, tokens, devices, and the end', async ({ server, browser }) => {
  const lee = await member(browser, server, 'lee');
  const { page } = lee;
  await lee.go('/settings');
  await page.getByLabel('Display name').fill('Lee of the Lake');
  await page.getByLabel('About you').fill('I stream the water.\nAll of it.');
  await page.getByRole('button', { name: 'Add a link' }).click();
  await page.getByLabel('Address', { exact: true }).fill('example.org');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('An address begins with https://')).toBeVisible();
  await page.getByLabel('Address', { exact: true }).fill('https://example.org/lake');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved')).toBeVisible();
  // Two by two pixels, which become a square of the size that is shown.
  await page.getByLabel('Picture').setInputFiles({
    name: 'me.png',
    mimeType: 'image/png',
    buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgji8BIgYIBQAWsgN5fDf9XgAAAABJRU5ErkJggg==', 'base64'),
  });
  await expect(page.getByRole('button', { name: 'Remove picture' })).toBeVisible();
  await page.getByRole('link', { name: 'See your page' }).click();
  await expect(page.getByRole('heading', { name: 'Lee of the Lake' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'example.org/lake' })).toHaveAttribute('href', 'https://example.org/lake');
  await expect.poll(() => page.locator('.person-head img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(384);

  await lee.go('/settings/tokens');
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByLabel('What is it for?').fill('My bot');
  await page.getByRole('button', { name: 'Make token' }).click();
  await expect(page.getByText('Choose one at least.')).toBeVisible();
  await page.getByLabel('Chat and rooms').check();
  await page.getByRole('button', { name: 'Make token' }).click();
  const token = await page.getByLabel('Token', { exact: true }).inputValue();
  const ask = () => fetch(`${server.origin}/api/v1/session`, { headers: { authorization: `Bearer ${token}` } });
  expect(await (await ask()).json()).toMatchObject({ name: 'lee', scopes: ['rooms'] });
  await page.getByRole('button', { name: 'Revoke “My bot”' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
  await expect(page.getByText('You have no tokens.')).toBeVisible();
  expect((await ask()).status).toBe(401);

  // Another browser of the same user is logged out from here.
  const elsewhere = await browser.newContext();
  const login = await elsewhere.request.post(`${server.origin}/api/v1/login`, { data: { name: 'lee', password: 'lee-password-1', cookies: true } });
  expect(login.status()).toBe(200);
  await lee.go('/settings/devices');
  await expect(page.locator('.line-item')).toHaveCount(2);
  await page.getByRole('button', { name: 'Log out all others' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out', exact: true }).click();
  await expect(page.locator('.line-item')).toHaveCount(1);
  expect((await elsewhere.request.get(`${server.origin}/api/v1/me`)).status()).toBe(401);
  await elsewhere.close();

  await lee.go('/settings/data');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('weir-account.json');
  await page.getByRole('button', { name: 'Delete account' }).click();
  await page.getByRole('dialog').getByLabel('To confirm, type lee').fill('lee');
  await page.getByRole('dialog').getByLabel('Your password').fill('lee-password-1');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete account' }).click();
  await page.waitForURL(`${server.origin}/`);
  await expect(page.getByRole('banner').getByRole('link', { name: 'Log in' })).toBeVisible();
  // The page asks for several things with the ended session's token. An answer that comes when the session has been
  // found over is one for nobody all the same.
  const hasSession = async () => (await lee.context.cookies()).some(({ name }) => name.endsWith('weir_csrf'));
  let answered = false;
  await page.route(
    '**/api/v1/users/lee',
    async (route) => {
      const response = await route.fetch();
      await until('the session is found over', async () => !(await hasSession()));
      await route.fulfill({ response });
      answered = true;
    },
    { times: 1 },
  );
  await lee.go('/u/lee');
  // The page may have asked once more meanwhile, and been told so before the first answer was let through.
  await until('the first answer was let through', () => answered);
  await expect(page.getByRole('heading', { name: 'Nobody is called that' })).toBeVisible();
  await lee.leave([refusal(401), refusal(404)]);
});

test('people follow, are told, and block', async ({ server, browser }) => {
  const mia = await member(browser, server, 'mia');
  const ned = await member(browser, server, 'ned', 'phone');
  await ned.go('/u/mia');
  await ned.page.getByRole('button', { name: 'Follow', exact: true }).click();
  await expect(ned.page.getByText('1 follower ')).toBeVisible();

  await mia.go('/');
  await expect(mia.page.getByRole('button', { name: 'Your account, One unread' })).toBeVisible();
  await menu(mia.page).click();
  await mia.page.getByRole('menuitem', { name: /^Notifications/ }).click();
  await mia.page.getByRole('link', { name: '@ned follows you' }).click();
  await expect(mia.page).toHaveURL(`${server.origin}/u/ned`);
  await expect(mia.page.getByRole('button', { name: 'Your account', exact: true })).toBeVisible();

  await mia.page.getByRole('button', { name: 'More about @ned' }).click();
  await mia.page.getByRole('menuitem', { name: 'Block @ned' }).click();
  await mia.page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  await expect(mia.page.getByRole('button', { name: 'Unblock' })).toBeVisible();
  await ned.page.reload();
  await expect(ned.page.getByText('0 followers')).toBeVisible();
  await mia.go('/settings/blocked');
  await mia.page.getByRole('button', { name: 'Unblock @ned' }).click();
  await expect(mia.page.getByText('You have blocked nobody.')).toBeVisible();
  await mia.leave();
  await ned.leave();
});

test('the header fits the narrowest phone, in the longer language too', async ({ server, browser }) => {
  for (const locale of ['en-GB', 'fr-FR']) {
    const guest = await Visitor.arrive(browser, server, 'phone', 'dark', locale);
    await guest.page.setViewportSize({ width: 360, height: 740 });
    const fits = async () => expect(await guest.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    for (const path of ['/', '/register']) {
      await guest.go(path);
      await expect(guest.page.getByRole('banner').getByRole('link', { name: /^(Log in|Se connecter)$/ })).toBeVisible();
      await fits();
    }
    await guest.register(locale.slice(0, 2));
    await guest.go('/settings');
    await expect(guest.page.getByRole('banner').getByRole('button', { name: /^(Your account|Votre compte)/ })).toBeVisible();
    await fits();
    await guest.leave();
  }
});

for (const size of ['phone', 'desktop'] as const) {
  test(`every page of accounts looks right on a ${size}`, async ({ server, browser }, info) => {
    const guest = await Visitor.arrive(browser, server, size);
    for (const [path, heading] of [
      ['/login', 'Log in'],
      ['/register', 'Create account'],
      ['/forgot', 'Forgotten password'],
      ['/reset-password?token=x', 'Set a password'],
      ['/notifications', 'Log in'],
    ]) {
      await guest.go(path);
      await expect(guest.page.getByRole('heading', { name: heading })).toBeVisible();
      await guest.look(info, `guest-${path.slice(1).replace(/\?.*/, '')}`);
    }
    await guest.leave();

    const oda = await member(browser, server, 'oda', size);
    const parts = ['login', 'devices', 'notifications', 'blocked', 'streaming', 'tokens', 'data'];
    for (const path of ['/u/oda', '/notifications', '/settings', ...parts.map((part) => `/settings/${part}`)]) {
      await oda.go(path);
      await expect(oda.page.getByRole('heading').first()).toBeVisible();
      await expect(oda.page.locator('.skeleton')).toHaveCount(0);
      await oda.look(info, path.slice(1).replaceAll('/', '-'));
    }
    await oda.leave();
  });
}
