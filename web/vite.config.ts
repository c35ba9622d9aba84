import { defineConfig } from "vite";

// The page is embedded in the server's binary and served under a strict content-security policy: few files, nothing
// inlined, no polyfill script, every address relative.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    outDir: "dist",
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: true,
    rollupOptions: {
      // The notebook's widget is a module of its own, found by its name: python/dvi/widget.py asks the server for it.
      input: { index: "index.html", widget: "src/widget.ts" },
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: ({ name }) => (name === "widget" ? "widget.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  server: {
    proxy: { "/api": { target: process.env.DVI_SERVER ?? "http://127.0.0.1:8808", changeOrigin: false } },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
