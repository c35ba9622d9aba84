import type { Column } from "../data/api";
import { byCategory, byRamp, type Coloring } from "./coloring";

export const columnPrefix = "column:";

/** By a column that the run recorded: its categories, or a ramp from its smallest to its largest value. */
export function columnColoring(column: Column): Coloring {
  return {
    id: columnPrefix + column.name,
    name: column.title || column.name,
    perEpoch: column.per_epoch,
    async color({ data, epoch, theme }) {
      const values = await data.column(column.name, epoch?.epoch ?? data.fitted[0] ?? 0);
      if (column.type === "category" && column.categories)
        return byCategory(
          column.categories,
          Uint16Array.from(values, (v) => Math.max(0, v)),
          column.title,
        );
      const least = column.min ?? values.reduce((m, v) => Math.min(m, v), Number.POSITIVE_INFINITY);
      const most = column.max ?? values.reduce((m, v) => Math.max(m, v), Number.NEGATIVE_INFINITY);
      const scale = 65535 / Math.max(most - least, 1e-12);
      const text = (v: number) => String(Number(v.toPrecision(3)));
      return byRamp(
        Uint16Array.from(values, (v) => (v - least) * scale),
        [text(least), text(most)],
        column.title,
        theme,
      );
    },
  };
}
