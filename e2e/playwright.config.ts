import { defineConfig } from '@playwright/test';

/** Specs that look at pages rather than measure the media's way. */
const pages = /(3[0-7]|39|43)-[\w-]+\.spec\.ts$/;

export default defineConfig({
  testDir: 'specs',
  projects: [
    // Delays are measured: nothing else may run beside.
    { name: 'media', testIgnore: pages, outputDir: 'test-results/media' },
    // To be run with more workers, once nothing is measured: `--project=pages --workers=2`.
    // Each page is judged and pictured in two themes and sizes, which takes time and measures nothing.
    { name: 'pages', testMatch: pages, outputDir: 'test-results/pages', timeout: 300_000 },
  ],
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['./lib/reporter.ts']],
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
      chromiumSandbox: false,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // Sound without a click, as on a site that the viewer has visited before.
        '--autoplay-policy=no-user-gesture-required',
        // The server is on this machine, and the machine may have no other network.
        '--allow-loopback-in-peer-connection',
      ],
    },
  },
});
