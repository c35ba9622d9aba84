// notebook_frame.mjs ADDRESS lab|classic PICTURE: runs the notebook's cells and waits for the viewer's map in its
// frame.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";

const { chromium } = createRequire(`${process.cwd()}/`)("playwright-core");
const [address, kind, picture] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: execFileSync("which", ["chromium"]).toString().trim(),
  args: ["--no-sandbox"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(address, { timeout: 60000 });
  if (kind === "lab") {
    await page.waitForSelector(".jp-Notebook .jp-Cell", { timeout: 60000 });
    await page.waitForTimeout(3000); // the kernel starts
    await page.click(".jp-Notebook .jp-Cell .jp-InputArea-editor");
  } else {
    await page.waitForSelector(".code_cell", { timeout: 60000 });
    await page.waitForTimeout(3000);
    await page.click(".code_cell .CodeMirror");
  }
  await page.keyboard.press("Shift+Enter");
  const frame = await (await page.waitForSelector("iframe[src*='127.0.0.1']", { timeout: 60000 })).contentFrame();
  await frame.waitForSelector("canvas", { timeout: 60000 });
  await page.waitForTimeout(4000); // the map is drawn
  const title = await frame.title();
  const selections = await frame.evaluate(async () => {
    const { runs } = await (await fetch("api/runs")).json();
    return (await (await fetch(`api/runs/${runs[0].id}/selections`)).json()).selections;
  });
  await page.screenshot({ path: picture });
  console.log(`${kind}: the frame shows "${title}", with the selection ${JSON.stringify(selections.map((s) => s.name))}`);
  const blocked = complaints.filter((text) => /frame|Content Security/i.test(text));
  if (blocked.length) throw new Error(blocked.join("\n"));
} finally {
  await browser.close();
}
