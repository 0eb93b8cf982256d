import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { UdpGate } from '../lib/gate.ts';
import { refusal, Visitor } from '../lib/pages.ts';

// What is told leads nowhere, and nothing speaks TLS: there is something to say.
test.use({
  settings: { WEIR_HTTP_ALLOW_INSECURE: 'true', WEIR_MEDIA_PUBLIC_IP: '192.0.2.77', WEIR_TURN_LISTEN: '127.0.0.1:0' },
});

test('an administrator reads what keeps people out, and what viewers used', async ({ server, browser, publish }, info) => {
  const root = await Visitor.arrive(browser, server);
  await root.registerAs('root', 'admin');
  const { page } = root;
  const stream = await server.createStream('reached', 'Reached');
  await publish(stream, 'small').flowing();
  const viewer = await Visitor.arrive(browser, server);
  await viewer.go('/@reached');
  await expect(player(viewer.page)).toHaveAttribute('data-carrier', 'udp', { timeout: 20_000 });
  // The usual way is nothing to talk about.
  await expect(viewer.page.locator('.detour p')).toHaveCount(0);

  await root.go('/admin');
  await page.getByRole('navigation', { name: 'Parts of the administration' }).getByRole('link', { name: 'Connectivity' }).press('Enter');
  const checks = page.getByRole('region', { name: 'Connectivity' });
  await expect(checks.locator('.check-sum')).toContainText('One thing keeps people out', { timeout: 30_000 });
  const open = checks.locator('.check-list').first().getByRole('listitem');
  await expect(open.first()).toContainText('Problem');
  await expect(open.first()).toContainText('taken without TLS: anybody on the way can read them');
  await expect(open.first()).toContainText('What to do: Set up TLS');
  await expect(open.filter({ hasText: 'Nothing answers from here at the public address 192.0.2.77' })).toContainText(`UDP ${server.media}`);
  const good = checks.getByRole('group');
  await expect(good.getByText('WebRTC media over UDP answers at')).toBeHidden();
  await checks.getByText(/checks without a finding/).click();
  await expect(good.getByText('WebRTC media over UDP answers at')).toBeVisible();
  await expect(good.getByText('TURN over TCP answers at')).toBeVisible();

  // Which way each viewer has is sampled every five seconds.
  const used = page.getByRole('region', { name: 'How viewers got it in the last hour' });
  await expect(async () => {
    await checks.getByRole('button', { name: 'Test again' }).click();
    await expect(used.getByText('100 %')).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 30_000 });
  await root.look(info, 'connectivity');

  const phone = await root.alsoOn('phone');
  // The narrowest that is promised.
  await phone.page.setViewportSize({ width: 360, height: 780 });
  await phone.go('/admin/connectivity');
  await expect(phone.page.getByText('One thing keeps people out')).toBeVisible({ timeout: 30_000 });
  await expect(phone.page.locator('.admin-here')).toBeInViewport({ ratio: 0.99 });
  await phone.look(info, 'connectivity');
  await phone.leave();

  const french = await Visitor.arrive(browser, server, 'desktop', 'dark', 'fr-FR');
  const login = await french.context.request.post(`${server.origin}/api/v1/login`, { data: { name: 'root', password: 'root-password-1', cookies: true } });
  expect(login.status()).toBe(200);
  await french.go('/admin/connectivity');
  await expect(french.page.getByText('Une chose bloque des visiteurs')).toBeVisible({ timeout: 30_000 });
  await expect(french.page.getByText('Rien ne répond depuis ici')).toBeVisible();
  await french.look(info, 'connectivity-fr');
  await french.leave();

  // It is not for everybody.
  const ann = await Visitor.arrive(browser, server);
  await ann.register('ann');
  await ann.go('/admin/connectivity');
  await expect(ann.page.getByRole('heading', { name: 'This is not for you' })).toBeVisible();
  expect((await ann.context.request.get(`${server.origin}/api/v1/admin/connectivity`)).status()).toBe(403);
  await ann.leave([refusal(403)]);
  // It may have asked before the first picture was there.
  await viewer.leave([refusal(409)]);
  await root.leave();
});

test('a viewer whose network blocks UDP is told so, once and calmly', async ({ server, publish, viewers }, info) => {
  const gate = await UdpGate.create(server.media, false);
  try {
    await gate.guard(viewers, /\/whep\//);
    const access = await server.createStream('detour');
    const source = publish(access, 'small');
    await source.flowing();
    const page = await openWatchPage(viewers, access);
    await expect(player(page)).toHaveAttribute('data-carrier', 'tcp', { timeout: 20_000 });
    const told = page.getByText('UDP is blocked on your network; using TCP.');
    await expect(told).toBeVisible();
    await page.screenshot({ path: info.outputPath('detour.png') });
    await page.setViewportSize({ width: 360, height: 780 });
    await page.screenshot({ path: info.outputPath('detour-phone.png') });
    // It goes by itself; who asks why is told as long as it is so.
    await expect(told).toHaveCount(0, { timeout: 15_000 });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.keyboard.press('s');
    const panel = page.getByRole('region', { name: 'How it plays' });
    await expect(panel).toContainText('WebRTC, TCP');
    await expect(panel).toContainText('UDP is blocked on your network; using TCP.');
    await page.screenshot({ path: info.outputPath('detour-panel.png') });
  } finally {
    await gate.close();
  }
});
