import { test as base, type BrowserContext, type Page } from '@playwright/test';
import { FfmpegPublisher, publishUrl, type encodings, type SampleRate } from './ffmpeg.ts';
import { installReaderIn } from './reader.ts';
import { WeirServer, type Settings, type StreamAccess } from './server.ts';

interface Fixtures {
  /** The server's settings, for `test.use`. */
  settings: Settings;
  /** A server of the test's own. Its log is attached when the test fails. */
  server: WeirServer;
  /** Starts FFmpeg on a stream; it is stopped at the end. */
  publish: (access: StreamAccess, encoding: keyof typeof encodings, rate?: SampleRate) => FfmpegPublisher;
  /** A browser context with the reader in every page. */
  viewers: BrowserContext;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  server: async ({ settings }, use, info) => {
    const server = await WeirServer.start(settings);
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach('server log', { body: server.logs, contentType: 'text/plain' });
      console.log(`--- server log of "${info.title}", last lines ---\n${server.logs.split('\n').slice(-60).join('\n')}`);
    }
    await server.stop();
  },
  // eslint-disable-next-line no-empty-pattern
  publish: async ({}, use, info) => {
    const publishers: FfmpegPublisher[] = [];
    await use((access, encoding, rate) => {
      const publisher = new FfmpegPublisher(publishUrl(access), encoding, rate);
      publishers.push(publisher);
      return publisher;
    });
    for (const publisher of publishers) {
      await publisher.stop();
      if (info.status !== info.expectedStatus && publisher.output) console.log(`--- FFmpeg ---\n${publisher.output}`);
    }
  },
  viewers: async ({ browser }, use) => {
    const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1280, height: 800 } });
    await installReaderIn(context);
    await use(context);
    await context.close();
  },
});

export { expect } from '@playwright/test';

/** The player of the watch page; its attributes say what it does. */
export function player(page: Page) {
  return page.locator('.player[data-state]');
}

/** Opens a stream's watch page. */
export async function openWatchPage(viewers: BrowserContext, access: StreamAccess, query = ''): Promise<Page> {
  const page = await viewers.newPage();
  await page.goto(`${access.watch_url}${query}`);
  return page;
}
