import { expect, it } from "vitest";
import { fromBase64, gunzip, gzip, storedPath, toBase64 } from "./copy-format";

it("stores an answer under its path without the cache key", () => {
  expect(storedPath("api/a?size=64&v=k1")).toBe("api/a?size=64");
  expect(storedPath("api/a?v=k1")).toBe("api/a");
});

it("packs bytes and text and gets them back", async () => {
  const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => (i * 31) & 255);
  expect(fromBase64(toBase64(bytes))).toEqual(bytes);
  expect(await gunzip(new Uint8Array(await gzip("Größe 🙂")))).toBe("Größe 🙂");
});
