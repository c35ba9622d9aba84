import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { inPage, launch, newPage, openPage, openPanel, ready, sampleColors } from "./browser";
import { Kernel } from "./python";

// From nothing to the picture, with the program itself: record -> fit -> eval -> serve -> browser.
const program = process.env.DVI ?? resolve(__dirname, "../../build/dvi");
const data = "/usr/share/datasets/fashion-mnist";

describe.skipIf(!existsSync(program) || !existsSync(data))("the program", () => {
  let folder: string;
  let run: string;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  const servers: ChildProcess[] = [];

  /** Starts `dvi serve` with these options; resolves to the address it prints. */
  function serving(...options: string[]): Promise<string> {
    const server = spawn(program, ["serve", run, "--port", "0", ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    servers.push(server);
    return new Promise((done, failed) => {
      let text = "";
      const read = (chunk: Buffer) => {
        text += chunk.toString();
        // What has come so far may end within the address.
        const found = text.match(/http:\/\/\S+(?=\s)/);
        if (found) done(found[0]);
      };
      server.stdout?.on("data", read);
      server.stderr?.on("data", read);
      server.on("exit", () => failed(new Error(`dvi serve ended: ${text}`)));
    });
  }

  const inShell = (where: string, epoch: number) => {
    const text = execFileSync(program, ["query", run, where, "--epoch", String(epoch), "--json"], {
      encoding: "utf8",
    });
    return (JSON.parse(text) as { ids: number[] }).ids;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "dvi-e2e-"));
    run = join(folder, "run");
    const demo = ["-q", "demo", "--quick", "--samples", "1500", "--epochs", "3", "--no-serve", "--out", run];
    execFileSync(program, demo, { stdio: "ignore", timeout: 400_000 });
    browser = await launch();
    const address = await serving();
    // What the server works out after its first answer it tells the page, which then makes its panels anew: no click
    // must fall into that.
    const measured = async () => {
      const view = await (await fetch(new URL("api/runs/0/views/default", address))).json();
      expect((view as { run_metrics: object }).run_metrics).not.toEqual({});
    };
    await vi.waitFor(measured, { timeout: 90_000 });
    ({ page, errors } = await openPage(browser, address));
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.kill();
    rmSync(folder, { recursive: true, force: true });
    expect(errors).toEqual([]);
  });

  it("judges its fit as better than chance", () => {
    const text = execFileSync(program, ["eval", run, "--json"], { encoding: "utf8" });
    const { epochs } = JSON.parse(text) as { epochs: { test: { nn_15: number; ppr: number } }[] };
    expect(epochs).toHaveLength(3);
    for (const { test } of epochs) {
      expect(test.nn_15).toBeGreaterThan(2);
      expect(test.ppr).toBeGreaterThan(0.5);
    }
  });

  it("draws every epoch with its own landscape", async () => {
    await page.getByText("Ankle boot").first().waitFor();
    const looks: string[] = [];
    for (const epoch of [1, 2, 3]) {
      await inPage(page, (app, e) => app.goToEpoch(e), epoch);
      await ready(page);
      const land = await inPage(
        page,
        (app, e) => app.data.peekLandscape(e, app.data.view.territory.size) !== undefined,
        epoch,
      );
      expect(land).toBe(true);
      const colors = await sampleColors(page, 60);
      expect(new Set(colors).size).toBeGreaterThan(20);
      looks.push(colors.join());
    }
    expect(new Set(looks).size).toBe(3);
  });

  it("finds shirts taken for T-shirts at the last epoch, as the shell does, and when that began", async () => {
    await inPage(page, (app) => app.show("search"));
    await page.locator("#form-label").selectOption("Shirt");
    await page.getByLabel("Predicted as").selectOption("T-shirt/top");
    const ask = async (confidence: string) => {
      await page.getByLabel("Confidence from").fill(confidence);
      await page.locator(".panel.search button[type=submit]").click();
      const where = `label = 'Shirt' and prediction = 'T-shirt/top' and confidence >= ${confidence}`;
      await page.waitForFunction((w) => {
        const { found } = (window as any).dvi.queries;
        return found?.where === w && found.byEpoch;
      }, where);
      const ids = await inPage(page, (app) => app.store.state.selection as number[]);
      expect([...ids].sort((a, b) => a - b)).toEqual(inShell(where, 3));
      return { ids, where };
    };
    await ask("0.9");
    const { ids, where } = await ask("0.3");
    expect(ids.length).toBeGreaterThan(0);
    const first = [1, 2, 3].find((epoch) => inShell(where, epoch).length > 0);
    await page.getByText("Began at").waitFor();
    expect(await page.locator(".panel.search .results").textContent()).toContain(`Began at epoch ${first} `);
    expect(await page.locator(".count-bar").count()).toBe(3);
  });

  it("keeps the selection under a name and exports it", async () => {
    await openPanel(page, "Select");
    await page.getByLabel("Name of the selection").fill("to relabel");
    await page.locator(".panel.selection").getByRole("button", { name: "Save" }).click();
    const row = page.locator(".kept-row", { hasText: "to relabel" });
    await row.waitFor();
    const ids = await inPage(page, (app) => app.store.state.selection as number[]);
    const stored = JSON.parse(await readFile(join(run, "selections", "to relabel.json"), "utf8"));
    expect(stored.ids).toEqual([...ids].sort((a, b) => a - b));
    const [file] = await Promise.all([page.waitForEvent("download"), row.locator("a").click()]);
    const lines = (await readFile(await file.path(), "utf8")).trim().split(/\r?\n/);
    expect(lines[0]).toBe("id,group,label,prediction,confidence");
    expect(lines.length).toBe(ids.length + 1);
    for (const line of lines.slice(1)) expect(line).toContain(",Shirt,T-shirt/top,");
  });

  it("places a picture that is dropped onto the page, at every epoch", async () => {
    const image = await page.evaluate(async () => {
      const bytes = new Uint8Array(await (await fetch("api/runs/0/inputs/7.png")).arrayBuffer());
      return [...bytes];
    });
    const dropped = await page.evaluateHandle((bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "shoe.png", { type: "image/png" }));
      return data;
    }, image);
    for (const kind of ["dragenter", "dragover", "drop"])
      await page.dispatchEvent("main.stage", kind, { dataTransfer: dropped });
    await page.locator(".new-mark").waitFor();
    const { predicted, recorded, nearest, away } = await inPage(page, (app) => {
      const [sample] = app.newSamples.list;
      const epochs = app.data.fitted as number[];
      const [x0, y0, x1] = app.data.view.extent;
      const last = epochs[epochs.length - 1]!;
      const shown = app.data.peekEpoch(last);
      const [x, y] = sample.at.get(last).place;
      const side = (x1 - x0) / 65535;
      return {
        predicted: epochs.map((e) => sample.at.get(e).prediction as number),
        recorded: epochs.map((e) => app.data.peekEpoch(e).samples.predictions[7] as number),
        nearest: sample.at.get(last).nearest[0] as number,
        away:
          Math.hypot(x - x0 - shown.positions[14] * side, y - y0 - shown.positions[15] * side) / (x1 - x0),
      };
    });
    expect(predicted).toEqual(recorded);
    expect(nearest).toBe(7);
    expect(away).toBeLessThan(0.1);
    // Exported pictures show its mark and say what it is.
    const exported = await inPage(page, async (app) => {
      const { exporter } = app.panels.find((p: { id: string }) => p.id === "export");
      const pixels = async (without: boolean) => {
        const { list } = app.newSamples;
        if (without) app.viewer.showNew([]);
        const bitmap = await createImageBitmap(
          await exporter.png({ scale: 1, legend: false, caption: false }),
        );
        app.viewer.showNew(list);
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
        canvas.drawImage(bitmap, 0, 0);
        return canvas.getImageData(0, 0, bitmap.width, bitmap.height).data;
      };
      const [bare, marked] = [await pixels(true), await pixels(false)];
      return {
        svg: await exporter.svg().blob.text(),
        changed: marked.filter((value: number, k: number) => value !== bare[k]).length / 4,
      };
    });
    expect(exported.svg).toContain(">shoe.png</text>");
    expect(exported.svg).toMatch(/<text [^>]*>A<\/text>/);
    expect(exported.changed).toBeGreaterThan(200);
    const panel = page.locator(".new-panel");
    expect(await panel.textContent()).toContain("shoe.png");
    expect(await panel.locator(".new-probabilities polygon").count()).toBeGreaterThan(1);
    expect(await panel.locator(".neighbor").count()).toBe(15);
    expect(await page.locator(".new-stop").count()).toBe(3);
    await panel.getByLabel("Throw shoe.png away").click();
    await page.locator(".new-mark").waitFor({ state: "detached" });
  });

  it("draws trails and neighbours of a sample, and shows its card", async () => {
    await page.keyboard.press("Escape");
    await inPage(page, (app) => {
      app.store.set({
        selection: [],
        focus: 7,
        panel: "sample",
        layers: [...app.store.state.layers, "trails", "neighbors"],
      });
    });
    const card = page.locator(".panel.card");
    await card.getByText("Sample #7").waitFor();
    expect(await card.locator(".bar-row").count()).toBe(5);
    expect(await card.locator(".history .cell").count()).toBe(3);
    await page.waitForFunction(
      () => (document.querySelector(".card-image") as HTMLImageElement).naturalWidth === 28,
    );
    await page.waitForFunction(() => {
      const { trailData } = (window as any).dvi.viewer.mainOverlays;
      return trailData?.epochs === 3 && trailData.ids[0] === 7;
    });
    await page.waitForFunction(() => (window as any).dvi.viewer.main.scene.linkList.length === 30);
    const lines = await inPage(page, (app) =>
      app.viewer.main.scene.linkList.map((l: { dash: number }) => l.dash > 0),
    );
    expect(lines.filter((dashed: boolean) => dashed)).toHaveLength(15);
    expect(lines.filter((dashed: boolean) => !dashed)).toHaveLength(15);
    await inPage(page, (app) =>
      app.store.set({
        focus: -1,
        layers: app.store.state.layers.filter((l: string) => l !== "trails" && l !== "neighbors"),
      }),
    );
  });

  it("shows the run's events", async () => {
    await openPanel(page, "Events");
    const panel = page.locator(".panel.events");
    await panel.getByText(/events? at epoch 3/).waitFor();
    const events = await page.evaluate(async () => {
      const view = await (await fetch("api/runs/0/views/default")).json();
      return (view.events.counts["2"] as number[]).reduce((a, b) => a + b, 0);
    });
    expect(events).toBeGreaterThan(0);
    const strip = (await panel.locator(".strip").boundingBox())!;
    await page.mouse.click(strip.x + strip.width / 2, strip.y + 20);
    await panel.getByText(/events? at epoch 2/).waitFor();
    await ready(page);
    await panel.getByText("Show only").click();
    await page.locator(".status-chip", { hasText: "shown" }).waitFor();
    await ready(page);
    await page.locator(".status-chip .remove").first().click();
  });

  it("ranks suspects, and keeps those accepted as a selection", async () => {
    await openPanel(page, "Suspects");
    const first = page.locator(".suspect").first();
    await first.waitFor();
    const id = await first.getAttribute("data-id");
    await page.getByRole("button", { name: `Accept ${id}`, exact: true }).click();
    await page.waitForFunction(
      (was) => document.querySelector(".suspect")?.getAttribute("data-id") !== was,
      id,
    );
    await openPanel(page, "Select");
    await page.locator(".kept-row", { hasText: "suspects-accepted" }).waitFor();
    const stored = JSON.parse(await readFile(join(run, "selections", "suspects-accepted.json"), "utf8"));
    expect(stored.ids).toEqual([Number(id)]);
  });

  it("takes in the epochs of a view while it is being fitted", async () => {
    execFileSync(program, ["-q", "fit", run, "--view", "growing", "--epochs", "1"], { stdio: "ignore" });
    const { origin } = new URL(page.url());
    // From another document: only what comes after # would change otherwise, which does not load the page anew.
    await page.goto("about:blank");
    await page.goto(`${origin}/#run=0&view=growing`);
    await ready(page);
    expect(await page.locator(".total").textContent()).toBe("of 1");
    const fitted = new Promise((done, failed) =>
      execFile(program, ["-q", "fit", run, "--view", "growing", "--epochs", "2"], (error) =>
        error ? failed(error) : done(0),
      ),
    );
    await page.waitForFunction(() => document.querySelector(".total")?.textContent === "of 2");
    await page.waitForFunction(() => (window as any).dvi.viewer.main.epoch?.epoch === 2);
    await fitted;
  });

  it("shares selection and new samples with the notebook that opened it, under a proxy's path", async () => {
    const kernel = new Kernel(program);
    onTestFinished(() => kernel.end());
    const show = `dvi.show(${JSON.stringify(run)}, proxy="http://127.0.0.1:{port}/user/ann/{port}/")`;
    const address = await kernel.run<string>(
      `view = ${show}\nview.selection = [3, 8]\nanswer = view.address`,
    );
    expect(address).toMatch(/user\/ann\/\d+\/\?token=\w+&session=\w+#panel=none$/);
    const opened = await openPage(browser, address);
    const selected = (ids: number[]) =>
      opened.page.waitForFunction(
        (wanted) => JSON.stringify((window as any).dvi.store.state.selection) === wanted,
        JSON.stringify(ids),
      );
    await selected([3, 8]);
    await kernel.run("view.selection = np.arange(4)");
    await selected([0, 1, 2, 3]);
    await kernel.run("told = []\nend = view.on_selection(told.append)");
    await inPage(opened.page, (app) => app.select([5], "add"));
    await vi.waitFor(async () =>
      expect(await kernel.run("answer = view.selection")).toEqual([0, 1, 2, 3, 5]),
    );
    await vi.waitFor(async () => expect(await kernel.run("answer = told")).toEqual([[0, 1, 2, 3, 5]]));

    // Inputs are shown at every epoch, as if they had been dropped; features at the one of their model.
    await kernel.run(
      `inputs = np.load(view.run + "/inputs.npy")\nfound = view.project(inputs[7:9], epochs="all")\n` +
        `answer = found.predictions.tolist()`,
    );
    await opened.page.waitForFunction(() => document.querySelectorAll(".new-mark").length === 2);
    const shown = await inPage(opened.page, (app) =>
      app.newSamples.list.map((s: any) => [...s.at.keys()].sort((a: number, b: number) => a - b)),
    );
    expect(shown).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    await openPanel(opened.page, "New samples");
    const image = opened.page.locator(".new-row img").first();
    expect(await image.evaluate((img: HTMLImageElement) => img.decode().then(() => img.naturalWidth))).toBe(
      28,
    );
    await kernel.run(
      `features = np.load(view.run + "/epochs/000002/features.npy")\nview.project(features[:1], epochs=2)`,
    );
    await opened.page.waitForFunction(() => (window as any).dvi.newSamples.list.length === 3);
    expect(await inPage(opened.page, (app) => [...app.newSamples.list[2].at.keys()])).toEqual([2]);

    // What is thrown away stays away, and a page opened again shows what is left.
    await opened.page.locator(".new-row .remove").first().click();
    await opened.page.waitForFunction(() => (window as any).dvi.newSamples.list.length === 2);
    await opened.page.reload();
    await ready(opened.page);
    await opened.page.waitForFunction(() => (window as any).dvi.newSamples.list.length === 2);
    await selected([0, 1, 2, 3, 5]);
    await kernel.run("view.clear()");
    await opened.page.waitForFunction(() => (window as any).dvi.newSamples.list.length === 0);

    // Another page of the same server takes no part.
    const other = await openPage(browser, address.replace(/&session=\w+/, ""));
    await inPage(other.page, (app) => app.select([11], "replace"));
    await ready(other.page);
    expect(await kernel.run("answer = view.selection")).toEqual([0, 1, 2, 3, 5]);
    expect([...opened.errors, ...other.errors]).toEqual([]);
    await other.page.close();
    await opened.page.close();
  });

  it("is a widget by the anywidget protocol", async () => {
    const address = await serving("--frames");
    const { page: notebook, errors: said } = await newPage(browser);
    const blank = new URL("notebook.html", address).href;
    await notebook.route(blank, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: "<!doctype html><title>notebook</title><link rel=icon href=data:,>",
      }),
    );
    await notebook.goto(blank);
    // As a text: what runs the tests would make something else of an import.
    const load = `import("${address}widget.js").then((module) => { window.widget = module.default; })`;
    await notebook.evaluate(load);
    await notebook.evaluate(async (where) => {
      const traits: Record<string, string> = {
        address: `${where}?session=ab`,
        width: "640px",
        height: "480px",
      };
      const heard = new Map<string, () => void>();
      const model = {
        get: (name: string) => traits[name],
        on: (event: string, callback: () => void) => heard.set(event, callback),
        off: (event: string) => heard.delete(event),
      };
      const el = document.body.appendChild(document.createElement("div"));
      const { widget } = window as any;
      Object.assign(window, { traits, heard, el, end: await widget.render({ model, el }) });
    }, address);
    const framed = () => notebook.frames().find((f) => f.url().includes("session=ab"));
    await vi.waitFor(() => expect(framed()).toBeDefined(), { timeout: 30_000 });
    await framed()!.waitForFunction(() => (window as any).dvi?.ready);
    const height = () => notebook.evaluate(() => (window as any).el.firstChild.style.height as string);
    expect(await height()).toBe("480px");
    await notebook.evaluate(() => {
      const { traits, heard } = window as any;
      traits.height = "500px";
      heard.get("change:height")();
    });
    expect(await height()).toBe("500px");
    await notebook.evaluate(() => (window as any).end());
    expect(await notebook.evaluate(() => (window as any).heard.size)).toBe(0);
    expect(said).toEqual([]);
    await notebook.close();
  });

  it("wants its token where other machines can reach it, and says so in a browser without it", async () => {
    const address = await serving("--host", "0.0.0.0");
    const link = new URL(address);
    link.hostname = "127.0.0.1";
    expect(link.searchParams.get("token")).toMatch(/^[0-9a-f]{32}$/);
    const { page: stranger } = await newPage(browser);
    const refused = await stranger.goto(link.origin);
    expect(refused?.status()).toBe(401);
    await stranger.getByText("open the whole address that 'dvi serve' printed").waitFor();
    await stranger.close();
    const opened = await openPage(browser, link.href);
    expect(opened.page.url()).not.toContain("token");
    await opened.page.reload();
    await ready(opened.page);
    expect(opened.errors).toEqual([]);
    await opened.page.close();
  });
});
