import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freeSample, inPage, launch, newPage, ready, sampleColors, samplePlace } from "./browser";

// The file that `dvi report` writes, opened from disk in a browser that is offline.
const program = process.env.DVI ?? resolve(__dirname, "../../build/dvi");
const data = "/usr/share/datasets/fashion-mnist";

describe.skipIf(!existsSync(program) || !existsSync(data))("a report", () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  const asked: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "dvi-report-"));
    const [run, report] = [join(folder, "run"), join(folder, "report.html")];
    const dvi = (...args: string[]) => execFileSync(program, ["-q", ...args], { timeout: 400_000 });
    dvi("demo", "--quick", "--samples", "600", "--epochs", "3", "--no-serve", "--out", run);
    dvi("report", run, "-o", report);
    // What the report needs must be inside it.
    rmSync(run, { recursive: true });
    browser = await launch();
    ({ page, errors } = await newPage(browser, { offline: true }));
    page.on("request", (request) => {
      if (!/^(file:\/\/.*report\.html|data:|blob:)/.test(request.url())) asked.push(request.url());
    });
    await page.goto(`file://${report}`);
    await ready(page);
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("draws the picture", async () => {
    await page.getByText("Ankle boot").first().waitFor();
    expect(new Set(await sampleColors(page, 40)).size).toBeGreaterThan(20);
  });

  it("moves through time", async () => {
    const pictures: string[] = [];
    for (const epoch of [1, 2, 3]) {
      await inPage(page, (app, n) => app.goToEpoch(n), epoch);
      await page.waitForFunction((n) => (window as any).dvi.epoch === n, epoch);
      await ready(page);
      pictures.push((await sampleColors(page, 40)).join(";"));
    }
    expect(new Set(pictures).size).toBe(3);
  });

  it("shows a sample's card with its image and its history", async () => {
    const id = await freeSample(page);
    const at = await samplePlace(page, id);
    await page.mouse.click(at.x, at.y);
    const card = page.locator(".panel.card");
    await card.getByText(`Sample #${id}`).waitFor();
    await page.waitForFunction(
      () => (document.querySelector(".card-image") as HTMLImageElement)?.naturalWidth > 0,
    );
    expect(await card.locator(".history .cell").count()).toBe(3);
    expect(await card.textContent()).toMatch(/Label.*Predicted.*Confidence/);
  });

  it("asked nobody for anything, without an error", () => {
    expect(asked).toEqual([]);
    expect(errors).toEqual([]);
  });
});
