import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '../lib/fixtures.ts';

test("the player plays in a frame of somebody else's page, found by oEmbed", async ({ server, publish, browser }) => {
  const access = await server.createStream('framed', 'In a frame');
  await publish(access, 'plain').flowing();

  // As a site does that was given the address of the stream's page.
  const page = await (await fetch(`${server.origin}/@framed`)).text();
  const link = /type="application\/json\+oembed" href="([^"]+)"/.exec(page);
  expect(link, 'the page says where its frame is').not.toBeNull();
  const oembed = await fetch(link![1]!.replaceAll('&amp;', '&'));
  const { html, width, height } = (await oembed.json()) as { html: string; width: number; height: number };
  expect(width / height).toBeCloseTo(16 / 9, 2);

  // Another origin: another port of this machine.
  const site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>A site</title>${html}`);
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  const { port } = site.address() as AddressInfo;
  const context = await browser.newContext();
  try {
    const host = await context.newPage();
    await host.goto(`http://127.0.0.1:${port}/`);
    const frame = host.frameLocator('iframe');
    await expect(frame.locator('.player[data-state]')).toHaveAttribute('data-state', 'playing', { timeout: 20_000 });
    const moves = () => frame.locator('video.front').evaluate((video: HTMLVideoElement) => video.currentTime);
    const before = await moves();
    await expect.poll(moves).toBeGreaterThan(before);

    // Other pages stay out of frames.
    const watchPage = `${server.origin}/@framed`;
    const [answer] = await Promise.all([host.waitForResponse(watchPage), host.setContent(`<iframe src="${watchPage}"></iframe>`)]);
    expect(answer.headers()['content-security-policy']).toMatch(/frame-ancestors 'self'/);
    await expect.poll(() => host.frames()[1]?.url()).toMatch(/^chrome-error:/);
  } finally {
    await context.close();
    site.close();
  }
});
