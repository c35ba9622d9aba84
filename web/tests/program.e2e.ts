import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, openPage } from "./browser";

// From nothing to the picture, with the program itself: record -> fit -> eval -> serve -> browser.
const program = process.env.DVI ?? resolve(__dirname, "../../build/dvi");
const data = "/usr/share/datasets/fashion-mnist";

describe.skipIf(!existsSync(program) || !existsSync(data))("the program", () => {
  let folder: string;
  let server: ReturnType<typeof spawn>;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "dvi-e2e-"));
    const run = join(folder, "run");
    const demo = ["-q", "demo", "--quick", "--samples", "1500", "--epochs", "3", "--no-serve", "--out", run];
    execFileSync(program, demo, { stdio: "ignore", timeout: 400_000 });
    server = spawn(program, ["serve", run, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
    url = await new Promise((done, failed) => {
      let text = "";
      const read = (chunk: Buffer) => {
        text += chunk.toString();
        const found = text.match(/http:\/\/\S+/);
        if (found) done(found[0]);
      };
      server.stdout?.on("data", read);
      server.stderr?.on("data", read);
      server.on("exit", () => failed(new Error(`dvi serve ended: ${text}`)));
    });
    browser = await launch();
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    server?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it("judges its fit as better than chance", () => {
    const text = execFileSync(program, ["eval", join(folder, "run"), "--json"], { encoding: "utf8" });
    const { epochs } = JSON.parse(text) as { epochs: { test: { nn_15: number; ppr: number } }[] };
    expect(epochs).toHaveLength(3);
    for (const { test } of epochs) {
      expect(test.nn_15).toBeGreaterThan(2);
      expect(test.ppr).toBeGreaterThan(0.5);
    }
  });

  it("shows the run in a browser", async () => {
    const { page, errors } = await openPage(browser, url);
    await page.getByText("Ankle boot").first().waitFor();
    expect(errors).toEqual([]);
    const epochs = await page.evaluate(async () => {
      const view = (await (await fetch("/api/runs/0/views/default")).json()) as { epochs: number[] };
      return view.epochs.length;
    });
    expect(epochs).toBe(3);
  });
});
