import { chromium } from "playwright-core";

/** Headless Chromium as tests and benchmarks drive it: software WebGL, nothing fetched from elsewhere. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.DVI_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--use-angle=swiftshader",
      "--enable-unsafe-swiftshader",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
