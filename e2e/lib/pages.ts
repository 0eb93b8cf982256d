import AxeBuilder from '@axe-core/playwright';
import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page, type TestInfo } from '@playwright/test';
import type { WeirServer } from './server.ts';

/** Widths that every page must fit. */
export const sizes = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1440, height: 900 },
} as const;
export type Size = keyof typeof sizes;
export const themes = ['light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** What a page wrote to the console as an error, or threw; `but` lists refusals that a test provokes. */
export function complaints(page: Page): { found: string[]; none: (but?: RegExp[]) => void } {
  const found: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => found.push(error.message));
  return {
    found,
    none: (but = []) => expect(found.filter((text) => !but.some((known) => known.test(text)))).toEqual([]),
  };
}

/** The browser's own words for an answer with this status, where a test provokes it. */
export const refusal = (status: number) => new RegExp(`status of ${status} `);

/** A visitor with a browser of its own: cookies, storage. */
export class Visitor {
  private account?: { name: string; password: string };

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly server: WeirServer,
    private readonly size: Size,
    readonly errors: ReturnType<typeof complaints>,
  ) {}

  static async arrive(browser: Browser, server: WeirServer, size: Size = 'desktop', colorScheme: Theme = 'dark', locale = 'en-GB', more: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: sizes[size], colorScheme, locale, ...more });
    const page = await context.newPage();
    return new Visitor(context, page, server, size, complaints(page));
  }

  /** The same person on another screen, logged in by itself: what refreshes one session must not end the other. */
  async alsoOn(size: Size): Promise<Visitor> {
    const other = await Visitor.arrive(this.context.browser()!, this.server, size);
    const data = { ...this.account, cookies: true };
    const answer = await other.context.request.post(`${this.server.origin}/api/v1/login`, { data });
    expect(answer.status(), await answer.text()).toBe(200);
    return other;
  }

  async go(path: string) {
    await this.page.goto(`${this.server.origin}${path}`);
  }

  /** Makes an account over the API and is logged in from then on. */
  async register(name: string, password = `${name}-password-1`, email?: string) {
    const answer = await this.context.request.post(`${this.server.origin}/api/v1/register`, {
      data: { name, password, email, cookies: true },
    });
    expect(answer.status(), await answer.text()).toBe(201);
    this.account = { name, password };
    return this.account;
  }

  /** The same, with a role: speakers may stream and organise. */
  async registerAs(name: string, role: 'speaker' | 'admin') {
    await this.register(name);
    const { code, stderr } = await this.server.command('user', 'set-role', '--name', name, '--role', role, ...this.server.flags);
    expect(code, stderr).toBe(0);
  }

  /** Asks the API at a path below its root, as whoever is logged in here. */
  async ask<T = unknown>(method: string, path: string, data?: unknown): Promise<T> {
    const csrf = (await this.context.cookies()).find(({ name }) => name.endsWith('weir_csrf'))!.value;
    const answer = await this.context.request.fetch(`${this.server.origin}/api/v1${path}`, {
      method,
      data,
      headers: { 'X-CSRF-Token': decodeURIComponent(csrf) },
    });
    const text = await answer.text();
    expect(answer.ok(), `${method} ${path}: ${answer.status()} ${text}`).toBe(true);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Goes on with a key until this has the focus. */
  async walkTo(target: Locator, key = 'Tab') {
    for (let step = 0; step < 60; step++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press(key);
    }
    throw new Error('the keyboard does not get there');
  }

  /** Nothing is wider than the page, and axe finds nothing. */
  async judge(what: string) {
    const { wide, by } = await this.page.evaluate(() => {
      const root = document.documentElement;
      const beyond = [...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > root.clientWidth + 1);
      return { wide: root.scrollWidth, by: beyond.map((it) => `${it.tagName}.${it.className}`).slice(-5) };
    });
    expect(wide, `${what} is wider than the page: ${by.join(', ')}`).toBeLessThanOrEqual(sizes[this.size].width);
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
    expect(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, target }) => `${target} ${html.slice(0, 160)}`).join(' | ')}`), what).toEqual([]);
  }

  /** Judges the page as it is in both themes, and keeps a picture of each. */
  async look(info: TestInfo, what: string) {
    for (const colorScheme of themes) {
      // What fades from one theme's colour to the other's has neither's contrast: without movement it does not fade.
      await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      await this.judge(`${what}, ${this.size}, ${colorScheme}`);
      await this.page.screenshot({ path: info.outputPath(`${what}-${this.size}-${colorScheme}.png`), fullPage: true });
    }
  }

  async leave(but: RegExp[] = []) {
    this.errors.none(but);
    // What a test still holds back is for nobody any more.
    await this.page.unrouteAll({ behavior: 'ignoreErrors' });
    await this.context.unrouteAll({ behavior: 'ignoreErrors' });
    await this.context.close();
  }
}
