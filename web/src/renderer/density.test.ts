import { expect, it } from "vitest";
import { densityCells, densityOf } from "./density";

const sum = (cells: Float32Array) => cells.reduce((a, b) => a + b, 0);

it("counts samples where they lie, spread over the cells around", () => {
  const cell = (k: number) => k * 512 + 256;
  const cells = densityOf(new Uint16Array([cell(5), cell(9), cell(5), cell(9), cell(100), cell(50)]), null);
  expect(cells[9 * densityCells + 5]).toBeCloseTo(2 / 9);
  expect(cells[10 * densityCells + 4]).toBeCloseTo(2 / 9);
  expect(cells[11 * densityCells + 5]).toBe(0);
  expect(sum(cells)).toBeCloseTo(3);
});

it("leaves out what is not shown, and stands for all where there are very many", () => {
  const positions = new Uint16Array(2 * 450_000).fill(30_000);
  expect(sum(densityOf(positions, null))).toBeCloseTo(450_000, -2);
  expect(sum(densityOf(positions, (id) => id < 150_000))).toBeCloseTo(150_000, -2);
  expect(sum(densityOf(new Uint16Array(2 * 1000).fill(30_000), (id) => id < 10))).toBeCloseTo(10);
});
