import { readFile } from "node:fs/promises";
import type { Browser, Page, Response } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fashion,
  hold,
  inPage,
  launch,
  type Mock,
  newPage,
  openPage,
  ready,
  sampleColors,
  serve,
} from "./browser";

let mock: Mock;
let browser: Browser;
beforeAll(async () => {
  mock = await serve(
    { ...fashion, samples: 1500 },
    { ...fashion, name: "growing", samples: 1500, fitted: 3 },
  );
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await mock?.close();
});

describe("time band", () => {
  let page: Page;
  beforeAll(async () => {
    ({ page } = await openPage(browser, mock.url));
  });
  afterAll(() => page.close());

  it("draws the subject's curves and their values under the slider", async () => {
    expect(await page.locator(".time-chart path.curve").count()).toBe(3);
    expect(await page.locator(".curve-values").textContent()).toMatch(
      /train accuracy0\.\d+test accuracy0\.\d+train loss0\.\d+/,
    );
    expect(await page.locator(".total").textContent()).toBe("of 8");
  });

  it("drags through time, snaps to an epoch, and steps by keys", async () => {
    const slider = page.getByRole("slider", { name: "Time" });
    const box = (await slider.boundingBox())!;
    const x = (k: number) => box.x + 14 + (k / 7) * (box.width - 28);
    await page.mouse.move(x(7), box.y + 20);
    await page.mouse.down();
    await page.mouse.move(x(2.4), box.y + 20, { steps: 5 });
    const during = await inPage(page, (app) => app.store.state.time as number);
    expect(during).toBeCloseTo(2.4, 1);
    await page.mouse.move(x(3.05), box.y + 20);
    await page.mouse.up();
    expect(await slider.getAttribute("aria-valuenow")).toBe("4");
    await slider.focus();
    await page.keyboard.press("ArrowRight");
    expect(await slider.getAttribute("aria-valuenow")).toBe("5");
    await page.keyboard.press("Shift+ArrowRight");
    expect(await slider.getAttribute("aria-valuenow")).toBe("5.1");
    await page.keyboard.press("End");
    expect(await slider.getAttribute("aria-valuenow")).toBe("8");
    await page.getByLabel("Epoch: type a number to jump").fill("6");
    await page.keyboard.press("Enter");
    expect(await slider.getAttribute("aria-valuenow")).toBe("6");
  });

  it("plays a range in a loop at the speed chosen, and stops at its end without loop", async () => {
    const slider = (await page.getByRole("slider", { name: "Time" }).boundingBox())!;
    const x = (k: number) => slider.x + 14 + (k / 7) * (slider.width - 28);
    await page.keyboard.down("Shift");
    await page.mouse.move(x(2), slider.y + 20);
    await page.mouse.down();
    await page.mouse.move(x(4), slider.y + 20, { steps: 3 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    expect(await inPage(page, (app) => app.store.state.range)).toEqual([2, 4]);
    await page.getByLabel("Speed").selectOption("6");
    await page.getByRole("button", { name: "Loop" }).click();
    await inPage(page, (app) => app.store.set({ time: 2 }));
    await page.getByRole("button", { name: /^Play/ }).click();
    await page.waitForFunction(() => !(window as any).dvi.store.state.playing);
    expect(await inPage(page, (app) => app.store.state.time)).toBe(4);
    await page.getByRole("button", { name: "Loop" }).click();
    await page.getByRole("button", { name: /^Play/ }).click();
    await page.waitForFunction(() => {
      const w = window as any;
      const t = w.dvi.store.state.time;
      w.lowest = Math.min(w.lowest ?? 9, t);
      w.wrapped ||= w.before !== undefined && t < w.before;
      w.before = t;
      return w.wrapped;
    });
    expect(await page.evaluate(() => (window as any).lowest)).toBeGreaterThanOrEqual(2);
    await page.keyboard.press("Space");
    await inPage(page, (app) => app.store.set({ playing: false, range: null }));
  });
});

describe("keyboard", () => {
  it("reaches layers, tools, panels, colours, samples and help", async () => {
    const { page, errors } = await openPage(browser, mock.url);
    const state = <T>(f: (app: any) => T) => inPage(page, f);
    await page.locator("canvas.scene").focus();
    for (const key of ["t", "p", "n", "r", "b", "i", "k", "q", "d"]) {
      const before = await state((app) => app.store.state.layers.length);
      await page.keyboard.press(key);
      expect(await state((app) => app.store.state.layers.length), key).not.toBe(before);
      await page.keyboard.press(key);
    }
    for (const [key, tool] of [
      ["x", "box"],
      ["o", "lasso"],
      ["e", "decode"],
      ["v", "pan"],
    ] as const) {
      await page.keyboard.press(key);
      expect(await state((app) => app.store.state.tool)).toBe(tool);
    }
    for (const [k, panel] of [
      "findings",
      "search",
      "sample",
      "selection",
      "suspects",
      "events",
      "quality",
      "compare",
      "export",
    ].entries()) {
      await page.keyboard.press(String(k + 1));
      await page.waitForFunction((id) => (window as any).dvi.store.state.panel === id, panel);
      expect(await page.locator(".dock.right .panel").count()).toBe(1);
    }
    await page.keyboard.press("Enter");
    const first = await state((app) => app.store.state.focus);
    expect(first).toBeGreaterThanOrEqual(0);
    await page.keyboard.press("]");
    expect(await state((app) => app.store.state.focus)).toBe(first + 1);
    await page.keyboard.press("a");
    expect(await state((app) => app.store.state.selection)).toEqual([first + 1]);
    await page.keyboard.press("z");
    expect(await state((app) => app.store.state.camera[2])).toBeGreaterThan(2);
    await page.keyboard.press("s");
    expect(await state((app) => app.store.state.selection)).toEqual([]);
    await page.keyboard.press("u");
    expect(await state((app) => app.store.state.selection)).toEqual([first + 1]);
    await page.keyboard.press("c");
    expect(await state((app) => app.store.state.colorBy)).toBe("prediction");
    await page.keyboard.press("l");
    expect(await page.locator(".dock.left").isVisible()).toBe(false);
    await page.keyboard.press("l");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Help" }).waitFor();
    expect(await page.locator("dialog kbd").count()).toBeGreaterThan(35);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Help" }).waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.matches("textarea.condition"));
    expect(errors).toEqual([]);
    await page.close();
  });

  it("names every control", async () => {
    const { page } = await openPage(browser, mock.url);
    for (const panel of [
      "findings",
      "search",
      "sample",
      "selection",
      "suspects",
      "events",
      "quality",
      "compare",
      "export",
    ]) {
      await inPage(page, (app, id) => app.store.set({ panel: id, focus: 4 }), panel);
      await ready(page);
      const nameless = await page.evaluate(() =>
        [
          ...document.querySelectorAll(
            "button, select, input, textarea, [role=slider], [role=listbox], svg[role=img], canvas",
          ),
        ]
          .filter((e) => {
            if (e.matches("[aria-hidden] *, [hidden] *")) return false;
            const labels = (e as HTMLInputElement).labels;
            const text = e.tagName === "BUTTON" ? e.textContent?.trim() : "";
            return !(
              e.getAttribute("aria-label") ||
              text ||
              (labels && labels.length > 0) ||
              e.getAttribute("title")
            );
          })
          .map((e) => e.outerHTML.slice(0, 120)),
      );
      expect(nameless, panel).toEqual([]);
    }
    await page.close();
  });
});

describe("looks", () => {
  it.each([
    [1280, 720, false],
    [1280, 720, true],
    [3840, 2160, false],
  ])("fits %i x %i (dark: %s) with nothing cut off", async (width, height, dark) => {
    const { page, errors } = await openPage(browser, mock.url, { width, height, dark });
    const out = await page.evaluate(() => {
      const wide = [
        ...document.querySelectorAll<HTMLElement>(".bar, .dock.left, .dock.right .panel, .time-band, .rail"),
      ]
        .filter((e) => e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.className);
      const page = document.documentElement;
      return {
        wide,
        scrolls: page.scrollHeight > page.clientHeight || page.scrollWidth > page.clientWidth,
        theme: page.dataset.theme,
      };
    });
    expect(out).toEqual({ wide: [], scrolls: false, theme: dark ? "dark" : "light" });
    expect(errors).toEqual([]);
    const corner = (await sampleColors(page, 24))[0]!.split(",").map(Number);
    expect(corner[0]! > 128).toBe(!dark);
    await page.close();
  });

  it("is within 350 KB gzipped before data", async () => {
    const { page } = await newPage(browser);
    const files: Response[] = [];
    page.on("response", (response) => {
      if (!response.url().includes("/api/")) files.push(response);
    });
    await page.goto(mock.url);
    await ready(page);
    const sizes = await Promise.all(files.map((file) => file.request().sizes()));
    const bytes = sizes.reduce((sum, size) => sum + size.responseBodySize, 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(350_000);
    await page.close();
  });
});

describe("empty and broken", () => {
  it("says what to do when no epoch is fitted, and shows the picture once one is", async () => {
    const young = await serve({ ...fashion, samples: 500, fitted: 0 });
    const { page } = await newPage(browser);
    const listen = await hold(page, "**/api/live*");
    await page.goto(young.url);
    await page.getByText("No epoch is fitted yet").waitFor();
    // Before the page listens: it is told then of what it missed.
    young.grow();
    listen();
    await ready(page);
    expect(await page.locator(".curtain").isVisible()).toBe(false);
    await page.close();
    await young.close();
  });

  it("says what is wrong when the run is not there or the server is gone", async () => {
    const { page } = await newPage(browser);
    await page.goto(`${mock.url}#run=99`);
    await page.getByText("The run cannot be shown").waitFor();
    await page.close();
    const gone = await serve({ ...fashion, samples: 500 });
    const second = await openPage(browser, gone.url);
    await gone.close();
    await inPage(second.page, (app) => app.focus(3));
    await second.page.getByText("Is `dvi serve` still running?").first().waitFor();
    await second.page.close();
  });

  it("follows a link to another run to the epoch that it names there", async () => {
    const { page, errors } = await openPage(browser, `${mock.url}#run=1`);
    await page.evaluate(() => {
      location.hash = "#run=0&epoch=6";
    });
    await page.waitForFunction(() => (window as any).dvi.viewer.main.epoch?.epoch === 6);
    expect(await page.locator(".total").textContent()).toBe("of 8");
    expect(errors).toEqual([]);
    await page.close();
  });

  it("takes in new epochs without a reload, and shows what is being fitted", async () => {
    const { page, errors } = await openPage(browser, `${mock.url}#run=1`);
    expect(await page.locator(".total").textContent()).toBe("of 3");
    await page.locator(".pending").waitFor();
    mock.grow(1);
    await page.waitForFunction(() => document.querySelector(".total")?.textContent === "of 4");
    await page.waitForFunction(() => (window as any).dvi.viewer.main.epoch?.epoch === 4);
    await inPage(page, (app) => app.goToEpoch(2));
    mock.grow(1);
    await page.waitForFunction(() => document.querySelector(".total")?.textContent === "of 5");
    expect(await inPage(page, (app) => app.epoch)).toBe(2);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("draws the picture again after the graphics context was lost", async () => {
    const { page } = await openPage(browser, mock.url);
    const before = await sampleColors(page, 30);
    await page.evaluate(async () => {
      const { canvas } = (window as any).dvi.viewer.stage;
      const extension = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      const told = (event: string) =>
        new Promise((done) => canvas.addEventListener(event, done, { once: true }));
      const lost = told("webglcontextlost");
      extension.loseContext();
      await lost;
      // It may be restored once the event is over.
      await new Promise((done) => requestAnimationFrame(done));
      const restored = told("webglcontextrestored");
      extension.restoreContext();
      await restored;
    });
    await ready(page);
    const after = await sampleColors(page, 30);
    expect(after.filter((c, i) => c !== before[i]).length).toBeLessThan(10);
    await page.close();
  });
});

describe("export", () => {
  let page: Page;
  let errors: string[];
  beforeAll(async () => {
    ({ page, errors } = await openPage(browser, `${mock.url}#panel=export`, { width: 760, height: 480 }));
  });
  afterAll(async () => {
    expect(errors).toEqual([]);
    await page.close();
  });
  const download = async (name: string) => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.locator(".panel.export").getByRole("button", { name, exact: true }).click(),
    ]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  };

  it("saves the scene as PNG, larger than the screen", async () => {
    await page.locator("#export-scale").selectOption("4");
    const { name, bytes } = await download("PNG");
    expect(name).toBe("fashion-mnist-epoch-8.png");
    expect(bytes.subarray(1, 4).toString()).toBe("PNG");
    const size = await inPage(page, (app) => app.viewer.stage.size);
    expect(bytes.readUInt32BE(16)).toBeGreaterThan(size.width * 4);
    await page.locator("#export-scale").selectOption("1");
  });

  it("saves the scene as SVG with its points, names and legend", async () => {
    const { bytes } = await download("SVG");
    const text = bytes.toString();
    expect(text.match(/<circle/g)!.length).toBe(1500);
    expect(text).toContain("<image");
    expect(text).toContain(">Ankle boot</text>");
    await ready(page);
    expect(new Set(await sampleColors(page, 40)).size).toBeGreaterThan(20);
  });

  it("makes a WebM of a range of epochs", async () => {
    await page.locator("#film-from").selectOption("6");
    await page.getByLabel("Epochs a second").selectOption("4");
    const { name, bytes } = await download("WebM");
    expect(name).toBe("fashion-mnist.webm");
    expect([...bytes.subarray(0, 4)]).toEqual([0x1a, 0x45, 0xdf, 0xa3]);
    expect(bytes.length).toBeGreaterThan(5000);
    expect(await inPage(page, (app) => app.epoch)).toBe(8);
  });

  it("makes an MP4", async () => {
    const { bytes } = await download("MP4");
    expect(bytes.subarray(4, 8).toString()).toBe("ftyp");
  });

  it("makes a GIF", async () => {
    const { bytes } = await download("GIF");
    expect(bytes.subarray(0, 6).toString()).toBe("GIF89a");
  });
});

describe("offline copy", () => {
  it("is one HTML file that opens from disk with epochs, search and images", async () => {
    const { page } = await openPage(browser, `${mock.url}#panel=export`);
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "HTML file" }).click(),
    ]);
    const path = `${await file.path()}.html`;
    await file.saveAs(path);
    await page.close();
    const { page: copy, errors } = await newPage(browser);
    const asked: string[] = [];
    copy.on("request", (request) => {
      if (/^https?:/.test(request.url())) asked.push(request.url());
    });
    await copy.goto(`file://${path}`);
    await ready(copy);
    expect(new Set(await sampleColors(copy, 40)).size).toBeGreaterThan(20);
    await inPage(copy, (app) => app.goToEpoch(3));
    await ready(copy);
    await inPage(copy, (app) => app.show("search", "label = 'Bag' and correct = 1"));
    await copy.getByText(/Began at/).waitFor();
    const right = await inPage(copy, (app) => {
      const { labels, classes } = app.data;
      const { selection } = app.store.state;
      return selection.length > 10 && selection.every((i: number) => classes[labels[i]] === "Bag");
    });
    expect(right).toBe(true);
    await inPage(copy, (app) => app.focus(10));
    await copy.getByText("Sample #10").waitFor();
    await copy.waitForFunction(
      () => (document.querySelector(".card-image") as HTMLImageElement)?.naturalWidth === 32,
    );
    expect(asked).toEqual([]);
    expect(errors).toEqual([]);
    await copy.close();
  });
});
