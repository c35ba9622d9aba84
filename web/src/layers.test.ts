import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/**
 * The folders of src from the bottom up: each may use those before it and itself. main.ts stands above them all. A new
 * folder gets its place here; docs/explanation/page.md says what each holds.
 */
const layers = [
  "color",
  "state",
  "renderer",
  "data",
  "ui",
  "colorings",
  "picture",
  "export",
  "panels",
  "page",
];

const root = dirname(fileURLToPath(import.meta.url));

function sources(folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.m?ts$|\.mjs$/.test(path) && !/\.(test|d)\.m?ts$/.test(path) ? [path] : [];
  });
}

/** Modules of src that a file imports, types and parts loaded later too, as paths from src without ending. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"?]+)/g)].map(([, path]) =>
    moduleOf(normalize(join(dirname(file), path!))),
  );
}

function moduleOf(file: string): string {
  return relative(root, file).replace(/\.m?[tj]s$/, "");
}

const graph = new Map(sources().map((file) => [moduleOf(file), importsOf(file)]));
const rank = (module: string) => {
  const [folder, more] = module.split("/");
  return more === undefined ? layers.length : layers.indexOf(folder!);
};

describe("the page's modules", () => {
  it("all lie in a layer that is listed", () => {
    expect(graph.size).toBeGreaterThan(50);
    expect([...graph.keys()].filter((m) => rank(m) < 0)).toEqual([]);
  });

  it("use only their own layer and those below it", () => {
    const upward = [...graph].flatMap(([from, to]) =>
      to.filter((t) => rank(t) > rank(from)).map((t) => `${from} -> ${t}`),
    );
    expect(upward).toEqual([]);
  });

  it("import each other in no circle", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (module: string, path: readonly string[]) => {
      if (path.includes(module)) {
        circles.push([...path.slice(path.indexOf(module)), module].join(" -> "));
        return;
      }
      if (done.has(module)) return;
      for (const next of graph.get(module) ?? []) visit(next, [...path, module]);
      done.add(module);
    };
    for (const module of graph.keys()) visit(module, []);
    expect(circles).toEqual([]);
  });

  it("let a panel know no other panel", () => {
    // panels/NAME.ts may have parts in panels/NAME; what panels share lies in panel.ts or in a lower layer.
    const own = (module: string) => module.split("/")[1];
    const known = [...graph]
      .filter(([from]) => from.startsWith("panels/"))
      .flatMap(([from, to]) =>
        to
          .filter((t) => t.startsWith("panels/") && t !== "panels/panel" && own(t) !== own(from))
          .map((t) => `${from} -> ${t}`),
      );
    expect(known).toEqual([]);
  });
});
