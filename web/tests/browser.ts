import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
// @ts-expect-error plain JavaScript, as node runs it in the benchmark
import { launch as launchChromium } from "../mock/chromium.mjs";
// @ts-expect-error the mock is plain JavaScript, so that node runs it as it is
import { startMock } from "../mock/server.mjs";

export interface MockRun {
  name: string;
  samples: number;
  classes: number;
  epochs: number;
  fitted?: number;
  active?: boolean;
  seed?: number;
}

export interface Mock {
  url: string;
  grow(run?: number): void;
  close(): Promise<void>;
}

export const fashion: MockRun = { name: "fashion-mnist", samples: 3000, classes: 10, epochs: 8 };

export function serve(...specs: MockRun[]): Promise<Mock> {
  return startMock({ specs: specs.length ? specs : [fashion] }) as Promise<Mock>;
}

export const launch = launchChromium as () => Promise<Browser>;

/** Everything of a page that was opened for a group of tests. */
export interface Opened {
  page: Page;
  mock: Mock;
  browser: Browser;
}

/**
 * Opens the page on made-up runs before the tests of a group and closes it after them. The group fails if the page
 * reported errors other than those `expected`.
 */
export function onPage(specs: MockRun[], use: (opened: Opened) => void, expected = /^$/): void {
  let mock: Mock;
  let browser: Browser;
  let errors: string[] = [];
  beforeAll(async () => {
    mock = await serve(...specs);
    browser = await launch();
    const opened = await openPage(browser, mock.url);
    errors = opened.errors;
    use({ page: opened.page, mock, browser });
  });
  afterAll(async () => {
    await browser?.close();
    await mock?.close();
    expect(errors.filter((e) => !expected.test(e))).toEqual([]);
  });
}

/** A blank page. Errors of what is opened in it, content-security ones too, are kept. */
export async function newPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, ...options });
  // A machine that is busy elsewhere makes software rendering slow, not wrong.
  page.setDefaultTimeout(Number(process.env.DVI_PATIENCE ?? 90_000));
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { page, errors };
}

/** Opens the page and waits until its picture is there. */
export async function openPage(
  browser: Browser,
  url: string,
  options: { width?: number; height?: number; dark?: boolean } = {},
): Promise<{ page: Page; errors: string[] }> {
  const { page, errors } = await newPage(browser, {
    viewport: { width: options.width ?? 1280, height: options.height ?? 720 },
    colorScheme: options.dark ? "dark" : "light",
  });
  await page.goto(url);
  await ready(page);
  return { page, errors };
}

/**
 * Waits until all that was done has had its effect: the epoch's picture is shown, samples can be picked, every answer
 * has come, the panels tell of the epoch, and what follows with the next frames is done.
 */
export async function ready(page: Page): Promise<void> {
  // A frame observes sizes, or looks at what is under the pointer; the next one draws it, and is over with the third.
  await page.waitForFunction(
    (calm) => {
      const { dvi } = window as any;
      const busy = !dvi?.ready || dvi.epochToTell || dvi.api.waiting > 0;
      calm.frames = busy ? 0 : calm.frames + 1;
      return calm.frames > 3;
    },
    { frames: 0 },
  );
}

/** Holds back the next request to `url` until the function that is returned is called. */
export async function hold(page: Page, url: string): Promise<() => void> {
  let release = () => {};
  const held = new Promise<void>((done) => {
    release = done;
  });
  await page.route(
    url,
    async (route) => {
      await held;
      await route.continue();
    },
    { times: 1 },
  );
  return release;
}

/** Something of the page's own state; the function runs in the page with the App as its argument. */
export function inPage<T, A = undefined>(
  page: Page,
  f: (app: any, argument: A) => T,
  argument?: A,
): Promise<T> {
  return page.evaluate(`(${f.toString()})(window.dvi, ${JSON.stringify(argument)})`) as Promise<T>;
}

/** Opens, or closes, the panel of this name; what it shows is there. */
export async function openPanel(page: Page, name: string): Promise<void> {
  await page.locator(".rail-button", { hasText: name }).click();
  await ready(page);
}

/** Where the picture is on the page, once a panel that opened or closed has changed its size. */
export async function pictureBox(
  page: Page,
): Promise<{ x: number; y: number; width: number; height: number }> {
  await ready(page);
  return (await page.locator("canvas.scene").boundingBox())!;
}

/** Where sample `id` is on the page. */
export async function samplePlace(page: Page, id: number): Promise<{ x: number; y: number }> {
  const box = await pictureBox(page);
  const at = await inPage(page, (app, i) => app.viewer.screenOf(i), id);
  return { x: box.x + at.x, y: box.y + at.y };
}

/** A sample within the picture that nothing lies on: picking at its place finds it. */
export async function freeSample(page: Page, from = 0): Promise<number> {
  await ready(page);
  return inPage(
    page,
    (app, start) => {
      const pane = app.viewer.main;
      const { width, height } = app.viewer.size(pane);
      for (let id = start; id < pane.data.count; ++id) {
        const [x, y] = pane.scene.place(id);
        const at = app.viewer.screenOf(id);
        const within = at.x > 20 && at.y > 20 && at.x < width - 20 && at.y < height - 20;
        if (within && pane.isVisible(id) && pane.picker.pick(x, y, 0.02, (i: number) => i !== id) < 0)
          return id;
      }
      return -1;
    },
    from,
  );
}

/** Colours of the picture at n x n places, as "r,g,b". */
export async function sampleColors(page: Page, n = 24): Promise<string[]> {
  return inPage(
    page,
    (app, count) => {
      app.viewer.stage.draw();
      const source = app.viewer.stage.canvas as HTMLCanvasElement;
      const copy = document.createElement("canvas");
      copy.width = source.width;
      copy.height = source.height;
      const context = copy.getContext("2d", { willReadFrequently: true })!;
      context.drawImage(source, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, source.width, source.height);
      const out: string[] = [];
      for (let j = 0; j < count; ++j)
        for (let i = 0; i < count; ++i) {
          const x = Math.floor(((i + 0.5) / count) * width);
          const y = Math.floor(((j + 0.5) / count) * height);
          out.push(data.slice((y * width + x) * 4, (y * width + x) * 4 + 3).join(","));
        }
      return out;
    },
    n,
  );
}
