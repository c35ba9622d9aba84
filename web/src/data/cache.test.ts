import { describe, expect, it } from "vitest";
import { Cache } from "./cache";

const later = <T>(value: T) => new Promise<T>((done) => setTimeout(() => done(value), 1));

describe("Cache", () => {
  it("loads a key once, also when asked twice at the same time", async () => {
    let loads = 0;
    const cache = new Cache<string>(100, (s) => s.length);
    const load = () => {
      loads++;
      return later("abc");
    };
    expect(await Promise.all([cache.get("a", load), cache.get("a", load)])).toEqual(["abc", "abc"]);
    await cache.get("a", load);
    expect(loads).toBe(1);
    expect(cache.bytes).toBe(3);
  });

  it("drops the least recently used first and tells of it", async () => {
    const dropped: string[] = [];
    const cache = new Cache<string>(
      6,
      (s) => s.length,
      (key) => dropped.push(key),
    );
    await cache.get("a", () => later("aaa"));
    await cache.get("b", () => later("bbb"));
    cache.peek("a");
    await cache.get("c", () => later("ccc"));
    expect(dropped).toEqual(["b"]);
    expect(cache.has("a")).toBe(true);
  });

  it("keeps a value larger than its limit until another comes", async () => {
    const cache = new Cache<string>(2, (s) => s.length);
    await cache.get("a", () => later("aaa"));
    expect(cache.has("a")).toBe(true);
    await cache.get("b", () => later("b"));
    expect(cache.has("a")).toBe(false);
  });

  it("tries again after a failed load", async () => {
    const cache = new Cache<string>(10, (s) => s.length);
    await expect(cache.get("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await cache.get("a", () => later("yes"))).toBe("yes");
  });
});
