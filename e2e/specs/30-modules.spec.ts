import type { Page } from '@playwright/test';
import { expect, test } from '../lib/fixtures.ts';
import { Visitor } from '../lib/pages.ts';

/** The modules that the page downloaded, each change of module once. */
function modulesOf(page: Page): string[] {
  const modules: string[] = [];
  page.on('request', (request) => {
    const module = /\/assets\/(\w+)-\w+\.wasm$/.exec(request.url())?.[1];
    if (module && modules.at(-1) !== module) modules.push(module);
  });
  return modules;
}

/** A page that the menu of the account leads to. */
async function choose(page: Page, name: string) {
  await page.getByRole('button', { name: /^Your account/ }).click();
  await page.getByRole('menuitem', { name, exact: true }).click();
}

test('from one module of the client to another and back, each page downloads its own', async ({ server, browser }) => {
  const ann = await Visitor.arrive(browser, server);
  await ann.register('ann');
  const { page } = ann;
  const modules = modulesOf(page);
  const home = page.getByRole('heading', { level: 1, name: 'Live now' });
  const studio = page.getByRole('heading', { level: 1, name: 'Your streams' });
  const settings = page.getByRole('heading', { level: 1, name: 'Settings' });

  await ann.go('/');
  await expect(home).toBeVisible();
  expect(modules).toEqual(['viewer']);
  await choose(page, 'Studio');
  await expect(studio).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/studio`);
  await expect(page).toHaveTitle('Studio · Weir');
  expect(modules).toEqual(['viewer', 'studio']);
  await choose(page, 'Settings');
  await expect(settings).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/settings`);
  expect(modules).toEqual(['viewer', 'studio', 'account']);

  // One entry for each page: not one for the link and one for the load.
  await page.goBack();
  await expect(studio).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(`${server.origin}/`);
  await expect(studio).toHaveCount(0);
  await expect(home).toBeVisible();
  await page.goForward();
  await expect(studio).toBeVisible();
  await page.goForward();
  await expect(settings).toBeVisible();

  // Within the studio an address that leads nowhere is the studio's to say.
  await ann.go('/studio/No/where');
  await expect(page.getByRole('heading', { name: 'Nothing flows here' })).toBeVisible();
  await page.getByRole('link', { name: 'See what is live' }).click();
  await expect(page).toHaveURL(`${server.origin}/`);
  await expect(home).toBeVisible();
  await ann.leave();
});

test('a page that came with the wrong module says so and does not load for ever', async ({ server, browser }) => {
  const ann = await Visitor.arrive(browser, server);
  await ann.register('ann');
  const { page } = ann;
  let loads = 0;
  // As a cache does that still has the page of an older server.
  await page.route('**/studio', async (route) => {
    loads += 1;
    await route.fulfill({ response: await route.fetch({ url: `${server.origin}/` }) });
  });
  await ann.go('/studio');
  await expect(page.getByRole('heading', { name: 'The server sent another page' })).toBeVisible();
  expect(loads, 'it tried once more').toBe(2);

  await page.unroute('**/studio');
  await page.getByRole('link', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Your streams' })).toBeVisible();
  await ann.leave();
});
