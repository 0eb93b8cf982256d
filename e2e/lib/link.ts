import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import type { Browser, BrowserContext } from '@playwright/test';
import { compiled } from './compile.ts';
import { test as base } from './fixtures.ts';
import { installReaderIn } from './reader.ts';
import { until, WeirServer, type StreamAccess } from './server.ts';

/** What passes in one direction; source/shaper.c says what each does. Rates in kbit/s, times in ms, chances in percent. */
export interface Shape {
  delay?: number;
  jitter?: number;
  loss?: number;
  burst?: [enter: number, leave: number];
  reorder?: [percent: number, ms: number];
  rate?: number;
  queue?: number;
}

export interface DirectionStats {
  packets: number;
  bytes: number;
  delivered: number;
  deliveredBytes: number;
  lost: number;
  queueDrops: number;
  overflow: number;
  reordered: number;
  waiting: number;
  waitingBytes: number;
}

interface LinkStats {
  pid: number;
  down: DirectionStats;
  up: DirectionStats;
}

/** Why there can be no link on this machine, or null. */
function obstacle(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a shaped link needs root on Linux';
  if (!existsSync('/dev/net/tun')) return 'a shaped link needs /dev/net/tun';
  return null;
}

/** Two addresses for a link, found from this process's number, where no interface of this machine is. */
function addresses(): [near: string, far: string] {
  const taken = Object.values(os.networkInterfaces()).flatMap((list) => list!.map(({ address }) => address));
  for (let net = process.pid & 0xff; ; net = (net + 1) & 0xff) {
    const prefix = `10.213.${net}.`;
    if (!taken.some((address) => address.startsWith(prefix))) return [`${prefix}1`, `${prefix}2`];
  }
}

/** A link to a network namespace of its own, with a shaper in it. */
export class Link {
  stats!: LinkStats;
  private readonly answers: ((stats: LinkStats) => void)[] = [];
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private errors = '';
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'weir-link-'));

  private constructor(
    /** The address at this end, where the server is. */
    readonly near: string,
    /** The address in the namespace. */
    readonly far: string,
    seed: number,
  ) {
    this.child = spawn(compiled('shaper'), [String(seed), near, far], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => this.child.on('exit', () => resolve()));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    readline.createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line);
      if (answer.error === undefined) this.stats = answer;
      this.answers.shift()?.(answer);
    });
  }

  static async open(seed = 1): Promise<Link> {
    const link = new Link(...addresses(), seed);
    await until(
      'the link is up',
      () => {
        if (link.child.exitCode !== null) throw new Error(`no link: ${link.errors}`);
        return link.stats !== undefined;
      },
      5_000,
      10,
    );
    return link;
  }

  private async ask(line: string): Promise<LinkStats> {
    const answer = new Promise<LinkStats & { error?: string }>((resolve, reject) => {
      this.answers.push(resolve);
      void this.exited.then(() => reject(new Error(`the shaper ended: ${this.errors}`)));
    });
    this.child.stdin!.write(`${line}\n`);
    const stats = await answer;
    if (stats.error !== undefined) throw new Error(`shaper, "${line}": ${stats.error}`);
    return stats;
  }

  /** Changes what passes. What is not said stays as it is. */
  async shape(direction: 'down' | 'up' | 'both', shape: Shape): Promise<LinkStats> {
    const words = Object.entries(shape).map(([name, value]) => `${name}=${[value].flat().join(',')}`);
    return this.ask([direction, ...words].join(' '));
  }

  /** Counters since the start. */
  async count(): Promise<LinkStats> {
    return this.ask('stats');
  }

  /** The words before a command that make it run at the far end. */
  get enter(): string[] {
    return ['nsenter', `--net=/proc/${this.stats.pid}/ns/net`, '--'];
  }

  /** A program that is this one at the far end. */
  wrap(program: string): string {
    const wrapper = path.join(this.folder, path.basename(program));
    writeFileSync(wrapper, `#!/bin/sh\nexec ${this.enter.join(' ')} '${program}' "$@"\n`);
    chmodSync(wrapper, 0o755);
    return wrapper;
  }

  async close(): Promise<void> {
    this.child.stdin!.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 3_000);
    await this.exited;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface LinkFixtures {
  /** A link with nothing shaped yet. Its counters are printed when the test fails. */
  link: Link;
  /** A browser at the far end of the link. */
  farBrowser: Browser;
  /** A context of it, with the reader in every page. */
  farViewers: BrowserContext;
}

/** Tests whose viewers reach the server over a link. Its origin for them is `farOrigin(server, link)`. */
export const test = base.extend<LinkFixtures>({
  // eslint-disable-next-line no-empty-pattern
  link: async ({}, use, info) => {
    const reason = obstacle();
    if (reason !== null && process.env.WEIR_E2E_REQUIRE_NETNS === '1') throw new Error(reason);
    info.skip(reason !== null, `${reason}; WEIR_E2E_REQUIRE_NETNS=1 makes this an error`);
    const link = await Link.open();
    try {
      await use(link);
      if (info.status !== info.expectedStatus) console.log(`--- link ---\n${JSON.stringify(await link.count())}`);
    } finally {
      await link.close();
    }
  },
  server: async ({ link, settings }, use, info) => {
    const server = await WeirServer.start(settings, link.near);
    await use(server);
    if (info.status !== info.expectedStatus) {
      console.log(`--- server log of "${info.title}", last lines ---\n${server.logs.split('\n').slice(-60).join('\n')}`);
    }
    await server.stop();
  },
  farBrowser: async ({ link, server, playwright, launchOptions }, use) => {
    const browser = await playwright.chromium.launch({
      ...launchOptions,
      executablePath: link.wrap(launchOptions.executablePath!),
      // As https would be: the reader needs a secure context.
      args: [...launchOptions.args!, `--unsafely-treat-insecure-origin-as-secure=${farOrigin(server, link)}`],
    });
    await use(browser);
    await browser.close();
  },
  farViewers: async ({ farBrowser }, use) => {
    const context = await farBrowser.newContext({ bypassCSP: true, viewport: { width: 1280, height: 800 } });
    await installReaderIn(context);
    await use(context);
    await context.close();
  },
});

/** The server's address at the far end. */
export function farOrigin(server: WeirServer, link: Link): string {
  return `http://${link.near}:${server.http}`;
}

/** The same addresses as seen from the far end of the link. */
export function farAccess(access: StreamAccess, server: WeirServer, link: Link): StreamAccess {
  const origin = farOrigin(server, link);
  const move = (address: string) => {
    const { pathname, search } = new URL(address);
    return `${origin}${pathname}${search}`;
  };
  return {
    ...access,
    whip_url: move(access.whip_url),
    whep_url: move(access.whep_url),
    hls_url: move(access.hls_url),
    watch_url: move(access.watch_url),
  };
}
