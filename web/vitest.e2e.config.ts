import { defineConfig } from "vitest/config";

// Tests in a real browser against the mock server: slow software rendering, so one file at a time and long limits.
export default defineConfig({
  test: {
    include: ["tests/**/*.e2e.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
