import { chromium, type Page } from '@playwright/test';
import { FfmpegPublisher, publishUrl } from '../lib/ffmpeg.ts';
import { expect, player, test } from '../lib/fixtures.ts';
import { refusal, Visitor } from '../lib/pages.ts';
import type { StreamAccess } from '../lib/server.ts';

/** A few numbers that change when the picture does. */
async function picture(page: Page): Promise<string> {
  return page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>('video.front')!;
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d')!;
    context.drawImage(video, 0, 0, 64, 36);
    return video.videoWidth > 0 ? context.getImageData(0, 0, 64, 36).data.join() : 'nothing';
  });
}

test('a stream is made by keyboard, goes live with the key on its page, and says so', async ({ server, browser }, info) => {
  const otto = await Visitor.arrive(browser, server, 'desktop');
  await otto.registerAs('otto', 'speaker');
  const { page } = otto;
  await otto.go('/studio');
  await expect(page.getByText('No streams yet')).toBeVisible();
  await otto.look(info, 'studio-empty');

  await otto.walkTo(page.getByRole('button', { name: 'New stream' }));
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'New stream' });
  await expect(dialog.getByLabel('Title')).toBeFocused();
  await page.keyboard.type('Ça, c’est la forge!');
  await expect(dialog.getByLabel('Address')).toHaveValue('ca-cest-la-forge');
  await otto.look(info, 'new-stream');
  await otto.walkTo(dialog.getByLabel('Address'));
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('The Forge');
  await expect(dialog.getByText(/Use 1 to 64/)).toBeVisible();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('forge');
  await otto.walkTo(dialog.getByLabel('Who may watch'));
  await page.keyboard.press('ArrowDown');
  await otto.walkTo(dialog.getByText('Description, tags and more'));
  await page.keyboard.press('Enter');
  await otto.look(info, 'new-stream-all');
  await otto.walkTo(dialog.getByLabel('Tags'));
  await page.keyboard.type('Iron, Open Fire');
  await page.keyboard.press('Enter');

  await expect(page).toHaveURL(/\/studio\/forge$/);
  await expect(page.getByRole('heading', { level: 1, name: 'Ça, c’est la forge!' })).toBeVisible();
  const key = await page.getByLabel('Stream key', { exact: true }).inputValue();
  expect(key).toMatch(/^[\w-]{32}$/);
  const rtmp_url = await page.getByLabel('Server', { exact: true }).inputValue();
  expect(rtmp_url).toContain(`:${server.rtmp}/`);
  await expect(page.getByText('Waiting for your stream…')).toBeVisible();
  await otto.look(info, 'setup');

  const publisher = new FfmpegPublisher(publishUrl({ rtmp_url, key } as StreamAccess), 'small');
  try {
    await publisher.flowing();
    await expect(page.getByText('Connected.')).toBeVisible();
    await expect(page.getByText('Your stream arrives by RTMP.')).toBeVisible();
    await expect(page.locator('.studio-name').getByText('Live', { exact: true })).toBeVisible();

    await page.getByRole('tab', { name: 'Live' }).click();
    await expect(player(page)).toHaveAttribute('data-state', 'playing');
    await expect(page.getByRole('rowheader', { name: '640 × 360' })).toBeVisible();
    await otto.look(info, 'live');

    await page.getByRole('button', { name: 'End broadcast' }).click();
    const question = page.getByRole('dialog', { name: 'End this broadcast?' });
    await question.getByRole('button', { name: 'End broadcast' }).click();
    await expect(page.getByText('The broadcast has ended.')).toBeVisible();
    await expect(page.locator('.studio-name').getByText('Live', { exact: true })).toHaveCount(0);
  } finally {
    await publisher.stop();
  }

  // Unlisted: no list shows it, the studio does.
  await otto.go('/studio');
  await expect(page.getByRole('link', { name: /la forge!.*@forge/ })).toContainText('Whoever has the address');
  await otto.leave();
});

test('details, plans and other sites are changed on a phone', async ({ server, browser }, info) => {
  const otto = await Visitor.arrive(browser, server, 'phone');
  await otto.registerAs('otto', 'speaker');
  await otto.ask('POST', '/streams', { slug: 'forge', title: 'The forge' });
  const { page } = otto;
  await otto.go('/studio');
  await page.getByRole('link', { name: /The forge/ }).click();
  await expect(page.getByText('The key was shown once')).toBeVisible();
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByRole('button', { name: 'Make new key' }).click();
  await expect(page.getByLabel('Stream key', { exact: true })).toHaveValue(/^[\w-]{32}$/);
  await otto.look(info, 'setup');

  await page.getByRole('tab', { name: 'Details' }).click();
  await page.getByLabel('Title').fill('The old forge');
  await page.getByLabel('Spoken language').selectOption('fr');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The old forge' })).toBeVisible();
  await otto.look(info, 'details');
  const now = await (await otto.context.request.get(`${server.origin}/api/v1/streams/forge`)).json();
  expect([now.title, now.language]).toEqual(['The old forge', 'fr']);
  // Another picture leaves alone what is being written, which can be saved then.
  await page.getByLabel('Title').fill('The oldest forge');
  await page.getByLabel('Choose a picture').setInputFiles({
    name: 'forge.png',
    mimeType: 'image/png',
    buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgji8BIgYIBQAWsgN5fDf9XgAAAABJRU5ErkJggg==', 'base64'),
  });
  await expect(page.getByRole('button', { name: 'Remove picture' })).toBeVisible();
  await expect(page.getByLabel('Title')).toHaveValue('The oldest forge');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The oldest forge' })).toBeVisible();

  await page.getByRole('tab', { name: 'Recordings' }).click();
  await page.getByLabel('Record broadcasts').selectOption('on');
  await expect.poll(async () => (await (await otto.context.request.get(`${server.origin}/api/v1/streams/forge/recording`)).json()).record).toBe(true);
  // The last of two quick choices holds, also where the server takes its time.
  const kept: string[] = [];
  await page.route('**/api/v1/streams/forge/recording', async (route) => {
    if (route.request().method() === 'PUT') {
      kept.push(route.request().postData() ?? '');
      await new Promise((done) => setTimeout(done, 500));
    }
    await route.continue();
  });
  await page.getByLabel('Record broadcasts').selectOption('off');
  await page.getByLabel('Record broadcasts').selectOption('on');
  await expect.poll(() => kept).toEqual(['{"record":false}', '{"record":true}']);
  await expect.poll(async () => (await (await otto.context.request.get(`${server.origin}/api/v1/streams/forge/recording`)).json()).record).toBe(true);
  await expect(page.getByLabel('Record broadcasts')).toHaveValue('on');
  await page.unroute('**/api/v1/streams/forge/recording');

  await page.getByRole('tab', { name: 'Schedule' }).click();
  await page.getByRole('button', { name: 'Plan a stream' }).click();
  await page.getByRole('dialog').getByLabel('Title').fill('Horseshoes');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: 'Horseshoes' })).toBeVisible();
  await otto.look(info, 'schedule');
  await page.getByRole('button', { name: 'Delete: Horseshoes' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText('Nothing is planned')).toBeVisible();

  await page.getByRole('tab', { name: 'Restream' }).click();
  await page.getByRole('button', { name: 'Add a site' }).click();
  await expect(page.getByRole('dialog').getByLabel('Stream key')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.getByRole('tab', { name: 'Details' }).click();
  await page.getByRole('button', { name: 'Delete stream' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page).toHaveURL(/\/studio$/);
  await expect(page.getByText('No streams yet')).toBeVisible();
  // The events of a stream end with it, and the page may have asked once more before it was left.
  await otto.leave([refusal(404)]);
});

test('every part of a stream’s page fits phone and desktop, empty and full', async ({ server, browser }, info) => {
  const otto = await Visitor.arrive(browser, server, 'desktop');
  await otto.registerAs('otto', 'speaker');
  const helper = await Visitor.arrive(browser, server);
  await helper.register('mod-with-a-rather-long-name');
  await helper.register('heckler');
  const access = await otto.ask<StreamAccess>('POST', '/streams', {
    slug: 'forge',
    title: 'Knives, hinges and a gate: a day at the forge with an apprentice',
    description: 'We make a gate.',
    tags: ['iron', 'open-fire'],
  });
  const { page } = otto;
  const parts = ['Recordings', 'Restream', 'Schedule', 'Moderation'];
  await otto.go('/studio/forge');
  for (const part of ['Live', ...parts.slice(0, 3)]) {
    await page.getByRole('tab', { name: part }).click();
    await expect(page.getByRole('tabpanel', { name: part }).locator('.empty')).toBeVisible();
    await otto.look(info, `${part.toLowerCase()}-empty`);
  }
  await page.getByRole('tab', { name: 'Restream' }).click();
  await page.getByRole('button', { name: 'Add a site' }).click();
  await otto.look(info, 'restream-dialog');

  await otto.ask('PUT', '/streams/forge/recording', { record: true });
  const publisher = new FfmpegPublisher(publishUrl(access), 'small');
  try {
    await publisher.flowing();
    await expect.poll(async () => (await otto.ask<{ live: boolean }>('GET', '/streams/forge')).live).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  } finally {
    await publisher.stop();
  }
  const site = { name: 'YouTube', url: 'rtmps://93.184.215.14:443/live2/with/a/rather/long/path', key: 'secret-key', enabled: false };
  await otto.ask('POST', '/streams/forge/restreams', site);
  const starts_at = new Date('2031-05-04T18:00:00Z').getTime();
  await otto.ask('POST', '/streams/forge/schedule', { title: 'Horseshoes', description: 'For beginners.', starts_at, ends_at: starts_at + 7_200_000 });
  await otto.ask('PUT', '/streams/forge/room/moderators/mod-with-a-rather-long-name');
  await otto.ask('POST', '/streams/forge/room/bans', { member: 'user:heckler', kind: 'timeout', seconds: 86_400, reason: 'Shouted at guests' });

  const phone = await Visitor.arrive(browser, server, 'phone');
  await phone.context.addCookies(await otto.context.cookies());
  for (const visitor of [otto, phone]) {
    await visitor.go('/studio');
    await expect(visitor.page.getByRole('link', { name: /@forge/ })).toBeVisible();
    await visitor.look(info, 'studio');
    await visitor.go('/studio/forge');
    for (const part of ['Details', ...parts]) {
      await visitor.page.getByRole('tab', { name: part }).click();
      const panel = visitor.page.getByRole('tabpanel', { name: part });
      await expect(panel).toBeVisible();
      await expect(panel.locator('.skeleton')).toHaveCount(0);
      if (part === 'Recordings') await expect(panel.getByRole('link', { name: /^Download/ }).first()).toBeVisible();
      await visitor.look(info, part.toLowerCase());
    }
    await expect(visitor.page.getByText('@mod-with-a-rather-long-name')).toBeVisible();
    await expect(visitor.page.getByRole('button', { name: 'Lift: heckler' })).toBeVisible();
  }

  // Moderation, on a phone: a rule, a word, and a timeout taken back.
  await phone.page.getByRole('switch', { name: 'Only followers write' }).click();
  await phone.page.getByRole('switch', { name: 'Questions appear when approved' }).click();
  await expect(phone.page.getByRole('switch', { name: 'Only followers write' })).toBeChecked();
  await expect(phone.page.getByRole('switch', { name: 'Questions appear when approved' })).toBeChecked();
  await phone.page.getByLabel('Blocked words').fill('slag\ndross');
  await phone.page.getByRole('button', { name: 'Save' }).click();
  await phone.page.getByRole('button', { name: 'Lift: heckler' }).click();
  await expect(phone.page.getByRole('button', { name: 'Lift: heckler' })).toHaveCount(0);
  await expect
    .poll(() => otto.ask<{ followers_only: boolean; questions_moderated: boolean; blocked_words: string[] }>('GET', '/streams/forge/room'))
    .toMatchObject({ followers_only: true, questions_moderated: true, blocked_words: ['slag', 'dross'] });
  await helper.leave();
  await phone.leave();
  await otto.leave();
});

test('a streamer sends the viewers on to another stream, by keyboard', async ({ server, browser, publish }, info) => {
  const otto = await Visitor.arrive(browser, server, 'desktop');
  await otto.registerAs('otto', 'speaker');
  const own = await otto.ask<StreamAccess>('POST', '/streams', { slug: 'forge', title: 'The forge' });
  const bob = await Visitor.arrive(browser, server, 'phone');
  await publish(own, 'small').flowing();
  await bob.go('/@forge');
  await expect(bob.page.locator('.room')).toHaveAttribute('data-room', 'ready');
  const { page } = otto;
  await otto.go('/studio/forge');
  await page.getByRole('tab', { name: 'Live', exact: true }).click();
  await otto.walkTo(page.getByRole('button', { name: 'Send viewers on' }));
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Send your viewers to another stream' });
  // One’s own stream is no place to send them.
  await expect(dialog.getByText('Nobody else is live here')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);

  await publish(await server.createStream('mill', 'Grinding at the mill'), 'small').flowing();
  await page.keyboard.press('Enter');
  await expect(dialog.getByLabel('Find a live stream')).toBeFocused();
  await page.keyboard.type('mill');
  await otto.look(info, 'raid');
  await otto.walkTo(dialog.getByRole('button', { name: 'Send there: Grinding at the mill' }));
  await page.keyboard.press('Enter');
  await expect(page.getByText('Your viewers are sent to Grinding at the mill.')).toBeVisible();
  await expect(dialog).toHaveCount(0);
  await expect(bob.page.getByText('The streamer sends you to Grinding at the mill.')).toBeVisible();
  await bob.page.getByRole('link', { name: 'Go there' }).click();
  await expect(bob.page).toHaveURL(/\/@mill$/);
  await bob.leave();
  await otto.leave();
});

test('a streamer goes live from the browser, and a viewer sees the picture move', async ({ server, browser }, info) => {
  const options = info.project.use.launchOptions!;
  // The second of Chromium's fake cameras has depth (Y16), which no encoder takes; the third has pictures again.
  const fake = ['--use-fake-device-for-media-stream=device-count=3', '--use-fake-ui-for-media-stream'];
  const studio = await chromium.launch({ ...options, args: [...options.args!, ...fake] });
  try {
    const otto = await Visitor.arrive(studio, server, 'phone');
    await otto.registerAs('otto', 'speaker');
    const { page } = otto;
    let offers = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/whip')) offers++;
    });
    await otto.go('/studio');
    await page.getByRole('button', { name: 'New stream' }).click();
    await page.getByLabel('Title').fill('From here');
    await page.getByRole('button', { name: 'Create stream' }).click();
    await page.getByRole('link', { name: 'Go live from this browser' }).click();
    const begin = page.getByRole('button', { name: 'Go live' });
    await expect(begin).toBeDisabled();
    await page.getByRole('button', { name: 'Use camera and microphone' }).click();
    await expect(page.getByRole('combobox', { name: 'Camera' })).toBeVisible();
    await expect(page.getByLabel('Level')).toBeVisible();
    await expect.poll(() => page.getByLabel('Level').evaluate((meter) => (meter as HTMLMeterElement).value)).toBeGreaterThan(0.05);
    await otto.look(info, 'go-live');
    await begin.click();
    await expect(page.locator('[data-broadcast]')).toHaveAttribute('data-broadcast', 'live');

    const context = await browser.newContext();
    const viewer = await context.newPage();
    await viewer.goto(`${server.origin}/@from-here`);
    await expect(player(viewer)).toHaveAttribute('data-state', 'playing');
    const moves = async () => {
      const before = await picture(viewer);
      expect(before).not.toBe('nothing');
      await expect.poll(() => picture(viewer)).not.toBe(before);
      expect(await picture(viewer)).not.toBe('nothing');
    };
    await moves();

    // Another camera comes into the same session.
    const cameras = await page.getByRole('combobox', { name: 'Camera' }).locator('option').evaluateAll((all) => all.map((it) => (it as HTMLOptionElement).value));
    expect(cameras.length).toBe(3);
    await page.getByRole('combobox', { name: 'Camera' }).selectOption(cameras[2]);
    await expect(page.getByRole('combobox', { name: 'Camera' })).toHaveValue(cameras[2]);
    await moves();
    await page.getByRole('switch', { name: 'Microphone' }).click();
    await expect(page.getByRole('switch', { name: 'Microphone' })).not.toBeChecked();
    await moves();
    expect(offers).toBe(1);
    await expect(player(viewer)).toHaveAttribute('data-state', 'playing');

    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(page.locator('[data-broadcast]')).toHaveAttribute('data-broadcast', 'ready');
    await expect(player(viewer)).toHaveAttribute('data-state', 'offline');
    await context.close();
    await otto.leave();
  } finally {
    await studio.close();
  }
});
