import type { Page } from '@playwright/test';
import { mkdir } from 'node:fs/promises';
import { publishCaptions } from '../lib/captions.ts';
import { publishUrl } from '../lib/ffmpeg.ts';
import { expect, player, test } from '../lib/fixtures.ts';
import { refusal, Visitor } from '../lib/pages.ts';
import type { StreamAccess } from '../lib/server.ts';

/** An account that may stream, with a stream of its own. */
async function streamer(visitor: Visitor, name: string, slug: string) {
  await visitor.registerAs(name, 'speaker');
  await visitor.ask('POST', '/streams', { slug, title: 'A room with a view', description: 'Boats.\nAnd more boats.', tags: ['boats'] });
}

const room = (page: Page) => page.locator('.room');
const log = (page: Page) => page.getByRole('log', { name: 'Messages' });
const field = (page: Page) => page.getByRole('textbox', { name: 'Your message' });
// By what it says itself, not by what it answers.
const line = (page: Page, text: string) =>
  log(page).locator('[data-message]').filter({ has: page.locator('.chat-body', { hasText: text }) });

/** The player asks for a stream that is not live, and is told so. */
const offline = refusal(409);

async function leave(...visitors: Visitor[]) {
  for (const visitor of visitors) await visitor.leave([offline]);
}

async function enter(visitor: Visitor, slug: string) {
  await visitor.go(`/@${slug}`);
  await expect(room(visitor.page)).toHaveAttribute('data-room', 'ready');
}

test('people talk: by keyboard, with answers, changes, pins and reactions; who has no account reads', async ({ server, browser }, info) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await streamer(olga, 'olga', 'talk');
  const bob = await Visitor.arrive(browser, server, 'phone', 'light');
  await bob.register('bob');
  const nobody = await Visitor.arrive(browser, server, 'phone');
  await Promise.all([enter(olga, 'talk'), enter(bob, 'talk'), enter(nobody, 'talk')]);

  await expect(room(nobody.page).getByRole('link', { name: 'Log in to chat' })).toHaveAttribute('href', '/login?next=/@talk');
  await expect(log(bob.page)).toContainText('Nobody has said anything yet.');

  // By keyboard, with letters that are keys of the player elsewhere.
  await field(bob.page).focus();
  await bob.page.keyboard.type('hello @olga, make a look: https://weir.example/a. <b>fm k</b>');
  await bob.page.keyboard.press('Enter');
  await expect(field(bob.page)).toHaveValue('');
  const hello = line(olga.page, 'hello @olga');
  await expect(hello).toContainText('<b>fm k</b>');
  await expect(hello.locator('.chat-you')).toHaveText('@olga');
  const link = hello.getByRole('link');
  await expect(link).toHaveAttribute('href', 'https://weir.example/a');
  await expect(link).toHaveAttribute('rel', /nofollow/);
  await expect(line(nobody.page, 'hello @olga')).toBeVisible();

  // Olga answers by keyboard: to the message, to what may be done with it, to the form.
  await field(olga.page).focus();
  await olga.walkTo(hello, 'Shift+Tab');
  await olga.walkTo(hello.getByRole('button', { name: 'Reply to bob' }));
  await olga.page.keyboard.press('Enter');
  await expect(room(olga.page).getByText('You answer bob')).toBeVisible();
  await expect(field(olga.page)).toBeFocused();
  await olga.page.keyboard.type('welcome');
  await olga.page.keyboard.press('Enter');
  await expect(line(bob.page, 'welcome')).toContainText('Answers bob: hello');

  // A reaction, once, and taken off again.
  await hello.hover();
  await hello.getByRole('button', { name: 'React with ❤️' }).click();
  await expect(line(bob.page, 'hello').getByRole('button', { name: '❤️: 1' })).toBeVisible();
  await hello.getByRole('button', { name: '❤️: 1' }).click();
  await expect(line(bob.page, 'hello').getByRole('button', { name: '❤️: 1' })).toHaveCount(0);

  // Bob changes his own, and has no say over hers.
  const own = line(bob.page, 'hello');
  await own.locator('.chat-name').click();
  await own.getByRole('button', { name: 'What to do with this message by bob' }).click();
  await bob.page.getByRole('menuitem', { name: 'Edit' }).click();
  await field(bob.page).fill('good evening');
  await bob.page.keyboard.press('Enter');
  await expect(line(olga.page, 'good evening')).toContainText('edited');
  await line(bob.page, 'welcome').locator('.chat-name').click();
  await expect(line(bob.page, 'welcome').getByRole('button', { name: /What to do/ })).toHaveCount(0);

  // Olga runs the room.
  const evening = line(olga.page, 'good evening');
  const menu = async (entry: string) => {
    await evening.hover();
    await evening.getByRole('button', { name: /What to do/ }).click();
    await olga.page.getByRole('menuitem', { name: entry, exact: true }).click();
  };
  await menu('Pin');
  await expect(nobody.page.getByRole('region', { name: 'Pinned' })).toContainText('good evening');
  await Promise.all([olga.look(info, 'chat'), nobody.look(info, 'chat-reader')]);
  await bob.look(info, 'chat-writer');
  await menu('No writing for 10 minutes');
  await expect(room(olga.page).getByRole('alert')).toContainText('may not write for 10 minutes');
  await field(bob.page).fill('still here?');
  await bob.page.keyboard.press('Enter');
  await expect(room(bob.page).getByRole('alert')).toContainText(/may not write for \d+ minutes/);
  await expect(field(bob.page)).toHaveValue('still here?');
  await menu('Delete');
  await expect(line(nobody.page, 'Message deleted')).toBeVisible();
  await expect(nobody.page.getByRole('region', { name: 'Pinned' })).toHaveCount(0);

  await leave(olga, bob, nobody);
});

test('who is logged in sees the picture by WebRTC, also when their access token has ended', async ({ server, publish, browser }, info) => {
  const access = await server.createStream('seen', 'Boats on the river');
  await publish(access, 'small').flowing();
  const bob = await Visitor.arrive(browser, server, 'desktop');
  await bob.register('bob');
  const playing = async () => {
    await expect(player(bob.page)).toHaveAttribute('data-state', 'playing');
    await expect(player(bob.page)).toHaveAttribute('data-transport', 'webrtc');
  };
  await enter(bob, 'seen');
  await playing();
  await bob.look(info, 'live');
  const picture = async () => (await player(bob.page).boundingBox())!.width;
  const beside = await picture();
  await bob.page.keyboard.press('t');
  await expect.poll(picture, 'the theatre goes from edge to edge').toBe(1440);
  await bob.look(info, 'theatre');
  await bob.page.keyboard.press('t');
  await expect.poll(picture).toBe(beside);
  const ended = (await bob.context.cookies()).find(({ name }) => name.endsWith('weir_access'))!;
  await bob.context.addCookies([{ ...ended, value: 'ended' }]);
  await bob.page.reload();
  await playing();
  await bob.leave([refusal(401)]);
});

test('rules are explained, limits are said, and a long text is not lost', async ({ server, browser }) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await streamer(olga, 'olga', 'rules');
  const bob = await Visitor.arrive(browser, server, 'desktop');
  await bob.register('bob');
  await Promise.all([enter(olga, 'rules'), enter(bob, 'rules')]);
  await olga.ask('PATCH', '/streams/rules/room', { slow_ms: 60_000 });
  await expect(room(bob.page)).toContainText('Slow mode: one message every 60 seconds.');
  const send = async (text: string) => {
    await field(bob.page).fill(text);
    await bob.page.keyboard.press('Enter');
  };
  await send('first');
  await expect(line(bob.page, 'first')).toBeVisible();
  await send('second');
  await expect(room(bob.page).getByRole('alert')).toContainText(/next message in \d+ seconds/);
  await expect(field(bob.page)).toHaveValue('second');
  await field(bob.page).fill('x'.repeat(460));
  await expect(room(bob.page)).toContainText('40 characters left');
  await send('x'.repeat(503));
  await expect(room(bob.page)).toContainText('3 characters too many');
  await expect(field(bob.page)).toHaveValue('x'.repeat(503));
  // Nor is it when another part of the room is looked at meanwhile, with what it is an answer to.
  await line(bob.page, 'first').hover();
  await line(bob.page, 'first').getByRole('button', { name: 'Reply to bob' }).click();
  await expect(room(bob.page)).toContainText('You answer bob');
  await room(bob.page).getByRole('tab', { name: /^People/ }).click();
  await expect(field(bob.page)).toHaveCount(0);
  await room(bob.page).getByRole('tab', { name: /^Chat/ }).click();
  await expect(field(bob.page)).toHaveValue('x'.repeat(503));
  await expect(room(bob.page)).toContainText('You answer bob');
  await expect(room(bob.page).getByRole('tab', { name: /^Chat/ }), 'the keyboard stays with the tabs').toBeFocused();
  await leave(olga, bob);
});

test('after a cut nothing is missing and nothing is there twice', async ({ server, browser }) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await streamer(olga, 'olga', 'cut');
  const bob = await Visitor.arrive(browser, server, 'desktop');
  await bob.register('bob');
  // What is between Bob's page and the server can be cut.
  let cut = false;
  const sockets: { close(): Promise<void> }[] = [];
  await bob.page.routeWebSocket(/\/ws$/, (socket) => {
    if (cut) {
      void socket.close();
    } else {
      socket.connectToServer();
      sockets.push(socket);
    }
  });
  await Promise.all([enter(olga, 'cut'), enter(bob, 'cut')]);
  const say = async (visitor: Visitor, text: string) => {
    await field(visitor.page).fill(text);
    await visitor.page.keyboard.press('Enter');
  };
  await say(olga, 'before');
  await expect(line(bob.page, 'before')).toHaveCount(1);
  cut = true;
  for (const socket of sockets) await socket.close();
  await expect(room(bob.page)).toHaveAttribute('data-room', 'lost');
  await expect(room(bob.page)).toContainText('It comes back by itself.');
  await say(olga, 'meanwhile');
  await say(bob, 'from the other side');
  await expect(line(olga.page, 'meanwhile')).toHaveCount(1);
  cut = false;
  await expect(room(bob.page)).toHaveAttribute('data-room', 'ready', { timeout: 20_000 });
  for (const { page } of [olga, bob]) {
    await expect(line(page, 'from the other side')).toHaveCount(1);
    await expect(line(page, 'meanwhile')).toHaveCount(1);
    await expect(log(page).locator('[data-message]')).toHaveCount(3);
  }
  await olga.leave([offline]);
  await bob.leave([offline, /WebSocket/]);
});

test('a reader who went up stays there, and is told what is new', async ({ server, browser }) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await streamer(olga, 'olga', 'long');
  const bob = await Visitor.arrive(browser, server, 'phone');
  await enter(olga, 'long');
  for (let n = 1; n <= 60; n++) {
    await field(olga.page).fill(`line ${n} of many`);
    await olga.page.keyboard.press('Enter');
  }
  await expect(line(olga.page, 'line 60 of')).toBeInViewport();
  await enter(bob, 'long');
  await expect(line(bob.page, 'line 60 of')).toBeInViewport();
  const first = line(bob.page, 'line 11 of');
  await expect(line(bob.page, 'line 10 of')).toHaveCount(0);
  await log(bob.page).evaluate((list) => list.scrollTo({ top: 0 }));
  await bob.page.getByRole('button', { name: 'Show older messages' }).click();
  await expect(line(bob.page, 'line 1 of')).toHaveCount(1);
  await expect(first, 'what was read stays where it was').toBeInViewport();
  await field(olga.page).fill('the newest');
  await olga.page.keyboard.press('Enter');
  const button = bob.page.getByRole('button', { name: '1 new message' });
  await expect(button).toBeVisible();
  await expect(line(bob.page, 'the newest')).not.toBeInViewport();
  await button.click();
  await expect(line(bob.page, 'the newest')).toBeInViewport();
  await leave(olga, bob);
});

test('polls, questions, reactions and people', async ({ server, browser }, info) => {
  const olga = await Visitor.arrive(browser, server, 'desktop', 'light');
  await streamer(olga, 'olga', 'ask');
  const bob = await Visitor.arrive(browser, server, 'phone');
  await bob.register('bob');
  await Promise.all([enter(olga, 'ask'), enter(bob, 'ask')]);
  const tab = (visitor: Visitor, name: RegExp) => room(visitor.page).getByRole('tab', { name });

  await olga.ask('POST', '/streams/ask/room/polls', { question: 'Which boat?', options: ['The red one', 'The blue one'] });
  await room(bob.page).getByRole('button', { name: 'Vote' }).click();
  await room(bob.page).getByRole('radio', { name: 'The blue one' }).focus();
  await bob.page.keyboard.press('Space');
  await bob.look(info, 'poll-form');
  await bob.page.keyboard.press('Enter');
  await expect(room(bob.page)).toContainText('your choice');
  await tab(olga, /^Polls/).click();
  // Who runs the room sees the votes come in, and may vote.
  await expect(room(olga.page)).toContainText('100 %, 1 vote');
  await room(olga.page).getByRole('button', { name: 'Vote', exact: true }).click();
  await expect(room(olga.page).getByRole('radio')).toHaveCount(2);
  await tab(bob, /^Chat/).click();
  await expect(room(bob.page).getByRole('button', { name: 'Vote' })).toHaveCount(0);
  await olga.page.getByRole('button', { name: 'Close the poll' }).click();
  await expect(room(olga.page)).toContainText('Closed');
  await expect(room(olga.page)).toContainText('100 %, 1 vote');

  await tab(bob, /^Questions/).click();
  await bob.page.getByRole('textbox', { name: 'Your question' }).fill('How deep is it?');
  await bob.page.getByRole('button', { name: 'Ask', exact: true }).click();
  await tab(olga, /^Questions/).click();
  const vote = olga.page.getByRole('button', { name: 'I want to know this too: How deep is it?' });
  await vote.click();
  await expect(vote).toHaveAttribute('aria-pressed', 'true');
  await expect(room(bob.page)).toContainText('1 vote');
  await olga.page.getByRole('button', { name: 'What to do with this question' }).click();
  await olga.page.getByRole('menuitem', { name: 'Mark as answered' }).click();
  await expect(room(bob.page)).toContainText('Answered');
  await olga.look(info, 'questions');

  await tab(bob, /^People/).click();
  const olgaHere = room(bob.page).getByRole('listitem').filter({ hasText: 'olga' });
  await expect(olgaHere).toContainText('Moderator');
  expect((await olgaHere.boundingBox())!.height, 'each of them on a line').toBeLessThan(60);
  await bob.look(info, 'people');
  await tab(bob, /^Chat/).click();
  await tab(olga, /^Chat/).click();
  await bob.page.getByRole('group', { name: 'Reactions' }).getByRole('button', { name: 'Party' }).click();
  await expect(olga.page.locator('.burst').filter({ hasText: '🎉' })).toBeAttached();
  await expect(olga.page.locator('.burst')).toHaveCount(0, { timeout: 8_000 });
  await leave(olga, bob);
});

test('what one watches, whose it is, and telling others of it', async ({ server, browser }, info) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await streamer(olga, 'olga', 'about');
  const bob = await Visitor.arrive(browser, server, 'desktop');
  await bob.register('bob');
  await enter(bob, 'about');
  const { page } = bob;
  await expect(page.getByRole('heading', { name: 'A room with a view' })).toBeVisible();
  await expect(page.getByText('And more boats.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'olga' }).first()).toHaveAttribute('href', '/u/olga');
  const follow = page.getByRole('button', { name: 'Follow' });
  await follow.click();
  await expect(page.getByRole('button', { name: 'Following' })).toHaveAttribute('aria-pressed', 'true');
  await page.reload();
  await expect(page.getByRole('button', { name: 'Following' })).toBeVisible();
  await page.getByRole('button', { name: 'Share' }).click();
  const dialog = page.getByRole('dialog', { name: 'Share this stream' });
  await expect(dialog.getByRole('textbox', { name: 'Address' })).toHaveValue(`${server.origin}/@about`);
  await expect(dialog.getByRole('textbox', { name: 'Code for your own page' })).toHaveValue(/<iframe src="[^"]+\/embed\/about" title="A room with a view"/);
  await bob.look(info, 'share');
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);

  const nobody = await Visitor.arrive(browser, server, 'phone', 'dark', 'fr-FR');
  await enter(nobody, 'about');
  await expect(nobody.page.getByRole('link', { name: 'S’abonner' })).toHaveAttribute('href', '/login?next=/@about');
  await nobody.look(info, 'about-french');
  await nobody.go('/@nowhere');
  await expect(nobody.page.locator('.player')).toHaveAttribute('data-state', 'missing');
  await expect(room(nobody.page)).toHaveCount(0);
  await leave(olga, bob);
  await nobody.leave([refusal(404), offline]);
});

test('captions are read over both transports, switched by keyboard, and stay on', async ({ server, browser }, info) => {
  const olga = await Visitor.arrive(browser, server, 'desktop');
  await olga.registerAs('olga', 'speaker');
  const access = await olga.ask<StreamAccess>('POST', '/streams', { slug: 'spoken', title: 'What is said' });
  await mkdir(info.outputPath(), { recursive: true });
  const stop = await publishCaptions(publishUrl(access), info.outputPath(), ['The water is high.', 'A boat comes by.']);
  const bob = await Visitor.arrive(browser, server, 'phone');
  const { page } = bob;
  try {
    for (const [path, transport] of [['/@spoken', 'webrtc'], ['/@spoken?transport=hls', 'hls']]) {
      await bob.go(path);
      await expect(player(page)).toHaveAttribute('data-transport', transport, { timeout: 30_000 });
      const button = page.getByRole('button', { name: 'Captions (c)' });
      // Nothing is switched on that the viewer did not ask for, and what they asked for is remembered.
      await expect(button).toHaveAttribute('aria-pressed', transport === 'webrtc' ? 'false' : 'true', { timeout: 30_000 });
      if (transport === 'webrtc') {
        await expect(page.locator('.captions')).toHaveCount(0);
        await page.keyboard.press('c');
      }
      for (const line of ['The water is high.', 'A boat comes by.']) {
        await expect(page.locator('.captions')).toHaveText(line, { timeout: 30_000 });
      }
    }
    await bob.look(info, 'captions');
    await olga.go('/studio/spoken');
    await olga.page.getByRole('tab', { name: 'Live' }).click();
    await expect(olga.page.getByRole('button', { name: 'Captions (c)' })).toBeVisible({ timeout: 30_000 });
    bob.errors.none([offline]);
  } finally {
    await stop();
  }
  // What is over has nothing to be read.
  await expect(page.locator('.captions')).toHaveCount(0, { timeout: 30_000 });
  await olga.leave([offline]);
  // The playlist that was asked for last waits for media that do not come.
  await bob.leave([offline, refusal(503)]);
});
